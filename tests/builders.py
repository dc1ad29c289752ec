"""Small market, account, rules and case documents for the tests, as plain dictionaries, and files of bars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

Doc = dict[str, Any]

TIME = datetime(2026, 1, 1, tzinfo=UTC)
NOW = "2026-01-01T00:00:00Z"
MONTH = "2026-01-31T00:00:00Z"
CALL, PUT, WING, PERP, FUTURE = "BTC-70000-C", "BTC-70000-P", "BTC-80000-C", "BTC-PERP", "BTC-JAN"
PRBM, PMRM2 = "prbm@2026-01-01", "derive-pmrm2@2025-04-18"


def at(seconds: float) -> str:
    """The instant that many seconds after the snapshot."""
    return (TIME + timedelta(seconds=seconds)).isoformat()


def option(strike: float, call: bool, **changes: Any) -> Doc:
    """A listed linear BTC option of a month; `name` follows from strike and side."""
    name = f"BTC-{strike:g}-{'C' if call else 'P'}"
    row = {"kind": "option", "name": name, "underlying": "BTC", "expiry": MONTH, "strike": float(strike)}
    return row | {"call": call, "settlement": "linear", "currency": "USDC"} | changes


def perpetual(**changes: Any) -> Doc:
    """A listed linear BTC perpetual."""
    row = {"kind": "perpetual", "name": PERP, "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
    return row | changes


def future(**changes: Any) -> Doc:
    """A listed linear BTC future of a month."""
    return perpetual(kind="future", name=FUTURE, expiry=MONTH) | changes


def market_doc(**changes: Any) -> Doc:
    """BTC at 70,000 with three options of a month at 60 %, a future and a perpetual."""
    options = [option(70_000, True), option(70_000, False), option(80_000, True)]
    marks: Doc = {o["name"]: {"vol": 0.6} for o in options}
    marks |= {PERP: {"price": 70_000.0}, FUTURE: {"price": 70_000.0}}
    content = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": NOW,
        "indices": {"BTC": {"price": 70_000.0}},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": MONTH, "forward": {"variable": 70_000.0}}],
        "instruments": [*options, perpetual(), future()],
        "marks": marks,
    }
    return content | changes


def account_doc(book: dict[str, float] | None = None, **changes: Any) -> Doc:
    """An account with 50,000 USDC holding `book` (instrument to quantity); default: a call and a short future."""
    held = {CALL: 1.0, PERP: -0.5} if book is None else book
    content = {
        "schema": "plimsoll.account",
        "schema_version": 1,
        "positions": [{"instrument": name, "quantity": float(q)} for name, q in held.items()],
        "collateral": {"USDC": 50_000.0},
    }
    return content | changes


def rules_doc(reference: str = PRBM) -> Doc:
    """A shipped pack as a dictionary."""
    from plimsoll.margin import find_rules

    return find_rules(reference).to_dict()


def case_doc(**changes: Any) -> Doc:
    """Fixture 1b of the house model as a conformance case."""
    content = {
        "schema": "plimsoll.case",
        "schema_version": 1,
        "id": "two-long-calls",
        "rules": PRBM,
        "account": account_doc({CALL: 2.0}),
        "market": market_doc(),
        "expected": {"workings.BTC.scan": "7993", "binding.0.kind": "scan"},
    }
    return content | changes


def without(content: Doc, *keys: str) -> Doc:
    """A copy without those top-level fields."""
    return {k: v for k, v in content.items() if k not in keys}


def bars(path: Path, symbols: dict[str, float], days: int = 400, end: str = "2025-12-31") -> str:
    """A CSV of daily closes of some symbols that ends on a day, labelled by its start."""
    rng = np.random.default_rng(1)
    last = np.datetime64(end)
    lines = ["date,symbol,open,high,low,close,volume"]
    for symbol, price in symbols.items():
        closes = price * np.exp(np.cumsum(0.03 * rng.standard_normal(days)))
        for k, close in enumerate(closes.tolist()):
            stamp = f"{last - np.timedelta64(days - 1 - k, 'D')}T00:00:00Z"
            lines.append(f"{stamp},{symbol},{close:.6f},{close:.6f},{close:.6f},{close:.6f},1")
    path.write_text("\n".join(lines) + "\n")
    return str(path)
