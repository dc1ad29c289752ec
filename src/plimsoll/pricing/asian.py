"""Asian options on the average of discrete fixings: geometric exactly, arithmetic by conditioning on the geometric.

N fixings weigh 1/N each. Some are known, and enter through their average; fixing i of the others has forward F_i and
lies t_i years ahead; Cov(ln S_i, ln S_j) = vol^2 min(t_i, t_j).

* **Geometric.** The logarithm of the average is normal with mean (sum of known logs + sum of ln F_i - vol^2 t_i / 2)
  / N and variance vol^2 sum_ij min(t_i, t_j) / N^2, so the option is vanilla on that law: exact. Source: Kemna and
  Vorst, "A pricing method for options based on average asset values" (1990), for discrete fixings.
* **Arithmetic.** Given the standardised sum Z of the Brownian motion at the fixings, E[S_i | Z] = F_i exp(c_i Z -
  c_i^2 / 2) with c_i = vol sum_j min(t_i, t_j) / sqrt(sum_jk min(t_j, t_k)). The option on that conditional mean,

      call = sum_i F_i N(c_i - z) / N - K' N(-z),   sum_i F_i exp(c_i z - c_i^2 / 2) / N = K',

  K' = K less what is known, is below the true value (Jensen) by what the average still varies given Z. Where that mean
  crosses K' at the slope g', a variance R of the rest adds n(z) R / (2 g') to leading order, with

      R = sum_ij m_i m_j (x_ij + x_ij^2 / 2),  x_ij = vol^2 min(t_i, t_j) - c_i c_j,  m_i = F_i exp(c_i z - c_i^2/2)/N.

  Source of the bound: Rogers and Shi, "The value of an Asian option" (1995); Curran, "Valuing Asian and portfolio
  options by conditioning on the geometric mean price" (1994). What is left of the error is measured in docs/payoffs.md;
  `plimsoll.pricing.asian_mc` has none but its noise.

Limits: no volatility, or no fixing left, gives the payoff on the forwards; K' <= 0 makes the call linear and the put 0.
A call is worth at most what of the average is still to come, a put at most K': above a total volatility of 2 the
approximation is some per cent too high, and in the end it is those bounds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels import lognormal_value, normal_cdf, normal_pdf
from plimsoll.pricing.black76 import BoolArray, FloatArray, broadcast, checked_call, checked_real

_FAR = 40.0
_ROUNDS = 60


def geometric_asian(
    forwards: npt.ArrayLike,
    times: npt.ArrayLike,
    strike: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    known: int = 0,
    accrued: npt.ArrayLike = 1.0,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value of an option on the geometric average, in the currency of forwards and strike.

    ``forwards[..., n]`` above 0 and ``times[..., n]`` at least 0 are those of the fixings still to come, times not
    falling along the last axis; the others broadcast to the leading axes. ``known`` fixings have the geometric
    average ``accrued`` (above 0). Raises ValueError naming the argument.

    >>> round(float(geometric_asian([100.0, 100.0], [0.5, 1.0], 100.0, 0.3, True)), 6)
    9.135318
    """
    f, t, k, v, c, a, d = _checked(forwards, times, strike, vol, call, known, accrued, discount)
    return np.asarray(d * geometric_value(f, t, k, v, c, known, a), dtype=np.float64)[()]


def arithmetic_asian(
    forwards: npt.ArrayLike,
    times: npt.ArrayLike,
    strike: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    known: int = 0,
    accrued: npt.ArrayLike = 1.0,
    discount: npt.ArrayLike = 1.0,
) -> FloatArray:
    """Value of an option on the arithmetic average by conditioning on the geometric one; an approximation.

    Arguments and errors as `geometric_asian`, ``accrued`` being the arithmetic average.

    >>> round(float(arithmetic_asian([100.0, 100.0], [0.5, 1.0], 100.0, 0.3, True)), 6)
    9.437845
    """
    f, t, k, v, c, a, d = _checked(forwards, times, strike, vol, call, known, accrued, discount)
    return np.asarray(d * arithmetic_value(f, t, k, v, c, known, a), dtype=np.float64)[()]


def _checked(
    forwards: npt.ArrayLike,
    times: npt.ArrayLike,
    strike: npt.ArrayLike,
    vol: npt.ArrayLike,
    call: npt.ArrayLike,
    known: int,
    accrued: npt.ArrayLike,
    discount: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, BoolArray, FloatArray, FloatArray]:
    f, t = checked_real("forwards", forwards, above=True), checked_real("times", times)
    if f.ndim == 0 or t.ndim == 0 or f.shape[-1] != t.shape[-1]:
        raise ValueError(f"times: got shape {t.shape}, must have the last axis of forwards, {f.shape}")
    if (np.diff(t, axis=-1) < 0.0).any():
        raise ValueError("times: must not fall along the last axis")
    if known < 0 or known + f.shape[-1] < 1:
        raise ValueError(f"known: got {known}, must be at least 0 and with the forwards at least one fixing")
    k, v, c = checked_real("strike", strike), checked_real("vol", vol), checked_call(call)
    a, d = checked_real("accrued", accrued, above=True), checked_real("discount", discount)
    lead = {"forwards": np.zeros(f.shape[:-1]), "times": np.zeros(t.shape[:-1])}
    broadcast({**lead, "strike": k, "vol": v, "call": c, "accrued": a, "discount": d})
    return f, t, k, v, c, a, d


def _pairs(t: FloatArray) -> FloatArray:
    """``sum_ij min(t_i, t_j)`` of times that do not fall."""
    n = t.shape[-1]
    return np.asarray((t * (2.0 * np.arange(n - 1, -1, -1) + 1.0)).sum(axis=-1), dtype=np.float64)


def geometric_value(
    f: FloatArray, t: FloatArray, k: FloatArray, vol: FloatArray, call: BoolArray, known: int, accrued: FloatArray
) -> FloatArray:
    """`geometric_asian`, undiscounted, on checked arguments."""
    count = known + f.shape[-1]
    logs = np.log(f) - 0.5 * (vol * vol)[..., None] * t
    mean = (known * np.log(accrued) + logs.sum(axis=-1)) / count
    variance = vol * vol * _pairs(t) / count**2
    return lognormal_value(np.exp(mean + 0.5 * variance), k, np.sqrt(variance), call)


def arithmetic_value(
    f: FloatArray, t: FloatArray, k: FloatArray, vol: FloatArray, call: BoolArray, known: int, accrued: FloatArray
) -> FloatArray:
    """`arithmetic_asian`, undiscounted, on checked arguments."""
    count = known + f.shape[-1]
    total = np.maximum(_pairs(t), 1e-300)
    # sum_j min(t_i, t_j): the times before i, and t_i for each of the others
    n = f.shape[-1]
    before = np.cumsum(t, axis=-1)
    shared = before + t * np.arange(n - 1, -1, -1)
    c = np.asarray(vol)[..., None] * shared / np.sqrt(total)[..., None]
    weight = f / count
    weight, c = np.broadcast_arrays(weight, c)
    still = c <= 1e-12
    left = k - known * accrued / count - np.where(still, weight, 0.0).sum(axis=-1)
    moving = np.where(still, 0.0, weight)
    mean = moving.sum(axis=-1)
    z = _root(moving, c, left)
    linear = (left <= 0.0) | (mean == 0.0)
    upper = (moving * normal_cdf(c - z[..., None])).sum(axis=-1) - left * normal_cdf(-z)
    lower = left * normal_cdf(z) - (moving * normal_cdf(z[..., None] - c)).sum(axis=-1)
    gain = np.where(call, mean - left, left - mean)
    value = np.where(linear, gain, np.where(call, upper, lower) + _rest(moving, c, z, t, vol))
    # the leading order of the rest knows no bound: in volatilities of hundreds of per cent it would pass the option's
    value = np.minimum(value, np.where(call, mean, left))
    return np.asarray(np.maximum(np.maximum(value, gain), 0.0), dtype=np.float64)


def _rest(weight: FloatArray, c: FloatArray, z: FloatArray, t: FloatArray, vol: FloatArray) -> FloatArray:
    """What the average still varies given Z adds to the option on its conditional mean, to leading order."""
    m = weight * np.exp(np.minimum(c * z[..., None] - 0.5 * c * c, 700.0))
    v2 = np.asarray(vol) ** 2
    first = v2 * _weighted_pairs(m, t) - (m * c).sum(axis=-1) ** 2
    second = v2**2 * _weighted_pairs(m, t * t) - 2.0 * v2 * _weighted_pairs(m * c, t) + (m * c * c).sum(axis=-1) ** 2
    slope = (m * c).sum(axis=-1)
    spread = np.maximum(first + 0.5 * second, 0.0) * normal_pdf(z)
    return np.asarray(0.5 * np.divide(spread, slope, out=np.zeros(spread.shape), where=slope > 0.0), dtype=np.float64)


def _weighted_pairs(a: FloatArray, t: FloatArray) -> FloatArray:
    """``sum_ij a_i a_j min(t_i, t_j)``: each stretch of time counts for all fixings after it."""
    after = np.cumsum(a[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray((np.diff(t, axis=-1, prepend=0.0) * after * after).sum(axis=-1), dtype=np.float64)


def _root(weight: FloatArray, c: FloatArray, level: FloatArray) -> FloatArray:
    """``z`` with ``sum weight exp(c z - c^2/2) = level``: Newton on the logarithm, which is convex and rises."""
    good = (level > 0.0) & (weight.sum(axis=-1) > 0.0)
    goal = np.log(np.where(good, level, 1.0))
    logs = np.where(weight > 0.0, np.log(np.where(weight > 0.0, weight, 1.0)), -np.inf) - 0.5 * c * c
    logs = np.where(good[..., None], logs, 0.0)
    z = np.zeros(np.broadcast_shapes(goal.shape, logs.shape[:-1]))
    for _ in range(_ROUNDS):
        terms = logs + c * z[..., None]
        top = terms.max(axis=-1)
        parts = np.exp(terms - top[..., None])
        mass = parts.sum(axis=-1)
        slope = (c * parts).sum(axis=-1) / mass
        step = (top + np.log(mass) - goal) / np.maximum(slope, 1e-12)
        moved = np.clip(z - step, -_FAR, _FAR)
        done = bool((np.abs(moved - z) <= 1e-13).all())
        z = moved
        if done:
            break
    return z
