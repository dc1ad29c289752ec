"""Each Greek against a derivative taken at forty digits, the rules at the limits, and parity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.pricing.black76 import inverse_price, price
from plimsoll.pricing.greeks import Greeks, greeks, inverse_greeks

NAMES = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga")
HOUR = 1.0 / 8760.0
EXPIRIES = [(t, vol) for t in (HOUR, 1.0 / 365.0, 30.0 / 365.0, 0.5, 2.0) for vol in (0.05, 0.25, 0.8, 1.5, 3.0)]


def exact_value(call: bool, coin: bool) -> Callable[..., mpmath.mpf]:
    """V(F, K, t, vol, r) in multiple precision, or V / F."""
    sign = 1 if call else -1

    def value(f: Any, k: Any, t: Any, vol: Any, r: Any) -> mpmath.mpf:
        s = vol * mpmath.sqrt(t)
        d1 = mpmath.log(f / k) / s + s / 2
        out = sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - s))) * mpmath.exp(-r * t)
        return out / f if coin else out

    return value


def exact_greeks(f: float, k: float, t: float, vol: float, call: bool, rate: float, coin: bool) -> list[float]:
    value = exact_value(call, coin)
    orders = (
        (1, 0, 0, 0),
        (2, 0, 0, 0),
        (0, 0, 1, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 1),
        (1, 0, 1, 0),
        (0, 0, 2, 0),
    )
    with mpmath.workdps(40):
        strike = mpmath.mpf(k)
        point = tuple(mpmath.mpf(x) for x in (f, t, vol, rate))
        derivatives = [mpmath.diff(lambda a, b, c, d: value(a, strike, b, c, d), point, order) for order in orders]
    derivatives[3] = -derivatives[3]
    return [float(d) for d in derivatives]


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize(("t", "vol"), EXPIRIES)
def test_equal_to_high_precision_derivatives(t: float, vol: float, coin: bool) -> None:
    forward, rate = 1234.5, 0.07
    width = vol * t**0.5
    # at, around and far from the money, and the strikes where volga and vanna peak
    strikes = forward * np.exp(np.array([-9.0, -5.0, -2.0, -1.0, -0.3, 0.0, 0.4, 1.0, 2.0, 5.0, 9.0]) * width)
    for call in (True, False):
        mine = (inverse_greeks if coin else greeks)(forward, strikes, t, vol, call, rate)
        exact = np.array([exact_greeks(forward, float(k), t, vol, call, rate, coin) for k in strikes])
        for column, name in enumerate(NAMES):
            error = np.abs(getattr(mine, name) - exact[:, column]).max()
            assert error <= 1e-9 * np.abs(exact[:, column]).max(), (name, call)


@given(
    st.floats(1.0, 1e5),
    st.floats(-3.0, 3.0),
    st.floats(1e-3, 2.0),
    st.floats(0.05, 3.0),
    st.floats(-0.1, 0.2),
)
def test_call_minus_put_is_a_forward(f: float, z: float, t: float, vol: float, rate: float) -> None:
    k = f * float(np.exp(z * vol * t**0.5))
    call, put = greeks(f, k, t, vol, True, rate), greeks(f, k, t, vol, False, rate)
    discount = float(np.exp(-rate * t))
    assert float(call.delta - put.delta) == pytest.approx(discount, rel=1e-13)
    for name in ("gamma", "vega", "vanna", "volga"):
        assert getattr(call, name) == getattr(put, name)
    gap = discount * (f - k)
    scale = 1e-13 * max(f, k)
    assert float(call.rho - put.rho) == pytest.approx(-t * gap, abs=scale * max(t, 1.0))
    assert float(call.theta - put.theta) == pytest.approx(rate * gap, abs=10 * scale)


@given(st.floats(1.0, 1e5), st.floats(-3.0, 3.0), st.floats(1e-3, 2.0), st.floats(0.05, 3.0), st.booleans())
def test_coin_delta_is_the_premium_adjusted_delta(f: float, z: float, t: float, vol: float, call: bool) -> None:
    k = f * float(np.exp(z * vol * t**0.5))
    coin, usd = inverse_greeks(f, k, t, vol, call), greeks(f, k, t, vol, call)
    adjusted = float(usd.delta) * f - float(price(f, k, t, vol, call))
    assert float(coin.delta) * f * f == pytest.approx(adjusted, abs=1e-13 * max(f, k))
    assert float(coin.vega) * f == pytest.approx(float(usd.vega), rel=1e-13)
    assert float(coin.rho) == pytest.approx(-t * float(inverse_price(f, k, t, vol, call)), rel=1e-13)


@pytest.mark.parametrize(("t", "vol"), [(0.0, 0.8), (0.5, 0.0)])
def test_without_total_volatility(t: float, vol: float) -> None:
    rate, strikes = 0.1, np.array([90.0, 100.0, 110.0])
    discount = float(np.exp(-rate * t))
    call, put = greeks(100.0, strikes, t, vol, True, rate), greeks(100.0, strikes, t, vol, False, rate)
    assert call.delta.tolist() == pytest.approx([discount, 0.5 * discount, 0.0])
    assert put.delta.tolist() == pytest.approx([0.0, -0.5 * discount, -discount])
    for side, value in ((call, [10 * discount, 0.0, 0.0]), (put, [0.0, 0.0, 10 * discount])):
        for name in ("gamma", "vega", "vanna", "volga"):
            assert getattr(side, name).tolist() == [0.0, 0.0, 0.0]
        assert side.theta.tolist() == pytest.approx([rate * v for v in value])
        assert side.rho.tolist() == pytest.approx([-t * v for v in value])
    coin = inverse_greeks(100.0, strikes, t, vol, True, rate)
    # c = D (1 - K/F) in the money: delta D K / F^2, gamma -2 D K / F^3
    assert coin.delta.tolist() == pytest.approx([discount * 0.009, 0.5 * discount * 0.01, 0.0])
    assert coin.gamma.tolist() == pytest.approx([-discount * 1.8e-4, -discount * 1e-4, 0.0])
    assert coin.vega.tolist() == [0.0, 0.0, 0.0]


def test_limits_of_strike_forward_and_saturation() -> None:
    for f, k, vol, delta_call, delta_put in (
        (100.0, 0.0, 0.5, 1.0, 0.0),
        (0.0, 100.0, 0.5, 0.0, -1.0),
        (0.0, 0.0, 0.5, 1.0, 0.0),
        (100.0, 1e8, 30.0, 1.0, 0.0),
    ):
        call, put = greeks(f, k, 1.0, vol, True), greeks(f, k, 1.0, vol, False)
        assert (float(call.delta), float(put.delta)) == (delta_call, delta_put)
        for side in (call, put):
            assert [float(getattr(side, n)) for n in ("gamma", "vega", "theta", "vanna", "volga")] == [0.0] * 5


def test_array_equals_scalar() -> None:
    strikes, vols = np.array([50.0, 100.0, 300.0]), np.array([[0.1], [0.0], [2.0]])
    table = greeks(100.0, strikes, 0.1, vols, True, 0.03)
    for name in NAMES:
        assert getattr(table, name).shape == (3, 3)
        for row in range(3):
            for column in range(3):
                one: Greeks = greeks(100.0, strikes[column], 0.1, vols[row, 0], True, 0.03)
                assert getattr(one, name) == getattr(table, name)[row, column]


def test_frozen_and_refusing() -> None:
    g = greeks(100.0, 100.0, 0.1, 0.5, True)
    with pytest.raises(AttributeError):
        g.delta = np.zeros(1)  # type: ignore[misc]
    with pytest.raises(ValueError, match="rate: got nan, must be finite"):
        greeks(100.0, 100.0, 0.1, 0.5, True, float("nan"))
    with pytest.raises(ValueError, match="rate: got -10000"):
        greeks(100.0, 100.0, 1.0, 0.5, True, -10_000.0)
    with pytest.raises(ValueError, match=r"forward: got 0\.0, must be finite and above 0"):
        inverse_greeks(0.0, 100.0, 0.1, 0.5, True)
    with pytest.raises(ValueError, match=r"vol: got -0\.5"):
        greeks(100.0, 100.0, 0.1, -0.5, True)
