"""The building blocks and scenarios of PMRM_2, each rule alone, against hand calculations with the naive Black-76."""

from __future__ import annotations

import math
from typing import Any

import pytest

from naive.black import black
from plimsoll.margin import MarginRefusedError
from pmrm2_toy import model, option_value, pnl, require
from rule_books import DAY, Desk


def single(
    call: bool = True,
    strike: float = 100.0,
    *,
    days: float = 73.0,
    vol: float = 0.5,
    quantity: float = 1.0,
    **fields: Any,
) -> Desk:
    """One option; at its expiry the forward is 100 unless `fields` say otherwise."""
    desk = Desk()
    seconds = desk.add_expiry(days * DAY, **fields)
    desk.add_option(quantity, strike, call, seconds, vol)
    return desk


def vols(desk: Desk) -> list[float]:
    """The volatility each position is valued with."""
    return [float(v) for v in model().workings(desk.account, desk.market).book.plan.vol]


@pytest.mark.rule("DERIVE-PM2-01")
def test_a_year_has_365_days() -> None:
    assert option_value(single(days=73.0)) == pytest.approx(black(True, 100.0, 100.0, 0.2, 0.5), rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-01")
def test_an_expired_option_is_its_intrinsic_value_and_stands_still() -> None:
    desk = Desk()
    desk.add_expiry(-3_600.0, variable=120.0, settlement=112.0)
    desk.add_option(2.0, 100.0, True, -3_600.0)
    desk.add_option(1.0, 115.0, False, -3_600.0)
    assert option_value(desk) == pytest.approx(2.0 * 12.0 + 3.0, rel=1e-15)
    assert pnl(desk, (1.5, "up"), (0.5, "down")) == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.rule("DERIVE-PM2-02")
@pytest.mark.parametrize(
    ("strike", "vol", "call", "put"),
    [
        (0.0, 0.5, 100.0, 0.0),
        (130.0, 60.0, 100.0, 130.0),  # total volatility 60 * sqrt(0.2) = 26.8
        (90.0, 0.0, 10.0, 0.0),
        (130.0, 0.0, 0.0, 30.0),
    ],
)
def test_black76_at_its_edges(strike: float, vol: float, call: float, put: float) -> None:
    discount = math.exp(-0.1 * 0.2)
    for is_call, value in ((True, call), (False, put)):
        desk = single(is_call, strike, vol=vol, rate=0.1)
        assert option_value(desk) == pytest.approx(discount * value, rel=1e-12, abs=1e-12)


@pytest.mark.rule("DERIVE-PM2-03")
@pytest.mark.parametrize("strike", [80.0, 104.0, 600.0, 3.0])
def test_a_smile_is_read_at_its_own_forward_and_time(strike: float) -> None:
    svi = {"a": 0.01, "b": 0.05, "rho": -0.3, "m": 0.02, "sigma": 0.2, "forward": 104.0, "tau": 0.25}
    desk = Desk()
    seconds = desk.add_expiry(73.0 * DAY, svi=svi)
    desk.add_option(1.0, strike, True, seconds, vol=None)
    edge = 4.0 * math.sqrt(0.01 + 0.05 * 0.2)
    k = min(max(math.log(strike / 104.0), -edge), edge)
    assert (abs(k) == edge) == (strike in (600.0, 3.0))
    variance = 0.01 + 0.05 * (-0.3 * (k - 0.02) + math.hypot(k - 0.02, 0.2))
    vol = math.sqrt(variance / 0.25)
    # a high strike keeps the price sensitive to the volatility only if it is read as a put as well
    desk.add_option(1.0, strike, False, seconds, vol=None)
    expected = black(True, 100.0, strike, 0.2, vol) + black(False, 100.0, strike, 0.2, vol)
    assert option_value(desk) == pytest.approx(expected, rel=1e-12)
    assert vols(desk) == pytest.approx([vol, vol], rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-03")
def test_a_smile_is_capped_and_refused_below_zero() -> None:
    wild = {"a": 150.0, "b": 0.0, "rho": 0.0, "m": 0.0, "sigma": 0.1, "forward": 100.0, "tau": 4.0}
    desk = Desk()
    seconds = desk.add_expiry(73.0 * DAY, svi=wild)
    desk.add_option(1.0, 100.0, True, seconds, vol=None)
    desk.add_option(1.0, 0.0, True, seconds, vol=None)
    assert vols(desk) == [6.0, 0.0]
    # a + b (rho (k - m) + hypot(k - m, sigma)) dips below zero at k = m - rho sigma / sqrt(1 - rho^2)
    bad = {"a": -0.01, "b": 0.2, "rho": 0.9, "m": 0.1, "sigma": 0.1, "forward": 100.0, "tau": 0.2}
    sunk = Desk()
    seconds = sunk.add_expiry(73.0 * DAY, svi=bad)
    name = sunk.add_option(1.0, 100.0 * math.exp(-0.106), True, seconds, vol=None)
    with pytest.raises(MarginRefusedError) as refused:
        require(sunk)
    assert [f.subject for f in refused.value.failures] == [name]


@pytest.mark.rule("DERIVE-PM2-04")
@pytest.mark.parametrize("call", [True, False])
def test_only_the_variable_part_of_a_forward_is_shocked(call: bool) -> None:
    """Fifteen minutes before expiry half of the average is in: 5 % on spot is 2.5 % on the forward."""
    desk = Desk()
    seconds = desk.add_expiry(900.0, variable=100.0 * 900.0 / 1_800.0, fixed=100.0 * 900.0 / 1_800.0)
    desk.add_option(1.0, 40.0 if call else 250.0, call, seconds, vol=0.5)
    sign = 1.0 if call else -1.0
    assert pnl(desk, (1.05, "none"), (0.95, "none")) == pytest.approx([sign * 2.5, -sign * 2.5], rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-05", "DERIVE-PM2-06")
@pytest.mark.parametrize("doubtful", ["spot", "forward", "rate", "vol", "perp"])
def test_the_least_confidence_of_an_expiry_counts(doubtful: str) -> None:
    trust = {"spot": 0.9, "forward": 0.9, "rate": 0.9, "vol": 0.9, "perp": 0.9, doubtful: 0.2}
    desk = Desk(confidence=trust["spot"])
    near = desk.add_expiry(10.0 * DAY, confidence=(trust["forward"], trust["rate"], trust["vol"]))
    far = desk.add_expiry(80.0 * DAY, confidence=(0.9, 0.9, 0.9))
    desk.add_option(2.0, 100.0, True, near)
    desk.add_option(-3.0, 110.0, True, near)
    desk.add_option(7.0, 90.0, True, far)
    desk.add_perpetual(-4.0, confidence=trust["perp"])
    settings = {"other__conf_threshold": 0.5, "other__conf_margin": 2.0}
    unit = (1.0 - 0.2) * 2.0 * 100.0
    coins = 5.0 + (7.0 + 4.0 if doubtful in ("spot", "perp") else 0.0)
    charged = require(desk, **settings).component("oracle")
    assert (charged.initial, charged.maintenance) == (pytest.approx(unit * coins, rel=1e-12), 0.0)


@pytest.mark.rule("DERIVE-PM2-05")
def test_a_perpetual_that_is_not_held_casts_no_doubt() -> None:
    desk = single(confidence=(0.9, 0.9, 0.9))
    desk.add_perpetual(0.0, confidence=0.1, unrealised=5.0)
    assert require(desk, other__conf_threshold=0.5, other__conf_margin=1.0).component("oracle").initial == 0.0


@pytest.mark.rule("DERIVE-PM2-06")
@pytest.mark.parametrize(("confidence", "charge"), [(0.5, 0.0), (0.499, 0.501 * 100.0), (0.0, 100.0)])
def test_confidence_is_charged_below_the_threshold_only(confidence: float, charge: float) -> None:
    desk = Desk(confidence=confidence)
    desk.add_perpetual(-1.0)
    found = require(desk, other__conf_threshold=0.5, other__conf_margin=1.0).component("oracle").initial
    assert found == pytest.approx(charge, rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-07", "DERIVE-PM2-20")
def test_naked_shorts_are_counted_strike_by_strike() -> None:
    desk = Desk()
    near, far = desk.add_expiry(10.0 * DAY), desk.add_expiry(80.0 * DAY)
    for quantity, strike, call, expiry in (
        (3.0, 100.0, True, near),
        (-5.0, 100.0, False, near),  # 2 naked: three of the puts are covered by the calls
        (-1.0, 110.0, True, near),
        (-2.0, 110.0, False, near),  # 3 naked
        (50.0, 120.0, True, near),  # covers nothing
        (-4.0, 90.0, True, near),
        (6.0, 90.0, False, near),  # none: the put covers
        (-0.5, 100.0, True, far),  # 0.5: another expiry does not cover
    ):
        desk.add_option(quantity, strike, call, expiry)
    charged = require(desk, other__mm_option_pct=0.03, other__im_option_pct=0.02).component("option_contingency")
    assert charged.maintenance == pytest.approx(5.5 * 100.0 * 0.03, rel=1e-12)
    assert charged.initial == pytest.approx(5.5 * 100.0 * 0.05, rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-08")
@pytest.mark.parametrize(
    ("days", "floor", "scale"),
    [
        (10.0, 1.0, 3.0**0.3),
        (0.25, 1.0, 30.0**0.3),
        (120.0, 1.0, 0.25**0.13),
        # the boundary shows only where the floor is beyond it: thirty days to the second take the short power
        (30.0, 60.0, 0.5**0.3),
        (30.0 + 1.0 / DAY, 60.0, 0.5**0.13),
    ],
)
def test_volatility_shocks_follow_a_power_law_in_time(days: float, floor: float, scale: float) -> None:
    t, desk = days / 365.0, single(days=days)
    law = {
        "vol_shock__short_term_power": 0.3,
        "vol_shock__long_term_power": 0.13,
        "vol_shock__dte_floor_days": floor,
        "vol_shock__range_down": 0.2,
    }
    now = black(True, 100.0, 100.0, t, 0.5)
    up = black(True, 100.0, 100.0, t, 0.5 * (1.0 + 0.5 * scale)) - now
    down = black(True, 100.0, 100.0, t, 0.5 * (1.0 - 0.2 * scale)) - now
    assert pnl(desk, (1.0, "up"), (1.0, "down"), **law) == pytest.approx([up, down], rel=1e-9)


@pytest.mark.rule("DERIVE-PM2-08")
def test_a_volatility_never_goes_below_zero() -> None:
    desk = single(strike=90.0)
    lost = 10.0 - black(True, 100.0, 90.0, 0.2, 0.5)
    assert pnl(desk, (1.0, "down"), vol_shock__range_down=2.0) == pytest.approx([lost], rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-09")
@pytest.mark.parametrize(("rate", "discount"), [(0.3, math.exp(-0.06)), (0.0, 1.0), (-0.3, 1.0)])
def test_options_are_discounted_at_no_less_than_zero(rate: float, discount: float) -> None:
    desk = single(rate=rate)
    value = discount * black(True, 100.0, 100.0, 0.2, 0.5)
    assert option_value(desk) == pytest.approx(value, rel=1e-12)
    static = pnl(desk, (1.0, "none"), margin__long_rate_mult=1.0)
    assert static == pytest.approx([value * (discount - 1.0)], rel=1e-10, abs=1e-12)


@pytest.mark.rule("DERIVE-PM2-10")
def test_only_a_volatility_that_is_shocked_up_has_a_minimum() -> None:
    desk = single(vol=0.1)
    now = black(True, 100.0, 100.0, 0.2, 0.1)
    moves = [black(True, 100.0, 100.0, 0.2, vol) - now for vol in (0.4, 0.1, 0.07)]
    rows = ((1.0, "up"), (1.0, "none"), (1.0, "down"))
    assert pnl(desk, *rows, vol_shock__min_vol_up_shock=0.4) == pytest.approx(moves, rel=1e-9, abs=1e-12)


@pytest.mark.rule("DERIVE-PM2-11")
def test_a_long_expiry_is_marked_down_even_unshocked() -> None:
    desk = single(rate=0.1)
    value = math.exp(-0.02) * black(True, 100.0, 100.0, 0.2, 0.5)
    factor = 0.9 * math.exp(-0.2 * (0.1 * 2.0 + 0.3))
    settings = {"margin__long_base_static_discount": 0.9, "margin__long_rate_mult": 2.0, "margin__long_rate_add": 0.3}
    assert pnl(desk, (1.0, "none"), **settings) == pytest.approx([value * (factor - 1.0)], rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-11", "DERIVE-PM2-12")
def test_the_net_value_of_each_expiry_is_discounted_by_its_own_sign() -> None:
    desk = Desk()
    near, far = desk.add_expiry(36.5 * DAY, rate=0.5), desk.add_expiry(73.0 * DAY, rate=0.5)
    for quantity, strike, expiry in ((5.0, 95.0, near), (-4.0, 105.0, near), (1.0, 95.0, far), (-4.0, 105.0, far)):
        desk.add_option(quantity, strike, True, expiry)

    def net(t: float, long: float, forward: float) -> float:
        legs = long * black(True, forward, 95.0, t, 0.5) - 4.0 * black(True, forward, 105.0, t, 0.5)
        return math.exp(-0.5 * t) * legs

    expected = []
    for shock in (1.0, 1.2):
        first, second = net(0.1, 5.0, 100.0 * shock), net(0.2, 1.0, 100.0 * shock)
        assert first > 0.0 > second
        expected.append(first * 0.9 - net(0.1, 5.0, 100.0) + second * 1.01 - net(0.2, 1.0, 100.0))
    settings = {"margin__long_base_static_discount": 0.9, "margin__short_base_static_discount": 1.01}
    assert pnl(desk, (1.0, "none"), (1.2, "none"), **settings) == pytest.approx(expected, rel=1e-10)


@pytest.mark.rule("DERIVE-PM2-12")
@pytest.mark.parametrize(
    ("base", "add", "factor"),
    [
        (1.01, 0.0, 1.01 * math.exp(0.2 * 0.3 * 0.5)),
        (1.04, 0.5, math.exp(0.06)),  # 1.04 exp(0.13) is above the cap 1 / D
    ],
)
def test_a_short_is_marked_up_to_its_undiscounted_value_at_most(base: float, add: float, factor: float) -> None:
    desk = single(quantity=-2.0, rate=0.3)
    value = -2.0 * math.exp(-0.06) * black(True, 100.0, 100.0, 0.2, 0.5)
    settings = {
        "margin__short_base_static_discount": base,
        "margin__short_rate_mult": 0.5,
        "margin__short_rate_add": add,
    }
    assert pnl(desk, (1.0, "none"), **settings) == pytest.approx([value * (factor - 1.0)], rel=1e-10)


@pytest.mark.rule("DERIVE-PM2-13")
def test_dampening_reaches_every_moving_part() -> None:
    desk = Desk(spot=100.0)
    seconds = desk.add_expiry(73.0 * DAY)
    desk.add_option(3.0, 100.0, True, seconds)
    desk.add_perpetual(2.0, price=101.0)
    desk.add_collateral("BTC", 5.0)
    desk.add_collateral("GOLD", 9.0, 50.0)
    calls = 3.0 * (black(True, 50.0, 100.0, 0.2, 0.5) - black(True, 100.0, 100.0, 0.2, 0.5))
    full = calls - 2.0 * 0.5 * 101.0 - 5.0 * 0.5 * 100.0
    assert pnl(desk, (0.5, "none"), (0.5, "none", 0.3)) == pytest.approx([full, 0.3 * full], rel=1e-10)


@pytest.mark.rule("DERIVE-PM2-13")
def test_dampening_touches_no_contingency() -> None:
    desk = single(quantity=-1.0)
    desk.add_perpetual(2.0)
    desk.add_collateral("GOLD", 9.0, 50.0)
    settings: dict[str, Any] = {
        "basis__spot_up": 1.05,
        "basis__add_factor": 1.0,
        "other__mm_perp_pct": 0.03,
        "other__mm_option_pct": 0.01,
        "underlyings__BTC__collaterals__GOLD__mm_haircut": 0.1,
    }
    plain, damped = (require(desk, (1.0, "none", d), **settings) for d in (1.0, 0.001))
    for name, amount in (("perp_contingency", 6.0), ("option_contingency", 1.0), ("collateral_haircut", 45.0)):
        assert plain.component(name).maintenance == damped.component(name).maintenance == pytest.approx(amount)
    lost = black(True, 105.0, 100.0, 0.2, 0.5) - black(True, 100.0, 100.0, 0.2, 0.5)
    assert plain.workings["basis_contingency"] == damped.workings["basis_contingency"]
    assert damped.workings["basis_contingency"] == pytest.approx(-lost, rel=1e-10)
