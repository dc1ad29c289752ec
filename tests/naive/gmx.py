"""Naive GMX v2: one isolated position, check by check as the contracts order them.

Second opinion for `plimsoll.margin.venues.gmx`; imports nothing of the package. A position is a dictionary with `coin`,
`long`, `tokens` (from zero), `size` (USD at opening), `collateral`, `funding`, `borrowing` (USD), `longs`, `shorts`
(open interest in USD or None) and `impact` (USD or None).
"""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]


def imbalance(rule: Doc, longs: float, shorts: float, good: bool) -> float:
    factor = rule["impact_factor_negative"]
    if good:
        factor = min(factor, rule["impact_factor_positive"])
    return float(factor * abs(longs - shorts) ** rule["impact_exponent"])


def impact_of_closing(rule: Doc, p: Doc) -> float | None:
    if p["impact"] is not None:
        return float(p["impact"])
    if p["longs"] is None or p["shorts"] is None:
        return None
    longs, shorts = p["longs"], p["shorts"]
    left = (longs - p["size"], shorts) if p["long"] else (longs, shorts - p["size"])
    if (longs <= shorts) != (left[0] <= left[1]):
        return imbalance(rule, longs, shorts, True) - imbalance(rule, *left, False)
    good = abs(left[0] - left[1]) < abs(longs - shorts)
    return imbalance(rule, longs, shorts, good) - imbalance(rule, *left, good)


def remaining(parameters: Doc, p: Doc, price: float) -> float:
    """Collateral that would be left after closing at a price."""
    rule = parameters["markets"][p["coin"]]
    value = p["tokens"] * price
    profit = value - p["size"] if p["long"] else p["size"] - value
    impact = impact_of_closing(rule, p)
    most = rule["max_impact_factor_liquidation"] * p["size"]
    taken = most if impact is None else max(0.0, min(most, -impact))
    fee = "position_fee_positive" if impact is not None and impact > 0 else "position_fee_negative"
    return float(p["collateral"] + profit + p["funding"] - taken - p["size"] * rule[fee] - p["borrowing"])


def liquidatable(parameters: Doc, p: Doc, price: float) -> bool:
    left = remaining(parameters, p, price)
    if left < parameters["min_collateral_usd"] or left <= 0:
        return True
    return left < p["size"] * parameters["markets"][p["coin"]]["min_collateral_factor_liquidation"]


def can_open(parameters: Doc, p: Doc, price: float) -> bool:
    """Whether the position as it stands could have been opened with this collateral."""
    rule = parameters["markets"][p["coin"]]
    side = "long" if p["long"] else "short"
    interest = p["longs"] if p["long"] else p["shorts"]
    if interest is None:
        interest = rule[f"max_open_interest_{side}"]
    factor = max(rule["min_collateral_factor"], interest * rule[f"open_interest_multiplier_{side}"])
    if p["collateral"] < p["size"] * factor:
        return False
    left = remaining(parameters, p, price)
    return left >= parameters["min_collateral_usd"] and left >= p["size"] * rule["min_collateral_factor"]
