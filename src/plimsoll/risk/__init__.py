"""The P&L array, measures on scenario vectors and attribution."""

from plimsoll.kernels import aggregate, expected_shortfall, tail_weights, value_at_risk, worst
from plimsoll.risk.attribution import Shares, aumann_shapley, euler
from plimsoll.risk.plan import Plan, compile_plan
from plimsoll.risk.revalue import (
    log_moneyness,
    option_values,
    plan_pnl,
    pnl_array,
    settle_price,
    shocked_forward,
    unit_values,
)

__all__ = [
    "Plan",
    "Shares",
    "aggregate",
    "aumann_shapley",
    "compile_plan",
    "euler",
    "expected_shortfall",
    "log_moneyness",
    "option_values",
    "plan_pnl",
    "pnl_array",
    "settle_price",
    "shocked_forward",
    "tail_weights",
    "unit_values",
    "value_at_risk",
    "worst",
]
