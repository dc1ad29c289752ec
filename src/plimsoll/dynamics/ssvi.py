"""SSVI: one surface for all expiries of an underlying, free of static arbitrage by construction.

    w(k, theta) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2))
    phi(theta) = eta theta^-gamma (1 + theta)^(gamma - 1)

theta is the total variance at the money of an expiry and must rise with it. With eta^2 (1 + |rho|) <= 4 and gamma from
0 to 1/2 no butterfly and no calendar spread has a negative price. Source: Gatheral and Jacquier (2014), "Arbitrage-free
SVI volatility surfaces", theorems 4.1 and 4.2 and example 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from plimsoll.dynamics.quotes import Quotes
from plimsoll.dynamics.wings import Wings

F64 = npt.NDArray[np.float64]

MOST_RHO = 0.98
"""Largest size of the correlation."""

LEAST_RISE = 1e-3
"""Least relative rise of theta from one expiry to the next."""

INSIDE = 0.98
"""Part of its bound that eta may reach, so that the surface is free of arbitrage with room to spare."""


class Ssvi(NamedTuple):
    """The three numbers of the surface and theta of each expiry, earliest first."""

    rho: float
    eta: float
    gamma: float
    theta: tuple[float, ...]

    def slices(self) -> list[Wings]:
        """Each expiry as a raw SVI slice, exactly."""
        return [ssvi_slice(self.rho, self.eta, self.gamma, theta) for theta in self.theta]


def phi(theta: npt.ArrayLike, eta: float, gamma: float) -> F64:
    """The power law of the module's formula, for theta above 0."""
    t = np.asarray(theta, dtype=np.float64)
    return np.asarray(eta * t**-gamma * (1.0 + t) ** (gamma - 1.0), dtype=np.float64)


def ssvi_slice(rho: float, eta: float, gamma: float, theta: float) -> Wings:
    """The slice of one theta in the form of `Wings`.

    >>> ssvi_slice(0.0, 1.0, 0.5, 1.0).left
    0.3535533905932738
    """
    curve = float(phi(theta, eta, gamma))
    root = float(np.sqrt(1.0 - rho * rho))
    half = 0.5 * theta * curve
    return Wings(0.5 * theta * root**2, half * (1.0 - rho), half * (1.0 + rho), -rho / curve, root / curve)


def fit_ssvi(quotes: Sequence[Quotes]) -> tuple[Ssvi, bool]:
    """The surface of least weighted error of total variance, and whether the search converged.

    Expiries stand earliest first, each with at least one strike. The search runs over rho, the share of its bound
    that eta takes, gamma, and the logarithms of theta's rises, so that no point of it has arbitrage.
    """
    at_the_money = [float(np.interp(0.0, q.k, q.variance)) for q in quotes]
    rises, last = [], 0.0
    for theta in at_the_money:
        floor = last * (1.0 + LEAST_RISE)
        rises.append(max(theta - floor, 1e-3 * theta))
        last = floor + rises[-1]
    k = np.concatenate([q.k for q in quotes])
    w = np.concatenate([q.variance for q in quotes])
    doubt = np.concatenate([q.doubt_of_variance for q in quotes])
    where = np.repeat(np.arange(len(quotes)), [q.size for q in quotes])

    def surface(x: F64) -> Ssvi:
        rho, theta = float(x[0]), _thetas(np.exp(x[3:]))
        return Ssvi(rho, float(x[1]) * _most_eta(rho), float(x[2]), tuple(theta.tolist()))

    def errors(x: F64) -> F64:
        s = surface(x)
        theta = np.array(s.theta)
        curve = phi(theta, s.eta, s.gamma)[where] * k
        root = np.sqrt((curve + s.rho) ** 2 + 1.0 - s.rho**2)
        return np.asarray((0.5 * theta[where] * (1.0 + s.rho * curve + root) - w) / doubt, dtype=np.float64)

    start = np.concatenate([[0.0, 0.5, 0.4], np.log(rises)])
    low = np.concatenate([[-MOST_RHO, 1e-3, 0.0], start[3:] - 30.0])
    high = np.concatenate([[MOST_RHO, INSIDE, 0.5], start[3:] + 5.0])
    found = least_squares(errors, start, bounds=(low, high), x_scale="jac", max_nfev=60, ftol=1e-6, xtol=1e-6)
    return surface(found.x), bool(found.status > 0)


def _most_eta(rho: float) -> float:
    return 2.0 / float(np.sqrt(1.0 + abs(rho)))


def _thetas(rises: F64) -> F64:
    """theta of each expiry: at least `1 + LEAST_RISE` times the one before, and its rise."""
    theta = np.empty_like(rises)
    last = 0.0
    for i, rise in enumerate(rises):
        last = theta[i] = last * (1.0 + LEAST_RISE) + rise
    return theta
