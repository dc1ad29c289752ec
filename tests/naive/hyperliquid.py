"""Naive Hyperliquid: margin tables, pools, liquidation prices and portfolio margin in loops over plain numbers.

Second opinion for `plimsoll.margin.venues.hyperliquid`; imports nothing of the package. A position is a dictionary
with `coin`, `size` (signed coins), `mark`, `profit` (at the mark, funding included), `leverage` (or None) and `margin`
(isolated, or None).
"""

from __future__ import annotations

import math
from typing import Any

Doc = dict[str, Any]


def brackets(parameters: Doc, coin: str) -> list[tuple[float, float, float]]:
    """(lower bound, maintenance rate, leverage) of each tier of a coin."""
    table = parameters["coins"][coin]
    if isinstance(table, int):
        return [(0.0, 0.5 / table, float(table))]
    rows = parameters["tables"][table]
    return [(float(r["lower_bound"]), 0.5 / float(r["max_leverage"]), float(r["max_leverage"])) for r in rows]


def maintenance(parameters: Doc, coin: str, notional: float) -> float:
    """Tier by tier: each part of the notional at the rate of its own tier, without any deduction."""
    tiers = brackets(parameters, coin)
    total = 0.0
    for n, (lower, rate, _) in enumerate(tiers):
        upper = tiers[n + 1][0] if n + 1 < len(tiers) else math.inf
        total += rate * max(0.0, min(notional, upper) - lower)
    return total


def initial(parameters: Doc, coin: str, notional: float, leverage: float | None) -> float:
    """Notional over the leverage, which is at most that of the tier of the whole."""
    allowed = 0.0
    for lower, _, most in brackets(parameters, coin):
        if notional > lower or lower == 0.0:
            allowed = most
    return notional / min(allowed, math.inf if leverage is None else leverage)


def standing(position: Doc, price: float) -> tuple[float, float]:
    """(notional, profit) at another price."""
    gained = position["size"] * (price - position["mark"])
    return abs(position["size"]) * price, position["profit"] + gained


def pools(parameters: Doc, positions: list[Doc], balance: float, prices: dict[str, float] | None = None) -> list[Doc]:
    """The shared pool, then each isolated one: equity, maintenance, initial and notional."""
    shared: Doc = {"equity": balance, "maintenance": 0.0, "initial": 0.0, "notional": 0.0}
    found = [shared]
    for p in positions:
        notional, profit = standing(p, p["mark"] if prices is None else prices[p["coin"]])
        pool = shared
        if p["margin"] is not None:
            shared["equity"] -= p["margin"]
            pool = {"equity": p["margin"], "maintenance": 0.0, "initial": 0.0, "notional": 0.0}
            found.append(pool)
        pool["equity"] += profit
        pool["maintenance"] += maintenance(parameters, p["coin"], notional)
        pool["initial"] += initial(parameters, p["coin"], notional, p["leverage"])
        pool["notional"] += notional
    return found


def line(parameters: Doc, positions: list[Doc], balance: float, index: int) -> float | None:
    """Price of one position at which its pool meets maintenance, by halving an interval; the others stay."""
    place = 0 if positions[index]["margin"] is None else 1 + sum(p["margin"] is not None for p in positions[:index])

    def left(price: float) -> float:
        moved = [
            {**p, "mark": price, "profit": standing(p, price)[1]} if i == index else p for i, p in enumerate(positions)
        ]
        pool = pools(parameters, moved, balance)[place]
        return float(pool["equity"] - pool["maintenance"])

    low, high = 0.0, positions[index]["mark"]
    while (left(high) > 0.0) == (left(low) > 0.0):
        high *= 2.0
        if high > 1e18:
            return None
    for _ in range(2_000):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if (left(middle) > 0.0) == (left(low) > 0.0):
            low = middle
        else:
            high = middle
    return high


def portfolio(
    parameters: Doc, positions: list[Doc], cash: float, coins: dict[str, float], prices: dict[str, float]
) -> Doc:
    """Equity, initial and maintenance of a portfolio-margin account, and whether it can be liquidated.

    `cash` is the USDC balance less loans, `coins` the balances of eligible coins, `prices` those of the coins.
    """
    maintained = needed = 0.0
    for p in positions:
        notional, profit = standing(p, p["mark"])
        cash += profit
        maintained += maintenance(parameters, p["coin"], notional)
        needed += initial(parameters, p["coin"], notional, p["leverage"])
    counted = borrowable = 0.0
    for coin, rule in parameters["collateral"].items():
        value = min(coins.get(coin, 0.0), rule["supply_cap"]) * prices.get(coin, 0.0)
        counted += value * (1.0 + rule["loan_to_value"]) / 2.0
        borrowable += value * rule["loan_to_value"]
    counted, borrowable = min(counted, parameters["borrow_cap"]), min(borrowable, parameters["borrow_cap"])
    used = maintained > 0.0 or cash < 0.0
    ratio = parameters["liquidation_ratio"]
    debt = max(0.0, -cash)
    written = parameters["min_borrow_offset"] + maintained + debt > ratio * (max(cash, 0.0) + counted)
    lent = max(0.0, maintained - cash)
    seen = lent > 0.0 and maintained + lent > ratio * (maintained + counted)
    return {
        "equity": cash + counted,
        "initial": needed + counted - borrowable,
        "cross_maintenance": maintained,
        "liquidatable": used and (written or seen),
        "available": cash + borrowable - needed,
    }
