"""What a forecast may look at: everything in it is known at the end of its own day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.dynamics.har import forward_mean
from plimsoll.market.history import DAY_NS, History

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

FEATURES = (
    "rv_1",
    "rv_5",
    "rv_22",
    "rv_66",
    "rv_1_of_22",
    "rv_5_of_22",
    "rv_22_of_66",
    "return_1",
    "return_5",
    "return_22",
    "downside_22",
    "volume_of_22",
    "volume_5_of_22",
    "market_rv_1_of_22",
    "market_return_1",
    "funding_day",
    "funding_week",
    "index",
    "index_of_rv",
)
"""Variances as logarithms (annual), returns over their own 22-day sigma, funding in basis points per interval.

`market_*`, `funding_*` and `index` are those of the market's coin; a series that was not yet there is NaN.
"""


def garman_klass(open_: npt.ArrayLike, high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike) -> F64:
    """Variance of a bar from its four prices: `ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2`; NaN where one is missing.

    Above zero for prices that agree with each other. A market that never closes has no overnight part to add. Bars
    that do not move at all, and bars whose range contradicts their other prices, are NaN. Source: Garman, Klass (1980).
    """
    o, h, lo, c = (np.asarray(x, dtype=np.float64) for x in (open_, high, low, close))
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = 0.5 * np.log(h / lo) ** 2 - (2.0 * math.log(2.0) - 1.0) * np.log(c / o) ** 2
        good = (h >= np.maximum(o, c)) & (lo <= np.minimum(o, c)) & (variance > 0.0)
    result: F64 = np.where(good, variance, np.nan)
    return result


@dataclass(frozen=True)
class Panel:
    """Rows of one asset, one for each day: `times` `[T]` (known at), `X` `[T, F]`, `rv` `[T]` and `returns` `[T]`.

    Row `t` holds what is known at `times[t]`: `rv[t]` and `returns[t]` are those of the day that ends there.
    """

    name: str
    times: I64
    X: F64
    rv: F64
    returns: F64

    def target_variance(self, horizon: int) -> F64:
        """`[T]` mean variance per day of the next `horizon` days, NaN where not all known."""
        return forward_mean(self.rv, horizon)

    def target_return(self, horizon: int) -> F64:
        """`[T]` log return of the next `horizon` days."""
        total = np.full(len(self.returns), np.nan)
        if len(self.returns) > horizon:
            total[:-horizon] = np.lib.stride_tricks.sliding_window_view(self.returns, horizon).sum(axis=1)[1:]
        return total


def panel(
    bars: Mapping[str, History],
    name: str,
    *,
    market: str,
    funding: History | None = None,
    index: History | None = None,
) -> Panel:
    """The rows of `name` from daily bars: histories `open`, `high`, `low`, `close` and `quote_volume` on one grid.

    `market` names the series whose variance and return stand for the market; `funding` (one series, per interval) and
    `index` (a volatility index, decimal) are taken as known at each row's time, however often they come. Given views
    of the past, the rows are those of the whole record up to there: nothing later enters.
    """
    for field in ("open", "high", "low", "close", "quote_volume"):
        if field not in bars:
            raise refuse(f"bars.{field}", ", ".join(bars), "open, high, low, close and quote_volume")
    close = bars["close"]
    if close.step_ns != DAY_NS:
        raise refuse("bars.step_ns", close.step_ns, f"{DAY_NS}, a day")
    rv, own = _variance(bars, name), _returns(close, name)
    market_rv, market_return = _variance(bars, market), _returns(close, market)
    volume = np.where(bars["quote_volume"].series(name) > 0.0, bars["quote_volume"].series(name), np.nan)
    sigma = np.sqrt(_mean(rv, 22))
    year = math.log(365.0)
    level = {w: np.log(_mean(rv, w)) + year for w in (1, 5, 22, 66)}
    columns = {
        **{f"rv_{w}": level[w] for w in (1, 5, 22, 66)},
        "rv_1_of_22": level[1] - level[22],
        "rv_5_of_22": level[5] - level[22],
        "rv_22_of_66": level[22] - level[66],
        **{f"return_{w}": _mean(own, w) * w / (sigma * math.sqrt(w)) for w in (1, 5, 22)},
        "downside_22": _mean(np.where(own < 0.0, own**2, 0.0 * own), 22) / _mean(own**2, 22),
        "volume_of_22": np.log(volume / _mean(volume, 22)),
        "volume_5_of_22": np.log(_mean(volume, 5) / _mean(volume, 22)),
        "market_rv_1_of_22": np.log(market_rv / _mean(market_rv, 22)),
        "market_return_1": market_return / np.sqrt(_mean(market_rv, 22)),
        "funding_day": 1e4 * _known(funding, close.times, 3),
        "funding_week": 1e4 * _known(funding, close.times, 21),
        "index": np.log(_known(index, close.times, 1)),
        "index_of_rv": 2.0 * np.log(_known(index, close.times, 1)) - level[22],
    }
    X = np.column_stack([columns[f] for f in FEATURES])
    return Panel(name, close.times, np.where(np.isfinite(X), X, np.nan), rv, own)


def _variance(bars: Mapping[str, History], name: str) -> F64:
    return garman_klass(*(bars[f].series(name) for f in ("open", "high", "low", "close")))


def _returns(close: History, name: str) -> F64:
    return np.concatenate([[np.nan], close.select([name]).log_returns()[1][:, 0]])


def _mean(x: F64, window: int) -> F64:
    """Mean of the last `window` values where at least three quarters of them are there, else NaN."""
    present = np.isfinite(x)
    total = np.concatenate([np.zeros(window), np.cumsum(np.where(present, x, 0.0))])
    count = np.concatenate([np.zeros(window), np.cumsum(present)])
    n = count[window:] - count[:-window]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (total[window:] - total[:-window]) / n
    result: F64 = np.where(n >= max(1.0, 0.75 * window), mean, np.nan)
    return result


def _known(history: History | None, times: I64, last: int) -> F64:
    """Mean of the last `last` values known at each of `times`, NaN where the newest is over two days old or missing."""
    result = np.full(len(times), np.nan)
    if history is None or not len(history):
        return result
    means = _mean(history.values[:, 0], last)
    rows = np.searchsorted(history.times, times, side="right") - 1
    fresh = (rows >= 0) & (times - history.times[np.maximum(rows, 0)] <= 2 * DAY_NS)
    return np.where(fresh, means[np.maximum(rows, 0)], np.nan)
