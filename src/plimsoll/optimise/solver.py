"""One program through HiGHS on one thread: its optimum, a bound by weak duality, and prices of limits."""

from __future__ import annotations

import atexit
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from plimsoll.documents import PlimsollError, refuse
from plimsoll.optimise.layout import Model
from plimsoll.optimise.lazy import solve_lazily
from plimsoll.risk.plan import F64

Status = Literal["optimal", "infeasible", "unbounded", "stopped", "failed"]

TINY = 1e-9
"""Reduced costs below this, of the largest cost, are nothing on the way to an infinite side: what is free must not make
a bound infinite.
"""

GRACE = 5.0
"""Seconds in which a solver that is interrupted must come to its end; later it is left behind."""

TREES = {"simplex": "branch and cut", "ipm": "branch and cut within its own tolerances"}
"""The two tries of a program with whole numbers: the second where ours are too narrow for it."""


class MissingSolverError(PlimsollError):
    """The solver is not installed."""


@dataclass(frozen=True)
class Effort:
    """How long a solver may try: `nodes` of a tree, `gap` (relative) at which it stops; seconds only if asked for.

    Without `seconds` the same problem gives the same trades on the same machine kind.
    """

    nodes: int = 20_000
    gap: float = 1e-6
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0.0 < self.seconds < float("inf"):
            raise refuse("seconds", self.seconds, "seconds above zero")


@dataclass(frozen=True, eq=False)
class Solved:
    """`x` is the best point found, if any; `objective` its value and `bound` what no point can be below.

    `dual[R]` are the prices of the rows, of the linear program that is left with whole numbers as they are in `x`.
    `route` is what was tried, in order, ending with what answered. `interrupted`: the keyboard ended it. `reduced`
    are the reduced costs of the columns where there were further rows.
    """

    status: Status
    x: F64 | None
    objective: float
    bound: float
    dual: F64
    nodes: int
    iterations: int
    route: tuple[str, ...]
    interrupted: bool = False
    reduced: F64 | None = None

    @property
    def gap(self) -> float:
        """`(objective - bound)` over the larger of the two and a dollar; infinite without a point or a bound."""
        if not (np.isfinite(self.objective) and np.isfinite(self.bound)):
            return float("inf")
        return max(0.0, self.objective - self.bound) / max(1.0, abs(self.objective), abs(self.bound))


def highs() -> Any:
    """The solver's module. Raises `MissingSolverError` naming the extra that brings it."""
    try:
        import highspy
    except ImportError:
        raise MissingSolverError(
            "optimising needs the solver HiGHS, which is not installed: pip install 'plimsoll-margin[optimise]'"
        ) from None
    return highspy


class Solver:
    """A program in HiGHS that is solved again from its last basis when only numbers change."""

    def __init__(self) -> None:
        self.last: tuple[Model, Any] | None = None
        self.states: tuple[Model, list[Any]] | None = None

    def solve(self, model: Model, effort: Effort = Effort()) -> Solved:
        """Solve; where the simplex method gives up, the interior point method is tried, and then Clarabel, whose answer
        has to have our own bound. With whole numbers the second try has wider tolerances, 1e-6 and 1e-7 instead of
        1e-9 (what is traded is measured again), and there is no third. The route says so.

        A keyboard interrupt stops the solver: the answer is what it has until then, with its gap, at the latest `GRACE`
        seconds later. Rows of lazy terms are made until none is missing, first those that the last such program had.
        """
        if model.lazy:
            if not model.linear:
                # most of what will be missing is missing without whole numbers too, where a round costs little
                self.solve(replace(model, whole=np.zeros_like(model.whole)), effort)
            found, states = solve_lazily(model, lambda whole: self._once(whole, effort), self.states)
            self.states = (model, states)
            ended = found.status == "failed" or (found.status == "stopped" and not found.interrupted)
            return _last_route(model, effort, found) if ended and effort.seconds is None else found
        return self._once(model, effort)

    def _once(self, model: Model, effort: Effort) -> Solved:
        h = highs()
        route: list[str] = []
        found = None
        for method in ("simplex", "ipm"):
            engine = self._engine(h, model, effort, method)
            warm = self._warm(engine, model) if method == "simplex" else False
            route.append(f"HiGHS {h._Highs().version()} {method if model.linear else TREES[method]}")
            if warm:
                route[-1] += ", from the last basis"
            found = _run(h, engine, model)
            if found.status == "unbounded" and not self._possible(h, model, effort):
                found = _with(found, status="infeasible")
            if found.status != "failed":
                break
        assert found is not None
        if found.status == "optimal" and model.linear:
            self.last = (model, engine.getBasis())
        if found.x is not None and not model.linear:
            rest = model.fixed(found.x)
            found = _with(found, dual=_run(h, self._engine(h, rest, effort, "simplex"), rest).dual)
        found = _with(found, route=tuple(route))
        return _last_route(model, effort, found) if found.status == "failed" else found

    def _possible(self, h: Any, model: Model, effort: Effort) -> bool:
        """Whether there is a point at all: presolve may only know that a program is unbounded or infeasible."""
        free = replace(model, cost=np.zeros_like(model.cost))
        return _run(h, self._engine(h, free, effort, "simplex"), free).status != "infeasible"

    def _warm(self, engine: Any, model: Model) -> bool:
        if self.last is None or not model.linear or not self.last[0].same_structure(model):
            return False
        engine.setBasis(self.last[1])
        return True

    @staticmethod
    def _engine(h: Any, model: Model, effort: Effort, method: str) -> Any:
        # the base class: the friendlier one greets on standard output, which belongs to documents
        engine = h._Highs()
        tight = model.linear or method == "simplex"
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("solver", method if model.linear else "choose"),
            ("mip_max_nodes", effort.nodes),
            ("mip_rel_gap", effort.gap),
            ("mip_abs_gap", 1e-9),
            ("mip_feasibility_tolerance", 1e-9 if tight else 1e-6),
            ("primal_feasibility_tolerance", 1e-9 if tight else 1e-7),
            ("dual_feasibility_tolerance", 1e-9 if tight else 1e-7),
        ):
            engine.setOptionValue(name, value)
        if effort.seconds is not None:
            engine.setOptionValue("time_limit", float(effort.seconds))
        lp = h.HighsLp()
        matrix = model.matrix.tocsc()
        lp.num_row_, lp.num_col_ = matrix.shape
        lp.col_cost_, lp.offset_ = model.cost, model.constant
        lp.col_lower_, lp.col_upper_ = model.low, model.high
        lp.row_lower_, lp.row_upper_ = model.lower, model.upper
        lp.a_matrix_.format_ = h.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        if model.whole.any():
            kinds = (h.HighsVarType.kContinuous, h.HighsVarType.kInteger)
            lp.integrality_ = [kinds[int(w)] for w in model.whole]
        engine.passModel(lp)
        return engine


def _last_route(model: Model, effort: Effort, found: Solved) -> Solved:
    """Clarabel, where it can have the program; what was found so far where it comes to nothing."""
    from plimsoll.optimise.conic import conic_terms, or_conic

    return or_conic(model, effort, found) if conic_terms(model) else found


class _Way:
    """What the solver told on its way, and when it was asked to stop."""

    def __init__(self, h: Any, model: Model) -> None:
        self.model, self.asked = model, float("inf")
        self.x: F64 | None = None
        self.bound, self.nodes = -np.inf, 0
        self.answered = self.parked = False
        kinds = h.cb.HighsCallbackType
        self.better, self.tree = int(kinds.kCallbackMipImprovingSolution), int(kinds.kCallbackMipInterrupt)
        self.kinds = (kinds.kCallbackMipImprovingSolution, kinds.kCallbackMipInterrupt,
                      kinds.kCallbackSimplexInterrupt, kinds.kCallbackIpmInterrupt)  # fmt: skip

    def stop(self) -> None:
        """Ask for the end; the first time counts."""
        self.asked = min(self.asked, time.monotonic())

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self.asked < float("inf")

    def hear(self, kind: Any, _message: str, out: Any, answer: Any, _data: Any) -> None:
        """Keep what is new, and answer whether to stop."""
        if kind == self.better:
            self.x = np.array(out.mip_solution)
        if kind in (self.better, self.tree):
            self.bound, self.nodes = float(out.mip_dual_bound), max(0, int(out.mip_node_count))
        if self.parked:
            threading.Event().wait()
        if self.stopped and answer is not None:
            self.answered = answer.user_interrupt = True

    def best(self) -> Solved:
        """What there is of a solver that was left behind."""
        objective = np.inf if self.x is None else float(self.model.cost @ self.x + self.model.constant)
        none = np.zeros(self.model.lower.size)
        return Solved("stopped", self.x, objective, self.bound, none, self.nodes, 0, (), True)


def _run(h: Any, engine: Any, model: Model) -> Solved:
    """Run in a thread of its own, so that the keyboard reaches us, and read what was found.

    The solver notices an interrupt between the iterations of a linear program and the nodes of a tree, but not in
    presolve nor in the linear program at the root of a tree, which may take minutes. There it is left behind after
    `GRACE`: its thread ends where it asks next, and the answer is what it told last.
    """
    way = _Way(h, model)
    engine.setCallback(way.hear, None)
    for kind in way.kinds:
        engine.startCallback(kind)
    thread = threading.Thread(target=engine.run, name="plimsoll-solver", daemon=True)
    with keyboard(way.stop):
        thread.start()
        try:
            while thread.is_alive() and time.monotonic() < way.asked + GRACE:
                thread.join(0.05)
        except BaseException:
            way.stop()
            raise
    if thread.is_alive():
        atexit.register(_leave, thread, way)
        return way.best()
    return _read(h, engine, model, way.stopped)


def _leave(thread: threading.Thread, way: _Way) -> None:
    """Before the interpreter goes: a thread that then comes out of the solver would abort the process."""
    way.parked = True
    if way.answered:
        thread.join(1.0)


@contextmanager
def keyboard(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C call `stop` where it would otherwise raise, in the middle of whatever we do.

    Only the main thread hears the keyboard; a process that ignores the interrupt goes on ignoring it.
    """
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda _number, _frame: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read(h: Any, engine: Any, model: Model, stopped: bool) -> Solved:
    status, info = engine.getModelStatus(), engine.getInfo()
    s = h.HighsModelStatus
    has_point = int(info.primal_solution_status) == int(h.SolutionStatus.kSolutionStatusFeasible)
    point = engine.getSolution()
    x = np.array(point.col_value) if has_point else None
    dual = np.array(point.row_dual) if point.dual_valid else np.zeros(model.lower.size)
    nodes = max(0, int(info.mip_node_count))
    iterations = max(0, int(info.simplex_iteration_count)) + max(0, int(info.ipm_iteration_count))
    objective = float(info.objective_function_value) if has_point else np.inf
    bound = -np.inf
    if model.linear and point.dual_valid:
        bound = dual_bound(model, dual)
    elif not model.linear and np.isfinite(info.mip_dual_bound):
        bound = float(info.mip_dual_bound)
    kind: Status = "failed"
    if status == s.kOptimal:
        kind = "optimal"
    elif status == s.kInfeasible:
        kind = "infeasible"
    elif status in (s.kUnbounded, s.kUnboundedOrInfeasible):
        kind = "unbounded"
    elif stopped or status in (s.kInterrupt, s.kTimeLimit, s.kSolutionLimit, s.kIterationLimit):
        kind = "stopped"
    return Solved(kind, x, objective, bound, dual, nodes, iterations, (), stopped)


def dual_bound(model: Model, dual: F64) -> float:
    """What no point of a linear program can be below, by weak duality, from any row prices.

    ```
    sum_r y_r (lower_r if y_r > 0 else upper_r) + sum_j min over low_j <= x_j <= high_j of (c - A'y)_j x_j + constant
    ```
    Prices that ask for an infinite side count as nothing; so do reduced costs below `TINY` of the largest cost that do.
    """
    y = np.where((dual > 0.0) & np.isinf(model.lower), 0.0, dual)
    y = np.where((y < 0.0) & np.isinf(model.upper), 0.0, y)
    side = np.where(y > 0.0, model.lower, model.upper)
    rows = float(np.where(y == 0.0, 0.0, y * np.where(y == 0.0, 0.0, side)).sum())
    reduced = model.cost - model.matrix.T @ y
    at = np.where(reduced > 0.0, model.low, model.high)
    # of a column that ends somewhere the least cost counts: it may be a long way to its end
    little = np.abs(reduced) <= TINY * max(1.0, float(np.abs(model.cost).max(initial=0.0)))
    reduced[little & np.isinf(at)] = 0.0
    columns = float(np.where(reduced == 0.0, 0.0, reduced * np.where(reduced == 0.0, 0.0, at)).sum())
    return rows + columns + model.constant


def _with(found: Solved, **changes: Any) -> Solved:
    return replace(found, **changes)
