"""Uniform numbers and what they become: ranks under a copula, unit moves under marginal laws, compound jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from plimsoll.documents import NonNegative, Number, Part, refuse
from plimsoll.scenarios.moves import F64, IV

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


@dataclass(frozen=True, eq=False)
class Step:
    """What one step of all paths was made of.

    `unit[S, F]` moves of unit variance under the marginal laws, `jump[S, F]` log moves of the jumps or `None`;
    `normals[S, F]` the independent normal numbers below the copula, and `count[S]` the jumps, or `None`.
    """

    unit: F64
    jump: F64 | None
    normals: F64
    count: F64 | None


class Sampler:
    """One step of the factors from uniform numbers `[S, width]`; the arguments are those of `simulated`."""

    def __init__(
        self,
        names: Sequence[str],
        root: F64,
        *,
        copula: CopulaKind,
        dof: float,
        skew: float,
        marginal: Marginal,
        marginal_dof: float | Sequence[float],
        residuals: npt.ArrayLike | None,
        jumps: Jumps | None,
        step_days: float,
        trim: float,
    ) -> None:
        if not (np.isfinite(dof) and dof > 0.0) or (copula == "skewed_t" and dof <= 4.0 and skew != 0.0):
            raise refuse("dof", dof, "above 0; above 4 where a t copula is skewed, for its variance to exist")
        if not 0.0 < trim < 0.5:
            raise refuse("trim", trim, "a probability above 0 and below 0.5")
        self.quantile = _Marginals(names, marginal, marginal_dof, residuals)
        self.root, self.copula, self.dof, self.skew, self.trim = root, copula, dof, skew, trim
        self.jumps, self.step_days = jumps, step_days
        self.jump_columns = 0 if jumps is None else 2 + len(names)
        self.width = len(names) + (0 if copula == "normal" else 1) + self.jump_columns
        self.cumulative = _SkewedT(dof, skew) if copula == "skewed_t" else None
        self.betas = np.array([1.0 if jumps is None else jumps.beta(n) for n in names])

    def step(self, u: F64, shift: F64 | None = None, more: F64 | None = None) -> Step:
        """The step that uniform numbers give; `shift[S, F]` is added to the independent normal numbers and `more[S]`
        multiplies the intensity of the jumps, where paths are drawn from another law than the one that is meant."""
        normals = _normals(u[:, : self.root.shape[0]])
        if shift is not None:
            normals = normals + shift
        ranks = _copula(normals @ self.root.T, u, self.copula, self.dof, self.skew, self.cumulative)
        unit = self.quantile(np.clip(ranks, self.trim, 1.0 - self.trim))
        if self.jumps is None:
            return Step(unit, None, normals, None)
        jump, count = _jump(u[:, -self.jump_columns :], self.jumps, self.betas, self.step_days, more)
        return Step(unit, jump, normals, count)


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


def _normals(u: F64) -> F64:
    from scipy.special import ndtri

    normal: F64 = ndtri(u)
    return normal


def _copula(z: F64, u: F64, kind: CopulaKind, dof: float, skew: float, cumulative: _SkewedT | None) -> F64:
    """Ranks `[S, F]` of correlated normal numbers `z[S, F]`; the column after the factors' mixes the variances."""
    from scipy.special import gammaincinv, ndtr, stdtr

    count = z.shape[1]
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


def _jump(u: F64, jumps: Jumps, betas: F64, step_days: float, more: F64 | None) -> tuple[F64, F64]:
    from scipy.special import ndtri
    from scipy.stats import poisson

    rate = jumps.per_day * step_days
    if rate == 0.0:
        return np.zeros((u.shape[0], betas.size)), np.zeros(u.shape[0])
    count = poisson.ppf(u[:, 0], rate if more is None else rate * more)
    root = np.sqrt(count)
    common = count * jumps.mean + root * jumps.sd * ndtri(u[:, 1])
    result: F64 = common[:, None] * betas + (root * jumps.own_sd)[:, None] * ndtri(u[:, 2:])
    return result, count


def uniforms(size: int, width: int, seed: int, draws: Draws) -> tuple[F64, npt.NDArray[np.int64] | None]:
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
