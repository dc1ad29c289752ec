"""DSA along a path, all states at once: what `plimsoll.margin.house.dsa` gives one by one.

Whether the expansion may be charged hangs on a certified bound of its error, which takes some hundred times as long as
the charge. Its largest error at a node is a lower bound of it, and extremes over the whole box instead of each cell an
upper one: only where the two disagree about the switch is the bound itself computed (`remainder.unit_errors`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import lognormal_book
from plimsoll.margin.house.box import Box
from plimsoll.margin.house.dsa_many import worst_quadratic
from plimsoll.margin.house.dsa_parameters import DsaParameters
from plimsoll.margin.house.expansion import GAMMA, VOLGA, unit_expansion
from plimsoll.margin.house.prbm_along import counted_balances, equity_path
from plimsoll.margin.house.remainder import ROUNDING, corners, unit_errors, whole_box
from plimsoll.margin.house.steps import Steps, delta_charge
from plimsoll.risk import plan_pnl
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios, years_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

BLOCK = 32
"""States that are revalued at every node together: so many stay in the cache."""

CERTAIN = 8.5
"""Deviations beyond which an option has no time value in double precision."""

NOW = Scenarios.build([1.0])


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of the box: `spot[M]`, `vol[V]`, columns (spot fastest) and the five powers of each `[5, V M]`."""

    box: Box
    spot: F64
    vol: F64
    columns: Scenarios
    powers: F64

    @classmethod
    def of(cls, p: DsaParameters, box: Box) -> Nodes:
        spot, vol = box.axes(p.grid.spot_cells, p.grid.vol_cells)
        x, y = np.tile(spot, vol.size), np.repeat(vol, spot.size)
        return cls(box, spot, vol, box.nodes(spot, vol), np.stack([x, x * x / 2.0, y, x * y, y * y / 2.0]))


def dsa_path(p: DsaParameters, box: Box, steps: Steps) -> tuple[F64, F64]:
    """`[K]` equity and maintenance margin."""
    equity, kept = np.zeros(len(steps)), np.zeros(len(steps))
    nodes = Nodes.of(p, box)
    for part, some in steps.blocks():
        value = np.zeros(len(some))
        for underlying in some.underlyings:
            core, own = _core(p, nodes, some, underlying)
            kept[part] += p.maintenance_factor * core
            value = value + own
        equity[part] = equity_path(some, counted_balances(some, p.haircuts), value)
    return equity, kept


def _core(p: DsaParameters, nodes: Nodes, steps: Steps, underlying: str) -> tuple[F64, F64]:
    """`[K]` the core of one underlying and the value of its options and coins, USD."""
    plan, rows = steps.book.plan, steps.rows(underlying)
    quantity, size = steps.book.quantity[rows], len(steps)
    options, others = rows[plan.option[rows]], rows[~plan.option[rows]]
    worth, value = np.full((rows.size, size), np.inf), np.zeros(size)
    if options.size:
        own = steps.book.quantity[options][:, None] * steps.option_values(options, NOW)[:, :, 0]
        own *= plan.multiplier[options][:, None] * steps.settle[options]
        value = value + own.sum(axis=0)
        bought = quantity[plan.option[rows]] > 0
        if p.min_delta.cap_long_options:
            worth[np.flatnonzero(plan.option[rows])[bought]] = own[bought]
    for i in others.tolist():
        if plan.contracts[i].kind == "spot":
            value = value + steps.book.quantity[i] * steps.settle[i]
    delta, index = quantity[:, None] * steps.deltas(rows), steps.index[rows[0]]
    floor = np.maximum(
        delta_charge(delta, worth, index, p.delta_rate, 0.0),
        delta_charge(delta, worth, index, p.min_delta.net, p.min_delta.hedged),
    )
    return np.maximum(_box(p, nodes, steps, options, others, floor), floor), value


def _box(p: DsaParameters, nodes: Nodes, steps: Steps, options: I64, others: I64, floor: F64) -> F64:
    """`[K]` worst loss over the box: by expansion, or by revaluation where the expansion may lie by too much."""
    size, q = len(steps), steps.book.quantity
    quadratic, between, bulk = np.zeros((size, 5)), np.zeros(size), np.zeros(size)
    if options.size:
        tiles = steps.tiled(options, np.arange(size))
        side = np.tile(q[options], size)
        held = np.ones(len(tiles), dtype=bool)
        per = (side[:, None] * unit_expansion(tiles, held, side, nodes.box.vol_rule)).reshape(size, options.size, 5)
        quadratic += per.sum(axis=1)
        coarse, large = whole_box(tiles, (nodes.spot, nodes.vol), nodes.box.vol_rule)
        between += coarse.reshape(size, options.size) @ np.abs(q[options])
        bulk += large.reshape(size, options.size) @ np.abs(q[options])
    straight, curves = np.zeros((size, nodes.spot.size)), np.zeros((size, nodes.spot.size - 1))
    for i in others.tolist():
        found = _linear(nodes, steps, i)
        straight += q[i] * found.gain
        quadratic[:, 0] += q[i] * found.first
        quadratic[:, 1] += q[i] * found.second
        curves += abs(q[i]) * found.between
        bulk += abs(q[i]) * found.bulk
    between += curves.max(axis=1)
    expansion = worst_quadratic(nodes.box, quadratic.T)
    seen, worst = _at_nodes(nodes, steps, options, straight, quadratic)
    rounding = ROUNDING * bulk
    tolerance = p.tolerance * np.maximum(expansion, floor) + 2.0 * rounding
    h, k = np.diff(nodes.spot).max(), np.diff(nodes.vol).max()
    bends = (h**2 * np.abs(quadratic[:, GAMMA]) + k**2 * np.abs(quadratic[:, VOLGA])) / 8.0
    low, high = seen + rounding, seen + rounding + between + bends
    full = (low > tolerance) & (expansion + low > floor)
    doubt = np.flatnonzero(~full & (high > tolerance) & (expansion + high > floor))
    for first in range(0, doubt.size, BLOCK):
        at = doubt[first : first + BLOCK]
        bound = _bound(nodes, steps, options, at, straight, quadratic, curves) + rounding[at]
        full[at] = (bound > tolerance[at]) & (expansion[at] + bound > floor[at])
    result: F64 = np.where(full, worst, expansion)
    return result


def _at_nodes(nodes: Nodes, steps: Steps, options: I64, straight: F64, quadratic: F64) -> tuple[F64, F64]:
    """`[K]` largest error of the expansion and largest loss at a node; `straight[K, M]` is what has no volatility."""
    seen, worst = np.zeros(len(steps)), np.zeros(len(steps))
    certain = _certain(nodes, steps, options)
    plain = np.flatnonzero(certain)
    if plain.size:
        # without time value one row of nodes is like the other
        gain, x = straight[plain] + _intrinsic(nodes, steps.block(plain), options), nodes.spot
        worst[plain] = -gain.min(axis=1)
        seen[plain] = np.abs(gain - quadratic[plain, :1] * x - quadratic[plain, 1:2] * (x * x / 2.0)).max(axis=1)
    rest = np.flatnonzero(~certain)
    for first in range(0, rest.size, BLOCK):
        part = rest[first : first + BLOCK]
        gain = _gain(nodes, steps.block(part), options, straight[part])
        worst[part] = -gain.min(axis=1)
        gain -= quadratic[part] @ nodes.powers
        seen[part] = np.maximum(gain.max(axis=1), -gain.min(axis=1))
    return seen, np.maximum(0.0, worst)


def _certain(nodes: Nodes, steps: Steps, options: I64) -> npt.NDArray[np.bool_]:
    """`[K]` whether every option is so far from its strike, all over the box, that its time value is below 1e-17 of
    forward or strike: further than `CERTAIN` deviations, and `N(-8.5) = 1e-17`."""
    plan, g = steps.book.plan, steps.book.plan.group[options]
    root = np.sqrt(years_of(plan.seconds[g]))
    lift = np.maximum(0.0, 1.0 + nodes.vol[-1] * nodes.box.vol_rule.scale(plan.seconds[g]))
    total = (plan.vol[options] * root * lift)[:, None] * steps.states.vol[None, :]
    moving, fixed = steps.variable[g], plan.fixed[g][:, None]
    with np.errstate(divide="ignore"):
        strike = np.log(plan.strike[options])[:, None]
        low = np.log(moving * (1.0 + nodes.spot[0]) + fixed) - strike
        high = np.log(moving * (1.0 + nodes.spot[-1]) + fixed) - strike
    near = np.maximum(0.0, np.maximum(low, -high))
    found: npt.NDArray[np.bool_] = (near > total * (CERTAIN + total / 2.0)).all(axis=0)
    return found


def _intrinsic(nodes: Nodes, steps: Steps, options: I64) -> F64:
    """`[K, M]` gain in USD of options without time value."""
    plan, total = steps.book.plan, np.zeros((len(steps), nodes.spot.size))
    for i in options.tolist():
        e = int(plan.group[i])
        forward = steps.variable[e][:, None] * (1.0 + nodes.spot)[None, :] + plan.fixed[e]
        value = np.maximum(0.0, (forward - plan.strike[i]) * (1.0 if plan.call[i] else -1.0))
        if plan.style[i] == INVERSE:
            value = np.divide(value, forward, out=np.zeros_like(value), where=forward > 0)
        size = steps.book.quantity[i] * plan.multiplier[i] * steps.settle[i][:, None]
        total += value * size * ((1.0 + nodes.spot)[None, :] if plan.settle_moves[i] else 1.0)
    here = nodes.spot.size // 2
    total -= total[:, here : here + 1].copy()
    return total


def _gain(nodes: Nodes, steps: Steps, options: I64, straight: F64) -> F64:
    """`[K, V M]` gain of one underlying at the nodes, USD."""
    gain = _options_gain(nodes, steps, options)
    shaped = gain.reshape(len(steps), nodes.vol.size, nodes.spot.size)
    shaped += straight[:, None, :]
    return gain


def _options_gain(nodes: Nodes, steps: Steps, options: I64) -> F64:
    """`[K, V M]` gain of all options of one underlying at the nodes, USD."""
    plan, columns = steps.book.plan, nodes.columns
    shape = (len(steps), nodes.vol.size, nodes.spot.size)
    total = np.zeros((len(steps), len(columns)))
    currencies = [plan.contracts[i].currency for i in options.tolist()]
    for currency in sorted(set(currencies)):
        some = options[np.array([c == currency for c in currencies], dtype=bool)]
        used, local = np.unique(plan.group[some], return_inverse=True)
        root = np.sqrt(years_of(plan.seconds[used]))
        forward, scale = np.empty((used.size, *shape)), np.empty((used.size, *shape))
        forward[:] = (
            steps.variable[used][:, :, None] * (1.0 + nodes.spot)[None, None, :] + plan.fixed[used][:, None, None]
        )[:, :, None, :]
        lift = np.maximum(0.0, 1.0 + nodes.vol[None, :] * nodes.box.vol_rule.scale(plan.seconds[used])[:, None])
        scale[:] = (steps.states.vol[None, :, None] * lift[:, None, :])[:, :, :, None]
        whole = lognormal_book(
            local.astype(np.int64),
            plan.strike[some],
            plan.vol[some] * root[local],
            plan.call[some],
            steps.book.quantity[some] * plan.multiplier[some],
            forward.reshape(used.size, -1),
            scale.reshape(used.size, -1),
            None,
            np.ones(used.size),
            per_forward=plan.style[some] == INVERSE,
        ).reshape(len(steps), -1)
        whole *= steps.settle[some[0]][:, None]
        if plan.settle_moves[some[0]]:
            whole *= columns.spot[None, :]
        total += whole
    # no move is a node itself: as many cells lie on one side of it as on the other
    here = len(columns) // 2
    total -= total[:, here : here + 1].copy()
    return total


@dataclass(frozen=True, eq=False)
class Linear:
    """One future, perpetual or coin: `gain[K, M]`, its first and second derivative and its size `[K]`, and by how much
    it may leave the chords between the nodes `[K, M - 1]`; USD."""

    gain: F64
    first: F64
    second: F64
    between: F64
    bulk: F64


def _linear(nodes: Nodes, steps: Steps, i: int) -> Linear:
    """As `expansion.unit_expansion` and `remainder.unit_errors` have it for one state."""
    plan, settle = steps.book.plan, steps.settle[i]
    follows = float(plan.settle_moves[i])
    gain = steps.linear_gains(i, Scenarios.build(1.0 + nodes.spot))
    none = np.zeros((len(steps), nodes.spot.size - 1))
    if plan.contracts[i].kind == "spot":
        return Linear(gain, settle * follows, 0.0 * settle, none, settle)
    share, m, price = steps.share[i], float(plan.multiplier[i]), steps.price[i]
    cells = np.diff(nodes.spot)[None, :] ** 2 / 8.0
    if plan.style[i] == INVERSE:
        base = m / price * settle
        u = 1.0 + share[:, None] * nodes.spot[None, :-1]
        bend = base * 2.0 * share * ((1.0 - share) if follows else share)
        return Linear(gain, base * share, 2.0 * base * share * (follows - share), cells * (bend[:, None] / u**3), base)
    base = m * price * settle
    second = 2.0 * base * share * follows
    return Linear(gain, base * share, second, none + cells * second[:, None], base)


def _bound(nodes: Nodes, steps: Steps, options: I64, at: I64, straight: F64, quadratic: F64, curves: F64) -> F64:
    """The certified bound of `remainder.Remainder`, but for its rounding, in the states `at`."""
    axes, rule = (nodes.spot, nodes.vol), nodes.box.vol_rule
    shape = (at.size, nodes.vol.size, nodes.spot.size)
    h, k = np.diff(nodes.spot)[None, None, :], np.diff(nodes.vol)[None, :, None]
    g, o = (np.abs(quadratic[at, n])[:, None, None] for n in (GAMMA, VOLGA))
    error = np.abs(_gain(nodes, steps.block(at), options, straight[at]) - quadratic[at] @ nodes.powers)
    whole = corners(error.reshape(shape)) + h**2 / 8.0 * g + k**2 / 8.0 * o + curves[at][:, None, :]
    if options.size:
        tiles = steps.tiled(options, at)
        side = np.tile(steps.book.quantity[options], at.size)
        unit = plan_pnl(tiles, nodes.columns, "usd", side).reshape(-1, *shape[1:])
        errors, _ = unit_errors(tiles, unit, axes, rule, np.ones(len(tiles), dtype=bool))
        weighted = np.abs(side)[:, None, None] * errors
        whole += weighted.reshape(at.size, options.size, *weighted.shape[1:]).sum(axis=1)
    result: F64 = whole.reshape(at.size, -1).max(axis=1)
    return result
