"""Risk vectors: what one contract gains in each scenario, in its settlement currency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.lognormal import lognormal_value
from plimsoll.margin.book import Book
from plimsoll.margin.venues.deribit.grid import Grid, shocked_vols
from plimsoll.margin.venues.deribit.pm_parameters import PairParameters, VolShock
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

FAR_READINGS = ("far_in_coin", "far_in_usd")
"""USD profit of an inverse option in a far move: its gain in coin at the shocked price, or the change of USD value."""


@dataclass(frozen=True, eq=False)
class Holding:
    """Positions of one underlying and settlement currency, as arrays `[N]`; `rows` are their places in the book.

    `quantity` signed; `multiplier` coins of an option or linear contract, USD of an inverse future; `price` mark of a
    future, forward of an option; `share` of it that still moves; `group` its expiry, -1 for a perpetual; `index` in
    USD. `bound`: an option that cannot be valued and is carried at its worst bound.
    """

    underlying: str
    currency: str
    inverse: bool
    index: float
    rows: I64
    quantity: F64
    multiplier: F64
    price: F64
    share: F64
    option: npt.NDArray[np.bool_]
    call: npt.NDArray[np.bool_]
    strike: F64
    vol: F64
    seconds: F64
    group: I64
    bound: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)


def holdings(book: Book) -> tuple[Holding, ...]:
    """The positions of a book by underlying, sorted; rows of size zero carry money only and are left out."""
    plan, found = book.plan, []
    held = book.quantity != 0.0
    for underlying in sorted({c.underlying for c, ok in zip(plan.contracts, held, strict=True) if ok}):
        mine = np.array([c.underlying == underlying for c in plan.contracts], dtype=bool) & held
        rows = np.flatnonzero(mine).astype(np.int64)
        group = plan.group[rows]
        dated = group >= 0
        seconds, share = np.zeros(rows.size), np.ones(rows.size)
        seconds[dated] = plan.seconds[group[dated]]
        total = plan.forward[group[dated]]
        parts = np.divide(plan.variable[group[dated]], total, out=np.ones_like(total), where=total > 0)
        # a future that is marked by itself in an expiry without a forward moves whole
        share[dated] = np.where(np.isfinite(parts), parts, 1.0)
        found.append(
            Holding(
                underlying=underlying,
                currency=plan.contracts[int(rows[0])].currency,
                inverse=bool(plan.style[rows[0]] == INVERSE),
                index=float(plan.spot[rows[0]]),
                rows=rows,
                quantity=book.quantity[rows],
                multiplier=plan.multiplier[rows],
                price=plan.price[rows],
                share=share,
                option=plan.option[rows],
                call=plan.call[rows],
                strike=plan.strike[rows],
                vol=plan.vol[rows],
                seconds=seconds,
                group=group,
                bound=np.array([int(i) in plan.failures for i in rows], dtype=bool),
            )
        )
    return tuple(found)


def option_prices(h: Holding, forward: F64, vols: F64) -> F64:
    """`[N, S]` undiscounted Black-76 value in USD of one coin of option; zero for other contracts."""
    values = np.zeros(forward.shape)
    o = h.option & ~h.bound
    if o.any():
        spread = vols[o] * np.sqrt(years_of(h.seconds[o]))[:, None]
        values[o] = lognormal_value(forward[o], h.strike[o][:, None], spread, h.call[o][:, None])
    short = h.option & h.bound & (h.quantity < 0)
    values[short] = np.where(h.call[short][:, None], forward[short], h.strike[short][:, None])
    return values


def values_now(h: Holding) -> F64:
    """`[N]` value of one coin of each option in USD."""
    return option_prices(h, h.price[:, None], h.vol[:, None])[:, 0]


@dataclass(frozen=True, eq=False)
class Moved:
    """Contracts revalued: `rate[N, S]` by which a price moves, USD values `now[N, 1]` and `then[N, S]` of a coin of
    option, `forward[N, S]` shocked.
    """

    rate: F64
    forward: F64
    now: F64
    then: F64


def moved(h: Holding, grid: Grid, shock: VolShock, least: float, floor: str, days: str) -> Moved:
    """The contracts of `h` in every scenario; `least`, `floor` and `days` as in `shocked_vols`."""
    rate = h.share[:, None] * grid.move[None, :]
    forward = h.price[:, None] * (1.0 + rate)
    vols = np.zeros((len(h), len(grid)))
    vols[h.option] = shocked_vols(shock, least, h.vol[h.option], h.seconds[h.option], floor, days)[:, grid.vol]
    return Moved(rate, forward, values_now(h)[:, None], option_prices(h, forward, vols))


def gains(h: Holding, m: Moved) -> F64:
    """`[N, S]` gain of one contract in its settlement currency.

    ```
    inverse future   coins m / (1 + m)               linear   coins P m
    inverse option   coins (V' / F' - V / F)         linear   coins (V' - V)
    ```
    """
    start, coins = h.price[:, None], h.multiplier[:, None]
    if not h.inverse:
        return coins * np.where(h.option[:, None], m.then - m.now, start * m.rate)
    premium = _over(m.then, m.forward) - _over(m.now, start)
    return np.where(h.option[:, None], coins * premium, coins / start * (m.rate / (1.0 + m.rate)))


def unit_vectors(h: Holding, pair: PairParameters, grid: Grid, floor: str, days: str, far: str) -> F64:
    """`[N, S]` gain of one contract in its settlement currency; far moves already cut to their share.

    A far move `m` counts `factor price_range / |m|` of its gain; that of an inverse contract also
    `(1 + m) / (1 + sign(m) price_range)`, so that a share of the USD profit is converted at the edge of the standard
    grid.
    """
    m = moved(h, grid, pair, pair.min_volatility_for_shock_up, floor, days)
    gain = gains(h, m)
    cut = pair.extended_table_factor * pair.price_range / np.abs(np.where(grid.extended, grid.move, 1.0))
    if not h.inverse:
        return np.where(grid.extended, gain * cut, gain)
    edge = 1.0 + np.sign(grid.move) * pair.price_range
    distant = gain * (1.0 + m.rate)
    if far == "far_in_usd":
        usd = h.multiplier[:, None] * _over(m.then - m.now, h.price[:, None])
        distant = np.where(h.option[:, None], usd, distant)
    return np.where(grid.extended, distant * cut / edge, gain)


def deltas(h: Holding) -> F64:
    """`[N]` delta of one contract in coins.

    An inverse option has that of Black-76 less its price in coin; the part of a forward that is already averaged into
    the settlement has none, so a delta decays in the last half hour.
    """
    coins = h.multiplier / h.price if h.inverse else h.multiplier.copy()
    result: F64 = np.where(h.option, 0.0, coins)
    o = h.option & ~h.bound
    if o.any():
        result[o] = forward_delta(h.price[o], h.strike[o], years_of(h.seconds[o]), h.vol[o], h.call[o])
    result[h.option & h.bound & h.call & (h.quantity < 0)] = 1.0
    if h.inverse:
        result[h.option] -= _over(values_now(h), h.price)[h.option]
    result[h.option] *= h.multiplier[h.option]
    return result * h.share


def _over(value: F64, forward: F64) -> F64:
    shape = np.broadcast_shapes(value.shape, forward.shape)
    return np.divide(value, forward, out=np.zeros(shape), where=forward > 0)
