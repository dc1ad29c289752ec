"""An order book as it was recorded: a snapshot and the changes after it, read back at any second."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

Levels = tuple[tuple[float, float], ...]
FILE = "orderbook/binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz"


@dataclass(frozen=True)
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
        left, cost = coins, 0.0
        for price, quantity in self.asks if buy else self.bids:
            taken = min(left, quantity)
            cost += taken * abs(price - self.mid)
            left -= taken
            if left <= 0.0:
                return cost
        return float("nan")


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
