"""Raw SVI slices of one underlying: each alone, and together without static arbitrage.

Together they are found by an interior-point search. It starts from the SSVI surface, which has no arbitrage by
construction, and lowers the barrier of `joint.Inside` step by step, so that every point on the way is free of
arbitrage on the grid. Which of two crossing slices gives way is not decided by an order of fitting: both do, by the
weight of their quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.arbitrage import FAR, butterflies, calendars, free_of_arbitrage
from plimsoll.dynamics.joint import Inside, Misfit, pack, unpack
from plimsoll.dynamics.newton import minimise
from plimsoll.dynamics.quotes import Quotes
from plimsoll.dynamics.search import search, tip_bounds
from plimsoll.dynamics.wings import MOST_SLOPE, Wings

F64 = npt.NDArray[np.float64]

LEAST_STRIKES = 5
"""A slice has five numbers."""

GRID_POINTS = 121
"""Log-moneyness points of the barrier at first; where the dense check finds arbitrage, points are added."""

FINEST = 0.02
"""Log-moneyness below which that grid is evenly spaced."""

BARRIERS = (3e-2, 3e-3, 3e-4, 3e-5)
"""Weights of the barrier, one after the other.

A larger first weight sends the search to the middle of what is allowed, where short expiries have no wings, far from
the start; at the last one the barrier's pull, over its few thousand points, is below that of a single quote.
"""

REPEATS = 8
"""How often one weight is tried again with more points."""

LEAST_VARIANCE = 1e-3
"""Total variance of the first expiry is kept above this part of its quotes' mean."""


class Together(NamedTuple):
    """Slices without arbitrage, and whether the search for the best of them had settled."""

    slices: tuple[Wings, ...]
    settled: bool


def fit_alone(quotes: Quotes) -> tuple[Wings, bool]:
    """The slice of least error of one expiry, whatever arbitrage it has, and whether the search settled.

    At least `LEAST_STRIKES` strikes. The wings are bounded by `MOST_SLOPE` and the tip by `tip_bounds`.
    """
    x = pack([search(quotes)])
    found = minimise(Misfit([quotes]), x, *_box([quotes], x))
    return unpack(found.x)[0], found.converged


def fit_together(quotes: Sequence[Quotes], start: Sequence[Wings]) -> Together:
    """The slices of least error that have no butterfly and no calendar arbitrage; earliest expiry first.

    `start` must be free of arbitrage with room to spare. Every weight of the barrier ends with the dense check; where
    it fails, the weight is repeated from its own start with the failing points added. If that does not end, the last
    slices that passed are returned, unsettled: whatever comes back is free of arbitrage.
    """
    misfit = Misfit(quotes)
    x = pack(start)
    box = _box(quotes, x)
    grid = np.asarray(FINEST * np.sinh(np.linspace(-1.0, 1.0, GRID_POINTS) * np.arcsinh(FAR / FINEST)))
    floor = LEAST_VARIANCE * float(quotes[0].variance.mean())
    settled = False
    for weight in BARRIERS:
        for _ in range(REPEATS):
            found = minimise(Inside(misfit, grid, weight, MOST_SLOPE, floor), x, *box, steps=60, tolerance=1e-5)
            wrong = _where_wrong(unpack(found.x))
            if not wrong:
                break
            grid = np.union1d(grid, wrong)
        else:
            return Together(tuple(unpack(x)), False)
        x, settled = found.x, found.converged
    slices = unpack(x)
    assert free_of_arbitrage(slices)
    return Together(tuple(slices), settled)


def _box(quotes: Sequence[Quotes], x: F64) -> tuple[F64, F64]:
    """Bounds of the numbers, wide enough for the start."""
    low, high = [], []
    for one, row in zip(quotes, unpack(x), strict=True):
        (m_low, m_high), (s_low, s_high) = tip_bounds(one)
        tip = float(np.log(row.sigma))
        low += [-np.inf, 0.0, 0.0, min(m_low, row.m), min(s_low, tip)]
        high += [np.inf, MOST_SLOPE, MOST_SLOPE, max(m_high, row.m), max(s_high, tip)]
    return np.array(low), np.array(high)


def _where_wrong(slices: Sequence[Wings]) -> list[float]:
    """The worst points of the dense checks that fail; the wings themselves are held apart by the barrier."""
    return [f.at for f in (*butterflies(slices), *calendars(slices)) if f.least < 0.0 and np.isfinite(f.at)]
