"""What rows of whole counts are worth, and a charge on each of their sizes that rises in steps.

Row a holds ``count[j]`` of column ``indices[j]`` for j from ``indptr[a]`` up to, not including, ``indptr[a + 1]``:

    value[a]  = base[a] + sum_j count[j] * price[indices[j]]                    whole numbers, exact
    charge[a] = sum_j sum_k (min(n_j, ends[i, k]) - min(n_j, ends[i, k - 1])) * rates[i, k]

with ``i = indices[j]``, ``n_j = |count[j] * size[i]|`` and ``ends[i, -1] = 0``. Sums are
formed in stored order without contraction, so that the compiled loop and the numpy twin give the same bits, whatever
the threads and the other rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import FloatArray, IntArray, contiguous, integers, numbers

MOST = 2**62
"""No sum of magnitudes of a row may be above it."""


def step_rows(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    count: npt.ArrayLike,
    base: npt.ArrayLike,
    price: npt.ArrayLike,
    size: npt.ArrayLike,
    ends: npt.ArrayLike,
    rates: npt.ArrayLike,
    *,
    threads: int | None = None,
) -> tuple[IntArray, FloatArray]:
    """``value`` as int64 [R] and ``charge`` as float64 [R]; the text of the module has the arguments.

    ``indptr`` [R + 1], ``indices`` and ``count`` [positions], ``base`` [R], ``price`` and ``size`` [N] are integers;
    ``ends`` [N, K] grow and may end in infinity, ``rates`` [N, K] are finite. ValueError names the argument at fault.

    >>> value, charge = step_rows([0, 2], [0, 1], [3, -2], [100], [10, 7], [10, 7], [[20.0, np.inf]] * 2,
    ...                           [[0.1, 0.5]] * 2)
    >>> value.tolist(), charge.tolist()
    ([116], [8.4])
    """
    starts, columns, held = integers("indptr", indptr), integers("indices", indices), integers("count", count)
    more, each, big = integers("base", base), integers("price", price), integers("size", size)
    stop, rate = numbers("ends", ends, 2), numbers("rates", rates, 2)
    if held.size != columns.size:
        raise ValueError(f"count: got {held.size} numbers, must be {columns.size} as in indices")
    if starts.size == 0 or starts[0] != 0 or starts[-1] != columns.size or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr: must rise from 0 to {columns.size}, the number of indices, and never fall")
    rows = starts.size - 1
    if more.size != rows:
        raise ValueError(f"base: got {more.size} numbers, must be {rows}, one for each row")
    if big.size != each.size:
        raise ValueError(f"size: got {big.size} numbers, must be {each.size} as in price")
    if stop.shape[0] != each.size or rate.shape != stop.shape:
        raise ValueError(f"rates: got shapes {stop.shape} and {rate.shape}, must both be [{each.size}, K]")
    before = np.concatenate([np.zeros((stop.shape[0], 1)), stop[:, :-1]], axis=1) if stop.shape[1] else stop
    # two equal infinities follow each other where a short table is padded
    if not (np.isfinite(rate).all() and (stop >= before).all() and (stop >= 0.0).all()):
        raise ValueError("ends, rates: must be ends that never fall, from zero up, and finite rates")
    extension = native()
    if extension is not None:
        value, charge = np.empty(rows, dtype=np.int64), np.empty(rows)
        count_of = thread_count(threads, columns.size * 4)
        if extension.step_rows(starts, columns, held, more, each, big, stop, rate, count_of, value, charge):
            return value, charge
        _refuse(starts, columns, held, more, each, big)
    from plimsoll.kernels.twins.steps import step_rows as twin

    _refuse(starts, columns, held, more, each, big, always=False)
    thread_count(threads, 0)
    return twin(starts, columns, held, more, each, big, stop, rate)


def charged(notional: FloatArray, ends: FloatArray, rates: FloatArray) -> FloatArray:
    """``charge`` of sizes ``notional`` [J], each by itself, under ``ends`` and ``rates`` [J, K] of its own.

    >>> charged(np.array([30.0]), np.array([[20.0, np.inf]]), np.array([[0.1, 0.5]])).tolist()
    [7.0]
    """
    part, start = np.zeros(notional.size), np.zeros(notional.size)
    for k in range(ends.shape[1]):
        with np.errstate(invalid="ignore"):
            step = (np.minimum(notional, ends[:, k]) - start) * rates[:, k]
        part += np.where(notional > start, step, 0.0)
        start = ends[:, k]
    return part


def _refuse(
    starts: IntArray,
    columns: IntArray,
    held: IntArray,
    more: IntArray,
    each: IntArray,
    big: IntArray,
    *,
    always: bool = True,
) -> None:
    """Raise ValueError for the number at fault; ``always`` where the kernel found one and only its name is wanted."""
    columns = contiguous(columns, np.int64).copy()  # numpy looks at an index once: nobody may write in between
    bad = (columns < 0) | (columns >= each.size)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"indices[{at}]: got {columns[at]}, must be from 0 to {each.size - 1}")
    magnitude = np.abs(held.astype(np.float64))
    worth = magnitude * np.abs(each.astype(np.float64))[columns]
    owner = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    gross = np.abs(more.astype(np.float64)) + np.bincount(owner, weights=worth, minlength=starts.size - 1)
    sizes = magnitude * np.abs(big.astype(np.float64))[columns]
    if always or not (gross <= MOST).all() or not (sizes <= MOST).all():
        raise ValueError(f"count * price: a row has a sum of magnitudes above {MOST}, or a size is")
