"""What futures by tiers give a solver and a proof: one rate for each contract, the highest within reach."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import F64, Worst
from plimsoll.margin.parts.futures_many import FutureUnits

_WHY = (
    "initial margin is the whole position at one over its leverage, and the least that its tier asks for jumps up "
    "where a tier ends: the lowest convex function that is never below it, is zero at zero and equal to it at the "
    "largest position considered is one straight line, the highest rate up to there"
)
FUTURES_FORMS = Declared(
    "bound",
    "linear program",
    _WHY,
    "bound",
    _WHY,
    "no position within reach comes to a tier that asks for more than the first",
)


def futures_form(unit: FutureUnits, reach: F64 | None, price: F64 | None = None) -> Form:
    """The same bound for both, times `price[N]` if given.

    Raises `DocumentError` where some contract has several rates and no `reach[N]` (contracts) says how far they matter.
    """
    items = np.arange(unit.notional.size)
    rates = np.maximum(unit.tiers.initial_rate, unit.floor)
    tiers = 1 + np.isfinite(unit.tiers.ends).sum(axis=1)
    bent = [i for i in items.tolist() if np.ptp(rates[i, : tiers[i]]) > 0.0]
    if bent and reach is None:
        raise refuse(
            "reach", None, f"the largest position considered, for {len(bent)} futures whose rate grows with it"
        )
    last = np.zeros(items.size, dtype=np.int64) if reach is None else unit.tiers.place(items, reach * unit.size)
    highest = np.array([rates[i, : last[i] + 1].max() for i in items.tolist()], dtype=np.float64)
    one = unit.notional * (highest + unit.fee) * (1.0 if price is None else price)
    flat = bool((highest == rates[:, 0]).all())
    # a constant: the bound is the margin itself for all positions within reach, or for none that is sure
    within = Worst.parts((), np.zeros((1, 0)), np.zeros((1, 0)), np.array([-1.0 if flat else 1.0]))
    return Form("bound", _WHY, Worst.size(items, one), within, reach)
