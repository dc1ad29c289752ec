"""The rules of Binance one by one, on numbers worked out by hand, and what they refuse."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from binance_books import CM, INDEX, OPTIONS, UM, account_doc, futures_books, market_doc, perpetual, portfolios
from plimsoll.liquidation import alone, liquidation
from plimsoll.margin import MarginModel, Requirement, with_parameter
from plimsoll.margin.path import States, moved
from random_books import SOME

Doc = dict[str, Any]
USDM, COINM, PM, PRO, OPS = (
    "binance-usdm@2025-01-01",
    "binance-coinm@2025-01-01",
    "binance-pm@2025-02-06",
    "binance-pm-pro@2025-02-06",
    "binance-options@2025-01-01",
)
ALL = UM + CM
FLAT = {c["name"]: {"price": INDEX[c["underlying"]]} for c in ALL}
CALL, PUT = "BTC-260131-76000-C", "BTC-260131-70000-P"
QUOTED = {o["name"]: {"price": 1_000.0, "vol": 0.5} for o in OPTIONS}


def hold(name: str, quantity: float, **more: Any) -> Doc:
    return {"instrument": name, "quantity": quantity, **more}


def order(name: str, quantity: float, price: float, **more: Any) -> Doc:
    return {"instrument": name, "quantity": quantity, "price": price, **more}


def require(rules: str, positions: list[Doc], market: Doc | None = None, **account: Any) -> Requirement:
    content = account_doc(positions, **{"mode": "portfolio" if rules in (PM, PRO) else "cross", **account})
    where = market or (market_doc(OPTIONS, QUOTED) if rules == OPS else market_doc(ALL, FLAT))
    return pl.margin_model(rules).requirement(pl.Account.from_dict(content), pl.Market.from_dict(where))


@pytest.mark.rule("BINANCE-UM-10")
def test_liquidation_is_data_and_its_fee_is_in_no_margin() -> None:
    rules = pl.margin_model(USDM).parameters.liquidation
    assert rules.steps == ("cancel_orders", "reduce_positions", "insurance_fund", "auto_deleverage")
    assert rules.stops_when_safe
    assert set(rules.fees) == set(pl.margin_model(USDM).parameters.symbols)
    rows = [hold("BTCUSDT", 1.0, isolated_margin=3_000.0), hold("ETHUSDT", -20.0), hold("BTCUSDT_260131", 1.0)]
    r = require(USDM, rows, mode="cross", collateral={"USDT": 20_000.0})
    fees = {k.removeprefix("clearance_fee."): v for k, v in r.workings.items() if k.startswith("clearance_fee.")}
    # the dated future has the brackets and the rate of its pair
    assert fees == pytest.approx({"BTCUSDT": 875.0, "ETHUSDT": 625.0, "BTCUSDT_260131": 875.0})
    free = {key: {"clearance_fee": 0.0} for key in rules.fees}
    without = with_parameter(pl.find_rules(USDM), "liquidation.fees", free)
    content = account_doc(rows, mode="cross", collateral={"USDT": 20_000.0})
    bare = pl.margin_model(without).requirement(
        pl.Account.from_dict(content), pl.Market.from_dict(market_doc(ALL, FLAT))
    )
    assert (bare.initial, bare.maintenance, bare.net_equity) == (r.initial, r.maintenance, r.net_equity)
    # nothing is taken of what is bankrupt: the shared pool owes, the isolated one has its margin
    broke = require(USDM, rows, mode="cross", collateral={"USDT": 2_000.0})
    assert broke.workings["clearance_fee.ETHUSDT"] == 0.0
    assert broke.workings["clearance_fee.BTCUSDT"] == pytest.approx(875.0)
    assert require(COINM, [hold("BTCUSD_PERP", 700.0)], collateral={"BTC": 1.0}).workings[
        "clearance_fee.BTCUSD_PERP"
    ] == pytest.approx(0.015)


@pytest.mark.rule("BINANCE-UM-02", "BINANCE-PM-04")
@pytest.mark.parametrize(("rules", "part"), [(USDM, "positions"), (PM, "um_futures")])
def test_a_leverage_that_nobody_chose_is_an_assumption(rules: str, part: str) -> None:
    chosen = require(rules, [hold("BTCUSDT", 1.0, leverage=10.0)], collateral={"USDT": 2e4})
    assert chosen.component(part).evidence == "read"
    rows = [hold("BTCUSDT", 1.0, leverage=10.0), hold("ETHUSDT", 1.0)]
    assert require(rules, rows, collateral={"USDT": 2e4}).component(part).evidence == "assumed"


# --- futures ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("BINANCE-UM-01", "BINANCE-UM-02")
@pytest.mark.parametrize(
    ("coins", "leverage", "initial", "maintenance"),
    [
        (0.5, None, 35_000.0 / 20.0, 35_000.0 * 0.004),
        (0.5, 125.0, 35_000.0 / 125.0, 35_000.0 * 0.004),
        (0.5, 1.0, 35_000.0, 35_000.0 * 0.004),
        (50_000.0 / 70_000.0, 10.0, 5_000.0, 200.0),
        (1.0, 125.0, 700.0, 70_000.0 * 0.005 - 50.0),
        (100.0, 125.0, 7e6 * 0.02, 7e6 * 0.01 - 11_450.0),
        (-20_000.0, None, 1.4e9 * 1.0, 1.4e9 * 0.5 - 421_481_450.0),
    ],
)
def test_margins_of_one_position(coins: float, leverage: float | None, initial: float, maintenance: float) -> None:
    found = require(USDM, [hold("BTCUSDT", coins, leverage=leverage)])
    assert found.initial == pytest.approx(initial, rel=1e-12)
    assert found.maintenance == pytest.approx(maintenance, rel=1e-12)
    assert found.currency == "USDT"


@pytest.mark.rule("BINANCE-CM-01", "BINANCE-CM-02", "BINANCE-CM-04")
def test_margins_of_one_inverse_position() -> None:
    found = require(COINM, [hold("BTCUSD_PERP", 210_000.0, entry_price=60_000.0)], collateral={"BTC": 10.0})
    assert found.maintenance == pytest.approx(300.0 * 0.125 - 11.81, rel=1e-12)
    assert found.net_equity == pytest.approx(10.0 + 21e6 * (1.0 / 60_000.0 - 1.0 / 70_000.0), rel=1e-12)
    assert found.currency == "BTC"


@pytest.mark.rule("BINANCE-UM-04")
def test_an_isolated_loss_ends_with_its_margin() -> None:
    rows = [
        hold("BTCUSDT", 1.0, entry_price=80_000.0, isolated_margin=4_000.0),
        hold("ETHUSDT", 1.0, entry_price=2_400.0),
    ]
    found = require(USDM, rows, collateral={"USDT": 5_000.0})
    shared, isolated = found.pools
    assert (shared.equity, isolated.equity) == (1_100.0, -6_000.0)
    assert found.net_equity == 1_100.0
    assert any("below its own line: BTCUSDT; its margin is lost" in n for n in found.notes)
    alone = require(USDM, rows[1:], collateral={"USDT": 1_000.0})
    assert alone.workings["liquidation_price.ETHUSDT"] == found.workings["liquidation_price.ETHUSDT"]


@pytest.mark.rule("BINANCE-UM-05")
def test_legs_are_margined_apart() -> None:
    long, short = hold("BTCUSDT", 10.0, leg="long"), hold("BTCUSDT", -4.0, leg="short", leverage=50.0)
    both = require(USDM, [long, short])
    assert both.initial == pytest.approx(700_000.0 / 20.0 + 280_000.0 / 50.0)
    assert both.maintenance == pytest.approx(700_000.0 * 0.0065 - 950.0 + 280_000.0 * 0.005 - 50.0)
    assert {s.subject for s in both.shares} == {"BTCUSDT long", "BTCUSDT short"}


@pytest.mark.rule("BINANCE-UM-06")
@pytest.mark.parametrize(
    ("held", "orders", "added"),
    [
        (0.0, [order("BTCUSDT", 1.0, 60_000.0)], 3_000.0),
        (1.0, [order("BTCUSDT", 1.0, 60_000.0)], 3_000.0),
        (1.0, [order("BTCUSDT", -1.0, 80_000.0)], 0.0),
        (1.0, [order("BTCUSDT", -3.0, 80_000.0)], (240_000.0 - 140_000.0) / 20.0),
        (1.0, [order("BTCUSDT", 1.0, 60_000.0), order("BTCUSDT", -3.0, 80_000.0)], 5_000.0),
        (1.0, [order("BTCUSDT", 2.0, 60_000.0), order("BTCUSDT", -3.0, 80_000.0)], 6_000.0),
        (1.0, [order("BTCUSDT", 1.0, 60_000.0, reduce_only=True)], 0.0),
        (0.0, [order("BTCUSDT", 1.0, 60_000.0, leverage=10.0)], 6_000.0),
        (1.0, [order("BTCUSDT", 1.0, 60_000.0, leverage=10.0)], 6_000.0 + 3_500.0),
        (0.0, [order("ETHUSDT", -1.0, 2_400.0), order("BTCUSDT", 1.0, 60_000.0)], 3_120.0),
    ],
)
def test_orders_add_the_worse_side(held: float, orders: list[Doc], added: float) -> None:
    rows = [hold("BTCUSDT", held)] if held else []
    found = require(USDM, rows, orders=orders)
    assert found.component("open_orders").initial == pytest.approx(added)
    assert found.maintenance == require(USDM, rows).maintenance


@pytest.mark.rule("BINANCE-UM-06")
def test_an_order_that_closes_a_leg_adds_nothing() -> None:
    rows = [hold("BTCUSDT", 1.0, leg="long")]
    closing = order("BTCUSDT", -5.0, 80_000.0, leg="long")
    opening = order("BTCUSDT", -5.0, 80_000.0, leg="short")
    assert require(USDM, rows, orders=[closing]).component("open_orders").initial == 0.0
    assert require(USDM, rows, orders=[opening]).component("open_orders").initial == pytest.approx(20_000.0)


def test_a_dated_future_without_a_mark_of_its_own_is_priced_at_its_forward_with_its_orders() -> None:
    marks = {n: m for n, m in FLAT.items() if n != "BTCUSDT_260131"}
    market = market_doc(ALL, marks)
    found = require(USDM, [hold("BTCUSDT_260131", 1.0)], market, orders=[order("BTCUSDT_260131", -3.0, 70_700.0)])
    assert found.component("positions").initial == pytest.approx(70_700.0 / 20.0)
    assert found.component("open_orders").initial == pytest.approx(70_700.0 / 20.0)


@pytest.mark.rule("BINANCE-UM-07", "BINANCE-UM-08")
def test_what_the_futures_refuse() -> None:
    with pytest.raises(pl.DocumentError, match=r"positions\[0\]\.instrument: got 'BTCUSD_PERP', perpetual on BTC"):
        require(USDM, [hold("BTCUSD_PERP", 1.0)])
    with pytest.raises(pl.DocumentError, match=r"allowed: inverse futures and perpetuals of BTCUSD"):
        require(COINM, [hold("BTCUSDT", 1.0)])
    with pytest.raises(pl.DocumentError, match=r"orders\[0\]\.instrument: got 'NOWHERE' \(unknown_instrument\)"):
        require(USDM, [], orders=[order("NOWHERE", 1.0, 1.0)])
    with pytest.raises(pl.DocumentError, match=r"account.mode: got 'portfolio'.*'cross' or 'isolated'"):
        require(USDM, [], mode="portfolio")
    with pytest.raises(pl.DocumentError, match=r"positions\[0\]\.isolated_margin: got nothing; allowed: the money set"):
        require(USDM, [hold("BTCUSDT", 1.0)], mode="isolated")
    other = perpetual("BTCUSDC", "BTC", currency="USDC")
    market = market_doc([*ALL, other], {**FLAT, "BTCUSDC": {"price": 70_000.0}})
    market["assets"]["USDC"] = {"price": 1.0}
    with pytest.raises(pl.DocumentError, match="BTCUSDC"):
        require(USDM, [hold("BTCUSDC", 1.0)], market)
    rules = with_parameter(pl.find_rules(USDM), "symbols.SOLUSDT", pl.find_rules(USDM).parameters["symbols"]["BTCUSDT"])
    symbols = dict(rules.parameters["symbols"])
    symbols["BTCUSDC"] = symbols["BTCUSDT"]
    wider = rules.model_copy(update={"parameters": {**rules.parameters, "symbols": symbols}})
    both = account_doc([hold("BTCUSDC", 1.0), hold("BTCUSDT", 1.0)])
    with pytest.raises(pl.DocumentError, match="settle in USDC, USDT"):
        pl.margin_model(wider).requirement(pl.Account.from_dict(both), pl.Market.from_dict(market))


@pytest.mark.rule("BINANCE-UM-07", "BINANCE-UM-08")
def test_other_balances_are_named_and_a_dated_future_may_have_its_own_brackets() -> None:
    found = require(USDM, [hold("BTCUSDT", 1.0)], collateral={"USDT": 1.0, "BTC": 2.0})
    assert "not counted, as the account is margined in USDT: 2 BTC" in found.notes
    assert found.net_equity == 1.0
    rules = pl.find_rules(USDM)
    own = {"tiers": [{"upto": None, "maintenance": 0.3, "initial": 0.5}]}
    symbols = {**rules.parameters["symbols"], "BTCUSDT_260131": own}
    wider = rules.model_copy(update={"parameters": {**rules.parameters, "symbols": symbols}})
    account = pl.Account.from_dict(account_doc([hold("BTCUSDT_260131", 1.0), hold("BTCUSDT", 1.0)]))
    market = pl.Market.from_dict(market_doc(ALL, FLAT))
    assert pl.margin_model(wider).requirement(account, market).maintenance == pytest.approx(21_000.0 + 300.0)
    assert pl.margin_model(rules).requirement(account, market).maintenance == pytest.approx(600.0)


@given(st.data())
@pytest.mark.parametrize(("pack", "contracts"), [(USDM, UM), (COINM, CM), (PM, None)])
@SOME
def test_axioms_of_futures(pack: str, contracts: list[Doc] | None, data: st.DataObject) -> None:
    """The order of positions is irrelevant, initial is never below maintenance, and orders never are a relief."""
    content, market_content = data.draw(portfolios() if contracts is None else futures_books(contracts))
    model, market = pl.margin_model(pack), pl.Market.from_dict(market_content)
    found = model.requirement(pl.Account.from_dict(content), market)
    turned = content | {"positions": content["positions"][::-1], "orders": content["orders"][::-1]}
    again = model.requirement(pl.Account.from_dict(turned), market)
    assert (again.initial, again.maintenance) == pytest.approx((found.initial, found.maintenance), rel=1e-12)
    assert found.initial >= found.maintenance * (1.0 - 1e-12)
    without = model.requirement(pl.Account.from_dict(content | {"orders": []}), market)
    assert without.initial <= found.initial + 1e-9 * abs(found.initial)
    assert without.maintenance == found.maintenance
    names = {s.subject for s in found.shares}
    held = {p["instrument"] + ("" if p["leg"] == "net" else f" {p['leg']}") for p in content["positions"]}
    assert {n for n in names if not n.startswith(("loan ", "orders "))} <= held


@SOME
@given(st.floats(0.1, 1e4), st.floats(0.1, 1e4))
@pytest.mark.rule("BINANCE-UM-01")
def test_splitting_a_position_among_owners_is_never_dearer_than_holding_it(one: float, two: float) -> None:
    """Brackets are convex: more of the same costs more for each coin."""
    whole, first, second = (require(USDM, [hold("BTCUSDT", q)]).maintenance for q in (one + two, one, two))
    assert first + second <= whole * (1.0 + 1e-12)


# --- portfolio margin -------------------------------------------------------------------------------------------


@pytest.mark.rule("BINANCE-PM-01", "BINANCE-PM-03")
def test_a_negative_balance_is_not_cut() -> None:
    held = {"USDT": -10_000.0, "BTC": 1.0}
    found = require(PM, [hold("BTCUSDT", 1.0)], collateral=held)
    assert found.workings["equity.USDT"] == -10_000.0
    assert found.workings["equity.BTC"] == pytest.approx(70_000.0 * 0.95)
    assert found.net_equity == pytest.approx(56_500.0)
    assert found.workings["uni_mmr"] == pytest.approx(56_500.0 / 300.0)
    # the line is where the venue liquidates, at a uniMMR of 105 %
    assert found.health == pytest.approx(56_500.0 / 315.0)
    level = found.component("liquidation_level")
    assert (level.initial, level.maintenance) == pytest.approx((0.0, 15.0))
    assert [s.subject for s in level.shares] == ["BTCUSDT"]
    assert (found.component("um_futures").maintenance, level.evidence) == (pytest.approx(300.0), "assumed")
    # a loss in USDT makes its balance negative; a loan does
    lost = require(PM, [hold("BTCUSDT", 1.0, entry_price=80_000.0)], collateral={"USDT": 4_000.0})
    assert lost.workings["equity.USDT"] == -6_000.0
    owed = require(PM, [], collateral={"ETH": 1.0, "USDT": 1e4}, borrowed={"ETH": 3.0})
    assert owed.workings["equity.ETH"] == -5_000.0


@pytest.mark.rule("BINANCE-PM-05")
@pytest.mark.parametrize(
    ("setting", "rate", "leverage"), [(None, 0.10, 3.0), ("3x", 0.10, 3.0), ("5x", 0.08, 5.0), ("10x", 0.05, 10.0)]
)
def test_a_loan_by_the_leverage_of_the_margin_account(setting: str | None, rate: float, leverage: float) -> None:
    chosen = {} if setting is None else {f"margin_leverage_{setting}": True, "margin_leverage_5x": setting == "5x"}
    found = require(PM, [], collateral={"USDT": 1e5}, borrowed={"ETH": 4.0}, settings=chosen)
    assert found.component("loans").maintenance == pytest.approx(10_000.0 * rate)
    assert found.component("loans").initial == pytest.approx(10_000.0 / (leverage - 1.0))
    assert found.initial == found.component("loans").initial


@pytest.mark.rule("BINANCE-PM-02", "BINANCE-PM-06")
def test_open_orders_lower_equity_by_what_they_would_lose() -> None:
    orders = [
        order("BTCUSDT", 1.0, 71_000.0),
        order("BTCUSDT", -1.0, 69_500.0),
        order("BTCUSDT", 1.0, 60_000.0),
        order("BTCUSDT", 9.0, 99_000.0, reduce_only=True),
        order("BTCUSD_PERP", -700.0, 50_000.0),
    ]
    coin = 70_000.0 * (1.0 / 50_000.0 - 1.0 / 70_000.0) * 70_000.0
    normal, pro = (require(r, [], collateral={"USDT": 1e6}, orders=orders) for r in (PM, PRO))
    assert normal.workings["open_loss"] == pytest.approx(1_500.0 + coin)
    assert normal.net_equity == pytest.approx(990_000.0 - 1_500.0 - coin)
    assert pro.net_equity == pytest.approx(990_000.0)
    assert any("would lose 29500 USD at once" in n for n in pro.notes)
    assert normal.component("open_orders").initial == pytest.approx((131_000.0 + 70_000.0 * 7.0 / 5.0) / 20.0)


@pytest.mark.rule("BINANCE-PM-03")
@pytest.mark.parametrize(
    ("rules", "ratio", "status"),
    [
        (PM, 1.51, "free"),
        (PM, 1.5, "reminder"),
        (PM, 1.1, "reduce only"),
        (PM, 1.01, "liquidation"),
        (PM, 0.7, "bankrupt"),
        (PM, -0.2, "bankrupt"),
        ("binance-pm@2022-06-01", 1.9, "reminder"),
        ("binance-pm@2022-06-01", 2.1, "free"),
    ],
)
def test_a_status_for_every_ratio(rules: str, ratio: float, status: str) -> None:
    model = pl.margin_model(rules)
    assert model.parameters.status(ratio) == status
    cash = 300.0 * ratio
    cash = cash / 0.99 if cash > 0 else cash
    content = account_doc([hold("BTCUSDT", 1.0)], mode="portfolio", collateral={"USDT": cash})
    found = model.requirement(pl.Account.from_dict(content), pl.Market.from_dict(market_doc(ALL, FLAT)))
    assert found.workings["uni_mmr"] == pytest.approx(ratio)
    if abs(ratio - 1.5) > 1e-9:
        assert any(n.endswith(f": {status}") for n in found.notes)


@pytest.mark.rule("BINANCE-PM-03")
@pytest.mark.parametrize("rules", [PM, PRO])
def test_the_line_is_the_price_at_which_the_status_becomes_liquidation(rules: str) -> None:
    """One long of 70,000 with 10,000 USDT: equity (10,000 + P - 70,000) c against 1.05 (0.005 P - 50)."""
    content = account_doc([hold("BTCUSDT", 1.0, entry_price=70_000.0)], mode="portfolio", collateral={"USDT": 10_000.0})
    account, market = pl.Account.from_dict(content), pl.Market.from_dict(market_doc(ALL, FLAT))
    model = pl.margin_model(rules)
    (line,) = liquidation(model, account, market, alone("BTC", market)).lines
    price = 70_000.0 * line.multiplier
    assert 0.99 * (price - 60_000.0) == pytest.approx(1.05 * (0.005 * price - 50.0), rel=1e-9)
    told = []
    for shift in (1.0 + 1e-9, 1.0 - 1e-9):
        found = model.requirement(*moved(account, market, {"BTC": line.multiplier * shift}))
        told.append(model.parameters.status(found.workings["uni_mmr"]))
    assert told == ["reduce only", "liquidation"]
    assert 1.0 == with_levels({"any": {"uni_mmr_above": 0.0}}) == with_levels({"bankrupt": {"uni_mmr_above": 0.0}})


def with_levels(statuses: Doc) -> float:
    return float(pl.margin_model(with_parameter(pl.find_rules(PM), "statuses", statuses)).parameters.liquidated_at)


@pytest.mark.rule("BINANCE-PM-04")
def test_futures_margins_in_the_price_of_what_they_settle_in() -> None:
    market = market_doc(ALL, FLAT)
    market["assets"]["USDT"]["price"] = 0.9
    found = require(PM, [hold("BTCUSDT", 1.0), hold("BTCUSD_PERP", -7_000.0)], market, collateral={"USDT": 1e5})
    assert found.component("um_futures").maintenance == pytest.approx(300.0 * 0.9)
    assert found.component("cm_futures").maintenance == pytest.approx(10.0 * 0.004 * 70_000.0)
    assert found.component("cm_futures").initial == pytest.approx(10.0 / 20.0 * 70_000.0)
    assert found.net_equity == pytest.approx(1e5 * 0.9 * 0.99)


@pytest.mark.rule("BINANCE-PM-07")
@pytest.mark.parametrize(
    ("account", "words"),
    [
        ({"collateral": {"PEPE": 1.0}}, "account.collateral.PEPE: got 1.0 of PEPE (unknown_currency)"),
        ({"borrowed": {"PEPE": 1.0}}, "account.borrowed.PEPE: got 1.0 of PEPE (unknown_currency)"),
        ({"collateral": {"BNB": 1.0}}, "account.collateral.BNB: got 1.0 of BNB (missing_price)"),
        ({"mode": "cross"}, "account.mode: got 'cross'"),
        ({"settings": {"margin_leverage_7x": True}}, "account.settings.margin_leverage_7x"),
        (
            {"settings": {"margin_leverage_3x": True, "margin_leverage_5x": True}},
            "account.settings: got margin_leverage_3x, margin_leverage_5x; allowed: one leverage",
        ),
        ({"orders": [order("NOWHERE", 1.0, 1.0)]}, "account.orders[0].instrument: got 'NOWHERE'"),
        ({"positions": [hold("BTCUSDT", 1.0, isolated_margin=1.0)]}, "account.positions[0].isolated_margin"),
        ({"positions": [hold(CALL, 1.0)]}, f"account.positions[0].instrument: got '{CALL}', option on BTC"),
    ],
)
def test_what_portfolio_margin_refuses(account: Doc, words: str) -> None:
    market = market_doc(ALL + OPTIONS, {**FLAT, **QUOTED})
    with pytest.raises(pl.DocumentError) as caught:
        require(PM, account.pop("positions", []), market, **account)
    assert words in str(caught.value)


@pytest.mark.rule("BINANCE-PM-07")
def test_a_pack_without_the_terms_of_a_leverage_or_with_statuses_that_clash() -> None:
    rules = pl.find_rules(PM)
    loans = {"3x": rules.parameters["loans"]["3x"]}
    fewer = rules.model_copy(update={"parameters": {**rules.parameters, "loans": loans}})
    content = account_doc([], mode="portfolio", settings={"margin_leverage_5x": True})
    with pytest.raises(pl.DocumentError, match="a leverage without terms in the pack; allowed: margin_leverage_3x"):
        pl.margin_model(fewer).requirement(pl.Account.from_dict(content), pl.Market.from_dict(market_doc(ALL, FLAT)))
    for path, value, words in (
        ("default_margin_leverage", "7x", r"default_margin_leverage: got '7x'; allowed: one of 3x, 5x, 10x"),
        (
            "statuses.reminder.uni_mmr_above",
            1.5,
            r"statuses\.reminder\.uni_mmr_above: got 1\.5; allowed: another ratio",
        ),
        ("statuses.bankrupt.uni_mmr_above", 0.5, r"statuses: got '5 statuses'; allowed: one above 0 among them"),
        ("loans.3x.margin_leverage", 1.0, r"loans\.3x\.margin_leverage: got 1\.0"),
        ("collateral.BTC.collateral_rate", 1.1, r"collateral\.BTC\.collateral_rate: got 1\.1"),
    ):
        with pytest.raises(pl.DocumentError, match=words):
            pl.margin_model(with_parameter(rules, path, value))


# --- options ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("BINANCE-OP-01", "BINANCE-OP-04")
@pytest.mark.parametrize(
    ("name", "initial", "maintenance"),
    [
        ("BTC-260131-70000-C", 0.15 * 70_000.0, 0.075 * 70_000.0),
        ("BTC-260131-76000-C", 0.10 * 70_000.0, 0.05 * 70_000.0),
        ("BTC-260131-120000-C", 7_000.0, 3_500.0),
        ("BTC-260131-50000-C", 10_500.0, 5_250.0),
        ("BTC-260131-50000-P", 7_000.0, 3_500.0),
        ("BTC-260131-76000-P", 10_500.0, 5_250.0),
        ("ETH-260131-2500-P", 375.0, 187.5),
    ],
)
def test_a_sold_option(name: str, initial: float, maintenance: float) -> None:
    found = require(OPS, [hold(name, -2.0)], collateral={"USDT": 50_000.0})
    assert found.initial == pytest.approx(2.0 * (initial + 1_000.0))
    assert found.maintenance == pytest.approx(2.0 * (maintenance + 1_000.0))
    assert found.net_equity == pytest.approx(48_000.0)
    assert all(c.evidence == "assumed" for c in found.components)
    bought = require(OPS, [hold(name, 2.0)], collateral={"USDT": 50_000.0})
    assert (bought.initial, bought.maintenance, bought.net_equity) == (0.0, 0.0, 50_000.0)


@pytest.mark.rule("BINANCE-OP-02")
def test_the_lesser_equity_is_taken_and_both_are_shown() -> None:
    found = require(OPS, [hold(CALL, -1.0)], collateral={"USDT": 50_000.0, "BTC": 1.0})
    shown = {k: v for k, v in found.workings.items() if k.startswith("reading")}
    assert shown == {
        "reading.equity.with_option_value": 49_000.0,
        "reading.equity.without_option_value": 50_000.0,
    }
    assert any("equity taken with the value of the options (-1000 USDT)" in n for n in found.notes)
    assert "not counted, as options are margined in USDT: 1 BTC" in found.notes


@pytest.mark.rule("BINANCE-OP-03")
@pytest.mark.parametrize(
    ("held", "orders", "added"),
    [
        (0.0, [order(CALL, 2.0, 900.0)], 1_800.0),
        (0.0, [order(CALL, -2.0, 1_100.0)], 16_000.0),
        (0.0, [order(CALL, -2.0, 1_100.0), order(CALL, 3.0, 900.0)], 16_000.0),
        (3.0, [order(CALL, -2.0, 1_100.0), order(CALL, 3.0, 900.0)], 2_700.0),
        (1.0, [order(CALL, -3.0, 1_100.0)], 16_000.0),
        (-1.0, [order(CALL, -1.0, 1_100.0)], 8_000.0),
        (-1.0, [order(CALL, 1.0, 900.0, reduce_only=True)], 0.0),
    ],
)
def test_orders_in_options(held: float, orders: list[Doc], added: float) -> None:
    rows = [hold(CALL, held)] if held else []
    found = require(OPS, rows, orders=orders, collateral={"USDT": 1e6})
    assert found.component("open_orders").initial == pytest.approx(added)


@pytest.mark.rule("BINANCE-OP-04")
def test_marks_and_what_options_refuse() -> None:
    quoted = {**QUOTED, CALL: {"price": 1_234.0}}
    found = require(OPS, [hold(CALL, -1.0)], market_doc(OPTIONS, quoted))
    assert found.maintenance == pytest.approx(3_500.0 + 1_234.0)
    bare = market_doc(OPTIONS, {**QUOTED, CALL: {"vol": 0.5}})
    assert 3_500.0 < require(OPS, [hold(CALL, -1.0)], bare).maintenance < 7_000.0
    missing = market_doc(OPTIONS, {n: m for n, m in QUOTED.items() if n != CALL})
    with pytest.raises(pl.DocumentError, match="missing_vol"):
        require(OPS, [hold(CALL, -1.0)], missing)
    account, market = pl.Account.from_dict(account_doc([hold(CALL, -1.0)])), pl.Market.from_dict(missing)
    worst = pl.margin_model(OPS).requirement(account, market, on_failure="conservative")
    assert worst.maintenance == pytest.approx(3_500.0 + 70_700.0)
    assert worst.failures[0].reason == "missing_vol"
    # a path needs a volatility, where a quoted mark alone is enough for the margin
    only = pl.Market.from_dict(market_doc(OPTIONS, quoted))
    with pytest.raises(pl.DocumentError, match="missing_vol"):
        pl.margin_model(OPS).along(account, only, States({"BTC": np.array([1.1])}, np.ones(1)))
    mixed = market_doc(ALL + OPTIONS, {**FLAT, **QUOTED})
    with pytest.raises(pl.DocumentError, match=r"got 'BTCUSDT', linear perpetual on BTC settled in USDT"):
        require(OPS, [hold("BTCUSDT", 1.0)], mixed)
    with pytest.raises(pl.DocumentError, match=r"option_initial_floor: got 0\.2; allowed: at most option_initial"):
        pl.margin_model(with_parameter(pl.find_rules(OPS), "underlyings.BTC.option_initial_floor", 0.2))


@pytest.mark.rule("BINANCE-OP-01")
def test_the_kinks_of_an_option_are_where_its_charge_bends() -> None:
    model: MarginModel = pl.margin_model(OPS)
    market = pl.Market.from_dict(market_doc(OPTIONS, QUOTED))
    for name, ends in ((CALL, (76_000.0, 76_000.0 / 1.025)), (PUT, (70_000.0, 70_000.0 / 0.975))):
        account = pl.Account.from_dict(account_doc([hold(name, -1.0)]))
        found = model.kinks(account, market)["BTC"]
        for end in ends:
            assert np.abs(found - end / 70_000.0).min() < 1e-12


def test_no_pack_takes_what_another_does() -> None:
    market = market_doc(ALL + OPTIONS, {**FLAT, **QUOTED})
    names = {USDM: "BTCUSDT", COINM: "BTCUSD_PERP", OPS: CALL}
    for (pack, _), (_, name) in permutations(names.items(), 2):
        with pytest.raises(pl.DocumentError, match="unsupported_contract"):
            require(pack, [hold(name, 1.0)], market)
