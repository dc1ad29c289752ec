"""Contingencies, equity and the two margins of PMRM_2 by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from naive.black import black
from plimsoll.documents import DocumentError
from plimsoll.margin import MarginRefusedError
from pmrm2_toy import model, pnl, require
from rule_books import DAY, Desk

DROP = (0.8, "none")


def perpetual(quantity: float = -2.0, price: float = 101.0, **fields: Any) -> Desk:
    desk = Desk(spot=100.0)
    desk.add_perpetual(quantity, price, **fields)
    return desk


@pytest.mark.rule("DERIVE-PM2-18")
def test_a_perpetual_moves_by_its_own_price_and_is_charged_at_spot() -> None:
    desk = perpetual()
    assert pnl(desk, DROP) == pytest.approx([-2.0 * -0.2 * 101.0], rel=1e-12)
    found = require(desk, DROP, other__mm_perp_pct=0.03, other__im_perp_pct=0.01).component("perp_contingency")
    assert found.maintenance == pytest.approx(2.0 * 100.0 * 0.03, rel=1e-12)
    assert found.initial == pytest.approx(2.0 * 100.0 * 0.04, rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-19")
def test_collateral_is_valued_in_the_stable_coin_and_cut() -> None:
    desk = Desk(spot=100.0, cash_price=0.96)
    desk.add_collateral("BTC", 3.0)
    desk.add_collateral("GOLD", 2.0, 50.0)
    terms = "underlyings__BTC__collaterals__"
    cuts = {
        f"{terms}BTC__mm_haircut": 0.1,
        f"{terms}BTC__im_haircut_extra": 0.05,
        f"{terms}GOLD__mm_haircut": 0.2,
        f"{terms}GOLD__im_haircut_extra": 0.01,
    }
    found = require(desk, DROP, **cuts)
    coin, gold = 300.0 / 0.96, 100.0 / 0.96
    assert found.net_equity == pytest.approx(coin + gold, rel=1e-12)
    assert found.scenarios[0].pnl == pytest.approx(-0.2 * coin, rel=1e-12)
    haircut = found.component("collateral_haircut")
    assert haircut.maintenance == pytest.approx(0.1 * coin + 0.2 * gold, rel=1e-12)
    assert haircut.initial == pytest.approx(0.15 * coin + 0.21 * gold, rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-19", "DERIVE-PM2-06")
@pytest.mark.parametrize(("own", "spot", "counted"), [(0.3, 0.9, 0.3), (0.9, 0.4, 0.4), (0.9, 0.9, None)])
def test_doubt_about_collateral_is_its_own_or_that_of_spot(own: float, spot: float, counted: float | None) -> None:
    desk = Desk(confidence=spot)
    desk.add_collateral("GOLD", 2.0, 50.0, confidence=own)
    charge = 0.0 if counted is None else (1.0 - counted) * 100.0
    settings = {"other__conf_threshold": 0.5, "other__conf_margin": 1.0}
    assert require(desk, **settings).component("oracle").initial == pytest.approx(charge, rel=1e-12)
    # the perpetual's own doubt is charged on the perpetual and not on the collateral
    desk.add_perpetual(1.0, confidence=0.1)
    perp = 100.0 * (1.0 - 0.1)
    assert require(desk, **settings).component("oracle").initial == pytest.approx(charge + perp, rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-21")
def test_the_basis_contingency_adds_the_worse_shock_of_each_expiry() -> None:
    desk = Desk()
    near, far = desk.add_expiry(36.5 * DAY, rate=0.2), desk.add_expiry(73.0 * DAY, rate=0.2)
    desk.add_option(-1.0, 110.0, True, near)
    desk.add_option(-2.0, 90.0, False, far)
    still = desk.add_expiry(146.0 * DAY)
    desk.add_option(1.0, 0.001, True, still, 0.1)  # a delta of one: it can only lose on the way down
    settings: dict[str, Any] = {
        "basis__spot_up": 1.04,
        "basis__spot_down": 0.97,
        "basis__add_factor": 0.5,
        "basis__mult_factor": 2.0,
        "margin__long_base_static_discount": 0.5,
        "margin__short_base_static_discount": 1.5,
    }

    def loss(call: bool, strike: float, t: float, forward: float) -> float:
        moved = black(call, forward, strike, t, 0.5) - black(call, 100.0, strike, t, 0.5)
        return math.exp(-0.2 * t) * moved

    first = -1.0 * loss(True, 110.0, 0.1, 104.0) * (0.5 + 0.2)
    second = -2.0 * loss(False, 90.0, 0.2, 97.0) * (0.5 + 0.4)
    third = -3.0 * (0.5 + 0.8)
    found = require(desk, **settings).workings["basis_contingency"]
    assert found == pytest.approx(first + second + third, rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-22")
def test_the_span_is_the_least_of_basis_and_scenarios() -> None:
    desk = Desk()
    seconds = desk.add_expiry(73.0 * DAY)
    desk.add_option(1.0, 90.0, True, seconds)
    basis = {"basis__spot_down": 0.9, "basis__add_factor": 1.0}
    fall = black(True, 90.0, 90.0, 0.2, 0.5) - black(True, 100.0, 90.0, 0.2, 0.5)
    mild, grave = require(desk, (0.95, "none"), **basis), require(desk, (0.7, "none"), (0.95, "none"), **basis)
    assert mild.workings["min_span"] == pytest.approx(fall, rel=1e-9)
    assert (mild.binding[0].kind, mild.binding[0].label) == ("fwd_contingency", "basis contingency")
    assert grave.workings["min_span"] == min(s.pnl for s in grave.scenarios)
    assert (grave.binding[0].kind, grave.binding[0].label) == ("regular", "-30%")


@pytest.mark.rule("DERIVE-PM2-22")
def test_equal_losses_are_named_in_the_order_of_the_blocks() -> None:
    empty = Desk()
    rows = ((1.0, "skew_abs"), (0.5, "up", 0.3), (1.1, "none"), (0.9, "none"))
    found = require(empty, *rows).binding[0]
    assert (found.kind, found.label) == ("regular", "no loss")
    assert require(empty, *rows[:2]).binding[0].kind == "tail"
    assert require(empty, rows[0]).binding[0].kind == "skew"
    # the basis contingency comes last of all
    desk = perpetual(1.0, 100.0)
    assert require(desk, (1.1, "none")).binding[0].kind == "fwd_contingency"


def whole_account(cash_price: float) -> Desk:
    """A short perpetual, a naked call and doubtful gold: every term of both margins."""
    desk = Desk(spot=100.0, cash_price=cash_price)
    desk.add_perpetual(-2.0, 101.0, unrealised=7.0, funding=-3.0)
    seconds = desk.add_expiry(73.0 * DAY)
    desk.add_option(-1.0, 120.0, True, seconds)
    desk.add_collateral("GOLD", 2.0, 50.0, confidence=0.2)
    desk.add_collateral("USDC", 500.0)
    return desk


@pytest.mark.rule("DERIVE-PM2-23", "DERIVE-PM2-24", "DERIVE-PM2-25", "DERIVE-PM2-26")
@pytest.mark.parametrize(("price", "peg"), [(0.97, 0.02 * 4.0), (0.99, 0.0), (1.01, 0.0)])
def test_both_margins_term_by_term(price: float, peg: float) -> None:
    settings: dict[str, Any] = {
        "margin__im_factor": 1.25,
        "margin__mm_factor": 0.8,
        "other__peg_loss_threshold": 0.99,
        "other__peg_loss_factor": 4.0,
        "other__conf_threshold": 0.5,
        "other__conf_margin": 1.0,
        "other__mm_perp_pct": 0.03,
        "other__im_perp_pct": 0.01,
        "other__mm_option_pct": 0.02,
        "other__im_option_pct": 0.015,
        "underlyings__BTC__collaterals__GOLD__mm_haircut": 0.1,
        "underlyings__BTC__collaterals__GOLD__im_haircut_extra": 0.05,
    }
    desk = whole_account(price)
    found = require(desk, (1.2, "none"), (0.9, "none"), **settings)
    call = black(True, 100.0, 120.0, 0.2, 0.5)
    gold = 100.0 / price
    equity = -call + gold + 7.0 - 3.0 + 500.0
    span = -2.0 * 0.2 * 101.0 - (black(True, 120.0, 120.0, 0.2, 0.5) - call)
    lasting = 200.0 * 0.03 + 100.0 * 0.02 + 0.1 * gold
    further = 200.0 * 0.01 + 100.0 * 0.015 + 0.05 * gold + 0.8 * gold
    assert found.net_equity == pytest.approx(equity, rel=1e-12)
    assert found.maintenance == pytest.approx(-span * 0.8 + lasting, rel=1e-10)
    assert found.initial == pytest.approx(-span * (1.25 + peg) + lasting + further, rel=1e-10)
    # the venue's own words: a net margin of scenario loss less contingencies plus the mark
    assert found.excess_maintenance == pytest.approx(span * 0.8 - lasting + equity, rel=1e-10)
    assert found.component("peg").maintenance == 0.0


@pytest.mark.rule("DERIVE-PM2-26")
def test_only_cash_can_be_owed() -> None:
    desk = Desk()
    desk.add_collateral("USDC", -40.0)
    assert require(desk).net_equity == -40.0
    desk.add_collateral("GOLD", -1.0, 50.0)
    with pytest.raises(DocumentError, match=r"account\.collateral\.GOLD"):
        require(desk)


@pytest.mark.rule("DERIVE-PM2-27")
def test_contracts_of_other_kinds_are_refused_by_name() -> None:
    desk = Desk()
    near = desk.add_expiry(10.0 * DAY)
    desk.add_future(1.0, near, 100.0)
    with pytest.raises(DocumentError, match=r"positions\[0\].*unsupported_contract"):
        require(desk)
    coin = Desk()
    coin.add_perpetual(1.0, settlement="inverse", currency="BTC")
    with pytest.raises(DocumentError, match="unsupported_contract"):
        require(coin)


@pytest.mark.rule("DERIVE-PM2-27")
def test_an_account_holds_one_underlying_that_the_rules_know() -> None:
    desk = Desk()
    desk.indices["ETH"] = {"price": 10.0}
    desk.add_perpetual(1.0)
    desk.add_perpetual(1.0, 10.0, underlying="ETH")
    with pytest.raises(DocumentError, match=r"unknown_underlying[\s\S]*several_underlyings"):
        require(desk)
    desk.positions[1]["quantity"] = 0.0
    assert require(desk).net_equity == 0.0
    unknown = Desk()
    unknown.add_collateral("SILVER", 1.0, 5.0)
    with pytest.raises(DocumentError, match="SILVER"):
        require(unknown)


@pytest.mark.rule("DERIVE-PM2-27")
def test_modes_sizes_and_missing_prices_are_refused() -> None:
    desk = Desk()
    for days in (10.0, 20.0):
        desk.add_option(1.0, 100.0, True, desk.add_expiry(days * DAY))
    rules = model().rules
    small = rules.model_copy(update={"parameters": {**rules.parameters, "max_positions": 1, "max_expiries": 1}})
    with pytest.raises(DocumentError, match=r"too_many_positions[\s\S]*too_many_expiries"):
        type(model())(small).requirement(desk.account, desk.market)
    cross = desk.account.model_copy(update={"mode": "cross"})
    with pytest.raises(DocumentError, match=r"account\.mode"):
        model().requirement(cross, desk.market)
    desk.marks.clear()
    with pytest.raises(MarginRefusedError, match="missing_vol"):
        require(desk)
