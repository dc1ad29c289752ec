"""One risk unit in `K` states of the market: prices, sizes, deltas, and what its options are worth after a shock.

Options are valued by the P&L array alone: a shock of volatility or rate is a plan with other volatilities or forwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS
from plimsoll.kernels import lognormal_values
from plimsoll.margin.path import States
from plimsoll.margin.venues.okx.pm_parameters import PmParameters
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import Plan, unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.risk.revalue import in_range
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class UnitState:
    """Positions `rows[N]` of a book in one risk unit, in `K` states of the market.

    `plan` holds these rows alone, `held[N]` their signed quantities; `price[N, K]` marks of futures and forwards of
    options, `settle[N, K]` USD for one of their settlement currencies, `index[K]` that of the coin. `owned[K]` are the
    coins held beside them that may be put to use.
    """

    name: str
    coin: str
    parameters: PmParameters
    plan: Plan
    rows: I64
    held: F64
    states: States
    owned: float

    # --- the unit in each state ---------------------------------------------------------------------------------

    @cached_property
    def multiplier(self) -> F64:
        """`[K]` what the prices of the coin are multiplied by."""
        return np.asarray(self.states.multiplier(self.coin), dtype=np.float64)

    @cached_property
    def index(self) -> F64:
        """`[K]` index, USD."""
        return float(self.plan.spot[0]) * self.multiplier

    @cached_property
    def moving_now(self) -> F64:
        """`[N, 1]` the part of each price that still moves with the index, before anything moved."""
        share = np.ones((len(self.plan), 1))
        dated, total = self.plan.group >= 0, self.plan.forward
        part = np.divide(self.plan.variable, total, out=np.ones_like(total), where=total > 0)
        # a future that is marked by itself in an expiry without a forward moves whole
        share[dated, 0] = np.where(np.isfinite(part), part, 1.0)[self.plan.group[dated]]
        return share

    @cached_property
    def moving(self) -> F64:
        """`[N, K]` the same in each state."""
        x, share = self.multiplier[None, :], self.moving_now
        found: F64 = share * x / (share * x + 1.0 - share)
        return found

    @cached_property
    def price(self) -> F64:
        """`[N, K]` mark or forward, USD; zero for an option that is carried without one."""
        found = self.plan.price[:, None] * (1.0 + (self.multiplier[None, :] - 1.0) * self.moving_now)
        return np.where(np.isfinite(found), found, 0.0)

    @cached_property
    def settle(self) -> F64:
        """`[N, K]` USD price of the settlement currency."""
        factor = np.ones((len(self.plan), len(self.states)))
        for i, contract in enumerate(self.plan.contracts):
            if self.plan.settle_moves[i]:
                factor[i] = self.states.multiplier(contract.currency)
        return self.plan.settle[:, None] * factor

    @cached_property
    def inverse(self) -> npt.NDArray[np.bool_]:
        """`[N]` contracts that settle in the coin."""
        return np.asarray(self.plan.style == INVERSE)

    @cached_property
    def size(self) -> F64:
        """`[N, K]` signed coins of each position; of an inverse future its face over its price."""
        plain = (self.held * self.plan.multiplier)[:, None]
        future = self.inverse & ~self.plan.option
        per = np.divide(plain, self.price, out=np.zeros_like(self.price), where=self.price > 0)
        return np.where(future[:, None], per, np.broadcast_to(plain, self.price.shape))

    @cached_property
    def coin_delta(self) -> F64:
        """`[N, K]` coins that each position moves like."""
        found = np.where(self.plan.option[:, None], 0.0, self.size)
        rows = self.plan.options
        good = np.array([int(i) not in self.plan.failures for i in rows], dtype=bool)
        o = rows[good]
        if o.size:
            years = years_of(self.plan.seconds[self.plan.group[o]])[:, None]
            vol = self.plan.vol[o][:, None] * self.states.vol[None, :]
            strike, call = self.plan.strike[o][:, None], self.plan.call[o][:, None]
            shape = self.price[o].shape
            unit = forward_delta(
                self.price[o],
                np.broadcast_to(strike, shape),
                np.broadcast_to(years, shape),
                np.broadcast_to(vol, shape),
                np.broadcast_to(call, shape),
            )
            found[o] = self.size[o] * unit
        # sold without a price: it is carried at its bound, the forward of a call and the strike of a put
        bad = rows[~good]
        found[bad] = np.where((self.plan.call[bad] & (self.held[bad] < 0))[:, None], self.size[bad], 0.0)
        delta: F64 = found * self.moving
        return delta

    @cached_property
    def cash_delta(self) -> F64:
        """`[N, K]` USD value of the coins that each position moves like, at its own mark."""
        stable = np.where(self.inverse[:, None], 1.0, self.settle)
        found: F64 = self.coin_delta * self.price * stable
        return found

    @cached_property
    def used(self) -> F64:
        """`[K]` spot in use: coins held against what the unit is short of, at least zero."""
        coins: F64 = np.clip(-self.coin_delta.sum(axis=0), 0.0, self.owned)
        return coins

    # --- values -------------------------------------------------------------------------------------------------

    def option_usd(self, move: float = 0.0, vol: F64 | None = None, lift: F64 | None = None, days: float = 0.0) -> F64:
        """`[N, K]` USD value of the options held, after a move of the price by a fraction.

        `vol` are volatilities instead of the marked ones: `[N]` before the states multiply them, or `[N, K]` in each
        state. `lift[E]` multiplies the moving part of each forward, `days` pass.
        """
        plan, states = self.plan, self.states
        found = np.zeros((len(plan), len(states)))
        if not plan.option.any():
            return found
        if lift is not None:
            plan = replace(plan, variable=plan.variable * lift)
        spot = self.multiplier * (1.0 + move)
        passed = np.full(len(states), days)
        unnamed = ("",) * len(states)
        if vol is None or vol.ndim == 1:
            at = plan if vol is None else replace(plan, vol=vol)
            columns = Scenarios.build(spot, states.vol - 1.0, days=passed, labels=unnamed)
            found = unit_values(at, columns, "settlement", self.held)
        elif not plan.failures and days == 0.0:
            found[plan.options] = self._values(plan, spot, vol)
        else:
            # one call for all states that share their volatilities
            for level in np.unique(states.vol).tolist():
                k = np.flatnonzero(states.vol == level)
                columns = Scenarios.build(spot[k], days=passed[k], labels=unnamed[: k.size])
                found[:, k] = unit_values(replace(plan, vol=vol[:, k[0]]), columns, "settlement", self.held)
        own = self.inverse[:, None]
        money = self.settle * np.where(own, 1.0 + move, 1.0)
        size = np.where(plan.option & (self.held != 0.0), self.held, 0.0)[:, None]
        held: F64 = np.where(size != 0.0, found * size * money, 0.0)
        return held

    def _values(self, plan: Plan, spot: F64, vol: F64) -> F64:
        """`[options, K]` value of one contract in its settlement currency at volatilities `vol[N, K]`."""
        rows = plan.options
        g = plan.group[rows]
        root, scale = np.sqrt(years_of(plan.seconds[g])), np.ascontiguousarray(vol[rows])
        forward = plan.variable[g][:, None] * spot[None, :] + plan.fixed[g][:, None]
        in_range(forward, scale, root)
        values = lognormal_values(
            np.arange(rows.size, dtype=np.int64),
            plan.strike[rows],
            root,
            plan.call[rows],
            forward,
            scale,
            None,
            np.ones(rows.size),
            per_forward=self.inverse[rows],
        )
        whole: F64 = values * plan.multiplier[rows, None]
        return whole

    @cached_property
    def option_now(self) -> F64:
        """`[N, K]` USD value of the options held."""
        return self.option_usd()

    def gains(self, move: float, vol: F64 | None = None) -> F64:
        """`[N, K]` USD that each position gains when the index moves by a fraction.

        A future or perpetual gains `coins * index * move`: the shock is one of the index, not of the mark. The coin
        of inverse contracts is worth its shocked price.
        """
        linear = np.where(self.plan.option[:, None], 0.0, self.size) * self.moving * self.index[None, :] * move
        return linear + self.option_usd(move, vol) - self.option_now

    @cached_property
    def shocked_vols(self) -> dict[str, tuple[F64, F64]]:
        """Volatilities up and down, by shocks that are linear in days between the points of the table: by points
        `[N, K]`, and by a part of themselves `[N]`, which the states multiply."""
        table = self.parameters.vol_shocks
        left = np.zeros(len(self.plan))
        dated = self.plan.group >= 0
        left[dated] = self.plan.seconds[self.plan.group[dated]] / DAY_SECONDS
        days = [p.days for p in table]
        points = np.interp(left, days, [p.points for p in table])[:, None]
        percent = np.interp(left, days, [p.percent for p in table])
        now = self.plan.vol[:, None] * self.states.vol[None, :]
        return {
            "points": (now + points, np.maximum(now - points, 0.0)),
            "percent": (self.plan.vol * (1.0 + percent), self.plan.vol * (1.0 - percent)),
        }
