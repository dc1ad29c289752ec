"""Naive house scenario model: plain loops over scenarios and book rows, on floats.

Second opinion for the fast house engine; imports nothing of the package. P&L is positive for a gain, charges
are positive numbers, everything in USD unless named. One requirement per underlying, totals are the sums.
"""

from __future__ import annotations

import math
from typing import Any

from .black import black, call_delta

YEAR_DAYS = 365.0

Doc = dict[str, Any]
Row = dict[str, Any]


def settle_price(row: Row, market: Doc) -> float:
    return float(market["settle_price"][row["settle"]])


def forward_parts(row: Row) -> tuple[float, float]:
    """(variable, fixed) part of the forward of an option, or of the price of a future or perpetual."""
    if row["kind"] == "perpetual" or row.get("forward_variable") is None:
        return float(row["mark"]), 0.0
    return float(row["forward_variable"]), float(row.get("forward_fixed") or 0.0)


def vol_reach(params: Doc, row: Row) -> float:
    """How much of a volatility move reaches the expiry of an option: one at the reference tenor."""
    days = YEAR_DAYS * float(row["t"])
    reference = float(params["vol_reference_days"])
    power = float(params["vol_power_short"] if days < reference else params["vol_power_long"])
    return math.pow(reference / max(float(params["vol_days_floor"]), days), power)


def shocked_vol(params: Doc, row: Row, shift: float) -> float:
    return float(row["vol"]) * max(0.0, 1.0 + shift * vol_reach(params, row))


def unit_pnl(row: Row, market: Doc, spot_now: float, spot_then: float, factor: float, vol: float) -> float:
    """USD P&L of one contract: variable forward parts times factor, spot going to spot_then, a new vol."""
    multiplier = float(row["multiplier"])
    if row["kind"] == "spot":
        return multiplier * (spot_then - spot_now)
    variable, fixed = forward_parts(row)
    now, then = variable + fixed, variable * factor + fixed
    if row["kind"] == "option":
        old = black(bool(row["call"]), now, float(row["strike"]), float(row["t"]), float(row["vol"]))
        new = black(bool(row["call"]), then, float(row["strike"]), float(row["t"]), vol)
        if row["style"] == "linear":
            return multiplier * (new - old) * settle_price(row, market)
        return multiplier * (new / then) * spot_then - multiplier * (old / now) * spot_now
    if row["style"] == "linear":
        return multiplier * (then - now) * settle_price(row, market)
    return multiplier * (1.0 / now - 1.0 / then) * spot_then


def scenario_pnl(params: Doc, rows: list[Row], market: Doc, spot: float, scenario: Doc) -> float:
    """Unweighted P&L of one underlying's rows in one scenario."""
    factor = 1.0 + float(scenario["move"])
    total = 0.0
    for row in rows:
        vol = shocked_vol(params, row, float(scenario["vol"])) if row["kind"] == "option" else 0.0
        total += float(row["quantity"]) * unit_pnl(row, market, spot, spot * factor, factor, vol)
    return total


def settled(row: Row) -> bool:
    """Past its expiry: no time left and nothing of its price still moves."""
    return row["kind"] in ("option", "future") and float(row["t"]) == 0.0 and forward_parts(row)[0] == 0.0


def unit_delta(row: Row) -> float:
    """Delta of one contract in coins."""
    multiplier = float(row["multiplier"])
    if settled(row):
        return 0.0
    if row["kind"] == "spot":
        return multiplier
    variable, fixed = forward_parts(row)
    if row["kind"] == "option":
        up = call_delta(variable + fixed, float(row["strike"]), float(row["t"]), float(row["vol"]))
        return multiplier * (up if row["call"] else up - 1.0)
    return multiplier if row["style"] == "linear" else multiplier / (variable + fixed)


def option_value(row: Row, market: Doc, spot: float) -> float:
    """USD value of one option contract."""
    variable, fixed = forward_parts(row)
    forward = variable + fixed
    price = black(bool(row["call"]), forward, float(row["strike"]), float(row["t"]), float(row["vol"]))
    if row["style"] == "linear":
        return float(row["multiplier"]) * price * settle_price(row, market)
    return float(row["multiplier"]) * price / forward * spot


def delta_charge(rule: Doc, deltas: list[float], spot: float) -> float:
    """Charge on net and on hedged delta; deltas are signed position deltas in coins."""
    net = abs(sum(deltas))
    gross = sum(abs(delta) for delta in deltas)
    return (float(rule["net"]) * net + float(rule["hedged"]) * (gross - net) / 2.0) * spot


def min_delta_charge(params: Doc, rows: list[Row], market: Doc, spot: float) -> float:
    """The delta charge, any part of a bought option left out of it against its value, in the cheapest way.

    The cheapest way is a linear program in the parts kept; it is solved by trying every corner of its dual.
    """
    rule = params["min_delta"]
    deltas = [float(row["quantity"]) * unit_delta(row) for row in rows]
    if not rule["cap_long_options"]:
        return delta_charge(rule, deltas, spot)
    worth = []
    for row in rows:
        bought = row["kind"] == "option" and float(row["quantity"]) > 0.0
        worth.append(float(row["quantity"]) * option_value(row, market, spot) if bought else math.inf)
    net, hedged = float(rule["net"]), float(rule["hedged"])
    slope, offset = (2.0 * net - hedged) * spot, (net - hedged) * spot
    corners = [0.0, 1.0]
    for delta, value in zip(deltas, worth, strict=True):
        if delta != 0.0 and value < math.inf and slope > 0.0:
            at = (value / abs(delta) + offset) / slope
            corners.append(min(1.0, max(0.0, at if delta > 0.0 else 1.0 - at)))
    best = -math.inf
    for corner in corners:
        total = 0.0
        for delta, value in zip(deltas, worth, strict=True):
            side = corner if delta > 0.0 else 1.0 - corner
            total += min(value, (slope * side - offset) * abs(delta))
        best = max(best, total)
    return best


def short_option_charge(params: Doc, rows: list[Row], spot: float) -> float:
    """Rate on the coins net short, per expiry and per call or put."""
    coins: dict[tuple[float, bool], float] = {}
    for row in rows:
        if row["kind"] == "option" and not settled(row):
            key = (float(row["t"]), bool(row["call"]))
            coins[key] = coins.get(key, 0.0) + float(row["quantity"]) * float(row["multiplier"])
    return float(params["short_option_rate"]) * spot * sum(max(0.0, -net) for net in coins.values())


def basis_charge(params: Doc, rows: list[Row], market: Doc, spot: float) -> float:
    """Loss of each expiry on its worse forward move, spot and vol held, scaled with its life; summed."""
    rule = params["basis"]
    expiries: dict[float, list[Row]] = {}
    for row in rows:
        if row["kind"] in ("option", "future"):
            expiries.setdefault(float(row["t"]), []).append(row)
    total = 0.0
    for t, dated in expiries.items():
        changes = []
        for factor in (float(rule["up"]), float(rule["down"])):
            change = 0.0
            for row in dated:
                vol = float(row["vol"]) if row["kind"] == "option" else 0.0
                change += float(row["quantity"]) * unit_pnl(row, market, spot, spot, factor, vol)
            changes.append(change)
        total += max(0.0, -min(changes)) * (float(rule["add"]) + float(rule["mult"]) * t)
    return total


def net_equity(haircuts: Doc, book: list[Row], market: Doc, collateral: Doc) -> float:
    """Collateral after haircut, the value of options and spot, profit and funding that are still to settle, in USD.

    Rows carry `unrealised` and `funding` in their settlement currency.
    """
    total = 0.0
    for asset, amount in collateral.items():
        worth = float(amount) * float(market["settle_price"][asset])
        total += worth - float(haircuts[asset]) * abs(worth)
    for row in book:
        spot, quantity = float(market["index"][row["underlying"]]), float(row["quantity"])
        if row["kind"] == "spot":
            total += quantity * float(row["multiplier"]) * spot
            continue
        if row["kind"] == "option":
            total += quantity * option_value(row, market, spot)
        total += (float(row["unrealised"]) + float(row["funding"])) * settle_price(row, market)
    return total


def one_underlying(params: Doc, rows: list[Row], market: Doc, spot: float) -> Doc:
    pnls = [scenario_pnl(params, rows, market, spot, scenario) for scenario in params["scenarios"]]
    scan, worst = 0.0, -1
    for i, pnl in enumerate(pnls):
        loss = -float(params["scenarios"][i]["weight"]) * pnl
        if loss > scan:
            scan, worst = loss, i
    min_delta = min_delta_charge(params, rows, market, spot)
    short_option = short_option_charge(params, rows, spot)
    core = max(scan, min_delta, short_option)
    basis = basis_charge(params, rows, market, spot)
    return {
        "scan": scan,
        "worst_scenario": worst,
        "min_delta": min_delta,
        "short_option": short_option,
        "core": core,
        "basis": basis,
        "initial": core + basis,
        "maintenance": float(params["maintenance_factor"]) * (core + basis),
        "scenario_pnl": pnls,
    }


def prbm(params: Doc, book: list[Row], market: Doc) -> Doc:
    """Requirement of a book.

    Returns the parts per underlying under "per_underlying" (scan, worst_scenario (-1: none loses), min_delta,
    short_option, core, basis, initial, maintenance, scenario_pnl) and their sums at the top level; the top
    scenario_pnl adds the underlyings' unweighted P&L scenario by scenario.
    """
    grouped: dict[str, list[Row]] = {}
    for row in book:
        grouped.setdefault(row["underlying"], []).append(row)
    per: dict[str, Doc] = {}
    for name, rows in grouped.items():
        per[name] = one_underlying(params, rows, market, float(market["index"][name]))
    out: Doc = {"per_underlying": per}
    for part in ("scan", "min_delta", "short_option", "core", "basis", "initial", "maintenance"):
        out[part] = math.fsum(numbers[part] for numbers in per.values())
    count = len(params["scenarios"])
    lists = [numbers["scenario_pnl"] for numbers in per.values()]
    out["scenario_pnl"] = [math.fsum(pnls[i] for pnls in lists) for i in range(count)]
    return out
