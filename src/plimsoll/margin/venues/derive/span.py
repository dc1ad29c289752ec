"""The scenario part of both portfolio managers: expiry by expiry, with static discounts, to the least P&L."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.requirement import Binding, ScenarioLoss
from plimsoll.margin.venues.derive.columns import BLOCKS
from plimsoll.margin.venues.derive.parameters import Basis, Margin
from plimsoll.risk import Plan, option_values
from plimsoll.scenarios import NO_SKEW, Scenarios, years_of

F64 = npt.NDArray[np.float64]

TIE_TOLERANCE = 1e-8
"""Losses closer than this (relative, with a floor of one unit) bind together: the earlier block is named.

The amount and its shares are those of the exact minimum, so that a tie never lowers the margin.
"""


@dataclass(frozen=True, eq=False)
class ExpiryValues:
    """Values of the held options: `table` in the scenarios, `now` unshocked, `up`/`down` under a basis shock.

    `[N, S]` and `[N]` by position (quantity included), `net_*` the sums by expiry, `[E, S]` and `[E]`.
    """

    table: F64
    now: F64
    up: F64
    down: F64
    net_table: F64
    net_now: F64
    net_up: F64
    net_down: F64


@dataclass(frozen=True, eq=False)
class Span:
    """`pnl[S]` weighted, `basis <= 0`, their least `value` with its place and block, and how positions share it.

    `worst` is the scenario named for it, or `S` for the basis contingency. `option_shares[N]` and `linear_shares[L]`
    add up to `value`.
    """

    pnl: F64
    basis: float
    value: float
    worst: int
    block: str
    option_shares: F64
    linear_shares: F64


def rate_discount(plan: Plan) -> F64:
    """`[E]` discount factors; rates below zero count as zero."""
    factor: F64 = np.exp(-np.maximum(plan.rate, 0.0) * years_of(plan.seconds))
    return factor


def losses_of(found: Span, scenarios: Scenarios) -> tuple[ScenarioLoss, ...]:
    """Every scenario, and the basis contingency after them, as the requirement shows them."""
    pnl = (*found.pnl.tolist(), found.basis)
    return tuple(ScenarioLoss(label=a, pnl=b) for a, b in zip(_labels(scenarios), pnl, strict=True))


def binding_of(found: Span, scenarios: Scenarios, underlying: str) -> Binding:
    """What set the span; an account that loses nowhere is bound by nothing."""
    label = _labels(scenarios)[found.worst] if found.value < 0 else "no loss"
    return Binding(underlying=underlying, kind=found.block, label=label, pnl=found.value)


def _labels(scenarios: Scenarios) -> tuple[str, ...]:
    return (*scenarios.labels, "basis contingency")


def expiry_values(
    plan: Plan, coins: F64, scenarios: Scenarios, basis: Basis, discount: F64 | None = None
) -> ExpiryValues:
    """Every option value the rules need, in two passes; `coins[N]` are signed position sizes, `discount` is `[E]`."""
    rows = plan.options
    table = np.zeros((len(plan), len(scenarios)))
    table[rows] = option_values(plan, scenarios, discount=discount, side=coins) * coins[rows, None]
    plain = Scenarios.build([1.0] * 3, basis=[1.0, basis.spot_up, basis.spot_down])
    three = np.zeros((len(plan), 3))
    three[rows] = option_values(plan, plain, discount=discount, side=coins) * coins[rows, None]
    net, net_three = _by_expiry(plan, table), _by_expiry(plan, three)
    now, up, down = three.T
    net_now, net_up, net_down = net_three.T
    return ExpiryValues(table, now, up, down, net, net_now, net_up, net_down)


def _by_expiry(plan: Plan, values: F64) -> F64:
    nets = np.zeros((len(plan.expiries), values.shape[1]))
    for e in range(len(plan.expiries)):
        nets[e] = values[plan.group == e].sum(axis=0)
    return nets


def static_discounts(margin: Margin, rates: F64, years: F64) -> tuple[F64, F64]:
    """`[E]` factors on a positive and on a negative net expiry value.

    Long: `base * exp(-t (rate * mult + add))`. Short: `base * exp(+t (rate * mult + add))`, but at most `1 / D`: a
    short is marked up to its undiscounted value and no further. Rates below zero count as zero.
    """
    rate = np.maximum(rates, 0.0)
    long = margin.long_base_static_discount * np.exp(-years * (rate * margin.long_rate_mult + margin.long_rate_add))
    short = margin.short_base_static_discount * np.exp(years * (rate * margin.short_rate_mult + margin.short_rate_add))
    return long, np.minimum(np.exp(rate * years), short)


def span(rule: Basis, plan: Plan, v: ExpiryValues, linear: F64, scenarios: Scenarios, factors: tuple[F64, F64]) -> Span:
    """`min(basis contingency, scenario P&L)`; `linear[L]` are amounts that move one to one with spot.

    `factors` are the static discounts `[E]` on a positive and on a negative net expiry value.
    """
    years = years_of(plan.seconds)
    long, short = factors
    factor = np.where(v.net_table >= 0, long[:, None], short[:, None])
    moves = v.net_table * factor - v.net_now[:, None]
    tilted = scenarios.skew != NO_SKEW
    # a tilt may turn either way: each expiry loses by it, whichever way it would have gained
    sign = np.where(tilted[None, :], -np.sign(moves), 1.0)
    drift = scenarios.spot - 1.0
    pnl: F64 = scenarios.weight * ((sign * moves).sum(axis=0) + linear.sum() * drift)
    basis_factor = rule.add_factor + rule.mult_factor * years
    basis = _basis(v, basis_factor)
    lowest, worst, block = _worst(pnl, basis, scenarios)
    if lowest == len(scenarios):
        shares = _basis_shares(plan, v, basis_factor)
        return Span(pnl, basis, basis, worst, block, shares, np.zeros(len(linear)))
    weight = float(scenarios.weight[lowest])
    shares = np.zeros(len(plan))
    mine = plan.group >= 0
    g = plan.group[mine]
    own = v.table[mine, lowest] * factor[g, lowest] - v.now[mine]
    shares[mine] = weight * sign[g, lowest] * own
    return Span(pnl, basis, float(pnl[lowest]), worst, block, shares, weight * linear * drift[lowest])


def discounted_moves(scenarios: Scenarios, net: F64, now: F64, long: F64 | float, short: F64 | float) -> F64:
    """`[R, S]` what rows of net expiry values `net[R, S]` gain on `now[R]`, after the static discounts.

    `long` and `short`, discounts on values above and below zero, are numbers or `[R, 1]`. An expiry loses by a tilt,
    whichever way it would have gained.
    """
    moves = net * np.where(net >= 0.0, long, short) - now[:, None]
    tilted = np.flatnonzero(scenarios.skew != NO_SKEW)
    moves[:, tilted] = -np.abs(moves[:, tilted])
    return moves


def _worst(pnl: F64, basis: float, scenarios: Scenarios) -> tuple[int, int, str]:
    """Index of the least P&L (`S` for the basis contingency); index and block named for it under `TIE_TOLERANCE`.

    An exact tie goes to the earlier block, and in it to the first row.
    """
    least = min(float(pnl.min()), basis)

    def first(limit: float) -> tuple[int, str]:
        for block in BLOCKS[:3]:
            rows = [s for s, kind in enumerate(scenarios.kinds) if kind == block and pnl[s] <= limit]
            if rows:
                return min(rows, key=lambda s: (float(pnl[s]), s)), block
        return len(pnl), BLOCKS[3]

    return first(least)[0], *first(least + TIE_TOLERANCE * max(1.0, abs(least)))


def _basis(v: ExpiryValues, factor: F64) -> float:
    """The basis contingency: the worse forward shock of each expiry, nothing where both gain."""
    loss = np.minimum(np.minimum(v.net_up, v.net_down) - v.net_now, 0.0)
    return float((loss * factor).sum())


def _basis_shares(plan: Plan, v: ExpiryValues, factor: F64) -> F64:
    shares = np.zeros(len(plan))
    for e in range(len(plan.expiries)):
        worse, net = (v.up, v.net_up[e]) if v.net_up[e] <= v.net_down[e] else (v.down, v.net_down[e])
        if net < v.net_now[e]:
            mine = plan.group == e
            shares[mine] = (worse[mine] - v.now[mine]) * factor[e]
    return shares
