"""Raw SVI, Black's call and the two arbitrages by brute force, transcribed with `math` alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Total = Callable[[float], float]


def total_variance(a: float, b: float, rho: float, m: float, sigma: float) -> Total:
    """w(k) of a raw SVI slice."""
    return lambda k: a + b * (rho * (k - m) + math.sqrt((k - m) * (k - m) + sigma * sigma))


def ssvi(rho: float, eta: float, gamma: float, theta: float) -> Total:
    """w(k) of SSVI with the power law, from its definition."""
    phi = eta / (theta**gamma * (1.0 + theta) ** (1.0 - gamma))
    return lambda k: theta / 2.0 * (1.0 + rho * phi * k + math.sqrt((phi * k + rho) ** 2 + 1.0 - rho * rho))


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def call(k: float, w: float) -> float:
    """Undiscounted call over the forward at log-moneyness k, out of the money, and the same for a put by parity."""
    s = math.sqrt(w)
    d1 = -k / s + s / 2.0
    return normal_cdf(d1) - math.exp(k) * normal_cdf(d1 - s)


def density_factor(total: Total, k: float, step: float) -> float:
    """Durrleman's g with the derivatives by central differences."""
    low, w, high = total(k - step), total(k), total(k + step)
    slope, bend = (high - low) / (2.0 * step), (high - 2.0 * w + low) / (step * step)
    return (1.0 - k * slope / (2.0 * w)) ** 2 - slope * slope / 4.0 * (1.0 / w + 0.25) + bend / 2.0


def butterfly(total: Total, k: float, step: float) -> float:
    """Price of a butterfly of three strikes around k, over the forward: negative where there is arbitrage.

    The strikes are `k - step`, `k`, `k + step` in logarithm; quantities make it worth nothing outside them.
    """
    strikes = [math.exp(k - step), math.exp(k), math.exp(k + step)]
    prices = [call(x, total(x)) for x in (k - step, k, k + step)]
    low, high = strikes[1] - strikes[0], strikes[2] - strikes[1]
    return prices[0] / low - prices[1] * (1.0 / low + 1.0 / high) + prices[2] / high


def least_rise(early: Total, late: Total, points: Sequence[float]) -> float:
    """The least w(late) - w(early) over the points."""
    return min(late(k) - early(k) for k in points)
