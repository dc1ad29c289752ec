"""Least expected shortfall as a program of cvxpy, and as rows for HiGHS; both as their users write it."""

from __future__ import annotations

from typing import Any

import numpy as np


def options(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Trades within one contract, neutral in delta, by a solver of cvxpy; '' is its own choice."""
    import cvxpy as cp

    def limits(x: Any) -> list[Any]:
        return [x >= -1.0, x <= 1.0, inputs["rows"] @ x == 0.0]

    return _job(cp, inputs, inputs["base"], limits, options)


def long_only(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Shares that add up to one."""
    import cvxpy as cp

    return _job(cp, inputs, 0.0, lambda x: [x >= 0.0, cp.sum(x) == 1.0], options)


def _job(cp: Any, inputs: dict[str, Any], base: Any, limits: Any, options: dict[str, Any]) -> dict[str, Any]:
    pnl, level, solver = inputs["pnl"], float(inputs["level"]), options["solver"]
    count = (1.0 - level) * pnl.shape[1]
    seconds = {"CLARABEL": {"time_limit": options["limit"]}, "": {}}[solver]

    def run() -> dict[str, Any]:
        x, at = cp.Variable(pnl.shape[0]), cp.Variable()
        loss = -(pnl.T @ x) - base
        problem = cp.Problem(cp.Minimize(at + cp.sum(cp.pos(loss - at)) / count), limits(x))
        problem.solve(**({"solver": solver} if solver else {}), **seconds)
        if problem.status != "optimal":
            raise RuntimeError(f"{problem.status} after at most {options['limit']:g} s")
        return told(pnl, base, level, x.value)

    return {"run": run, "units": 1}


def simplex(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Every scenario a row, the dual simplex method, one thread."""
    import highspy
    from scipy.sparse import block_array, csc_array, eye_array

    pnl, base, level = inputs["pnl"], inputs["base"], float(inputs["level"])
    size, scenarios = pnl.shape

    def run() -> dict[str, Any]:
        rows = block_array(
            [[csc_array(inputs["rows"]), None, None],
             [csc_array(-pnl.T), csc_array(-np.ones((scenarios, 1))), -eye_array(scenarios)]],
            format="csc",
        )  # fmt: skip
        lp = highspy.HighsLp()
        lp.num_row_, lp.num_col_ = rows.shape
        lp.col_cost_ = np.concatenate([np.zeros(size), [1.0], np.full(scenarios, 1.0 / ((1.0 - level) * scenarios))])
        lp.col_lower_ = np.concatenate([np.full(size, -1.0), [-np.inf], np.zeros(scenarios)])
        lp.col_upper_ = np.concatenate([np.ones(size), np.full(scenarios + 1, np.inf)])
        lp.row_lower_ = np.concatenate([np.zeros(2), np.full(scenarios, -np.inf)])
        lp.row_upper_ = np.concatenate([np.zeros(2), base])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
        engine = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (("output_flag", False), ("threads", 1), ("solver", "simplex"),
                            ("time_limit", float(options["limit"]))):  # fmt: skip
            engine.setOptionValue(name, value)
        engine.passModel(lp)
        engine.run()
        if engine.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"no optimum after {options['limit']:g} s")
        return told(pnl, base, level, np.array(engine.getSolution().col_value)[:size])

    return {"run": run, "units": 1}


def told(pnl: Any, base: Any, level: float, x: Any) -> dict[str, Any]:
    """The objective over all scenarios at an answer."""
    losses = np.sort(-(x @ pnl + base))[::-1]
    count = (1.0 - level) * losses.size
    objective = losses @ np.clip(count - np.arange(losses.size), 0.0, 1.0) / count
    return {"objective": np.asarray(objective), "x": np.asarray(x)}
