"""The searches beneath the fits: the minimiser in a box, the barrier's derivatives, the exact start, SSVI's bounds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from dynamics.chains import market_of, svi_smile
from plimsoll.dynamics.arbitrage import butterfly, calendar, free_of_arbitrage
from plimsoll.dynamics.joint import Inside, Misfit, pack, unpack
from plimsoll.dynamics.newton import Normal, minimise
from plimsoll.dynamics.quotes import Quotes, read_quotes
from plimsoll.dynamics.search import _best_linear, search
from plimsoll.dynamics.ssvi import INSIDE, LEAST_RISE, Ssvi, fit_ssvi, ssvi_slice
from plimsoll.dynamics.svi_fit import fit_together
from plimsoll.dynamics.wings import MOST_SLOPE, shape

F64 = npt.NDArray[np.float64]
SMILES = {
    7.0: svi_smile(7.0, 0.001, 0.02, -0.2, 0.01, 0.06),
    30.0: svi_smile(30.0, 0.004, 0.05, -0.3, 0.02, 0.15),
    90.0: svi_smile(90.0, 0.01, 0.09, -0.25, 0.03, 0.3),
}


def quotes() -> list[Quotes]:
    market = market_of(SMILES)
    found = [read_quotes(market, row) for row in market.expiries]
    return [q for q in found if q is not None]


class Residuals:
    """Least squares of a vector function with its Jacobian; infinite where `forbidden`."""

    def __init__(self, values: object, jacobian: object, forbidden: object = None) -> None:
        self.values, self.jacobian, self.forbidden = values, jacobian, forbidden

    def cost(self, x: F64) -> float:
        if self.forbidden is not None and self.forbidden(x):  # type: ignore[operator]
            return np.inf
        r = self.values(x)  # type: ignore[operator]
        return 0.5 * float(r @ r)

    def normal(self, x: F64) -> Normal:
        r, j = self.values(x), self.jacobian(x)  # type: ignore[operator]
        return Normal(self.cost(x), j.T @ r, j.T @ j)


def rosenbrock() -> Residuals:
    return Residuals(
        lambda x: np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]),
        lambda x: np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]]),
    )


FREE = np.full(2, np.inf)


def test_a_curved_valley_is_followed_to_its_end() -> None:
    found = minimise(rosenbrock(), np.array([-1.2, 1.0]), -FREE, FREE)
    assert found.converged
    assert found.x == pytest.approx([1.0, 1.0], abs=1e-8)
    assert found.cost == pytest.approx(0.0, abs=1e-15)


def test_the_box_is_kept_and_its_edge_found() -> None:
    found = minimise(rosenbrock(), np.array([-1.2, 1.0]), np.array([-2.0, -2.0]), np.array([0.5, 3.0]))
    assert found.converged
    # with the first number at its bound the second follows it
    assert found.x == pytest.approx([0.5, 0.25], abs=1e-8)
    outside = minimise(rosenbrock(), np.array([5.0, 5.0]), np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    assert outside.x.tolist() == [0.0, 0.0]


def test_the_forbidden_side_is_never_entered() -> None:
    seen: list[float] = []

    def forbidden(x: F64) -> bool:
        seen.append(float(x[0]))
        return bool(x[0] > 0.3)

    problem = rosenbrock()
    problem.forbidden = forbidden
    found = minimise(problem, np.array([-1.2, 1.0]), -FREE, FREE)
    assert max(seen) > 0.3
    assert found.x[0] <= 0.3
    assert found.cost < problem.cost(np.array([-1.2, 1.0]))


def test_few_steps_are_told_not_to_have_settled() -> None:
    assert not minimise(rosenbrock(), np.array([-1.2, 1.0]), -FREE, FREE, steps=3).converged


@pytest.mark.parametrize("weight", [0.0, 1.0, 1e-3])
def test_the_gradient_is_that_of_differences(weight: float) -> None:
    every = quotes()
    misfit = Misfit(every)
    x = pack(fit_ssvi(every)[0].slices())
    grid = np.linspace(-3.0, 3.0, 41)
    problem = Inside(misfit, grid, weight, MOST_SLOPE, 1e-6) if weight else misfit
    normal = problem.normal(x)
    assert normal.cost == pytest.approx(problem.cost(x))
    assert normal.matrix == pytest.approx(normal.matrix.T, rel=1e-9)
    assert np.linalg.eigvalsh(normal.matrix).min() > -1e-6 * np.abs(normal.matrix).max()
    for i in range(x.size):
        step = np.zeros_like(x)
        step[i] = 1e-6 * max(abs(x[i]), 1e-3)
        slope = (problem.cost(x + step) - problem.cost(x - step)) / (2.0 * step[i])
        assert normal.gradient[i] == pytest.approx(slope, rel=1e-4, abs=1e-5 * np.abs(normal.gradient).max())


def test_outside_the_barrier_is_infinite() -> None:
    every = quotes()
    slices = fit_ssvi(every)[0].slices()
    problem = Inside(Misfit(every), np.linspace(-3.0, 3.0, 41), 1.0, MOST_SLOPE, 1e-6)
    assert np.isfinite(problem.cost(pack(slices)))
    crossing = [slices[1], slices[0], slices[2]]
    steep = [*slices[:2], slices[2]._replace(right=MOST_SLOPE)]
    negative = [slices[0]._replace(a=slices[0].a - 1.0), *slices[1:]]
    for wrong in (crossing, steep, negative):
        assert problem.cost(pack(wrong)) == np.inf
        assert problem.normal(pack(wrong)).cost == np.inf


@given(st.floats(-0.5, 0.5), st.floats(0.02, 1.0))
def test_level_and_wings_of_a_tip_are_the_best_in_their_box(m: float, sigma: float) -> None:
    """Against scipy's bounded linear least squares."""
    for one in quotes():
        (a, left, right), cost = _best_linear(one, np.array([m]), np.array([sigma]))
        x = one.k - m
        root = np.hypot(x, sigma)
        columns = np.stack([np.ones_like(x), 0.5 * (root - x), 0.5 * (root + x)], axis=1)
        weight = 1.0 / one.doubt_of_variance
        weight = weight / np.sqrt((weight**2).sum())
        bounds = ([-np.inf, 0.0, 0.0], [np.inf, MOST_SLOPE, MOST_SLOPE])
        best = lsq_linear(columns * weight[:, None], one.variance * weight, bounds=bounds, method="bvls", tol=1e-14)
        residual = (columns @ [a[0], left[0], right[0]] - one.variance) * weight
        scale = float(((one.variance * weight) ** 2).sum())
        assert float(residual @ residual) == pytest.approx(float(cost[0]), abs=1e-9 * scale)
        assert float(cost[0]) <= 2.0 * best.cost + 1e-9 * scale


def test_the_grid_comes_close_before_any_step() -> None:
    for one in quotes():
        error = (shape(search(one), one.k).w - one.variance) / one.doubt_of_variance
        assert np.abs(error).max() < 0.1


@given(
    st.floats(-0.95, 0.95),
    st.floats(1e-3, INSIDE),
    st.floats(0.0, 0.5),
    st.lists(st.floats(1e-5, 1.0), min_size=1, max_size=5),
)
def test_no_ssvi_surface_in_its_bounds_has_arbitrage(
    rho: float, share: float, gamma: float, rises: list[float]
) -> None:
    eta = share * 2.0 / np.sqrt(1.0 + abs(rho))
    theta, last = [], 0.0
    for rise in rises:
        last = last * (1.0 + LEAST_RISE) + rise
        theta.append(last)
    slices = [ssvi_slice(rho, float(eta), gamma, t) for t in theta]
    for one in slices:
        assert butterfly(one).least > 0.0
    for early, late in pairwise(slices):
        assert calendar(early, late).least > 0.0
    assert Ssvi(rho, float(eta), gamma, tuple(theta)).slices() == slices
    assert free_of_arbitrage(slices)


def test_the_search_together_never_ends_worse_than_it_began() -> None:
    every = quotes()
    start = fit_ssvi(every)[0].slices()
    misfit = Misfit(every)
    found = fit_together(every, start, 0.0)
    assert found.misfit <= misfit.cost(pack(start))
    assert found.misfit == pytest.approx(misfit.cost(pack(found.slices)))
    assert free_of_arbitrage(found.slices)
    assert unpack(pack(found.slices)) == [pytest.approx(s) for s in found.slices]
