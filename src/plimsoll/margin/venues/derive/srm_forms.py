"""What the standard manager of Derive gives a solver and a proof."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Least, Max, Sum, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.venues.derive.srm_many import isolated_units, settlements, size_charges
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters
from plimsoll.risk import option_values
from plimsoll.scenarios import Scenarios

SRM_FORMS = Declared(
    solver="bound",
    route="mixed-integer program",
    solver_why=(
        "an expiry is charged the lesser of two convex functions, the isolated margins of its legs and its loss at the "
        "worst settlement price: one binary choice for each expiry. Settlement prices are the strikes that are held; "
        "the form takes every listed one, which is the same as long as the calls of an expiry are not net short, and "
        "dearer where they are, since the loss above the highest strike that is held then counts twice"
    ),
    proof="bound",
    proof_why=(
        "the settlement loss alone, whatever the isolated margins are: convex and never below the rules. Who is "
        "willing to tell which of the two each expiry is charged can prove the isolated sum instead, which is linear"
    ),
    condition="no expiry holds net short calls",
)


def srm_pieces(p: SrmParameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms; every market of the universe is added up."""
    plan, stable = universe.plan, universe.market.price_of(p.cash)
    if stable is None or stable.price <= 0:
        raise refuse(f"market.assets.{p.cash}", None if stable is None else stable.price, "a price above zero")
    value = np.zeros(len(plan))
    now = option_values(plan, Scenarios.build([1.0]), side=np.ones(len(plan)))[:, 0]
    value[plan.options] = now * plan.multiplier[plan.options]
    isolated = isolated_units(p, universe, value)[0]
    _, payoff = settlements(universe)
    sizes = size_charges(p, universe, max(0.0, p.depeg.threshold - stable.price) * p.depeg.factor)[0]
    names = range(len(plan))
    base: list[Expression] = [
        Worst.parts(names, np.where(plan.option, 0.0, sizes), sizes),
    ]
    tight, loose, bare = [], [], []
    for e, row in enumerate(plan.expiries):
        own = np.flatnonzero((plan.group == e) & plan.option).tolist()
        if not own:
            continue
        alone = Worst.parts(own, value[own], -value[own] - isolated[own])
        calls = np.where(plan.call[own], plan.multiplier[own], 0.0)
        unpaired = -calls * plan.forward[e] * p.option(row.underlying).unpaired_im_scale
        rows = np.vstack([-payoff[own].T, np.zeros(len(own))])
        rows = np.unique(rows, axis=0)
        together = Worst.signed(own, np.vstack([rows, rows + unpaired]) + value[own])
        tight.append(Least((alone, together)))
        loose.append(together)
        bare.append(Worst.signed(own, -calls))
    within = Max(tuple(bare)) if bare else None
    return (
        Form("bound", SRM_FORMS.solver_why, Sum((*base, *tight)), within),
        Form("bound", SRM_FORMS.proof_why, Sum((*base, *loose))),
    )
