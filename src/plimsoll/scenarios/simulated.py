"""Monte Carlo moves: a copula for the dependence, a marginal law for each factor, jumps, step by step to the horizon.

Sources: Demarta and McNeil (2005), "The t copula and related copulas"; Merton (1976) for compound jumps; Owen (1998)
for errors of randomised low-discrepancy points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios.moves import F64, LEAST_MULTIPLIER, FactorMoves, whole
from plimsoll.scenarios.sampling import CopulaKind, Draws, Jumps, Marginal, Sampler, uniforms

__all__ = ["Draws", "Jumps", "fit_dof", "nearest_correlation", "rank_correlation", "simulated"]


def simulated(
    names: Sequence[str],
    correlation: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    size: int,
    seed: int,
    steps: int = 1,
    step_days: float = 1.0,
    copula: CopulaKind = "t",
    dof: float = 4.0,
    skew: float = 0.0,
    marginal: Marginal = "t",
    marginal_dof: float | Sequence[float] = 4.0,
    residuals: npt.ArrayLike | None = None,
    jumps: Jumps | None = None,
    draws: Draws = "sobol",
    trim: float = 1e-9,
) -> FactorMoves:
    """At least `size` joint moves of `F` factors after `steps` steps of `step_days` days.

    `correlation[F, F]` of the copula; `sigma[F]` the standard deviation of one step's log move. Each step is drawn
    anew, so that no square root of time is used. `copula`: `t` with `dof`, `skewed_t` with `skew * W + sqrt(W) Z`,
    `W` inverse gamma with `dof / 2` (a negative skew joins falls). `marginal`: `t` of unit variance with
    `marginal_dof` (above 2), `normal`, or `empirical`, the quantiles of `residuals[T, F]` (returns over their
    volatility). `draws`: `sobol` points under 16 independent digital shifts, each a power of two long, so that
    `size` is rounded up; `antithetic` pairs; `plain`. Ranks are held within `trim` and `1 - trim`. The same seed gives
    the same bits.
    """
    root, vols = checked_law(names, correlation, sigma, size, steps)
    sampler = Sampler(
        names,
        root,
        copula=copula,
        dof=dof,
        skew=skew,
        marginal=marginal,
        marginal_dof=marginal_dof,
        residuals=residuals,
        jumps=jumps,
        step_days=step_days,
        trim=trim,
    )
    points, clusters = uniforms(size, sampler.width * steps, seed, draws)
    total = np.zeros((points.shape[0], len(names)))
    for k in range(steps):
        step = sampler.step(points[:, k * sampler.width : (k + 1) * sampler.width])
        total += step.unit * vols
        if step.jump is not None:
            total += step.jump
    multiplier = np.exp(total)
    low = multiplier < LEAST_MULTIPLIER
    return FactorMoves(
        names=tuple(names),
        multiplier=np.ascontiguousarray(np.maximum(multiplier, LEAST_MULTIPLIER).T),
        days=steps * step_days,
        clusters=clusters,
        origin=np.full(points.shape[0], -1, dtype=np.int64),
        floored=int(low.sum()),
    )


def rank_correlation(residuals: npt.ArrayLike) -> F64:
    """`[F, F]` correlation of an elliptical copula from Kendall's tau, `sin(pi tau / 2)`, made positive semidefinite.

    Negative eigenvalues become a hair above zero and the diagonal one again. Outliers of the marginals do not matter.
    """
    from scipy.stats import kendalltau

    z = np.asarray(residuals, dtype=np.float64)
    count = z.shape[1]
    matrix = np.eye(count)
    for i in range(count):
        for j in range(i):
            tau = float(kendalltau(z[:, i], z[:, j]).statistic)
            # a factor that never moves has no rank
            matrix[i, j] = matrix[j, i] = 0.0 if np.isnan(tau) else np.sin(np.pi * tau / 2.0)
    return nearest_correlation(matrix)


def nearest_correlation(matrix: F64) -> F64:
    """A correlation matrix close to a symmetric one with unit diagonal: eigenvalues clipped, diagonal restored."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    if values[0] >= 1e-10:
        return matrix
    fixed = (vectors * np.maximum(values, 1e-10)) @ vectors.T
    root = np.sqrt(np.diag(fixed))
    result: F64 = fixed / np.outer(root, root)
    np.fill_diagonal(result, 1.0)
    return result


def fit_dof(residuals: npt.ArrayLike) -> float:
    """Degrees of freedom of a Student-t of unit variance by maximum likelihood, within 2.1 and 100.

    `residuals[T]` are scaled to unit variance first.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    z = np.asarray(residuals, dtype=np.float64)
    z = z / np.sqrt(np.mean(z**2))

    def cost(log_dof: float) -> float:
        v = float(np.exp(log_dof))
        head = gammaln((v + 1.0) / 2.0) - gammaln(v / 2.0) - 0.5 * np.log(np.pi * (v - 2.0))
        return float(-z.size * head + (v + 1.0) / 2.0 * np.log1p(z**2 / (v - 2.0)).sum())

    found = minimize_scalar(cost, bounds=(np.log(2.1), np.log(100.0)), method="bounded")
    return float(np.exp(found.x))


def checked_law(
    names: Sequence[str], correlation: npt.ArrayLike, sigma: npt.ArrayLike, size: int, steps: int
) -> tuple[F64, F64]:
    """A root of the correlation `[F, F]` and the volatilities `[F]`, each refused with its field."""
    count = len(names)
    matrix, vols = np.asarray(correlation, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
    if matrix.shape != (count, count) or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
        raise refuse("correlation", f"shape {matrix.shape}", f"a symmetric finite matrix [{count}, {count}]")
    if not np.allclose(np.diag(matrix), 1.0):
        raise refuse("correlation", np.diag(matrix).tolist(), "ones on the diagonal")
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < -1e-8:
        raise refuse("correlation", f"an eigenvalue of {values[0]:.3g}", "a positive semidefinite matrix")
    if vols.shape != (count,) or not (np.isfinite(vols) & (vols >= 0.0)).all():
        raise refuse("sigma", vols.tolist(), f"{count} finite numbers of at least zero")
    whole("size", size, 2)
    whole("horizon", steps, 1)
    # a symmetric root also serves matrices of less than full rank
    root: F64 = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root, vols
