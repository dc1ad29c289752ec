"""Asian options: two fixings by integration, the control variate, the approximation against Monte Carlo, the limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.exotics import asian_of_two
from plimsoll.pricing import arithmetic_asian, asian_mc, geometric_asian, price
from random_books import SOME

strikes = st.floats(50.0, 200.0)
vols = st.floats(0.0, 1.5)
flags = st.booleans()


def month(count: int = 30, days: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(days / count, days, count) / 365.0
    return 100.0 * np.exp(0.1 * t), t


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("strike", [80.0, 100.0, 125.0])
def test_two_fixings_are_the_double_integral(strike: float, call: bool) -> None:
    f, t, vol = (101.0, 103.0), (0.1, 0.3), 0.6
    exact = asian_of_two(f, t, strike, vol, call, geometric=True)
    assert geometric_asian(f, t, strike, vol, call) == pytest.approx(exact, abs=1e-5)
    exact = asian_of_two(f, t, strike, vol, call, geometric=False)
    assert arithmetic_asian(f, t, strike, vol, call) == pytest.approx(exact, abs=1e-3)
    estimate = asian_mc(f, t, strike, vol, call, draws=40_000, seed=2)
    assert abs(estimate.value - exact) < 3.0 * estimate.error


@given(strikes, vols, flags, st.integers(1, 12), st.integers(0, 5), st.floats(50.0, 200.0))
def test_call_less_put_is_the_mean_less_the_strike(
    k: float, vol: float, call: bool, count: int, known: int, accrued: float
) -> None:
    f, t = month(count)
    both = arithmetic_asian(f, t, k, vol, [True, False], known, accrued)
    mean = (known * accrued + f.sum()) / (known + count)
    assert both[0] - both[1] == pytest.approx(mean - k, abs=1e-9 * 200.0)
    both = geometric_asian(f, t, k, vol, [True, False], known, accrued)
    assert both[0] - both[1] <= mean - k + 1e-9 * 200.0


@given(strikes, vols, flags)
def test_one_fixing_is_the_vanilla_option(k: float, vol: float, call: bool) -> None:
    plain = float(price(100.0, k, 0.25, vol, call))
    assert geometric_asian([100.0], [0.25], k, vol, call) == pytest.approx(plain, abs=1e-9 * 100.0)
    assert arithmetic_asian([100.0], [0.25], k, vol, call) == pytest.approx(plain, abs=1e-9 * 100.0)


@given(strikes, st.floats(0.05, 1.5))
def test_an_average_is_worth_no_more_than_its_last_fixing(k: float, vol: float) -> None:
    t = np.linspace(1.0, 30.0, 30) / 365.0
    f = np.full(30, 100.0)
    for call in (True, False):
        arithmetic = float(arithmetic_asian(f, t, k, vol, call))
        assert arithmetic <= float(price(100.0, k, float(t[-1]), vol, call)) + 1e-9
        if call:
            assert float(geometric_asian(f, t, k, vol, call)) <= arithmetic + 1e-9
    values = arithmetic_asian(f, t, k, np.linspace(0.0, 1.5, 20), True)
    assert (np.diff(values) >= -1e-9).all()


@pytest.mark.parametrize(
    ("days", "vol", "most"), [(7.0, 1.0, 2e-4), (30.0, 0.6, 2e-4), (30.0, 1.5, 5e-4), (365.0, 1.0, 1e-3)]
)
def test_the_approximation_is_within_its_stated_error(days: float, vol: float, most: float) -> None:
    f, t = month(12, days)
    for k in (80.0, 100.0, 125.0):
        mc = asian_mc(f, t, k, vol, True, draws=100_000, seed=1)
        assert abs(float(arithmetic_asian(f, t, k, vol, True)) - mc.value) <= 3.0 * mc.error + most * 100.0


def test_the_control_takes_the_noise_away_and_moves_nothing() -> None:
    f, t = month()
    plain = asian_mc(f, t, 105.0, 0.8, True, draws=40_000, seed=3, control=False)
    better = asian_mc(f, t, 105.0, 0.8, True, draws=40_000, seed=3)
    assert better.error < plain.error / 20.0
    assert abs(plain.value - better.value) < 3.0 * plain.error
    assert asian_mc(f, t, 105.0, 0.8, True, draws=40_000, seed=3) == better
    assert asian_mc(f, t, 105.0, 0.8, True, draws=40_000, seed=4) != better


@SOME
@given(strikes, st.floats(0.2, 1.2), flags, st.integers(0, 10), st.floats(80.0, 120.0))
def test_monte_carlo_of_a_geometric_average_meets_its_exact_value(
    k: float, vol: float, call: bool, known: int, accrued: float
) -> None:
    """Not through the control variate: paths of the geometric average itself."""
    f, t = month(8)
    noise = np.cumsum(np.sqrt(np.diff(t, prepend=0.0)) * np.random.default_rng(6).standard_normal((40_000, 8)), axis=1)
    logs = np.log(f) - 0.5 * vol**2 * t + vol * noise
    average = np.exp((known * np.log(accrued) + logs.sum(axis=1)) / (known + 8))
    sample = np.maximum(average - k if call else k - average, 0.0)
    exact = float(geometric_asian(f, t, k, vol, call, known, accrued))
    assert abs(sample.mean() - exact) <= 4.0 * sample.std(ddof=1) / np.sqrt(sample.size) + 1e-4


def test_what_is_known_no_longer_moves() -> None:
    f, t = month(1)
    # 29 of 30 known at 150: the last one cannot take the average below the strike
    call, put = arithmetic_asian(f, t, 100.0, 2.0, [True, False], 29, 150.0)
    assert call == pytest.approx((29.0 * 150.0 + f[0]) / 30.0 - 100.0)
    assert put == 0.0


def test_the_limits() -> None:
    f, t = month(3)
    for value in (arithmetic_asian, geometric_asian):
        assert value(f, t, 90.0, 0.0, [True, False])[1] == 0.0
        assert np.isfinite(value(f, t, [0.0, 1e-6, 1e6], 50.0, [True, True, False])).all()
        assert value(f, np.zeros(3), 90.0, 5.0, True) == pytest.approx(f.mean() - 90.0, abs=1e-3)
    assert arithmetic_asian(f, t, 90.0, 0.0, True) == pytest.approx(f.mean() - 90.0)
    batch = arithmetic_asian(np.stack([f, 1.1 * f]), t, 100.0, [0.5, 0.6], True)
    assert batch == pytest.approx(
        [float(arithmetic_asian(s * f, t, 100.0, v, True)) for s, v in ((1.0, 0.5), (1.1, 0.6))]
    )


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="times: must not fall"):
        geometric_asian([1.0, 1.0], [0.2, 0.1], 1.0, 1.0, True)
    with pytest.raises(ValueError, match="times: got shape"):
        geometric_asian([1.0, 1.0], [0.2], 1.0, 1.0, True)
    with pytest.raises(ValueError, match="known: got -1"):
        arithmetic_asian([1.0], [0.2], 1.0, 1.0, True, -1)
    with pytest.raises(ValueError, match="draws: got 1"):
        asian_mc([1.0], [0.2], 1.0, 1.0, True, draws=1)


@pytest.mark.parametrize("vol", [2.0, 6.0, 10.0, 20.0, 100.0])
def test_an_average_option_is_never_worth_more_than_what_it_can_pay(vol: float) -> None:
    times = np.linspace(1.0 / 12.0, 1.0, 12)
    for strike in (1.0, 50.0, 100.0, 1e4):
        call, put = (float(arithmetic_asian(np.full(12, 100.0), times, strike, vol, c)) for c in (True, False))
        rounding = 1e-12 * (100.0 + strike)  # the sum of the weighted forwards is 100 but for that
        assert max(0.0, 100.0 - strike) - rounding <= call <= 100.0 + rounding
        assert max(0.0, strike - 100.0) - rounding <= put <= strike + rounding
        assert call - put == pytest.approx(100.0 - strike, abs=1e-9 * (100.0 + strike))
