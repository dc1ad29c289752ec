"""Years of days made up by a seeded generator: fat tails, clustered volatility, crashes; of no market and no time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.feeds.generated import SHAPES
from plimsoll.market.history import DAY_NS, History, instant_ns
from plimsoll.scenarios.moves import IV

LONG_RUN = {"BTC": 0.033, "ETH": 0.043}
"""Standard deviation of a day, to which volatility returns."""

_ALPHA, _GAMMA, _BETA, _DOF = 0.06, 0.04, 0.90, 5.0
_CRASH, _CRASH_MEAN, _CRASH_SD = 1.0 / 180.0, -0.09, 0.06
_SHARED = 0.82


def generated_history(end: datetime | str, days: int = 1_500, seed: int = 7) -> History:
    """Daily closes of BTC, ETH and their 30-day implied volatilities (`BTC iv`), the last known at or before `end`.

    Returns follow a GJR-GARCH with Student-t shocks that the two coins share in part, and rare common crashes; the
    log of implied volatility is pulled to that of realised volatility and rises with falls. The last closes are the
    prices of `SHAPES`. The same seed gives the same bits.

    >>> history = generated_history("2026-03-27T08:30:00Z", days=100)
    >>> history.names, len(history)
    (('BTC', 'ETH', 'BTC iv', 'ETH iv'), 100)
    """
    if not 2 <= days <= 20_000:
        raise refuse("days", days, "a whole number from 2 to 20,000")
    rng = np.random.default_rng(seed)
    coins = list(LONG_RUN)
    daily = np.array([LONG_RUN[c] for c in coins])
    shared = rng.standard_t(_DOF, days) * np.sqrt((_DOF - 2.0) / _DOF)
    own = rng.standard_t(_DOF, (days, len(coins))) * np.sqrt((_DOF - 2.0) / _DOF)
    crash = np.where(rng.random(days) < _CRASH, _CRASH_MEAN + _CRASH_SD * rng.standard_normal(days), 0.0)
    noise = 0.03 * rng.standard_normal((days, len(coins)))
    variance, log_iv = daily**2, np.log(daily * np.sqrt(365.0))
    constant = daily**2 * (1.0 - _ALPHA - _GAMMA / 2.0 - _BETA)
    logs, vols = np.empty((days, len(coins))), np.empty((days, len(coins)))
    for t in range(days):
        z = _SHARED * shared[t] + np.sqrt(1.0 - _SHARED**2) * own[t]
        r = np.sqrt(variance) * z + crash[t]
        logs[t] = r
        variance = constant + (_ALPHA + _GAMMA * (r < 0.0)) * np.minimum(r**2, 0.03) + _BETA * variance
        pull = np.log(np.sqrt(variance * 365.0)) - log_iv
        log_iv = log_iv + 0.06 * pull - 0.7 * np.minimum(r, 0.0) - 0.2 * r + noise[t]
        vols[t] = log_iv
    prices = np.array([SHAPES[c].price for c in coins]) * np.exp(np.cumsum(logs, axis=0) - logs.sum(axis=0))
    values = np.column_stack([prices, np.exp(vols)])
    last = instant_ns(end) // DAY_NS * DAY_NS
    times = last - DAY_NS * np.arange(days - 1, -1, -1, dtype=np.int64)
    names: list[Any] = [*coins, *(c + IV for c in coins)]
    return History(tuple(names), times, values, DAY_NS)
