"""Options of the unified account in cross margin: short positions, and orders to buy and to sell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.parts.legs import moving_share
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.parts.short_options import option_fee, out_of_the_money, short_initial, short_maintenance
from plimsoll.margin.path import States
from plimsoll.margin.venues.bybit.live import settled
from plimsoll.margin.venues.bybit.parameters import UtaParameters
from plimsoll.market import Market
from plimsoll.risk import compile_plan, unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Options:
    """`N` options in their settlement currencies: margins of the short ones and the value of each position.

    What has settled is `cash[N]` and has neither margin nor `value`.
    """

    book: Book
    initial: F64
    maintenance: F64
    value: F64
    cash: F64


def held_options(book: Book, p: UtaParameters) -> Options:
    """The options of a book that holds nothing else; `entry_price` is what a short one was sold at."""
    plan, size = book.plan, np.abs(book.quantity * book.plan.multiplier)
    marks = option_marks(plan, book.market, book.quantity)
    paid = np.array([q.entry_price or 0.0 for q in book.positions], dtype=np.float64)
    out = out_of_the_money(plan.call, plan.strike, plan.spot)
    initial, maintenance = np.zeros(len(plan)), np.zeros(len(plan))
    live = moving_share(plan) > 0.0
    for i in np.flatnonzero((book.quantity < 0.0) & live).tolist():
        rates, row = p.underlyings[plan.contracts[i].underlying].options, slice(i, i + 1)
        initial[i] = short_initial(rates, plan.spot[row], out[row], marks[row], paid[row])[0] * size[i]
        maintenance[i] = short_maintenance(rates, plan.spot[row], marks[row])[0] * size[i]
    held = np.where(book.quantity == 0.0, 0.0, book.quantity * plan.multiplier * marks)
    return Options(book, initial, maintenance, np.where(live, held, 0.0), np.where(live, 0.0, held))


def options_along(book: Book, p: UtaParameters, states: States) -> tuple[F64, F64]:
    """`[N, K]` maintenance margin and value of each option along a path, in its settlement currency.

    Prices are those of the volatilities: a mark tells nothing of another price of the underlying.
    """
    plan, marks = book.plan, np.zeros((len(book.plan), len(states)))
    for name in book.underlyings:
        rows = np.array([c.underlying == name for c in plan.contracts], dtype=bool)
        moves = Scenarios.build(states.multiplier(name), states.vol - 1.0)
        marks[rows] = unit_values(plan, moves, "settlement", book.quantity)[rows] / plan.multiplier[rows, None]
    maintenance = np.zeros_like(marks)
    live = moving_share(plan) > 0.0
    for i in np.flatnonzero((book.quantity < 0.0) & live).tolist():
        contract = plan.contracts[i]
        index = plan.spot[i] * states.multiplier(contract.underlying)
        one = short_maintenance(p.underlyings[contract.underlying].options, index, marks[i])
        maintenance[i] = one * abs(book.quantity[i] * plan.multiplier[i])
    return maintenance, marks * (book.quantity * plan.multiplier * live)[:, None]


@dataclass(frozen=True)
class OptionOrder:
    """Initial margin of one order and the premium it would pay (nothing for a sale), in its settlement currency."""

    subject: str
    underlying: str
    currency: str
    initial: float
    premium: float


def option_orders(account: Account, market: Market, p: UtaParameters) -> list[OptionOrder]:
    """A row for each order in an option that is not reduce-only.

    ```
    buy    premium + fee
    sell   initial margin of the position + fee - premium, never below zero
    ```
    """
    live = [
        (i, o)
        for i, o in enumerate(account.orders)
        if o.quantity and not o.reduce_only
        if isinstance(contract := market.contracts.get(o.instrument), Option) and not settled(contract, market)
    ]
    plan = compile_plan([market.contracts[o.instrument] for _, o in live], market)
    if plan.failures:
        raise DocumentError(
            [
                Problem(f"account.orders[{live[row][0]}].instrument", f.subject, f"{f.reason.value}: {f.message}")
                for row, f in plan.failures.items()
            ]
        )
    marks = option_marks(plan, market, np.array([o.quantity for _, o in live], dtype=np.float64))
    out = out_of_the_money(plan.call, plan.strike, plan.spot)
    rows = []
    for n, (index, order) in enumerate(live):
        contract, row = plan.contracts[n], slice(n, n + 1)
        size = abs(order.quantity) * float(plan.multiplier[n])
        premium = size * order.price
        fee = size * option_fee(p.option_fee, float(plan.spot[n]), order.price)
        if order.quantity > 0:
            initial = premium + fee
        else:
            paid = np.array([order.price])
            rates = p.underlyings[contract.underlying].options
            one = float(short_initial(rates, plan.spot[row], out[row], marks[row], paid)[0])
            initial = max(one * size + fee - premium, 0.0)
        subject = f"order {index} {contract.name}"
        rows.append(
            OptionOrder(
                subject, contract.underlying, contract.currency, initial, premium if order.quantity > 0 else 0.0
            )
        )
    return rows
