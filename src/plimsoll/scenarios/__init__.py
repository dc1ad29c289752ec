"""Scenario columns: grids, far moves with weights, volatility shocks by tenor, skew and basis shocks."""

from plimsoll.scenarios.columns import (
    ABSOLUTE_SKEW,
    FLAT,
    LINEAR_SKEW,
    NO_SKEW,
    Scenarios,
    grid,
    percent,
)
from plimsoll.scenarios.rules import SkewRule, VolRule, years_of

__all__ = [
    "ABSOLUTE_SKEW",
    "FLAT",
    "LINEAR_SKEW",
    "NO_SKEW",
    "Scenarios",
    "SkewRule",
    "VolRule",
    "grid",
    "percent",
    "years_of",
]
