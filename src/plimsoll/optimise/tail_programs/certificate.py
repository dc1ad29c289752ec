"""What holds of a point of a tail program, over all scenarios and in our own arithmetic, whoever found it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.optimise.tail_programs.program import TailProgram, tail_of
from plimsoll.risk.plan import F64

TINY = 1e-9
"""Reduced costs of variables without a side, below this part of what they are the difference of, count as nothing."""

FLOOR = 1e-3
"""The gap is relative to the objective or its bound, but to no less than this part of the largest loss, or of what a
unit of every variable gains or loses in the tail, for a least of nothing at all.
"""

SMALL = 1e-12
"""A difference below this part is rounding, whatever it is relative to."""

KEPT = 1e-9
"""How far beyond a side, of the size of its row, counts as within."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """`objective` of `x[N]` over all scenarios, `bound` that no point within the limits is below, `gap` the relative
    difference of the two, `beyond` how far the worst row or box is broken relative to its size, `tail` the mean of the
    worst losses and `at` the loss at which they begin. `weights[S]` and `prices[R]` prove the bound.
    """

    x: F64
    objective: float
    bound: float
    gap: float
    beyond: float
    tail: float
    at: float
    weights: F64
    prices: F64

    def holds(self, gap: float) -> bool:
        """Whether the point is within limits, and its gap no larger than asked."""
        return self.beyond <= KEPT and self.gap <= gap


def certify(program: TailProgram, x: F64, weights: F64, prices: F64) -> Certificate:
    """Measure any point and any weights of scenarios and prices of rows: good ones close the gap, bad ones do not.

    ```
    objective = c'x + max of z'loss(x) over 0 <= z <= most, sum z = 1
    bound = -z'base + sum_r p_r (lower_r if p_r > 0 else upper_r) + sum_j min over the box of (c - P z - A'p)_j x_j
    ```
    The weights are first brought to what they have to be: each within its largest, their sum one. Prices that ask for
    an infinite side count as nothing. Raises `DocumentError` for arrays of another length or with no numbers in them.
    """
    for name, found, size in (("x", x, program.size), ("weights", weights, program.scenarios),
                              ("prices", prices, program.lower.size)):  # fmt: skip
        if found.shape != (size,) or not np.isfinite(found).all():
            raise refuse(name, f"an array of shape {found.shape}", f"{size} finite numbers")
    losses = program.losses(x)
    tail, at = tail_of(losses, program.most)
    objective = float(program.cost @ x) + tail
    z = allowed_weights(weights, program.most)
    p = np.where(((prices > 0.0) & np.isinf(program.lower)) | ((prices < 0.0) & np.isinf(program.upper)), 0.0, prices)
    side = np.where(p > 0.0, program.lower, program.upper)
    rows = float((p[p != 0.0] * side[p != 0.0]).sum())
    used = np.flatnonzero(z)
    # a gather of the columns in use costs more than the whole product unless they are few
    slope = program.pnl[:, used] @ z[used] if used.size * 20 < z.size else program.pnl @ z
    reduced = program.cost - slope
    if p.size:
        reduced = reduced - program.matrix.T @ p
    end = np.where(reduced > 0.0, program.low, program.high)
    endless = (reduced != 0.0) & np.isinf(end)
    if endless.any():
        size = np.abs(program.cost) + np.abs(program.pnl[:, used]) @ z[used] + abs(program.matrix).T @ np.abs(p)
        reduced = np.where(endless & (np.abs(reduced) <= TINY * size), 0.0, reduced)
    counted = reduced != 0.0
    bound = -float(z @ program.base) + rows + float((reduced[counted] * end[counted]).sum())
    against = max(abs(objective), abs(bound) if np.isfinite(bound) else 0.0, FLOOR * float(np.abs(losses).max()))
    if objective - bound > SMALL * against:
        reach = np.minimum(1.0, np.maximum(np.abs(program.low), np.abs(program.high)))
        against = max(against, FLOOR * float(reach @ (np.abs(program.pnl[:, used]) @ z[used])))
    gap = (objective - bound) / against if against > 0.0 else 0.0
    return Certificate(x, objective, bound, max(0.0, gap), _beyond(program, x), tail, at, z, p)


def allowed_weights(weights: F64, most: F64) -> F64:
    """The nearest weights to these, by proportion, that are within `0` and `most` and add up to one."""
    z = np.clip(weights, 0.0, most)
    for _ in range(3):
        short = 1.0 - float(z.sum())
        room = most - z if short > 0.0 else z
        z = np.clip(z + short * room / max(float(room.sum()), 1e-300), 0.0, most)
    return z


def _beyond(program: TailProgram, x: F64) -> float:
    size = np.maximum(1.0, np.abs(x)) if x.size else x
    box = np.maximum(program.low - x, x - program.high) / size
    worst = float(box.max(initial=0.0))
    if program.lower.size:
        there = program.matrix @ x
        size = np.maximum(abs(program.matrix) @ np.abs(x), 1e-300)
        for side in (program.lower, program.upper):
            size = np.where(np.isfinite(side), np.maximum(size, np.abs(side)), size)
        worst = max(worst, float((np.maximum(program.lower - there, there - program.upper) / size).max()))
    return max(0.0, worst)
