"""What a stress scenario says at one hour, from its plain JSON by loops: no code shared with the package."""

from __future__ import annotations

import itertools
import math
from typing import Any


def between(points: list[list[float]], hour: float, to: Any, back: Any, before: float) -> float:
    """The value at `hour` on straight lines through `to(value)`, from `before` (already transformed) at zero."""
    line = [(h, to(v)) for h, v in points]
    if line[0][0] > 0.0:
        line.insert(0, (0.0, before))
    if hour >= line[-1][0]:
        return back(line[-1][1])
    for (h0, y0), (h1, y1) in itertools.pairwise(line):
        if h0 <= hour <= h1:
            return back(y0 + (y1 - y0) * (hour - h0) / (h1 - h0))
    raise AssertionError(hour)


def find(shocks: list[dict[str, Any]], kind: str, name: str, key: str = "underlying") -> dict[str, Any] | None:
    """The shock that names it, else that of all."""
    for s in shocks:
        if s["shock"] == kind and s.get(key, "all") == name:
            return s
    for s in shocks:
        if s["shock"] == kind and s.get(key, "all") == "all":
            return s
    return None


def price_shock(shock: dict[str, Any], name: str, hour: float) -> float:
    """The multiplier of one price shock."""
    if shock.get("waypoints"):
        whole = 1.0 + between(shock["waypoints"], hour, lambda v: math.log(1 + v), lambda y: math.exp(y) - 1, 0.0)
    else:
        whole = 1.0 + shock["move"] if hour >= shock.get("hour", 0.0) else 1.0
    return whole ** shock.get("betas", {}).get(name, 1.0)


def price(scenario: dict[str, Any], name: str, hour: float) -> float:
    """The multiplier of a price."""
    shocks = scenario["shocks"]
    law = next((s for s in shocks if s["shock"] == "correlation"), None)
    mine = find(shocks, "price", name)
    if law is None or law["lead"] == name:
        return 1.0 if mine is None else price_shock(mine, name, hour)
    lead = price_shock(find(shocks, "price", law["lead"]), law["lead"], hour)  # type: ignore[arg-type]
    own = 1.0 if mine is None or mine.get("underlying", "all") == "all" else price_shock(mine, name, hour)
    return lead ** (law["rho"] * law.get("ratio", {}).get(name, 1.0)) * own ** math.sqrt(1 - law["rho"] ** 2)


def vol(scenario: dict[str, Any], name: str, hour: float, level: float) -> float:
    """The multiplier of the volatility at the reference tenor."""
    shock = find(scenario["shocks"], "volatility", name)
    if shock is None:
        return 1.0
    if shock.get("waypoints"):
        return between(shock["waypoints"], hour, math.log, math.exp, 0.0)
    if hour < shock.get("hour", 0.0):
        return 1.0
    return shock["multiple"] if shock.get("multiple") is not None else (level + shock["points"]) / level


def depth(scenario: dict[str, Any], name: str, hour: float) -> float:
    """The part of the depth that is left."""
    shock = find(scenario["shocks"], "depth", name)
    if shock is None or hour < shock.get("hour", 0.0):
        return 1.0
    missing, since = 1.0 - shock["left"], hour - shock.get("hour", 0.0) - shock.get("hours", 0.0)
    if shock.get("recovery_hours") and since > 0.0:
        missing /= 2.0 ** (since / shock["recovery_hours"])
    return 1.0 - missing


def peg(scenario: dict[str, Any], name: str, hour: float) -> float:
    """USD for one unit of a currency."""
    for s in scenario["shocks"]:
        if s["shock"] == "peg" and s["currency"] == name:
            if s.get("waypoints"):
                return between(s["waypoints"], hour, lambda v: v, lambda y: y, 1.0)
            return s["price"] if hour >= s.get("hour", 0.0) else 1.0
    return 1.0
