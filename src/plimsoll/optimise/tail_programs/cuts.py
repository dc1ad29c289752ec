"""Kelley's cuts: the tail is above each of its tangents, and HiGHS minimises the highest of them.

```
tail(x) >= -(z @ base) - (P z) @ x   for any allowed weights z, with equality at the point whose worst losses z takes
```
Few cuts are enough where the worst case of few scenarios is asked for: one or two by variable.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from plimsoll.optimise.layout import Model
from plimsoll.optimise.solver import Effort, Solver, highs
from plimsoll.optimise.tail_programs.program import TailProgram
from plimsoll.optimise.tail_programs.rows import GaveUpError
from plimsoll.risk.plan import F64

MOST = 400
"""Rounds."""

AT_ONCE = 4
"""Cuts of a round of the worst case, each of one scenario."""


def tangents(program: TailProgram, losses: F64) -> list[F64]:
    """Weights `[S]` by which the tail at these losses is a mean of them; of a worst case those of the next ones too."""
    order = np.argsort(-losses, kind="stable")
    if (program.most[order[:AT_ONCE]] >= 1.0).all():
        return [np.eye(1, losses.size, int(s))[0] for s in order[:AT_ONCE]]
    z = np.zeros(losses.size)
    filled = np.cumsum(program.most[order])
    last = int(np.searchsorted(filled, 1.0 - 1e-12))
    z[order[: last + 1]] = program.most[order[: last + 1]]
    z[order[last]] = 1.0 - (filled[last - 1] if last else 0.0)
    return [z]


def kelley(program: TailProgram, gap: float) -> tuple[F64, F64, F64, int, int]:
    """`x[N]`, weights of scenarios, prices of rows, rounds and cuts.

    Raises `GaveUpError` where the cuts so far have no least value, or too many are needed; `MissingSolverError`.
    """
    from scipy.sparse import csr_array, hstack

    size, rows = program.size, program.lower.size
    model = Model(
        np.append(program.cost, 1.0), 0.0,
        csr_array(hstack([program.matrix, csr_array((rows, 1))])), program.lower, program.upper,
        np.append(program.low, -np.inf), np.append(program.high, np.inf), np.zeros(size + 1, dtype=bool), {},
    )  # fmt: skip
    engine = Solver._engine(highs(), model, Effort(), "simplex")
    x = np.clip(np.zeros(size), program.low, program.high)
    kept: list[F64] = []
    best, where = np.inf, x
    every = np.arange(size + 1, dtype=np.int32)
    for rounds in range(1, MOST + 1):
        losses = program.losses(x)
        fresh = tangents(program, losses)
        value = float(program.cost @ x) + float(fresh[0] @ losses)
        if kept and value < best:
            best, where = value, x
        for z in fresh:
            engine.addRow(-float(z @ program.base), np.inf, size + 1, every, np.append(program.pnl @ z, 1.0))
            kept.append(z)
        engine.run()
        if str(engine.modelStatusToString(engine.getModelStatus())) != "Optimal":
            raise GaveUpError("the cuts so far have no least value")
        point: Any = engine.getSolution()
        solved = np.array(point.col_value)
        bound = float(engine.getInfo().objective_function_value)
        x = solved[:size]
        if np.isfinite(best) and best - bound <= 0.1 * gap * max(abs(best), abs(bound)):
            dual = np.array(point.row_dual)
            prices = np.maximum(dual[rows:], 0.0)
            weights = np.asarray(prices @ np.array(kept))
            return where, weights, dual[:rows], rounds, len(kept)
    raise GaveUpError(f"{MOST} rounds of cuts were not enough")
