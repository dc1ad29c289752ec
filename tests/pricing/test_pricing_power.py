"""Power options: the integral, the cap, published values, Greeks against bumps, the limits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.exotics import expectation
from plimsoll.pricing import power_greeks, power_price, price

strikes = st.floats(40.0, 250.0)
powers = st.floats(0.3, 4.0)
flags = st.booleans()


@given(strikes, st.floats(0.02, 0.8), flags, powers, st.none() | st.floats(1.0, 300.0))
def test_it_is_the_integral(k: float, s: float, call: bool, power: float, cap: float | None) -> None:
    most = np.inf if cap is None else cap

    def pays(x: float) -> float:
        gain = (x / k) ** power - 1.0
        return min(max(k * (gain if call else -gain), 0.0), most)

    kinks = [k]
    if cap is not None:
        kinks.append(k * max(0.0, 1.0 + (cap if call else -cap) / k) ** (1.0 / power))
    mine = float(power_price(100.0, k, 1.0, s, call, power, most))
    assert mine == pytest.approx(expectation(pays, 100.0, 100.0, s, kinks), rel=1e-6, abs=2e-7 * k)


@given(strikes, st.floats(0.0, 3.0), flags)
def test_a_power_of_one_is_the_vanilla_option(k: float, s: float, call: bool) -> None:
    assert power_price(100.0, k, 1.0, s, call, 1.0) == pytest.approx(float(price(100.0, k, 1.0, s, call)), rel=1e-12)


def test_published_values() -> None:
    # Haug: pays max(S^i - 100, 0), S = 10, T = 0.5, r = 8 %, b = 2 %, vol 10 %; ours counts in units of 100^(1/i)
    forward, discount = 10.0 * np.exp(0.01), np.exp(-0.04)
    for power, published in ((1.9, 0.3102), (1.95, 1.9320), (2.0, 6.7862)):
        strike = 100.0 ** (1.0 / power)
        mine = power_price(forward, strike, 0.5, 0.1, True, power, discount=discount) * 100.0 / strike
        assert mine == pytest.approx(published, abs=5e-5)


@given(strikes, st.floats(0.0, 1.5), powers, st.floats(1.0, 200.0))
def test_a_cap_is_a_spread_that_grows_into_the_whole(k: float, s: float, power: float, cap: float) -> None:
    caps = np.array([cap, 2.0 * cap, 1e12])
    for call in (True, False):
        values = power_price(100.0, k, 1.0, s, call, power, caps)
        assert (values >= 0.0).all()
        assert (values <= caps).all()
        assert (np.diff(values) >= -1e-9 * values.max()).all()
    # a put never pays more than its strike
    assert power_price(100.0, k, 1.0, s, False, power, 1e12) == pytest.approx(
        float(power_price(100.0, k, 1.0, s, False, power)), rel=1e-9, abs=1e-12
    )


@given(strikes, powers, flags)
def test_convex_powers_grow_with_volatility(k: float, power: float, call: bool) -> None:
    values = power_price(100.0, k, 1.0, np.linspace(0.0, 1.0, 30), True, max(power, 1.0))
    assert (np.diff(values) >= -1e-9 * values.max()).all()
    spots = power_price(np.linspace(50.0, 200.0, 30), k, 1.0, 0.4, call, power)
    assert (np.diff(spots) * (1.0 if call else -1.0) >= -1e-9 * spots.max()).all()


def test_draws_agree_within_three_standard_errors() -> None:
    last = 100.0 * np.exp(0.4 * np.random.default_rng(4).standard_normal(400_000) - 0.08)
    for call in (True, False):
        gain = (last / 105.0) ** 2.0 - 1.0
        sample = np.minimum(105.0 * np.maximum(gain if call else -gain, 0.0), 150.0)
        mine = power_price(100.0, 105.0, 1.0, 0.4, call, 2.0, 150.0)
        assert abs(sample.mean() - mine) < 3.0 * sample.std(ddof=1) / np.sqrt(sample.size)


def test_the_limits() -> None:
    assert power_price([90.0, 110.0], 100.0, 0.0, 0.5, True, 2.0) == pytest.approx([0.0, 21.0])
    assert power_price(0.0, 100.0, 1.0, 0.5, [True, False], 2.0).tolist() == [0.0, 100.0]
    # at such a volatility nearly all paths end near zero: the put pays its cap and the capped call nothing, however
    # large the forward of the power is
    assert power_price(100.0, 100.0, 1.0, 50.0, [True, False], 10.0, 7.0).tolist() == [0.0, 7.0]


@given(strikes, st.floats(0.1, 0.8), st.floats(0.05, 1.5), flags, powers, st.floats(-0.1, 0.2))
def test_greeks_are_the_bumped_values(k: float, vol: float, t: float, call: bool, power: float, rate: float) -> None:
    f = 100.0

    def value(df: float = 0.0, dv: float = 0.0, dt: float = 0.0) -> float:
        return float(power_price(f + df, k, t + dt, vol + dv, call, power, discount=np.exp(-rate * (t + dt))))

    def four(at: Any, step: float) -> float:
        return (8.0 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12.0 * step)

    def greek(name: str, df: float = 0.0, dv: float = 0.0) -> float:
        return float(getattr(power_greeks(f + df, k, t, vol + dv, call, power, rate), name))

    g = power_greeks(f, k, t, vol, call, power, rate)
    h, v = 1e-3 * f * vol * np.sqrt(t), 1e-3 * vol
    near = {"rel": 1e-6, "abs": 1e-6 * k}
    assert g.delta == pytest.approx(four(lambda d: value(df=d), h), **near)
    assert g.vega == pytest.approx(four(lambda d: value(dv=d), v), **near)
    assert g.theta == pytest.approx(-four(lambda d: value(dt=d), 1e-4 * t), rel=1e-6, abs=1e-6 * k / t)
    assert g.gamma == pytest.approx(four(lambda d: greek("delta", df=d), h), **near)
    assert g.vanna == pytest.approx(four(lambda d: greek("delta", dv=d), v), **near)
    assert g.volga == pytest.approx(four(lambda d: greek("vega", dv=d), v), rel=1e-6, abs=1e-5 * k)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"strike: got 0.0"):
        power_price(1.0, 0.0, 1.0, 1.0, True, 2.0)
    with pytest.raises(ValueError, match="cap: got 0"):
        power_price(1.0, 1.0, 1.0, 1.0, True, 2.0, 0.0)
    with pytest.raises(ValueError, match=r"power: got -1.0"):
        power_price(1.0, 1.0, 1.0, 1.0, True, -1.0)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("cap", [50.0, 100.0, 1000.0, None])
@pytest.mark.parametrize(
    ("power", "s"), [(2.0, 0.5), (5.0, 1.5), (10.0, 1.0), (10.0, 2.4), (10.0, 5.0), (3.0, 8.0), (0.5, 60.0)]
)
def test_high_powers_in_high_volatility_against_many_digits(
    power: float, s: float, cap: float | None, call: bool
) -> None:
    """A capped call is the difference of two huge numbers; d2 of a power stays where a vanilla one saturates."""
    with mpmath.workdps(1500):
        f, k, p, w = (mpmath.mpf(x) for x in (110.0, 100.0, power, s))
        mean = mpmath.log(f / k) - w * w / 2
        lifted = mpmath.exp(p * mean + p * p * w * w / 2)

        def vanilla(strike: mpmath.mpf) -> mpmath.mpf:
            if strike <= 0:
                return lifted if call else mpmath.mpf(0)
            side = 1 if call else -1
            d2 = (mean - mpmath.log(strike) / p) / w
            return side * (lifted * mpmath.ncdf(side * (d2 + p * w)) - strike * mpmath.ncdf(side * d2))

        expected = k * vanilla(mpmath.mpf(1))
        if cap is not None:
            expected -= k * vanilla(1 + (1 if call else -1) * mpmath.mpf(cap) / k)
        wanted = float(min(expected, mpmath.mpf(1e305)))
    found = float(power_price(110.0, 100.0, 1.0, s, call, power, np.inf if cap is None else cap))
    if cap is None and call and wanted > 1e304:
        assert found > 1e304
    else:
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12 * (100.0 if cap is None else cap))


def test_bounded_powers_never_jump_as_volatility_grows() -> None:
    vol = np.linspace(0.5, 60.0, 400)
    put = power_price(100.0, 100.0, 1.0, vol, False, 10.0)
    capped = power_price(100.0, 100.0, 1.0, vol, True, 10.0, 100.0)
    assert (np.diff(put) >= -1e-9).all()
    assert put[-1] == pytest.approx(100.0)
    assert (np.diff(capped) <= 1e-9).all()
    assert capped[-1] == pytest.approx(0.0, abs=1e-12)


def test_greeks_of_a_power_beyond_the_range_of_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the forward of \(S/K\)\^power must be in the float64 range"):
        power_greeks(100.0, 100.0, 1.0, 5.0, True, 10.0)
