"""The circuit breaker: what a doubtful price stops, and what it never stops; what making a price would cost and bring.

A pause protects those whom a false price would liquidate, and costs those who pay for accounts that a true one should
have. So it stops as little as it can: liquidations that follow from the doubtful price alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.market.oracle import Reading

F64 = npt.NDArray[np.float64]
Levels = Sequence[tuple[float, float]]
"""Prices and quantities of one side of a book, best first."""

Action = Literal["deposit", "top up", "reduce", "withdraw", "open", "liquidate"]

SOURCES = 20
"""Most sources for which every set that could move the median is looked at."""


@dataclass(frozen=True)
class Ruling:
    """Whether something may be done now, at which price (`None`: none is needed), and why."""

    allowed: bool
    price: float | None
    why: str


def ruling(reading: Reading, action: Action, *, under: tuple[bool, bool] = (False, False)) -> Ruling:
    """What a reading of the oracle allows; `under` is whether the account is below its line at the last good price, and
    at the doubtful median; without it nobody is liquidated at a doubtful price.

    ```
    deposit, top up, reduce   always
    withdraw, open            at the conservative marks while the price is not good
    liquidate                 at a good price; else only who is below its line at the last good price and now
    ```
    """
    if action in ("deposit", "top up", "reduce"):
        return Ruling(True, None, "what lowers risk is never paused")
    if reading.status == "good":
        return Ruling(True, reading.price, "the price is good")
    if action in ("withdraw", "open"):
        return Ruling(True, None, f"the price is {reading.status}: only against the conservative marks")
    if under[0] and (under[1] or reading.median is None):
        return Ruling(True, reading.price, "below its line at the last good price too")
    return Ruling(False, None, f"the price is {reading.status}: nobody is liquidated by it alone")


def push_cost(levels: Levels, mid: float, move: float) -> float:
    """What it costs to push the price of one source by `move` (a part, positive up), in USD.

    Everything posted up to the price is taken and sold back at the middle: the loss is `sum |p - mid| q` over the
    levels inside the move. `levels` are `(price, quantity)` of the side that is taken, best first. Beyond the last
    level that is known nothing is counted: an alarm needs a cost that is too low rather than too high.

    >>> push_cost([(101.0, 2.0), (102.0, 3.0), (105.0, 9.0)], 100.0, 0.03)
    8.0
    """
    if not mid > 0:
        raise refuse("mid", mid, "a price above zero")
    limit = abs(move) * mid * (1.0 + 1e-12)
    return float(sum(abs(p - mid) * q for p, q in levels if abs(p - mid) <= limit))


def attack_cost(costs: Sequence[float], weights: Sequence[float]) -> float:
    """What it costs to move the weighted median: the cheapest sources that have half of the weight, pushed together.

    >>> attack_cost([5.0, 1.0, 3.0], [1.0, 1.0, 1.0])
    4.0
    """
    if not 0 < len(costs) == len(weights) <= SOURCES:
        raise refuse("sources", f"{len(costs)} costs and {len(weights)} weights", f"as many of both, 1 to {SOURCES}")
    # exactly half of the weight is enough, whatever the last digits of a sum are
    half = math.fsum(weights) / 2.0 * (1.0 - 1e-12)
    places = range(len(costs))
    return min(
        sum(costs[i] for i in chosen)
        for n in range(1, len(costs) + 1)
        for chosen in combinations(places, n)
        if math.fsum(weights[i] for i in chosen) >= half
    )


def attack_profit(moves: F64, lines: F64, notional: F64, bonus: float, position: float = 0.0) -> F64:
    """`[M]` USD that pushing the price by `moves[M]` brings.

    `bonus` of the `notional[K]` of every account whose line (a move, negative below) lies between here and there, and
    what an own `position` (USD, signed) gains by the move.
    """
    inside = ((lines >= 0) & (lines <= moves[:, None])) | ((lines < 0) & (lines >= moves[:, None]))
    return np.asarray(bonus * (inside * notional).sum(axis=1) + position * moves)


@dataclass(frozen=True, eq=False)
class Safety:
    """Cost over profit for each move, `[M]`; infinite where there is nothing to gain. `worst` is the least of them."""

    moves: F64
    cost: F64
    profit: F64

    @property
    def ratio(self) -> F64:
        """`[M]` cost over profit."""
        with np.errstate(all="ignore"):
            return np.where(self.profit > 0.0, self.cost / self.profit, np.inf)

    @property
    def worst(self) -> float:
        """The least ratio: below one an attack pays."""
        return float(self.ratio.min(initial=np.inf))

    def alarm(self, kappa: float) -> bool:
        """Whether some move costs less than `kappa` times what it brings."""
        return self.worst < kappa


def safety(
    books: Sequence[tuple[Levels, Levels]],
    weights: Sequence[float],
    moves: F64,
    lines: F64,
    notional: F64,
    *,
    bonus: float,
    position: float = 0.0,
) -> Safety:
    """What it costs to push the weighted median by each of `moves[M]` (parts, signed) against what that brings.

    `books` are bids and asks, best first, of each source and `weights` what their words count: falls take the bids,
    rises the asks, `attack_cost` the cheapest sources with half of the weight. `lines[K]`, `notional[K]`, `bonus` and
    `position` as for `attack_profit`. Cost is a floor, for beyond the posted levels nothing is counted; so is the
    ratio. Raises `DocumentError` for an empty book or another number of weights.
    """
    for i, (bids, asks) in enumerate(books):
        if not bids or not asks:
            raise refuse(f"books[{i}]", f"{len(bids)} bids and {len(asks)} asks", "levels on both sides")
    mids = [(bids[0][0] + asks[0][0]) / 2.0 for bids, asks in books]
    cost = [
        attack_cost([push_cost(b[0 if m < 0.0 else 1], mid, m) for b, mid in zip(books, mids, strict=True)], weights)
        for m in np.asarray(moves, dtype=np.float64).tolist()
    ]
    return Safety(moves, np.array(cost), attack_profit(moves, lines, notional, bonus, position))
