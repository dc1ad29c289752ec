"""Reverse stress: the smallest shock that breaks something, found by search, with what was shown about smaller ones.

Sizes are Mahalanobis distances `sqrt(x' C^-1 x)` under a covariance `C` of the factors' log moves: one is an ordinary
move of the horizon in its own direction. Source: Breuer, Jandacka, Rheinberger and Summer (2009), "How to find
plausible, severe and useful stress scenarios".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios.moves import whole

F64 = npt.NDArray[np.float64]
Left = Callable[[F64], F64]
"""`left(x[n, F])` gives `[n]`: what is left after each shock, a breach where it is at most zero. NaN is a breach."""

Progress = Callable[[str, int, int], None]

LATER = 2
"""Shells that are still looked at after the first breach, for further starts of the refinement."""

PRECISE = 1e-7
"""Part of its size to which a breach is bisected."""


@dataclass(frozen=True, eq=False)
class ReverseStress:
    """The smallest breach that was found, and what the search shows.

    `shock[F]` are log moves of `names`, `size` their distance, `left` what is left there (at most zero); all `None`
    where nothing within `reach` breaks. `below` is the largest size up to which every point of the ray grid was clear:
    where what is left falls along every ray and the grid of `rays` directions is dense, no smaller shock breaks; it is
    a bound on the grid, not a proof. `returns` counts rays on which a breach was followed by a clear point, so that
    what is left does not fall along them. `calls` counts evaluations.
    """

    names: tuple[str, ...]
    shock: F64 | None
    size: float | None
    left: float | None
    below: float
    rays: int
    returns: int
    reach: float
    starts: int
    calls: int

    def moves(self) -> dict[str, float]:
        """Relative move of each factor (-0.3 = -30 %), empty where nothing breaks."""
        if self.shock is None:
            return {}
        return dict(zip(self.names, np.expm1(self.shock).tolist(), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "found": self.shock is not None,
            "size": self.size,
            "moves": self.moves(),
            "left": self.left,
            "clear_on_grid_up_to": self.below,
            "rays": self.rays,
            "rays_with_returns": self.returns,
            "reach": self.reach,
            "starts": self.starts,
            "calls": self.calls,
        }


def directions(count: int, width: int, seed: int) -> F64:
    """`[n, width]` unit vectors: both signs of every axis, equal angles in the plane, else seeded normal directions."""
    axes = np.vstack([np.eye(width), -np.eye(width)])
    if width == 1:
        return axes
    if width == 2:
        angle = 2.0 * np.pi * np.arange(count) / count
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    drawn = np.random.default_rng(seed).standard_normal((max(count - 2 * width, 0), width))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.vstack([axes, drawn])


def reverse_stress(
    left: Left,
    names: Sequence[str],
    covariance: npt.ArrayLike,
    *,
    reach: float = 20.0,
    rays: int = 256,
    steps: int = 80,
    starts: int = 6,
    rounds: int = 40,
    seed: int = 0,
    progress: Progress | None = None,
) -> ReverseStress:
    """The smallest shock within `reach` after which `left` is at most zero.

    1. a grid in the whitened space: shells of `reach / steps`, `rays` directions each, from the smallest until one
    breaks and two more; 2. bisection on each ray that broke; 3. from the `starts` smallest, a shrinking random search
    over directions (`rounds` of 12 each), with bisection on each better ray. `covariance[F, F]` must be positive
    definite. The same seed gives the same bits. Raises `DocumentError` for bad arguments and where something is broken
    without any shock.

    >>> found = reverse_stress(lambda x: 0.3 + x[:, 0], ["BTC"], [[0.01]], rays=2)
    >>> round(found.size, 6), round(found.moves()["BTC"], 6)
    (3.0, -0.259182)
    """
    root = _root(names, covariance)
    whole("rays", rays, 2)
    whole("steps", steps, 2)
    whole("starts", starts, 1)
    whole("rounds", rounds, 0)
    if not (np.isfinite(reach) and reach > 0.0):
        raise refuse("reach", reach, "a size above zero")
    tell = progress or (lambda _text, _done, _total: None)
    search = _Search(left, root)
    if search.broken(np.zeros((1, len(names))))[0]:
        raise refuse("shock", "a breach without any shock", "a book or fund that stands before it is shocked")
    unit = directions(rays, len(names), seed)
    size = reach * np.arange(1, steps + 1) / steps
    shells: list[npt.NDArray[np.bool_]] = []
    seen = steps
    for k in range(steps):
        tell("shells", k, steps + starts)
        shells.append(search.broken(size[k] * unit))
        # a ray that breaks a little later may bend to a smaller breach than the one that broke first
        if seen == steps and shells[k].any():
            seen = min(k + 1 + LATER, steps)
        if k + 1 >= seen:
            break
    broken = np.stack(shells, axis=1)
    hit = np.flatnonzero(broken.any(axis=1))
    first = np.argmax(broken, axis=1)
    returns = int(sum(not broken[k, first[k] :].all() for k in hit))
    if hit.size == 0:
        return ReverseStress(tuple(names), None, None, None, reach, unit.shape[0], 0, reach, starts, search.calls)
    step = float(size[0])
    below = float(size[first[hit].min()]) - step
    ends = search.bisect(unit[hit], size[first[hit]] - step, size[first[hit]])
    best_size, best = np.inf, unit[hit[0]]
    rng = np.random.default_rng([seed, 1])
    for n, k in enumerate(np.argsort(ends, kind="stable")[:starts].tolist()):
        tell("refining", steps + n, steps + starts)
        found, where = search.refine(unit[hit[k]], float(ends[k]), rounds, rng)
        if found < best_size:
            best_size, best = found, where
    shock = root @ (best_size * best)
    value = float(search.values((best_size * best)[None, :])[0])
    return ReverseStress(
        tuple(names),
        shock,
        best_size,
        value,
        min(below, best_size),
        unit.shape[0],
        returns,
        reach,
        starts,
        search.calls,
    )


class _Search:
    """Counts what it asks; points are in the whitened space, where sizes are lengths."""

    def __init__(self, left: Left, root: F64) -> None:
        self.left, self.root, self.calls = left, root, 0

    def values(self, points: F64) -> F64:
        self.calls += points.shape[0]
        found: F64 = np.asarray(self.left(points @ self.root.T), dtype=np.float64)
        if found.shape != (points.shape[0],):
            raise refuse("left", f"shape {found.shape}", f"shape ({points.shape[0]},), one number for each shock")
        return found

    def broken(self, points: F64) -> npt.NDArray[np.bool_]:
        return ~(self.values(points) > 0.0)

    def bisect(self, unit: F64, below: F64, above: F64) -> F64:
        """`[n]` the breach on each ray `unit[n, F]` between clear points `below[n]` and broken ones `above[n]`, to
        1e-7 of its size."""
        below, above = below.copy(), above.copy()
        while (open_ := np.flatnonzero(above - below > PRECISE * above)).size:
            middle = 0.5 * (below[open_] + above[open_])
            broken = self.broken(middle[:, None] * unit[open_])
            above[open_[broken]] = middle[broken]
            below[open_[~broken]] = middle[~broken]
        return above

    def refine(self, unit: F64, size: float, rounds: int, rng: np.random.Generator) -> tuple[float, F64]:
        """Directions around the best one, closer and closer, as long as one of them breaks at a smaller size."""
        width, spread = unit.size, 0.2
        if width == 1:
            return size, unit
        for _ in range(rounds):
            drawn = unit + spread * rng.standard_normal((12, width))
            near: F64 = np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float64)
            better = np.flatnonzero(self.broken(size * near))
            ends = self.bisect(near[better], np.zeros(better.size), np.full(better.size, size))
            if ends.size and ends.min() < size * (1.0 - 2.0 * PRECISE):
                at = int(np.argmin(ends))
                size, unit = float(ends[at]), near[better[at]]
            else:
                spread *= 0.6
        return size, unit


def _root(names: Sequence[str], covariance: npt.ArrayLike) -> F64:
    """The Cholesky factor `L` with `L L' = C`: `L u` has the distance `|u|`."""
    matrix = np.asarray(covariance, dtype=np.float64)
    size = len(names)
    if not size or len(set(names)) != size:
        raise refuse("names", list(names), "at least one factor, each once")
    if matrix.shape != (size, size) or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
        raise refuse("covariance", f"shape {matrix.shape}", f"a symmetric finite matrix [{size}, {size}]")
    try:
        root: F64 = np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise refuse("covariance", "a matrix of less than full rank", "a positive definite matrix") from None
    return root
