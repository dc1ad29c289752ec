"""Write the worked fixtures of the house model as `plimsoll.case` documents.

    python tools/make_cases.py [--check]

The expected numbers are the printed ones of the project's specification (capabilities 4.3), as text, so that
conformance asks for no more digits than were printed; one more case holds the pack to the published table itself
(capabilities K4). Nothing here calls the margin model: strikes and hedges follow from the normal distribution.
With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

import math
import sys
from statistics import NormalDist
from typing import Any

from case_files import keep

SPOT, VOL, DAYS = 70_000.0, 0.6, 30
TIME, EXPIRY = "2025-01-01T08:00:00Z", "2025-01-31T08:00:00Z"
TOTAL_VOL = VOL * math.sqrt(DAYS / 365.0)

# Rounded so that the files come out the same on every machine; the delta then still holds to twelve digits.
CALL_DELTA = round(NormalDist().cdf(TOTAL_VOL / 2.0), 14)
LOW_DELTA_STRIKE = round(SPOT * math.exp(TOTAL_VOL**2 / 2.0 - TOTAL_VOL * NormalDist().inv_cdf(0.3)), 8)

SPOT_DOWN, DOWN, UP = "-16% iv +40%", "-12% iv -22%", "+500% iv +40%"

Legs = list[tuple[str, float, float]]
"""(kind, strike, quantity); the strike of a perpetual is not read."""

CASES: list[tuple[str, str, str, Legs, dict[str, str]]] = [
    (
        "1a-synthetic-long",
        "Long call and short put of one strike: a future in two legs",
        "1a",
        [("call", SPOT, 1.0), ("put", SPOT, -1.0)],
        {"workings.BTC.scan": "11200", "binding.0.label": SPOT_DOWN},
    ),
    (
        "1a-perpetual",
        "One long perpetual, to which the pair of 1a is identical",
        "1a",
        [("perp", 0.0, 1.0)],
        {"workings.BTC.scan": "11200", "binding.0.label": SPOT_DOWN},
    ),
    (
        "1b-two-long-calls",
        "Two long calls",
        "1b",
        [("call", SPOT, 2.0)],
        {"workings.BTC.scan": "7993", "net_equity": "9596", "binding.0.label": DOWN},
    ),
    (
        "2a-hedged-short-call",
        "Short call hedged with its delta in perpetuals",
        "2a",
        [("call", SPOT, -1.0), ("perp", 0.0, CALL_DELTA)],
        {"workings.BTC.scan": "5063", "binding.0.label": UP},
    ),
    (
        "2b-long-call",
        "Long call, unhedged",
        "2b",
        [("call", SPOT, 1.0)],
        {"workings.BTC.scan": "3996", "net_equity": "4798", "binding.0.label": DOWN},
    ),
    (
        "3-naked-short-call",
        "Naked short call",
        "3",
        [("call", SPOT, -1.0)],
        {"workings.BTC.scan": "11046", "binding.0.label": UP},
    ),
    (
        "4-naked-short-put",
        "Naked short put",
        "4",
        [("put", SPOT, -1.0)],
        {"workings.BTC.scan": "9937", "binding.0.label": "-66% iv +40%"},
    ),
    (
        "5-call-spread",
        "Long call against a short call 10,000 higher",
        "5",
        [("call", SPOT, 1.0), ("call", 80_000.0, -1.0)],
        {"workings.BTC.scan": "2478", "binding.0.label": DOWN},
    ),
    (
        "5-short-leg",
        "The short leg of the spread alone",
        "5",
        [("call", 80_000.0, -1.0)],
        {"workings.BTC.scan": "10828", "binding.0.label": UP},
    ),
    (
        "6-long-straddle",
        "Long straddle",
        "6",
        [("call", SPOT, 1.0), ("put", SPOT, 1.0)],
        {"workings.BTC.scan": "2107", "binding.0.label": "0% iv -22%"},
    ),
    (
        "7-minimum-delta",
        "One long perpetual against five short calls of delta 0.3: net -0.5, gross 2.5",
        "7",
        [("perp", 0.0, 1.0), ("call", LOW_DELTA_STRIKE, -5.0)],
        {"workings.BTC.min_delta": "1400"},
    ),
]


TABLE: list[tuple[float, float, float]] = [
    (16, 40, 100),
    (12, 40, 100),
    (12, -22, 100),
    (8, 40, 100),
    (8, -22, 100),
    (4, 40, 100),
    (4, -22, 100),
    (0, 40, 100),
    (0, -22, 100),
    (-4, 40, 100),
    (-4, -22, 100),
    (-8, 40, 100),
    (-8, -22, 100),
    (-12, 40, 100),
    (-12, -22, 100),
    (-16, 40, 100),
    (-66, 40, 24),
    (-33, 40, 48),
    (50, 40, 32),
    (100, 40, 16),
    (200, 40, 8),
    (300, 40, 5.33),
    (400, 40, 4),
    (500, 40, 3.2),
]
"""The published table in percent: spot move, volatility move, weight."""

Expected = dict[str, str | float]


def published_table() -> dict[str, Any]:
    """One long perpetual: what it gains in every row of the published table, and half of its margin to keep it."""
    expected: Expected = {"initial": "11200", "maintenance": "5600"}
    for i, (move, vol, weight) in enumerate(TABLE):
        expected[f"scenarios.{i}.label"] = f"{move:+g}% iv {vol:+g}%".replace("+0%", "0%")
        expected[f"scenarios.{i}.pnl"] = round(SPOT * move * weight / 10_000.0, 6)
    title = "The published table, row by row, on one long perpetual; maintenance is half of initial"
    source = "project specification, capabilities K4: the published table and factor, multiplied out by hand"
    return document("published-table", title, source, [("perp", 0.0, 1.0)], expected)


def fixture(name: str, title: str, row: str, legs: Legs, expected: dict[str, str]) -> dict[str, Any]:
    """One row of the worked fixtures."""
    source = f"project specification, capabilities 4.3, row {row}: computed there, printed whole"
    return document(name, title, source, legs, dict(expected))


def document(name: str, title: str, source: str, legs: Legs, expected: Expected) -> dict[str, Any]:
    """One case document."""
    settle = {"underlying": "BTC", "settlement": "linear", "currency": "USD"}
    instruments: list[dict[str, Any]] = []
    marks: dict[str, Any] = {}
    positions = []
    for kind, strike, quantity in legs:
        instrument: dict[str, Any]
        if kind == "perp":
            instrument = {"kind": "perpetual", "name": "BTC-PERPETUAL", **settle}
            mark = {"price": SPOT}
        else:
            label = f"BTC-31JAN25-{strike:g}-{kind[0].upper()}"
            terms = {"expiry": EXPIRY, "strike": strike, "call": kind == "call"}
            instrument = {"kind": "option", "name": label, **settle, **terms}
            mark = {"vol": VOL}
        instruments.append(instrument)
        marks[instrument["name"]] = mark
        positions.append({"instrument": instrument["name"], "quantity": quantity})
    return {
        "schema": "plimsoll.case",
        "schema_version": 1,
        "id": f"prbm-{name}",
        "title": title,
        "source": source,
        "rules": "prbm@2025-01-01",
        "account": {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "name": name,
            "positions": positions,
        },
        "market": {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": TIME,
            "indices": {"BTC": {"price": SPOT}},
            "assets": {"USD": {"price": 1.0}},
            "expiries": [{"underlying": "BTC", "expiry": EXPIRY, "forward": {"variable": SPOT}}],
            "instruments": instruments,
            "marks": marks,
        },
        "expected": expected,
    }


def main(arguments: list[str] | None = None) -> int:
    return keep([*(fixture(*case) for case in CASES), published_table()], "make_cases.py", arguments, own=("prbm-",))


if __name__ == "__main__":
    sys.exit(main())
