"""Kelly's size of one bet and the best of a grid, with loops."""

from __future__ import annotations

import math
from collections.abc import Sequence


def one_bet(gains: Sequence[float], weights: Sequence[float], low: float, high: float) -> float:
    """The size at which `sum w g / (1 + f g)` is zero, by halving; an end where it has one sign."""

    def slope(f: float) -> float:
        return sum(w * g / (1.0 + f * g) for g, w in zip(gains, weights, strict=True))

    if slope(low) <= 0.0:
        return low
    if slope(high) >= 0.0:
        return high
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
    return (low + high) / 2.0


def growth(gains: Sequence[Sequence[float]], weights: Sequence[float], size: Sequence[float]) -> float:
    """Expected log wealth; minus infinity where a path ruins."""
    total = 0.0
    for row, w in zip(gains, weights, strict=True):
        wealth = 1.0 + sum(f * g for f, g in zip(size, row, strict=True))
        if wealth <= 0.0:
            return -math.inf
        total += w * math.log(wealth)
    return total
