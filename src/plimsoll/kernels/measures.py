"""Sums over positions and measures over scenarios. P&L is positive for a gain; a loss is minus a P&L.

The last axis is always the scenario axis; leading axes are a batch. A result without leading axes is a numpy
scalar.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.selection import MASS_TOLERANCE, MAX_LEVEL, check_finite, checked_level, equal_tail, shares

__all__ = [
    "MASS_TOLERANCE",
    "MAX_LEVEL",
    "aggregate",
    "aggregate_accounts",
    "expected_shortfall",
    "tail_weights",
    "value_at_risk",
    "worst",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_BLOCK_CELLS = 32 * 1024


def _real(name: str, value: npt.ArrayLike, ndim: int | None = None) -> FloatArray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" and array.size:
        raise ValueError(f"{name}: got an array of {array.dtype}, must hold real numbers")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name}: got shape {array.shape}, must have {ndim} axes")
    return array.astype(np.float64, copy=False)


def _whole(name: str, value: npt.ArrayLike) -> IntArray:
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name}: got {array.dtype} of shape {array.shape}, must be integers with 1 axis")
    return array.astype(np.int64, copy=False)


def _check_sum(total: FloatArray, quantity: FloatArray, pnl: FloatArray) -> None:
    # A value that is not finite cannot vanish from a sum of products, so one look at the (small) result is
    # enough.
    if not np.isfinite(total).all():
        check_finite("quantity", quantity)
        check_finite("pnl", pnl)
        raise ValueError("quantity * pnl: got a sum beyond the float64 range, must be finite")


def aggregate(quantity: npt.ArrayLike, pnl: npt.ArrayLike) -> FloatArray:
    """P&L of one account per scenario, ``sum_i quantity[i] * pnl[i, s]``.

    ``quantity`` is [N], signed, in units of each instrument; ``pnl`` is [N, S] per unit, finite. Rows are
    added one after the other in their order, so the same input gives the same bits whatever the number of
    threads, and a column does not depend on its neighbours. No position gives zeros. Raises ValueError naming
    the argument.

    >>> aggregate([2.0, -1.0], [[1.0, -3.0], [0.5, 4.0]]).tolist()
    [1.5, -10.0]
    """
    q = _real("quantity", quantity, 1)
    m = np.ascontiguousarray(_real("pnl", pnl, 2))
    if m.shape[0] != q.size:
        raise ValueError(f"pnl: got shape {m.shape}, must be [N, S] with N = {q.size} as in quantity")
    count, scenarios = m.shape
    height = max(1, _BLOCK_CELLS // max(1, scenarios))
    # Row 0 carries the running sum into the next block, which keeps the order of additions strictly
    # sequential.
    room = np.zeros((min(height, count) + 1, scenarios))
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for top in range(0, count, height):
            bottom = min(top + height, count)
            part = room[: bottom - top + 1]
            np.multiply(q[top:bottom, None], m[top:bottom], out=part[1:])
            if scenarios == 1:  # numpy would sum a single column pairwise
                room[0] = np.add.accumulate(part[:, 0])[-1]
            else:
                room[0] = np.add.reduce(part, axis=0)
    total = np.array(room[0], dtype=np.float64)
    _check_sum(total, q, m)
    return total


def aggregate_accounts(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, quantity: npt.ArrayLike, pnl: npt.ArrayLike
) -> FloatArray:
    """P&L of A accounts per scenario, [A, S], from sparse positions.

    Account a holds ``quantity[j]`` of instrument ``indices[j]`` for j from ``indptr[a]`` up to, not
    including, ``indptr[a + 1]`` (compressed rows; an instrument may appear twice, an account may be empty and
    has zeros). Products are added in the stored order by one thread. ``pnl`` is [N, S]. Raises ValueError
    naming the argument.

    >>> aggregate_accounts([0, 2, 2], [0, 1], [2.0, -1.0], [[1.0, -3.0], [0.5, 4.0]]).tolist()
    [[1.5, -10.0], [0.0, 0.0]]
    """
    from scipy.sparse import csr_array

    starts, columns = _whole("indptr", indptr), _whole("indices", indices)
    q = _real("quantity", quantity, 1)
    m = np.ascontiguousarray(_real("pnl", pnl, 2))
    if q.size != columns.size:
        raise ValueError(f"quantity: got {q.size} numbers, must be {columns.size} as in indices")
    if starts.size == 0 or starts[0] != 0 or starts[-1] != columns.size or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr: must rise from 0 to {columns.size}, the number of indices, and never fall")
    bad = (columns < 0) | (columns >= m.shape[0])
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"indices[{at}]: got {columns[at]}, must be from 0 to {m.shape[0] - 1}")
    matrix = csr_array((q, columns, starts), shape=(starts.size - 1, m.shape[0]))
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        total = np.asarray(matrix @ m, dtype=np.float64)
    _check_sum(total, q, m)
    return total


def _losses(name: str, value: npt.ArrayLike) -> FloatArray:
    array = _real(name, value)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name}: got shape {array.shape}, must have at least one scenario on the last axis")
    return array


def worst(pnl: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> tuple[FloatArray, IntArray]:
    """Largest weighted loss ``max_s(-weights[s] * pnl[..., s])`` and the scenario where it occurs.

    ``pnl`` is [S] or [..., S]; ``weights`` is [S], at least 0, all 1 when absent. The loss has no floor: it
    is negative when every scenario gains. Of equal losses the lowest index binds. Raises ValueError naming
    the argument.

    >>> value, index = worst([3.0, -2.0, -2.0])
    >>> float(value), int(index)
    (2.0, 1)
    """
    gain = _losses("pnl", pnl)
    check_finite("pnl", gain)
    if weights is not None:
        w = _real("weights", weights, 1)
        if w.size != gain.shape[-1]:
            raise ValueError(f"weights: got {w.size} numbers, must be {gain.shape[-1]}, one per scenario")
        check_finite("weights", w)
        if (w < 0.0).any():
            at = int(np.argmax(w < 0.0))
            raise ValueError(f"weights[{at}]: got {w[at]}, must be at least 0")
        gain = gain * w
    index = np.asarray(gain.argmin(axis=-1), dtype=np.int64)
    value = 0.0 - np.take_along_axis(gain, index[..., None], axis=-1)[..., 0]  # 0.0 - x is never -0.0 at x = 0
    return value[()], index[()]


def _inputs(
    losses: npt.ArrayLike, level: float, probabilities: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray | None]:
    array = _losses("losses", losses)
    checked_level(level)
    if probabilities is None:
        return array, None
    p = _real("probabilities", probabilities, 1)
    if p.size != array.shape[-1]:
        raise ValueError(f"probabilities: got {p.size} numbers, must be {array.shape[-1]}, one per scenario")
    check_finite("probabilities", p)
    total = float(p.sum())
    if (p < 0.0).any() or abs(total - 1.0) > 1e-9:
        got = f"minimum {p.min()} and sum {total}"
        raise ValueError(f"probabilities: got {got}, must be at least 0 and sum to 1")
    return array, p / total


def _order(array: FloatArray, p: FloatArray | None) -> tuple[IntArray, FloatArray, FloatArray]:
    """Places by falling loss, ties by lowest index; the mass before each place; the mass at it."""
    order = np.asarray(np.argsort(-array, axis=-1, kind="stable"), dtype=np.int64)
    size = array.shape[-1]
    if p is None:
        return order, np.broadcast_to(np.arange(size) / size, array.shape), np.full(array.shape, 1.0 / size)
    mass = p[order]
    before = np.zeros(array.shape)
    np.cumsum(mass[..., :-1], axis=-1, out=before[..., 1:])
    return order, before, mass


def _unequal_tail(array: FloatArray, p: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """The quantile and the expected shortfall.

    F(x) >= level is P(loss > x) <= 1 - level: the quantile stands at the last place with at most that mass before it.
    """
    order, before, mass = _order(array, p)
    falling = np.take_along_axis(array, order, axis=-1)
    last = (before <= (1.0 - level) + MASS_TOLERANCE).sum(axis=-1, keepdims=True) - 1
    quantile = np.take_along_axis(falling, last, axis=-1)
    # Only excesses over the quantile are averaged: none is negative, so no rounding takes the result below it.
    tail = (shares(before, mass, level) * np.maximum(falling - quantile, 0.0)).sum(axis=-1)
    return quantile[..., 0], np.asarray(quantile[..., 0] + tail, dtype=np.float64)


def _tail(losses: npt.ArrayLike, level: float, probabilities: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    array, p = _inputs(losses, level, probabilities)
    if p is None:
        return equal_tail(array, level)
    check_finite("losses", array)
    return _unequal_tail(array, p, level)


def value_at_risk(losses: npt.ArrayLike, level: float, probabilities: npt.ArrayLike | None = None) -> FloatArray:
    """Lower quantile of the loss, ``inf{x : P(loss <= x) >= level}``.

    ``losses`` is [..., S], positive for a loss; ``level`` is above 0 and at most `MAX_LEVEL` (0.99 for 99 %);
    ``probabilities`` is [S], at least 0, sum 1 to 1e-9 (then scaled to 1), equal when absent. Returns [...].
    Masses are compared to 1e-14. Raises ValueError naming the argument.

    >>> float(value_at_risk([1.0, 2.0, 3.0, 4.0], 0.75))
    3.0
    """
    return _tail(losses, level, probabilities)[0][()]


def expected_shortfall(losses: npt.ArrayLike, level: float, probabilities: npt.ArrayLike | None = None) -> FloatArray:
    """Mean of the worst ``1 - level`` of the probability mass, the atom at the edge counted in part.

    Arguments, shape and errors as `value_at_risk`. Coherent for any discrete distribution, and never below
    the value at risk. Source: Acerbi and Tasche (2002), "On the coherence of expected shortfall".

    >>> float(expected_shortfall([1.0, 2.0, 3.0, 4.0], 0.625))  # 4 whole and half of 3
    3.6666666666666665
    """
    return _tail(losses, level, probabilities)[1][()]


def tail_weights(losses: npt.ArrayLike, level: float, probabilities: npt.ArrayLike | None = None) -> FloatArray:
    """Weights [..., S], at least 0, adding to 1, whose sum with the losses is the expected shortfall.

    They are its derivative with respect to each scenario's loss, so position i's Euler share is ``-sum_s
    weights[s] * quantity[i] * pnl[i, s]``. Of equal losses at the edge the lowest index enters the tail
    first. Arguments and errors as `value_at_risk`.

    >>> tail_weights([5.0, 7.0, 5.0, 1.0], 0.625).round(6).tolist()
    [0.333333, 0.666667, 0.0, 0.0]
    """
    array, p = _inputs(losses, level, probabilities)
    check_finite("losses", array)
    order, before, mass = _order(array, p)
    weights = np.empty(array.shape)
    np.put_along_axis(weights, order, shares(before, mass, level), axis=-1)
    return weights
