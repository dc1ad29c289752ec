"""Options without expiry: the integral over maturities, the equation they solve, the edge of exercise, the limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.exotics import everlasting as naive_everlasting
from plimsoll.pricing import everlasting, everlasting_weights, perpetual_american, price
from random_books import SOME

spots = st.floats(40.0, 250.0)
vols = st.floats(0.1, 2.0)
flags = st.booleans()


@SOME
@given(spots, st.floats(0.2, 1.5), flags, st.floats(1.0, 400.0), st.floats(-0.3, 0.3))
def test_an_everlasting_option_is_the_integral_over_maturities(
    spot: float, vol: float, call: bool, kappa: float, carry: float
) -> None:
    mine = float(everlasting(spot, 100.0, vol, call, kappa, carry))
    assert mine == pytest.approx(naive_everlasting(spot, 100.0, vol, call, kappa, carry), abs=2e-4 * max(spot, 100.0))


@given(spots, vols, st.floats(0.5, 400.0), st.floats(-0.3, 0.3), st.floats(0.0, 0.3))
def test_everlasting_call_less_put_is_a_straight_line(
    spot: float, vol: float, kappa: float, carry: float, rate: float
) -> None:
    both = everlasting(spot, 100.0, vol, [True, False], kappa, carry, rate)
    line = kappa / (kappa + rate - carry) * spot - kappa / (kappa + rate) * 100.0
    assert both[0] - both[1] == pytest.approx(line, abs=1e-9 * 250.0)


def test_small_lumps_are_nearly_no_lumps() -> None:
    n = np.arange(1, 60_001)
    per_year = 365.0 * 24 * 60
    weights = everlasting_weights(n.size, per_year, 365.0)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    for spot in (66_000.0, 70_000.0, 75_000.0):
        for call in (True, False):
            lumps = float((weights * price(spot, 70_000.0, n / per_year, 0.6, call)).sum())
            assert float(everlasting(spot, 70_000.0, 0.6, call, 365.0)) == pytest.approx(lumps, abs=2.0)


def test_lumps_once_a_day_have_the_weights_one_half_one_quarter() -> None:
    weights = everlasting_weights(40, 365.0, 365.0)
    assert weights[:3].tolist() == [0.5, 0.25, 0.125]
    assert weights.sum() == pytest.approx(1.0)


@given(spots, st.floats(0.2, 1.0), flags, st.floats(0.05, 2.0), st.floats(-0.2, 0.04))
def test_both_solve_their_equation(spot: float, vol: float, call: bool, rate: float, carry: float) -> None:
    """`v^2 S^2 V'' / 2 + b S V' = rate V - what is paid`, away from the strike and where the holder waits."""
    h = 1e-3 * spot

    def terms(value: np.ndarray) -> float:
        low, here, high = value
        drift = carry * spot * (high - low) / (2.0 * h)
        return float(0.5 * vol**2 * spot**2 * (high - 2.0 * here + low) / h**2 + drift - rate * here)

    around = np.array([spot - h, spot, spot + h])
    intrinsic = max(spot - 100.0, 0.0) if call else max(100.0 - spot, 0.0)
    if abs(spot - 100.0) > 2.0 * h:
        left = terms(np.asarray(everlasting(around, 100.0, vol, call, rate, carry)))
        assert left == pytest.approx(-rate * intrinsic, abs=1e-3 * max(spot, 100.0))
    value = np.asarray(perpetual_american(around, 100.0, vol, call, rate, carry))
    if (value > np.maximum(around - 100.0 if call else 100.0 - around, 0.0) + 1e-3 * spot).all():
        assert terms(value) == pytest.approx(0.0, abs=1e-3 * max(spot, 100.0))


@given(spots, vols, flags, st.floats(0.05, 50.0))
def test_the_holder_gains_by_choosing(spot: float, vol: float, call: bool, rate: float) -> None:
    intrinsic = max(spot - 100.0, 0.0) if call else max(100.0 - spot, 0.0)
    american = float(perpetual_american(spot, 100.0, vol, call, rate))
    assert american >= intrinsic - 1e-9
    # without carry the everlasting option is worth more than its payoff as well
    assert float(everlasting(spot, 100.0, vol, call, rate)) >= intrinsic - 1e-9
    for t in (0.1, 1.0, 10.0):
        assert american >= float(price(spot, 100.0, t, vol, call) * np.exp(-rate * t)) - 1e-9


@given(st.floats(0.1, 2.0), flags, st.floats(0.05, 50.0))
def test_values_are_smooth_and_grow_with_volatility(vol: float, call: bool, rate: float) -> None:
    spot = np.linspace(50.0, 200.0, 400)
    for of in (everlasting, perpetual_american):
        value = np.asarray(of(spot, 100.0, vol, call, rate))
        slope = np.diff(value) / np.diff(spot)
        assert (slope * (1.0 if call else -1.0) >= -1e-9).all()
        assert (np.abs(slope) <= 1.0 + 1e-9).all()
        assert (np.diff(slope) >= -1e-9).all()
        rising = np.asarray(of(90.0, 100.0, np.linspace(0.05, 2.0, 30), call, rate))
        assert (np.diff(rising) >= -1e-9).all()


def test_a_put_is_exercised_at_the_published_edge() -> None:
    # p- = -2 rate / vol^2 without carry in excess of the rate, so S* = K / (1 + vol^2 / (2 rate))
    rate, vol = 0.1, 0.2
    edge = 100.0 / (1.0 + vol**2 / (2.0 * rate))
    below, at = perpetual_american([edge - 1.0, edge], 100.0, vol, False, rate, rate)
    assert below == pytest.approx(101.0 - edge)
    assert at == pytest.approx(100.0 - edge)
    above = float(perpetual_american(edge + 1.0, 100.0, vol, False, rate, rate))
    assert above > 99.0 - edge


def test_draws_of_the_moment_agree_within_three_standard_errors() -> None:
    rng = np.random.default_rng(8)
    t = rng.exponential(1.0 / 12.0, 400_000)
    last = 100.0 * np.exp(0.7 * np.sqrt(t) * rng.standard_normal(t.size) - 0.5 * 0.49 * t)
    for call in (True, False):
        sample = np.maximum(last - 103.0 if call else 103.0 - last, 0.0)
        mine = float(everlasting(100.0, 103.0, 0.7, call, 12.0))
        assert abs(sample.mean() - mine) < 3.0 * sample.std(ddof=1) / np.sqrt(sample.size)


def test_the_limits() -> None:
    spot = [0.0, 90.0, 100.0, 110.0]
    for of in (everlasting, perpetual_american):
        assert of(spot, 100.0, 0.0, True, 365.0) == pytest.approx([0.0, 0.0, 0.0, 10.0])
        assert of(spot, 100.0, 0.0, False, 365.0) == pytest.approx([100.0, 10.0, 0.0, 0.0])
        assert of(spot, 100.0, 1e-7, True, 365.0) == pytest.approx([0.0, 0.0, 0.0, 10.0], abs=1e-5)
        huge = of([50.0, 200.0], 100.0, 1e4, [True, False], 1.0)
        assert np.isfinite(huge).all()
        assert huge == pytest.approx([50.0, 100.0], rel=1e-3)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"holding_rate: got 0.0"):
        everlasting(1.0, 1.0, 1.0, True, 0.0)
    with pytest.raises(ValueError, match="holding_rate: holding_rate"):
        everlasting(1.0, 1.0, 1.0, True, 1.0, 2.0)
    with pytest.raises(ValueError, match="carry: must be below rate"):
        perpetual_american(1.0, 1.0, 1.0, True, 0.1, 0.1)
    with pytest.raises(ValueError, match="count, periods_per_year"):
        everlasting_weights(0, 365.0, 365.0)


def test_a_call_whose_time_costs_nothing_beside_its_volatility_is_its_spot() -> None:
    found = perpetual_american([1.0, 100.0, 1e6], 100.0, [1e6, 1e8, 1e10], True, 1e-9)
    assert found.tolist() == [1.0, 100.0, 1e6]
    assert float(perpetual_american(100.0, 100.0, 1e3, True, 1e-3)) == pytest.approx(100.0, rel=1e-6)
