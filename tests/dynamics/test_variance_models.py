"""GARCH, HAR, correlation and tick variance against outside results, closed forms and simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError, Reason
from plimsoll.dynamics.correlation import ewma_correlation, nearest_correlation
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.dynamics.garch import Garch, fit_garch, garch_forecast
from plimsoll.dynamics.har import fit_har, forward_mean, har_design
from plimsoll.dynamics.realised import merged_ticks, realised_kernel, tick_variance, two_scale


def _simulated(count: int, seed: int, gamma: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
    """GJR returns, t innovations of six degrees, and their true variances."""
    rng = np.random.default_rng(seed)
    z = rng.standard_t(6, count) / math.sqrt(1.5)
    v, r, truth = 9e-4, np.empty(count), np.empty(count)
    for t in range(count):
        truth[t], r[t] = v, math.sqrt(v) * z[t]
        v = 2e-5 + (0.05 + gamma * (r[t] < 0)) * r[t] ** 2 + 0.88 * v
    return r, truth


@pytest.mark.parametrize("kind", ["garch", "gjr"])
def test_our_recursion_is_that_of_arch(kind: str) -> None:
    arch = pytest.importorskip("arch")
    r, _ = _simulated(1500, 4)
    model = fit_garch(r, kind)  # type: ignore[arg-type]
    assert fit_garch(r, kind) == model  # type: ignore[arg-type]
    size = r.std()
    outside = arch.arch_model(
        r / size, mean="Zero", vol="GARCH", p=1, o=int(kind == "gjr"), q=1, dist="t", rescale=False
    ).fit(disp="off")
    ours = model.variance(r)
    np.testing.assert_allclose(ours[:-1], (np.asarray(outside.conditional_volatility) * size) ** 2, rtol=1e-10)
    for h in (1, 10):
        ahead = outside.forecast(horizon=h, reindex=False).variance.to_numpy()[-1].sum() * size**2
        assert model.horizon(ours[-1], h) == pytest.approx(ahead, rel=1e-10)


def test_the_fit_finds_what_made_the_returns() -> None:
    pytest.importorskip("arch")
    r, truth = _simulated(6000, 11)
    model = fit_garch(r)
    assert model.persistence == pytest.approx(0.97, abs=0.02)
    assert model.gamma == pytest.approx(0.08, abs=0.04)
    assert model.nu == pytest.approx(6.0, abs=1.5)
    assert np.corrcoef(np.log(model.variance(r)[100:-1]), np.log(truth[100:]))[0, 1] > 0.98


def test_failures_fall_back_to_exponential_weights_and_say_so() -> None:
    pytest.importorskip("arch")
    r, _ = _simulated(400, 2)
    short = garch_forecast(r[:100], name="BTC")
    assert (short.method, short.failure and short.failure.reason) == ("ewma", Reason.TOO_FEW_RETURNS)
    assert short.failure is not None
    assert "100 of them; EWMA at 0.94" in short.failure.message
    np.testing.assert_array_equal(short.variance, ewma_variance(r[:100], 0.94))
    # a random walk of variance: no level to return to
    rng = np.random.default_rng(1)
    walk = np.exp(np.cumsum(rng.normal(0.01, 0.05, 600))) * rng.normal(0, 0.01, 600)
    drift = garch_forecast(walk)
    assert drift.failure is None or drift.failure.reason == Reason.NO_CONVERGENCE
    flat = garch_forecast(np.zeros(300))
    assert flat.failure is not None
    assert flat.failure.reason == Reason.NO_CONVERGENCE
    gaps = r.copy()
    gaps[200] = np.nan
    held = garch_forecast(gaps)
    assert held.model is not None
    expected = held.model.omega + held.model.persistence * held.variance[200]
    assert held.variance[201] == pytest.approx(expected, rel=1e-14)


def test_variance_over_a_horizon_is_the_sum_of_its_days() -> None:
    model = Garch("gjr", 2e-5, 0.05, 0.08, 0.88, 6.0, 9e-4)
    v, total = 2e-3, 0.0
    for _ in range(7):
        total += v
        v = model.omega + model.persistence * v
    assert model.horizon(2e-3, 7) == pytest.approx(total, rel=1e-13)


@pytest.mark.parametrize("bad", [np.ones(300), np.array([0.1, math.nan] * 200), np.zeros((3, 3)), np.ones(10)])
def test_no_fit_on_what_is_no_series(bad: np.ndarray) -> None:
    pytest.importorskip("arch")
    with pytest.raises(DocumentError):
        fit_garch(bad)


def test_har_is_least_squares_and_knows_only_the_past() -> None:
    rng = np.random.default_rng(6)
    rv = np.exp(rng.normal(-7, 0.6, 400))
    design = har_design(rv)
    for t in (21, 22, 399):
        expected = [rv[t], rv[t - 4 : t + 1].mean(), rv[t - 21 : t + 1].mean()]
        np.testing.assert_allclose(design[t], expected, rtol=1e-14)
    assert np.isnan(design[:21]).any(axis=1).all()
    assert forward_mean(rv, 3)[10] == pytest.approx(rv[11:14].mean(), rel=1e-14)
    assert np.isnan(forward_mean(rv, 3)[-3:]).all()
    model = fit_har(rv, horizon=3)
    rows = slice(21, 397)
    a = np.column_stack([np.ones(376), design[rows]])
    solution = np.linalg.solve(a.T @ a, a.T @ forward_mean(rv, 3)[rows])
    np.testing.assert_allclose(model.coefficients, solution, rtol=1e-6)
    whole = model.forecast(rv)
    np.testing.assert_array_equal(model.forecast(rv[:100]), whole[:101])
    assert np.isfinite(whole[22:]).all()


def test_har_finds_the_coefficients_that_made_the_series() -> None:
    rng = np.random.default_rng(8)
    log_rv = [-7.0] * 22
    for _ in range(8000):
        levels = [math.log(np.exp(log_rv[-w:]).mean()) for w in (1, 5, 22)]
        log_rv.append(-0.7 + 0.3 * levels[0] + 0.35 * levels[1] + 0.25 * levels[2] + rng.normal(0, 0.4))
    model = fit_har(np.exp(log_rv), log=True)
    np.testing.assert_allclose(model.coefficients[1:], [0.3, 0.35, 0.25], atol=0.06)
    assert model.residual_variance == pytest.approx(0.16, rel=0.05)
    # the mean of a lognormal, not its median
    forecast, truth = model.forecast(np.exp(log_rv))[22:-1], np.exp(log_rv)[22:]
    assert forecast.mean() / truth.mean() == pytest.approx(1.0, abs=0.03)


def test_har_stays_inside_what_was_seen_and_refuses_little() -> None:
    rng = np.random.default_rng(9)
    rv = np.exp(rng.normal(-7, 0.6, 200))
    model = fit_har(rv)
    assert (model.forecast(np.full(30, 10.0))[22:] == rv[22:].max()).all()
    for bad in (rv[:70], np.append(rv, 0.0), np.append(rv, -1.0), rv[None]):
        with pytest.raises(DocumentError, match="rv"):
            fit_har(bad)


def test_shrinkage_with_equal_weights_is_that_of_ledoit_and_wolf() -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    r = np.random.default_rng(3).standard_t(4, (120, 9)) * np.linspace(0.01, 0.05, 9)
    almost_equal = 1.0 - 1e-10
    got = ewma_correlation(r, almost_equal)
    z = r / np.sqrt((r**2).mean(axis=0))
    shrunk, weight = covariance.ledoit_wolf(z, assume_centered=True)
    assert got.shrinkage == pytest.approx(weight, rel=1e-7)
    np.testing.assert_allclose(got.matrix, shrunk, atol=1e-8)


def test_correlation_of_a_naive_loop() -> None:
    r = np.random.default_rng(5).normal(0, 0.02, (60, 3))
    lam, sums, plain = 0.9, np.zeros((3, 3)), ewma_correlation(r, 0.9, shrink=False).matrix
    for row in r:
        sums = lam * sums + (1 - lam) * np.outer(row, row)
    expected = sums / np.sqrt(np.outer(np.diag(sums), np.diag(sums)))
    np.testing.assert_allclose(plain, expected, atol=1e-12)


@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(3, 40), st.floats(0.5, 0.999), st.booleans())
def test_it_is_always_a_correlation_matrix(seed: int, n: int, t: int, lam: float, shrink: bool) -> None:
    rng = np.random.default_rng(seed)
    r = rng.standard_t(3, (t, n)) * 0.03
    holes = rng.random((t, n)) < 0.3
    holes[: min(3, t)] = False  # three common rows
    r[holes] = np.nan
    got = ewma_correlation(r, lam, shrink=shrink)
    np.testing.assert_array_equal(got.matrix, got.matrix.T)
    np.testing.assert_array_equal(np.diag(got.matrix), np.ones(n))
    assert np.linalg.eigvalsh(got.matrix)[0] > -1e-12
    assert np.abs(got.matrix).max() <= 1.0 + 1e-12


def test_pairs_that_contradict_each_other_are_projected() -> None:
    a = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])
    b = nearest_correlation(a)
    assert np.linalg.eigvalsh(b)[0] > -1e-12
    # it is nearest: no small step towards the original stays inside
    rng = np.random.default_rng(0)
    best = float(((b - a) ** 2).sum())
    for _ in range(300):
        g = np.linalg.cholesky(b + 1e-9 * np.eye(3)) + rng.normal(0, 0.05, (3, 3))
        c = g @ g.T
        c /= np.sqrt(np.outer(np.diag(c), np.diag(c)))
        assert ((c - a) ** 2).sum() >= best - 1e-6
    # Higham (2002), section 4: the matrix of ones on three diagonals
    m = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    np.testing.assert_allclose(nearest_correlation(m)[0], [1.0, 0.7607, 0.1573], atol=5e-5)
    np.testing.assert_array_equal(nearest_correlation(np.eye(3)), np.eye(3))


def test_correlation_refusals() -> None:
    for bad in (np.zeros((5, 2)), np.full((5, 2), np.nan), np.ones(5), np.ones((1, 2)), np.ones((0, 2))):
        with pytest.raises(DocumentError):
            ewma_correlation(bad, 0.97)
    with pytest.raises(DocumentError):
        nearest_correlation(np.array([[1.0, 0.5], [0.4, 1.0]]))


def test_noise_is_taken_out_of_tick_variance() -> None:
    """Two hundred days of prices with a bounce: the plain sum is many times too high, the two others are right."""
    rng = np.random.default_rng(12)
    days, n, sigma, bounce = 200, 4000, 0.03, 4e-4
    found = []
    for _ in range(days):
        x = np.cumsum(rng.normal(0, sigma / math.sqrt(n), n + 1)) + rng.normal(0, bounce, n + 1)
        found.append(tick_variance(100.0 * np.exp(x)))
    truth = sigma**2
    assert np.mean([f.plain for f in found]) == pytest.approx(truth + 2 * n * bounce**2, rel=0.01)
    for name in ("two_scale", "kernel"):
        values = np.array([getattr(f, name) for f in found])
        assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(days) + 0.01 * truth, name
        assert values.std() < 0.3 * truth
    assert np.mean([f.noise for f in found]) == pytest.approx(bounce**2, rel=0.05)


def test_tick_variance_of_a_naive_loop() -> None:
    x = np.cumsum(np.random.default_rng(2).normal(0, 0.001, 90))
    n, k = 89, 7
    average = np.mean([sum((x[i + k] - x[i]) ** 2 for i in range(j, n - k + 1, k)) for j in range(k)])
    plain = sum((x[i + 1] - x[i]) ** 2 for i in range(n))
    share = (n - k + 1) / k / n
    assert two_scale(x, k) == pytest.approx((average - share * plain) / (1 - share), rel=1e-12)
    y = [(x[0] + x[1]) / 2, *x[2:-2], (x[-2] + x[-1]) / 2]
    r = np.diff(y).tolist()
    total = 0.0
    for h in range(-5, 6):
        u = abs(h) / 6
        weight = 1 - 6 * u**2 + 6 * u**3 if u <= 0.5 else 2 * (1 - u) ** 3
        total += weight * sum(r[j] * r[j - abs(h)] for j in range(abs(h), len(r)))
    assert realised_kernel(x, 5) == pytest.approx(total, rel=1e-12)


def test_one_price_for_each_instant() -> None:
    times, prices = merged_ticks([1, 1, 1, 4, 9, 9], [10.0, 30.0, 11.0, 5.0, 1.0, 2.0])
    assert times.tolist() == [1, 4, 9]
    assert prices.tolist() == [11.0, 5.0, 1.5]
    for bad in ([2, 1], [1, 2, 3]):
        with pytest.raises(DocumentError):
            merged_ticks(bad, [1.0, 2.0])
    for prices_ in ([1.0] * 49, [0.0] * 60, [math.nan] * 60):
        with pytest.raises(DocumentError):
            tick_variance(prices_)
