"""Scenario columns at the barriers of a book.

A table of moves steps over the place where a knock-out option is worth most, just before its barrier, so a book that
has sold one would be charged for everything but its worst case. The house models look there too (docs/decisions/016).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.book import Book
from plimsoll.margin.house.delta import held_of
from plimsoll.risk.exotics import barrier_edges
from plimsoll.scenarios import Scenarios, VolRule, percent

F64 = npt.NDArray[np.float64]


def held_edges(book: Book, underlying: str, low: float, high: float) -> F64:
    """Relative index moves from `low` to `high` that lie just before or just beyond a barrier of this underlying."""
    if not book.plan.exotic.any():
        return np.zeros(0)
    edges = barrier_edges(book.plan, np.flatnonzero(held_of(book, underlying) & book.plan.exotic))
    return edges[(edges > low) & (edges < high)]


def at_barriers(edges: F64, vols: list[float], rule: VolRule) -> Scenarios:
    """Every edge with every volatility shock, of weight one; volatility runs fastest."""
    pairs = [(float(x), v) for x in edges for v in vols]
    return Scenarios.build(
        [1.0 + x for x, _ in pairs],
        [v for _, v in pairs],
        vol_rule=rule,
        labels=[f"{percent(1.0 + x)} iv {100 * v:+.4g}% {_place(i // len(vols))}" for i, (x, v) in enumerate(pairs)],
    )


def _place(edge: int) -> str:
    # the edges come in pairs, one to each side of a barrier
    return f"on side {edge % 2 + 1} of barrier {edge // 2 + 1}"
