"""An account lived along joint paths: called, paying or not, liquidated by the venue's own mechanism, or bankrupt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.calls.policy import CallPolicy
from plimsoll.liquidation.mechanisms.compare import house_terms
from plimsoll.liquidation.mechanisms.terms import CloseTerms
from plimsoll.liquidation.passage.estimate import Estimate, chance_of, estimate
from plimsoll.liquidation.passage.life import Answer, Life, Setting
from plimsoll.liquidation.passage.stand import Ground, Progress
from plimsoll.margin import Account, MarginModel
from plimsoll.market import Market
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lives:
    """What became of an account on each of `P` paths; money in USD but `paid`, in the currency of the requirement.

    `called` and `liquidated` are the first instants (`K` for never) of a call and of a liquidation: below the line, or
    at a deadline that was not met. `closed` is the notional that was closed for the holder, `fees` what the venue and
    its takers charged for it, `cost` the fees and what the closes lost beside the mark. `bankrupt`: a loss was left to
    others, `debt` how much. `mechanisms` names what liquidated, with how often.
    """

    paths: JointPaths
    called: I64
    liquidated: I64
    closed: F64
    fees: F64
    cost: F64
    paid: F64
    debt: F64
    bankrupt: npt.NDArray[np.bool_]
    mechanisms: dict[str, int]
    lived: int

    def probabilities(self) -> dict[str, Estimate]:
        """Of a call, of a first liquidation, and of bankruptcy within the horizon."""
        count = self.paths.days.size
        rows = {
            "called": self.called < count,
            "liquidated": self.liquidated < count,
            "bankrupt": self.bankrupt,
        }
        return {name: chance_of(row, self.paths) for name, row in rows.items()}

    def expected(self) -> dict[str, Estimate]:
        """Means over all paths: notional closed, fees, cost, debt (USD) and money paid in."""
        return {n: estimate(getattr(self, n), self.paths) for n in ("closed", "fees", "cost", "debt", "paid")}

    def times(self, which: str = "liquidated") -> F64:
        """`[K]` probabilities that the first call (`called`) or liquidation was at or before each instant."""
        first = {"called": self.called, "liquidated": self.liquidated}.get(which)
        if first is None:
            raise refuse("which", which, "'called' or 'liquidated'")
        return np.array([(self.paths.weight * (first <= k)).mean() for k in range(self.paths.days.size)])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "paths": int(self.paths.weight.size),
            "lived": self.lived,
            "probabilities": {n: e.to_dict() for n, e in self.probabilities().items()},
            "expected": {n: e.to_dict() for n, e in self.expected().items()},
            "days": self.paths.days.tolist(),
            "called_by": self.times("called").tolist(),
            "liquidated_by": self.times().tolist(),
            "mechanisms": self.mechanisms,
        }


def lives(
    model: MarginModel,
    account: Account,
    market: Market,
    paths: JointPaths,
    *,
    policy: CallPolicy | None = None,
    answer: Answer | None = None,
    terms: CloseTerms | None = None,
    asset: str | None = None,
    progress: Progress | None = None,
) -> Lives:
    """Take the account along every path on which it comes below `policy.call`, instant by instant.

    Called, answered and closed at the deadline as `calls.step` says, with `smallest` closes against the policy's
    target; below the line the venue's own mechanism (`mechanisms_for`, the house's assumption where no rule says) runs
    on the prices of that instant. A call is answered as `answer` says, by default by nobody, in `asset` (by default the
    first linear currency of the rules). What is left goes on along the path. Raises `DocumentError` for isolated
    positions, each of which is an account of its own here.
    """
    if any(p.isolated_margin is not None for p in account.positions):
        raise refuse("account.positions", "isolated positions", "one pool: an account for each of them")
    rules = CallPolicy() if policy is None else policy
    ground = Ground(model, account, market, paths)
    count, size = paths.days.size, paths.weight.size
    everyone = np.arange(size)
    equity, needed = np.empty((count, size)), np.empty((count, size))
    for k in range(count):
        if progress is not None:
            progress(f"day {paths.days[k]:g}", k, count)
        pools = ground.at(k, everyone)
        if len(pools) != 1:
            raise refuse("account", f"{len(pools)} pools", "one pool: an account for each of them")
        (pool,) = pools.values()
        equity[k], needed[k] = pool.equity, pool.needed
    if ground.refused:
        raise refuse("paths", f"{ground.refused} states without a number ({ground.refusal})", "states the rules take")
    # nothing is asked for above the health of a call, whatever came before
    low = (equity < rules.call * needed) | (equity < 0.0)
    near = np.flatnonzero(low.any(axis=0))
    setting = Setting(ground, rules, answer, terms or house_terms(), asset or model.LINEAR[0], equity, needed)
    out = Lives(
        paths=paths,
        called=np.full(size, count, dtype=np.int64),
        liquidated=np.full(size, count, dtype=np.int64),
        closed=np.zeros(size),
        fees=np.zeros(size),
        cost=np.zeros(size),
        paid=np.zeros(size),
        debt=np.zeros(size),
        bankrupt=np.zeros(size, dtype=bool),
        mechanisms={},
        lived=int(near.size),
    )
    for n, p in enumerate(near.tolist()):
        if progress is not None:
            progress(f"life {n + 1} of {near.size}", n, near.size)
        one = Life(setting, p)
        one.run(int(np.argmax(low[:, p])))
        one.into(out)
    return out
