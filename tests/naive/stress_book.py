"""Profit and loss of a book at one hour of a stress scenario, contract by contract, from plain JSON."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from naive import stress_lines as lines
from naive.black import black_call_put

YEAR = 365.0 * 86_400.0


def tenor_shock(shock: dict[str, Any] | None, multiple: float, seconds: float) -> float:
    """The multiplier of the volatility of an expiry."""
    if shock is None:
        return multiple
    reference = shock.get("reference_days", 30.0) * 86_400.0
    power = shock.get("short_power", 0.0) if seconds <= reference else shock.get("long_power", 0.0)
    return 1.0 + (multiple - 1.0) * (reference / max(seconds, 86_400.0)) ** power


def profit(
    account: dict[str, Any], market: dict[str, Any], scenario: dict[str, Any], hour: float, level: float
) -> float:
    """USD gained by positions and collateral: option values, moves of futures, funding, coins and pegs."""
    listed = {c["name"]: c for c in market["instruments"]}
    rows = {(e["underlying"], e["expiry"]): e for e in market["expiries"]}
    now = datetime.fromisoformat(market["time"])

    def usd(currency: str, shocked: bool) -> float:
        if currency in market["indices"]:
            before = market["indices"][currency]["price"]
            return before * (lines.price(scenario, currency, hour) if shocked else 1.0)
        before = 1.0 if currency == "USD" else market["assets"][currency]["price"]
        return before * (lines.peg(scenario, currency, hour) if shocked and currency != "USD" else 1.0)

    total = 0.0
    for asset, amount in account["collateral"].items():
        total += amount * (usd(asset, True) - usd(asset, False))
    for position in account["positions"]:
        c, q = listed[position["instrument"]], position["quantity"]
        u, size, inverse = c["underlying"], c.get("multiplier", 1.0), c["settlement"] == "inverse"
        move = lines.price(scenario, u, hour)
        if c["kind"] == "option":
            seconds = (datetime.fromisoformat(c["expiry"]) - now).total_seconds()
            forward = rows[(u, c["expiry"])]["forward"]["variable"]
            vol = market["marks"][c["name"]]["vol"]
            shock = lines.find(scenario["shocks"], "volatility", u)
            factor = tenor_shock(shock, lines.vol(scenario, u, hour, level), seconds)
            skew = lines.find(scenario["shocks"], "skew", u)
            if skew is not None and hour >= skew.get("hour", 0.0):
                x = -math.log(c["strike"] / forward) / math.sqrt(max(seconds, 7 * 86_400.0) / YEAR)
                factor *= 1.0 + skew["tilt"] * max(-1.0, min(1.0, x))
            side = 0 if c["call"] else 1
            before = black_call_put(forward, c["strike"], seconds / YEAR, vol)[side] / (forward if inverse else 1.0)
            after = black_call_put(forward * move, c["strike"], seconds / YEAR, vol * factor)[side]
            after /= forward * move if inverse else 1.0
            total += q * size * (after * usd(c["currency"], True) - before * usd(c["currency"], False))
            continue
        price = market["marks"][c["name"]]["price"]
        gain = size * (1 / price - 1 / (price * move)) if inverse else size * price * (move - 1.0)
        funding = lines.find(scenario["shocks"], "funding", u)
        if c["kind"] == "perpetual" and funding is not None:
            last = max(max([h for h, _ in s.get("waypoints") or [[s.get("hour", 0.0), 0]]]) for s in scenario["shocks"])
            hours = funding.get("hours", 8.0)
            if last > funding.get("hour", 0.0):
                hours = min(max(hour - funding.get("hour", 0.0), 0.0), hours)
            gain -= funding["rate"] * hours / 8.0 * size * (1 / (price * move) if inverse else price * move)
        total += q * gain * usd(c["currency"], True)
    return total
