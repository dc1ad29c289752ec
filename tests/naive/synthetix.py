"""Naive Synthetix v3: margins, keepers and worth of one account, position by position.

Second opinion for `plimsoll.margin.venues.synthetix`; imports nothing of the package. A position is a dictionary with
`coin`, `size`, `price`, `profit` (at that price, funding included), `bids`, `asks` (from zero, coins) and `skew`.
"""

from __future__ import annotations

import math
from typing import Any

Doc = dict[str, Any]


def margins(rule: Doc, size: float, price: float) -> tuple[float, float]:
    if size == 0.0:
        return 0.0, 0.0
    ratio = rule["minimum_initial_margin_ratio"]
    if rule["skew_scale"]:
        ratio += abs(size) / rule["skew_scale"] * rule["initial_margin_ratio"]
    value, least = abs(size) * price, rule["minimum_position_margin"]
    return value * ratio + least, value * ratio * rule["maintenance_margin_scalar"] + least


def guarded(k: Doc, reward: float, cost: float, collateral: float) -> float:
    low = max(cost + k["min_reward"], cost + cost * k["min_profit_ratio"])
    high = k["max_reward"]
    if collateral:
        high = min(high, collateral * k["max_scaling"])
    return min(high, max(low, reward + cost))


def keepers(parameters: Doc, positions: list[Doc], collateral: float, costs: tuple[float, float]) -> float:
    k = parameters["keepers"]
    if not positions:
        return 0.0
    reward, most = 0.0, 0
    for p in positions:
        rule = parameters["markets"][p["coin"]]
        reward += abs(p["size"]) * p["price"] * rule["flag_reward_ratio"]
        pace = (rule["maker_fee"] + rule["taker_fee"]) * rule["skew_scale"]
        pace *= rule["liquidation_multiplier"] * rule["window_seconds"]
        if pace:
            # a position of a whole number of windows takes just as many
            share = abs(p["size"]) / pace
            near = round(share)
            most = max(most, near if abs(share - near) <= 1e-12 * share else math.ceil(share))
    reward = max(reward, collateral * k["collateral_reward_ratio"])
    found = guarded(k, reward, costs[0], collateral)
    for _ in range(most - 1):
        found += guarded(k, 0.0, costs[1], 0.0)
    return found


def worth(parameters: Doc, tokens: dict[str, tuple[float, float]], cash: float) -> tuple[float, float]:
    """Collateral whole and after discount; `tokens` are (amount, price)."""
    whole = kept = max(cash, 0.0)
    for name, (amount, price) in tokens.items():
        rule = parameters["collateral"][name]
        cut = amount * rule["discount_scalar"] / rule["skew_scale"]
        cut = rule["lower_discount"] if cut < rule["lower_discount"] else min(cut, rule["upper_discount"])
        whole += amount * price
        kept += amount * price - amount * price * cut
    return whole, kept


def fee(rule: Doc, skew: float, size: float, fill: float) -> float:
    """Half a coin at a time would do; here the part up to zero skew and the part beyond."""
    maker = 0.0
    if skew * size < 0.0:
        maker = min(abs(size), abs(skew))
    return fill * (maker * rule["maker_fee"] + (abs(size) - maker) * rule["taker_fee"])


def orders(parameters: Doc, positions: list[Doc]) -> float:
    total = 0.0
    for p in positions:
        rule = parameters["markets"][p["coin"]]
        before, worst = margins(rule, p["size"], p["price"])[0], 0.0
        for size in (p["bids"], -p["asks"]):
            if not size:
                continue
            fill = p["price"]
            if rule["skew_scale"]:
                first, last = p["skew"] / rule["skew_scale"], (p["skew"] + size) / rule["skew_scale"]
                fill = 0.5 * (p["price"] * (1.0 + first) + p["price"] * (1.0 + last))
            rise = margins(rule, p["size"] + size, p["price"])[0] - before
            worst = max(worst, rise + max(0.0, (fill - p["price"]) * size) + fee(rule, p["skew"], size, fill))
        total += worst
    return total
