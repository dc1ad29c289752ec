"""American options on a spot with carry, by a smoothed binomial tree over whole arrays.

The spot S drifts to its forward F = S exp(b t) at expiry, r discounts; only m = ln(F/S) = b t, rho = r t and
s = vol sqrt(t) enter. A step of the tree multiplies the price by u or u exp(-2a), a = s / sqrt(n), with chance one
half each and u = exp(m/n) 2 / (1 + exp(-2a)), so the mean is exact whatever the carry; the last step is valued by
Black-76, which makes the error smooth in n, and two trees of n and 2n steps are extrapolated: V = 2 V(2n) - V(n).
Source: Broadie and Detemple, "American option valuation: new bounds, approximations, and a comparison of existing
methods" (1996), the method BBSR; the equal-chance tree is Rendleman and Bartter's (1979).

Where the holder never gains by exercising early the European value is returned, exactly: for a call if r >= 0 and
b >= r, for a put if r <= 0 and b <= r. A future has no carry, so without discounting an option on it is European.
The result is never below the European value nor the payoff of exercising now. Total volatilities above `SATURATION` are
taken as that. s = 0 is the best moment on the straight path.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import SATURATION, lognormal_value
from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real, total_vol

STEPS = 48
"""Steps of the coarser tree; the other has twice as many. What that is worth is measured in docs/payoffs.md."""

_SAME = 1e-13
_BLOCK = 4096
"""Cells per pass: with 2 * STEPS nodes each the scratch arrays stay within the cache."""


def american_price(
    spot: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
    steps: int = STEPS,
) -> FloatArray:
    """Value today per unit of the underlying in the currency of spot and strike.

    Scalars or arrays that broadcast together: ``spot``, ``forward`` and ``strike`` above 0, ``t`` (years of 365 days)
    and ``vol`` at least 0, ``call`` boolean, ``rate`` continuously compounded, any sign. Raises ValueError naming the
    argument.

    >>> round(float(american_price(100.0, 100.0, 110.0, 0.5, 0.3, False, 0.1)), 3)
    14.248
    """
    x, f = checked_real("spot", spot, above=True), checked_real("forward", forward, above=True)
    k, years = checked_real("strike", strike, above=True), checked_real("t", t)
    sigma, c, r = checked_real("vol", vol), checked_call(call), checked_real("rate", rate, least=None)
    names = ("spot", "forward", "strike", "t", "vol", "call", "rate")
    broadcast(dict(zip(names, (x, f, k, years, sigma, c, r), strict=True)))
    if steps < 2:
        raise ValueError(f"steps: got {steps}, must be at least 2")
    return american_value(x, f, k, total_vol(sigma, years), c, r * years, steps)[()]


def american_value(
    spot: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    s: FloatArray,
    call: BoolArray,
    total_rate: FloatArray,
    steps: int = STEPS,
) -> FloatArray:
    """`american_price` on checked arguments; ``s`` is total volatility, ``total_rate`` rate times time."""
    x, f, k, w, c, rho = (np.asarray(a) for a in np.broadcast_arrays(spot, forward, strike, s, call, total_rate))
    m = np.log(f / x)
    out = np.asarray(np.exp(-rho) * lognormal_value(f, k, w, c), dtype=np.float64)
    # a carry equal to the rate but for rounding is equal
    never = np.where(c, (rho >= 0.0) & (m >= rho - _SAME), (rho <= 0.0) & (m <= rho + _SAME))
    rows = np.flatnonzero(~never)
    if rows.size:
        x, k, w, c, m, rho = (a.ravel()[rows] for a in (x, k, np.minimum(w, SATURATION), c, m, rho))
        found = np.empty(rows.size)
        for start in range(0, rows.size, _BLOCK):
            p = slice(start, start + _BLOCK)
            coarse, fine = (_tree(x[p], k[p], w[p], c[p], m[p], rho[p], n) for n in (steps, 2 * steps))
            found[p] = 2.0 * fine - coarse
        now = np.maximum(np.where(c, x - k, k - x), 0.0)
        out.ravel()[rows] = np.maximum(np.maximum(found, out.ravel()[rows]), now)
    return out


def _tree(
    spot: FloatArray, strike: FloatArray, s: FloatArray, call: BoolArray, m: FloatArray, rho: FloatArray, n: int
) -> FloatArray:
    """Value of `C` cells by one tree of `n` steps."""
    side = np.where(call, 1.0, -1.0)
    a = s / np.sqrt(n)
    up = np.exp(m / n) * 2.0 / (1.0 + np.exp(-2.0 * a))
    downs = np.exp(-2.0 * a[None, :] * np.arange(n)[:, None])  # [n, C]
    keep = 0.5 * np.exp(-rho / n)
    price = spot * up ** (n - 1) * downs
    value = 2.0 * keep * lognormal_value(price * np.exp(m / n), strike[None, :], a[None, :], call[None, :])
    np.maximum(value, side * (price - strike), out=value)
    for i in range(n - 2, -1, -1):
        price = downs[: i + 1] * (spot * up**i)
        price -= strike
        price *= side
        value = value[: i + 1] + value[1 : i + 2]
        value *= keep
        np.maximum(value, price, out=value)
    return np.asarray(value[0], dtype=np.float64)
