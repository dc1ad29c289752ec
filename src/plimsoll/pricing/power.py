"""Power options in closed form, capped or not.

The payoff counts the price in units of the strike: K max(0, (S/K)^p - 1) for a call, K max(0, 1 - (S/K)^p) for a
put, at most `cap`. S^p is lognormal with forward F^p exp(p (p - 1) s^2 / 2) and total volatility p s, so the option
is K times the vanilla one on (S/K)^p struck at 1, and a cap is sold back as a second strike: at 1 + cap/K of a call, at
1 - cap/K of a put. Source: Heynen and Kat, "Pricing and hedging power options" (1996).

Limits: s = 0 gives the discounted payoff at F; p = 1 without a cap is the vanilla option. An uncapped call of a power
above 1 has no bound: the value is inf beyond the float64 range, and so is refused wherever a document must hold it.
What is bounded, a put or a capped call, stays a number however far the forward of S^p grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, ndtr

from plimsoll.kernels import SATURATION, lognormal_value
from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real, total_vol
from plimsoll.pricing.greeks import Greeks, greeks

_MOST_VOL = 1e100
"""Total volatility beyond which nothing changes and squares would overflow."""


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
    f, k, s, call, power, cap = (
        np.asarray(a) for a in np.broadcast_arrays(np.asarray(f, dtype=np.float64), k, s, call, power, cap)
    )
    law = _Law.of(f, k, s, power)
    one = np.ones(f.shape)
    with np.errstate(over="ignore"):
        capped = np.isfinite(cap / k)
    limit = np.where(capped, cap, 0.0)
    top = 1.0 + limit / k
    with np.errstate(over="ignore"):
        call_value = k * law.call(one)
    # as calls, one sold at the cap, unless they are worth more than it: then as puts, which are never worth more than
    # their strikes, and so lose no digits
    small = law.lifted <= top
    high = np.where(capped, top, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        as_calls = call_value - k * law.call(high)
    spread = np.where(small, as_calls, limit - k * (law.put(high) - law.put(one)))
    put_value = k * (law.put(one) - np.where(capped & (limit < k), law.put(np.maximum(1.0 - limit / k, 0.0)), 0.0))
    value = np.where(call, np.where(capped, spread, call_value), put_value)
    return np.asarray(np.clip(value, 0.0, cap), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Law:
    """The law of X = (S/K)^p, and what options on it are worth; every array has the common shape.

    ``lifted`` is its forward, inf beyond the float64 range. The vanilla value serves where ``plain``: that forward is a
    number and its total volatility p s not saturated. Beyond, a power is no vanilla option at its bound, since its
    forward may grow as fast as its volatility; with d2 = (ln(F/K) - ln(L)/p) / s - s/2 and d1 = d2 + p s its values are
    X_F N(+-d1) and L N(+-d2), the first as L n(d2) N(d1)/n(d1) where d1 is far out.
    """

    lifted: FloatArray
    plain: BoolArray
    log_forward: FloatArray  # ln(F/K)
    s: FloatArray
    power: FloatArray

    @classmethod
    def of(cls, f: FloatArray, k: FloatArray, s: FloatArray, power: FloatArray) -> _Law:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            growth = 0.5 * power * (power - 1.0) * s * s
            log_forward = np.log(f) - np.log(k)
            lifted = (f / k) ** power * np.exp(growth)
            # a product of nothing and infinity, or nothing left of either: the sum of the logarithms knows
            sound = np.isfinite(lifted) & (lifted > 0.0)
            lifted = np.where(sound, lifted, np.exp(power * log_forward + growth))
            plain = (f == 0.0) | (np.isfinite(lifted) & (power * s < SATURATION))
        return cls(
            lifted=np.where(f > 0.0, lifted, 0.0),
            plain=plain,
            log_forward=np.where(plain, 0.0, log_forward),
            s=np.where(plain, s, np.minimum(s, _MOST_VOL)),
            power=power,
        )

    def call(self, strike: FloatArray) -> FloatArray:
        """A call on X for each ``strike``, above 0."""
        d2 = self._d2(strike)
        d1 = d2 + self.power * self.s
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.where(d1 > 0.0, self.lifted * ndtr(d1), self._image(strike, d2, -d1)) - strike * ndtr(d2)
        return self._value(strike, True, far)

    def put(self, strike: FloatArray) -> FloatArray:
        """A put on X for each ``strike``, at least 0."""
        d2 = self._d2(strike)
        d1 = d2 + self.power * self.s
        with np.errstate(over="ignore", invalid="ignore"):
            held = np.where(d1 > 0.0, self._image(strike, d2, d1), self.lifted * ndtr(-d1))
        return self._value(strike, False, np.where(strike > 0.0, strike * ndtr(-d2) - held, 0.0))

    def _value(self, strike: FloatArray, call: bool, far: FloatArray) -> FloatArray:
        lifted, total = np.where(self.plain, self.lifted, 1.0), np.where(self.plain, self.power * self.s, 1.0)
        near = lognormal_value(lifted, strike, total, call)
        return np.asarray(np.where(self.plain, near, np.maximum(far, 0.0)), dtype=np.float64)

    def _d2(self, strike: FloatArray) -> FloatArray:
        log_strike = np.log(np.where(strike > 0.0, strike, 1.0))
        s = np.where(self.plain, 1.0, self.s)
        return np.asarray((self.log_forward - log_strike / self.power) / s - 0.5 * s)

    @staticmethod
    def _image(strike: FloatArray, d2: FloatArray, d1: FloatArray) -> FloatArray:
        """``X_F N(-d1)`` for ``d1`` of at least 0."""
        return np.asarray(strike * 0.5 * np.exp(-0.5 * d2 * d2) * erfcx(np.maximum(d1, 0.0) / np.sqrt(2.0)))


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
    d2X/dF2 = p (p - 1) X / F^2, dX/dvol = 2 q vol t X. ``forward`` and ``vol`` above 0 here. Raises ValueError naming
    the argument, and where X is beyond the float64 range.

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
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.asarray((f / k) ** p * np.exp(q * sigma**2 * years))
    if not np.isfinite(x).all():
        raise ValueError("forward, vol, power: the forward of (S/K)^power must be in the float64 range")
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
