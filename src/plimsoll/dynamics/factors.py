"""What moves in a volatility surface: its level, skew and term slope; and what stays when the price moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.dynamics.surface import Surface

F64 = npt.NDArray[np.float64]

Sticky = Literal["strike", "moneyness"]

REFERENCE_DAYS = 30.0
SLOPE_DAYS = (10.0, 90.0)
SMILE_LIMIT = 2.5
"""Standard deviations beyond which a smile of factors is flat: it is a parabola, and nobody quotes out there."""


@dataclass(frozen=True)
class SmileFactors:
    """A surface in four numbers, as far as numbers can hold it.

    With `z = k / (level * sqrt(tau))`, `k = ln(K/F)`, tau in years of 365 days, and the tenor `d` in days:

    ```
    level       volatility at the money, 30 days (decimal)
    skew        (vol(z=+1) - vol(z=-1)) / 2 at 30 days: below zero where puts are dearer than calls
    curvature   (vol(z=+1) + vol(z=-1)) / 2 - level at 30 days
    slope       (vol(0, 90 d) - vol(0, 10 d)) / ln 9: volatility per e-fold of tenor; above zero in contango
    ```
    """

    level: float
    skew: float
    curvature: float
    slope: float

    @classmethod
    def of(cls, surface: Surface) -> SmileFactors:
        """The factors of a fitted surface; a tenor outside its expiries is what `Surface` says there.

        >>> from plimsoll.dynamics.wings import Wings
        >>> SmileFactors.of(Surface((0.25,), (Wings(0.04, 0.0, 0.0, 0.0, 0.1),))).level
        0.4
        """
        tau = REFERENCE_DAYS / 365.0
        level = float(surface.vol(0.0, tau))
        down, up = (float(surface.vol(z * level * math.sqrt(tau), tau)) for z in (-1.0, 1.0))
        near, far = (float(surface.vol(0.0, days / 365.0)) for days in SLOPE_DAYS)
        slope = (far - near) / math.log(SLOPE_DAYS[1] / SLOPE_DAYS[0])
        return cls(level, (up - down) / 2.0, (up + down) / 2.0 - level, slope)

    def vol(self, k: npt.ArrayLike, tau: npt.ArrayLike) -> F64:
        """Volatility that the factors give at log-moneyness `k` and `tau` years; they broadcast.

        `vol = atm(d) + skew * z + curvature * z^2` with `atm(d) = level + slope * ln(d / 30)` and `z` by `atm(d)`. Both
        `z` (`SMILE_LIMIT`) and the tenor (1 to 365 days) are clamped, and no volatility is under a tenth of the level.
        """
        days = np.clip(np.asarray(tau, dtype=np.float64) * 365.0, 1.0, 365.0)
        atm = np.maximum(self.level + self.slope * np.log(days / REFERENCE_DAYS), 0.1 * self.level)
        z = np.clip(np.asarray(k, dtype=np.float64) / (atm * np.sqrt(days / 365.0)), -SMILE_LIMIT, SMILE_LIMIT)
        result: F64 = np.maximum(atm + self.skew * z + self.curvature * z * z, 0.1 * self.level)
        return result


def moved_vol(surface: Surface, k: npt.ArrayLike, tau: npt.ArrayLike, move: npt.ArrayLike, *, sticky: Sticky) -> F64:
    """Volatility of options after their forward has moved by the factor `1 + move`.

    `k` is the log-moneyness before the move. *Sticky strike*: each option keeps its volatility. *Sticky moneyness*:
    each moneyness does, so an option has that of its new moneyness `k - ln(1 + move)`. Arguments broadcast; `move`
    above -1. Between the two regimes lies what markets do; a margin takes the worse or states which it took.
    """
    if sticky not in ("strike", "moneyness"):
        raise refuse("sticky", sticky, "strike or moneyness")
    change = np.asarray(move, dtype=np.float64)
    if not (np.isfinite(change) & (change > -1.0)).all():
        raise refuse("move", move, "finite numbers above -1")
    before = np.asarray(k, dtype=np.float64)
    after = before - np.log1p(change) if sticky == "moneyness" else before + 0.0 * change
    return surface.vol(after, tau)


def variance_level(surface: Surface, tau: float, *, points: int = 801) -> float:
    """The volatility of a variance swap of `tau` years: what a volatility index of the same tenor shows.

    ```
    sigma^2 * tau = 2 * integral over k of OTM(k) / K,   OTM the Black price of put or call on a forward of one
    ```
    by the trapezium rule on `points` log-moneynesses out to eight standard deviations (a decimal); with the default its
    error is under one ten-thousandth of the volatility.
    """
    from scipy.stats import norm

    if not (math.isfinite(tau) and tau > 0.0):
        raise refuse("tau", tau, "a time in years above 0")
    width = 8.0 * float(surface.vol(0.0, tau)) * math.sqrt(tau)
    k = np.linspace(-width, width, points)
    s = np.sqrt(surface.total_variance(k, tau))
    sign = np.where(k < 0.0, -1.0, 1.0)
    otm = sign * (norm.cdf(sign * (-k / s + s / 2.0)) - np.exp(k) * norm.cdf(sign * (-k / s - s / 2.0)))
    integral = float(np.trapezoid(otm * np.exp(-k), k))
    return math.sqrt(2.0 * integral / tau)
