"""A schedule by states, learnt again and again from what was known, and what hindsight would have charged.

The state is the raw rate of the governor (EWMA volatility, scaled to the margin period), cut at quantiles of the part
that is known. To each state belongs one rate, none lower than that of a calmer one: the cheapest that cover the losses
known so far. They hold until the next time that they are learnt; what is published passes the governor's limits of
speed, its notice and its emergency like any other rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.optimise.rate_rules.least import Cheapest, budget_of, cheapest
from plimsoll.optimise.solver import Effort
from plimsoll.rates.governor import GovernorRule, Published, govern
from plimsoll.rates.tune import Series
from plimsoll.risk.plan import F64

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StateRule:
    """How states are learnt: `states` of them, every `every` bars, from at least `least` bars, at most the last
    `window`; `coverage` is what the known losses are covered to, `floor` and `cap` fractions of the notional."""

    coverage: float = 0.99
    states: int = 6
    every: int = 90
    least: int = 250
    window: int = 1500
    floor: float = 0.01
    cap: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.states <= 50:
            raise refuse("states", self.states, "from 1 to 50")
        if not (self.every >= 1 and 50 <= self.least <= self.window):
            raise refuse("least", self.least, f"at least 50 bars, at most the window ({self.window})")


@dataclass(frozen=True, eq=False)
class Learnt:
    """`rates[S]` between `edges[S - 1]` of the raw rate, from `start` (an index of the series) on; with its proof."""

    start: int
    edges: F64
    rates: F64
    solved: Cheapest

    def at(self, raw: F64) -> F64:
        """The rate of each raw one."""
        found: F64 = self.rates[np.searchsorted(self.edges, raw, side="right")]
        return found


def period_of(series: Series) -> int:
    """Bars of the margin period: the losses at the end that are not known yet."""
    known = np.isfinite(series.losses).all(axis=1)
    return int(known.size - np.flatnonzero(known)[-1] - 1) if known.any() else known.size


def learn(rule: StateRule, series: Series, at: int, *, effort: Effort | None = None) -> Learnt:
    """The rates of states from the losses of `series` that were known at index `at`, and no others.

    Raises `DocumentError` where fewer than `rule.least` are known, or the rates cannot cover them below the cap.
    """
    last = at - period_of(series)
    rows = np.arange(max(0, last + 1 - rule.window), max(0, last + 1))
    rows = rows[np.isfinite(series.losses[rows]).all(axis=1)]
    if rows.size < rule.least:
        raise refuse("least", rule.least, f"at most {rows.size} bars, which are known at index {at} of {series.name}")
    raw = series.raw[rows]
    edges = np.unique(np.quantile(raw, np.arange(1, rule.states) / rule.states)) if rule.states > 1 else np.zeros(0)
    state = np.searchsorted(edges, raw, side="right")
    groups = [series.losses[rows[state == s]].ravel() for s in range(edges.size + 1)]
    kept = [s for s, g in enumerate(groups) if g.size]
    weights = np.array([groups[s].size for s in kept], dtype=np.float64)
    solved = cheapest(
        [groups[s] for s in kept],
        weights,
        budget_of(rule.coverage, 2 * rows.size),
        floor=rule.floor,
        cap=rule.cap,
        fall=1.0,
        effort=effort,
    )
    rates = np.full(edges.size + 1, np.nan)
    rates[kept] = solved.rates
    # a state that was never seen takes the rate of the calmer one
    for s in range(1, rates.size):
        rates[s] = rates[s - 1] if np.isnan(rates[s]) else rates[s]
    rates[np.isnan(rates)] = solved.rates[0]
    return Learnt(at, edges, rates, solved)


def walk(
    rule: StateRule, series: Series, start: int, *, effort: Effort | None = None, tell: Tell | None = None
) -> tuple[F64, tuple[Learnt, ...]]:
    """`[T]` the rate wanted at each bar from index `start` on (NaN before), and each time that it was learnt."""
    wanted, learnt = np.full(series.times.size, np.nan), []
    marks = range(start, series.times.size, rule.every)
    for n, k in enumerate(marks):
        if tell is not None:
            tell(f"{series.name}: rates of states", n, len(marks))
        learnt.append(learn(rule, series, k, effort=effort))
        part = slice(k, min(k + rule.every, series.times.size))
        wanted[part] = learnt[-1].at(series.raw[part])
    return wanted, tuple(learnt)


def publish_wanted(governor: GovernorRule, series: Series, wanted: F64, start: int) -> Published:
    """What a venue publishes of the rates that are wanted from `start` on: limits of speed, notice, grid and emergency
    as in `governor`, its floor, buffer and stress weight left out, for the rates are what they are to be already."""
    only = governor.model_copy(update={"floor": False, "buffer": 0.0, "stress_weight": 0.0})
    return govern(only, series.times[start:], wanted[start:])


def hindsight(
    losses: F64, block: int, coverage: float, *, floor: float, cap: float, up: float, down: float
) -> Cheapest:
    """The cheapest rates that are constant over blocks of bars and knew everything: what no rule can be below.

    `losses[T, 2]` known ones; `up` and `down` are the largest relative changes by bar, compounded over a block.
    """
    if block < 1:
        raise refuse("block", block, "at least one bar")
    parts = [losses[k : k + block] for k in range(0, len(losses), block)]
    kept = [p[np.isfinite(p).all(axis=1)].ravel() for p in parts]
    weights = np.array([len(p) for p in parts], dtype=np.float64)
    budget = budget_of(coverage, sum(k.size for k in kept))
    rise, fall = (1.0 + up) ** block, (1.0 - down) ** block
    return cheapest(kept, weights, budget, floor=floor, cap=cap, fall=fall, rise=rise)
