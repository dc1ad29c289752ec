"""Sums and measures against loops, brute force and the axioms."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.kernels import (
    aggregate,
    aggregate_accounts,
    expected_shortfall,
    tail_weights,
    value_at_risk,
    worst,
)

amounts = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6))
levels = st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999])


@st.composite
def samples(draw: st.DrawFn, count: int = 1) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Loss vectors [count, S], probabilities (or None) and a level."""
    size = draw(st.integers(1, 40))
    losses = np.array(draw(st.lists(amounts, min_size=count * size, max_size=count * size))).reshape(count, size)
    p = None
    if draw(st.booleans()):
        weights = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size).filter(any))
        p = np.array(weights) / sum(weights)
    return losses, p, draw(levels)


def exact_measures(losses: np.ndarray, level: float, weights: list[int] | None = None) -> tuple[Fraction, Fraction]:
    """VaR and ES by their definitions in rational numbers; ``level`` is the decimal that it prints as."""
    weights = weights or [1] * len(losses)
    atoms = sorted((Fraction(float(loss)), Fraction(w, sum(weights))) for loss, w in zip(losses, weights, strict=True))
    alpha = Fraction(str(level))
    total = Fraction(0)
    for loss, p in atoms:
        total += p
        if total >= alpha:
            var = loss
            break
    # (1/(1-a)) * (E[L; L > VaR] + VaR * (1 - a - P[L > VaR]))
    beyond = [(loss, p) for loss, p in atoms if loss > var]
    mass = sum((p for _, p in beyond), Fraction(0))
    tail = sum((loss * p for loss, p in beyond), Fraction(0)) + var * (1 - alpha - mass)
    return var, tail / (1 - alpha)


@given(st.data())
def test_var_and_es_equal_their_definitions(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 60))
    losses = np.array(data.draw(st.lists(amounts, min_size=size, max_size=size)))
    weights = data.draw(st.one_of(st.none(), st.lists(st.integers(0, 9), min_size=size, max_size=size).filter(any)))
    level = data.draw(levels)
    p = None if weights is None else np.array(weights) / sum(weights)
    var, es = exact_measures(losses, level, weights)
    scale = max(1.0, float(np.abs(losses).max()))
    assert float(value_at_risk(losses, level, p)) == float(var)
    assert float(expected_shortfall(losses, level, p)) == pytest.approx(float(es), abs=1e-10 * scale)


@pytest.mark.parametrize("size", [7, 100, 250, 1000, 10_000])
@pytest.mark.parametrize("level", [0.07, 0.9, 0.95, 0.975, 0.99, 0.995])
def test_levels_whose_binary_form_is_not_exact(size: int, level: float) -> None:
    losses = np.random.default_rng(size).permutation(size).astype(float)
    var, es = exact_measures(losses, level)
    assert float(value_at_risk(losses, level)) == float(var)
    assert float(expected_shortfall(losses, level)) == pytest.approx(float(es), rel=1e-13)
    count = size * (1 - Fraction(str(level)))
    expected = -(-count.numerator // count.denominator)
    assert np.count_nonzero(tail_weights(losses, level)) == expected


@given(samples())
def test_es_is_at_least_var_and_at_most_the_worst(
    sample: tuple[np.ndarray, np.ndarray | None, float],
) -> None:
    losses, p, level = sample
    es = expected_shortfall(losses[0], level, p)
    assert es >= value_at_risk(losses[0], level, p)
    value, _ = worst(-losses[0])
    assert es <= value + 1e-12 * max(1.0, abs(float(value)))


@given(samples(count=2))
def test_es_is_subadditive_and_homogeneous(sample: tuple[np.ndarray, np.ndarray | None, float]) -> None:
    (x, y), p, level = sample
    apart = expected_shortfall(x, level, p) + expected_shortfall(y, level, p)
    scale = 1.0 + np.abs(x).max() + np.abs(y).max()
    assert expected_shortfall(x + y, level, p) <= apart + 1e-11 * scale
    assert float(expected_shortfall(4.0 * x, level, p)) == pytest.approx(
        4.0 * float(expected_shortfall(x, level, p)), abs=1e-11 * scale
    )
    assert float(expected_shortfall(x + 8.0, level, p)) == pytest.approx(
        float(expected_shortfall(x, level, p)) + 8.0, abs=1e-11 * scale
    )


@given(samples(count=3))
def test_batches_equal_single_vectors(sample: tuple[np.ndarray, np.ndarray | None, float]) -> None:
    losses, p, level = sample
    for measure in (value_at_risk, expected_shortfall, tail_weights):
        batch = measure(losses.reshape(3, 1, -1), level, p)
        for row in range(3):
            assert np.array_equal(batch[row, 0], measure(losses[row], level, p))
    value, index = worst(losses)
    for row in range(3):
        single, at = worst(losses[row])
        assert (value[row], index[row]) == (single, at)


@given(samples())
def test_tail_weights_reproduce_es(sample: tuple[np.ndarray, np.ndarray | None, float]) -> None:
    losses, p, level = sample
    weights = tail_weights(losses[0], level, p)
    scale = max(1.0, float(np.abs(losses).max()))
    assert (weights >= 0.0).all()
    assert float(weights.sum()) == pytest.approx(1.0, abs=1e-14 * losses.size)
    assert float(weights @ losses[0]) == pytest.approx(
        float(expected_shortfall(losses[0], level, p)), abs=1e-12 * scale
    )
    # no scenario carries more than its own mass over the tail's
    mass = np.full(losses.shape[1], 1.0 / losses.shape[1]) if p is None else p
    assert (weights <= mass / (1.0 - level) + 1e-10).all()


def test_given_equal_probabilities_are_the_same_as_none() -> None:
    losses = np.random.default_rng(8).normal(size=(6, 333))
    p = np.full(333, 1.0 / 333.0)
    for level in (0.05, 0.5, 0.97, 0.999, 0.999999):
        assert np.array_equal(value_at_risk(losses, level), value_at_risk(losses, level, p))
        assert expected_shortfall(losses, level) == pytest.approx(expected_shortfall(losses, level, p), rel=1e-12)
        assert tail_weights(losses, level) == pytest.approx(tail_weights(losses, level, p), rel=1e-10, abs=1e-13)


def test_ties_enter_the_tail_by_lowest_index() -> None:
    assert tail_weights([1.0, 5.0, 5.0, 5.0], 0.5).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert tail_weights([5.0, 5.0, 5.0, 5.0], 0.75).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert [int(worst(x)[1]) for x in ([1.0, -2.0, -2.0], [0.0, 0.0], [-0.0, 0.0])] == [1, 0, 0]


def test_worst_has_no_floor_and_takes_weights() -> None:
    value, index = worst([3.0, 1.0, 2.0])
    assert (float(value), int(index)) == (-1.0, 1)
    value, index = worst([-10.0, -6.0, 4.0], [0.5, 1.0, 0.0])
    assert (float(value), int(index)) == (6.0, 1)
    value, _ = worst([0.0, 1.0])
    assert str(float(value)) == "0.0"


@given(st.lists(amounts, min_size=1, max_size=20), amounts)
def test_another_scenario_never_lowers_the_worst(pnl: list[float], more: float) -> None:
    assert worst([*pnl, more])[0] >= worst(pnl)[0]


def test_aggregate_is_the_sequential_sum_to_the_bit() -> None:
    rng = np.random.default_rng(3)
    for n, s in ((0, 4), (1, 1), (900, 1), (900, 2), (500, 300), (3, 70_000)):
        quantity, pnl = rng.normal(size=n), rng.normal(size=(n, s))
        total = np.zeros(s)
        for i in range(n):
            total = total + quantity[i] * pnl[i]
        assert np.array_equal(aggregate(quantity, pnl), total)
        assert np.array_equal(aggregate(quantity, np.asfortranarray(pnl)), total)
        if s > 1:
            assert aggregate(quantity, pnl[:, :1])[0] == total[0]


@given(st.data())
def test_sparse_accounts_equal_one_account_at_a_time(data: st.DataObject) -> None:
    n, s = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    pnl = np.array(data.draw(st.lists(amounts, min_size=n * s, max_size=n * s))).reshape(n, s)
    accounts = data.draw(
        st.lists(st.lists(st.tuples(st.integers(0, n - 1), amounts), max_size=8), min_size=1, max_size=5)
    )
    indptr = np.cumsum([0, *(len(account) for account in accounts)])
    flat = [position for account in accounts for position in account]
    indices = np.array([i for i, _ in flat], dtype=np.int64)
    quantity = np.array([q for _, q in flat])
    batch = aggregate_accounts(indptr, indices, quantity, pnl)
    assert batch.shape == (len(accounts), s)
    for row, account in enumerate(accounts):
        dense = np.zeros(n)
        for i, q in account:
            dense[i] += q
        gross = sum(abs(q) for _, q in account) * np.abs(pnl).max()
        np.testing.assert_allclose(batch[row], aggregate(dense, pnl), rtol=0.0, atol=1e-14 * (1.0 + gross))
    assert np.array_equal(batch, aggregate_accounts(indptr, indices, quantity, pnl))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: aggregate([1.0], np.ones((2, 3))), r"pnl: got shape \(2, 3\)"),
        (lambda: aggregate([1.0, np.nan], np.ones((2, 3))), r"quantity\[1\]: got nan"),
        (lambda: aggregate([1.0, 0.0], [[1.0], [np.inf]]), r"pnl\[1, 0\]: got inf"),
        (lambda: aggregate([1e200], [[1e200]]), "beyond the float64 range"),
        (lambda: aggregate([[1.0]], [[1.0]]), r"quantity: got shape \(1, 1\)"),
        (lambda: aggregate(["a"], [[1.0]]), "quantity: got an array of <U1"),
        (lambda: aggregate_accounts([0, 2], [0], [1.0], [[1.0]]), "indptr: must rise from 0 to 1"),
        (lambda: aggregate_accounts([0, 2, 1], [0], [1.0], [[1.0]]), "indptr: must rise"),
        (
            lambda: aggregate_accounts([0, 1], [1], [1.0], [[1.0]]),
            r"indices\[0\]: got 1, must be from 0 to 0",
        ),
        (lambda: aggregate_accounts([0, 1], [0], [1.0, 2.0], [[1.0]]), "quantity: got 2 numbers"),
        (lambda: aggregate_accounts([0, 1], [0.0], [1.0], [[1.0]]), "indices: got float64"),
        (lambda: aggregate_accounts([0, 1], [0], [1.0], [[np.nan]]), r"pnl\[0, 0\]: got nan"),
        (lambda: worst([]), "pnl: got shape"),
        (lambda: worst([1.0, np.nan]), r"pnl\[1\]: got nan"),
        (lambda: worst([1.0, 2.0], [1.0]), "weights: got 1 numbers"),
        (lambda: worst([1.0, 2.0], [1.0, -1.0]), r"weights\[1\]: got -1.0"),
        (lambda: value_at_risk([1.0], 1.0), "level: got 1.0"),
        (lambda: value_at_risk([1.0], 0.0), "level: got 0.0"),
        (lambda: expected_shortfall([1.0], 1.0 - 1e-15), "level: got 0.99"),
        (lambda: expected_shortfall([1.0], float("nan")), "level: got nan"),
        (lambda: expected_shortfall([1.0, 2.0], 0.5, [0.5, 0.6]), "probabilities: got minimum"),
        (lambda: expected_shortfall([1.0, 2.0], 0.5, [1.5, -0.5]), "probabilities: got minimum -0.5"),
        (lambda: tail_weights([1.0, 2.0], 0.5, [1.0]), "probabilities: got 1 numbers"),
        (lambda: tail_weights([np.inf], 0.5), r"losses\[0\]: got inf"),
    ],
)
def test_bad_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
