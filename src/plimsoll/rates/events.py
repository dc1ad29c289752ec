"""Between two bars: what makes a venue publish a rate at once, found in minutes and order books, or told by a file.

A *move* is a minute whose close is `move` sigmas of a whole bar away from the price at the last bar's end; the next one
of the same bar needs as much again (2 `move`, 3 `move`, ...). A *depth* event is an order book whose depth near the
middle is less than the part `collapse` of the median of the books before it. *Told* events stand in a document, with a
price or with the part of the usual depth that is left.

The rate of an event is the one that would be published if the bar ended at that instant; it is never below that of the
last bar. So nothing later than an event is in it, and without events every rate is what it was. How many sigmas make an
event and how much depth has to be gone are assumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Part, Positive, format_instant, refuse
from plimsoll.documents.instants import Instant
from plimsoll.market.history import History, instant_ns, instant_of
from plimsoll.rates.depth import in_order

if TYPE_CHECKING:
    from plimsoll.market.order_book import OrderBook

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
EventCause = Literal["move", "depth", "told"]
Left = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)]
Words = Annotated[str, Field(min_length=1, max_length=200)]


class EventRule(Part):
    """What counts as an event. `move` is in sigmas of a whole bar, `collapse` the part of the median depth under which
    a book's depth has collapsed, `books` how many books before it make that median; without `move` or `collapse` there
    are no such events."""

    move: Positive | None = 4.0
    collapse: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)] | None = 0.25
    books: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 5


class EventAt(Part):
    """Something that happened: `price` in USD where it moved one, `depth` the part of the usual volume and depth that
    is left until the next bar, `reason` in words."""

    time: Instant
    reason: Words
    price: Positive | None = None
    depth: Left = 1.0


class RateEvents(Document):
    """Events of each asset, in order of time."""

    SCHEMA: ClassVar[str] = "plimsoll.rate-events"

    events: dict[Asset, Annotated[tuple[EventAt, ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        in_order("events", {asset: [at.time for at in found] for asset, found in self.events.items()})
        return self

    def of(self, asset: str) -> tuple[Event, ...]:
        """Those of one asset, none where it has none."""
        return tuple(
            Event(instant_ns(e.time, "time"), "told", e.reason, e.price, e.depth) for e in self.events.get(asset, ())
        )


@dataclass(frozen=True)
class Event:
    """At `time` (ns, UTC): the `price` in USD that it is about (None: the last close stands), the part of volume and
    `depth` that is left, and the cause in a word and in words."""

    time: int
    cause: EventCause
    reason: str
    price: float | None = None
    depth: float = 1.0


def moves(rule: EventRule, times: I64, closes: F64, sigma: F64, minutes: History) -> list[Event]:
    """Events in the minutes of one asset. `closes[T]` (USD) and `sigma[T]` (of a bar) are those known at the ends of
    bars `times[T]`; NaN where there is none.

    A minute that ends with a bar is the bar's, and one later than a bar's length after the last is nobody's. Prices
    are those of the bars moved by as much as the minutes moved since the bar's end, so that a basis between the two
    sources counts for nothing. Raises `DocumentError` for minutes no shorter than the bars.
    """
    if rule.move is None or not len(minutes):
        return []
    step = int(np.median(np.diff(times)))
    if not minutes.step_ns < step:
        raise refuse("minutes.step_ns", minutes.step_ns, f"shorter than a bar ({step} ns)")
    at, price = minutes.times, minutes.values[:, 0]
    known = _filled(closes)
    bar = np.searchsorted(times, at, side="right") - 1
    inside = (bar >= 0) & np.isfinite(price)
    inside[inside] = (at[inside] > times[bar[inside]]) & (at[inside] < times[bar[inside]] + step)
    base = _at_ends(times, at, price, step)
    with np.errstate(invalid="ignore"):
        moved = np.log(price[inside] / np.where(np.isfinite(base), base, known)[bar[inside]])
        level = np.floor(np.abs(moved) / (rule.move * sigma[bar[inside]]))
    found: list[Event] = []
    reached, of_bar = 0.0, -1
    rows, bars = np.flatnonzero(inside), bar[inside]
    for k in np.flatnonzero(level >= 1.0).tolist():
        if bars[k] != of_bar:
            reached, of_bar = 0.0, int(bars[k])
        if level[k] > reached and math.isfinite(known[of_bar]):
            reached = float(level[k])
            sigmas = abs(float(moved[k])) / float(sigma[of_bar])
            when = format_instant(instant_of(int(times[of_bar])))
            reason = f"price {math.expm1(float(moved[k])):+.2%} since {when}, {sigmas:.1f} sigmas of a bar"
            found.append(Event(int(at[rows[k]]), "move", reason, float(known[of_bar] * np.exp(moved[k]))))
    return found


def collapses(rule: EventRule, within: float, books: Sequence[OrderBook]) -> list[Event]:
    """Events in order books, in order of time: less than `collapse` of the median depth of the `books` before.

    Depth is that of the thinner side up to `within` of the middle, in coins. A book that is thin after a thin one is
    no new event.
    """
    found: list[Event] = []
    if rule.collapse is None:
        return found
    depth = [min(b.depth(within)) for b in books]
    thin = False
    for k in range(rule.books, len(books)):
        usual = float(np.median(depth[k - rule.books : k]))
        was, thin = thin, depth[k] < rule.collapse * usual
        if thin and not was:
            reason = f"depth within {within:.2%} is {depth[k] / usual:.0%} of that of the {rule.books} books before"
            found.append(Event(books[k].time_ns, "depth", reason))
    return found


def merged(events: Iterable[Event]) -> list[Event]:
    """In order of time; those of one instant are one: the last price, the least depth, all reasons."""
    found: dict[int, Event] = {}
    for one in sorted(events, key=lambda e: e.time):
        held = found.get(one.time)
        if held is not None:
            reason = held.reason if one.reason == held.reason else f"{held.reason}; {one.reason}"
            price = held.price if one.price is None else one.price
            one = Event(one.time, held.cause, reason, price, min(held.depth, one.depth))
        found[one.time] = one
    return list(found.values())


def _filled(closes: F64) -> F64:
    """The newest close at each bar; NaN before the first."""
    row = np.maximum.accumulate(np.where(np.isfinite(closes), np.arange(closes.size), -1))
    return np.where(row >= 0, closes[np.maximum(row, 0)], np.nan)


def _at_ends(times: I64, at: I64, price: F64, step: int) -> F64:
    """The newest minute's price at the end of each bar, NaN where the newest is older than a bar."""
    there = np.isfinite(price)
    at, price = at[there], price[there]
    if not at.size:
        return np.full(times.size, np.nan)
    row = np.searchsorted(at, times, side="right") - 1
    fresh = (row >= 0) & (times - at[np.maximum(row, 0)] < step)
    return np.where(fresh, price[np.maximum(row, 0)], np.nan)
