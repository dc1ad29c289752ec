"""Aevo's margins along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import lognormal_book
from plimsoll.margin.parts.way import Way
from plimsoll.margin.venues.aevo.parameters import OptionRates
from plimsoll.risk.revalue import in_range
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]

BLOCK = 256
"""States that are revalued at once."""


def collateral_value(way: Way, haircuts: dict[str, float], currency: str) -> F64:
    """`[K]` balances after their haircut as `equity_of` counts them; a coin with an index moves with it."""
    market, states = way.book.market, way.states
    total = np.zeros(len(states))
    cash = market.price_of(currency)
    for asset, amount in way.book.account.collateral.items():
        price = market.price_of(asset)
        if amount == 0.0:
            continue
        if asset == currency:
            total = total + amount * (1.0 - haircuts[asset] if amount > 0 else 1.0)
            continue
        assert price is not None
        assert cash is not None
        moved = states.multiplier(asset) if asset in market.indices else np.ones(len(states))
        part = 1.0 - haircuts[asset] if amount > 0 else 1.0
        total = total + amount * part * moved * price.price / cash.price
    return total


def short_options(rates: OptionRates, way: Way) -> F64:
    """`[K]` maintenance margin of all short options."""
    plan, kept = way.book.plan, np.zeros(len(way.states))
    for i in np.flatnonzero(plan.option & (way.book.quantity < 0)).tolist():
        size, mark = -float(way.book.quantity[i] * plan.multiplier[i]), way.value[i]
        base = rates.maintenance * way.spot[i]
        kept = kept + size * ((base if plan.call[i] else np.maximum(base, rates.put_mark_rate * mark)) + mark)
    return kept


def scan_along(way: Way, underlying: str, spot: Sequence[float], points: Sequence[float]) -> F64:
    """`[K]` the largest loss of one underlying over the grid, in each state."""
    plan, quantity, states = way.book.plan, way.book.quantity, way.states
    mine = np.array([c.underlying == underlying for c in plan.contracts]) & (quantity != 0.0)
    options, others = mine & plan.option, mine & ~plan.option
    moves, shifts, spots = np.asarray(spot), np.asarray(points), states.multiplier(underlying)
    swaps = (quantity[others] * plan.multiplier[others]) @ way.price[others]
    worst = np.zeros(len(states))
    for start in range(0, len(states), BLOCK):
        at = slice(start, min(start + BLOCK, len(states)))
        profit = swaps[at, None] * (moves - 1.0)[None, :]
        if options.any():
            now = (quantity * plan.multiplier)[options] @ way.value[options, at]
            for shift in np.unique(shifts):
                columns = np.flatnonzero(shifts == shift)
                then = _shifted(way, np.flatnonzero(options), at, np.outer(spots[at], moves[columns]), float(shift))
                profit[:, columns] += then - now[:, None]
        worst[at] = np.maximum(0.0, -profit.min(axis=1))
    return worst


def _shifted(way: Way, rows: npt.NDArray[np.int64], at: slice, spot: F64, shift: float) -> F64:
    """`[K, S]` value of the options `rows` at `spot[K, S]` times today's prices, with `shift` on every volatility."""
    plan = way.book.plan
    used, local = np.unique(plan.group[rows], return_inverse=True)
    root = np.sqrt(years_of(plan.seconds[used]))
    forward = plan.variable[used][:, None, None] * spot[None, :, :] + plan.fixed[used][:, None, None]
    vol = np.broadcast_to(way.states.vol[at][None, :, None], forward.shape).reshape(used.size, -1)
    total_vol = plan.vol[rows] * root[local]
    in_range(forward, vol, total_vol)
    found = lognormal_book(
        local.astype(np.int64),
        plan.strike[rows],
        total_vol,
        plan.call[rows],
        way.book.quantity[rows] * plan.multiplier[rows],
        forward.reshape(used.size, -1),
        vol,
        np.zeros_like(vol),
        np.ones(used.size),
        vol_shift=np.broadcast_to((shift * root)[:, None], vol.shape),
    )
    return found.reshape(spot.shape)
