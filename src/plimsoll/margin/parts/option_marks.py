"""Marks of options for rules that charge them by their mark rather than revalue them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option
from plimsoll.margin.account import Account
from plimsoll.margin.parts.marks import paid_out
from plimsoll.market import Market
from plimsoll.risk import Plan, option_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


def with_marked_options(account: Account, market: Market) -> Market:
    """The market with a volatility of zero for held and ordered options that are marked without one.

    Such rules need the mark alone, while opening a book asks for a volatility to value an option with.
    """
    marks = {}
    named = {p.instrument for p in account.positions if p.quantity} | {o.instrument for o in account.orders}
    for name in sorted(named):
        mark = market.marks.get(name)
        option = isinstance(market.contracts.get(name), Option)
        if option and mark is not None and mark.price is not None and mark.vol is None:
            marks[name] = mark.model_copy(update={"vol": 0.0})
    return market.model_copy(update={"marks": {**market.marks, **marks}}) if marks else market


def option_marks(plan: Plan, market: Market, side: F64) -> F64:
    """`[N]` mark of one coin of each option, as it is quoted; from its volatility where none is shown, zero for others.

    What has settled is worth what it paid, whatever a mark still says.
    An option that cannot be valued is marked at the bound worse for the sign of `side` (`[N]`).
    """
    marks = np.zeros(len(plan))
    rows = plan.options
    if rows.size:
        usd = option_values(plan, Scenarios.build([1.0]), side=side)[:, 0]
        forward = plan.forward[plan.group[rows]]
        coin = np.divide(usd, forward, out=np.zeros_like(usd), where=forward > 0)
        marks[rows] = np.where(plan.style[rows] == 1, coin, usd)
    for i in rows.tolist():
        shown = market.marks.get(plan.contracts[i].name)
        if shown is not None and shown.price is not None and not paid_out(plan, i):
            marks[i] = shown.price
    return marks
