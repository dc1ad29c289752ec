"""Naive liquidation lines: a sweep of prices, and futures by tiers with loops. No code of the package.

Prices may be numpy arrays: every operation is element by element.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Doc = dict[str, Any]


def tier_margin(table: Doc, size: Any, notional: Any) -> Any:
    """Maintenance margin of `notional` whose `size` picks the tier: parts each at their rate, or the whole at one."""
    tiers = table["tiers"]
    whole = table.get("counting", "marginal") == "whole"
    if whole:
        rate = np.full_like(notional, tiers[-1]["maintenance"])
        for tier in reversed(tiers[:-1]):
            rate = np.where(size <= tier["upto"], tier["maintenance"], rate)
        return notional * rate
    start, margin = 0.0, np.zeros_like(notional)
    for tier in tiers:
        end = tier["upto"] if tier["upto"] is not None else np.inf
        if tier is tiers[-1]:
            end = np.inf  # beyond its end the last tier goes on
        margin = margin + np.clip(size - start, 0.0, end - start) * tier["maintenance"]
        start = end
    # tiers count sizes; a size of one is worth so much notional
    return margin * np.divide(notional, size, out=np.ones_like(notional), where=size > 0)


def futures_pools(
    account: Doc, market: Doc, rules: dict[str, Doc], moves: dict[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """(equity, maintenance) of each pool at the price multipliers `moves` (by underlying).

    `rules` has for each instrument its `table`, the `unit` of its sizes and the `fee` of closing.
    """
    contracts = {row["name"]: row for row in market["instruments"]}
    ones = np.ones_like(next(iter(moves.values())))
    apart = any(p.get("isolated_margin") is not None for p in account["positions"])
    pools: dict[str, tuple[Any, Any]] = {}
    currency = next(contracts[p["instrument"]]["currency"] for p in account["positions"])
    cash = account["collateral"].get(currency, 0.0)
    shared = [ones * cash, ones * 0.0]
    for p in account["positions"]:
        row, mark = contracts[p["instrument"]], market["marks"][p["instrument"]]["price"]
        rule = rules[p["instrument"]]
        price = mark * moves.get(row["underlying"], ones)
        size = p["quantity"] * row.get("multiplier", 1.0)
        inverse = row["settlement"] == "inverse"
        entry = p.get("entry_price")
        profit = p.get("unrealised_pnl") or 0.0
        start = mark if entry is None else entry
        profit = profit + (size * (1.0 / start - 1.0 / price) if inverse else size * (price - start))
        profit = profit + p.get("unsettled_funding", 0.0)
        notional = abs(size) / price if inverse else abs(size) * price
        counted = {"notional": notional, "contracts": ones * abs(p["quantity"]), "coins": ones * abs(size)}
        if inverse:
            counted["coins"] = notional
        margin = tier_margin(rule["table"], counted[rule["unit"]], notional) + rule["fee"] * notional
        if p.get("isolated_margin") is not None:
            name = p["instrument"] if p.get("leg", "net") == "net" else f"{p['instrument']} {p['leg']}"
            pools[name] = (p["isolated_margin"] + profit, margin)
            shared[0] = shared[0] - p["isolated_margin"]
        else:
            shared[0], shared[1] = shared[0] + profit, shared[1] + margin
    return {"shared" if apart else "account": (shared[0], shared[1]), **pools}


def tier_points(account: Doc, market: Doc, rules: dict[str, Doc]) -> dict[str, list[float]]:
    """For each underlying the multipliers that bring a position to the end of a tier."""
    contracts = {row["name"]: row for row in market["instruments"]}
    found: dict[str, list[float]] = {}
    for p in account["positions"]:
        row, mark = contracts[p["instrument"]], market["marks"][p["instrument"]]["price"]
        rule, size = rules[p["instrument"]], abs(p["quantity"]) * row.get("multiplier", 1.0)
        inverse = row["settlement"] == "inverse"
        if rule["unit"] == "contracts" or (rule["unit"] == "coins" and not inverse) or size == 0.0:
            continue
        for tier in rule["table"]["tiers"]:
            if tier["upto"] is not None:
                multiplier = size / (mark * tier["upto"]) if inverse else tier["upto"] / (size * mark)
                found.setdefault(row["underlying"], []).append(multiplier)
    return found


def sweep(low: float, high: float, points: int, kinks: list[float]) -> Any:
    """Log-spaced multipliers, one, and both sides of every kink."""
    beside = [k * (1.0 + e) for k in kinks if low < k < high for e in (-1e-9, 1e-9)]
    return np.array(sorted({*np.geomspace(low, high, points).tolist(), 1.0, *beside}))


def sign_changes(m: Any, equity: Any, maintenance: Any, step: float = 0.0) -> list[tuple[float, float]]:
    """Neighbours between which the account goes under its line or comes up, what is near zero taken as neither.

    `step` is how much a venue's rounding can move the amounts.
    """
    hair = 1e-11 * (np.abs(equity) + np.abs(maintenance)) + step
    excess = equity - maintenance
    clear = np.abs(excess) > hair
    at, under = m[clear], (excess < 0)[clear]
    turns = np.flatnonzero(under[1:] != under[:-1])
    return [(float(at[i]), float(at[i + 1])) for i in turns]
