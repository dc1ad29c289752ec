"""Levels of the factors of the library of books, from closes alone: prices, a declared proxy of volatility, a basis.

No surface of implied volatility exists for most of the history. What stands in for it is the declared proxy, a
function of past closes alone, and everything computed with it carries `iv: proxy`. Its day-to-day error against a real
index of implied volatility (`NOISE`) is drawn into the realised moves by the walk, to say what it changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plimsoll.documents import refuse
from plimsoll.dynamics.iv_proxy import IvProxy
from plimsoll.market.history import DAY_NS, History
from plimsoll.scenarios.moves import BASIS, IV

YEAR_DAYS = 365.0


NOISE = 0.0431
"""Standard deviation of the daily change of `ln(index / proxy)` for Deribit's volatility index of Bitcoin, 2022-11 to
2025-11 (docs/decisions/035): how wrong a day's move of the proxy is."""

WARM_UP = 20
"""Closes before there is a volatility."""


def factor_levels(
    closes: History,
    underlyings: Sequence[str],
    *,
    basis: History | None = None,
    tenor_days: float = 90.0,
) -> History:
    """Levels of every factor, one column each: `BTC`, `BTC iv`, and `BTC basis` where `basis` has that name.

    `closes` are daily, and each row holds only what was known at its time. `basis` holds annual rates (a funding rate
    times its payments a year), one series for each underlying that has one: the basis of a future of `tenor_days` is
    `exp(rate · tenor / 365)`. Volatility is the level of `plimsoll.dynamics.iv_proxy` from the returns so far: none
    (NaN) before close `WARM_UP`. Raises `DocumentError` for closes that are not daily or a name that is not there.
    """
    if closes.step_ns != DAY_NS:
        raise refuse("closes.step_ns", closes.step_ns, f"{DAY_NS}, one day")
    chosen = closes.select(list(underlyings))
    # where a close is missing there is no return, and the recursion of the variance stays as it was
    _, returns = chosen.log_returns()
    levels = [IvProxy.load(n).level_from_returns(returns[:, j]) for j, n in enumerate(chosen.names)]
    seen = np.cumsum(np.isfinite(chosen.values), axis=0)
    vol = np.where((seen >= WARM_UP) & np.isfinite(chosen.values), np.column_stack(levels), np.nan)
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
