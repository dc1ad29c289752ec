"""The tail of many overlapping windows of one series: exact, with few of the moves looked at.

A quantile of `n` moves needs the worst `k` of them. Consecutive windows share nearly all of their moves, and the
volatility that scales them changes little, so windows are taken in blocks: each move has bounds of its scaled value
over the block, and one that cannot be among the worst `k` of any of its windows is left out. What is left is scaled and
ordered as if it were everything. The bounds hold in floating point too, since quotients, clips and products rise with
their arguments; so the quantile is that of the whole window to the last bit, and a shortfall up to the order of a sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.selection import MASS_TOLERANCE, tail_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measure:
    """What is asked of the moves of a window: value at risk or expected shortfall at `level`, of the worse side.

    A long position loses `1 - exp(move)`, a short one `exp(move) - 1`. Moves are scaled by at most `cap` and at least
    `1 / cap`.
    """

    kind: Literal["var", "es"]
    level: float
    cap: float = 1.0

    def places(self, sizes: I64) -> I64:
        """How many of the worst of each of `sizes[T]` equal masses the tail takes, the last perhaps in part."""
        allowed = (1.0 - self.level) + MASS_TOLERANCE
        k = np.floor(sizes * allowed).astype(np.int64) + 1
        # the product may round across a whole number; the quotient decides, as in the kernels
        k -= (k - 1) / sizes > allowed
        k += (k < sizes) & (k / sizes <= allowed)
        return np.asarray(np.minimum(k, sizes), dtype=np.int64)


def window_tails(
    measure: Measure, moves: F64, first: I64, last: I64, sigma: F64 | None = None, level: F64 | None = None
) -> F64:
    """`[T]` the measure of `moves[first[t]:last[t]]`, fractions of the notional, at least zero.

    `moves[N]` are log moves, NaN where one is missing, which does not count; `first[T]` and `last[T]` never fall. With
    `sigma[N]` and `level[T]` each move counts as `move * clip(level[t] / sigma, 1 / cap, cap)`; one whose sigma is NaN
    does not count. Raises ValueError where a window has no move, or a level is NaN.
    """
    if level is not None and np.isnan(level).any():
        raise ValueError(f"level[{int(np.argmax(np.isnan(level)))}]: got nan, must be a volatility")
    there = ~np.isnan(moves) if sigma is None else ~(np.isnan(moves) | np.isnan(sigma))
    place = np.flatnonzero(there)
    low, high = np.searchsorted(place, first), np.searchsorted(place, last)
    count = high - low
    if (count <= 0).any():
        at = int(np.argmax(count <= 0))
        raise ValueError(f"moves[{int(first[at])}:{int(last[at])}]: got no move, must have one at least")
    block = int(np.clip(int(np.median(count)) // 32, 16, 128)) if count.size else 1
    kept, by = moves[place], None if sigma is None else sigma[place]
    places = measure.places(count)
    found = np.zeros(first.size)
    for begin in range(0, first.size, block):
        rows = slice(begin, begin + block)
        scale = None if by is None or level is None else _Scale(by, level[rows], measure.cap)
        found[rows] = _block(measure, kept, low[rows], high[rows], places[rows], scale)
    return found


@dataclass(frozen=True)
class _Scale:
    """The factors of a block: `sigma[N]` of every move, `level[B]` of its windows."""

    sigma: F64
    level: F64
    cap: float

    def bounds(self, moves: F64, part: slice) -> tuple[F64, F64]:
        """The lowest and the highest value that each move of the part has in a window of the block."""
        one = moves * self._clip(float(self.level.min()) / self.sigma[part])
        two = moves * self._clip(float(self.level.max()) / self.sigma[part])
        return np.minimum(one, two), np.maximum(one, two)

    def of(self, moves: F64, at: I64) -> F64:
        """`[B, C]` the moves at `at[C]` as each window has them."""
        factor = self._clip(self.level[:, None] / self.sigma[at])
        return np.asarray(moves[at] * factor)

    def _clip(self, factor: F64) -> F64:
        return np.asarray(np.minimum(np.maximum(factor, 1.0 / self.cap), self.cap))


def _block(measure: Measure, moves: F64, low: I64, high: I64, places: I64, scale: _Scale | None) -> F64:
    """The measure of the windows `low[B]:high[B]`, the worse of both sides."""
    begin, end = int(low[0]), int(high[-1])
    inner, outer = int(low[-1]), int(high[0])  # the moves that every window of the block has
    part = slice(begin, end)
    lowest, highest = (moves[part], moves[part]) if scale is None else scale.bounds(moves[part], part)
    most = int(places.max())
    worst = np.zeros(low.size)
    for sign, best, least in ((-1.0, lowest, highest), (1.0, -highest, -lowest)):
        # of a long position the lowest moves lose, of a short one those whose negative is lowest
        at = np.arange(begin, end)
        if outer - inner >= most:
            core = least[inner - begin : outer - begin]
            border = np.partition(core, most - 1)[most - 1]
            at = at[(best <= border) | (at < inner) | (at >= outer)]
        values = np.broadcast_to(moves[at], (low.size, at.size)) if scale is None else scale.of(moves, at)
        outside = (at < low[:, None]) | (at >= high[:, None])
        losses = np.where(outside, -np.inf, sign * np.expm1(values))
        np.maximum(worst, _measured(measure, losses, high - low, places), out=worst)
    return worst + 0.0


def _measured(measure: Measure, losses: F64, sizes: I64, places: I64) -> F64:
    """`[B]` of `losses[B, C]`, whose worst `places[B]` are those of windows with `sizes[B]` moves."""
    width = losses.shape[1]
    ordered = np.partition(losses, np.unique(width - places), axis=1)
    quantile = ordered[np.arange(places.size), width - places]
    if measure.kind == "var":
        return np.asarray(quantile)
    found = np.empty(places.size)
    for row, (size, k) in enumerate(zip(sizes.tolist(), places.tolist(), strict=True)):
        excess = np.maximum(ordered[row, width - k :] - quantile[row], 0.0)
        found[row] = quantile[row] + tail_of(size, measure.level).share * excess.sum()
    return found
