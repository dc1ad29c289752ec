"""Naive Paradex: portfolio and cross margin in loops, row by row; imports nothing of the package.

A row is a dictionary with `name`, `kind` (option or perpetual), `quantity`, `multiplier`, `mark` (of one coin), for an
option `call`, `strike`, `t` (years), `vol`, `forward`, `fixed` (part of the forward that is settled already); an order
has `price` too.
"""

from __future__ import annotations

from typing import Any

from .black import black, call_delta

Doc = dict[str, Any]


def shocked(table: Doc, row: Doc, spot_move: float, vol_move: float) -> float:
    """Value of one coin of a row in a scenario."""
    if row["kind"] == "perpetual":
        return float(row["mark"]) * (1.0 + spot_move)
    days = 365.0 * row["t"]
    power = table["vol_power_short"] if days < table["vol_reference_days"] else table["vol_power_long"]
    reach = (table["vol_reference_days"] / max(table["vol_days_floor"], days)) ** power
    vol = row["vol"] * max(0.0, 1.0 + vol_move * reach)
    if vol_move > 0.0:
        vol = max(vol, table.get("min_vol_up", 0.0))
    forward = (row["forward"] - row["fixed"]) * (1.0 + spot_move) + row["fixed"]
    return black(row["call"], forward, row["strike"], row["t"], vol)


def delta(row: Doc) -> float:
    """Delta of one contract in coins."""
    if row["kind"] == "perpetual":
        return float(row["multiplier"])
    if row["t"] == 0.0 and row["forward"] == row["fixed"]:
        return 0.0
    up = call_delta(row["forward"], row["strike"], row["t"], row["vol"])
    return float(row["multiplier"]) * (up if row["call"] else up - 1.0)


def fee(fees: Doc, row: Doc, spot: float, quantity: float) -> float:
    """Set aside for closing so many contracts."""
    coin = fees["perpetual"] * row["mark"]
    if row["kind"] == "option":
        coin = min(fees["option"] * spot, fees["option_cap"] * row["mark"])
    return abs(quantity) * float(row["multiplier"]) * coin


def core(table: Doc, rows: list[Doc], orders: list[Doc], spot: float) -> tuple[float, float, list[float]]:
    """(scan, minimum delta, weighted profits of the positions) of one underlying with its orders."""
    worst, profits = 0.0, []
    for s in table["scenarios"]:
        total = 0.0
        for r in rows:
            total += r["quantity"] * r["multiplier"] * (shocked(table, r, s["move"], s["vol"]) - r["mark"])
        profits.append(total * s["weight"])
        for o in orders:
            value = shocked(table, o, s["move"], s["vol"])
            gap = o["price"] - value if o["quantity"] > 0.0 else value - o["price"]
            total -= abs(o["quantity"]) * o["multiplier"] * max(0.0, gap)
        worst = max(worst, -total * s["weight"])
    own = [r["quantity"] * delta(r) for r in rows]
    resting = [o["quantity"] * delta(o) for o in orders]
    long, short = sum(d for d in own if d > 0.0), -sum(d for d in own if d < 0.0)
    most_long = long + sum(d for d in resting if d > 0.0)
    most_short = short - sum(d for d in resting if d < 0.0)
    bare = max(0.0, most_long - short, most_short - long)
    hedged = max(0.0, max(most_long, most_short) - bare)
    rule = table["min_delta"]
    return worst, (rule["net"] * bare + rule["hedged"] * hedged) * spot, profits


def portfolio(parameters: Doc, books: dict[str, tuple[list[Doc], list[Doc], float]]) -> Doc:
    """Initial and maintenance margin; `books` holds rows, orders and spot price by underlying."""
    out: Doc = {"initial": 0.0, "maintenance": 0.0, "cores": {}}
    for name, (rows, orders, spot) in books.items():
        table = parameters["tables"][parameters["underlyings"][name]]
        scan, least, profits = core(table, rows, [], spot)
        with_orders = core(table, rows, orders, spot)[:2] if orders else (scan, least)
        owed = sum(r["quantity"] * r["multiplier"] * spot * r.get("funding", 0.0) for r in rows)
        buys = sum(
            abs(o["quantity"]) * o["multiplier"] * spot * o.get("funding", 0.0) for o in orders if o["quantity"] > 0
        )
        sells = sum(
            abs(o["quantity"]) * o["multiplier"] * spot * o.get("funding", 0.0) for o in orders if o["quantity"] < 0
        )
        hours = parameters["funding_hours"] / 8.0
        kept = max(0.0, owed) * hours
        most = max(0.0, owed, owed + buys, owed - sells, owed - buys + sells) * hours if orders else kept
        fees = sum(fee(parameters["fees"], r, spot, r["quantity"]) for r in rows)
        more = sum(fee(parameters["fees"], o, spot, o["quantity"]) for o in orders)
        out["initial"] += max(*with_orders, scan, least) + most + fees + more
        out["maintenance"] += table["maintenance_factor"] * max(scan, least) + kept + fees
        out["cores"][name] = {"scan": scan, "min_delta": least, "profits": profits}
    return out


def one_market(parameters: Doc, name: str, row: Doc, long: bool, side: str, spot: float) -> float:
    """Margin of one contract bought or sold at the rates of `side`, initial or maintenance."""
    if row["kind"] == "perpetual":
        rates = parameters["perpetuals"][name]
        factor = 1.0 if side == "initial" else rates["maintenance_factor"]
        return float(row["multiplier"] * row["mark"] * rates["initial_rate"] * factor)
    rates = parameters["options"][name][side]
    if long:
        coin = min(rates["premium"] * row["mark"], rates["long_itm"] * spot)
    else:
        out = max(0.0, row["strike"] - spot if row["call"] else spot - row["strike"])
        coin = max(rates["short_itm"] * spot - out, rates["short_otm"] * spot)
        if not row["call"]:
            base = row["strike"] if parameters["short_put_cap_of"] == "strike" else spot
            coin = min(coin, rates["short_put_cap"] * base)
    return float(row["multiplier"] * coin)


def cross(parameters: Doc, books: dict[str, tuple[list[Doc], list[Doc], float]]) -> Doc:
    """Initial and maintenance margin, market by market."""
    out = {"initial": 0.0, "maintenance": 0.0}
    for name, (rows, orders, spot) in books.items():
        markets = {r["name"]: r for r in [*orders, *rows]}
        for market, row in markets.items():
            held = sum(r["quantity"] for r in rows if r["name"] == market)
            buys = sum(o["quantity"] for o in orders if o["name"] == market and o["quantity"] > 0.0)
            sells = -sum(o["quantity"] for o in orders if o["name"] == market and o["quantity"] < 0.0)
            up, down = max(0.0, buys + held), max(0.0, sells - held)
            out["initial"] += max(
                up * one_market(parameters, name, row, True, "initial", spot),
                down * one_market(parameters, name, row, False, "initial", spot),
            )
            out["initial"] += fee(parameters["fees"], row, spot, max(up, down))
            out["maintenance"] += abs(held) * one_market(parameters, name, row, held > 0.0, "maintenance", spot)
            out["maintenance"] += fee(parameters["fees"], row, spot, held)
        for o in orders:
            gap = o["price"] - o["mark"] if o["quantity"] > 0.0 else o["mark"] - o["price"]
            out["initial"] += abs(o["quantity"]) * o["multiplier"] * max(0.0, gap)
    return out
