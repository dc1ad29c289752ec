"""Linear perpetuals and options along a path: prices, values and profits in all states at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.book import Book
from plimsoll.margin.path import States
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Way:
    """`N` linear perpetuals and options in `K` states, arrays `[N, K]` in the settlement currency.

    `spot` is the index, `price` that of a perpetual, `value` that of one coin of an option, `profit` what one contract
    of a perpetual gained since now; zero where they do not apply.
    """

    book: Book
    states: States
    spot: F64
    price: F64
    value: F64
    profit: F64

    @classmethod
    def of(cls, book: Book, states: States) -> Way:
        """Options are revalued at their volatility times that of the state, perpetuals move with their index."""
        plan = book.plan
        factor = np.array([states.multiplier(c.underlying) for c in plan.contracts]).reshape(len(plan), len(states))
        value = np.zeros((len(plan), len(states)))
        for underlying in book.underlyings:
            mine = np.array([c.underlying == underlying for c in plan.contracts]) & plan.valued
            if not mine.any():
                continue
            spots = states.multiplier(underlying)
            at = Scenarios.build(spots, states.vol - 1.0, labels=("",) * len(states))
            whole = unit_values(plan, at, "settlement", book.quantity)
            value[mine] = whole[mine] / plan.multiplier[mine, None]
        price = np.where(plan.valued[:, None], 0.0, plan.price[:, None] * factor)
        gained = np.where(plan.valued[:, None], 0.0, plan.multiplier[:, None] * (price - plan.price[:, None]))
        return cls(book, states, plan.spot[:, None] * factor, price, value, gained)

    def equity(self, balance: float) -> F64:
        """`[K]` balance, value of options, profit and funding."""
        b, m = self.book, self.book.plan.multiplier[:, None]
        held = b.quantity[:, None] * (m * self.value + self.profit)
        total: F64 = balance + float((b.unrealised + b.funding).sum()) + held.sum(axis=0)
        return total
