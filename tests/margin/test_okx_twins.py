"""OKX's models against naive twins that share no line with them, and along paths, on random books."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from naive.adapters_okx import okx_rows, prices_of
from naive.okx import future, options, portfolio
from plimsoll.margin import Requirement
from plimsoll.margin.path import States, tracks_of
from random_books import SOME, World, worlds

PMS = ("okx-pm@2024-01-01", "okx-pm@2025-01-10", "okx-pm@2025-02-01")
KINDS = ("option", "option", "option", "future", "perpetual", "perpetual")
FEW = settings(parent=SOME, max_examples=max(8, SOME.max_examples // 2))
CURRENCIES = st.sampled_from(["USDC", "USDT", "USD"])
AMOUNTS = st.sampled_from([0.0, 0.5, 3.0, -2.0, 40.0, 1e6, -1e6])


@st.composite
def books(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """An account and its market: contracts in coin and in three stable currencies, coins held and owed."""
    world: World = draw(worlds(kinds=KINDS))
    account, market = world.account(), world.market()
    market["assets"] |= {"USDT": {"price": draw(st.sampled_from([0.9995, 0.985, 0.97, 1.02]))}}
    for row in market["instruments"]:
        if row["settlement"] == "linear":
            row["currency"] = draw(CURRENCIES)
    account["collateral"] = {c: draw(AMOUNTS) for c in ("USDT", "USDC", "USD")}
    account["collateral"] |= {c: draw(AMOUNTS) / 100.0 for c in ("BTC", "ETH")}
    account["borrowed"] = {"USDT": draw(st.sampled_from([0.0, 25_000.0])), "ETH": draw(st.sampled_from([0.0, 1.0]))}
    scale = draw(st.sampled_from([1.0, 1.0, 0.01, 300.0]))
    for row in account["positions"]:
        row["quantity"] *= scale
        kind = next(i["kind"] for i in market["instruments"] if i["name"] == row["instrument"])
        if kind != "option" and draw(st.booleans()):
            row["entry_price"] = 60_000.0 if row["instrument"].startswith("BTC") else 3_000.0
        elif kind != "option" and draw(st.booleans()):
            row["unrealised_pnl"] = 12.5
        if kind == "perpetual":
            row["unsettled_funding"] = draw(st.sampled_from([0.0, -3.0]))
    if draw(st.booleans()):
        account["settings"] = {"spot_hedging": draw(st.booleans())}
    return account, market


def gross(account: dict[str, Any], market: dict[str, Any]) -> float:
    """USD that may cancel, for what double precision loses."""
    terms = {i["name"]: i for i in market["instruments"]}
    held = sum(
        abs(p["quantity"])
        * terms[p["instrument"]]["multiplier"]
        * max(terms[p["instrument"]].get("strike") or 0, 90_000)
        for p in account["positions"]
    )
    return held + sum(abs(x) for x in account["collateral"].values()) * 90_000


def require(pack: str, account: dict[str, Any], market: dict[str, Any]) -> Requirement:
    return pl.margin_model(pack).requirement(pl.Account.from_dict(account), pl.Market.from_dict(market))


def full(account: dict[str, Any], market: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The documents with every default filled in, as the adapter reads them."""
    return pl.Account.from_dict(account).to_dict(), pl.Market.from_dict(market).to_dict()


@pytest.mark.rule("OKX-PM-01", "OKX-PM-02", "OKX-PM-03", "OKX-PM-04", "OKX-PM-05", "OKX-PM-06", "OKX-PM-07")
@pytest.mark.rule("OKX-PM-08", "OKX-PM-09", "OKX-PM-10", "OKX-PM-11", "OKX-PM-12", "OKX-PM-13")
@SOME
@given(books(), st.sampled_from(PMS))
def test_portfolio_margin_equals_its_twin(book: tuple[dict[str, Any], dict[str, Any]], pack: str) -> None:
    found = require(pack, *book)
    parameters = pl.find_rules(pack).parameters
    account, market = full(*book)
    hedging = account["settings"].get("spot_hedging", parameters["spot_in_use"])
    twin = portfolio(parameters, okx_rows(account, market), account, prices_of(market), hedging)
    hair = 1e-12 * gross(*book)

    def near(got: float, want: float, what: str) -> None:
        assert abs(got - want) <= 1e-9 * max(1.0, abs(want)) + hair, (what, got, want)

    for name, unit in twin["units"].items():
        for key, amount in unit.items():
            near(found.workings[f"{name}.{key}"], amount, f"{name}.{key}")
    near(found.initial, twin["initial"], "initial")
    near(found.maintenance, twin["maintenance"], "maintenance")
    near(found.net_equity, twin["equity"], "equity")
    for part in found.components:
        for total, shares in (
            (part.initial, sum(s.initial for s in part.shares)),
            (part.maintenance, sum(s.maintenance for s in part.shares)),
        ):
            near(shares, total, f"shares of {part.name}")
    units = list(twin["units"].values())
    stress = sum(max(u["mr1"], u["mr2"], u["mr6"]) for u in units)
    floors = sum(max(u["mr7"] - u["mr"], 0.0) for u in units)
    for part, amount in (("stress", stress), ("mr7", floors)):
        near(found.component(part).maintenance, amount, part)
    for part in ("mr3", "mr4", "mr5", "mr9"):
        near(found.component(part).maintenance, sum(u[part] for u in units), part)


@pytest.mark.rule("OKX-PM-14")
@FEW
@given(books(), st.sampled_from(PMS), st.booleans())
def test_a_path_is_one_requirement_after_the_other(
    book: tuple[dict[str, Any], dict[str, Any]], pack: str, coupled: bool
) -> None:
    account, market = pl.Account.from_dict(book[0]), pl.Market.from_dict(book[1])
    model = pl.margin_model(pack)
    spot = np.array([1.0, 0.6, 0.93, 1.2, 2.5])
    vol = np.array([1.0, 1.4, 1.0, 0.8, 0.8]) if coupled else np.ones(5)
    states = States({"BTC": spot, "ETH": 1.0 + 0.8 * (spot - 1.0)} if coupled else {"BTC": spot}, vol)
    (fast,) = model.along(account, market, states)
    (slow,) = tracks_of(model.assess, account, market, states)
    hair = 1e-11 * gross(*book)
    assert fast.subject == slow.subject
    assert np.allclose(fast.equity, slow.equity, rtol=1e-9, atol=1e-9 + hair)
    assert np.allclose(fast.maintenance, slow.maintenance, rtol=1e-9, atol=1e-9 + hair)
    assert all((x > 0).all() for x in model.kinks(account, market).values())


@pytest.mark.rule("OKX-OPT-01", "OKX-OPT-02", "OKX-OPT-03", "OKX-OPT-04", "OKX-OPT-07", "OKX-OPT-08")
@SOME
@given(
    worlds(kinds=("option",), underlyings=("BTC",), styles=("inverse",))
    | worlds(kinds=("option",), styles=("linear",)),
    st.sampled_from(["okx-options@2021-01-01", "okx-options@2025-01-01", "okx-options@2026-06-01"]),
    st.sampled_from([None, 1.02]),
    st.sampled_from([1.0, 300.0]),
)
def test_option_margin_equals_its_twin(world: World, pack: str, factor: float | None, scale: float) -> None:
    content, market = world.account(), world.market()
    content |= {"mode": "cross", "collateral": {"BTC": 2.0, "USDC": 500.0}}
    content |= {"reported": {} if factor is None else {"margin_factor": factor}}
    for row in content["positions"]:
        row["quantity"] *= scale
    model = pl.margin_model(pack)
    account, prices = pl.Account.from_dict(content), pl.Market.from_dict(market)
    linear = market["instruments"][0]["settlement"] == "linear"
    if linear and not pl.find_rules(pack).parameters["linear"]:
        assert "unsupported_contract" in str(model.applies_to(account, prices))
        return
    found = model.requirement(account, prices)
    rows = okx_rows(*full(content, market))
    twin = options(pl.find_rules(pack).parameters, rows, 500.0 if linear else 2.0, factor)
    hair = 1e-12 * gross(content, market)
    for got, want in zip((found.initial, found.maintenance, found.net_equity), twin, strict=True):
        assert abs(got - want) <= 1e-9 * max(1.0, abs(want)) + hair
    assert sum(s.initial for s in found.shares) == pytest.approx(found.initial, rel=1e-9, abs=1e-9)


@pytest.mark.rule("OKX-FUT-01", "OKX-FUT-02", "OKX-FUT-03")
@given(
    st.sampled_from(["ETH-USDT-SWAP", "ETH-USD-SWAP", "ADA-USDT-SWAP"]),
    st.sampled_from([1.0, 1_500.0, 1_501.0, 3_000.0, 3_000.5, 12_000.0, 12_001.0, 36_000.0, 999_999.0, 1e8]),
    st.sampled_from([1.0, -1.0]),
    st.sampled_from([None, 5.0, 125.0]),
)
def test_futures_margin_equals_its_twin(name: str, contracts: float, sign: float, leverage: float | None) -> None:
    coin, quote, _ = name.split("-")
    inverse = quote == "USD"
    terms = {"kind": "perpetual", "name": name, "underlying": coin, "multiplier": 10.0 if inverse else 0.1}
    terms |= {"settlement": "inverse" if inverse else "linear", "currency": coin if inverse else quote}
    market = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2023-06-01T00:00:00Z",
            "indices": {coin: {"price": 1_850.0}},
            "assets": {"USDT": {"price": 1.0}},
            "instruments": [terms],
            "marks": {name: {"price": 1_851.5}},
        }
    )
    position = {"instrument": name, "quantity": sign * contracts, "leverage": leverage}
    account = pl.Account.from_dict(
        {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": [position]}
    )
    found = pl.margin_model("okx-futures@2023-06-01").requirement(account, market)
    (row,) = okx_rows(account.to_dict(), market.to_dict())
    table = pl.find_rules("okx-futures@2023-06-01").parameters["symbols"][name]
    initial, maintenance = future(table, row)
    assert found.initial == pytest.approx(initial, rel=1e-12)
    assert found.maintenance == pytest.approx(maintenance, rel=1e-12)


@pytest.mark.rule("OKX-PM-09", "OKX-PM-13")
@FEW
@given(books(), st.floats(0.01, 0.6), st.sampled_from(PMS))
def test_a_further_scenario_and_a_wider_move_never_lower_the_margin(
    book: tuple[dict[str, Any], dict[str, Any]], move: float, pack: str
) -> None:
    rules = pl.find_rules(pack)
    before = require(pack, *book)
    parameters = copy.deepcopy(rules.parameters)
    for group in parameters["mr1"].values():
        group["moves"] = [*group["moves"], move]
    account, market = pl.Account.from_dict(book[0]), pl.Market.from_dict(book[1])
    after = pl.margin_model(rules.model_copy(update={"parameters": parameters})).requirement(account, market)
    hair = 1e-12 * gross(*book)
    assert after.maintenance >= before.maintenance - hair
    assert after.initial >= before.initial - hair
    assert after.net_equity == before.net_equity
