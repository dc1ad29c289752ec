"""Black-76: European options on a forward.

Units: forward and strike in the same currency per unit of the underlying, time in years of 365 days,
volatility per square-root year as a decimal. Call = D (F N(d1) - K N(d2)), put = D (K N(-d2) - F N(-d1)), d1
and d2 equal to ln(F/K)/s +- s/2 with s = vol sqrt(t). The formula and its limits at zero and huge s live in
`plimsoll.kernels.lognormal`; this module checks arguments, discounts and converts to coin. Source: Black,
"The pricing of commodity contracts" (1976).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.lognormal import d1_d2, lognormal_value, normal_cdf

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def checked_real(name: str, value: npt.ArrayLike, *, least: float | None = 0.0, above: bool = False) -> FloatArray:
    """``value`` as float64, refused unless finite and at least (or ``above``) ``least``; None is no limit."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" and array.size:
        raise ValueError(f"{name}: got an array of {array.dtype}, must hold real numbers")
    array = array.astype(np.float64, copy=False)
    allowed, rule = np.isfinite(array), "finite"
    if least is not None:
        allowed = allowed & ((array > least) if above else (array >= least))
        rule += f" and {'above' if above else 'at least'} {least:g}"
    if not allowed.all():
        where = tuple(int(i) for i in np.argwhere(~allowed)[0]) if array.ndim else ()
        raise ValueError(f"{name}{list(where) if where else ''}: got {array[where]}, must be {rule}")
    return array


def checked_call(call: npt.ArrayLike) -> BoolArray:
    """``call`` as booleans; other types are refused, since 1 and -1, or "C" and "P", both read as true."""
    array = np.asarray(call)
    if array.dtype != np.bool_ and array.size:
        raise ValueError(f"call: got an array of {array.dtype}, must be boolean, False for a put")
    return array.astype(np.bool_, copy=False)


def broadcast(arguments: dict[str, npt.NDArray[np.generic]]) -> tuple[int, ...]:
    """The common shape of named arrays, or a ValueError that lists every name with its shape."""
    try:
        return np.broadcast_shapes(*(array.shape for array in arguments.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arguments.items())
        raise ValueError(f"shapes do not broadcast together: {shapes}") from None


def total_vol(vol: FloatArray, t: FloatArray) -> FloatArray:
    """``vol sqrt(t)``; a product beyond the float64 range is inf, which the kernel reads as saturated."""
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(vol * np.sqrt(t), dtype=np.float64)


def price(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value per unit of the underlying in the currency of forward and strike, at least 0.

    Arguments are scalars or arrays that broadcast together, finite and at least 0; ``call`` is boolean
    (False: put); ``discount`` is the factor to the payment date. A result without axes is a numpy scalar.
    Limits: zero ``t`` or ``vol`` gives discounted intrinsic value; strike 0 gives the call ``forward *
    discount`` and the put 0; forward 0 the call 0 and the put ``strike * discount``; total volatility of 24
    or more the same bounds. Raises ValueError naming the argument.

    >>> round(float(price(1500.0, 1500.0, 604_800 / 31_536_000, 1.0, True)), 8)
    82.80508067
    >>> price(100.0, [90.0, 110.0], 0.0, 0.5, False).tolist()
    [0.0, 10.0]
    """
    f, k = checked_real("forward", forward), checked_real("strike", strike)
    years, sigma = checked_real("t", t), checked_real("vol", vol)
    c, d = checked_call(call), checked_real("discount", discount)
    broadcast({"forward": f, "strike": k, "t": years, "vol": sigma, "call": c, "discount": d})
    return np.asarray(d * lognormal_value(f, k, total_vol(sigma, years), c), dtype=np.float64)[()]


def forward_delta(
    forward: npt.ArrayLike, strike: npt.ArrayLike, t: npt.ArrayLike, vol: npt.ArrayLike, call: npt.ArrayLike
) -> FloatArray:
    """Undiscounted derivative with respect to the forward: N(d1) for a call, N(d1) - 1 for a put.

    Arguments, errors and limits as `price`. With zero total volatility it is a step, one half (call) or minus
    one half (put) exactly at the money; strike 0 or a saturated total volatility gives 1 and 0, forward 0
    otherwise gives 0 and -1.

    >>> forward_delta(100.0, [90.0, 100.0, 110.0], 0.0, 0.5, True).tolist()
    [1.0, 0.5, 0.0]
    """
    f, k = checked_real("forward", forward), checked_real("strike", strike)
    years, sigma = checked_real("t", t), checked_real("vol", vol)
    c = checked_call(call)
    broadcast({"forward": f, "strike": k, "t": years, "vol": sigma, "call": c})
    return step_delta(f, k, total_vol(sigma, years), c)[()]


def step_delta(f: FloatArray, k: FloatArray, s: FloatArray, call: BoolArray) -> FloatArray:
    """`forward_delta` on checked arguments and total volatility ``s``."""
    d1, _ = d1_d2(f, k, s)
    # N(d1) - 1 would lose the digits of a deep put
    delta = np.where(call, normal_cdf(d1), -normal_cdf(-d1))
    return np.asarray(np.where(k == 0.0, np.where(call, 1.0, 0.0), delta), dtype=np.float64)


def inverse_price(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value in coin of an option settled in the underlying: `price` over the forward, which is above 0.

    A call is worth at most ``discount`` coin, a put has no such bound. Arguments and errors as `price`.

    >>> round(float(inverse_price(20_000.0, 25_000.0, 0.1, 0.8, True)), 6)
    0.02921
    """
    f = checked_real("forward", forward, above=True)
    return np.asarray(price(f, strike, t, vol, call, discount) / f, dtype=np.float64)[()]
