"""The tail of equal masses by partition and sort."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.selection import FloatArray, places, shares


def equal_tail(losses: npt.NDArray[np.floating[Any]], level: float) -> tuple[FloatArray, FloatArray]:
    """Value at risk and expected shortfall [...] of losses [..., S], compared in their precision."""
    size = losses.shape[-1]
    before = places(size, level)
    split = size - before.size
    falling = np.sort(np.partition(losses, split, axis=-1)[..., split:], axis=-1)[..., ::-1]
    quantile = falling[..., -1:]
    # Only excesses over the quantile are averaged: none is negative, so no rounding takes the result below it.
    excess = np.maximum(falling - quantile, 0.0)
    tail = (shares(before, np.full(before.shape, 1.0 / size), level) * excess).sum(axis=-1)
    return np.asarray(quantile[..., 0], dtype=np.float64), np.asarray(quantile[..., 0] + tail, dtype=np.float64)
