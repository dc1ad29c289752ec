"""The skew scenarios of PMRM_2 by hand."""

from __future__ import annotations

import math

import pytest

from naive.black import black
from pmrm2_toy import model, option_value, pnl, require
from rule_books import DAY, Desk

SHAPE = {
    "skew__linear_base_cap": 0.2,
    "skew__abs_base_cap": 0.3,
    "skew__linear_c_base": -0.1,
    "skew__abs_c_base": 0.05,
    "skew__width_scale": 2.0,
    "skew__vol_param_static": 0.5,
    "skew__vol_param_scale": -0.2,
}
LINEAR, ABSOLUTE = (1.0, "skew_linear"), (1.0, "skew_abs")


def one(strike: float, days: float = 73.0, vol: float = 0.5) -> Desk:
    """One long call, forward 100."""
    desk = Desk()
    seconds = desk.add_expiry(days * DAY)
    desk.add_option(1.0, strike, True, seconds, vol)
    return desk


def lost(strike: float, multiplier: float, t: float, vol: float = 0.5) -> float:
    """What the scenario costs when it multiplies the volatility."""
    return -abs(black(True, 100.0, strike, t, vol * multiplier) - black(True, 100.0, strike, t, vol))


@pytest.mark.rule("DERIVE-PM2-14")
@pytest.mark.parametrize(
    ("strike", "linear", "absolute"),
    [
        # t = 0.2: k_star = sqrt(0.2) * 2 * (0.5 - 0.2 sqrt(0.2)) = 0.3672; far strikes stand at the caps
        (108.0, None, None),
        (92.0, None, None),
        (160.0, 1.0, 1.0),
        (60.0, -1.0, 1.0),
    ],
)
def test_the_smile_is_tilted_up_to_its_caps(strike: float, linear: float | None, absolute: float | None) -> None:
    root, k = math.sqrt(0.2), math.log(strike / 100.0)
    k_star = root * 2.0 * (0.5 - 0.2 * root)
    caps = (-0.1 * root + 0.2, 0.05 * root + 0.3)
    assert (abs(k) < k_star) == (linear is None)
    shares = (k / k_star if linear is None else linear, abs(k) / k_star if absolute is None else absolute)
    expected = [lost(strike, 1.0 + share * cap, 0.2) for share, cap in zip(shares, caps, strict=True)]
    assert pnl(one(strike), LINEAR, ABSOLUTE, **SHAPE) == pytest.approx(expected, rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-14")
def test_the_width_of_the_tilt_has_a_minimum() -> None:
    k, cap = math.log(1.02), 0.25
    expected = lost(102.0, 1.0 + cap * k / 2.0, 0.2)
    assert pnl(one(102.0), LINEAR, skew__min_k_star=2.0) == pytest.approx([expected], rel=1e-9)
    wide = 4.0 * 0.6 * math.sqrt(0.2)
    assert 0.01 < wide < 2.0
    expected = lost(102.0, 1.0 + cap * k / wide, 0.2)
    assert pnl(one(102.0), LINEAR, skew__min_k_star=0.01) == pytest.approx([expected], rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-14")
def test_at_the_money_nothing_tilts_and_the_multiplier_stops_at_zero() -> None:
    assert pnl(one(100.0), LINEAR, ABSOLUTE, **SHAPE) == pytest.approx([0.0, 0.0], abs=1e-12)
    # below the money a linear tilt with cap 3 would be -2 on the volatility: it stops at intrinsic value
    value = black(True, 100.0, 20.0, 0.2, 1.5)
    found = pnl(one(20.0, vol=1.5), LINEAR, skew__linear_base_cap=3.0, skew__width_scale=0.5)
    assert found == pytest.approx([80.0 - value], rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-15")
@pytest.mark.parametrize(
    ("strike", "row", "tilt"),
    [
        # t = 4 years: cap = 0.1 - 0.2 * 2 = -0.3, k_star = 0.5 throughout
        (100.0, LINEAR, -0.3),
        (110.0, LINEAR, -0.3),
        (110.0, ABSOLUTE, -0.3),
        (180.0, LINEAR, -0.3 * math.log(1.8) / 0.5),
        (90.0, ABSOLUTE, -0.3),
        (90.0, LINEAR, 0.3),
        (50.0, LINEAR, 0.3 * math.log(2.0) / 0.5),
    ],
)
def test_a_negative_cap_does_not_turn_the_bounds_around(strike: float, row: tuple[float, str], tilt: float) -> None:
    shape = {
        "skew__linear_base_cap": 0.1,
        "skew__abs_base_cap": 0.1,
        "skew__linear_c_base": -0.2,
        "skew__abs_c_base": -0.2,
        "skew__min_k_star": 0.5,
        "skew__width_scale": 0.0,
    }
    expected = lost(strike, 1.0 + tilt, 4.0)
    assert pnl(one(strike, days=1_460.0), row, **shape) == pytest.approx([expected], rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-16")
def test_each_expiry_loses_whichever_way_the_tilt_would_turn_it() -> None:
    desk = Desk()
    near, far = desk.add_expiry(36.5 * DAY), desk.add_expiry(73.0 * DAY)
    desk.add_option(2.0, 160.0, True, near)
    desk.add_option(-0.1, 150.0, True, near)
    desk.add_option(-3.0, 160.0, True, far)
    shape = {"skew__width_scale": 0.0}  # k_star 0.01: every strike here stands at the cap

    def move(strike: float, t: float) -> float:
        return black(True, 100.0, strike, t, 0.625) - black(True, 100.0, strike, t, 0.5)

    first, second = 2.0 * move(160.0, 0.1) - 0.1 * move(150.0, 0.1), -3.0 * move(160.0, 0.2)
    expected = -abs(first) - abs(second)
    assert first > 0.0 > second
    damped = (1.0, "skew_linear", 0.4)
    assert pnl(desk, LINEAR, damped, **shape) == pytest.approx([expected, 0.4 * expected], rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-17")
def test_a_skew_scenario_that_moves_spot_is_taken_at_unmoved_spot() -> None:
    desk = one(120.0)
    desk.add_perpetual(1.0)
    desk.add_collateral("BTC", 2.0)
    plain, moved = require(desk, LINEAR), require(desk, (1.18, "skew_linear"))
    assert moved.scenarios[0].pnl == plain.scenarios[0].pnl
    assert not plain.notes
    assert len(moved.notes) == 1
    assert "unmoved spot" in moved.notes[0]


@pytest.mark.rule("DERIVE-PM2-10", "DERIVE-PM2-14")
def test_a_tilt_knows_no_minimum_volatility() -> None:
    desk = one(120.0, vol=0.1)
    expected = lost(120.0, 1.25, 0.2, vol=0.1)
    found = pnl(desk, LINEAR, skew__width_scale=0.0, vol_shock__min_vol_up_shock=0.9)
    assert found == pytest.approx([expected], rel=1e-9)
    assert option_value(desk) == pytest.approx(black(True, 100.0, 120.0, 0.2, 0.1), rel=1e-9)
    assert model(LINEAR).parameters.vol_shock.min_vol_up_shock == 0.0
