"""PRBM of many accounts: the rules of `plimsoll.margin.house.prbm`, run by run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.kernels import account_worst
from plimsoll.margin.house.parameters import PrbmParameters
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Runs, Universe, added
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


Cores = tuple[Runs, tuple[F64, F64, F64], I64]
"""Books of one underlying each; scan, delta charge and short-option floor `[R]`; the worst scenario `[R]`."""


@dataclass(frozen=True, eq=False)
class PrbmTables:
    """What PRBM needs of each contract `[N]` by itself, and its arithmetic on blocks of accounts.

    USD for one contract: `pnl[N, S]`, `value` (options and spot), `worth` (what a bought one can lose at most),
    `moves[N, 2]` (gain under the two forward shocks); `delta` and `coins` in coins. Row `i` depends on contract `i` and
    its prices alone, so rows can be computed anew one by one (`plimsoll.live`). `factor[E]` on the basis loss.
    """

    parameters: PrbmParameters
    weight: F64
    pnl: F64
    value: F64
    delta: F64
    worth: F64
    coins: F64
    moves: F64
    factor: F64

    @classmethod
    def of(cls, p: PrbmParameters, scenarios: Scenarios, plan: Plan, known: BOOL) -> PrbmTables:
        """The rows of a plan; zeros where a contract is not `known[N]`, which no block asks for."""
        value = _known(unit_values(plan, NOW, "usd")[:, 0], known)
        moves, factor = basis_units(p, plan)
        return cls(
            parameters=p,
            weight=scenarios.weight,
            pnl=_known(plan_pnl(plan, scenarios, "usd"), known),
            value=value,
            delta=_known(unit_deltas(plan, np.ones(len(plan))), known),
            worth=np.where(plan.option & p.min_delta.cap_long_options, value, np.inf),
            coins=coins_of(plan),
            moves=_known(moves, known),
            factor=factor,
        )

    def cores(self, lots: Lots) -> Cores:
        """Books of one underlying each; their scan, delta charge, short-option floor and worst scenario, `[R]`."""
        p, plan, item = self.parameters, lots.universe.plan, lots.item
        books = lots.runs(lots.universe.underlying)
        loss, worst = account_worst(books.indptr, item, lots.quantity, self.pnl, self.weight)
        scan: F64 = np.maximum(loss, 0.0)
        delta = delta_charges(lots, books, self.delta, self.worth, p.min_delta.net, p.min_delta.hedged)
        coins = _short_coins(lots, books.of, len(books), self.coins)
        return books, (scan, delta, coins * p.short_option_rate * plan.spot[item[books.start]]), worst

    def amounts(self, lots: Lots, cores: Cores | None = None) -> Amounts:
        """Initial, maintenance and equity of a block of accounts, USD; `cores` are those of the same lots, if known."""
        p, plan, item = self.parameters, lots.universe.plan, lots.item
        books, terms, _ = self.cores(lots) if cores is None else cores
        core = np.maximum(np.maximum(terms[0], terms[1]), terms[2])
        dated = lots.only(plan.group >= 0)
        expiries = dated.runs(plan.group)
        gains = [expiries.sum(dated.quantity * self.moves[dated.item, side]) for side in (0, 1)]
        basis = np.maximum(-np.minimum(*gains), 0.0) * self.factor[plan.group[dated.item[expiries.start]]]
        initial = books.total(core, lots.accounts) + expiries.total(basis, lots.accounts)
        equity = lots.sum(lots.quantity * self.value[item])
        return Amounts(initial, p.maintenance_factor * initial, equity, np.zeros(lots.accounts, dtype=bool))


def prbm_batch(p: PrbmParameters, scenarios: Scenarios, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them."""
    return PrbmTables.of(p, scenarios, universe.plan, universe.taken).amounts


def _known(rows: F64, known: BOOL) -> F64:
    if known.all():
        return rows
    return np.where(known.reshape(known.size, *(1,) * (rows.ndim - 1)), rows, 0.0)


def _short_coins(lots: Lots, book: I64, books: int, coins: F64) -> F64:
    """`[R]` net short coins of each book, added over its expiries, calls and puts apart."""
    plan = lots.universe.plan
    options = lots.only(plan.option)
    sides = options.runs(plan.group, plan.call.astype(np.int64))
    short = np.maximum(-sides.sum(options.quantity * coins[options.item]), 0.0)
    mine = book[plan.option[lots.item]][sides.start]
    return added(mine, short, books)
