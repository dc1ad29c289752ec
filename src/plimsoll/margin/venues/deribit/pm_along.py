"""Portfolio margin along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.moving import Moving
from plimsoll.margin.venues.deribit.grid import DAY_READINGS, FLOOR_READINGS, UP, Grid, grid_of, shocked_vols
from plimsoll.margin.venues.deribit.matrix import dampers
from plimsoll.margin.venues.deribit.pm_parameters import CurrencyParameters, PairParameters, PmParameters, VolShock
from plimsoll.margin.venues.deribit.readings import ROW_READINGS
from plimsoll.margin.venues.deribit.shocks import DELTA_READINGS, delta_shocks
from plimsoll.margin.venues.deribit.sm_many import rounded
from plimsoll.margin.venues.deribit.vectors import FAR_READINGS, Holding, deltas, holdings
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Walk:
    """The positions of one underlying on the way: `price` and `share` `[N, K]`, `index[K]`, `values[N, K]` of a coin
    of each option in the settlement currency; the others as in `Holding`."""

    held: Holding
    moving: Moving
    price: F64
    share: F64
    index: F64
    values: F64

    @property
    def options(self) -> I64:
        """Places of the options in the book."""
        return self.held.rows[self.held.option]

    def deltas(self) -> F64:
        """`[N, K]` delta of one contract in coins: that of `vectors.deltas` in each state."""
        h, size = self.held, self.index.size
        whole = replace(
            h,
            rows=np.repeat(h.rows, size),
            quantity=np.repeat(h.quantity, size),
            multiplier=np.repeat(h.multiplier, size),
            price=self.price.ravel(),
            share=self.share.ravel(),
            option=np.repeat(h.option, size),
            call=np.repeat(h.call, size),
            strike=np.repeat(h.strike, size),
            vol=self.moving.vol[h.rows].ravel(),
            seconds=np.repeat(h.seconds, size),
            group=np.repeat(h.group, size),
            bound=np.repeat(h.bound, size),
        )
        return deltas(whole).reshape(self.price.shape)

    def sums(self, grid: Grid, then: F64 | None, far: str | None) -> F64:
        """`[K, S]` gain of the book in each scenario of each state; `then[options, K, S]` values of a coin of option.

        `far` values far moves as in `vectors.unit_vectors`, before they are cut; `None` for near ones.
        """
        h, total = self.held, np.zeros((self.index.size, len(grid)))
        option = 0
        for n in range(len(h)):
            size = h.quantity[n] * h.multiplier[n]
            rate = self.share[n][:, None] * grid.move
            if h.option[n]:
                assert then is not None
                unit = then[option]
                if h.inverse and far == FAR_READINGS[1]:
                    unit = unit * (1.0 + rate) - self.values[n][:, None]
                else:
                    unit = unit - self.values[n][:, None]
                    if h.inverse and far is not None:
                        unit *= 1.0 + rate
                option += 1
            elif not h.inverse:
                unit = self.price[n][:, None] * rate
            else:
                # a far move is worth its USD, at the price that it leads to
                unit = (rate if far is not None else rate / (1.0 + rate)) / self.price[n][:, None]
            total += size * unit
        return total


def walks(found: tuple[Holding, ...], moving: Moving, values: F64) -> tuple[Walk, ...]:
    """The positions of each underlying, from those in the unmoved state."""
    share = moving.share()
    return tuple(
        Walk(h, moving, moving.price[h.rows], share[h.rows], moving.spot[h.rows[0]], values[h.rows]) for h in found
    )


def shocked(
    walk: Walk, grid: Grid, shock: VolShock, least: float, readings: list[tuple[str, str]]
) -> dict[tuple[str, str], F64]:
    """`[options, K, S]` values of a coin of option under each reading (floor, days): one array for all that agree."""
    m, rows, known = walk.moving, walk.options, {}
    used = np.unique(m.plan.group[rows])
    moves = np.stack([m.forward[e][:, None] + m.variable[e][:, None] * grid.move for e in used])
    found = {}
    for floor, days in readings:
        scale, lowest = _scales(walk, shock, least, floor, days)
        key = scale.tobytes(), b"" if lowest is None else lowest.tobytes()
        if key not in known:
            column = None if lowest is None else np.where(grid.vol == UP, lowest[:, None], 0.0)
            known[key] = m.priced(rows, moves, scale[:, grid.vol], column, per_forward=walk.held.inverse)
        found[floor, days] = known[key]
    return found


def _scales(walk: Walk, shock: VolShock, least: float, floor: str, days: str) -> tuple[F64, F64 | None]:
    """`[G, 3]` factors on the volatilities of each expiry, and the least raised one `[G]`; `None` if none is so low."""
    m, rows = walk.moving, walk.options
    used = np.unique(m.plan.group[rows])
    one = np.ones(used.size)
    scale = shocked_vols(shock, 0.0, one, m.plan.seconds[used], FLOOR_READINGS[0], days)
    live = rows[m.plan.seconds[m.plan.group[rows]] > 0.0]
    lowest = m.vol[live].min(initial=np.inf)
    if not lowest < least:
        # what is above the floor before it is raised is above it afterwards
        return scale, None
    return scale, least * (scale[:, UP] if floor == FLOOR_READINGS[1] else one)


def pm_follow(p: PmParameters, moving: Moving, balance: float, correlation: float) -> tuple[F64, F64]:
    """Equity and maintenance margin in each state, under the readings that charge most there."""
    values = moving.values()
    sides = walks(holdings(moving.book), moving, values)
    size = len(moving.states)
    axes = list(product(FLOOR_READINGS, DAY_READINGS, FAR_READINGS)), range(len(DELTA_READINGS)), range(2)
    inverse = any(w.held.inverse for w in sides)
    option = any(w.held.option.any() for w in sides)
    if not option:
        axes = (axes[0][:1], *axes[1:])
    elif not inverse:
        axes = (axes[0][:: len(FAR_READINGS)], *axes[1:])
    worst: dict[tuple[tuple[str, str, str], int], F64] = {}
    roll, shock = [np.zeros(size) for _ in ROW_READINGS], [np.zeros(size) for _ in DELTA_READINGS]
    for walk in sides:
        h, pair = walk.held, p.pairs[walk.held.underlying]
        names = [h.underlying if h.inverse or row != ROW_READINGS[0] else "USD" for row in ROW_READINGS]
        rows = [p.currencies[name] for name in names]
        for key, amount in _worst(p, pair, rows, walk, axes[0]).items():
            worst[key] = worst.get(key, 0.0) + amount
        delta = h.quantity[:, None] * walk.deltas()
        for r, row in enumerate(rows):
            roll[r] += _roll(walk, row, delta)
        long = h.option & (h.quantity > 0)
        parts = delta[long].sum(axis=0), delta[~long].sum(axis=0)
        for d, name in enumerate(DELTA_READINGS):
            shock[d] += delta_shocks(pair, name, *parts, walk.index, inverse=h.inverse)
    best, charged = np.full(size, -np.inf), [np.zeros(size) for _ in range(3)]
    for v, d, r in product(*axes) if sides else ():
        found = (worst[v, r], roll[r], shock[d])
        total = found[0] + found[1] + found[2]
        better = total > best
        best = np.where(better, total, best)
        charged = [np.where(better, own, column) for own, column in zip(found, charged, strict=True)]
    kept = p.mm_factor * (rounded(charged[0], large=False) + charged[2] + charged[1] + correlation)
    return balance + moving.worth(values), kept


def _worst(
    p: PmParameters,
    pair: PairParameters,
    rows: list[CurrencyParameters],
    walk: Walk,
    readings: list[tuple[str, str, str]],
) -> dict[tuple[tuple[str, str, str], int], F64]:
    """`[K]` worst case of one underlying by reading and row of the currency table.

    Gains of near moves are cut and never turn, so the worst of them is the largest loss; a far one is dampened.
    """
    grid = grid_of(pair.price_range, p.buckets_count, p.extended_moves)
    far = grid.extended
    near_grid, far_grid = _part(grid, ~far), _part(grid, far)
    edge = 1.0 + np.sign(far_grid.move) * pair.price_range
    cut = pair.extended_table_factor * pair.price_range / np.abs(far_grid.move)
    if walk.held.inverse:
        cut = cut / edge
    tables: dict[tuple[str, str], F64] = {}
    if walk.held.option.any():
        pairs = list(dict.fromkeys((floor, days) for floor, days, _ in readings))
        tables = shocked(walk, grid, pair, pair.min_volatility_for_shock_up, pairs)
    unit = replace(walk.held, index=1.0)
    taken = [dampers(unit, pair, row, grid)[far] / (walk.index[:, None] if unit.inverse else 1.0) for row in rows]
    near: dict[int, F64] = {}
    done: dict[tuple[int, str], list[F64]] = {}
    found = {}
    for reading in readings:
        then = tables.get(reading[:2])
        own, how = id(then), reading[2] if tables and walk.held.inverse else FAR_READINGS[0]
        if own not in near:
            gain = walk.sums(near_grid, None if then is None else then[:, :, ~far], None)
            near[own] = np.maximum(-gain.min(axis=1), 0.0)
        if (own, how) not in done:
            losses = [near[own]] * len(rows)
            if far.any():
                gain = walk.sums(far_grid, None if then is None else then[:, :, far], how) * cut
                losses = [np.maximum(loss, (-gain - d).max(axis=1)) for loss, d in zip(losses, taken, strict=True)]
            done[own, how] = losses
        for r, loss in enumerate(done[own, how]):
            found[reading, r] = loss
    return found


def _part(grid: Grid, at: npt.NDArray[np.bool_]) -> Grid:
    labels = tuple(label for label, ok in zip(grid.labels, at, strict=True) if ok)
    return Grid(grid.move[at], grid.vol[at], grid.extended[at], labels)


def _roll(walk: Walk, row: CurrencyParameters, delta: F64) -> F64:
    """`[K]` the roll shock of `shocks.roll_shock`."""
    h, total = walk.held, np.zeros(walk.index.size)
    for group in np.unique(h.group):
        mine = h.group == group
        years = 0.0 if group < 0 else float(years_of(h.seconds[mine])[0])
        move = float(np.exp(row.annualised_move_risk * years)) - 1.0
        total += np.abs(delta[mine].sum(axis=0)) * max(row.min_annualised_move, move)
    return total if h.inverse else total * walk.index
