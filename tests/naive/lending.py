"""Naive lending pool: one asset after the other, on dictionaries; imports nothing of the package."""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]


def lending(params: Doc, collateral: Doc, borrowed: Doc, prices: Doc, emode: bool) -> Doc:
    """Health factor (`None` without a debt), what counts at the thresholds, what can be borrowed, and the debt."""
    debts = dict(borrowed)
    for asset, amount in collateral.items():
        if amount < 0:
            debts[asset] = debts.get(asset, 0.0) + -amount
    debts = {a: x for a, x in debts.items() if x > 0}
    held = {a: x for a, x in collateral.items() if x > 0}
    debt = sum(x * prices[a] for a, x in debts.items())
    ordinary = [a for a in held if params["assets"][a].get("ceiling") is None]
    categories = {params["assets"][a].get("category") for a in debts}
    mode = next(iter(categories)) if emode and len(categories) == 1 else None
    line = power = 0.0
    for asset, coins in held.items():
        terms = params["assets"][asset]
        if terms.get("ceiling") is not None and ordinary:
            continue
        if terms.get("most") is not None:
            coins = min(coins, terms["most"])
        pair = params["categories"][mode] if mode is not None and terms.get("category") == mode else terms
        line += coins * prices[asset] * pair["threshold"]
        power += coins * prices[asset] * pair["ltv"]
    if held and not ordinary:
        power = min(power, params["assets"][next(iter(held))]["ceiling"])
    return {"line": line, "power": power, "debt": debt, "health": line / debt if debt > 0 else None}
