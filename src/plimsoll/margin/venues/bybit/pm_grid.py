"""The grid of Bybit's portfolio margin, and what contracts and coins gain on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.bybit.parameters import PmParameters, RiskUnit
from plimsoll.market import Market
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios, VolRule

F64 = npt.NDArray[np.float64]

REFERENCE_DAYS = 30.0
VOLS = (" iv up", "", " iv down")


@dataclass(frozen=True)
class WholeDays(VolRule):
    """A power law in the days to expiry, each begun day counted whole, at least one."""

    def scale(self, seconds: F64) -> F64:
        """See `VolRule.scale`.

        >>> rule = WholeDays(short_power=0.3, long_power=0.3)
        >>> bool(rule.scale(np.array([185.23 * 86_400.0])) == (30.0 / 186.0) ** 0.3)
        True
        """
        return VolRule.scale(self, np.ceil(seconds / DAY_SECONDS) * DAY_SECONDS)


def grid_of(p: PmParameters, unit: RiskUnit) -> Scenarios:
    """Prices from the lowest up, three volatilities each: up, same, down, in the venue's order.

    >>> from plimsoll.margin import margin_model
    >>> p = margin_model("bybit-pm@2026-03-24").parameters
    >>> grid = grid_of(p, p.underlyings["BTC"])
    >>> len(grid), grid.labels[:4]
    (33, ('-10% iv up', '-10%', '-10% iv down', '-8% iv up'))
    """
    steps = range(-p.price_steps, p.price_steps + 1)
    moves = [unit.price_range * i / p.price_steps for i in steps]
    law = WholeDays if p.whole_days else VolRule
    rule = law(short_power=p.vol_power_short, long_power=p.vol_power_long, reference_days=REFERENCE_DAYS)
    return Scenarios.build(
        [1.0 + m for m in moves for _ in VOLS],
        [unit.vol_up, 0.0, -unit.vol_down] * len(moves),
        vol_rule=rule,
        labels=[f"{m * 100:+.4g}%".replace("+0%", "0%") + v for m in moves for v in VOLS],
    )


def contract_gains(plan: Plan, market: Market, scenarios: Scenarios, side: F64) -> F64:
    """`[N, S]` USD that one contract gains against its mark.

    An option is valued at the shocked forward and volatility and held against the price it is marked at, so that a mark
    off the model's value is part of every scenario. A gain in coin is converted at the shocked price of that coin.
    """
    gains = plan_pnl(plan, scenarios, "usd", side)
    rows = np.flatnonzero(plan.option)
    if rows.size:
        now = unit_values(plan, Scenarios.build([1.0]), "settlement", side)[rows, 0]
        marked = option_marks(plan, market, side)[rows] * plan.multiplier[rows]
        gains[rows] += ((now - marked) * plan.settle[rows])[:, None]
    return gains


def spot_gains(coins: float, price: float, scenarios: Scenarios) -> F64:
    """`[S]` USD that hedging spot adds: its gain where it has one, nothing where it loses.

    So the venue's own example has it: spot that is short counts below the price of today and not above.

    >>> spot_gains(-0.001, 70_000.0, Scenarios.build([0.9, 1.0, 1.1])).round(9).tolist()
    [7.0, 0.0, 0.0]
    """
    gained: F64 = np.maximum(coins * price * (scenarios.spot - 1.0), 0.0)
    return gained
