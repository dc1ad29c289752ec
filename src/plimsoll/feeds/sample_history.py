"""A small history that the project makes itself: days of three coins with calm, storms and crashes."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.market.history import DAY_NS, History, instant_ns
from plimsoll.rates.publish import AssetHistory

COINS = {"BTC": (40_000.0, 0.028, 1.0, 2.0e10), "ETH": (2_500.0, 0.036, 0.8, 9.0e9), "SOL": (90.0, 0.052, 0.7, 1.5e9)}
"""First close (USD), daily volatility, correlation with the first coin, and USD that trade on a usual day."""

FREEDOM, PERSISTENCE, NEWS = 4.0, 0.93, 0.06
FIRST = "2018-01-02T00:00:00Z"


def sample_history(days: int = 2200, seed: int = 11) -> tuple[History, History]:
    """Closes (USD) and traded volume (USD a day) of the coins, `days` bars that end at midnight UTC.

    Returns are Student-t with four degrees of freedom whose variance follows a GARCH(1,1) with long memory, all coins
    on one news process and a part of their own; on three days, at a third, a half and four fifths of the time, all fall
    together by five deviations. Volume rises with the day's move. It is no market's history and is not fitted to one.
    Same arguments, same bits. Raises `DocumentError` for fewer than 10 days.
    """
    if days < 10:
        raise refuse("days", days, "at least 10")
    random = np.random.default_rng(seed)
    common = random.standard_t(FREEDOM, days) / np.sqrt(FREEDOM / (FREEDOM - 2.0))
    for part in (1 / 3, 1 / 2, 4 / 5):
        common[int(part * days)] = -5.0
    closes, traded = [], []
    for start, vol, correlation, usual in COINS.values():
        own = random.standard_t(FREEDOM, days) / np.sqrt(FREEDOM / (FREEDOM - 2.0))
        shock = correlation * common + np.sqrt(1.0 - correlation**2) * own
        variance, returns = vol**2, np.empty(days)
        for k in range(days):
            returns[k] = np.sqrt(variance) * shock[k]
            variance = (1.0 - PERSISTENCE - NEWS) * vol**2 + PERSISTENCE * variance + NEWS * returns[k] ** 2
        closes.append(start * np.exp(np.cumsum(np.clip(returns, -0.7, 0.7))))
        traded.append(usual * np.exp(0.3 * random.standard_normal(days)) * (1.0 + np.abs(returns) / vol))
    times = instant_ns(FIRST) + DAY_NS * np.arange(days, dtype=np.int64)
    names = tuple(COINS)
    return History(names, times, np.stack(closes, 1), DAY_NS), History(names, times, np.stack(traded, 1), DAY_NS)


def sample_assets(days: int = 2200, seed: int = 11) -> dict[str, AssetHistory]:
    """`sample_history` as what rates are published from."""
    closes, volume = sample_history(days, seed)
    return {name: AssetHistory.of(name, closes, volume) for name in closes.names}
