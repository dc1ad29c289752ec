"""Which scenarios have to be rows: few, found by trying, and proved by looking at all of them.

```
sample          the least over some scenarios, roughly: who is near the tail?
band            scenarios near the quantile are rows of their own
surely worse    above the band: their mean is one linear term, as if each were above the quantile
surely better   below the band: nothing, as if each were below
```
Either way the term is at most what the scenario adds to the mean of the worst, so the least of a band is never above
that of all. A scenario that turns out on the other side joins the band. Where there is none the two are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plimsoll.optimise.tail_programs.band import ROUGH, Band, Look, Point
from plimsoll.optimise.tail_programs.program import TailProgram, tail_of
from plimsoll.risk.plan import BOOL, F64, I64

SAMPLE = 2_000
"""Scenarios that are tried first, or four by variable where that is more; programs of no more are not screened."""

TRIED = 0.1
"""Relative gap of the first try: a sample of some thousand says no more of where the tail is."""

WORSE, BETTER = 0.3, 2.5
"""Parts of the tail's weight at which the band begins and ends; it ends two scenarios by variable later."""

NARROW = 0.6, 1.6
"""The same about a point of a band that was nearly enough, which is nearer than that of a sample."""

SIDE = 1e-9
"""How far on the wrong side of the quantile, of the largest loss, a scenario has to be to join."""

ROUNDS = 60
"""Most rounds; every one but the last adds scenarios, so that all would be rows at last."""

LOST = 1e-3
"""Relative gap beyond which a band was not solved, so that its point says nothing about the others."""

FEW = 0.1
"""Misjudged scenarios, as a part of the band, that just join it; more, and the band moves."""

VERY_FEW = 0.01
"""Misjudged scenarios, as a part of the first band, up to which a narrow one about its rough point follows."""

GOLDEN = 0.381966011250105
"""Where a golden section divides."""

BandSolver = Callable[[Band, float, Look | None], Point]


@dataclass(frozen=True, eq=False)
class Screen:
    """Which scenarios are rows, and which surely worse."""

    band: BOOL
    worse: BOOL


@dataclass(frozen=True, eq=False)
class Screened:
    """A point with weights of all scenarios: `x[N]`, `weights[S]`, `prices[R]`; what it took.

    `proved` is whether no scenario is on the other side of the quantile than it was taken for.
    """

    x: F64
    level: float
    weights: F64
    prices: F64
    rounds: int
    rows: int
    steps: int
    proved: bool
    screen: Screen


def band_of(program: TailProgram, screen: Screen) -> Band:
    """The program whose rows are the scenarios of the band."""
    where, worse = np.flatnonzero(screen.band), np.flatnonzero(screen.worse)
    cost, free = program.cost, 1.0
    if worse.size:
        cost = cost - program.pnl[:, worse] @ program.most[worse]
        free = 1.0 - float(program.most[worse].sum())
    slope = np.ascontiguousarray(program.pnl[:, where].T)
    np.negative(slope, out=slope)
    return Band(
        slope, -program.base[where], program.most[where], cost, free, program.matrix, program.lower, program.upper,
        program.low, program.high,
    )  # fmt: skip


def everything(program: TailProgram) -> Screen:
    """Every scenario that weighs anything is a row."""
    return Screen(program.most > 0.0, np.zeros(program.scenarios, dtype=bool))


def around(losses: F64, most: F64, size: int, parts: tuple[float, float] = (WORSE, BETTER)) -> Screen:
    """The band around the quantile of some losses, for `size` variables, from and to these parts of the tail."""
    order = np.argsort(-losses, kind="stable")
    filled = np.cumsum(most[order])
    first = int(np.searchsorted(filled, parts[0], side="right"))
    last = int(np.searchsorted(filled, parts[1], side="right")) + 2 * size + 1
    band, worse = np.zeros(losses.size, dtype=bool), np.zeros(losses.size, dtype=bool)
    worse[order[:first]], band[order[first:last]] = True, True
    band &= most > 0.0
    return Screen(band, worse & (most > 0.0))


def sample_of(program: TailProgram, seed: int = 0) -> I64:
    """Scenarios for the first try; the same for the same program."""
    count = max(SAMPLE, 4 * program.size)
    there = np.flatnonzero(program.most > 0.0)
    if there.size <= count:
        return there
    return np.sort(np.random.default_rng(seed).choice(there, count, replace=False))


def first_screen(program: TailProgram, solve: BandSolver) -> tuple[Screen, F64 | None, int]:
    """Around the tail of the least over a sample, that point, and the steps it took; all where scenarios are few."""
    some = sample_of(program)
    if some.size == int((program.most > 0.0).sum()):
        return everything(program), None, 0
    chosen = np.zeros(program.scenarios, dtype=bool)
    chosen[some] = True
    band = band_of(program, Screen(chosen, np.zeros_like(chosen)))
    share = float(program.most.sum() / band.most.sum())
    band = Band(
        band.slope, band.loss, band.most * share, band.cost, 1.0, band.matrix, band.lower, band.upper, band.low,
        band.high,
    )  # fmt: skip
    tried = solve(band, TRIED, None)
    return around(program.losses(tried.x), program.most, program.size), tried.x, tried.steps


def screened(
    program: TailProgram,
    solve: BandSolver,
    tolerance: float,
    *,
    tell: Callable[[str], None] = lambda _text: None,
) -> Screened:
    """Solve bands until no scenario is misjudged.

    Few that are join. Where they are many, the band was about the wrong place, and its least gains where it looked at
    nothing: the next one is about the best point between there and the best so far, and holds the old one and what was
    judged worst.
    """
    tell(f"a sample of {program.scenarios:,} scenarios")
    screen, best, steps = first_screen(program, solve)
    rounds = 0
    while True:
        rounds += 1
        tell(f"round {rounds}: {int(screen.band.sum()):,} of {program.scenarios:,} scenarios are rows")
        seen: list[BOOL] = []

        def look(x: F64, level: float, screen: Screen = screen, seen: list[BOOL] = seen) -> bool:
            seen.append(misjudged(program.losses(x), level, screen, program.most))
            return bool(seen[0].any())

        point = solve(band_of(program, screen), tolerance, look)
        steps += point.steps
        losses = program.losses(point.x)
        wrong = misjudged(losses, point.level, screen, program.most)
        rows = int(screen.band.sum())
        # a rough point that has misjudged others did not have to be made exact
        early = point.gap <= ROUGH and bool(seen) and bool(seen[0].any())
        proved = not wrong.any()
        if proved or (point.gap > LOST and not early) or rounds >= ROUNDS:
            weights = np.where(screen.worse, program.most, 0.0)
            weights[screen.band] = point.weights
            return Screened(point.x, point.level, weights, point.prices, rounds, rows, steps, proved, screen)
        if early and rounds == 1 and int(wrong.sum()) <= VERY_FEW * rows:
            near = around(losses, program.most, program.size, NARROW)
            screen = Screen(near.band | wrong, near.worse & ~wrong)
            continue
        if best is None or int(wrong.sum()) <= FEW * rows:
            screen = Screen(screen.band | wrong, screen.worse & ~wrong)
            continue
        best = between(program, best, point.x)
        far = np.where(wrong, np.abs(losses - point.level), 0.0)
        join = np.argsort(-far, kind="stable")[: min(int(wrong.sum()), program.size)]
        near = around(program.losses(best), program.most, program.size)
        band = near.band | screen.band
        band[join] = True
        screen = Screen(band, near.worse & ~band)


def between(program: TailProgram, here: F64, there: F64) -> F64:
    """The best point between two, by golden sections: the objective is convex."""
    first, slope = program.losses(here), program.losses(there)
    slope -= first
    cost = float(program.cost @ (there - here))
    low, high = 0.0, 1.0
    for _ in range(8):
        left, right = low + GOLDEN * (high - low), high - GOLDEN * (high - low)
        values = [t * cost + tail_of(first + t * slope, program.most)[0] for t in (left, right)]
        low, high = (low, right) if values[0] <= values[1] else (left, high)
    found: F64 = here + 0.5 * (low + high) * (there - here)
    return found


def misjudged(losses: F64, level: float, screen: Screen, most: F64) -> BOOL:
    """Scenarios that were taken for worse or better than the quantile and are not."""
    near = SIDE * max(float(np.abs(losses).max(initial=0.0)), 1e-300)
    below = screen.worse & (losses < level - near)
    above = ~screen.worse & ~screen.band & (losses > level + near) & (most > 0.0)
    wrong: BOOL = below | above
    return wrong
