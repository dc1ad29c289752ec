"""May this order be sent? Before and after, what binds, and every limit that it would break."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plimsoll.live.greeks import UnitGreeks
from plimsoll.live.holdings import Holdings
from plimsoll.live.margins import Margins
from plimsoll.live.orders import REASONS, Candidates, Limits, Verdicts
from plimsoll.live.supposed import Supposed, marks_of, supposed
from plimsoll.margin import Account
from plimsoll.margin.account import BALANCE_LIMIT
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.universe import BOOL, added
from plimsoll.market import Market

Probability = Callable[[Account, Market], float]
"""The probability of liquidation of an account in a market: the engine is given one, or the limit cannot be set."""

ORDERS = 4_096
"""Orders judged together; no amount depends on it."""

ROOM = 1e-9
"""Relative difference within which a broken limit counts as no further broken."""


def judge(
    margins: Margins, holdings: Holdings, greeks: UnitGreeks, limits: Limits, orders: Candidates, restricted: I64
) -> tuple[Verdicts, Supposed]:
    """Verdicts on some orders, the probability apart, and the accounts as they would stand.

    Of the accounts `restricted`, which a margin call has put on orders that reduce, an order is refused (`call`) after
    which the maintenance margin is higher than before, or equity less maintenance margin lower. So a hedge passes, and
    a sale that takes one away does not, though a position gets smaller by it.
    """
    value = margins.values()
    now = supposed(holdings, orders, marks_of(holdings.prices, greeks.value() if value is None else value))
    which, back = np.unique(orders.account, return_inverse=True)
    first = margins.sheet(holdings, which)
    before = np.array([first.initial, first.maintenance, first.equity])[:, back]
    sheet, binding = margins.supposed(holdings, now)
    found = np.array([sheet.initial, sheet.maintenance, sheet.equity])
    broken = np.zeros((len(REASONS), len(orders)), dtype=bool)
    old, new = before[2] - before[0], found[2] - found[0]
    no_worse = new >= old - ROOM * np.abs(old)
    broken[0] = ~(new >= limits.excess) & ~(limits.reducing & no_worse)
    held = holdings.lots(which)
    for n, (name, own) in enumerate((("delta", limits.delta), ("vega", limits.vega)), start=1):
        for underlying, most in sorted(own.items()):
            each: F64 = getattr(greeks, name)(underlying)
            was = held.sum(held.quantity * each[held.item])[back]
            amount = now.lots.sum(now.lots.quantity * each[now.lots.item])
            broken[n] |= (np.abs(amount) > most) & (np.abs(amount) > np.abs(was) * (1.0 + ROOM))
    if limits.concentration is not None:
        broken[3] = _concentrated(holdings, limits.concentration, orders, now.position)
    # a fill that leaves what no account may hold is refused when it comes
    broken[5] = ~(np.isfinite(found).all(axis=0) & (np.abs(now.collateral) <= BALANCE_LIMIT).all(axis=1))
    if restricted.size:
        spare, left = before[2] - before[1], found[2] - found[1]
        lower = found[1] <= before[1] + ROOM * np.abs(before[1])
        safer = left >= spare - ROOM * np.maximum(np.abs(before[1]), np.abs(before[2]))
        broken[6] = np.isin(orders.account, restricted) & ~(lower & safer)
    words = np.array(binding, dtype=object)
    allowed: BOOL = np.logical_not(broken.any(axis=0))
    return Verdicts(allowed, before, found, broken, words), now


def _concentrated(holdings: Holdings, most: float, orders: Candidates, position: F64) -> BOOL:
    """Orders with a leg whose position would be more than its part of the open interest, unless it gets smaller."""
    interest = holdings.prices.open_interest(orders.row)
    smaller = np.abs(position) <= np.abs(position - orders.quantity)
    over = ~(np.abs(position) <= most * interest) & ~smaller
    mine = np.repeat(np.arange(len(orders), dtype=np.int64), np.diff(orders.indptr))
    result: BOOL = added(mine, over.astype(np.float64), len(orders)) > 0.0
    return result


__all__ = ["ORDERS", "Probability", "judge"]
