"""Policies on the same episodes: every term apart, paired differences with their intervals, every bound looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.control.courses import YEAR_HOURS, Course
from plimsoll.control.intervals import Difference, paired, periods_of
from plimsoll.control.policies import FrozenPolicy, Policy
from plimsoll.control.projection import HOUR_NS, violations
from plimsoll.control.terms import STABILITY, TERMS, ControlTerms
from plimsoll.control.tracks import Storm, Track, follow, settled, storm, worst_fall

F64 = npt.NDArray[np.float64]
Told = Callable[[str, int, int], None]

PLAIN = ("early", "rate", "steepest", "interest", "traded", "breaches", "failures", "calls")


@dataclass(frozen=True, eq=False)
class Episode:
    """One policy through one course. `costs` in basis points of the reference open interest a year, by term; `early`
    those of bad debt that fell while the policies settled; `rate` the mean in force, `steepest` its largest relative
    rise in a day after that, `interest` the mean open interest over the reference one, `breaches` steps whose move was
    beyond the initial rate, `failures` steps in which somebody else paid, `calls` how many; `violated` are bounds
    broken; `digest` the hash of every rate in force, bit by bit; `start` that of the course, `scale` the reference open
    interest, USD."""

    course: str
    costs: F64
    early: float
    rate: float
    steepest: float
    interest: float
    traded: float
    breaches: int
    failures: int
    calls: int
    steps: int
    violated: tuple[str, ...]
    digest: str
    start: int | None
    scale: float
    track: Track

    @property
    def cost(self) -> float:
        """All terms."""
        return float(self.costs.sum())


def episode(terms: ControlTerms, course: Course, seed: int, policy: Policy, *, check: bool = False) -> Episode:
    """`policy` through `course`; people are drawn by `seed`. Money and lots are looked at at the end."""
    venue, track = follow(terms, course, seed, policy, check=check)
    posted = venue.projection.posted
    rates = np.array([p.in_force for p in posted])
    day, first = max(1, round(24.0 / terms.step_hours)), settled(terms)
    steady = rates[first:]
    low = np.array([steady[max(0, k - day) : k + 1].min() for k in range(steady.size)])
    yearly = 1e4 * YEAR_HOURS / terms.step_hours / terms.steps / venue.scale
    return Episode(
        course.name,
        # in the order of time, so that a search sees the same bits whatever sums an array adds in
        np.cumsum(track.costs, axis=0)[-1] * yearly,
        float(track.costs[:first, TERMS.index("bad_debt")].sum()) * yearly,
        float(rates.mean()),
        float((steady / low).max() - 1.0),
        float(track.interest.mean()) / venue.scale,
        float(track.traded.mean()) / venue.scale,
        int(track.breach.sum()),
        int((track.uncovered > 0.0).sum()),
        venue.people.calls,
        terms.steps,
        tuple(violations(terms.bounds, posted)),
        sha256(rates.tobytes()).hexdigest(),
        course.start,
        venue.scale,
        track,
    )


@dataclass(frozen=True, eq=False)
class Judged:
    """A policy on a set of courses."""

    name: str
    hash: str
    episodes: tuple[Episode, ...]

    @property
    def costs(self) -> F64:
        """`[E, terms]`."""
        return np.stack([e.costs for e in self.episodes])

    @property
    def total(self) -> F64:
        """`[E]` all terms of each episode."""
        return np.asarray(self.costs.sum(axis=1))

    @property
    def violated(self) -> int:
        """Bounds that were broken, all episodes."""
        return sum(len(e.violated) for e in self.episodes)

    @property
    def steps(self) -> int:
        """Steps of all episodes."""
        return sum(e.steps for e in self.episodes)

    def mean(self, what: str) -> float:
        """The mean of a plain number of the episodes."""
        return float(np.mean([getattr(e, what) for e in self.episodes]))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; costs in basis points a year of the reference open interest."""
        by = dict(zip(TERMS, self.costs.mean(axis=0).tolist(), strict=True))
        return {
            "policy": self.name,
            "hash": self.hash,
            "episodes": len(self.episodes),
            "steps": self.steps,
            "violations": self.violated,
            "cost": float(self.total.mean()),
            "terms": by,
            "stability": sum(by[t] for t in STABILITY),
            "digest": sha256("".join(e.digest for e in self.episodes).encode()).hexdigest(),
        } | {w: self.mean(w) for w in PLAIN}


def judge(
    policies: Sequence[FrozenPolicy], terms: ControlTerms, courses: Sequence[Course], *, told: Told | None = None
) -> tuple[Judged, ...]:
    """Each policy on each course; the people of the n-th course are the same for all."""
    found = []
    for n, frozen in enumerate(policies):
        rows = []
        for k, course in enumerate(courses):
            if told is not None:
                told(f"{frozen.name}: {course.name}", n * len(courses) + k, len(policies) * len(courses))
            rows.append(episode(terms, course, k, frozen.fresh()))
        found.append(Judged(frozen.name, frozen.hash(), tuple(rows)))
    return tuple(found)


def difference(one: Judged, base: Judged, terms: ControlTerms, *, seed: int = 1) -> Difference:
    """Paired over episodes; recorded ones resampled by the days that they share and in blocks of neighbours."""
    span = round(terms.step_hours * HOUR_NS) * terms.steps
    periods = periods_of([e.start for e in base.episodes], span)
    return paired(one.name, base.name, one.total - base.total, periods, seed=seed)


def pooled(sets: Sequence[tuple[Judged, ...]]) -> tuple[Judged, ...]:
    """The same policies on several sets as if they were one."""
    return tuple(
        Judged(rows[0].name, rows[0].hash, tuple(e for j in rows for e in j.episodes))
        for rows in zip(*sets, strict=True)
    )


def worst_storm(rows: Sequence[Judged], terms: ControlTerms, names: Sequence[str]) -> Storm:
    """Of the first policy's episodes the one whose price fell most, under the policies of these names."""
    falls = [worst_fall(e.track.outside, terms)[1] for e in rows[0].episodes]
    k = int(np.argmin(falls))
    found = rows[0].episodes[k]
    tracks = {j.name: j.episodes[k].track for j in rows if j.name in names}
    return storm(found.course, terms, tracks, found.scale)


def elasticities(
    policies: Sequence[FrozenPolicy],
    terms: ControlTerms,
    courses: Sequence[Course],
    values: Sequence[float],
    *,
    told: Told | None = None,
) -> Mapping[float, tuple[Judged, ...]]:
    """The frozen policies where volume answers the rate by another elasticity than they were trained for."""
    found = {}
    for value in values:
        agents = terms.agents.model_copy(update={"elasticity": value})
        found[value] = judge(policies, terms.model_copy(update={"agents": agents}), courses, told=told)
    return found
