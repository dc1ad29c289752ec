"""Scores that a forecast can only lower by being right, and the test whether one forecast's are lower than another's.

Losses and forecasts are positive when bad. A score is a number for each day, lower is better; only differences of the
same score on the same days mean something.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from plimsoll.documents import refuse
from plimsoll.validate.result import F64, Test, checked_level, checked_series


def pinball(losses: npt.ArrayLike, var: npt.ArrayLike, level: float) -> F64:
    """Quantile score of VaR that `level` of the days should exceed, shape (T,), in the unit of the losses.

    `(hit − level)·(loss − VaR)`: the cost of an exception is weighed `(1 − level) / level` times that of idle margin.
    Koenker and Bassett (1978).
    """
    loss = checked_series(losses, "losses")
    value = checked_series(var, "var", like=loss.size)
    score: F64 = ((loss > value) - checked_level(level)) * (loss - value)
    return score


def fissler_ziegel(losses: npt.ArrayLike, var: npt.ArrayLike, es: npt.ArrayLike, level: float) -> F64:
    """Joint score of VaR and ES, shape (T,), without unit; the only kind under which ES can be compared at all.

    The zero-homogeneous member FZ0: `hit·(loss − VaR) / (level·ES) + VaR/ES + ln ES − 1`, so that the unit of the
    losses moves it by a constant. ES must be above zero. Fissler and Ziegel (2016), Annals of Statistics 44; Patton,
    Ziegel and Chen (2019), Journal of Econometrics 211, equation 6, in losses.
    """
    loss = checked_series(losses, "losses")
    value = checked_series(var, "var", like=loss.size)
    tail = checked_series(es, "es", like=loss.size, positive=True)
    beyond = np.maximum(loss - value, 0.0)
    score: F64 = beyond / (checked_level(level) * tail) + value / tail + np.log(tail) - 1.0
    return score


def qlike(realised: npt.ArrayLike, forecast: npt.ArrayLike) -> F64:
    """QLIKE of a variance forecast, shape (T,), zero where it is exact: `x − ln x − 1` with `x = realised / forecast`.

    Keeps its order of forecasts when `realised` is a noisy but unbiased measure of variance. Both above zero, in one
    unit. Patton (2011), Journal of Econometrics 160.
    """
    measured = checked_series(realised, "realised", positive=True)
    ratio = measured / checked_series(forecast, "forecast", like=measured.size, positive=True)
    score: F64 = ratio - np.log(ratio) - 1.0
    return score


def long_run_variance(values: npt.ArrayLike, lags: int) -> float:
    """Newey and West's variance of the mean times T: autocovariances to `lags` with Bartlett's weights, never negative.

    Newey and West (1987), Econometrica 55.
    """
    series = checked_series(values, "values")
    if not 0 <= lags < series.size:
        raise refuse("lags", lags, f"between 0 and fewer than the days ({series.size})")
    centred = series - series.mean()
    total = float(centred @ centred) / series.size
    for k in range(1, lags + 1):
        total += 2 * (1 - k / (lags + 1)) * float(centred[k:] @ centred[:-k]) / series.size
    return max(total, 0.0)


def diebold_mariano(
    first: npt.ArrayLike, second: npt.ArrayLike, *, horizon: int = 1, lags: int | None = None, side: str = "both"
) -> Test:
    """Are the scores of one forecast lower than another's on the same days? Negative: the first is better.

    The mean difference over its standard error with Newey and West's variance (`lags`: by default the larger of
    `horizon − 1` and the cube root of the days), corrected for small samples and against Student's t. `side="first"`
    asks only whether the first is better: the gate of a challenger. Not `defined` where the two never differ.
    Diebold and Mariano (1995); Harvey, Leybourne and Newbold (1997), International Journal of Forecasting 13.
    """
    one = checked_series(first, "first")
    difference = one - checked_series(second, "second", like=one.size)
    days = difference.size
    if horizon < 1 or horizon >= days:
        raise refuse("horizon", horizon, f"between 1 and fewer than the days ({days})")
    if side not in ("both", "first"):
        raise refuse("side", side, "'both' or 'first'")
    chosen = max(horizon - 1, round(days ** (1 / 3))) if lags is None else lags
    variance = long_run_variance(difference, min(chosen, days - 1) if lags is None else chosen)
    mean = float(difference.mean())
    detail = {"mean_difference": mean, "days": days, "lags": chosen}
    if variance == 0.0:
        if mean == 0.0:
            return Test("Diebold and Mariano", 0.0, 1.0, days - 1, "Student t", False, detail)
        chance = 0.0 if side == "both" or mean < 0 else 1.0
        return Test(
            "Diebold and Mariano", float(np.copysign(np.inf, mean)), chance, days - 1, "Student t", True, detail
        )
    small = np.sqrt((days + 1 - 2 * horizon + horizon * (horizon - 1) / days) / days)
    statistic = float(mean / np.sqrt(variance / days) * small)
    tail = student.cdf(statistic, days - 1) if side == "first" else 2 * student.sf(abs(statistic), days - 1)
    return Test("Diebold and Mariano", statistic, float(tail), days - 1, "Student t", True, detail)
