"""Naive exact value of a form: its float numbers as ratios, its formulas with loops; nothing rounded anywhere.

Second opinion for the integers: imports nothing of the package and reads the parts of an expression by their names.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

MOST_GIVEN_UP = 6


def parts(quantity: Fraction) -> tuple[Fraction, Fraction]:
    return max(quantity, Fraction(0)), max(-quantity, Fraction(0))


def rows(worst: Any, quantity: list[Fraction]) -> list[Fraction]:
    found = []
    for long, short, constant in zip(worst.long, worst.short, worst.constant, strict=True):
        total = Fraction(float(constant))
        for i, a, b in zip(worst.items, long, short, strict=True):
            bought, sold = parts(quantity[int(i)])
            total += Fraction(float(a)) * bought + Fraction(float(b)) * sold
        found.append(total)
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
    if kind == "Scaled":
        return Fraction(node.factor) * exact(node.term, quantity)
    values = [exact(term, quantity) for term in node.terms]
    if kind == "Sum":
        return sum(values, Fraction(0))
    return max(values) if kind == "Max" else min(values)
