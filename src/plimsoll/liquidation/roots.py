"""All roots of a function of the price on a stated range: sign changes, jumps, and double roots between grid points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Side = Literal["falling", "rising", "touching"]
Curve = Callable[[F64], tuple[F64, F64]]
"""Multipliers `[K]` to excess `[K]` and to how much of it may be rounding `[K]`."""

WIDTH = 1e-12
"""Relative width to which a sign change is closed in."""

HAIR = 0.01
"""Part of the rounding that a value has to be beyond while a sign change is closed in."""

REACH = 2.0
"""How many times the rise to its neighbours a grid point may lie above zero for a dip beside it to be looked for."""

GOLDEN = (3.0 - 5.0**0.5) / 2.0
DIP_ROUNDS, CLOSE_ROUNDS = 64, 200


@dataclass(frozen=True)
class Root:
    """Where excess is zero, or jumps over it. `falling`: it is below zero at lower prices; `rising`: at higher ones;
    `touching`: it comes to zero and is not below on either side."""

    at: float
    side: Side
    jump: bool = False


def roots(curve: Curve, grid: F64) -> tuple[Root, ...]:
    """Every root on `grid` (increasing, above zero), in the order of the price.

    Two neighbours on different sides of zero hold a root, which is closed in to `WIDTH`. Where three neighbours are on
    one side and the middle one is nearest to zero, the minimum between the outer two is sought: if it is beyond zero
    there are two roots, if it is zero to rounding they touch, else there is none. What is smaller than its own
    rounding counts as zero. Points without a number (NaN) end the stretch that is searched.

    >>> found = roots(lambda m: ((m - 1.5) * (m - 1.500001), np.full_like(m, 1e-15)), np.geomspace(0.5, 4.0, 50))
    >>> [(round(r.at, 9), r.side) for r in found]
    [(1.5, 'rising'), (1.500001, 'falling')]
    """
    value, noise = curve(grid)
    m, f = grid, np.where(np.abs(value) <= noise, 0.0, value)
    known = np.isfinite(f)
    m, f = m[known], f[known]
    if m.size < 2:
        return ()
    m, f, flat = _with_dips(curve, m, f)
    under = f < 0
    changes = np.flatnonzero(under[1:] != under[:-1])
    at, jump = _closed(curve, m[changes], f[changes], m[changes + 1], f[changes + 1])
    found = [
        Root(float(x), "falling" if under[i] else "rising", bool(j))
        for x, j, i in zip(at, jump, changes.tolist(), strict=True)
    ]
    found += [Root(x, "touching") for x in flat]
    found += [Root(x, "touching") for x in _flats(m, f)]
    return tuple(sorted(set(found), key=lambda r: r.at))


def _flats(m: F64, f: F64) -> list[float]:
    """One point for each stretch of the grid on which excess is zero and nothing beside it is below: nearest to one.

    A stretch that is the whole grid is no line: there the account has nothing and owes nothing at any price.
    """
    zero = f == 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], zero, [False]]).astype(np.int8)))
    found = []
    for first, end in edges.reshape(-1, 2).tolist():
        beside = [f[i] for i in (first - 1, end) if 0 <= i < f.size]
        if beside and min(beside) > 0.0:
            points = m[first:end]
            found.append(float(points[np.argmin(np.abs(np.log(points)))]))
    return found


def _with_dips(curve: Curve, m: F64, f: F64) -> tuple[F64, F64, list[float]]:
    """The grid with the extremes that lie beyond zero put in, and the ones that only touch it."""
    sign = np.where(f < 0, -1.0, 1.0)
    height = f * sign
    inner = np.arange(1, m.size - 1)
    before, here, after = height[inner - 1], height[inner], height[inner + 1]
    alike = (sign[inner] == sign[inner - 1]) & (sign[inner] == sign[inner + 1])
    lowest = (here <= before) & (here <= after) & ((here < before) | (here < after))
    near = here <= REACH * (np.maximum(before, after) - here)
    spots = inner[alike & lowest & near & (here > 0)]
    if not spots.size:
        return m, f, []
    x, low = _minimum(curve, m, sign, spots)
    signed = low * sign[spots]
    crossed = signed * sign[spots] < 0
    # from below, zero is already the safe side: an extreme that reaches it is a line at which excess is lifted
    touched = (low == 0.0) & (sign[spots] > 0)
    put = crossed | ((low == 0.0) & (sign[spots] < 0))
    order = np.argsort(np.concatenate([m, x[put]]), kind="stable")
    merged_m, merged_f = np.concatenate([m, x[put]])[order], np.concatenate([f, signed[put]])[order]
    fresh = np.concatenate([[True], np.diff(merged_m) > 0])
    return merged_m[fresh], merged_f[fresh], [float(v) for v in x[touched]]


def _minimum(curve: Curve, m: F64, sign: F64, spots: npt.NDArray[np.intp]) -> tuple[F64, F64]:
    """Golden section on the two intervals beside each spot, all at once; stops where a value beyond zero is met."""
    side = sign[spots]

    def height(x: F64) -> F64:
        value, noise = curve(x)
        found: F64 = np.where(np.abs(value) <= noise, 0.0, value) * side
        return np.where(np.isfinite(found), found, np.inf)

    a, b = m[spots - 1].copy(), m[spots + 1].copy()
    x1, x2 = a + GOLDEN * (b - a), b - GOLDEN * (b - a)
    f1, f2 = height(x1), height(x2)
    best_x, best = np.where(f1 <= f2, x1, x2), np.minimum(f1, f2)
    for _ in range(DIP_ROUNDS):
        live = (best > 0) & (b - a > 1e-9 * b)
        if not live.any():
            break
        left = f1 <= f2
        a, b = np.where(live & ~left, x1, a), np.where(live & left, x2, b)
        fresh = np.where(left, a + GOLDEN * (b - a), b - GOLDEN * (b - a))
        fresh_f = height(fresh)
        x1, x2 = np.where(left, fresh, x2), np.where(left, x1, fresh)
        f1, f2 = np.where(left, fresh_f, f2), np.where(left, f1, fresh_f)
        lower = live & (fresh_f < best)
        best_x, best = np.where(lower, fresh, best_x), np.where(lower, fresh_f, best)
    return best_x, best


def _closed(curve: Curve, a: F64, fa: F64, b: F64, fb: F64) -> tuple[F64, npt.NDArray[np.bool_]]:
    """Each sign change closed in by Chandrupatla's method (Advances in Engineering Software 28, 1997), all at once.

    Inverse quadratic steps where three points allow it and halves elsewhere, so that a jump costs no more than
    bisection. Gives the place and whether the value jumps there.
    """
    if not a.size:
        return a, np.zeros(0, dtype=bool)
    a, b, fa, fb = b.copy(), a.copy(), fb.copy(), fa.copy()
    c, fc = a.copy(), fa.copy()
    t = np.full(a.size, 0.5)
    done = np.zeros(a.size, dtype=bool)
    for _ in range(CLOSE_ROUNDS):
        done |= np.abs(b - a) <= WIDTH * np.abs(b)
        if done.all():
            break
        x = a + t * (b - a)
        value, noise = curve(x)
        # zero is the safe side, so that the edge of a flat part is sought; a hair only, or the root would be off
        fx = np.where(np.abs(value) <= HAIR * noise, 0.0, value)
        same = (fx < 0) == (fa < 0)
        new_c, new_fc = np.where(same, a, b), np.where(same, fa, fb)
        new_b, new_fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = np.where(done, a, x), np.where(done, fa, fx)
        b, fb = np.where(done, b, new_b), np.where(done, fb, new_fb)
        c, fc = np.where(done, c, new_c), np.where(done, fc, new_fc)
        with np.errstate(all="ignore"):
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            quadratic = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        fits = (phi * phi < xi) & ((1.0 - phi) ** 2 < 1.0 - xi) & np.isfinite(quadratic)
        least = 0.5 * WIDTH * np.abs(a) / np.maximum(np.abs(b - a), 1e-300)
        t = np.clip(np.where(fits, quadratic, 0.5), np.minimum(least, 0.5), 1.0 - np.minimum(least, 0.5))
    x = np.where(np.abs(fa) <= np.abs(fb), a, b)
    jump = (np.abs(b - a) <= 2 * WIDTH * np.abs(b)) & (np.minimum(np.abs(fa), np.abs(fb)) > 0)
    return x, jump & _steep(curve, a, fa, b, fb)


def _steep(curve: Curve, a: F64, fa: F64, b: F64, fb: F64) -> npt.NDArray[np.bool_]:
    """Whether from a to b as much changes as beside it on a millionth of the price.

    Nothing continuous does, and a smaller step (where a venue counts in whole units) moves the line by less than that.
    """
    low, high = np.minimum(a, b), np.maximum(a, b)
    step = 1e-6 * high
    around = np.concatenate([low - 2 * step, low - step, high + step, high + 2 * step])
    value, _ = curve(around)
    left2, left, right, right2 = np.split(value, 4)
    slope = np.maximum(np.abs(left - left2), np.abs(right2 - right))
    steep: npt.NDArray[np.bool_] = np.abs(fb - fa) > slope
    return steep & np.isfinite(slope)
