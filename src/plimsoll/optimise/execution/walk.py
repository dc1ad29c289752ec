"""A schedule walked trade by trade under the exact rules: where each leaves its account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plimsoll.margin.account import Account
from plimsoll.optimise.desk import Desk, Place
from plimsoll.risk.plan import F64

PARTS = (1, 2, 4, 8)
"""Into how many parts the trades of a slice are cut, one after the other, where no order of whole ones will do."""


@dataclass(frozen=True)
class Fill:
    """One trade of a slice: signed `quantity` contracts, `cost` US dollars, `initial` margin and `excess` of net equity
    over it afterwards, in the currency of the margin."""

    slice: int
    book: str
    instrument: str
    quantity: float
    cost: float
    initial: float
    excess: float


@dataclass(frozen=True, eq=False)
class Walked:
    """`fills` in order. `short[K]` by how much the account was ever below its line during a slice (zero: never) and
    `after[K]` its excess at the end of the slice, in the currency of the margin."""

    fills: tuple[Fill, ...]
    short: F64
    after: F64


def walk(desk: Desk, trades: F64, costs: F64) -> Walked:
    """The only book of a desk through `trades[K, N]` contracts that cost `costs[K, N]` US dollars.

    Within a slice the trade that the form says leaves least margin comes first; what the exact engine finds below the
    line waits for the others. The line is the initial margin, or what the account lacked of it at the start.
    """
    (place,) = desk.places
    account = place.holding.account
    start = place.holding.model.requirement(account, desk.market)
    floor = min(0.0, start.excess_initial) - 1e-9 * max(1.0, abs(start.net_equity), start.initial)
    done, fills = place.quantity.copy(), list[Fill]()
    short, after = np.zeros(len(trades)), np.zeros(len(trades))
    excess = start.excess_initial
    for k in range(len(trades)):
        best: tuple[float, list[Fill], Account] | None = None
        for parts in PARTS:
            found, end, lowest = _slice(desk, place, account, done, k, trades[k], costs[k], parts, floor)
            if best is None or lowest > best[0]:
                best = (lowest, found, end)
            if lowest >= floor or np.count_nonzero(trades[k]) < 2:
                break
        assert best is not None
        lowest, found, account = best
        short[k] = max(0.0, floor - lowest)
        fills += found
        done = done + trades[k]
        excess = found[-1].excess if found else excess
        after[k] = excess
    return Walked(tuple(fills), short, after)


def _slice(
    desk: Desk, place: Place, account: Account, held: F64, k: int, trade: F64, cost: F64, parts: int, floor: float
) -> tuple[list[Fill], Account, float]:
    """Its fills, the account after them, and the lowest excess on the way (infinite where nothing is traded)."""
    left = [(i, part) for part in range(parts) for i in np.flatnonzero(trade).tolist()]
    held, fills, lowest = held.copy(), list[Fill](), float("inf")
    while left:
        rows: Sequence[tuple[int, int]] = sorted(
            set(left), key=lambda one: (one[1], _margin(place, held, one[0], trade))
        )
        tried: tuple[Fill, Account, tuple[int, int]] | None = None
        seen = set[int]()
        for one in rows:
            i = one[0]
            if i in seen:
                continue
            seen.add(i)
            size, paid = float(trade[i]) / parts, float(cost[i]) / parts
            moved = desk.filled(place, account, i, size, paid)
            found = place.holding.model.requirement(moved, desk.market)
            fill = Fill(k, place.name, place.names[i], size, paid, found.initial, found.excess_initial)
            if tried is None or fill.excess > tried[0].excess:
                tried = (fill, moved, one)
            if fill.excess >= floor:
                tried = (fill, moved, one)
                break
        assert tried is not None
        fill, account, one = tried
        lowest = min(lowest, fill.excess)
        held[one[0]] += fill.quantity
        fills.append(fill)
        left.remove(one)
    return fills, account, lowest


def _margin(place: Place, held: F64, i: int, trade: F64) -> float:
    moved = held.copy()
    moved[i] += trade[i]
    return place.form.at(moved)
