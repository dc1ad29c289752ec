"""Time between exceptions: Kupiec's time until the first and Haas's mixed test over all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from scipy.stats import chi2

from plimsoll.documents import refuse
from plimsoll.validate.coverage import likelihood_ratio
from plimsoll.validate.result import F64, Test, checked_hits, checked_level


def waiting_ratio(waits: npt.ArrayLike, level: float) -> F64:
    """Likelihood ratio of each wait of `v` days until an exception, that day counted, under `level` against `1/v`.

    `-2 ln[p (1-p)^(v-1) / ((1/v)(1-1/v)^(v-1))]`: Kupiec (1995); Haas (2001), New methods in backtesting.
    """
    v = np.asarray(waits, dtype=np.float64)
    right = np.log(level) + (v - 1) * np.log1p(-level)
    found = xlogy(1.0, 1 / v) + xlogy(v - 1, 1 - 1 / v)
    ratio: F64 = np.maximum(-2.0 * (right - found), 0.0)
    return ratio


def waits(hits: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Days until the first exception and from each to the next, the day of the exception counted; empty without one."""
    found = checked_hits(hits)
    days = np.flatnonzero(found) + 1
    return np.diff(days, prepend=0).astype(np.int64)


def time_until_first(hits: npt.ArrayLike, level: float) -> Test:
    """Kupiec's time until first failure, chi-square with one degree. `defined` is false without an exception."""
    found, p = checked_hits(hits), checked_level(level)
    waited = waits(found)
    if waited.size == 0:
        return Test("time until first failure", 0.0, 1.0, 1, defined=False, detail={"days": found.size})
    ratio = float(waiting_ratio(waited[0], p))
    return Test("time until first failure", ratio, float(chi2.sf(ratio, 1)), 1, detail={"first": int(waited[0])})


def time_between(hits: npt.ArrayLike, level: float, *, draws: int = 0, seed: int = 0) -> Test:
    """Haas's mixed Kupiec test: the promised share, and waits between exceptions as long as chance makes them.

    Kupiec's ratio plus the ratio of each wait. Against chi-square with one degree more than there are exceptions it
    rejects right forecasts several times too often when exceptions are few, since each wait alone is far from
    chi-square; with `draws` the p-value is that among series of independent exceptions at `level`.
    """
    found, p = checked_hits(hits), checked_level(level)
    days, waited = found.size, waits(found)
    statistic = float(likelihood_ratio(waited.size, days, p) + waiting_ratio(waited, p).sum())
    detail: dict[str, float] = {"exceptions": waited.size, "days": days}
    if waited.size:
        detail |= {"shortest": int(waited.min()), "longest": int(waited.max())}
    freedom = waited.size + 1
    if not draws:
        chance = float(chi2.sf(statistic, freedom))
        return Test("time between failures", statistic, chance, freedom, "chi-square", True, detail)
    if draws < 1:
        raise refuse("draws", draws, "a number above zero, or 0 for the chi-square distribution")
    # the number of exceptions differs from series to series, and with it the degrees: ranks are of chi-square tails
    rng, below = np.random.default_rng(seed), 0
    mine = chi2.logsf(statistic, freedom)
    for _ in range(draws):
        series = waits(rng.random(days) < p)
        drawn = float(likelihood_ratio(series.size, days, p) + waiting_ratio(series, p).sum())
        below += bool(chi2.logsf(drawn, series.size + 1) <= mine + 1e-12)
    chance = (1 + below) / (1 + draws)
    detail["standard_error"] = float(np.sqrt(chance * (1 - chance) / (1 + draws)))
    return Test("time between failures", statistic, chance, None, "simulated", True, detail)
