"""Terms whose rows are made when a solution asks for them: convex terms of too many rows to have them all.

What is left out of a program only ever makes it less, so that its bound holds for the whole. Rows are added until no
term is below what it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from plimsoll.risk.plan import F64

if TYPE_CHECKING:
    from plimsoll.optimise.layout import Model
    from plimsoll.optimise.solver import Solved

ROUNDS = 60
"""Programs at most; each has rows that the last one had not."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Further rows `matrix @ (x, new) <= upper`; the `new` columns are at least zero."""

    matrix: Any
    upper: F64
    new: int


class Lazy(Protocol):
    """A convex term of a program that is given as some of its rows. A state says which."""

    def first(self) -> Any:
        """The rows to begin with."""

    def rows(self, state: Any, columns: int) -> Rows:
        """The rows of a state, for a program of so many columns."""

    def missing(self, x: F64, state: Any) -> Any | None:
        """A state with what is missing at `x`; None where the term is what it should be there."""

    def alike(self, other: Any) -> bool:
        """Whether a state of `other` can be one of this."""


def grown(model: Model, states: list[Any]) -> Model:
    """A program with the rows of its lazy terms."""
    from scipy.sparse import csr_array, vstack

    columns = model.cost.size
    made = [term.rows(state, columns) for term, state in zip(model.lazy, states, strict=True)]
    total = sum(m.new for m in made)
    parts, before = [_wider(model.matrix, columns, 0, total)], 0
    for m in made:
        parts.append(_wider(m.matrix, columns, before, total))
        before += m.new
    count = sum(m.upper.size for m in made)
    return replace(
        model,
        cost=np.append(model.cost, np.zeros(total)),
        matrix=csr_array(vstack(parts)),
        lower=np.append(model.lower, np.full(count, -np.inf)),
        upper=np.concatenate([model.upper, *(m.upper for m in made)]),
        low=np.append(model.low, np.zeros(total)),
        high=np.append(model.high, np.full(total, np.inf)),
        whole=np.append(model.whole, np.zeros(total, dtype=bool)),
        lazy=(),
    )


def _wider(matrix: Any, columns: int, before: int, total: int) -> Any:
    """The same rows with new columns at their places."""
    from scipy.sparse import csr_array

    where = np.where(matrix.indices < columns, matrix.indices, matrix.indices + before)
    return csr_array((matrix.data, where, matrix.indptr), shape=(matrix.shape[0], columns + total))


def solve_lazily(
    model: Model, solve: Callable[[Model], Solved], remembered: tuple[Model, list[Any]] | None
) -> tuple[Solved, list[Any]]:
    """Solve, add what is missing, and again. `remembered` are the states of a program of the same kind.

    A program that was stopped is not taken further; where its point lacks rows its value is too low, which the exact
    measure of its trades shows.
    """
    states = [term.first() for term in model.lazy]
    if remembered is not None and len(remembered[1]) == len(states):
        old = zip(remembered[0].lazy, remembered[1], states, model.lazy, strict=True)
        states = [known if new.alike(was) else fresh for was, known, fresh, new in old]
    size, rows = model.cost.size, model.lower.size
    rounds = 0
    while True:
        rounds += 1
        whole = grown(model, states)
        solved = solve(whole)
        x = None if solved.x is None else solved.x[:size]
        further = [
            None if x is None else term.missing(x, state) for term, state in zip(model.lazy, states, strict=True)
        ]
        short = any(f is not None for f in further)
        if solved.interrupted or not short or rounds >= ROUNDS:
            break
        states = [state if new is None else new for state, new in zip(states, further, strict=True)]
    added = whole.lower.size - rows
    told = f"{added:,} rows made of what was asked for, in {rounds} round{'s' if rounds > 1 else ''}"
    reduced = (whole.cost - whole.matrix.T @ solved.dual)[:size] if solved.dual.size else np.zeros(0)
    status = "stopped" if short and solved.status == "optimal" else solved.status
    return replace(
        solved, status=status, x=x, dual=solved.dual[:rows], reduced=reduced, route=(*solved.route, told)
    ), states  # fmt: skip
