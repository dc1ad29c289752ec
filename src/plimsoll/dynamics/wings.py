"""Raw SVI written by its wings, the form in which it is fitted.

    w(k) = a + left (R - x)/2 + right (R + x)/2,        x = k - m,  R = sqrt(x^2 + sigma^2)

is raw SVI with b = (left + right)/2 and rho = (right - left)/(right + left): `left` and `right` are the slopes of
total variance far below and far above the money. It is linear in a, left and right, and what arbitrage demands of the
tails reads off the slopes: Lee (2004), "The moment formula", allows at most 2 each, and a later expiry may not have a
smaller slope than an earlier one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.market import SviSlice

F64 = npt.NDArray[np.float64]

MOST_SLOPE = 1.99
"""Steepest wing that a fit may have. At 2 itself the call price no longer falls to zero."""


class Wings(NamedTuple):
    """Raw SVI of one expiry by its wings; every number is in total variance and log-moneyness."""

    a: float
    left: float
    right: float
    m: float
    sigma: float

    @property
    def rho(self) -> float:
        """The correlation of the raw form, 0 for a flat slice."""
        steep = self.left + self.right
        return (self.right - self.left) / steep if steep > 0.0 else 0.0

    def raw(self, forward: float, tau: float) -> SviSlice:
        """The raw form, with the forward (USD) and the time (years) that the slice was fitted with."""
        b = 0.5 * (self.left + self.right)
        rho = min(1.0, max(-1.0, self.rho))
        return SviSlice(a=self.a, b=b, rho=rho, m=self.m, sigma=self.sigma, forward=forward, tau=tau)

    @classmethod
    def of(cls, raw: SviSlice) -> Wings:
        """The wings of a slice in the raw form."""
        return cls(raw.a, raw.b * (1.0 - raw.rho), raw.b * (1.0 + raw.rho), raw.m, raw.sigma)


class Shape(NamedTuple):
    """Total variance and its first two derivatives with respect to log-moneyness, arrays of one shape."""

    w: F64
    slope: F64
    bend: F64


def shape(slice_: Wings, k: npt.ArrayLike) -> Shape:
    """Total variance at log-moneyness `k` and its derivatives; no bound is applied and `w` may be negative.

    >>> shape(Wings(0.04, 0.1, 0.1, 0.0, 0.2), 0.0).w.round(12).item()
    0.06
    """
    x = np.asarray(k, dtype=np.float64) - slice_.m
    root = np.hypot(x, slice_.sigma)
    # a kink (sigma = 0) has no slope of its own at its tip; the mean of both sides keeps the answer finite
    cosine = np.divide(x, root, out=np.zeros_like(root), where=root > 0.0)
    steep = 0.5 * (slice_.left + slice_.right)
    w = slice_.a + 0.5 * (slice_.left * (root - x) + slice_.right * (root + x))
    slope = 0.5 * (slice_.left * (cosine - 1.0) + slice_.right * (cosine + 1.0))
    bend = np.divide(steep * slice_.sigma**2, root**3, out=np.zeros_like(root), where=root > 0.0)
    return Shape(w, slope, bend)


def density_factor(k: npt.ArrayLike, at: Shape) -> F64:
    """Durrleman's g, whose sign is that of the risk-neutral density; -inf where total variance is not above 0.

        g(k) = (1 - k w'/(2 w))^2 - w'^2/4 (1/w + 1/4) + w''/2

    Source: Gatheral and Jacquier (2014), "Arbitrage-free SVI volatility surfaces", section 2.
    """
    k = np.asarray(k, dtype=np.float64)
    positive = at.w > 0.0
    w = np.where(positive, at.w, 1.0)
    g = (1.0 - 0.5 * k * at.slope / w) ** 2 - 0.25 * at.slope**2 * (1.0 / w + 0.25) + 0.5 * at.bend
    return np.asarray(np.where(positive, g, -np.inf), dtype=np.float64)
