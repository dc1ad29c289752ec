"""OKX outside portfolio margin: orders in options, futures in cross and isolated margin, spot margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from plimsoll.margin import Requirement, with_parameter
from plimsoll.margin.path import States, tracks_of

Doc = dict[str, Any]
OPTIONS, LATER, EARLY = "okx-options@2025-01-01", "okx-options@2026-05-01", "okx-options@2021-01-01"
FUTURES, MARGIN = "okx-futures@2023-05-19", "okx-margin@2023-01-15"
EXPIRY = "2026-06-26T08:00:00Z"


def option(call: bool, strike: float, linear: bool = False) -> Doc:
    name = f"BTC-{'USDT' if linear else 'USD'}-{strike:g}-{'C' if call else 'P'}"
    row: Doc = {"kind": "option", "name": name, "underlying": "BTC", "expiry": EXPIRY, "strike": strike, "call": call}
    settled = {"settlement": "linear", "currency": "USDT"} if linear else {"settlement": "inverse", "currency": "BTC"}
    return row | settled | {"multiplier": 0.1}


CALL, PUT, LINEAR = option(True, 6_000.0), option(False, 5_500.0), option(False, 5_500.0, linear=True)
MARKET: Doc = {
    "schema": "plimsoll.market",
    "schema_version": 1,
    "time": "2026-05-02T00:00:00Z",
    "indices": {"BTC": {"price": 5_880.0}, "ETH": {"price": 1_850.0}, "ADA": {"price": 0.37}, "LTC": {"price": 87.81}},
    "assets": {"USDT": {"price": 1.0}},
    "expiries": [{"underlying": "BTC", "expiry": EXPIRY, "forward": {"variable": 5_900.0}}],
    "instruments": [CALL, PUT, LINEAR],
    "marks": {CALL["name"]: {"price": 0.0575}, PUT["name"]: {"price": 0.03}, LINEAR["name"]: {"price": 180.0}},
}
for _coin, _size in (("ETH", 0.1), ("ADA", 100.0)):
    _row = {"kind": "perpetual", "name": f"{_coin}-USDT-SWAP", "underlying": _coin, "settlement": "linear"}
    MARKET["instruments"].append(_row | {"currency": "USDT", "multiplier": _size})
    MARKET["marks"][_row["name"]] = {"price": MARKET["indices"][_coin]["price"]}


def account(held: dict[str, float], orders: list[tuple[str, float, float]], **more: Any) -> pl.Account:
    content: Doc = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross"}
    content["positions"] = [{"instrument": n, "quantity": q} for n, q in held.items()]
    content["orders"] = [{"instrument": n, "quantity": q, "price": p} for n, q, p in orders]
    return pl.Account.from_dict({**content, **more})


def require(
    pack: str | pl.Rules, held: dict[str, float], orders: list[tuple[str, float, float]] | None = None, **more: Any
) -> Requirement:
    market = pl.Market.from_dict(MARKET)
    return pl.margin_model(pack).requirement(account(held, orders or [], **more), market)


# --- options ------------------------------------------------------------------------------------------------------

C, P, F2 = CALL["name"], PUT["name"], {"reported": {"margin_factor": 1.02}}
INITIAL = (0.15 - 100.0 / 5_900.0) * 1.02 + 0.0575


@pytest.mark.rule("OKX-OPT-05", "OKX-OPT-06")
@pytest.mark.parametrize(
    ("held", "orders", "added"),
    [
        ({}, [(C, -100.0, 0.06)], 10.0 * (INITIAL - 0.06 + 0.0002)),
        ({}, [(C, -100.0, 0.15)], 10.0 * 0.10),
        ({}, [(C, 100.0, 0.0475)], 10.0 * (0.0475 + 0.0002)),
        ({C: 40.0}, [(C, -40.0, 0.06)], 0.0),
        ({C: 40.0}, [(C, -100.0, 0.06)], 6.0 * (INITIAL - 0.06 + 0.0002)),
        ({C: -40.0}, [(C, 40.0, 0.05)], 0.0),
        ({C: -40.0}, [(C, 40.0, 0.25)], 4.0 * (0.25 + 0.0002 - INITIAL)),
        # two buys of which one may close: the dear one frees more, so the cheap one is taken to close
        ({C: -40.0}, [(C, 40.0, 0.30), (C, 40.0, 0.02)], 4.0 * (0.30 + 0.0002) + 0.0),
        # buys and sells stand beside each other
        ({}, [(C, 10.0, 0.05), (C, -10.0, 0.06)], 0.0502 + INITIAL - 0.06 + 0.0002),
    ],
)
def test_orders_in_options(held: dict[str, float], orders: list[tuple[str, float, float]], added: float) -> None:
    base = require(OPTIONS, held, **F2)
    found = require(OPTIONS, held, orders, **F2)
    assert found.component("open_orders").initial == pytest.approx(added, rel=1e-12, abs=1e-12)
    assert found.maintenance == base.maintenance
    assert found.initial == pytest.approx(base.initial + added)


@pytest.mark.rule("OKX-OPT-06")
def test_an_order_that_only_reduces_opens_nothing() -> None:
    order = {"instrument": C, "quantity": -10.0, "price": 0.06, "reduce_only": True}
    content = account({C: 5.0}, []).to_dict() | {"orders": [order]}
    found = pl.margin_model(OPTIONS).requirement(pl.Account.from_dict(content), pl.Market.from_dict(MARKET))
    assert found.component("open_orders").initial == 0.0


@pytest.mark.rule("OKX-OPT-02", "OKX-OPT-03", "OKX-OPT-04", "OKX-OPT-07", "OKX-OPT-08")
def test_short_options_in_coin_and_in_a_stable_coin_and_in_the_rules_of_2020() -> None:
    put = require(OPTIONS, {P: -10.0}, **F2)
    assert put.initial == pytest.approx(max(0.1, 0.15 - 400.0 / 5_900.0) * 1.02 + 0.03)
    assert put.maintenance == pytest.approx(0.03 * 1.02 + 0.03)
    linear = require(LATER, {LINEAR["name"]: -10.0}, **F2)
    assert linear.initial == pytest.approx(0.1 * 1.02 * 5_880.0 + 180.0)
    assert linear.maintenance == pytest.approx(0.03 * 5_880.0 * 1.02 + 180.0)
    assert (linear.currency, put.currency) == ("USDT", "BTC")
    old = require(EARLY, {P: -10.0}, **F2)
    assert old.initial == pytest.approx(0.1 * 1.03 * 1.02 + 0.03)
    assert old.maintenance == pytest.approx(0.075 * 1.02 + 0.03)
    # the second thousand contracts is a tier further
    tiers = require(OPTIONS, {C: -1_001.0})
    assert tiers.maintenance == pytest.approx(100.1 * (0.03 * 1.02 + 0.0575))
    assert any("not public" in n for n in tiers.notes)


@pytest.mark.rule("OKX-OPT-01", "OKX-OPT-09")
def test_long_options_neither_need_nor_help() -> None:
    found = require(OPTIONS, {C: 10.0, P: -10.0}, collateral={"BTC": 1.0, "USDT": 5.0}, **F2)
    alone = require(OPTIONS, {P: -10.0}, collateral={"BTC": 1.0}, **F2)
    assert (found.initial, found.net_equity) == (alone.initial, alone.net_equity)
    assert found.net_equity == pytest.approx(1.0 - 0.03)
    assert any("isolated" in n for n in found.notes)
    assert any("5 USDT" in n for n in found.notes)


@pytest.mark.rule("OKX-OPT-09")
@pytest.mark.parametrize(
    ("pack", "held", "more", "words"),
    [
        (OPTIONS, {LINEAR["name"]: -1.0}, {}, "unsupported_contract"),
        (OPTIONS, {"ETH-USDT-SWAP": -1.0}, {}, "unsupported_contract"),
        (LATER, {C: -1.0, LINEAR["name"]: -1.0}, {}, "several_currencies"),
        (OPTIONS, {C: -1.0}, {"reported": {"margin_factor": 0.5}}, "at least one"),
        (OPTIONS, {C: -1.0}, {"mode": "isolated"}, "unsupported_mode"),
        (OPTIONS, {"NOWHERE": -1.0}, {}, "unknown_instrument"),
        (FUTURES, {C: -1.0}, {}, "contracts with tiers in the pack"),
    ],
)
def test_refusals(pack: str, held: dict[str, float], more: Doc, words: str) -> None:
    with pytest.raises(pl.DocumentError) as told:
        require(pack, held, **more)
    assert words in str(told.value)


# --- futures ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("OKX-FUT-01", "OKX-FUT-05")
@pytest.mark.parametrize(
    ("name", "contracts", "maintenance", "initial"),
    [
        ("ETH-USDT-SWAP", 3_000.0, 0.004, 0.008),
        ("ETH-USDT-SWAP", 3_001.0, 0.005, 0.010),
        ("ETH-USDT-SWAP", 12_000.0, 0.010, 0.015),
        ("ETH-USDT-SWAP", 24_000.0, 0.015, 0.020),
        ("ETH-USDT-SWAP", 24_001.0, 0.020, 0.025),
        ("ADA-USDT-SWAP", 1_500.0, 0.005, 1.0 / 75.0),
        ("ADA-USDT-SWAP", 6_001.0, 0.015, 0.030),
    ],
)
def test_the_whole_position_is_at_the_tier_of_its_size(
    name: str, contracts: float, maintenance: float, initial: float
) -> None:
    coin = name.split("-")[0]
    value = contracts * (0.1 if coin == "ETH" else 100.0) * MARKET["indices"][coin]["price"]
    found = require(FUTURES, {name: -contracts}, collateral={"USDT": 1e6})
    assert found.maintenance == pytest.approx(value * maintenance, rel=1e-12)
    assert found.initial == pytest.approx(value * initial, rel=1e-12)
    assert found.component("positions").evidence == "read"


@pytest.mark.rule("OKX-FUT-02", "OKX-FUT-04", "OKX-FUT-06")
def test_isolated_positions_lose_no_more_than_their_margin() -> None:
    rows = [
        {"instrument": "ETH-USDT-SWAP", "quantity": 100.0, "isolated_margin": 500.0, "entry_price": 2_000.0},
        {"instrument": "ADA-USDT-SWAP", "quantity": -10.0, "leverage": 10.0},
    ]
    found = require(FUTURES, {}, positions=rows, collateral={"USDT": 2_000.0})
    shared, own = found.pools
    assert own.equity == pytest.approx(500.0 - 1_500.0)
    assert found.net_equity == pytest.approx(1_500.0)
    assert shared.initial == pytest.approx(10.0 * 100.0 * 0.37 / 10.0)
    assert any("liquidation fee" in n for n in found.notes)
    fee = with_parameter(pl.find_rules(FUTURES), "liquidation_fee", 0.0005)
    with_fee = require(fee, {}, positions=rows, collateral={"USDT": 2_000.0})
    assert with_fee.maintenance - found.maintenance == pytest.approx(0.0005 * (18_500.0 + 370.0))
    assert not any("liquidation fee" in n for n in with_fee.notes)


@pytest.mark.rule("OKX-FUT-07")
@pytest.mark.parametrize(
    ("times", "told"), [(6.0, "lowest risk"), (5.0, "level 2 of 4"), (2.0, "level 3 of 4"), (0.9, "liquidation")]
)
def test_the_risk_level_of_the_venue_is_told(times: float, told: str) -> None:
    maintenance = 100.0 * 0.1 * 1_850.0 * 0.004
    found = require(FUTURES, {"ETH-USDT-SWAP": 100.0}, collateral={"USDT": times * maintenance})
    assert found.health == pytest.approx(times)
    assert any(told in note for note in found.notes)
    with pytest.raises(pl.DocumentError, match="a ratio below"):
        pl.margin_model(with_parameter(pl.find_rules(FUTURES), "risk_levels", [1.0, 3.0]))


@pytest.mark.rule("OKX-FUT-03")
def test_tiers_grow_to_an_initial_rate_of_one() -> None:
    model = pl.margin_model(FUTURES)
    rule = model.rule(pl.Market.from_dict(MARKET).contracts["ETH-USDT-SWAP"])  # type: ignore[attr-defined]
    assert rule is not None
    table = rule[1]
    assert (table.counting, table.tiers[-1].initial, table.tiers[-1].upto) == ("whole", 1.0, None)
    assert len(table.tiers) == 3 + 197
    assert all(a.upto < b.upto for a, b in zip(table.tiers[:-2], table.tiers[1:-1], strict=True))
    with pytest.raises(pl.DocumentError, match="a rate above zero"):
        pl.margin_model(with_parameter(pl.find_rules(FUTURES), "symbols.ETH-USDT-SWAP.step.initial", 0.0))


# --- spot margin --------------------------------------------------------------------------------------------------

SHORT: Doc = {"mode": "isolated", "collateral": {"USDT": 12.00358728382}, "borrowed": {"LTC": 0.113791}}


@pytest.mark.rule("OKX-MARGIN-01", "OKX-MARGIN-02")
def test_the_live_position_its_ratio_and_its_liquidation_price() -> None:
    found = require(MARGIN, {}, **SHORT)
    assert found.component("loan").maintenance == pytest.approx(0.4995993855, abs=5e-11)
    assert found.health == pytest.approx(3.903466055555656, abs=5e-14)
    assert found.component("loan").evidence == "reproduced"
    line = 100.31430948814871 / 87.81
    model, market = pl.margin_model(MARGIN), pl.Market.from_dict(MARKET)
    states = States({"LTC": np.array([1.0, line * (1 - 1e-9), line * (1 + 1e-9)])}, np.ones(3))
    (track,) = model.along(account({}, [], **SHORT), market, states)
    (slow,) = tracks_of(model.assess, account({}, [], **SHORT), market, states)
    assert (track.equity > track.maintenance).tolist() == [True, True, False]
    assert np.array_equal(track.maintenance, slow.maintenance)
    bought = require(MARGIN, {}, mode="isolated", collateral={"LTC": 0.2}, borrowed={"USDT": 12.0})
    assert bought.currency == "LTC"
    assert bought.maintenance == pytest.approx(12.0 / 87.81 * 0.051575)
    assert bought.initial == pytest.approx(12.0 / 87.81 / 5.0)


@pytest.mark.rule("OKX-MARGIN-03")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"collateral": {"USDT": 5.0, "BTC": 1.0}}, "a document for each position"),
        ({"collateral": {}}, "a document for each position"),
        ({"borrowed": {"BTC": 1.0}}, "a pair of the pack"),
        ({"collateral": {"USDT": -5.0}, "borrowed": {}}, "loans in account.borrowed"),
        ({"positions": [{"instrument": "ETH-USDT-SWAP", "quantity": 1.0}]}, "no contracts"),
        ({"mode": "cross"}, "unsupported_mode"),
    ],
)
def test_spot_margin_takes_one_position(changes: Doc, words: str) -> None:
    with pytest.raises(pl.DocumentError) as told:
        require(MARGIN, {}, **{**SHORT, **changes})
    assert words in str(told.value)
