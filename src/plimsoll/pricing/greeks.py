"""Greeks of Black-76 to second order, for values in currency and in coin.

With D = exp(-r t), s = vol sqrt(t), n and N the normal density and distribution, and +- for call and put:

    V = D Black76(F, K, s)             delta = +- D N(+- d1)             gamma = D n(d1) / (F s)
    vega = D F n(d1) sqrt(t)           vanna = -D n(d1) d2 / vol         volga = vega d1 d2 / vol
    theta = r V - vega vol / (2 t)     rho = -t V

Coin value c = V / F: with e = D K / F^2 its delta is +- e N(+- d2), which needs no subtraction of large
numbers.

Rule at the kink. When s = 0 the Greeks are the limits away from F = K: delta is the discounted step, gamma,
vega, vanna and volga are 0, theta is r V and rho is -t V. At F = K exactly delta is plus or minus D/2 (the
mean of both sides, so call minus put is still D) and the others, some of which have no finite limit, are 0 as
well. Strike 0, forward 0 and s >= 24 follow the bounds of the price: delta is a constant, gamma, vega, vanna
and volga are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.lognormal import SATURATION, d1_d2, lognormal_value, normal_cdf, normal_pdf
from plimsoll.pricing.black76 import (
    BoolArray,
    FloatArray,
    broadcast,
    checked_call,
    checked_real,
    step_delta,
    total_vol,
)


@dataclass(frozen=True, slots=True)
class Greeks:
    """Derivatives per unit of the underlying, arrays of one shape. V is the value in currency or in coin.

    delta: dV/dF. gamma: d2V/dF2. vega: dV/dvol, per 1.00 of volatility (0.01 of it is one point). theta:
    -dV/dt per year of 365 days at fixed forward, what passing time adds. rho: dV/dr per 1.00 of rate at fixed
    forward. vanna: d2V/(dF dvol). volga: d2V/dvol2.
    """

    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray
    vanna: FloatArray
    volga: FloatArray


@dataclass(frozen=True, slots=True)
class _Terms:
    """Checked arguments in their common shape and what both sets of Greeks need from them."""

    forward: FloatArray
    strike: FloatArray
    t: FloatArray
    call: BoolArray
    rate: FloatArray
    discount: FloatArray
    value: FloatArray
    total: FloatArray  # vol sqrt(t)
    d1: FloatArray
    d2: FloatArray
    smooth: BoolArray  # the closed forms hold: neither a limit nor a bound, and the density is not 0
    vol_safe: FloatArray  # vol, total and sqrt(t) where smooth, 1 elsewhere: divisors
    total_safe: FloatArray
    root_safe: FloatArray


def _terms(
    forward: FloatArray,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    rate: npt.ArrayLike,
) -> _Terms:
    k, years, sigma = checked_real("strike", strike), checked_real("t", t), checked_real("vol", vol)
    c, r = checked_call(call), checked_real("rate", rate, least=None)
    named: dict[str, npt.NDArray[np.generic]] = dict(
        zip(("forward", "strike", "t", "vol", "call", "rate"), (forward, k, years, sigma, c, r), strict=True)
    )
    shape = broadcast(named)
    f, k, years, sigma, r = (np.broadcast_to(a, shape) for a in (forward, k, years, sigma, r))
    c = np.broadcast_to(c, shape)
    root = np.sqrt(years)
    total = total_vol(sigma, years)
    with np.errstate(over="ignore", under="ignore"):
        discount = np.exp(-r * years)
    if not np.isfinite(discount).all():
        raise ValueError(f"rate: got {r.min()}, must leave exp(-rate*t) within the float64 range")
    d1, d2 = d1_d2(f, k, total)
    # Beyond 38 the density is below 1e-313; leaving that region out keeps 0 * inf and 0 / 0 away from the
    # formulas.
    smooth = (total > 0.0) & (total < SATURATION) & (f > 0.0) & (k > 0.0)
    smooth = np.asarray(smooth & (np.abs(d1) < 38.0) & (np.abs(d2) < 38.0))
    return _Terms(
        forward=f,
        strike=k,
        t=years,
        call=c,
        rate=r,
        discount=discount,
        value=discount * lognormal_value(f, k, total, c),
        total=total,
        d1=d1,
        d2=d2,
        smooth=smooth,
        vol_safe=np.where(smooth, sigma, 1.0),
        total_safe=np.where(smooth, total, 1.0),
        root_safe=np.where(smooth, root, 1.0),
    )


def _frozen(**arrays: npt.ArrayLike) -> Greeks:
    return Greeks(**{name: np.asarray(array, dtype=np.float64)[()] for name, array in arrays.items()})


def greeks(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """Greeks of ``V = exp(-rate t) Black76(forward, strike, vol sqrt(t))`` in the currency of the strike.

    Arguments broadcast together: forward, strike, ``t`` (years of 365 days) and ``vol`` finite and at least
    0, ``call`` boolean, ``rate`` continuously compounded, any sign. Results without axes are numpy scalars.
    The limits are in the module's text. Raises ValueError naming the argument.

    >>> g = greeks(100.0, 100.0, 0.25, 0.6, True)
    >>> round(float(g.delta), 6), round(float(g.vega), 6), round(float(g.theta), 6)
    (0.559618, 19.723967, -23.66876)
    """
    x = _terms(checked_real("forward", forward), strike, t, vol, call, rate)
    density = np.where(x.smooth, x.discount * normal_pdf(x.d1), 0.0)
    d1, d2 = np.where(x.smooth, x.d1, 0.0), np.where(x.smooth, x.d2, 0.0)
    vega = density * x.forward * x.root_safe
    return _frozen(
        delta=x.discount * step_delta(x.forward, x.strike, x.total, x.call),
        gamma=density / np.where(x.smooth, x.forward * x.total_safe, 1.0),
        vega=vega,
        theta=x.rate * x.value - 0.5 * density * x.forward * x.vol_safe / x.root_safe,
        rho=-x.t * x.value,
        vanna=-density * d2 / x.vol_safe,
        volga=vega * d1 * d2 / x.vol_safe,
    )


def inverse_greeks(
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """Greeks of the coin value ``c = V / forward`` of an option settled in the underlying.

    Every derivative is of c in coin: delta is dc/dF in coin per unit of currency (a dollar move of the
    forward), gamma its derivative; vega, theta, rho and volga are those of V divided by F; vanna is d2c/(dF
    dvol). ``F * F * delta`` is the premium-adjusted delta ``F dV/dF - V`` in currency. Arguments and errors
    as `greeks`, but the forward must be above 0. Where vega is 0 by the rule of the module, gamma is the
    curvature that 1/F leaves; at the kink delta and gamma are the means of both sides.

    >>> coin = inverse_greeks(20_000.0, 25_000.0, 0.1, 0.8, True)
    >>> usd = greeks(20_000.0, 25_000.0, 0.1, 0.8, True)
    >>> round(float(coin.delta) * 20_000.0**2, 4), round(float(usd.delta) * 20_000.0, 4)
    (3914.9206, 4499.1231)
    """
    x = _terms(checked_real("forward", forward, above=True), strike, t, vol, call, rate)
    side = np.where(x.call, 1.0, -1.0)
    with np.errstate(over="ignore", under="ignore"):
        per_move = x.discount * (x.strike / x.forward) / x.forward
    density1 = np.where(x.smooth, x.discount * normal_pdf(x.d1), 0.0)
    density2 = np.where(x.smooth, normal_pdf(x.d2), 0.0)
    d1, d2 = np.where(x.smooth, x.d1, 0.0), np.where(x.smooth, x.d2, 0.0)
    delta = side * per_move * normal_cdf(side * x.d2)
    coin = x.value / x.forward
    vega = density1 * x.root_safe
    return _frozen(
        delta=delta,
        gamma=(per_move * density2 / x.total_safe - 2.0 * delta) / x.forward,
        vega=vega,
        theta=x.rate * coin - 0.5 * density1 * x.vol_safe / x.root_safe,
        rho=-x.t * coin,
        vanna=-per_move * density2 * d1 / x.vol_safe,
        volga=vega * d1 * d2 / x.vol_safe,
    )
