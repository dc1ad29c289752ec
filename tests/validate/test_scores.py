"""Scores: the twin, their minimum at the truth, and the size and power of the comparison."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from tests.naive import scores as naive

from plimsoll.documents import DocumentError
from plimsoll.validate import diebold_mariano, fissler_ziegel, pinball, qlike
from plimsoll.validate.scores import long_run_variance


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.05, 0.3]), st.integers(0, 12))
def test_twin(seed: int, level: float, lags: int) -> None:
    rng = np.random.default_rng(seed)
    losses, var = rng.standard_normal(25), rng.uniform(-0.5, 1.5, 25)
    es = np.maximum(var, 0.05) + rng.uniform(0.0, 1.0, 25)
    lists = losses.tolist(), var.tolist(), es.tolist()
    assert pinball(losses, var, level).tolist() == pytest.approx(naive.pinball(*lists[:2], level), abs=1e-12)
    assert fissler_ziegel(losses, var, es, level).tolist() == pytest.approx(naive.fissler_ziegel(*lists, level))
    assert long_run_variance(losses, lags) == pytest.approx(naive.newey_west(lists[0], lags), abs=1e-12)


def test_scores_are_least_at_the_truth() -> None:
    """On a fine grid of normal quantiles the mean score is least at the true VaR, the true pair, the true variance."""
    level = 0.05
    losses = norm.isf((np.arange(200_000) + 0.5) / 200_000)
    q, tail = norm.isf(level), norm.pdf(norm.isf(level)) / level
    same = np.ones_like(losses)
    for factor in (0.9, 0.97, 1.03, 1.1):
        assert pinball(losses, q * factor * same, level).mean() > pinball(losses, q * same, level).mean()
        right = fissler_ziegel(losses, q * same, tail * same, level).mean()
        assert fissler_ziegel(losses, q * factor * same, tail * same, level).mean() > right
        assert fissler_ziegel(losses, q * same, tail * factor * same, level).mean() > right
        assert qlike(losses**2, factor * same).mean() > qlike(losses**2, same).mean()


@given(st.floats(0.01, 100))
def test_the_unit_moves_the_joint_score_by_a_constant(unit: float) -> None:
    losses, var, es = np.array([1.0, -0.2, 3.0]), np.array([0.5, 0.6, 0.7]), np.array([0.9, 1.0, 1.1])
    moved = fissler_ziegel(unit * losses, unit * var, unit * es, 0.05) - fissler_ziegel(losses, var, es, 0.05)
    assert moved.tolist() == pytest.approx([np.log(unit)] * 3, abs=1e-9)


def test_equal_forecasts_are_told_apart_as_often_as_the_size() -> None:
    """Differences with the memory of a ten-day horizon: the corrected test keeps its size, an uncorrected would not."""
    rng, trials, days = np.random.default_rng(2), 400, 400
    noise = rng.standard_normal((trials, days + 4))
    memory = sum(noise[:, k : k + days] for k in range(5))
    zero = np.zeros(days)
    found = np.mean([diebold_mariano(row, zero, horizon=5, lags=12).rejects() for row in memory])
    naive_size = np.mean([diebold_mariano(row, zero, lags=0).rejects() for row in memory])
    assert found <= 0.10
    assert naive_size > 0.25


def test_the_better_forecast_wins() -> None:
    rng, level, days = np.random.default_rng(3), 0.05, 3000
    width = np.exp(0.5 * rng.standard_normal(days))
    losses = width * rng.standard_normal(days)
    good, flat = norm.isf(level) * width, np.full(days, np.quantile(losses, 1 - level))
    test = diebold_mariano(pinball(losses, good, level), pinball(losses, flat, level), side="first")
    assert test.statistic < 0
    assert test.p_value < 1e-4
    other = diebold_mariano(pinball(losses, flat, level), pinball(losses, good, level), side="first")
    assert other.p_value > 0.999
    both = diebold_mariano(pinball(losses, flat, level), pinball(losses, good, level))
    assert both.p_value == pytest.approx(2 * (1 - other.p_value), abs=1e-9)


def test_forecasts_that_never_differ() -> None:
    same = diebold_mariano([1.0, 2.0], [1.0, 2.0])
    assert (same.defined, same.p_value) == (False, 1.0)
    always = diebold_mariano([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], side="first")
    assert (always.statistic, always.p_value) == (float("-inf"), 0.0)
    assert always.to_dict()["statistic"] is None


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda: pinball([1.0], [1.0, 2.0], 0.01), "var"),
        (lambda: fissler_ziegel([1.0], [1.0], [0.0], 0.01), "es[0]"),
        (lambda: qlike([0.0], [1.0]), "realised[0]"),
        (lambda: diebold_mariano([1.0], [1.0]), "horizon"),
        (lambda: diebold_mariano([1.0, 2.0], [1.0, 1.0], side="second"), "side"),
        (lambda: diebold_mariano([1.0, 2.0], [1.0, 1.0], lags=2), "lags"),
    ],
)
def test_bad_inputs_are_named(call: object, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        call()  # type: ignore[operator]
    assert caught.value.problems[0].path == path
