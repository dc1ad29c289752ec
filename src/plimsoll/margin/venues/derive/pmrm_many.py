"""Both portfolio managers of Derive on blocks of accounts: the rules of `workings` and `pmrm1_workings`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.venues.derive.columns import scenario_columns
from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm1_parameters import Pmrm1Parameters
from plimsoll.margin.venues.derive.pmrm1_workings import scenario_columns as pmrm1_columns
from plimsoll.margin.venues.derive.pmrm1_workings import static_discount
from plimsoll.margin.venues.derive.span import rate_discount, static_discounts
from plimsoll.margin.venues.derive.span_many import SpanTables, Sums, put_together, too_large
from plimsoll.market import Index
from plimsoll.scenarios import years_of


def pmrm2_batch(p: Pmrm2Parameters, universe: Universe) -> Batch | None:
    """PMRM_2; accounts without collateral, so no haircut and no doubt about it."""
    stable = universe.market.price_of(p.cash)
    if stable is None or stable.price <= 0:
        return None
    plan, other = universe.plan, p.other
    factor = p.margin.im_factor + other.peg(stable.price)
    discounts = static_discounts(p.margin, plan.rate, years_of(plan.seconds))
    tables: dict[int, SpanTables] = {}
    for number, index in _priced(universe, list(p.underlyings)).items():
        columns, _ = scenario_columns(p, p.scenario_tables[p.underlyings[universe.underlyings[number]].scenarios])
        rule = (p.basis, other)
        tables[number] = SpanTables.of(universe, columns, rule, rate_discount(plan), discounts, index)

    def charged(found: Sums, spot: float) -> Amounts:
        perp, naked = found.perpetuals * spot, found.naked * spot
        maintenance = found.loss * p.margin.mm_factor + perp * other.mm_perp_pct + naked * other.mm_option_pct
        more = perp * (other.mm_perp_pct + other.im_perp_pct) + naked * (other.mm_option_pct + other.im_option_pct)
        odd = np.zeros(found.loss.size, dtype=bool)
        return Amounts(found.loss * factor + more + found.doubt, maintenance, found.value, odd)

    return _by_underlying(tables, charged, p.max_positions, p.max_expiries)


def pmrm1_batch(p: Pmrm1Parameters, universe: Universe) -> Batch | None:
    """PMRM, first version; accounts without its base asset."""
    stable = universe.market.price_of(p.cash)
    if stable is None or stable.price <= 0:
        return None
    plan, other = universe.plan, p.other
    factor = p.margin.im_factor + other.peg(stable.price)
    discounts = (static_discount(p.margin, plan.rate, years_of(plan.seconds)), np.ones(len(plan.expiries)))
    tables = {
        number: SpanTables.of(universe, pmrm1_columns(p), (p.basis, other), None, discounts, index)
        for number, index in _priced(universe, list(p.underlyings)).items()
    }

    def charged(found: Sums, spot: float) -> Amounts:
        maintenance = found.loss + (found.perpetuals * other.perp_pct + found.naked * other.option_pct) * spot
        odd = np.zeros(found.loss.size, dtype=bool)
        return Amounts(maintenance * factor + found.doubt, maintenance, found.value, odd)

    return _by_underlying(tables, charged, p.max_positions, p.max_expiries)


def _priced(universe: Universe, names: list[str]) -> dict[int, Index]:
    """The underlyings of the universe that the rules name and the market has an index of, by their numbers."""
    indices = universe.market.indices
    return {i: indices[u] for i, u in enumerate(universe.underlyings) if u in names and u in indices}


def _by_underlying(
    tables: dict[int, SpanTables], charged: Callable[[Sums, float], Amounts], positions: int, expiries: int
) -> Batch:
    def amounts(lots: Lots) -> Amounts:
        mine = lots.universe.underlying
        parts = {u: charged(t.sums(lots.only(mine == u)), t.index.price) for u, t in tables.items()}
        return put_together(lots, too_large(lots, positions, expiries), parts)

    return amounts
