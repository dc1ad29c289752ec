"""A book of the house models in all states of a path at once: prices, money and what it gains in columns of shocks.

The states are those of `plimsoll.margin.path.moved`, term by term: what it does to one market is done here to arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem
from plimsoll.kernels import lognormal_values
from plimsoll.margin.book import Book
from plimsoll.margin.parts.delta import settled
from plimsoll.margin.parts.moving import RANGE, Moving
from plimsoll.margin.path import States
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import Plan
from plimsoll.risk.plan import INVERSE, QUANTO
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

BLOCK = 1024
"""States that are computed together: as many as keep the columns of a few options in the cache."""


@dataclass(frozen=True, eq=False)
class Steps:
    """`N` positions in `K` states. `index`, `settle`, `price` are `[N, K]` in USD, `forward` is `[E, K]`.

    `index` is that of the underlying, `settle` the price of the settlement currency, `price` that of a future, a
    perpetual or a coin. `variable[E, K]` is the part of a forward that moves, and `share[N, K]` that of a dated
    future's price. `vol[K]` multiplies every volatility.
    """

    book: Book
    states: States
    index: F64
    settle: F64
    price: F64
    variable: F64
    forward: F64
    share: F64

    @classmethod
    def of(cls, book: Book, states: States) -> Steps | None:
        """`None` where states have to be looked at one by one: exotic options, an expiry at this very instant, a smile
        whose wings do not follow the factor of the volatilities, numbers near the ends of double precision."""
        plan = book.plan
        size, held = len(states), book.quantity != 0.0
        if not size or not all((x > 0.0).all() for x in states.spot.values()):
            return None
        # at the instant of its expiry, before its settlement is known, a forward stays and a mark moves
        if plan.exotic.any() or ((plan.seconds == 0.0) & (plan.variable != 0.0)).any():
            return None
        ones = np.ones((len(plan), size))
        moves = ones if not len(plan) else np.array([states.multiplier(c.underlying) for c in plan.contracts])
        coins = [c.currency if c.currency in book.market.indices else "" for c in plan.contracts]
        paid = ones if not len(plan) else np.array([states.multiplier(c) for c in coins])
        each = [states.multiplier(row.underlying) for row in plan.expiries]
        variable = plan.variable[:, None] * np.array(each).reshape(len(each), size)
        forward = variable + plan.fixed[:, None]
        factor, share = moves.copy(), ones.copy()
        for i in np.flatnonzero(~plan.valued & (plan.group >= 0)).tolist():
            e = int(plan.group[i])
            factor[i] = 1.0 + (moves[i] - 1.0) * _part(plan.variable[e : e + 1], plan.forward[e : e + 1])
            share[i] = _part(variable[e], forward[e])
        price = plan.price[:, None] * factor
        found = cls(
            book, states, plan.spot[:, None] * moves, plan.settle[:, None] * paid, price, variable, forward, share
        )
        ahead = forward[plan.group[held & plan.option]]
        amounts = np.array([*book.quantity.tolist(), *book.account.collateral.values()])
        above = [found.index[held], found.settle[held], price[held], states.vol]
        fine = all(((x > 1.0 / RANGE) & (x < RANGE)).all() for x in above)
        fine &= bool(((ahead >= 0.0) & (ahead < RANGE)).all() and (np.abs(amounts) < RANGE).all())
        return found if fine and not Moving.of(book, states).curved else None

    def __len__(self) -> int:
        return len(self.states)

    def block(self, part: slice | I64) -> Steps:
        """Some of the states."""
        arrays = (self.index, self.settle, self.price, self.variable, self.forward, self.share)
        return Steps(self.book, self.states.part(part), *(x[:, part] for x in arrays))

    def blocks(self, size: int = BLOCK) -> list[tuple[slice, Steps]]:
        """The states in blocks of `size`."""
        parts = [slice(k, min(k + size, len(self))) for k in range(0, len(self), size)]
        return [(p, self.block(p)) for p in parts]

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Underlyings of what is held, sorted."""
        named = zip(self.book.plan.contracts, self.book.quantity, strict=True)
        return tuple(sorted({c.underlying for c, q in named if q != 0.0}))

    def rows(self, underlying: str) -> I64:
        """Positions that are held of an underlying."""
        named = np.array([c.underlying == underlying for c in self.book.plan.contracts], dtype=bool)
        return np.flatnonzero(named & (self.book.quantity != 0.0))

    def money(self) -> F64:
        """`[K]` unrealised profit and funding owed, USD."""
        plan, total = self.book.plan, np.zeros(len(self))
        for i, position in enumerate(self.book.positions):
            m, q, before = plan.multiplier[i], position.quantity, plan.price[i]
            kept = np.full(len(self), self.book.unrealised[i])
            if plan.contracts[i].kind in ("future", "perpetual") and q != 0.0:
                inverse, after = plan.style[i] == INVERSE, self.price[i]
                entry = position.entry_price
                if entry is None:
                    gain = m / before * (1.0 - before / after) if inverse else m * before * (after / before - 1.0)
                    kept = kept + q * gain
                else:
                    kept = q * m * (1.0 / entry - 1.0 / after) if inverse else q * m * (after - entry)
            owed = kept + self.book.funding[i]
            total = total + np.where(owed == 0.0, 0.0, owed * self.settle[i])
        return total

    def dollars(self, balances: Mapping[str, float]) -> dict[str, F64]:
        """`[K]` USD value of each balance that is not zero. Raises `DocumentError` where the market has no price."""
        market, found = self.book.market, {}
        for asset, amount in balances.items():
            if amount == 0.0:
                continue
            price = market.price_of(asset)
            if price is None:
                raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price of this collateral"))
            moved = self.states.multiplier(asset) if asset in market.indices else np.ones(len(self))
            found[asset] = amount * (price.price * moved)
        return found

    def option_values(self, rows: I64, columns: Scenarios) -> F64:
        """`[n, K, S]` value of one coin of the options `rows`, of their settlement currency, in each shock of each
        state."""
        plan, size = self.book.plan, len(columns)
        used, local = np.unique(plan.group[rows], return_inverse=True)
        seconds = plan.seconds[used]
        root = np.sqrt(years_of(seconds))
        shape = (used.size, len(self), size)
        moved = self.variable[used][:, :, None] * (columns.spot * columns.basis)[None, None, :]
        forward = (moved + plan.fixed[used][:, None, None]).reshape(used.size, -1)
        scale = (self.states.vol[None, :, None] * columns.vol_scale(seconds)[:, None, :]).reshape(used.size, -1)
        floor = columns.vol_floor()
        least = np.broadcast_to(floor[None, None, :] * root[:, None, None], shape).reshape(used.size, -1)
        values = lognormal_values(
            local.astype(np.int64),
            plan.strike[rows],
            plan.vol[rows] * root[local],
            plan.call[rows],
            forward,
            scale,
            least if floor.any() else None,
            np.ones(used.size),
            per_forward=plan.style[rows] == INVERSE,
        )
        return values.reshape(rows.size, len(self), size)

    def linear_gains(self, i: int, columns: Scenarios) -> F64:
        """`[K, S]` gain of one future, perpetual or coin in USD, as `plan_pnl` has it."""
        plan = self.book.plan
        paid = self.settle[i][:, None] * (columns.spot if plan.settle_moves[i] else np.ones(len(columns)))[None, :]
        if plan.contracts[i].kind == "spot":
            coin: F64 = paid - self.settle[i][:, None]
            return coin
        moved = np.broadcast_to(columns.spot[None, :], paid.shape)
        if plan.group[i] >= 0:
            share = self.share[i][:, None]
            moved = share * (columns.spot * columns.basis)[None, :] + (1.0 - share)
        price, m = self.price[i][:, None], plan.multiplier[i]
        gain = m / price * (1.0 - 1.0 / moved) if plan.style[i] == INVERSE else m * price * (moved - 1.0)
        result: F64 = gain * paid
        return result

    def coins(self, rows: I64) -> F64:
        """`[n, K]` coins that one contract stands for, as `coins_of`."""
        plan = self.book.plan
        each = np.where(
            (plan.style[rows] == QUANTO)[:, None],
            plan.multiplier[rows][:, None] * self.settle[rows],
            plan.multiplier[rows][:, None],
        )
        result: F64 = np.where(settled(plan)[rows][:, None], 0.0, each)
        return result

    def deltas(self, rows: I64) -> F64:
        """`[n, K]` delta of one contract in coins, as `unit_deltas`."""
        plan, coins = self.book.plan, self.coins(rows)
        result = np.where((plan.style[rows] == INVERSE)[:, None], coins / self.price[rows], coins)
        options = plan.option[rows]
        if options.any():
            some = rows[options]
            g = plan.group[some]
            years, vol = years_of(plan.seconds[g]), plan.vol[some][:, None] * self.states.vol[None, :]
            strike, call = plan.strike[some][:, None], plan.call[some][:, None]
            result[options] = coins[options] * forward_delta(self.forward[g], strike, years[:, None], vol, call)
        return result

    def tiled(self, rows: I64, at: I64) -> Plan:
        """The options `rows` in the states `at` as one plan of `n` times `len(at)` contracts, state by state."""
        plan, count = self.book.plan, at.size
        used, local = np.unique(plan.group[rows], return_inverse=True)

        def again(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.tile(column[rows], count)

        group = (np.arange(count)[:, None] * used.size + local[None, :]).ravel()
        return replace(
            plan,
            option=again(plan.option),
            exotic=again(plan.exotic),
            call=again(plan.call),
            strike=again(plan.strike),
            multiplier=again(plan.multiplier),
            style=again(plan.style),
            settle_moves=again(plan.settle_moves),
            contracts=tuple(plan.contracts[i] for i in rows.tolist()) * count,
            vol=(plan.vol[rows][None, :] * self.states.vol[at][:, None]).ravel(),
            spot=self.index[np.ix_(rows, at)].T.ravel(),
            price=self.forward[np.ix_(plan.group[rows], at)].T.ravel(),
            settle=self.settle[np.ix_(rows, at)].T.ravel(),
            group=group.astype(np.int64),
            expiries=tuple(plan.expiries[e] for e in used.tolist()) * count,
            seconds=np.tile(plan.seconds[used], count),
            variable=self.variable[np.ix_(used, at)].T.ravel(),
            fixed=np.tile(plan.fixed[used], count),
            rate=np.tile(plan.rate[used], count),
            failures={},
        )


def _part(variable: F64, total: F64) -> F64:
    """The part of a forward that moves; one where the market has no forward."""
    with np.errstate(all="ignore"):
        part = np.where(total > 0, variable / total, 1.0)
    result: F64 = np.where(np.isfinite(part), part, 1.0)
    return result


def delta_charge(delta: F64, worth: F64, spot: F64, net: float, hedged: float) -> F64:
    """`[K]` what `delta_charge_shares` adds up to in each state: `delta[n, K]` coins, `worth[n, K]` and `spot[K]` USD.

    The largest value of a concave, piecewise linear function of one variable lies at one of its kinks.
    """
    size, up = np.abs(delta), delta > 0
    slope, gap = (2.0 * net - hedged) * spot, (net - hedged) * spot

    def total(t: F64 | float) -> F64:
        side = np.where(up, t, 1.0 - t)
        result: F64 = np.minimum(worth, (slope * side - gap) * size).sum(axis=0)
        return result

    best = np.maximum(total(0.0), total(1.0))
    if 2.0 * net > hedged:
        for n in range(len(delta)):
            if not np.isfinite(worth[n]).any():
                continue
            with np.errstate(all="ignore"):
                kink = (worth[n] / size[n] + gap) / slope
            kink = np.where(up[n], kink, 1.0 - kink)
            best = np.maximum(best, total(np.clip(np.where(np.isfinite(kink), kink, 0.0), 0.0, 1.0)))
    return best
