"""Where to start the fit of a slice: the best of a grid of tips (m, sigma), the three linear numbers solved exactly.

The split is that of Zeliade Systems (2009), "Quasi-explicit calibration of Gatheral's SVI model": for a given tip the
total variance is linear in the rest, so the best level and wings are a convex least-squares problem in a box. It is
solved here in closed form for all tips of a grid at once, and the grid is drawn in around its best point. Nothing is
random and no start is needed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.dynamics.quotes import Quotes
from plimsoll.dynamics.wings import MOST_SLOPE, Wings

F64 = npt.NDArray[np.float64]

TIPS = 13
"""Points of the grid along each axis."""

ROUNDS = 4
"""How often the grid is drawn in."""

DRAWN_IN = 0.25
"""Width of the next grid against that of the one before."""


def tip_bounds(quotes: Quotes) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of m and of ln sigma that a fit may use.

    The tip may lie half the range of the strikes beyond them. Sigma runs from a twentieth of one standard deviation,
    below which a smile is a kink between two strikes, to twice the range, where it is a parabola.
    """
    low, high = float(quotes.k[0]), float(quotes.k[-1])
    deviation = float(np.sqrt(np.average(quotes.variance, weights=1.0 / quotes.doubt**2)))
    span = max(high - low, deviation)
    return (low - 0.5 * span, high + 0.5 * span), (float(np.log(0.05 * deviation)), float(np.log(2.0 * span)))


def search(quotes: Quotes) -> Wings:
    """The best slice on the last grid; at least three strikes are needed for it to mean anything."""
    (m_low, m_high), (s_low, s_high) = tip_bounds(quotes)
    m_mid, s_mid = 0.5 * (m_low + m_high), 0.5 * (s_low + s_high)
    m_half, s_half = m_high - m_mid, s_high - s_mid
    best, least = Wings(0.0, 0.0, 0.0, 0.0, 1.0), np.inf
    for _ in range(ROUNDS):
        tips = np.linspace(-1.0, 1.0, TIPS)
        m = np.clip(m_mid + m_half * tips, m_low, m_high)
        sigma = np.exp(np.clip(s_mid + s_half * tips, s_low, s_high))
        m, sigma = (grid.ravel() for grid in np.meshgrid(m, sigma, indexing="ij"))
        numbers, cost = _best_linear(quotes, m, sigma)
        i = int(np.argmin(cost))
        if cost[i] < least:
            least = float(cost[i])
            a, left, right = (float(n[i]) for n in numbers)
            best = Wings(a, left, right, float(m[i]), float(sigma[i]))
        m_mid, s_mid = best.m, float(np.log(best.sigma))
        m_half, s_half = m_half * DRAWN_IN, s_half * DRAWN_IN
    return best


def _best_linear(quotes: Quotes, m: F64, sigma: F64) -> tuple[tuple[F64, F64, F64], F64]:
    """For every tip: level, left and right of least weighted error, wings from 0 to `MOST_SLOPE`; and that error."""
    weight = 1.0 / quotes.doubt_of_variance**2
    weight = weight / weight.sum()
    x = quotes.k - m[:, None]
    root = np.hypot(x, sigma[:, None])
    u, v = 0.5 * (root - x), 0.5 * (root + x)
    w = quotes.variance
    # the level is free, so it takes out the weighted means
    u_mean, v_mean, w_mean = u @ weight, v @ weight, float(w @ weight)
    u, v, w = u - u_mean[:, None], v - v_mean[:, None], w - w_mean
    uu, uv, vv = (u * u) @ weight, (u * v) @ weight, (v * v) @ weight
    uw, vw, ww = u @ (weight * w), v @ (weight * w), float((w * w) @ weight)
    left, right = _best_in_box(uu, uv, vv, uw, vw)
    cost = ww - 2.0 * (left * uw + right * vw) + left * left * uu + 2.0 * left * right * uv + right * right * vv
    return (w_mean - left * u_mean - right * v_mean, left, right), cost


def _best_in_box(uu: F64, uv: F64, vv: F64, uw: F64, vw: F64) -> tuple[F64, F64]:
    """Minimiser of a convex quadratic in (left, right) over the square from 0 to `MOST_SLOPE`.

    Inside the square it is the solution of two equations, otherwise it lies on an edge, where it is a clipped
    one-dimensional minimum.
    """
    top = MOST_SLOPE
    tiny = 1e-300
    determinant = uu * vv - uv * uv
    sound = determinant > 1e-12 * uu * vv
    safe = np.where(sound, determinant, 1.0)
    free_left, free_right = (vv * uw - uv * vw) / safe, (uu * vw - uv * uw) / safe
    inside = sound & (free_left >= 0.0) & (free_left <= top) & (free_right >= 0.0) & (free_right <= top)
    lefts, rights = [np.where(inside, free_left, 0.0)], [np.where(inside, free_right, 0.0)]
    for edge in (0.0, top):
        fixed = np.full_like(uu, edge)
        lefts += [fixed, np.clip((uw - uv * edge) / np.maximum(uu, tiny), 0.0, top)]
        rights += [np.clip((vw - uv * edge) / np.maximum(vv, tiny), 0.0, top), fixed]
    left, right = np.stack(lefts), np.stack(rights)
    cost = left * left * uu + 2.0 * left * right * uv + right * right * vv - 2.0 * (left * uw + right * vw)
    choice = np.argmin(cost, axis=0)[None, :]
    return np.take_along_axis(left, choice, 0)[0], np.take_along_axis(right, choice, 0)[0]
