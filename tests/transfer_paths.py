"""Small joint paths for tests of capital, and desks of futures at two venues."""

from __future__ import annotations

from typing import Any

import numpy as np

import plimsoll as pl
from hedge_desks import account
from plimsoll.optimise import Holding
from plimsoll.scenarios.paths import JointPaths


def brownian(
    count: int,
    hours: float,
    steps: int = 4,
    *,
    vol: float = 0.8,
    seed: int = 0,
    fall: float = 0.3,
    clusters: Any = None,
) -> JointPaths:
    """Prices of BTC without drift, volatility that rises as it falls, equal steps up to `hours`."""
    rng = np.random.default_rng(seed)
    step = vol * np.sqrt(hours / 24.0 / 365.0 / steps)
    price = np.cumsum(step * rng.standard_normal((steps, count)) - 0.5 * step**2, axis=0)
    factors = np.exp(np.stack([price, -fall * price], axis=1))
    days = np.arange(1, steps + 1) * hours / 24.0 / steps
    return JointPaths(("BTC", "BTC iv"), factors, days, np.ones(count), clusters)


def perpetuals(market: Any, amounts: dict[str, float], packs: dict[str, str], cash: float = 4e6) -> list[Holding]:
    """One account for each venue that holds so many perpetuals."""
    found = []
    for name, quantity in amounts.items():
        model = pl.margin_model(packs[name])
        held = account({"PERP": quantity} if quantity else {}, {"USDC": cash})
        found.append(Holding(name, held.model_copy(update={"mode": model.MODES[0]}), model))
    return found


def as_held(holdings: list[Holding]) -> list[tuple[str, Any, Any]]:
    """Holdings as `evaluate` takes them."""
    return [(h.name, h.account, h.model) for h in holdings]
