"""Naive derivatives: numbers that carry their Taylor coefficients in two directions up to the second order.

Second opinion for every closed-form Greek: a value is computed as usual and the derivatives come with it, so no
derivative is ever written down. Nothing is imported from the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .black import normal_cdf


@dataclass(frozen=True)
class Jet:
    """`f`, its first derivatives `x, y` and its second ones `xx, xy, yy` at one point."""

    f: float
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def __add__(self, other: Jet | float) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.f + other, self.x, self.y, self.xx, self.xy, self.yy)
        return Jet(
            self.f + other.f,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
        )

    def __mul__(self, other: Jet | float) -> Jet:
        if not isinstance(other, Jet):
            return Jet(*(other * part for part in (self.f, self.x, self.y, self.xx, self.xy, self.yy)))
        return Jet(
            self.f * other.f,
            self.x * other.f + self.f * other.x,
            self.y * other.f + self.f * other.y,
            self.xx * other.f + 2.0 * self.x * other.x + self.f * other.xx,
            self.xy * other.f + self.x * other.y + self.y * other.x + self.f * other.xy,
            self.yy * other.f + 2.0 * self.y * other.y + self.f * other.yy,
        )

    def __neg__(self) -> Jet:
        return self * -1.0

    def __sub__(self, other: Jet | float) -> Jet:
        return self + -other

    def __truediv__(self, other: Jet) -> Jet:
        return self * through(other, 1.0 / other.f, -1.0 / other.f**2, 2.0 / other.f**3)


def through(inner: Jet, value: float, slope: float, bend: float) -> Jet:
    """A function of `inner` that has this value, first and second derivative where `inner` stands."""
    return Jet(
        value,
        slope * inner.x,
        slope * inner.y,
        slope * inner.xx + bend * inner.x * inner.x,
        slope * inner.xy + bend * inner.x * inner.y,
        slope * inner.yy + bend * inner.y * inner.y,
    )


def log(a: Jet) -> Jet:
    return through(a, math.log(a.f), 1.0 / a.f, -1.0 / a.f**2)


def cdf(a: Jet) -> Jet:
    """Standard normal distribution function."""
    density = math.exp(-0.5 * a.f * a.f) / math.sqrt(2.0 * math.pi)
    return through(a, normal_cdf(a.f), density, -a.f * density)


def black(is_call: bool, forward: Jet, strike: float, t: float, vol: Jet) -> Jet:
    """Undiscounted Black-76 where it is smooth: forward, strike, time and volatility above zero."""
    total = vol * math.sqrt(t)
    upper = log(forward * (1.0 / strike)) / total + total * 0.5
    lower = upper - total
    if is_call:
        return forward * cdf(upper) - cdf(lower) * strike
    return cdf(-lower) * strike - forward * cdf(-upper)
