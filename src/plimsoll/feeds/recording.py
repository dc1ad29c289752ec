"""A recorded stream of book changes and trades, replayed by the venue's own rules."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.feeds._columns import reading
from plimsoll.market.order_book import OrderBook, quote_flow

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MILLISECOND_NS = 1_000_000


@dataclass(frozen=True, eq=False)
class Trades:
    """`[n]` trades in order of the venue's time: `times` (ns), `prices`, `quantities` (base), `signs`.

    A sign is +1 where the buyer took the offer and -1 where the seller hit the bid.
    """

    times: I64
    prices: F64
    quantities: F64
    signs: F64

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, eq=False)
class BookFeatures:
    """`[n]` rows, one for each sampled book.

    `spread` over the mid; `imbalance` of the best five levels; `bid_depth` and `ask_depth` (base) within `within` of
    the mid; `flow`, the order flow imbalance at the best quotes since the row before (base); `taken`, buys less sells
    among the trades since then (base).
    """

    times: I64
    mid: F64
    spread: F64
    imbalance: F64
    bid_depth: F64
    ask_depth: F64
    flow: F64
    taken: F64
    within: float


class _Side:
    """One side of a book under change: quantities by price, and the prices in order."""

    def __init__(self, best: int) -> None:
        self.best = best
        self.levels: dict[float, float] = {}
        self.prices: list[float] = []

    def reset(self, levels: list[list[str]]) -> None:
        self.levels = {float(p): float(q) for p, q in levels if float(q) > 0.0}
        self.prices = sorted(self.levels)

    def change(self, levels: list[list[str]]) -> None:
        for text, size in levels:
            price, quantity = float(text), float(size)
            if quantity > 0.0:
                if price not in self.levels:
                    insort(self.prices, price)
                self.levels[price] = quantity
            elif self.levels.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]

    def top(self) -> tuple[float, float]:
        if not self.prices:
            raise refuse("recording", "a side without an order", "a book with both sides")
        price = self.prices[self.best]
        return price, self.levels[price]


@dataclass
class Recording:
    """A recording of one instrument: trades and book changes in the order in which they arrived, and what was odd.

    `counts` has the lines by kind: `depth`, `snapshot`, `trade`, `trade-not-market` (settlements that are no trades),
    `trade-repeated`, `out-of-order` (trades), `other`; and of the changes those `without-book` (the snapshot holds
    them already, or none has come since a gap) and at a `sequence-gap` (one does not follow the one before: the book is
    not known until the next snapshot).
    """

    source: str
    counts: Counter[str]
    events: list[dict[str, Any]]
    trades: Trades

    def books(self, step_ns: int = 1_000_000_000) -> Iterator[tuple[OrderBook, float]]:
        """The last book of every step, with the order flow at the best quotes of all its changes (`order_flow`).

        Changes are applied by the venue's rule: the first after a snapshot must span its number, each later one must
        follow the one before. A step without a change has no book. A best bid at or over the best ask, which a change
        half applied would show, is refused as `DocumentError`: the recording is then not what it says.
        """
        bids, asks = _Side(best=-1), _Side(best=0)
        last: int | None = None
        first = True
        before: tuple[float, float, float, float] | None = None
        slot, time, flow = 0, 0, 0.0
        for event in self.events:
            if "lastUpdateId" in event:
                if time:
                    yield OrderBook.of(time, bids.levels, asks.levels), flow
                bids.reset(event["bids"])
                asks.reset(event["asks"])
                last, first, before, time, flow = int(event["lastUpdateId"]), True, None, 0, 0.0
                continue
            state = _next(event, last, first)
            if state == "gap":
                last, before = None, None
            if state != "follows":
                continue
            stamp = int(event["T"]) * MILLISECOND_NS
            if time and stamp // step_ns != slot:
                yield OrderBook.of(time, bids.levels, asks.levels), flow
                flow = 0.0
            bids.change(event["b"])
            asks.change(event["a"])
            now = (*bids.top(), *asks.top())
            flow += 0.0 if before is None else quote_flow(before, now)
            last, first, before, slot, time = int(event["u"]), False, now, stamp // step_ns, stamp
        if time:
            yield OrderBook.of(time, bids.levels, asks.levels), flow

    def features(self, step_ns: int = 1_000_000_000, *, within: float = 0.001) -> BookFeatures:
        """Features of the last book of every step; a step without a change has no row."""
        rows = [(b.time_ns, b.mid, b.spread, b.imbalance(5), *b.depth(within), flow) for b, flow in self.books(step_ns)]
        if not rows:
            raise refuse("recording", "no book that is known", "a snapshot and changes that follow it", self.source)
        times = np.array([int(r[0]) for r in rows], dtype=np.int64)
        signed = self.trades.signs * self.trades.quantities
        upto = np.concatenate([[0.0], np.cumsum(signed)])[np.searchsorted(self.trades.times, times, side="right")]
        columns = [np.array([r[j] for r in rows]) for j in range(1, 7)]
        return BookFeatures(
            times=times,
            mid=columns[0],
            spread=columns[1],
            imbalance=columns[2],
            bid_depth=columns[3],
            ask_depth=columns[4],
            flow=columns[5],
            taken=np.diff(upto, prepend=upto[0]),
            within=within,
        )


def read_recording(path: str | Path) -> Recording:
    """A recording of Binance USD-M futures: lines of `<local ns> <json>` with depth changes, trades and snapshots.

    Instants are the venue's (`T`), not those at which the recorder got them. Raises `DocumentError` with the line for
    what cannot be read; what is odd but known is counted.
    """
    source = str(path)
    with reading(path, "a recording, gzip or plain"):
        raw = Path(path).read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    counts: Counter[str] = Counter()
    events: list[dict[str, Any]] = []
    rows: list[tuple[int, float, float, float, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            content = json.loads(line.partition(b" ")[2])
            data = content.get("data", content)
            if "lastUpdateId" in data:
                counts["snapshot"] += 1
                events.insert(_place(events, int(data["lastUpdateId"])), data)
            elif data.get("e") == "depthUpdate":
                counts["depth"] += 1
                events.append({key: data[key] for key in ("U", "u", "pu", "T", "b", "a")})
            elif data.get("e") == "trade" and data.get("X", "MARKET") == "MARKET":
                counts["trade"] += 1
                rows.append(
                    (
                        int(data["T"]) * MILLISECOND_NS,
                        float(data["p"]),
                        float(data["q"]),
                        -1.0 if data["m"] else 1.0,
                        int(data["t"]),
                    )
                )
            else:
                counts["trade-not-market" if data.get("e") == "trade" else "other"] += 1
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            allowed = "local nanoseconds, a blank and a message of the venue"
            raise refuse(f"lines[{number}]", f"{type(error).__name__}: {error}", allowed, source) from None
    _count(events, counts)
    return Recording(source, counts, events, _trades(rows, counts))


def _place(events: list[dict[str, Any]], number: int) -> int:
    """Where a snapshot belongs: it comes late, so the changes after its number already stand before it."""
    place = len(events)
    while place and "u" in events[place - 1] and int(events[place - 1]["u"]) >= number:
        place -= 1
    return place


def _next(event: dict[str, Any], last: int | None, first: bool) -> Literal["old", "gap", "follows"]:
    """How a change stands to the book that has seen number `last`; `first` after a snapshot."""
    if last is None or int(event["u"]) < last:
        return "old"
    follows = int(event["U"]) <= last <= int(event["u"]) if first else int(event["pu"]) == last
    return "follows" if follows else "gap"


def _count(events: list[dict[str, Any]], counts: Counter[str]) -> None:
    last: int | None = None
    first = True
    for event in events:
        if "lastUpdateId" in event:
            last, first = int(event["lastUpdateId"]), True
            continue
        state = _next(event, last, first)
        if state == "follows":
            last, first = int(event["u"]), False
        else:
            counts["without-book" if state == "old" else "sequence-gap"] += 1
            last = last if state == "old" else None


def _trades(rows: list[tuple[int, float, float, float, int]], counts: Counter[str]) -> Trades:
    numbers = [r[4] for r in rows]
    once = {r[4]: r for r in rows}
    counts["trade-repeated"] += len(rows) - len(once)
    counts["out-of-order"] += sum(b < a for a, b in pairwise(numbers))
    table = np.array([once[n][:4] for n in sorted(once)], dtype=float).reshape(-1, 4)
    times = np.array([once[n][0] for n in sorted(once)], dtype=np.int64)
    return Trades(times, table[:, 1], table[:, 2], table[:, 3])
