"""Standard margin along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option, Settlement
from plimsoll.margin.parts.moving import Moving
from plimsoll.margin.venues.deribit.sm_many import rounded
from plimsoll.margin.venues.deribit.sm_parameters import FutureRates, SmParameters
from plimsoll.margin.venues.deribit.sm_rows import SHARE_READINGS, option_rates

F64 = npt.NDArray[np.float64]


def sm_follow(p: SmParameters, moving: Moving, currency: str | None) -> tuple[F64, F64]:
    """Equity and maintenance margin in each state; segregated in a `currency`, or crossed in USD."""
    book, values = moving.book, moving.values()
    plan, q = book.plan, book.quantity
    one = np.ones(len(moving.states))
    price = {c.currency: one if currency else moving.asset(c.currency) for c in plan.contracts}
    each = np.array([price[c.currency] for c in plan.contracts]).reshape(values.shape)
    value = ((q * plan.multiplier)[:, None] * values * each).sum(axis=0)
    owed = ((moving.unrealised() + book.funding[:, None]) * each).sum(axis=0)
    if currency:
        equity = book.account.collateral.get(currency, 0.0) + owed
    else:
        equity = owed + sum(amount * moving.asset(asset) for asset, amount in book.account.collateral.items())
    kept = [0.0 * one for _ in SHARE_READINGS]
    for i in range(len(plan)):
        if q[i] == 0.0 or (plan.option[i] and q[i] > 0):
            continue
        for r, amount in enumerate(_kept(p, moving, values, i)):
            kept[r] = kept[r] + rounded(amount, large=False) * each[i]
    return np.minimum(equity, equity + value), np.maximum(*kept)


def _kept(p: SmParameters, moving: Moving, values: F64, i: int) -> tuple[F64, F64]:
    """`[K]` maintenance margin of position `i` in its settlement currency, by `SHARE_READINGS`; not rounded."""
    plan = moving.plan
    contract, size = plan.contracts[i], abs(float(moving.book.quantity[i])) * float(plan.multiplier[i])
    if isinstance(contract, Option):
        rates, linear = option_rates(p, contract)
        mark = values[i]
        unit = np.maximum(moving.price[i], moving.spot[i]) if linear else np.ones_like(mark)
        base = rates.maintenance * unit
        sold = size * ((base if contract.call else np.maximum(base, rates.put_mark_rate * mark)) + mark)
        return sold, sold
    inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
    own: FutureRates | None = getattr(p.futures[contract.underlying], "inverse" if inverse else "linear")
    assert own is not None
    coins = size / moving.price[i] if inverse else np.full_like(moving.price[i], size)
    worth = coins if inverse else coins * moving.spot[i]
    kept = (own.maintenance + own.slope * coins) * worth
    share = kept if p.maintenance_share is None else p.maintenance_share * (own.initial + own.slope * coins) * worth
    return kept, share
