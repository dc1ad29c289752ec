"""Drift's weights and margin ratios as the chain computes them: whole numbers, roots rounded down.

Weights and ratios are in 1e-4, factors of the size in 1e-6, sizes in 1e-9 of a coin. Source: venues-onchain section
3.2, own words. Rule codes `DRIFT-nn` are in docs/rules.
"""

from __future__ import annotations

from math import isqrt
from typing import Literal

MarginType = Literal["initial", "fill", "maintenance"]
MARGIN_TYPES: tuple[MarginType, ...] = ("initial", "fill", "maintenance")
WEIGHT = 10_000
"""Unit of weights and margin ratios."""

IMF = 1_000_000
BASE = 1_000_000_000
"""Unit of sizes: one coin."""

_ROOT = 100_000
"""Root of the size of one coin, as `size_root` gives it."""

_PART = 1_000_000


def size_root(size: int) -> int:
    """Root of a size: 1e5 for one coin, a hair more for next to nothing.

    >>> size_root(BASE), size_root(0), size_root(10_000 * BASE)
    (100000, 1, 10000000)
    """
    return isqrt(10 * size + 1)


def premium(size: int, imf_factor: int, weight: int, *, bounded: bool = True) -> int:
    """Liability weight or margin ratio with the premium on size: `max(w, w - w//5 + root*imf // 1e7)`.

    Not `bounded` it may lie below `weight`, as high-leverage mode asks.

    >>> [premium(1000 * BASE, imf, 11_000) for imf in (0, 10, 10_000, 100_000)]
    [11000, 11000, 11962, 40422]
    """
    if imf_factor == 0:
        return weight
    grown = weight - weight // 5 + size_root(size) * imf_factor // (_ROOT * IMF // WEIGHT)
    return max(weight, grown) if bounded else grown


def discount(size: int, imf_factor: int, weight: int) -> int:
    """Asset weight with the discount on size: `min(w, 1.1 / (1 + imf * sqrt(coins)))`.

    >>> [discount(1000 * BASE, imf, 9_000) for imf in (0, 10, 10_000, 100_000)]
    [9000, 9000, 8357, 2642]
    """
    if imf_factor == 0:
        return weight
    return min(weight, (IMF + IMF // 10) * WEIGHT // (IMF + size_root(size) * imf_factor // _ROOT))


def of_type(margin: MarginType, initial: int, maintenance: int) -> int:
    """The number for a margin type; that of a fill is the mean, rounded down.

    >>> [of_type(m, 1500, 7501) for m in MARGIN_TYPES]
    [1500, 4500, 7501]
    """
    return {"initial": initial, "fill": (initial + maintenance) // 2, "maintenance": maintenance}[margin]


def scaled_initial(weight: int, start: int, deposits: int) -> int:
    """Initial asset weight once the deposits of the whole venue are worth `start` or more; zero `start`: never less.

    Values in 1e-6 USD.

    >>> [scaled_initial(9_000, 500_000, 25 * coins) for coins in (1, 20_000, 40_000, 60_000)]
    [9000, 9000, 4500, 3000]
    """
    return weight if start == 0 or deposits < start else weight * start // deposits


def margin_ratio(
    margin: MarginType, size: int, initial: int, maintenance: int, imf_factor: int, high: tuple[int, int] | None = None
) -> int:
    """Margin ratio of a perpetual of `size`; `high` are the ratios of an account in high-leverage mode.

    In that mode maintenance grows with the size from its own low ratio. Initial and fill lie between the low ratio and
    the ordinary one, by how far the ordinary one's premium on size has come from 80 % of it.

    >>> [margin_ratio("initial", coins * BASE // 10, 1000, 500, 50, (100, 50)) for coins in (1, 10, 100, 30_000)]
    [100, 100, 104, 221]
    """
    if high is None or margin == "maintenance":
        return premium(size, imf_factor, of_type(margin, *((initial, maintenance) if high is None else high)))
    low, usual = of_type(margin, *high), of_type(margin, initial, maintenance)
    grown = premium(size, imf_factor, usual, bounded=False)
    if grown >= usual:
        return low if grown == usual else grown
    come = max(0, _PART - (usual - grown) * _PART // (usual // 5))
    return low + max(usual - low, 1) * come // _PART
