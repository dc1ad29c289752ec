"""Digital options: parities, the integral, published values, Greeks against bumps, the limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.exotics import expectation
from plimsoll.pricing import asset_or_nothing, cash_or_nothing, digital_greeks, price

forwards = st.floats(30.0, 300.0)
vols = st.floats(0.0, 30.0)
flags = st.booleans()


@given(forwards, forwards, vols)
def test_call_and_put_pay_for_certain(f: float, k: float, s: float) -> None:
    assert cash_or_nothing(f, k, 1.0, s, [True, False], 0.9).sum() == pytest.approx(0.9, abs=1e-12)
    assert asset_or_nothing(f, k, 1.0, s, [True, False], 0.9).sum() == pytest.approx(0.9 * f, rel=1e-12)


@given(forwards, forwards, st.floats(0.0, 20.0), flags)
def test_asset_less_strike_times_cash_is_the_vanilla_option(f: float, k: float, s: float, call: bool) -> None:
    made = asset_or_nothing(f, k, 1.0, s, call) - k * cash_or_nothing(f, k, 1.0, s, call)
    assert (made if call else -made) == pytest.approx(float(price(f, k, 1.0, s, call)), abs=1e-9 * max(f, k))


@given(forwards, forwards, st.floats(0.02, 1.5), flags)
def test_it_is_the_integral(f: float, k: float, s: float, call: bool) -> None:
    def inside(x: float) -> bool:
        return x > k if call else x <= k

    assert cash_or_nothing(f, k, 1.0, s, call) == pytest.approx(
        expectation(lambda x: float(inside(x)), f, f, s, [k]), abs=1e-7
    )
    assert asset_or_nothing(f, k, 1.0, s, call) == pytest.approx(
        expectation(lambda x: x * inside(x), f, f, s, [k]), abs=1e-7 * f
    )


@pytest.mark.parametrize("call", [True, False])
def test_draws_agree_within_three_standard_errors(call: bool) -> None:
    last = 100.0 * np.exp(0.4 * np.random.default_rng(3).standard_normal(200_000) - 0.08)
    inside = last > 105.0 if call else last <= 105.0
    for sample, mine in (
        (inside.astype(float), cash_or_nothing(100.0, 105.0, 1.0, 0.4, call)),
        (inside * last, asset_or_nothing(100.0, 105.0, 1.0, 0.4, call)),
    ):
        assert abs(sample.mean() - mine) < 3.0 * sample.std(ddof=1) / np.sqrt(sample.size)


def test_published_values() -> None:
    # Haug: cash-or-nothing put of 10, S = 100, K = 80, T = 0.75, r = 6 %, b = 0, vol 35 %
    assert 10.0 * cash_or_nothing(100.0, 80.0, 0.75, 0.35, False, np.exp(-0.045)) == pytest.approx(2.6710, abs=5e-5)
    # Haug: asset-or-nothing put, S = 70, K = 65, T = 0.5, r = 7 %, b = 2 %, vol 27 %
    forward = 70.0 * np.exp(0.01)
    assert asset_or_nothing(forward, 65.0, 0.5, 0.27, False, np.exp(-0.035)) == pytest.approx(20.2069, abs=5e-5)


def test_at_expiry_the_call_pays_above_and_the_put_at_or_below() -> None:
    f = [99.0, 100.0, 101.0]
    assert cash_or_nothing(f, 100.0, 0.0, 0.5, True).tolist() == [0.0, 0.0, 1.0]
    assert cash_or_nothing(f, 100.0, 0.0, 0.5, False).tolist() == [1.0, 1.0, 0.0]
    assert asset_or_nothing(f, 100.0, 0.0, 0.5, True).tolist() == [0.0, 0.0, 101.0]
    assert cash_or_nothing([0.0, 5.0], 0.0, 1.0, 0.5, True)[1] == 1.0
    assert cash_or_nothing(100.0, 100.0, 1.0, 30.0, [True, False]).tolist() == [0.0, 1.0]
    assert asset_or_nothing(100.0, 100.0, 1.0, 30.0, [True, False]).tolist() == [100.0, 0.0]


@given(forwards, forwards, st.floats(0.1, 1.2), st.floats(0.05, 2.0), flags, flags, st.floats(-0.1, 0.2))
def test_greeks_are_the_bumped_values(
    f: float, k: float, vol: float, t: float, call: bool, asset: bool, rate: float
) -> None:
    def value(df: float = 0.0, dv: float = 0.0, dt: float = 0.0, dr: float = 0.0) -> float:
        of = asset_or_nothing if asset else cash_or_nothing
        return float(of(f + df, k, t + dt, vol + dv, call, np.exp(-(rate + dr) * (t + dt))))

    g = digital_greeks(f, k, t, vol, call, asset, rate)
    size = f if asset else 1.0
    h, v, w = 1e-3 * f * vol * np.sqrt(t), 1e-3 * vol, 1e-4 * t

    def four(at: Any, step: float) -> float:
        """A central difference of fourth order."""
        return (8.0 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12.0 * step)

    def delta(dv: float) -> float:
        return four(lambda d: value(df=d, dv=dv), h)

    scale_f, scale_v = size / (f * vol * np.sqrt(t)), size / vol
    assert g.delta == pytest.approx(delta(0.0), abs=1e-6 * scale_f)
    assert g.vega == pytest.approx(four(lambda d: value(dv=d), v), abs=1e-6 * scale_v)
    assert g.rho == pytest.approx(four(lambda d: value(dr=d), 1e-3), abs=1e-6 * size * t)
    assert g.theta == pytest.approx(-four(lambda d: value(dt=d), w), abs=1e-6 * size * (1.0 / t + abs(rate)))
    second = four(lambda d: float(digital_greeks(f + d, k, t, vol, call, asset, rate).delta), h)
    assert g.gamma == pytest.approx(second, abs=1e-6 * scale_f**2 / size)
    mixed = four(lambda d: float(digital_greeks(f, k, t, vol + d, call, asset, rate).delta), v)
    assert g.vanna == pytest.approx(mixed, abs=1e-6 * scale_f * scale_v / size)
    bend = four(lambda d: float(digital_greeks(f, k, t, vol + d, call, asset, rate).vega), v)
    assert g.volga == pytest.approx(bend, abs=1e-6 * scale_v**2 / size)


def test_greeks_where_there_is_no_density_are_zero() -> None:
    g = digital_greeks([90.0, 110.0], 100.0, 0.0, 0.5, True, False)
    for name in ("delta", "gamma", "vega", "theta", "vanna", "volga"):
        assert getattr(g, name).tolist() == [0.0, 0.0]


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"forward: got -1.0"):
        cash_or_nothing(-1.0, 1.0, 1.0, 1.0, True)
    with pytest.raises(ValueError, match="asset: got an array of int64"):
        digital_greeks(1.0, 1.0, 1.0, 1.0, True, 1)
