"""What the joint program found: rules, trades and collateral together, with what one after the other comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.margin.account import Account
from plimsoll.margin.requirement import Requirement
from plimsoll.optimise.answer import Kept
from plimsoll.optimise.collateral.answer import Balance, Worth
from plimsoll.optimise.joint.order import Steps
from plimsoll.optimise.ticket import Step


@dataclass(frozen=True, eq=False)
class JointAccount:
    """An account before (under the rules that it is under now) and after, by the exact engine. `room` is
    `equity - (1 + buffer) initial - floor`, US dollars; `trades` signed contracts by instrument, `cost` of them;
    `exact` whether what the program thought of it is what the rules say, and `why` not; `account` is the account after.
    """

    name: str
    account: Account
    before: Requirement
    after: Requirement
    room: tuple[float, float]
    rate: tuple[float, float]
    trades: dict[str, float]
    cost: float
    exact: bool
    why: str


@dataclass(frozen=True, eq=False)
class Combination:
    """One choice of rule sets: what it comes to, or why it cannot be had."""

    rules: tuple[str, ...]
    after: float | None
    bound: float | None
    why: str


@dataclass(frozen=True, eq=False)
class JointAnswer:
    """The least of trading costs, costs of collateral and `worth` times initial margin, US dollars over `days`.

    `status`: `optimal`, `stopped`, `local` (the rules are only bounded or corrected for: better than the start, no
    bound), `repaired` (the start broke a limit), `no saving`, `short` (the start breaks a limit and nothing better was
    found in an order that can be made), or `refused` (riskier when it was checked again: the start is kept).
    """

    status: str
    days: float
    before: float
    after: float
    bound: float | None
    gap: float | None
    trading: float
    moving: float
    margins: tuple[float, float]
    rules: tuple[str, ...]
    accounts: tuple[JointAccount, ...]
    balances: tuple[Balance, ...]
    order: Steps
    limits: tuple[Kept, ...]
    worth: tuple[Worth, ...]
    tried: tuple[Combination, ...]
    route: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def saving(self) -> float:
        """What the objective is lower by, US dollars."""
        return self.before - self.after

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "status": self.status,
            "days": self.days,
            "objective": {
                "before": self.before,
                "after": self.after,
                "saving": self.saving,
                "trading": self.trading,
                "moving": self.moving,
            },
            "bound": self.bound,
            "gap": self.gap,
            "initial_margin": {"before": self.margins[0], "after": self.margins[1]},
            "rules": list(self.rules),
            "accounts": [
                {
                    "name": a.name,
                    "account": a.account.to_dict(),
                    "room": {"before": a.room[0], "after": a.room[1]},
                    "usd_of_currency": {"before": a.rate[0], "after": a.rate[1]},
                    "trades": a.trades,
                    "cost": a.cost,
                    "exact": a.exact,
                    "why_not_exact": a.why,
                    "before": a.before.to_dict(),
                    "after": a.after.to_dict(),
                }
                for a in self.accounts
            ],
            "balances": [
                vars(b) | {"counts": None if b.counts is None else {"before": b.counts[0], "after": b.counts[1]}}
                for b in self.balances
            ],
            "steps": {
                "complete": self.order.complete,
                "slices": self.order.slices,
                "steps": [{"kind": "trade" if isinstance(s, Step) else "move"} | vars(s) for s in self.order.steps],
            },
            "limits": [vars(k) for k in self.limits],
            "worth_of_one_more": [vars(w) for w in self.worth],
            "combinations": [vars(c) | {"rules": list(c.rules)} for c in self.tried],
            "route": list(self.route),
            "notes": list(self.notes),
        }
