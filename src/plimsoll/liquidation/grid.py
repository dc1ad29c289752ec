"""Points of a path at which an account is looked at: even ones, both sides of every kink, and more near the line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plimsoll.liquidation.probe import Probe
from plimsoll.margin import MarginModel
from plimsoll.margin.path import Track

F64 = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

NEAR = 2.0
"""Half of the grid lies between today's prices over and times this."""

BESIDE = 1e-13
"""How far on both sides of a kink the grid looks, relative."""

DOUBT = 2.0
"""An interval is halved while excess beside it is less than this many times the largest change around it."""

FINEST_NEAR, FINEST_FAR = 0.002, 0.02
"""Log width below which no interval is halved any more: between a half and the double of today's prices, and beyond."""

BLOCKS, LEAST_AT_ONCE = 40, 1_000
"""In how many blocks a grid is computed, and the least size of one where states together cost hardly more than one."""


def grid_of(low: float, high: float, points: int, kinks: F64) -> F64:
    """Multipliers, log-spaced, half of them near one, with one itself and both sides of every kink."""
    near = np.geomspace(max(low, 1.0 / NEAR), min(high, NEAR), points // 2)
    inside = kinks[(kinks > low) & (kinks < high)]
    beside = np.concatenate([inside * (1.0 - BESIDE), inside * (1.0 + BESIDE)])
    found = np.concatenate([np.geomspace(low, high, points - points // 2), near, [low, 1.0, high], beside])
    return np.unique(np.clip(found, low, high))


def explored(probe: Probe, grid: F64, progress: Progress | None = None) -> dict[str, tuple[F64, Track]]:
    """For each pool the part of the grid around one on which it has numbers, made finer in doubt, and its track there.

    In doubt is an interval whose ends lie on the same side of zero, nearer to it than twice the largest change over it
    and its two neighbours: a function that turns within it could come to zero. Halving goes on until the changes are
    small beside the excess, or the interval is 0.2 % wide (2 % beyond a half and a double of today's prices).
    """
    here = list(probe.tracks(np.ones(1)))
    m, tracks = grid, _computed(probe, grid, here, progress)
    while True:
        fresh = _doubtful(probe, m, tracks)
        if not fresh.size:
            break
        more = _computed(probe, fresh, here, progress)
        order = np.argsort(np.concatenate([m, fresh]), kind="stable")
        tracks = {s: _merged(tracks[s], more[s], order) for s in here}
        m = np.concatenate([m, fresh])[order]
    return {s: _known(m, tracks[s]) for s in here}


def _merged(one: Track, other: Track, order: npt.NDArray[np.intp]) -> Track:
    equity = np.concatenate([one.equity, other.equity])[order]
    return Track(one.subject, equity, np.concatenate([one.maintenance, other.maintenance])[order])


def _doubtful(probe: Probe, m: F64, tracks: dict[str, Track]) -> F64:
    """Middles of the intervals in which any pool might come to its line unseen."""
    log = np.log(m)
    width = np.diff(log)
    finest = np.where(np.minimum(np.abs(log[:-1]), np.abs(log[1:])) < np.log(NEAR), FINEST_NEAR, FINEST_FAR)
    doubt = np.zeros(width.size, dtype=bool)
    for track in tracks.values():
        excess, noise = probe.gap(track)
        f = np.where(np.abs(excess) <= noise, 0.0, excess)
        change = np.abs(np.diff(f))
        # a step over a kink says nothing about the slope beside it
        slope = np.where(width > 10 * BESIDE, change, 0.0)
        around = np.maximum(np.maximum(np.append(slope[1:], 0.0), np.append(0.0, slope[:-1])), slope)
        nearest = np.minimum(np.abs(f[:-1]), np.abs(f[1:]))
        same = (f[:-1] < 0) == (f[1:] < 0)
        doubt |= same & (nearest < DOUBT * around) & np.isfinite(around)
    at = np.flatnonzero(doubt & (width > finest))
    return np.sqrt(m[at] * m[at + 1])


def _computed(probe: Probe, grid: F64, subjects: list[str], progress: Progress | None) -> dict[str, Track]:
    """Tracks on a grid, in blocks so that somebody who waits sees how far it is."""
    at_once = type(probe.model).along is not MarginModel.along
    block = max(LEAST_AT_ONCE if at_once else 1, -(-grid.size // BLOCKS))
    parts = []
    for first in range(0, grid.size, block):
        if progress is not None:
            progress("equity and margin along the path", first, grid.size)
        points = grid[first : first + block]
        found = probe.tracks(points)
        nothing = np.full(points.size, np.nan)
        parts.append({s: found.get(s, Track(s, nothing, nothing)) for s in subjects})
    return {
        s: Track(s, np.concatenate([p[s].equity for p in parts]), np.concatenate([p[s].maintenance for p in parts]))
        for s in subjects
    }


def _known(m: F64, track: Track) -> tuple[F64, Track]:
    """The stretch around one without a gap."""
    gaps = np.flatnonzero(~(np.isfinite(track.equity) & np.isfinite(track.maintenance)))
    at = int(np.searchsorted(m, 1.0))
    first = int(max((g + 1 for g in gaps.tolist() if g < at), default=0))
    last = int(min((g for g in gaps.tolist() if g > at), default=m.size))
    return m[first:last], Track(track.subject, track.equity[first:last], track.maintenance[first:last])
