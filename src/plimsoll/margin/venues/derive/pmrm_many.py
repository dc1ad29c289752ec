"""Both portfolio managers of Derive on blocks of accounts: the rules of `workings` and `pmrm1_workings`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True, eq=False)
class Charging:
    """How sums become margins: `initial = factor loss + perpetual and naked notional at their rates + doubt`.

    `perpetual` and `naked` are rates on the notional in the (initial, maintenance) margin, `kept` the factor on the
    loss in the maintenance margin; `doubt` the largest rate on the notional for a price without confidence.
    """

    factor: float
    kept: float
    perpetual: tuple[float, float]
    naked: tuple[float, float]
    doubt: float

    def amounts(self, found: Sums, spot: float) -> Amounts:
        """The margins of a block from its sums, in the settlement currency."""
        perp, naked = found.perpetuals * spot, found.naked * spot
        initial, maintenance = (perp * p + naked * n for p, n in zip(self.perpetual, self.naked, strict=True))
        odd = np.zeros(found.loss.size, dtype=bool)
        return Amounts(
            found.loss * self.factor + initial + found.doubt, found.loss * self.kept + maintenance, found.value, odd
        )


@dataclass(frozen=True, eq=False)
class PmrmTables:
    """A portfolio manager on one universe: the tables of each underlying by its number, and the caps on size."""

    spans: dict[int, SpanTables]
    charging: Charging
    positions: int
    expiries: int

    def amounts(self, lots: Lots) -> Amounts:
        """Margins of a block, in the settlement currency; accounts of several underlyings are odd."""
        mine = lots.universe.underlying
        parts = {u: self.charging.amounts(t.sums(lots.only(mine == u)), t.index.price) for u, t in self.spans.items()}
        return put_together(lots, too_large(lots, self.positions, self.expiries), parts)


def pmrm2_tables(p: Pmrm2Parameters, universe: Universe) -> PmrmTables | None:
    """PMRM_2; accounts without collateral, so no haircut and no doubt about it. `None` without a price of cash."""
    stable = universe.market.price_of(p.cash)
    if stable is None or stable.price <= 0:
        return None
    plan, other = universe.plan, p.other
    discounts = static_discounts(p.margin, plan.rate, years_of(plan.seconds))
    tables: dict[int, SpanTables] = {}
    for number, index in _priced(universe, list(p.underlyings)).items():
        columns, _ = scenario_columns(p, p.scenario_tables[p.underlyings[universe.underlyings[number]].scenarios])
        rule = (p.basis, other)
        tables[number] = SpanTables.of(universe, columns, rule, rate_discount(plan), discounts, index)
    charging = Charging(
        factor=p.margin.im_factor + other.peg(stable.price),
        kept=p.margin.mm_factor,
        perpetual=(other.mm_perp_pct + other.im_perp_pct, other.mm_perp_pct),
        naked=(other.mm_option_pct + other.im_option_pct, other.mm_option_pct),
        doubt=other.conf_margin,
    )
    return PmrmTables(tables, charging, p.max_positions, p.max_expiries)


def pmrm1_tables(p: Pmrm1Parameters, universe: Universe) -> PmrmTables | None:
    """PMRM, first version; accounts without its base asset. `None` without a price of cash."""
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
    charging = Charging(
        factor=factor,
        kept=1.0,
        perpetual=(other.perp_pct * factor, other.perp_pct),
        naked=(other.option_pct * factor, other.option_pct),
        doubt=other.conf_margin,
    )
    return PmrmTables(tables, charging, p.max_positions, p.max_expiries)


def _priced(universe: Universe, names: list[str]) -> dict[int, Index]:
    """The underlyings of the universe that the rules name and the market has an index of, by their numbers."""
    indices = universe.market.indices
    return {i: indices[u] for i, u in enumerate(universe.underlyings) if u in names and u in indices}
