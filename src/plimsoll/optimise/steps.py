"""Convex steps on a bound: where a form is not the margin itself, each step is re-priced by the exact engine.

```
margin = F - g:     F the convex bound, g = F - margin at least zero
step:               minimise F - (slope of g at the last point) @ y   within a box around the last point
```
A step that the exact engine finds no better halves the box. The answer is better than the start; nothing is claimed
beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from plimsoll.margin.many.positions import Positions
from plimsoll.optimise import algebra as al
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.layout import Model
from plimsoll.optimise.measure import Trades
from plimsoll.optimise.problem import Problem
from plimsoll.optimise.solver import Effort, Solved, Solver
from plimsoll.risk.plan import F64, I64

MOST = 8
"""Steps."""

SMALLEST = 1.0 / 64.0
"""Box, as a part of what can be traded, at which it ends."""

BUMP = 1e-4
"""Trade, as a part of the reach, over which a slope is taken."""

Price = Callable[[Trades], float]
"""The objective under the exact rules; infinite where a limit is broken."""


def convex_steps(
    problem: Problem, solver: Solver, effort: Effort, price: Price, solved: Solved, tell: Callable[[str], None]
) -> tuple[Trades, tuple[str, ...]]:
    """The best trades found from none and from `solved`, a solution of the bound, and what was done.

    An interrupt ends it, also that of the bound.
    """
    best = tuple(np.zeros(len(p.names)) for p in problem.desk.places)
    value = price(best)
    first = best if solved.x is None else problem.trades(solved.x)
    for part in (1.0, 0.5, 0.25):
        tried = scaled(problem.desk, first, part)
        found = price(tried)
        if found < value:
            best, value = tried, found
            break
    box, done = 0.5, 0
    while done < MOST and box >= SMALLEST and not solved.interrupted:
        done += 1
        tell(f"convex step {done}, box {box:g}")
        solved = solver.solve(_around(problem, best, box), effort)
        if solved.x is None:
            box /= 4.0
            continue
        tried = problem.trades(solved.x)
        found = price(tried)
        if found < value - 1e-7 * max(1.0, abs(value)):
            best, value = tried, found
        else:
            box /= 4.0
    return best, (f"{done} convex steps on a bound, each re-priced by the exact engine",)


def scaled(desk: Desk, trades: Trades, part: float) -> Trades:
    """A part of trades, in whole lots towards none."""
    found = []
    for place, y in zip(desk.places, trades, strict=True):
        z = part * y
        lots = place.lots > 0.0
        z[lots] = np.trunc(z[lots] / place.lots[lots] + 1e-9 * np.sign(z[lots])) * place.lots[lots]
        found.append(z)
    return tuple(found)


def _around(problem: Problem, at: Trades, box: float) -> Model:
    """The program with the slope of what the bound asks too much, within a box around `at`."""
    model = problem.model
    cost, low, high = model.cost.copy(), model.low.copy(), model.high.copy()
    for place, c, y in zip(problem.desk.places, problem.columns, at, strict=True):
        weight = _weight(problem.goal, place.name)
        held = place.quantity + y
        traded = np.array(sorted(set(c.item.tolist())), dtype=np.int64)
        if weight and not place.exact and traded.size:
            slope = np.zeros(len(place.names))
            slope[traded] = _excess_slope(problem.desk, place, held, traded)
            cost[c.step] -= weight * place.rate * slope[c.item] * c.sign
        size = len(place.names)
        room = box * np.array([max(b.most, s.most) for b, s in place.sides])
        long, short = c.position[:size], c.position[size:]
        low[long] = np.maximum(0.0, held - room)
        low[short] = np.maximum(0.0, -held - room)
        high[long] = np.minimum(high[long], np.maximum(0.0, held + room))
        high[short] = np.minimum(high[short], np.maximum(0.0, -held + room))
    return replace(model, cost=cost, low=low, high=high)


def _weight(goal: al.Term, book: str) -> float:
    return sum(f for f, leaf in goal.leaves() if isinstance(leaf, al.Capital) and leaf.book in (None, book))


def _excess_slope(desk: Desk, place: Place, held: F64, items: I64) -> F64:
    """`[len(items)]` slope of form less margin by each position, from the side on which it grows."""
    bump = BUMP * np.maximum(place.reach[items], 1e-9)
    points = np.repeat(held[None, :], items.size + 1, axis=0)
    points[1 + np.arange(items.size), items] += bump
    count, size = points.shape
    positions = Positions(place.names, np.arange(count + 1) * size, np.tile(np.arange(size), count), points.ravel())
    totals = place.holding.model.many(positions, desk.market)
    charged = np.asarray(totals.initial, dtype=np.float64)
    formed = np.array([place.form.at(p) for p in points])
    gap = formed - charged
    slope = (gap[1:] - gap[0]) / bump
    return np.where(np.isfinite(slope), slope, 0.0)
