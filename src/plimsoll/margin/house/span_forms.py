"""What SPAN gives a solver and a proof."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Max, Scaled, Sum, Worst, total
from plimsoll.margin.house.span_many import tiers_of, unit_deltas, unit_losses, unit_minimum
from plimsoll.margin.house.span_parameters import SpanParameters
from plimsoll.margin.many.universe import Universe

_WHY = (
    "scan and short-option minimum are maxima of linear functions. Spreads are formed in the order of their priority, "
    "which is not convex, and so are the credits: each contract month is charged what its dearest spread or spot "
    "charge could ask for its delta, and no credit is counted. Never below the rules"
)
SPAN_FORMS = Declared("bound", "sequential convex steps", _WHY, "bound", _WHY)


def dearest(p: SpanParameters) -> list[float]:
    """For each tier the most that one coin of delta can be charged, a part of the index.

    A spread takes a coin of each side, so that half of its charge is each side's; a coin is charged as consumed then
    and as outright else.
    """
    most = []
    for tier in p.tiers:
        half = [s.rate / 2.0 for s in p.spreads if tier.name in s.legs]
        most.append(max(tier.outright, *(h + tier.consumed for h in half)) if half else tier.outright)
    return most


def span_pieces(p: SpanParameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms: the same bound."""
    plan, one = universe.plan, np.ones(len(universe.plan))
    losses, deltas, minimum = unit_losses(p, plan, one), unit_deltas(p, plan, one), unit_minimum(p, plan)
    tier, most = tiers_of(p, plan), dearest(p)
    terms: list[Expression] = []
    for u in range(len(universe.underlyings)):
        mine = np.flatnonzero(universe.underlying == u).tolist()
        spot = float(plan.spot[mine[0]])
        charged: list[Expression] = [Worst.signed(mine, losses[mine].T).floored()]
        for group in sorted(set(plan.group[mine].tolist())):
            own = [i for i in mine if plan.group[i] == group]
            rate = most[tier[own[0]]] * spot
            charged.append(Worst.signed(own, np.stack([deltas[own], -deltas[own]]) * rate))
        floor = Worst.parts(mine, np.zeros(len(mine)), minimum[mine])
        terms.append(Max((total(charged), floor)))
    form = Form("bound", _WHY, Scaled(p.initial_ratio, Sum(tuple(terms))))
    return form, form
