"""Quantile and shortfall of losses with equal probabilities: no more is put in order than the tail needs."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import contiguous

FloatArray = npt.NDArray[np.float64]

#: Probability mass below this is rounding of ``1 - level`` or of a cumulative sum and counts as none.
MASS_TOLERANCE = 1e-14

#: Highest level: a tail thinner than this could not be told from rounding.
MAX_LEVEL = 1.0 - 1e-9


class Tail(NamedTuple):
    """The worst ``1 - level`` of S equal masses: the k-th largest loss is the quantile; each excess counts ``share``.

    The k-th place itself, often an atom counted in part, has no excess.
    """

    k: int
    share: float


def checked_level(level: float) -> float:
    """``level`` itself, refused unless above 0 and at most `MAX_LEVEL`."""
    if not 0.0 < level <= MAX_LEVEL:
        raise ValueError(f"level: got {level}, must be above 0 and at most {MAX_LEVEL}")
    return float(level)


def check_finite(name: str, array: FloatArray) -> None:
    """ValueError with the first place that is not finite."""
    # one pass without a temporary decides the usual case; an overflowing sum only costs the full look
    with np.errstate(invalid="ignore", over="ignore"):
        total = array.sum()
    if np.isfinite(total):
        return
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}{list(where)}: got {array[where]}, must be finite")


def shares(before: FloatArray, mass: FloatArray, level: float) -> FloatArray:
    """Share of each place, by falling loss, in the worst ``1 - level`` of the mass; they add to 1."""
    left = (1.0 - level) - before
    taken = np.where(left > MASS_TOLERANCE, np.where(left > mass - MASS_TOLERANCE, mass, left), 0.0)
    return np.asarray(taken / taken.sum(axis=-1, keepdims=True), dtype=np.float64)


def places(size: int, level: float) -> FloatArray:
    """Mass before each place down to the quantile, which is the last with at most ``1 - level`` before it."""
    before = np.arange(size) / size
    return before[before <= (1.0 - level) + MASS_TOLERANCE]


@lru_cache(maxsize=64)
def tail_of(size: int, level: float) -> Tail:
    """What the tail of ``size`` equal masses takes; ``level`` is checked."""
    before = places(size, level)
    return Tail(before.size, float(shares(before, np.full(before.shape, 1.0 / size), level)[0]))


def equal_tail(losses: FloatArray, level: float, threads: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Value at risk and expected shortfall [...] of losses [..., S] with equal probabilities.

    ValueError names a loss that is not finite. The value at risk is one of the losses; the shortfall differs between
    the kinds of kernel by rounding only: ``(k / 8 + 10) * 2**-52`` of the largest magnitude, k losses in the tail.
    """
    size = losses.shape[-1]
    # sums of numpy follow the layout in memory
    rows = contiguous(losses, np.float64).reshape(-1, size)
    extension = native()
    if extension is None:
        from plimsoll.kernels.twins.selection import equal_tail as twin

        check_finite("losses", losses)
        quantile, shortfall = twin(rows, level)
    else:
        quantile, shortfall = np.empty((2, rows.shape[0]))
        count = thread_count(threads, rows.size)
        if not extension.vectors_tail(rows, *tail_of(size, level), count, quantile, shortfall):
            check_finite("losses", losses)
    return quantile.reshape(losses.shape[:-1]), shortfall.reshape(losses.shape[:-1])
