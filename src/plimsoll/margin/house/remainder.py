"""How far the second-order expansion can be from the full revaluation anywhere in the box: a certified bound.

Both are computed at the nodes of a grid. Between the nodes of one cell, `h` wide in spot and `k` in volatility, a
function `f` departs from its bilinear interpolant by at most

    sup |f - I_x f|  (over the cell)  +  sup |f - I_y f|  (over its two edges of constant spot),

and the interpolant itself is largest in a corner. So `|P - Q|` of a book is at most, cell by cell, its largest corner
plus `sum |q_i| (e_x + e_y)` of the contracts plus the same for the quadratic, whose second derivatives are constant.
In spot

    e_x <= A min(h^2/8 sup F'^2 gamma, h/4 F' (largest - least delta)) + h^2/8 (sup |A''| sup B + 2 sup |A'| F')

since `|f - I f|` is at most `h^2/8 sup |f''|` and at most `h/4` times the integral of `|f''|`, which for a convex `f`
is the change of its slope: so a payoff with a kink needs no derivative there. In volatility

    e_y <= min(k^2/8 sup |A B_ww| (dw/dy)^2, value at the upper less value at the lower node),

the latter because a value never falls in volatility. Extremes of gamma, delta and `B_ww` over a cell are taken in
closed form (`_gamma`, `_slopes`, `_bend`), none from samples. What is left is rounding, for which `ROUNDING` of the
size of each contract is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.lognormal import d1_d2, normal_cdf
from plimsoll.margin.house.expansion import (
    F64,
    GAMMA,
    I64,
    VOLGA,
    carried_rows,
    conversion,
    forward_parts,
    moving_share,
)
from plimsoll.risk import Plan
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import VolRule, years_of

ROUNDING = 1e-13
"""Of a contract's size: what double precision may lose in its value at a node."""

_CHUNK = 64
_ROOT_TWO_PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Remainder:
    """What the grid says of one book. USD.

    `pnl[V, M]` is the full revaluation at the nodes (volatility by spot). `seen <= sup |full - expansion| <= bound`
    over the whole box; `worst` is the largest loss at a node, zero if none loses, and no loss between nodes exceeds
    `worst + gap`. `rounding` is the part of the bound that is allowed for rounding. With an exotic option in the book
    `bound` and `gap` are infinite.
    """

    pnl: F64
    seen: float
    bound: float
    worst: float
    gap: float
    rounding: float


def remainder(
    plan: Plan,
    quantity: F64,
    unit: F64,
    quadratic: F64,
    axes: tuple[F64, F64],
    rule: VolRule,
    held: npt.NDArray[np.bool_],
) -> Remainder:
    """Compare the book `quantity[N]` of the rows `held` with its expansion over the box that `axes` span.

    `unit[N, V, M]`: dollar gain of one contract at the nodes; `quadratic[5]`: the expansion of the book.
    """
    spot, vol = axes
    h, k = np.diff(spot), np.diff(vol)
    pnl = np.tensordot(quantity[held], unit[held], axes=1)
    x, y = spot[None, :], vol[:, None]
    d, g, v, c, o = quadratic
    error = np.abs(pnl - (d * x + g * x * x / 2.0 + v * y + c * x * y + o * y * y / 2.0))
    between, rounding = _between(plan, quantity, unit, axes, rule, held)
    between += rounding
    if (held & plan.exotic).any():
        # nothing is known of other payoffs between the nodes
        between += np.inf
    bends = h[None, :] ** 2 / 8.0 * abs(quadratic[GAMMA]) + k[:, None] ** 2 / 8.0 * abs(quadratic[VOLGA])
    worst = max(0.0, -float(pnl.min()))
    return Remainder(
        pnl=pnl,
        seen=float(error.max()),
        bound=float((corners(error) + between + bends).max()),
        worst=worst,
        gap=max(0.0, float((corners(-pnl) + between).max()) - worst),
        rounding=rounding,
    )


def corners(nodes: F64) -> F64:
    """The largest of the four corners of each cell; `nodes[..., V, M]`."""
    pairs = np.maximum(nodes[..., 1:, :], nodes[..., :-1, :])
    largest: F64 = np.maximum(pairs[..., 1:], pairs[..., :-1])
    return largest


def unit_errors(
    plan: Plan, unit: F64, axes: tuple[F64, F64], rule: VolRule, held: npt.NDArray[np.bool_]
) -> tuple[F64, F64]:
    """`[N, V - 1, M - 1]` by how much the gain of one contract may leave the interpolant of its nodes, `[N]` its size.

    `unit[N, V, M]` gains at the nodes; zero for what is not `held`. USD.
    """
    spot, vol = axes
    found, size = np.zeros((len(plan), vol.size - 1, spot.size - 1)), np.zeros(len(plan))
    for i in np.flatnonzero(held & ~plan.valued).tolist():
        curve, size[i] = _linear(plan, i, spot)
        found[i] = np.diff(spot) ** 2 / 8.0 * curve
    rows = np.flatnonzero(held & plan.option).astype(np.int64)
    for start in range(0, rows.size, _CHUNK):
        some = rows[start : start + _CHUNK]
        across, size[some] = _options_spot(plan, some, axes, rule)
        found[some] = across + _options_vol(plan, some, unit[some], axes, rule)
    return found, size


def whole_box(plan: Plan, axes: tuple[F64, F64], rule: VolRule) -> tuple[F64, F64]:
    """`[N]` a number that no cell of `unit_errors` exceeds, and one that `size` does not, of a plan of options alone.

    The same formulas with the extremes over the whole box in the place of those of each cell; the loss of monotony in
    volatility is left out, so that no value is needed. Infinite where nothing is known so easily.
    """
    spot, vol = axes
    rows = np.arange(len(plan), dtype=np.int64)
    forward, total, scale = _grid_of(plan, rows, (spot[[0, -1]], vol), rule)
    f0, f1, low, high = forward[:, 0], forward[:, 1], total[:, 0], total[:, -1]
    slope, strike = forward_parts(plan, rows)[0], plan.strike
    a, a1, a2 = (np.abs(part).max(axis=1) for part in conversion(plan, rows, spot[[0, -1]]))
    h, step = float(np.diff(spot).max()), np.diff(total, axis=1).max(axis=1)
    most = np.where(plan.call, f1, strike)
    smooth = h**2 / 8.0 * (a2 * most + 2.0 * a1 * slope)
    with np.errstate(all="ignore"):
        bent = h**2 / 8.0 * slope**2 * _gamma(f0, f1, strike, low, high)
        turned = h / 4.0 * slope * _slopes(f0, f1, strike, low, high)
        near = np.maximum(0.0, np.maximum(_logs(f0, strike), -_logs(f1, strike)))
        # l^2 / w^3 e^(-l^2 / 2 w^2) is at most 2 / (e w), and falls in l and rises in w where l > sqrt(3) w
        far = near**2 / high**3 * np.exp(-0.5 * (near / high) ** 2)
        up = np.where(near >= np.sqrt(3.0) * high, far, 2.0 / (np.e * low))
        bend = np.sqrt(f1 * strike) / _ROOT_TWO_PI * np.maximum(up, high / 4.0 * np.exp(-0.5 * (near / high) ** 2))
        across = np.where(step > 0.0, a * step**2 / 8.0 * bend, 0.0)
    across = np.where((scale[:, 0] < 0.0) | np.isnan(across), np.inf, across)
    return smooth + a * np.fmin(bent, turned) + across, a * most


def _between(
    plan: Plan, quantity: F64, unit: F64, axes: tuple[F64, F64], rule: VolRule, held: npt.NDArray[np.bool_]
) -> tuple[F64, float]:
    """`[V - 1, M - 1]` by how much the gain of the book may leave the interpolant of its nodes, and its rounding."""
    errors, size = unit_errors(plan, unit, axes, rule, held)
    weights = np.abs(quantity[held])
    return np.tensordot(weights, errors[held], axes=1), ROUNDING * float(weights @ size[held])


def _linear(plan: Plan, i: int, spot: F64) -> tuple[F64, float]:
    """`sup |d2/dx2|` in each cell of a future, a perpetual or a coin, and its size in dollars."""
    follows, settle = float(plan.settle_moves[i]), float(plan.settle[i])
    zero = np.zeros(spot.size - 1)
    if plan.contracts[i].kind == "spot":
        return zero, settle
    share, m, price = moving_share(plan, i), float(plan.multiplier[i]), float(plan.price[i])
    if plan.style[i] != INVERSE:
        # the gain is a quadratic in x
        return zero + 2.0 * m * price * settle * share * follows, m * price * settle
    base = m / price * settle
    # with u = 1 + share x the gain is (u - 1)(u - 1 + share) / (share u) or 1 - 1 / u; |f''| falls in u
    u = 1.0 + share * spot[:-1]
    curve = 2.0 * share * ((1.0 - share) if follows else share) / u**3
    return zero + base * curve, base


def _grid_of(plan: Plan, rows: I64, axes: tuple[F64, F64], rule: VolRule) -> tuple[F64, F64, F64]:
    """Forwards `[n, M]` and total volatilities `[n, V]` at the nodes, and where the volatility is cut off at zero."""
    spot, vol = axes
    g = plan.group[rows]
    slope, fixed = forward_parts(plan, rows)
    base = np.where(carried_rows(plan, rows), 0.0, plan.vol[rows]) * np.sqrt(years_of(plan.seconds[g]))
    scale = 1.0 + vol[None, :] * rule.scale(plan.seconds[g])[:, None]
    total = base[:, None] * np.maximum(0.0, scale)
    return slope[:, None] * (1.0 + spot)[None, :] + fixed[:, None], total, scale


def _options_spot(plan: Plan, rows: I64, axes: tuple[F64, F64], rule: VolRule) -> tuple[F64, F64]:
    """`[n, V - 1, M - 1]` the bound `e_x` of each option, and `[n]` its largest value in dollars."""
    forward, total, _ = _grid_of(plan, rows, axes, rule)
    h = np.diff(axes[0])[None, :]
    slope = forward_parts(plan, rows)[0][:, None]
    a, a1, a2 = (np.abs(part) for part in conversion(plan, rows, axes[0]))
    # A is monotone and its derivatives shrink as the price rises
    top, first, second = np.maximum(a[:, 1:], a[:, :-1]), a1[:, :-1], a2[:, :-1]
    strike = plan.strike[rows][:, None]
    most = np.where(plan.call[rows][:, None], forward[:, 1:], strike)
    smooth = h**2 / 8.0 * (second * most + 2.0 * first * slope)
    low, high = total[:, :-1, None], total[:, 1:, None]
    f0, f1 = forward[:, None, :-1], forward[:, None, 1:]
    with np.errstate(all="ignore"):
        bent = h[:, None, :] ** 2 / 8.0 * slope[:, :, None] ** 2 * _gamma(f0, f1, strike[:, :, None], low, high)
    turned = h[:, None, :] / 4.0 * slope[:, :, None] * _slopes(f0, f1, strike[:, :, None], low, high)
    # an option at its bound is worth a constant or the forward
    priced = np.where(carried_rows(plan, rows), 0.0, 1.0)[:, None, None]
    return smooth[:, None, :] + priced * top[:, None, :] * np.fmin(bent, turned), (top * most).max(axis=1)


def _options_vol(plan: Plan, rows: I64, unit: F64, axes: tuple[F64, F64], rule: VolRule) -> F64:
    """`[n, V - 1, M - 1]` the bound `e_y` of each option from its gains `unit[n, V, M]` at the nodes."""
    forward, total, scale = _grid_of(plan, rows, axes, rule)
    rise = np.abs(np.diff(unit, axis=1))
    a = np.abs(conversion(plan, rows, axes[0])[0])[:, None, :]
    bend = _bend(forward[:, None, :], plan.strike[rows][:, None, None], total[:, :-1, None], total[:, 1:, None])
    step = np.diff(total, axis=1)[:, :, None]
    # where the volatility is cut off inside the cell, w is not linear in y and only monotony is left
    bend = np.where((scale[:, :-1, None] < 0.0) & (step > 0.0), np.inf, bend)
    with np.errstate(all="ignore"):
        edges = np.fmin(a * step**2 / 8.0 * bend, rise)
    result: F64 = np.maximum(edges[:, :, 1:], edges[:, :, :-1])
    return result


def _logs(forward: F64, strike: F64) -> F64:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: F64 = np.log(forward) - np.log(strike)
    return found


def _gamma(f0: F64, f1: F64, strike: F64, low: F64, high: F64) -> F64:
    """Largest `d2B/dF2` for a forward from `f0` to `f1` and a total volatility from `low` to `high`; NaN if unknown.

    `sqrt(K / F^3) e^(-w^2/8) e^(-l^2 / 2w^2) / (w sqrt(2 pi))` with `l` the least `|ln(F/K)|`; the last two factors
    are largest at `w = l`.
    """
    with np.errstate(all="ignore"):
        near = np.maximum(0.0, np.maximum(_logs(f0, strike), -_logs(f1, strike)))
        at = np.clip(near, low, high)
        peak = np.exp(-0.5 * (near / at) ** 2) / at
        found: F64 = np.sqrt(strike / f0**3) / _ROOT_TWO_PI * np.exp(-(low**2) / 8.0) * peak
    return found


def _slopes(f0: F64, f1: F64, strike: F64, low: F64, high: F64) -> F64:
    """Largest `N(d1)` at `f1` less least `N(d1)` at `f0` for a total volatility from `low` to `high`.

    `d1 = l/w + w/2` is convex in `w` with its least value at `sqrt(2 l)` for `l = ln(F/K) > 0`, and rises otherwise.
    """
    with np.errstate(all="ignore"):
        log = _logs(f0, strike)
        at = np.clip(np.where(log > 0.0, np.sqrt(2.0 * np.maximum(log, 0.0)), low), low, high)
        largest = np.maximum(d1_d2(f1, strike, low)[0], d1_d2(f1, strike, high)[0])
        found: F64 = np.maximum(0.0, normal_cdf(largest) - normal_cdf(d1_d2(f0, strike, at)[0]))
    return found


def _bend(forward: F64, strike: F64, low: F64, high: F64) -> F64:
    """Largest `|d2B/dw2|` for a total volatility from `low` to `high`; NaN if unknown.

    `sqrt(F K / 2 pi) e^(-l^2/2w^2 - w^2/8) (l^2/w^3 - w/4)`: the first term is largest at `w = |l| / sqrt 3`, the
    second no more than at `high` with the exponents at their least.
    """
    with np.errstate(all="ignore"):
        log = np.abs(_logs(forward, strike))
        at = np.clip(log / np.sqrt(3.0), low, high)
        up = np.where(log > 0.0, log**2 / at**3 * np.exp(-0.5 * (log / at) ** 2), 0.0)
        down = high / 4.0 * np.exp(-0.5 * (log / high) ** 2)
        found: F64 = np.sqrt(forward * strike) / _ROOT_TWO_PI * np.exp(-(low**2) / 8.0) * np.maximum(up, down)
    return found
