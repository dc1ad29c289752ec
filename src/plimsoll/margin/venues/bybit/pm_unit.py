"""One risk unit of portfolio margin: worst loss over the grid and contingencies for any quantities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.account import Account
from plimsoll.margin.venues.bybit.parameters import PmParameters, RiskUnit
from plimsoll.margin.venues.bybit.pm_contingencies import Charge, Held, contingencies, sensitivities
from plimsoll.margin.venues.bybit.pm_grid import contract_gains, grid_of, spot_gains
from plimsoll.market import Market
from plimsoll.risk import Plan
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]
REPORTED = "futureDeltaContingency"
"""The venue's name of the contingency that an account may report instead."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One underlying in USD: `gains[N, S]` of its positions `rows[N]`, `spot[S]` of hedging spot, its contingencies."""

    underlying: str
    unit: RiskUnit
    grid: Scenarios
    rows: npt.NDArray[np.int64]
    hedge: float
    gains: F64
    spot: F64
    charges: dict[str, Charge]

    @property
    def total(self) -> F64:
        """`[S]` gain of the risk unit."""
        summed: F64 = self.gains.sum(axis=0) + self.spot
        return summed

    @property
    def at(self) -> int:
        """The scenario with the largest loss, the first of several; -1 where nothing is lost."""
        place = int(np.argmin(self.total))
        return place if self.total[place] < 0.0 else -1

    @property
    def worst(self) -> float:
        """The largest loss, never below zero."""
        return max(0.0, -float(self.total.min()))

    @property
    def maintenance(self) -> float:
        """Worst loss and contingencies."""
        return self.worst + sum(c.amount for c in self.charges.values())

    @property
    def initial(self) -> float:
        """`initial_factor` times maintenance margin."""
        return self.unit.initial_factor * self.maintenance


def hedge_of(balance: float, delta: float) -> float:
    """Coins of spot that hedge: as many as the derivatives have delta on the other side, nothing on the same.

    >>> hedge_of(3.0, -2.0), hedge_of(-1.0, 2.0), hedge_of(1.0, 2.0)
    (2.0, -1.0, 0.0)
    """
    if balance * delta >= 0.0:
        return 0.0
    return float(np.copysign(min(abs(balance), abs(delta)), balance))


def spot_balance(account: Account, underlying: str) -> float | None:
    """Coins of spot that may hedge, `None` where the holder has spot hedging off."""
    if not account.settings.get("spot_hedging", False):
        return None
    return account.collateral.get(underlying, 0.0) - account.borrowed.get(underlying, 0.0)


def measured(
    p: PmParameters,
    underlying: str,
    plan: Plan,
    market: Market,
    quantity: F64,
    balance: float | None,
    reported: float | None = None,
) -> Measured:
    """The risk unit of `underlying` at signed `quantity[N]` of all contracts of a plan.

    `balance` are the coins of spot that may hedge, `None` where spot hedging is off. `reported` replaces the future
    delta contingency (USD).
    """
    unit = p.underlyings[underlying]
    mine = np.array([c.underlying == underlying for c in plan.contracts], dtype=bool) & (quantity != 0.0)
    rows = np.flatnonzero(mine).astype(np.int64)
    grid = grid_of(p, unit)
    side = np.where(mine, quantity, 0.0)
    gains = contract_gains(plan, market, grid, side)[rows] * quantity[rows, None]
    coins, delta, vega = sensitivities(plan, rows, quantity[rows])
    hedge = 0.0 if balance is None else hedge_of(balance, float(delta.sum()))
    index = market.indices[underlying].price
    price = market.price_of(underlying)
    spot_price = index if price is None else price.price
    group = plan.group[rows]
    seconds = np.where(group >= 0, plan.seconds[group] if plan.seconds.size else 0.0, 0.0)
    held = Held(
        tuple(plan.contracts[i].currency for i in rows.tolist()),
        plan.option[rows],
        plan.call[rows],
        seconds,
        coins,
        delta,
        vega,
        index,
        hedge,
        spot_price,
    )
    charges = contingencies(held, unit)
    if reported is not None:
        charges["future_delta"] = Charge(reported, np.zeros(rows.size + 1), "future_delta")
    return Measured(underlying, unit, grid, rows, hedge, gains, spot_gains(hedge, spot_price, grid), charges)
