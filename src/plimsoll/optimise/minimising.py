"""Minimise within limits: solve, price again under the exact rules, order the trades, and say what holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from plimsoll.documents import PlimsollError, refuse
from plimsoll.optimise import algebra as al
from plimsoll.optimise.answer import Answer, BookChange, Exhausted, Kept, proved
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.layout import Model
from plimsoll.optimise.measure import Trades, measure, start
from plimsoll.optimise.problem import Problem, compile_problem
from plimsoll.optimise.solver import Effort, Solved, Solver
from plimsoll.optimise.steps import convex_steps, scaled
from plimsoll.optimise.ticket import Ticket, make_ticket
from plimsoll.optimise.variation.rounds import asks, in_rounds
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios

HELD = 1e-6
"""How far beyond a bound, of the larger of it and one, counts as within: the tolerance of the solver."""

Tell = Callable[[str, int, int], None]


class ConflictError(PlimsollError):
    """No trades keep the limits. `limits` is a smallest set of them that cannot be kept together, or where the search
    for one was stopped (`smallest` is false) a set of which some may be left out.
    """

    def __init__(self, limits: tuple[str, ...], smallest: bool = True, what: str = "trades") -> None:
        self.limits, self.smallest = limits, smallest
        if not smallest:
            text = f"no {what} keep these limits together; the search for fewer was stopped: " + "; ".join(limits)
        elif limits:
            text = f"no {what} keep these limits together, and without any one of them some do: " + "; ".join(limits)
        else:
            text = "no trades lead to a position within reach: depth and lots leave none, not even the present one"
        super().__init__(text)


def minimise(
    desk: Desk,
    goal: al.Term,
    subject_to: Sequence[al.Limit] = (),
    *,
    effort: Effort | None = None,
    solver: Solver | None = None,
    progress: Tell | None = None,
) -> Answer:
    """The trades of a desk that make `goal` least within limits.

    Raises `ConflictError` with a smallest set of limits that cannot be kept, `DocumentError` for a problem without a
    least value or one that is not convex, `MissingSolverError` without the solver. The start is kept where nothing
    better is found under the exact rules, or where no order of the trades keeps the accounts above their lines.
    """
    effort, solver = effort or Effort(), solver or Solver()
    tell = progress or _silent
    tell("compiling", 0, 4)
    rounds = None
    if asks(goal, subject_to):
        rounds = in_rounds(desk, goal, subject_to, solver, effort, lambda text: tell(text, 1, 4))
        problem, solved = rounds.problem, rounds.solved
    else:
        problem = compile_problem(desk, goal, subject_to)
        tell(f"solving {problem.model.matrix.shape[0]:,} rows", 1, 4)
        solved = solver.solve(problem.model, effort)
    none = tuple(np.zeros(len(p.names)) for p in desk.places)
    price = _Price(problem)
    if solved.status == "infeasible":
        raise ConflictError(*conflict(problem.model, solver, effort))
    if solved.status == "unbounded":
        raise refuse("objective", goal.name, "an objective that has a least value: no trades lower it without end")
    if solved.status == "failed":
        raise PlimsollError("the solver gave up: " + "; ".join(solved.route))
    route, best = solved.route, none
    local = not all(p.exact for p in desk.places) and any(isinstance(t, al.Capital) for _, t in goal.leaves())
    tell("pricing under the exact rules", 2, 4)
    if rounds is not None:
        # cuts that are no bound may lead astray: the best of all rounds under the exact rules
        local, route = local or not rounds.exact, rounds.route
        best = min(reversed(rounds.tried if local else rounds.tried[-1:]), key=price)
        if local and not any(y.any() for y in best):
            best = min((scaled(desk, y, part) for y in rounds.tried for part in (0.5, 0.25)), key=price)
    elif solved.x is not None:
        best = problem.trades(solved.x)
        if local:
            best, more = convex_steps(problem, solver, effort, price, solved, lambda text: tell(text, 2, 4))
            route = (*route, *more)
    notes = _notes(desk, solved)
    status = "local" if local else {"optimal": "optimal", "stopped": "stopped"}[solved.status]
    before = price(none, anyhow=True)
    worth = 1e-9 * max(1.0, abs(before))
    if price(best) >= before - worth and price(none) < np.inf:
        if any(y.any() for y in best):
            notes += ("the trades that were found are no better under the exact rules: the start is kept",)
        best = none
    tell("ordering the trades", 3, 4)
    ticket = make_ticket(desk, best)
    if not ticket.complete:
        if price(none) == np.inf:
            notes += ("no order of the trades keeps every account above its line: the ticket ends where it would fall",)
        else:
            notes += ("no order of the trades keeps every account above its line: the start is kept",)
            best, ticket = none, Ticket((), True, 1)
    if not any(y.any() for y in best) and status != "stopped":
        status = "no saving"
    return _answer(problem, solved, best, ticket, status, local, route, notes, price)


def _silent(_text: str, _done: int, _total: int) -> None:
    """Nobody looks."""


class _Price:
    """The objective with exact margins; infinite where a limit is broken, unless it is asked for anyhow."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.desk = problem, problem.desk
        self.known = dict[bytes, dict[str, float]]()

    def margins(self, trades: Trades) -> dict[str, float]:
        """US dollars by book, under the exact engine."""
        key = b"".join(y.tobytes() for y in trades)
        if key not in self.known:
            pairs = zip(self.desk.places, trades, strict=True)
            self.known[key] = {p.name: self.desk.margin(p, self.desk.after(p, y))[0] for p, y in pairs}
        return self.known[key]

    def __call__(self, trades: Trades, *, anyhow: bool = False) -> float:
        exact = self.margins(trades)
        if not anyhow:
            for limit in self.problem.limits:
                value = measure(self.desk, limit.term, trades, exact=exact)
                bound = start_of(self.desk, limit)
                slack = HELD * max(1.0, abs(bound))
                if (limit.sense != ">=" and value > bound + slack) or (limit.sense != "<=" and value < bound - slack):
                    return float("inf")
        return measure(self.desk, self.problem.goal, trades, exact=exact)


def start_of(desk: Desk, limit: al.Limit) -> float:
    """The bound of a limit as a number."""
    return start(desk, limit.term) if isinstance(limit.bound, al.Today) else float(limit.bound)


def conflict(model: Model, solver: Solver, effort: Effort) -> tuple[tuple[str, ...], bool]:
    """A smallest set of limits that cannot be kept together: one after the other is left out, and stays out where the
    rest still cannot be kept. Empty where nothing can be kept even without limits. And whether it is a smallest one:
    not where the solver was stopped, or gave up, before it knew.
    """
    model = replace(model, cost=np.zeros_like(model.cost))
    kept, gone, smallest = list(model.limits), set[str](), True
    for name in list(kept):
        solved = solver.solve(model.without(gone | {name}), effort)
        if solved.status == "infeasible":
            gone.add(name)
            kept.remove(name)
        elif solved.x is None:
            smallest = False
        if solved.interrupted:
            return tuple(kept), False
    return tuple(kept), smallest


def _notes(desk: Desk, solved: Solved) -> tuple[str, ...]:
    notes = [f"{p.name}: {p.why}" for p in desk.places if p.why]
    notes += [
        f"{p.name}: the trades stay, and the bound holds, where {p.holding.model.FORMS.condition}"
        for p in desk.places
        if p.exact and p.form.within is not None
    ]
    sides = [s for p in desk.places for pair in p.sides for s in pair if s.most]
    assumed = sum(s.source == "assumed" for s in sides)
    if assumed:
        notes.append(
            f"half-spread and size of {assumed} of {len(sides)} sides that may be traded are assumed, not quoted"
        )
    if solved.status == "stopped":
        notes.append("stopped before the gap was closed: the best trades so far")
    return tuple(notes)


def _answer(
    problem: Problem,
    solved: Solved,
    best: Trades,
    ticket: Ticket,
    status: str,
    local: bool,
    route: tuple[str, ...],
    notes: tuple[str, ...],
    price: _Price,
) -> Answer:
    desk = problem.desk
    none = tuple(np.zeros_like(y) for y in best)
    before, after = price(none, anyhow=True), price(best, anyhow=True)
    bound = None if local else proved(solved.bound, after)
    gap = None if bound is None else (after - bound) / max(1.0, abs(after), abs(bound))
    books = []
    for place, y in zip(desk.places, best, strict=True):
        value = unit_values(place.exposures.plan, Scenarios.build([1.0]), "usd")[:, 0]
        books.append(
            BookChange(
                place.name,
                desk.margin(place, place.holding.account)[1],
                desk.margin(place, desk.after(place, y))[1],
                float(place.cost(y).sum()),
                float(value @ y),
                place.exact,
                place.why,
                place.rate,
            )
        )
    worst = al.outside()
    return Answer(
        status=status,
        objective=problem.goal.name,
        before=before,
        after=after,
        bound=bound,
        gap=gap,
        names=tuple(p.names for p in desk.places),
        trades=best,
        capital=(sum(price.margins(none).values()), sum(price.margins(best).values())),
        books=tuple(books),
        limits=tuple(_kept(problem, limit, solved, best, price, local) for limit in problem.limits),
        exhausted=() if local else _exhausted(problem, problem.model, solved, best),
        outside=(measure(desk, worst, none), measure(desk, worst, best)),
        ticket=ticket,
        route=route,
        notes=notes,
    )


def _kept(problem: Problem, limit: al.Limit, solved: Solved, best: Trades, price: _Price, local: bool) -> Kept:
    rows = problem.model.limits[limit.name]
    # the prices of a bound are not those of the steps that were taken on it
    dual = float(sum(solved.dual[r] for r in rows)) if solved.dual.size and not local else 0.0
    none = tuple(np.zeros_like(y) for y in best)
    return Kept(
        limit.name,
        limit.sense,
        start_of(problem.desk, limit),
        measure(problem.desk, limit.term, none, exact=price.margins(none)),
        measure(problem.desk, limit.term, best, exact=price.margins(best)),
        dual + 0.0,
        limit.term.unit,
    )


def _exhausted(problem: Problem, model: Model, solved: Solved, best: Trades) -> tuple[Exhausted, ...]:
    """Ladders of which everything is taken, dearest first."""
    if solved.x is None or not solved.dual.size:
        return ()
    reduced = model.cost - model.matrix.T @ solved.dual if solved.reduced is None else solved.reduced
    found = []
    for place, c, y in zip(problem.desk.places, problem.columns, best, strict=True):
        for i in np.flatnonzero(y).tolist():
            ladder = place.sides[i][0 if y[i] > 0 else 1]
            if abs(y[i]) < ladder.most * (1.0 - 1e-9):
                continue
            last = c.step[(c.item == i) & (c.sign == np.sign(y[i]))][-1]
            side = "buy" if y[i] > 0 else "sell"
            found.append(Exhausted(place.name, place.names[i], side, ladder.most, max(0.0, -float(reduced[last]))))
    return tuple(sorted(found, key=lambda e: -e.worth))
