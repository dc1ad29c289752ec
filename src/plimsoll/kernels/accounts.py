"""Measures of A accounts with sparse positions over S scenarios; the A x S array of losses is never stored.

Account a holds ``quantity[j]`` of instrument ``indices[j]`` for j from ``indptr[a]`` up to, not including,
``indptr[a + 1]``, and loses in scenario s

    loss[a, s] = -sum_j quantity[j] * pnl[indices[j], s]

Arguments in common
-------------------
indptr : integers [A + 1], compressed rows: from 0, never falling, to the number of positions.
indices : integers [positions], each from 0 to N - 1. An instrument may appear twice in an account; an account may be
    empty and then loses 0 everywhere.
quantity : [positions], signed, in units of each instrument, finite.
pnl : [N, S], gain per unit, S at least 1, finite in the rows of the instruments that are held: no other row is read.
dtype : ``numpy.float64``, or ``numpy.float32`` for a first look at half the time.
threads : how many share the work; None lets its size decide.

Products are added in stored order. So the result of an account has the same bits whatever the threads, the other
accounts, and the number of scenarios beside a column. Compiled kernels and numpy twins differ by the rounding of the
products, by at most ``n * 2**-52 * G`` for an account of n positions with the gross sum ``G = sum_j |quantity[j]| *
max_s |pnl[indices[j], s]|``. With float32 every loss, quantile and largest loss (unweighted) is within
``(n + 3) * 2**-24 * G`` of the exact one, and every shortfall within ``(n + 24 + k / 8) * 2**-24 * G``, k the scenarios
in the tail, as long as no product falls below 1e-38: what is further from a limit than that needs no second look.

ValueError names the argument at fault, or the account whose gross sum leaves the range of the dtype: it must be at most
a quarter of the largest number, divided by the largest weight above 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import FloatArray, IntArray, holdings, reals
from plimsoll.kernels.selection import checked_level, tail_of

Measures = npt.NDArray[np.float64] | npt.NDArray[np.float32]

FLOAT64 = np.dtype(np.float64)


class Holdings(NamedTuple):
    """Arguments of one call: shapes and types are checked, numbers are not yet."""

    indptr: IntArray
    indices: IntArray
    quantity: FloatArray
    pnl: FloatArray

    @property
    def cells(self) -> int:
        """Products to be added."""
        return int(self.indices.size) * int(self.pnl.shape[1])


def account_worst(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    quantity: npt.ArrayLike,
    pnl: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    dtype: npt.DTypeLike = np.float64,
    threads: int | None = None,
) -> tuple[Measures, IntArray]:
    """Largest weighted loss ``max_s(weights[s] * loss[a, s])`` of each account, and the scenario where it occurs.

    ``weights`` is [S], at least 0, all 1 when absent; sums are formed before they are weighted. Returns [A] of the
    dtype and int64 [A]. The loss has no floor; of equal losses the lowest scenario binds. The text of the module has
    the arguments.

    >>> loss, scenario = account_worst([0, 2, 2], [0, 1], [2.0, -1.0], [[1.0, -3.0], [0.5, 4.0]])
    >>> loss.tolist(), scenario.tolist()
    ([10.0, 0.0], [1, 0])
    """
    held = Holdings(*holdings(indptr, indices, quantity, pnl))
    kind = _kind(dtype)
    accounts = held.indptr.size - 1
    w = None if weights is None else reals("weights", weights, held.pnl.shape[1:], "[S]")
    if w is not None:
        _check_fits("weights", w, kind)
    limit = _limit(kind) / (1.0 if w is None else max(1.0, float(w.max())))
    loss, scenario = np.empty(accounts, dtype=kind), np.empty(accounts, dtype=np.int64)
    count = thread_count(threads, held.cells)
    extension = native()
    if extension is None:
        from plimsoll.kernels.twins.accounts import worst as twin

        refuse(held, limit, kind)
        twin(*held, w, loss, scenario)
    elif not extension.account_worst(*held, w, limit, count, loss, scenario):
        refuse(held, limit, kind, always=True)
    return loss, scenario


def account_var(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    quantity: npt.ArrayLike,
    pnl: npt.ArrayLike,
    level: float,
    *,
    dtype: npt.DTypeLike = np.float64,
    threads: int | None = None,
) -> Measures:
    """Value at risk of each account, [A], as `plimsoll.kernels.value_at_risk` with equal probabilities.

    >>> account_var([0, 1, 1], [0], [2.0], [[1.0, -3.0, 0.0, 2.0]], 0.75).tolist()
    [0.0, 0.0]
    """
    return _tails(indptr, indices, quantity, pnl, level, dtype, threads)[0]


def account_es(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    quantity: npt.ArrayLike,
    pnl: npt.ArrayLike,
    level: float,
    *,
    dtype: npt.DTypeLike = np.float64,
    threads: int | None = None,
) -> Measures:
    """Expected shortfall of each account, [A], as `plimsoll.kernels.expected_shortfall` with equal probabilities.

    >>> account_es([0, 1, 1], [0], [2.0], [[1.0, -3.0, 0.0, 2.0]], 0.75).tolist()
    [6.0, 0.0]
    """
    return _tails(indptr, indices, quantity, pnl, level, dtype, threads)[1]


def _tails(
    indptr: npt.ArrayLike,
    indices: npt.ArrayLike,
    quantity: npt.ArrayLike,
    pnl: npt.ArrayLike,
    level: float,
    dtype: npt.DTypeLike,
    threads: int | None,
) -> tuple[Measures, Measures]:
    held = Holdings(*holdings(indptr, indices, quantity, pnl))
    kind = _kind(dtype)
    checked_level(level)
    limit = _limit(kind)
    accounts = held.indptr.size - 1
    quantile, shortfall = np.empty(accounts, dtype=kind), np.empty(accounts, dtype=kind)
    count = thread_count(threads, held.cells)
    extension = native()
    if extension is None:
        from plimsoll.kernels.twins.accounts import tails as twin

        refuse(held, limit, kind)
        twin(*held, level, quantile, shortfall)
    elif not extension.account_tail(*held, *tail_of(held.pnl.shape[1], level), limit, count, quantile, shortfall):
        refuse(held, limit, kind, always=True)
    return quantile, shortfall


def _kind(dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise ValueError(f"dtype: got {kind}, must be float64 or float32")
    return kind


def _check_fits(name: str, array: FloatArray, kind: np.dtype[Any]) -> None:
    most = float(np.finfo(kind).max)
    large = np.abs(array) > most
    if large.any():
        where = tuple(int(i) for i in np.argwhere(large)[0])
        raise ValueError(f"{name}{list(where)}: got {array[where]}, must be at most {most} for {kind}")


def _limit(kind: np.dtype[Any]) -> float:
    # differences of two losses are formed, each at most the gross sum
    return float(np.finfo(kind).max) / 4.0


def refuse(
    held: Holdings, limit: float, kind: np.dtype[Any] = FLOAT64, *, always: bool = False, every_row: bool = False
) -> None:
    """Raise ValueError for the number at fault; ``always`` where a kernel found one and only its name is wanted.

    Rows of ``pnl`` that nobody holds are looked at where ``every_row`` is set.
    """
    indptr, indices, quantity, pnl = held
    indices = indices.copy()  # numpy looks at an index once and trusts it: nobody may write in between
    bad = (indices < 0) | (indices >= pnl.shape[0])
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"indices[{at}]: got {indices[at]}, must be from 0 to {pnl.shape[0] - 1}")
    reals("quantity", quantity, quantity.shape, "[positions]", least=None)
    if not every_row:
        used = np.zeros(pnl.shape[0], dtype=np.bool_)
        used[indices] = True
        pnl = np.where(used[:, None], pnl, 0.0)
    reals("pnl", pnl, pnl.shape, "[N, S]", least=None)
    _check_fits("quantity", quantity, kind)
    _check_fits("pnl", pnl, kind)
    if not indices.size:
        return
    with np.errstate(over="ignore"):
        size = np.abs(quantity) * np.abs(pnl).max(axis=1)[indices]
        owner = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
        gross = np.bincount(owner, weights=size)
    a = int(np.argmax(gross))
    if always or not gross[a] <= limit:
        raise ValueError(f"quantity * pnl: account {a} has a gross sum of {gross[a]}, must be at most {limit}")
