"""DSA of many accounts: the rules of `plimsoll.margin.house.dsa`, book by book of one underlying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.kernels import aggregate_accounts
from plimsoll.margin.house.box import Box
from plimsoll.margin.house.dsa_parameters import DsaParameters
from plimsoll.margin.house.expansion import GAMMA, VOLGA, unit_expansion
from plimsoll.margin.house.prbm_many import NOW, unit_worth
from plimsoll.margin.house.remainder import ROUNDING, corners, unit_errors
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Runs, Universe
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.margin.parts.delta_many import delta_charges
from plimsoll.risk import plan_pnl, unit_values

_ROWS = 256


@dataclass(frozen=True, eq=False)
class BoxTables:
    """One contract of each of the universe: `unit[N, V M]` gains at the nodes, `errors[N, cells]` and `size[N]` of
    `unit_errors`, `expansion[N, 5]`; USD.
    """

    box: Box
    axes: tuple[F64, F64]
    unit: F64
    errors: F64
    size: F64
    expansion: F64

    @classmethod
    def of(cls, p: DsaParameters, box: Box, universe: Universe) -> BoxTables:
        """Revalue every contract at every node."""
        plan, axes = universe.plan, box.axes(p.grid.spot_cells, p.grid.vol_cells)
        side = np.ones(len(plan))
        unit = universe.known(plan_pnl(plan, box.nodes(*axes), "usd", side))
        shaped = unit.reshape(len(plan), axes[1].size, axes[0].size)
        errors, size = unit_errors(plan, shaped, axes, box.vol_rule, universe.taken)
        expansion = unit_expansion(plan, universe.taken, side, box.vol_rule)
        return cls(box, axes, unit, errors.reshape(len(plan), -1), size, expansion)

    def losses(self, lots: Lots, books: Runs, tolerance: float, floor: F64) -> F64:
        """`[R]` worst loss over the box: by expansion, or by revaluation where the expansion may lie by too much."""
        greeks = np.stack([books.sum(lots.quantity * column[lots.item]) for column in self.expansion.T])
        expansion = worst_quadratic(self.box, greeks)
        rounding = ROUNDING * books.sum(np.abs(lots.quantity) * self.size[lots.item])
        result, indptr = expansion.copy(), books.indptr
        for top in range(0, len(books), _ROWS):
            part = slice(top, min(top + _ROWS, len(books)))
            low, high = int(indptr[part.start]), int(indptr[part.stop])
            starts, own = indptr[part.start : part.stop + 1] - low, slice(low, high)
            bound, worst = self._bound(starts, lots.item[own], lots.quantity[own])
            bound += rounding[part]
            allowed = tolerance * np.maximum(expansion[part], floor[part]) + 2.0 * rounding[part]
            full = (bound > allowed) & (expansion[part] + bound > floor[part])
            result[part] = np.where(full, worst, expansion[part])
        return result

    def _bound(self, starts: I64, item: I64, quantity: F64) -> tuple[F64, F64]:
        """`[R]` certified error of the expansion, without rounding, and the largest loss at a node."""
        spot, vol = self.axes
        rows = starts.size - 1
        gain = aggregate_accounts(starts, item, quantity, self.unit)
        greeks = aggregate_accounts(starts, item, quantity, self.expansion)
        between = aggregate_accounts(starts, item, np.abs(quantity), self.errors).reshape(rows, vol.size - 1, -1)
        error = np.abs(gain.reshape(rows, vol.size, spot.size) - _quadratic(greeks, spot, vol))
        h, k = np.diff(spot)[None, None, :], np.diff(vol)[None, :, None]
        g, o = (np.abs(greeks[:, n])[:, None, None] for n in (GAMMA, VOLGA))
        between += corners(error) + h**2 / 8.0 * g + k**2 / 8.0 * o
        return between.reshape(rows, -1).max(axis=1), np.maximum(-gain.min(axis=1), 0.0)


def _quadratic(greeks: F64, spot: F64, vol: F64) -> F64:
    """`[R, V, M]` the expansion at the nodes, from `greeks[R, 5]`."""
    d, g, v, c, o = (greeks[:, n][:, None, None] for n in range(5))
    x, y = spot[None, None, :], vol[None, :, None]
    result: F64 = d * x + g * x * x / 2.0 + v * y + c * x * y + o * y * y / 2.0
    return result


def worst_quadratic(box: Box, greeks: F64) -> F64:
    """`[R]` largest loss of each expansion `greeks[5, R]` over the box, at least zero: `Box.worst` for many."""
    d, g, v, c, o = greeks
    lowest = np.zeros(d.shape)

    def look(x: F64 | float, y: F64 | float, inside: F64 | bool) -> None:
        value = d * x + g * x * x / 2.0 + v * y + c * x * y + o * y * y / 2.0
        np.minimum(lowest, np.where(inside, value, 0.0), out=lowest)

    with np.errstate(all="ignore"):
        for x in (-box.move, box.move):
            for y in (box.vol_up, -box.vol_down):
                look(x, y, True)
            y_turn = -(v + c * x) / o
            look(x, y_turn, (o > 0) & (-box.vol_down < y_turn) & (y_turn < box.vol_up))
        for y in (box.vol_up, -box.vol_down):
            x_turn = -(d + c * y) / g
            look(x_turn, y, (g > 0) & (-box.move < x_turn) & (x_turn < box.move))
        steep = g * o - c * c
        x_in, y_in = (c * v - d * o) / steep, (c * d - v * g) / steep
        inside = (g > 0) & (steep > 0) & (-box.move < x_in) & (x_in < box.move)
        look(x_in, y_in, inside & (-box.vol_down < y_in) & (y_in < box.vol_up))
    return 0.0 - lowest


@dataclass(frozen=True, eq=False)
class DsaTables:
    """What DSA needs of each contract `[N]` by itself, and its arithmetic on blocks of accounts.

    USD for one contract: `value` (options and spot), `worth` (what a bought one can lose at most); `delta` in coins.
    """

    parameters: DsaParameters
    box: BoxTables
    value: F64
    delta: F64
    worth: F64

    @classmethod
    def of(cls, p: DsaParameters, box: Box, universe: Universe) -> DsaTables:
        """The rows of a universe."""
        plan = universe.plan
        value = universe.known(unit_values(plan, NOW, "usd")[:, 0])
        delta = universe.known(unit_deltas(plan, np.ones(len(plan))))
        worth = unit_worth(universe, p.min_delta, value)
        return cls(p, BoxTables.of(p, box, universe), value, delta, worth)

    def terms(self, lots: Lots) -> tuple[Runs, F64, tuple[F64, F64]]:
        """Books of one underlying each, what their box is charged and their two delta charges, `[R]`."""
        p, books = self.parameters, lots.runs(lots.universe.underlying)
        floors = (
            delta_charges(lots, books, self.delta, self.worth, p.delta_rate, 0.0),
            delta_charges(lots, books, self.delta, self.worth, p.min_delta.net, p.min_delta.hedged),
        )
        return books, self.box.losses(lots, books, p.tolerance, np.maximum(*floors)), floors

    def amounts(self, lots: Lots) -> Amounts:
        """Initial, maintenance and equity of a block of accounts, USD."""
        books, box, floors = self.terms(lots)
        core = np.maximum(box, np.maximum(*floors))
        initial = books.total(core, lots.accounts)
        equity = lots.sum(lots.quantity * self.value[lots.item])
        odd = np.zeros(lots.accounts, dtype=bool)
        return Amounts(initial, self.parameters.maintenance_factor * initial, equity, odd)
