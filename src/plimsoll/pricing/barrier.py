"""Barrier options in closed form: all eight knock types, either order of strike and barrier, carry, deferred rebate.

The spot S follows a lognormal law with a flat carry that takes it to the forward F at expiry, and is watched without a
break; s = vol sqrt(t). With h = ln(H/S), u = ln(F/S)/s + s/2, x1 = ln(S/K)/s + u, x2 = -h/s + u,
y1 = ln(H^2/(S K))/s + u, y2 = h/s + u, one for a call or an up barrier and minus one for a put (phi) or a down barrier
(eta reversed, as printed), the blocks of Rubinstein and Reiner, undiscounted, are

    A = phi (F N(phi x1) - K N(phi (x1 - s)))        B = the same with x2
    C = phi (F w1 N(eta y1) - K w2 N(eta (y1 - s)))   D = the same with y2
    touched = N(-eta (x2 - s)) + w2 N(eta (y2 - s)),  w1 = exp(2 h u / s), w2 = exp(2 h (u - s) / s)

and a knocked-in option is C, A - B + D, B - C + D or A by type and by the order of strike and barrier. Source:
Rubinstein and Reiner, "Breaking down the barriers" (1991), as arranged in Haug, "The Complete Guide to Option
Pricing Formulas".

What a reader of the book would not find there: the products w N(.) are evaluated as
exp(-x^2/2 - 2 h ln(H/K) / s^2) times a scaled complementary error function, which is the same number and neither
overflows nor cancels, so a small volatility with carry is as good as any other. A spot at or beyond the barrier is
touched. With s = 0 the path is the straight line from S to F.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, ndtr

from plimsoll.kernels import lognormal_value
from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real, total_vol

_LEAST_VOL = 1e-10
_LOG_ZERO = -1.0e5
# Beyond this a block is of a type that the option does not have; it stays a number whatever price multiplies it.
_MOST_EXPONENT = 300.0


@dataclass(frozen=True, slots=True)
class _Blocks:
    """What all knock types are made of; every array has the common shape."""

    forward: FloatArray
    strike: FloatArray
    s: FloatArray
    h: FloatArray
    u: FloatArray
    log_strike: FloatArray  # ln(S/K)
    phi: FloatArray
    eta: FloatArray

    def a(self) -> FloatArray:
        return lognormal_value(self.forward, self.strike, self.s, self.phi > 0)

    def b(self) -> FloatArray:
        x = -self.h / self.s + self.u
        return np.asarray(
            self.phi * (self.forward * ndtr(self.phi * x) - self.strike * ndtr(self.phi * (x - self.s))),
            dtype=np.float64,
        )

    def image(self, base: FloatArray) -> FloatArray:
        """Block C with ``base = ln(S/K)``, block D with ``base = ln(S/H)``."""
        f, k = self.reflected(base)
        return np.asarray(self.phi * (self.forward * f - self.strike * k), dtype=np.float64)

    def reflected(self, base: FloatArray) -> tuple[FloatArray, FloatArray]:
        """``w1 N(eta y)`` and ``w2 N(eta (y - s))`` with ``y = (2 h + base)/s + u``."""
        return self._weighted(base, self.u), self._weighted(base, self.u - self.s)

    def _weighted(self, base: FloatArray, u: FloatArray) -> FloatArray:
        y = self.eta * ((2.0 * self.h + base) / self.s + u)
        x = base / self.s + u
        # exp(2hu/s) n(y) = n(x) exp(-2h(h + base)/s^2): no large exponents to cancel in the tail
        tail = np.exp(np.minimum(-0.5 * x * x - 2.0 * self.h * (self.h + base) / self.s**2, _MOST_EXPONENT))
        body = np.exp(np.minimum(2.0 * self.h * u / self.s, 0.0))
        low = np.minimum(y, 0.0)
        return np.asarray(np.where(y < 0.0, 0.5 * tail * erfcx(-low / np.sqrt(2.0)), body * ndtr(y)), dtype=np.float64)

    def touched(self) -> FloatArray:
        """Chance that the barrier is touched before expiry."""
        x = -self.h / self.s + self.u - self.s
        chance = ndtr(-self.eta * x) + self._weighted(-self.h, self.u - self.s)
        return np.asarray(np.clip(chance, 0.0, 1.0), dtype=np.float64)


def barrier_price(
    spot: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    barrier: npt.ArrayLike,
    t: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    up: npt.ArrayLike,
    knock_in: npt.ArrayLike,
    rebate: npt.ArrayLike = 0.0,
    discount: npt.ArrayLike = 1.0,
    touched: npt.ArrayLike = False,
) -> FloatArray:
    """Value per unit of the underlying in the currency of spot and strike, at least 0.

    Scalars or arrays that broadcast together. ``spot``, ``forward`` and ``barrier`` above 0; ``strike``, ``t`` (years
    of 365 days), ``vol``, ``rebate`` and ``discount`` at least 0; ``call``, ``up``, ``knock_in`` and ``touched``
    boolean. ``rebate`` is paid at expiry if the option is then not alive: knocked out, or never knocked in. A spot at
    or beyond the barrier counts as touched. Raises ValueError naming the argument.

    >>> round(float(barrier_price(100.0, 102.0, 90.0, 95.0, 0.5, 0.25, True, False, False)), 6)
    7.009851
    """
    x, f = checked_real("spot", spot, above=True), checked_real("forward", forward, above=True)
    k, h = checked_real("strike", strike), checked_real("barrier", barrier, above=True)
    years, sigma = checked_real("t", t), checked_real("vol", vol)
    r, d = checked_real("rebate", rebate), checked_real("discount", discount)
    flags = {"call": call, "up": up, "knock_in": knock_in, "touched": touched}
    c, above, knocked, gone = (_checked_flag(n, v) for n, v in flags.items())
    arrays = [x, f, k, h, years, sigma, r, d, c, above, knocked, gone]
    names = ("spot", "forward", "strike", "barrier", "t", "vol", "rebate", "discount", *flags)
    broadcast(dict(zip(names, arrays, strict=True)))
    value = barrier_value(x, f, k, h, total_vol(sigma, years), c, above, knocked, r, gone)
    return np.asarray(d * value, dtype=np.float64)[()]


def _checked_flag(name: str, value: npt.ArrayLike) -> BoolArray:
    if name == "call":
        return checked_call(value)
    array = np.asarray(value)
    if array.dtype != np.bool_ and array.size:
        raise ValueError(f"{name}: got an array of {array.dtype}, must be boolean")
    return array.astype(np.bool_, copy=False)


def touch_chance(
    spot: npt.ArrayLike, forward: npt.ArrayLike, barrier: npt.ArrayLike, s: npt.ArrayLike, up: npt.ArrayLike
) -> FloatArray:
    """Chance that the barrier is touched before expiry, with total volatility ``s``; 1 at or beyond it.

    >>> round(float(touch_chance(100.0, 100.0, 90.0, 0.2, False)), 6)
    0.629644
    """
    x, f, h, w, above = np.broadcast_arrays(spot, forward, barrier, s, up)
    out = np.ones(x.shape)
    inside = ~_touching(x, f, h, w, above)
    if inside.any():
        zero = np.zeros(int(inside.sum()))
        blocks = _blocks(x[inside], f[inside], zero, h[inside], w[inside], zero == 0.0, above[inside])
        out[inside] = blocks.touched()
    return out[()]


def _touching(x: FloatArray, f: FloatArray, h: FloatArray, w: FloatArray, above: BoolArray) -> BoolArray:
    """Whether the spot lies at or beyond the barrier, or the straight line to the forward of no volatility does."""
    end = np.where(w == 0.0, f, x)
    return np.asarray(np.where(above, np.maximum(x, end) >= h, np.minimum(x, end) <= h))


def _blocks(
    spot: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    barrier: FloatArray,
    s: FloatArray,
    call: BoolArray,
    up: BoolArray,
) -> _Blocks:
    s = np.maximum(s, _LEAST_VOL)
    log_spot = np.log(spot)
    log_strike = np.full(strike.shape, _LOG_ZERO)
    np.log(strike, out=log_strike, where=strike > 0.0)
    return _Blocks(
        forward=forward,
        strike=strike,
        s=s,
        h=np.log(barrier) - log_spot,
        u=(np.log(forward) - log_spot) / s + 0.5 * s,
        log_strike=log_spot - log_strike,
        phi=np.where(call, 1.0, -1.0),
        eta=np.where(up, -1.0, 1.0),
    )


def barrier_value(
    spot: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    barrier: FloatArray,
    s: FloatArray,
    call: BoolArray,
    up: BoolArray,
    knock_in: BoolArray,
    rebate: FloatArray,
    touched: BoolArray,
) -> FloatArray:
    """Undiscounted value on checked arguments that broadcast; ``s`` is total volatility."""
    names = (spot, forward, strike, barrier, s, call, up, knock_in, rebate, touched)
    x, f, k, h, w, c, above, inward, r, gone = (np.asarray(a) for a in np.broadcast_arrays(*names))
    vanilla = lognormal_value(f, k, w, c)
    gone = gone | _touching(x, f, h, w, above)
    # touched: the vanilla option or its rebate, whatever the barrier
    out = np.where(inward, vanilla, r)
    inside = ~gone
    if inside.any():
        blocks = _blocks(x[inside], f[inside], k[inside], h[inside], w[inside], c[inside], above[inside])
        alive = _alive(blocks, k[inside] >= h[inside], inward[inside], vanilla[inside])
        chance = np.zeros(alive.shape)
        paying = r[inside] > 0.0
        if paying.any():
            hit = blocks.touched()
            chance = np.where(inward[inside], 1.0 - hit, hit)
        out[inside] = alive + r[inside] * chance
    return np.asarray(out, dtype=np.float64)


def _alive(blocks: _Blocks, beyond: BoolArray, knock_in: BoolArray, vanilla: FloatArray) -> FloatArray:
    """The option without its rebate, the barrier untouched; ``beyond``: the strike is at or above the barrier."""
    call, up = blocks.phi > 0, blocks.eta < 0
    a, b = vanilla, blocks.b()
    c, d = blocks.image(blocks.log_strike), blocks.image(-blocks.h)
    # `towards`: the payoff grows towards the barrier; `inner`: some of it is paid on the near side
    towards, inner = np.where(up, call, ~call), np.where(up, ~beyond, beyond)
    into = np.where(towards, np.where(inner, b - c + d, a), np.where(inner, c, a - b + d))
    outof = np.where(towards, np.where(inner, a - b + c - d, 0.0), np.where(inner, a - c, b - d))
    return np.asarray(np.clip(np.where(knock_in, into, outof), 0.0, vanilla), dtype=np.float64)
