"""A limit order book at one instant, and what it tells about the cost of getting out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OrderBook:
    """Resting orders: `bids` `[n, 2]` from the highest price down, `asks` `[m, 2]` from the lowest up.

    Columns are price (quote currency) and quantity (base asset), both above zero; the best bid is under the best ask.
    `time_ns` is the venue's own, nanoseconds since 1970 UTC.
    """

    time_ns: int
    bids: F64
    asks: F64

    def __post_init__(self) -> None:
        for name, side, sign in (("bids", self.bids, -1.0), ("asks", self.asks, 1.0)):
            if side.ndim != 2 or side.shape[1] != 2 or not len(side):
                raise refuse(f"book.{name}", f"shape {side.shape}", "shape [n, 2] with one level or more")
            if not (np.isfinite(side).all() and (side > 0.0).all()):
                raise refuse(f"book.{name}", "a level that is none", "prices and quantities above zero")
            if (np.diff(sign * side[:, 0]) <= 0.0).any():
                raise refuse(f"book.{name}", "levels out of order", "best price first, each price once")
        if self.bids[0, 0] >= self.asks[0, 0]:
            raise refuse("book", f"bid {self.bids[0, 0]} at ask {self.asks[0, 0]}", "a best bid under the best ask")

    @classmethod
    def of(cls, time_ns: int, bids: Mapping[float, float], asks: Mapping[float, float]) -> OrderBook:
        """From price to quantity on either side; levels of zero are left out."""
        down = sorted(((p, q) for p, q in bids.items() if q > 0.0), reverse=True)
        up = sorted((p, q) for p, q in asks.items() if q > 0.0)
        return cls(time_ns, np.array(down, dtype=float).reshape(-1, 2), np.array(up, dtype=float).reshape(-1, 2))

    @property
    def mid(self) -> float:
        """The middle of best bid and ask."""
        return float(self.bids[0, 0] + self.asks[0, 0]) / 2.0

    @property
    def spread(self) -> float:
        """Best ask less best bid, over the mid (0.0001 is one basis point)."""
        return float(self.asks[0, 0] - self.bids[0, 0]) / self.mid

    def depth(self, within: float) -> tuple[float, float]:
        """Quantity (base) of bids and of asks whose price is at most `within` (0.01 = 1 %) off the mid."""
        if not (math.isfinite(within) and 0.0 < within < 1.0):
            raise refuse("within", within, "a share of the mid between 0 and 1")
        low, high = self.mid * (1.0 - within), self.mid * (1.0 + within)
        bid = self.bids[self.bids[:, 0] >= low, 1].sum()
        return float(bid), float(self.asks[self.asks[:, 0] <= high, 1].sum())

    def reach(self) -> tuple[float, float]:
        """How far the book goes, as a share of the mid, below and above: depth beyond it is not known, not zero."""
        return 1.0 - float(self.bids[-1, 0]) / self.mid, float(self.asks[-1, 0]) / self.mid - 1.0

    def imbalance(self, levels: int = 1) -> float:
        """(bids - asks) / (bids + asks) by quantity over the best `levels`: 1 all bids, -1 all asks."""
        if levels < 1:
            raise refuse("levels", levels, "a whole number of at least one")
        b, a = float(self.bids[:levels, 1].sum()), float(self.asks[:levels, 1].sum())
        return (b - a) / (b + a)

    def cost(self, quantity: float) -> tuple[float, float]:
        """What selling (`quantity` below zero) or buying it now costs against the mid, quote currency; and the rest.

        `sum |mid - p_j| q_j` over the levels that it takes; the second number is the quantity for which the book has
        no order, whose cost is not in the first.
        """
        if not math.isfinite(quantity):
            raise refuse("quantity", quantity, "a finite number")
        side = self.asks if quantity > 0.0 else self.bids
        left, paid = abs(quantity), 0.0
        taken = np.minimum(side[:, 1], np.maximum(0.0, left - np.concatenate([[0.0], np.cumsum(side[:-1, 1])])))
        paid = float((np.abs(side[:, 0] - self.mid) * taken).sum())
        return paid, max(0.0, left - float(side[:, 1].sum()))


def order_flow(before: OrderBook, after: OrderBook) -> float:
    """Order flow imbalance at the best quotes between two books (base asset), above zero when buyers press.

    ```
    e = [Pb' >= Pb] qb' - [Pb' <= Pb] qb - [Pa' <= Pa] qa' + [Pa' >= Pa] qa
    ```
    Source: Cont, Kukanov, Stoikov (2014). Flows of steps add up over time, those of skipped steps do not.
    """
    return quote_flow(_best(before), _best(after))


def _best(book: OrderBook) -> tuple[float, float, float, float]:
    (bid, bid_size), (ask, ask_size) = book.bids[0].tolist(), book.asks[0].tolist()
    return bid, bid_size, ask, ask_size


def quote_flow(before: tuple[float, float, float, float], after: tuple[float, float, float, float]) -> float:
    """`order_flow` of best quotes alone: bid price and quantity, ask price and quantity, before and after."""
    pb, qb, pa, qa = before
    pb2, qb2, pa2, qa2 = after
    return (pb2 >= pb) * qb2 - (pb2 <= pb) * qb - (pa2 <= pa) * qa2 + (pa2 >= pa) * qa
