"""A small DSA rule set, and the naive profit of a random book anywhere in its box."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from naive.prbm import shocked_vol, unit_pnl
from plimsoll.margin import Requirement
from plimsoll.margin.house.dsa import Dsa
from plimsoll.scenarios import Scenarios
from random_books import INDEX, World
from rule_books import DAY, Desk, changed, rules_of

F64 = npt.NDArray[np.float64]

DAYS, T = 73.0, 0.2

PLAIN: dict[str, Any] = {
    "box": {"move": 0.16, "vol_down": 0.22, "vol_up": 0.4},
    "grid": {"spot_cells": 16, "vol_cells": 4},
    "vol_power_short": 0.0,
    "vol_power_long": 0.0,
    "vol_reference_days": 30.0,
    "vol_days_floor": 1.0,
    "tolerance": 1e9,
    "delta_rate": 0.0,
    "min_delta": {"net": 0.0, "hedged": 0.0, "cap_long_options": False},
    "maintenance_factor": 0.5,
    "prbm": "prbm@2025-01-01",
    "haircuts": {"USD": 0.0, "USDC": 0.0, "BTC": 0.1, "GOLD": 0.2},
}
"""No charge on delta, the same volatility move at every tenor, and the expansion whatever it errs by."""


def toy(**changes: Any) -> Dsa:
    """The plain rules with leaves replaced; `__` stands for a dot."""
    return Dsa(rules_of("dsa", "USD", changed(PLAIN, {k.replace("__", "."): v for k, v in changes.items()})))


def require(desk: Desk, **changes: Any) -> Requirement:
    """The requirement of a desk under `toy(**changes)`."""
    return toy(**changes).requirement(desk.account, desk.market)


def house() -> Desk:
    """A desk in dollars with one expiry 73 days away."""
    desk = Desk(cash="USD")
    desk.add_expiry(DAYS * DAY)
    return desk


def straddle(quantity: float = -1.0, vol: float = 0.5) -> Desk:
    """A call and a put at the money of that expiry."""
    desk = house()
    desk.add_option(quantity, 100.0, True, DAYS * DAY, vol)
    desk.add_option(quantity, 100.0, False, DAYS * DAY, vol)
    return desk


def quadratic_at(coefficients: F64, x: Any, y: Any) -> Any:
    """The expansion at a point or at many."""
    d, g, v, c, o = coefficients
    return d * x + g * x * x / 2.0 + v * y + c * x * y + o * y * y / 2.0


def points(model: Dsa, count: int, seed: int) -> tuple[F64, F64]:
    """Points of the box, its four corners first, the rest drawn from it."""
    box, rng = model.box, np.random.default_rng(seed)
    x = np.concatenate([[-box.move, -box.move, box.move, box.move], rng.uniform(-box.move, box.move, count)])
    y = np.concatenate([[box.vol_up, -box.vol_down] * 2, rng.uniform(-box.vol_down, box.vol_up, count)])
    return x, y


def columns(model: Dsa, x: F64, y: F64) -> Scenarios:
    """The points as scenarios, which `plan_pnl` revalues."""
    return Scenarios.build(1.0 + x, y, vol_rule=model.box.vol_rule)


def naive_gain(world: World, parameters: dict[str, Any], underlying: str, x: float, y: float) -> float:
    """What the book of one underlying gains at a point, by the naive calculation of the house model's twin."""
    rows, market = world.twin()
    total, spot = 0.0, INDEX[underlying]
    for row in rows:
        if row["underlying"] == underlying:
            vol = shocked_vol(parameters, row, y) if row["kind"] == "option" else 0.0
            total += row["quantity"] * unit_pnl(row, market, spot, spot * (1.0 + x), 1.0 + x, vol)
    return total
