"""Tail programs as rows for HiGHS or Clarabel: a band, or every scenario, one row each."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.optimise.conic import solve_conic
from plimsoll.optimise.layout import Model
from plimsoll.optimise.solver import Effort, Solved, Solver
from plimsoll.optimise.tail_programs.band import Band, Look, Point
from plimsoll.optimise.tail_programs.program import TailProgram


class GaveUpError(PlimsollError):
    """A route came to no point."""


def model_of(band: Band) -> Model:
    """Columns `x[N]`, the level, a spill for each scenario; rows of the program, then a row for each scenario."""
    from scipy.sparse import block_array, csr_array, eye_array

    count, size = band.slope.shape
    scenario = [csr_array(band.slope), csr_array(-np.ones((count, 1))), -eye_array(count, format="csr")]
    if band.matrix.shape[0]:
        matrix = block_array([[band.matrix, None, None], scenario]).tocsr()
    else:
        matrix = block_array([scenario]).tocsr()
    return Model(
        cost=np.concatenate([band.cost, [band.free], band.most]),
        constant=0.0,
        matrix=matrix,
        lower=np.concatenate([band.lower, np.full(count, -np.inf)]),
        upper=np.concatenate([band.upper, -band.loss]),
        low=np.concatenate([band.low, [-np.inf], np.zeros(count)]),
        high=np.concatenate([band.high, np.full(count + 1, np.inf)]),
        whole=np.zeros(size + 1 + count, dtype=bool),
        limits={},
    )


def simplex(band: Band, _tolerance: float, _look: Look | None = None) -> Point:
    """The least of a band by HiGHS. Raises `GaveUpError` where it has none, `MissingSolverError` without the solver."""
    return _point(band, Solver().solve(model_of(band), Effort()), "HiGHS")


def conic(band: Band, _tolerance: float, _look: Look | None = None) -> Point:
    """The least of a band by Clarabel. Raises `GaveUpError` where it proves none, `MissingSolverError` without it."""
    return _point(band, solve_conic(model_of(band), Effort()), "Clarabel")


def _point(band: Band, solved: Solved, name: str) -> Point:
    size, rows = band.cost.size, band.lower.size
    if solved.status != "optimal" or solved.x is None:
        raise GaveUpError(f"{name}: {solved.status}")
    return Point(
        solved.x[:size], float(solved.x[size]), -solved.dual[rows:], solved.dual[:rows], solved.gap,
        solved.iterations, True,
    )  # fmt: skip


def has_point(program: TailProgram) -> bool:
    """Whether any point is within rows and boxes. Raises `MissingSolverError`."""
    if not program.lower.size:
        return True
    model = Model(
        np.zeros(program.size), 0.0, program.matrix, program.lower, program.upper, program.low, program.high,
        np.zeros(program.size, dtype=bool), {},
    )  # fmt: skip
    return Solver().solve(model).status != "infeasible"
