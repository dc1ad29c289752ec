"""The optimal schedule in closed form, where nothing but cost and variance counts.

```
minimise     h sum n_k^2 + lambda tau sum x_k' C x_k          n_k = x_{k-1} - x_k,  x_0 = X,  x_K = 0
one asset    x_k = X sinh(kappa (T - t_k)) / sinh(kappa T),   2 (cosh(kappa tau) - 1) = lambda tau^2 sigma^2 / (h tau)
several      the same in the coordinates in which H^-1/2 C H^-1/2 is diagonal, each with a kappa of its own
```
kappa to 0 is a straight line, kappa to infinity everything at once. Source: Almgren and Chriss (2000), equations 17 to
20, with the impact of a slice on its own price in `h`.
"""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.risk.plan import F64

STEEP = 700.0
"""kappa T beyond which sinh overflows and the ratio is that of exponentials."""


def shape(kappa: float, slices: int, tau: float) -> F64:
    """`[K + 1]` what is left of one at the start and after each slice, by kappa (1 / time)."""
    left = (slices - np.arange(slices + 1)) * tau
    if kappa * tau * slices < 1e-9:
        line: F64 = np.asarray(left / (slices * tau), dtype=np.float64)
        return line
    if kappa * tau * slices < STEEP:
        found: F64 = np.sinh(kappa * left) / np.sinh(kappa * tau * slices)
        return found
    rest: F64 = np.exp(kappa * (left - slices * tau))
    rest[-1] = 0.0
    return rest


def kappa_of(slope: float, variance: float, risk_aversion: float, tau: float) -> float:
    """`kappa` (1 / time) of one instrument: `slope` USD a contract squared, `variance` USD squared by time."""
    return float(np.arccosh(1.0 + 0.5 * risk_aversion * tau * variance / slope) / tau)


def closed_form(slope: F64, covariance: F64, trade: F64, slices: int, tau: float, risk_aversion: float) -> F64:
    """`[K + 1, N]` contracts that are left to trade, at the start and after each slice.

    `slope[N]` above zero, USD a contract squared; `covariance[N, N]` USD squared by time of one contract each;
    `trade[N]` signed; `tau` the time between slices. A slice may trade more of an instrument than there is, and against
    its sign, where that hedges another: no limit is kept here.
    """
    if slices < 1:
        raise refuse("slices", slices, "at least 1")
    if not (slope > 0.0).all():
        raise refuse("slope", float(slope.min()), "above zero: without an impact everything is traded at once")
    root = np.sqrt(slope)
    values, vectors = np.linalg.eigh(covariance / np.outer(root, root))
    modes = vectors.T @ (root * trade)
    shapes = np.stack([shape(kappa_of(1.0, max(v, 0.0), risk_aversion, tau), slices, tau) for v in values.tolist()], 1)
    found: F64 = (shapes * modes) @ vectors.T / root
    return found
