"""Events between bars, one minute after the other, and the rate of each as if the bar had ended there."""

from __future__ import annotations

import math

import numpy as np
from tests.naive import rate_tails

from plimsoll.rates.raw import TailRule


def moves(
    times: list[int], closes: list[float], sigma: list[float], minutes: list[tuple[int, float]], sigmas: float
) -> list[tuple[int, int, float]]:
    """(instant, bar, price in terms of the bars) of every event in `minutes` (end, price)."""
    step = int(np.median(np.diff(times)))
    found = []
    for t, end in enumerate(times):
        known = [c for c in closes[: t + 1] if not math.isnan(c)]
        before = [p for at, p in minutes if end - step < at <= end and not math.isnan(p)]
        reached = 0
        for at, price in minutes:
            if not end < at < end + step or math.isnan(price) or not known:
                continue
            move = math.log(price / (before[-1] if before else known[-1]))
            while abs(move) >= (reached + 1) * sigmas * sigma[t]:
                reached += 1
                if not found or found[-1][0] != at:
                    found.append((at, t, known[-1] * math.exp(move)))
    return found


def tail_at(
    rule: TailRule, times: np.ndarray, closes: np.ndarray, horizons: tuple[int, ...], whole: int, bar: int, price: float
) -> dict[str, np.ndarray]:
    """What the bars up to `bar` and one that ends at `price` give, at least what they give without it."""
    step = int(times[1] - times[0])
    alone = rate_tails.tails(rule, times[: bar + 1], closes[: bar + 1], horizons, whole)
    longer = np.append(times[: bar + 1], times[bar] + step), np.append(closes[: bar + 1], price)
    with_it = rate_tails.tails(rule, *longer, horizons, whole)
    return {name: np.maximum(alone[name][-1], with_it[name][-1]) for name in alone}
