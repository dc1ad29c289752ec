"""Joint paths up to a transfer, from what a history held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.laws import DECAY
from plimsoll.risk.engine import volatility
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import filtered_joint_paths
from plimsoll.scenarios.paths import JointPaths

PARTS = 8
"""Parts of the time into which longer bars are cut."""

INSTANTS = 24
"""Instants at most at which margin is re-computed."""


def transfer_paths(factors: FactorHistory, hours: float, size: int, seed: int) -> tuple[JointPaths, str]:
    """`size` paths to `hours` ahead by filtered history, and in words what they are.

    Bars of at most a quarter of it are drawn as they are. The moves of longer ones are cut to an eighth of it by the
    root of time: the tails of a bar then stand for those of a part of it (assumed). Implied volatility without a
    history moves by the assumed law of `IvLaw`.
    """
    if not 0.0 < hours <= 24.0 * 400.0:
        raise refuse("transfer", hours, "hours above 0, at most 9,600")
    if not 2 <= size <= 1_000_000:
        raise refuse("paths", size, "2 to 1,000,000")
    bar = 24.0 * factors.step_days
    step = bar if bar <= hours / 4.0 else hours / PARTS
    known = volatility(factors.returns, DECAY ** (bar / 24.0)) * np.sqrt(step / bar)
    factors = replace(factors, returns=factors.returns * np.sqrt(step / bar), step_days=step / 24.0)
    told = f"moves of bars of {bar:g} h"
    if step != bar:
        told += f" cut to {step:g} h by the root of time (assumed)"
    steps = int(np.ceil(hours / step - 1e-9))
    count = min(steps, INSTANTS)
    keep = sorted({int(np.ceil(steps * k / count)) for k in range(1, count + 1)})
    paths = filtered_joint_paths(
        factors.names,
        factors.returns,
        known,
        size=size,
        decay=DECAY ** (step / 24.0),
        seed=seed,
        steps=steps,
        step_days=factors.step_days,
        keep=keep,
        iv=IvLaw(seed=seed),
    )
    return paths, f"{size:,} paths of filtered history to {hours:g} h, {len(keep)} instants, seed {seed}; {told}"
