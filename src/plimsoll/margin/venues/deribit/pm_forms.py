"""What Deribit's portfolio margin gives a solver and a proof."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Max, Scaled, Sum, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.venues.deribit.pm_many import VOLS, SideTables, sides_of
from plimsoll.margin.venues.deribit.pm_parameters import PmParameters
from plimsoll.margin.venues.deribit.readings import ROW_READINGS

_MATRIX = (
    "the worst case is a maximum of linear functions (a dampened far loss is one with an offset, and a gain never "
    "binds), the roll shock a sum of sizes, and the dearest reading a maximum over sums of both"
)
ROUNDING = 2e-9
"""Two roundings to nine decimals."""

PM_FORMS = Declared(
    solver="exact",
    route="sequential convex steps",
    solver_why=(
        f"{_MATRIX}: a linear program, exact but for rounding to nine decimals, where the delta of each underlying "
        "is at most the threshold of the delta shock. Beyond it the shock is a quadratic of the delta that turns into "
        "a capped line, which is not convex, and long options count in it on one side only: nothing is claimed "
        "there, steps are re-priced by the exact engine"
    ),
    proof="bound",
    proof_why=(f"{_MATRIX}; the delta shock at its cap, max_delta_shock of the delta at the index, whatever its size"),
    condition="the delta of each underlying is at most the threshold of the delta shock",
)


def pm_pieces(p: PmParameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms over the contracts of one settlement currency."""
    universe.one([c.currency for c in universe.plan.contracts], "settlement currency")
    sides = sides_of(p, universe)
    readings = tuple(
        Sum(tuple(t for side in sides for t in _side(universe, side, vols, row)))
        for vols in VOLS
        for row in range(len(ROW_READINGS))
    )
    matrix = Max(_different(readings, sides))
    deltas = [_delta(side) for side in sides]
    shocks = [
        Scaled(side.pair.max_delta_shock * (1.0 if side.holding.inverse else side.holding.index), size)
        for side, size in zip(sides, deltas, strict=True)
    ]
    inside = [
        Sum((Scaled(s.holding.index, d), Worst.signed((), np.zeros((1, 0)), np.array([-_threshold(s)]))))
        for s, d in zip(sides, deltas, strict=True)
    ]
    return (
        Form("exact", PM_FORMS.solver_why, matrix, Max(tuple(inside)), rounding=ROUNDING),
        Form("bound", PM_FORMS.proof_why, Sum((matrix, *shocks)), rounding=ROUNDING),
    )


def _different(readings: tuple[Sum, ...], sides: tuple[SideTables, ...]) -> tuple[Sum, ...]:
    """Readings without those that repeat another: the far moves of linear contracts, the rows of inverse ones."""
    width = len(ROW_READINGS)
    keep: dict[tuple[object, ...], Sum] = {}
    for n, reading in enumerate(readings):
        vols, row = VOLS[n // width], n % width
        key = tuple((id(s.units[vols]), s.damper[row].tobytes(), s.least[row].tobytes()) for s in sides)
        keep.setdefault(key, reading)
    return tuple(keep.values())


def _side(universe: Universe, side: SideTables, vols: tuple[str, str, str], row: int) -> list[Expression]:
    """Worst case and roll shock of one underlying under one reading."""
    own = side.holding.rows.tolist()
    terms: list[Expression] = [Worst.signed(own, -side.units[vols][own].T, -side.damper[row]).floored()]
    for group in sorted(set(universe.plan.group[own].tolist())):
        mine = [i for i in own if universe.plan.group[i] == group]
        move = side.delta[mine] * side.least[row][mine]
        terms.append(Worst.signed(mine, np.stack([move, -move])))
    return terms


def _delta(side: SideTables) -> Worst:
    """The size of the delta of one underlying in coins: the charged delta is never larger."""
    own = side.holding.rows.tolist()
    return Worst.signed(own, np.stack([side.delta[own], -side.delta[own]]))


def _threshold(side: SideTables) -> float:
    return side.pair.delta_total_liq_shock_threshold
