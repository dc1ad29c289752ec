"""OKX option margin along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.moving import Moving
from plimsoll.margin.venues.okx.option_charges import OptionParameters
from plimsoll.risk.plan import INVERSE

F64 = npt.NDArray[np.float64]


def options_follow(p: OptionParameters, moving: Moving, balance: float, factors: list[float]) -> tuple[F64, F64]:
    """Equity and maintenance margin in each state; `factors` are those of the tiers of each position."""
    plan, quantity, values = moving.plan, moving.book.quantity, moving.values()
    equity, kept = np.full(len(moving.states), balance), np.zeros(len(moving.states))
    for i in np.flatnonzero(quantity < 0.0).tolist():
        contract, mark = plan.contracts[i], values[i]
        rate, size = p.coins[contract.underlying].maintenance, -float(quantity[i]) * float(plan.multiplier[i])
        unit = np.ones_like(mark) if plan.style[i] == INVERSE else moving.spot[i] / moving.asset(contract.currency)
        dear = unit if plan.call[i] else np.maximum(unit, mark)
        kept += size * (rate * dear * factors[i] + mark)
        equity -= size * mark
    return equity, kept
