"""Whether slices admit static arbitrage: a dense grid for the middle, the exact conditions for the tails.

Butterfly: no strike may have a negative risk-neutral density, g(k) >= 0 for every k. Calendar: at a fixed forward
log-moneyness total variance may not fall from an expiry to a later one. Both are looked at on a grid that is fine at
each slice's tip and reaches `FAR` on either side; beyond it a slice is as good as its two straight wings, and their
slopes decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.wings import Wings, density_factor, shape

F64 = npt.NDArray[np.float64]

FAR = 20.0
"""Log-moneyness at which the grid ends: a strike of 2e-9 or 5e8 times the forward."""

DENSE = 801
"""Points of the grid of one slice."""

MOST_WING = 2.0
"""The moment formula: a wing of total variance this steep or steeper has a call price that does not fall to zero."""


class Finding(NamedTuple):
    """The least value of what may not be negative, and the log-moneyness where it is taken."""

    least: float
    at: float


def dense_grid(slice_: Wings, points: int = DENSE) -> F64:
    """Log-moneyness from `-FAR` to `FAR`, spaced like a hyperbolic sine around the tip and as fine as it is sharp."""
    scale = max(slice_.sigma, 1e-4)
    low, high = np.arcsinh((-FAR - slice_.m) / scale), np.arcsinh((FAR - slice_.m) / scale)
    return np.asarray(slice_.m + scale * np.sinh(np.linspace(low, high, points)), dtype=np.float64)


def butterfly(slice_: Wings) -> Finding:
    """The least g on the dense grid; -inf where a wing reaches `MOST_WING` or total variance is not above zero."""
    for wing, side in ((slice_.left, -np.inf), (slice_.right, np.inf)):
        if not 0.0 <= wing < MOST_WING:
            return Finding(-np.inf, side)
    k = dense_grid(slice_)
    g = density_factor(k, shape(slice_, k))
    worst = int(np.argmin(g))
    return Finding(float(g[worst]), float(k[worst]))


def calendar(early: Wings, late: Wings) -> Finding:
    """The least difference of total variance, late less early, on both dense grids; -inf where a wing of the late
    one is less steep than that of the early one, for then the two cross beyond any grid.
    """
    for before, after, side in ((early.left, late.left, -np.inf), (early.right, late.right, np.inf)):
        if after < before:
            return Finding(-np.inf, side)
    k = np.concatenate([dense_grid(early), dense_grid(late)])
    gap = shape(late, k).w - shape(early, k).w
    worst = int(np.argmin(gap))
    return Finding(float(gap[worst]), float(k[worst]))


def butterflies(slices: Sequence[Wings]) -> list[Finding]:
    """`butterfly` of each slice."""
    return [butterfly(s) for s in slices]


def calendars(slices: Sequence[Wings]) -> list[Finding]:
    """`calendar` of each slice and the next one; slices stand earliest first."""
    return [calendar(early, late) for early, late in pairwise(slices)]


def free_of_arbitrage(slices: Sequence[Wings]) -> bool:
    """Whether slices, earliest first, pass both checks."""
    return all(found.least >= 0.0 for found in (*butterflies(slices), *calendars(slices)))
