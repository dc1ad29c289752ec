"""Loops over arrays: arrays in, arrays out, plain numpy that a compiled kernel can be held equal to."""

from __future__ import annotations

from plimsoll.kernels.lognormal import (
    SATURATION,
    d1_d2,
    lognormal_value,
    lognormal_values,
    normal_cdf,
    normal_pdf,
)
from plimsoll.kernels.measures import (
    aggregate,
    aggregate_accounts,
    expected_shortfall,
    tail_weights,
    value_at_risk,
    worst,
)

__all__ = [
    "SATURATION",
    "aggregate",
    "aggregate_accounts",
    "d1_d2",
    "expected_shortfall",
    "lognormal_value",
    "lognormal_values",
    "normal_cdf",
    "normal_pdf",
    "tail_weights",
    "value_at_risk",
    "worst",
]
