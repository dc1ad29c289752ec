"""Marks of options: as the venue shows them, else from their volatility."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_option
from plimsoll.margin.account import Account
from plimsoll.market import Market
from plimsoll.risk import Plan, option_values, unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


def with_marked_options(account: Account, market: Market) -> Market:
    """The market with a volatility of zero for options that are marked by a price without one.

    For rules that need the mark alone: opening a book asks for a volatility to value an option with.
    """
    names = {*(p.instrument for p in account.positions), *(o.instrument for o in account.orders)}
    marks = {}
    for name in sorted(names):
        contract, mark = market.contracts.get(name), market.marks.get(name)
        if contract is None or mark is None or not is_option(contract):
            continue
        if mark.price is not None and mark.vol is None:
            marks[name] = mark.model_copy(update={"vol": 0.0})
    return market.model_copy(update={"marks": {**market.marks, **marks}}) if marks else market


def option_marks(plan: Plan, market: Market, side: F64) -> F64:
    """`[N]` mark of one coin of each option as it is quoted, in its settlement currency; zero for other contracts.

    The price shown; without one the value at its volatility. What has settled is worth what it paid, whatever a mark
    still says. An option that cannot be valued is marked at the bound worse for the sign of `side` (`[N]`).
    """
    marks = np.zeros(len(plan))
    rows, still = plan.options, Scenarios.build([1.0])
    if rows.size:
        usd = option_values(plan, still, side=side)[:, 0]
        forward = plan.forward[plan.group[rows]]
        coin = np.divide(usd, forward, out=np.zeros_like(usd), where=forward > 0)
        marks[rows] = np.where(plan.style[rows] == INVERSE, coin, usd)
    if plan.exotic.any():
        marks[plan.exotics] = (unit_values(plan, still, "settlement", side)[:, 0] / plan.multiplier)[plan.exotics]
    for i in np.flatnonzero(plan.valued).tolist():
        shown = market.marks.get(plan.contracts[i].name)
        if shown is not None and shown.price is not None and not paid_out(plan, i):
            marks[i] = shown.price
    return marks


def paid_out(plan: Plan, row: int) -> bool:
    """Whether a contract has settled: nothing of its forward moves any more."""
    return bool(plan.group[row] >= 0 and plan.variable[plan.group[row]] == 0.0)
