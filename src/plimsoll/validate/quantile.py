"""The dynamic quantile test: can exceptions be foretold from those before, or from the forecast itself?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from plimsoll.documents import refuse
from plimsoll.validate.result import F64, Hits, Test, checked_hits, checked_level, checked_series


def dynamic_quantile(
    hits: npt.ArrayLike,
    level: float,
    forecast: npt.ArrayLike | None = None,
    *,
    lags: int = 4,
    draws: int = 0,
    seed: int = 0,
) -> Test:
    """Engle and Manganelli's out-of-sample test on `lags` earlier exceptions, a constant and the day's forecast.

    `DQ = H'X (X'X)^-1 X'H / (p (1-p))` with `H = hit - p`, chi-square with as many degrees as `X` has independent
    columns; with `draws` against independent exceptions at `level` and the same forecasts. `forecast` has the shape of
    `hits`; a column that is a combination of the others (a constant forecast) adds no degree.
    Engle and Manganelli (2004), Journal of Business & Economic Statistics 22(4), theorem 4.
    """
    found, p = checked_hits(hits), checked_level(level)
    if not 0 <= lags < found.size - 1:
        raise refuse("lags", lags, f"between 0 and two fewer than the days ({found.size})")
    series = None if forecast is None else checked_series(forecast, "forecast", like=found.size)
    statistic, freedom = _statistic(found, p, series, lags)
    detail: dict[str, float] = {"lags": lags, "exceptions": int(found.sum()), "days": found.size}
    if not draws:
        return Test("dynamic quantile", statistic, float(chi2.sf(statistic, freedom)), freedom, detail=detail)
    if draws < 1:
        raise refuse("draws", draws, "a number above zero, or 0 for the chi-square distribution")
    rng, larger = np.random.default_rng(seed), 0
    mine = chi2.logsf(statistic, freedom)
    for _ in range(draws):
        drawn, degrees = _statistic(rng.random(found.size) < p, p, series, lags)
        larger += bool(chi2.logsf(drawn, degrees) <= mine + 1e-9)
    chance = (1 + larger) / (1 + draws)
    detail["standard_error"] = float(np.sqrt(chance * (1 - chance) / (1 + draws)))
    return Test("dynamic quantile", statistic, chance, None, "simulated", True, detail)


def _statistic(hits: Hits, level: float, forecast: F64 | None, lags: int) -> tuple[float, int]:
    """The statistic and its degrees. The projection on `X` comes from its singular vectors, so that a column without
    information (no exception in a short sample, a constant forecast) drops out instead of dividing by zero."""
    excess = hits - level
    days = excess.size - lags
    columns = [np.ones(days)] + [excess[lags - k : excess.size - k] for k in range(1, lags + 1)]
    if forecast is not None:
        scale = np.abs(forecast).max()
        columns.append(forecast[lags:] / (scale or 1.0))
    left, sizes, _ = np.linalg.svd(np.column_stack(columns), full_matrices=False)
    kept = sizes > sizes[0] * 1e-9
    projected = left[:, kept].T @ excess[lags:]
    return float(projected @ projected) / (level * (1 - level)), int(kept.sum())
