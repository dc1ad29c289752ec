"""What it costs to close a position, and how long it takes: charges that grow faster than the size.

Implements capabilities K8 under this reading: the marginal cost of a coin is its distance from the middle of the book,
level by level, with posted depth cut by `stress`; beyond the book, and never below its last level, the marginal cost of
the square-root law, whose integral for a size `q` is `Y * sigma * sqrt(q / ADV) * q * mid`. The first `free` part of a
day's volume costs nothing. So the charge is zero for small sizes, never falls and is convex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from plimsoll.documents import Fraction, NonNegative, Part, Positive, fault, refuse
from plimsoll.margin.period import HOURS, MarginPeriod, closing_hours

F64 = npt.NDArray[np.float64]


class Liquidity(Part):
    """How one underlying trades: `volume` a day in USD, `daily_vol` a fraction."""

    volume: Positive
    daily_vol: Positive


class LiquidityRule(Part):
    """`impact` is Y, `stress` the part of posted depth that is not there when it is needed, `free` the part of a day's
    volume that costs nothing. A position is closed at `participation` of the volume; where that takes longer than the
    margin period of `days` allows, the scan grows with the square root of the period. `period` says what the days
    consist of, and has to have as many hours; without it they are all for closing. `markets` by underlying."""

    impact: NonNegative
    stress: Fraction
    free: NonNegative
    participation: Positive
    days: Positive
    period: MarginPeriod | None = None
    markets: dict[str, Liquidity]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        hours = None if self.period is None else self.period.hours
        if hours is not None and abs(hours - HOURS * self.days) > 1e-9 * hours:
            raise fault("days", self.days, f"the {hours:g} hours of period, {hours / HOURS:g} days")
        return self

    @property
    def margin_period(self) -> MarginPeriod:
        """The margin period of a small position."""
        return MarginPeriod(close_out=HOURS * self.days) if self.period is None else self.period


@dataclass(frozen=True, eq=False)
class Closing:
    """The marginal cost of closing one side of one underlying, USD per coin.

    `ends[L]` are cumulative coins of the levels after stress, `steps[L]` their distances from the middle, increasing.
    """

    mid: float
    ends: F64
    steps: F64
    volume: float
    daily_vol: float
    impact: float
    free: float

    @classmethod
    def of(
        cls, rule: LiquidityRule, market: Liquidity, mid: float, levels: Sequence[tuple[float, float]] = ()
    ) -> Closing:
        """From `(price, coins)` of one side of a book, best first; without a book the square-root law alone."""
        if not mid > 0:
            raise refuse("mid", mid, "a price above zero")
        price = np.array([p for p, _ in levels], dtype=np.float64)
        coins = np.array([q for _, q in levels], dtype=np.float64)
        return cls(
            mid,
            np.cumsum(coins) * (1.0 - rule.stress),
            np.maximum.accumulate(np.abs(price - mid)),
            market.volume / mid,
            market.daily_vol,
            rule.impact,
            rule.free * market.volume / mid,
        )

    def cost(self, size: float) -> float:
        """USD for closing `size` coins (at least zero): the integral of the marginal cost beyond the free part.

        >>> flat = Closing(100.0, np.array([]), np.array([]), 1e4, 0.03, 1.0, 10.0)
        >>> flat.cost(10.0), round(flat.cost(1000.0), 2)
        (0.0, 947.73)
        """
        if not size >= 0:
            raise refuse("size", size, "coins of at least zero")
        return self._upto(size) - self._upto(min(size, self.free))

    def _upto(self, size: float) -> float:
        depth = float(self.ends[-1]) if self.ends.size else 0.0
        inside = min(size, depth)
        starts = np.concatenate([[0.0], self.ends[:-1]]) if self.ends.size else self.ends
        walked = float((np.clip(inside - starts, 0.0, self.ends - starts) * self.steps).sum())
        return walked + (self._beyond(depth, size) if size > depth else 0.0)

    def _beyond(self, depth: float, size: float) -> float:
        """Integral from `depth` to `size` of the larger of the last level and the marginal square root."""
        last = float(self.steps[-1]) if self.steps.size else 0.0
        law = self.impact * self.daily_vol * self.mid
        # the square root passes the last level at this size
        turn = self.volume * (last / (1.5 * law)) ** 2 if law > 0 else np.inf
        flat_end = float(np.clip(turn, depth, size))
        rising = 0.0 if law <= 0 else law * (size**1.5 - flat_end**1.5) / self.volume**0.5
        return last * (flat_end - depth) + rising

    def hours(self, size: float, participation: float) -> float:
        """Hours to close `size` coins at a part of the volume."""
        return closing_hours(size, self.volume, participation)


def shared(total: float, parts: Sequence[float]) -> list[float]:
    """A charge on the sum of an owner's accounts, split by size: dividing an account changes nothing.

    >>> shared(9.0, [1.0, 2.0, 0.0])
    [3.0, 6.0, 0.0]
    """
    whole = sum(parts)
    return [total * p / whole if whole > 0 else 0.0 for p in parts]
