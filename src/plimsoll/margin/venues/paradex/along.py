"""Paradex's margins along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.delta import coins_of
from plimsoll.margin.parts.layers import layered
from plimsoll.margin.parts.way import Way
from plimsoll.margin.path import ACCOUNT, Track
from plimsoll.margin.venues.paradex.parameters import Fees, OptionRates, PmParameters, PmTable, XmParameters
from plimsoll.margin.venues.paradex.xm_units import rates_of
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import unit_values
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]

BLOCK = 256
"""States that are revalued at once."""


def _fees(way: Way, fees: Fees, retail: bool) -> F64:
    """`[K]` set aside for closing every position."""
    book, valued = way.book, way.book.plan.valued[:, None]
    option = np.minimum(fees.option * way.spot, fees.option_cap * way.value)
    coin = np.where(valued, option, (0.0 if retail else fees.perpetual) * way.price)
    size = np.abs(book.quantity) * book.plan.multiplier
    total: F64 = (size[:, None] * coin).sum(axis=0)
    return total


def xm_track(p: XmParameters, way: Way, balance: float, retail: bool) -> Track:
    """Equity and maintenance margin in cross margin."""
    plan, kept = way.book.plan, _fees(way, p.fees, retail)
    for i, contract in enumerate(plan.contracts):
        q, size = float(way.book.quantity[i]), abs(float(way.book.quantity[i])) * float(plan.multiplier[i])
        found = rates_of(p, contract)
        if contract.kind == "perpetual":
            rates = p.perpetuals[contract.underlying]
            kept = kept + size * way.price[i] * rates.initial_rate * rates.maintenance_factor
        elif found is not None and q != 0.0:
            kept = kept + size * _option(p, found[1].maintenance, way, i, q > 0.0)
    return Track(ACCOUNT, way.equity(balance), kept)


def _option(p: XmParameters, rates: OptionRates, way: Way, i: int, long: bool) -> F64:
    """`[K]` margin of one coin of an option, as `option_margin` has it for one state."""
    plan, spot = way.book.plan, way.spot[i]
    strike, call = float(plan.strike[i]), bool(plan.call[i])
    if long:
        bought: F64 = np.minimum(rates.premium * way.value[i], rates.long_itm * spot)
        return bought
    out = np.maximum(0.0, strike - spot if call else spot - strike)
    sold: F64 = np.maximum(rates.short_itm * spot - out, rates.short_otm * spot)
    return (
        sold if call else np.minimum(sold, rates.short_put_cap * (strike if p.short_put_cap_of == "strike" else spot))
    )


def pm_track(p: PmParameters, way: Way, balance: float, retail: bool) -> Track:
    """Equity and maintenance margin under portfolio margin, for tables whose delta charge has no cap."""
    kept, book = _fees(way, p.fees, retail), way.book
    for underlying in book.underlyings:
        mine = np.array([c.underlying == underlying for c in book.plan.contracts]) & (book.quantity != 0.0)
        if not mine.any():
            continue
        table = p.tables[p.underlyings[underlying]]
        core = np.maximum(_scan(table, way, mine, underlying), _least(table, way, mine))
        kept = kept + table.maintenance_factor * core + np.maximum(_funding(p, way, mine), 0.0)
    return Track(ACCOUNT, way.equity(balance), kept)


def _scan(table: PmTable, way: Way, mine: npt.NDArray[np.bool_], underlying: str) -> F64:
    """`[K]` the worst weighted scenario in each state."""
    plan, quantity, states = way.book.plan, way.book.quantity, way.states
    columns, spots = table.columns(), states.multiplier(underlying)
    size, worst = len(columns), np.zeros(len(states))
    options, others = mine & plan.valued, mine & ~plan.valued
    swaps = (quantity[others] * plan.multiplier[others]) @ way.price[others]
    held = quantity * plan.multiplier
    for start in range(0, len(states), BLOCK):
        at = slice(start, min(start + BLOCK, len(states)))
        profit = swaps[at, None] * (columns.spot - 1.0)[None, :]
        if options.any():
            whole = unit_values(plan, layered(columns, spots[at], states.vol[at]), "settlement", quantity)[options]
            gained = (quantity[options] @ whole).reshape(-1, size)
            profit = profit + gained - (held[options] @ way.value[options, at])[:, None]
        worst[at] = np.maximum(0.0, -(profit * columns.weight[None, :]).min(axis=1))
    return worst


def _least(table: PmTable, way: Way, mine: npt.NDArray[np.bool_]) -> F64:
    """`[K]` the minimum delta charge in each state."""
    plan, rule = way.book.plan, table.min_delta
    rows = np.flatnonzero(mine)
    delta = np.repeat((way.book.quantity * coins_of(plan))[rows, None], len(way.states), axis=1)
    for n, i in enumerate(rows.tolist()):
        if plan.option[i]:
            e = int(plan.group[i])
            forward = plan.variable[e] * way.spot[i] / plan.spot[i] + plan.fixed[e]
            k, t = np.full_like(forward, plan.strike[i]), np.full_like(forward, years_of(plan.seconds[e : e + 1])[0])
            call = np.full(forward.shape, bool(plan.call[i]))
            delta[n] *= forward_delta(forward, k, t, plan.vol[i] * way.states.vol, call)
    net = np.abs(delta.sum(axis=0))
    hedged = (np.abs(delta).sum(axis=0) - net) / 2.0
    charge: F64 = (rule.net * net + rule.hedged * hedged) * way.spot[rows[0]]
    return charge


def _funding(p: PmParameters, way: Way, mine: npt.NDArray[np.bool_]) -> F64:
    """`[K]` funding of the hours that are provided for, positive when it is owed."""
    plan, owed = way.book.plan, np.zeros(len(way.states))
    for i in np.flatnonzero(mine).tolist():
        mark = way.book.market.marks.get(plan.contracts[i].name)
        if plan.contracts[i].kind == "perpetual" and mark is not None and mark.funding_rate is not None:
            held = float(way.book.quantity[i] * plan.multiplier[i]) * mark.funding_rate * p.funding_hours / 8.0
            owed = owed + held * way.spot[i]
    return owed
