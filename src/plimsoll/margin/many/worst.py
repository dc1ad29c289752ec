"""Worst weighted scenario of many rows of lots."""

from __future__ import annotations

import numpy as np

from plimsoll.kernels import account_worst
from plimsoll.margin.many.positions import F64, I64


def worst_loss(indptr: I64, indices: I64, quantity: F64, pnl: F64, weights: F64 | None = None) -> F64:
    """`[R]` largest weighted loss `max_s(-weights[s] * pnl[s])` of each row, at least zero.

    Row `r` holds `quantity[j]` of the contract `indices[j]` for `j` from `indptr[r]` to `indptr[r + 1]`; `pnl[N, S]`.
    """
    loss, _ = account_worst(indptr, indices, quantity, pnl, weights)
    result: F64 = np.maximum(loss, 0.0)
    return result
