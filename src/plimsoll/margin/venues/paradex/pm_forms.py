"""What Paradex's portfolio margin gives a solver and a proof."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Max, Sum, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.margin.parts.delta_forms import delta_rows
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.paradex.parameters import PmParameters
from plimsoll.margin.venues.paradex.pm_many import funding_units, unit_profits
from plimsoll.margin.venues.paradex.taken import fee_units

F64 = npt.NDArray[np.float64]

_WHY = (
    "the scan and the minimum delta charge, which is not capped here, are maxima of linear functions of the positions, "
    "the funding provision is the positive part of one, and fees go by the size of each position"
)
PM_FORMS = Declared("exact", "linear program", _WHY, "exact", _WHY)


def pm_pieces(p: PmParameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms, which are one; a pack that caps the delta charge of bought options gets the uncapped bound."""
    plan, market, n = universe.plan, universe.market, len(universe.plan)
    delta, funding = unit_deltas(plan, np.ones(n)), funding_units(p, plan, market)
    fees = fee_units(p.fees, plan, option_marks(plan, market, np.ones(n)), retail=False)
    terms: list[Expression] = [Worst.size(range(n), fees[None, :])] if n else []
    capped = False
    for u, underlying in enumerate(universe.underlyings):
        table = p.tables[p.underlyings[underlying]]
        scenarios, rule = table.columns(), table.min_delta
        mine = np.flatnonzero(universe.underlying == u).tolist()
        pnl = unit_profits(plan, market, scenarios, np.ones(n))[mine] * scenarios.weight
        spot = float(plan.spot[mine[0]])
        core = Worst.signed(mine, -pnl.T).floored()
        terms.append(Max((core, delta_rows(mine, delta[mine], spot, rule.net, rule.hedged))))
        terms.append(Worst.signed(mine, funding[mine][None, :]).floored())
        capped = capped or rule.cap_long_options
    form = Form("bound" if capped else "exact", _WHY, Sum(tuple(terms)))
    return form, form
