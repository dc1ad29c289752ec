"""The matrix of one step of the interior point, factored once, and its solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs

from plimsoll.risk.plan import F64

NEGLIGIBLE = 1e-12
"""Weights below this part of the largest are lost in its rounding: left out of the matrix, not of what is refined."""

SHIFTS = (1e-15, 1e-13, 1e-11, 1e-8)
"""Parts of the diagonal that are added until there is a factor."""


class Rooms:
    """Arrays that every step of one way writes into again: fresh ones of this size cost as much as what is in them."""

    def __init__(self, slope: F64) -> None:
        self.scaled = np.empty_like(slope)
        self.whole = np.zeros((slope.shape[1], slope.shape[1]), order="F")
        self.factor = np.zeros_like(self.whole)


class Normal:
    """`H = G' W G + diag(boxes) + A' diag(rows) A`, with `E dx` given: equalities by their Schur complement.

    Raises `LinAlgError` where no shift gives a Cholesky factor.
    """

    def __init__(self, slope: F64, weight: F64, boxes: F64, matrix: Any, rows: F64, equal: Any, rooms: Rooms) -> None:
        self.slope, self.weight, self.boxes, self.matrix, self.rows = slope, weight, boxes, matrix, rows
        self.equal = equal
        size = slope.shape[1]
        kept = np.flatnonzero(weight > NEGLIGIBLE * float(weight.max(initial=0.0)))
        scaled = rooms.scaled[: kept.size]
        if kept.size == weight.size:
            np.multiply(slope, np.sqrt(weight)[:, None], out=scaled)
        else:
            np.take(slope, kept, axis=0, out=scaled, mode="clip")
            scaled *= np.sqrt(weight[kept])[:, None]
        if kept.size:
            whole = dsyrk(1.0, scaled.T, lower=1, beta=0.0, c=rooms.whole, overwrite_c=1)
        else:
            whole = rooms.whole
            whole[:] = 0.0
        if matrix.shape[0]:
            whole += (matrix.T * rows) @ matrix if isinstance(matrix, np.ndarray) else _square(matrix, rows)
        spot = np.diag_indices(size)
        diagonal = whole[spot] + boxes
        least = 1e-3 * (float(diagonal.max(initial=0.0)) or 1.0)
        for shift in SHIFTS:
            np.copyto(rooms.factor, whole)
            rooms.factor[spot] = diagonal + shift * np.maximum(diagonal, least)
            self.factor, failed = dpotrf(rooms.factor, lower=1, clean=0, overwrite_a=1)
            if not failed:
                break
        else:
            raise LinAlgError("no Cholesky factor")
        if equal.shape[0]:
            across = equal.T if isinstance(equal, np.ndarray) else equal.T.toarray()
            self.across = self._solved(across)
            self.inner = _inverse(equal @ self.across)

    def solve(self, right: F64, short: F64, exact: bool) -> tuple[F64, F64]:
        """`(dx, prices)` of `H dx - E' prices = right`, `E dx = short`; `exact`: refined once with all weights."""
        x, price = self._once(right, short)
        if not exact:
            return x, price
        rest = right - self._times(x)
        if not self.equal.shape[0]:
            return x + self._once(rest, short)[0], price
        more, further = self._once(rest + self.equal.T @ price, short - self.equal @ x)
        return x + more, price + further

    def _once(self, right: F64, short: F64) -> tuple[F64, F64]:
        x = self._solved(right)
        if not self.equal.shape[0]:
            return x, np.zeros(0)
        price = self.inner @ (short - self.equal @ x)
        return x + self.across @ price, price

    def _solved(self, right: F64) -> F64:
        found: F64 = dpotrs(self.factor, right, lower=1)[0]
        return found

    def _times(self, x: F64) -> F64:
        found: F64 = self.slope.T @ (self.weight * (self.slope @ x)) + self.boxes * x
        return found + self.matrix.T @ (self.rows * (self.matrix @ x)) if self.matrix.shape[0] else found


def _inverse(matrix: F64) -> F64:
    """Of a symmetric one, where it has an inverse; rows that say the same leave no direction."""
    values, vectors = np.linalg.eigh(matrix)
    kept = np.abs(values) > 1e-14 * float(np.abs(values).max(initial=0.0))
    found: F64 = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return found


def _square(matrix: Any, rows: F64) -> F64:
    found: F64 = (matrix.T @ matrix.multiply(rows[:, None])).toarray()
    return found
