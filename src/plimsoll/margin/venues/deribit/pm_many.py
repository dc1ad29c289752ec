"""Portfolio margin on blocks of accounts: every reading of the rule, the dearest for each account charged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from plimsoll.kernels import aggregate_accounts
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe
from plimsoll.margin.venues.deribit.grid import DAY_READINGS, FLOOR_READINGS, grid_of
from plimsoll.margin.venues.deribit.matrix import dampers
from plimsoll.margin.venues.deribit.pm_parameters import CurrencyParameters, PairParameters, PmParameters
from plimsoll.margin.venues.deribit.readings import ROW_READINGS
from plimsoll.margin.venues.deribit.shocks import DELTA_READINGS, delta_shocks
from plimsoll.margin.venues.deribit.sm_many import rounded
from plimsoll.margin.venues.deribit.vectors import FAR_READINGS, Holding, deltas, holdings, unit_vectors
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios, years_of

VOLS = tuple(product(FLOOR_READINGS, DAY_READINGS, FAR_READINGS))
"""Readings that change the risk vectors, in the order in which a tie is decided."""


@dataclass(frozen=True, eq=False)
class SideTables:
    """The contracts of one underlying in one settlement currency; arrays `[N, ...]` over the universe, else zero.

    `units` by reading of the vectors, `damper[S]` and `least[N]` (the relative move of the roll shock) by row of the
    currency table; `delta[N]` coins of one contract.
    """

    mine: BOOL
    holding: Holding
    pair: PairParameters
    units: dict[tuple[str, str, str], F64]
    damper: tuple[F64, ...]
    least: tuple[F64, ...]
    delta: F64


def sides_of(p: PmParameters, universe: Universe) -> tuple[SideTables, ...]:
    """The risk vectors of every contract that is taken, under every reading."""
    plan, found = universe.plan, []
    kinds = sorted({(c.underlying, c.currency) for i, c in enumerate(plan.contracts) if universe.taken[i]})
    for underlying, currency in kinds:
        mine = np.array([c.underlying == underlying and c.currency == currency for c in plan.contracts], dtype=bool)
        mine &= universe.taken
        zero = np.zeros(len(plan))
        one = Book(Account(), universe.market, (), plan, mine.astype(np.float64), zero, zero, ())
        h, pair = holdings(one)[0], p.pairs[underlying]
        grid = grid_of(pair.price_range, p.buckets_count, p.extended_moves)
        units: dict[tuple[str, str, str], F64] = {}
        for reading in VOLS:
            known = (*reading[:2], FAR_READINGS[0])
            if not h.inverse and known in units:
                units[reading] = units[known]
                continue
            units[reading] = np.zeros((len(plan), len(grid)))
            units[reading][h.rows] = unit_vectors(h, pair, grid, *reading)
        named = [underlying if h.inverse or name != ROW_READINGS[0] else "USD" for name in ROW_READINGS]
        rows = [p.currencies[name] for name in named]
        delta = zero.copy()
        delta[h.rows] = deltas(h)
        found.append(
            SideTables(
                mine=mine,
                holding=h,
                pair=pair,
                units=units,
                damper=tuple(dampers(h, pair, row, grid) for row in rows),
                least=tuple(_roll_moves(h, row, len(plan)) for row in rows),
                delta=delta,
            )
        )
    return tuple(found)


def _roll_moves(h: Holding, row: CurrencyParameters, size: int) -> F64:
    """`[N]` the relative move that the roll shock charges on the delta of a contract, in the settlement currency."""
    years = np.where(h.group < 0, 0.0, years_of(h.seconds))
    move = np.maximum(row.min_annualised_move, np.exp(row.annualised_move_risk * years) - 1.0)
    found = np.zeros(size)
    found[h.rows] = move * (1.0 if h.inverse else h.index)
    return found


@dataclass(frozen=True, eq=False)
class PmTables:
    """Portfolio margin on one universe: `sides`, `value[N]` of one contract in its settlement currency, `currency[N]`.

    `number[N]` counts the settlement currencies. Accounts without collateral or reported amounts.
    """

    parameters: PmParameters
    sides: tuple[SideTables, ...]
    value: F64
    currency: np.ndarray[tuple[int], np.dtype[np.str_]]
    number: I64

    @classmethod
    def of(cls, p: PmParameters, universe: Universe) -> PmTables:
        """The tables of every contract that is taken."""
        names = np.array([c.currency for c in universe.plan.contracts])
        number = np.unique(names, return_inverse=True)[1].astype(np.int64)
        value = universe.known(unit_values(universe.plan, Scenarios.build([1.0]), "settlement")[:, 0])
        return cls(p, sides_of(p, universe), value, names, number)

    def charges(self, lots: Lots) -> tuple[list[F64], I64]:
        """Worst case, roll shock and delta shock `[A]` of the dearest reading, and its place among `VOLS`."""
        size, rows, plan = lots.accounts, range(len(ROW_READINGS)), lots.universe.plan
        worst = {(v, r): np.zeros(size) for v in VOLS for r in rows}
        roll, shock = [np.zeros(size) for _ in rows], [np.zeros(size) for _ in DELTA_READINGS]
        for side in self.sides:
            own = lots.only(side.mine)
            starts = np.concatenate([[0], np.cumsum(np.bincount(own.account, minlength=size))]).astype(np.int64)
            _add_worst(worst, side, own, starts)
            groups = own.runs(plan.group)
            delta = own.quantity * side.delta[own.item]
            net = np.abs(groups.sum(delta))
            for r in rows:
                roll[r] += groups.total(net * side.least[r][own.item[groups.start]], size)
            long = plan.option[own.item] & (own.quantity > 0)
            parts = own.sum(np.where(long, delta, 0.0)), own.sum(np.where(long, 0.0, delta))
            for d, name in enumerate(DELTA_READINGS):
                shock[d] += delta_shocks(side.pair, name, *parts, side.holding.index, inverse=side.holding.inverse)
        best, charged = np.full(size, -np.inf), [np.zeros(size) for _ in range(3)]
        reading = np.zeros(size, dtype=np.int64)
        for (n, (v, r)), d in product(enumerate(product(VOLS, rows)), range(len(shock))):
            found = (worst[v, r], roll[r], shock[d])
            total = found[0] + found[1] + found[2]
            better = total > best
            best[better] = total[better]
            reading[better] = n
            for column, own_part in zip(charged, found, strict=True):
                column[better] = own_part[better]
        return charged, reading

    def amounts(self, lots: Lots) -> Amounts:
        """Initial, maintenance and equity of a block, in the settlement currency of each account."""
        charged, _ = self.charges(lots)
        matrix = rounded(charged[0]) + charged[2] + charged[1]
        currency = np.full(lots.accounts, "", dtype=self.currency.dtype)
        currency[lots.account] = self.currency[lots.item]
        equity = lots.sum(lots.quantity * self.value[lots.item])
        odd = lots.several(self.number)
        return Amounts(rounded(matrix), self.parameters.mm_factor * matrix, equity, odd, currency)


def pm_batch(p: PmParameters, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them."""
    return PmTables.of(p, universe).amounts


def _add_worst(worst: dict[tuple[tuple[str, str, str], int], F64], side: SideTables, own: Lots, starts: I64) -> None:
    done: dict[int, list[F64]] = {}
    for reading, unit in side.units.items():
        if id(unit) not in done:
            gain = aggregate_accounts(starts, own.item, own.quantity, unit)
            losses = [np.maximum((-gain - damper).max(axis=1), 0.0) for damper in _unlike(side.damper)]
            done[id(unit)] = losses * (len(side.damper) // len(losses))
        for r, loss in enumerate(done[id(unit)]):
            worst[reading, r] += loss


def _unlike(damper: tuple[F64, ...]) -> tuple[F64, ...]:
    """The dampers, or the first of them where all are the same."""
    return damper[:1] if all((d == damper[0]).all() for d in damper) else damper
