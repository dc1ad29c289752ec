"""Correlation that follows the market: exponential weights, shrinkage, and a matrix that is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.dynamics.ewma import ewma_weights

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correlation:
    """`matrix` `[N, N]`, positive semidefinite with a diagonal of ones; what was done to get it.

    `shrinkage` is the weight of the identity, 0 to 1; `rows` the returns used by the pair that has fewest; `moved`
    the largest change that the projection made to an entry (0 where none was needed).
    """

    matrix: F64
    shrinkage: float
    rows: int
    moved: float


def ewma_correlation(returns: npt.ArrayLike, lam: float = 0.97, *, shrink: bool = True) -> Correlation:
    """Correlation after the last of `[T, N]` returns, for what comes next.

    ```
    z        returns over their own weighted deviation (zero mean), weights w ~ lam^age, sum one
    S        sum_t w_t z_t z_t'                      each pair over the rows that both have
    d^2      |S - I|^2,    b^2 = sum_t w_t^2 |z_t z_t' - S|^2,    shrinkage = min(1, b^2 / d^2)
    result   shrinkage I + (1 - shrinkage) S,        then the nearest correlation matrix
    ```
    With equal weights this is Ledoit and Wolf (2004) on standardised returns, whose target, the identity times the
    mean variance, is then the identity itself; with unequal ones `sum w^2` stands where they have `1/T`. Where rows
    are missing the shrinkage is that of the rows that all have, and pairs may contradict each other: the projection
    (Higham 2002) finds the nearest matrix that does not. Raises `DocumentError` for fewer than two common rows of a
    pair, and for a series that does not move.
    """
    r = np.asarray(returns, dtype=np.float64)
    if r.ndim != 2 or np.isinf(r).any():
        raise refuse("returns", f"shape {r.shape}", "finite numbers of shape [T, N], NaN where missing")
    present = ~np.isnan(r)
    filled = np.where(present, r, 0.0)
    weights = ewma_weights(len(r), lam) if len(r) else np.zeros(0)
    # weights of a pair sum to one over the rows that both have
    held = (present * weights[:, None]).T @ present.astype(float)
    common = present.astype(float).T @ present.astype(float)
    if not len(r) or (common < 2).any():
        raise refuse("returns", f"{int(common.min()) if len(r) else 0} common rows of a pair", "at least two")
    covariance = (filled * weights[:, None]).T @ filled / held
    own = (filled**2 * weights[:, None]).T @ present / held
    if (np.diag(own) <= 0.0).any():
        raise refuse("returns", "a series that does not move", "series that move")
    # each pair by the deviations over its own rows, so that no entry exceeds one
    matrix = covariance / np.sqrt(own * own.T)
    np.fill_diagonal(matrix, 1.0)
    shrinkage = _shrinkage(r[present.all(axis=1)], weights[present.all(axis=1)]) if shrink else 0.0
    blended = (1.0 - shrinkage) * matrix
    np.fill_diagonal(blended, 1.0)
    result = nearest_correlation(blended)
    return Correlation(result, shrinkage, int(common.min()), float(np.abs(result - blended).max()))


def _shrinkage(returns: F64, weights: F64) -> float:
    if len(returns) < 2:
        return 1.0
    w = weights / weights.sum()
    deviation = np.sqrt(w @ returns**2)
    if (deviation <= 0.0).any():
        return 1.0
    z = returns / deviation
    s = (z * w[:, None]).T @ z
    distance = float(((s - np.eye(len(s))) ** 2).sum())
    # |z z' - S|^2 = (z'z)^2 - 2 z'Sz + |S|^2, without a matrix for each row
    noise = (z**2).sum(axis=1) ** 2 - 2.0 * np.einsum("ti,ij,tj->t", z, s, z) + float((s**2).sum())
    return min(1.0, float(w**2 @ noise) / distance) if distance > 0.0 else 1.0


def nearest_correlation(matrix: npt.ArrayLike, *, tolerance: float = 1e-12, most: int = 500) -> F64:
    """The nearest correlation matrix in the Frobenius norm: symmetric, diagonal of ones, no eigenvalue below zero.

    Alternating projections with Dykstra's correction, Higham (2002); the last step clips what rounding left of
    negative eigenvalues and restores the diagonal. A matrix that already is one comes back as it is.
    """
    a = np.asarray(matrix, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not np.isfinite(a).all() or not np.allclose(a, a.T, atol=1e-12):
        raise refuse("matrix", f"shape {a.shape}", "a finite symmetric matrix")
    a = (a + a.T) / 2.0
    if np.array_equal(np.diag(a), np.ones(len(a))) and np.linalg.eigvalsh(a)[0] >= 0.0:
        return a
    y, correction = a.copy(), np.zeros_like(a)
    for _ in range(most):
        shifted = y - correction
        x = _clipped(shifted)
        correction = x - shifted
        before, y = y, x.copy()
        np.fill_diagonal(y, 1.0)
        if np.abs(y - before).max() <= tolerance:
            break
    x = _clipped(y)
    root = np.sqrt(np.diag(x))
    result: F64 = x / np.outer(root, root)
    result = (result + result.T) / 2.0
    np.fill_diagonal(result, 1.0)
    return result


def _clipped(matrix: F64) -> F64:
    values, vectors = np.linalg.eigh(matrix)
    result: F64 = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return (result + result.T) / 2.0
