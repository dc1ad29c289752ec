"""Naive twins of OKX's margins: loops over plain rows, floats and the math module only.

Second opinion for the models, so nothing is imported from the package. Rules: spec/venues-cex.md section 2.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from .black import black, call_delta

Doc = dict[str, Any]
DAY = 86_400.0


def group(groups: Doc, coin: str) -> Doc:
    """The row of a table of groups that speaks of a coin."""
    rest = None
    for row in groups.values():
        if coin in row.get("coins", []):
            return dict(row)
        if not row.get("coins"):
            rest = row
    assert rest is not None
    return dict(rest)


def between(x: float, points: list[tuple[float, float]]) -> float:
    """Linear between points, flat outside."""
    if x <= points[0][0]:
        return points[0][1]
    for (a, u), (b, v) in itertools.pairwise(points):
        if x <= b:
            return u + (v - u) * (x - a) / (b - a)
    return points[-1][1]


def tiered(amount: float, tiers: list[tuple[float | None, float]]) -> float:
    """Each part of an amount at the number of its own tier."""
    total, low = 0.0, 0.0
    for end, number in tiers:
        high = amount if end is None else min(amount, end)
        if high > low:
            total += (high - low) * number
        low = max(low, high) if end is None else max(low, end)
    return total


def counted(table: Doc, coins: float, price: float) -> float:
    """What a balance counts for in USD."""
    if coins <= 0.0:
        return coins * price
    usd = table.get("measure", "usd") == "usd"
    size = coins * price if usd else coins
    if table.get("cap") is not None:
        size = min(size, table["cap"])
    rows = [(t["upto"], t["rate"]) for t in table["tiers"]]
    if table.get("counting", "marginal") == "whole":
        rate = 0.0
        for end, r in rows:
            if end is None or size <= end:
                rate = r
                break
        size *= rate
    else:
        size = tiered(size, rows)
    return size if usd else size * price


# --- portfolio margin ---------------------------------------------------------------------------------------------


def option_value(row: Doc, move: float, vol: float, lift: float = 1.0, days: float = 0.0) -> float:
    """USD value of the position in an option, after a move of the index by a fraction."""
    forward = row["variable"] * lift * (1.0 + move) + row["fixed"]
    years = max(row["days"] - days, 0.0) / 365.0
    value = black(row["call"], forward, row["strike"], years, vol)
    if row["inverse"]:
        value = value / forward * row["index"] * (1.0 + move) if forward > 0 else 0.0
    else:
        value *= row["settle"]
    return float(row["quantity"] * row["multiplier"] * value)


def coins_of(row: Doc) -> float:
    """Signed coins of a future or perpetual."""
    size = row["quantity"] * row["multiplier"]
    return float(size / row["mark"] if row["inverse"] else size)


def delta_of(row: Doc) -> float:
    """Coins that a position moves like."""
    if row["kind"] != "option":
        return coins_of(row) * float(row["share"])
    forward = row["variable"] + row["fixed"]
    if forward <= 0:
        return 0.0
    call = call_delta(forward, row["strike"], row["days"] / 365.0, row["vol"])
    unit = call if row["call"] else call - 1.0
    return float(row["quantity"] * row["multiplier"] * unit * row["share"])


def cash_of(row: Doc) -> float:
    """USD of those coins at the position's own mark."""
    price = row["variable"] + row["fixed"] if row["kind"] == "option" else row["mark"]
    return delta_of(row) * price * (1.0 if row["inverse"] else row["settle"])


def gain(row: Doc, move: float, how: str = "same", sign: float = 0.0, p: Doc | None = None) -> float:
    """USD that a position gains in a scenario; `how` is points or percent."""
    if row["kind"] != "option":
        return coins_of(row) * float(row["share"]) * float(row["index"]) * move
    vol = row["vol"]
    if how != "same":
        assert p is not None
        size = between(row["days"], [(v["days"], v[how]) for v in p["vol_shocks"]])
        vol = max(vol + sign * size, 0.0) if how == "points" else vol * (1.0 + sign * size)
    return option_value(row, move, vol) - option_value(row, 0.0, row["vol"])


def unit_of(p: Doc, coin: str, rows: list[Doc], owned: float, prices: dict[str, float]) -> dict[str, float]:
    """The charges of one risk unit; `owned` are the coins beside it that may be put to use."""
    index = rows[0]["index"]
    used = min(max(-sum(delta_of(r) for r in rows), 0.0), owned)
    moves = [0.0]
    for m in group(p["mr1"], coin)["moves"]:
        moves += [m, -m]
    mr1 = 0.0
    for move in moves:
        for how, sign in (("same", 0.0), ("points", 1.0), ("percent", 1.0), ("points", -1.0), ("percent", -1.0)):
            pnl = sum(gain(r, move, how, sign, p) for r in rows) + used * index * move
            mr1 = max(mr1, -pnl)
    far = group(p["mr6"], coin)["move"]
    mr6 = max(0.0, *(-(sum(gain(r, m) for r in rows) + used * index * m) for m in (far, -far)))
    options = [r for r in rows if r["kind"] == "option"]
    now = [option_value(r, 0.0, r["vol"]) for r in options]
    later = [option_value(r, 0.0, r["vol"], days=p["theta_days"]) for r in options]
    mr2 = max(0.0, sum(now) - sum(later))
    mr3 = 0.0
    expiries = sorted({r["expiry"] for r in options})
    for how in ("points", "percent"):
        ups = {e: sum(gain(r, 0.0, how, 1.0, p) for r in options if r["expiry"] == e) for e in expiries}
        downs = {e: sum(gain(r, 0.0, how, -1.0, p) for r in options if r["expiry"] == e) for e in expiries}
        apart = sum(max(-ups[e], -downs[e], 0.0) for e in expiries)
        together = max(-sum(ups.values()), -sum(downs.values()), 0.0)
        mr3 = max(mr3, p["term_structure"] * (apart - together))
    basis = group(p["mr4"], coin)
    buckets: dict[tuple[str, str], list[Doc]] = {}
    for r in rows:
        buckets.setdefault((r["currency"], r["expiry"]), []).append(r)
    mr4 = 0.0
    for mine in buckets.values():
        years = mine[0]["days"] / 365.0 if mine[0]["expiry"] else 0.0
        rate = max(basis["floor"], math.exp(basis["annual"] * years) - 1.0)
        mr4 += rate * abs(sum(cash_of(r) for r in mine))
    mr5 = 0.0
    points = p["mr5"]["points"]
    slope = p["mr5"]["slope"]
    for which in ("level", "slope"):
        for sign in (1.0, -1.0):
            lost = 0.0
            for r, before in zip(options, now, strict=True):
                if which == "level":
                    shift = between(r["days"], [(x["days"], x["level"]) for x in points])
                else:
                    shift = between(r["days"], [(points[0]["days"], slope), (points[-1]["days"], -slope)])
                lost += before - option_value(r, 0.0, r["vol"], math.exp(sign * shift * r["days"] / 365.0))
            mr5 = max(mr5, lost)
    raw = 0.0
    close = p["option_close"]
    for r in rows:
        if r["kind"] != "option":
            raw += group(p["mr7"], coin)["rate"] * abs(cash_of(r))
            continue
        size = abs(r["quantity"] * r["multiplier"])
        value = abs(option_value(r, 0.0, r["vol"]))
        slip = max(close["slippage_least"] * size, close["slippage_rate"] * abs(delta_of(r))) * index
        raw += (min(slip, value) if r["quantity"] > 0 else slip) + min(
            close["fee"] * size * index, close["fee_cap"] * value
        )
    mr7 = tiered(raw, [(t["upto"], t["multiplier"]) for t in group(p["scaling"], coin)["tiers"]])
    mr9 = 0.0
    if p.get("mr9"):
        sides = {"USD": used * index}
        for r in rows:
            side = "USD" if r["inverse"] else r["currency"]
            sides[side] = sides.get(side, 0.0) + cash_of(r)
        for a, b in p["mr9"]["order"]:
            x, y = sides.get(a, 0.0), sides.get(b, 0.0)
            if x * y >= 0.0:
                continue
            hedge = min(abs(x), abs(y))
            first, second = prices.get(a, 1.0), prices.get(b, 1.0)
            level = min(first, second) / max(first, second)
            column = len(p["mr9"]["levels"]) - 1
            for n, at in enumerate(p["mr9"]["levels"]):
                if level >= at:
                    column = n
                    break
            mr9 += tiered(hedge, [(t["upto"], t["rates"][column]) for t in p["mr9"]["tiers"]])
            sides[a] = x - math.copysign(hedge, x)
            sides[b] = y - math.copysign(hedge, y)
    mr6 *= p["extreme_share"]
    mr = max(mr1, mr2, mr6) + mr3 + mr4 + mr5 + mr9
    found = {"mr1": mr1, "mr2": mr2, "mr3": mr3, "mr4": mr4, "mr5": mr5, "mr6": mr6, "mr7": mr7, "mr7_raw": raw}
    return found | {"mr9": mr9, "mr": mr, "mmr": max(mr, mr7), "spot_in_use": used}


def portfolio(p: Doc, rows: list[Doc], account: Doc, prices: dict[str, float], hedging: bool) -> Doc:
    """Initial and maintenance margin, equity and the charges by unit, of rows as `adapters_okx` makes them."""
    units: dict[tuple[str, str], list[Doc]] = {}
    for r in rows:
        if r["quantity"] == 0.0:
            continue
        side = "USD" if r["inverse"] else r["currency"]
        name = r["underlying"] if p["unit"] == "underlying" else f"{r['underlying']}-{side}"
        units.setdefault((r["underlying"], name), []).append(r)
    charges = {}
    given = set()
    for coin, name in sorted(units, key=lambda u: (u[0], not u[1].endswith("-USDT"), u[1])):
        owned = 0.0
        if hedging and coin not in given:
            owned = max(account["collateral"].get(coin, 0.0) - account["borrowed"].get(coin, 0.0), 0.0)
            given.add(coin)
        charges[name] = unit_of(p, coin, units[coin, name], owned, prices)
    equity: dict[str, float] = {}
    for asset, amount in account["collateral"].items():
        equity[asset] = equity.get(asset, 0.0) + amount
    for asset, amount in account["borrowed"].items():
        equity[asset] = equity.get(asset, 0.0) - amount
    for r in rows:
        if r["kind"] == "option":
            money = r["index"] if r["inverse"] else r["settle"]
            equity[r["currency"]] = equity.get(r["currency"], 0.0) + option_value(r, 0.0, r["vol"]) / money
        else:
            equity[r["currency"]] = equity.get(r["currency"], 0.0) + r["profit"] + r["funding"]
    total = owed_mm = owed_im = 0.0
    for asset, amount in equity.items():
        if amount == 0.0:
            continue
        total += counted(p["discounts"][asset], amount, prices[asset])
        rule = group(p["mr8"], asset)
        owed_mm += max(-amount * prices[asset], 0.0) * rule["maintenance"]
        owed_im += max(-amount * prices[asset], 0.0) * rule["initial"]
    derivatives = sum(u["mmr"] for u in charges.values())
    return {
        "units": charges,
        "equity": total,
        "maintenance": derivatives + owed_mm,
        "initial": p["initial_factor"] * derivatives + owed_im,
    }


# --- options outside it -------------------------------------------------------------------------------------------


def short_option(rules: Doc, factor: float, row: Doc) -> tuple[float, float]:
    """Initial and maintenance margin of one coin sold; `unit` of the row is 1, or the index in the stable coin."""
    forward, strike, mark, unit = row["forward"], row["strike"], row["mark"], row["unit"]
    if row["call"]:
        out = strike - forward if strike > forward else 0.0
        floor = rules["floor"]
        kept = rules["maintenance"] * factor * unit + mark
    else:
        out = forward - strike if forward > strike else 0.0
        floor = rules["floor"] * (1.0 + mark / unit) if rules.get("floor_on_mark") else rules["floor"]
        kept = max(rules["maintenance"] * unit, rules["maintenance"] * mark) * factor + mark
    first = max(floor, rules["rate"] - out / forward) * factor * unit + mark
    return max(first, kept), kept


def step_factor(rules: Doc, contracts: float) -> float:
    """1 in the first tier, one step more in each further one."""
    factor, left = 1.0, contracts - rules["factors"]["size"]
    while left > 0.0:
        factor += rules["factors"]["step"]
        left -= rules["factors"]["size"]
    return factor


def options(p: Doc, rows: list[Doc], balance: float, reported: float | None = None) -> tuple[float, float, float]:
    """Initial, maintenance and equity of option positions in one settlement currency."""
    initial = maintenance = value = 0.0
    for row in rows:
        if row["quantity"] >= 0.0:
            continue
        rules = p["coins"][row["underlying"]]
        short = -sum(r["quantity"] for r in rows if r["underlying"] == row["underlying"] and r["quantity"] < 0.0)
        factor = step_factor(rules, short) if reported is None else reported
        size = -row["quantity"] * row["multiplier"]
        first, kept = short_option(rules, factor, row)
        initial, maintenance, value = initial + size * first, maintenance + size * kept, value - size * row["mark"]
    return initial, maintenance, balance + value


# --- futures outside it -------------------------------------------------------------------------------------------


def tier_of(table: Doc, contracts: float) -> tuple[float, float]:
    """Maintenance and least initial rate of a size, walking the tiers one by one."""
    for tier in table["tiers"]:
        if contracts <= tier["upto"]:
            return tier["maintenance"], tier["initial"]
    last, step, n = table["tiers"][-1], table["step"], 1
    while last["initial"] + n * step["initial"] < 1.0 and contracts > last["upto"] + n * step["size"]:
        n += 1
    return min(last["maintenance"] + n * step["maintenance"], 1.0), min(last["initial"] + n * step["initial"], 1.0)


def future(table: Doc, row: Doc) -> tuple[float, float]:
    """Initial and maintenance margin of a position, in its settlement currency."""
    size = abs(row["quantity"]) * row["multiplier"]
    value = size / row["mark"] if row["inverse"] else size * row["mark"]
    kept, least = tier_of(table, abs(row["quantity"]))
    rate = least if row.get("leverage") is None else max(least, 1.0 / row["leverage"])
    return value * rate, value * kept
