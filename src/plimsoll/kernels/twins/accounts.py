"""Measures of sparse accounts, some accounts at a time so that their losses stay small; arguments were checked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plimsoll.kernels.accounts import Measures
from plimsoll.kernels.checks import FloatArray, IntArray
from plimsoll.kernels.twins.selection import equal_tail

#: Losses that are formed at a time, in bytes.
BLOCK_BYTES = 4 * 1024 * 1024


def losses(
    indptr: IntArray, indices: IntArray, quantity: FloatArray, pnl: FloatArray, like: Measures, block_bytes: int
) -> Iterator[tuple[slice, Measures]]:
    """Losses [some accounts, S] in the precision of ``like``, with the accounts that they are of."""
    from scipy.sparse import csr_array

    with np.errstate(over="ignore"):  # in a row that nobody holds
        q, m = np.negative(quantity).astype(like.dtype), pnl.astype(like.dtype)
    height = max(1, block_bytes // (m.itemsize * m.shape[1]))
    for top in range(0, like.size, height):
        rows = slice(top, min(top + height, like.size))
        starts = indptr[top : rows.stop + 1]
        held = slice(starts[0], starts[-1])
        matrix = csr_array((q[held], indices[held], starts - starts[0]), shape=(rows.stop - top, m.shape[0]))
        with np.errstate(under="ignore"):
            yield rows, matrix @ m


def worst(
    indptr: IntArray,
    indices: IntArray,
    quantity: FloatArray,
    pnl: FloatArray,
    weights: FloatArray | None,
    loss: Measures,
    scenario: IntArray,
    block_bytes: int = BLOCK_BYTES,
) -> None:
    """Fill ``loss`` and ``scenario`` [A]."""
    for rows, lost in losses(indptr, indices, quantity, pnl, loss, block_bytes):
        weighted = lost if weights is None else lost * weights.astype(loss.dtype)
        at = weighted.argmax(axis=1)
        scenario[rows] = at
        loss[rows] = np.take_along_axis(weighted, at[:, None], axis=1)[:, 0] + 0.0  # never -0.0


def tails(
    indptr: IntArray,
    indices: IntArray,
    quantity: FloatArray,
    pnl: FloatArray,
    level: float,
    quantile: Measures,
    shortfall: Measures,
    block_bytes: int = BLOCK_BYTES,
) -> None:
    """Fill ``quantile`` and ``shortfall`` [A]."""
    for rows, lost in losses(indptr, indices, quantity, pnl, quantile, block_bytes):
        quantile[rows], shortfall[rows] = equal_tail(np.asarray(lost), level)
