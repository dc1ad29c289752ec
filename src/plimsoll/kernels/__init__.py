"""Loops over arrays, compiled, each beside a numpy twin that it is held equal to: arrays in, arrays out."""

from __future__ import annotations

from plimsoll.kernels.accounts import account_es, account_var, account_worst
from plimsoll.kernels.backend import SlowKernels
from plimsoll.kernels.book import Book, open_book
from plimsoll.kernels.inverse import lognormal_inverse
from plimsoll.kernels.lognormal import (
    SATURATION,
    d1_d2,
    lognormal_value,
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
from plimsoll.kernels.revaluation import LognormalGreeks, lognormal_book, lognormal_greeks, lognormal_values
from plimsoll.kernels.steps import charged, step_rows

__all__ = [
    "Book",
    "LognormalGreeks",
    "SATURATION",
    "SlowKernels",
    "account_es",
    "account_var",
    "account_worst",
    "aggregate",
    "aggregate_accounts",
    "charged",
    "d1_d2",
    "expected_shortfall",
    "lognormal_book",
    "lognormal_greeks",
    "lognormal_inverse",
    "lognormal_value",
    "lognormal_values",
    "normal_cdf",
    "normal_pdf",
    "open_book",
    "step_rows",
    "tail_weights",
    "value_at_risk",
    "worst",
]
