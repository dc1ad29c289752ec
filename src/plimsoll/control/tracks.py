"""What a policy did step by step, and the worst storm in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.control.courses import Course
from plimsoll.control.policies import Policy
from plimsoll.control.terms import ControlTerms
from plimsoll.control.venue import Venue

F64 = npt.NDArray[np.float64]

SETTLED_HOURS = 120.0
"""Every course begins at what its bounds need, whatever the policy: so long may the climb to its own rate last, which
answers no market. What is said of steps of the rate leaves it out; costs have it, the same for all."""
STORM_HOURS = 72.0
"""Over so long the worst fall of a price is looked for."""


@dataclass(frozen=True, eq=False)
class Track:
    """`price[T + 1]` the venue's marks and `outside[T + 1]` prices elsewhere, USD; by step `[T]` the `rate` in force
    and the one `needed`, `costs[T, terms]` USD; USD `called`, `forced` and `uncovered`, standing (`interest`) and
    `traded`; `breach` a move beyond the rate."""

    price: F64
    outside: F64
    rate: F64
    needed: F64
    costs: F64
    called: F64
    forced: F64
    uncovered: F64
    interest: F64
    traded: F64
    breach: npt.NDArray[np.bool_]


def follow(
    terms: ControlTerms, course: Course, seed: int, policy: Policy, *, check: bool = False
) -> tuple[Venue, Track]:
    """`policy` through `course`; people are drawn by `seed`. Money and lots are looked at at the end."""
    venue = Venue(terms, course, seed, check=check)
    rows = []
    while not venue.done:
        venue.post(policy.action(venue.state()))
        rows.append(venue.step())
    venue.steps.conserved()
    posted = venue.projection.posted[1:]
    return venue, Track(
        price=np.asarray(venue.steps.out.price[:, 0], dtype=np.float64),
        outside=np.asarray(venue.steps.out.outside[:, 0], dtype=np.float64),
        rate=np.array([p.in_force for p in posted]),
        needed=np.array([p.needed for p in posted]),
        costs=np.stack([r.costs for r in rows]),
        called=np.array([r.called for r in rows]),
        forced=np.array([r.forced for r in rows]),
        uncovered=np.array([r.uncovered for r in rows]),
        interest=np.array([r.open_interest for r in rows]),
        traded=np.array([r.traded for r in rows]),
        breach=np.array([r.breach for r in rows]),
    )


def settled(terms: ControlTerms) -> int:
    """Steps of `SETTLED_HOURS`, at most half of an episode."""
    return min(round(SETTLED_HOURS / terms.step_hours), terms.steps // 2)


@dataclass(frozen=True, eq=False)
class Storm:
    """The same days under several policies: the outside `price[T + 1]`, `needed[T]`, and by policy the `rate[T]` in
    force, USD `called` and paid by others (`uncovered`) in a step, basis points of the reference open interest.
    `first` is the first of these steps in the whole track."""

    name: str
    first: int
    step_hours: float
    price: F64
    needed: F64
    rate: Mapping[str, F64]
    called: Mapping[str, F64]
    uncovered: Mapping[str, F64]


def worst_fall(price: F64, terms: ControlTerms) -> tuple[int, float]:
    """Where in `price[T + 1]` the worst fall of `STORM_HOURS` ends after the policies have settled, and its size."""
    many, first = max(1, round(STORM_HOURS / terms.step_hours)), settled(terms)
    if price.size <= first + many:
        many, first = 1, 0
    falls = price[first + many :] / price[first:-many] - 1.0
    at = int(falls.argmin())
    return first + many + at, float(falls[at])


def storm(name: str, terms: ControlTerms, tracks: Mapping[str, Track], scale: float, days: float = 20.0) -> Storm:
    """`days` around the worst fall of the outside price, which is every policy's, two thirds of them before its end."""
    first = next(iter(tracks.values()))
    end, _ = worst_fall(first.outside, terms)
    width = min(first.rate.size, round(days * 24.0 / terms.step_hours))
    begin = max(0, min(end - width * 2 // 3, first.rate.size - width))
    part = slice(begin, begin + width)
    return Storm(
        name,
        begin,
        terms.step_hours,
        first.outside[begin : begin + width + 1],
        first.needed[part],
        {n: t.rate[part] for n, t in tracks.items()},
        {n: 1e4 * t.called[part] / scale for n, t in tracks.items()},
        {n: 1e4 * t.uncovered[part] / scale for n, t in tracks.items()},
    )
