"""Cross margin of positions alone: on blocks of accounts, and as rows for a solver and a proof."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Sum, Worst
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.paradex.parameters import XmParameters
from plimsoll.margin.venues.paradex.xm_units import units_of

F64 = npt.NDArray[np.float64]

_WHY = (
    "every position costs a rate for each contract bought and another for each contract sold, and a fee by its size: "
    "linear in the two parts of a position, and nothing is netted"
)
XM_FORMS = Declared("exact", "linear program", _WHY, "exact", _WHY)


def xm_batch(p: XmParameters, universe: Universe) -> Batch:
    """The rates of one universe, and the arithmetic on them."""
    plan = universe.plan
    marks = universe.known(option_marks(plan, universe.market, np.ones(len(plan))))
    unit = units_of(p, plan, marks, retail=False)
    value = np.where(plan.valued, marks * plan.multiplier, 0.0)

    def amounts(lots: Lots) -> Amounts:
        i, q = lots.item, lots.quantity
        fee = np.abs(q) * unit.fee[i]
        initial = np.where(q > 0, q * unit.bought[i], -q * unit.sold[i]) + fee
        kept = np.where(q > 0, q * unit.bought_kept[i], -q * unit.sold_kept[i]) + fee
        equity = lots.sum(q * value[i])
        return Amounts(lots.sum(initial), lots.sum(kept), equity, np.zeros(lots.accounts, dtype=bool))

    return amounts


def xm_pieces(p: XmParameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms, which are one."""
    plan, n = universe.plan, len(universe.plan)
    unit = units_of(p, plan, option_marks(plan, universe.market, np.ones(n)), retail=False)
    rows = Worst.parts(range(n), unit.bought + unit.fee, unit.sold + unit.fee)
    whole: Expression = Sum((rows,))
    form = Form("exact", _WHY, whole)
    return form, form
