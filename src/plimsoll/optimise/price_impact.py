"""What trades move the price against themselves, quadratic in their size: `0.5 y'Ly`, as tangents in a program.

Each square of a linear form is above its tangents, so that a program with some of them asks for less than the whole
and its bound holds; where a solution lies above the last tangents, one more is drawn there.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.optimise.algebra import Term
from plimsoll.optimise.lazy import Rows
from plimsoll.risk.plan import F64

HELD = 1e-8
"""How far, of its size and no less than a dollar, an impact may be above its column."""

FIRST = (1.0 / 64.0, 1.0 / 16.0, 0.25, 1.0)
"""Parts of the largest value of a form, on either side, at which tangents are drawn to begin with."""

FLAT = 1e-12
"""Curvature below this part of the largest is none; below zero by more, `L` is refused."""


class Impact(Term):
    """`0.5 y'Ly` in US dollars of signed contracts `y` bought over all books: see `impact`."""

    affine = False

    def __init__(self, names: tuple[str, ...], matrix: F64) -> None:
        self.names, self.matrix = names, matrix
        told = ", ".join(f"{n} {matrix[i, i]:g}" for i, n in enumerate(names[:3]))
        if len(names) > 3 or np.count_nonzero(matrix) > len(names):
            told += f" and others, {zlib.crc32(repr(names).encode() + matrix.tobytes()):08x}"
        self.name = f"impact {told}"

    def forms(self) -> F64:
        """`[K, N]` linear forms with `y'Ly` the sum of their squares."""
        size, ways = np.linalg.eigh(self.matrix)
        kept = size > FLAT * size.max(initial=0.0)
        found: F64 = np.sqrt(size[kept])[:, None] * ways[:, kept].T
        return found

    def of(self, trades: Mapping[str, float]) -> float:
        """US dollars of signed contracts by name."""
        y = np.array([trades.get(n, 0.0) for n in self.names])
        return 0.5 * float(y @ self.matrix @ y)


def impact(by_size: Mapping[str, float], cross: Mapping[tuple[str, str], float] | None = None) -> Impact:
    """Quadratic impact: `by_size` are US dollars by contract squared, `cross` what a trade of one moves another.

    ```
    0.5 sum_i L_ii y_i^2 + sum_{i < j} L_ij y_i y_j
    ```
    Raises `DocumentError` for numbers that are not finite, a pair of which one is not in `by_size`, and coefficients
    by which some trades would be paid for moving the price (`L` not positive semidefinite).

    >>> impact({"PERP": 2.0, "CALL": 8.0}, {("PERP", "CALL"): 1.0}).of({"PERP": 3.0, "CALL": -1.0})
    10.0
    """
    names = tuple(by_size)
    if not names:
        raise refuse("impact", "nothing", "coefficients for one instrument or more")
    place = {n: i for i, n in enumerate(names)}
    matrix = np.diag(np.array([float(v) for v in by_size.values()]))
    for (one, other), value in (cross or {}).items():
        if one not in place or other not in place or one == other:
            raise refuse("impact.cross", f"{one}, {other}", "two of " + ", ".join(names))
        matrix[place[one], place[other]] = matrix[place[other], place[one]] = float(value)
    if not np.isfinite(matrix).all():
        raise refuse("impact", "a coefficient that is no number", "finite numbers")
    least = float(np.linalg.eigvalsh(matrix).min())
    if least < -1e-9 * max(float(np.abs(matrix).max()), 1e-300):
        raise refuse("impact", f"a curvature of {least:.3g}", "no trades that are paid for moving the price")
    return Impact(names, matrix)


@dataclass(frozen=True, eq=False)
class Squares:
    """Column `value` is to be at least half the sum of squares of `forms[K, columns] @ x`; `most[K]` are their largest
    values. A state is the points of the tangents of each.
    """

    value: int
    forms: Any
    most: F64

    def first(self) -> list[F64]:
        """On either side, at parts of the largest."""
        parts = np.array(FIRST)
        return [np.concatenate([-m * parts, m * parts]) for m in self.most.tolist()]

    def rows(self, state: list[F64], columns: int) -> Rows:
        """A column for each half square, above its tangents `p z - p^2 / 2`; `value` above their sum."""
        from scipy.sparse import csr_array, hstack, vstack

        count = len(state)
        points = np.concatenate(state)
        which = np.repeat(np.arange(count), [p.size for p in state])
        drawn = csr_array(self.forms[which].multiply(points[:, None]))
        drawn = csr_array((drawn.data, drawn.indices, drawn.indptr), shape=(points.size, columns))
        mine = csr_array((-np.ones(points.size), (np.arange(points.size), which)), shape=(points.size, count))
        total = csr_array(([-1.0], ([0], [self.value])), shape=(1, columns))
        whole = vstack([hstack([drawn, mine]), hstack([total, csr_array(np.ones((1, count)))])])
        return Rows(csr_array(whole), np.append(0.5 * points**2, 0.0), count)

    def missing(self, x: F64, state: list[F64]) -> list[F64] | None:
        """With a tangent at `x` for each form that is above those it has."""
        z = self.forms @ x[: self.forms.shape[1]]
        half = 0.5 * z**2
        total = float(half.sum())
        if total <= x[self.value] + HELD * max(1.0, abs(total)):
            return None
        short = np.array(
            [h - max(0.0, float((p * v - 0.5 * p**2).max())) for h, v, p in zip(half, z, state, strict=True)]
        )
        # what is nothing among them is not drawn: points that stand on one another say nothing new
        worth = short > 1e-3 * HELD * max(1.0, total) / max(1, z.size)
        return [np.append(p, v) if w else p for p, v, w in zip(state, z.tolist(), worth, strict=True)]

    def alike(self, other: object) -> bool:
        """Whether the tangents of `other` are tangents of this."""
        return (
            isinstance(other, Squares)
            and self.value == other.value
            and self.forms.shape == other.forms.shape
            and np.array_equal(self.most, other.most)
        )
