"""Scenario columns at the barriers of a book.

A table of moves steps over the places where a knock-out option is worth most, so a book that has sold one would be
charged for everything but its worst case. The house models look there too (docs/decisions/016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from plimsoll.margin.book import Book
from plimsoll.margin.parts.delta import held_of
from plimsoll.risk.exotics import barrier_moves
from plimsoll.scenarios import Scenarios, VolRule


def held_moves(book: Book, underlying: str, low: float, high: float) -> dict[float, str]:
    """The moves of `barrier_moves` between `low` and `high` for what is held of this underlying."""
    if not book.plan.exotic.any():
        return {}
    rows = np.flatnonzero(held_of(book, underlying) & book.plan.exotic)
    return {x: where for x, where in barrier_moves(book.plan, rows).items() if low < x < high}


def at_barriers(moves: Mapping[float, str], vols: Sequence[float], rule: VolRule) -> Scenarios:
    """Every move with every volatility shock, of weight one; volatility runs fastest.

    Their names hold the level of the barrier and not the move, which changes with the index.
    """
    pairs = [(x, v) for x in moves for v in vols]
    return Scenarios.build(
        [1.0 + x for x, _ in pairs],
        [v for _, v in pairs],
        vol_rule=rule,
        labels=[f"{moves[x]} iv {100 * v:+.4g}%" for x, v in pairs],
    )
