"""VaR, ES and scenarios with loops, sharing no code with the package."""

from __future__ import annotations

import math
from collections.abc import Sequence


def quantile(losses: Sequence[float], level: float, probability: Sequence[float] | None = None) -> float:
    """The least loss with at least `level` of the mass at or below it."""
    mass = [1.0 / len(losses)] * len(losses) if probability is None else list(probability)
    total = 0.0
    for loss, p in sorted(zip(losses, mass, strict=True)):
        total += p
        if total >= level - 1e-12:
            return loss
    return max(losses)


def shortfall(losses: Sequence[float], level: float, probability: Sequence[float] | None = None) -> float:
    """The mean of the worst `1 - level` of the mass, the last atom in part."""
    mass = [1.0 / len(losses)] * len(losses) if probability is None else list(probability)
    left, total = 1.0 - level, 0.0
    for loss, p in sorted(zip(losses, mass, strict=True), reverse=True):
        taken = min(p, left)
        total += taken * loss
        left -= taken
        if left <= 1e-15:
            break
    return total / (1.0 - level)


def variance(returns: Sequence[float], decay: float, start: float) -> list[float]:
    """Exponentially weighted variance known before each return, and for the next one."""
    result = [start]
    for r in returns:
        result.append(decay * result[-1] + (1.0 - decay) * r * r)
    return result


def filtered_windows(
    returns: Sequence[float], sigma: Sequence[float], steps: int, low: float, high: float, middle: bool
) -> list[float]:
    """Multiplier of a price for each overlapping window of scaled returns."""
    scaled = []
    for t, r in enumerate(returns):
        scale = sigma[-1] / sigma[t]
        if middle:
            scale = (1.0 + scale) / 2.0
        scaled.append(r * min(max(scale, low), high))
    found = []
    for first in range(len(returns) - steps + 1):
        total = 0.0
        for k in range(steps):
            total += scaled[first + k]
        found.append(math.exp(total))
    return found


def black(forward: float, strike: float, total_vol: float, call: bool) -> float:
    """Undiscounted option value by the error function."""
    sign = 1.0 if call else -1.0
    if total_vol <= 0.0:
        return max(0.0, sign * (forward - strike))
    d1 = math.log(forward / strike) / total_vol + total_vol / 2.0
    d2 = d1 - total_vol
    cdf = [0.5 * math.erfc(-sign * d / math.sqrt(2.0)) for d in (d1, d2)]
    return sign * (forward * cdf[0] - strike * cdf[1])
