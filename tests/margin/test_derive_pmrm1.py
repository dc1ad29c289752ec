"""The rules of Derive's first portfolio manager, each alone, against hand calculations with the naive Black-76."""

from __future__ import annotations

import math
from typing import Any

import pytest

import plimsoll as pl
from naive.black import black
from plimsoll.documents import DocumentError
from pmrm1_toy import model, pnl, require
from rule_books import DAY, Desk


def single(
    call: bool = True,
    strike: float = 100.0,
    *,
    quantity: float = 1.0,
    days: float = 73.0,
    vol: float = 0.5,
    **fields: Any,
) -> Desk:
    """One option; at its expiry the forward is 100 unless `fields` say otherwise."""
    desk = Desk()
    desk.add_option(quantity, strike, call, desk.add_expiry(days * DAY, **fields), vol)
    return desk


@pytest.mark.rule("DERIVE-PM1-01")
def test_options_are_not_discounted_whatever_the_rate() -> None:
    value = black(True, 100.0, 100.0, 0.2, 0.5)
    desk = single(rate=0.4)
    assert require(desk).net_equity == pytest.approx(value, rel=1e-12)
    moved = black(True, 120.0, 100.0, 0.2, 0.5) - value
    assert pnl(desk, (1.0, "none"), (1.2, "none")) == pytest.approx([0.0, moved], rel=1e-12, abs=1e-12)


@pytest.mark.rule("DERIVE-PM1-02")
@pytest.mark.parametrize("rate", [0.1, -0.1])
def test_a_positive_expiry_is_marked_down_even_unshocked(rate: float) -> None:
    value = black(True, 100.0, 100.0, 0.2, 0.5)
    factor = 0.9 * math.exp(-0.2 * (max(rate, 0.0) * 2.0 + 0.3))
    settings = {"margin__base_static_discount": 0.9, "margin__rate_mult": 2.0, "margin__rate_add": 0.3}
    assert pnl(single(rate=rate), (1.0, "none"), **settings) == pytest.approx([value * (factor - 1.0)], rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-02")
def test_the_net_value_of_an_expiry_decides_and_a_negative_one_is_left_alone() -> None:
    desk = Desk()
    near, far = desk.add_expiry(36.5 * DAY), desk.add_expiry(73.0 * DAY)
    for quantity, strike, expiry in ((2.0, 95.0, near), (-1.0, 105.0, near), (1.0, 95.0, far), (-4.0, 105.0, far)):
        desk.add_option(quantity, strike, True, expiry)
    first = 2.0 * black(True, 100.0, 95.0, 0.1, 0.5) - black(True, 100.0, 105.0, 0.1, 0.5)
    second = black(True, 100.0, 95.0, 0.2, 0.5) - 4.0 * black(True, 100.0, 105.0, 0.2, 0.5)
    assert first > 0.0 > second
    found = pnl(desk, (1.0, "none"), margin__base_static_discount=0.9)
    assert found == pytest.approx([-0.1 * first], rel=1e-10)


@pytest.mark.rule("DERIVE-PM1-03")
def test_volatility_is_scaled_in_time_and_has_no_minimum() -> None:
    law = {"vol_shock__short_term_power": 0.3, "vol_shock__long_term_power": 0.13, "vol_shock__range_down": 0.2}
    for days, scale in ((7.3, (30.0 / 7.3) ** 0.3), (73.0, (30.0 / 73.0) ** 0.13), (0.1, 30.0**0.3)):
        t, desk = days / 365.0, single(days=days, vol=0.02)
        now = black(True, 100.0, 100.0, t, 0.02)
        up = black(True, 100.0, 100.0, t, 0.02 * (1.0 + 0.5 * scale)) - now
        down = black(True, 100.0, 100.0, t, 0.02 * (1.0 - 0.2 * scale)) - now
        assert pnl(desk, (1.0, "up"), (1.0, "down"), **law) == pytest.approx([up, down], rel=1e-9)


@pytest.mark.rule("DERIVE-PM1-04")
def test_the_perpetual_moves_at_its_price_and_the_coin_at_spot_over_the_stable_price() -> None:
    desk = Desk(cash_price=0.8)
    desk.add_perpetual(-2.0, 110.0, unrealised=7.0, funding=-3.0)
    desk.add_collateral("BTC", 5.0)
    desk.add_collateral("USDC", 11.0)
    base = 5.0 * 100.0 / 0.8
    assert pnl(desk, (0.9, "none"), (1.2, "none")) == pytest.approx([-0.1 * (base - 220.0), 0.2 * (base - 220.0)])
    assert require(desk).net_equity == pytest.approx(base + 7.0 - 3.0 + 11.0, rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-05")
def test_only_the_variable_part_of_a_forward_is_shocked() -> None:
    desk = single(strike=40.0, days=900.0 / DAY, variable=50.0, fixed=50.0)
    assert pnl(desk, (1.05, "none"), (0.95, "none")) == pytest.approx([2.5, -2.5], rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-06")
def test_the_basis_contingency_adds_the_worse_loss_of_each_expiry() -> None:
    desk = Desk()
    near, far = desk.add_expiry(36.5 * DAY), desk.add_expiry(73.0 * DAY)
    desk.add_option(1.0, 100.0, True, near)
    desk.add_option(-1.0, 100.0, True, far)
    down = black(True, 90.0, 100.0, 0.1, 0.5) - black(True, 100.0, 100.0, 0.1, 0.5)
    up = black(True, 100.0, 100.0, 0.2, 0.5) - black(True, 105.0, 100.0, 0.2, 0.5)
    settings = {"basis__spot_up": 1.05, "basis__spot_down": 0.9, "basis__add_factor": 0.5, "basis__mult_factor": 2.0}
    found = require(desk, **settings)
    expected = down * (0.5 + 0.2) + up * (0.5 + 0.4)
    assert found.workings["basis_contingency"] == pytest.approx(expected, rel=1e-10)
    assert (found.binding[0].kind, found.binding[0].label) == ("fwd_contingency", "basis contingency")
    assert found.maintenance == pytest.approx(-expected, rel=1e-10)


@pytest.mark.rule("DERIVE-PM1-06")
def test_an_expiry_that_gains_both_ways_has_no_basis_contingency() -> None:
    desk = Desk()
    seconds = desk.add_expiry(73.0 * DAY)
    for call in (True, False):
        desk.add_option(1.0, 100.0, call, seconds)
    found = require(desk, basis__spot_up=1.3, basis__spot_down=0.7, basis__add_factor=1.0)
    assert found.workings["basis_contingency"] == 0.0


CONTINGENCIES = {"other__perp_pct": 0.03, "other__base_pct": 0.05, "other__option_pct": 0.02, "margin__im_factor": 1.4}


@pytest.mark.rule("DERIVE-PM1-07", "DERIVE-PM1-09")
def test_static_contingencies_are_taken_at_spot_and_scaled_by_the_factor() -> None:
    desk = Desk(cash_price=0.8)
    near, far = desk.add_expiry(10.0 * DAY), desk.add_expiry(80.0 * DAY)
    for quantity, strike, call, expiry in (
        (3.0, 100.0, True, near),
        (-5.0, 100.0, False, near),  # 2 naked: three of the puts are covered by the calls
        (-1.0, 110.0, True, near),
        (-0.5, 100.0, True, far),
    ):
        desk.add_option(quantity, strike, call, expiry)
    desk.add_perpetual(-4.0, 130.0)
    desk.add_collateral("BTC", 6.0)
    found = require(desk, **CONTINGENCIES)
    for name, amount in (("perp_contingency", 12.0), ("base_contingency", 30.0), ("option_contingency", 7.0)):
        part = found.component(name)
        assert (part.initial, part.maintenance) == pytest.approx((1.4 * amount, amount), rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-08")
@pytest.mark.parametrize("doubtful", ["spot", "forward", "rate", "vol", "perp"])
def test_doubt_is_charged_outside_the_factor(doubtful: str) -> None:
    trust = {"spot": 0.9, "forward": 0.9, "rate": 0.9, "vol": 0.9, "perp": 0.9, doubtful: 0.2}
    desk = Desk(confidence=trust["spot"])
    near = desk.add_expiry(10.0 * DAY, confidence=(trust["forward"], trust["rate"], trust["vol"]))
    far = desk.add_expiry(80.0 * DAY, confidence=(0.9, 0.9, 0.9))
    for quantity, expiry in ((2.0, near), (-3.0, near), (7.0, far)):
        desk.add_option(quantity, 100.0, True, expiry)
    desk.add_perpetual(-4.0, confidence=trust["perp"])
    desk.add_collateral("BTC", 6.0)
    found = require(desk, other__conf_threshold=0.5, other__conf_margin=2.0, margin__im_factor=1.4).component("oracle")
    coins = 5.0 + (7.0 + 4.0 + 6.0 if doubtful in ("spot", "perp") else 0.0)
    assert (found.initial, found.maintenance) == (pytest.approx(0.8 * 2.0 * 100.0 * coins, rel=1e-12), 0.0)


@pytest.mark.rule("DERIVE-PM1-08")
def test_a_perpetual_that_is_not_held_casts_no_doubt_and_the_threshold_itself_is_enough() -> None:
    desk = Desk(confidence=0.5)
    desk.add_perpetual(0.0, confidence=0.1, unrealised=5.0)
    desk.add_collateral("BTC", 6.0)
    assert require(desk, other__conf_threshold=0.5, other__conf_margin=1.0).component("oracle").initial == 0.0


@pytest.mark.rule("DERIVE-PM1-09")
def test_both_margins_of_a_loss() -> None:
    desk = Desk()
    desk.add_perpetual(2.0, 110.0)
    desk.add_collateral("USDC", 100.0)
    found = require(desk, (0.8, "none"), (1.1, "none"), **CONTINGENCIES)
    assert (found.initial, found.maintenance) == pytest.approx((1.4 * (44.0 + 6.0), 44.0 + 6.0), rel=1e-12)
    assert (found.excess_initial, found.excess_maintenance) == pytest.approx((30.0, 50.0), rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-10")
@pytest.mark.parametrize(("stable", "peg"), [(0.99, 0.0), (0.9, 0.09 * 4.0)])
def test_a_broken_peg_raises_the_factor_on_loss_and_contingencies(stable: float, peg: float) -> None:
    desk = Desk(cash_price=stable)
    desk.add_perpetual(2.0, 110.0)
    settings = {**CONTINGENCIES, "other__peg_loss_threshold": 0.99, "other__peg_loss_factor": 4.0}
    found = require(desk, (0.8, "none"), **settings)
    assert found.component("peg").initial == pytest.approx(50.0 * peg, rel=1e-12, abs=1e-12)
    assert found.component("peg").maintenance == 0.0
    assert found.workings["im_loss_factor"] == pytest.approx(1.4 + peg, rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-11")
def test_the_span_is_never_a_gain() -> None:
    desk = Desk()
    desk.add_perpetual(2.0)
    found = require(desk, (1.1, "none"), (1.2, "none"))
    assert (found.initial, found.workings["min_span"]) == (0.0, 0.0)
    assert (found.binding[0].kind, found.binding[0].label) == ("fwd_contingency", "no loss")


@pytest.mark.rule("DERIVE-PM1-11")
def test_equal_losses_are_named_by_the_first_scenario() -> None:
    desk = Desk()
    desk.add_perpetual(2.0)
    found = require(desk, (1.1, "none"), (0.9, "up"), (0.9, "none"))
    assert found.binding[0].label == "-10% iv +50%"


@pytest.mark.rule("DERIVE-PM1-12")
def test_shares_add_up_to_their_component() -> None:
    desk = Desk(confidence=0.3, cash_price=0.9)
    seconds = desk.add_expiry(73.0 * DAY)
    for quantity, strike in ((2.0, 95.0), (-3.0, 105.0)):
        desk.add_option(quantity, strike, True, seconds)
    desk.add_perpetual(-2.0, 101.0)
    desk.add_collateral("BTC", 1.0)
    more = {"other__peg_loss_threshold": 1.0, "other__peg_loss_factor": 4.0, "other__conf_threshold": 0.5}
    found = require(desk, (0.8, "up"), (1.2, "up"), **CONTINGENCIES, **more, other__conf_margin=1.0)
    assert all(c.initial > 0.0 for c in found.components)
    for c in found.components:
        assert sum(s.initial for s in c.shares) == pytest.approx(c.initial, rel=1e-9)
        assert sum(s.maintenance for s in c.shares) == pytest.approx(c.maintenance, rel=1e-9)


@pytest.mark.rule("DERIVE-PM1-13")
def test_what_the_manager_cannot_hold_is_named() -> None:
    inverse, two, strange, owed, unknown, many, dates = (Desk() for _ in range(7))
    inverse.add_perpetual(1.0, settlement="inverse", currency="BTC")
    two.indices["ETH"] = {"price": 10.0}
    two.add_perpetual(1.0)
    two.add_perpetual(1.0, 10.0, underlying="ETH")
    strange.indices["XYZ"] = {"price": 1.0}
    strange.add_perpetual(1.0, 1.0, underlying="XYZ")
    owed.add_collateral("BTC", -1.0)
    unknown.add_collateral("ETH", 1.0, 10.0)
    for i in range(7):
        many.add_perpetual(1.0)
        if i < 3:
            dates.add_option(1.0, 100.0, True, dates.add_expiry((i + 1) * DAY))
    for desk, word in (
        (inverse, "inverse perpetual"),
        (two, "several_underlyings"),
        (strange, "unknown_underlying"),
        (owed, "only USDC can be owed"),
        (unknown, "unknown_currency"),
        (many, "7 positions"),
        (dates, "3 expiries"),
    ):
        said = model(underlyings=["BTC", "ETH"]).applies_to(desk.account, desk.market) if desk is two else None
        said = said or model().applies_to(desk.account, desk.market)
        assert said is not None
        assert word in said
        with pytest.raises(DocumentError, match=word):
            require(desk, underlyings=["BTC", "ETH"] if desk is two else ["BTC"])
    crossed = pl.Account.from_dict({**Desk().account.to_dict(), "mode": "cross"})
    assert "unsupported_mode" in str(model().applies_to(crossed, Desk().market))


@pytest.mark.rule("DERIVE-PM1-13")
def test_an_account_of_collateral_only_belongs_to_its_coin() -> None:
    desk = Desk()
    desk.indices["ETH"] = {"price": 10.0}
    desk.add_collateral("ETH", 3.0)
    found = require(desk, (0.9, "none"), underlyings=["BTC", "ETH"])
    assert (found.net_equity, found.binding[0].underlying) == (30.0, "ETH")
    assert found.initial == pytest.approx(3.0, rel=1e-12)


@pytest.mark.rule("DERIVE-PM1-14")
def test_an_expired_option_is_its_intrinsic_value_and_stands_still() -> None:
    desk = Desk()
    desk.add_expiry(-3_600.0, variable=120.0, settlement=112.0)
    desk.add_option(2.0, 100.0, True, -3_600.0)
    assert require(desk).net_equity == pytest.approx(24.0, rel=1e-15)
    assert pnl(desk, (1.5, "up"), (0.5, "down")) == pytest.approx([0.0, 0.0], abs=1e-12)
