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

from plimsoll.dynamics.arbitrage import FAR, butterflies, calendars
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
"""Log-moneyness below which that grid is evenly spaced, or one standard deviation of the first expiry if less."""

BARRIERS = ((3e-2, 3e-3, 3e-4, 3e-5), (1e-1, 1e-2, 1e-3, 1e-4, 3e-5))
"""Weights of the barrier, one after the other; the second row is walked where the first ends far from its bound.

A larger first weight sends the search to the middle of what is allowed, where short expiries have no wings, and a
smaller one leaves it in a corner; at the last weight the barrier's pull, over its few thousand points, is below that
of a single quote.
"""

FAR_FROM_BOUND = 1.25
"""A misfit above this times that of the slices alone, which none without arbitrage can beat, is worth a new try."""

NEAR_BOUND = 1.1
"""A misfit below this times that bound is good enough, however the search ended: five per cent of the error."""

REPEATS = 8
"""How often one weight is tried again with more points."""

ALONE_STEPS, STEPS = 400, 60
"""Most steps of a search for one slice, and of one for all at one weight of the barrier."""

LEAST_VARIANCE = 1e-3
"""Total variance of the first expiry is kept above this part of its quotes' mean."""


class Together(NamedTuple):
    """Slices without arbitrage, their misfit, and whether no search could do much better."""

    slices: tuple[Wings, ...]
    misfit: float
    settled: bool


class OneSlice(NamedTuple):
    """A slice, its misfit, and whether the search had settled."""

    slice: Wings
    misfit: float
    settled: bool


def fit_alone(quotes: Quotes, start: Wings | None = None) -> OneSlice:
    """The slice of least error of one expiry, whatever arbitrage it has, from `start` or from the best of a grid.

    At least `LEAST_STRIKES` strikes. The wings are bounded by `MOST_SLOPE` and the tip by `tip_bounds`.
    """
    x = pack([search(quotes) if start is None else start])
    found = minimise(Misfit([quotes]), x, *_box([quotes], x), steps=ALONE_STEPS)
    return OneSlice(unpack(found.x)[0], found.cost, found.converged)


def fit_together(quotes: Sequence[Quotes], start: Sequence[Wings], bound: float) -> Together:
    """The slices of least error that have no butterfly and no calendar arbitrage; earliest expiry first.

    `start` must be free of arbitrage with room to spare; the result is held against `bound`, the misfit of the slices
    fitted one by one. Whatever comes back is free of arbitrage, if need be `start` itself.
    """
    best: Together | None = None
    for weights in BARRIERS:
        found = _walk(quotes, start, weights)
        settled = found.settled or found.misfit <= NEAR_BOUND * bound
        if best is None or found.misfit < best.misfit:
            best = found._replace(settled=settled)
        if best.misfit <= FAR_FROM_BOUND * bound:
            break
    assert best is not None
    return best


def _walk(quotes: Sequence[Quotes], start: Sequence[Wings], weights: Sequence[float]) -> Together:
    """One search.

    Every weight ends with the dense check; where it fails, the weight is repeated from its own start with
    the failing points added. If that does not end, the slices of the weight before are the result, unsettled.
    """
    misfit = Misfit(quotes)
    x, settled = pack(start), False
    box = _box(quotes, x)
    first = float(quotes[0].variance.mean())
    finest, floor = min(FINEST, float(np.sqrt(first))), LEAST_VARIANCE * first
    grid = np.asarray(finest * np.sinh(np.linspace(-1.0, 1.0, GRID_POINTS) * np.arcsinh(FAR / finest)))
    for weight in weights:
        for _ in range(REPEATS):
            found = minimise(Inside(misfit, grid, weight, MOST_SLOPE, floor), x, *box, steps=STEPS, tolerance=1e-5)
            wrong = _where_wrong(unpack(found.x))
            if not wrong:
                break
            grid = np.union1d(grid, wrong)
        else:
            return Together(tuple(unpack(x)), misfit.cost(x), False)
        x, settled = found.x, found.converged
    return Together(tuple(unpack(x)), misfit.cost(x), settled)


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
