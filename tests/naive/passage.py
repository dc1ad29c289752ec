"""First passage path by path: the whole account carried from instant to instant, one requirement after the other."""

from __future__ import annotations

import math
from typing import Any

from plimsoll.liquidation.later import later
from plimsoll.margin.path import moved


def perpetual_passage(
    cash: float, quantity: float, entry: float, price: float, part: float, levels: list[float]
) -> int | None:
    """The first instant at which `cash + q (S - entry) < part |q| S`; by hand, no engine."""
    for k, level in enumerate(levels):
        at = price * level
        if cash + quantity * (at - entry) < part * abs(quantity) * at:
            return k
    return None


def carried(model: Any, account: Any, market: Any, names: list[str], rows: Any, days: list[float]) -> list[float]:
    """Excess over maintenance at each instant of one path `rows[K][F]`: prices move, then time passes, step by step.

    What expires is paid at the price of the path by the engine itself. A path's volatility is applied to each
    underlying.
    """
    before = dict.fromkeys(names, 1.0)
    passed = 0.0
    found = []
    for k, day in enumerate(days):
        now = {n: float(rows[k][f]) for f, n in enumerate(names)}
        step = {n: now[n] / before[n] for n in names}
        spot = {n: x for n, x in step.items() if " " not in n}
        vol = {n.removesuffix(" iv"): x for n, x in step.items() if n.endswith(" iv")}
        account, market = moved(account, market, spot, vol)
        account, market = later(account, market, day - passed)
        before, passed = now, day
        requirement = model.requirement(account, market)
        found.append(requirement.net_equity - requirement.maintenance)
    return found


def reflection(line: float, sigma: float, days: float, drift: float, cells: int = 4000) -> float:
    """The passage probability by integrating the density of the first passage time, not by the reflection formula."""
    b = abs(math.log(line))
    toward = (-1.0 if line < 1.0 else 1.0) * (drift - sigma * sigma / 2.0)
    total = 0.0
    for i in range(cells):
        t = (i + 0.5) * days / cells
        total += (
            b / math.sqrt(2.0 * math.pi * sigma**2 * t**3) * math.exp(-((b - toward * t) ** 2) / (2.0 * sigma**2 * t))
        )
    return total * days / cells
