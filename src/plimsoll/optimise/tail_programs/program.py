"""What is minimised: a linear cost and the mean of the worst losses, within rows and boxes. Checked arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.risk.plan import F64

ALONE = 2.0
"""Largest weight of a scenario where the worst loss is asked for: any number above one gives the maximum."""


MANY = 4_000
"""Losses of which the worst are found first, and only they are put in order."""


@dataclass(frozen=True, eq=False)
class TailProgram:
    """Minimise `cost @ x + tail(loss)`, `loss[s] = -(base[s] + x @ pnl[:, s])`, within rows and boxes.

    `tail(loss)` is the largest `z @ loss` of all weights `0 <= z <= most` that add up to one: the expected shortfall
    where `most` is the probability of a scenario by that of the tail, the largest loss where `most` is above one.
    `pnl[N, S]` are gains by unit of each variable, `base[S]` those that are there anyhow, both in the unit of the
    objective. Rows are `lower <= matrix @ x <= upper`, boxes `low <= x <= high`; infinite sides are none.
    """

    pnl: F64
    base: F64
    most: F64
    cost: F64
    matrix: Any
    lower: F64
    upper: F64
    low: F64
    high: F64

    @property
    def size(self) -> int:
        """Variables."""
        return int(self.pnl.shape[0])

    @property
    def scenarios(self) -> int:
        """Scenarios."""
        return int(self.pnl.shape[1])

    def losses(self, x: F64) -> F64:
        """`[S]` the loss in every scenario."""
        found: F64 = -(self.base + x @ self.pnl)
        return found

    def directions(self) -> TailProgram:
        """The program of directions in which no limit ends, each variable within one: below zero where the first has
        no least value.
        """

        def open_only(side: F64, sign: float) -> F64:
            return np.where(np.isinf(side), sign, 0.0)

        return TailProgram(
            self.pnl,
            np.zeros_like(self.base),
            self.most,
            self.cost,
            self.matrix,
            np.where(np.isinf(self.lower), -np.inf, 0.0),
            np.where(np.isinf(self.upper), np.inf, 0.0),
            open_only(self.low, -1.0),
            open_only(self.high, 1.0),
        )


def tail_of(losses: F64, most: F64) -> tuple[float, float]:
    """The mean of the worst losses, and the loss at which they begin.

    ```
    max of z @ losses over 0 <= z <= most, sum z = 1:    the worst first, each with its largest weight
    ```
    """
    weight = float(most[0])
    if losses.size > MANY and weight > 0.0 and (most == weight).all():
        # alike: the worst are found without putting all in order
        count = min(losses.size, int(1.0 / weight) + 2)
        some = np.partition(losses, losses.size - count)[losses.size - count :]
        return tail_of_all(some, most[:count])
    return tail_of_all(losses, most)


def tail_of_all(losses: F64, most: F64) -> tuple[float, float]:
    """See `tail_of`: by putting all in order."""
    order = np.argsort(-losses, kind="stable")
    filled = np.cumsum(most[order])
    last = min(int(np.searchsorted(filled, 1.0 - 1e-12)), losses.size - 1)
    weights = most[order[: last + 1]].copy()
    weights[last] = 1.0 - (filled[last - 1] if last else 0.0)
    worst = losses[order[: last + 1]]
    return float(weights @ worst), float(worst[last])


def make_program(
    pnl: npt.ArrayLike,
    level: float | None,
    *,
    base: npt.ArrayLike | None = None,
    probability: npt.ArrayLike | None = None,
    cost: npt.ArrayLike | None = None,
    rows: tuple[Any, npt.ArrayLike, npt.ArrayLike] | None = None,
    boxes: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> TailProgram:
    """Checked arrays; `level` None is the worst case. Raises `DocumentError` naming what cannot be used, and why."""
    gains = np.asarray(pnl, dtype=np.float64)
    if gains.ndim != 2 or not gains.shape[0] or not gains.shape[1]:
        raise refuse("pnl", f"an array of shape {gains.shape}", "[N, S]: at least one variable and one scenario")
    _finite("pnl", gains)
    size, count = gains.shape
    if probability is not None:
        chance = _vector("probability", probability, count)
        if (chance < 0.0).any() or not 1e-300 < float(chance.sum()) < np.inf:
            raise refuse("probability", "weights below zero, or nothing", "weights of at least zero, some above")
        chance = chance / chance.sum()
    else:
        chance = np.full(count, 1.0 / count)
    if level is None:
        most = np.where(chance > 0.0, ALONE, 0.0)
    else:
        if not 0.0 <= level < 1.0:
            raise refuse("level", level, "a probability of at least 0 and below 1")
        most = chance / (1.0 - level)
    low, high = (
        _vector(f"boxes[{k}]", boxes[k] if boxes is not None else side, size, infinite=True)
        for k, side in enumerate((-np.inf, np.inf))
    )
    _sides("boxes", low, high)
    matrix, lower, upper = _rows(rows, size)
    return TailProgram(
        gains,
        np.zeros(count) if base is None else _vector("base", base, count),
        most,
        np.zeros(size) if cost is None else _vector("cost", cost, size),
        matrix,
        lower,
        upper,
        low,
        high,
    )


def _rows(rows: tuple[Any, npt.ArrayLike, npt.ArrayLike] | None, size: int) -> tuple[Any, F64, F64]:
    from scipy.sparse import csr_array

    if rows is None:
        return csr_array((0, size)), np.zeros(0), np.zeros(0)
    matrix = csr_array(rows[0] if hasattr(rows[0], "tocsr") else np.atleast_2d(np.asarray(rows[0], dtype=np.float64)))
    matrix = matrix.astype(np.float64)
    if matrix.shape[1] != size:
        raise refuse("rows[0]", f"{matrix.shape[1]} columns", f"a column for each of the {size} variables")
    _finite("rows[0]", matrix.data)
    count = matrix.shape[0]
    lower, upper = (_vector(f"rows[{k}]", rows[k], count, infinite=True) for k in (1, 2))
    _sides("rows", lower, upper)
    return matrix, lower, upper


def _vector(path: str, values: npt.ArrayLike, size: int, *, infinite: bool = False) -> F64:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim > 1 or (found.ndim == 1 and found.size != size):
        raise refuse(path, f"an array of shape {found.shape}", f"one number, or {size}")
    found = np.broadcast_to(found, (size,)).copy()
    if np.isnan(found).any() if infinite else not np.isfinite(found).all():
        at = int(np.flatnonzero(np.isnan(found) if infinite else ~np.isfinite(found))[0])
        raise refuse(f"{path}[{at}]", float(found[at]), "a number" if infinite else "a finite number")
    return found


def _sides(path: str, low: F64, high: F64) -> None:
    """A lower side that is above the upper one, or at the wrong end."""
    bad = np.flatnonzero((low > high) | (low == np.inf) | (high == -np.inf))
    if bad.size:
        at = int(bad[0])
        raise refuse(f"{path}[{at}]", f"from {low[at]:g} to {high[at]:g}", "a lower side that is not above the upper")


def _finite(path: str, values: F64) -> None:
    """Whole arrays in pieces: a mask of a large one would take an eighth of its memory again."""
    for first in range(0, values.shape[0], 16):
        piece = values[first : first + 16]
        if not np.isfinite(piece).all():
            where = tuple(int(k) for k in np.argwhere(~np.isfinite(piece))[0])
            at = (where[0] + first, *where[1:])
            raise refuse(f"{path}[{', '.join(map(str, at))}]", float(piece[where]), "a finite number")
