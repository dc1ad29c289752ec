"""What Deribit's standard margin gives a solver and a proof."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import F64, Expression, Max, Sum, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.venues.deribit.sm_charges import DECIMALS
from plimsoll.margin.venues.deribit.sm_many import units_of
from plimsoll.margin.venues.deribit.sm_parameters import SmParameters

CHORDS = 16
_WHY = (
    "sold options are linear, the reading of their underlying a maximum of two sums. A future's rate grows with its "
    f"size, a square: {CHORDS} chords up to the largest position considered bound it from above, exact at their ends, "
    "by at most slope / 4 of the square of a chord's length in between; without a slope it is exact. Rounding of each "
    "position to nine decimals comes on top"
)
SM_FORMS = Declared("bound", "linear program", _WHY, "bound", _WHY, "futures stand at the ends of the chords")


def sm_pieces(p: SmParameters, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
    """The same bound for both, over the contracts of one settlement currency."""
    universe.one([c.currency for c in universe.plan.contracts], "settlement currency")
    unit, plan = units_of(p, universe), universe.plan
    futures = np.flatnonzero(~plan.option).tolist()
    bent = [i for i in futures if unit.slope[i] * unit.price[i] > 0.0]
    if bent and reach is None:
        allowed = f"the largest position considered, for {len(bent)} futures whose rate grows with it"
        raise refuse("reach", None, allowed)
    terms: list[Expression] = [
        _future(unit.initial[i], unit.slope[i], unit.coins[i], unit.price[i], i, reach) for i in futures
    ]
    options = np.flatnonzero(plan.option).tolist()
    none = np.zeros(len(options))
    sold = [Worst.parts(options, none, row[options] * unit.coins[options]) for row in unit.short]
    bound = Sum((*terms, Max(tuple(sold))))
    form = Form("bound", _WHY, bound, None, reach, 0.5 * 10.0**-DECIMALS * len(plan))
    return form, form


def _future(rate: float, slope: float, coins: float, price: float, i: int, reach: F64 | None) -> Worst:
    """`(rate + slope x) x price` of `x` coins by chords between multiples of a part of the reach."""
    if slope * price == 0.0 or reach is None:
        return Worst.size([i], np.array([rate * coins * price]))
    ends = np.linspace(0.0, float(reach[i]), CHORDS + 1)
    cost = (rate + slope * ends * coins) * ends * coins * price
    steep = np.diff(cost) / np.diff(ends)
    rows = steep[:, None]
    return Worst.parts([i], rows, rows, cost[:-1] - steep * ends[:-1])
