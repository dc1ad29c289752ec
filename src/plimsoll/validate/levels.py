"""Levels of the factors of the library of books, from closes alone: prices, a declared proxy of volatility, a basis.

No surface of implied volatility exists for most of the history. What stands in for it is a function of past closes,
the same on every day, and everything computed with it carries `iv: proxy`. Its day-to-day error against a real index
of implied volatility is a parameter (`noise`), which the walk adds to the realised moves to say what it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.market.history import DAY_NS, History
from plimsoll.scenarios.moves import BASIS, IV
from plimsoll.validate.result import F64

YEAR_DAYS = 365.0


@dataclass(frozen=True)
class VolProxy:
    """Implied volatility of 30 days from past closes: a fast variance that returns to a slow one, at a premium.

    `iv^2 = premium^2 · 365 · (slow + (fast − slow)·(1 − e^(−k·30)) / (k·30))` with `k = ln 2 / half_life`,
    exponentially weighted variances with decays `fast` and `slow`, held within `low` and `high`. `noise` is the
    standard deviation of the daily change of `ln(index / proxy)` for Deribit's volatility index of 2022-11 to 2025-11.
    All of it assumed but `noise`, which is measured (docs/decisions/035).
    """

    fast: float = 0.94
    slow: float = 0.99
    half_life: float = 15.0
    premium: float = 1.1
    low: float = 0.2
    high: float = 3.0
    tenor_days: float = 30.0
    noise: float = 0.0464

    def level(self, returns: F64) -> F64:
        """`[T + 1, N]` annual volatility known before each daily return of `[T, N]`, the last row after all of them."""
        quick, calm = ewma_variance(returns, self.fast), ewma_variance(returns, self.slow)
        reach = np.log(2.0) / self.half_life * self.tenor_days
        weight = -np.expm1(-reach) / reach
        variance = calm + (quick - calm) * weight
        bounded: F64 = np.clip(self.premium * np.sqrt(YEAR_DAYS * np.maximum(variance, 0.0)), self.low, self.high)
        return bounded

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def factor_levels(
    closes: History,
    underlyings: Sequence[str],
    *,
    proxy: VolProxy | None = None,
    basis: History | None = None,
    tenor_days: float = 90.0,
) -> History:
    """Levels of every factor, one column each: `BTC`, `BTC iv`, and `BTC basis` where `basis` has that name.

    `closes` are daily, and each row holds only what was known at its time. `basis` holds annual rates (a funding rate
    times its payments a year), one series for each underlying that has one: the basis of a future of `tenor_days` is
    `exp(rate · tenor / 365)`. Before the twentieth close there is no volatility (NaN), and after a missing close it
    stays. Raises `DocumentError` for closes that are not daily or a name that is not there.
    """
    if closes.step_ns != DAY_NS:
        raise refuse("closes.step_ns", closes.step_ns, f"{DAY_NS}, one day")
    chosen = closes.select(list(underlyings))
    # a daily close that is missing (the exchange stood still) is carried by the recursion: no return, no change
    _, returns = chosen.log_returns()
    vol = (proxy or VolProxy()).level(returns)
    seen = np.cumsum(np.isfinite(chosen.values), axis=0)
    vol = np.where((seen >= 20) & np.isfinite(chosen.values), vol, np.nan)
    names = list(chosen.names) + [n + IV for n in chosen.names]
    columns = [chosen.values, vol]
    if basis is not None:
        for name in basis.names:
            if name not in chosen.names:
                raise refuse("basis.names", name, f"among {', '.join(chosen.names)}")
            rate = np.array([_last(basis, name, t) for t in chosen.times.tolist()])
            columns.append(np.exp(rate * tenor_days / YEAR_DAYS)[:, None])
            names.append(name + BASIS)
    return History(tuple(names), chosen.times, np.hstack(columns), chosen.step_ns, chosen.limit_ns)


def _last(series: History, name: str, instant: int) -> float:
    """The last level known at an instant, NaN before the first."""
    end = int(np.searchsorted(series.times, instant, side="right"))
    return float("nan") if end == 0 else float(series.values[end - 1, series.names.index(name)])


def basis_rate(funding: History, *, payments_a_year: float = 3 * YEAR_DAYS, mean_of: int = 21) -> History:
    """Annual rate of a funding history: the mean of the last `mean_of` payments (a week) times payments a year."""
    values = funding.values
    if len(values) < mean_of:
        raise refuse("funding", f"{len(values)} payments", f"at least {mean_of}")
    rate = np.full(values.shape, np.nan)
    for j in range(values.shape[1]):
        windows = np.lib.stride_tricks.sliding_window_view(values[:, j], mean_of)
        rate[mean_of - 1 :, j] = windows.mean(axis=1)
    return History(funding.names, funding.times, rate * payments_a_year, funding.step_ns, funding.limit_ns)
