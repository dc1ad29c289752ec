"""How one number becomes a volatility for every expiry: tenor scaling and skew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VolRule:
    """Power law of a relative volatility shock in the time to expiry.

    A shock `v` quoted at `reference_days` becomes `v * (reference / max(seconds, floor)) ** p` for an expiry
    `seconds` away, with `p = short_power` up to the reference and `long_power` beyond it. A shocked-up volatility is
    at least `min_up_vol`; a shocked-down one is at least zero.
    Source: venues-onchain 1.1 and 1.4, capabilities K4 (the same law with other numbers).
    """

    short_power: float
    long_power: float
    reference_days: float = 30.0
    floor_days: float = 1.0
    min_up_vol: float = 0.0

    def scale(self, seconds: F64) -> F64:
        """The factor on the quoted shock, shape of `seconds`."""
        reference = self.reference_days * DAY_SECONDS
        power = np.where(seconds <= reference, self.short_power, self.long_power)
        # one second keeps the factor finite at expiry where a rule sets no floor
        floor = max(self.floor_days * DAY_SECONDS, 1.0)
        result: F64 = (reference / np.maximum(seconds, floor)) ** power
        return result


@dataclass(frozen=True)
class SkewRule:
    """A tilt of the smile by moneyness, for scenarios that turn it rather than lift it.

    With `T` in years, `cap = c_base * sqrt(T) + base_cap` and
    `k_star = max(min_k_star, sqrt(T) * width * (vol_static + sqrt(T) * vol_scale))`, the volatility is multiplied by
    `max(0, 1 + tilt)`; `tilt = k * cap / k_star` is at most `cap` where `k >= 0` and at least `-cap` where `k < 0`,
    with `k = ln(K/F)` (linear) or `|ln(K/F)|` (absolute). Source: venues-onchain 1.4, a clamp to `[-cap, cap]`, which
    is silent on a negative cap; bounding each side by its own bound is the reading that then tilts, and so charges,
    most.
    """

    linear_base_cap: float
    abs_base_cap: float
    linear_c_base: float
    abs_c_base: float
    min_k_star: float
    width: float
    vol_static: float
    vol_scale: float

    def cap(self, years: F64, absolute: bool) -> F64:
        """Largest tilt of each expiry."""
        root = np.sqrt(years)
        if absolute:
            return self.abs_c_base * root + self.abs_base_cap
        return self.linear_c_base * root + self.linear_base_cap

    def k_star(self, years: F64) -> F64:
        """Log-moneyness at which the tilt reaches its cap."""
        root = np.sqrt(years)
        result: F64 = np.maximum(self.min_k_star, root * self.width * (self.vol_static + root * self.vol_scale))
        return result

    def multiplier(self, log_moneyness: F64, years: F64, absolute: bool) -> F64:
        """The factor on the volatility of each option, not yet floored at zero; shapes broadcast."""
        cap = self.cap(years, absolute)
        k = np.abs(log_moneyness) if absolute else log_moneyness
        star = np.broadcast_to(self.k_star(years), np.shape(k * cap))
        rise = k * cap
        # a zero k_star is an infinitely steep tilt: at its cap everywhere but at the money
        steep = np.where(rise == 0.0, 0.0, np.copysign(np.inf, rise))
        slope = np.divide(rise, star, out=steep, where=star > 0)
        # one bound for each side: a clamp while the cap is positive, the strictest reading when it is negative
        tilt: F64 = np.where(k >= 0.0, np.minimum(slope, cap), np.maximum(slope, -cap))
        return 1.0 + tilt


def years_of(seconds: F64) -> F64:
    """Years of 365 days."""
    return seconds / YEAR_SECONDS
