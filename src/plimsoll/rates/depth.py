"""Real order books in rates: what closing a tier costs by its levels, and how much its depth lets out in a day.

A book counts from its own time on, for `SizeRule.book_days`, until the next one; before the first and after the last
has grown old, closing costs by the square-root law alone. So nothing later than a time is in its rate. Of its levels
those within `SizeRule.within` of the middle count, and the best one wherever it is: a real book has orders at a tenth
of the price, which nobody who has a day to close would sell into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Part, Positive, fault, refuse
from plimsoll.documents.instants import Instant
from plimsoll.margin.addons.liquidity import Closing
from plimsoll.market.history import DAY_NS, instant_ns
from plimsoll.market.order_book import OrderBook

if TYPE_CHECKING:
    from plimsoll.rates.size import SizeRule

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Level = tuple[Positive, Positive]
Side = Annotated[tuple[Level, ...], Field(min_length=1)]


def in_order(field: str, times: Mapping[str, Sequence[datetime]]) -> None:
    """For validators of documents with a list of instants for each asset: they rise, or the fault is raised."""
    for asset, found in times.items():
        for n, (one, two) in enumerate(pairwise(found)):
            if not one < two:
                raise fault(f"{field}.{asset}[{n + 1}].time", str(two), f"a time after {one}")


class BookAt(Part):
    """Resting orders at `time`: (price in USD, coins), best first."""

    time: Instant
    bids: Side
    asks: Side


class RateBooks(Document):
    """Order books of each asset, in order of time."""

    SCHEMA: ClassVar[str] = "plimsoll.rate-books"

    books: dict[Asset, Annotated[tuple[BookAt, ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        in_order("books", {asset: [at.time for at in found] for asset, found in self.books.items()})
        return self

    def of(self, asset: str) -> tuple[OrderBook, ...]:
        """Those of one asset, none where it has none. Raises `DocumentError` for levels that are no book."""
        return tuple(
            OrderBook(instant_ns(b.time, "time"), np.array(b.bids, dtype=float), np.array(b.asks, dtype=float))
            for b in self.books.get(asset, ())
        )


def near_depth(book: OrderBook, within: float = 0.01) -> float:
    """USD on the thinner side up to `within` of the middle, or as far as the book goes: at least so much is there.

    >>> near_depth(OrderBook.of(0, {99.5: 3.0, 90.0: 50.0}, {100.5: 4.0}))
    300.0
    """
    return min(book.depth(within)) * book.mid


@dataclass(frozen=True, eq=False)
class KnownBooks:
    """Which book is known at each time: `row[T]` into `books`, -1 where none is."""

    books: tuple[OrderBook, ...]
    row: I64

    @classmethod
    def at(cls, rule: SizeRule, books: Sequence[OrderBook], times: I64) -> KnownBooks:
        """Raises `DocumentError` where the times of the books do not rise."""
        known = np.array([b.time_ns for b in books], dtype=np.int64)
        if (np.diff(known) <= 0).any():
            raise refuse("books", "times that do not rise", "each book after the one before it")
        row = np.searchsorted(known, times, side="right").astype(np.int64) - 1
        if known.size:
            row[times - known[np.maximum(row, 0)] > rule.book_days * DAY_NS] = -1
        return cls(tuple(books), row)

    def volume(self, rule: SizeRule, volume: F64) -> F64:
        """`[T]` USD a day: `volume`, or less where the stressed depth within `within` of the thinner side, which comes
        back `refills` times a day, is all that a close can take at `participation`. A book that does not reach so far
        says nothing: beyond its last level depth is not known, and not zero. Where it has none within `within` a
        millionth of the volume is left, so that the period is as long as any."""
        found = volume.copy()
        for n, book in enumerate(self.books):
            if min(book.reach()) >= rule.within:
                depth = min(book.depth(rule.within)) * book.mid * (1.0 - rule.stress)
                here = self.row == n
                out = np.maximum(depth * rule.refills / rule.participation, 1e-6 * found[here])
                found[here] = np.minimum(found[here], out)
        return found

    def closings(self, rule: SizeRule, k: int, volume: float, daily: float) -> list[Closing]:
        """Closing a long and a short at time `k`, USD of notional for coins; one, the law's, without a book."""
        row = int(self.row[k])
        free = rule.free * volume
        if row < 0:
            return [Closing(1.0, _NONE, _NONE, volume, daily, rule.impact, free)]
        book = self.books[row]
        return [
            Closing(
                1.0,
                np.cumsum(near[:, 1]) * book.mid * (1.0 - rule.stress),
                np.abs(near[:, 0] / book.mid - 1.0),
                volume,
                daily,
                rule.impact,
                free,
            )
            for near in (_near(side, book.mid, rule.within) for side in (book.bids, book.asks))
        ]


def _near(side: F64, mid: float, within: float) -> F64:
    """The levels up to `within` of the middle, and at least the best."""
    return side[: max(1, int((np.abs(side[:, 0] / mid - 1.0) <= within + 1e-12).sum()))]


_NONE = np.array([], dtype=np.float64)
