"""Refusals before a kernel runs: compiled loops neither look at shapes twice nor can they tell NaN from a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

#: Loops number scenarios by 31 bits.
MOST_SCENARIOS = 2**31
_HIGHEST = float(np.finfo(np.float64).max)
_LOWEST = -_HIGHEST


def contiguous(array: npt.NDArray[Any], dtype: type[Number]) -> npt.NDArray[Number]:
    """``array`` in C order, each number at a multiple of its size: a view of bytes may start anywhere."""
    result = np.ascontiguousarray(array, dtype=dtype)
    return result if result.flags.aligned else result.copy()


def _indices(array: npt.NDArray[Any]) -> IntArray:
    """``array`` as contiguous int64 that nobody else writes to where numpy and scipy will follow it.

    They look at an index once and trust it afterwards: a caller's thread that writes in between would have them read
    outside the array. The compiled loops look at each index as they use it, and need no copy.
    """
    result = contiguous(array, np.int64)
    return result.copy() if native() is None and np.may_share_memory(result, array) else result


def reals(
    name: str, value: npt.ArrayLike, shape: tuple[int, ...], axes: str, *, least: float | None = 0.0
) -> FloatArray:
    """``value`` as contiguous float64 of that shape, refused unless finite and at least ``least``."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: got an array of {array.dtype}, must hold real numbers")
    if array.shape != shape:
        raise ValueError(f"{name}: got shape {array.shape}, must be {axes} = {shape}")
    array = contiguous(array, np.float64)
    # two passes without a temporary decide the usual case; a NaN fails both comparisons
    if not array.size or (array.min() >= (_LOWEST if least is None else least) and array.max() <= _HIGHEST):
        return array
    bad = ~np.isfinite(array) if least is None else ~(np.isfinite(array) & (array >= least))
    if bad.any():
        rule = "" if least is None else f" and at least {least:g}"
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}{list(where)}: got {array[where]}, must be finite{rule}")
    return array


def groups(group: npt.ArrayLike, count: int) -> IntArray:
    """The group of each of N instruments as int64, each from 0 to ``count`` - 1."""
    array = np.asarray(group)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"group: got {array.dtype} of shape {array.shape}, must be integers of shape [N]")
    array = _indices(array)
    if array.size and (array.min() < 0 or array.max() >= count):
        bad = (array < 0) | (array >= count)
        at = int(np.argmax(bad))
        raise ValueError(f"group[{at}]: got {array[at]}, must be from 0 to {count - 1}")
    return array


def booleans(name: str, value: npt.ArrayLike, count: int) -> BoolArray:
    """``value`` as contiguous booleans [N]; 0 and 1 are refused, since 1 and -1 would both read as true."""
    array = np.asarray(value)
    if array.shape != (count,) or (count and array.dtype != np.bool_):
        raise ValueError(f"{name}: got {array.dtype} of shape {array.shape}, must be booleans [N] = ({count},)")
    return contiguous(array, np.bool_)


def aligned(shape: tuple[int, ...]) -> FloatArray:
    """A new float64 array that begins on a cache line of 64 bytes; its values are not set."""
    size = math.prod(shape)
    room = np.empty(size + 8)
    skip = -room.ctypes.data % 64 // 8
    return room[skip : skip + size].reshape(shape)


def result(
    out: FloatArray | None, shape: tuple[int, ...], axes: str, inputs: Mapping[str, object] | None = None
) -> FloatArray:
    """``out`` if it can hold the result, a new array if there is none.

    None of the named ``inputs`` that are arrays may share memory with it: a kernel reads them after it began to write.
    """
    if out is None:
        return aligned(shape)
    if not isinstance(out, np.ndarray):
        raise ValueError(f"out: got {type(out).__name__}, must be an array")
    if out.shape != shape or out.dtype != np.float64 or not out.flags.carray:
        raise ValueError(
            f"out: got {out.dtype} of shape {out.shape}, must be float64, C-contiguous and writable, "
            f"of shape {axes} = {shape}"
        )
    for name, array in (inputs or {}).items():
        if isinstance(array, np.ndarray) and np.may_share_memory(out, array):
            raise ValueError(f"out: shares memory with {name}, must be an array of its own")
    return out


def integers(name: str, value: npt.ArrayLike) -> IntArray:
    """``value`` as contiguous int64 with one axis."""
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name}: got {array.dtype} of shape {array.shape}, must be integers with 1 axis")
    return _indices(array)


def numbers(name: str, value: npt.ArrayLike, axes: int) -> FloatArray:
    """``value`` as contiguous float64 with so many axes; the numbers are not looked at."""
    array = np.asarray(value)
    if array.size and array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: got an array of {array.dtype}, must hold real numbers")
    if array.ndim != axes:
        raise ValueError(f"{name}: got shape {array.shape}, must have {axes} axes")
    return contiguous(array, np.float64)


def holdings(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, quantity: npt.ArrayLike, pnl: npt.ArrayLike
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Compressed rows of positions and the P&L array as contiguous arrays whose shapes agree.

    Values of ``indices``, ``quantity`` and ``pnl`` are not looked at: the kernels do that on their way.
    """
    starts, columns = integers("indptr", indptr), integers("indices", indices)
    q, m = numbers("quantity", quantity, 1), numbers("pnl", pnl, 2)
    if q.size != columns.size:
        raise ValueError(f"quantity: got {q.size} numbers, must be {columns.size} as in indices")
    if starts.size == 0 or starts[0] != 0 or starts[-1] != columns.size or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr: must rise from 0 to {columns.size}, the number of indices, and never fall")
    if m.shape[1] == 0:
        raise ValueError(f"pnl: got shape {m.shape}, must have at least one scenario on the last axis")
    if m.shape[1] >= MOST_SCENARIOS:
        raise ValueError(f"pnl: got shape {m.shape}, must have fewer than {MOST_SCENARIOS} scenarios on the last axis")
    return starts, columns, q, m
