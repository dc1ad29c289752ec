"""An order book as it was recorded: a snapshot and the changes after it, read back at any second."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

Levels = tuple[tuple[float, float], ...]
FILE = "orderbook/binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz"


@dataclass(frozen=True, eq=False)
class BookAt:
    """Both sides at an instant, `(price, coins)` best first, and what was traded since the instant before: coins bought
    less coins sold by those who took."""

    seconds: float
    bids: Levels
    asks: Levels
    flow: float

    @property
    def mid(self) -> float:
        """Halfway between the best prices."""
        return 0.5 * (self.bids[0][0] + self.asks[0][0])

    def beside(self, coins: float, *, buy: bool) -> float:
        """USD beside the middle that taking so many coins at once costs; NaN where the book ends before."""
        ends, cost = self._walks[buy]
        return float(np.interp(coins, ends, cost, right=np.nan))

    @cached_property
    def _walks(self) -> tuple[tuple[F64, F64], tuple[F64, F64]]:
        """Of bids and asks: coins and cost up to the end of each level, from nothing."""
        found = []
        for side in (self.bids, self.asks):
            price, coins = np.array(side).T
            cost = np.cumsum(np.abs(price - self.mid) * coins)
            found.append((np.append(0.0, np.cumsum(coins)), np.append(0.0, cost)))
        return found[0], found[1]


def recorded(data: Path, every: float = 1.0) -> list[BookAt]:
    """The book each `every` seconds from the first snapshot on; changes before it are left out."""
    sides: tuple[dict[float, float], dict[float, float]] | None = None
    found: list[BookAt] = []
    last, flow, began, due = 0, 0.0, 0.0, 0.0
    with gzip.open(data / FILE, "rt") as lines:
        for line in lines:
            stamp, _, text = line.partition(" ")
            row = json.loads(text)
            now = int(stamp) / 1e9
            if "lastUpdateId" in row:
                sides = tuple({float(p): float(q) for p, q in row[s]} for s in ("bids", "asks"))  # type: ignore[assignment]
                last, began, due = row["lastUpdateId"], now, now
                continue
            if sides is None:
                continue
            while now >= due:
                found.append(_at(due - began, sides, flow))
                due, flow = due + every, 0.0
            change = row["data"]
            if change["e"] == "trade":
                flow += float(change["q"]) * (-1.0 if change["m"] else 1.0)
            elif change["u"] > last:
                for side, key in zip(sides, ("b", "a"), strict=True):
                    for price, quantity in change[key]:
                        if float(quantity) == 0.0:
                            side.pop(float(price), None)
                        else:
                            side[float(price)] = float(quantity)
    return found


def _at(seconds: float, sides: tuple[dict[float, float], dict[float, float]], flow: float) -> BookAt:
    bids = tuple(sorted(sides[0].items(), reverse=True))
    asks = tuple(sorted(sides[1].items()))
    return BookAt(seconds, bids, asks, flow)
