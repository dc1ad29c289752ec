"""Tokens: hashed, private, scoped, expiring; and tenants who see nothing of each other."""

from __future__ import annotations

import json
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plimsoll.documents import DocumentError
from plimsoll.serve.limits import Buckets, ServiceLimits
from plimsoll.serve.tokens import SCOPES, TokenFile
from served import Served, served

LADDER = {
    "read": ("GET", "/v1/fleet", None),
    "trade-check": ("GET", "/v1/jobs", None),
    "operate": ("POST", "/v1/accounts/account%200/record", None),
    "admin": ("GET", "/v1/tokens", None),
}


def ask(house: Served, headers: dict[str, str], method: str = "GET", path: str = "/v1/fleet", **more: Any) -> Any:
    return house.http.request(method, house.url + path, headers=headers, **more)


def refused(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == status
    return dict(content)


def test_a_file_holds_no_secret_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    tokens = TokenFile(path)
    token, secret = tokens.create("desk", "operate", name="robot")
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret not in text
    assert secret.split("_", 2)[2] not in text
    assert tokens.verify(secret) == token
    assert TokenFile(path).verify(secret) == token
    other, _ = tokens.create("desk", "operate", name="robot")
    assert {other.salt, other.hash}.isdisjoint({token.salt, token.hash})
    path.chmod(0o640)
    with pytest.raises(DocumentError, match=r"mode 0640.*mode 0600"):
        TokenFile(path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda s: s[:-1],
        lambda s: s + "x",
        lambda s: s.swapcase(),
        lambda s: s.replace("plimsoll", "Plimsoll"),
        lambda s: "_".join([*s.split("_")[:1], "0" * 12, *s.split("_")[2:]]),
        lambda _: "x" * 100_000,
        lambda s: s.replace("_", "\u0665", 1),
        lambda _: "' OR 1=1 --",
    ],
)
def test_another_text_is_no_token(spoil: Any) -> None:
    tokens = TokenFile(None)
    _, secret = tokens.create("desk", "read")
    assert tokens.verify(spoil(secret)) is None


def test_a_token_ends_by_time_and_by_its_owner() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    tokens = TokenFile(None, now=lambda: now[0])
    token, secret = tokens.create("desk", "read", days=2.0)
    now[0] += timedelta(days=2) - timedelta(microseconds=1)
    assert tokens.verify(secret) == token
    now[0] += timedelta(microseconds=1)
    assert tokens.verify(secret) is None
    second, other = tokens.create("desk", "read")
    assert tokens.verify(other) == second
    tokens.revoke(second.id)
    assert tokens.verify(other) is None
    with pytest.raises(DocumentError, match="token: got 'nobody'"):
        tokens.revoke("nobody")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"tenant": "De sk"}, "tenant"),
        ({"tenant": "../x"}, "tenant"),
        ({"scope": "root"}, "scope"),
        ({"days": 0.0}, "days"),
        ({"days": float("nan")}, "days"),
        ({"rate": 0.0}, "rate"),
        ({"name": ""}, "name"),
    ],
)
def test_a_token_that_cannot_be_is_refused(change: dict[str, Any], path: str) -> None:
    given: dict[str, Any] = {"tenant": "desk", "scope": "read", **change}
    with pytest.raises(DocumentError, match=path):
        TokenFile(None).create(given.pop("tenant"), given.pop("scope"), **given)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    files = [TokenFile(tmp_path / "tokens.json") for _ in range(3)]
    for k in range(6):
        files[k % 3].create("desk", "read", name=f"token {k}")
    assert {t.name for t in TokenFile(tmp_path / "tokens.json").all()} == {f"token {k}" for k in range(6)}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_includes_those_before_it_and_no_other(house: Served, scope: str) -> None:
    for needed, (method, path, _) in LADDER.items():
        answer = ask(house, house.headers(f"north {scope}"), method, path)
        if SCOPES.index(scope) >= SCOPES.index(needed):  # type: ignore[arg-type]
            assert answer.status_code in (200, 201), answer.text
        else:
            assert f"{needed!r} is needed" in refused(answer, 403)["detail"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer plimsoll_0_0", "Bearer x y"])
def test_another_header_is_no_token(house: Served, header: str) -> None:
    assert refused(ask(house, {"Authorization": header}), 401) == refused(ask(house, {}), 401)


def test_without_a_token_that_holds_nothing_is_told(house: Served) -> None:
    paths = ask(house, {}, path="/v1/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            if path == "/v1/health":
                continue
            own = path.replace("{seq}", "1").replace("{", "").replace("}", "")
            answer = ask(house, {}, method.upper(), own)
            found = refused(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert found["detail"] == "a token that holds is needed"


def test_a_revoked_token_is_worthless_at_once(house: Served) -> None:
    from plimsoll.serve.wire import TokenIn

    admin = house.client("north admin")
    made = admin.create_token(TokenIn(name="short", scope="read"))
    headers = {"Authorization": f"Bearer {made.secret}"}
    assert ask(house, headers).status_code == 200
    assert admin.revoke_token(made.token.id).revoked is not None
    refused(ask(house, headers), 401)


def test_tenants_do_not_see_each_other(house: Served) -> None:
    north, south = house.headers("north admin"), house.headers("south admin")
    mine = ask(house, north, path="/v1/accounts").json()["accounts"]
    theirs = ask(house, south, path="/v1/accounts").json()["accounts"]
    assert {a["account"] for a in mine}.isdisjoint({a["account"] for a in theirs})
    name = mine[0]["account"]
    for tail in ("", "/standing", "/positions", "/requirement", "/compare", "/surface", "/liquidation",
                 "/liquidation/probability", "/calendar", "/call"):  # fmt: skip
        there = refused(ask(house, south, path=f"/v1/accounts/{name}{tail}"), 404)
        nowhere = refused(ask(house, south, path=f"/v1/accounts/nobody{tail}"), 404)
        assert there == nowhere
    order = {"account": name, "legs": [{"instrument": "BTC-PERP-linear", "quantity": 1.0}]}
    assert ask(house, north, "POST", "/v1/what-if", json=order).status_code == 200
    refused(ask(house, south, "POST", "/v1/what-if", json=order), 404)
    batch = {"account": [name], "instrument": "BTC-PERP-linear", "quantity": [1.0]}
    refused(ask(house, south, "POST", "/v1/what-if/batch", json=batch), 404)
    refused(ask(house, south, "POST", f"/v1/accounts/{name}/record"), 404)
    job = ask(house, north, "POST", "/v1/jobs", json={"job": {"kind": "stress", "account": name}}).json()["id"]
    refused(ask(house, south, path=f"/v1/jobs/{job}"), 404)
    refused(ask(house, south, "DELETE", f"/v1/jobs/{job}"), 404)
    assert ask(house, north, "DELETE", f"/v1/jobs/{job}").status_code == 200
    refused(ask(house, south, "POST", "/v1/jobs", json={"job": {"kind": "stress", "account": name}}), 404)
    refused(ask(house, south, path="/v1/audit/records/1"), 404)
    own = ask(house, north, path="/v1/tokens").json()["tokens"]
    assert {t["id"] for t in own}.isdisjoint({t["id"] for t in ask(house, south, path="/v1/tokens").json()["tokens"]})
    refused(ask(house, south, "DELETE", f"/v1/tokens/{own[0]['id']}"), 404)


def test_privileged_calls_are_recorded_the_refused_ones_too(house: Served) -> None:
    ledger = house.north.ledger
    assert ledger is not None
    before = ledger.last("service")
    ask(house, house.headers("north admin"), path="/v1/tokens")
    ask(house, house.headers("north read"), "POST", "/v1/events", json={"events": []})
    ask(house, house.headers("north operate"), "POST", "/v1/events", json={"events": []})
    ask(house, house.headers("north read"), path="/v1/fleet")
    until = time.monotonic() + 30.0
    while ledger.last("service") < before + 4:
        assert time.monotonic() < until
        time.sleep(0.01)
    entries = [e for e in ledger.entries() if e.stream == "service" and e.position > before]
    assert [(e.kind, e.content["operation"], e.content["scope"], e.content.get("status")) for e in entries] == [
        ("call", "list_tokens", "admin", None),
        ("call", "send_events", "read", 403),
        ("call", "send_events", "operate", None),
        ("call-answer", "send_events", "operate", 422),
    ]
    secrets = [s.split("_", 2)[2] for s in house.secrets.values()]
    everything = b"".join(e.body for e in ledger.entries()) + b"".join(data for _, data in ledger.contents())
    assert not [s for s in secrets if s.encode() in everything]


def test_a_rate_is_kept(tmp_path: Path) -> None:
    with served(tmp_path) as house:
        _, secret = house.service.tokens.create("south", "read", rate=2.0)
        headers = {"Authorization": f"Bearer {secret}"}
        answers = [ask(house, headers) for _ in range(8)]
        assert [a.status_code for a in answers][:4] == [200] * 4
        late = next(a for a in answers if a.status_code == 429)
        assert int(late.headers["retry-after"]) >= 1
        assert ask(house, house.headers("south read")).status_code == 200


def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    with served(tmp_path, ServiceLimits(failures=3.0)) as house:
        codes = [ask(house, {"Authorization": f"Bearer plimsoll_0_{k}"}).status_code for k in range(10)]
        assert codes[:6] == [401] * 6
        assert codes[-1] == 429
        # who has a token that holds is not kept out by a stranger at the same address, such as that of a proxy
        assert ask(house, house.headers("south read")).status_code == 200
        assert ask(house, {"Authorization": "Bearer plimsoll_0_x"}).status_code == 429


def test_no_tenant_fills_the_file_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plimsoll.serve.tokens.MOST", 3)
    kept = TokenFile(None)
    first, *_ = (kept.create("north", "read")[0] for _ in range(3))
    with pytest.raises(DocumentError, match="3 tokens of north that hold"):
        kept.create("north", "read")
    _, secret = kept.create("south", "read")
    assert kept.verify(secret) is not None
    kept.revoke(first.id)
    _, secret = kept.create("north", "read")
    assert kept.verify(secret) is not None
    assert first.id not in {t.id for t in kept.all()}


def test_buckets_forget_no_more_than_they_must() -> None:
    now = [0.0]
    buckets = Buckets(burst=1.0, most=3, clock=lambda: now[0])
    for key in "abcd":
        assert buckets.wait(key, 1.0) == 0.0
    assert buckets.wait("d", 1.0) == 1.0
    assert buckets.wait("a", 1.0) == 0.0
    now[0] = 0.5
    assert buckets.wait("d", 1.0) == 0.5
    assert buckets.wait("e", 10.0, 1_000.0) == 0.0
    assert buckets.wait("e", 10.0, 1_000.0) == 1.0


def test_the_command_makes_lists_and_revokes(tmp_path: Path) -> None:
    from plimsoll.cli.token import command

    path = str(tmp_path / "tokens.json")
    run = CliRunner().invoke
    made = json.loads(
        run(command, ["create", "--tokens", path, "--tenant", "desk", "--scope", "read", "--json"]).output
    )
    assert TokenFile(path).verify(made["secret"]) is not None
    shown = run(command, ["list", "--tokens", path])
    assert made["id"] in shown.output
    assert made["secret"] not in shown.output
    rows = json.loads(run(command, ["list", "--tokens", path, "--json"]).output)
    assert set(rows[0]) == {"id", "name", "tenant", "scope", "created", "expires", "revoked", "rate"}
    assert "is revoked" in run(command, ["revoke", made["id"], "--tokens", path]).output
    assert TokenFile(path).verify(made["secret"]) is None
