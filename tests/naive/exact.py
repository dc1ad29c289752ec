"""Naive exact value of a form: its float numbers as ratios, its formulas with loops; nothing rounded anywhere.

Second opinion for the integers: imports nothing of the package and reads the parts of an expression by their names.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import Any

MOST_GIVEN_UP = 6
FINE = 2**1100


def parts(quantity: Fraction) -> tuple[Fraction, Fraction]:
    return max(quantity, Fraction(0)), max(-quantity, Fraction(0))


def whole(number: float) -> int:
    """A float times `FINE`, which is a whole number for each of them."""
    numerator, denominator = float(number).as_integer_ratio()
    return numerator * (FINE // denominator)


def rows(worst: Any, quantity: list[Fraction]) -> list[Fraction]:
    common = math.lcm(*(q.denominator for q in quantity)) if quantity else 1
    found = []
    for long, short, constant in zip(worst.long, worst.short, worst.constant, strict=True):
        total = whole(constant) * common
        for i, a, b in zip(worst.items, long, short, strict=True):
            q = int(quantity[int(i)] * common)
            if q > 0:
                total += whole(a) * q
            elif q < 0:
                total -= whole(b) * q
        found.append(Fraction(total, FINE * common))
    return found


def relieved(node: Any, quantity: list[Fraction]) -> Fraction:
    """Every vertex: each contract kept, given up, or one of them in the part that makes both rows equal."""
    charge, free = node.charge, []
    for place, i in enumerate(charge.items):
        if quantity[int(i)] > 0 and float(node.price[place]) != float("inf"):
            free.append((place, quantity[int(i)]))
    if len(free) > MOST_GIVEN_UP:
        return dual(node, quantity)
    start = rows(charge, quantity)
    best = None
    for given in product((0, 1), repeat=len(free)):
        for partial in (None, *range(len(free))):
            amounts = [Fraction(g) * q for g, (_, q) in zip(given, free, strict=True)]
            if partial is not None:
                place, q = free[partial]
                amounts[partial] = Fraction(0)
                gap = [
                    start[k]
                    - sum(Fraction(float(charge.long[k][p])) * y for (p, _), y in zip(free, amounts, strict=True))
                    for k in (0, 1)
                ]
                slope = Fraction(float(charge.long[0][place])) - Fraction(float(charge.long[1][place]))
                if slope == 0:
                    continue
                y = (gap[0] - gap[1]) / slope
                if not 0 <= y <= q:
                    continue
                amounts[partial] = y
            paid = sum(Fraction(float(node.price[p])) * y for (p, _), y in zip(free, amounts, strict=True))
            left = [
                start[k] - sum(Fraction(float(charge.long[k][p])) * y for (p, _), y in zip(free, amounts, strict=True))
                for k in (0, 1)
            ]
            value = max(left) + paid
            best = value if best is None else min(best, value)
    assert best is not None
    return best


def dual(node: Any, quantity: list[Fraction]) -> Fraction:
    """The largest over the mixes of both rows at which one price is met."""

    def at(t: Fraction) -> Fraction:
        total = (1 - t) * Fraction(float(node.charge.constant[0])) + t * Fraction(float(node.charge.constant[1]))
        for place, i in enumerate(node.charge.items):
            bought, sold = parts(quantity[int(i)])
            low, high = (Fraction(float(node.charge.long[k][place])) for k in (0, 1))
            rate = (1 - t) * low + t * high
            if float(node.price[place]) != float("inf"):
                rate = min(rate, Fraction(float(node.price[place])))
            first, second = (Fraction(float(node.charge.short[k][place])) for k in (0, 1))
            total += rate * bought + ((1 - t) * first + t * second) * sold
        return total

    mixes = [Fraction(0), Fraction(1)]
    for place in range(len(node.charge.items)):
        low, high = (Fraction(float(node.charge.long[k][place])) for k in (0, 1))
        if low != high and float(node.price[place]) != float("inf"):
            t = (Fraction(float(node.price[place])) - low) / (high - low)
            if 0 < t < 1:
                mixes.append(t)
    return max(at(t) for t in mixes)


def curved(node: Any, quantity: list[Fraction]) -> Fraction:
    """One move after the other: at a fixed move in volatility the least is at an end or where the slope is zero."""
    a = [
        sum(Fraction(float(row[k])) * quantity[int(i)] for i, row in zip(node.items, node.coefficients, strict=True))
        for k in range(5)
    ]
    far, low, high = Fraction(node.box.move), -Fraction(node.box.vol_down), Fraction(node.box.vol_up)

    def gain(x: Fraction, y: Fraction) -> Fraction:
        return a[0] * x + a[1] * x * x / 2 + a[2] * y + a[3] * x * y + a[4] * y * y / 2

    def least_in_x(y: Fraction) -> Fraction:
        slope = a[0] + a[3] * y
        turns = [-slope / a[1]] if a[1] > 0 and -far <= -slope / a[1] <= far else []
        return min(gain(x, y) for x in [-far, far, *turns])

    ys = [low, high]
    if a[4] != 0:
        ys += [-(a[2] + a[3] * x) / a[4] for x in (-far, far)]
    if a[1] != 0 and a[4] * a[1] != a[3] ** 2:
        # where x follows y along its turning point
        ys.append((a[3] * a[0] / a[1] - a[2]) / (a[4] - a[3] ** 2 / a[1]))
    return max(Fraction(0), -min(least_in_x(y) for y in ys if low <= y <= high))


def exact(node: Any, quantity: list[Fraction]) -> Fraction:
    kind = type(node).__name__
    if kind == "Worst":
        return max(rows(node, quantity))
    if kind == "Tail":
        count, total = Fraction(node.count), Fraction(0)
        left = count
        for row in sorted(rows(node.losses, quantity), reverse=True):
            take = min(Fraction(1), left)
            total += take * row
            left -= take
        return total / count
    if kind == "Relieved":
        return relieved(node, quantity)
    if kind == "Curved":
        return curved(node, quantity)
    if kind == "Scaled":
        return Fraction(node.factor) * exact(node.term, quantity)
    values = [exact(term, quantity) for term in node.terms]
    if kind == "Sum":
        return sum(values, Fraction(0))
    return max(values) if kind == "Max" else min(values)
