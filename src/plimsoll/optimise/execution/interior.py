"""A convex quadratic program by a primal-dual interior point: predictor and corrector, sparse factors, no tuning.

```
minimise  x'Qx/2 + c'x    subject to  A x = b,   G x + s = h,   s >= 0
```
What it returns is checked by whoever asked: a tangent bound costs one linear program. Source: Mehrotra (1992); Nocedal
and Wright, chapter 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.optimise.layout import Model
from plimsoll.risk.plan import F64

MOST = 100
"""Steps; some twenty are usual."""

STALLED = 4
"""Steps without a better point after which it ends, for in the last digits factors lose theirs."""

LITTLE = 1e-12
"""Added to the diagonal, against rows that repeat one another."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """A model as equalities and inequalities."""

    a: Any
    b: F64
    g: Any
    h: F64


def interior_point(model: Model, q: Any, c: F64) -> F64:
    """`x` of least `x'Qx/2 + c'x` within the rows and bounds of a model that has a point, no column whole.

    `q` is sparse, square over all columns, positive semidefinite. Raises `PlimsollError` where the steps end short of a
    relative accuracy of 1e-6.
    """
    from scipy.sparse import bmat, csc_array, diags_array, eye_array
    from scipy.sparse.linalg import splu

    rows = _split(model)
    size, equal, less = c.size, rows.b.size, rows.h.size
    q = csc_array(q)
    x, y, z, s = np.zeros(size), np.zeros(equal), np.ones(less), np.ones(less)
    s = np.maximum(1.0, rows.h - rows.g @ x)
    size_of = 1.0 + max(float(np.abs(part).max(initial=0.0)) for part in (c, rows.b, rows.h))
    best, error, found = x, np.inf, 0
    for k in range(MOST):
        dual = q @ x + c + rows.a.T @ y + rows.g.T @ z
        eq, ineq = rows.a @ x - rows.b, rows.g @ x + s - rows.h
        mu = float(s @ z) / max(1, less)
        now = max(mu, *(float(np.abs(r).max(initial=0.0)) for r in (dual, eq, ineq))) / size_of
        if not np.isfinite(now):
            break
        if now < 0.9 * error:
            best, error, found = x, now, k
        if k - found >= STALLED:
            break
        weight = z / s
        upper = q + rows.g.T @ diags_array(weight) @ rows.g + LITTLE * eye_array(size)
        kkt = (
            bmat([[upper, rows.a.T], [rows.a, -LITTLE * eye_array(equal)]], format="csc") if equal else csc_array(upper)
        )
        try:
            factor = splu(kkt)
        except RuntimeError:
            break
        at = _At(rows, factor, dual, eq, ineq, z, s)
        _, _, dz, ds = at.step(-s * z)
        part = min(_room(s, ds), _room(z, dz))
        ahead = float((s + part * ds) @ (z + part * dz)) / max(1, less)
        centre = (ahead / mu) ** 3 * mu if mu > 0.0 else 0.0
        dx, dy, dz, ds = at.step(centre - s * z - ds * dz)
        part = min(1.0, 0.995 * min(_room(s, ds), _room(z, dz)))
        x, y, z, s = x + part * dx, y + part * dy, z + part * dz, s + part * ds
    if error > 1e-6:
        raise PlimsollError(f"the interior point of the schedule ended at a relative error of {error:.1e}")
    return best


@dataclass(frozen=True, eq=False)
class _At:
    """A point with its residuals and the factors of its system."""

    rows: _Rows
    factor: Any
    dual: F64
    eq: F64
    ineq: F64
    z: F64
    s: F64

    def step(self, fill: F64) -> tuple[F64, F64, F64, F64]:
        """Changes of x, y, z and s with `s z + z ds + s dz = fill`."""
        size, g = self.dual.size, self.rows.g
        right = -self.dual - g.T @ ((fill + self.z * self.ineq) / self.s)
        full = self.factor.solve(np.concatenate([right, -self.eq]))
        dx, dy = full[:size], full[size:]
        ds = -self.ineq - g @ dx
        return dx, dy, (fill - self.z * ds) / self.s, ds


def _room(value: F64, change: F64) -> float:
    """How far along `change` `value` stays at zero or above, as a part of it, at most the whole."""
    falling = change < 0.0
    return min(1.0, float((-value[falling] / change[falling]).min(initial=np.inf)))


def _split(model: Model) -> _Rows:
    from scipy.sparse import csr_array, eye_array, vstack

    matrix, eye = csr_array(model.matrix), csr_array(eye_array(model.cost.size))
    same, fixed = model.lower == model.upper, model.low == model.high
    up, down = np.isfinite(model.upper) & ~same, np.isfinite(model.lower) & ~same
    high, low = np.isfinite(model.high) & ~fixed, np.isfinite(model.low) & ~fixed
    a = vstack([matrix[same], eye[fixed]], format="csr")
    g = vstack([matrix[up], -matrix[down], eye[high], -eye[low]], format="csr")
    b = np.concatenate([model.upper[same], model.low[fixed]])
    h = np.concatenate([model.upper[up], -model.lower[down], model.high[high], -model.low[low]])
    # rows of one size: margins are in dollars, what is left is a part
    scale = np.maximum(1e-9, np.abs(g).max(axis=1).toarray().ravel())
    g = csr_array(g.multiply(1.0 / scale[:, None]))
    return _Rows(a, b, g, h / scale)
