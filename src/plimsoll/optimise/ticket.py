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

    In front stands what the form says leaves least margin; what the exact engine then refuses waits for the others.
    """
    steps: list[Step] = []
    complete, slices = True, 1
    for place, wanted in zip(desk.places, trades, strict=True):
        found: list[Step] = []
        for slices_here in SLICES:
            found, done = _ordered(desk, place, wanted, slices_here)
            slices = max(slices, slices_here)
            if done:
                break
        else:
            complete = False
        steps += found
    return Ticket(tuple(steps), complete, slices)


def _ordered(desk: Desk, place: Place, wanted: F64, slices: int) -> tuple[list[Step], bool]:
    account = place.holding.account
    start = place.holding.model.requirement(account, desk.market)
    floor = min(0.0, start.excess_initial) - 1e-9 * max(1.0, abs(start.net_equity), start.initial)
    left = [(int(i), part) for i in np.flatnonzero(wanted) for part in _parts(place, int(i), wanted[i], slices)]
    done, steps = np.zeros_like(wanted), list[Step]()
    while left:
        held = place.quantity + done
        tried = set[tuple[int, float]]()
        for k in sorted(range(len(left)), key=lambda k: (_form(place, held, *left[k]), k)):
            if left[k] in tried:
                continue
            tried.add(left[k])
            step, after = _step(desk, place, account, done, *left[k])
            if step.excess >= floor:
                break
        else:
            return steps, False
        done[left[k][0]] += left[k][1]
        account = after
        steps.append(step)
        del left[k]
    return steps, True


def _form(place: Place, held: F64, i: int, quantity: float) -> float:
    moved = held.copy()
    moved[i] += quantity
    return place.form.at(moved)


def _step(desk: Desk, place: Place, account: Account, done: F64, i: int, quantity: float) -> tuple[Step, Account]:
    total = done.copy()
    before = float(place.cost(total)[i])
    total[i] += quantity
    cost = float(place.cost(total)[i]) - before
    after = desk.filled(place, account, i, quantity, cost)
    found = place.holding.model.requirement(after, desk.market)
    step = Step(place.name, place.names[i], quantity, cost, found.initial, found.excess_initial)
    return step, after


def _parts(place: Place, i: int, quantity: float, slices: int) -> list[float]:
    """`quantity` in at most `slices` parts, in whole lots where there are lots."""
    lot = float(place.lots[i])
    if slices == 1:
        return [float(quantity)]
    if not lot:
        return [float(quantity) / slices] * slices
    whole = round(abs(float(quantity)) / lot)
    sizes = [whole // slices + (k < whole % slices) for k in range(slices)]
    return [float(np.sign(quantity)) * s * lot for s in sizes if s]
