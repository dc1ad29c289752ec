"""Barrier Greeks: in and out make the analytic vanilla ones, also close to the barrier, and the closed touch
density."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.pricing import barrier_greeks, barrier_price, greeks

NAMES = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga")
flags = st.booleans()


def in_and_out(x: float, f: float, k: float, h: float, t: float, vol: float, call: bool, up: bool, rate: float) -> None:
    parts = barrier_greeks(x, f, k, h, t, vol, call, up, [True, False], 0.0, rate)
    whole = greeks(f, k, t, vol, call, rate)
    root, size = vol * np.sqrt(t), max(f, k)
    scale = {
        "delta": 1.0,
        "gamma": 1.0 / (f * root),
        "vega": size * np.sqrt(t),
        "theta": size * vol / np.sqrt(t),
        "rho": size * t,
        "vanna": 1.0 / vol,
        "volga": size * np.sqrt(t) / vol,
    }
    for name in NAMES:
        made = float(getattr(parts, name).sum())
        # the differences of a fortieth of a deviation err by its fourth power
        assert made == pytest.approx(float(getattr(whole, name)), abs=2e-6 * scale[name]), name


@given(
    st.floats(-0.1, 0.1),
    st.floats(-0.4, 0.4),
    st.floats(0.05, 1.0),
    st.floats(0.1, 1.0),
    st.floats(0.1, 1.0),
    flags,
    flags,
    st.floats(-0.05, 0.1),
)
def test_in_and_out_have_the_greeks_of_the_vanilla_option(
    carry: float, k: float, away: float, t: float, vol: float, call: bool, up: bool, rate: float
) -> None:
    h = 100.0 * float(np.exp(away if up else -away))
    in_and_out(100.0, 100.0 * float(np.exp(carry * t)), 100.0 * float(np.exp(k)), h, t, vol, call, up, rate)


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("up", [True, False])
def test_close_to_the_barrier_the_slope_is_that_of_the_living_side(gap: float, up: bool) -> None:
    h = 100.0 * (1.0 + gap if up else 1.0 - gap)
    for call, k in ((True, 80.0), (False, 120.0)):
        out = barrier_greeks(100.0, 100.0, k, h, 0.2, 0.5, call, up, False)
        value = float(barrier_price(100.0, 100.0, k, h, 0.2, 0.5, call, up, False))
        # from zero at the barrier the value grows along its slope
        towards = -value / (h - 100.0)
        assert float(out.delta) == pytest.approx(towards, rel=0.2 * np.sqrt(gap) + 4.0 * gap)
        assert np.sign(out.delta) == (-1.0 if up else 1.0)


def test_a_rebate_alone_has_the_slope_of_the_touch_chance() -> None:
    # driftless in the logarithm of the forward measure: P = N(a) + (S/H) N(b), S falls towards H
    x, h, s = 100.0, 90.0, 0.3
    g = barrier_greeks(x, x, 0.0, h, 1.0, s, False, False, False, 5.0)
    step = 1e-4 * x
    up, down = (float(barrier_price(v, v, 0.0, h, 1.0, s, False, False, False, 5.0)) for v in (x + step, x - step))
    assert float(g.delta) == pytest.approx((up - down) / (2.0 * step), rel=1e-6)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="spot: must be on the living side"):
        barrier_greeks(89.0, 89.0, 100.0, 90.0, 0.5, 0.4, True, False, False)
    with pytest.raises(ValueError, match=r"vol: got 0\.0"):
        barrier_greeks(100.0, 100.0, 100.0, 90.0, 0.5, 0.0, True, False, False)
