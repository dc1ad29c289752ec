"""SPAN along a path: the same arithmetic on plans whose prices were multiplied, without a market for each state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from plimsoll.margin.book import Book
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]
NOW = Scenarios.build([1.0])


def moved_plan(plan: Plan, states: States, k: int) -> Plan:
    """The plan in state `k`: indices, marks and the moving part of forwards times the multiplier of their underlying.

    As `plimsoll.margin.path.moved` has it; a settlement currency moves with its own index.
    """
    factor = np.array([states.multiplier(c.underlying)[k] for c in plan.contracts], dtype=np.float64)
    money = np.array([states.multiplier(c.currency)[k] for c in plan.contracts], dtype=np.float64)
    expiries = np.array([states.multiplier(e.underlying)[k] for e in plan.expiries], dtype=np.float64)
    ended = (plan.seconds == 0.0) & (plan.variable == 0.0)
    variable = np.where(ended, plan.variable, plan.variable * expiries)
    forward = np.append(plan.forward, np.nan)[plan.group]
    share = np.divide(np.append(plan.variable, np.nan)[plan.group], forward, out=np.ones(len(plan)), where=forward > 0)
    share = np.where(np.isfinite(share), share, 1.0)
    return replace(
        plan,
        spot=plan.spot * factor,
        price=plan.price * (1.0 + (factor - 1.0) * share),
        variable=variable,
        vol=plan.vol * states.vol[k],
        settle=plan.settle * np.where(plan.settle_moves, money, 1.0),
    )


def span_track(
    book: Book, states: States, haircuts: Mapping[str, float], risk: Callable[[Book], float]
) -> tuple[Track, ...]:
    """Equity and `risk` of the book in every state, `[K]`."""
    held, q = book.quantity != 0.0, book.quantity
    flows: dict[float, F64] = {}

    def gains(multiplier: float) -> F64:
        if multiplier not in flows:
            flows[multiplier] = plan_pnl(book.plan, Scenarios.build([multiplier]), "settlement")[:, 0]
        return flows[multiplier]

    equity, maintenance = np.zeros(len(states)), np.zeros(len(states))
    linear = np.array([c.kind in ("future", "perpetual") for c in book.plan.contracts], dtype=bool)
    for k in range(len(states)):
        plan = moved_plan(book.plan, states, k)
        gained = np.array(
            [gains(float(states.multiplier(c.underlying)[k]))[i] for i, c in enumerate(book.plan.contracts)]
        )
        profit = book.unrealised + np.where(linear & held, q * gained, 0.0)
        owed = np.where(profit + book.funding == 0.0, 0.0, (profit + book.funding) * plan.settle)
        value = np.where(held, q * unit_values(plan, NOW, "usd", q)[:, 0], 0.0)
        equity[k] = _collateral(book, states, k, haircuts) + float(value.sum()) + float(owed.sum())
        maintenance[k] = risk(replace(book, plan=plan))
    return (Track(ACCOUNT, equity, maintenance),)


def _collateral(book: Book, states: States, k: int, haircuts: Mapping[str, float]) -> float:
    total = 0.0
    for asset, amount in book.account.collateral.items():
        price = book.market.price_of(asset)
        if amount == 0.0 or price is None:
            continue
        moved = price.price * (float(states.multiplier(asset)[k]) if asset in book.market.indices else 1.0)
        total += amount * moved * (1.0 - haircuts[asset] if amount >= 0 else 1.0 + haircuts[asset])
    return total
