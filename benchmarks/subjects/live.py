"""How long the live engine takes for an event and for a question."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.race import Effort, Inputs
from benchmarks.subjects._contenders import ours

TITLE = "The live engine"
ABOUT = (
    "Accounts of 20 positions in contracts of one coin, with 0.8 to 3 times the cash that they need, under each rule "
    "set that has hot rows; each call timed alone: a fill booked and margined, a volatility, an index with everything "
    "that follows it, an order checked, and many orders together. The whole is every account by the batch in a "
    "snapshot, which prices all rows and leaves nobody out. Median of single calls, for the house model the slowest of "
    "a hundred too, which depends on what else the machine does. Then the house model over the number of accounts."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {
        "accounts": 1_000,
        "others": 200,
        "orders": 200,
        "together": 100_000,
        "together others": 4_000,
        "curve": (100, 400, 1_600),
    },
    "quick": {
        "accounts": 20,
        "others": 8,
        "orders": 40,
        "together": 400,
        "together others": 200,
        "curve": (10, 20),
    },
}
CALLS = {
    "fill": "a fill",
    "tick": "a volatility of one option",
    "index": "an index with its forwards and marks",
    "check": "one order checked",
}
HOUSE = "prbm@2026-01-01"
OTHERS = (
    "deribit-pm@2026-09-23",
    "deribit-sm@2026-09-23",
    "derive-pmrm2@2026-01-21",
    "derive-pmrm1@2025-04-18",
    "derive-srm@2026-01-21",
    "dsa@2025-01-01",
)
FEW = Effort(3, 0.05)
"""Rounds and seconds of a turn for what is measured once for each of many rule sets."""


def run(bench: Bench) -> None:
    """Each kind of call by itself, the batch beside the index, many orders together, other rules, more accounts."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("live", bench.seed)
    orders = sizes["orders"]
    inputs = {
        "seed": np.asarray(7),
        "account": rng.integers(0, 1_000_000, orders),
        "instrument": rng.integers(0, 1_000_000, orders),
        "quantity": np.round(rng.normal(0.0, 2.0, orders), 1) + 0.05,
    }
    _house(bench, inputs, sizes)
    _others(bench, inputs, sizes)
    _curve(bench, inputs, sizes)


def _house(bench: Bench, inputs: Inputs, sizes: dict[str, Any]) -> None:
    effort = Effort(min(5, bench.effort.rounds), bench.effort.seconds, most_calls=sizes["orders"])
    accounts = sizes["accounts"]
    for clock in ("p50", "p99"):
        lanes = [ours(f"{key}, {clock}", f"live:{key}", "call", clock=clock, accounts=accounts) for key in CALLS]
        if clock == "p50":
            lanes.append(ours("the whole, p50", "live:whole", "call", clock=clock, accounts=accounts))
        race = bench.race(lanes, inputs, effort=effort)
        for key, words in CALLS.items():
            lane = race.lanes[f"{key}, {clock}"]
            bench.note(
                f"{key}, {clock}",
                f"seconds for {words}, {clock}, {accounts:,} accounts",
                "s",
                lane.per_unit,
                lane.missing,
            )
        if clock == "p50":
            bench.ratio(
                "whole over index", "the batch of all accounts over an index tick", race, "the whole, p50", "index, p50"
            )
    _together(bench, inputs, HOUSE, accounts, sizes["together"], "together")


def _others(bench: Bench, inputs: Inputs, sizes: dict[str, Any]) -> None:
    accounts = sizes["others"]
    for rules in OTHERS:
        lanes = [
            ours(f"{rules} {key}", f"live:{key}", "call", clock="p50", accounts=accounts, rules=rules) for key in CALLS
        ]
        race = bench.race(lanes, inputs, effort=FEW)
        for key, words in CALLS.items():
            lane = race.lanes[f"{rules} {key}"]
            title = f"seconds for {words}, p50, {accounts:,} accounts under {rules}"
            bench.note(f"{rules} {key}", title, "s", lane.per_unit, lane.missing)
        _together(bench, inputs, rules, accounts, sizes["together others"], f"{rules} together")


def _curve(bench: Bench, inputs: Inputs, sizes: dict[str, Any]) -> None:
    """The house model's fill and index over the number of accounts."""
    for accounts in sizes["curve"]:
        keys = ("fill", "index")
        lanes = [ours(f"{key} of {accounts}", f"live:{key}", "call", clock="p50", accounts=accounts) for key in keys]
        race = bench.race(lanes, inputs, effort=FEW)
        for key in keys:
            lane = race.lanes[f"{key} of {accounts}"]
            title = f"seconds for {CALLS[key]}, p50, {accounts:,} accounts"
            bench.note(f"{key} of {accounts}", title, "s", lane.per_unit, lane.missing)


def _together(bench: Bench, inputs: Inputs, rules: str, accounts: int, orders: int, key: str) -> None:
    name = f"{orders:,} orders together under {rules}"
    many = bench.race(
        [ours(name, "live:check_many", "order", accounts=accounts, orders=orders, rules=rules)],
        inputs,
        effort=Effort(3, 0.0),
    )
    bench.note(key, f"orders a second, {name}", "1/s", many.lanes[name].rate, many.lanes[name].missing)
