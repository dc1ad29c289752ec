"""PRBM and DSA against their twins."""

from __future__ import annotations

import random
from typing import Any

from naive.adapters import prbm_inputs
from naive.dsa import GREEKS, box_charge, core, dsa, gain, quadratic
from naive.prbm import net_equity, prbm
from plimsoll.margin import MarginModel, Requirement, find_rules
from sweeps.books import Book
from sweeps.compared import TOLERANCE, Certified, Compared

POINTS = 200
"""Points between the nodes at which the certified bound of each book is tried."""

PRBM = find_rules("prbm@2025-01-01").parameters


def inputs_of(book: Book) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    return prbm_inputs(book.account_doc, book.market_doc)


def against_prbm(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Totals, floors and every scenario of every underlying."""
    found = model.requirement(book.account, book.market)
    parameters, (rows, market) = model.rules.parameters, inputs_of(book)
    twin = prbm(parameters, rows, market)
    seen.near("initial", found.initial, twin["initial"])
    seen.near("maintenance", found.maintenance, twin["maintenance"])
    seen.near("equity", found.net_equity, net_equity(parameters["haircuts"], rows, market, book.account.collateral))
    seen.near("basis", found.workings["basis"], twin["basis"])
    for coin, parts in twin["per_underlying"].items():
        for name in ("scan", "min_delta", "short_option"):
            seen.near(f"{coin}.{name}", found.workings[f"{coin}.{name}"], parts[name])
        mine = [s.pnl for s in found.scenarios if len(book.coins) == 1 or s.label.startswith(f"{coin} ")]
        weights = [s["weight"] for s in parameters["scenarios"]]
        weighed = [pnl * weight for pnl, weight in zip(parts["scenario_pnl"], weights, strict=True)]
        seen.all_near(f"{coin}.scenario", mine, weighed)
    return found


def against_dsa(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Everything that follows from the rules, and the certified bound at every node and at points between them."""
    found = model.requirement(book.account, book.market)
    parameters, (rows, market) = model.rules.parameters, inputs_of(book)
    scans = prbm(PRBM, rows, market)["per_underlying"]
    total = 0.0
    for coin, parts in dsa(parameters, rows, market).items():
        w = {key.removeprefix(f"{coin}."): v for key, v in found.workings.items() if key.startswith(f"{coin}.")}
        seen.all_near(f"{coin}.greeks", [w[f"coefficient.{name}"] for name in GREEKS], parts["greeks"])
        for name in ("expansion", "delta", "min_delta", "full", "seen"):
            seen.near(f"{coin}.{name}", w[name], parts[name])
        used, revalued = box_charge(parameters, parts, w["bound"])
        seen.near(f"{coin}.used", w["used"], used)
        seen.near(f"{coin}.prbm_scan", w["prbm_scan"], scans[coin]["scan"])
        # often the difference of two equal amounts, of which only rounding is left to compare
        assert w["difference_to_prbm"] == w["used"] - w["prbm_scan"]
        assert w["full_used"] == float(revalued)
        mine = [row for row in rows if row["underlying"] == coin]
        error = bound_holds(parameters, mine, market, coin, parts, w)
        seen.certified.append(Certified(book.kind, revalued, w["bound"], error))
        total += core(parts, used)
    seen.near("initial", found.initial, total)
    seen.near("maintenance", found.maintenance, parameters["maintenance_factor"] * total)
    seen.near("equity", found.net_equity, net_equity(parameters["haircuts"], rows, market, book.account.collateral))
    return found


def bound_holds(
    parameters: dict[str, Any],
    rows: list[dict[str, Any]],
    market: dict[str, Any],
    coin: str,
    parts: dict[str, Any],
    workings: dict[str, float],
) -> float:
    """Largest error met at the nodes and between them, after holding it and the losses there to what is certified."""
    box, spot = parameters["box"], float(market["index"][coin])
    draw = random.Random(f"{coin} {len(rows)} {spot!r}")
    error, loss = parts["seen"], parts["full"]
    for _ in range(POINTS):
        x = draw.uniform(-box["move"], box["move"])
        y = draw.uniform(-box["vol_down"], box["vol_up"])
        at = gain(parameters, rows, market, spot, x, y)
        error, loss = max(error, abs(at - quadratic(parts["greeks"], x, y))), max(loss, -at)
    slack = TOLERANCE * max(1.0, parts["seen"])
    assert error <= workings["bound"] + slack, f"{coin}: error {error!r}, certified {workings['bound']!r}"
    assert loss <= workings["full"] + workings["full_gap"] + slack, f"{coin}: loss {loss!r} between the nodes"
    assert loss <= workings["expansion"] + workings["bound"] + slack, (
        f"{coin}: loss {loss!r} beyond expansion and bound"
    )
    return float(error)
