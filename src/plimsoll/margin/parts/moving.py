"""Any contracts along a path, linear and inverse, dated or not: prices, values and profits in all states at once."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import lognormal_values
from plimsoll.margin.book import Book
from plimsoll.margin.path import States
from plimsoll.market import SviSlice
from plimsoll.pricing.svi import svi_vol
from plimsoll.risk.plan import INVERSE, Plan, expired
from plimsoll.scenarios import ABSOLUTE_SKEW, NO_SKEW, Scenarios, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
BOOL = npt.NDArray[np.bool_]

STILL = Scenarios.build([1.0])

RANGE = 1e50
"""Numbers beyond this, or below its inverse, are left to the exact engine, which knows what it refuses."""


@dataclass(frozen=True, eq=False)
class Moving:
    """The `N` contracts of a book in `K` states, where its positions are as `plimsoll.margin.path.moved` leaves them.

    The book is that of the unmoved state, without quotes and marked option prices. `factor` is that on each index,
    `ratio` that on the price of a contract, of which only the part not yet fixed moves, `[N, K]`; `spot` index and
    `price` (as in `Plan`) in USD, `[N, K]`; `variable` and `forward` USD of each expiry, `[E, K]`. `vol[N, K]` is the
    volatility of each option; `curved` if one of them does not follow the factor of the states, as that of a smile
    need not: its wings are cut where its variance is small.
    """

    book: Book
    states: States
    factor: F64
    ratio: F64
    spot: F64
    price: F64
    variable: F64
    forward: F64
    vol: F64
    curved: bool

    @classmethod
    def of(cls, book: Book, states: States) -> Moving:
        """Prices and forwards of a book in the unmoved state after the moves of `states`."""
        plan, market, size = book.plan, book.market, len(states)
        factor = np.ones((len(plan), size))
        for i, contract in enumerate(plan.contracts):
            if contract.underlying in states.spot:
                factor[i] = states.spot[contract.underlying]
        variable = np.repeat(plan.variable[:, None], size, axis=1)
        for e, row in enumerate(plan.expiries):
            if row.expiry > market.time:
                variable[e] *= states.multiplier(row.underlying)
        forward = variable + plan.fixed[:, None]
        share = _shares(plan)[:, None]
        ratio = 1.0 + (factor - 1.0) * share
        price = plan.price[:, None] * ratio
        for i in np.flatnonzero(plan.group >= 0).tolist():
            mark = market.marks.get(plan.contracts[i].name)
            # a forward that is due stands, whatever its index does; so does a future that has no mark of its own
            due = plan.expiries[plan.group[i]].expiry <= market.time
            if plan.option[i] or (due and (mark is None or mark.price is None)):
                price[i] = forward[plan.group[i]]
        vol, curved = _vols(book, states)
        return cls(book, states, factor, ratio, plan.spot[:, None] * factor, price, variable, forward, vol, curved)

    @property
    def plan(self) -> Plan:
        """The contracts in the unmoved state."""
        return self.book.plan

    def share(self) -> F64:
        """`[N, K]` part of a price that still moves, in each state: that of its expiry's forward, else one."""
        found = np.ones(self.price.shape)
        for i in np.flatnonzero(self.plan.group >= 0).tolist():
            total, part = self.forward[self.plan.group[i]], self.variable[self.plan.group[i]]
            moving = np.divide(part, total, out=np.ones_like(total), where=total > 0)
            found[i] = np.where(np.isfinite(moving), moving, 1.0)
        return found

    def asset(self, name: str) -> F64:
        """`[K]` USD price of a currency or coin that the market prices, NaN of another; it moves if it has an index."""
        price = self.book.market.price_of(name)
        moving = self.states.multiplier(name) if name in self.book.market.indices else np.ones(len(self.states))
        found: F64 = (np.nan if price is None else price.price) * moving
        return found

    def unrealised(self) -> F64:
        """`[N, K]` profit not yet settled of futures and perpetuals, in the settlement currency.

        What has an entry price is measured from it; what has none gains the cash flow of the move.
        """
        plan, q = self.plan, self.book.quantity
        found = np.repeat(self.book.unrealised[:, None], len(self.states), axis=1)
        for i, position in enumerate(self.book.positions):
            if q[i] == 0.0 or plan.contracts[i].kind not in ("future", "perpetual"):
                continue
            m, entry, inverse = float(plan.multiplier[i]), position.entry_price, plan.style[i] == INVERSE
            if entry is not None:
                found[i] = q[i] * m * (1.0 / entry - 1.0 / self.price[i] if inverse else self.price[i] - entry)
            elif inverse:
                found[i] += q[i] * (m / plan.price[i] * (1.0 - 1.0 / self.ratio[i]))
            else:
                found[i] += q[i] * (m * plan.price[i] * (self.ratio[i] - 1.0))
        return found

    def values(self) -> F64:
        """`[N, K]` value of one coin of each option in the settlement currency, undiscounted; zero of the others."""
        found, rows = np.zeros(self.price.shape), self.plan.options
        if rows.size:
            found[rows] = self.option_values(STILL, per_forward=True)[:, :, 0]
        return found

    def worth(self, values: F64) -> F64:
        """`[K]` value of options, from `values`, with unrealised profit and funding; in one settlement currency."""
        held = (self.book.quantity * self.plan.multiplier)[:, None] * values
        total: F64 = (held + self.unrealised() + self.book.funding[:, None]).sum(axis=0)
        return total

    def option_values(self, scenarios: Scenarios, discount: F64 | None = None, *, per_forward: bool = False) -> F64:
        """`[options, K, S]` what `plimsoll.risk.option_values` gives in each state; `discount` is `[E]`.

        USD of one coin; with `per_forward` that of an inverse option in coin, by its shocked forward.
        """
        plan, rows = self.plan, self.plan.options
        used = np.unique(plan.group[rows])
        forward = self.variable[used][:, :, None] * (scenarios.spot * scenarios.basis) + plan.fixed[used][:, None, None]
        scale = scenarios.vol_scale(plan.seconds[used])
        floor = np.broadcast_to(scenarios.vol_floor(), scale.shape)
        found = self.priced(rows, forward, scale, floor, discount, per_forward=per_forward)
        tilted = np.flatnonzero(scenarios.skew != NO_SKEW)
        if tilted.size:
            found[:, :, tilted] = self._tilted(scenarios.take(tilted), forward[:, :, tilted], discount)
        return found

    def priced(
        self,
        rows: I64,
        forward: F64,
        scale: F64,
        floor: F64 | None,
        discount: F64 | None = None,
        *,
        per_forward: bool = False,
    ) -> F64:
        """`[R, K, S]` values of the options `rows[R]` with volatilities `max(vol scale, floor)`, on `forward[G, K, S]`.

        `scale` and `floor`, in volatilities, are `[G, S]`; `G` are the expiries of the rows, increasing. `discount` is
        `[E]`, one if left out.
        """
        plan, (size, columns) = self.plan, forward.shape[1:]
        used, own = np.unique(plan.group[rows], return_inverse=True)
        group = own.reshape(-1).astype(np.int64)
        floors = None if floor is None or not (floor > 0.0).any() else floor
        if self.curved:
            # volatilities that go their own ways: every option is a group of its own
            moving, forward, scale, used = self.vol[rows], forward[group], scale[group], plan.group[rows]
            floors = None if floors is None else floors[group]
            group, vol = np.arange(rows.size, dtype=np.int64), np.ones(rows.size)
        else:
            moving, vol = np.broadcast_to(self.states.vol, (used.size, size)), plan.vol[rows]
        root = np.sqrt(years_of(plan.seconds[used]))
        least = None
        if floors is not None:
            spread = (floors * root[:, None])[:, None, :]
            least = np.broadcast_to(spread, (used.size, size, columns)).reshape(used.size, -1)
        values = lognormal_values(
            group,
            plan.strike[rows],
            vol * root[group],
            plan.call[rows],
            forward.reshape(used.size, -1),
            (scale[:, None, :] * moving[:, :, None]).reshape(used.size, -1),
            least,
            np.ones(used.size) if discount is None else discount[used],
            per_forward=(plan.style[rows] == INVERSE) if per_forward else None,
        )
        return values.reshape(rows.size, size, columns)

    def _tilted(self, scenarios: Scenarios, forward: F64, discount: F64 | None) -> F64:
        """Columns that tilt the smile: the tilt depends on where a strike lies, so each option is priced by itself."""
        plan, rows, rule = self.plan, self.plan.options, scenarios.skew_rule
        assert rule is not None
        group = np.unique(plan.group[rows], return_inverse=True)[1]
        years = years_of(plan.seconds[plan.group[rows]])
        now = np.maximum(self.forward[plan.group[rows]], 1e-18)
        k = np.log(np.maximum(plan.strike[rows][:, None] / now, 1e-18))
        scale = np.empty((rows.size, len(self.states), len(scenarios)))
        for s in range(len(scenarios)):
            tilt = rule.multiplier(k, years[:, None], bool(scenarios.skew[s] == ABSOLUTE_SKEW))
            scale[:, :, s] = np.maximum(0.0, tilt) * self.vol[rows]
        own = forward[group.reshape(-1)]
        values = lognormal_values(
            np.arange(rows.size, dtype=np.int64),
            plan.strike[rows],
            np.sqrt(years),
            plan.call[rows],
            own.reshape(rows.size, -1),
            scale.reshape(rows.size, -1),
            None,
            np.ones(rows.size) if discount is None else discount[plan.group[rows]],
        )
        return values.reshape(scale.shape)

    def tame(self) -> BOOL:
        """`[K]` states whose prices and volatilities are far from the ends of double precision."""
        moves = [*self.states.spot.values(), self.states.vol]
        numbers = [self.spot, self.price, self.vol[self.plan.option], *(x[None, :] for x in moves)]
        inside = np.ones(len(self.states), dtype=bool)
        for x in numbers:
            inside &= ((x < RANGE) & ((x > 1.0 / RANGE) | (x == 0.0))).all(axis=0)
        # a price that is zero by itself has settled there; one that came to zero has left the range of numbers
        gone = (self.price == 0.0) & (self.plan.price != 0.0)[:, None]
        inside &= ~gone.any(axis=0)
        return inside


def _shares(plan: Plan) -> F64:
    """`[N]` part of the price of a contract that moves with its index in the unmoved state."""
    share = np.ones(len(plan))
    dated = np.flatnonzero(plan.group >= 0)
    total, part = plan.forward[plan.group[dated]], plan.variable[plan.group[dated]]
    moving = np.divide(part, total, out=np.ones_like(total), where=total > 0)
    share[dated] = np.where(np.isfinite(moving), moving, 1.0)
    return share


def _vols(book: Book, states: States) -> tuple[F64, bool]:
    """`[N, K]` volatilities and whether one of them does not follow the factor of the states; NaN without one."""
    plan, market = book.plan, book.market
    found = plan.vol[:, None] * states.vol
    if (states.vol == 1.0).all():
        return found, False
    curved = False
    for i in plan.options.tolist():
        row, mark = plan.expiries[plan.group[i]], market.marks.get(plan.contracts[i].name)
        shown = mark is not None and mark.vol is not None
        if shown or row.svi is None or expired(row, market):
            continue
        own = _smile(row.svi, float(plan.strike[i]), states.vol)
        curved = curved or not (np.abs(own - found[i]) <= 1e-14 * found[i]).all()
        found[i] = own
    return found, curved


def _smile(svi: SviSlice, strike: float, factor: F64) -> F64:
    """`[K]` volatilities of a smile whose variance is multiplied by the square of each factor; NaN of none."""

    def at(x: F64 | float) -> F64:
        found: F64 = svi_vol(strike, svi.a * x * x, svi.b * x * x, svi.rho, svi.m, svi.sigma, svi.forward, svi.tau)
        return found

    try:
        return at(factor)
    except ValueError:
        pass
    found = np.full(factor.shape, np.nan)
    for k, x in enumerate(factor.tolist()):
        with contextlib.suppress(ValueError):
            found[k] = at(x)
    return found
