"""Portfolio margin's rows kept hot, under every reading, and how far an account can have moved since a reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plimsoll.kernels import aggregate_accounts
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe
from plimsoll.margin.venues.deribit.grid import grid_of
from plimsoll.margin.venues.deribit.pm_many import VOLS, PmTables, SideTables
from plimsoll.margin.venues.deribit.pm_parameters import PmParameters
from plimsoll.margin.venues.deribit.readings import ROW_READINGS


class PmRows(RowTables):
    """The tables of portfolio margin over all contracts, and how far they are from a reference.

    ```
    reach  = max(margin, |d (delta I)| / I0)                          settlement currency, for one contract, inverse
    margin = |d value| + matrix + roll                                I index, I0 at the reference (linear: 1)
    matrix = max |d unit| + (ratio - 1) max |unit|                    over scenarios and readings; second part far moves
    roll   = |d (delta least)|
    ```

    The charge is the dearest of sums over the readings, so it moves by no more than the most that each part moves by
    under any reading. The scenarios are linear in the lots; a far move is dampened to `max(loss - D, 0)`, which moves
    by at most `|d loss|` and, since `D` only matters where the loss exceeds the lesser of both, by `loss (ratio - 1)`,
    `ratio` of the larger `D` over the smaller.

    The delta shock grows with the square of a delta above a threshold in USD and is nothing below it. The delta that it
    charges is at most the sum of `|quantity * delta|`: an account keeps out of it while that sum at the index stays
    below the threshold, and how far it is from there is `further`. Larger accounts never sleep. What the rules round is
    in `SLACK`.
    """

    BOUNDED = True
    SLACK = 4e-9
    UNIT = "settlement"

    def __init__(self, parameters: PmParameters, universe: Universe) -> None:
        self.parameters = parameters
        self.reprice(universe, None)
        self.refer()

    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """See `RowTables`."""
        self.universe = universe
        if rows is None:
            self.tables = PmTables.of(self.parameters, universe)
        elif rows.size:
            fresh = PmTables.of(self.parameters, universe.part(rows))
            self.tables.value[rows] = fresh.value
            new = {_key(s): s for s in fresh.sides}
            self.tables = replace(
                self.tables,
                sides=tuple(_taken(s, new[_key(s)], rows) if _key(s) in new else s for s in self.tables.sides),
            )

    def amounts(self, lots: Lots) -> Amounts:
        """See `RowTables`: an account without contracts has the currency of its money, which the exact engine finds."""
        found = self.tables.amounts(lots)
        empty = np.bincount(lots.account, minlength=lots.accounts) == 0
        return replace(found, odd=found.odd | empty)

    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """See `RowTables`: segregated, only the balance in the settlement currency counts."""
        assert isinstance(found.currency, np.ndarray)
        return found.equity + money.by_own_currency(found.currency), np.zeros(len(money), dtype=bool)

    def binding(self, lots: Lots) -> list[str]:
        """See `RowTables`: the worst case of the underlying that loses most, under the reading that is charged."""
        p, size = self.parameters, lots.accounts
        reading = self.tables.charges(lots)[1]
        words, least = ["no loss"] * size, np.zeros(size)
        for side in sorted(self.tables.sides, key=lambda s: s.holding.underlying):
            own = lots.only(side.mine)
            starts = np.concatenate([[0], np.cumsum(np.bincount(own.account, minlength=size))]).astype(np.int64)
            labels = grid_of(side.pair.price_range, p.buckets_count, p.extended_moves).labels
            for n in np.unique(reading).tolist():
                vol, row = divmod(n, len(ROW_READINGS))
                gain = aggregate_accounts(starts, own.item, own.quantity, side.units[VOLS[vol]])
                loss = -gain - side.damper[row]
                worst, at = loss.max(axis=1), (loss >= loss.max(axis=1)[:, None] * (1.0 - 1e-12)).argmax(axis=1)
                more = (reading == n) & (worst > np.maximum(least, 0.0))
                for a in np.flatnonzero(more).tolist():
                    words[a] = f"{side.holding.underlying} {labels[int(at[a])]}"
                least[more] = worst[more]
        return words

    def refer(self) -> None:
        """See `RowTables`."""
        self.base = tuple(_copied(s) for s in self.tables.sides)
        self.base_value = self.tables.value.copy()

    def further(self, lots: Lots) -> F64:
        """See `RowTables`: from the least delta at which a delta shock is charged."""
        found = np.full(lots.accounts, np.inf)
        for side, before in zip(self.tables.sides, self.base, strict=True):
            own = lots.only(side.mine)
            usd = own.sum(np.abs(own.quantity * side.delta[own.item])) * side.holding.index
            room = (side.pair.delta_total_liq_shock_threshold - usd) / _unit(before)
            held = np.bincount(own.account, minlength=lots.accounts) > 0
            found = np.where(held, np.minimum(found, room), found)
        return found

    def reach(self, rows: I64) -> F64 | None:
        """See `RowTables`."""
        p = self.parameters
        found = np.abs(self.tables.value[rows] - self.base_value[rows])
        for now, before in zip(self.tables.sides, self.base, strict=True):
            own = now.mine[rows]
            if own.any():
                r = rows[own]
                index, old = now.holding.index, before.holding.index
                delta = np.abs(now.delta[r] * index - before.delta[r] * old) / _unit(before)
                found[own] = np.maximum(found[own] + max(1.0, p.mm_factor) * _moved(p, now, before, r), delta)
        return found


def _moved(p: PmParameters, now: SideTables, before: SideTables, rows: I64) -> F64:
    """`[R]` by how much one contract can have moved the charge."""
    far = grid_of(now.pair.price_range, p.buckets_count, p.extended_moves).extended
    linear = np.zeros(rows.size)
    distant = np.zeros(rows.size)
    for unit, old in {id(u): (u, before.units[v]) for v, u in now.units.items()}.values():
        linear = np.maximum(linear, np.abs(unit[rows] - old[rows]).max(axis=1))
        distant = np.maximum(distant, np.abs(old[rows][:, far]).max(axis=1, initial=0.0))
    ratio = 1.0
    for new, past in zip(now.damper, before.damper, strict=True):
        least, largest = np.minimum(new, past), np.maximum(new, past)
        parts = np.divide(largest, least, out=np.where(largest > 0.0, np.inf, 1.0), where=least > 0.0)
        ratio = max(ratio, float(parts.max(initial=1.0)))
    with np.errstate(invalid="ignore"):
        dampened = np.where(distant > 0.0, (ratio - 1.0) * distant, 0.0)
    delta, old_delta = now.delta[rows], before.delta[rows]
    roll = np.zeros(rows.size)
    for new, past in zip(now.least, before.least, strict=True):
        roll = np.maximum(roll, np.abs(delta * new[rows] - old_delta * past[rows]))
    result: F64 = linear + dampened + roll
    return result


def _unit(before: SideTables) -> float:
    """USD of one unit of the settlement currency at the reference; dollar coins count as one."""
    return before.holding.index if before.holding.inverse else 1.0


def _key(side: SideTables) -> tuple[str, str]:
    return side.holding.underlying, side.holding.currency


def _taken(held: SideTables, fresh: SideTables, rows: I64) -> SideTables:
    """The side with fresh rows; what all contracts share (index, dampers) is that of the fresh one."""
    own = fresh.mine
    at = rows[own]
    for reading, unit in held.units.items():
        unit[at] = fresh.units[reading][own]
    for least, new in zip(held.least, fresh.least, strict=True):
        least[at] = new[own]
    held.delta[at] = fresh.delta[own]
    return replace(held, holding=fresh.holding, damper=fresh.damper)


def _copied(side: SideTables) -> SideTables:
    copies = {id(u): u.copy() for u in side.units.values()}
    return replace(
        side,
        units={reading: copies[id(u)] for reading, u in side.units.items()},
        least=tuple(x.copy() for x in side.least),
        delta=side.delta.copy(),
    )


__all__ = ["PmRows"]
