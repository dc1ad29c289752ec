"""Open orders in portfolio margin: the worse of all buys and all sells filled, for each risk unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.contracts import Option
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.bybit.live import settled
from plimsoll.margin.venues.bybit.parameters import PmParameters
from plimsoll.margin.venues.bybit.pm_unit import REPORTED, Measured, measured, spot_balance
from plimsoll.risk import compile_plan


@dataclass(frozen=True)
class OrderFill:
    """Initial margin in USD that the orders on one underlying add."""

    underlying: str
    initial: float


def order_fills(p: PmParameters, account: Account, book: Book, units: list[Measured]) -> list[OrderFill]:
    """A row for each underlying with orders that are not reduce-only.

    The unit is measured with all its buys filled and with all its sells filled, and what either loses against the mark
    at its own price is added; the larger initial margin counts, less that of the positions. The venue publishes no
    formula: a reading.
    """
    market = book.market
    live = [
        (i, o)
        for i, o in enumerate(account.orders)
        if o.quantity and not o.reduce_only and not settled(market.contracts[o.instrument], market)
    ]
    if not live:
        return []
    plan = compile_plan([*book.plan.contracts, *(market.contracts[o.instrument] for _, o in live)], market)
    size = len(book.plan)
    problems = [
        Problem(f"account.orders[{live[r - size][0]}].instrument", f.subject, f"{f.reason.value}: {f.message}")
        for r, f in plan.failures.items()
        if r >= size
    ]
    if problems:
        raise DocumentError(problems)
    now = {u.underlying: u.initial for u in units}
    marks = option_marks(plan, market, np.ones(len(plan)))
    found = []
    for name in sorted({market.contracts[o.instrument].underlying for _, o in live}):
        most = 0.0
        for side in (1.0, -1.0):
            quantity, lost = np.append(book.quantity, np.zeros(len(live))), 0.0
            for n, (_, order) in enumerate(live):
                row, contract = size + n, plan.contracts[size + n]
                if contract.underlying != name or order.quantity * side <= 0.0:
                    continue
                quantity[row] = order.quantity
                mark = float(marks[row] if isinstance(contract, Option) else plan.price[row])
                inverse = getattr(contract, "settlement", None) == "inverse"
                gained = (1.0 / order.price - 1.0 / mark) if inverse and order.price else mark - order.price
                worth = order.quantity * float(plan.multiplier[row]) * gained * float(plan.settle[row])
                lost += max(-worth, 0.0)
            balance = spot_balance(account, name)
            filled = measured(p, name, plan, market, quantity, balance, account.reported.get(REPORTED))
            most = max(most, filled.initial + lost - now.get(name, 0.0))
        found.append(OrderFill(name, max(most, 0.0)))
    return found
