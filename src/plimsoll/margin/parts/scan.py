"""The worst of a table of weighted scenarios, with a minimum charge on delta: what such rule books have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Flag, NonNegative, Part, Positive, fault
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios, VolRule

F64 = npt.NDArray[np.float64]

TIE_TOLERANCE = 1e-9
"""Losses closer than this (relative) tie but for rounding: the earlier row is named; amount and shares stay exact."""

Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1, le=100)]


class ScanRow(Part):
    """One scenario: relative spot `move`, relative volatility shock at the reference tenor, factor on the loss."""

    move: Move
    vol: Move
    weight: NonNegative = 1.0


class ScanTable(Part):
    """Scenarios and how their volatility shocks reach other tenors.

    A shock `v` becomes `v * (reference / max(days, floor)) ** power`, one power up to the reference and one beyond it;
    after a shock up a volatility is at least `min_vol_up`.
    """

    scenarios: Annotated[tuple[ScanRow, ...], Field(min_length=1, max_length=1024)]
    vol_power_short: NonNegative
    vol_power_long: NonNegative
    vol_reference_days: Positive = 30.0
    vol_days_floor: Positive = 1.0
    min_vol_up: NonNegative = 0.0

    def columns(self) -> Scenarios:
        """The table as columns of the P&L array; rows of weight one are `regular`, others `tail`."""
        return Scenarios.build(
            [1.0 + row.move for row in self.scenarios],
            [row.vol for row in self.scenarios],
            [row.weight for row in self.scenarios],
            vol_rule=VolRule(
                self.vol_power_short,
                self.vol_power_long,
                self.vol_reference_days,
                self.vol_days_floor,
                self.min_vol_up,
            ),
            kinds=["regular" if row.weight == 1.0 else "tail" for row in self.scenarios],
        )


class MinDelta(Part):
    """Minimum delta charge: `net` on |net delta|, `hedged` on the offset part, per unit of index.

    `cap_long_options`: a bought option is never charged more than its value. `hedged` is at most twice
    `net`, without which hedging could cost more than the parts.
    """

    net: NonNegative
    hedged: NonNegative
    cap_long_options: Flag

    @model_validator(mode="after")
    def _convex(self) -> Self:
        if self.hedged > 2.0 * self.net:
            raise fault("hedged", self.hedged, f"at most twice net, {2.0 * self.net:g}")
        return self


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan of `M` positions found: `weighted[S]` profit, `amount` charged, `worst` row (-1: none loses).

    `shares[M]` are Euler shares of the amount.
    """

    weighted: F64
    amount: float
    worst: int
    shares: F64


def scan(pnl: F64, weight: F64) -> Scan:
    """The largest weighted loss of positions with profits `pnl[M, S]` under `weight[S]`, zero if none loses.

    >>> found = scan(np.array([[-2.0, 1.0], [1.0, -5.0]]), np.array([1.0, 0.5]))
    >>> found.amount, found.worst, found.shares.tolist()
    (2.0, 1, [-0.5, 2.5])
    """
    weighted = pnl.sum(axis=0) * weight
    lowest = int(np.argmin(weighted))
    if not weighted[lowest] < 0:
        return Scan(weighted, 0.0, -1, np.zeros(len(pnl)))
    limit = weighted[lowest] * (1.0 - TIE_TOLERANCE)
    worst = int(np.flatnonzero(weighted <= limit)[0])
    return Scan(weighted, -float(weighted[lowest]), worst, -pnl[:, lowest] * weight[lowest])


def point_profits(plan: Plan, spot: Sequence[float], points: Sequence[float], side: F64) -> F64:
    """`[N, S]` gain of one contract in its settlement currency where volatility moves by points, not by a factor.

    Scenario `s` multiplies the index by `spot[s]` and adds `points[s]` (0.5 = 50 points) to every volatility, which is
    never below zero. `side` as in `unit_values`.
    """
    moves, shifts = np.asarray(spot, dtype=np.float64), np.asarray(points, dtype=np.float64)
    scenarios = Scenarios.build(moves)
    pnl = plan_pnl(plan, scenarios, "settlement", side)
    now = unit_values(plan, Scenarios.build([1.0]), "settlement", side)
    for shift in sorted(set(shifts.tolist()) - {0.0}):
        columns = np.flatnonzero(shifts == shift)
        shifted = replace(plan, vol=np.maximum(plan.vol + shift, 0.0))
        values = unit_values(shifted, scenarios.take(columns), "settlement", side) - now
        pnl[np.ix_(plan.valued, columns)] = values[plan.valued]
    return pnl
