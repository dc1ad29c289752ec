"""Thresholds that follow volatility, run on a history: the scalar on maintenance margins from what was known then.

The formula is `plimsoll.margin.avsl`; here it gets its two volatilities. `fast` is the realised volatility of the last
hours, `forecast` the one expected of the hours to come: an exponentially weighted one, or any series of forecasts whose
entries were known at their times, such as a learned one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import YEAR_SECONDS, refuse
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.margin.avsl import ThresholdRule, scalars
from plimsoll.market.history import HOUR_NS, History
from plimsoll.rates.learned.drift import ForecastSeries

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ThresholdPath:
    """At `times[T]` (ns): annual volatilities `fast` and `forecast`, NaN while unknown, and the `scalar`."""

    name: str
    times: I64
    fast: F64
    forecast: F64
    scalar: F64

    @property
    def raised(self) -> float:
        """Part of the time at which thresholds stood above the base."""
        return float((self.scalar > 1.0).mean())


def raised(path: ThresholdPath, forecast: ForecastSeries) -> F64:
    """`[T]` annual: the path's own forecast, and a learned one of the day's sigma where that is known and higher."""
    return np.fmax(path.forecast, forecast.known(path.times) * math.sqrt(365.0))


def threshold_path(
    rule: ThresholdRule,
    closes: History,
    name: str,
    *,
    fast_hours: float = 24.0,
    decay_hours: float = 168.0,
    forecast: npt.ArrayLike | None = None,
) -> ThresholdPath:
    """The scalar through `closes` of one series. `fast_hours` is the window of the realised volatility, `decay_hours`
    the centre of mass of the weighted one, `lambda = 1 - step / decay_hours`; `forecast[T]` (annual, known at each
    time) replaces that one.

    Raises `DocumentError` for windows shorter than two bars or a forecast of another length.
    """
    price = closes.series(name)
    hours = closes.step_ns / HOUR_NS
    width = round(fast_hours / hours)
    for field, span in (("fast_hours", fast_hours), ("decay_hours", decay_hours)):
        if not span >= 2.0 * hours:
            raise refuse(field, span, f"at least two bars, {2.0 * hours:g} hours")
    returns = np.diff(np.log(price))
    a_year = YEAR_SECONDS / (closes.step_ns / 1e9)
    there = np.isfinite(returns)
    squares = np.concatenate([[0.0], np.cumsum(np.where(there, returns, 0.0) ** 2)])
    counts = np.concatenate([[0], np.cumsum(there)])
    fast = np.full(price.size, np.nan)
    seen = counts[width:] - counts[: counts.size - width]
    # a window with fewer than half of its returns says nothing
    usable = seen >= 0.5 * width
    sums = squares[width:] - squares[: squares.size - width]
    fast[width:][usable] = np.sqrt(np.maximum(sums[usable], 0.0) / seen[usable] * a_year)
    if forecast is None:
        expected = np.sqrt(ewma_variance(returns, 1.0 - hours / decay_hours) * a_year)
        expected[:width] = np.nan
    else:
        expected = np.asarray(forecast, dtype=np.float64)
        if expected.shape != price.shape:
            raise refuse("forecast", f"shape {expected.shape}", f"one volatility for each of {price.size} times")
    at = (closes.times - closes.times[0]) / HOUR_NS
    return ThresholdPath(name, closes.times, fast, expected, scalars(rule, at, fast, expected))
