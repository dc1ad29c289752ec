"""Naive Greeks margin of the house: one contract, one node of the grid at a time, on floats.

Second opinion for the expansion, the charges on delta and the full revaluation; imports nothing of the package. Rules:
docs/rules/dsa.md and docs/decisions/015. Derivatives come from `jets`, the gain at a node from the revaluation of
`prbm`. The twin has no opinion about the size of the certified bound, for any number that is never below the error is
one: `box_charge` takes the bound as it is given, and whoever compares holds it to the points that it speaks of.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from . import jets
from .jets import Jet
from .prbm import forward_parts, min_delta_charge, settle_price, shocked_vol, unit_pnl, vol_reach

Doc = dict[str, Any]
Row = dict[str, Any]
GREEKS = ("delta", "gamma", "vega", "vanna", "volga")


def unit_jet(params: Doc, row: Row, market: Doc, spot: float) -> Jet:
    """Dollar gain of one contract around today: `x` the relative move of the index, `y` the volatility move."""
    multiplier, up = float(row["multiplier"]), Jet(1.0, x=1.0)
    if row["kind"] == "spot":
        return (up - 1.0) * (multiplier * spot)
    variable, fixed = forward_parts(row)
    now = variable + fixed
    then = up * variable + fixed
    if row["kind"] == "option":
        vol = Jet(float(row["vol"]), y=float(row["vol"]) * vol_reach(params, row))
        new = jets.black(bool(row["call"]), then, float(row["strike"]), float(row["t"]), vol)
        if row["style"] == "linear":
            return (new - new.f) * (multiplier * settle_price(row, market))
        return new / then * up * (multiplier * spot) - multiplier * spot * new.f / now
    if row["style"] == "linear":
        return (then - now) * (multiplier * settle_price(row, market))
    return (Jet(1.0 / now) - Jet(1.0) / then) * up * (multiplier * spot)


def coefficients(params: Doc, rows: list[Row], market: Doc, spot: float) -> list[float]:
    """Delta, gamma, vega, vanna, volga of the dollar gain of a book."""
    total = Jet(0.0)
    for row in rows:
        total = total + unit_jet(params, row, market, spot) * float(row["quantity"])
    return [total.x, total.xx, total.y, total.xy, total.yy]


def quadratic(greeks: list[float], x: float, y: float) -> float:
    delta, gamma, vega, vanna, volga = greeks
    return delta * x + 0.5 * gamma * x * x + vega * y + vanna * x * y + 0.5 * volga * y * y


def worst_of_quadratic(greeks: list[float], box: Doc) -> float:
    """Largest loss of the quadratic in the box, at least zero: corners, turning points of the edges and inside."""
    delta, gamma, vega, vanna, volga = greeks
    move, low, high = float(box["move"]), -float(box["vol_down"]), float(box["vol_up"])
    points = [(x, y) for x in (-move, move) for y in (low, high)]
    if volga != 0.0:
        points += [(x, -(vega + vanna * x) / volga) for x in (-move, move)]
    if gamma != 0.0:
        points += [(-(delta + vanna * y) / gamma, y) for y in (low, high)]
    twist = gamma * volga - vanna * vanna
    if twist != 0.0:
        points.append(((vega * vanna - delta * volga) / twist, (delta * vanna - vega * gamma) / twist))
    inside = [(x, y) for x, y in points if -move <= x <= move and low <= y <= high]
    return max(0.0, *(-quadratic(greeks, x, y) for x, y in inside))


def gain(params: Doc, rows: list[Row], market: Doc, spot: float, x: float, y: float) -> float:
    """Dollar gain of a book fully revalued at one point of the box."""
    total = 0.0
    for row in rows:
        vol = shocked_vol(params, row, y) if row["kind"] == "option" else 0.0
        total += float(row["quantity"]) * unit_pnl(row, market, spot, spot * (1.0 + x), 1.0 + x, vol)
    return total


def nodes(params: Doc) -> list[tuple[float, float]]:
    """The grid: so many cells on each side of no move, in spot and in volatility."""
    box, grid = params["box"], params["grid"]
    across, along = int(grid["spot_cells"]), int(grid["vol_cells"])
    xs = [float(box["move"]) * i / across for i in range(-across, across + 1)]
    ys = [float(box["vol_down"]) * j / along for j in range(-along, 0)]
    ys += [float(box["vol_up"]) * j / along for j in range(along + 1)]
    return list(product(xs, ys))


def delta_charges(params: Doc, rows: list[Row], market: Doc, spot: float) -> tuple[float, float]:
    """(charge on the net delta, minimum delta charge), no bought option above its value if the pack says so."""
    cap = params["min_delta"]["cap_long_options"]
    net = {"net": params["delta_rate"], "hedged": 0.0, "cap_long_options": cap}
    plain = min_delta_charge({"min_delta": net}, rows, market, spot)
    return plain, min_delta_charge(params, rows, market, spot)


def dsa(params: Doc, book: list[Row], market: Doc) -> dict[str, Doc]:
    """By underlying: coefficients, expansion, both delta charges, and what the nodes of the grid say.

    `full` is the largest loss at a node, `seen` the largest difference there between revaluation and expansion.
    """
    grouped: dict[str, list[Row]] = {}
    for row in book:
        grouped.setdefault(row["underlying"], []).append(row)
    found = {}
    for name, rows in grouped.items():
        spot = float(market["index"][name])
        greeks = coefficients(params, rows, market, spot)
        worst, seen = 0.0, 0.0
        for x, y in nodes(params):
            at = gain(params, rows, market, spot, x, y)
            worst, seen = max(worst, -at), max(seen, abs(at - quadratic(greeks, x, y)))
        delta, min_delta = delta_charges(params, rows, market, spot)
        found[name] = {
            "greeks": greeks,
            "expansion": worst_of_quadratic(greeks, params["box"]),
            "delta": delta,
            "min_delta": min_delta,
            "full": worst,
            "seen": seen,
        }
    return found


def box_charge(params: Doc, parts: Doc, bound: float) -> tuple[float, bool]:
    """(charge of the box, whether it is that of the full revaluation) under a certified bound."""
    floors = max(parts["delta"], parts["min_delta"])
    doubtful = bound > float(params["tolerance"]) * max(parts["expansion"], floors)
    matters = parts["expansion"] + bound > floors
    revalued = doubtful and matters
    return parts["full"] if revalued else parts["expansion"], revalued


def core(parts: Doc, box: float) -> float:
    """What one underlying adds to the requirement."""
    return float(max(box, parts["delta"], parts["min_delta"]))
