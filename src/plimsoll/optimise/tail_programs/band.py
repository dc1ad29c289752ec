"""Some scenarios of a tail program as rows, scaled so that slopes and losses are about one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.optimise.tail_programs.sides import inside
from plimsoll.risk.plan import F64

ROUGH = 1e-2
"""Relative gap at which a point is good enough to see where the tail is, not to end with."""

Look = Callable[[F64, float], bool]
"""From `x[N]` and the level to whether the band is not enough."""

FEW = 64
"""Rows of the limits that are a plain array."""


@dataclass(frozen=True, eq=False)
class Band:
    """Minimise `cost @ x + free v + sum_m most[m] max(0, loss[m] + slope[m] @ x - v)` within rows and boxes.

    `slope[M, N]`, `loss[M]` and the largest weights `most[M]` are those of the scenarios that are rows; `free` is the
    weight that is left for them, one where the others weigh nothing.
    """

    slope: F64
    loss: F64
    most: F64
    cost: F64
    free: float
    matrix: Any
    lower: F64
    upper: F64
    low: F64
    high: F64

    def moving(self) -> Band:
        """The same in the variables whose sides are apart; the others stand where they are."""
        held, moving = np.where(self.low == self.high, self.low, 0.0), self.low < self.high
        there = self.matrix @ held
        return Band(
            np.ascontiguousarray(self.slope[:, moving]), self.loss + self.slope @ held, self.most, self.cost[moving],
            self.free, self.matrix[:, np.flatnonzero(moving)], self.lower - there, self.upper - there,
            self.low[moving], self.high[moving],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Point:
    """Where a method came to: `x[N]`, `level` (`v`), weights of the scenarios of the band, prices of the rows.

    `gap` is what complementarity leaves, relative; `steps` how many were made; `converged` whether it was asked for.
    """

    x: F64
    level: float
    weights: F64
    prices: F64
    gap: float
    steps: int
    converged: bool


class Scaled:
    """A band in the units of a solver: columns of root mean square one, losses by their spread, rows of length one.

    `cost` and the columns of `slope`, `loose` and `tight` end with the level of the quantile; `loose` are rows with
    sides `sides`, `tight` equalities at `target`.
    """

    def __init__(self, band: Band) -> None:
        from scipy.sparse import csr_array, hstack

        size, self.band = band.cost.size, band
        count = max(1, band.loss.size)
        scale = np.sqrt(np.einsum("ij,ij->j", band.slope, band.slope) / count)
        self.scale = 1.0 / np.where(scale > 0.0, scale, np.maximum(1.0, np.abs(band.cost)))
        self.slope = np.empty((band.loss.size, size + 1))
        np.multiply(band.slope, self.scale, out=self.slope[:, :size])
        self.slope[:, size] = -1.0
        start = inside(band.low / self.scale, band.high / self.scale, np.zeros(size))
        at = band.loss + self.slope[:, :size] @ start if band.loss.size else np.ones(1)
        spread, largest = float(np.abs(at - np.median(at)).mean()), float(np.abs(at).max())
        self.unit = max(spread, 1e-3 * largest) or 1.0
        self.loss, self.most = band.loss / self.unit, band.most
        self.low, self.high = band.low / self.scale / self.unit, band.high / self.scale / self.unit
        self.cost = np.append(band.cost * self.scale, band.free)
        rows = csr_array(band.matrix.multiply(self.scale[None, :]))
        height = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        self.height = np.where(height > 0.0, height, 1.0)
        rows = csr_array(rows.multiply(1.0 / self.height[:, None]))
        rows = csr_array(hstack([rows, csr_array((rows.shape[0], 1))]))
        self.equal = band.lower == band.upper
        self.loose, self.tight = (_plain(rows[np.flatnonzero(part)]) for part in (~self.equal, self.equal))
        lower, upper = band.lower / self.height / self.unit, band.upper / self.height / self.unit
        self.sides, self.target = (lower[~self.equal], upper[~self.equal]), lower[self.equal]

    def outside(self, x: F64) -> tuple[F64, float]:
        """Variables and level in the units of the band."""
        return x[:-1] * self.unit * self.scale, float(x[-1] * self.unit)


def _plain(rows: Any) -> Any:
    """Few rows as a plain array: a sparse one takes longer to begin with than to multiply."""
    return rows.toarray() if rows.shape[0] <= FEW else rows
