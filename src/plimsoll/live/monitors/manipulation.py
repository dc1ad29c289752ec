"""What it would cost to push an index, by the books of its sources, against what that would bring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Instant, Name, Positive, fault
from plimsoll.liquidation.breaker import attack_cost, push_cost
from plimsoll.live.gate import Gate
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.density import Density
from plimsoll.live.monitors.rule import MonitorRule
from plimsoll.live.prices import HotPrices
from plimsoll.market.oracle import band, weighted_median
from plimsoll.market.snapshot import Depth

EXACT = 10
"""Most sources for which every set that could move the median is looked at; of more, the cost is a bound below it."""

MOST = 1e6
"""A cost is said to be at most so many times what it brings, as a document has no infinities."""

LARGEST = 1e30
"""Largest price and quantity of a level: their products and sums stay numbers."""


class SourceBook(Depth):
    """Resting orders of one source, prices in USD. `weight` is what its word counts where no feed says it; a book of a
    `time` that is older than the limit of an index (`stale_index`) counts as none, one without a time as of now."""

    weight: Positive = 1.0
    time: Instant | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        for name in ("bids", "asks"):
            for n, level in enumerate(getattr(self, name)):
                if max(level) > LARGEST:
                    raise fault(f"{name}[{n}]", list(level), f"a price and a quantity of at most {LARGEST:g}")
        return self


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
    would not believe it in one step, and `beyond` names the sources whose book ends before it, so that the cost is a
    floor.
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
    """One index. `sources` count now, those `without` a book as costing nothing; `mids` are the log distances of the
    middles of the books from the index. `longest` and `shortest` hold the most delta on either side. `refused` accounts
    have positions there and no margin: they are in no push. `worst` is the least ratio, `at` its move, `None` where
    nothing is to be gained."""

    sources: tuple[str, ...]
    without: tuple[str, ...]
    mids: dict[str, float]
    longest: str
    shortest: str
    refused: int
    pushes: tuple[Push, ...]
    worst: float
    at: float | None


@dataclass(frozen=True)
class Manipulation:
    """By underlying of which there are books; `worst` is the least ratio of all. Below one an attack pays. `unknown`
    are books of what the market has no index or no contracts of."""

    underlyings: dict[str, Pushed]
    unknown: tuple[str, ...]
    worst: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = {
            u: dict(vars(x))
            | {"sources": list(x.sources), "without": list(x.without), "mids": dict(x.mids)}
            | {"pushes": [dict(vars(p)) | {"beyond": list(p.beyond)} for p in x.pushes]}
            for u, x in self.underlyings.items()
        }
        return {"underlyings": rows, "unknown": list(self.unknown), "worst": self.worst}


def manipulation(
    block: Block, lines: Density, gate: Gate, prices: HotPrices, books: SourceBooks, rule: MonitorRule
) -> Manipulation:
    """Pushes of every index against the books of its sources.

    `lines` is the density map at the edges `rule.pushes`, of the accounts that are margined. The sources are those
    whose quotes are fresh and believed (all that ever quoted where none is); where no book is of a source that quotes,
    the index is composed elsewhere: the sources are the books' own, with their weights.

    The goal is the weighted median of the books' middles, moved. The cost is that of `liquidation.breaker.push_cost` up
    to the goal and of `attack_cost` over the sources: everything posted on the way is taken and sold back at the
    middle. Nothing is counted beyond the last level, for a source that is there already, or for one without a book, for
    an alarm needs a cost that is too low rather than too high. What it brings is `rule.push_bonus` of the notional that
    comes below its line, and the gain of the one account with the most delta on that side: it may be whoever pushes.
    Of that account only today's delta counts, neither what its options gain by their curvature nor its coins. What
    comes back when the price does is not taken off. Source: K21, `cost(move)` against `profit(move)`.
    """
    delta = block.by_underlying(block.delta)
    gross = block.gross_by_underlying()
    now = max(gate.clock, gate.newest)
    found, unknown = {}, []
    for name, given in books.books.items():
        index = prices.index(name)
        if index is None or name not in block.underlyings:
            unknown.append(name)
            continue
        own = {s: b for s, b in given.items() if b.time is None or now - b.time.timestamp() <= rule.stale_index}
        weights = _weights(gate, name, given, now)
        state, k = gate.beliefs.state(name), block.underlyings.index(name)
        width = band(gate.rule.oracle, state.variance, max(0.0, now - state.time) + gate.rule.oracle.lag)
        far = lines.underlyings.get(name)
        pushes = []
        for sign in (-1.0, 1.0):
            side = None if far is None else far.fall if sign < 0.0 else far.rise
            holder = max(0.0, float((sign * delta[:, k]).max(initial=0.0)))
            for n, size in enumerate(rule.pushes):
                crossed = 0.0 if side is None else sum(b.notional for b in side.buckets[: n + 1])
                brings = rule.push_bonus * crossed + holder * size
                cost, beyond = _cost(own, weights, sign * size)
                ratio = min(MOST, cost / brings) if brings > 0.0 else MOST
                suspect = abs(math.log1p(sign * size)) > width
                pushes.append(Push(sign * size, cost, crossed, brings, ratio, suspect, beyond))
        worst = min(pushes, key=lambda p: p.ratio)
        found[name] = Pushed(
            sources=tuple(sorted(weights)),
            without=tuple(sorted(s for s in weights if s not in own)),
            mids={s: math.log(mid / index) for s, b in sorted(own.items()) if (mid := _middle(b)) is not None},
            longest=block.names[int(delta[:, k].argmax())] if (delta[:, k] > 0.0).any() else "",
            shortest=block.names[int(delta[:, k].argmin())] if (delta[:, k] < 0.0).any() else "",
            refused=int((np.isnan(block.equity) & (gross[:, k] > 0.0)).sum()),
            pushes=tuple(pushes),
            worst=worst.ratio,
            at=worst.move if worst.brings > 0.0 else None,
        )
    return Manipulation(found, tuple(unknown), min((x.worst for x in found.values()), default=MOST))


def _weights(gate: Gate, name: str, books: Mapping[str, SourceBook], now: float) -> dict[str, float]:
    """The sources that count now, and what their words do."""
    rule, quotes = gate.rule.oracle, [q for q in gate.beliefs.quotes(name) if q.weight > 0.0]
    if not any(q.source in books for q in quotes):
        return {source: book.weight for source, book in books.items()}
    apart = gate.beliefs.state(name).quarantined
    fresh = [q for q in quotes if now - q.time <= rule.stale and apart.get(q.source, 0.0) <= now]
    return {q.source: q.weight for q in fresh or quotes}


def _middle(book: SourceBook) -> float | None:
    """The middle of a book that has two sides."""
    return (book.bids[0][0] + book.asks[0][0]) / 2.0 if book.bids and book.asks else None


def _cost(books: Mapping[str, SourceBook], weights: Mapping[str, float], move: float) -> tuple[float, tuple[str, ...]]:
    """What it costs to bring half of the weight to the goal, and the sources whose book does not reach it."""
    mids = {s: mid for s in weights if s in books and (mid := _middle(books[s])) is not None}
    beyond = sorted(s for s in weights if s in books and s not in mids)
    costs = dict.fromkeys(weights, 0.0)
    goal = weighted_median([(mid, weights[s]) for s, mid in mids.items()]) * (1.0 + move) if mids else 0.0
    for source, mid in mids.items():
        way = goal / mid - 1.0
        if way * move <= 0.0:
            continue
        levels = books[source].bids if move < 0.0 else books[source].asks
        costs[source] = push_cost(levels, mid, way)
        if abs(levels[-1][0] / mid - 1.0) < abs(way):
            beyond.append(source)
    price = attack_cost if len(costs) <= EXACT else _least
    return price(list(costs.values()), list(weights.values())), tuple(sorted(beyond))


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
