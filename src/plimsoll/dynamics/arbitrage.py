"""Whether slices admit static arbitrage: a dense grid for the middle, the exact conditions for the tails.

Butterfly: no strike may have a negative risk-neutral density, g(k) >= 0 for every k. Calendar: at a fixed forward
log-moneyness total variance may not fall from an expiry to a later one. Both are looked at on a grid that is fine at
each slice's tip and reaches `FAR` on either side. Beyond it a slice is as good as its two straight wings: for one slice
their slopes decide, two slices are compared at ever further points as well, to `FARTHEST`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.wings import Wings, density_factor, shape

F64 = npt.NDArray[np.float64]

FAR = 20.0
"""Log-moneyness at which the grid ends: a strike of 2e-9 or 5e8 times the forward."""

FARTHEST = 1e6
"""Log-moneyness to which two slices are compared, in steps of a quarter."""

DENSE = 401
"""Points of the grid of one slice."""

SHARPEST = 1e-8
"""Width of a tip below which the grid becomes no finer."""

REFINED = 17
"""Points that are put into the two steps around every local minimum of what is looked at on the grid."""

MOST_WING = 2.0
"""The moment formula: a wing of total variance this steep or steeper has a call price that does not fall to zero."""


class Finding(NamedTuple):
    """The least value of what may not be negative, and the log-moneyness where it is taken."""

    least: float
    at: float


def dense_grid(slice_: Wings, points: int = DENSE) -> F64:
    """Log-moneyness from `-FAR` to `FAR`, spaced like a hyperbolic sine around the tip and as fine as it is sharp."""
    scale = max(slice_.sigma, SHARPEST)
    low, high = np.arcsinh((-FAR - slice_.m) / scale), np.arcsinh((FAR - slice_.m) / scale)
    return np.asarray(slice_.m + scale * np.sinh(np.linspace(low, high, points)), dtype=np.float64)


def rise_grid(*slices: Wings) -> F64:
    """The dense grids of slices together, and the far points on both sides."""
    far = np.geomspace(FAR, FARTHEST, 1 + round(np.log(FARTHEST / FAR) / np.log(1.25)))
    return np.unique(np.concatenate([-far, far, *(dense_grid(s) for s in slices)]))


def least(of: Callable[[F64], F64], grid: F64) -> Finding:
    """The least value of a function on a rising grid, looked at again more closely around every local minimum."""
    for _ in range(2):
        value = of(grid)
        low = np.flatnonzero((value[1:-1] <= value[:-2]) & (value[1:-1] <= value[2:])) + 1
        closer = np.linspace(grid[low - 1], grid[low + 1], REFINED)
        grid = np.union1d(grid, closer.ravel())
    value = of(grid)
    worst = int(np.argmin(value))
    return Finding(float(value[worst]), float(grid[worst]))


def butterfly(slice_: Wings) -> Finding:
    """The least g on the dense grid; -inf where a wing reaches `MOST_WING` or total variance is not above zero."""
    for wing, side in ((slice_.left, -np.inf), (slice_.right, np.inf)):
        if not 0.0 <= wing < MOST_WING:
            return Finding(-np.inf, side)
    return least(lambda k: density_factor(k, shape(slice_, k)), dense_grid(slice_))


def calendar(early: Wings, late: Wings) -> Finding:
    """The least difference of total variance, late less early, on both dense grids; -inf where a wing of the late
    one is less steep than that of the early one, for then the two cross beyond any grid.
    """
    for before, after, side in ((early.left, late.left, -np.inf), (early.right, late.right, np.inf)):
        if after < before:
            return Finding(-np.inf, side)
    return least(lambda k: shape(late, k).w - shape(early, k).w, rise_grid(early, late))


def butterflies(slices: Sequence[Wings]) -> list[Finding]:
    """`butterfly` of each slice."""
    return [butterfly(s) for s in slices]


def calendars(slices: Sequence[Wings]) -> list[Finding]:
    """`calendar` of each slice and the next one; slices stand earliest first."""
    return [calendar(early, late) for early, late in pairwise(slices)]


def free_of_arbitrage(slices: Sequence[Wings]) -> bool:
    """Whether slices, earliest first, pass both checks."""
    return all(found.least >= 0.0 for found in (*butterflies(slices), *calendars(slices)))
