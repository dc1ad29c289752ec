"""OKX portfolio margin: the published numbers, collateral, orders, packs and refusals."""

from __future__ import annotations

import copy
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from plimsoll.conformance.case import run_case
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.liquidation import alone, liquidation
from plimsoll.margin import Requirement, with_parameter
from plimsoll.margin.parts.discounts import DiscountTable
from plimsoll.margin.path import States, moved, tracks_of

Doc = dict[str, Any]
NEW, MIDDLE, OLD = "okx-pm@2025-01-15", "okx-pm@2025-01-06", "okx-pm@2022-01-01"
CASES = {c.id: c for c in shipped_cases() if c.id.startswith("okx-")}


def swap(coin: str, currency: str, multiplier: float = 1.0) -> Doc:
    inverse = coin == currency
    row = {"kind": "perpetual", "name": f"{coin}-{'USD' if inverse else currency}-SWAP", "underlying": coin}
    return row | {
        "settlement": "inverse" if inverse else "linear",
        "currency": currency,
        "multiplier": multiplier,
    }


CALL: Doc = {
    "kind": "option",
    "name": "BTC-USD-250328-110000-C",
    "underlying": "BTC",
    "expiry": "2025-03-28T08:00:00Z",
    "strike": 110_000.0,
    "call": True,
    "settlement": "inverse",
    "currency": "BTC",
}
MARKET: Doc = {
    "schema": "plimsoll.market",
    "schema_version": 1,
    "time": "2025-02-01T00:00:00Z",
    "indices": {"BTC": {"price": 100_000.0}, "ETH": {"price": 3_000.0}, "DOGE": {"price": 0.3}},
    "assets": {"USDT": {"price": 1.0}, "USDC": {"price": 1.0}, "BETH": {"price": 3_000.0}, "X": {"price": 0.01}},
    "expiries": [{"underlying": "BTC", "expiry": CALL["expiry"], "forward": {"variable": 101_000.0}}],
    "instruments": [swap("BTC", "USDT"), swap("BTC", "USDC"), swap("BTC", "BTC", 100.0), swap("DOGE", "USDT"), CALL],
    "marks": {
        "BTC-USDT-SWAP": {"price": 100_000.0},
        "BTC-USDC-SWAP": {"price": 100_000.0},
        "BTC-USD-SWAP": {"price": 100_000.0},
        "DOGE-USDT-SWAP": {"price": 0.3},
        CALL["name"]: {"vol": 0.6},
    },
}


def require(pack: str | pl.Rules, held: dict[str, float], market: Doc = MARKET, **more: Any) -> Requirement:
    positions = [{"instrument": n, "quantity": q} for n, q in held.items()]
    content = {"schema": "plimsoll.account", "schema_version": 1, "positions": positions, **more}
    return pl.margin_model(pack).requirement(pl.Account.from_dict(content), pl.Market.from_dict(market))


def test_the_cases_are_what_their_tool_writes_and_all_are_met() -> None:
    tool = import_module("make_cases_okx")
    assert tool.main(["--check"]) == 0
    assert len(CASES) == 8
    assert {c: run_case(case).misses for c, case in CASES.items()} == {key: [] for key in CASES}


@pytest.mark.rule("OKX-PM-11", "OKX-PM-13", "OKX-PM-16")
def test_the_position_builders_answer_whole() -> None:
    case = CASES["okx-pm-position-builder"]
    found = pl.margin_model(NEW).requirement(pl.Account.from_dict(case.account), pl.Market.from_dict(case.market))
    assert found.initial == pytest.approx(9643.45070718144, abs=5e-12)
    assert found.maintenance == pytest.approx(2946.5480841048, abs=5e-11)
    assert found.net_equity == pytest.approx(-78553.21888979999, abs=5e-11)
    assert found.workings["margin_ratio"] == pytest.approx(-25.95365779811705, abs=5e-14)
    assert found.component("stress").evidence == found.component("mr8").evidence == "reproduced"
    # the fee is 0.1 % of what is owed with its own margin, and no margin itself
    owed = 78_589.37 * 0.99954
    assert found.workings["liquidation_fee"] == pytest.approx(owed * 0.001 * 1.02, rel=1e-12)
    assert sum(c.maintenance for c in found.components) == pytest.approx(found.maintenance)


@pytest.mark.rule("OKX-PM-15")
def test_collateral_counts_by_tiers_and_debts_in_full() -> None:
    found = require(NEW, {}, collateral={"USDT": 100.0, "USDC": -40.0, "BETH": 5e6 / 3_000.0, "BTC": 2.0})
    assert found.workings["counted.BETH"] == pytest.approx(4.1e6)
    assert found.workings["counted.BTC"] == pytest.approx(0.95 * 200_000.0)
    assert found.net_equity == pytest.approx(4.1e6 + 190_000.0 + 100.0 - 40.0)
    coins = require(NEW, {}, collateral={"X": 1.5e8})
    assert coins.net_equity == pytest.approx((1.2e8 * 0.85 + 3e7 * 0.79) * 0.01)
    whole = with_parameter(pl.find_rules(NEW), "discounts.BETH.counting", "whole")
    assert require(whole, {}, collateral={"BETH": 5e6 / 3_000.0}).net_equity == pytest.approx(2.5e6)
    capped = pl.find_rules(NEW).parameters
    capped = {
        **capped,
        "discounts": {**capped["discounts"], "BTC": {"cap": 150_000.0, "tiers": [{"upto": None, "rate": 0.9}]}},
    }
    rules = pl.find_rules(NEW).model_copy(update={"parameters": capped})
    assert require(rules, {}, collateral={"BTC": 2.0}).net_equity == pytest.approx(0.9 * 150_000.0)
    assert require(NEW, {}, collateral={"BTC": 2.0}, borrowed={"BTC": 2.5}).net_equity == pytest.approx(-50_000.0)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ({"tiers": []}, "tiers"),
        ({"tiers": [{"upto": None, "rate": 0.9}, {"upto": 5.0, "rate": 0.5}]}, "tiers[0].upto"),
        ({"tiers": [{"upto": 5.0, "rate": 0.9}, {"upto": 4.0, "rate": 0.5}]}, "tiers[1].upto"),
        ({"tiers": [{"upto": 5.0, "rate": 0.5}, {"upto": None, "rate": 0.9}]}, "tiers[1].rate"),
        ({"measure": "euros", "tiers": [{"upto": None, "rate": 0.9}]}, "measure"),
    ],
)
def test_a_discount_table_that_makes_no_sense_is_refused(table: Doc, path: str) -> None:
    rules = pl.find_rules(NEW)
    parameters = copy.deepcopy(rules.parameters)
    parameters["discounts"]["BTC"] = table
    with pytest.raises(pl.DocumentError) as told:
        pl.margin_model(rules.model_copy(update={"parameters": parameters}))
    assert f"parameters.discounts.BTC.{path}" in str(told.value)
    assert DiscountTable.model_validate({"tiers": [{"upto": None, "rate": 1.0}]}).counting == "marginal"


@pytest.mark.rule("OKX-PM-04")
def test_coins_held_hedge_up_to_what_the_unit_is_short_of() -> None:
    bare = require(NEW, {"BTC-USDT-SWAP": -3.0}, settings={"spot_hedging": False}, collateral={"BTC": 2.0})
    hedged = require(NEW, {"BTC-USDT-SWAP": -3.0}, collateral={"BTC": 2.0})
    assert bare.workings["BTC.spot_in_use"] == 0.0
    assert hedged.workings["BTC.spot_in_use"] == 2.0
    assert bare.workings["BTC.mr1"] == pytest.approx(0.12 * 300_000.0)
    assert hedged.workings["BTC.mr1"] == pytest.approx(0.12 * 100_000.0)
    # more coins than the unit is short of are no position of their own
    assert require(NEW, {"BTC-USDT-SWAP": -3.0}, collateral={"BTC": 9.0}).workings["BTC.mr1"] == 0.0
    assert require(NEW, {"BTC-USDT-SWAP": 3.0}, collateral={"BTC": 2.0}).workings["BTC.spot_in_use"] == 0.0
    # before the merger the holder had to ask for it
    assert require(OLD, {"BTC-USDT-SWAP": -3.0}, collateral={"BTC": 2.0}).workings["BTC-USDT.spot_in_use"] == 0.0


@pytest.mark.rule("OKX-PM-01", "OKX-PM-12", "OKX-PM-20")
def test_merged_units_net_across_settlement_and_pay_for_the_peg() -> None:
    held = {"BTC-USDT-SWAP": 100.0, "BTC-USDC-SWAP": -60.0, "BTC-USD-SWAP": -40_000.0}
    found = require(NEW, held)
    assert found.workings["BTC.mr1"] == pytest.approx(0.0, abs=1e-6)
    # USDT against the dollar takes 4 million, then USDT against USDC 6 million
    dollar, stable = 1e6 * 0.005 + 3e6 * 0.01, 1e6 * 0.005 + 4e6 * 0.01 + 1e6 * 0.025
    assert found.workings["BTC.mr9"] == pytest.approx(dollar + stable)
    apart = require(MIDDLE, held)
    assert {n.split(".")[0] for n in apart.workings if n.endswith(".mr1")} == {"BTC-USD", "BTC-USDC", "BTC-USDT"}
    assert apart.workings["BTC-USDT.mr1"] == pytest.approx(0.12 * 1e7)
    assert require(OLD, held).workings["BTC-USDT.mr1"] == pytest.approx(0.15 * 1e7)
    fallen = copy.deepcopy(MARKET)
    fallen["assets"]["USDT"]["price"] = 0.79
    worst = require(NEW, {"BTC-USDT-SWAP": 100.0, "BTC-USD-SWAP": -79_000.0}, fallen)
    assert worst.workings["BTC.mr9"] == pytest.approx(0.4 * 7.9e6)


def test_a_coin_of_the_second_list_alone_has_the_widest_shock() -> None:
    found = require(NEW, {"DOGE-USDT-SWAP": 1e6})
    assert found.workings["DOGE.mr1"] == pytest.approx(0.25 * 300_000.0)
    assert found.workings["DOGE.mr6"] == pytest.approx(0.5 * 0.36 * 300_000.0)
    assert found.component("stress").evidence == "read"


@pytest.mark.rule("OKX-PM-10", "OKX-PM-19")
@pytest.mark.parametrize("pack", [OLD, NEW])
def test_the_scaled_minimum_charge_grows_faster_than_the_book_and_its_shares_add_up(pack: str) -> None:
    held = {"BTC-USDT-SWAP": 1_000.0, CALL["name"]: -1_000.0}
    one, ten = require(pack, held), require(pack, {n: 10.0 * q for n, q in held.items()})
    name = next(n for n in one.workings if n.endswith("USDT.mr7") or n == "BTC.mr7")
    assert ten.workings[name] > 10.0 * one.workings[name]
    for found in (one, ten):
        part = found.component("mr7")
        assert sum(s.maintenance for s in part.shares) == pytest.approx(part.maintenance, rel=1e-9)
    assert found.component("mr7").maintenance > 0.0


@pytest.mark.rule("OKX-PM-10", "OKX-PM-13")
def test_a_margin_set_by_the_minimum_charge_says_so() -> None:
    case = CASES["okx-pm-scaled-minimum"]
    model = pl.margin_model(case.rule_set())
    found = model.requirement(pl.Account.from_dict(case.account), pl.Market.from_dict(case.market))
    assert (found.binding[0].kind, found.binding[0].pnl) == ("mr7", pytest.approx(-50_000.0))
    assert found.component("mr7").maintenance == pytest.approx(10_000.0)


@pytest.mark.rule("OKX-PM-17")
def test_orders_add_what_the_worst_way_of_filling_them_adds() -> None:
    order = {"instrument": "BTC-USDT-SWAP", "quantity": -5.0, "price": 100_000.0}
    base = require(NEW, {"BTC-USDT-SWAP": 2.0})
    sold = require(NEW, {"BTC-USDT-SWAP": 2.0}, orders=[order])
    assert sold.maintenance == base.maintenance
    alone = require(NEW, {"BTC-USDT-SWAP": -3.0})
    assert sold.initial == pytest.approx(alone.initial)
    both = [order, {**order, "quantity": 5.0}]
    assert require(NEW, {"BTC-USDT-SWAP": 2.0}, orders=both).initial == pytest.approx(
        require(NEW, {"BTC-USDT-SWAP": 7.0}).initial
    )
    reducing = {**order, "reduce_only": True}
    assert require(NEW, {"BTC-USDT-SWAP": 2.0}, orders=[reducing]).initial == base.initial
    # an order that hedges asks for nothing
    assert require(NEW, {"BTC-USDT-SWAP": 2.0}, orders=[{**order, "quantity": -1.0}]).initial == base.initial


@pytest.mark.rule("OKX-PM-21")
@pytest.mark.parametrize(("cash", "told"), [(1e6, None), (60_000.0, "the venue warns"), (10_000.0, "cancel orders")])
def test_what_the_venue_does_is_told(cash: float, told: str | None) -> None:
    found = require(NEW, {"BTC-USDT-SWAP": 2.0}, collateral={"USDT": cash})
    assert any("margin ratio at or below" in n for n in found.notes) is (told is not None)
    assert told is None or any(told in n for n in found.notes)


def test_the_order_of_positions_leaves_no_trace() -> None:
    held = {"BTC-USDT-SWAP": 3.0, "DOGE-USDT-SWAP": -5e5, CALL["name"]: -2.5, "BTC-USD-SWAP": -700.0}
    one = require(NEW, held, collateral={"USDT": 5e4, "BTC": 1.0})
    two = require(NEW, dict(reversed(list(held.items()))), collateral={"BTC": 1.0, "USDT": 5e4})
    assert two.maintenance == pytest.approx(one.maintenance, rel=1e-12)
    assert two.net_equity == pytest.approx(one.net_equity, rel=1e-12)


def test_options_are_assumed_and_said_to_be() -> None:
    found = require(NEW, {CALL["name"]: -2.0}, collateral={"BTC": 1.0})
    assert {c.evidence for c in found.components if c.maintenance} == {"assumed"}
    assert any("no public formula" in n for n in found.notes)
    assert found.workings["BTC.mr2"] == 0.0  # what was sold gains by time
    assert require(NEW, {CALL["name"]: 2.0}).workings["BTC.mr2"] > 0.0
    # one expiry has no term structure; a short option's loss is worst with volatility up
    assert found.workings["BTC.mr3"] == 0.0
    assert found.binding[0].label.endswith("iv up")


@pytest.mark.rule("OKX-PM-02", "OKX-PM-03")
def test_points_bind_where_volatility_is_low_and_percent_where_it_is_high() -> None:
    """At 55 days: 20.83 points or 26.67 %; they meet at a volatility of 78 %."""
    for vol, wider in ((0.3, "points"), (1.5, "percent")):
        market = copy.deepcopy(MARKET)
        market["marks"][CALL["name"]] = {"vol": vol}
        both = require(NEW, {CALL["name"]: -1.0}, market).workings["BTC.mr1"]
        rules = pl.find_rules(NEW)
        for row in range(3):
            rules = with_parameter(rules, f"vol_shocks.{row}.{'percent' if wider == 'points' else 'points'}", 0.0)
        assert require(rules, {CALL["name"]: -1.0}, market).workings["BTC.mr1"] == both


@pytest.mark.rule("OKX-PM-14")
def test_a_track_ends_where_what_is_owed_begins_to_cost() -> None:
    account = pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "positions": [{"instrument": "BTC-USDT-SWAP", "quantity": 1.0}],
            "collateral": {"USDT": 20_000.0},
        }
    )
    model, market = pl.margin_model(NEW), pl.Market.from_dict(MARKET)
    assert 0.8 in model.kinks(account, market)["BTC"].round(12)
    (track,) = model.along(account, market, States({"BTC": np.array([0.8, 0.79])}, np.ones(2)))
    assert track.equity == pytest.approx([0.0, -1_000.0], abs=1e-9)
    assert track.maintenance[1] - track.maintenance[0] == pytest.approx(0.02 * 1_000.0 - 0.122 * 1_000.0)


@pytest.mark.rule("OKX-PM-16", "OKX-PM-21")
def test_the_line_is_where_the_venues_ratio_with_its_fee_is_one() -> None:
    """A long in BTC on borrowed USDT: equity has to cover the fee on the loan too."""
    account = pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "collateral": {"BTC": 3.0, "USDT": -150_000.0},
            "positions": [{"instrument": "BTC-USDT-SWAP", "quantity": 0.5}],
        }
    )
    model, market = pl.margin_model(NEW), pl.Market.from_dict(MARKET)
    found = liquidation(model, account, market, alone("BTC", market))
    (line,) = found.lines
    at = model.assess(*moved(account, market, {"BTC": line.multiplier}, 1.0), "refuse")
    fee, maintenance = at.workings["liquidation_fee"], sum(c.maintenance for c in at.components)
    assert fee == pytest.approx(at.workings["borrow_mmr"] / 0.02 * 0.001 * 1.02)
    assert at.workings["margin_ratio"] == pytest.approx(1.0, rel=1e-9)
    assert at.net_equity / maintenance > 1.02
    assert line.maintenance == pytest.approx(maintenance + fee, rel=1e-9)
    # one assessment after the other tells the same
    states = States({"BTC": np.array([1.0, line.multiplier])}, np.ones(2))
    (fast,), (slow,) = model.along(account, market, states), tracks_of(model.assess, account, market, states)
    assert fast.fee is not None
    assert slow.fee is not None
    assert fast.fee == pytest.approx(slow.fee, rel=1e-12)
    assert fast.needed == pytest.approx(slow.needed, rel=1e-12)
    # what the venue does is told by its own ratio, not by the one without the fee
    told = model.requirement(*moved(account, market, {"BTC": line.multiplier * (1.0 - 1e-9)}, 1.0))
    assert told.maintenance < told.net_equity
    assert any("at or below 100%" in n for n in told.notes)


@pytest.mark.rule("OKX-PM-18")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"collateral": {"WIF": 5.0}}, "account.collateral.WIF"),
        ({"borrowed": {"WIF": 5.0}}, "unknown_currency"),
        ({"mode": "cross"}, "unsupported_mode"),
        ({"settings": {"hedge": True}}, "spot_hedging"),
        ({"positions": [{"instrument": "BTC-USDT-SWAP", "quantity": 1.0, "isolated_margin": 5.0}]}, "isolated_margin"),
        ({"positions": [{"instrument": "SPOT", "quantity": 1.0}]}, "coins are held as collateral"),
        ({"positions": [{"instrument": "ODD", "quantity": 1.0}]}, "unsupported_contract"),
        ({"positions": [{"instrument": "WIF-USD-SWAP", "quantity": 1.0}]}, "currencies with a discount rate"),
        ({"positions": [{"instrument": "NOWHERE", "quantity": 1.0}]}, "unknown_instrument"),
    ],
)
def test_what_the_rules_cannot_take_is_refused_with_its_path(changes: Doc, words: str) -> None:
    market = copy.deepcopy(MARKET)
    odd = {**swap("BTC", "ETH"), "name": "ODD"}
    market["instruments"] += [{"kind": "spot", "name": "SPOT", "underlying": "BTC"}, odd, swap("WIF", "WIF")]
    market["indices"]["WIF"] = {"price": 1.0}
    market["marks"] |= {"ODD": {"price": 1.0}, "WIF-USD-SWAP": {"price": 1.0}}
    with pytest.raises(pl.DocumentError) as told:
        require(NEW, {}, market, **changes)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("mr1.majors.coins", [], "groups without coins"),
        ("mr8.dollars.coins", [], "groups without coins"),
        ("mr4.second.coins", ["BTC"], "BTC in two groups"),
        ("vol_shocks.1.days", 0.0, "days above"),
        ("mr5.points.1.days", 0.5, "days above"),
        ("mr9.levels", [0.995, 0.995, 0.98, 0.8], "a level below"),
        ("mr9.tiers.0.rates", [0.1], "one for a level"),
        ("mr9.tiers.0.upto", None, "null for the last tier"),
        ("scaling.majors.tiers.0.upto", None, "for all tiers but the last"),
        ("scaling.majors.tiers.1.upto", 1.0, "an amount above"),
        ("scaling.majors.tiers.6.upto", 1e9, "the last tier has no end"),
    ],
)
def test_a_pack_that_makes_no_sense_is_refused(path: str, value: Any, words: str) -> None:
    with pytest.raises(pl.DocumentError, match=words):
        pl.margin_model(with_parameter(pl.find_rules(NEW), path, value))
