"""The leverage histogram: gross notional over equity, by bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.live.monitors.block import Block, number

NONE_LEFT = "no equity"


@dataclass(frozen=True)
class Band:
    """Accounts with `least <= leverage < most` (`None`: no end); their notional and equity in USD."""

    least: float
    most: float | None
    accounts: int
    notional: float
    equity: float


@dataclass(frozen=True)
class Leverage:
    """`bands` by their words; accounts that hold something and have no equity are in the band `no equity`. Accounts
    without positions are in none. `total` is the notional of everybody over the equity of everybody."""

    bands: dict[str, Band]
    total: float | None
    median: float | None
    largest: dict[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "bands": {name: dict(vars(b)) for name, b in self.bands.items()},
            "total": self.total,
            "median": self.median,
            "largest": dict(self.largest),
        }


def leverage(block: Block, edges: Sequence[float], worst: int) -> Leverage:
    """The histogram of a block between `edges`, increasing and above zero."""
    gross = block.gross
    holds = (gross > 0.0) & ~np.isnan(block.equity)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(block.equity > 0.0, gross / block.equity, np.inf)
    lows, highs = (0.0, *edges), (*edges, np.inf)
    bands = {}
    for low, high in zip(lows, highs, strict=True):
        mine = holds & (size >= low) & (size < high)
        name = f"{low:g} and more" if high == np.inf else f"{low:g} to {high:g}"
        bands[name] = Band(
            low, number(high), int(mine.sum()), float(gross[mine].sum()), float(block.equity[mine].sum())
        )
    gone = holds & np.isinf(size)
    bands[NONE_LEFT] = Band(0.0, None, int(gone.sum()), float(gross[gone].sum()), float(block.equity[gone].sum()))
    accounts = np.flatnonzero(holds)
    order = accounts[np.lexsort((accounts, -size[accounts]))][:worst]
    equity = float(block.equity[holds].sum())
    sizes = np.sort(size[holds])
    return Leverage(
        bands,
        float(gross[holds].sum()) / equity if equity > 0.0 else None,
        number(float(sizes[(sizes.size - 1) // 2])) if sizes.size else None,
        {block.names[a]: number(float(size[a])) for a in order.tolist()},
    )
