"""PRBM with its add-ons along a path, all states at once: what `plimsoll.margin.house.whole` gives one by one.

Order books describe the price of now, so the path has none (see `plimsoll.margin.path.moved`): closing costs what the
square-root law says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.margin.account import Account
from plimsoll.margin.addons.haircuts import HaircutRule, haircut
from plimsoll.margin.addons.liquidity import LiquidityRule
from plimsoll.margin.addons.offsets import Correlation, pair_name, pairings
from plimsoll.margin.house.prbm_along import CorePath, core_paths
from plimsoll.margin.house.steps import Steps
from plimsoll.margin.house.whole_parameters import WholeParameters
from plimsoll.margin.period import closing_hours, stretch

F64 = npt.NDArray[np.float64]


def whole_path(p: WholeParameters, steps: Steps, account: Account, inside: frozenset[str]) -> tuple[F64, F64]:
    """`[K]` equity and maintenance margin of `account`, whose book in `steps` holds its coins among its positions.

    `inside` names those positions.
    """
    equity, kept = np.zeros(len(steps)), np.zeros(len(steps))
    for part, some in steps.blocks():
        equity[part], kept[part] = _block(p, some, account, inside)
    return equity, kept


def _block(p: WholeParameters, steps: Steps, account: Account, inside: frozenset[str]) -> tuple[F64, F64]:
    nothing = np.zeros(len(steps))
    cores = core_paths(p, steps)
    needed = sum((c.core + c.basis for c in cores), nothing) - _relief(p, cores, len(steps))
    for core in cores:
        needed = needed + _closing(p.liquidity, steps, core, inside)
    values = steps.dollars(account.collateral)
    rule = p.collateral
    kept = needed + _depeg(rule.assets, values, needed)
    held = sum(steps.dollars(steps.book.account.collateral).values(), nothing)
    equity = held + sum((c.value for c in cores), nothing) + steps.money()
    if not rule.initial_only:
        equity = equity - sum((v - counted_path(rule.assets[a], v, rule.quantile) for a, v in values.items()), nothing)
    return equity, p.maintenance_factor * kept


def counted_path(rule: HaircutRule, value: F64, quantile: float) -> F64:
    """`[K]` USD that `value[K]` counts for: `plimsoll.margin.addons.haircuts.counted` for many."""
    still = 1.0 - haircut(rule, 0.0, quantile)
    slope = rule.impact * rule.daily_vol / math.sqrt(rule.volume)
    root = still / (1.5 * slope) if slope > 0 else math.inf
    top = root * root  # infinite where a power would refuse
    most = min(top, np.inf if rule.cap is None else rule.cap)
    used = np.where(value < 0, -value, np.minimum(value, most))
    less = np.minimum(1.0, (1.0 - still) + slope * np.sqrt(used))
    if still == 0.0:
        # the haircut of nothing is whole already
        less = np.ones(value.size)
    result: F64 = np.where(value < 0, value * (1.0 + less), used * (1.0 - less))
    return result


def _depeg(assets: dict[str, HaircutRule], values: dict[str, F64], needed: F64) -> F64:
    """`[K]` fall of the dollar coins that `needed` rests on."""
    owned = {a: np.maximum(v, 0.0) for a, v in values.items() if assets[a].depeg > 0.0}
    total = sum(owned.values(), np.zeros(needed.size))
    falls = sum((v * assets[a].depeg for a, v in owned.items()), np.zeros(needed.size))
    part = np.minimum(1.0, np.divide(needed, total, out=np.zeros(needed.size), where=total > 0.0))
    result: F64 = part * falls
    return result


def _closing(rule: LiquidityRule, steps: Steps, core: CorePath, inside: frozenset[str]) -> F64:
    """`[K]` cost of closing one underlying, and what a longer margin period adds to its core."""
    market = rule.markets.get(core.underlying)
    if market is None:
        return np.zeros(len(steps))
    plan, rows = steps.book.plan, steps.rows(core.underlying)
    mid = steps.index[rows[0]]
    rows = np.array([i for i in rows.tolist() if plan.contracts[i].name not in inside], dtype=np.int64)
    delta = steps.book.quantity[rows][:, None] * steps.deltas(rows) if rows.size else np.zeros((0, len(steps)))
    sides = (np.maximum(delta, 0.0).sum(axis=0), np.maximum(-delta, 0.0).sum(axis=0))
    volume, law = market.volume / mid, rule.impact * market.daily_vol * mid
    free = rule.free * volume
    cost = sum(law * (s**1.5 - np.minimum(s, free) ** 1.5) / volume**0.5 for s in sides)
    closing = closing_hours(sides[0] + sides[1], volume, rule.participation)
    result: F64 = cost + np.maximum(0.0, core.core) * (stretch(rule.margin_period, closing) - 1.0)
    return result


def _relief(p: WholeParameters, cores: Sequence[CorePath], size: int) -> F64:
    """`[K]` what pairs of underlyings take off, as `PrbmWhole` gives it: those whose scan binds, best paired."""
    pairs = [(u, v) for u in range(len(cores)) for v in range(u + 1, len(cores))]
    rows = {(u, v): p.offsets.get(pair_name(cores[u].underlying, cores[v].underlying)) for u, v in pairs}
    pairs = [x for x in pairs if rows[x] is not None]
    if not pairs:
        return np.zeros(size)
    free = [c.scan >= c.floor for c in cores]
    least = [c.weighted.min(axis=1) for c in cores]
    room = [c.scan - np.maximum(c.floor, 0.0) for c in cores]
    gain, change = np.zeros((len(pairs), size)), np.zeros((len(pairs), size))
    for j, (u, v) in enumerate(pairs):
        together = np.maximum(0.0, -(cores[u].weighted + cores[v].weighted).min(axis=1))
        relief = cores[u].scan + cores[v].scan - _dearest(rows[u, v], cores[u].scan + cores[v].scan, together)
        gain[j] = np.where(free[u] & free[v], np.maximum(relief, 0.0), 0.0)
        change[j] = -together - (least[u] + least[v])
    weight = _weights(pairs, gain) if len(cores) <= 3 else _programs(p, cores, pairs, free)
    total = np.zeros(size)
    for j, (u, v) in enumerate(pairs):
        taken = np.minimum(weight[j] * gain[j], weight[j] * (room[u] + room[v]))
        total = total + np.where((change[j] > 0.0) & (taken > 0.0), taken, 0.0)
    return total


def _dearest(row: Correlation | None, apart: F64, together: F64) -> F64:
    """`[K]` the larger margin of a pair under both correlations."""
    assert row is not None
    shares = [max(rho, 0.0) for rho in (row.low, row.high)]
    return np.maximum(*(s * together + (1.0 - s) * apart for s in shares))


def _weights(pairs: Sequence[tuple[int, int]], gain: F64) -> F64:
    """`[pairs, K]` the best weights of at most three underlyings: a corner of the program is one pair, or a half of
    each of three."""
    best = np.zeros_like(gain)
    at = np.arange(gain.shape[1])
    first = np.argmax(gain, axis=0)
    best[first, at] = 1.0
    if len(pairs) == 3:
        halves = gain.sum(axis=0) / 2.0 > gain[first, at]
        best[:, halves] = 0.5
    return np.where(gain > 0.0, best, 0.0)


def _programs(
    p: WholeParameters,
    cores: Sequence[CorePath],
    pairs: Sequence[tuple[int, int]],
    free: Sequence[npt.NDArray[np.bool_]],
) -> F64:
    """`[pairs, K]` weights by one linear program for each state."""
    place = {pair: j for j, pair in enumerate(pairs)}
    size = free[0].size
    found = np.zeros((len(pairs), size))
    for k in range(size):
        mine = [u for u in range(len(cores)) if free[u][k]]
        if len(mine) < 2:
            continue
        weighted = np.array([cores[u].weighted[k] for u in mine])
        for pair in pairings([cores[u].underlying for u in mine], weighted, p.offsets):
            found[place[mine[pair.first], mine[pair.second]], k] = pair.weight
    return found
