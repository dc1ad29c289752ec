"""The variance of a mean over dependent draws: by hand, against a plain twin, and against what histories differ by."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.liquidation.passage.estimate import chance_of, drawing_error, mean_error
from plimsoll.risk.clusters import clustered_variance
from plimsoll.scenarios.paths import JointPaths


def plain_variance(parts: list[float], rows: list[list[int]]) -> float:
    """Pairs of draws that share a number, each as often as they share it, and each draw with itself once."""
    counts = [Counter(row) for row in rows]
    total = 0.0
    for s, one in enumerate(counts):
        for t, other in enumerate(counts):
            shared = sum(n * other[g] for g, n in one.items())
            total += parts[s] * parts[t] * (1 if s == t else shared)
    groups = len({g for row in rows for g in row})
    total *= groups / max(groups - 1, 1)
    return max(total, sum(x * x for x in parts)) if len(rows[0]) > 1 else total


@given(st.integers(1, 4), st.integers(1, 12), st.integers(0, 1_000))
def test_it_is_the_sum_over_pairs(columns: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts, rows = rng.standard_normal(size) / size, rng.integers(3, 9, (size, columns))
    assert clustered_variance(parts, rows) == pytest.approx(plain_variance(parts.tolist(), rows.tolist()), abs=1e-12)


def test_numbers_of_which_none_is_shared_are_independent_draws() -> None:
    parts = np.random.default_rng(1).standard_normal(50) / 50
    assert clustered_variance(parts, np.arange(50)) == pytest.approx(float(parts @ parts) * 50 / 49)
    apart = np.arange(150).reshape(50, 3)
    assert clustered_variance(parts, apart) == pytest.approx(float(parts @ parts) * 150 / 149)


def paths(clusters: np.ndarray | None, size: int) -> JointPaths:
    return JointPaths(("X",), np.ones((1, 1, size)), np.ones(1), np.ones(size), clusters)


LEVELS = {1: -1.48, 5: -3.70, 20: -7.42}
"""A tenth of the sums of so many draws of Student's t with five degrees of freedom lies below, nearly."""


@pytest.mark.parametrize("steps", LEVELS)
def test_intervals_of_paths_of_many_days_cover_as_often_as_they_say(steps: int) -> None:
    rng = np.random.default_rng(7)
    true = float(np.mean([(rng.standard_t(5, (20_000, steps)).sum(axis=1) < LEVELS[steps]).mean() for _ in range(10)]))
    found, errors, drawn_errors, inside, below, days, size, histories = [], [], [], 0, 0, 400, 1_500, 250
    for _ in range(histories):
        history, drawn = rng.standard_t(5, days), rng.integers(0, days, (size, steps))
        met = history[drawn].sum(axis=1) < LEVELS[steps]
        one = chance_of(met, paths(drawn, size))
        found.append(one.value)
        errors.append(one.error)
        drawn_errors.append(drawing_error(met.astype(float), drawn))
        wide = 1.96 * one.error / (one.value * (1.0 - one.value))
        inside += abs(np.log(one.value / (1.0 - one.value) / (true / (1.0 - true)))) < wide
        below += true <= one.at_most
    # the error is the standard deviation over histories; the drawing alone is less
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.12)
    assert steps == 1 or np.mean(drawn_errors) < 0.5 * np.std(found)
    # three standard deviations of a count of 250 at 95 % are 10
    assert inside >= 228
    assert below >= 228


def test_one_history_drawn_again_differs_by_the_error_of_the_drawing() -> None:
    rng = np.random.default_rng(8)
    history, found, errors = rng.standard_t(5, 300), [], []
    for _ in range(200):
        drawn = rng.integers(0, 300, (1_000, 10))
        met = (history[drawn].sum(axis=1) < -4.0).astype(float)
        found.append(met.mean())
        errors.append(drawing_error(met, drawn))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)


def test_independent_and_clustered_draws_cover() -> None:
    rng, inside, grouped = np.random.default_rng(9), 0, 0
    for _ in range(300):
        x = (rng.random(1_000) < 0.2).astype(float)
        inside += abs(x.mean() - 0.2) < 1.96 * mean_error(x, None)
        # groups of twenty with a common part
        common = np.repeat(rng.standard_normal(100), 20)
        y = (0.7 * common + np.sqrt(0.51) * rng.standard_normal(2_000) < -0.8416212).astype(float)
        grouped += abs(y.mean() - 0.2) < 1.96 * mean_error(y, np.repeat(np.arange(100), 20)[:, None])
    assert inside >= 274
    assert grouped >= 272
