"""Options without expiry in closed form: the everlasting option and the perpetual American one.

The spot has drift b (its carry) and volatility v; r discounts. The roots of v^2 p (p - 1) / 2 + b p = rate are
p+ > 0 > p-.

* **Everlasting.** The holder pays kappa (V - payoff) per year without a break. Then V is the payoff at a moment that
  comes with rate kappa, V = integral over t of kappa exp(-(kappa + r) t) E[payoff(t)]: a sum of vanilla options of
  every maturity, of mean 1/kappa. With rate = kappa + r, alpha = kappa / (kappa + r - b), beta = kappa / (kappa + r),

      call = A (S/K)^(p+)                              for S < K
             alpha S - beta K + B (S/K)^(p-)           for S >= K
      A = K (alpha - p- (alpha - beta)) / (p+ - p-),   B = K (alpha - p+ (alpha - beta)) / (p+ - p-)

  and the put is the call less alpha S - beta K. Source: the integral is that of White and Bankman-Fried, "Everlasting
  options" (2021), for payments without a break; the closed form is the smooth solution of its equation. Paid in
  lumps, n times a year on the price just before, the weights of the vanilla options are `everlasting_weights`.
* **Perpetual American.** Exercised at will, discounted at `rate`: with p = p+ for a call and p- for a put, the holder
  exercises at S* = K p / (p - 1), and before it V = |S* - K| (S/S*)^p. Source: Merton, "Theory of rational option
  pricing" (1973); McKean (1965).

Limits: volatility 0 follows the drift alone; a spot of 0 is worth K beta (put) or K (American put) and 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real

_STEEP = 1e15
"""Stands for an infinite exponent: beyond it a power of any number but 1 is 0 in double precision."""


def _roots(vol: FloatArray, carry: FloatArray, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The positive and the negative root, none larger than `_STEEP`; each in the form that loses no digits."""
    half = 0.5 * vol * vol
    m = carry - half
    root = np.sqrt(m * m + 4.0 * half * rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        plus = np.where(m > 0.0, 2.0 * rate / (m + root), (root - m) / (2.0 * half))
        minus = np.where(m < 0.0, -2.0 * rate / (root - m), -(m + root) / (2.0 * half))
    plus = np.where(np.isnan(plus), np.inf, plus)
    minus = np.where(np.isnan(minus), -np.inf, minus)
    return np.minimum(plus, _STEEP), np.maximum(minus, -_STEEP)


def _checked(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    rates: dict[str, tuple[npt.ArrayLike, bool]],
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray, list[FloatArray]]:
    x, k = checked_real("spot", spot), checked_real("strike", strike, above=True)
    v, c = checked_real("vol", vol), checked_call(call)
    found = [checked_real(n, a, least=0.0 if above else None, above=above) for n, (a, above) in rates.items()]
    broadcast({"spot": x, "strike": k, "vol": v, "call": c, **dict(zip(rates, found, strict=True))})
    return x, k, v, c, found


def everlasting(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    holding_rate: npt.ArrayLike,
    carry: npt.ArrayLike = 0.0,
    rate: npt.ArrayLike = 0.0,
) -> FloatArray:
    """Value per unit of the underlying of an everlasting option with kappa = ``holding_rate`` per year, above 0.

    ``spot`` and ``vol`` at least 0, ``strike`` above 0, ``carry`` and ``rate`` per year, of any sign, with
    ``holding_rate + rate`` above 0 and, for a finite call, above ``carry``. Raises ValueError naming the argument.

    >>> round(float(everlasting(70_000.0, 70_000.0, 0.6, True, 365.0)), 4)
    777.197
    """
    kinds = {"holding_rate": (holding_rate, True), "carry": (carry, False), "rate": (rate, False)}
    x, k, v, c, (kappa, b, r) = _checked(spot, strike, vol, call, kinds)
    if not (kappa + r > np.maximum(b, 0.0)).all():
        raise ValueError("holding_rate: holding_rate + rate must be above 0 and above carry")
    return np.asarray(everlasting_value(x, k, v, c, kappa, b, r), dtype=np.float64)[()]


def everlasting_value(
    x: FloatArray,
    k: FloatArray,
    vol: FloatArray,
    call: BoolArray,
    kappa: FloatArray,
    carry: FloatArray,
    rate: FloatArray,
) -> FloatArray:
    """`everlasting` on checked arguments."""
    plus, minus = _roots(vol, carry, kappa + rate)
    alpha, beta = kappa / (kappa + rate - carry), kappa / (kappa + rate)
    up = (alpha - minus * (alpha - beta)) / (plus - minus)
    down = (alpha - plus * (alpha - beta)) / (plus - minus)
    ratio = x / k
    below = ratio < 1.0
    wing = np.where(
        below,
        up * np.power(np.minimum(ratio, 1.0), plus),
        down * np.power(np.maximum(ratio, 1.0), minus),
    )
    linear = alpha * ratio - beta
    value = np.where(call, np.where(below, 0.0, linear), np.where(below, -linear, 0.0)) + wing
    return np.asarray(k * np.maximum(value, 0.0), dtype=np.float64)


def everlasting_weights(count: int, periods_per_year: float, holding_rate: float) -> FloatArray:
    """`[count]` weights of vanilla options of 1, 2, ... periods that replicate the option paid in lumps.

    Each period the holder pays ``f (V - payoff)`` with ``f = holding_rate / periods_per_year`` on the value just before
    the payment: V = (V after + f payoff) / (1 + f), so the weights are ``f / (1 + f)^n``; for f = 1 they are 1/2,
    1/4 and so on. They add up to 1 over all periods.

    >>> everlasting_weights(3, 365.0, 365.0).tolist()
    [0.5, 0.25, 0.125]
    """
    if count < 1 or not periods_per_year > 0 or not holding_rate > 0:
        raise ValueError("count, periods_per_year, holding_rate: must be above 0")
    share = holding_rate / periods_per_year
    return np.asarray(share * (1.0 + share) ** -np.arange(1.0, count + 1.0), dtype=np.float64)


def perpetual_american(
    spot: npt.ArrayLike,
    strike: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    rate: npt.ArrayLike,
    carry: npt.ArrayLike = 0.0,
) -> FloatArray:
    """Value per unit of the underlying of an American option without expiry, discounted at ``rate`` above 0.

    ``spot`` and ``vol`` at least 0, ``strike`` above 0; ``carry`` of any sign, below ``rate`` for calls: at it the call
    is the spot itself, beyond it there is no value. Raises ValueError naming the argument.

    >>> round(float(perpetual_american(100.0, 100.0, 0.2, False, 0.1, 0.02)), 4)
    13.5214
    """
    x, k, v, c, (r, b) = _checked(spot, strike, vol, call, {"rate": (rate, True), "carry": (carry, False)})
    if (c & (b >= r)).any():
        raise ValueError("carry: must be below rate for a call, whose value has no bound otherwise")
    return np.asarray(perpetual_american_value(x, k, v, c, r, b), dtype=np.float64)[()]


def perpetual_american_value(
    x: FloatArray, k: FloatArray, vol: FloatArray, call: BoolArray, rate: FloatArray, carry: FloatArray
) -> FloatArray:
    """`perpetual_american` on checked arguments."""
    plus, minus = _roots(vol, carry, rate)
    p = np.where(call, plus, minus)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        edge = np.where(np.isinf(p) | (np.abs(p) >= _STEEP), 1.0, p / (p - 1.0))
        ratio = x / k
        now = np.where(call, ratio - 1.0, 1.0 - ratio)
        waits = np.where(call, ratio < edge, ratio > edge)
        later = np.abs(edge - 1.0) * np.power(np.where(waits, ratio / edge, 1.0), p)
        # a rate that is nothing beside the volatility: the call is never exercised and is worth its spot
        later = np.where(np.isposinf(edge), ratio, later)
    return np.asarray(k * np.where(waits, np.maximum(later, 0.0), now), dtype=np.float64)
