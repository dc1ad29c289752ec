"""What DSA gives a solver and a proof: a bound, since the switch between its two charges is not convex."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Max, Scaled, Sum, Worst
from plimsoll.margin.house.box import Box
from plimsoll.margin.house.dsa_parameters import DsaParameters
from plimsoll.margin.house.expansion import GAMMA, VOLGA, unit_expansion
from plimsoll.margin.house.prbm_forms import delta_charge
from plimsoll.margin.many.universe import Universe
from plimsoll.risk import plan_pnl

_WHY = (
    "each of the two charges on the box is a maximum of linear functions of the positions, but which of them is "
    "charged "
    "depends on whether a certified error passes a tolerance, which is no convex condition. The bound takes the larger "
    "of both: the loss at every node of the grid, the expansion at every node with h^2/8 |gamma| + k^2/8 |volga| for "
    "what lies between nodes, and the delta charges uncapped"
)

DSA_FORMS = Declared(
    solver="bound",
    route="sequential convex steps",
    solver_why=_WHY + "; each step is re-priced by the exact engine",
    proof="bound",
    proof_why=_WHY,
)


def dsa_pieces(p: DsaParameters, box: Box, universe: Universe) -> tuple[Form, Form]:
    """The same bound for both."""
    plan = universe.plan
    spot, vol = box.axes(p.grid.spot_cells, p.grid.vol_cells)
    everything, side = np.ones(len(plan), dtype=bool), np.ones(len(plan))
    nodes = plan_pnl(plan, box.nodes(spot, vol), "usd", side)
    greeks = unit_expansion(plan, everything, side, box.vol_rule)
    x, y = np.tile(spot, vol.size), np.repeat(vol, spot.size)
    powers = np.stack([x, x * x / 2.0, y, x * y, y * y / 2.0])
    bend_x, bend_y = float(np.diff(spot).max()) ** 2 / 8.0, float(np.diff(vol).max()) ** 2 / 8.0
    terms: list[Expression] = []
    for u in range(len(universe.underlyings)):
        mine = np.flatnonzero(universe.underlying == u).tolist()
        full = Worst.signed(mine, -nodes[mine].T).floored()
        expanded = Worst.signed(mine, -(greeks[mine] @ powers).T).floored()
        bends = [
            Scaled(scale, Worst.signed(mine, np.stack([greeks[mine, n], -greeks[mine, n]])))
            for scale, n in ((bend_x, GAMMA), (bend_y, VOLGA))
        ]
        charges = (
            delta_charge(universe, mine, p.min_delta, p.delta_rate, 0.0)[1],
            delta_charge(universe, mine, p.min_delta, p.min_delta.net, p.min_delta.hedged)[1],
        )
        terms.append(Max((full, Sum((expanded, *bends)), *charges)))
    bound = Sum(tuple(terms))
    return Form("bound", DSA_FORMS.solver_why, bound), Form("bound", DSA_FORMS.proof_why, bound)
