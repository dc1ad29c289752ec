"""One program through HiGHS on one thread: its optimum, a bound by weak duality, and prices of limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.optimise.layout import Model
from plimsoll.risk.plan import F64

Status = Literal["optimal", "infeasible", "unbounded", "stopped", "failed"]

TINY = 1e-9
"""Reduced costs below this, of the largest cost, are nothing: what is free must not make a bound infinite."""


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


@dataclass(frozen=True, eq=False)
class Solved:
    """`x` is the best point found, if any; `objective` its value and `bound` what no point can be below.

    `dual[R]` are the prices of the rows, of the linear program that is left with whole numbers as they are in `x`.
    `route` is what was tried, in order, ending with what answered.
    """

    status: Status
    x: F64 | None
    objective: float
    bound: float
    dual: F64
    nodes: int
    iterations: int
    route: tuple[str, ...]

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

    def solve(self, model: Model, effort: Effort = Effort()) -> Solved:
        """Solve; where the simplex method gives up, the interior point method is tried, and the route says so.

        A keyboard interrupt stops the solver: the answer is what it has until then, with its gap.
        """
        h = highs()
        route: list[str] = []
        found = None
        for method in ("simplex", "ipm"):
            engine = self._engine(h, model, effort, method)
            warm = self._warm(engine, model) if method == "simplex" else False
            route.append(f"HiGHS {h._Highs().version()} {'branch and cut' if not model.linear else method}")
            if warm:
                route[-1] += ", from the last basis"
            stopped = _run(h, engine)
            found = _read(h, engine, model, stopped)
            if found.status == "unbounded" and not self._possible(h, model, effort):
                found = _with(found, status="infeasible")
            if found.status != "failed":
                break
        assert found is not None
        if found.status == "optimal" and model.linear:
            self.last = (model, engine.getBasis())
        if found.x is not None and not model.linear:
            rest = self._engine(h, model.fixed(found.x), effort, "simplex")
            _run(h, rest)
            dual = np.array(rest.getSolution().row_dual)
            found = _with(found, dual=dual if dual.size == model.lower.size else found.dual)
        return _with(found, route=tuple(route))

    def _possible(self, h: Any, model: Model, effort: Effort) -> bool:
        """Whether there is a point at all: presolve may only know that a program is unbounded or infeasible."""
        engine = self._engine(h, replace(model, cost=np.zeros_like(model.cost)), effort, "simplex")
        _run(h, engine)
        return bool(engine.getModelStatus() != h.HighsModelStatus.kInfeasible)

    def _warm(self, engine: Any, model: Model) -> bool:
        if self.last is None or not model.linear or not self.last[0].same_structure(model):
            return False
        engine.setBasis(self.last[1])
        return True

    @staticmethod
    def _engine(h: Any, model: Model, effort: Effort, method: str) -> Any:
        # the base class: the friendlier one greets on standard output, which belongs to documents
        engine = h._Highs()
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("solver", method if model.linear else "choose"),
            ("mip_max_nodes", effort.nodes),
            ("mip_rel_gap", effort.gap),
            ("mip_abs_gap", 1e-9),
            ("mip_feasibility_tolerance", 1e-9),
            ("primal_feasibility_tolerance", 1e-9),
            ("dual_feasibility_tolerance", 1e-9),
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


def _run(h: Any, engine: Any) -> bool:
    """Run in a thread of its own, so that the keyboard reaches us; whether it was stopped."""
    import threading

    stop = threading.Event()

    def ask(_kind: Any, _message: str, _out: Any, answer: Any, _data: Any) -> None:
        if stop.is_set() and answer is not None:
            answer.user_interrupt = True

    kinds = h.cb.HighsCallbackType
    engine.setCallback(ask, None)
    for kind in (kinds.kCallbackMipInterrupt, kinds.kCallbackSimplexInterrupt, kinds.kCallbackIpmInterrupt):
        engine.startCallback(kind)
    done = threading.Event()

    def work() -> None:
        try:
            engine.run()
        finally:
            done.set()

    threading.Thread(target=work, daemon=True).start()
    # an event rather than `join`: a join that is interrupted takes its thread for ended
    while True:
        try:
            if done.wait(0.05):
                return stop.is_set()
        except KeyboardInterrupt:
            stop.set()


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
    return Solved(kind, x, objective, bound, dual, nodes, iterations, ())


def dual_bound(model: Model, dual: F64) -> float:
    """What no point of a linear program can be below, by weak duality, from any row prices.

    ```
    sum_r y_r (lower_r if y_r > 0 else upper_r) + sum_j min over low_j <= x_j <= high_j of (c - A'y)_j x_j + constant
    ```
    Prices that ask for an infinite side count as nothing; so do reduced costs below `TINY` of the largest cost.
    """
    y = np.where((dual > 0.0) & np.isinf(model.lower), 0.0, dual)
    y = np.where((y < 0.0) & np.isinf(model.upper), 0.0, y)
    side = np.where(y > 0.0, model.lower, model.upper)
    rows = float(np.where(y == 0.0, 0.0, y * np.where(y == 0.0, 0.0, side)).sum())
    reduced = model.cost - model.matrix.T @ y
    reduced[np.abs(reduced) <= TINY * max(1.0, float(np.abs(model.cost).max(initial=0.0)))] = 0.0
    at = np.where(reduced > 0.0, model.low, model.high)
    columns = float(np.where(reduced == 0.0, 0.0, reduced * np.where(reduced == 0.0, 0.0, at)).sum())
    return rows + columns + model.constant


def _with(found: Solved, **changes: Any) -> Solved:
    return replace(found, **changes)
