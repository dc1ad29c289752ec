"""Verdicts on a walk: coverage by book and regime with multiple-testing control, shortfall, scores, procyclicality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.validate.coverage import conditional_coverage, holm, independence, interval, kupiec, worst_light
from plimsoll.validate.duration import time_between
from plimsoll.validate.expected_shortfall import acerbi_szekely_1, acerbi_szekely_2, mcneil_frey
from plimsoll.validate.procyclicality import HORIZONS, Shortfall, conservatism, largest_rise, over_margin, shortfall
from plimsoll.validate.quantile import dynamic_quantile
from plimsoll.validate.result import F64, Test
from plimsoll.validate.scores import diebold_mariano, fissler_ziegel, pinball
from plimsoll.validate.walk import REGIMES, Track, Walk

WHOLE = "all"
FEW = 50
"""Fewer days than this in a regime are told but not tested: no count of them could reject anything."""

CEILING = 2.0
DRAWS = 499


@dataclass(frozen=True)
class Verdict:
    """One model on one book in one regime (`all`: every day).

    `p_value` is the exact two-sided one of the promised share, `adjusted` Holm's over its family: all books and regimes
    of the model for the regimes, all books for `all`. `one_sided` is the chance of at least so many exceptions.
    `low` and `high` bound the true share of exceptions with 95 % confidence. `noisy` is the fewest and most exceptions
    over the draws of the daily error of the volatility proxy's level, and `noisy_p` the one-sided p-value at the most;
    `on_chains` and `on_chains_p` the same over the errors of whole surfaces on the chains of 2026; all `None` for books
    without options. Coverage is `claimed` only where it is not rejected with those errors either. `tested` is false
    where there were too few days.
    """

    model: str
    book: str
    regime: str
    days: int
    exceptions: int
    level: float
    low: float
    high: float
    p_value: float
    one_sided: float
    mean: float
    shortfall: Shortfall
    over_margin: float
    conservatism: float
    noisy: tuple[int, int] | None
    noisy_p: float | None
    on_chains: tuple[int, int] | None
    on_chains_p: float | None
    tested: bool
    adjusted: float = 1.0

    @property
    def coverage(self) -> float:
        """Share of the days whose loss was covered."""
        return 1 - self.exceptions / self.days if self.days else float("nan")

    @property
    def side(self) -> str:
        """Which way a rejection points."""
        return "too many" if self.exceptions > self.level * self.days else "too few"

    def rejected(self, size: float = 0.05) -> bool:
        """Whether coverage of exactly the promised share is rejected, with `size` the error over the whole family."""
        return self.tested and self.adjusted < size

    def claimed(self, size: float = 0.05) -> bool:
        """Whether the promised coverage may be claimed: tested, not significantly missed, and for a book with options
        not with the error of the proxy carried through it either, at the worst of the draws."""
        worst = min(p for p in (self.one_sided, self.noisy_p, self.on_chains_p) if p is not None)
        return self.tested and worst >= size

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        out = dict(self.__dict__)
        out["shortfall"] = dict(self.shortfall.__dict__)
        out["noisy"] = None if self.noisy is None else list(self.noisy)
        out["on_chains"] = None if self.on_chains is None else list(self.on_chains)
        out["conservatism"] = _finite(self.conservatism)
        extra = {"coverage": self.coverage, "rejected": self.rejected(), "claimed": self.claimed(), "side": self.side}
        return {**out, **extra, "iv": "none" if self.noisy is None else "proxy"}


@dataclass(frozen=True)
class Study:
    """Everything of one model on one book over all days that is not a count: further tests, scores, its movement.

    `peak_to_trough` and `rises` are of the forecast of a book that is the same every day. Mean scores: lower is better;
    `against` compares the joint score with that of the first model (negative: better than it).
    """

    model: str
    book: str
    tests: tuple[Test, ...]
    light: str
    light_exceptions: int
    pinball: float
    joint: float
    against: Test | None
    peak_to_trough: float
    rises: Mapping[int, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **{k: v for k, v in self.__dict__.items() if k not in ("tests", "against", "rises")},
            "tests": [t.to_dict() for t in self.tests],
            "against": None if self.against is None else self.against.to_dict(),
            "rises": {str(n): r for n, r in self.rises.items()},
        }


@dataclass(frozen=True)
class Judgement:
    """Verdicts and studies of every model and book."""

    level: float
    models: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    studies: tuple[Study, ...]
    ceiling: float = field(default=CEILING)

    def rejections(self, model: str) -> list[Verdict]:
        """Every rejection of a model, the whole span first."""
        found = [v for v in self.verdicts if v.model == model and v.rejected()]
        return sorted(found, key=lambda v: (v.regime != WHOLE, v.adjusted))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "level": self.level,
            "models": list(self.models),
            "conservatism_ceiling": self.ceiling,
            "verdicts": [v.to_dict() for v in self.verdicts],
            "studies": [s.to_dict() for s in self.studies],
        }


def judge(walk: Walk, *, draws: int = DRAWS, seed: int = 0, ceiling: float = CEILING) -> Judgement:
    """Every test on every track of a walk; the first model is what scores are compared with.

    `draws` series behind each simulated p-value, from `seed`. Pure: the same walk gives the same judgement.
    """
    if not walk.tracks:
        raise refuse("walk", "no tracks", "at least one book")
    models = tuple(walk.tracks[0].var)
    verdicts: list[Verdict] = []
    for model in models:
        whole = [_verdict(t, model, WHOLE, np.ones(len(t.times), dtype=np.bool_), walk.level) for t in walk.tracks]
        parts = [
            _verdict(t, model, regime, np.array([r == regime for r in t.regime]), walk.level)
            for t in walk.tracks
            for regime in REGIMES
            if regime in t.regime
        ]
        verdicts += [*_adjusted(whole), *_adjusted(parts)]
    studies = [_study(t, m, models[0], walk.level, draws, seed) for m in models for t in walk.tracks]
    return Judgement(walk.level, models, tuple(verdicts), tuple(studies), ceiling)


def _adjusted(family: Sequence[Verdict]) -> list[Verdict]:
    """Holm over the members that are tested."""
    tested = [v for v in family if v.tested]
    if not tested:
        return list(family)
    values = iter(holm([v.p_value for v in tested]).tolist())
    return [replace(v, adjusted=next(values)) if v.tested else v for v in family]


def _verdict(track: Track, model: str, regime: str, days: Any, level: float) -> Verdict:
    losses, var = track.losses[days], track.var[model][days]
    hits = losses > var
    count, size = int(hits.sum()), int(hits.size)
    low, high = interval(count, size)
    # a book may be unable to lose at a quantile: margin is then nothing, and the ratios begin at a cent of a percent
    held = np.maximum(var, 1e-6)
    noisy, noisy_p = _over_draws(track.noisy[days], var, level)
    on_chains, on_chains_p = _over_draws(track.on_chains[days], var, level)
    return Verdict(
        model,
        track.shape.name,
        regime,
        size,
        count,
        level,
        low,
        high,
        kupiec(hits, level, exact=True).p_value,
        kupiec(hits, level, side="too many").p_value,
        float(var.mean()),
        shortfall(held, losses),
        over_margin(held, losses),
        conservatism(held, losses, level),
        noisy,
        noisy_p,
        on_chains,
        on_chains_p,
        size >= FEW,
    )


def _over_draws(losses: F64, var: F64, level: float) -> tuple[tuple[int, int] | None, float | None]:
    """Fewest and most exceptions over the draws of `losses[T, K]`, and the one-sided p-value at the most."""
    if not losses.shape[1]:
        return None, None
    counts = (losses > var[:, None]).sum(axis=0)
    worst = np.arange(var.size) < counts.max()
    return (int(counts.min()), int(counts.max())), kupiec(worst, level, side="too many").p_value


def _study(track: Track, model: str, first: str, level: float, draws: int, seed: int) -> Study:
    losses, var, es = track.losses, track.var[model], track.es[model]
    hits = losses > var
    value, tail = np.maximum(var, 1e-6), np.maximum(np.maximum(es, var), 1e-6)
    light = worst_light(hits, level, min(250, hits.size))
    tests = (
        independence(hits, draws=draws, seed=seed),
        conditional_coverage(hits, level, draws=draws, seed=seed),
        dynamic_quantile(hits, level, var, draws=min(draws, 199), seed=seed),
        time_between(hits, level, draws=draws, seed=seed),
        mcneil_frey(losses, value, tail, draws=draws, seed=seed),
        acerbi_szekely_1(losses, value, tail, level, draws=draws, seed=seed),
        acerbi_szekely_2(losses, value, tail, level, draws=draws, seed=seed),
    )
    joint = _joint(track, model, level)
    against = None if model == first else diebold_mariano(joint, _joint(track, first, level))
    return Study(
        model,
        track.shape.name,
        tests,
        light.zone,
        light.exceptions,
        float(pinball(losses, var, level).mean()),
        float(joint.mean()),
        against,
        float(value.max() / value.min()),
        {n: largest_rise(value, n) for n in HORIZONS},
    )


def _joint(track: Track, model: str, level: float) -> F64:
    value = np.maximum(track.var[model], 1e-6)
    return fissler_ziegel(track.losses, value, np.maximum(track.es[model], value), level)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
