"""Linear and convex quadratic programs through Clarabel, a conic interior point: the second solver that is kept.

```
minimise  c'x + x'Qx/2    subject to  lower <= A x <= upper,  low <= x <= high,  |F x|^2 / 2 <= x_value
```
The last is a lazy impact, here a cone and not its tangents. What comes back is believed as far as our own arithmetic
goes: the point has to be within its limits, and a bound by weak duality as near as was asked for. A convex function
lies above its tangent, so the bound of a quadratic program is that of its tangent at the point, with the same prices.
Source of the method: Goulart and Chen, Clarabel (2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.optimise.layout import Model
from plimsoll.optimise.lazy import grown
from plimsoll.optimise.price_impact import Squares
from plimsoll.optimise.solver import TINY, Effort, MissingSolverError, Solved, Status, dual_bound, keyboard
from plimsoll.risk.plan import F64, I64

ACCURACY = 1e-11
"""What the solver is asked for, relative, in its own measures."""

WITHIN = 1e-8
"""How far beyond a row or a side, of its size and no less than one, a point counts as within."""

PRICED = 1e-7
"""Prices above this part of the largest are those that may be put right for columns without a side."""


def clarabel() -> Any:
    """The solver's module. Raises `MissingSolverError` naming the extra that brings it."""
    try:
        import clarabel as module
    except ImportError:
        raise MissingSolverError(
            "this route needs the solver Clarabel, which is not installed: pip install 'plimsoll-margin[optimise]'"
        ) from None
    return module


def conic_terms(model: Model) -> bool:
    """Whether Clarabel can have the program: no whole column, and of lazy terms only impacts."""
    return model.linear and all(isinstance(term, Squares) for term in model.lazy)


def or_conic(model: Model, effort: Effort, found: Solved) -> Solved:
    """What Clarabel says of a program that another method came to nothing with; `found` where it has nothing either.

    The route is that of `found` and one step more, which says what was missing.
    """
    try:
        tried = solve_conic(model, effort)
    except MissingSolverError:
        return replace(found, route=(*found.route, "Clarabel: not installed"))
    route = (*found.route, *tried.route)
    if tried.status == "failed":
        return replace(found, route=(*route[:-1], route[-1] + ": not proved"))
    return replace(tried, route=route)


def solve_conic(model: Model, effort: Effort | None = None, *, quadratic: Any | None = None) -> Solved:
    """The least of a program without whole columns, `quadratic` (sparse, square, positive semidefinite) its `Q`.

    `optimal` only where the point is within its limits and our own bound is within `effort.gap`; `infeasible` and
    `unbounded` only where the rows say so in our own arithmetic too; otherwise `failed`. Raises `DocumentError` for
    whole columns and lazy terms that are no impact, `MissingSolverError` without the solver.
    """
    effort = effort or Effort()
    if not conic_terms(model):
        raise refuse("model", "whole columns, or rows that are made later", "a convex program, with impacts at most")
    module = clarabel()
    for even in (False, True):
        found = _solve(module, model, effort, quadratic, even)
        if found.status != "failed" or found.interrupted:
            break
    return found


def _solve(module: Any, model: Model, effort: Effort, quadratic: Any | None, even: bool) -> Solved:
    """One try, with rows as they are or of one size: either ends where the other, now and then, does not."""
    cones = _Cones(model, even)
    found, stopped = _run(module, model, cones, effort, quadratic)
    route = (f"Clarabel {module.__version__}",)
    none = np.zeros(model.lower.size)
    failed = Solved("failed", None, np.inf, -np.inf, none, 0, int(found.iterations), route, stopped)
    status, kinds = found.status, module.SolverStatus
    x, z = np.array(found.x), np.array(found.z)
    if status in (kinds.PrimalInfeasible, kinds.AlmostPrimalInfeasible):
        return replace(failed, status="infeasible") if _impossible(model, cones.prices(z)) else failed
    if status in (kinds.DualInfeasible, kinds.AlmostDualInfeasible):
        if quadratic is None and not model.lazy and _endless(model, x):
            there = solve_conic(replace(model, cost=np.zeros_like(model.cost)), effort).status
            known: dict[str, Status] = {"optimal": "unbounded", "infeasible": "infeasible"}
            return replace(failed, status=known.get(there, "failed"))
        return failed
    if not np.isfinite(x).all() or not np.isfinite(z).all():
        return failed
    x = np.clip(x, model.low, model.high)
    for term in _squares(model):
        x[term.value] = max(x[term.value], 0.5 * float(((term.forms @ x[: term.forms.shape[1]]) ** 2).sum()))
    if beyond(model, x) > WITHIN:
        return replace(failed, status="stopped") if stopped else failed
    slope = np.zeros_like(x) if quadratic is None else quadratic @ x
    objective = float(model.cost @ x + 0.5 * slope @ x) + model.constant
    tangents = [_tangent(model, x, slope, cones.prices(z), points) for points in (cones.points(z), cones.at(x))]
    bound, whole, prices = max((_best_bound(*t) for t in tangents), key=lambda tried: tried[0])
    reduced = (whole.cost - whole.matrix.T @ prices)[: x.size]
    done = Solved(
        "optimal", x, objective, min(bound, objective), prices[: none.size], 0, int(found.iterations), route, stopped,
        reduced,
    )  # fmt: skip
    if done.gap > effort.gap:
        return replace(done, status="stopped") if stopped or status == kinds.MaxTime else failed
    return done


def beyond(model: Model, x: F64) -> float:
    """How far the worst row or side is broken, of its size and no less than one."""
    there = model.matrix @ x
    size = np.maximum(1.0, abs(model.matrix) @ np.abs(x))
    rows = np.maximum(model.lower - there, there - model.upper) / size
    sides = np.maximum(model.low - x, x - model.high) / np.maximum(1.0, np.abs(x))
    return max(0.0, float(rows.max(initial=0.0)), float(sides.max(initial=0.0)))


def _squares(model: Model) -> list[Squares]:
    return [term for term in model.lazy if isinstance(term, Squares)]


@dataclass(frozen=True, eq=False)
class _Part:
    """`matrix @ x + s = side` with `s` in a cone, of `unit`; its multipliers, by `sign`, are the prices of `rows`."""

    matrix: Any
    side: F64
    rows: I64 | None = None
    sign: float | F64 = 0.0
    unit: float = 1.0


def _rows(matrix: Any, side: F64, rows: I64, sign: float, even: bool) -> _Part:
    """Rows as they are, or `even` of one size: some are dollars, some parts. Prices are of the rows as they were."""
    from scipy.sparse import csr_array

    if not even:
        return _Part(matrix, side, rows, sign)
    size = np.abs(matrix).max(axis=1).toarray().ravel() if rows.size else np.zeros(0)
    scale = 1.0 / np.where(size > 0.0, size, 1.0)
    return _Part(csr_array(matrix.multiply(scale[:, None])), side * scale, rows, sign * scale)


class _Cones:
    """A model as the parts of a conic program: equalities, inequalities, a cone for each impact."""

    def __init__(self, model: Model, even: bool) -> None:
        from scipy.sparse import csr_array, eye_array

        matrix, eye = csr_array(model.matrix), csr_array(eye_array(model.cost.size))
        same, fixed = model.lower == model.upper, model.low == model.high
        up, down = np.isfinite(model.upper) & ~same, np.isfinite(model.lower) & ~same
        high, low = np.isfinite(model.high) & ~fixed, np.isfinite(model.low) & ~fixed
        self.count = model.lower.size
        self.equal = [
            _rows(matrix[same], model.upper[same], np.flatnonzero(same), -1.0, even),
            _Part(eye[fixed], model.low[fixed]),
        ]
        self.less = [
            _rows(matrix[up], model.upper[up], np.flatnonzero(up), -1.0, even),
            _rows(-matrix[down], -model.lower[down], np.flatnonzero(down), 1.0, even),
            _Part(eye[high], model.high[high]),
            _Part(-eye[low], -model.low[low]),
        ]
        self.squares = _squares(model)
        self.second = [_cone(term, model.cost.size) for term in self.squares]

    def at(self, x: F64) -> list[F64]:
        """What the forms of each impact are at a point."""
        return [t.forms @ x[: t.forms.shape[1]] for t in self.squares]

    def points(self, z: F64) -> list[F64]:
        """Where each impact is touched by its multipliers: nearer to the least than the point is, for the objective is
        flat there and the multipliers are not.
        """
        found, end = [], z.size
        for part in reversed(self.second):
            mine = z[end - part.side.size : end]
            end -= part.side.size
            price, height = float(mine[0] + mine[1]), float(part.unit)
            found.append(-mine[2:] * np.sqrt(2.0 * height) / price if price > 0.0 else np.zeros(mine.size - 2))
        return found[::-1]

    @property
    def parts(self) -> Sequence[_Part]:
        """In the order of the solver."""
        return (*self.equal, *self.less, *self.second)

    def prices(self, z: F64) -> F64:
        """`[R]` what the multipliers say of the model's rows."""
        found, at = np.zeros(self.count), 0
        for part in self.parts:
            size = part.side.size
            if part.rows is not None:
                found[part.rows] += part.sign * z[at : at + size]
            at += size
        return found


def _cone(term: Squares, columns: int) -> _Part:
    """`|z|^2 / 2 <= v` as `|(v/u - 1, z sqrt(2/u))| <= v/u + 1`, `u` of the size of its largest values."""
    from scipy.sparse import csr_array, vstack

    largest = 0.5 * float((term.most**2).sum())
    unit = largest if 0.0 < largest < np.inf else 1.0
    value = csr_array(([-1.0 / unit, -1.0 / unit], ([0, 1], [term.value] * 2)), shape=(2, columns))
    forms = csr_array(term.forms)
    forms = csr_array((forms.data, forms.indices, forms.indptr), shape=(forms.shape[0], columns))
    side = np.concatenate([[1.0, -1.0], np.zeros(forms.shape[0])])
    return _Part(csr_array(vstack([value, -np.sqrt(2.0 / unit) * forms])), side, unit=unit)


def _run(module: Any, model: Model, cones: _Cones, effort: Effort, quadratic: Any | None) -> tuple[Any, bool]:
    """What the solver says, and whether the keyboard ended it."""
    from scipy.sparse import csc_array, csc_matrix, triu, vstack

    size = model.cost.size
    upper = csc_matrix((size, size)) if quadratic is None else csc_matrix(triu(csc_array(quadratic), format="csc"))
    count = [sum(p.side.size for p in parts) for parts in (cones.equal, cones.less)]
    kinds = [module.ZeroConeT(count[0]), module.NonnegativeConeT(count[1])]
    kinds = [k for k, many in zip(kinds, count, strict=True) if many]
    kinds += [module.SecondOrderConeT(part.side.size) for part in cones.second]
    settings = module.DefaultSettings()
    settings.verbose, settings.max_threads = False, 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = ACCURACY
    settings.tol_infeas_abs = settings.tol_infeas_rel = ACCURACY
    if effort.seconds is not None:
        settings.time_limit = float(effort.seconds)
    matrix = csc_matrix(vstack([p.matrix for p in cones.parts], format="csc"))
    side = np.concatenate([p.side for p in cones.parts])
    solver = module.DefaultSolver(upper, model.cost, matrix, side, kinds, settings)
    asked: list[bool] = []
    solver.set_termination_callback(lambda _info: bool(asked))
    with keyboard(lambda: asked.append(True)):
        found = solver.solve()
    return found, bool(asked)


def _tangent(model: Model, x: F64, slope: F64, prices: F64, points: list[F64]) -> tuple[Model, F64]:
    """The linear program that touches the whole one from below at `x`, its impacts at `points`; prices of its rows.

    An impact's column is above its tangent there; the price of both is what the column costs.
    """
    flat = replace(model, cost=model.cost + slope, constant=model.constant - 0.5 * float(slope @ x))
    terms = _squares(model)
    if not terms or not all(np.isfinite(p).all() for p in points):
        return flat, prices
    left = flat.cost - flat.matrix.T @ prices
    worth = [np.full(t.forms.shape[0] + 1, -max(0.0, float(left[t.value]))) for t in terms]
    return grown(flat, [list(p[:, None]) for p in points]), np.concatenate([prices, *worth])


def _best_bound(model: Model, prices: F64) -> tuple[float, Model, F64]:
    """The better of the bounds of these prices, and of those that leave nothing on columns without a side."""
    bound, better = dual_bound(model, prices), _put_right(model, prices)
    if better is not None and (other := dual_bound(model, better)) > bound:
        return other, model, better
    return bound, model, prices


def _put_right(model: Model, prices: F64) -> F64 | None:
    """Prices whose reduced costs are nothing where a column has no side to stop at: the nearest, of the rows that have
    a price.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsqr

    reduced = model.cost - model.matrix.T @ prices
    short = ((reduced > 0.0) & np.isinf(model.low)) | ((reduced < 0.0) & np.isinf(model.high))
    free = np.isinf(model.low) & np.isinf(model.high)
    open_ended = np.flatnonzero(short | free)
    priced = np.flatnonzero(np.abs(prices) > PRICED * float(np.abs(prices).max(initial=0.0)))
    if not open_ended.size or not priced.size:
        return None
    kept = np.zeros_like(prices)
    kept[priced] = prices[priced]
    part = csr_array(csr_array(model.matrix)[priced][:, open_ended].T)
    left = (model.cost - model.matrix.T @ kept)[open_ended]
    kept[priced] += lsqr(part, left, atol=1e-15, btol=1e-15, iter_lim=20 * priced.size)[0]
    return kept


def _impossible(model: Model, prices: F64) -> bool:
    """Whether prices prove that no point is within the limits: a least of nothing that would be above nothing."""
    size = float(np.abs(prices).max(initial=0.0))
    if model.lazy or not 0.0 < size < np.inf:
        return False
    nothing = replace(model, cost=np.zeros_like(model.cost), constant=0.0)
    return _best_bound(nothing, prices / size)[0] > WITHIN


def _endless(model: Model, way: F64) -> bool:
    """Whether a direction leaves every limit alone and lowers the objective."""
    size = float(np.abs(way).max(initial=0.0))
    if not 0.0 < size < np.inf:
        return False
    way = way / size
    there = model.matrix @ way / np.maximum(1.0, abs(model.matrix) @ np.abs(way))
    bad = np.concatenate([
        np.where(np.isfinite(model.upper), there, 0.0), np.where(np.isfinite(model.lower), -there, 0.0),
        np.where(np.isfinite(model.high), way, 0.0), np.where(np.isfinite(model.low), -way, 0.0),
    ])  # fmt: skip
    return bool(bad.max(initial=0.0) <= WITHIN and model.cost @ way < -TINY * float(np.abs(model.cost) @ np.abs(way)))
