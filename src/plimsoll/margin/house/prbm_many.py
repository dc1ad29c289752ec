"""PRBM of many accounts: the rules of `plimsoll.margin.house.prbm`, run by run."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.house.parameters import PrbmParameters
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe, added
from plimsoll.margin.many.worst import worst_loss
from plimsoll.margin.parts.delta import coins_of, unit_deltas
from plimsoll.margin.parts.delta_many import delta_charges
from plimsoll.margin.parts.scan import MinDelta
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios, years_of

NOW = Scenarios.build([1.0])


def unit_worth(universe: Universe, rule: MinDelta, value: F64) -> F64:
    """`[N]` what one bought contract can lose at most in USD: its value if it is an option and the rule caps it."""
    return np.where(universe.plan.option & rule.cap_long_options, value, np.inf)


def basis_units(p: PrbmParameters, plan: Plan) -> tuple[F64, F64]:
    """`[N, 2]` gain in USD of one dated contract under the two forward shocks, and `[E]` the factor on the loss."""
    shocks = Scenarios.build([1.0, 1.0], basis=[p.basis.up, p.basis.down])
    moves = np.where(plan.group[:, None] >= 0, plan_pnl(plan, shocks, "usd"), 0.0)
    return moves, p.basis.add + p.basis.mult * years_of(plan.seconds)


def prbm_batch(p: PrbmParameters, scenarios: Scenarios, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them."""
    plan = universe.plan
    pnl = universe.known(plan_pnl(plan, scenarios, "usd"))
    value = universe.known(unit_values(plan, NOW, "usd")[:, 0])
    delta = universe.known(unit_deltas(plan, np.ones(len(plan))))
    worth = unit_worth(universe, p.min_delta, value)
    coins = coins_of(plan)
    moves, factor = basis_units(p, plan)
    moves = universe.known(moves)

    def amounts(lots: Lots) -> Amounts:
        books = lots.runs(universe.underlying)
        spot = plan.spot[lots.item[books.start]]
        core = worst_loss(books.indptr, lots.item, lots.quantity, pnl, scenarios.weight)
        core = np.maximum(core, delta_charges(lots, books, delta, worth, p.min_delta.net, p.min_delta.hedged))
        core = np.maximum(core, _short_coins(lots, books.of, len(books), coins) * p.short_option_rate * spot)
        dated = lots.only(plan.group >= 0)
        expiries = dated.runs(plan.group)
        gains = [expiries.sum(dated.quantity * moves[dated.item, side]) for side in (0, 1)]
        basis = np.maximum(-np.minimum(*gains), 0.0) * factor[plan.group[dated.item[expiries.start]]]
        initial = books.total(core, lots.accounts) + expiries.total(basis, lots.accounts)
        equity = lots.sum(lots.quantity * value[lots.item])
        return Amounts(initial, p.maintenance_factor * initial, equity, np.zeros(lots.accounts, dtype=bool))

    return amounts


def _short_coins(lots: Lots, book: I64, books: int, coins: F64) -> F64:
    """`[R]` net short coins of each book, added over its expiries, calls and puts apart."""
    plan = lots.universe.plan
    options = lots.only(plan.option)
    sides = options.runs(plan.group, plan.call.astype(np.int64))
    short = np.maximum(-sides.sum(options.quantity * coins[options.item]), 0.0)
    mine = book[plan.option[lots.item]][sides.start]
    return added(mine, short, books)
