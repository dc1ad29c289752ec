"""Power options in closed form, capped or not.

The payoff counts the price in units of the strike: K max(0, (S/K)^p - 1) for a call, K max(0, 1 - (S/K)^p) for a
put, at most `cap`. S^p is lognormal with forward F^p exp(p (p - 1) s^2 / 2) and total volatility p s, so the option
is K times the vanilla one on (S/K)^p struck at 1, and a cap is sold back as a second strike: at 1 + cap/K of a call, at
1 - cap/K of a put. Source: Heynen and Kat, "Pricing and hedging power options" (1996).

Limits: s = 0 gives the discounted payoff at F; p = 1 without a cap is the vanilla option. An uncapped power above 1
has no bound: the value is inf beyond the float64 range, and so is refused wherever a document must hold it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import lognormal_value
from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real, total_vol
from plimsoll.pricing.greeks import Greeks, greeks


def power_price(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    power: npt.ArrayLike,
    cap: npt.ArrayLike = np.inf,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value in the currency of forward and strike, at least 0 and at most ``cap`` discounted.

    Scalars or arrays that broadcast together: ``forward``, ``t``, ``vol``, ``discount`` at least 0, ``strike``,
    ``power`` and ``cap`` above 0, ``call`` boolean; a ``cap`` of inf is none. Raises ValueError naming the argument.

    >>> round(float(power_price(100.0, 100.0, 0.5, 0.25, True, 2.0)), 6)
    15.896558
    """
    f, k = checked_real("forward", forward), checked_real("strike", strike, above=True)
    years, sigma = checked_real("t", t), checked_real("vol", vol)
    c, p, d = checked_call(call), checked_real("power", power, above=True), checked_real("discount", discount)
    most = np.asarray(cap, dtype=np.float64)
    if not (most > 0.0).all():
        raise ValueError(f"cap: got {most.min()}, must be above 0, inf for none")
    names = ("forward", "strike", "t", "vol", "call", "power", "cap", "discount")
    broadcast(dict(zip(names, (f, k, years, sigma, c, p, most, d), strict=True)))
    return np.asarray(d * power_value(f, k, total_vol(sigma, years), c, p, most), dtype=np.float64)[()]


def power_value(
    f: FloatArray, k: FloatArray, s: FloatArray, call: BoolArray, power: FloatArray, cap: FloatArray
) -> FloatArray:
    """Undiscounted value on checked arguments that broadcast; ``s`` is total volatility."""
    with np.errstate(over="ignore"):
        lifted = np.asarray((f / k) ** power * np.exp(0.5 * power * (power - 1.0) * s * s), dtype=np.float64)
    endless = ~np.isfinite(lifted)
    lifted = np.where(endless, 0.0, lifted)
    total = power * s
    value = k * lognormal_value(lifted, 1.0, total, call)
    second = np.where(call, 1.0 + cap / k, np.maximum(1.0 - cap / k, 0.0))
    capped = np.isfinite(cap)
    sold = k * lognormal_value(lifted, np.where(capped, second, 1.0), total, call)
    value = np.where(capped, np.clip(value - sold, 0.0, cap), value)
    # a power beyond the float64 range: nothing is known of it but that the call pays its cap
    beyond = np.where(call, np.where(capped, cap, np.inf), 0.0)
    return np.asarray(np.where(endless, beyond, value), dtype=np.float64)


def power_greeks(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    power: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """Greeks of the uncapped option by the chain rule from those of the vanilla one; units as `Greeks`.

    With X = (F/K)^p exp(q vol^2 t), q = p (p - 1) / 2, and V = K Black(X, 1, p vol): dX/dF = p X / F,
    d2X/dF2 = p (p - 1) X / F^2, dX/dvol = 2 q vol t X. ``forward`` and ``vol`` above 0 here.

    >>> g = power_greeks(100.0, 100.0, 0.5, 0.25, True, 1.0)
    >>> round(float(g.delta), 6)
    0.535216
    """
    f, k = checked_real("forward", forward, above=True), checked_real("strike", strike, above=True)
    years, sigma = checked_real("t", t), checked_real("vol", vol, above=True)
    c, p = checked_call(call), checked_real("power", power, above=True)
    r = checked_real("rate", rate, least=None)
    names = ("forward", "strike", "t", "vol", "call", "power", "rate")
    broadcast(dict(zip(names, (f, k, years, sigma, c, p, r), strict=True)))
    q = 0.5 * p * (p - 1.0)
    x = (f / k) ** p * np.exp(q * sigma**2 * years)
    unit = greeks(x, 1.0, years, p * sigma, c, r)
    value = np.exp(-r * years) * lognormal_value(x, 1.0, p * total_vol(sigma, years), c)
    dx, dxx = p * x / f, p * (p - 1.0) * x / f**2
    dv = 2.0 * q * sigma * years * x
    dvv = 2.0 * q * years * x + 2.0 * q * sigma * years * dv
    vega = unit.delta * dv + unit.vega * p
    # at fixed total variance time only passes through it, so theta is minus vol/(2t) of vega, plus the discount
    theta = r * value - np.divide(vega * sigma, 2.0 * years, out=np.zeros(np.shape(vega * years)), where=years > 0)
    parts = {
        "delta": unit.delta * dx,
        "gamma": unit.gamma * dx**2 + unit.delta * dxx,
        "vega": vega,
        "theta": theta,
        "rho": -years * value,
        "vanna": (unit.gamma * dv + unit.vanna * p) * dx + unit.delta * dv * p / f,
        "volga": unit.gamma * dv**2 + 2.0 * unit.vanna * p * dv + unit.delta * dvv + unit.volga * p**2,
    }
    return Greeks(**{n: np.asarray(k * v, dtype=np.float64)[()] for n, v in parts.items()})
