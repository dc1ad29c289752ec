"""Trades in an order in which no step leaves an account short of margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.margin.account import Account
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.measure import Trades
from plimsoll.risk.plan import F64

SLICES = (1, 2, 4, 8, 16)
"""Parts into which trades are cut, one after the other, where no order of the whole ones will do."""


@dataclass(frozen=True)
class Step:
    """One trade and where it leaves its account, under the exact rules, in the currency of its margin.

    `quantity` contracts, bought above zero; `cost` US dollars against the mark; `initial` margin; `excess` of net
    equity over it.
    """

    book: str
    instrument: str
    quantity: float
    cost: float
    initial: float
    excess: float


@dataclass(frozen=True)
class Ticket:
    """Steps in order. `complete` is false where no order was found that keeps every account above the line: the steps
    are then those until there. `slices` is into how many parts trades were cut.
    """

    steps: tuple[Step, ...]
    complete: bool
    slices: int


def make_ticket(desk: Desk, trades: Trades) -> Ticket:
    """Order trades so that after each of them the account has initial margin, or no less above it than at the start
    where that was already below.

    In one book, in front stands what the form says leaves least margin; in several, what leaves the deltas of the desk
    least astray. What the exact engine then refuses waits for the others.
    """
    for slices in SLICES:
        steps, done = _ordered(desk, trades, slices)
        if done:
            return Ticket(tuple(steps), True, slices)
    return Ticket(tuple(steps), False, SLICES[-1])


@dataclass
class _Book:
    """One account on its way."""

    place: Place
    account: Account
    done: F64
    floor: float


Part = tuple[int, int, float]
"""Number of the book, of the contract in it, and signed contracts."""


def _ordered(desk: Desk, trades: Trades, slices: int) -> tuple[list[Step], bool]:
    books, left = list[_Book](), list[Part]()
    for k, (place, wanted) in enumerate(zip(desk.places, trades, strict=True)):
        start = place.holding.model.requirement(place.holding.account, desk.market)
        floor = min(0.0, start.excess_initial) - 1e-9 * max(1.0, abs(start.net_equity), start.initial)
        books.append(_Book(place, place.holding.account, np.zeros_like(wanted), floor))
        left += [(k, int(i), q) for i in np.flatnonzero(wanted) for q in slices_of(place, int(i), wanted[i], slices)]
    astray, steps = dict[str, float](), list[Step]()
    several = len({k for k, _, _ in left}) > 1

    def rank(at: int) -> tuple[float, float, int]:
        k, i, quantity = left[at]
        strays = _astray(desk, books[k], astray, i, quantity) if several else {}
        return sum(abs(v) for v in strays.values()), _form(books[k], i, quantity), at

    while left:
        tried = set[Part]()
        for at in sorted(range(len(left)), key=rank):
            k, i, quantity = left[at]
            if left[at] in tried:
                continue
            tried.add(left[at])
            step, after = _step(desk, books[k], i, quantity)
            if step.excess >= books[k].floor:
                break
        else:
            return steps, False
        astray = _astray(desk, books[k], astray, i, quantity)
        books[k].done[i] += quantity
        books[k].account = after
        steps.append(step)
        del left[at]
    return steps, True


def _astray(desk: Desk, book: _Book, astray: dict[str, float], i: int, quantity: float) -> dict[str, float]:
    """Dollar deltas of the desk away from the start after one more trade, in whole cents: rounding is no stray."""
    e = book.place.exposures
    coin = e.plan.contracts[i].underlying
    moved = float(e.delta[i]) * quantity * desk.spot(coin)
    return astray | {coin: round(astray.get(coin, 0.0) + moved, 2)}


def _form(book: _Book, i: int, quantity: float) -> float:
    moved = book.place.quantity + book.done
    moved[i] += quantity
    return book.place.form.at(moved)


def _step(desk: Desk, book: _Book, i: int, quantity: float) -> tuple[Step, Account]:
    place, total = book.place, book.done.copy()
    before = float(place.cost(total)[i])
    total[i] += quantity
    cost = float(place.cost(total)[i]) - before
    after = desk.filled(place, book.account, i, quantity, cost)
    found = place.holding.model.requirement(after, desk.market)
    step = Step(place.name, place.names[i], quantity, cost, found.initial, found.excess_initial)
    return step, after


def slices_of(place: Place, i: int, quantity: float, slices: int) -> list[float]:
    """`quantity` in at most `slices` parts, in whole lots where there are lots."""
    lot = float(place.lots[i])
    if slices == 1:
        return [float(quantity)]
    if not lot:
        return [float(quantity) / slices] * slices
    whole = round(abs(float(quantity)) / lot)
    sizes = [whole // slices + (k < whole % slices) for k in range(slices)]
    return [float(np.sign(quantity)) * s * lot for s in sizes if s]
