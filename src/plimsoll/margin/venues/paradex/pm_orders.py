"""Open orders under Paradex's portfolio margin: what they may lose in each scenario, their deltas, funding and fees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account, Order
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.parts.scan import MinDelta
from plimsoll.margin.venues.paradex.parameters import Fees
from plimsoll.margin.venues.paradex.pm_many import unit_profits
from plimsoll.margin.venues.paradex.taken import fee_units
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RestingOrders:
    """`P` orders that are not reduce-only: signed `quantity[P]`, `price[P]` and `mark[P]` of one coin."""

    market: Market
    plan: Plan
    quantity: F64
    price: F64
    mark: F64

    @property
    def names(self) -> tuple[str, ...]:
        """Their instruments."""
        return tuple(c.name for c in self.plan.contracts)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Their underlyings, sorted."""
        return tuple(sorted({c.underlying for c in self.plan.contracts}))

    def _mine(self, underlying: str) -> npt.NDArray[np.bool_]:
        return np.array([c.underlying == underlying for c in self.plan.contracts], dtype=bool)

    def spot(self, underlying: str) -> float:
        """Index of an underlying that has an order."""
        return float(self.plan.spot[self._mine(underlying)][0])

    def losses(self, underlying: str, scenarios: Scenarios) -> F64:
        """`[S]` what all of them together lose at least zero each, filled at their price and valued in the scenario."""
        mine, m = self._mine(underlying), self.plan.multiplier[:, None]
        value = self.mark[:, None] + unit_profits(self.plan, self.market, scenarios, self.quantity) / m
        gap = np.sign(self.quantity)[:, None] * (self.price[:, None] - value)
        lost: F64 = (np.abs(self.quantity)[:, None] * m * np.maximum(gap, 0.0))[mine].sum(axis=0)
        return lost

    def delta_charge(self, underlying: str, held: F64, rule: MinDelta) -> float:
        """Minimum delta charge per unit of index with orders, each counted on the side of its own delta.

        `net` on the larger delta that can be left unhedged, `hedged` on the rest of the larger side; `held` are the
        deltas of the positions.
        """
        own = (self.quantity * unit_deltas(self.plan, self.quantity))[self._mine(underlying)]
        long, short = float(held[held > 0].sum()), -float(held[held < 0].sum())
        most_long, most_short = long + float(own[own > 0].sum()), short - float(own[own < 0].sum())
        bare = max(0.0, most_long - short, most_short - long)
        hedged = max(0.0, max(most_long, most_short) - bare)
        return rule.net * bare + rule.hedged * hedged

    def funding(self, underlying: str, hours: float) -> tuple[float, float]:
        """Funding of the hours that all buys together would owe, and that all sells would be owed."""
        sides = [0.0, 0.0]
        for i in np.flatnonzero(self._mine(underlying)).tolist():
            contract = self.plan.contracts[i]
            mark = self.market.marks.get(contract.name)
            if contract.kind == "perpetual" and mark is not None and mark.funding_rate is not None:
                size = abs(float(self.quantity[i] * self.plan.multiplier[i] * self.plan.spot[i]))
                sides[0 if self.quantity[i] > 0 else 1] += size * mark.funding_rate * hours / 8.0
        return sides[0], sides[1]

    def fees(self, fees: Fees, retail: bool) -> F64:
        """`[P]` set aside for closing what each would open."""
        marks = np.where(self.plan.valued, self.mark, 0.0)
        charged: F64 = np.abs(self.quantity) * fee_units(fees, self.plan, marks, retail)
        return charged


def resting_orders(account: Account, market: Market) -> RestingOrders:
    """The orders of an account that can open something. Raises `DocumentError` for one that cannot be valued."""
    live: list[tuple[int, Order]] = [(i, o) for i, o in enumerate(account.orders) if o.quantity and not o.reduce_only]
    problems = [
        Problem(f"account.orders[{i}].instrument", repr(o.instrument), "an instrument that market.instruments lists")
        for i, o in live
        if o.instrument not in market.contracts
    ]
    if problems:
        raise DocumentError(problems)
    plan = compile_plan([market.contracts[o.instrument] for _, o in live], market)
    for row, failure in plan.failures.items():
        path = f"account.orders[{live[row][0]}].instrument"
        problems.append(Problem(path, failure.subject, f"{failure.reason.value}: {failure.message}"))
    if problems:
        raise DocumentError(problems)
    quantity = np.array([o.quantity for _, o in live], dtype=np.float64)
    mark = np.where(plan.valued, option_marks(plan, market, quantity), plan.price)
    return RestingOrders(market, plan, quantity, np.array([o.price for _, o in live], dtype=np.float64), mark)
