"""One underlying's order book in a cascade: what forced orders take, what it does to the price, how both recover."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

from plimsoll.laboratory.liquidity import Calm, Makers

SELL, BUY = 0, 1
SIDES = (SELL, BUY)
SIGN = (-1.0, 1.0)


@dataclass(frozen=True)
class Walk:
    """`filled` USD at the `mean` price, after which the price is `after`, both as multiples of the price before."""

    filled: float
    mean: float
    after: float


class DepthBook:
    """Depth taken on either side, and the impact that has not gone.

    ```
    D          path depth * posted by makers                   a part of the calm depth
    m(x)       the move of the calm curve that takes x / D     linear between its levels
    trade      from x0 = taken to x1 = x0 + filled             price * (1 - (m(x1) - m(x0))) in a sale
    mean       the same with the mean of m over x0..x1
    impact     log of that change: `lasting` of it for good, the rest goes as depth refills
    refill     taken and passing impact * (1 - refill)^minutes
    ```

    Beyond the last level the density of the last interval goes on: nothing is known to be posted there, so the price
    falls on rather than stop; and no further than `band` from the outside price, where what is left waits. Without any
    depth nothing trades.
    """

    def __init__(self, calm: Calm, makers: Makers) -> None:
        self.moves = (0.0, *calm.moves)
        self.depth = (0.0, *calm.depth)
        self.refill, self.makers = calm.refill, makers
        self.taken = [0.0, 0.0]
        self.lasting = self.passing = 0.0
        self.posted = 1.0

    @property
    def factor(self) -> float:
        """The price over the outside price."""
        return exp(self.lasting + self.passing)

    def recover(self, minutes: float) -> None:
        """Depth refills and the passing impact goes, for so many minutes."""
        left = (1.0 - self.refill) ** minutes
        self.taken = [x * left for x in self.taken]
        self.passing *= left

    def withdraw(self, move: float, minutes: float | None, burnt: bool) -> None:
        """Makers after a log price `move` of their window; `minutes` have passed (None: within a step, none return).

        `burnt`: they have lost what they allow, and only the least stays.
        """
        m = self.makers
        target = m.stay if burnt else max(m.stay, exp(-m.shy * abs(move)))
        if minutes is not None and target > self.posted:
            back = 1.0 - (1.0 - self.posted) * 0.5 ** (minutes / m.minutes)
            self.posted = min(target, back)
        else:
            self.posted = min(target, self.posted)

    def move(self, taken: float) -> float:
        """m of so many USD at calm depth."""
        k = self._interval(self.depth, taken)
        low, high = self.depth[k - 1], self.depth[k]
        return self.moves[k - 1] + (self.moves[k] - self.moves[k - 1]) * ((taken - low) / (high - low))

    def walk(self, usd: float, side: int, price: float, outside: float, depth: float, band: float) -> Walk:
        """What a forced order of `usd` above zero would do; nothing is changed. `depth` is D."""
        if depth <= 0.0:
            return Walk(0.0, 1.0, 1.0)
        start = self.taken[side] / depth
        begin = self.move(start)
        reach = 1.0 - outside * (1.0 - band) / price if side == SELL else outside * (1.0 + band) / price - 1.0
        if reach <= 0.0:
            return Walk(0.0, 1.0, 1.0)
        stop = min(start + usd / depth, max(start, self._taken_at(begin + reach)))
        if stop <= start:
            return Walk(0.0, 1.0, 1.0)
        filled = usd if stop == start + usd / depth else (stop - start) * depth
        sign = SIGN[side]
        after = 1.0 + sign * min(reach, self.move(stop) - begin)
        mean = 1.0 + sign * min(reach, self._mean(start, stop) - begin)
        return Walk(filled, mean, after)

    def trade(self, walk: Walk, side: int) -> None:
        """Take what a walk has filled."""
        self.taken[side] += walk.filled
        impact = log(walk.after)
        self.lasting += self.makers.lasting * impact
        self.passing += (1.0 - self.makers.lasting) * impact

    def _interval(self, knots: tuple[float, ...], x: float) -> int:
        """The k with knots[k - 1] <= x < knots[k]; the last one beyond all."""
        k = 1
        while k < len(knots) - 1 and x >= knots[k]:
            k += 1
        return k

    def _taken_at(self, move: float) -> float:
        k = self._interval(self.moves, move)
        low, high = self.moves[k - 1], self.moves[k]
        return self.depth[k - 1] + (self.depth[k] - self.depth[k - 1]) * ((move - low) / (high - low))

    def _mean(self, start: float, stop: float) -> float:
        """The mean of m over the interval, exact: m is linear between levels."""
        knots = [start, *(d for d in self.depth[:-1] if start < d < stop), stop]
        area = 0.0
        for a, b in pairwise(knots):
            area += (b - a) * 0.5 * (self.move(a) + self.move(b))
        return area / (stop - start)
