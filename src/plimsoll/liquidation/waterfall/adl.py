"""Auto-deleveraging: which opposite positions are closed against one that nobody else takes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from plimsoll.documents import refuse
from plimsoll.liquidation.waterfall.documents import Holding, Ranking, VenueState
from plimsoll.liquidation.waterfall.shares import divided

STEPS = 1_000
"""Parts in which the ranking by risk takes a position: up to as many lots it is exact, lot by lot."""

Positions = Mapping[str, Mapping[str, Holding]]
"""Of each member, by instrument."""


def deleveraged(
    venue: VenueState, instrument: str, lots: int, positions: Positions, equity: Mapping[str, int]
) -> dict[str, int]:
    """Lots of `instrument` that each member gives up, above zero, so that `lots` (signed) of a defaulter are closed.

    `positions` and `equity` are those of the members that may be asked: of them, holders of the other side. Not more
    than each holds; less than `lots` in all only where all of them together hold less. The ranking:

    ```
    profit-leverage   profit / entry value * value / equity, losers: profit / entry value over that leverage
    pro-rata          every opposite holder in proportion to its lots
    least-risk        always the lot whose closing raises its holder's worst scenario loss least (or lowers it most)
    ```

    By profit and leverage the highest goes first, and each is closed whole before the next.

    For a requirement that is convex in the position, which a worst of scenarios is, taking the cheapest lot each time
    gives the least total requirement that any choice of lots could.
    """
    side = -1 if lots > 0 else 1
    holders = {m: p[instrument] for m, p in positions.items() if instrument in p and p[instrument].lots * side > 0}
    needed = min(abs(lots), sum(abs(h.lots) for h in holders.values()))
    return _RANKINGS[venue.ranking](_Ask(venue, instrument, needed, holders, positions, equity))


@dataclass(frozen=True)
class _Ask:
    """`needed` lots of an instrument from its holders."""

    venue: VenueState
    instrument: str
    needed: int
    holders: Mapping[str, Holding]
    positions: Positions
    equity: Mapping[str, int]


def score(holding: Holding, price: int, equity: int) -> Fraction:
    """The rank of a position in the queue of `profit-leverage`: higher goes first. `price` in units a lot.

    >>> score(Holding(lots=10, profit=200), 100, 500), score(Holding(lots=10, profit=-200), 100, 500)
    (Fraction(1, 2), Fraction(-1, 12))
    """
    if equity <= 0:
        raise refuse("equity", equity, "above zero: whoever has less is in default itself")
    value = abs(holding.lots) * price
    entry = value - holding.profit if holding.lots > 0 else value + holding.profit
    gained = Fraction(holding.profit, max(1, abs(entry)))
    leverage = Fraction(value, equity)
    return gained * leverage if gained > 0 else gained / leverage


def _by_profit(ask: _Ask) -> dict[str, int]:
    price, needed = ask.venue.prices[ask.instrument], ask.needed
    queue = sorted(ask.holders, key=lambda m: (-score(ask.holders[m], price, ask.equity[m]), m))
    taken: dict[str, int] = {}
    for m in queue:
        part = min(needed, abs(ask.holders[m].lots))
        if part:
            taken[m] = part
            needed -= part
    return taken


def _pro_rata(ask: _Ask) -> dict[str, int]:
    size = {m: abs(h.lots) for m, h in ask.holders.items()}
    return {m: n for m, n in divided(ask.needed, size, size).items() if n}


def _by_risk(ask: _Ask) -> dict[str, int]:
    needed = ask.needed
    step = max(1, -(-needed // STEPS))
    taken = dict.fromkeys(ask.holders, 0)
    costs = {m: _requirement_after(ask, m) for m in ask.holders}

    def entry(m: str) -> tuple[Fraction, str, int]:
        part = min(step, abs(ask.holders[m].lots) - taken[m])
        return Fraction(costs[m](taken[m] + part) - costs[m](taken[m]), part), m, part

    queue = [entry(m) for m in ask.holders]
    heapq.heapify(queue)
    while needed and queue:
        _, m, part = heapq.heappop(queue)
        part = min(part, needed)
        taken[m] += part
        needed -= part
        if taken[m] < abs(ask.holders[m].lots):
            heapq.heappush(queue, entry(m))
    return {m: n for m, n in taken.items() if n}


def _requirement_after(ask: _Ask, member: str) -> Callable[[int], int]:
    """The requirement of a holder after closing so many lots."""
    lots = {i: h.lots for i, h in ask.positions[member].items()}
    side = 1 if lots[ask.instrument] > 0 else -1
    return lambda closed: ask.venue.requirement({**lots, ask.instrument: lots[ask.instrument] - side * closed})


_RANKINGS: dict[Ranking, Callable[[_Ask], dict[str, int]]] = {
    "profit-leverage": _by_profit,
    "pro-rata": _pro_rata,
    "least-risk": _by_risk,
}
