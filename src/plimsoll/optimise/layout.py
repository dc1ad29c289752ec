"""Columns and rows of a program as they are made, and the sparse arrays that they become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.forms import Program
from plimsoll.optimise.lazy import Lazy
from plimsoll.risk.plan import F64, I64


@dataclass(frozen=True, eq=False)
class Row:
    """`values @ x[columns] + constant`."""

    columns: I64
    values: F64
    constant: float = 0.0

    def times(self, factor: float) -> Row:
        """A multiple."""
        return Row(self.columns, factor * self.values, factor * self.constant)


def added(rows: list[Row]) -> Row:
    """The sum of rows."""
    if not rows:
        return Row(np.zeros(0, dtype=np.int64), np.zeros(0))
    where, sizes = np.concatenate([r.columns for r in rows]), np.concatenate([r.values for r in rows])
    return Row(where, sizes, float(sum(r.constant for r in rows)))


@dataclass(frozen=True, eq=False)
class Model:
    """Minimise `cost @ x + constant` with `lower <= matrix @ x <= upper`, `low <= x <= high`, `x[whole]` whole.

    `limits` are the rows of each limit that was asked for, by its name. `lazy` terms have rows that are not there yet:
    a `Solver` adds what is missing.
    """

    cost: F64
    constant: float
    matrix: Any
    lower: F64
    upper: F64
    low: F64
    high: F64
    whole: npt.NDArray[np.bool_]
    limits: dict[str, tuple[int, ...]]
    lazy: tuple[Lazy, ...] = ()

    @property
    def linear(self) -> bool:
        """Whether there is no whole variable."""
        return not self.whole.any()

    def without(self, names: set[str]) -> Model:
        """The same without these limits."""
        lower, upper = self.lower.copy(), self.upper.copy()
        rows = [r for name in names for r in self.limits[name]]
        lower[rows], upper[rows] = -np.inf, np.inf
        return replace(self, lower=lower, upper=upper)

    def fixed(self, x: F64) -> Model:
        """The linear program with the whole variables at their values in `x`."""
        low, high = self.low.copy(), self.high.copy()
        low[self.whole] = high[self.whole] = np.round(x[self.whole])
        none = np.zeros_like(self.whole)
        return replace(self, low=low, high=high, whole=none)

    def same_structure(self, other: Model) -> bool:
        """Whether only numbers differ."""
        a, b = self.matrix, other.matrix
        return (
            a.shape == b.shape
            and np.array_equal(a.indptr, b.indptr)
            and np.array_equal(a.indices, b.indices)
            and np.array_equal(self.whole, other.whole)
            and self.limits == other.limits
            and len(self.lazy) == len(other.lazy)
            and all(mine.alike(yours) for mine, yours in zip(self.lazy, other.lazy, strict=True))
        )


class Layout:
    """Columns and rows under construction."""

    def __init__(self) -> None:
        self.low: list[float] = []
        self.high: list[float] = []
        self.whole: list[bool] = []
        self.entries: list[tuple[I64, I64, F64]] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.lazy: list[Lazy] = []

    def new(self, low: npt.ArrayLike, high: npt.ArrayLike, *, whole: bool = False) -> I64:
        """Further columns with these bounds."""
        lows, highs = np.broadcast_arrays(np.atleast_1d(low).astype(float), np.atleast_1d(high).astype(float))
        first = len(self.low)
        self.low += lows.tolist()
        self.high += highs.tolist()
        self.whole += [whole] * lows.size
        return np.arange(first, first + lows.size, dtype=np.int64)

    def add(self, row: Row, lower: float, upper: float) -> int:
        """`lower <= row <= upper`; its number."""
        if np.isnan(row.values).any() or row.constant != row.constant:
            raise refuse("problem", "a coefficient that is no number", "markets and terms with finite numbers")
        number = len(self.lower)
        self.entries.append((np.full(row.columns.size, number, dtype=np.int64), row.columns, row.values))
        self.lower.append(lower - row.constant)
        self.upper.append(upper - row.constant)
        return number

    def above(self, rows: list[Row]) -> Row:
        """A column that is at least every one of `rows`."""
        top = self.new(-np.inf, np.inf)
        for row in rows:
            self.add(added([row, Row(top, np.array([-1.0]))]), -np.inf, 0.0)
        return Row(top, np.ones(1))

    def block(self, program: Program, positions: I64) -> Row:
        """The rows of a form over `positions[2 N]`, its long and short columns here; what it minimises."""
        size = 2 * program.size
        more = self.new(program.low[size:], program.high[size:])
        for k in np.flatnonzero(program.integer[size:]).tolist():
            self.whole[int(more[k])] = True
        where = np.concatenate([positions, more])
        matrix = program.matrix.tocoo()
        first = len(self.lower)
        self.entries.append((matrix.row.astype(np.int64) + first, where[matrix.col], matrix.data))
        self.lower += [-np.inf] * program.upper.size
        self.upper += program.upper.tolist()
        used = np.flatnonzero(program.cost)
        return Row(where[used], program.cost[used], program.constant)

    def model(self, goal: Row, limits: dict[str, tuple[int, ...]]) -> Model:
        """The arrays."""
        from scipy.sparse import csr_array

        count = len(self.low)
        cost = np.bincount(goal.columns, weights=goal.values, minlength=count).astype(np.float64)
        row, column, value = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = csr_array((value, (row, column)), shape=(len(self.lower), count))
        matrix.sum_duplicates()
        return Model(
            cost=cost,
            constant=goal.constant,
            matrix=matrix,
            lower=np.array(self.lower),
            upper=np.array(self.upper),
            low=np.array(self.low),
            high=np.array(self.high),
            whole=np.array(self.whole, dtype=bool),
            limits=limits,
            lazy=tuple(self.lazy),
        )
