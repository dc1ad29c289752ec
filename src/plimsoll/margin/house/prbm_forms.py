"""What PRBM gives a solver and a proof."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Max, Relieved, Scaled, Sum, Worst, total
from plimsoll.margin.house.parameters import PrbmParameters
from plimsoll.margin.house.prbm_many import NOW, basis_units, unit_worth
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.parts.delta import coins_of, unit_deltas
from plimsoll.margin.parts.delta_forms import delta_rows
from plimsoll.margin.parts.scan import MinDelta
from plimsoll.risk import plan_pnl, unit_values
from plimsoll.scenarios import Scenarios

PRBM_FORMS = Declared(
    solver="exact",
    route="mixed-integer program",
    solver_why=(
        "scan, short-option floor and basis charge are maxima of linear functions. The minimum delta charge is their "
        "infimal convolution with the value of bought options (give up any part of one for its value), linear rows "
        "too; but a solver could sell and buy the same cheap option at once and give up the bought one, so an option "
        "worth less than (net - hedged) of its delta at the index needs a binary. Without such options it is a linear "
        "program"
    ),
    proof="bound",
    proof_why=(
        "the same rows with the minimum delta charge uncapped, which is convex in the positions and never below the "
        "rules; equal to them wherever no bought option is charged its value"
    ),
)


def delta_charge(
    universe: Universe, items: list[int], rule: MinDelta, net: float, hedged: float
) -> tuple[Relieved, Worst]:
    """The delta charge of one underlying with bought options charged no more than their value, and without."""
    plan = universe.plan
    delta = unit_deltas(plan, np.ones(len(plan)))[items]
    worth = unit_worth(universe, rule, unit_values(plan, NOW, "usd")[:, 0])[items]
    rows = delta_rows(items, delta, float(plan.spot[items[0]]), net, hedged)
    # what is worth more than any charge on it is never given up
    price = np.where(worth >= rows.long.max(axis=0), np.inf, worth)
    return Relieved(rows, price), rows


def prbm_pieces(p: PrbmParameters, scenarios: Scenarios, universe: Universe) -> tuple[Form, Form]:
    """Both forms: the second differs in the cap of the delta charge only."""
    plan = universe.plan
    pnl = plan_pnl(plan, scenarios, "usd") * scenarios.weight[None, :]
    coins, tight, loose = coins_of(plan), [], []
    for u in range(len(universe.underlyings)):
        mine = np.flatnonzero(universe.underlying == u).tolist()
        spot = float(plan.spot[mine[0]])
        capped, uncapped = delta_charge(universe, mine, p.min_delta, p.min_delta.net, p.min_delta.hedged)
        core: list[Expression] = [Worst.signed(mine, -pnl[mine].T).floored()]
        sides = []
        for e in sorted(set(plan.group[mine].tolist())):
            for call in (True, False):
                own = [i for i in mine if plan.option[i] and plan.group[i] == e and plan.call[i] == call]
                if own:
                    sides.append(Worst.signed(own, -coins[own]).floored())
        core.append(Scaled(p.short_option_rate * spot, total(sides)))
        tight.append(Max((*core, capped)))
        loose.append(Max((*core, uncapped)))
    basis = basis_terms(p, universe)
    why = PRBM_FORMS
    exact, bound = Sum((*tight, *basis)), Sum((*loose, *basis))
    return Form("exact", why.solver_why, exact), Form(why.proof, why.proof_why, bound)


def basis_terms(p: PrbmParameters, universe: Universe) -> list[Expression]:
    """The basis charge, a term for each expiry."""
    plan = universe.plan
    moves, factor = basis_units(p, plan)
    terms: list[Expression] = []
    for e in range(len(plan.expiries)):
        own = np.flatnonzero(plan.group == e).tolist()
        terms.append(Scaled(float(factor[e]), Worst.signed(own, -moves[own].T).floored()))
    return terms
