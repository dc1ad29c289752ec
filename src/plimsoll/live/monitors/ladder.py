"""The health ladder: how many accounts, and how much notional, stand on each step of a call policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.liquidation.calls import CallPolicy
from plimsoll.live.monitors.block import Block, number
from plimsoll.margin.many.positions import F64, I64

STEPS = ("healthy", "warned", "called", "reduce-only", "partial", "full", "settled", "refused")


@dataclass(frozen=True)
class Step:
    """One step: `accounts` on it, their gross notional, equity and maintenance margin in USD, and `short`, what the
    accounts below their maintenance margin miss to it."""

    accounts: int
    notional: float
    equity: float
    maintenance: float
    short: float


@dataclass(frozen=True)
class Ladder:
    """The steps of `calls.step` for an account that was healthy before, from the top; `worst` healths, lowest first."""

    steps: dict[str, Step]
    worst: dict[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"steps": {name: dict(vars(s)) for name, s in self.steps.items()}, "worst": dict(self.worst)}


def steps_of(policy: CallPolicy, equity: F64, maintenance: F64, positions: I64) -> I64:
    """`[A]` numbers of `STEPS`: what `calls.step` says of each account by itself, healthy until now."""
    with np.errstate(divide="ignore", invalid="ignore"):
        health = np.where(maintenance > 0.0, equity / maintenance, np.inf)
    found = np.zeros(equity.size, dtype=np.int64)
    for number_, limit in ((1, policy.warn), (2, policy.call), (3, policy.reduce_only)):
        found[health < limit] = number_
    found[equity < maintenance] = 4
    found[(equity < 0.0) | ((equity == 0.0) & (maintenance > 0.0))] = 5
    found[positions == 0] = np.where(equity[positions == 0] >= 0.0, 0, 6)
    found[np.isnan(equity) | np.isnan(maintenance)] = 7
    return found


def ladder(block: Block, policy: CallPolicy, worst: int) -> Ladder:
    """Where everybody stands."""
    on = steps_of(policy, block.equity, block.maintenance, block.held)
    gross = block.gross
    steps = {}
    for k, name in enumerate(STEPS):
        mine = on == k
        short = np.maximum(block.maintenance[mine] - block.equity[mine], 0.0)
        sums = [float(np.nansum(x)) for x in (gross[mine], block.equity[mine], block.maintenance[mine], short)]
        steps[name] = Step(int(mine.sum()), *sums)
    health = block.health
    finite = np.flatnonzero(np.isfinite(health))
    order = finite[np.lexsort((finite, health[finite]))][:worst]
    return Ladder(steps, {block.names[a]: number(float(health[a])) for a in order.tolist()})
