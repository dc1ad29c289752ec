"""Seeded books of options in seeded scenarios, as every pricing contender gets them."""

from __future__ import annotations

import numpy as np

from benchmarks.harness.race import Inputs


def option_inputs(rng: np.random.Generator, count: int, scenarios: int, groups: int = 8) -> Inputs:
    """N options of E expiries of one underlying, S moves of its price and its volatility.

    Arrays: `group` [N]; `strike`, `vol` (per root year), `time` (years), `total_vol` [N]; `call` [N]; `forward` and
    `vol_scale` [E, S]; `discount` [E], all 1, since not every peer discounts; `quantity` [N], signed. Strikes lie
    within three standard deviations of the forward; moves have fat tails and stay above -60 %.
    """
    time = np.sort(np.exp(rng.uniform(np.log(1.0 / 365.0), 0.0, groups)))
    group = np.sort(rng.integers(0, groups, count)).astype(np.int64)
    vol = rng.uniform(0.3, 1.2, count)
    spot = 60_000.0 * np.exp(0.05 * time)
    total_vol = vol * np.sqrt(time[group])
    move = np.clip(1.0 + 0.06 * rng.standard_t(4, scenarios), 0.4, 2.5)
    return {
        "group": group,
        "strike": spot[group] * np.exp(total_vol * rng.uniform(-3.0, 3.0, count)),
        "vol": vol,
        "time": time[group],
        "total_vol": total_vol,
        "call": rng.random(count) < 0.5,
        "forward": spot[:, None] * move,
        "vol_scale": np.exp(0.15 * rng.standard_normal((groups, scenarios))),
        "discount": np.ones(groups),
        "quantity": np.round(10.0 * rng.standard_normal(count), 1),
    }
