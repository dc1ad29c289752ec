"""The cheapest schedule by states against the governed rule, held out, at equal coverage.

Two rates that cover differently cannot be compared by their means. Each is therefore also scaled by the one number with
which it covers exactly what is wanted over the part that is judged, all assets and both sides together; what is left is
which of them is lower where it may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.documents import format_instant, refuse
from plimsoll.market.history import instant_of
from plimsoll.optimise.paired import Paired, paired
from plimsoll.optimise.rate_rules.least import Cheapest
from plimsoll.optimise.rate_rules.walking import Learnt, StateRule, Tell, hindsight, publish_wanted, walk
from plimsoll.rates.governor import GovernorRule
from plimsoll.rates.tune import Score, Series, published, score
from plimsoll.risk.plan import F64

BLOCK_DAYS = 30
"""Days of one test block, for rates and losses are tied over weeks."""


@dataclass(frozen=True, eq=False)
class Method:
    """One way to set rates over the judged part: `score` as published; `scale` with which it covers exactly the wanted
    part, `equal` its mean rate then; `paths[N]` the published rates of each asset from the start on."""

    name: str
    score: Score
    scale: float
    equal: float
    paths: tuple[F64, ...]


PLAIN = {"buffer": 0.0, "stress_weight": 0.0, "floor": False}
"""What a governor is without its reserves, the raw rule within limits of speed and notice."""


@dataclass(frozen=True, eq=False)
class RateStudy:
    """Methods judged on the same part: `states`, the cheapest rates by state; `one rate`, the same with a single state;
    `governed`, the rule of the governor; `plain`, the governor without buffer, stress weight and floor.

    `tests` are the mean rate of `states` less that of each other at equal coverage, by blocks of thirty days over all
    assets. `hindsight` is the mean rate of the cheapest schedule that knew all losses, constant over `block` bars, with
    its bound. `learnt` by asset.
    """

    assets: tuple[str, ...]
    start: int
    rule: StateRule
    governor: GovernorRule
    methods: tuple[Method, ...]
    tests: dict[str, Paired]
    hindsight: float
    hindsight_bound: float
    block: int
    learnt: dict[str, tuple[Learnt, ...]]
    series: tuple[Series, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; rates as fractions of the notional."""
        times = {s.name: s.times for s in self.series}
        return {
            "assets": list(self.assets),
            "held_out_from": format_instant(instant_of(self.start)),
            "coverage": self.rule.coverage,
            "rule": vars(self.rule),
            "governor": self.governor.to_dict(),
            "methods": {
                m.name: vars(m.score) | {"scale_to_equal": m.scale, "mean_at_equal_coverage": m.equal}
                for m in self.methods
            },
            "less_at_equal_coverage": {name: t.to_dict() for name, t in self.tests.items()},
            "hindsight": {"mean": self.hindsight, "bound": self.hindsight_bound, "block_bars": self.block},
            "learnt": {
                name: [
                    {
                        "from": format_instant(instant_of(int(times[name][row.start]))),
                        "edges": row.edges.tolist(),
                        "rates": row.rates.tolist(),
                        "mean": row.solved.mean,
                        "bound": row.solved.bound,
                    }
                    for row in rows
                ]
                for name, rows in self.learnt.items()
            },
        }


def compare(
    assets: Sequence[Series],
    start: int,
    *,
    rule: StateRule | None = None,
    governor: GovernorRule | None = None,
    block: int = 30,
    tell: Tell | None = None,
) -> RateStudy:
    """All methods on all bars from `start` ns on. Raises `DocumentError` for an asset of which too little is known
    then, as `learn` says, or that ends before.
    """
    rule, governor = rule or StateRule(), governor or GovernorRule()
    if not assets:
        raise refuse("assets", "none", "at least one")
    learnt: dict[str, tuple[Learnt, ...]] = {}
    rated: dict[str, list[tuple[Series, F64, list[int]]]] = {n: [] for n in ("states", "one rate", "governed", "plain")}
    best = list[Cheapest]()
    for series in assets:
        first = int(np.searchsorted(series.times, start))
        if first >= series.times.size - 1:
            raise refuse("start", format_instant(instant_of(start)), f"an instant before {series.name} ends")
        for name, one in (("states", rule), ("one rate", replace(rule, states=1))):
            wanted, rows = walk(one, series, first, tell=tell)
            if name == "states":
                learnt[series.name] = rows
            mine = publish_wanted(governor, series, wanted, first)
            whole = np.concatenate([np.full(first, np.nan), mine.rate])
            rated[name].append((series, whole, [first + c.announced for c in mine.changes]))
        for name, other in (("governed", governor), ("plain", governor.model_copy(update=PLAIN))):
            found = published(other, series)
            rated[name].append((series, found.rate, [c.announced for c in found.changes]))
        best.append(_hindsight(series, first, rule, governor, block))
    end = max(int(s.times[-1]) for s in assets) + 1
    methods = tuple(_method(name, rows, rule.coverage, start, end) for name, rows in rated.items())
    days = [max(1, round(BLOCK_DAYS * 86_400e9 / float(np.median(np.diff(s.times))))) for s in assets]
    return RateStudy(
        assets=tuple(s.name for s in assets),
        start=start,
        rule=rule,
        governor=governor,
        methods=methods,
        tests={m.name: _blocks(m, methods[0], days) for m in methods[1:]},
        hindsight=float(np.mean([b.mean for b in best])),
        hindsight_bound=float(np.mean([b.bound for b in best])),
        block=block,
        learnt=learnt,
        series=tuple(assets),
    )


def _hindsight(series: Series, first: int, rule: StateRule, governor: GovernorRule, block: int) -> Cheapest:
    """Limits of speed of the governor, by bar; without one a rate may do anything within floor and cap."""
    step = float(np.median(np.diff(series.times))) / 86_400e9
    wide = rule.cap / rule.floor
    up = wide if governor.up_per_day is None else (1.0 + governor.up_per_day) ** step - 1.0
    down = 1.0 - 1.0 / wide if governor.down_per_day is None else 1.0 - (1.0 - governor.down_per_day) ** step
    return hindsight(series.losses[first:], block, rule.coverage, floor=rule.floor, cap=rule.cap, up=up, down=down)


def _method(
    name: str, rows: Sequence[tuple[Series, F64, Sequence[int]]], coverage: float, start: int, end: int
) -> Method:
    judged = [series.times >= start for series, _, _ in rows]
    paths = tuple(rate[part] for (_, rate, _), part in zip(rows, judged, strict=True))
    scale = scale_to(coverage, paths, [series.losses[part] for (series, _, _), part in zip(rows, judged, strict=True)])
    equal = float(np.mean([scale * p.mean() for p in paths]))
    return Method(name, score(rows, start, end), scale, equal, paths)


def scale_to(coverage: float, paths: Sequence[F64], losses: Sequence[F64]) -> float:
    """The least factor of all rates with which the part `coverage` of the known losses is at most the rate."""
    ratios = []
    for path, lost in zip(paths, losses, strict=True):
        known = np.isfinite(lost).all(axis=1)
        ratios.append((lost[known] / path[known, None]).ravel())
    every = np.sort(np.concatenate(ratios))
    if not every.size:
        raise refuse("losses", "none", "a margin period that has ended")
    place = int(np.ceil(coverage * every.size - 1e-9)) - 1
    return float(max(every[place], 1e-12))


def _blocks(before: Method, after: Method, sizes: Sequence[int]) -> Paired:
    """Rates at equal coverage by blocks of time, in each the mean over assets, for these move together."""
    count = min(p.size // n for p, n in zip(after.paths, sizes, strict=True))
    means = [
        np.mean(
            [
                m.scale * p[p.size - count * n :].reshape(count, n).mean(axis=1)
                for p, n in zip(m.paths, sizes, strict=True)
            ],
            axis=0,
        )
        for m in (before, after)
    ]
    return paired(*means)
