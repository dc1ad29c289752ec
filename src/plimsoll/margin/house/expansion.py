"""The second-order expansion of what one contract gains in dollars, in spot and volatility moves.

With `x` the relative move of the index and `y` the volatility move quoted at the reference tenor, an option of
expiry `e` has

    value(x, y) = A(x) * B(F(x), w(y)),   F = variable (1 + x) + fixed,   w = w0 * max(0, 1 + y s_e)

where `B` is undiscounted Black-76, `s_e` the power law of the tenor and `A` turns it into dollars: the multiplier times
the price of the settlement currency, which moves by `1 + x` if it is a coin with an index, over `F` if the option is
settled in coin. That is the reading of `plimsoll.risk.plan_pnl` in dollars (docs/decisions/012), term by term.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.lognormal import lognormal_value
from plimsoll.pricing.greeks import greeks
from plimsoll.risk import Plan, settle_price
from plimsoll.risk.exotics import exotic_unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios, VolRule, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

DELTA, GAMMA, VEGA, VANNA, VOLGA = range(5)

STEP = 0.01
"""Relative move in spot, and in volatility, over which exotic options are expanded."""

LEAST_TOTAL_VOL = 1e-8
"""Below it an option is expanded as its payoff: a gamma of the order of its inverse says nothing of any move."""


def carried_rows(plan: Plan, rows: I64) -> npt.NDArray[np.bool_]:
    """Which of the options `rows` cannot be priced and stand at their no-arbitrage bound."""
    return np.array([int(i) in plan.failures for i in rows], dtype=bool)


def forward_parts(plan: Plan, rows: I64) -> tuple[F64, F64]:
    """The variable and the fixed part of the forward of the options `rows`; zero where the market has none."""
    g = plan.group[rows]
    return np.nan_to_num(plan.variable[g]), np.nan_to_num(plan.fixed[g])


def conversion(plan: Plan, rows: I64, moves: F64) -> tuple[F64, F64, F64]:
    """`A(x)` of the options `rows` at the spot `moves[M]` with its first and second derivative, each `[rows, M]`."""
    base = (plan.multiplier[rows] * plan.settle[rows])[:, None]
    follows = plan.settle_moves[rows].astype(np.float64)[:, None]
    inverse = (plan.style[rows] == INVERSE)[:, None]
    slope, fixed = (part[:, None] for part in forward_parts(plan, rows))
    forward = slope * (1.0 + moves)[None, :] + fixed
    price = base * (1.0 + follows * moves[None, :])
    alive = forward > 0
    over = np.where(alive, forward, 1.0)
    # d/dx of (1 + x) / F is fixed / F^2, of 1 / F it is -slope / F^2
    bend = base * np.where(follows > 0, fixed, -slope) / over**2
    value = np.where(inverse, np.where(alive, price / over, 0.0), price)
    first = np.where(inverse, np.where(alive, bend, 0.0), base * follows)
    second = np.where(inverse, np.where(alive, -2.0 * slope / over * bend, 0.0), 0.0)
    return value, first, second


def moving_share(plan: Plan, row: int) -> float:
    """The part of a future's price that still moves with the index; one for a perpetual."""
    e = int(plan.group[row])
    total = plan.variable[e] + plan.fixed[e] if e >= 0 else 0.0
    share = float(plan.variable[e] / total) if total > 0 else 1.0
    return share if np.isfinite(share) else 1.0


def unit_expansion(plan: Plan, held: npt.NDArray[np.bool_], side: F64, rule: VolRule) -> F64:
    """`[N, 5]` derivatives of the dollar gain of one contract at no move; zero where not `held`.

    Columns `DELTA` d/dx, `GAMMA` d2/dx2, `VEGA` d/dy, `VANNA` d2/dxdy and `VOLGA` d2/dy2, USD for a move of one
    (100 %); no time passes. An option that cannot be priced is expanded at its bound, by the sign of `side[N]`.
    """
    found = np.zeros((len(plan), 5))
    for i in np.flatnonzero(held & ~plan.valued):
        found[i, DELTA], found[i, GAMMA] = _linear(plan, int(i))
    rows = np.flatnonzero(held & plan.option).astype(np.int64)
    if rows.size:
        found[rows] = _options(plan, rows, side, rule)
    if (held & plan.exotic).any():
        found[plan.exotics] = _exotics(plan, side, rule)
        found[~held] = 0.0
    return found


def _exotics(plan: Plan, side: F64, rule: VolRule) -> F64:
    """`[X, 5]` by central differences over `STEP` in spot and in volatility: to show, not to charge by."""
    x, y = (a.ravel() for a in np.meshgrid([-STEP, 0.0, STEP], [-STEP, 0.0, STEP]))
    around = Scenarios.build(1.0 + x, y, vol_rule=rule)
    value = exotic_unit_values(plan, around, side)
    v = (value * settle_price(plan, around)[plan.exotics]).reshape(-1, 3, 3)
    first, second = 2.0 * STEP, STEP * STEP
    shown = np.column_stack(
        [
            (v[:, 1, 2] - v[:, 1, 0]) / first,
            (v[:, 1, 2] - 2.0 * v[:, 1, 1] + v[:, 1, 0]) / second,
            (v[:, 2, 1] - v[:, 0, 1]) / first,
            (v[:, 2, 2] - v[:, 2, 0] - v[:, 0, 2] + v[:, 0, 0]) / first**2,
            (v[:, 2, 1] - 2.0 * v[:, 1, 1] + v[:, 0, 1]) / second,
        ]
    )
    # beyond double precision there is nothing to show; the revaluation decides whether there is a number at all
    return np.where(np.isfinite(shown), shown, 0.0)


def _linear(plan: Plan, i: int) -> tuple[float, float]:
    """First and second derivative in `x` of a future, a perpetual or a coin."""
    follows = float(plan.settle_moves[i])
    if plan.contracts[i].kind == "spot":
        return float(plan.settle[i]) * follows, 0.0
    share, m, price = moving_share(plan, i), float(plan.multiplier[i]), float(plan.price[i])
    if plan.style[i] == INVERSE:
        base = m / price * float(plan.settle[i])
        return base * share, 2.0 * base * share * (follows - share)
    base = m * price * float(plan.settle[i])
    return base * share, 2.0 * base * share * follows


def _options(plan: Plan, rows: I64, side: F64, rule: VolRule) -> F64:
    carried = carried_rows(plan, rows)
    g = plan.group[rows]
    seconds = plan.seconds[g]
    slope, fixed = forward_parts(plan, rows)
    a, a1, a2 = (part[:, 0] for part in conversion(plan, rows, np.zeros(1)))
    root = np.sqrt(years_of(seconds))
    vol = np.where(carried | (plan.vol[rows] * root < LEAST_TOTAL_VOL), 0.0, plan.vol[rows])
    forward = slope + fixed
    unit = greeks(forward, plan.strike[rows], years_of(seconds), vol, plan.call[rows])
    value = lognormal_value(forward, plan.strike[rows], vol * root, plan.call[rows])
    delta, gamma, vega, vanna, volga = unit.delta, unit.gamma, unit.vega, unit.vanna, unit.volga
    owed = side[rows] < 0
    value = np.where(carried, np.where(owed, np.where(plan.call[rows], forward, plan.strike[rows]), 0.0), value)
    delta = np.where(carried, np.where(owed & plan.call[rows], 1.0, 0.0), delta)
    lift = vol * rule.scale(seconds)
    return np.column_stack(
        [
            a1 * value + a * delta * slope,
            a2 * value + 2.0 * a1 * delta * slope + a * gamma * slope**2,
            a * vega * lift,
            (a1 * vega + a * vanna * slope) * lift,
            a * volga * lift**2,
        ]
    )
