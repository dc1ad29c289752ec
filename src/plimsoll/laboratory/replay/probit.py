"""A probit regression with a Gaussian prior: the most likely coefficients and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_ndtr, ndtr

from plimsoll.laboratory.replay.positions import F64, B

STEPS, ENOUGH = 60, 1e-9


@dataclass(frozen=True, eq=False)
class Probit:
    """`P(y = 1) = Phi(x @ mean)`; `mean` `[k]` and `covariance` `[k, k]` of the coefficients (Laplace)."""

    mean: F64
    covariance: F64

    def chance(self, x: F64, at: F64 | None = None) -> F64:
        """Probability of each row of `x` `[n, k]`, at `at` or at the mean."""
        found: F64 = ndtr(x @ (self.mean if at is None else at))
        return found

    def draw(self, random: np.random.Generator) -> F64:
        """Coefficients as uncertain as the data leave them."""
        return np.asarray(self.mean + self._factor @ random.standard_normal(self.mean.size))

    @cached_property
    def _factor(self) -> F64:
        return np.asarray(np.linalg.cholesky(self.covariance))


def probit(x: F64, y: B, centre: F64, spread: F64) -> Probit:
    """The posterior mode under independent normal priors `N(centre, spread^2)`, and the inverse curvature there.

    Newton's method; the log posterior is concave, so that the mode is the only one and a step that is halved until it
    rises cannot miss it.
    """
    sign = np.where(y, 1.0, -1.0)
    precision = 1.0 / spread**2

    def height(b: F64) -> float:
        return float(log_ndtr(sign * (x @ b)).sum() - 0.5 * (precision * (b - centre) ** 2).sum())

    at = centre.astype(float).copy()
    best = height(at)
    curvature: F64 = np.diag(precision)
    for _ in range(STEPS):
        eta = sign * (x @ at)
        ratio = np.exp(-0.5 * eta**2 - log_ndtr(eta)) / np.sqrt(2.0 * np.pi)
        curvature = (x * (ratio * (ratio + eta))[:, None]).T @ x + np.diag(precision)
        step = np.linalg.solve(curvature, x.T @ (sign * ratio) - precision * (at - centre))
        size = 1.0
        while size > 1e-6 and (then := height(at + size * step)) < best:
            size /= 2.0
        if size <= 1e-6:
            break
        at, best = at + size * step, then
        if np.abs(step).max() < ENOUGH:
            break
    return Probit(at, np.asarray(np.linalg.inv(curvature)))
