"""Where a number comes from: Euler and Aumann-Shapley shares, never rescaled to fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

# Lobatto's four points and the seven that Kronrod's method makes of them, on [-1, 1]
_NODES = np.array([-1.0, -((2 / 3) ** 0.5), -(0.2**0.5), 0.0, 0.2**0.5, (2 / 3) ** 0.5, 1.0])
_FINE = np.array([11 / 210, 72 / 245, 125 / 294, 16 / 35, 125 / 294, 72 / 245, 11 / 210])
_COARSE = np.array([1 / 6, 0.0, 5 / 6, 0.0, 5 / 6, 0.0, 1 / 6])
_NEAR_ZERO = 1e-12


@dataclass(frozen=True, eq=False)
class Shares:
    """`values[N]` add up to the attributed number, except for `error`, which is what quadrature left over."""

    values: F64
    error: float
    evaluations: int


def euler(quantity: F64, gradient: F64) -> F64:
    """`quantity * gradient`: the shares of a function homogeneous of degree one, exact by Euler's theorem.

    Where the function has a kink, `gradient` must be that of the piece which the model's tie rule names.
    """
    return quantity * gradient


def aumann_shapley(
    gradient: Callable[[F64], F64],
    quantity: F64,
    total: float,
    *,
    tolerance: float = 1e-10,
    max_panels: int = 4096,
) -> Shares:
    """Shares `q_i * integral over t from 0 to 1 of dM/dq_i(t q) dt` of a function with `M(0) = 0`.

    `gradient(q) -> [N]` is the gradient of `M`; at a kink any one-sided choice will do, the kink has measure zero.
    `total = M(quantity)` serves only to report the error. Panels are halved where 7 Lobatto points and the 4 among
    them disagree. Both rules hold the ends of the panel, so no kink (tier, floor) can hide beside its outermost point;
    where the gradient jumps once, the two always differ. Shares are never rescaled: `error` is
    `total - sum(values)`. Rule: Gander and Gautschi (2000), "Adaptive quadrature, revisited".

    >>> import numpy as np
    >>> shares = aumann_shapley(lambda q: 2 * q.sum() * np.ones(2), np.array([1.0, 3.0]), 16.0)
    >>> shares.values.round(9).tolist()
    [4.0, 12.0]
    """
    calls = 0

    def panel(low: float, high: float) -> tuple[F64, F64]:
        nonlocal calls
        half, middle = (high - low) / 2, (high + low) / 2
        # a function of degree one has no gradient at zero itself
        values = np.array([gradient(max(middle + half * x, _NEAR_ZERO) * quantity) for x in _NODES])
        calls += len(_NODES)
        return half * (_FINE @ values), half * (_COARSE @ values)

    scale = max(1.0, abs(total))
    stack, done, used = [(0.0, 1.0)], np.zeros_like(quantity, dtype=np.float64), 0
    while stack:
        low, high = stack.pop()
        better, rough = panel(low, high)
        gap = float(np.abs((better - rough) * quantity).sum())
        used += 1
        if gap <= tolerance * scale * max(high - low, 1e-6) or used >= max_panels or high - low < 1e-14:
            done += better
        else:
            middle = (low + high) / 2
            stack += [(middle, high), (low, middle)]
    values = quantity * done
    return Shares(values, float(total - values.sum()), calls)
