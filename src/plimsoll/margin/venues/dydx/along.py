"""Equity and maintenance of subaccounts along a path, all states at once."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.legs import path_prices
from plimsoll.margin.path import States
from plimsoll.margin.venues.dydx.blocks import maintenance, notionals, quote_floor, rates
from plimsoll.margin.venues.dydx.documents import Rows, cost_of, quote_down
from plimsoll.margin.venues.dydx.units import ONE_MILLION

F64 = npt.NDArray[np.float64]


def tracks(rows: Rows, states: States, subaccounts: Sequence[tuple[Sequence[int], Fraction]]) -> list[tuple[F64, F64]]:
    """Equity and maintenance `[K]` of each subaccount, USDC, given as its positions and its money.

    Equal to one assessment after the other, but for a quote quantum where a product lies within a few units of the
    last place of a whole number.
    """
    plan, shape = rows.book.plan, (len(rows.held), len(states))
    size = np.array([h.base_quantums for h in rows.held], dtype=np.float64)
    resolution = np.array([m.atomic_resolution for m in rows.markets], dtype=np.int64)
    # a position without contracts may stand without a price
    priced = rows.book.quantity != 0.0
    prices = np.where(priced[:, None], path_prices(plan, states), 0.0)
    worth = notionals(size[:, None], prices, resolution[:, None]).reshape(shape)
    base, fraction = rates([m.tier for m in rows.markets])
    margin = maintenance(np.abs(worth), base[:, None], fraction[:, None])
    profit = np.empty(shape)
    for i, position in enumerate(rows.book.positions):
        if position.entry_price is not None:
            paid = cost_of(position.entry_price, rows.held[i].base_quantums, rows.markets[i].atomic_resolution)
            profit[i] = worth[i] - paid
            continue
        now = float(plan.price[i]) if priced[i] else 0.0
        gained = position.quantity * float(plan.multiplier[i]) * (prices[i] - now)
        profit[i] = quote_floor((position.unrealised_pnl or 0.0) + gained)
    found = []
    for members, money in subaccounts:
        own = list(members)
        funding = quote_down(sum((rows.funding[i] for i in own), Fraction(0)))
        equity = float(quote_down(money) + funding) + profit[own].sum(axis=0)
        found.append((equity / ONE_MILLION, margin[own].sum(axis=0) / ONE_MILLION))
    return found
