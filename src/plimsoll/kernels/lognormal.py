"""Expected payoffs under a lognormal law, element by element and as an instrument x scenario array.

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
from scipy.special import ndtr

FloatArray = npt.NDArray[np.float64]

#: Total volatility from which a value equals its upper bound.
SATURATION = 24.0

#: Scratch memory of one tile in bytes: with the output rows it stays within a 1 MB level-2 cache. Measured
#: flat around it.
BLOCK_BYTES = 256 * 1024

# Stand-in for ln 0. Divided by any total volatility below SATURATION it is beyond -4000, where N is exactly 0
# or 1, and unlike -inf it never meets another infinity, so F = K = 0 stays a number.
_LOG_ZERO = -1.0e5
# Smallest total volatility used: turns 0/0 at the money into 0 and everything else into a full step.
_LEAST_VOL = 1.0e-18
# Replaces a saturated total volatility: N(+-t) is then exactly 1 and 0 whatever the ratio F/K.
_SATURATED_VOL = 1.0e9

_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


def normal_cdf(x: npt.ArrayLike) -> FloatArray:
    """Standard normal distribution function N(x), same shape as ``x``.

    >>> float(normal_cdf(0.0))
    0.5
    """
    return np.asarray(ndtr(np.asarray(x, dtype=np.float64)), dtype=np.float64)


def normal_pdf(x: npt.ArrayLike) -> FloatArray:
    """Standard normal density exp(-x^2/2)/sqrt(2 pi), same shape as ``x``; exactly 0 from |x| = 38.7 on.

    >>> round(float(normal_pdf(0.0)), 12)
    0.398942280401
    """
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(under="ignore", over="ignore"):
        return np.asarray(_INV_SQRT_2PI * np.exp(-0.5 * x * x), dtype=np.float64)


def _log_table(x: FloatArray) -> FloatArray:
    table = np.full(x.shape, _LOG_ZERO)
    np.log(x, out=table, where=x > 0.0)
    return table


def _combine(
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
    scratch = np.maximum(s, _LEAST_VOL, out=np.empty(f.shape))
    distance = np.subtract(_log_table(f), _log_table(k), out=np.empty(f.shape))
    with np.errstate(under="ignore", over="ignore"):
        _combine(out, scratch, distance, f, k, np.where(c, 1.0, -1.0), saturates=True)
    return out


def d1_d2(forward: npt.ArrayLike, strike: npt.ArrayLike, total_vol: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """``ln(F/K)/s + s/2`` and ``ln(F/K)/s - s/2``, always finite, in the limits that `lognormal_value` uses.

    At s = 0 both are 0 at the money and huge with the sign of F - K elsewhere; at s >= 24 they are huge, d1
    positive and d2 negative.
    """
    f = np.asarray(forward, dtype=np.float64)
    k = np.asarray(strike, dtype=np.float64)
    s = np.maximum(np.asarray(total_vol, dtype=np.float64), _LEAST_VOL)
    s = np.where(s >= SATURATION, _SATURATED_VOL, s)
    h = np.asarray((_log_table(f) - _log_table(k)) / s)
    return np.asarray(h + 0.5 * s), np.asarray(h - 0.5 * s)


def _checked(name: str, value: npt.ArrayLike, shape: tuple[int, ...], axes: str) -> FloatArray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: got an array of {array.dtype}, must hold real numbers")
    if array.shape != shape:
        raise ValueError(f"{name}: got shape {array.shape}, must be {axes} = {shape}")
    array = np.ascontiguousarray(array, dtype=np.float64)
    bad = ~(np.isfinite(array) & (array >= 0.0))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}{list(where)}: got {array[where]}, must be finite and at least 0")
    return array


def _checked_group(group: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    array = np.asarray(group)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"group: got {array.dtype} of shape {array.shape}, must be integers of shape [N]")
    array = array.astype(np.int64, copy=False)
    bad = (array < 0) | (array >= count)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(f"group[{at}]: got {array[at]}, must be from 0 to {count - 1}")
    return array


def lognormal_values(
    group: npt.ArrayLike,
    strike: npt.ArrayLike,
    total_vol: npt.ArrayLike,
    call: npt.ArrayLike,
    forward: npt.ArrayLike,
    vol_scale: npt.ArrayLike,
    vol_floor: npt.ArrayLike,
    discount: npt.ArrayLike,
    *,
    block_bytes: int = BLOCK_BYTES,
    out: FloatArray | None = None,
) -> FloatArray:
    """Values of N instruments in S scenarios, the scenario tables shared by the E groups of instruments.

    ``value[i, s] = discount[g] * black(forward[g, s], strike[i], max(total_vol[i]*vol_scale[g, s],
    vol_floor[g, s]))`` with ``g = group[i]``.

    Parameters
    ----------
    group : integers [N], each from 0 to E - 1.
    strike : [N], unit of the forward.
    total_vol : [N], volatility times the square root of the time in years.
    call : booleans [N], False for a put.
    forward, vol_scale, vol_floor : [E, S]; the floor applies to the total volatility.
    discount : [E].
    block_bytes : scratch memory per tile, at least 4096. Results do not depend on it.
    out : a C-contiguous, writable float64 array [N, S] to fill and return, not overlapping an input.

    Returns
    -------
    float64 [N, S], scenario axis contiguous, unit of forward times discount. At least discounted intrinsic
    value, at most discount times F (call) or K (put); the limits are those of the module's text.

    Raises
    ------
    ValueError
        Before anything is computed, naming the argument: wrong shape or type, not finite, negative, group out
        of range.

    >>> lognormal_values([0, 0], [100.0, 100.0], [0.2, 0.2], [True, False],
    ...                  [[100.0, 120.0]], [[1.0, 0.0]], [[0.0, 0.0]], [1.0]).round(6).tolist()
    [[7.965567, 20.0], [7.965567, 0.0]]
    """
    table = np.asarray(forward)
    if table.ndim != 2:
        raise ValueError(f"forward: got shape {table.shape}, must be [E, S]")
    groups, scenarios = table.shape
    g = _checked_group(group, groups)
    count = g.size
    k = _checked("strike", strike, (count,), "[N]")
    w = _checked("total_vol", total_vol, (count,), "[N]")
    c = np.asarray(call)
    if c.shape != (count,) or (count and c.dtype != np.bool_):
        raise ValueError(f"call: got {c.dtype} of shape {c.shape}, must be booleans [N] = ({count},)")
    f = _checked("forward", forward, (groups, scenarios), "[E, S]")
    scale = _checked("vol_scale", vol_scale, (groups, scenarios), "[E, S]")
    floor = np.maximum(_checked("vol_floor", vol_floor, (groups, scenarios), "[E, S]"), _LEAST_VOL)
    d = _checked("discount", discount, (groups,), "[E]")
    if block_bytes < 4096:
        raise ValueError(f"block_bytes: got {block_bytes}, must be at least 4096")
    if out is None:
        out = np.empty((count, scenarios))
    elif out.shape != (count, scenarios) or out.dtype != np.float64 or not out.flags.carray:
        raise ValueError(
            f"out: got {out.dtype} of shape {out.shape}, must be float64, C-contiguous and writable, "
            f"of shape [N, S] = {(count, scenarios)}"
        )
    if out.size:
        with np.errstate(under="ignore", over="ignore"):
            side = np.where(c, 1.0, -1.0)
            _fill_tiles(out, g, k, w, side, (_log_table(f), f, scale, floor), d, block_bytes)
    return out


def _fill_tiles(
    out: FloatArray,
    group: npt.NDArray[np.int64],
    strike: FloatArray,
    total_vol: FloatArray,
    side: FloatArray,
    tables: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    discount: FloatArray,
    block_bytes: int,
) -> None:
    """Walk ``out`` in tiles of rows x scenarios whose scratch fits ``block_bytes``."""
    count, scenarios = out.shape
    _, _, scale, floor = tables
    widest = total_vol * scale.max(axis=1)[group]
    saturates = bool(widest.max() >= SATURATION or floor.max() >= SATURATION)
    log_strike = _log_table(strike)[:, None]
    strike, total_vol, side = strike[:, None], total_vol[:, None], side[:, None]
    row_discount = discount[group][:, None]
    cells = block_bytes // (2 * out.itemsize)
    width = min(scenarios, cells)
    height = min(count, max(1, cells // width))
    scratch_vol, scratch_log = np.empty((2, height * width))
    gathered = np.empty((4, height * width))
    for top in range(0, count, height):
        rows = slice(top, min(top + height, count))
        members = group[rows]
        # Rows of one group read its tables in place; a mixed tile gathers them first.
        alone = bool((members == members[0]).all())
        for left in range(0, scenarios, width):
            columns = slice(left, min(left + width, scenarios))
            target = out[rows, columns]
            shape, size = target.shape, target.size
            if alone:
                views = [table[members[0], columns] for table in tables]
            else:
                views = [
                    np.take(table[:, columns], members, axis=0, out=room[:size].reshape(shape), mode="clip")
                    for table, room in zip(tables, gathered, strict=True)
                ]
            log_forward, forward, tile_scale, tile_floor = views
            vol = scratch_vol[:size].reshape(shape)
            distance = scratch_log[:size].reshape(shape)
            np.multiply(total_vol[rows], tile_scale, out=vol)
            np.maximum(vol, tile_floor, out=vol)
            np.subtract(log_forward, log_strike[rows], out=distance)
            _combine(target, vol, distance, forward, strike[rows], side[rows], saturates)
            np.multiply(target, row_discount[rows], out=target)
