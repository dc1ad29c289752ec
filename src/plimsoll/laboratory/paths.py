"""A plain path from outside: one shock to all prices, with noise where draws are wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plimsoll.documents import refuse
from plimsoll.scenarios.stress_path import StressPath

YEAR = 365.0 * 86_400.0
MOST_STEPS = 1_000_000


def shock_path(
    shock: float,
    underlyings: Sequence[str],
    *,
    minutes: float = 60.0,
    step_seconds: float = 60.0,
    after: float = 60.0,
    noise: float = 0.0,
    depth: float = 1.0,
    gas: float = 1.0,
    lag: int = 0,
    seed: int = 0,
) -> StressPath:
    """All prices go by `shock` (a part, above -1) evenly in their logarithm over `minutes`, then stay for `after`.

    `noise` is the volatility a year of a random walk that is tied to nothing at both ends of the fall (a bridge), the
    same for all underlyings and drawn by `seed`: the size of the shock is not drawn, its way is. From the first step on
    `depth` of the calm depth is posted, gas is times `gas` and marks are late by `lag` steps. Raises `DocumentError`
    for numbers outside these ranges.
    """
    if not -1.0 < shock <= 10.0 or shock == 0.0:
        raise refuse("shock", shock, "a part above -1 and at most 10, not zero, such as -0.3")
    for name, value, least in (("minutes", minutes, 0.0), ("step_seconds", step_seconds, 0.0)):
        if not (np.isfinite(value) and value > least):
            raise refuse(name, value, "a number above zero")
    for name, value in (("after", after), ("noise", noise), ("depth", depth)):
        if not (np.isfinite(value) and value >= 0.0):
            raise refuse(name, value, "a number from zero up")
    if not (np.isfinite(gas) and gas > 0.0):
        raise refuse("gas", gas, "a number above zero")
    if lag < 0:
        raise refuse("lag", lag, "steps from zero up")
    down = max(1, round(minutes * 60.0 / step_seconds))
    still = round(after * 60.0 / step_seconds)
    if down + still > MOST_STEPS:
        raise refuse("minutes", minutes, f"at most {MOST_STEPS} steps in all")
    part = np.concatenate([np.arange(down + 1) / down, np.ones(still)])
    way = part * np.log1p(shock)
    if noise:
        walk = np.random.default_rng(seed).standard_normal(down).cumsum() * noise * np.sqrt(step_seconds / YEAR)
        bridge = np.concatenate([[0.0], walk]) - np.arange(down + 1) / down * walk[-1]
        way[: down + 1] += bridge
    rows, many = way.size, len(underlyings)
    price = np.repeat(np.exp(way)[:, None], many, axis=1)
    price[0] = 1.0
    posted, burning, late = np.full((rows, many), depth), np.full(rows, gas), np.full(rows, lag, dtype=np.int64)
    posted[0], burning[0], late[0] = 1.0, 1.0, 0
    return StressPath(
        f"all prices {shock:+.0%} in {minutes:g} minutes",
        step_seconds,
        tuple(underlyings),
        price,
        np.ones((rows, many)),
        posted,
        late,
        burning,
        (),
        np.zeros((rows, 0)),
    )
