"""One risk unit along `K` states: its charges MR1 to MR7 and MR9 as arrays, with what each position adds to them.

Sums over positions are matrix products, so that a charge and its shares come from the same numbers. Options are valued
by the P&L array alone: a shock of volatility or rate is a plan with other volatilities or forwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS
from plimsoll.margin.path import States
from plimsoll.margin.venues.okx.pm_parameters import PmParameters, group_of
from plimsoll.pricing.black76 import forward_delta
from plimsoll.risk import Plan, unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

VOL_WORDS = ("iv up", "", "iv down")
SPOT = "spot in use"
USD = "USD"


@dataclass(frozen=True, eq=False)
class Losses:
    """`pnl[V, M, K]` of a unit over volatility up, same and down and over price moves; `move[M]` are the fractions."""

    move: F64
    pnl: F64

    @property
    def worst(self) -> F64:
        """`[K]` the largest loss, at least zero."""
        found: F64 = np.maximum(-self.pnl.reshape(-1, self.pnl.shape[-1]).min(axis=0), 0.0)
        return found


@dataclass(frozen=True, eq=False)
class Unit:
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

        `vol[N, K]` are volatilities instead of the marked ones, `lift[E]` multiplies the moving part of each forward,
        `days` pass.
        """
        plan, states = self.plan, self.states
        found = np.zeros((len(plan), len(states)))
        if not plan.option.any():
            return found
        if lift is not None:
            plan = replace(plan, variable=plan.variable * lift)
        spot = self.multiplier * (1.0 + move)
        marked = plan.vol[:, None] * states.vol[None, :] if vol is None else vol
        # one call for all states that share their volatilities
        for level in np.unique(states.vol).tolist():
            k = np.flatnonzero(states.vol == level)
            at = replace(plan, vol=marked[:, k[0]])
            columns = Scenarios.build(spot[k], days=np.full(k.size, days))
            found[:, k] = unit_values(at, columns, "settlement", self.held)
        own = self.inverse[:, None]
        money = self.settle * np.where(own, 1.0 + move, 1.0)
        size = np.where(plan.option & (self.held != 0.0), self.held, 0.0)[:, None]
        held: F64 = np.where(size != 0.0, found * size * money, 0.0)
        return held

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
        """Volatilities `[N, K]` up and down: by points and by a part of themselves, linear in days between the points
        of the table."""
        table = self.parameters.vol_shocks
        left = np.zeros(len(self.plan))
        dated = self.plan.group >= 0
        left[dated] = self.plan.seconds[self.plan.group[dated]] / DAY_SECONDS
        days = [p.days for p in table]
        points = np.interp(left, days, [p.points for p in table])[:, None]
        percent = np.interp(left, days, [p.percent for p in table])[:, None]
        now = self.plan.vol[:, None] * self.states.vol[None, :]
        return {
            "points": (now + points, np.maximum(now - points, 0.0)),
            "percent": (now * (1.0 + percent), now * (1.0 - percent)),
        }

    # --- charges ------------------------------------------------------------------------------------------------

    @cached_property
    def moves(self) -> list[float]:
        """Price moves of MR1: nothing, then each up and down."""
        found = [0.0]
        for m in group_of(self.parameters.mr1, self.coin)[1].moves:
            found += [m, -m]
        return found

    def scenario(self, vol: int, move: float) -> F64:
        """`[N + 1, K]` gains of the positions, and of the spot in use, under volatility up (0), same (1) or down (2).

        Up and down are by points or by percent, whichever loses the unit more in that state.
        """
        spot = (self.used * self.index * move)[None, :]
        if vol == 1 or not self.plan.option.any():
            return np.vstack([self.gains(move), spot])
        found = [self.gains(move, pair[vol // 2]) for pair in self.shocked_vols.values()]
        worse = found[0].sum(axis=0) <= found[1].sum(axis=0)
        return np.vstack([np.where(worse[None, :], found[0], found[1]), spot])

    @cached_property
    def mr1(self) -> Losses:
        """Price and volatility."""
        rows = [[self.scenario(v, m).sum(axis=0) for m in self.moves] for v in range(3)]
        return Losses(np.array(self.moves), np.array(rows))

    @cached_property
    def mr2_gains(self) -> F64:
        """`[N, K]` what options gain when time passes and nothing else moves."""
        return self.option_usd(days=self.parameters.theta_days) - self.option_now

    @cached_property
    def mr2(self) -> F64:
        """`[K]` time decay, at least zero."""
        lost: F64 = np.maximum(-self.mr2_gains.sum(axis=0), 0.0)
        return lost

    def vol_gains(self, measure: str, down: int) -> F64:
        """`[N, K]` what options gain by a volatility shock alone."""
        return self.option_usd(vol=self.shocked_vols[measure][down]) - self.option_now

    def by_expiry(self, gains: F64) -> F64:
        """`[E, K]` sums over the options of each expiry."""
        found = np.zeros((len(self.plan.expiries), gains.shape[1]))
        dated = self.plan.group >= 0
        np.add.at(found, self.plan.group[dated], gains[dated])
        return found

    @cached_property
    def mr3(self) -> F64:
        """`[K]` what volatilities of different expiries could lose by not moving together.

        Every expiry in the direction that it loses by, less all of them in the direction that the whole loses by; the
        larger by points or by percent. The venue's formula is not public: this takes back all that MR1 nets.
        """
        found = np.zeros(len(self.states))
        if len(self.plan.expiries) < 2 or not self.plan.option.any():
            return found
        for measure in self.shocked_vols:
            up, down = (self.by_expiry(self.vol_gains(measure, d)) for d in (0, 1))
            apart = np.maximum(np.maximum(-up, -down), 0.0).sum(axis=0)
            together = np.maximum(np.maximum(-up.sum(axis=0), -down.sum(axis=0)), 0.0)
            found = np.maximum(found, self.parameters.term_structure * (apart - together))
        return found

    @cached_property
    def buckets(self) -> list[tuple[I64, float]]:
        """Positions that MR4 nets, with the rate of each bucket: one expiry in one settlement currency."""
        rule = group_of(self.parameters.mr4, self.coin)[1]
        found: dict[tuple[str, int], list[int]] = {}
        for i, contract in enumerate(self.plan.contracts):
            found.setdefault((contract.currency, int(self.plan.group[i])), []).append(i)
        rows = []
        for (_, group), mine in found.items():
            years = float(years_of(self.plan.seconds[group])) if group >= 0 else 0.0
            rows.append((np.array(mine, dtype=np.int64), max(rule.floor, float(np.expm1(rule.annual * years)))))
        return rows

    @cached_property
    def mr4(self) -> F64:
        """`[K]` basis: the net cash delta of every bucket at its rate; buckets do not net."""
        found = np.zeros(len(self.states))
        for mine, rate in self.buckets:
            found += rate * np.abs(self.cash_delta[mine].sum(axis=0))
        return found

    @cached_property
    def lifts(self) -> list[F64]:
        """`[E]` factors on forwards: level up and down, slope up and down."""
        shock = self.parameters.mr5
        days = np.array([p.days for p in shock.points])
        left = self.plan.seconds / DAY_SECONDS
        level = np.interp(left, days, [p.level for p in shock.points])
        tilt = np.interp(left, [days[0], days[-1]], [shock.slope, -shock.slope])
        return [np.exp(sign * curve * years_of(self.plan.seconds)) for curve in (level, tilt) for sign in (1.0, -1.0)]

    @cached_property
    def mr5_gains(self) -> list[F64]:
        """`[N, K]` gains of options under each shock of the rate curve."""
        if not self.plan.option.any():
            return []
        return [self.option_usd(lift=lift) - self.option_now for lift in self.lifts]

    @cached_property
    def mr5(self) -> F64:
        """`[K]` the worst shock of the rate curve for the options, at least zero."""
        found = np.zeros(len(self.states))
        for gains in self.mr5_gains:
            found = np.maximum(found, -gains.sum(axis=0))
        return found

    @cached_property
    def mr6(self) -> Losses:
        """The far move up and down, volatility unchanged; not yet cut to its share."""
        move = group_of(self.parameters.mr6, self.coin)[1].move
        both = [move, -move]
        return Losses(np.array(both), np.array([[self.scenario(1, m).sum(axis=0) for m in both]]))

    @cached_property
    def closing(self) -> F64:
        """`[N, K]` MR7 of each position before scaling: fees and slippage, USD."""
        rate = group_of(self.parameters.mr7, self.coin)[1].rate
        found = rate * np.abs(self.cash_delta)
        o, rule = self.plan.option, self.parameters.option_close
        if o.any():
            coins = np.abs(self.size[o])
            value = np.abs(self.option_now[o])
            delta = np.abs(self.coin_delta[o])
            index = self.index[None, :]
            slip = np.maximum(rule.slippage_least * coins, rule.slippage_rate * delta) * index
            slip = np.where(self.held[o][:, None] > 0, np.minimum(slip, value), slip)
            found[o] = slip + np.minimum(rule.fee * coins * index, rule.fee_cap * value)
        return found

    def scaled(self, raw: F64) -> F64:
        """`[K]` MR7 after the tiers of the unit: each part of `raw[K]` at the multiplier of its own tier."""
        edges = [0.0]
        tiers = group_of(self.parameters.scaling, self.coin)[1].tiers
        edges += [np.inf if t.upto is None else t.upto for t in tiers]
        found = np.zeros_like(raw)
        for low, high, tier in zip(edges[:-1], edges[1:], tiers, strict=True):
            found += np.clip(raw - low, 0.0, high - low) * tier.multiplier
        return found

    @cached_property
    def mr7(self) -> F64:
        """`[K]` the scaled minimum charge."""
        return self.scaled(self.closing.sum(axis=0))

    @cached_property
    def core(self) -> F64:
        """`[K]` `max(MR1, MR2, MR6)`."""
        return np.maximum(np.maximum(self.mr1.worst, self.mr2), self.parameters.extreme_share * self.mr6.worst)
