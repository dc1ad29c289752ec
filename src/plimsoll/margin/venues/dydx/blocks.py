"""Margins of many positions at once, in doubles that hold whole numbers: equal to the integers below 2**53 quantums.

What is rounded is a whole number of quote quantums on both sides; above 2**53 of them (9 billion USDC in one position)
the last digits are those of a double. A product within a few units of the last place of a whole number counts as that
number, since a decimal price is seldom a double.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.dydx.margin import LiquidityTier
from plimsoll.margin.venues.dydx.units import ONE_MILLION, QUOTE_RESOLUTION

F64 = npt.NDArray[np.float64]

_NEAR = 1e-15
"""Three roundings of a double, relative: the price, the product, the scale."""


def _snapped(value: F64, rounded: F64) -> F64:
    near = np.rint(value)
    found: F64 = np.where(np.abs(value - near) <= _NEAR * np.abs(value), near, rounded)
    return found


def _times_ten(value: F64, exponent: npt.NDArray[np.int64]) -> F64:
    """`value * 10**exponent`, one rounding: powers of ten up to 22 are doubles, their reciprocals are not."""
    up = np.power(10.0, np.maximum(exponent, 0).astype(np.float64))
    down = np.power(10.0, np.maximum(-exponent, 0).astype(np.float64))
    scaled: F64 = value * up / down
    return scaled


def base_sizes(coins: F64, resolution: npt.NDArray[np.int64]) -> F64:
    """Base quantums of sizes in coins, the nearest whole number."""
    return np.rint(_times_ten(coins, -resolution))


def notionals(quantums: F64, price: F64, resolution: npt.NDArray[np.int64]) -> F64:
    """Quote quantums, truncated toward zero, of base quantums at a price in USDC; arrays that broadcast."""
    value = _times_ten(quantums * price, resolution - QUOTE_RESOLUTION)
    return _snapped(value, np.trunc(value))


def quote_floor(usdc: F64) -> F64:
    """Quote quantums of amounts that belong to the account, rounded down."""
    value = usdc * float(ONE_MILLION)
    return _snapped(value, np.floor(value))


def ppm_up(value: F64, ppm: F64) -> F64:
    """`ceil(value * ppm / 1e6)` of whole numbers at or above zero.

    Split at a million, so that no product leaves the whole numbers of a double before the result does.
    """
    high = np.floor(value / ONE_MILLION)
    low = value - high * ONE_MILLION
    found: F64 = high * ppm + np.ceil(low * ppm / ONE_MILLION)
    return found


def maintenance(size: F64, base_ppm: F64, fraction_ppm: F64) -> F64:
    """Maintenance margin of notionals without sign: rounded up twice."""
    return ppm_up(ppm_up(size, base_ppm), fraction_ppm)


def rates(tiers: list[LiquidityTier]) -> tuple[F64, F64]:
    """Base initial fraction and maintenance fraction of each tier, in ppm."""
    base = np.array([t.initial_margin_ppm for t in tiers], dtype=np.float64)
    return base, np.array([t.maintenance_fraction_ppm for t in tiers], dtype=np.float64)
