"""An expected shortfall over many scenarios in a program: rows near the quantile, one term for what is surely worse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.optimise.lazy import Rows
from plimsoll.optimise.tail_programs.program import tail_of
from plimsoll.optimise.tail_programs.screening import Screen, around
from plimsoll.risk.plan import F64, I64

MANY = 2_000
"""Scenarios up to which each is a row from the beginning."""

HELD = 1e-8
"""How far, of its size and no less than a dollar, an expected shortfall may be above its column."""


@dataclass(frozen=True, eq=False)
class Tail:
    """Column `value` is to be at least the expected shortfall of `-(base[s] + gains of the trades)`.

    `books` are, for each book, the columns of its steps, the contract of each, its sign, and what a contract gains
    `[N, S]`; `base[S]` is gained anyhow, both US dollars. `level` is the column of the quantile, `most` the largest
    weight of a scenario. See `tail_programs.screening` for why what is left out makes it less.
    """

    value: int
    level: int
    books: tuple[tuple[I64, I64, F64, F64], ...]
    base: F64
    most: float

    @property
    def columns(self) -> I64:
        """Those of the steps of all books."""
        return np.concatenate([book[0] for book in self.books])

    def gains(self, where: I64) -> F64:
        """`[K, len(where)]` US dollars by step and unit, in some scenarios."""
        return np.concatenate([rows[:, where][item] * sign[:, None] for _, item, sign, rows in self.books])

    @property
    def weights(self) -> F64:
        """`[S]` largest weights."""
        return np.full(self.base.size, self.most)

    def losses(self, x: F64) -> F64:
        """`[S]` US dollars at a solution."""
        found = -self.base
        for columns, item, sign, rows in self.books:
            found = found - np.bincount(item, weights=sign * x[columns], minlength=rows.shape[0]) @ rows
        return found

    def first(self) -> Screen:
        """Around the quantile before any trade."""
        return around(-self.base, self.weights, self.columns.size)

    def rows(self, state: Screen, columns: int) -> Rows:
        """`value` above the mean of the worse, the level and the spills; a row for the spill of each of the band."""
        from scipy.sparse import coo_array

        near, worse = np.flatnonzero(state.band), np.flatnonzero(state.worse)
        count, size = near.size, self.columns.size
        spill = columns + np.arange(count)
        row = np.concatenate(
            [np.zeros(2 + count + size), np.repeat(1 + np.arange(count), size), np.tile(1 + np.arange(count), 2)]
        )
        column = np.concatenate(
            [
                [self.value, self.level],
                spill,
                self.columns,
                np.tile(self.columns, count),
                np.full(count, self.level),
                spill,
            ]
        )
        data = np.concatenate(
            [
                [-1.0, 1.0 - self.most * worse.size],
                np.full(count, self.most),
                -self.most * self.gains(worse).sum(axis=1),
                -self.gains(near).T.ravel(),
                np.full(2 * count, -1.0),
            ]
        )
        upper = np.append(self.most * self.base[worse].sum(), self.base[near])
        matrix = coo_array((data, (row.astype(np.int64), column)), shape=(1 + count, columns + count)).tocsr()
        return Rows(matrix, upper, count)

    def missing(self, x: F64, state: Screen) -> Screen | None:
        """With what is on the other side of the quantile than it was taken for, worst first, and the new quantile's
        surroundings, where the shortfall is above its column.
        """
        losses = self.losses(x)
        tail, at = tail_of(losses, self.weights)
        if tail <= x[self.value] + HELD * max(1.0, abs(tail)):
            return None
        far = np.zeros(losses.size)
        for level in (at, float(x[self.level])):
            far = np.maximum(far, np.where(state.worse, level - losses, np.where(state.band, 0.0, losses - level)))
        wrong = np.flatnonzero(far > 0.0)
        # the worst, and half of the band again at most: a point that looked at nothing there misjudges thousands
        count = max(2 * self.columns.size, int(state.band.sum()) // 2)
        join = wrong[np.argsort(-far[wrong], kind="stable")[:count]]
        band = state.band | around(losses, self.weights, 0).band
        band[join] = True
        return Screen(band, state.worse & ~band)

    def alike(self, other: object) -> bool:
        """Whether the two are over as many scenarios and trades."""
        return isinstance(other, Tail) and (
            (self.value, self.level, self.most) == (other.value, other.level, other.most)
            and np.array_equal(self.columns, other.columns)
            and self.base.size == other.base.size
        )
