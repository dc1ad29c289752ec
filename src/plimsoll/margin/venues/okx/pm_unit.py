"""The charges MR1 to MR7 of one risk unit as arrays over `K` states, with what each position adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS
from plimsoll.margin.venues.okx.pm_parameters import group_of
from plimsoll.margin.venues.okx.pm_state import UnitState
from plimsoll.scenarios import years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

VOL_WORDS = ("iv up", "", "iv down")


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
class Unit(UnitState):
    """A risk unit and its charges; fields as those of its state."""

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
