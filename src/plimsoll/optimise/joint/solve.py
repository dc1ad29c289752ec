"""Trades, placement, rule sets and collateral in one program, priced again exactly and put in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from plimsoll.documents import DocumentError, PlimsollError, refuse
from plimsoll.margin.model import MarginModel
from plimsoll.market import Market
from plimsoll.optimise import algebra as al
from plimsoll.optimise.collateral.capital_rules import CapitalRules
from plimsoll.optimise.collateral.program import Placed
from plimsoll.optimise.collateral.solve import wanted
from plimsoll.optimise.collateral.terms import CollateralTerms, Wallet
from plimsoll.optimise.collateral.treasury import make_treasury
from plimsoll.optimise.desk import make_desk
from plimsoll.optimise.joint.answer import Combination, JointAnswer
from plimsoll.optimise.joint.order import Steps, order_all
from plimsoll.optimise.joint.plan import Plan, best_of, gap_of, nothing
from plimsoll.optimise.joint.rows import Coupled, couple, rows_of
from plimsoll.optimise.joint.telling import Ask, Found, told
from plimsoll.optimise.minimising import ConflictError, Tell, conflict
from plimsoll.optimise.placement import Venue, as_held, exchanged, held_names, takers
from plimsoll.optimise.problem import Problem, compile_problem
from plimsoll.optimise.solver import Effort, Solved, Solver
from plimsoll.optimise.terms import TradingTerms

MOST = 16
"""Combinations of rule sets that are tried."""

ROUNDS = 6
"""Times that the program is corrected by what the exact rules say of its answer."""

SAME = 1e-7
"""How far, of the margin and the room, the program may be from the exact rules before it counts as corrected."""


def joint(
    market: Market,
    venues: Sequence[Venue],
    wallets: Sequence[Wallet],
    terms: CollateralTerms | None = None,
    *,
    trading: TradingTerms | None = None,
    candidates: Sequence[str] | None = None,
    most: Mapping[str, tuple[float, float]] | None = None,
    worth: float = 0.0,
    buffer: float = 0.0,
    floors: Mapping[str, float] | None = None,
    delta_band: float = 0.0,
    keep_positions: bool = False,
    rules: CapitalRules | None = None,
    within_hours: float | None = None,
    further: Sequence[al.Limit] = (),
    effort: Effort | None = None,
    progress: Tell | None = None,
) -> JointAnswer:
    """The trades, the rule sets and the collateral that together cost least, every account keeping its margin.

    Minimised are the costs of the trades, of the moves and of the state while it is kept, and `worth` times initial
    margin (zero: margin costs what its collateral does). Each account keeps `equity >= (1 + buffer) initial + floor`
    and what `rules` of capital ask for. Deltas of the whole desk stay within `delta_band` coins of today's, swaps
    counted as the trades they are, and losses beyond every grid within today's; with `keep_positions` what one account
    buys another sells. `candidates` are what may be traded beside what is held, by every account that takes it;
    `further` are limits of the algebra.

    Raises `DocumentError` for what `make_desk` and `make_treasury` refuse under the rules that hold now, too many
    combinations, or numbers out of range; `ConflictError` with a smallest set of limits that cannot be kept under any
    choice of rules (that of the first); `MissingSolverError` without the solver.
    """
    for name, value in (("worth", worth), ("delta_band", delta_band)):
        if not 0.0 <= value < float("inf"):
            raise refuse(name, value, "a number of at least zero")
    combinations = list(product(*(v.models for v in venues)))
    if not 1 <= len(combinations) <= MOST:
        raise refuse("venues", f"{len(combinations)} combinations of rule sets", f"1 to {MOST}")
    ask = Ask(worth, buffer, floors or {}, rules, delta_band, keep_positions, tuple(further))
    effort = effort or Effort()
    names = tuple(dict.fromkeys((*held_names(venues), *(candidates or ()))))
    tried: list[Combination] = []
    found: list[Found] = []
    first: Coupled | None = None
    conflicts: list[ConflictError] = []
    for n, models in enumerate(combinations):
        labels = tuple(m.rules.label for m in models)
        if progress is not None:
            progress("together under " + ", ".join(labels), n, len(combinations))
        try:
            coupled = _coupled(market, venues, models, wallets, terms, names, trading, most, ask, within_hours)
            first = first or coupled
            one = _solved(coupled, ask, effort)
        except ConflictError as error:
            conflicts.append(error)
            tried.append(Combination(labels, None, None, str(error)))
            continue
        except DocumentError as error:
            if n == 0:
                raise
            tried.append(Combination(labels, None, None, str(error).splitlines()[0]))
            continue
        fine = not one.plan.broken(ask.band)
        after = one.plan.objective() if fine else None
        tried.append(Combination(labels, after, one.bound, "" if fine else "; ".join(one.plan.broken(ask.band))))
        found.append(one)
    if not found or first is None:
        raise conflicts[0]
    return told(first, found, tuple(tried), ask)


def _coupled(
    market: Market,
    venues: Sequence[Venue],
    models: Sequence[MarginModel],
    wallets: Sequence[Wallet],
    terms: CollateralTerms | None,
    names: tuple[str, ...],
    trading: TradingTerms | None,
    most: Mapping[str, tuple[float, float]] | None,
    ask: Ask,
    within_hours: float | None,
) -> Coupled:
    holdings = [as_held(v, m, market) for v, m in zip(venues, models, strict=True)]
    desk = make_desk(market, holdings, candidates=takers(holdings, names, market), terms=trading, most=most)
    treasury = make_treasury(
        market,
        holdings,
        wallets,
        terms,
        buffer=ask.buffer,
        floors=ask.floors,
        rules=ask.rules,
        within_hours=within_hours,
        swaps_are_hedged=True,
    )
    return couple(desk, treasury)


def _solved(c: Coupled, ask: Ask, effort: Effort) -> Found:
    """Solve, correct by the exact rules where they differ, and order. The start is kept where nothing is better."""
    solver, start = Solver(), nothing(c, ask.worth)
    relief: dict[str, float] = {}
    plans = [start]
    bound, exact = None, c.exact
    order = Steps((), True, 1)
    solved = problem = placed = None
    for n in range(ROUNDS):
        problem, placed = _compiled(c, ask, relief)
        solved = solver.solve(problem.model, effort)
        if solved.status == "infeasible":
            if n == 0:
                raise ConflictError(*conflict(problem.model, solver, effort), "trades and balances")
            break
        if solved.status in ("unbounded", "failed"):
            raise PlimsollError(f"the solver found the program {solved.status}: " + "; ".join(solved.route))
        if solved.x is None:
            break
        if n == 0 and np.isfinite(solved.bound):
            bound = float(solved.bound)
        x = solved.x if problem.model.linear else _settled(problem, solved, solver, effort)
        plan = Plan(c, problem.trades(x), wanted(c.treasury, placed, x), ask.worth)
        plans.append(plan)
        off = gap_of(c, plan)
        sizes = {p.name: SAME * max(1.0, abs(p.room), c.desk.margin(q, q.holding.account)[0])
                 for p, q in zip(c.treasury.accounts, c.desk.places, strict=True)}  # fmt: skip
        error = {p.name: sum(v.error for v in p.curves.values()) for p in c.treasury.accounts}
        stray = [abs(off[p.name]) > sizes[p.name] + error[p.name] + p.floor * 1e-9 for p in c.treasury.accounts]
        exact = tuple(e and not s for e, s in zip(exact, stray, strict=True))
        if not any(stray) or solved.interrupted:
            break
        relief = {name: off[name] for name in off}
    assert problem is not None
    assert placed is not None
    assert solved is not None
    whole = best_of([p for p in plans[1:] if not p.empty] or plans, ask.band)
    plan, notes = start, tuple[str, ...]()
    kept = not start.broken(ask.band)
    better = whole.objective() < start.objective() - 1e-9 * max(1.0, abs(start.objective()))
    if not whole.empty and not whole.broken(ask.band) and (better or not kept):
        order = order_all(whole)
        if order.complete:
            plan = whole
        else:
            notes += ("no order of the steps keeps every account above its line: the start is kept",)
    if not all(exact):
        bound = None
    return Found(c, plan, order, problem, placed, solved, bound, exact, notes)


def _settled(
    problem: Problem, solved: Solved, solver: Solver, effort: Effort
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    assert solved.x is not None
    found = solver.solve(problem.model.fixed(solved.x), effort)
    return solved.x if found.x is None else found.x


def _compiled(c: Coupled, ask: Ask, relief: Mapping[str, float]) -> tuple[Problem, Placed]:
    holder: list[Placed] = []
    goal = al.cost() + ask.worth * al.capital() if ask.worth else al.cost()
    limits = (*(exchanged(c.desk) if ask.keep else ()), *ask.further)
    problem = compile_problem(c.desk, goal, limits, beside=lambda maker: rows_of(c, maker, relief, ask.band, holder))
    return problem, holder[0]
