"""The numpy twin of rows of whole counts under a charge in steps: the same integers and the same bits."""

from __future__ import annotations

import numpy as np

from plimsoll.kernels.checks import FloatArray, IntArray
from plimsoll.kernels.steps import charged


def step_rows(
    indptr: IntArray,
    indices: IntArray,
    count: IntArray,
    base: IntArray,
    price: IntArray,
    size: IntArray,
    ends: FloatArray,
    rates: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """``value`` and ``charge`` of each row; indices and magnitudes were checked."""
    indices = indices.copy()
    rows = indptr.size - 1
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(count * price[indices])])
    value = base + (sums[indptr[1:]] - sums[indptr[:-1]])
    notional = np.abs((count * size[indices]).astype(np.float64))
    part = charged(notional, ends[indices], rates[indices])
    owner = np.repeat(np.arange(rows), np.diff(indptr))
    # bincount adds in stored order, as the compiled loop does
    charge = np.bincount(owner, weights=part, minlength=rows)
    return value, charge.astype(np.float64)
