"""A market of two coins with every kind of contract, books on it, and histories of returns."""

from __future__ import annotations

from typing import Any

import numpy as np

import plimsoll as pl
from builders import at, market_doc
from plimsoll.risk.joint import JointBook, joint_book
from plimsoll.scenarios.factors import FactorHistory

DAY = 86_400.0
MONTH, WEEK = 30.0 * DAY, 7.0 * DAY
PRICES = {"BTC": 70_000.0, "ETH": 3_500.0}


def _options() -> list[dict[str, Any]]:
    found = []
    for coin, strikes in (("BTC", (55_000.0, 70_000.0, 90_000.0)), ("ETH", (2_800.0, 3_500.0, 4_500.0))):
        for days in (WEEK, MONTH):
            for strike in strikes:
                for call in (True, False):
                    inverse = strike == strikes[0]
                    name = f"{coin}-{days / DAY:.0f}d-{strike:g}-{'C' if call else 'P'}"
                    row: dict[str, Any] = {"kind": "option", "name": name, "underlying": coin, "expiry": at(days)}
                    row |= {"strike": strike, "call": call, "settlement": "inverse" if inverse else "linear"}
                    found.append(row | {"currency": coin if inverse else "USDC"})
    return found


def _linear() -> list[dict[str, Any]]:
    found = []
    for coin in PRICES:
        base = {"underlying": coin, "settlement": "linear", "currency": "USDC"}
        found.append(base | {"kind": "perpetual", "name": f"{coin}-PERP"})
        found.append(base | {"kind": "future", "name": f"{coin}-MONTH", "expiry": at(MONTH)})
        inverse = {"underlying": coin, "settlement": "inverse", "currency": coin, "multiplier": 100.0}
        found.append(inverse | {"kind": "perpetual", "name": f"{coin}-INVERSE"})
        found.append({"kind": "spot", "name": f"{coin}-SPOT", "underlying": coin})
    quanto = {"kind": "perpetual", "name": "ETH-IN-BTC", "underlying": "ETH", "settlement": "quanto"}
    found.append(quanto | {"currency": "BTC", "multiplier": 1e-5})
    return found


def _exotics() -> list[dict[str, Any]]:
    base = {"underlying": "BTC", "settlement": "linear", "currency": "USDC", "expiry": at(MONTH)}
    barrier = {"kind": "barrier_option", "name": "BTC-KO", "strike": 68_000.0, "call": True, "barrier": 85_000.0}
    cash = {"kind": "digital_option", "name": "BTC-CASH", "strike": 75_000.0, "call": True, "pays": "cash"}
    return [base | barrier | {"up": True, "knock_in": False}, base | cash | {"cash": 1_000.0}]


def desk_market(**changes: Any) -> pl.Market:
    """BTC at 70,000 and ETH at 3,500 with smiles of two expiries."""
    instruments = [*_options(), *_linear(), *_exotics()]
    marks: dict[str, Any] = {}
    for c in instruments:
        if "strike" in c:
            marks[c["name"]] = {"vol": 0.55 if c["underlying"] == "BTC" else 0.7}
        elif c["kind"] != "spot":
            marks[c["name"]] = {"price": PRICES[c["underlying"]] * (1.01 if c["kind"] == "future" else 1.0)}
    expiries = [
        {"underlying": coin, "expiry": at(days), "forward": {"variable": price * (1.0 + 0.01 * days / MONTH)}}
        for coin, price in PRICES.items()
        for days in (WEEK, MONTH)
    ]
    content = market_doc(
        indices={c: {"price": p} for c, p in PRICES.items()}, expiries=expiries, instruments=instruments, marks=marks
    )
    return pl.Market.from_dict(content | changes)


MARKET = desk_market()
NAMES = tuple(MARKET.contracts)


def book_of(positions: dict[str, float], collateral: dict[str, float] | None = None) -> JointBook:
    """Those positions on the desk's market."""
    contracts = [MARKET.contracts[n] for n in positions]
    return joint_book(contracts, list(positions.values()), MARKET, collateral)


def random_positions(rng: np.random.Generator, count: int = 8, exotics: bool = True) -> dict[str, float]:
    """Signed quantities of some contracts, each worth some thousands of dollars of delta."""
    names = [n for n in NAMES if exotics or n not in ("BTC-KO", "BTC-CASH")]
    chosen = rng.choice(len(names), size=min(count, len(names)), replace=False)
    size = {"BTC": 0.5, "ETH": 10.0}
    found = {}
    for i in sorted(chosen.tolist()):
        c = MARKET.contracts[names[i]]
        unit = 300.0 if names[i] == "ETH-IN-BTC" else 400.0 if "INVERSE" in names[i] else size[c.underlying]
        found[names[i]] = float(np.round(unit * rng.standard_normal(), 3)) or 1.0
    return found


def history_of(
    rng: np.random.Generator, count: int = 400, law: str = "student", iv: bool = False, daily: float = 0.03
) -> FactorHistory:
    """Independent days of two correlated coins, with their implied volatility if wanted."""
    if law == "normal":
        z = rng.standard_normal((count, 2))
    else:
        z = rng.standard_t(4, (count, 2)) / np.sqrt(2.0)
    r = daily * np.column_stack([z[:, 0], 0.7 * z[:, 0] + np.sqrt(0.51) * z[:, 1]])
    names = ["BTC", "ETH"]
    if iv:
        noise = 0.04 * rng.standard_normal((count, 2))
        r, names = np.column_stack([r, -0.8 * r + noise]), [*names, "BTC iv", "ETH iv"]
    return FactorHistory.build(names, r)
