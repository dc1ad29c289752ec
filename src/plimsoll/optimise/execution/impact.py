"""What trading a part of a ticket costs beside the middle: half-spread, slope of the book, and what lasts.

```
one order of n contracts     spread |n| + slope n^2
orders n_1 .. n_K            spread sum |n_k| + slope sum_jk n_j n_k ((1 - lasting) rho^|j-k| + lasting)
rho                          (1 - refill)^(minutes between two slices)
```
The part that lasts is paid by whatever is traded later; over a whole ticket it comes to `slope lasting (sum n)^2`,
whatever the schedule. Source: Almgren and Chriss (2000), the decay as Obizhaeva and Wang (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.laboratory.liquidity import Calm, Liquidity
from plimsoll.market.order_book import OrderBook
from plimsoll.optimise.desk import Place
from plimsoll.optimise.ladder import Ladder
from plimsoll.risk.plan import F64

POINTS = 40
"""Sizes at which a book is walked to fit its spread and slope."""


@dataclass(frozen=True)
class SideImpact:
    """Of one instrument on one side: `spread` US dollars a contract (fees with it), `slope` US dollars a contract
    squared, both at least zero. `source`: `depth` (fitted to a book), `liquidity` (depth by move of its coin,
    `measured` or `assumed`), `assumed` (doubles the half-spread at the posted size)."""

    spread: float
    slope: float
    source: str

    def of(self, quantity: float) -> float:
        """US dollars for one order of so many contracts."""
        size = abs(quantity)
        return self.spread * size + self.slope * size * size


def fitted(sizes: F64, costs: F64) -> tuple[float, float]:
    """The least squares `spread, slope` of `costs[M]` US dollars for single orders of `sizes[M]`, neither below zero.

    Of costs by contract, so that small orders count as much as large ones.
    """
    each = costs / sizes
    spread, slope = (float(c) for c in np.linalg.lstsq(np.stack([np.ones_like(sizes), sizes], 1), each, rcond=None)[0])
    if slope < 0.0:
        return float(each.mean()), 0.0
    if spread < 0.0:
        return 0.0, float((each @ sizes) / (sizes @ sizes))
    return spread, slope


def book_impact(book: OrderBook, most: float, *, buy: bool) -> SideImpact:
    """Spread and slope of a recorded book for orders up to `most` (base asset), quote currency.

    Raises `DocumentError` where the book ends before `most`: nothing is known beyond.
    """
    if not 0.0 < most < float("inf"):
        raise refuse("most", most, "a quantity above zero")
    sizes: F64 = np.arange(1, POINTS + 1, dtype=np.float64) * (most / POINTS)
    walked = [book.cost(s if buy else -s) for s in sizes.tolist()]
    if walked[-1][1] > 1e-9 * most:
        there = most - walked[-1][1]
        raise refuse("most", most, f"at most {there:g}, the quantity of the book on this side")
    return SideImpact(*fitted(sizes, np.array([paid for paid, _ in walked])), "depth")


def ladder_impact(ladder: Ladder, size: float) -> SideImpact:
    """Of steps of depth, for orders up to `size` contracts; of a single step one that doubles its cost at its end."""
    if len(ladder.cost) == 1:
        cost, most = ladder.cost[0], ladder.size[0]
        return SideImpact(cost, cost / most, "assumed")
    sizes: F64 = np.arange(1, POINTS + 1, dtype=np.float64) * (min(size, ladder.most) / POINTS)
    return SideImpact(*fitted(sizes, np.array([ladder.of(s) for s in sizes.tolist()])), "depth")


def calm_slope(calm: Calm, notional: float) -> float:
    """1 / USD: the slope by notional of an order of `notional` USD in depth that is cumulative over moves.

    The cost of walking to V is the integral of the move at which v lies, over v; beyond the last move the last piece
    goes on. The slope is that which costs as much at V.
    """
    depth, moves = np.append(0.0, calm.depth), np.append(0.0, calm.moves)
    if notional > depth[-1]:
        end = moves[-1] + (notional - depth[-1]) * (moves[-1] - moves[-2]) / (depth[-1] - depth[-2])
        depth, moves = np.append(depth, notional), np.append(moves, end)
    inside = depth < notional
    v = np.append(depth[inside], notional)
    m = np.interp(v, depth, moves)
    paid = float(((m[1:] + m[:-1]) / 2.0 * np.diff(v)).sum())
    return paid / (notional * notional)


def place_impact(place: Place, trade: F64, liquidity: Liquidity | None) -> list[SideImpact]:
    """For each nonzero entry of `trade[N]`, in order.

    A future or perpetual without a book of its own takes the depth of its coin from `liquidity`, if that is there.
    Raises `DocumentError` for a trade on a side that has nothing.
    """
    found, plan = [], place.exposures.plan
    for i in np.flatnonzero(trade).tolist():
        size = abs(float(trade[i]))
        ladder = place.sides[i][0 if trade[i] > 0.0 else 1]
        if not ladder.cost:
            side = "offers" if trade[i] > 0.0 else "bids"
            raise refuse(f"trades.{place.names[i]}", float(trade[i]), f"none: there are no {side} and none are assumed")
        one = ladder_impact(ladder, size)
        coin = plan.contracts[i].underlying
        if not plan.option[i] and one.source == "assumed" and liquidity is not None and coin in liquidity.underlyings:
            calm = liquidity.underlyings[coin]
            each = abs(float(place.exposures.delta[i])) * float(plan.spot[i])
            slope = calm_slope(calm, size * each) * each * each
            one = SideImpact(one.spread, slope, f"liquidity, {calm.evidence}")
        found.append(one)
    return found
