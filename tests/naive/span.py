"""Naive SPAN: one commodity, one month, one spread after the other, on floats and dictionaries.

Second opinion for the house's SPAN; imports nothing of the package. Losses are positive, everything in USD, deltas in
coins. Rows as `tests/naive/prbm.py` has them.
"""

from __future__ import annotations

from typing import Any

from .black import black
from .prbm import forward_parts, settle_price

Doc = dict[str, Any]
Row = dict[str, Any]

PAIRS = {n: n ^ 1 for n in range(14)} | {14: 14, 15: 15}


def value(row: Row, market: Doc, spot: float, factor: float, vol: float, days: float) -> float:
    """USD that one contract is worth, or has gained, where everything that moves was multiplied by `factor`."""
    m = float(row["multiplier"])
    if row["kind"] == "spot":
        return m * spot * factor
    variable, fixed = forward_parts(row)
    now, then = variable + fixed, variable * factor + fixed
    if row["kind"] == "option":
        left = max(0.0, float(row["t"]) - days / 365.0)
        price = black(bool(row["call"]), then, float(row["strike"]), left, vol)
        linear = row["style"] == "linear"
        return m * price * settle_price(row, market) if linear else m * price / then * spot * factor
    if row["style"] == "linear":
        return m * (then - now) * settle_price(row, market)
    return m * (1.0 / now - 1.0 / then) * spot * factor


def loss(row: Row, market: Doc, spot: float, factor: float, shock: float, days: float) -> float:
    """Loss of one long contract."""
    vol = float(row["vol"]) if row["kind"] == "option" else 0.0
    moved = max(0.0, vol * (1.0 + shock))
    return value(row, market, spot, 1.0, vol, 0.0) - value(row, market, spot, factor, moved, days)


def composite_delta(params: Doc, row: Row, market: Doc, spot: float, reach: float) -> float:
    """Mean slope over one per cent on either side of each point, weighted."""
    total = weights = 0.0
    for point in params["delta_points"]:
        at = 1.0 + float(point["price"]) * reach
        rise = loss(row, market, spot, at * 0.99, 0.0, 0.0) - loss(row, market, spot, at * 1.01, 0.0, 0.0)
        total += float(point["weight"]) * rise / (0.02 * at * spot)
        weights += float(point["weight"])
    return total / weights


def tier_name(params: Doc, row: Row) -> str:
    if row["kind"] not in ("option", "future"):
        return str(params["perpetual"])
    for tier in params["tiers"]:
        if tier["name"] != params["perpetual"] and (tier["upto"] is None or row["t"] * 365.0 <= tier["upto"] + 1e-9):
            return str(tier["name"])
    raise AssertionError


def commodity(params: Doc, rows: list[Row], market: Doc, name: str) -> Doc:
    """Scan, spreads, spot month, minimum and what a credit may be taken of, of the rows of one underlying."""
    spot = float(market["index"][name])
    own = params["underlyings"][name]
    losses = []
    for s in params["scenarios"]:
        factor, shock = 1.0 + s["price"] * own["price_scan"], s["vol"] * own["vol_scan"]
        total = 0.0
        for row in rows:
            total += row["quantity"] * loss(row, market, spot, factor, shock, params["lookahead_days"])
        losses.append(s["weight"] * total)
    scan = max(0.0, *losses)
    months: dict[tuple[str, float], float] = {}
    gross = minimum = 0.0
    for row in rows:
        delta = row["quantity"] * composite_delta(params, row, market, spot, own["price_scan"])
        key = (tier_name(params, row), row["t"] if row["kind"] in ("option", "future") else -1.0)
        months[key] = months.get(key, 0.0) + delta
        gross += abs(delta)
        settled = row["kind"] == "option" and row["t"] == 0.0 and forward_parts(row)[0] == 0.0
        if row["kind"] == "option" and row["quantity"] < 0.0 and not settled:
            minimum += own["short_option"] * spot * row["multiplier"] * -row["quantity"]
    calendar, month_charge = spreads(params, months, spot)
    net = sum(months.values())
    worst = next((n for n, x in enumerate(losses) if x >= scan * (1.0 - 1e-9)), 0)
    risk = 0.0
    if scan > 0.0:
        risk = (losses[worst] + losses[PAIRS[worst]]) / 2.0 - (losses[0] + losses[1]) / 2.0
        risk = min(max(risk, 0.0), scan)
    return {
        "spot": spot,
        "losses": losses,
        "scan": scan,
        "calendar": calendar,
        "month": month_charge,
        "minimum": minimum,
        "delta": net if abs(net) > 1e-12 * gross else 0.0,
        "risk": risk,
        "credit": 0.0,
        # the second largest loss of another price: where it is as large, rounding chooses the pair
        "close": min((abs(x - scan) for n, x in enumerate(losses) if n not in (worst, PAIRS[worst])), default=1.0),
    }


def spreads(params: Doc, months: dict[tuple[str, float], float], spot: float) -> tuple[float, float]:
    """Calendar and spot-month charge of the net deltas by (tier, month)."""
    long: dict[str, float] = {t["name"]: 0.0 for t in params["tiers"]}
    short = dict(long)
    for (tier, _), delta in months.items():
        if delta > 0.0:
            long[tier] += delta
        else:
            short[tier] -= delta
    before = {t: long[t] + short[t] for t in long}
    calendar = 0.0
    for spread in params["spreads"]:
        a, b = spread["legs"]
        ways = [(long, a, short, b)] if a == b else [(long, a, short, b), (short, a, long, b)]
        for one, x, other, y in ways:
            count = min(one[x], other[y])
            calendar += count * spread["rate"] * spot
            one[x] -= count
            other[y] -= count
    charge = 0.0
    for tier in params["tiers"]:
        left = long[tier["name"]] + short[tier["name"]]
        charge += (left * tier["outright"] + (before[tier["name"]] - left) * tier["consumed"]) * spot
    return calendar, charge


def span(params: Doc, book: list[Row], market: Doc) -> Doc:
    """The whole requirement: `initial`, `maintenance` and each combined commodity."""
    held = [row for row in book if row["quantity"] != 0.0]
    found = {}
    for name in sorted({row["underlying"] for row in held}):
        found[name] = commodity(params, [r for r in held if r["underlying"] == name], market, name)
    left = {name: c["delta"] for name, c in found.items()}
    for rule in params["credits"]:
        if any(leg["underlying"] not in found for leg in rule["legs"]):
            continue
        for way in (1.0, -1.0):
            count = min(
                max(0.0, way * sign(leg) * left[leg["underlying"]] * found[leg["underlying"]]["spot"] / leg["ratio"])
                for leg in rule["legs"]
            )
            for leg in rule["legs"]:
                c = found[leg["underlying"]]
                taken = count * leg["ratio"] / c["spot"]
                if taken > 0.0:
                    c["credit"] += c["risk"] * min(1.0, taken / abs(c["delta"])) * rule["rate"]
                left[leg["underlying"]] -= way * sign(leg) * taken
    total = 0.0
    for c in found.values():
        c["total"] = max(c["scan"] + c["calendar"] + c["month"] - c["credit"], c["minimum"])
        total += c["total"]
    return {"maintenance": total, "initial": params["initial_ratio"] * total, "commodities": found}


def sign(leg: Doc) -> float:
    return 1.0 if leg["side"] == "long" else -1.0
