"""Whole units divided in proportion: exact to the unit, and never less for anybody when there is more to divide.

Rounding each share by itself loses or makes units, and giving the rest to the largest remainders can lower somebody's
share when the total rises. A divisor method does neither: the units are given one after the other, each to whom has
the largest weight over (units so far + 1).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from fractions import Fraction

from plimsoll.documents import refuse


def divided(total: int, weights: Mapping[str, int], caps: Mapping[str, int] | None = None) -> dict[str, int]:
    """`total` units over names in proportion to their weights, nobody above its cap; what caps leave stays undivided.

    Weights and caps are whole numbers from zero up; a name of weight zero gets nothing. Independent of the order of
    the names (equal claims go to the earlier name in the alphabet), and monotone: one unit more for all is one unit
    more for exactly one. With `total` at most the sum of the weights nobody gets more than its weight. Raises
    `DocumentError` for negative numbers.

    >>> divided(10, {"a": 1, "b": 1, "c": 1})
    {'a': 4, 'b': 3, 'c': 3}
    >>> divided(10, {"a": 5, "b": 5}, {"a": 2, "b": 100})
    {'a': 2, 'b': 8}
    """
    if total < 0:
        raise refuse("total", total, "a number of units from zero up")
    limit = {name: total if caps is None else caps[name] for name in weights}
    for field, numbers in (("weights", weights), ("caps", limit)):
        for name, number in numbers.items():
            if number < 0:
                raise refuse(f"{field}.{name}", number, "a whole number from zero up")
    given = dict.fromkeys(sorted(weights), 0)
    active = [n for n in given if weights[n] > 0 and limit[n] > 0]
    left = total
    # whoever reaches the cap by the rounded-down quota reaches it in the end: take these out until nobody does
    while active:
        whole = sum(weights[n] for n in active)
        full = [n for n in active if left * weights[n] // whole >= limit[n]]
        if not full:
            break
        for n in full:
            given[n] = limit[n]
            left -= limit[n]
        active = [n for n in active if given[n] == 0]
    whole = sum(weights[n] for n in active)
    for n in active:
        given[n] = left * weights[n] // whole
    left -= sum(given[n] for n in active)
    queue = [(Fraction(given[n] + 1, weights[n]), n) for n in active]
    heapq.heapify(queue)
    while left and queue:
        _, n = heapq.heappop(queue)
        given[n] += 1
        left -= 1
        if given[n] < limit[n]:
            heapq.heappush(queue, (Fraction(given[n] + 1, weights[n]), n))
    return given
