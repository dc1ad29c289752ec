"""Joint paths and their likelihood ratios with loops over single numbers, sharing no code with the package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from scipy.special import gammaincinv, stdtr, stdtrit


def filtered_path(
    returns: Sequence[Sequence[float]],
    sigma: Sequence[Sequence[float]],
    days: Sequence[int],
    decay: float,
    low: float,
    high: float,
) -> list[list[float]]:
    """Multipliers `[step][factor]` of one path from the days that it draws."""
    factors = len(returns[0])
    vol = list(sigma[-1])
    level = [1.0] * factors
    found = []
    for day in days:
        for f in range(factors):
            scale = min(max(vol[f] / sigma[day][f], low), high)
            moved = returns[day][f] * scale
            level[f] *= math.exp(moved)
            vol[f] = math.sqrt(decay * vol[f] ** 2 + (1.0 - decay) * moved**2)
        found.append(list(level))
    return found


def poisson_count(u: float, mean: float) -> int:
    """The least count whose distribution function reaches `u`."""
    count, mass = 0, math.exp(-mean)
    total = mass
    while total < u:
        count += 1
        mass *= mean / count
        total += mass
    return count


def simulated_path(
    points: Sequence[float],
    root: Sequence[Sequence[float]],
    sigma: Sequence[float],
    dof: float,
    marginal_dof: float,
    news: float,
    memory: float,
    falls: float,
    jump: tuple[float, float, float, float, list[float]],
    steps: int,
) -> list[list[float]]:
    """Multipliers `[step][factor]` of a t copula with t marginals, jumps and moving variance from uniform numbers.

    `jump` is the expected count of a step, mean, deviation, own deviation and the factors' betas.
    """
    normal = NormalDist()
    factors = len(sigma)
    rate, mean, sd, own, betas = jump
    variance = [s * s for s in sigma]
    level = [1.0] * factors
    found = []
    width = factors + 1 + 2 + factors
    for k in range(steps):
        u = points[k * width : (k + 1) * width]
        z = [normal.inv_cdf(x) for x in u[:factors]]
        w = gammaincinv(dof / 2.0, u[factors]) / (dof / 2.0)
        count = poisson_count(u[factors + 1], rate)
        common = count * mean + math.sqrt(count) * sd * normal.inv_cdf(u[factors + 2])
        for f in range(factors):
            x = sum(root[f][g] * z[g] for g in range(factors)) / math.sqrt(w)
            unit = stdtrit(marginal_dof, stdtr(dof, x)) * math.sqrt((marginal_dof - 2.0) / marginal_dof)
            own_part = math.sqrt(count) * own * normal.inv_cdf(u[factors + 3 + f])
            moved = math.sqrt(variance[f]) * unit + common * betas[f] + own_part
            level[f] *= math.exp(moved)
            heavy = news + (falls if moved < 0.0 else 0.0)
            variance[f] = (1.0 - news - memory - falls / 2.0) * sigma[f] ** 2 + heavy * moved**2 + memory * variance[f]
        found.append(list(level))
    return found
