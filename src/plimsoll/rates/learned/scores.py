"""Losses of forecasts, and whether one forecast is better than another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]


def qlike(realised: npt.ArrayLike, forecast: npt.ArrayLike) -> F64:
    """`rv / f - ln(rv / f) - 1` for each variance: zero where they agree, dear where the forecast is too low.

    Ranks forecasts by their expectation even where `rv` is only an unbiased stand-in (Patton 2011). Both above zero.
    """
    rv, f = np.asarray(realised, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if (rv <= 0.0).any() or (f <= 0.0).any():
        raise refuse("variance", "a number of zero or less", "variances above zero")
    ratio = rv / f
    result: F64 = ratio - np.log(ratio) - 1.0
    return result


def pinball(outcome: npt.ArrayLike, quantile: npt.ArrayLike, level: float) -> F64:
    """`(level - [y < q]) * (y - q)`: the loss that the quantile at `level` makes smallest."""
    if not 0.0 < level < 1.0:
        raise refuse("level", level, "a number between zero and one")
    y, q = np.asarray(outcome, dtype=np.float64), np.asarray(quantile, dtype=np.float64)
    result: F64 = (level - (y < q)) * (y - q)
    return result


@dataclass(frozen=True)
class LossTest:
    """Mean of the losses' difference, its standard error and statistic; `p_better`, `p_worse` are one-sided."""

    mean: float
    error: float
    statistic: float
    p_better: float
    p_worse: float
    count: int

    def verdict(self, level: float = 0.05) -> str:
        """`wins` or `loses` where the one-sided test says so at `level`, else `ties`."""
        return "wins" if self.p_better < level else "loses" if self.p_worse < level else "ties"


def diebold_mariano(challenger: npt.ArrayLike, baseline: npt.ArrayLike, *, horizon: int = 1) -> LossTest:
    """Diebold and Mariano (1995) on two series of losses `[n]` of forecasts `horizon` periods ahead.

    ```
    d = challenger - baseline,  s^2 = Bartlett sum of autocovariances of d up to L,  t = mean(d) / sqrt(s^2 / n)
    L = max(4 (horizon - 1), floor(4 (n / 100)^(2/9)))    overlapping targets, and what else persists
    ```
    Bartlett's weights take a share of every autocovariance away: with only `horizon - 1` lags the errors of overlapping
    targets would be a seventh too small, and the test would let in twice as many as it says. The statistic
    carries the small-sample factor of Harvey, Leybourne and Newbold (1997) and is read on Student's t, `n - 1` degrees.
    Below zero the challenger is better. Rows with a NaN in either are left out. Raises `DocumentError` for fewer than
    30 rows.
    """
    from scipy.stats import t as student

    a, b = np.asarray(challenger, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise refuse("losses", f"shapes {a.shape} and {b.shape}", "two of shape [n]")
    d = (a - b)[np.isfinite(a - b)]
    n = len(d)
    if n < 30:
        raise refuse("losses", f"{n} in common", "at least 30")
    lags = min(n - 1, max(4 * (horizon - 1), math.floor(4.0 * (n / 100.0) ** (2.0 / 9.0))))
    x = d - d.mean()
    variance = float(x @ x) / n
    for k in range(1, lags + 1):
        variance += 2.0 * (1.0 - k / (lags + 1.0)) * float(x[k:] @ x[:-k]) / n
    error = math.sqrt(variance / n)
    if error == 0.0:
        return LossTest(float(d.mean()), 0.0, 0.0, 0.5, 0.5, n)
    factor = math.sqrt(max(0.0, (n + 1.0 - 2.0 * horizon + horizon * (horizon - 1.0) / n) / n))
    statistic = float(d.mean()) / error * factor
    return LossTest(
        float(d.mean()), error, statistic, float(student.cdf(statistic, n - 1)), float(student.sf(statistic, n - 1)), n
    )
