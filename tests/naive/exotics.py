"""Exotic options written down as their definitions: integrals over the last price, trees of plain floats, paths.

Nothing here shares a line with the package. Forward `f`, total volatility `s`, no discounting unless a rate is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np


def simpson(g: Callable[[float], float], cuts: list[float], cells: int = 400) -> float:
    """Simpson's rule between neighbouring `cuts`, where `g` may have kinks or jumps (taken from inside)."""
    total = 0.0
    for a, b in pairwise(cuts):
        h = (b - a) / cells
        hair = 1e-12 * max(1.0, abs(a), abs(b))
        points = [g(min(max(a + i * h, a + hair), b - hair)) for i in range(cells + 1)]
        total += h / 3.0 * (points[0] + points[-1] + 4.0 * sum(points[1:-1:2]) + 2.0 * sum(points[2:-1:2]))
    return total


def expectation(payoff: Callable[[float], float], spot: float, f: float, s: float, kinks: list[float]) -> float:
    """`E[payoff(S)]` for lognormal S with mean `f`; `kinks` are prices at which the payoff bends or jumps."""
    if s == 0.0:
        return payoff(f)
    middle = math.log(f) - 0.5 * s * s
    low, high = middle - 12.0 * s, middle + 12.0 * s
    inner = sorted({math.log(k) for k in kinks if k > 0} | {math.log(spot), middle})
    cuts = [low, *(c for c in inner if low < c < high), high]
    weight = 1.0 / (s * math.sqrt(2.0 * math.pi))
    return simpson(
        lambda x: weight * math.exp(-0.5 * ((x - middle) / s) ** 2) * payoff(math.exp(x)),
        cuts,
    )


def vanilla_payoff(k: float, call: bool) -> Callable[[float], float]:
    return lambda price: max(price - k, 0.0) if call else max(k - price, 0.0)


def barrier(
    spot: float, f: float, k: float, h: float, s: float, call: bool, up: bool, knock_in: bool, rebate: float
) -> float:
    """Given where a path ends, it touched `h` with the chance of a Brownian bridge; the carry does not enter that."""
    log_h = math.log(h / spot)
    pays = vanilla_payoff(k, call)

    def at(price: float) -> float:
        beyond = price >= h if up else price <= h
        hit = 1.0 if beyond else math.exp(-2.0 * log_h * (log_h - math.log(price / spot)) / (s * s))
        alive = hit if knock_in else 1.0 - hit
        return alive * pays(price) + (1.0 - alive) * rebate

    return expectation(at, spot, f, s, [k, h])


def american_tree(
    spot: float, f: float, k: float, s: float, call: bool, total_rate: float, steps: int
) -> tuple[float, float]:
    """(American, European) by the tree of Cox, Ross and Rubinstein, node by node."""
    up = math.exp(s / math.sqrt(steps))
    chance = ((f / spot) ** (1.0 / steps) - 1.0 / up) / (up - 1.0 / up)
    keep = math.exp(-total_rate / steps)
    pays = vanilla_payoff(k, call)
    free = [pays(spot * up ** (2 * j - steps)) for j in range(steps + 1)]
    held = list(free)
    for i in range(steps - 1, -1, -1):
        for j in range(i + 1):
            held[j] = keep * (chance * held[j + 1] + (1.0 - chance) * held[j])
            free[j] = max(keep * (chance * free[j + 1] + (1.0 - chance) * free[j]), pays(spot * up ** (2 * j - i)))
    return free[0], held[0]


def asian_of_two(
    f: tuple[float, float], t: tuple[float, float], k: float, vol: float, call: bool, geometric: bool
) -> float:
    """Two fixings: the first price by integration, the second given the first by integration again."""
    later = vol * math.sqrt(t[1] - t[0])

    def first(a: float) -> float:
        onward = a * f[1] / f[0]

        def second(b: float) -> float:
            average = math.sqrt(a * b) if geometric else 0.5 * (a + b)
            return max(average - k, 0.0) if call else max(k - average, 0.0)

        edge = k * k / a if geometric else 2.0 * k - a
        return expectation(second, a, onward, later, [edge])

    return expectation(first, f[0], f[0], vol * math.sqrt(t[0]), [2.0 * k])


def everlasting(spot: float, k: float, vol: float, call: bool, kappa: float, carry: float = 0.0) -> float:
    """The payoff at a moment that comes with rate `kappa`, by integration over the square root of time."""
    pays = vanilla_payoff(k, call)

    def at(u: float) -> float:
        t = u * u
        value = expectation(pays, spot, spot * math.exp(carry * t), vol * u, [k])
        return 2.0 * u * kappa * math.exp(-kappa * t) * value

    return simpson(at, [0.0, math.sqrt(40.0 / kappa)], 200)


def watched_paths(
    spot: float, f: float, h: float, s: float, up: bool, steps: int, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(last price, chance that the path touched `h`) of simulated paths, watched without a break.

    Between two simulated prices the chance to have stayed on this side is that of a Brownian bridge.
    """
    rng = np.random.default_rng(seed)
    piece = s * s / steps
    x = np.zeros(draws)
    log_h, drift = math.log(h / spot), math.log(f / spot) / steps - 0.5 * piece
    survived = np.ones(draws)
    for _ in range(steps):
        y = x + drift + math.sqrt(piece) * rng.standard_normal(draws)
        beyond = (x >= log_h) | (y >= log_h) if up else (x <= log_h) | (y <= log_h)
        survived *= np.where(beyond, 0.0, 1.0 - np.exp(np.minimum(-2.0 * (log_h - x) * (log_h - y) / piece, 0.0)))
        x = y
    return spot * np.exp(x), 1.0 - survived
