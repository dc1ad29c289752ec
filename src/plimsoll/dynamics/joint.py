"""The objective of all slices of one underlying: what the quotes say, inside what arbitrage allows.

An error of total variance over its doubt is a residual; half their sum of squares is the misfit. Where arbitrage is to
be kept out, a logarithmic barrier is taken from it: of the density factor g, of the rise of ln w from one expiry to the
next, both on a grid, and of the rise of the wings. The barrier is infinite where anything of this is not above zero, so
a search that starts inside stays inside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.newton import Normal
from plimsoll.dynamics.quotes import Quotes
from plimsoll.dynamics.wings import Wings

F64 = npt.NDArray[np.float64]

NUMBERS = 5
"""Of a slice: level, left wing, right wing, m, ln sigma."""

LEAST_DENSITY = 1e-5
"""g is kept above this on the grid, so that it does not fall below zero between its points."""

LEAST_RISE = 1e-6
"""ln w is kept rising by more than this from one expiry to the next, for the same reason."""


def pack(slices: Sequence[Wings]) -> F64:
    """The numbers of the slices, one after the other."""
    return np.array([(s.a, s.left, s.right, s.m, np.log(s.sigma)) for s in slices]).ravel()


def unpack(x: F64) -> list[Wings]:
    """The slices of a vector made by `pack`."""
    rows = x.reshape(-1, NUMBERS).tolist()
    return [Wings(a, left, right, m, float(np.exp(tip))) for a, left, right, m, tip in rows]


class Misfit:
    """Half the sum of squares of the quotes' errors; `quotes` stand earliest expiry first."""

    def __init__(self, quotes: Sequence[Quotes]) -> None:
        self.size = len(quotes)
        self._k = np.concatenate([q.k for q in quotes])
        self._w = np.concatenate([q.variance for q in quotes])
        self._doubt = np.concatenate([q.doubt_of_variance for q in quotes])
        self._slice = np.repeat(np.arange(self.size), [q.size for q in quotes])
        self._first = np.concatenate([[0], np.cumsum([q.size for q in quotes])[:-1]])

    def cost(self, x: F64) -> float:
        """The misfit at `x`."""
        error = self._errors(x.reshape(self.size, NUMBERS))
        return 0.5 * float(error @ error)

    def normal(self, x: F64) -> Normal:
        """The misfit with its gradient and Gauss-Newton matrix; a block of five rows is a slice."""
        p = x.reshape(self.size, NUMBERS)
        error = self._errors(p)
        rows = derivatives(p[self._slice], self._k)[0] / self._doubt[:, None]
        gradient = np.add.reduceat(rows * error[:, None], self._first)
        matrix = np.zeros((self.size, NUMBERS, self.size, NUMBERS))
        own = np.arange(self.size)
        matrix[own, :, own, :] = np.add.reduceat(rows[:, :, None] * rows[:, None, :], self._first)
        n = self.size * NUMBERS
        return Normal(0.5 * float(error @ error), gradient.ravel(), matrix.reshape(n, n))

    def _errors(self, p: F64) -> F64:
        q = p[self._slice]
        x = self._k - q[:, 3]
        root = np.hypot(x, np.exp(q[:, 4]))
        w = q[:, 0] + 0.5 * (q[:, 1] * (root - x) + q[:, 2] * (root + x))
        return np.asarray((w - self._w) / self._doubt, dtype=np.float64)


class Inside:
    """The misfit less `weight` times the logarithms of everything that must stay above zero."""

    def __init__(self, misfit: Misfit, grid: F64, weight: float, most_slope: float, floor: float) -> None:
        self.misfit, self.grid, self.weight = misfit, grid, weight
        self.most_slope, self.floor = most_slope, floor

    def cost(self, x: F64) -> float:
        """The objective at `x`; infinite outside."""
        room = _Room(x.reshape(-1, NUMBERS), self)
        return self.misfit.cost(x) - self.weight * room.logarithms() if room.inside else np.inf

    def normal(self, x: F64) -> Normal:
        """The objective with its gradient and a matrix that leaves out the curvature of what is kept above zero."""
        room = _Room(x.reshape(-1, NUMBERS), self)
        if not room.inside:
            return Normal(np.inf, np.zeros_like(x), np.eye(x.size))
        cost, gradient, matrix = self.misfit.normal(x)
        n = self.misfit.size
        room.add(gradient.reshape(n, NUMBERS), matrix.reshape(n, NUMBERS, n, NUMBERS), self.weight)
        return Normal(cost - self.weight * room.logarithms(), gradient, matrix)


def derivatives(p: F64, k: F64) -> tuple[F64, F64, F64]:
    """How total variance, its slope and its bend at `k` depend on the five numbers; `p[..., 5]` beside `k[...]`."""
    left, right, m, log_sigma = (p[..., i] for i in range(1, NUMBERS))
    x, square = k - m, np.exp(2.0 * log_sigma)
    root = np.sqrt(x * x + square)
    cosine, steep = x / root, 0.5 * (left + right)
    curve = square / root**3
    slope = 0.5 * (left * (cosine - 1.0) + right * (cosine + 1.0))
    bend = steep * curve
    dw, dslope, dbend = (np.empty((*x.shape, NUMBERS)) for _ in range(3))
    dw[..., 0], dslope[..., 0], dbend[..., 0] = 1.0, 0.0, 0.0
    dw[..., 1], dslope[..., 1], dbend[..., 1] = 0.5 * (root - x), 0.5 * (cosine - 1.0), 0.5 * curve
    dw[..., 2], dslope[..., 2], dbend[..., 2] = 0.5 * (root + x), 0.5 * (cosine + 1.0), 0.5 * curve
    dw[..., 3], dslope[..., 3], dbend[..., 3] = -slope, -bend, 3.0 * bend * cosine / root
    dw[..., 4], dslope[..., 4], dbend[..., 4] = steep * square / root, -x * bend, bend * (3.0 * cosine**2 - 1.0)
    return dw, dslope, dbend


class _Room:
    """How far one point of the search is from everything that is forbidden."""

    def __init__(self, p: F64, inside: Inside) -> None:
        self.p, self.grid, self.floor = p, inside.grid, inside.floor
        left, right = p[:, 1:2], p[:, 2:3]
        square = np.exp(2.0 * p[:, 4:5])
        x = self.grid - p[:, 3:4]
        root = np.sqrt(x * x + square)
        cosine = x / root
        self.w = p[:, :1] + 0.5 * (left * (root - x) + right * (root + x))
        self.above = self.w[0] / self.floor - 1.0
        wings = p[:, 1:3]
        # the first wings from zero, each from the one before, the last to the top
        ends = np.zeros((1, 2)), np.full((1, 2), inside.most_slope)
        self.steeper = np.diff(np.concatenate([ends[0], wings, ends[1]]), axis=0)
        self.inside = bool((self.above > 0.0).all() and (self.w > 0.0).all() and (self.steeper > 0.0).all())
        if not self.inside:
            return
        self.slope = 0.5 * (left * (cosine - 1.0) + right * (cosine + 1.0))
        bend = 0.5 * (left + right) * square / root**3
        self.lean = 1.0 - 0.5 * self.grid * self.slope / self.w
        self.g = self.lean**2 - 0.25 * self.slope**2 * (1.0 / self.w + 0.25) + 0.5 * bend
        self.g -= LEAST_DENSITY
        self.rise = np.diff(np.log(self.w), axis=0) - LEAST_RISE
        self.inside = bool((self.g > 0.0).all() and (self.rise > 0.0).all())

    def logarithms(self) -> float:
        """The sum of the logarithms."""
        return float(sum(np.log(part).sum() for part in (self.above, self.steeper, self.g, self.rise)))

    def add(self, gradient: F64, matrix: F64, weight: float) -> None:
        """Add the barrier's part to the gradient [slice, number] and the matrix [slice, number, slice, number]."""
        dw, dslope, dbend = derivatives(self.p[:, None, :], self.grid)
        own = np.arange(len(self.p))
        by_w = (self.lean * self.grid * self.slope / self.w**2 + 0.25 * (self.slope / self.w) ** 2)[..., None]
        by_slope = (-self.lean * self.grid / self.w - 0.5 * self.slope * (1.0 / self.w + 0.25))[..., None]
        rows = (by_w * dw + by_slope * dslope + 0.5 * dbend) / self.g[..., None]
        gradient -= weight * rows.sum(axis=1)
        matrix[own, :, own, :] += weight * (rows.transpose(0, 2, 1) @ rows)
        first = dw[0] / (self.floor * self.above[:, None])
        gradient[0] -= weight * first.sum(axis=0)
        matrix[0, :, 0, :] += weight * first.T @ first
        relative = dw / self.w[..., None]
        before, after = -relative[:-1] / self.rise[..., None], relative[1:] / self.rise[..., None]
        gradient[:-1] -= weight * before.sum(axis=1)
        gradient[1:] -= weight * after.sum(axis=1)
        matrix[own[:-1], :, own[:-1], :] += weight * (before.transpose(0, 2, 1) @ before)
        matrix[own[1:], :, own[1:], :] += weight * (after.transpose(0, 2, 1) @ after)
        cross = weight * (before.transpose(0, 2, 1) @ after)
        matrix[own[:-1], :, own[1:], :] += cross
        matrix[own[1:], :, own[:-1], :] += cross.transpose(0, 2, 1)
        for side in range(2):
            self._add_wing(gradient, matrix, weight, side)

    def _add_wing(self, gradient: F64, matrix: F64, weight: float, side: int) -> None:
        """The rises of one wing: each pulls its slice up and the one before down."""
        inverse = 1.0 / self.steeper[:, side]
        number, own = 1 + side, np.arange(len(self.p))
        gradient[:, number] -= weight * (inverse[:-1] - inverse[1:])
        square = weight * inverse**2
        matrix[own, number, own, number] += square[:-1] + square[1:]
        matrix[own[1:], number, own[:-1], number] -= square[1:-1]
        matrix[own[:-1], number, own[1:], number] -= square[1:-1]
