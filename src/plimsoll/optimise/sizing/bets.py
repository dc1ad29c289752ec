"""What a dollar of each instrument gains on paths, whose drifts are means that are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from plimsoll.contracts import is_dated
from plimsoll.documents import DAY_SECONDS, refuse
from plimsoll.optimise.ladder import coins_of_one
from plimsoll.optimise.sizing.chance import Watch
from plimsoll.optimise.sizing.growth import Bets
from plimsoll.optimise.sizing.shrinkage import Means
from plimsoll.risk import compile_plan
from plimsoll.risk.joint import joint_book, joint_rows
from plimsoll.risk.plan import F64
from plimsoll.scenarios.paths import JointPaths


def with_means(paths: JointPaths, means: Means) -> JointPaths:
    """Paths whose mean price grows by `exp(mean * years)`; what the paths' own drift was is taken out."""
    multiplier = paths.multiplier.copy()
    for name, mean in zip(means.names, means.mean.tolist(), strict=True):
        if name not in paths.names:
            raise refuse(f"paths.{name}", "no factor", "a factor for each asset that has a mean")
        row = multiplier[:, paths.names.index(name)]
        average = row @ paths.weight / paths.weight.sum()
        row *= (np.exp(mean * paths.days / 365.0) / average)[:, None]
    return replace(paths, multiplier=multiplier)


def bets_of(watch: Watch, names: Sequence[str]) -> tuple[Bets, F64]:
    """What a dollar's notional of each instrument gains until the last instant, and contracts `[A]` in a dollar of
    it."""
    market, paths = watch.market, watch.paths
    stray = [n for n in names if n not in market.contracts]
    if stray or not names or len(set(names)) != len(names):
        raise refuse("instruments", ", ".join(stray or names) or "none", "instruments of the market, each once")
    contracts = [market.contracts[n] for n in names]
    for c in contracts:
        if c.underlying not in paths.names:
            raise refuse(f"paths.{c.underlying}", "no factor", "a factor for each underlying")
        if is_dated(c) and market.seconds_to(c.expiry) < float(paths.days[-1]) * DAY_SECONDS:
            raise refuse(f"instruments.{c.name}", f"expires {c.expiry:%d %b %Y}", "one that outlives the paths")
    book = joint_book(contracts, np.ones(len(contracts)), market)
    columns, _ = paths.at(len(paths.days) - 1).columns(watch.iv)
    plan = compile_plan(contracts, market)
    each = np.array([coins_of_one(plan, i) * market.indices[c.underlying].price for i, c in enumerate(contracts)])
    gain = joint_rows(book, columns).T / each
    return Bets(tuple(names), gain, paths.weight / paths.weight.sum()), 1.0 / each
