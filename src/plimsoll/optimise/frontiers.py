"""The frontier of margin and expected shortfall against what it costs to lower them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plimsoll.documents import refuse
from plimsoll.optimise import algebra as al
from plimsoll.optimise.answer import Answer
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.hedging import Wish, limits_of
from plimsoll.optimise.measure import measure, start
from plimsoll.optimise.minimising import minimise
from plimsoll.optimise.solver import Effort, Solver

SHARES = (0.0, 0.03, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Budgets as parts of what the least margin costs: most of the relief is bought by the first of them."""

LEAST = 1e-3
"""What a dollar of cost counts beside a dollar of margin or shortfall: of equal ones the cheapest."""

CURVES = ("margin", "both", "shortfall")
"""What is made least: margin, margin with a shortfall halfway, expected shortfall."""

EASED = 1e-6
"""By how much, relative, a shortfall that is known to be reached is eased as a cap: the solver's tolerance."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Point:
    """One answer of a frontier: `budget` and `cost` in US dollars, `capital` the initial margins of all books under the
    exact rules, `es` the expected shortfall (None without scenarios), `status` as in `Answer`.
    """

    budget: float
    cost: float
    capital: float
    es: float | None
    status: str


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of growing budget at which what `least` says is least."""

    least: str
    points: tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class Frontier:
    """`start` is the desk before any trade; `level` that of the expected shortfall; `curves`, least margin first."""

    start: Point
    level: float
    curves: tuple[Curve, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "level": self.level,
            "start": vars(self.start),
            "curves": [{"least": c.least, "points": [vars(p) for p in c.points]} for c in self.curves],
        }


def frontier(
    desk: Desk,
    wish: Wish | None = None,
    *,
    level: float = 0.99,
    shares: Sequence[float] = SHARES,
    effort: Effort | None = None,
    solver: Solver | None = None,
    progress: Tell | None = None,
) -> Frontier:
    """For each budget, within the limits of `wish`: the least margin, the least expected shortfall, and the least
    margin with a shortfall halfway between those two.

    Budgets are `shares` of what the least margin costs (of the budget of `wish` where that is less). A desk without
    scenarios has the curve of least margin alone. The worth of `wish` is not asked: margin itself is made least.
    Raises what `minimise` raises, and `DocumentError` for shares out of [0, 1].
    """
    asked, effort, solver = wish or Wish(), effort or Effort(), solver or Solver()
    for k, share in enumerate(shares):
        if not 0.0 <= share <= 1.0:
            raise refuse(f"shares[{k}]", share, "a part from 0 to 1")
    tail = None if desk.columns is None else al.es(level)
    total, done = 1 + len(shares) * (1 if tail is None else 3), 0

    def solve(goal: al.Term, budget: float | None, further: Sequence[al.Limit] = ()) -> Answer:
        nonlocal done
        if progress is not None:
            progress("frontier", done, total)
        done += 1
        limits = (*limits_of(desk, replace(asked, budget=budget)), *further)
        return minimise(desk, goal + LEAST * al.cost(), limits, effort=effort, solver=solver)

    def point(answer: Answer, budget: float) -> Point:
        risk = None if tail is None else measure(desk, tail, answer.trades)
        return Point(budget, answer.cost, answer.capital[1], risk, answer.status)

    most = solve(al.capital(), asked.budget)
    found: dict[str, list[Point]] = {name: [] for name in (CURVES if tail is not None else CURVES[:1])}
    for share in sorted(shares):
        budget = share * most.cost
        margin = point(most if share == 1.0 else solve(al.capital(), budget), budget)
        found["margin"].append(margin)
        if tail is None or margin.es is None:
            continue
        risk = point(solve(tail, budget), budget)
        found["shortfall"].append(risk)
        assert risk.es is not None
        cap = (margin.es + risk.es) / 2.0
        halfway = [tail <= cap + EASED * max(1.0, abs(cap))]
        found["both"].append(point(solve(al.capital(), budget, halfway), budget))
    today = Point(0.0, 0.0, most.capital[0], None if tail is None else start(desk, tail), "start")
    return Frontier(today, level, tuple(Curve(name, tuple(points)) for name, points in found.items()))
