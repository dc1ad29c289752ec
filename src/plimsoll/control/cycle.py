"""A policy through a whole recorded history without a new beginning: how its rate went with the market.

The measures are those of published rates (`plimsoll.validate.procyclicality`), on the rate in force at every step
after the policies have settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.control.courses import YEAR_HOURS, Course, Record
from plimsoll.control.evaluate import Told
from plimsoll.control.intervals import Difference, paired, periods_of
from plimsoll.control.policies import FrozenPolicy
from plimsoll.control.projection import HOUR_NS, violations
from plimsoll.control.terms import TERMS, ControlTerms
from plimsoll.control.tracks import Storm, Track, follow, settled, storm
from plimsoll.validate.procyclicality import HORIZONS, Profile, profile

F64 = npt.NDArray[np.float64]
PIECE_DAYS = 20.0
"""A history's costs are compared by pieces of so many days, as long as the episodes."""
NEAR = 0.05
"""Of its median: a rate within it is nearly constant."""


@dataclass(frozen=True, eq=False)
class Cycle:
    """One policy on one history. `scale` is the reference open interest, USD; `hours` those of the margin period."""

    name: str
    hash: str
    record: str
    terms: ControlTerms
    start: int
    scale: float
    track: Track
    violated: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Steps of the run."""
        return self.track.rate.size

    @property
    def costs(self) -> F64:
        """By term, basis points of the reference open interest a year."""
        return np.asarray(self.track.costs.sum(axis=0) * self._yearly / self.steps)

    @property
    def pieces(self) -> F64:
        """`[P]` all terms by `PIECE_DAYS`, basis points a year; a shorter end is left out."""
        many = self.per_piece
        count = self.steps // many
        total = self.track.costs[: count * many].sum(axis=1).reshape(count, many)
        return np.asarray(total.mean(axis=1) * self._yearly)

    @property
    def per_piece(self) -> int:
        """Steps of a piece."""
        return min(self.steps, round(PIECE_DAYS * 24.0 / self.terms.step_hours))

    @property
    def starts(self) -> list[int]:
        """When each piece begins, ns."""
        each = round(self.terms.step_hours * HOUR_NS) * self.per_piece
        return [self.start + k * each for k in range(self.pieces.size)]

    @property
    def _yearly(self) -> float:
        return 1e4 * YEAR_HOURS / self.terms.step_hours / self.scale

    @property
    def profile(self) -> Profile:
        """Peak to trough, rises over days, what the rate costs above the needed one, and losses that it did not cover.

        A loss is the larger of a long and a short position's over the margin period of the bounds from each step on;
        periods overlap. Rises are by days.
        """
        first = settled(self.terms)
        many = max(1, int(np.ceil(self.terms.bounds.hours / self.terms.step_hours - 1e-9)))
        price = self.track.price
        loss = np.abs(price[many:] / price[:-many] - 1.0)[first:]
        part = slice(first, first + loss.size)
        day = max(1, round(24.0 / self.terms.step_hours))
        return profile(
            self.track.rate[part],
            loss,
            name=self.name,
            level=1.0 - self.terms.bounds.level,
            reference=self.track.needed[part],
            horizons=tuple(day * n for n in HORIZONS),
        )

    def worst_day(self, what: str) -> float:
        """The largest sum over any 24 hours of `called`, `forced` or `uncovered`, basis points of the reference open
        interest, after the policies have settled."""
        day = max(1, round(24.0 / self.terms.step_hours))
        series = getattr(self.track, what)[settled(self.terms) :]
        sums = np.convolve(series, np.ones(min(day, series.size)), mode="valid")
        return float(1e4 * sums.max() / self.scale)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        first, p = settled(self.terms), self.profile
        rate = self.track.rate[first:]
        middle = float(np.median(rate))
        day = max(1, round(24.0 / self.terms.step_hours))
        return {
            "policy": self.name,
            "hash": self.hash,
            "record": self.record,
            "steps": self.steps,
            "violations": len(self.violated),
            "cost": float(self.costs.sum()),
            "terms": dict(zip(TERMS, self.costs.tolist(), strict=True)),
            "rate": p.mean,
            "low": float(np.quantile(rate, 0.05)),
            "median": middle,
            "high": float(np.quantile(rate, 0.95)),
            "near": float((np.abs(rate / middle - 1.0) <= NEAR).mean()),
            "over_needed": p.cost,
            "peak_to_trough": p.peak_to_trough,
            "rises": {f"{n // day}": rise for n, rise in p.rises.items()},
            "periods": p.shortfall.days,
            "exceptions": p.shortfall.exceptions,
            "coverage": p.shortfall.coverage,
            "largest_shortfall": p.shortfall.largest,
            "worst_day": {w: self.worst_day(w) for w in ("called", "forced", "uncovered")},
        }


def cycle(terms: ControlTerms, record: str, course: Course, seed: int, frozen: FrozenPolicy) -> Cycle:
    """One policy through one long course with a start; `terms` are those of its length."""
    if course.start is None:
        raise ValueError(f"course {course.name}: no start, a drawn one")
    venue, track = follow(terms, course, seed, frozen.fresh())
    broken = tuple(violations(terms.bounds, venue.projection.posted))
    return Cycle(frozen.name, frozen.hash(), record, terms, course.start, venue.scale, track, broken)


def cycles(
    policies: Sequence[FrozenPolicy],
    terms: ControlTerms,
    record: Record,
    *,
    since: int | None = None,
    told: Told | None = None,
) -> tuple[Cycle, ...]:
    """Each policy through the whole record after `since`; the people are the same for all."""
    longer, course = record.whole(terms, since=since)
    found = []
    for n, frozen in enumerate(policies):
        if told is not None:
            told(f"{frozen.name}: {record.name} in one run", n, len(policies))
        found.append(cycle(longer, record.name, course, 0, frozen))
    return tuple(found)


def cycle_difference(ones: Sequence[Cycle], bases: Sequence[Cycle]) -> Difference:
    """A policy's costs by pieces less another's, on the same histories; coins share their days."""
    apart = np.concatenate([one.pieces - base.pieces for one, base in zip(ones, bases, strict=True)])
    starts = [s for one in ones for s in one.starts]
    span = round(ones[0].terms.step_hours * HOUR_NS) * ones[0].per_piece
    return paired(ones[0].name, bases[0].name, apart, periods_of(starts, span))


def cycle_storm(rows: Sequence[Cycle], names: Sequence[str]) -> Storm:
    """The worst fall of a history under the policies of these names."""
    one = rows[0]
    found = storm(one.record, one.terms, {c.name: c.track for c in rows if c.name in names}, one.scale)
    begins = np.datetime64(one.start + found.first * round(one.terms.step_hours * HOUR_NS), "ns")
    return replace(found, name=f"{one.record}, from {begins.astype('datetime64[D]')}")
