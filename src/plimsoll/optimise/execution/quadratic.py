"""The schedule as a quadratic program: cost and variance, no trade against the ticket, margin at every slice.

```
minimise     sum_k cost + lambda tau sum_k x_k' C x_k
subject to   0 <= left_k <= left_{k-1} <= 1            parts of each trade, whole at the start, none at the end
and          margin(position after slice k) <= equity_k                         the rows of the form, of every book
```
What was found is believed as far as a bound of our own goes: a convex function lies above its tangent, so the least
value of the tangent over the rows, by weak duality, is below every schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.margin.forms import Program
from plimsoll.optimise.conic import beyond, solve_conic
from plimsoll.optimise.execution.interior import interior_point
from plimsoll.optimise.layout import Layout, Model, Row, added
from plimsoll.optimise.solver import Effort, Solver
from plimsoll.risk.plan import F64, I64

WITHIN = 1e-6
"""How far beyond a row or a side, of its size, a point may be for its schedule to count."""

PROVED = 1e-6
"""Relative gap of a schedule beyond which the next method is asked too."""


@dataclass(frozen=True, eq=False)
class Course:
    """What is to be traded: `trade[N]` signed contracts, `slope[N]` USD a contract squared, `covariance[N, N]` USD
    squared by time, `slices` `tau` apart, `decay` what is left of an impact after `tau`, `lasting` the part that stays.
    """

    trade: F64
    slope: F64
    covariance: F64
    slices: int
    tau: float
    risk_aversion: float
    decay: float
    lasting: float

    def kernel(self) -> F64:
        """`[K, K]` by which slices pay for one another; the part that lasts is the same for every schedule."""
        lag = np.abs(np.subtract.outer(np.arange(self.slices), np.arange(self.slices)))
        fading = np.where(lag == 0, 1.0, self.decay ** np.maximum(lag, 1))
        found: F64 = (1.0 - self.lasting) * fading + self.lasting
        return found

    def impact(self, left: F64) -> float:
        """US dollars for `left[K + 1, N]` contracts at the start and after each slice, without the spread."""
        n = left[:-1] - left[1:]
        return float(((self.kernel() @ n) * n).sum(axis=0) @ self.slope)

    def variance(self, left: F64) -> float:
        """US dollars squared, of what is still to be traded over the time until the next slice."""
        return self.tau * float(np.einsum("ki,ij,kj->", left[1:], self.covariance, left[1:]))

    def value(self, left: F64) -> float:
        """Impact and `risk_aversion` times the variance, US dollars."""
        return self.impact(left) + self.risk_aversion * self.variance(left)

    def hessian(self) -> tuple[F64, F64, float]:
        """`Q, c, constant` of `x'Qx/2 + c'x + constant` over the parts left after each slice but the last, by slice."""
        size, steps = self.trade.size, self.slices - 1
        # n_k = left_{k-1} - left_k with left_0 = 1 and left_K = 0, in parts of the trade
        d = np.zeros((self.slices, steps))
        d[np.arange(steps), np.arange(steps)] = -1.0
        d[np.arange(1, self.slices), np.arange(steps)] = 1.0
        first = np.zeros(self.slices)
        first[0] = 1.0
        kernel = self.kernel()
        money = self.slope * self.trade**2
        risk = self.risk_aversion * self.tau * self.covariance * np.outer(self.trade, self.trade)
        q = np.kron(d.T @ kernel @ d, np.diag(money)) + np.kron(np.eye(steps), risk)
        c = 2.0 * np.kron(d.T @ kernel @ first, money)
        assert q.shape == (steps * size, steps * size)
        whole: F64 = q + q.T
        linear: F64 = np.asarray(c, dtype=np.float64)
        return whole, linear, float(first @ kernel @ first) * float(money.sum())


@dataclass(frozen=True, eq=False)
class BookRows:
    """One book of the course: `items[M]` the entries of the course that it trades, `places[M]` where they are among its
    contracts, `quantity[P]` at the start, its form as rows, `reach[P]`, and `most[K]` what the form may come to after
    each slice, in the currency of the margin."""

    items: I64
    places: I64
    quantity: F64
    program: Program
    reach: F64
    most: F64


@dataclass(frozen=True, eq=False)
class Planned:
    """`left[K + 1, N]` contracts, `value` of it, and `bound` that no schedule within the rows is below; `route` is what
    was tried, with the gap that it left."""

    left: F64
    value: float
    bound: float
    route: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """`(value - bound)` over the larger of both and a dollar."""
        return max(0.0, self.value - self.bound) / max(1.0, abs(self.value), abs(self.bound))


def solve_course(course: Course, books: Sequence[BookRows] = (), *, effort: Effort | None = None) -> Planned | None:
    """The least value within the rows; `None` where no schedule keeps every book within its margin.

    Raises `MissingSolverError` without the solver, `PlimsollError` where it gives up.
    """
    size, steps = course.trade.size, course.slices - 1
    start = np.zeros((course.slices + 1, size))
    start[0] = course.trade
    if steps == 0:
        return Planned(start, course.value(start), course.value(start))
    layout = Layout()
    left = layout.new(np.zeros(steps * size), np.ones(steps * size)).reshape(steps, size)
    for k in range(1, steps):
        for i in range(size):
            layout.add(Row(np.array([left[k, i], left[k - 1, i]]), np.array([1.0, -1.0])), -np.inf, 0.0)
    for book in books:
        _margins(layout, course, book, left)
    if not layout.entries:
        layout.add(Row(left[0, :1], np.ones(1)), 0.0, 1.0)
    model = layout.model(Row(np.zeros(0, dtype=np.int64), np.zeros(0)), {})
    # of a form with binaries the relaxation: what it lets through the exact engine refuses
    model = replace(model, whole=np.zeros_like(model.whole))
    q, c, constant = course.hessian()
    if Solver().solve(model, effort or Effort()).status == "infeasible":
        return None
    scale = max(1e-12, float(np.abs(q).max()))
    told: list[str] = []
    best: Planned | None = None
    poor: Planned | None = None
    for name, method in METHODS.items():
        try:
            x, least = method(model, *_spread(q, c, scale, left.ravel(), model.cost.size))
        except PlimsollError as why:
            told.append(f"{name}: {why}")
            continue
        found = _proved(course, model, left, x, (q, c, constant), effort or Effort())
        found = replace(found, bound=min(found.value, max(found.bound, constant + scale * least)))
        told.append(f"{name}: gap {found.gap:.1e}")
        far = beyond(model, np.clip(x, model.low, model.high))
        if far > WITHIN:
            # its value may be too low, and its bound with it: only where there is nothing else
            told[-1] += f", limits to {far:.1e}"
            poor = poor or found
            continue
        if best is not None:
            better = found if found.value < best.value else best
            found = replace(better, bound=min(better.value, max(found.bound, best.bound)))
        best = found
        if best.gap <= PROVED:
            break
    best = best or poor
    if best is None:
        raise PlimsollError("no schedule was found: " + "; ".join(told))
    return replace(best, route=tuple(told))


def _proved(
    course: Course, model: Model, left: I64, x: F64, objective: tuple[F64, F64, float], effort: Effort
) -> Planned:
    """The schedule of a point, with the bound of the tangent there."""
    q, c, constant = objective
    parts = np.clip(x[left], 0.0, 1.0)
    parts = np.minimum.accumulate(parts, axis=0)
    found = np.zeros((course.slices + 1, course.trade.size))
    found[0], found[1:-1] = course.trade, parts * course.trade
    slope = q @ parts.ravel() + c
    cost = np.zeros(model.cost.size)
    cost[left.ravel()] = slope
    tangent = Solver().solve(replace(model, cost=cost), effort)
    at = constant + float(c @ parts.ravel() + 0.5 * parts.ravel() @ q @ parts.ravel())
    bound = at - float(slope @ parts.ravel()) + tangent.bound
    value = course.value(found)
    return Planned(found, value, min(bound, value))


def _conic(model: Model, q: Any, c: F64) -> tuple[F64, float]:
    """Clarabel's point and the bound of its prices, which is nearer than a tangent where many schedules cost the same.

    Raises `PlimsollError` where it is not proved, `MissingSolverError` without the solver.
    """
    solved = solve_conic(replace(model, cost=c), quadratic=q)
    if solved.status != "optimal" or solved.x is None:
        raise PlimsollError(f"{solved.status}, {solved.iterations} steps")
    return solved.x, solved.bound - model.constant


METHODS: dict[str, Callable[[Model, Any, F64], tuple[F64, float]]] = {
    "interior point": lambda model, q, c: (interior_point(model, q, c), -np.inf),
    "Clarabel": _conic,
}
"""In order: the next is asked where one ends short or its schedule is not proved. Each gives a point and, where it
has one of its own, a bound of the scaled objective."""


def _margins(layout: Layout, course: Course, book: BookRows, left: I64) -> None:
    """The rows of the form after every slice but the last, whose positions are those of the answer."""
    size = book.quantity.size
    for k in range(left.shape[0]):
        position = layout.new(np.zeros(2 * size), np.tile(book.reach, 2))
        moving = {int(p): int(i) for p, i in zip(book.places, book.items, strict=True)}
        for p in range(size):
            where, values, held = [position[p], position[size + p]], [1.0, -1.0], float(book.quantity[p])
            if p in moving:
                trade = float(course.trade[moving[p]])
                where.append(left[k, moving[p]])
                values.append(trade)
                held += trade
            layout.add(Row(np.array(where, dtype=np.int64), np.array(values)), held, held)
        layout.add(added([layout.block(book.program, position)]), -np.inf, float(book.most[k]))


def _spread(q: F64, c: F64, scale: float, columns: I64, count: int) -> tuple[Any, F64]:
    """`Q` and `c`, by `scale`, over all columns, of which `columns` are theirs."""
    from scipy.sparse import coo_array

    row, column = np.nonzero(q)
    whole = coo_array((q[row, column] / scale, (columns[row], columns[column])), shape=(count, count)).tocsc()
    cost = np.zeros(count)
    cost[columns] = c / scale
    return whole, cost
