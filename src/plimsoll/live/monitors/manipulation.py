"""What it would cost to push an index, by the books of its sources, against what that would bring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from plimsoll.documents import Asset, Document, Name, Positive
from plimsoll.liquidation.breaker import attack_cost, push_cost
from plimsoll.live.gate import Gate
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.density import Density, Side
from plimsoll.live.monitors.rule import MonitorRule
from plimsoll.market.oracle import band
from plimsoll.market.snapshot import Depth

EXACT = 10
"""Most sources for which every set that could move the median is looked at; of more, the cost is a bound below it."""

MOST = 1e6
"""A cost is said to be at most so many times what it brings, as a document has no infinities."""


class SourceBook(Depth):
    """Resting orders of one source, prices in USD; `weight` is what its word counts where no feed says it."""

    weight: Positive = 1.0


class SourceBooks(Document):
    """Resting orders of the sources of each index: `books[underlying][source]`.

    What a push costs is read from them, so they should reach as far as the pushes of the monitors' rule.
    """

    SCHEMA: ClassVar[str] = "plimsoll.source-books"

    books: dict[Asset, Annotated[dict[Name, SourceBook], Field(min_length=1, max_length=100)]]


@dataclass(frozen=True)
class Push:
    """A push of an index by the part `move`, signed. USD.

    `cost` is lost at the cheapest sources with half of the weight. `liquidated` is the notional of the accounts whose
    line it crosses, and `brings` the part of it that whoever pushes may get, with what the largest holder on that side
    gains by the move. `ratio` is cost over what it brings, at most a million. `suspect` says that the oracle's rule
    would not believe it at once, and `beyond` names the counted sources whose book ends before it, so that the cost is
    a floor.
    """

    move: float
    cost: float
    liquidated: float
    brings: float
    ratio: float
    suspect: bool
    beyond: tuple[str, ...]


@dataclass(frozen=True)
class Pushed:
    """One index. `sources` count now, those `without` a book as costing nothing; `band` is the log move that is
    believed at once; `longest` and `shortest` hold the most delta on either side, USD. `worst` is the least ratio of
    the pushes that are not suspect, `at` its move."""

    band: float
    sources: tuple[str, ...]
    without: tuple[str, ...]
    longest: str
    shortest: str
    pushes: tuple[Push, ...]
    worst: float
    at: float | None


@dataclass(frozen=True)
class Manipulation:
    """By underlying of which there are books; `worst` is the least ratio of all. Below one an attack pays."""

    underlyings: dict[str, Pushed]
    worst: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = {
            u: dict(vars(x))
            | {"sources": list(x.sources), "without": list(x.without)}
            | {"pushes": [dict(vars(p)) | {"beyond": list(p.beyond)} for p in x.pushes]}
            for u, x in self.underlyings.items()
        }
        return {"underlyings": rows, "worst": self.worst}


def manipulation(block: Block, lines: Density, gate: Gate, books: SourceBooks, rule: MonitorRule) -> Manipulation:
    """Pushes of every index against the books of its sources.

    `lines` is the density map at the edges `rule.pushes`. The sources are those whose quotes are fresh and believed.
    Where no book is of one of them, the index is composed elsewhere: the sources are the books' own. The cost is that
    of `liquidation.breaker.push_cost`, and of `attack_cost` over the sources: everything posted up to the price is
    taken and sold back at the middle, nothing is counted beyond the last level, and of a source without a book nothing
    at all, for an alarm needs a cost that is too low rather than too high. What it brings is `rule.push_bonus` of the
    notional that comes below its line, and the gain of the one account with the most delta on that side: it may be
    whoever pushes. What comes back when the price does is not taken off. Source: K21, `cost(move)` against
    `profit(move)`.
    """
    delta = block.by_underlying(block.delta)
    found = {}
    for name, own in books.books.items():
        if name not in lines.underlyings:
            continue
        weights = _fresh(gate, name)
        if not weights.keys() & own.keys():
            weights = {source: book.weight for source, book in own.items()}
        state = gate.beliefs.state(name)
        width = band(gate.rule.oracle, state.variance, gate.rule.oracle.lag)
        mine = delta[:, block.underlyings.index(name)]
        far = lines.underlyings[name]
        pushes = []
        for sign, side in ((-1.0, far.fall), (1.0, far.rise)):
            holder = max(0.0, float((sign * mine).max(initial=0.0)))
            pushes += [
                _push(sign * m, _crossed(side, k), holder, own, weights, width, rule) for k, m in enumerate(rule.pushes)
            ]
        told = [p for p in pushes if not p.suspect]
        worst = min(told, key=lambda p: p.ratio, default=None)
        found[name] = Pushed(
            band=width,
            sources=tuple(sorted(weights)),
            without=tuple(sorted(s for s in weights if s not in own)),
            longest=block.names[int(mine.argmax())] if (mine > 0.0).any() else "",
            shortest=block.names[int(mine.argmin())] if (mine < 0.0).any() else "",
            pushes=tuple(pushes),
            worst=MOST if worst is None else worst.ratio,
            at=None if worst is None or worst.ratio >= MOST else worst.move,
        )
    return Manipulation(found, min((x.worst for x in found.values()), default=MOST))


def _fresh(gate: Gate, name: str) -> dict[str, float]:
    """The weights of the sources that count now."""
    rule, now = gate.rule.oracle, max(gate.clock, gate.newest)
    apart = gate.beliefs.state(name).quarantined
    return {
        q.source: q.weight
        for q in gate.beliefs.quotes(name)
        if q.weight > 0.0 and now - q.time <= rule.stale and apart.get(q.source, 0.0) <= now
    }


def _push(
    move: float,
    liquidated: float,
    holder: float,
    books: Mapping[str, SourceBook],
    weights: Mapping[str, float],
    width: float,
    rule: MonitorRule,
) -> Push:
    costs, beyond = [], []
    for source in weights:
        depth = books.get(source)
        levels = () if depth is None else depth.bids if move < 0.0 else depth.asks
        if depth is None or not levels or not depth.bids or not depth.asks:
            costs.append(0.0)
            continue
        mid = (depth.bids[0][0] + depth.asks[0][0]) / 2.0
        costs.append(push_cost(levels, mid, move))
        if abs(levels[-1][0] / mid - 1.0) < abs(move):
            beyond.append(source)
    cost = (attack_cost if len(costs) <= EXACT else _least)(costs, list(weights.values()))
    brings = rule.push_bonus * liquidated + holder * abs(move)
    return Push(
        move=move,
        cost=cost,
        liquidated=liquidated,
        brings=brings,
        ratio=min(MOST, cost / brings) if brings > 0.0 else MOST,
        suspect=abs(math.log1p(move)) > width,
        beyond=tuple(sorted(beyond)),
    )


def _least(costs: Sequence[float], weights: Sequence[float]) -> float:
    """At most what `attack_cost` says, without looking at every set: sources by cost for their weight, the last in
    part."""
    left, found = sum(weights) / 2.0, 0.0
    for cost, weight in sorted(zip(costs, weights, strict=True), key=lambda x: x[0] / x[1]):
        part = min(1.0, left / weight)
        found, left = found + part * cost, left - part * weight
        if left <= 0.0:
            break
    return found


def _crossed(side: Side, edge: int) -> float:
    """Notional of the accounts whose line lies within an edge."""
    return sum(b.notional for b in side.buckets[: edge + 1])
