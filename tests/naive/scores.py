"""Scores and shortfall statistics written out day by day."""

from __future__ import annotations

import math


def pinball(losses: list[float], var: list[float], level: float) -> list[float]:
    return [(1 - level) * (loss - v) if loss > v else level * (v - loss) for loss, v in zip(losses, var, strict=True)]


def fissler_ziegel(losses: list[float], var: list[float], es: list[float], level: float) -> list[float]:
    """In returns and negative forecasts, as Patton, Ziegel and Chen write it."""
    answer = []
    for loss, value, tail in zip(losses, var, es, strict=True):
        y, v, e = -loss, -value, -tail
        hit = 1.0 if y <= v else 0.0
        answer.append(-hit * (v - y) / (level * e) + v / e + math.log(-e) - 1)
    return answer


def z1(losses: list[float], var: list[float], es: list[float]) -> float:
    ratios = [loss / e for loss, v, e in zip(losses, var, es, strict=True) if loss > v]
    return 1 - sum(ratios) / len(ratios)


def z2(losses: list[float], var: list[float], es: list[float], level: float) -> float:
    total = sum(loss / (len(losses) * level * e) for loss, v, e in zip(losses, var, es, strict=True) if loss > v)
    return 1 - total


def newey_west(values: list[float], lags: int) -> float:
    mean, n = sum(values) / len(values), len(values)
    total = 0.0
    for i in range(n):
        for j in range(n):
            weight = 1 - abs(i - j) / (lags + 1)
            if weight > 0:
                total += weight * (values[i] - mean) * (values[j] - mean) / n
    return max(total, 0.0)
