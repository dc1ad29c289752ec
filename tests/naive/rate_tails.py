"""Tails of rates one window at a time: every move of every window scaled, and the whole of it ordered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.rates.raw import TailRule, both_sides

F64 = npt.NDArray[np.float64]


def tails(
    rule: TailRule,
    times: npt.NDArray[np.int64],
    closes: F64,
    horizons: tuple[int, ...],
    whole: int,
    forecast: F64 | None = None,
) -> dict[str, F64]:
    """`tail`, `floor`, `stressed` and `urged`, each `[T, H]`, as `tail_series` has them."""
    logs = np.log(closes)
    sigma = np.sqrt(np.maximum(ewma_variance(np.diff(logs), rule.decay), np.finfo(np.float64).tiny))
    start = rule.least + whole - 1
    count = closes.size - start
    step = float(np.median(np.diff(times)))
    in_floor = max(1, round(rule.floor_years * 365.0 * 86_400e9 / step))
    names = ("tail", "floor", "stressed", "urged")
    found = {name: np.zeros((count, len(horizons))) for name in names}
    for c, h in enumerate(horizons):
        moves = logs[h:] - logs[:-h]
        width = min(rule.stress_window, start - h + 1)
        worst = 0.0
        for begin in range(start - h + 1 - width):
            worst = max(worst, both_sides(rule, _there(moves[begin : begin + width])))
        for k in range(count):
            t = start + k
            last = t - h + 1
            first = max(1, last - rule.window)
            for name, level in (("tail", sigma[t]), ("urged", 0.0 if forecast is None else forecast[t])):
                if name == "tail" or level > sigma[t]:
                    scale = np.clip(level / sigma[first:last], 1.0 / rule.cap, rule.cap)
                    found[name][k, c] = both_sides(rule, _there(moves[first:last] * scale))
            found["floor"][k, c] = both_sides(rule, _there(moves[max(0, last - in_floor) : last]))
            worst = max(worst, both_sides(rule, _there(moves[last - width : last])))
            found["stressed"][k, c] = worst
    return {name: np.maximum.accumulate(series, axis=1) for name, series in found.items()}


def _there(moves: F64) -> F64:
    return moves[~np.isnan(moves)]
