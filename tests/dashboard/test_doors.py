"""Who gets in and what they may do, told by requests that no browser of ours would send."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import httpx
import pytest
import websockets
from starlette.applications import Starlette

from dashboard_house import House
from plimsoll.live.calls import CallRule
from plimsoll.live.events import Transfer
from plimsoll.serve.dashboard.shell import PAGES, POLICY
from plimsoll.serve.dashboard.visitors import COOKIE


@contextmanager
def client(house: House, token: str | None = None) -> Iterator[httpx.Client]:
    """A client that comes from our own pages, logged in with a token."""
    with httpx.Client(base_url=house.url, headers={"Origin": house.url}, timeout=60.0) as found:
        if token is not None:
            answer = found.post("/dashboard/login", data={"token": token})
            assert answer.status_code == 303
            assert answer.headers["location"] == "/dashboard"
        yield found


def test_without_a_session_there_is_nothing(house: House) -> None:
    with client(house) as visitor:
        for _, _, path in PAGES:
            answer = visitor.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"] == "/dashboard/login"
        part = visitor.get("/dashboard/account/surface?name=account%201", headers={"X-Plimsoll-Part": "1"})
        assert part.status_code == 401
        assert "log in" in part.text
        assert visitor.post("/dashboard/account/what-if", data={}).status_code == 401
        assert visitor.get("/dashboard/static/dashboard.js").status_code == 200
        assert visitor.get("/dashboard/static/..%2fboard.py").status_code == 404


def test_the_cookie_is_strict_and_has_nothing_of_the_token(house: House) -> None:
    token = house.token("still", "read")
    with httpx.Client(base_url=house.url, headers={"Origin": house.url}) as visitor:
        answer = visitor.post("/dashboard/login", data={"token": token})
        told = answer.headers["set-cookie"]
        assert "HttpOnly" in told
        assert "SameSite=strict" in told
        assert "Path=/dashboard" in told
        assert token.split("_", 2)[2] not in told
        assert "Secure" not in told, "this server has no TLS"
        visitor.cookies.clear()
        visitor.cookies.set(COOKIE, "x" * 43)
        assert visitor.get("/dashboard").status_code == 303


def test_under_tls_the_cookie_travels_encrypted(house: House) -> None:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=house.board.routes))
        origin = "https://margin.example"
        async with httpx.AsyncClient(transport=transport, base_url=origin, headers={"Origin": origin}) as visitor:
            return await visitor.post("/dashboard/login", data={"token": house.token("still", "read")})

    answer = asyncio.run(main())
    assert answer.status_code == 303
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "x", "plimsoll_aaaaaaaaaaaa_" + "b" * 43, "' OR 1=1 --", "../../etc/passwd"])
def test_wrong_tokens(house: House, token: str) -> None:
    with client(house) as visitor:
        answer = visitor.post("/dashboard/login", data={"token": token})
    assert answer.status_code in (401, 429)
    assert "set-cookie" not in answer.headers
    house.board._tries.clear()


def test_tries_are_limited(house: House) -> None:
    house.board._tries.clear()
    with client(house) as visitor:
        told = [visitor.post("/dashboard/login", data={"token": "x"}).status_code for _ in range(22)]
    assert told == [401] * 20 + [429] * 2
    house.board._tries.clear()


def test_pages_of_others_cannot_send_forms(house: House) -> None:
    with client(house, house.token("still", "operate")) as visitor:
        for origin in ("https://evil.example", "null", house.url.replace("127.0.0.1", "localhost")):
            answer = visitor.post("/dashboard/account/what-if", data={}, headers={"Origin": origin})
            assert answer.status_code == 403, origin
            assert visitor.post("/dashboard/logout", headers={"Origin": origin}).status_code == 403
        del visitor.headers["Origin"]
        assert visitor.post("/dashboard/account/what-if", data={}).status_code == 403
        crossed = {"Sec-Fetch-Site": "cross-site"}
        assert visitor.post("/dashboard/account/what-if", data={}, headers=crossed).status_code == 403


def test_headers_of_every_answer(house: House) -> None:
    with client(house, house.token("still", "read")) as visitor:
        paths = [path for _, _, path in PAGES] + [
            "/dashboard/login",
            "/dashboard/nothing",
            "/dashboard/static/theme.js",
        ]
        for path in paths:
            answer = visitor.get(path, follow_redirects=False)
            if answer.status_code == 404:
                continue
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy, path
            assert "default-src 'none'" in policy, path
            assert answer.headers["x-content-type-options"] == "nosniff"
        page = visitor.get("/dashboard")
        assert page.headers["content-security-policy"] == POLICY
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! src)|\sstyle=|\son\w+=|https?://", page.text.replace(house.url, ""))


def test_scopes(house: House) -> None:
    asked = {"name": "account 1", "instrument1": "BTC-PERPETUAL", "quantity1": "-10"}
    call = {"account": "account 1", "call": "none"}
    told = {}
    for scope in ("read", "trade-check", "operate"):
        with client(house, house.token("still", scope)) as visitor:
            told[scope] = (
                visitor.post("/dashboard/account/what-if", data=asked).status_code,
                visitor.post("/dashboard/calls/acknowledge", data=call).status_code,
            )
            assert visitor.get("/dashboard").status_code == 200
    assert told == {"read": (403, 403), "trade-check": (200, 403), "operate": (200, 422)}


def test_a_tenant_sees_its_own(house: House) -> None:
    with client(house, house.token("still", "trade-check")) as visitor:
        assert "keeps no record" in visitor.get("/dashboard/audit").text
        assert ">0</dd>" in visitor.get("/dashboard").text, "no event has come to the books that stand still"
        job = house.service.tenants["moving"].jobs
        assert not job.all
        assert visitor.get("/dashboard/jobs/abc").status_code == 404


def test_a_token_that_is_revoked_ends_its_sessions(house: House) -> None:
    text = house.token("still", "read")
    with client(house, text) as visitor:
        assert visitor.get("/dashboard").status_code == 200
        house.tokens.revoke(text.split("_")[1])
        house.board.sessions.admits._at = float("-inf")  # type: ignore[attr-defined]
        assert visitor.get("/dashboard").status_code == 303


def test_bad_input_is_told_in_words(house: House) -> None:
    with client(house, house.token("still", "operate")) as visitor:
        for path, status, words in (
            ("/dashboard?sort=%27%3B--", 422, "sort"),
            ("/dashboard?status=rich", 422, "status"),
            ("/dashboard/account?name=nobody", 422, "account"),
            ("/dashboard/account?name=%3Cscript%3Ealert(1)%3C/script%3E", 422, "&lt;script&gt;"),
            ("/dashboard?text=%3Cimg%20src=x%3E", 200, escape("<img src=x>")),
        ):
            answer = visitor.get(path)
            assert answer.status_code == status, path
            assert words in answer.text, path
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text
        big = visitor.post("/dashboard/account/what-if", data={"name": "x" * 100_000})
        assert big.status_code in (413, 422)
        wrong = {"name": "account 1", "instrument1": "NOTHING", "quantity1": "1"}
        answer = visitor.post("/dashboard/account/what-if", data=wrong, headers={"X-Plimsoll-Part": "1"})
        assert answer.status_code == 422
        assert "NOTHING" in answer.text
        answer = visitor.post("/dashboard/stress/cascade", data={"accounts": "1e9"})
        assert answer.status_code == 422
        assert "accounts" in answer.text


def talk(house: House, cookie: str | None, query: str, frames: int, origin: str | None = None) -> tuple[list[Any], int]:
    """Messages of the live connection, and the code with which it ended."""

    async def main() -> tuple[list[Any], int]:
        url = house.url.replace("http", "ws") + "/dashboard/live?" + query
        headers = {} if cookie is None else {"Cookie": f"{COOKIE}={cookie}"}
        told: list[Any] = []
        try:
            async with websockets.connect(url, origin=origin or house.url, additional_headers=headers) as socket:  # type: ignore[arg-type]
                while len(told) < frames:
                    told.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
                    # whatever a client says is read and forgotten
                    await socket.send(b"\x00\xff" * 100)
                    await socket.send("{" * 1000)
        except websockets.ConnectionClosed as end:
            return told, end.rcvd.code if end.rcvd else 0
        except websockets.InvalidStatus as refused:
            return told, refused.response.status_code
        return told, 1000

    return asyncio.run(main())


def test_the_live_connection(house: House) -> None:
    with client(house, house.token("moving", "read")) as visitor:
        cookie = visitor.cookies[COOKIE]
        told, code = talk(house, cookie, "page=fleet", 3)
        assert code == 1000
        assert {"head", "table", "ladder", "calls", "monitors", "changes"} == set(told[0]["parts"])
        assert all(set(t.get("parts", {})) <= set(told[0]["parts"]) for t in told)
        assert talk(house, None, "page=fleet", 1) == ([], 4401)
        assert talk(house, "x" * 43, "page=fleet", 1) == ([], 4401)
        assert talk(house, cookie, "page=fleet", 1, origin="https://evil.example") == ([], 403)
        assert talk(house, cookie, "page=nothing", 1) == ([], 403)
        told, _ = talk(house, cookie, "page=account&name=nobody", 1)
        assert "nobody" in told[0]["trouble"]
        visitor.post("/dashboard/logout")
        assert talk(house, cookie, "page=fleet", 1) == ([], 4401)
    assert not +house.board.open


def test_a_call_is_acknowledged_by_those_who_operate(house: House) -> None:
    tenant = house.service.tenants["called"]
    policy = CallRule().policy
    engine = tenant.live.engine
    view = asyncio.run(_ask(house, "called"))
    name = next(n for n, h in zip(view.names, view.health, strict=True) if 2.0 < h < 4.0)
    a = engine.holdings.number[name]
    # take out so much that the health lies between the levels of a call and of a close
    _, maintenance, equity = tenant.live.ask(lambda e: [float(x[0]) for x in e.amounts([a])]).result(10)
    away = equity - maintenance * (policy.call + policy.reduce_only) / 2.0
    now = tenant.live.ask(lambda e: e.prices.time).result(10)
    tenant.submit(Transfer("test", 1, now, name, "USD", -away)).result(10)
    with client(house, house.token("called", "operate")) as visitor:
        page = visitor.get("/dashboard", params={"text": name}).text
        found = re.search(
            rf'name="account" value="{re.escape(name)}"><input type="hidden" name="call" value="([^"]+)"', page
        )
        assert found, "the call stands on the page"
        answer = visitor.post("/dashboard/calls/acknowledge", data={"account": name, "call": found[1]})
        assert answer.status_code == 200
        assert "acknowledged" in answer.text
    own = tenant.live.ask(lambda e: e.desk.open[a] if e.desk else None).result(10)
    assert own is not None
    assert own.acknowledged is not None
    assert tenant.ledger is not None
    calls = [e.content for e in tenant.ledger.entries() if e.content.get("operation") == "dashboard-acknowledge"]
    assert [(c["account"], c["call"], "status" in c) for c in calls] == [(name, found[1], False)]


async def _ask(house: House, tenant: str) -> Any:
    from plimsoll.serve.dashboard.fleet_view import FleetView

    return await asyncio.wrap_future(house.service.tenants[tenant].live.ask(FleetView.of))
