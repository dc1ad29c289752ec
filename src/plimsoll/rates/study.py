"""A history as what governors are judged on: raw rates of the first tier, and the losses they should have covered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from plimsoll.margin.period import HOURS
from plimsoll.rates.governor import RAW
from plimsoll.rates.publish import AssetHistory, RatePolicy, publish
from plimsoll.rates.tune import Series, losses


def study_series(
    policy: RatePolicy,
    histories: Mapping[str, AssetHistory],
    *,
    told: Callable[[str, int, int], None] | None = None,
) -> list[Series]:
    """The first tier of every asset under the policy's tail and size rules, with losses over its margin period, whole
    bars, rounded up."""
    small = policy.size.model_copy(update={"sizes": policy.size.sizes[:1]})
    raw = publish(RatePolicy(tail=policy.tail, size=small, governor=RAW), histories, told=told)
    found = []
    for name, rates in raw.items():
        history = histories[name]
        bars = period_bars(policy, history)
        start = history.times.size - rates.bars.size
        found.append(
            Series(
                name,
                rates.times[rates.bars],
                rates.raw.raw[rates.bars, 0],
                rates.raw.floor[rates.bars, 0],
                rates.raw.stressed[rates.bars, 0],
                losses(history.closes, bars)[start:],
            )
        )
    return found


def period_bars(policy: RatePolicy, history: AssetHistory) -> int:
    """Bars of the margin period of a small position, whole ones, rounded up."""
    step_days = float(np.median(np.diff(history.times))) / 86_400e9
    return max(1, int(np.ceil(policy.size.period.hours / HOURS / step_days - 1e-9)))
