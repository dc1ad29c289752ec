"""Expected payoffs under a lognormal law, element by element.

With forward F, strike K and total volatility s (volatility times the square root of time), let
``lo = min(F, K)``, ``hi = max(F, K)``, ``h = |ln(F/K)| / s`` and ``t = s / 2``. The side that is out of the
money is worth

    out = lo N(t - h) - hi N(-t - h)

for calls and puts alike, and the other side is ``out`` plus its intrinsic value ``|F - K|``. So a value is
never below intrinsic, call minus put is F - K to rounding, and nothing is ever obtained by subtracting two
large values. Because ``F n(d1) = K n(d2)``, an error in ``ln(F/K)`` has no first-order effect, so logarithms
may be taken per table and subtracted. Source: Black (1976); the limits are those of the venue reading in the
project's specification.

Limits, exact to rounding: s = 0 gives intrinsic; K = 0 gives a call of F and a put of 0; F = 0 gives a call
of 0 and a put of K; s >= 24 (``SATURATION``) gives a call of F and a put of K.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import contiguous

FloatArray = npt.NDArray[np.float64]

#: Total volatility from which a value equals its upper bound.
SATURATION = 24.0

# Stand-in for ln 0. Divided by any total volatility below SATURATION it is beyond -4000, where N is exactly 0
# or 1, and unlike -inf it never meets another infinity, so F = K = 0 stays a number.
_LOG_ZERO = -1.0e5
#: Smallest total volatility used: turns 0/0 at the money into 0 and everything else into a full step.
LEAST_VOL = 1.0e-18
# Replaces a saturated total volatility: N(+-t) is then exactly 1 and 0 whatever the ratio F/K.
_SATURATED_VOL = 1.0e9

_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


def normal_cdf(x: npt.ArrayLike) -> FloatArray:
    """Standard normal distribution function N(x), same shape as ``x``.

    >>> float(normal_cdf(0.0))
    0.5
    """
    # scipy takes longer to load than everything that a first price needs, so it waits for its first use
    from scipy.special import ndtr

    return np.asarray(ndtr(np.asarray(x, dtype=np.float64)), dtype=np.float64)


def normal_pdf(x: npt.ArrayLike) -> FloatArray:
    """Standard normal density exp(-x^2/2)/sqrt(2 pi), same shape as ``x``; exactly 0 from ``|x| = 38.7`` on.

    >>> round(float(normal_pdf(0.0)), 12)
    0.398942280401
    """
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(under="ignore", over="ignore"):
        return np.asarray(_INV_SQRT_2PI * np.exp(-0.5 * x * x), dtype=np.float64)


def log_table(x: FloatArray) -> FloatArray:
    """ln x with a finite stand-in at 0."""
    table = np.full(x.shape, _LOG_ZERO)
    np.log(x, out=table, where=x > 0.0)
    return table


def combine(
    out: FloatArray,
    total_vol: FloatArray,
    distance: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    side: FloatArray,
    saturates: bool,
) -> None:
    """Write undiscounted values into ``out``, using up ``total_vol`` and ``distance`` (ln F - ln K).

    ``side`` is +1 for calls and -1 for puts. Every array broadcasts to the shape of ``out``.
    """
    from scipy.special import ndtr

    if saturates:
        np.copyto(total_vol, _SATURATED_VOL, where=total_vol >= SATURATION)
    np.abs(distance, out=distance)
    np.divide(distance, total_vol, out=distance)
    np.multiply(total_vol, 0.5, out=total_vol)
    np.subtract(total_vol, distance, out=out)
    np.add(total_vol, distance, out=distance)
    np.negative(distance, out=distance)
    ndtr(out, out=out)
    ndtr(distance, out=distance)
    scratch = total_vol
    np.multiply(out, np.minimum(forward, strike, out=scratch), out=out)
    np.multiply(distance, np.maximum(forward, strike, out=scratch), out=distance)
    np.subtract(out, distance, out=out)
    np.maximum(out, 0.0, out=out)
    np.subtract(forward, strike, out=scratch)
    np.multiply(scratch, side, out=scratch)
    np.maximum(scratch, 0.0, out=scratch)
    np.add(out, scratch, out=out)
    # (F - K) + out may round one unit above its bound: cap calls at F and puts at K.
    np.copyto(scratch, strike)
    np.copyto(scratch, forward, where=side > 0.0)
    np.minimum(out, scratch, out=out)


def lognormal_value(
    forward: npt.ArrayLike, strike: npt.ArrayLike, total_vol: npt.ArrayLike, call: npt.ArrayLike
) -> FloatArray:
    """Undiscounted value, element by element, of arguments that broadcast together.

    ``forward``, ``strike`` and ``total_vol`` are finite and at least 0 (the caller validates), ``call`` is
    boolean. The result is in the unit of forward and strike, at least intrinsic value, at most F (call) or K
    (put).

    >>> lognormal_value(100.0, [90.0, 100.0], 0.2, True).round(6).tolist()
    [13.589108, 7.965567]
    """
    f, k, s, c = np.broadcast_arrays(
        np.asarray(forward, dtype=np.float64),
        np.asarray(strike, dtype=np.float64),
        np.asarray(total_vol, dtype=np.float64),
        np.asarray(call, dtype=np.bool_),
    )
    out = np.empty(f.shape)
    extension = native()
    if extension is not None and out.size:
        flat = [contiguous(a, a.dtype.type).reshape(-1) for a in (f, k, s, c)]
        # an element costs about as much as five cells of a table: it takes logarithms of its own
        extension.lognormal_elements(*flat, thread_count(None, 5 * out.size), out.reshape(-1))
        # the compiled loop cannot tell NaN from a number
        out[~np.isfinite(f + k) | np.isnan(s)] = np.nan
        return out
    scratch = np.maximum(s, LEAST_VOL, out=np.empty(f.shape))
    distance = np.subtract(log_table(f), log_table(k), out=np.empty(f.shape))
    with np.errstate(under="ignore", over="ignore"):
        combine(out, scratch, distance, f, k, np.where(c, 1.0, -1.0), saturates=True)
    return out


def d1_d2(forward: npt.ArrayLike, strike: npt.ArrayLike, total_vol: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """``ln(F/K)/s + s/2`` and ``ln(F/K)/s - s/2``, always finite, in the limits that `lognormal_value` uses.

    At s = 0 both are 0 at the money and huge with the sign of F - K elsewhere; at s >= 24 they are huge, d1
    positive and d2 negative.
    """
    f = np.asarray(forward, dtype=np.float64)
    k = np.asarray(strike, dtype=np.float64)
    s = np.maximum(np.asarray(total_vol, dtype=np.float64), LEAST_VOL)
    s = np.where(s >= SATURATION, _SATURATED_VOL, s)
    h = np.asarray((log_table(f) - log_table(k)) / s)
    return np.asarray(h + 0.5 * s), np.asarray(h - 0.5 * s)
