"""The total volatility behind a normalised time value, for arrays; formulas in `plimsoll.kernels.inverse`."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx

from plimsoll.kernels.checks import BoolArray, FloatArray
from plimsoll.kernels.lognormal import SATURATION

#: Most iterations of one element.
MAX_ITERATIONS = 50

_HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)
_SQRT_2PI = np.sqrt(2.0 * np.pi)
_SQRT_HALF_PI = np.sqrt(0.5 * np.pi)
_SERIES_BELOW = 5e-3  # half total volatility where the series and the difference are equally good


def _ratio_gap(h: FloatArray, t: FloatArray) -> FloatArray:
    """Y(h + t) - Y(h - t) for Y(z) = N(z)/n(z) = sqrt(pi/2) erfcx(-z/sqrt 2)."""
    root_half = np.sqrt(0.5)
    gap = _SQRT_HALF_PI * (erfcx(-(h + t) * root_half) - erfcx(-(h - t) * root_half))
    small = t < _SERIES_BELOW
    if small.any():
        # Y' = 1 + z Y, so each derivative follows from the two before it; the odd ones at h make the series.
        z, u = h[small], t[small]
        y0 = _SQRT_HALF_PI * erfcx(-z * root_half)
        y1 = 1.0 + z * y0
        y2 = y0 + z * y1
        y3 = 2.0 * y1 + z * y2
        y4 = 3.0 * y2 + z * y3
        y5 = 4.0 * y3 + z * y4
        gap[small] = 2.0 * u * (y1 + u * u / 6.0 * (y3 + u * u / 20.0 * y5))
    return np.asarray(gap, dtype=np.float64)


def inverse(x: FloatArray, log_target: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Total volatility with ln b = ``log_target``, d ln b / d ln s there, and whether the iteration ended."""
    # b <= s / sqrt(2 pi) bounds s from below, and so does |h| < 60, beyond which b is far under the least
    # float.
    low = np.maximum(np.log(_SQRT_2PI) + log_target, np.log(np.maximum(-x / 60.0, 1e-320)))
    high = np.full(x.shape, np.log(SATURATION))
    guess = np.maximum(np.log(_SQRT_2PI) + log_target, 0.5 * np.log(np.maximum(-x, 1e-300)))
    with np.errstate(divide="ignore", invalid="ignore"):
        deep = np.log(-x / np.sqrt(np.maximum(-2.0 * log_target, 1e-2)))
    u = np.where(log_target < -4.0 + 0.5 * np.log(np.maximum(-x, 1e-300)), np.maximum(deep, low), guess)
    u = np.clip(u, low, high)
    slope = np.ones(x.shape)
    done = np.zeros(x.shape, dtype=np.bool_)
    active = np.arange(x.size)
    for _ in range(MAX_ITERATIONS):
        v = u[active]
        s = np.exp(v)
        h, t = x[active] / s, 0.5 * s
        gap = _ratio_gap(h, t)
        error = np.log(gap) - 0.5 * (h * h + t * t) - _HALF_LOG_2PI - log_target[active]
        first = s / gap
        slope[active] = first
        low[active] = np.where(error < 0.0, v, low[active])
        high[active] = np.where(error < 0.0, high[active], v)
        newton = -error / first
        # second derivative over first, in ln s; the correction is kept away from turning or multiplying the
        # step
        bend = 1.0 + h * h - t * t - first
        step = newton / np.clip(1.0 + 0.5 * newton * bend, 0.3, 3.0)
        target = v + step
        outside = ~((target >= low[active]) & (target <= high[active]))
        small = np.abs(step) <= 1e-8  # cubic convergence: the next step would be below rounding
        target = np.where(outside, 0.5 * (low[active] + high[active]), target)
        target = np.where(small, v + step, target)
        u[active] = target
        done[active[small]] = True
        active = active[~small]
        if not active.size:
            break
    return np.exp(u), slope, done
