"""Expressions over positions `q = long - short`, piecewise linear: what a margin is made of.

Every leaf is affine in the two parts of each position, both at least zero: `long[i]` and `short[i]` are what one
contract bought and one contract sold add. At given positions the parts are `max(q, 0)` and `max(-q, 0)`. A solver may
try to hold both at once; that never pays where every leaf has `long + short >= 0`, and `opposed` names the instruments
where it could.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_SLACK = 1e-12


class Expression:
    """A function of the long and short parts of positions, `[N]` each."""

    def value(self, long: F64, short: F64) -> float:
        """The function at these parts."""
        raise NotImplementedError

    def opposed(self) -> set[int]:
        """Instruments of which holding both parts at once could lower the function: a solver needs a binary there."""
        raise NotImplementedError

    def choices(self) -> int:
        """How many `Least` it holds, without which it is convex in the two parts."""
        raise NotImplementedError

    def at(self, quantity: F64) -> float:
        """The function at signed positions."""
        return self.value(np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0))


@dataclass(frozen=True, eq=False)
class Worst(Expression):
    """`max_k(long[k] @ l + short[k] @ s + constant[k])` over the instruments `items[I]`; arrays `[K, I]` and `[K]`."""

    items: I64
    long: F64
    short: F64
    constant: F64

    @classmethod
    def signed(cls, items: Iterable[int], rows: F64, constant: F64 | None = None) -> Worst:
        """Rows `[K, I]` that are linear in the signed positions."""
        return cls.parts(items, rows, -np.asarray(rows), constant)

    @classmethod
    def parts(cls, items: Iterable[int], long: F64, short: F64, constant: F64 | None = None) -> Worst:
        """Rows `[K, I]` with coefficients of their own for what is bought and what is sold."""
        first, second = (np.atleast_2d(np.asarray(part, dtype=np.float64)) for part in (long, short))
        fixed = np.zeros(len(first)) if constant is None else np.asarray(constant, dtype=np.float64)
        return cls(np.asarray(list(items), dtype=np.int64), first, second, fixed)

    @classmethod
    def size(cls, items: Iterable[int], rates: F64) -> Worst:
        """`rates[I] @ |q|`."""
        return cls.parts(items, rates, rates)

    def floored(self) -> Worst:
        """The same, and at least zero."""
        none = np.zeros((1, self.items.size))
        long, short = np.vstack([self.long, none]), np.vstack([self.short, none])
        return Worst(self.items, long, short, np.append(self.constant, 0.0))

    def rows(self, long: F64, short: F64) -> F64:
        """`[K]` the value of every row."""
        result: F64 = self.long @ long[self.items] + self.short @ short[self.items] + self.constant
        return result

    def value(self, long: F64, short: F64) -> float:
        """The largest row."""
        return float(self.rows(long, short).max())

    def opposed(self) -> set[int]:
        """See `Expression.opposed`."""
        size = np.maximum(np.abs(self.long), np.abs(self.short))
        return set(self.items[((self.long + self.short) < -_SLACK * size).any(axis=0)].tolist())

    def choices(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True, eq=False)
class Tail(Expression):
    """Mean of the `count` largest rows (a part of a row where it is no whole number): the expected shortfall of `K`
    equal scenarios at `1 - count / K`.
    """

    losses: Worst
    count: float

    def value(self, long: F64, short: F64) -> float:
        """The mean of the largest rows."""
        falling = np.sort(self.losses.rows(long, short))[::-1]
        weights = np.clip(self.count - np.arange(falling.size), 0.0, 1.0)
        return float(falling @ weights) / self.count

    def opposed(self) -> set[int]:
        """See `Expression.opposed`."""
        return self.losses.opposed()

    def choices(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True, eq=False)
class Relieved(Expression):
    """`min over 0 <= y <= long of max(first, second at long - y) + price @ y`: bought contracts may be given up at a
    price.

    The two rows of `charge`, `price[I]` of one contract (infinite: none may be given up). Its dual is the largest over
    `0 <= t <= 1` of the rows mixed by `t`, each bought contract counted with no more than its price.
    """

    charge: Worst
    price: F64

    def value(self, long: F64, short: F64) -> float:
        """The infimum, at a kink of its dual."""
        c, held = self.charge, long[self.charge.items]
        capped = np.isfinite(self.price) & (held > 0)
        rest = np.where(capped, 0.0, held)
        ends = c.long @ rest + c.short @ short[c.items] + c.constant
        low, high, price = c.long[0, capped], c.long[1, capped], self.price[capped]
        step = high - low
        kinks = np.divide(price - low, step, out=np.full(step.size, -1.0), where=step != 0.0)
        mixes = np.unique(np.concatenate([[0.0, 1.0], kinks[(kinks > 0.0) & (kinks < 1.0)]]))
        rates = np.minimum(price[None, :], low[None, :] + mixes[:, None] * step[None, :])
        return float((ends[0] + mixes * (ends[1] - ends[0]) + rates @ held[capped]).max())

    def opposed(self) -> set[int]:
        """See `Expression.opposed`: a contract sold and bought at once could be given up below what the sale saves."""
        c = self.charge
        given = (np.where(np.isfinite(self.price), self.price, 0.0)[None, :] + c.short) < -_SLACK * np.abs(c.short)
        bad = given.any(axis=0) & np.isfinite(self.price)
        return c.opposed() | set(c.items[bad].tolist())

    def choices(self) -> int:
        """None."""
        return 0


@dataclass(frozen=True, eq=False)
class Scaled(Expression):
    """`factor * term`, the factor at least zero."""

    factor: float
    term: Expression

    def __post_init__(self) -> None:
        if not self.factor >= 0.0:
            raise ValueError(f"factor: got {self.factor}, must be at least 0")

    def value(self, long: F64, short: F64) -> float:
        """The multiple."""
        return self.factor * self.term.value(long, short)

    def opposed(self) -> set[int]:
        """Those of the term."""
        return self.term.opposed()

    def choices(self) -> int:
        """Those of the term."""
        return self.term.choices()


@dataclass(frozen=True, eq=False)
class Several(Expression):
    """Common to what is made of several terms."""

    terms: tuple[Expression, ...]

    def opposed(self) -> set[int]:
        """Those of all terms."""
        return set().union(*(term.opposed() for term in self.terms))

    def choices(self) -> int:
        """Those of all terms."""
        return sum(term.choices() for term in self.terms)


class Sum(Several):
    """The sum of its terms."""

    def value(self, long: F64, short: F64) -> float:
        """The sum."""
        return float(sum(term.value(long, short) for term in self.terms))


class Max(Several):
    """The largest of its terms."""

    def value(self, long: F64, short: F64) -> float:
        """The largest."""
        return max(term.value(long, short) for term in self.terms)


class Least(Several):
    """The least of its terms: not convex, a solver takes a binary for each of them. Terms are `Worst`."""

    terms: tuple[Worst, ...]

    def value(self, long: F64, short: F64) -> float:
        """The least."""
        return min(term.value(long, short) for term in self.terms)

    def choices(self) -> int:
        """Itself."""
        return 1


def total(terms: Sequence[Expression]) -> Sum:
    """The sum of any number of terms."""
    return Sum(tuple(terms))


def nothing() -> Worst:
    """Zero."""
    return Worst.signed((), np.zeros((1, 0)))
