"""The published tables written out day by day, by their conventions, with `math` and `statistics` alone."""

from __future__ import annotations

import math
from statistics import NormalDist, fmean, pstdev
from typing import Any


def linear_quantile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (place - low) * (ranked[high] - ranked[low])


def historical(returns: list[float], level: float, window: int) -> tuple[list[float], list[float], list[float]]:
    """Quantile, mean and deviation of each day after the first window."""
    before = [returns[t - window : t] for t in range(window, len(returns))]
    return [linear_quantile(b, level) for b in before], [fmean(b) for b in before], [pstdev(b) for b in before]


def ewma(returns: list[float], level: float, window: int) -> tuple[list[float], list[float], list[float]]:
    variance, out = returns[0] ** 2, []
    for r in returns:
        out.append(math.sqrt(variance))
        variance = 0.94 * variance + 0.06 * r * r
    std = out[window:]
    return [NormalDist().inv_cdf(level) * s for s in std], [0.0] * len(std), std


def chi_square_one(x: float) -> float:
    """Upper tail with one degree."""
    return math.erfc(math.sqrt(x / 2))


def log_power(base: float, power: float) -> float:
    return 0.0 if power == 0 else power * math.log(base)


def kupiec(count: int, days: int, level: float) -> float:
    right = log_power(level, count) + log_power(1 - level, days - count)
    found = log_power(count / days, count) + log_power(1 - count / days, days - count)
    return chi_square_one(max(0.0, 2 * (found - right)))


def independence(hits: list[bool]) -> float | None:
    n = {(a, b): 0 for a in (False, True) for b in (False, True)}
    for t in range(1, len(hits)):
        n[hits[t - 1], hits[t]] += 1
    if not all(n.values()):
        return None
    p0 = n[False, True] / (n[False, False] + n[False, True])
    p1 = n[True, True] / (n[True, False] + n[True, True])
    p = (n[False, True] + n[True, True]) / sum(n.values())
    ratio = 0.0
    for (before, after), count in n.items():
        mine = p1 if before else p0
        ratio += 2 * count * (math.log(mine if after else 1 - mine) - math.log(p if after else 1 - p))
    return chi_square_one(max(0.0, ratio))


def shift(quantile: list[float], returns: list[float], level: float) -> float:
    scores = sorted(q - r for q, r in zip(quantile, returns, strict=True))
    return scores[min(math.ceil((len(scores) + 1) * (1 - level)), len(scores)) - 1]


def var_row(returns: list[float], quantile: list[float], level: float, calibration: int) -> dict[str, Any]:
    moved = shift(quantile[:calibration], returns[:calibration], level)
    days = len(returns) - calibration
    row: dict[str, Any] = {"n_cal": calibration, "n_test": days, "qV": moved}
    for name, lift in (("raw", 0.0), ("cp", moved)):
        forecasts = [q - lift for q in quantile[calibration:]]
        pairs = list(zip(returns[calibration:], forecasts, strict=True))
        hits = [r < q for r, q in pairs]
        count = sum(hits)
        per_year = 250 * count / days
        row[f"viol_{name}"] = count
        row[f"pihat_{name}"] = count / days
        row[f"p_kup_{name}"] = kupiec(count, days, level)
        row[f"p_cc_{name}"] = independence(hits)
        row[f"TL_{name}"] = "Green" if per_year <= 4 else "Yellow" if per_year <= 9 else "Red"
        row[f"QS_{name}"] = fmean((r - q) * (level - 1 if r < q else level) for r, q in pairs)
        row["raw_width" if name == "raw" else "VaR_width"] = fmean(abs(q) for q in forecasts)
    return row


def es_row(
    returns: list[float], quantile: list[float], mean: list[float], std: list[float], level: float, calibration: int
) -> dict[str, Any]:
    law = NormalDist()
    es = [m - s * law.pdf(law.inv_cdf(level)) / level for m, s in zip(mean, std, strict=True)]
    worse = [(r, e) for r, q, e in list(zip(returns, quantile, es, strict=True))[:calibration] if r < q]
    scores = sorted(r - e for r, e in worse)
    lift = scores[min(math.ceil((len(scores) + 1) * (1 - level)), len(scores)) - 1] if scores else 0.0
    moved = shift(quantile[:calibration], returns[:calibration], level)
    row: dict[str, Any] = {"q_hat_E": lift, "n_test": len(returns) - calibration}
    for name, v, e in (("raw", 0.0, 0.0), ("corr", moved, lift)):
        pairs = zip(returns[calibration:], quantile[calibration:], strict=True)
        total = sum(r for r, q in pairs if r < q - v)
        average = fmean(x - e for x in es[calibration:])
        row[f"z2_{name}"] = total / (row["n_test"] * level * average) + 1
        row[f"{name}_pass"] = row[f"z2_{name}"] >= -1.96
    return row
