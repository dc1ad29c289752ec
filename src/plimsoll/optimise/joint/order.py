"""Trades and moves of collateral in one order in which no account falls below its line."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.margin.account import Account
from plimsoll.optimise.collateral.moves import (
    SLICES,
    Move,
    Wanted,
    ends_of,
    is_there,
    parts_of,
    tidy,
    told,
    transferred,
)
from plimsoll.optimise.collateral.posted import exact_room, with_balances
from plimsoll.optimise.joint.plan import Plan, net_of
from plimsoll.optimise.joint.rows import Coupled
from plimsoll.optimise.ticket import Step, slices_of
from plimsoll.risk.plan import F64

Trade = tuple[int, int, float]
"""Number of the account, of the contract in it, and signed contracts."""


@dataclass(frozen=True)
class Steps:
    """Trades and moves in order. `complete` is false where none keeps every account above its line: they are then those
    until there. `slices` is into how many parts they were cut.
    """

    steps: tuple[Step | Move, ...]
    complete: bool
    slices: int


@dataclass(eq=False)
class _Desk:
    """Everything on its way."""

    c: Coupled
    accounts: list[Account]
    done: list[F64]
    line: list[float]
    wallets: list[dict[str, float]]
    astray: dict[str, float] = field(default_factory=dict)

    def held(self) -> list[dict[str, float]]:
        return [
            *(dict(w) for w in self.wallets),
            *(net_of(a, p.owed) for a, p in zip(self.accounts, self.c.treasury.accounts, strict=True)),
        ]

    def room(self, k: int, account: Account) -> float:
        """`equity - initial` under the exact rules, US dollars."""
        return exact_room(self.c.desk.places[k].holding.model, account, self.c.desk.market, 0.0)

    def moved(self, m: Wanted) -> Move | None:
        """Make a move if it can be made now."""
        t, first = self.c.treasury, self.c.first
        before = self.held()
        after = self.held()
        transferred(t, after, m)
        if not is_there(t, before, after, m):
            return None
        accounts, rooms = list(self.accounts), list[float | None]()
        for n in ends_of(m):
            if n < first:
                rooms.append(None)
                continue
            k = n - first
            accounts[k] = with_balances(self.accounts[k], tidy(t, after[n]), t.accounts[k].beside, t.accounts[k].owed)
            rooms.append(self.room(k, accounts[k]))
        sender = ends_of(m)[0] - first
        left = rooms[0]
        if sender >= 0 and (left is None or left < self.line[sender]):
            return None
        self.accounts, self.wallets = accounts, after[:first]
        return told(t, m, rooms)

    def traded(self, trade: Trade) -> Step | None:
        """Make a trade if it can be made now."""
        k, i, quantity = trade
        place = self.c.desk.places[k]
        after = self.done[k].copy()
        after[i] += quantity
        cost = float(place.cost(after)[i] - place.cost(self.done[k])[i])
        account = self.c.desk.filled(place, self.accounts[k], i, quantity, cost)
        found = place.holding.model.requirement(account, self.c.desk.market)
        if found.excess_initial * place.rate < self.line[k]:
            return None
        self.astray = self.strays(trade)
        self.accounts[k], self.done[k] = account, after
        return Step(place.name, place.names[i], quantity, cost, found.initial, found.excess_initial)

    def strays(self, trade: Trade) -> dict[str, float]:
        """Dollar deltas of the desk away from the start after one more trade, in whole cents."""
        k, i, quantity = trade
        e = self.c.desk.places[k].exposures
        coin = e.plan.contracts[i].underlying
        moved = float(e.delta[i]) * quantity * self.c.desk.spot(coin)
        return self.astray | {coin: round(self.astray.get(coin, 0.0) + moved, 2)}

    def rank(self, part: Trade | Wanted) -> tuple[int, float]:
        """What comes first: swaps and what wallets send, then the trades that leave deltas least astray."""
        if isinstance(part, Wanted):
            early = part.route is None or part.route.source < self.c.first
            return (0 if early else 2, 0.0)
        return (1, sum(abs(x) for x in self.strays(part).values()))


def order_all(plan: Plan) -> Steps:
    """Order the trades and moves of a plan so that after each every account has initial margin, or no less above
    it than at the start where that was below. What the exact engine refuses waits; trades and transfers without a fee
    are cut in parts where whole ones will not do.
    """
    for slices in SLICES:
        steps, complete = _ordered(plan, slices)
        if complete:
            return Steps(tuple(steps), True, slices)
    return Steps(tuple(steps), False, SLICES[-1])


def _ordered(plan: Plan, slices: int) -> tuple[list[Step | Move], bool]:
    c = plan.coupled
    t = c.treasury
    accounts = [p.holding.account for p in c.desk.places]
    line = []
    for p, account in zip(c.desk.places, accounts, strict=True):
        room = exact_room(p.holding.model, account, c.desk.market, 0.0)
        line.append(min(0.0, room) - 1e-6 - 1e-9 * abs(room))
    state = _Desk(
        c, accounts, [np.zeros(len(p.names)) for p in c.desk.places], line, [dict(w.balances) for w in t.wallets]
    )
    left: list[Trade | Wanted] = [part for m in plan.moves for part in parts_of(t, m, slices)]
    for k, (place, y) in enumerate(zip(c.desk.places, plan.trades, strict=True)):
        left += [
            (k, int(i), q) for i in np.flatnonzero(y).tolist() for q in slices_of(place, int(i), float(y[i]), slices)
        ]
    steps: list[Step | Move] = []
    while left:
        tried = set[Trade]()
        for at in sorted(range(len(left)), key=lambda n: (*state.rank(left[n]), n)):
            part = left[at]
            if not isinstance(part, Wanted):
                if part in tried:
                    continue
                tried.add(part)
            try:
                step = state.moved(part) if isinstance(part, Wanted) else state.traded(part)
            except PlimsollError:
                continue
            if step is not None:
                steps.append(step)
                del left[at]
                break
        else:
            return steps, False
    return steps, True
