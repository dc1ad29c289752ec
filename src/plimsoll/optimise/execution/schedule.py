"""A ticket over time: cost against risk, margined after every trade by the exact rules, its cost as a distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.execution.analytic import kappa_of
from plimsoll.optimise.execution.books import Book, books_of, covariance_of, in_lots, orders_of, room_of, rows_of
from plimsoll.optimise.execution.costs import CostLaw, cost_law
from plimsoll.optimise.execution.impact import SideImpact
from plimsoll.optimise.execution.quadratic import Course, Planned, solve_course
from plimsoll.optimise.execution.terms import ExecutionTerms
from plimsoll.optimise.execution.walk import Fill, Walked, walk
from plimsoll.optimise.measure import Trades
from plimsoll.optimise.solver import Effort
from plimsoll.risk.plan import F64

ROUNDS = 8
"""Times that the schedule is solved again with less room where the exact rules found an account below its line."""

LEAST_SLOPE = 1e-9
"""Part of the half-spread over the ticket that is the slope of what has none, so that a schedule is one and not any."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Line:
    """One instrument of the ticket: signed `quantity`, its `impact`, and `days`, in which a schedule of
    it alone trades all but 1/e (infinite: a straight line)."""

    book: str
    instrument: str
    quantity: float
    impact: SideImpact
    days: float


@dataclass(frozen=True, eq=False)
class Schedule:
    """`left[K + 1, N]` contracts of each of `lines[N]`, at the start and after each of `slices` that lie `tau` seconds
    apart; `fills` every trade under the exact rules.

    `status`: `planned` (the program's optimum, in whole lots), `held back` (the same with more room for margin than the
    form asks, because the exact rules asked for it), `at once` (no schedule kept every account above its line, or none
    was cheaper). `kept`: no fill leaves an account below its initial margin, or lower than it already was. `value`,
    `at_once`, `straight` are mean and `risk_aversion` times variance, US dollars, of this schedule, of everything at
    once and of equal slices; `bound` what none within the rows of the form is below. `law` and `law_at_once` are the
    costs as distributions, spread included. `route` is what solved the last program, in order, each with its gap.
    """

    lines: tuple[Line, ...]
    left: F64
    tau: float
    status: str
    kept: bool
    value: float
    bound: float
    at_once: float
    straight: float
    free: float
    fills: tuple[Fill, ...]
    law: CostLaw
    law_at_once: CostLaw
    rounds: int
    terms: ExecutionTerms
    currencies: dict[str, str]
    notes: tuple[str, ...]
    route: tuple[str, ...] = ()

    @property
    def slices(self) -> int:
        """K."""
        return int(self.left.shape[0]) - 1

    @property
    def gap(self) -> float:
        """`(value - bound)` over the larger of both and a dollar."""
        return max(0.0, self.value - self.bound) / max(1.0, abs(self.value), abs(self.bound))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "status": self.status,
            "kept": self.kept,
            "seconds": self.tau * self.slices,
            "slices": self.slices,
            "lines": [
                {"book": n.book, "instrument": n.instrument, "quantity": n.quantity, **vars(n.impact)}
                for n in self.lines
            ],
            "left": self.left.tolist(),
            "mean_variance": {
                "schedule": self.value,
                "bound": self.bound,
                "gap": self.gap,
                "without_margin": self.free,
                "equal_slices": self.straight,
                "at_once": self.at_once,
            },
            "cost": {"schedule": self.law.to_dict(), "at_once": self.law_at_once.to_dict()},
            "fills": [vars(f) for f in self.fills],
            "rounds": self.rounds,
            "route": list(self.route),
            "terms": self.terms.to_dict(),
            "notes": list(self.notes),
        }


def make_schedule(
    desk: Desk,
    trades: Trades,
    *,
    seconds: float,
    slices: int,
    terms: ExecutionTerms | None = None,
    liquidity: Liquidity | None = None,
    seed: int = 0,
    effort: Effort | None = None,
    progress: Tell | None = None,
) -> Schedule:
    """The trades of an answer over `seconds`, in `slices` of equal distance, the first one now.

    Mean cost and `risk_aversion` times variance are least among schedules that trade nothing against the ticket and
    keep the initial margin of every book, at today's prices, within its equity less what was paid. Raises
    `DocumentError` for nothing to trade, a time or number of slices that is none; `MissingSolverError`.
    """
    terms = terms or ExecutionTerms()
    tell = progress or (lambda _text, _done, _total: None)
    if not 0.0 < seconds <= 30 * 86_400.0:
        raise refuse("seconds", seconds, "above zero, at most thirty days")
    if not 1 <= slices <= 200:
        raise refuse("slices", slices, "from 1 to 200")
    if not any(y.any() for y in trades):
        raise refuse("trades", "nothing to trade", "a ticket")
    tau = seconds / slices
    tell("measuring impact", 0, ROUNDS + 1)
    books, impacts, quantity, names = books_of(desk, trades, liquidity)
    spread, slope = np.array([i.spread for i in impacts]), np.array([i.slope for i in impacts])
    slope = np.maximum(slope, LEAST_SLOPE * np.maximum(spread, 1e-6) / np.abs(quantity))
    covariance, assumed = covariance_of(desk.market, books, quantity.size, terms)
    decay = (1.0 - terms.refill) ** (tau / 60.0)
    course = Course(quantity, slope, covariance, slices, tau, terms.risk_aversion, decay, terms.lasting)
    free = solve_course(course, effort=effort)
    assert free is not None
    chosen, walked, status, rounds = _margined(course, books, spread, free, effort, tell)
    at_once = np.zeros_like(free.left)
    at_once[0] = quantity
    equal = quantity * (np.arange(slices, -1, -1)[:, None] / slices)
    value = course.value(chosen.left)
    # whole lots may cost more than the bound of parts, never less
    fixed = float(spread @ np.abs(quantity))
    laws = [
        cost_law(
            fixed + course.impact(left),
            course.variance(left),
            float(quantity @ covariance @ quantity) * terms.delay_seconds,
            orders_of(books, left, terms),
            seed=seed,
        )
        for left in (chosen.left, at_once)
    ]
    notes = [f"{c}: a volatility of 60 % a year is assumed, the market has no option" for c in assumed]
    if any(i.source == "assumed" for i in impacts):
        many = sum(i.source == "assumed" for i in impacts)
        notes.append(f"impact of {many} of {len(impacts)} instruments is assumed: no book, no depth of its coin")
    notes.append("margin is at today's prices: a move of the market on the way is not in it")
    days = _days(course)
    return Schedule(
        lines=tuple(Line(b, n, float(q), i, d) for (b, n), q, i, d in zip(names, quantity, impacts, days, strict=True)),
        left=chosen.left,
        tau=tau,
        status=status,
        kept=all((w.short <= 0.0).all() for w in walked),
        value=value,
        bound=min(value, chosen.bound),
        at_once=course.value(at_once),
        straight=course.value(equal),
        free=free.value,
        fills=_merged(walked),
        law=laws[0],
        law_at_once=laws[1],
        rounds=rounds,
        terms=terms,
        currencies={b.desk.places[0].name: b.currency for b in books},
        notes=tuple(notes),
        route=chosen.route,
    )


def _margined(
    course: Course, books: list[Book], spread: F64, free: Planned, effort: Effort | None, tell: Tell
) -> tuple[Planned, list[Walked], str, int]:
    """Solve, walk, and solve with less room where the exact rules find an account below its line."""
    size = course.slices
    paid = _paid(course, spread, free.left)
    room = [room_of(b, size, paid[:, b.items].sum(axis=1)) for b in books]
    status, rounds = "planned", 0
    planned: Planned | None = free
    while planned is not None and rounds < ROUNDS:
        tell(f"margin of {size} slices", 1 + rounds, ROUNDS + 1)
        whole = replace(planned, left=in_lots(planned.left, books))
        walked = _walked(course, books, spread, whole.left)
        short = [w.short for w in walked]
        if not any((s > 0.0).any() for s in short):
            return whole, walked, status, rounds
        rounds += 1
        if rounds > 1:
            # the rows of the form held and the exact rules did not: less room from the slice before on
            status = "held back"
            for r, s in zip(room, short, strict=True):
                r[:-1] -= 1.05 * np.maximum(s[:-1], s[1:])
        planned = solve_course(course, [rows_of(b, course, r) for b, r in zip(books, room, strict=True)], effort=effort)
    left = np.zeros_like(free.left)
    left[0] = course.trade
    return (
        Planned(left, course.value(left), free.bound, free.route),
        _walked(course, books, spread, left),
        "at once",
        rounds,
    )


def _paid(course: Course, spread: F64, left: F64) -> F64:
    """`[K, N]` US dollars of each slice and line: spread, its own impact, and what earlier slices left of theirs."""
    n = left[:-1] - left[1:]
    earlier = 2.0 * np.tril(course.kernel(), -1) @ n
    found: F64 = np.abs(n) * spread + course.slope * n * (n + earlier)
    return found


def _walked(course: Course, books: list[Book], spread: F64, left: F64) -> list[Walked]:
    n, paid = left[:-1] - left[1:], _paid(course, spread, left)
    found = []
    for b in books:
        size = len(b.desk.places[0].names)
        trades, costs = np.zeros((course.slices, size)), np.zeros((course.slices, size))
        trades[:, b.places], costs[:, b.places] = n[:, b.items], paid[:, b.items]
        found.append(walk(b.desk, trades, costs))
    return found


def _days(course: Course) -> list[float]:
    fade = course.slope * (1.0 - course.lasting)
    kappas = [
        kappa_of(h, v, course.risk_aversion, course.tau)
        for h, v in zip(fade.tolist(), np.diag(course.covariance).tolist(), strict=True)
    ]
    return [float("inf") if k <= 0.0 else 1.0 / k / 86_400.0 for k in kappas]


def _merged(walked: list[Walked]) -> tuple[Fill, ...]:
    """Fills of all books, slice by slice."""
    return tuple(sorted((f for w in walked for f in w.fills), key=lambda f: f.slice))
