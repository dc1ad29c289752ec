"""From an expression to the sparse rows of its epigraph, as a linear or mixed-integer solver takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.forms.expression import (
    F64,
    I64,
    Expression,
    Least,
    Max,
    Relieved,
    Scaled,
    Sum,
    Tail,
    Worst,
)


@dataclass(frozen=True, eq=False)
class Program:
    """Minimise `cost @ x + constant` subject to `matrix @ x <= upper`, `low <= x <= high`, `x[integer]` whole.

    `x` is `long[N]`, `short[N]`, then variables of the rows. At fixed positions the least value is the expression; as
    rows `upper - matrix @ x >= 0` over private numbers the program is a statement that a proof can make: whatever the
    further variables are, `cost @ x + constant` is at least the expression.
    """

    size: int
    cost: F64
    constant: float
    matrix: Any
    upper: F64
    low: F64
    high: F64
    integer: npt.NDArray[np.bool_]

    @property
    def linear(self) -> bool:
        """Whether there is no whole variable."""
        return not self.integer.any()

    def holding(self, quantity: F64) -> tuple[F64, F64]:
        """`low` and `high` with the positions fixed at `quantity[N]`."""
        parts = np.concatenate([np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0)])
        low, high = self.low.copy(), self.high.copy()
        low[: 2 * self.size] = high[: 2 * self.size] = parts
        return low, high


Affine = tuple[I64, F64, float]
"""Columns, their coefficients and a constant."""


def _none() -> Affine:
    return np.zeros(0, dtype=np.int64), np.zeros(0), 0.0


def compile_program(expression: Expression, size: int, reach: F64 | None = None) -> Program:
    """The epigraph of an expression over `size` instruments.

    `reach[N]` is the largest position that is considered, needed where there are binaries. Raises `DocumentError`
    without it.
    """
    rows = _Rows(size, expression.opposed(), expression.choices() > 0, reach)
    columns, cost, constant = rows.above(expression)
    return rows.program(columns, cost, constant)


class _Rows:
    """Variables and rows as they are made."""

    def __init__(self, size: int, opposed: set[int], choosing: bool, reach: F64 | None) -> None:
        self.size, self.low, self.high = size, [0.0] * (2 * size), [np.inf] * (2 * size)
        self.integer = [False] * (2 * size)
        self.places: list[tuple[I64, I64, F64]] = []
        self.upper: list[float] = []
        if (opposed or choosing) and reach is None:
            raise refuse("reach", None, f"the largest position in each of the {size} instruments, for the binaries")
        self.reach = np.zeros(size) if reach is None else np.broadcast_to(np.asarray(reach, dtype=np.float64), (size,))
        if reach is not None:
            self.high = np.tile(self.reach, 2).tolist()
        for i in sorted(opposed):
            (z,) = self.new(1, 0.0, 1.0, whole=True)
            self.add(np.array([i, z]), np.array([1.0, -self.reach[i]]), 0.0)
            self.add(np.array([size + i, z]), np.array([1.0, self.reach[i]]), float(self.reach[i]))

    def new(self, count: int, low: float = -np.inf, high: float = np.inf, whole: bool = False) -> I64:
        first = len(self.low)
        self.low += [low] * count
        self.high += [high] * count
        self.integer += [whole] * count
        return np.arange(first, first + count, dtype=np.int64)

    def add(self, columns: I64, values: F64, upper: float) -> None:
        """A row `values @ x[columns] <= upper`."""
        self.places.append((np.full(columns.size, len(self.upper), dtype=np.int64), columns, values))
        self.upper.append(upper)

    def leaf(self, w: Worst, k: int) -> Affine:
        return np.concatenate([w.items, w.items + self.size]), np.concatenate([w.long[k], w.short[k]]), w.constant[k]

    def below(self, term: Expression, top: int, more: Affine | None = None) -> None:
        """Rows that keep `term + more` at or below the variable `top`."""
        affines = [self.leaf(term, k) for k in range(len(term.constant))] if isinstance(term, Worst) else []
        if isinstance(term, Max):
            for part in term.terms:
                self.below(part, top, more)
            return
        for columns, values, constant in affines or [self.above(term)]:
            extra = more or _none()
            places = np.concatenate([columns, extra[0], [top]]).astype(np.int64)
            self.add(places, np.concatenate([values, extra[1], [-1.0]]), -float(constant + extra[2]))

    def above(self, term: Expression) -> Affine:
        """An affine function that is at least `term`, and equal to it where a solver presses it down."""
        if isinstance(term, Worst) and len(term.constant) == 1:
            return self.leaf(term, 0)
        if isinstance(term, Sum):
            parts = [_none(), *(self.above(t) for t in term.terms)]
            where, sizes = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
            return where, sizes, float(sum(p[2] for p in parts))
        if isinstance(term, Scaled):
            columns, values, constant = self.above(term.term)
            return columns, term.factor * values, term.factor * constant
        (top,) = self.new(1)
        result: Affine = (np.array([top]), np.ones(1), 0.0)
        if isinstance(term, Tail):
            spill = self.new(len(term.losses.constant), 0.0)
            for k, u in enumerate(spill):
                columns, values, constant = self.leaf(term.losses, k)
                self.add(np.append(columns, [top, u]), np.append(values, [-1.0, -1.0]), -float(constant))
            return np.append(result[0], spill), np.append(1.0, np.full(spill.size, 1.0 / term.count)), 0.0
        if isinstance(term, Relieved):
            return self._relieved(term, int(top))
        if isinstance(term, Least):
            self._least(term, int(top))
            return result
        if not isinstance(term, (Worst, Max)):
            raise TypeError(f"expression: got {type(term).__name__}, must be one of those of this package")
        self.below(term, int(top))
        return result

    def _relieved(self, term: Relieved, top: int) -> Affine:
        free = np.flatnonzero(np.isfinite(term.price))
        given = self.new(free.size, 0.0)
        for y, i in zip(given, term.charge.items[free], strict=True):
            self.add(np.array([y, i]), np.array([1.0, -1.0]), 0.0)
        for k in range(len(term.charge.constant)):
            columns, values, constant = self.leaf(term.charge, k)
            places = np.concatenate([columns, given, [top]])
            self.add(places, np.concatenate([values, -term.charge.long[k, free], [-1.0]]), -float(constant))
        return np.append(given, top), np.append(term.price[free], 1.0), 0.0

    def _least(self, term: Least, top: int) -> None:
        """One of the terms is chosen; the rows of the others are slack by as much as they can ever exceed the least."""
        chosen = self.new(len(term.terms), 0.0, 1.0, whole=True)
        self.add(chosen, np.ones(chosen.size), 1.0)
        self.add(chosen, -np.ones(chosen.size), -1.0)
        least = min(self._range(t)[0] for t in term.terms)
        for z, part in zip(chosen, term.terms, strict=True):
            slack = max(self._range(part)[1] - least, 0.0)
            # row - top <= slack (1 - z)
            self.below(part, top, (np.array([z]), np.array([slack]), -slack))

    def _range(self, w: Worst) -> tuple[float, float]:
        """Bounds of the largest row over positions within reach: of its least and of its largest value."""
        reach = self.reach[w.items]
        low = (np.minimum(w.long, 0.0) + np.minimum(w.short, 0.0)) @ reach + w.constant
        high = (np.maximum(w.long, 0.0) + np.maximum(w.short, 0.0)) @ reach + w.constant
        return float(low.max()), float(high.max())

    def program(self, columns: I64, values: F64, constant: float) -> Program:
        from scipy.sparse import csr_array

        count = len(self.low)
        cost = np.bincount(columns.astype(np.int64), weights=values, minlength=count).astype(np.float64)
        if self.places:
            row, column, value = (np.concatenate(part) for part in zip(*self.places, strict=True))
        else:
            row, column, value = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
        matrix = csr_array((value, (row, column)), shape=(len(self.upper), count))
        return Program(
            size=self.size,
            cost=cost,
            constant=constant,
            matrix=matrix,
            upper=np.array(self.upper, dtype=np.float64),
            low=np.array(self.low, dtype=np.float64),
            high=np.array(self.high, dtype=np.float64),
            integer=np.array(self.integer, dtype=bool),
        )
