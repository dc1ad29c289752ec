"""Implied Black-76 volatility, for arrays, to full precision.

The time value (price above intrinsic, which is the price of the out-of-the-money side) is divided by sqrt(F K) and
solved for the total volatility in logarithms by `plimsoll.kernels.lognormal_inverse`; this module decides what a price
can tell and with what certainty.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import SATURATION, lognormal_inverse
from plimsoll.pricing.black76 import FloatArray, broadcast, checked_call, checked_real

#: A volatility that the rounding of its own price leaves uncertain by more than this, relatively, is not
#: reported.
RESOLUTION = 1e-6


class Status(IntEnum):
    """Why an implied volatility is or is not there; stored as int8."""

    OK = 0
    #: The price is below discounted intrinsic value.
    BELOW_INTRINSIC = 1
    #: The price is at or above forward * discount (call) or strike * discount (put).
    ABOVE_BOUND = 2
    #: No time is left: the price does not depend on volatility.
    EXPIRED = 3
    #: The price is in range, but so close to an end of it that its rounding alone decides the volatility.
    NOT_RESOLVABLE = 4


class ImpliedVol(NamedTuple):
    """``vol`` (NaN unless the status is OK) and ``status`` (int8 codes of `Status`), of one shape."""

    vol: FloatArray
    status: npt.NDArray[np.int8]


def implied_vol(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Volatility at which `black76.price` returns ``price``; NaN where `implied_vol_status` says why.

    >>> round(float(implied_vol(82.80508066863456, 1500.0, 1500.0, 604_800 / 31_536_000, True)), 12)
    1.0
    """
    return implied_vol_status(price, forward, strike, t, call, discount).vol


def implied_vol_status(
    price: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> ImpliedVol:
    """Implied volatility and a named reason for each element.

    ``price`` is in the currency of forward and strike (multiply a coin price by the forward first), any
    finite number; forward, strike and discount are above 0; ``t`` is in years of 365 days, at least 0;
    ``call`` is boolean. Arguments broadcast together. Results without axes are numpy scalars.

    Accuracy: an OK volatility reproduces the price to rounding. An out-of-the-money price carries its time
    value with relative rounding, so the volatility is good to 1e-9 or better. A price in the money, or near
    its upper bound, knows its time value only to 2**-52 of itself; where that leaves the volatility uncertain
    by more than `RESOLUTION` the status is NOT_RESOLVABLE, as it is for a time value of exactly 0 and for a
    price below intrinsic by no more than rounding.

    Raises ValueError naming the argument that is not finite or out of range.

    >>> vol, status = implied_vol_status([5.0, 9.0, 100.0], 100.0, 90.0, 0.5, True)
    >>> [Status(code).name for code in status]
    ['BELOW_INTRINSIC', 'BELOW_INTRINSIC', 'ABOVE_BOUND']
    """
    p = checked_real("price", price, least=None)
    f, k = checked_real("forward", forward, above=True), checked_real("strike", strike, above=True)
    years, c = checked_real("t", t), checked_call(call)
    d = checked_real("discount", discount, above=True)
    shape = broadcast({"price": p, "forward": f, "strike": k, "t": years, "call": c, "discount": d})
    p, f, k, years, d = (np.broadcast_to(a, shape).ravel() for a in (p, f, k, years, d))
    c = np.broadcast_to(c, shape).ravel()

    with np.errstate(over="ignore"):
        value = p / d
    bound = np.where(c, f, k)
    intrinsic = np.maximum(np.where(c, f - k, k - f), 0.0)
    time_value = value - intrinsic
    # What rounding of the price, of the division and of the subtraction can be worth; out of the money only
    # the price has any.
    noise = 2.0**-52 * np.where(intrinsic > 0.0, value + intrinsic, value)

    status = np.full(p.shape, Status.NOT_RESOLVABLE, dtype=np.int8)
    status[time_value < -np.abs(noise)] = Status.BELOW_INTRINSIC
    status[value >= bound] = Status.ABOVE_BOUND
    status[years == 0.0] = Status.EXPIRED
    vol = np.full(p.shape, np.nan)
    beyond_noise = time_value > np.where(intrinsic > 0.0, noise, 0.0)
    solve = np.flatnonzero((status == Status.NOT_RESOLVABLE) & beyond_noise)
    if solve.size:
        f, k, time_value = f[solve], k[solve], time_value[solve]
        log_forward, log_strike = np.log(f), np.log(k)
        x = -np.abs(log_forward - log_strike)
        near = x > -0.5  # two logarithms would lose the digits of a small difference
        x[near] = -np.abs(np.log1p((f[near] - k[near]) / k[near]))
        log_target = np.log(time_value) - 0.5 * (log_forward + log_strike)
        total, slope, converged = lognormal_inverse(x, log_target)
        # slope is d ln(time value) / d ln(s): divide the relative uncertainty of the time value by it.
        uncertain = noise[solve] / time_value / slope
        good = converged & (uncertain <= RESOLUTION) & (total < SATURATION)
        status[solve[good]] = Status.OK
        vol[solve[good]] = total[good] / np.sqrt(years[solve[good]])
    return ImpliedVol(vol.reshape(shape)[()], status.reshape(shape)[()])
