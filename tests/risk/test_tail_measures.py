"""VaR, ES and their standard errors: loops, closed forms, and the spread over samples that the errors promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto, norm
from scipy.stats import t as student

from naive.tail_risk import quantile, shortfall
from plimsoll.documents import DocumentError
from plimsoll.risk.measures import tail_measures
from plimsoll.risk.tail import SHAPES, fit_pareto, peaks_over_threshold, stability

losses_ = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)


@given(losses_, st.floats(0.55, 0.999), st.integers(0, 5), st.booleans())
def test_es_is_at_least_var_and_both_are_those_of_the_loop(
    losses: list[float], level: float, lag: int, weighted: bool
) -> None:
    p = None
    if weighted:
        p = 0.9 ** np.arange(len(losses))
        p = p / p.sum()
    found = tail_measures(losses, level, p, lag=lag)
    mass = None if p is None else p.tolist()
    assert found.es.value >= found.var.value
    scale = max(1.0, max(abs(x) for x in losses))
    assert found.es.value == pytest.approx(shortfall(losses, level, mass), abs=1e-9 * scale)
    if not weighted:
        assert found.var.value == quantile(losses, level)
    assert losses[found.binding] == found.var.value
    assert float(found.weights @ np.array(losses)) == pytest.approx(found.es.value, abs=1e-9 * scale)
    assert found.var.standard_error >= 0.0
    assert found.es.standard_error >= 0.0


@given(losses_, st.floats(0.1, 100.0), st.floats(-1e3, 1e3))
def test_measures_follow_scale_and_shift(losses: list[float], scale: float, shift: float) -> None:
    one = tail_measures(losses, 0.9)
    moved = tail_measures([scale * x + shift for x in losses], 0.9)
    size = scale * max(1.0, max(abs(x) for x in losses)) + abs(shift)
    for a, b in ((one.var, moved.var), (one.es, moved.es)):
        assert b.value == pytest.approx(scale * a.value + shift, abs=1e-9 * size)
        assert b.standard_error == pytest.approx(scale * a.standard_error, abs=1e-6 * size)


LAWS = {"gaussian": norm(), "student": student(5.0)}


def closed_es(name: str, level: float) -> float:
    """Of a standard normal and of a Student-t with 5 degrees of freedom."""
    if name == "gaussian":
        return float(norm.pdf(norm.ppf(level)) / (1.0 - level))
    q = student.ppf(level, 5.0)
    return float(student.pdf(q, 5.0) * (5.0 + q * q) / 4.0 / (1.0 - level))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("level", [0.975, 0.99])
def test_errors_are_the_spread_over_samples(law: str, level: float) -> None:
    """Over 400 samples of 2,000: the mean stated error is the spread, and the closed form lies within two of them."""
    rng = np.random.default_rng(8)
    samples = LAWS[law].rvs((400, 2_000), random_state=rng)
    found = [tail_measures(x, level) for x in samples]
    for kind, exact in (("var", LAWS[law].ppf(level)), ("es", closed_es(law, level))):
        values = np.array([getattr(m, kind).value for m in found])
        errors = np.array([getattr(m, kind).standard_error for m in found])
        assert errors.mean() == pytest.approx(values.std(), rel=0.12)
        # 20 losses in the tail: where it comes out thin its error comes out small, so two errors hold less than 95 %
        inside = (np.abs(values - exact) < 2.0 * errors).mean()
        assert inside > 0.85
        assert abs(values.mean() - exact) < 0.25 * values.std()


def test_overlapping_windows_have_larger_errors_and_they_are_right() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(250):
        r = rng.standard_normal(2_009)
        sums = np.convolve(r, np.ones(10), "valid") / math.sqrt(10.0)
        found.append((tail_measures(sums, 0.95, lag=9), tail_measures(sums, 0.95)))
    for kind in ("var", "es"):
        values = np.array([getattr(a, kind).value for a, _ in found])
        right = np.array([getattr(a, kind).standard_error for a, _ in found]).mean()
        naive = np.array([getattr(b, kind).standard_error for _, b in found]).mean()
        assert right == pytest.approx(values.std(), rel=0.25)
        assert naive < 0.65 * values.std()


def test_weights_cost_precision() -> None:
    rng = np.random.default_rng(5)
    p = 0.995 ** np.arange(1_500)
    p = p / p.sum()
    found = [tail_measures(rng.standard_normal(1_500), 0.95, p) for _ in range(300)]
    for kind in ("var", "es"):
        values = np.array([getattr(m, kind).value for m in found])
        errors = np.array([getattr(m, kind).standard_error for m in found])
        assert errors.mean() == pytest.approx(values.std(), rel=0.2)
    assert found[0].effective == pytest.approx(1.0 / float(p @ p))


def test_days_drawn_again_and_again_are_no_more_days() -> None:
    rng = np.random.default_rng(6)
    errors, values = [], []
    for _ in range(200):
        history = rng.standard_normal(400)
        drawn = rng.integers(0, 400, 8_000)
        m = tail_measures(history[drawn], 0.95, clusters=drawn)
        values.append(m.es.value)
        errors.append(m.es.standard_error)
        assert m.effective < 450
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


def test_the_tail_of_a_pareto_law_is_found_again() -> None:
    rng = np.random.default_rng(1)
    for xi in (-0.2, 0.0, 0.3, 0.6):
        fits = [fit_pareto(genpareto(xi, scale=2.0).rvs(1_500, random_state=rng)) for _ in range(12)]
        assert np.mean([f.xi for f in fits]) == pytest.approx(xi, abs=0.04)
        assert np.mean([f.beta for f in fits]) == pytest.approx(2.0, abs=0.1)
        # no other pair is likelier: scipy's search finds none either
        sample = genpareto(xi, scale=2.0).rvs(500, random_state=rng)
        mine = fit_pareto(sample)
        shape, _, scale = genpareto.fit(sample, floc=0.0)
        theirs = float(genpareto.logpdf(sample, shape, scale=scale).sum())
        assert mine.log_likelihood >= theirs - 1e-6
        own = float(genpareto.logpdf(sample, mine.xi, scale=mine.beta).sum())
        assert mine.log_likelihood == pytest.approx(own, rel=1e-9)


def test_peaks_over_threshold_on_student_losses_within_the_errors() -> None:
    law, level = student(4.0), 0.995
    rng = np.random.default_rng(2)
    exact_var = float(law.ppf(level))
    q = exact_var
    exact_es = float(student.pdf(q, 4.0) * (4.0 + q * q) / 3.0 / (1.0 - level))
    fits = [peaks_over_threshold(law.rvs(2_000, random_state=rng), level) for _ in range(120)]
    for kind, exact in (("var", exact_var), ("es", exact_es)):
        values = np.array([getattr(f, kind).value for f in fits])
        errors = np.array([getattr(f, kind).standard_error for f in fits])
        assert np.median(values) == pytest.approx(exact, rel=0.06)
        assert np.median(errors) == pytest.approx(values.std(), rel=0.35)
        assert (np.abs(values - exact) < 2.5 * errors).mean() > 0.85
    inside = np.mean([f.var_interval[0] <= exact_var <= f.var_interval[1] for f in fits])
    assert inside > 0.85
    assert all(f.es_interval[0] < f.es.value < f.es_interval[1] for f in fits)
    assert all(f.es.value >= f.var.value for f in fits)


@given(st.integers(0, 10_000), st.floats(0.93, 0.999))
@settings(max_examples=30)
def test_weights_of_a_fitted_tail_are_its_derivatives(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    x = 1_000.0 * rng.standard_t(4, 600)
    fit = peaks_over_threshold(x, level)
    assert fit.es.value >= fit.var.value
    if fit.fit.bounded:
        return
    for weights, value in ((fit.weights, fit.es.value), (fit.var_weights, fit.var.value)):
        assert float(weights @ x) == pytest.approx(value, rel=1e-9)
    at = int(np.argmax(x))
    h = 1e-4 * x[at]
    bumped = [peaks_over_threshold(np.where(np.arange(600) == at, x + d, x), level).es.value for d in (h, -h)]
    assert fit.weights[at] == pytest.approx((bumped[0] - bumped[1]) / (2.0 * h), rel=1e-3, abs=1e-6)


def test_stability_and_guards() -> None:
    rng = np.random.default_rng(9)
    x = rng.standard_t(4, 3_000)
    rows = stability(x, 0.99, [0.02, 0.05, 0.1, 0.15, 0.005])
    assert [round(r.fit.count / 3_000, 3) for r in rows] == [0.02, 0.05, 0.1, 0.15]
    assert np.ptp([r.var.value for r in rows]) < 0.35
    heavy = peaks_over_threshold(1.0 / rng.random(2_000) ** 1.5, 0.99)
    assert heavy.fit.bounded
    assert heavy.fit.xi == pytest.approx(SHAPES[1], abs=1e-4)
    assert math.isfinite(heavy.es.value)
    scaled = peaks_over_threshold(1e6 * x, 0.99)
    assert scaled.var.value == pytest.approx(1e6 * peaks_over_threshold(x, 0.99).var.value, rel=1e-9)


@pytest.mark.parametrize(
    ("losses", "level", "tail", "path"),
    [
        (np.arange(100.0), 0.99, 0.1, "tail"),
        (np.arange(1000.0), 0.8, 0.1, "level"),
        (np.arange(1000.0), 0.99, 0.0, "tail"),
        (np.full(1000, np.nan), 0.99, 0.1, "losses"),
        (np.ones(1000), 0.99, 0.1, "threshold"),
    ],
)
def test_a_tail_that_cannot_be_fitted_is_refused(losses: np.ndarray, level: float, tail: float, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        peaks_over_threshold(losses, level, tail)
    assert caught.value.problems[0].path == path
