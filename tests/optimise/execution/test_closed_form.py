"""Almgren and Chriss in closed form against the quadratic program, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.optimise.execution import Course, closed_form, kappa_of, shape, solve_course

seeds = st.integers(0, 2**31)


def course(rng: np.random.Generator, size: int, *, aversion: float, decay: float = 0.0, alone: bool = False) -> Course:
    """A ticket of `size` instruments; `alone`: their prices have nothing to do with one another."""
    load = rng.normal(size=(size, size + 1)) * 10.0 ** rng.uniform(-1.0, 1.0, (size, 1))
    covariance = load @ load.T
    if alone:
        covariance = np.diag(np.diag(covariance))
    slices = int(rng.integers(2, 13))
    return Course(
        rng.normal(size=size) * 50.0, rng.uniform(0.1, 2.0, size), covariance, slices, 60.0, aversion, decay, 0.3
    )


def free(c: Course) -> np.ndarray:
    return closed_form(c.slope * (1.0 - c.lasting), c.covariance, c.trade, c.slices, c.tau, c.risk_aversion)


@settings(max_examples=20)
@given(seeds, st.floats(-7.0, -1.0), st.integers(1, 5))
def test_alone_the_closed_form_is_the_programs_optimum(seed: int, power: float, size: int) -> None:
    c = course(np.random.default_rng(seed), size, aversion=10.0**power, alone=True)
    planned = solve_course(c)
    assert planned is not None
    assert planned.gap <= 1e-7
    # one by one nothing is traded against its sign, so no row of the program binds
    assert planned.value == pytest.approx(c.value(free(c)), rel=1e-7)
    assert planned.left == pytest.approx(free(c), abs=2e-3 * float(np.abs(c.trade).max()))


@settings(max_examples=20)
@given(seeds, st.floats(-7.0, -1.0), st.integers(2, 5))
def test_together_the_closed_form_is_below_every_schedule_and_the_bound_below_the_program(
    seed: int, power: float, size: int
) -> None:
    rng = np.random.default_rng(seed)
    c = course(rng, size, aversion=10.0**power)
    planned, best = solve_course(c), free(c)
    assert planned is not None
    assert planned.gap <= 1e-6
    assert c.value(best) <= planned.value * (1.0 + 1e-9) + 1e-9
    if (np.diff(best / c.trade, axis=0) <= 1e-12).all():
        assert planned.value == pytest.approx(c.value(best), rel=1e-6)
    for _ in range(5):
        any_left = np.sort(rng.random((c.slices - 1, size)), axis=0)[::-1] * c.trade
        tried = np.concatenate([c.trade[None], any_left, np.zeros((1, size))])
        assert c.value(tried) >= planned.bound - 1e-9 * abs(planned.bound)
        # and the closed form is stationary: no small change of it, within its ends, costs less
        moved = best.copy()
        moved[1:-1] += 1e-3 * rng.normal(size=moved[1:-1].shape) * np.abs(c.trade)
        assert c.value(moved) >= c.value(best) - 1e-9 * abs(c.value(best))


def test_the_formula_of_the_paper() -> None:
    # equation 18: x_j = X sinh(kappa (T - t_j)) / sinh(kappa T)
    kappa, slices, tau = 0.3, 5, 2.0
    expected = [np.sinh(kappa * (10.0 - 2.0 * j)) / np.sinh(kappa * 10.0) for j in range(6)]
    assert shape(kappa, slices, tau) == pytest.approx(expected, rel=1e-12)
    # and kappa solves 2 (cosh(kappa tau) - 1) = lambda tau sigma^2 / h
    k = kappa_of(0.5, 4.0, 0.01, tau)
    assert 2.0 * (np.cosh(k * tau) - 1.0) == pytest.approx(0.01 * tau * 4.0 / 0.5, rel=1e-12)


def test_without_aversion_a_line_and_with_all_of_it_everything_at_once() -> None:
    one = np.array([[9.0]])
    line = closed_form(np.array([0.4]), one, np.array([-8.0]), 4, 60.0, 0.0)
    assert line[:, 0] == pytest.approx([-8.0, -6.0, -4.0, -2.0, 0.0], abs=1e-12)
    once = closed_form(np.array([0.4]), one, np.array([-8.0]), 4, 60.0, 1e12)
    assert once[1:, 0] == pytest.approx([0.0] * 4, abs=1e-6)
    assert shape(1e6, 4, 60.0).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_impact_that_lasts_costs_every_schedule_the_same() -> None:
    c = course(np.random.default_rng(3), 3, aversion=0.0)
    stays = Course(c.trade, c.slope, c.covariance, c.slices, c.tau, 0.0, 0.0, 1.0 - 1e-12)
    rng = np.random.default_rng(4)
    for _ in range(4):
        middle = np.sort(rng.random((c.slices - 1, 3)), axis=0)[::-1] * c.trade
        left = np.concatenate([c.trade[None], middle, np.zeros((1, 3))])
        assert stays.impact(left) == pytest.approx(float(c.slope @ c.trade**2), rel=1e-9)


def test_a_slower_refill_costs_more() -> None:
    rng = np.random.default_rng(5)
    c = course(rng, 2, aversion=1e-5)
    values = []
    for decay in (0.0, 0.3, 0.6, 0.9):
        planned = solve_course(Course(c.trade, c.slope, c.covariance, c.slices, c.tau, 1e-5, decay, 0.3))
        assert planned is not None
        values.append(planned.value)
    assert values == sorted(values)
    assert values[-1] > 1.2 * values[0]


def test_bad_input_is_refused() -> None:
    one = np.array([[1.0]])
    with pytest.raises(DocumentError, match="slices"):
        closed_form(np.ones(1), one, np.ones(1), 0, 1.0, 1.0)
    with pytest.raises(DocumentError, match="slope"):
        closed_form(np.zeros(1), one, np.ones(1), 3, 1.0, 1.0)
