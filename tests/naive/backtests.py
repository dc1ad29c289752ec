"""Backtests of coverage written out day by day, with `math` alone."""

from __future__ import annotations

import math
from itertools import pairwise


def log_power(base: float, power: float) -> float:
    """`power * ln(base)` with `0 * ln(0) = 0`."""
    return 0.0 if power == 0 else power * math.log(base)


def kupiec_ratio(hits: list[bool], level: float) -> float:
    days, count = len(hits), sum(hits)
    right = log_power(level, count) + log_power(1 - level, days - count)
    found = log_power(count / days, count) + log_power(1 - count / days, days - count)
    return max(0.0, -2 * (right - found))


def exact_chance(hits: list[bool], level: float) -> float:
    """Chance of a count whose ratio is at least that of `hits`."""
    days, mine = len(hits), kupiec_ratio(hits, level)
    total = 0.0
    for count in range(days + 1):
        other = kupiec_ratio([True] * count + [False] * (days - count), level)
        if other >= mine - 1e-9:
            total += math.comb(days, count) * level**count * (1 - level) ** (days - count)
    return total


def independence_ratio(hits: list[bool]) -> float:
    table = {(a, b): 0 for a in (False, True) for b in (False, True)}
    for before, after in pairwise(hits):
        table[before, after] += 1
    after_calm = table[False, False] + table[False, True]
    after_hit = table[True, False] + table[True, True]
    one = (table[False, True] + table[True, True]) / (len(hits) - 1)
    calm = table[False, True] / after_calm if after_calm else 0.0
    bad = table[True, True] / after_hit if after_hit else 0.0
    same = log_power(1 - one, table[False, False] + table[True, False])
    same += log_power(one, table[False, True] + table[True, True])
    apart = log_power(1 - calm, table[False, False]) + log_power(calm, table[False, True])
    apart += log_power(1 - bad, table[True, False]) + log_power(bad, table[True, True])
    return max(0.0, -2 * (same - apart))


def waiting_ratios(hits: list[bool], level: float) -> list[float]:
    ratios, waited = [], 0
    for hit in hits:
        waited += 1
        if hit:
            right = math.log(level) + (waited - 1) * math.log(1 - level)
            found = math.log(1 / waited) + log_power(1 - 1 / waited, waited - 1)
            ratios.append(-2 * (right - found))
            waited = 0
    return ratios


def holm(p_values: list[float]) -> list[float]:
    """Adjusted p-values by their definition: the least size at which the step-down procedure rejects each."""
    answer = []
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for i in range(len(p_values)):
        needed = 0.0
        for step, j in enumerate(ranked):
            needed = max(needed, (len(p_values) - step) * p_values[j])
            if j == i:
                break
        answer.append(min(1.0, needed))
    return answer


def dynamic_quantile(hits: list[bool], level: float, forecast: list[float], lags: int) -> float:
    """`b'X'X b / (p (1-p))` where `b` solves the normal equations, by elimination."""
    rows, target = [], []
    for t in range(lags, len(hits)):
        rows.append([1.0] + [hits[t - k] - level for k in range(1, lags + 1)] + [forecast[t]])
        target.append(hits[t] - level)
    width = len(rows[0])
    matrix = [[sum(r[i] * r[j] for r in rows) for j in range(width)] for i in range(width)]
    right = [sum(r[i] * h for r, h in zip(rows, target, strict=True)) for i in range(width)]
    solved = solve([row[:] for row in matrix], right[:])
    return sum(b * x for b, x in zip(solved, right, strict=True)) / (level * (1 - level))


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss with the largest pivot."""
    size = len(right)
    for i in range(size):
        best = max(range(i, size), key=lambda k: abs(matrix[k][i]))
        matrix[i], matrix[best], right[i], right[best] = matrix[best], matrix[i], right[best], right[i]
        for k in range(i + 1, size):
            factor = matrix[k][i] / matrix[i][i]
            matrix[k] = [a - factor * b for a, b in zip(matrix[k], matrix[i], strict=True)]
            right[k] -= factor * right[i]
    answer = [0.0] * size
    for i in reversed(range(size)):
        answer[i] = (right[i] - sum(matrix[i][j] * answer[j] for j in range(i + 1, size))) / matrix[i][i]
    return answer
