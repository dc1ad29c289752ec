"""The sign of equity less maintenance on many states from few exact ones, with an error bound that is checked.

At one instant the excess of a pool is a surface over the log price and, where options are held, the log volatility.
It is computed exactly on a grid with both sides of every kink that the model names, and between the points of it:

```
e_x, e_y    error of the bilinear interpolation in the middle of the edges of a cell, e_c in its centre
bound       twice the larger of max|e_x| + max|e_y| and |e_c|
```

For a surface with second derivatives that do not change much within a cell the error is at most `max|e_x| + max|e_y|`
(a parabola's is largest in the middle); the factor two is for those that do. A state whose interpolated excess is
within the bound of zero is computed exactly. Of the others a sample is computed exactly too: if one is outside its
bound the whole instant is done exactly, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.liquidation.passage.stand import Ground, Standings
from plimsoll.margin.path import States

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
At = npt.NDArray[np.intp]

ACROSS, UP, SAMPLE = 24, 8, 64
"""Cells of the grid over price and volatility, and states that check the bound at each instant."""

HAIR = 1e-9
"""How far from a kink its two sides are taken."""

SAFETY = 2.0


@dataclass
class Told:
    """How the surface did: states whose sign it gave, those done exactly because the sign was in doubt, those that
    checked the bound, the largest error over bound among these, and the instants that were done exactly instead."""

    given: int = 0
    doubtful: int = 0
    checked: int = 0
    worst: float = 0.0
    failed: int = 0


def below(ground: Ground, k: int, paths: At, rng: np.random.Generator, told: Told) -> dict[str, Bools]:
    """Which of some paths are below the line at instant `k`, for each pool."""
    paying = ground.amount(k, paths) != 0.0
    if paying.any():
        # what expired has paid differently on these paths: the surface is that of all others
        rest = {s: t.below for s, t in ground.at(k, paths[paying]).items()}
        most = below(ground, k, paths[~paying], rng, told) if not paying.all() else {}
        whole = {s: np.ones(paths.size, dtype=bool) for s in {**rest, **most}}
        for s, row in whole.items():
            row[paying] = rest.get(s, True)
            row[~paying] = most.get(s, True)
        return whole
    name = ground.spots[0]
    states = ground.states(k, paths)
    x, v = np.log(states.spot[name]), np.log(states.vol)
    across, up = _nodes(ground, k, name, x), _spread(v, UP)
    if _cost(across, up) + SAMPLE >= paths.size:
        return {s: t.below for s, t in ground.at(k, paths).items()}
    cells = _Cells(ground, k, name, across, up)
    found: dict[str, Bools] = {}
    values = {s: cells.at(s, x, v) for s in cells.subjects}
    with np.errstate(invalid="ignore"):
        doubt = np.any([~(np.abs(value) > bound) for value, bound in values.values()], axis=0)
    sure, unsure = np.flatnonzero(~doubt), np.flatnonzero(doubt)
    sample = rng.choice(sure, min(SAMPLE, sure.size), replace=False)
    exact = ground.at(k, paths[np.concatenate([unsure, sample])]) if unsure.size + sample.size else {}
    told.checked += int(sample.size)
    wrong = False
    size = unsure.size + sample.size
    nothing = Standings(np.full(size, np.nan), np.full(size, np.nan))
    for subject, (value, bound) in values.items():
        if sample.size:
            error = np.abs(exact.get(subject, nothing).excess[unsure.size :] - value[sample]) / np.maximum(
                bound[sample], 1e-300
            )
            told.worst = max(told.worst, float(np.max(np.where(np.isnan(error), np.inf, error))))
            wrong = wrong or not bool(np.all(error <= 1.0))
        with np.errstate(invalid="ignore"):
            signs = value < 0.0
        if unsure.size:
            signs[unsure] = exact.get(subject, nothing).below[: unsure.size]
        found[subject] = signs
    if wrong:
        told.failed += 1
        return {s: t.below for s, t in ground.at(k, paths).items()}
    told.given += int(sure.size)
    told.doubtful += int(unsure.size)
    return found


def _spread(x: F64, cells: int) -> F64:
    """Points from the least to the largest, one if they are the same."""
    low, high = float(x.min()), float(x.max())
    return np.array([low]) if high - low < 1e-12 else np.linspace(low, high, cells + 1)


def _nodes(ground: Ground, k: int, name: str, x: F64) -> F64:
    """Points over the log price, both sides of each kink between the ends among them."""
    plain = _spread(x, ACROSS)
    kinks = np.log(ground.model.kinks(*ground.base[k]).get(name, np.empty(0)))
    inside = kinks[(kinks > plain[0]) & (kinks < plain[-1])]
    found: F64 = np.unique(np.concatenate([plain, inside - HAIR, inside + HAIR]))
    return found


def _cost(across: F64, up: F64) -> int:
    """States that the grid and its checks take."""
    a, b = across.size, up.size
    return (2 * a - 1) * (2 * b - 1)


class _Cells:
    """The exact surface of each pool on the points, the middles of the edges and the centres."""

    def __init__(self, ground: Ground, k: int, name: str, across: F64, up: F64) -> None:
        self.across, self.up = across, up
        fine_x, fine_v = _halved(across), _halved(up)
        grid_x, grid_v = np.meshgrid(fine_x, fine_v, indexing="ij")
        found = ground.along(k, States({name: np.exp(grid_x.ravel())}, np.exp(grid_v.ravel())))
        self.excess = {s: t.excess.reshape(grid_x.shape) for s, t in found.items()}
        self.bounds = {s: self._bound(z) for s, z in self.excess.items()}

    @property
    def subjects(self) -> list[str]:
        """The pools."""
        return list(self.excess)

    def _bound(self, z: F64) -> F64:
        """Of each cell `[A, B]`."""
        corners = z[::2, ::2]
        if self.across.size == 1 and self.up.size == 1:
            return np.zeros((1, 1))
        ex = _middle_errors(z[:, ::2])  # [A, B + 1]
        ev = _middle_errors(z[::2, :].T).T  # [A + 1, B]
        if self.up.size == 1:
            return SAFETY * np.abs(ex)
        if self.across.size == 1:
            return SAFETY * np.abs(ev)
        edges_x = np.maximum(np.abs(ex[:, :-1]), np.abs(ex[:, 1:]))
        edges_v = np.maximum(np.abs(ev[:-1]), np.abs(ev[1:]))
        centre = np.abs(
            z[1::2, 1::2] - 0.25 * (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:])
        )
        found: F64 = SAFETY * np.maximum(edges_x + edges_v, centre)
        return found

    def at(self, subject: str, x: F64, v: F64) -> tuple[F64, F64]:
        """Interpolated excess and its bound `[S]`, with room for rounding."""
        i, p = _place(self.across, x)
        j, q = _place(self.up, v)
        z = self.excess[subject][::2, ::2]
        right, top = np.minimum(i + 1, self.across.size - 1), np.minimum(j + 1, self.up.size - 1)
        value = (1 - p) * ((1 - q) * z[i, j] + q * z[i, top]) + p * ((1 - q) * z[right, j] + q * z[right, top])
        bounds = self.bounds[subject]
        bound = bounds[np.minimum(i, bounds.shape[0] - 1), np.minimum(j, bounds.shape[1] - 1)]
        room = 1e-9 * float(np.nanmax(np.abs(z))) if np.isfinite(z).any() else 0.0
        return value, bound + room


def _halved(x: F64) -> F64:
    """The points with the middles between them."""
    found = np.empty(2 * x.size - 1)
    found[::2] = x
    found[1::2] = 0.5 * (x[:-1] + x[1:])
    return found


def _middle_errors(z: F64) -> F64:
    """Middles less the mean of their neighbours, along the first axis `[2 A + 1, ...] -> [A, ...]`."""
    found: F64 = z[1::2] - 0.5 * (z[:-2:2] + z[2::2])
    return found


def _place(nodes: F64, x: F64) -> tuple[At, F64]:
    """The cell of each number and where it is in it, from 0 to 1."""
    if nodes.size == 1:
        return np.zeros(x.size, dtype=np.intp), np.zeros(x.size)
    i = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, nodes.size - 2)
    part: F64 = np.clip((x - nodes[i]) / (nodes[i + 1] - nodes[i]), 0.0, 1.0)
    return i.astype(np.intp), part


__all__ = ["Standings", "Told", "below"]
