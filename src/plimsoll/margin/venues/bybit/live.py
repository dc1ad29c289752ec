"""What of a contract still moves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, is_dated
from plimsoll.market import Market
from plimsoll.risk import Plan

F64 = npt.NDArray[np.float64]


def moving_share(plan: Plan) -> F64:
    """`[N]` part of each contract's price that still moves: none of what has settled, all without an expiry."""
    share, inside = np.ones(len(plan)), np.flatnonzero(plan.group >= 0)
    total = plan.forward
    moving = np.divide(plan.variable, total, out=np.ones_like(total), where=total > 0)
    share[inside] = np.where(np.isfinite(moving), moving, 1.0)[plan.group[inside]]
    return share


def settled(contract: Contract, market: Market) -> bool:
    """Whether a contract has been paid out: an order in it can no longer be filled."""
    if not is_dated(contract) or contract.expiry > market.time:
        return False
    row = market.expiry_table.get((contract.underlying, contract.expiry))
    return row is not None and row.settlement is not None
