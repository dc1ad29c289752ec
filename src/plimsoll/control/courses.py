"""Outside prices of an episode: drawn from a law of three regimes, or cut from a recorded history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.control.terms import ControlTerms
from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

REGIMES = (0.35, 0.65, 1.30)
"""Volatilities a year of the three regimes, assumed: about the quartiles and the worst weeks of BTC since 2017."""
LEAVES = (0.03, 0.08, 0.20)
"""Probabilities a day of leaving each regime; from the middle one half of them go up."""
STARTS = (0.35, 0.4, 0.25)
"""Probabilities of each regime at the start of an episode."""
DEPTHS = (1.0, 0.7, 0.35)
"""Part of the calm depth that is posted in each regime before makers withdraw by themselves."""
TAIL = 5.0
"""Degrees of freedom of a step's return."""
LARGEST = 0.2
"""No step's log return is larger: of BTC's four hours from 2017 to 2023 the worst was -0.23, the next -0.20."""
YEAR_HOURS = 8760.0


@dataclass(frozen=True, eq=False)
class Course:
    """`price[W + T + 1]` of one asset, any unit, the first `W = warm` of them before the episode; `depth[T + 1]` the
    part of the calm depth that is posted. `name` says where it is from, `start` when a recorded one begins (ns, UTC):
    courses of several coins with one start share their days."""

    name: str
    price: F64
    depth: F64
    warm: int
    start: int | None = None

    def __post_init__(self) -> None:
        if self.price.size != self.warm + self.depth.size or self.depth.size < 2:
            raise refuse("depth", f"{self.depth.size} entries", f"{self.price.size - self.warm} and two or more")
        for name, series in (("price", self.price), ("depth", self.depth)):
            if not (np.isfinite(series) & (series > 0.0)).all():
                raise refuse(name, "a number that is none", "numbers above zero")


def drawn(terms: ControlTerms, seed: int) -> Course:
    """A course of the three regimes; the same seed, the same course.

    Returns are Student's t with `TAIL` degrees of freedom and the regime's variance, cut at `LARGEST`; a quarter of
    the episodes begin in a storm, somewhat more than storms last.
    """
    random = np.random.default_rng([seed, 1])
    warm, steps = terms.bounds.window, terms.steps
    many = warm + steps
    day = terms.step_hours / 24.0
    state = np.empty(many + 1, dtype=np.int64)
    state[warm] = int(random.choice(3, p=STARTS))
    u, way = random.random(many + 1), random.random(many + 1)
    for k in range(warm + 1, many + 1):
        state[k] = _next(int(state[k - 1]), float(u[k]), float(way[k]), day)
    for k in range(warm - 1, -1, -1):
        # the chain is reversible, being a walk on a line
        state[k] = _next(int(state[k + 1]), float(u[k]), float(way[k]), day)
    sigma = np.array(REGIMES)[state[1:]] * np.sqrt(terms.step_hours / YEAR_HOURS)
    shock = random.standard_t(TAIL, many) * np.sqrt((TAIL - 2.0) / TAIL)
    logs = np.concatenate([[0.0], np.cumsum(np.clip(sigma * shock, -LARGEST, LARGEST))])
    return Course(f"drawn {seed}", np.exp(logs), np.array(DEPTHS)[state[warm:]], warm)


def _next(state: int, u: float, way: float, day: float) -> int:
    if u >= 1.0 - (1.0 - LEAVES[state]) ** day:
        return state
    return 1 if state != 1 else (2 if way < 0.5 else 0)


@dataclass(frozen=True, eq=False)
class Record:
    """A recorded history in the steps of a venue: `times[N]` (ns, UTC, ends of bars) and `price[N]`, NaN where none."""

    name: str
    times: I64
    price: F64

    @classmethod
    def of(cls, name: str, times: I64, price: F64, terms: ControlTerms) -> Record:
        """Closes at whole steps of the terms, from shorter bars; a missing one takes the bar before it.

        Raises `DocumentError` where bars are longer than a step, or more than one in a hundred is missing.
        """
        step = round(terms.step_hours * 3_600e9)
        if times.size < 2 or int(np.median(np.diff(times))) > step:
            raise refuse(f"{name}.times", f"{times.size} bars", f"bars of at most {terms.step_hours:g} hours")
        good = np.isfinite(price)
        times, price = times[good], price[good]
        grid = np.arange(-(-int(times[0]) // step) * step, int(times[-1]) + 1, step, dtype=np.int64)
        row = np.searchsorted(times, grid, side="right") - 1
        late = grid - times[row] >= step
        if late.mean() > 0.01:
            raise refuse(f"{name}.price", f"{int(late.sum())} of {grid.size} steps without a bar", "one in a hundred")
        return cls(name, grid, price[row])

    def between(self, start: int, end: int) -> Record:
        """The part from `start` to `end` (ns, the end not included)."""
        rows = (self.times >= start) & (self.times < end)
        return Record(self.name, self.times[rows], self.price[rows])

    def courses(self, terms: ControlTerms, *, since: int | None = None) -> tuple[Course, ...]:
        """Episodes one after the other, whose first step is at or after `since`; what comes before only warms up.

        No recorded depth goes with them: what is posted follows from volatility as in the drawn courses, the part of
        the regime whose volatility is nearest (in logarithm) to that of the last day.
        """
        warm, steps, first = terms.bounds.window, terms.steps, self._first(terms, since)
        depth = self._depth(terms)
        found = [self._cut(at, steps, warm, depth) for at in range(first, self.times.size - steps, steps)]
        if not found:
            raise refuse(f"{self.name}.times", f"{self.times.size} steps", f"{warm + steps + 1} for one episode")
        return tuple(found)

    def whole(self, terms: ControlTerms, *, since: int | None = None) -> tuple[ControlTerms, Course]:
        """Everything at or after `since` as one course, and the terms of so long an episode.

        Raises `DocumentError` where it is shorter than two margin periods of the bounds and two steps: nothing could
        be said of a rate that has settled.
        """
        first = self._first(terms, since)
        steps = self.times.size - 1 - first
        least = 2 * max(1, int(np.ceil(terms.bounds.hours / terms.step_hours - 1e-9))) + 2
        if steps < least:
            raise refuse(f"{self.name}.times", f"{self.times.size} steps", f"{first + least + 1} for a course")
        course = self._cut(first, steps, terms.bounds.window, self._depth(terms))
        return terms.model_copy(update={"steps": steps}), course

    def _first(self, terms: ControlTerms, since: int | None) -> int:
        warm = terms.bounds.window
        return warm if since is None else max(warm, int(np.searchsorted(self.times, since)))

    def _depth(self, terms: ControlTerms) -> F64:
        day = max(2, round(24.0 / terms.step_hours))
        returns = np.diff(np.log(self.price), prepend=np.log(self.price[0]))
        square = np.convolve(returns**2, np.ones(day) / day)[: returns.size]
        vol = np.sqrt(np.maximum(square, 1e-12) * YEAR_HOURS / terms.step_hours)
        regime = np.abs(np.log(vol[:, None] / np.array(REGIMES))).argmin(axis=1)
        return np.asarray(np.array(DEPTHS)[regime])

    def _cut(self, at: int, steps: int, warm: int, depth: F64) -> Course:
        name = f"{self.name} {np.datetime64(int(self.times[at]), 'ns').astype('datetime64[D]')}"
        price = self.price[at - warm : at + steps + 1].copy()
        return Course(name, price, depth[at : at + steps + 1], warm, int(self.times[at]))


def drawn_courses(terms: ControlTerms, seeds: Sequence[int]) -> tuple[Course, ...]:
    """One course for each seed."""
    return tuple(drawn(terms, s) for s in seeds)


FIRST_SEED = 1000
"""Of the drawn courses on which policies are trained; held-out ones have others (`HELD_OUT`)."""
HELD_OUT = 1_000_000


def training_courses(
    terms: ControlTerms, records: Sequence[Record], drawn_too: int | None = None
) -> tuple[Course, ...]:
    """Drawn courses and recorded ones in turn; `drawn_too` of the former (default: as many as recorded, or 60)."""
    kept = [c for r in records for c in r.courses(terms)]
    many = (len(kept) or 60) if drawn_too is None else drawn_too
    made = drawn_courses(terms, range(FIRST_SEED, FIRST_SEED + many))
    most = max(len(made), len(kept))
    return tuple(c for k in range(most) for part in (made, kept) if k < len(part) for c in (part[k],))
