"""Monte Carlo moves: a copula for the dependence, a marginal law for each factor, jumps, step by step to the horizon.

Sources: Demarta and McNeil (2005), "The t copula and related copulas"; Merton (1976) for compound jumps; Owen (1998)
for errors of randomised low-discrepancy points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from plimsoll.documents import NonNegative, Number, Part, refuse
from plimsoll.scenarios.moves import F64, IV, LEAST_MULTIPLIER, FactorMoves, whole

CopulaKind = Literal["normal", "t", "skewed_t"]
Marginal = Literal["normal", "t", "empirical"]
Draws = Literal["plain", "antithetic", "sobol"]

BATCHES = 16
"""Independent randomisations of a low-discrepancy sequence; their spread is the standard error."""

_HAIR = 1e-12


class Jumps(Part):
    """Compound jumps that hit all factors at once.

    `per_day` jumps are expected a day; the log size of one is normal with `mean` and `sd`, times `beta` of a factor
    (prices 1, implied volatilities `iv_beta`, others by name), plus a part of its own with `own_sd`. They come on top
    of the volatility, which is not lowered for them.
    """

    per_day: NonNegative = 0.02
    mean: Number = -0.04
    sd: NonNegative = 0.06
    own_sd: NonNegative = 0.02
    iv_beta: Number = -2.0
    betas: dict[str, Number] = Field(default_factory=dict)

    def beta(self, name: str) -> float:
        """What a jump of one does to a factor."""
        return self.betas.get(name, self.iv_beta if name.endswith(IV) else 1.0)


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
    chol, vols = _checked(names, correlation, sigma, size, steps)
    if not (np.isfinite(dof) and dof > 0.0) or (copula == "skewed_t" and dof <= 4.0 and skew != 0.0):
        raise refuse("dof", dof, "above 0; above 4 where a t copula is skewed, for its variance to exist")
    if not 0.0 < trim < 0.5:
        raise refuse("trim", trim, "a probability above 0 and below 0.5")
    quantile = _Marginals(names, marginal, marginal_dof, residuals)
    jump_columns = 0 if jumps is None else 2 + len(names)
    width = len(names) + (0 if copula == "normal" else 1) + jump_columns
    points, clusters = _uniforms(size, width * steps, seed, draws)
    total = np.zeros((points.shape[0], len(names)))
    cumulative = _SkewedT(dof, skew) if copula == "skewed_t" else None
    betas = np.array([1.0 if jumps is None else jumps.beta(n) for n in names])
    for k in range(steps):
        u = points[:, k * width : (k + 1) * width]
        ranks = np.clip(_copula(u, chol, copula, dof, skew, cumulative), trim, 1.0 - trim)
        total += quantile(ranks) * vols
        if jumps is not None:
            total += _jump(u[:, -jump_columns:], jumps, betas, step_days)
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


class _Marginals:
    """Quantiles `[S, F]` of unit-variance moves from ranks `[S, F]`."""

    def __init__(
        self,
        names: Sequence[str],
        kind: Marginal,
        dof: float | Sequence[float],
        residuals: npt.ArrayLike | None,
    ) -> None:
        self.kind = kind
        if kind not in ("normal", "t", "empirical"):
            raise refuse("marginal", kind, "'normal', 't' or 'empirical'")
        if kind == "t":
            self.dof = np.broadcast_to(np.asarray(dof, dtype=np.float64), (len(names),))
            if not (np.isfinite(self.dof) & (self.dof > 2.0)).all():
                raise refuse("marginal_dof", np.asarray(dof).tolist(), "numbers above 2, for a variance to exist")
        if kind == "empirical":
            if residuals is None:
                raise refuse("residuals", None, "[T, F] returns over their volatility, for empirical marginals")
            self.sorted = np.sort(np.asarray(residuals, dtype=np.float64), axis=0)
            if self.sorted.ndim != 2 or self.sorted.shape[1] != len(names) or not np.isfinite(self.sorted).all():
                raise refuse("residuals", f"shape {self.sorted.shape}", f"finite numbers [T, {len(names)}]")

    def __call__(self, ranks: F64) -> F64:
        from scipy.special import ndtri, stdtrit

        if self.kind == "normal":
            normal: F64 = ndtri(ranks)
            return normal
        result = np.empty_like(ranks)
        for f in range(ranks.shape[1]):
            if self.kind == "t":
                v = self.dof[f]
                result[:, f] = stdtrit(v, ranks[:, f]) * np.sqrt((v - 2.0) / v)
            else:
                sample = self.sorted[:, f]
                at = (np.arange(sample.size) + 0.5) / sample.size
                result[:, f] = np.interp(ranks[:, f], at, sample)
        return result


class _SkewedT:
    """The distribution function of `skew * W + sqrt(W) Z`, `W` inverse gamma, on a grid.

    `P(X <= x) = E[N((x - skew W) / sqrt(W))]`, the mean over `1 / W` by generalised Gauss-Laguerre quadrature.
    """

    def __init__(self, dof: float, skew: float) -> None:
        from scipy.special import ndtr, roots_genlaguerre

        nodes, weights = roots_genlaguerre(96, dof / 2.0 - 1.0)
        mix = (dof / 2.0) / nodes
        weights = weights / weights.sum()
        self.grid = np.sinh(np.linspace(-9.0, 9.0, 6001)) * (1.0 + abs(skew))
        self.values = ndtr((self.grid[:, None] - skew * mix) / np.sqrt(mix)) @ weights

    def __call__(self, x: F64) -> F64:
        result: F64 = np.interp(x, self.grid, self.values)
        return result


def _copula(u: F64, chol: F64, kind: CopulaKind, dof: float, skew: float, cumulative: _SkewedT | None) -> F64:
    from scipy.special import gammaincinv, ndtr, ndtri, stdtr

    count = chol.shape[0]
    z = ndtri(u[:, :count]) @ chol.T
    if kind == "normal":
        ranks = ndtr(z)
    else:
        # the chi-squared number in the denominator, over its degrees of freedom
        gamma = np.maximum(gammaincinv(dof / 2.0, u[:, count]) / (dof / 2.0), 1e-300)
        x = z / np.sqrt(gamma)[:, None]
        if cumulative is None:
            ranks = stdtr(dof, x)
        else:
            ranks = cumulative(x + (skew / gamma)[:, None])
    return np.asarray(ranks, dtype=np.float64)


def _jump(u: F64, jumps: Jumps, betas: F64, step_days: float) -> F64:
    from scipy.special import ndtri
    from scipy.stats import poisson

    count = poisson.ppf(u[:, 0], jumps.per_day * step_days)
    if jumps.per_day == 0.0:
        return np.zeros((u.shape[0], betas.size))
    root = np.sqrt(count)
    common = count * jumps.mean + root * jumps.sd * ndtri(u[:, 1])
    result: F64 = common[:, None] * betas + (root * jumps.own_sd)[:, None] * ndtri(u[:, 2:])
    return result


def _uniforms(size: int, width: int, seed: int, draws: Draws) -> tuple[F64, npt.NDArray[np.int64] | None]:
    """`[S, width]` uniform numbers inside (0, 1), and the clusters within which they depend on each other."""
    if draws == "sobol":
        from scipy.stats import qmc

        power = max(1, int(np.ceil(np.log2(size / BATCHES))))
        if width > qmc.Sobol.MAXDIM:
            raise refuse("draws", f"sobol in {width} dimensions", f"at most {qmc.Sobol.MAXDIM}; or 'antithetic'")
        bits = 30
        sequence = (qmc.Sobol(width, scramble=False, bits=bits).random_base2(power) * 2.0**bits).astype(np.int64)
        shifts = np.random.default_rng(seed).integers(0, 1 << bits, (BATCHES, width))
        # half a step keeps every point inside: none is 0 or 1
        points = np.vstack([((sequence ^ shift) + 0.5) / 2.0**bits for shift in shifts])
        return points, np.repeat(np.arange(BATCHES), 1 << power)[:, None].astype(np.int64)
    rng = np.random.default_rng(seed)
    if draws == "plain":
        return np.clip(rng.random((size, width)), _HAIR, 1.0 - _HAIR), None
    if draws != "antithetic":
        raise refuse("draws", draws, "'plain', 'antithetic' or 'sobol'")
    half = (size + 1) // 2
    first = np.clip(rng.random((half, width)), _HAIR, 1.0 - _HAIR)
    return np.vstack([first, 1.0 - first]), np.tile(np.arange(half), 2)[:, None].astype(np.int64)


def _checked(
    names: Sequence[str], correlation: npt.ArrayLike, sigma: npt.ArrayLike, size: int, steps: int
) -> tuple[F64, F64]:
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
