"""The delta charge of `plimsoll.margin.parts.delta` for many books of one underlying each."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.many.positions import F64
from plimsoll.margin.many.universe import Lots, Runs


def delta_charges(lots: Lots, runs: Runs, unit: F64, worth: F64, net: float, hedged: float) -> F64:
    """`[R]` charge in USD of each run, the same as the sum of `delta_charge_shares` over it.

    `unit[N]` is the delta of one contract in coins, `worth[N]` the USD value of one bought contract up to which it is
    charged, infinite where it can lose more. With `f(t) = sum(min(worth, rate(t) * |delta|))` concave and piecewise
    linear, each run follows the slope of `f` from kink to kink until it no longer rises.
    """
    spot = lots.universe.plan.spot[lots.item]
    delta = lots.quantity * unit[lots.item]
    size, up = np.abs(delta), delta > 0
    limit = np.where(lots.quantity > 0, np.abs(lots.quantity) * worth[lots.item], np.inf)
    slope, gap = (2.0 * net - hedged) * spot, (net - hedged) * spot
    capped = np.isfinite(limit) & (size > 0) & (slope > 0)
    with np.errstate(over="ignore"):  # beyond every number, the cap of hardly any delta never binds
        level = np.divide(limit, size, out=np.full(size.size, np.inf), where=capped) + gap
    kink = np.divide(level, slope, out=np.full(size.size, np.inf), where=capped)
    kink = np.where(up, kink, 1.0 - kink)
    best = _tops(runs, kink, np.where(up, slope * size, -slope * size))
    side = np.where(up, best[runs.of], 1.0 - best[runs.of])
    return runs.sum(np.minimum(limit, (slope * side - gap) * size))


def _tops(runs: Runs, kink: F64, rise: F64) -> F64:
    """`[R]` where between 0 and 1 the concave function of each run is largest.

    A positive `rise[P]` is the slope of a lot until its `kink[P]`, a negative one its slope from there on.
    """
    slope = runs.sum(np.where(np.where(rise > 0, kink > 0.0, kink <= 0.0), rise, 0.0))
    best = np.where(slope > 0.0, 1.0, 0.0)
    inner = np.flatnonzero((kink > 0.0) & (kink < 1.0))
    if inner.size == 0:
        return best
    order = inner[np.lexsort((kink[inner], runs.of[inner]))]
    row = runs.of[order]
    first = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
    count = np.diff(np.append(first, order.size))
    going = np.flatnonzero(slope[row[first]] > 0.0)
    step = 0
    while going.size:
        here = order[first[going] + step]
        mine = row[first[going]]
        slope[mine] -= np.abs(rise[here])
        stops = slope[mine] <= 0.0
        best[mine[stops]] = kink[here[stops]]
        step += 1
        going = going[~stops & (count[going] > step)]
    return best
