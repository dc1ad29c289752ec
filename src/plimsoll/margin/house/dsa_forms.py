"""What DSA gives a solver and a proof: a bound, since the switch between its two charges is not convex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import F64, I64, Expression, Max, Scaled, Sum, Worst
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


@dataclass(frozen=True, eq=False)
class Curved(Expression):
    """Largest loss over a box of the quadratic with the coefficients `[I, 5] @ q`, zero if nothing loses.

    Coefficients as `Box.worst` takes them. Not piecewise linear: no solver takes it, and no `Form` of `pieces` has it.
    """

    items: I64
    coefficients: F64
    box: Box

    def value(self, long: F64, short: F64) -> float:
        """The loss at the worst point."""
        return self.box.worst((long - short)[self.items] @ self.coefficients)[2]

    def opposed(self) -> set[int]:
        """None: it is of net positions."""
        return set()

    def choices(self) -> int:
        """None."""
        return 0


WHERE = (
    "at these positions: the charge on the box that the certified error of the expansion chose for each underlying, "
    "and the delta charges"
)


def dsa_form_at(p: DsaParameters, box: Box, universe: Universe, revalued: Mapping[str, bool]) -> Form:
    """The rule where each underlying is `revalued` on the grid, or charged by expansion."""
    plan = universe.plan
    spot, vol = box.axes(p.grid.spot_cells, p.grid.vol_cells)
    everything, side = np.ones(len(plan), dtype=bool), np.ones(len(plan))
    greeks = unit_expansion(plan, everything, side, box.vol_rule)
    nodes = plan_pnl(plan, box.nodes(spot, vol), "usd", side) if any(revalued.values()) else np.zeros((len(plan), 0))
    terms: list[Expression] = []
    for u, name in enumerate(universe.underlyings):
        mine = np.flatnonzero(universe.underlying == u)
        own = mine.tolist()
        full = Worst.signed(own, -nodes[mine].T).floored() if revalued[name] else Curved(mine, greeks[mine], box)
        charges = (
            delta_charge(universe, own, p.min_delta, p.delta_rate, 0.0)[0],
            delta_charge(universe, own, p.min_delta, p.min_delta.net, p.min_delta.hedged)[0],
        )
        terms.append(Max((full, *charges)))
    return Form("exact", WHERE, Sum(tuple(terms)))


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
