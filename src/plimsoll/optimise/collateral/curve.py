"""What a balance counts for: a function of one number, measured on the exact engine and kept as straight pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

from plimsoll.risk.plan import F64

CUTS = 48
"""Cuts of stretches that are not straight; what is left then is the `error` of the curve."""

INSIDE = (0.5, 0.1459, 0.7236)
"""Where a stretch is tested for being straight."""

BESIDE = 1e-6
"""How far beyond a bend, of the whole range, its other side is looked at."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Straight pieces `low[P] < x <= high[P]` of a function that is `at_low[P]` and `at_high[P]` at their ends.

    `x` in the asset, values in US dollars. The function is within `error` of the pieces where it was looked at.
    """

    low: F64
    high: F64
    at_low: F64
    at_high: F64
    error: float

    @property
    def slope(self) -> F64:
        """`[P]` US dollars for one more of the asset."""
        return (self.at_high - self.at_low) / (self.high - self.low)

    @property
    def concave(self) -> bool:
        """Whether it is continuous and no further unit counts for more than one before it."""
        scale = max(1.0, float(np.abs(self.slope).max()))
        jumps = np.abs(self.at_low[1:] - self.at_high[:-1]) > 4.0 * self.error + 1e-6 + 1e-9 * self._size
        apart = np.abs(self.low[1:] - self.high[:-1]) > 1e-9 * (self.high[-1] - self.low[0])
        return not (jumps | apart).any() and not (np.diff(self.slope) > 1e-7 * scale).any()

    @property
    def _size(self) -> float:
        return float(max(np.abs(self.at_low).max(), np.abs(self.at_high).max()))

    def __call__(self, x: float) -> float:
        """The value at `x`; outside, that of the nearest end."""
        k = int(np.searchsorted(self.high, x, side="left"))
        k = min(k, self.high.size - 1)
        x = min(max(x, float(self.low[k])), float(self.high[k]))
        part = (x - self.low[k]) / (self.high[k] - self.low[k])
        return float(self.at_low[k] + part * (self.at_high[k] - self.at_low[k]))

    def scaled(self, factor: float) -> Curve:
        """The same over `factor` times the balance: its value, where that is the price."""
        return Curve(factor * self.low, factor * self.high, self.at_low, self.at_high, self.error)

    def beyond(self, x: float) -> float:
        """US dollars that one more of the asset counts for at `x`; nothing at the end of what was measured."""
        k = int(np.searchsorted(self.high, x * (1.0 + 1e-12), side="right"))
        return 0.0 if k >= self.high.size else float(self.slope[k])


def measure_curve(
    value: Callable[[float], float], low: float, high: float, jumps: Iterable[float] = (), bends: Iterable[float] = ()
) -> Curve:
    """The curve of `value` between two balances. `jumps` are the balances at which the rules may bend or jump (the
    value there being that of the side below), `bends` further ends of pieces; others are found.

    The stretch that is furthest from straight is cut first: where the lines of both its ends meet if the function
    passes there, else in the middle. What is curved is taken by its chords, whose distance is the `error`.
    """
    known: dict[float, float] = {}

    def f(x: float) -> float:
        if x not in known:
            known[x] = value(x)
        return known[x]

    span = high - low
    inside = [{x for x in given if low + 2.0 * BESIDE * span < x < high - BESIDE * span} for given in (jumps, bends)]
    edges = sorted({low, high, *inside[0], *inside[1]})
    near = 1e-6 + 4e-9 * max(1.0, *(abs(f(x)) for x in edges))
    found: list[tuple[float, float, float, float, float]] = []

    def add(a: float, b: float) -> None:
        off = max(abs(f(a + t * (b - a)) - (f(a) + t * (f(b) - f(a)))) for t in INSIDE)
        heappush(found, (-off if off > near else 0.0, a, b, f(a), f(b)))

    for a, b in pairwise(edges):
        add(_beside(f, a, b, BESIDE * span, near) if a in inside[0] else a, b)
    for _ in range(CUTS):
        if found[0][0] == 0.0:
            break
        _, a, b, fa, fb = heappop(found)
        x = _meeting(f, a, fa, b, fb, near)
        add(a, x)
        add(x, b)
    # the chord of a concave function is at most twice as far off as at its middle
    worst = 2.0 * max(-row[0] for row in found) + 0.0
    rows = np.array(sorted(row[1:] for row in found))
    return Curve(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], worst)


def _beside(f: Callable[[float], float], a: float, b: float, h: float, near: float) -> float:
    """Where the piece above a jump at `a` begins; `a` itself where there is none."""
    after, further = f(a + h), f(a + 2.0 * h) - f(a + h)
    rise = h * (f(b) - f(a)) / (b - a)
    return a + h if min(abs(after - f(a) - further), abs(after - f(a) - rise)) > near else a


def _meeting(f: Callable[[float], float], a: float, fa: float, b: float, fb: float, near: float) -> float:
    """Where the lines of both ends meet on the function, if they do, else the middle."""
    h = 1e-3 * (b - a)
    first, last = (f(a + h) - fa) / h, (fb - f(b - h)) / h
    if first != last:
        x = (fb - fa + first * a - last * b) / (first - last)
        if a + h < x < b - h and abs(f(x) - (fa + first * (x - a))) <= 2.0 * near:
            return float(x)
    return 0.5 * (a + b)
