"""Worst weighted scenario of many rows of lots, in tiles that bound the memory."""

from __future__ import annotations

import numpy as np

from plimsoll.kernels import aggregate_accounts, worst
from plimsoll.margin.many.positions import F64, I64

_CELLS = 1 << 20


def worst_loss(indptr: I64, indices: I64, quantity: F64, pnl: F64, weights: F64 | None = None) -> F64:
    """`[R]` largest weighted loss `max_s(-weights[s] * pnl[s])` of each row, at least zero.

    Row `r` holds `quantity[j]` of the contract `indices[j]` for `j` from `indptr[r]` to `indptr[r + 1]`; `pnl[N, S]`.
    """
    rows = indptr.size - 1
    found, height = np.zeros(rows), max(1, _CELLS // max(1, pnl.shape[1]))
    for top in range(0, rows, height):
        bottom = min(top + height, rows)
        low, high = int(indptr[top]), int(indptr[bottom])
        gain = aggregate_accounts(indptr[top : bottom + 1] - low, indices[low:high], quantity[low:high], pnl)
        found[top:bottom] = worst(gain, weights)[0]
    result: F64 = np.maximum(found, 0.0)
    return result
