"""Sizes for small moves from means and covariances, and how far to stay below them because the means are estimates.

```
size      Sigma^-1 mu                                     the limit of Kelly's sizes for small moves
quality   theta^2 = mu' Sigma^-1 mu                       squared Sharpe ratio, a year
fraction  c = max(0, theta_hat^2 - trace(Sigma^-1 V)) / theta_hat^2,     V the covariance of the estimated means
```
With an estimate `m` of the mean, `E growth(c Sigma^-1 m) = c theta^2 - c^2 (theta^2 + trace(Sigma^-1 V)) / 2`, largest
at `c = theta^2 / (theta^2 + trace(Sigma^-1 V))`, and `theta_hat^2` is too large by the same trace in the mean. Sources:
MacLean, Thorp and Ziemba (2010), "Good and bad properties of the Kelly criterion"; Kan and Zhou (2007), "Optimal
portfolio choice with parameter uncertainty", for the fraction of means of `T` years, where `V = Sigma / T` and the
trace is `A / T`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.risk.plan import F64


@dataclass(frozen=True, eq=False)
class Means:
    """`mean[A]`, the drift of the price of each of `names[A]` over what a dollar earns otherwise, a year (0.2 is 20 %),
    its standard `error[A]` (0: taken as known), `covariance[A, A]` of a year's moves, and in words where they are from.
    """

    names: tuple[str, ...]
    mean: F64
    error: F64
    covariance: F64
    source: str

    def __post_init__(self) -> None:
        count = len(self.names)
        for name in ("mean", "error"):
            value: F64 = getattr(self, name)
            if value.shape != (count,) or not np.isfinite(value).all():
                raise refuse(name, value.tolist(), f"{count} finite numbers, one for each asset")
        if not (self.error >= 0.0).all():
            raise refuse("error", self.error.tolist(), "standard errors of at least zero")
        if self.covariance.shape != (count, count) or not np.isfinite(self.covariance).all():
            raise refuse("covariance", list(self.covariance.shape), f"a finite matrix [{count}, {count}]")
        if float(np.linalg.eigvalsh(self.covariance)[0]) <= 0.0:
            raise refuse("covariance", "an eigenvalue of zero or below", "assets that no other ones repeat")

    @property
    def plain(self) -> F64:
        """`[A]` `Sigma^-1 mu`."""
        return np.asarray(np.linalg.solve(self.covariance, self.mean), dtype=np.float64)

    @property
    def quality(self) -> float:
        """`mu' Sigma^-1 mu` of the estimates."""
        return float(self.mean @ self.plain)

    @property
    def noise(self) -> float:
        """`trace(Sigma^-1 V)`: errors of the means are correlated as the moves are."""
        root = np.sqrt(np.diag(self.covariance))
        spread = np.outer(self.error, self.error) * self.covariance / np.outer(root, root)
        return float(np.trace(np.linalg.solve(self.covariance, spread)))

    @property
    def fraction(self) -> float:
        """The part of Kelly's size that grows fastest in the mean, means being estimates; 1 where they are known."""
        if self.quality <= 0.0:
            return 0.0
        return max(0.0, self.quality - self.noise) / self.quality

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "names": list(self.names),
            "mean": self.mean.tolist(),
            "error": self.error.tolist(),
            "covariance": self.covariance.tolist(),
            "source": self.source,
            "quality": self.quality,
            "noise": self.noise,
            "fraction": self.fraction,
        }


def estimated(names: tuple[str, ...], returns: F64, step_days: float) -> Means:
    """Means, errors and covariance of a year from log returns `[T, A]` of `step_days`.

    The mean is that of the price (`mean log return + variance / 2`), its error that of the mean of `T` steps.
    """
    count = len(returns)
    if returns.ndim != 2 or count < 3:
        raise refuse("returns", list(returns.shape), "at least three rows of log returns")
    a_year = 365.0 / step_days
    covariance = np.atleast_2d(np.cov(returns.T)) * a_year
    mean = returns.mean(axis=0) * a_year + 0.5 * np.diag(covariance)
    years = count / a_year
    return Means(
        names, mean, np.sqrt(np.diag(covariance) / years), covariance, f"{count:,} returns of {step_days:g} days"
    )
