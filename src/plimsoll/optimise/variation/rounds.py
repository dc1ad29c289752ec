"""A program with capital in it, solved in rounds: what it does not know yet of the paths is cut off where it is wrong.

Each round solves the program over the cuts it has, a relaxation, re-computes every path under the exact rules at the
trades found, and adds cuts for the paths that were thought better than they are. It ends where none is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from plimsoll.optimise import algebra as al
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.measure import Trades
from plimsoll.optimise.problem import Problem, compile_problem
from plimsoll.optimise.solver import Effort, Solved, Solver
from plimsoll.optimise.variation.capital import key_of, outlook_of, running_of
from plimsoll.optimise.variation.cuts import Cut, CutMaker, best_known
from plimsoll.optimise.variation.outlook import Outlook
from plimsoll.optimise.variation.quantile import least, tail_mean
from plimsoll.optimise.variation.shortfalls import Running
from plimsoll.risk.plan import F64

MOST = 60
"""Rounds."""

CLOSE = 1e-8
"""How far below the exact amount, of the larger of it and a dollar, a program may take capital."""

SOME = 20
"""Cuts of a round at least, where so many paths are wrong."""


@dataclass(eq=False)
class Rounds:
    """The last program and its solution, the trades of every round, and what was done.

    `exact`: every cut is a bound for all positions, so the bound of the last program is one of the problem.
    """

    problem: Problem
    solved: Solved
    tried: list[Trades]
    exact: bool
    route: tuple[str, ...]


@dataclass(eq=False)
class _Leaf:
    """What is known of one term at one book."""

    term: al.Capital
    place: Place
    maker: CutMaker
    cuts: list[Cut] = field(default_factory=list)


def asks(goal: al.Term, limits: Sequence[al.Limit]) -> list[al.Capital]:
    """The terms with a probability of a breach, each once."""
    terms = [leaf for t in (goal, *(x.term for x in limits)) for _, leaf in t.leaves()]
    found = [t for t in terms if isinstance(t, al.Capital) and t.breach is not None]
    return list({t.name: t for t in found}.values())


def in_rounds(
    desk: Desk,
    goal: al.Term,
    limits: Sequence[al.Limit],
    solver: Solver,
    effort: Effort,
    tell: Callable[[str], None],
) -> Rounds:
    """Solve `minimise goal subject to limits` where capital with a breach is part of it."""
    outlook = outlook_of(desk)
    none = tuple(np.zeros(len(p.names)) for p in desk.places)
    leaves = _leaves(desk, goal, limits, outlook)
    starts = {id(leaf): running_of(desk, leaf.place, _zero(leaf), leaf.term.hours) for leaf in leaves}
    for leaf in leaves:
        _deepen(outlook, leaf, _zero(leaf), starts[id(leaf)], starts[id(leaf)])
    tried, done, closed = [none], 0, False
    while True:
        done += 1
        tell(f"round {done}: {sum(len(x.cuts) for x in leaves):,} cuts")
        problem = compile_problem(desk, goal, limits, cuts=_by_key(leaves))
        solved = solver.solve(problem.model, effort)
        if solved.x is None:
            break
        trades = problem.trades(solved.x)
        tried.append(trades)
        if solved.interrupted or done >= MOST:
            break
        added = 0
        for leaf in leaves:
            y = trades[desk.places.index(leaf.place)]
            run = running_of(desk, leaf.place, y, leaf.term.hours)
            added += _deepen(outlook, leaf, y, run, starts[id(leaf)])
        if not added:
            closed = True
            break
    if not closed and solved.status == "optimal":
        solved = replace(solved, status="stopped")
    exact = all(c.exact for leaf in leaves for c in leaf.cuts) and all(p.exact for p in desk.places)
    count = sum(len(x.cuts) for x in leaves)
    what = f"{done} rounds of cuts on {outlook.paths.weight.size:,} paths, {count:,} in all"
    return Rounds(problem, solved, tried, exact, (*solved.route, what))


def _zero(leaf: _Leaf) -> F64:
    return np.zeros(len(leaf.place.names))


def _leaves(desk: Desk, goal: al.Term, limits: Sequence[al.Limit], outlook: Outlook) -> list[_Leaf]:
    makers = {p.name: CutMaker(desk, p, outlook.paths) for p in desk.places}
    return [
        _Leaf(term, place, makers[place.name])
        for term in asks(goal, limits)
        for place in desk.places
        if term.book in (None, place.name)
    ]


def _by_key(leaves: Sequence[_Leaf]) -> dict[str, list[Cut]]:
    return {key_of(leaf.term, leaf.place.name): leaf.cuts for leaf in leaves}


def _deepen(outlook: Outlook, leaf: _Leaf, trade: F64, run: Running, start: Running) -> int:
    """Add cuts for the paths that count and are worse than the program knows; how many."""
    p, weight = leaf.term.breach, outlook.paths.weight
    assert p is not None
    exact = run.rate * run.worst
    known = best_known(leaf.cuts, leaf.place.quantity + trade, leaf.place.cost(trade), exact.size)
    slack = CLOSE * max(1.0, float(np.abs(exact).max()))
    believed = np.maximum(known, 0.0)
    level = least(believed, weight, p).amount
    thought = level if leaf.term.whole else tail_mean(believed, weight, p)
    truth = least(exact, weight, p).amount if leaf.term.whole else tail_mean(exact, weight, p)
    if truth <= max(thought, run.rate * run.initial) + slack:
        return 0
    # one at least is beyond the level that the program believes in, and further than it knows
    wrong = np.flatnonzero((exact > known + 1e-3 * slack) & (exact > level))
    wrong = wrong[np.argsort(-exact[wrong], kind="stable")]
    count = max(SOME, int(np.ceil(1.5 * p * exact.size)))
    chosen = wrong[:count]
    leaf.cuts += [leaf.maker.cut(int(j), trade, run, start) for j in chosen.tolist()]
    return chosen.size
