"""Did the margin cover: backtests of coverage and shortfall, procyclicality, and the disclosure that says so."""

from __future__ import annotations

from plimsoll.validate.coverage import (
    Light,
    conditional_coverage,
    exceptions,
    holm,
    independence,
    interval,
    kupiec,
    traffic_light,
    worst_light,
)
from plimsoll.validate.duration import time_between, time_until_first
from plimsoll.validate.expected_shortfall import acerbi_szekely_1, acerbi_szekely_2, mcneil_frey, multinomial
from plimsoll.validate.procyclicality import (
    Profile,
    Shortfall,
    conservatism,
    extra_cost,
    frontier,
    frontier_of,
    largest_rise,
    largest_rise_within,
    over_margin,
    peak_to_trough,
    profile,
    realised_quantile,
    shortfall,
)
from plimsoll.validate.quantile import dynamic_quantile
from plimsoll.validate.result import Test
from plimsoll.validate.scores import diebold_mariano, fissler_ziegel, pinball, qlike

__all__ = [
    "Light",
    "Profile",
    "Shortfall",
    "Test",
    "acerbi_szekely_1",
    "acerbi_szekely_2",
    "conditional_coverage",
    "conservatism",
    "diebold_mariano",
    "dynamic_quantile",
    "exceptions",
    "extra_cost",
    "fissler_ziegel",
    "frontier",
    "frontier_of",
    "holm",
    "independence",
    "interval",
    "kupiec",
    "largest_rise",
    "largest_rise_within",
    "mcneil_frey",
    "multinomial",
    "over_margin",
    "peak_to_trough",
    "pinball",
    "profile",
    "qlike",
    "realised_quantile",
    "shortfall",
    "time_between",
    "time_until_first",
    "traffic_light",
    "worst_light",
]
