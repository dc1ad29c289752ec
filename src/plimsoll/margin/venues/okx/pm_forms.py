"""What OKX's portfolio margin gives a solver and a proof: one convex bound."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Expression, Max, Scaled, Sum, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.venues.okx.pm_parameters import PmParameters, group_of
from plimsoll.margin.venues.okx.pm_tables import UnitTable, tables_of

_WHY = (
    "scenarios, basis, rate shocks, borrowing and the scaled minimum charge are convex and exact; MR3 is bounded by "
    "all expiries in the direction each loses by, and MR9 by its highest rate on half of the cash deltas of all "
    "currencies, since what is netted or hedged grows where positions offset each other"
)
PM_FORMS = Declared("bound", "linear program", _WHY, "bound", _WHY)


def pm_pieces(p: PmParameters, universe: Universe) -> tuple[Form, Form]:
    """The same bound for both."""
    tables = tables_of(p, universe)
    terms: list[Expression] = [Scaled(p.initial_factor, _unit(p, table)) for table in tables]
    for currency in sorted({c.currency for c in universe.plan.contracts}):
        mine = [i for i, c in enumerate(universe.plan.contracts) if c.currency == currency]
        value = np.zeros(len(universe.names))
        for table in tables:
            value[table.rows] = table.value
        owed = Worst.signed(mine, -value[mine][None, :]).floored()
        terms.append(Scaled(group_of(p.mr8, currency)[1].initial, owed))
    form = Form("bound", _WHY, Sum(tuple(terms)))
    return form, form


def _unit(p: PmParameters, t: UnitTable) -> Expression:
    rows = t.rows.tolist()
    parts: list[Expression] = [Worst.signed(rows, -t.core.T).floored()]
    parts.append(Scaled(p.term_structure, _expiries(t)))
    for b, rate in enumerate(t.basis.tolist()):
        mine = np.flatnonzero(t.bucket == b)
        delta = t.delta[mine]
        parts.append(Scaled(rate, Worst.signed(t.rows[mine].tolist(), np.stack([delta, -delta]))))
    if t.rates.shape[1]:
        parts.append(Worst.signed(rows, -t.rates.T).floored())
    sides = sorted(set(t.side))
    if p.mr9 is not None and len(sides) > 1:
        column = _column(p, t)
        top = max(tier.rates[column] for tier in p.mr9.tiers)
        for side in sides:
            mine = np.array([i for i, s in enumerate(t.side) if s == side])
            delta = t.delta[mine]
            size = Worst.signed(t.rows[mine].tolist(), np.stack([delta, -delta]))
            parts.append(Scaled(0.5 * top, size))
    return Max((Sum(tuple(parts)), _minimum(t)))


def _column(p: PmParameters, t: UnitTable) -> int:
    """The dearest level that any pair of the unit is at, by the prices of the market."""
    assert p.mr9 is not None
    price = {c.currency: float(s) for c, s in zip(t.unit.plan.contracts, t.unit.plan.settle, strict=True)}
    known = [price.get(side, 1.0) for side in {*t.side, "USD"}]
    level = min(known) / max(known)
    return next((n for n, at in enumerate(p.mr9.levels) if level >= at), len(p.mr9.levels) - 1)


def _expiries(t: UnitTable) -> Expression:
    measures = []
    for up, down in t.vols:
        each: list[Expression] = []
        for group in sorted({int(g) for g in t.group if g >= 0}):
            mine = np.flatnonzero(t.group == group)
            each.append(Worst.signed(t.rows[mine].tolist(), -np.stack([up[mine], down[mine]])).floored())
        measures.append(Sum(tuple(each)))
    return Max(tuple(measures))


def _minimum(t: UnitTable) -> Worst:
    """Tiers whose multipliers rise are the largest of their lines."""
    tiers = group_of(t.unit.parameters.scaling, t.unit.coin)[1].tiers
    slope = np.array([tier.multiplier for tier in tiers])
    # multipliers that fall would make a concave scale: the highest so far bounds it
    slope = np.maximum.accumulate(slope)
    start = np.array([0.0, *(tier.upto or 0.0 for tier in tiers[:-1])])
    constant = -np.cumsum(np.append(0.0, np.diff(slope)) * start)
    return Worst.parts(t.rows.tolist(), slope[:, None] * t.closing[0], slope[:, None] * t.closing[1], constant)
