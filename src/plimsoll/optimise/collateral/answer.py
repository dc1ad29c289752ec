"""What a placement of collateral found: balances, moves in order, what binds and what more is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.margin.account import Account
from plimsoll.margin.requirement import Requirement
from plimsoll.optimise.answer import Kept
from plimsoll.optimise.collateral.moves import Order


@dataclass(frozen=True)
class Balance:
    """One asset in one place: `now` and `after` in the asset, less loans; `counts` (now, after) US dollars that it adds
    to the room of its account beside none of it, `None` for a wallet and for what stays as it is.

    `cost` is US dollars a year after the moves: what is forgone, or interest; `cost_now` the same before them. `beyond`
    is what one more dollar of it would count for.
    """

    place: str
    asset: str
    now: float
    after: float
    counts: tuple[float, float] | None
    cost: float
    beyond: float | None
    cost_now: float = 0.0


@dataclass(frozen=True)
class Worth:
    """What the objective would be lower by, in US dollars, with one more of an asset in a place."""

    place: str
    asset: str
    usd: float


@dataclass(frozen=True, eq=False)
class AccountChange:
    """Requirements before and after under the exact engine; `room` is `equity - (1 + buffer) initial - floor` before
    and after, US dollars, `rate` the dollars of the currency of its margin, `refused` the assets that could not be
    moved, with the reason; `account` is the account after.
    """

    name: str
    account: Account
    before: Requirement
    after: Requirement
    room: tuple[float, float]
    rate: float
    refused: dict[str, str]


@dataclass(frozen=True, eq=False)
class CollateralAnswer:
    """The cheapest collateral.

    `status`: `optimal`, `stopped`, `no saving` (the start is kept), `repaired` (the start broke a limit, the answer
    keeps all) `short` (the start breaks one and no order of moves was found: the start is kept) or `refused` (riskier
    when it was checked again: the start is kept). `before` and
    `after` are US dollars over the days that the state is kept: what is forgone, interest, and what moving costs once,
    less `worth` times the room. `bound` is what no placement can be below, `gap` relative to it.
    """

    status: str
    days: float
    before: float
    after: float
    bound: float | None
    gap: float | None
    once: float
    accounts: tuple[AccountChange, ...]
    balances: tuple[Balance, ...]
    order: Order
    limits: tuple[Kept, ...]
    worth: tuple[Worth, ...]
    route: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def saving(self) -> float:
        """What the objective is lower by, US dollars; below zero where the start broke a limit and keeping it costs."""
        return self.before - self.after

    @property
    def yearly(self) -> tuple[float, float]:
        """US dollars a year that the state costs, before and after, moves left out."""
        year = 365.0 / self.days
        return self.before * year, (self.after - self.once) * year

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "status": self.status,
            "days": self.days,
            "objective": {"before": self.before, "after": self.after, "saving": self.saving, "moving": self.once},
            "bound": self.bound,
            "gap": self.gap,
            "accounts": [
                {
                    "name": a.name,
                    "room": {"before": a.room[0], "after": a.room[1]},
                    "usd_of_currency": a.rate,
                    "refused": a.refused,
                    "account": a.account.to_dict(),
                    "before": a.before.to_dict(),
                    "after": a.after.to_dict(),
                }
                for a in self.accounts
            ],
            "balances": [
                vars(b) | {"counts": None if b.counts is None else {"before": b.counts[0], "after": b.counts[1]}}
                for b in self.balances
            ],
            "moves": {
                "complete": self.order.complete,
                "slices": self.order.slices,
                "steps": [vars(m) for m in self.order.moves],
            },
            "limits": [vars(k) for k in self.limits],
            "worth_of_one_more": [vars(w) for w in self.worth],
            "route": list(self.route),
            "notes": list(self.notes),
        }
