"""Derive's margins along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.moving import Moving
from plimsoll.margin.venues.derive.parameters import Basis, Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm1_parameters import Pmrm1Parameters
from plimsoll.margin.venues.derive.pmrm1_workings import Pmrm1Workings, static_discount
from plimsoll.margin.venues.derive.span import discounted_moves, rate_discount, static_discounts
from plimsoll.margin.venues.derive.srm_options import Legs, isolated_margins, settlement_loss
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters
from plimsoll.margin.venues.derive.srm_workings import SrmWorkings
from plimsoll.margin.venues.derive.workings import Workings
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]


def pmrm2_follow(p: Pmrm2Parameters, w: Workings, moving: Moving) -> tuple[F64, F64]:
    """Equity and maintenance margin of PMRM_2 in each state, from the workings of the unmoved one."""
    plan, other, coins = moving.plan, p.other, _coins(moving)
    amounts = np.array([w.book.account.collateral[a] for a in w.held.assets]).reshape(-1, 1)
    prices = np.array([moving.asset(a) for a in w.held.assets]).reshape(len(amounts), len(moving.states))
    held = amounts * prices / moving.asset(p.cash)
    cancelling = np.array([t.risk_cancelling for t in w.held.terms], dtype=bool)
    linear = _perpetuals(moving, coins) + held[cancelling].sum(axis=0)
    discount, factors = rate_discount(plan), static_discounts(p.margin, plan.rate, years_of(plan.seconds))
    least, options = least_span(moving, coins, w.scenarios, p.basis, discount, factors, linear)
    haircuts = np.array([t.mm_haircut for t in w.held.terms]).reshape(-1, 1)
    by_size = float(w.perp_notional.sum()) * other.mm_perp_pct + float(w.naked_notional.sum()) * other.mm_option_pct
    kept = -least * p.margin.mm_factor + by_size * moving.states.multiplier(w.underlying)
    return options + held.sum(axis=0) + _settled(moving, p.cash), kept + (haircuts * held).sum(axis=0)


def pmrm1_follow(p: Pmrm1Parameters, w: Pmrm1Workings, moving: Moving) -> tuple[F64, F64]:
    """Equity and maintenance margin of the first PMRM in each state, from the workings of the unmoved one."""
    plan, coins, rise = moving.plan, _coins(moving), moving.states.multiplier(w.underlying)
    index = w.book.market.indices[w.underlying].price * rise
    base = w.book.account.collateral.get(w.underlying, 0.0) * index / moving.asset(p.cash)
    factors = static_discount(p.margin, plan.rate, years_of(plan.seconds)), np.ones(len(plan.expiries))
    linear = _perpetuals(moving, coins) + base
    least, options = least_span(moving, coins, w.scenarios, p.basis, None, factors, linear)
    return options + base + _settled(moving, p.cash), w.static * rise - least


def srm_follow(p: SrmParameters, w: SrmWorkings, moving: Moving) -> tuple[F64, F64]:
    """Equity and maintenance margin of SRM in each state, from the workings of the unmoved one."""
    plan, coins, stable = moving.plan, _coins(moving), moving.asset(p.cash)
    values = moving.values() * coins[:, None]
    kept, equity = np.zeros(len(moving.states)), _settled(moving, p.cash)
    for e, row in enumerate(plan.expiries):
        mine = np.flatnonzero((plan.group == e) & plan.option & (coins != 0.0))
        if mine.size == 0:
            continue
        column = (plan.call[mine][:, None], plan.strike[mine][:, None], coins[mine][:, None])
        terms, calls = p.option(row.underlying), float(coins[mine][plan.call[mine]].sum())
        alone = isolated_margins(terms, Legs(*column, values[mine]), moving.spot[mine[0]])[1].sum(axis=0)
        payoff = settlement_loss(Legs(plan.call[mine], plan.strike[mine], coins[mine], coins[mine]))[1].sum()
        unpaired = terms.unpaired_mm_scale * min(calls, 0.0) * moving.forward[e]
        kept += values[mine].sum(axis=0) - np.maximum(alone, payoff + unpaired)
        equity = equity + values[mine].sum(axis=0)
    for i in np.flatnonzero(_perpetual(moving) & (coins != 0.0)).tolist():
        kept += abs(float(coins[i])) * moving.price[i] * p.perp(plan.contracts[i].underlying).mm_req
    for asset in w.assets:
        index, terms_of = w.book.market.indices.get(asset), p.base(asset)
        price = moving.asset(asset) if index is None else index.price * moving.states.multiplier(asset)
        base = w.book.account.collateral[asset] * price
        equity = equity + base / stable
        kept += base / stable - base * (0.0 if terms_of is None else terms_of.margin_factor)
    return equity, kept


def least_span(
    moving: Moving,
    coins: F64,
    scenarios: Scenarios,
    basis: Basis,
    discount: F64 | None,
    factors: tuple[F64, F64],
    linear: F64,
) -> tuple[F64, F64]:
    """`[K]` the least of all scenarios and the basis contingency, as `span.span` has it, and the value of all options.

    `linear[K]` is what moves one to one with spot; the others as in `span.span`.
    """
    plan, rows = moving.plan, moving.plan.options
    pnl = linear[:, None] * (scenarios.spot - 1.0)
    lost, options = np.zeros(len(moving.states)), np.zeros(len(moving.states))
    if rows.size:
        held = coins[rows][:, None, None]
        table = held * moving.option_values(scenarios, discount)
        plain = Scenarios.build([1.0] * 3, basis=[1.0, basis.spot_up, basis.spot_down])
        three = held * moving.option_values(plain, discount)
        years = years_of(plan.seconds)
        for e in np.unique(plan.group[rows]):
            mine = plan.group[rows] == e
            now, up, down = three[mine].sum(axis=0).T
            long, short = (float(f[e]) for f in factors)
            pnl += discounted_moves(scenarios, table[mine].sum(axis=0), now, long, short)
            factor = basis.add_factor + basis.mult_factor * years[e]
            lost += np.minimum(np.minimum(up, down) - now, 0.0) * factor
            options += now
    return np.minimum((pnl * scenarios.weight).min(axis=1), lost), options


def _coins(moving: Moving) -> F64:
    coins: F64 = moving.book.quantity * moving.plan.multiplier
    return coins


def _perpetual(moving: Moving) -> npt.NDArray[np.bool_]:
    return np.array([c.kind == "perpetual" for c in moving.plan.contracts], dtype=bool)


def _perpetuals(moving: Moving, coins: F64) -> F64:
    """`[K]` value of the perpetuals, long less short."""
    mine = _perpetual(moving) & (coins != 0.0)
    total: F64 = (coins[mine][:, None] * moving.price[mine]).sum(axis=0)
    return total


def _settled(moving: Moving, cash: str) -> F64:
    """`[K]` cash with the profit and funding of perpetuals."""
    book, mine = moving.book, _perpetual(moving)
    money = float(book.funding[mine].sum()) + book.account.collateral.get(cash, 0.0)
    total: F64 = moving.unrealised()[mine].sum(axis=0) + money
    return total
