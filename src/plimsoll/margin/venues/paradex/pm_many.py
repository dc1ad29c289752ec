"""Portfolio margin on blocks of accounts: the rules of `plimsoll.margin.venues.paradex.pm` for positions alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.many.worst import worst_loss
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.margin.parts.delta_many import delta_charges
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.paradex.parameters import PmParameters
from plimsoll.margin.venues.paradex.taken import fee_units
from plimsoll.market import Market
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]
NOW = Scenarios.build([1.0])


def unit_profits(plan: Plan, market: Market, scenarios: Scenarios, side: F64) -> F64:
    """`[N, S]` value of one contract in each scenario less its mark, in the settlement currency."""
    pnl = plan_pnl(plan, scenarios, "settlement", side)
    value = unit_values(plan, NOW, "settlement", side)[:, 0]
    mark = option_marks(plan, market, side) * plan.multiplier
    shown: F64 = pnl + np.where(plan.valued, value - mark, 0.0)[:, None]
    return shown


def funding_units(p: PmParameters, plan: Plan, market: Market) -> F64:
    """`[N]` funding that one bought perpetual owes over the hours of the pack, zero where no rate is known."""
    units = np.zeros(len(plan))
    for i, contract in enumerate(plan.contracts):
        mark = market.marks.get(contract.name)
        if contract.kind == "perpetual" and mark is not None and mark.funding_rate is not None:
            units[i] = plan.multiplier[i] * plan.spot[i] * mark.funding_rate * p.funding_hours / 8.0
    return units


def pm_batch(p: PmParameters, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them."""
    plan, market, n = universe.plan, universe.market, len(universe.plan)
    marks = universe.known(option_marks(plan, market, np.ones(n)))
    value = np.where(plan.valued, marks * plan.multiplier, 0.0)
    fees = universe.known(fee_units(p.fees, plan, marks, retail=False))
    funding = universe.known(funding_units(p, plan, market))
    delta = universe.known(unit_deltas(plan, np.ones(n)))
    tables = {name: table.columns() for name, table in p.tables.items()}
    pnl = {t: universe.known(unit_profits(plan, market, s, np.ones(n))) for t, s in tables.items()}
    table_of = np.array([p.underlyings.get(c.underlying, "") for c in plan.contracts])

    def amounts(lots: Lots) -> Amounts:
        fee = lots.sum(np.abs(lots.quantity) * fees[lots.item])
        initial, maintenance = fee.copy(), fee.copy()
        for name, scenarios in tables.items():
            table, own = p.tables[name], lots.only(table_of == name)
            books = own.runs(universe.underlying)
            rule, worth = table.min_delta, np.where(plan.option & table.min_delta.cap_long_options, value, np.inf)
            core = worst_loss(books.indptr, own.item, own.quantity, pnl[name], scenarios.weight)
            core = np.maximum(core, delta_charges(own, books, delta, worth, rule.net, rule.hedged))
            owed = np.maximum(books.sum(own.quantity * funding[own.item]), 0.0)
            initial += books.total(core + owed, lots.accounts)
            maintenance += books.total(table.maintenance_factor * core + owed, lots.accounts)
        equity = lots.sum(lots.quantity * value[lots.item])
        return Amounts(initial, maintenance, equity, np.zeros(lots.accounts, dtype=bool))

    return amounts
