"""Aumann-Shapley shares against closed forms: tiers, squares, floors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plimsoll.risk import aumann_shapley, euler

BOUNDS = np.array([0.0, 50_000.0, 250_000.0, np.inf])
RATES = np.array([0.01, 0.025, 0.05])

sizes = arrays(np.float64, st.integers(1, 6), elements=st.floats(-100.0, 100.0))


def tiers(notional: float) -> float:
    """Marginal tiers: sum of r_k * max(0, min(N, b_k) - b_(k-1))."""
    return float((RATES * np.maximum(0.0, np.minimum(notional, BOUNDS[1:]) - BOUNDS[:-1])).sum())


def rate_at(notional: float) -> float:
    return float(RATES[np.searchsorted(BOUNDS[1:], notional, side="left")])


def test_the_tier_fixture() -> None:
    """1 % to 50k, 2.5 % to 250k, 5 % above: 300k need 8,000."""
    assert tiers(300_000.0) == 8_000.0
    quantity = np.array([100_000.0, 200_000.0])
    found = aumann_shapley(lambda q: np.full(2, rate_at(q.sum())), quantity, tiers(300_000.0))
    # every dollar of notional pays the average rate of the whole
    np.testing.assert_allclose(found.values, quantity * 8_000.0 / 300_000.0, rtol=1e-9)
    assert abs(found.error) <= 1e-9 * 8_000.0


@given(st.lists(st.floats(1.0, 200_000.0), min_size=1, max_size=5))
def test_tiers_share_the_average_rate(notionals: list[float]) -> None:
    quantity = np.array(notionals)
    total = tiers(float(quantity.sum()))
    found = aumann_shapley(lambda q: np.full(len(q), rate_at(float(q.sum()))), quantity, total)
    assert found.values.sum() + found.error == pytest.approx(total, rel=1e-12)
    assert abs(found.error) <= 1e-9 * max(1.0, total)
    np.testing.assert_allclose(found.values, quantity * total / quantity.sum(), rtol=1e-9)


@given(sizes)
def test_a_square_is_shared_exactly(quantity: np.ndarray) -> None:
    """M = k * (sum q)**2 has shares k * q_i * sum q; M = k * sum q**2 has k * q_i**2."""
    joint = aumann_shapley(lambda q: 0.6 * q.sum() * np.ones(len(q)), quantity, 0.3 * quantity.sum() ** 2)
    np.testing.assert_allclose(joint.values, 0.3 * quantity * quantity.sum(), rtol=1e-12, atol=1e-10)
    alone = aumann_shapley(lambda q: 0.6 * q, quantity, 0.3 * float((quantity**2).sum()))
    np.testing.assert_allclose(alone.values, 0.3 * quantity**2, rtol=1e-12, atol=1e-10)
    assert abs(alone.error) <= 1e-9
    assert alone.evaluations == 7


@given(st.floats(0.05, 0.95))
def test_a_floor_with_its_kink_anywhere_on_the_ray(kink: float) -> None:
    """M = max(0, a . q - c): nothing is charged on the part of the ray below the kink."""
    weights, quantity = np.array([3.0, -1.0, 2.0]), np.array([2.0, 1.0, 5.0])
    full = float(weights @ quantity)
    level = kink * full
    found = aumann_shapley(lambda q: weights * (weights @ q > level), quantity, full - level)
    np.testing.assert_allclose(found.values, weights * quantity * (1.0 - kink), atol=1e-9 * full)
    assert abs(found.values.sum() + found.error - (full - level)) <= 1e-12
    assert abs(found.error) <= 1e-9 * full


def test_the_error_is_reported_and_nothing_is_rescaled() -> None:
    quantity = np.array([1.0, 3.0])
    honest = aumann_shapley(lambda q: 2.0 * q, quantity, 10.0)
    wrong = aumann_shapley(lambda q: 2.0 * q, quantity, 11.0)
    assert wrong.values.tolist() == honest.values.tolist()
    assert wrong.error == pytest.approx(1.0, abs=1e-12)
    capped = aumann_shapley(lambda q: (q > 0.3337) * 1.0, np.array([1.0]), 0.6663, max_panels=3)
    assert abs(capped.error) > 1e-4
    assert capped.values.sum() + capped.error == pytest.approx(0.6663, rel=1e-12)


@given(sizes)
def test_where_both_hold_they_agree(quantity: np.ndarray) -> None:
    """On a function of degree one, here the norm, Aumann-Shapley is Euler."""
    norm = float(np.linalg.norm(quantity))
    if norm < 1e-3:
        return

    def gradient(q: np.ndarray) -> np.ndarray:
        return q / np.linalg.norm(q)

    found = aumann_shapley(gradient, quantity, norm)
    np.testing.assert_allclose(found.values, euler(quantity, gradient(quantity)), rtol=1e-9, atol=1e-9)
    assert found.values.sum() == pytest.approx(norm, rel=1e-9)


def test_nothing_held_shares_nothing() -> None:
    found = aumann_shapley(lambda q: np.ones(len(q)), np.zeros(3), 0.0)
    assert found.values.tolist() == [0.0, 0.0, 0.0]
    assert found.error == 0.0
