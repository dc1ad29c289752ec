"""Where an account stands now: its state, the call, and what would be closed if nobody paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from plimsoll.documents import format_instant, refuse
from plimsoll.liquidation.calls.bench import ModelBench
from plimsoll.liquidation.calls.closes import Closes, Progress, everything, smallest
from plimsoll.liquidation.calls.machine import Record, Seen, Standing, State, step
from plimsoll.liquidation.calls.policy import CallPolicy
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import ACCOUNT
from plimsoll.market import Market


@dataclass(frozen=True)
class Close:
    """`quantity` contracts of a position, signed as the order that closes them, and its `cost` in USD."""

    instrument: str
    quantity: float
    part: float
    cost: float


@dataclass(frozen=True)
class PoolCall:
    """One pool of an account under a policy; amounts in the currency of the requirement.

    `maintenance` is the margin below which the pool is called, raised by the scalar of the report, and `base` the one
    below which it is closed. `amount` restores the target health when it is paid in by `deadline`; `closes` restore it
    without a payment, as far as they can, and `after` is the account after them. In the state `full` they are all.
    """

    subject: str
    state: State
    reason: str
    equity: float
    maintenance: float
    base: float
    health: float | None
    amount: float
    deadline: datetime | None
    found: Closes | None
    closes: tuple[Close, ...]
    after: Account | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        plan = None
        if self.found is not None:
            plan = {
                "enough": self.found.enough,
                "cost": self.found.after.cost,
                "equity": self.found.after.equity - self.found.after.cost,
                "maintenance": self.found.after.maintenance,
                "positions": [vars(c) for c in self.closes],
            }
        return {
            "subject": self.subject,
            "state": self.state,
            "reason": self.reason,
            "equity": self.equity,
            "maintenance": self.maintenance,
            "base": self.base,
            "health": self.health,
            "call": self.amount,
            "deadline": None if self.deadline is None else format_instant(self.deadline),
            "closes": plan,
        }


@dataclass(frozen=True)
class CallReport:
    """Every pool of an account, the one that stands worst first; `scalar` is that on the maintenance margin."""

    account: str
    rules: str
    currency: str
    time: datetime
    policy: CallPolicy
    pools: tuple[PoolCall, ...]
    scalar: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "rules": self.rules,
            "currency": self.currency,
            "time": format_instant(self.time),
            "policy": self.policy.to_dict(),
            "margin_period_hours": self.policy.period.hours,
            "scalar": self.scalar,
            "pools": [p.to_dict() for p in self.pools],
        }


def called(
    model: MarginModel,
    account: Account,
    market: Market,
    policy: CallPolicy | None = None,
    progress: Progress | None = None,
    scalar: float = 1.0,
) -> CallReport:
    """The standing of each pool of an account at the time of the market, as if it had been healthy before.

    A pool that is below its target gets the money that is missing and the smallest set of closes that would do instead,
    one whose equity is gone the close of everything. The amount counts money at full value: a coin under a haircut
    takes more of it. `scalar`, from one up, raises the maintenance margin as `margin.avsl` does: healths are over the
    raised margin, and positions are closed below the base. Raises what the model raises.
    """
    if not 1.0 <= scalar < float("inf"):
        raise refuse("scalar", scalar, "a number from 1 up")
    policy = CallPolicy() if policy is None else policy
    with np.errstate(all="ignore"):
        found = model.assess(account, market, "refuse")
    rows = [(p.subject, p.equity, p.maintenance) for p in found.pools]
    rows = rows or [(ACCOUNT, found.net_equity, sum(c.maintenance for c in found.components))]
    pools = [_pool(model, account, market, policy, row, scalar, progress) for row in rows]
    pools.sort(key=lambda p: float("inf") if p.health is None else p.health)
    currency = found.currency or model.rules.currency
    return CallReport(account.name, model.rules.label, currency, market.time, policy, tuple(pools), scalar)


def _pool(
    model: MarginModel,
    account: Account,
    market: Market,
    policy: CallPolicy,
    row: tuple[str, float, float],
    scalar: float,
    progress: Progress | None,
) -> PoolCall:
    subject, equity, base = row
    maintenance = scalar * base
    bench = ModelBench(model, account, market, policy, subject)
    seen = Seen(0, market.time, equity, maintenance, base=base, positions=len(bench.held))
    standing, record = step(policy, Standing(subject), seen)
    found, after = None, None
    closes: tuple[Close, ...] = ()
    if standing.state in ("called", "reduce-only", "partial", "full") and bench.held:
        target = policy.target * scalar
        # with nothing left the command is to close everything, whatever leaves the smallest gap
        found = everything(bench, target) if standing.state == "full" else smallest(bench, target, progress)
        closes = _closes(bench, found)
        after = bench.paid(found.lots)
    return PoolCall(
        subject=subject,
        state=standing.state,
        reason=_reason(record, equity, maintenance),
        equity=equity,
        maintenance=maintenance,
        base=base,
        health=equity / maintenance if maintenance > 0.0 else None,
        amount=standing.amount,
        deadline=standing.deadline,
        found=found,
        closes=closes,
        after=after,
    )


def _reason(record: Record | None, equity: float, maintenance: float) -> str:
    if record is not None:
        return record.reason
    return f"health {equity / maintenance:.9g}" if maintenance > 0.0 else "nothing is required"


def _closes(bench: ModelBench, found: Closes) -> tuple[Close, ...]:
    rows = []
    for row, (i, n) in enumerate(zip(bench.held, found.lots, strict=True)):
        if n:
            position = bench.account.positions[i]
            part = n / bench.policy.lots
            cost = float(bench.costs[row, n] * bench.settle[row])
            rows.append(Close(position.instrument, -position.quantity * part, part, cost))
    return tuple(sorted(rows, key=lambda c: -c.cost))
