"""Portfolio margin before 2024 along a path, all states at once: what one requirement after the other would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.moving import Moving
from plimsoll.margin.venues.deribit.contingency_parameters import (
    ContingencyParameters,
    FuturesContingency,
    OptionsContingency,
)
from plimsoll.margin.venues.deribit.grid import DAY_READINGS, FLOOR_READINGS, grid_of
from plimsoll.margin.venues.deribit.pm_along import Walk, shocked, walks
from plimsoll.margin.venues.deribit.vectors import holdings

F64 = npt.NDArray[np.float64]


def contingency_follow(p: ContingencyParameters, moving: Moving, balance: float) -> tuple[F64, F64]:
    """Equity and maintenance margin in each state, under the reading that charges most there."""
    values = moving.values()
    worst, added = [np.zeros(len(moving.states)) for _ in DAY_READINGS], np.zeros(len(moving.states))
    for walk in walks(holdings(moving.book), moving, values):
        for total, amount in zip(worst, _worst(p, walk), strict=True):
            total += amount
        added += _futures(walk, p.futures) + _options(walk, p.options)
    return balance + moving.worth(values), np.maximum.reduce(worst) + added


def _worst(p: ContingencyParameters, walk: Walk) -> list[F64]:
    """`[K]` the worst cell under each reading of the days to expiry."""
    terms, floor = p.underlyings[walk.held.underlying], FLOOR_READINGS[0]
    grid = grid_of(terms.price_range, p.buckets_count)
    if not walk.held.option.any():
        return [np.maximum(-walk.sums(grid, None, None).min(axis=1), 0.0)] * len(DAY_READINGS)
    tables = shocked(walk, grid, terms, 0.0, [(floor, days) for days in DAY_READINGS])
    losses: dict[int, F64] = {}
    for then in tables.values():
        if id(then) not in losses:
            losses[id(then)] = np.maximum(-walk.sums(grid, then, None).min(axis=1), 0.0)
    return [losses[id(tables[floor, days])] for days in DAY_READINGS]


def _unit(walk: Walk) -> F64:
    return np.ones_like(walk.index) if walk.held.inverse else walk.index


def _futures(walk: Walk, p: FuturesContingency) -> F64:
    """`[K]` the charge of `contingencies.futures_contingency`."""
    h = walk.held
    coins = h.multiplier[:, None] / walk.price if h.inverse else h.multiplier[:, None]
    held = np.where((walk.share > 0.0) & ~h.option[:, None], h.quantity[:, None] * coins, 0.0)
    size = np.abs(held).sum(axis=0)
    if p.of != "all":
        size = 0.5 * (size - np.abs(held.sum(axis=0)))
    charge: F64 = p.rate * size * _unit(walk)
    return charge


def _options(walk: Walk, p: OptionsContingency) -> F64:
    """`[K]` the charge of `contingencies.options_contingency`, expiry by expiry."""
    h, total = walk.held, np.zeros(walk.index.size)
    coins = p.coin_per_option * h.quantity * h.multiplier
    for expiry in np.unique(h.group[h.option]):
        rows = np.flatnonzero(h.option & (h.group == expiry))
        strikes, place = np.unique(h.strike[rows], return_inverse=True)
        held = np.zeros((strikes.size, walk.index.size))
        np.add.at(held, place.reshape(-1), np.where(walk.share[rows] > 0.0, coins[rows][:, None], 0.0))
        distance = strikes[:, None] - walk.index
        if p.near_range > 0.0:
            held *= np.minimum(np.abs(distance) / (p.near_range * walk.index), 1.0)
        for above, step in ((True, 1), (False, -1)):
            # strikes of the other side hold nothing on this walk
            position = np.where((distance > 0.0) == above, held, 0.0)[::step]
            if p.rolled:
                total += np.maximum(-np.cumsum(position, axis=0).min(axis=0), 0.0)
            else:
                total += np.maximum(-position, 0.0).sum(axis=0)
    return total * _unit(walk)
