"""Levenberg and Marquardt's method for many small blocks in a box.

The slices of one underlying have five numbers each and touch only their neighbours, so the normal matrix is small and
its assembly is the caller's: scipy's solvers want the dense Jacobian, thousands of rows by sixty columns, and spend
their time on its factorisation.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


FREE = 0.1
"""Damping below which a step is nearly the Gauss-Newton step; only such a step can say that little is left to gain."""

ROUNDING = 1e-15
"""A promise below this part of the cost cannot be seen in it."""


ROUNDS = 5
"""How often a step is taken again with more numbers stopped at their bounds."""


class Normal(NamedTuple):
    """Half the sum of squares, its gradient and the Gauss-Newton matrix of second derivatives."""

    cost: float
    gradient: F64
    matrix: F64


class Problem(Protocol):
    """A sum of squares of a vector of numbers."""

    def cost(self, x: F64) -> float:
        """Half the sum of squares at `x`."""

    def normal(self, x: F64) -> Normal:
        """The same with its gradient and matrix."""


class Solution(NamedTuple):
    """The last point, half the sum of squares there, and whether the steps had become negligible."""

    x: F64
    cost: float
    converged: bool


def minimise(
    problem: Problem, start: F64, low: F64, high: F64, *, steps: int = 100, tolerance: float = 1e-10
) -> Solution:
    """A local minimum of `problem` in the box from `low` to `high`, from `start` clipped into it.

    Converged: the gradient within the box is zero to rounding, or a step changed the cost by less than `tolerance` of
    it. The cost never rises. Deterministic.
    """
    x = np.clip(start, low, high)
    here = problem.normal(x)
    damping, growth = 1e-3, 2.0
    for _ in range(steps):
        blocked = ((x <= low) & (here.gradient > 0.0)) | ((x >= high) & (here.gradient < 0.0))
        gradient = np.where(blocked, 0.0, here.gradient)
        if not gradient.any() or here.cost == 0.0:
            return Solution(x, here.cost, True)
        target = _target(x, here, low, high, blocked, damping)
        moved = target - x
        promised = -float(gradient @ moved + 0.5 * moved @ here.matrix @ moved)
        cost = problem.cost(target)
        if not cost < here.cost:
            if 0.0 <= promised <= (tolerance if damping <= FREE else ROUNDING) * abs(here.cost):
                return Solution(x, here.cost, True)
            damping, growth = damping * growth, growth * 2.0
            if damping > 1e16:
                return Solution(x, here.cost, False)
            continue
        gain = here.cost - cost
        ratio = gain / promised if promised > 0.0 else 0.0
        # Nielsen's rule: trust grows smoothly with how well the promise was kept
        damping, growth = damping * max(0.1, 1.0 - (2.0 * ratio - 1.0) ** 3), 2.0
        done = gain <= tolerance * abs(here.cost) and damping <= FREE
        x, here = target, problem.normal(target)
        if done:
            return Solution(x, here.cost, True)
    return Solution(x, here.cost, False)


def _target(x: F64, here: Normal, low: F64, high: F64, blocked: npt.NDArray[np.bool_], damping: float) -> F64:
    """Where the damped step ends: numbers that it would carry over a bound stop there.

    The others step again with that known. Merely cutting the step off would leave them where they were to go together
    with those cut off, and in a narrow valley that is no descent.
    """
    fixed, move = blocked.copy(), np.zeros_like(x)
    for _ in range(ROUNDS):
        gradient = np.where(fixed, 0.0, here.gradient + here.matrix @ np.where(fixed, move, 0.0))
        step = _step(here.matrix, gradient, fixed, damping)
        move = np.where(fixed, move, step)
        over = ~fixed & ((x + move < low) | (x + move > high))
        if not over.any():
            break
        move = np.where(over, np.clip(x + move, low, high) - x, move)
        fixed = fixed | over
    return np.clip(x + move, low, high)


def _step(matrix: F64, gradient: F64, blocked: npt.NDArray[np.bool_], damping: float) -> F64:
    """The damped Gauss-Newton step of the numbers that are free to move."""
    size = np.maximum(np.diagonal(matrix), 1e-30)
    scale = np.where(blocked, 0.0, 1.0 / np.sqrt(size))
    # scaled to a unit diagonal; blocked rows become those of the identity
    scaled = matrix * scale[:, None] * scale[None, :]
    scaled[np.diag_indices_from(scaled)] = np.where(blocked, 1.0, 1.0 + damping)
    return np.asarray(-scale * np.linalg.solve(scaled, gradient * scale), dtype=np.float64)
