"""The client is the description's: every operation, its parameters, its body and its answer; and it works."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plimsoll.documents import Part
from plimsoll.live import Order
from plimsoll.live.events import Transfer
from plimsoll.serve import wire
from plimsoll.serve.client import Client, ServiceError
from plimsoll.serve.schemas import REF, named
from served import MARKET, Served

JSON = "application/json"


@pytest.fixture(scope="module")
def described(house: Served) -> dict[str, Any]:
    found = house.http.get(f"{house.url}/v1/openapi.json")
    assert found.status_code == 200
    content = found.json()
    assert content["openapi"].startswith("3.1")
    return dict(content)


def operations(described: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        own["operationId"]: (method.upper(), path, own)
        for path, methods in described["paths"].items()
        for method, own in methods.items()
    }


SAMPLES: dict[str, Any] = {
    "account": "a b%/c",
    "job": "0123",
    "token": "4567",
    "rules": "prbm@2026-01-01",
    "seq": 7,
    "limit": 3,
    "cursor": "abc",
    "status": "called",
    "kind": "margin",
    "moves": (-0.1, 0.0),
    "vols": (0.0,),
    "days": 2.0,
    "underlying": "BTC",
    "low": -0.5,
    "high": 1.0,
    "paths": 500,
    "seed": 3,
}
BODIES: dict[str, tuple[Any, ...]] = {
    "what_if": (wire.OrderIn(account="a", legs=(wire.LegIn(instrument="x", quantity=1.0),)),),
    "what_if_batch": (wire.CandidatesIn(account="a", instrument="x", quantity=(1.0,)),),
    "send_events": ([Transfer("s", 1, MARKET.time, "a", "USDC", 1.0)],),
    "start_job": (wire.StressIn(kind="stress", account="a"),),
    "create_token": (wire.TokenIn(name="x", scope="read"),),
    "verify_records": (),
}


def called(name: str, transport: httpx.MockTransport) -> None:
    """Call a method with a value for each of its parameters."""
    from live_books import small_accounts

    with Client("http://service", "secret", transport=transport) as client:
        method: Callable[..., Any] = getattr(client, name)
        if name == "compute_requirement":
            method(small_accounts(MARKET, 1)[0], MARKET, "prbm@2026-01-01", on_failure="conservative")
            return
        values: dict[str, Any] = {}
        args = list(BODIES.get(name, ()))
        for parameter in list(inspect.signature(method).parameters)[len(args) :]:
            if parameter == "key":
                values[parameter] = "once"
            elif name == "compare_account" and parameter == "rules":
                values[parameter] = ("prbm@2026-01-01", "prbm@2025-01-01")
            elif name == "get_surface" and parameter == "days":
                values[parameter] = (0.0, 1.0)
            elif name == "verify_records":
                values = {"anew": False, "head": "0" * 64}
            else:
                values[parameter] = SAMPLES[parameter]
        method(*args, **values)


def test_every_operation_has_a_method_and_every_method_an_operation(described: dict[str, Any]) -> None:
    own = {n for n, f in vars(Client).items() if inspect.isfunction(f) and not n.startswith("_")}
    assert own - {"close", "stream"} == set(operations(described))


def test_methods_send_what_the_description_says(described: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    for name, (verb, template, own) in operations(described).items():
        sent: list[httpx.Request] = []

        def answer(request: httpx.Request, kept: list[httpx.Request] = sent) -> httpx.Response:
            kept.append(request)
            return httpx.Response(418, json={"type": "about:blank", "title": "t", "status": 418, "detail": "kettle"})

        with pytest.raises(ServiceError, match="418: kettle"):
            called(name, httpx.MockTransport(answer))
        (request,) = sent
        assert request.method == verb, name
        pattern = re.sub(r"\{\w+\}", "[^/]+", re.sub(r"([.?])", r"\\\1", template))
        assert re.fullmatch(pattern, request.url.raw_path.decode().partition("?")[0]), name
        parameters = own.get("parameters", [])
        assert set(request.url.params) == {p["name"] for p in parameters if p["in"] == "query"}, name
        keyed = {p["name"] for p in parameters if p["in"] == "header"} - {"If-None-Match"}
        assert ("idempotency-key" in request.headers) == (keyed == {"Idempotency-Key"}), name
        for parameter in parameters:
            if parameter["in"] == "query":
                text: Any = request.url.params[parameter["name"]]
                kinds = {o.get("type") for o in (parameter["schema"], *parameter["schema"].get("anyOf", ()))}
                value = float(text) if kinds & {"integer", "number"} else text
                assert not list(Draft202012Validator(parameter["schema"]).iter_errors(value)), (name, parameter)
        body = own.get("requestBody")
        assert (body is not None) == bool(request.content), name
        if body is not None:
            schema = {**body["content"][JSON]["schema"], "components": described["components"]}
            validator = Draft202012Validator(schema)
            assert [e.message for e in validator.iter_errors(json.loads(request.content))] == [], name


def test_answers_have_the_schema_that_the_description_says(described: dict[str, Any]) -> None:
    for name, (_, _, own) in operations(described).items():
        found = typing.get_type_hints(getattr(Client, name))["return"]
        (good,) = [r for code, r in own["responses"].items() if code.startswith("2")]
        if found is str:
            assert list(good["content"]) == ["text/plain"]
            continue
        assert issubclass(found, Part)
        assert good["content"][JSON]["schema"] == {"$ref": REF + named(found)}, name
        assert named(found) in described["components"]["schemas"]


def test_documents_of_the_wire_are_the_documents_of_files(described: dict[str, Any]) -> None:
    from plimsoll.cli.schema import schema

    parts = described["components"]["schemas"]
    for name, document in (("account", "AccountDocument"), ("market", "MarketDocument"),
                           ("requirement", "RequirementDocument"), ("rules", "RulesDocument")):  # fmt: skip
        file = schema(name)
        assert parts[document]["required"] == file["required"]
        assert list(parts[document]["properties"]) == list(file["properties"])  # type: ignore[call-overload]
        assert parts[document]["properties"]["schema"]["const"] == f"plimsoll.{name}"


def test_every_operation_has_a_scope_and_refusals(described: dict[str, Any]) -> None:
    for name, (_, _, own) in operations(described).items():
        assert own["x-scope"] in ("none", "read", "trade-check", "operate", "admin"), name
        assert (own["x-scope"] == "none") == ("security" not in own) == (name == "health")
        assert {"401", "403", "404", "413", "422", "429"} <= set(own["responses"])


def test_a_walk_through_the_books(house: Served) -> None:
    client, engine = house.client("north admin"), house.north.live.engine
    assert client.health().status == "ok"
    me = client.whoami()
    assert (me.tenant, me.scope) == ("north", "admin")
    page = client.list_accounts(limit=2)
    assert [a.account for a in page.accounts] == ["account 0", "account 1"]
    rest = client.list_accounts(limit=1_000, cursor=page.next)
    assert rest.next is None
    assert [a.account for a in rest.accounts] == ["account 2", "account 3", "account 4"]
    for a, row in enumerate((*page.accounts, *rest.accounts)):
        assert (row.initial, row.maintenance, row.equity) == engine.charged(a)
        assert row.status == engine.status(a)
        assert client.get_standing(row.account) == row
        assert client.get_account(row.account) == engine.account(a)
        found = client.get_requirement(row.account)
        assert found.charged == engine.requirement(a).charged
        held = client.list_positions(row.account)
        assert [(p.instrument, p.quantity) for p in held.positions] == [
            (p.instrument, p.quantity) for p in engine.account(a).positions
        ]
        for position in held.positions[:2]:
            # an order without a price is filled at the mark, one at the mark comes to the same
            legs = [Order.of(row.account, position.instrument, 1.0, price) for price in (None, position.mark)]
            first, second = (engine.check(leg).after for leg in legs)
            assert second.equity == pytest.approx(first.equity, rel=1e-12)
    assert client.get_market() == engine.market()
    first = client.list_instruments(limit=50)
    second = client.list_instruments(limit=50, cursor=first.next)
    assert [i.instrument for i in (*first.instruments, *second.instruments)] == [c.name for c in MARKET.instruments]
    assert sum(client.fleet().statuses.values()) == 5
    account = client.get_account("account 1")
    again = client.compute_requirement(account, MARKET, "prbm@2026-01-01")
    assert again.charged == engine.model.requirement(account, MARKET).charged
    assert client.get_rules(engine.model.rules.label) == engine.model.rules
    assert engine.model.rules.label in {r.rules for r in client.list_rules(limit=1_000).rules}


def test_analyses_are_those_of_the_library(house: Served) -> None:
    from plimsoll.liquidation import liquidation
    from plimsoll.liquidation.calls import called as call_of
    from plimsoll.margin.compare import compare

    client, engine = house.client("north read"), house.north.live.engine
    account, market, model = engine.account(0), engine.market(), engine.model
    found = client.get_liquidation("account 0", low=-0.5, high=0.5)
    assert found.result == liquidation(model, account, market, low=0.5, high=1.5).to_dict()
    assert client.get_call("account 0").result == call_of(model, account, market).to_dict()
    packs = (model.rules,)
    assert (
        client.compare_account("account 0", rules=[model.rules.label]).result
        == compare(account, market, packs).to_dict()
    )
    surface = client.get_surface("account 0", moves=[-0.1, 0.0, 0.1], vols=[0.0], days=[0.0])
    assert surface.result["moves"] == [-0.1, 0.0, 0.1]
    assert len(client.get_calendar("account 0", days=0.5).result["hours"]) >= 12
    with pytest.raises(
        ServiceError, match="account: got 'account 0, which holds BTC, ETH'; allowed: an account of one"
    ):
        client.get_liquidation_probability("account 0")


@pytest.mark.slow
def test_a_probability_is_the_librarys() -> None:
    import plimsoll as pl
    from plimsoll.feeds.demo import demo_account, demo_market
    from plimsoll.liquidation.passage import laws, passage
    from plimsoll.serve.reads import probability
    from plimsoll.serve.state import Book

    market, account, model = demo_market(), demo_account(), pl.margin_model("prbm@2026-01-01")
    found = probability(Book(1, model, account, market), 0.25, 100, 3)
    paths = laws.of_market(account, market, 0.25, size=100, seed=3, step_days=1.0 / 24.0, annual=None).paths
    assert {k: v for k, v in found.items() if k != "law"} == passage(model, account, market, paths, seed=3).to_dict()


def test_metrics_are_those_of_the_tenant(house: Served) -> None:
    text = house.client("south read").metrics()
    assert 'plimsoll_accounts{status="healthy"}' in text
    assert "plimsoll_up 1.0" in text
    assert "north" not in text
    house.client("north read").fleet()
    assert 'operation="fleet"' in house.client("north read").metrics()
    assert 'operation="fleet"' not in house.client("south read").metrics()
