"""The second calculator: an expression at integer positions, in integers and their ratios, without a float.

Separately written from the engine that computed the array: it shares nothing with it but the documents.
"""

from __future__ import annotations

from fractions import Fraction

from plimsoll.certify.statement import Curved, Least, Max, Node, Ratio, Relieved, Scaled, Sum, Tail, Worst


def value_of(node: Node, quantities: tuple[int, ...], scale: int, kept: dict[int, list[int]] | None = None) -> Fraction:
    """The expression at signed `quantities[N]`; `scale` is how many units of quantity are one contract.

    In units of the array divided by `scale`. `kept` takes the rows of every array that was computed, by `id`.
    """
    kept = {} if kept is None else kept
    if isinstance(node, Worst):
        return Fraction(max(rows_of(node, quantities, scale, kept)))
    if isinstance(node, Tail):
        return _tail(node, rows_of(node.losses, quantities, scale, kept))
    if isinstance(node, Relieved):
        return _relieved(node, quantities, scale)
    if isinstance(node, Curved):
        return _curved(node, quantities)
    if isinstance(node, Scaled):
        return ratio(node.factor) * value_of(node.term, quantities, scale, kept)
    values = [value_of(term, quantities, scale, kept) for term in node.terms]
    if isinstance(node, Sum):
        return sum(values, Fraction(0))
    if isinstance(node, Max):
        return max(values)
    assert isinstance(node, Least)
    return min(values)


def rows_of(
    node: Worst, quantities: tuple[int, ...], scale: int, kept: dict[int, list[int]] | None = None
) -> list[int]:
    """`[K]` every row of an array."""
    if kept is not None and id(node) in kept:
        return kept[id(node)]
    sizes = [quantities[i] for i in node.items]
    rows = [
        sum((up if q > 0 else down) * abs(q) for up, down, q in zip(long, short, sizes, strict=True)) + constant * scale
        for long, short, constant in zip(node.long, node.short, node.constant, strict=True)
    ]
    if kept is not None:
        kept[id(node)] = rows
    return rows


def ratio(part: Ratio) -> Fraction:
    """The ratio as a number."""
    return Fraction(part.numerator, part.denominator)


def _tail(node: Tail, rows: list[int]) -> Fraction:
    left = count = ratio(node.count)
    total = Fraction(0)
    for row in sorted(rows, reverse=True):
        taken = min(left, Fraction(1))
        total, left = total + taken * row, left - taken
    return total / count


def _relieved(node: Relieved, quantities: tuple[int, ...], scale: int) -> Fraction:
    """The least over what is given up; its dual is concave and has its peak at an end or where one price is met.

    For a mix `t` of the rows, what is bought counts with the less of its mixed rate and its price.
    """
    first, second = node.charge.long
    start, end = 0, 0
    priced: list[tuple[int, int, int, int]] = []
    for i, item in enumerate(node.charge.items):
        q, price = quantities[item], node.price[i]
        if q > 0 and price is not None:
            priced.append((first[i], second[i], price, q))
        elif q > 0:
            start, end = start + first[i] * q, end + second[i] * q
        else:
            start, end = start - node.charge.short[0][i] * q, end - node.charge.short[1][i] * q
    start, end = start + node.charge.constant[0] * scale, end + node.charge.constant[1] * scale
    mixes = {Fraction(0), Fraction(1)}
    for low, high, price, _ in priced:
        if low != high and 0 < (met := Fraction(price - low, high - low)) < 1:
            mixes.add(met)

    def dual(t: Fraction) -> Fraction:
        n, d = t.numerator, t.denominator
        bought = sum(min(price * d, low * (d - n) + high * n) * q for low, high, price, q in priced)
        return Fraction(start * (d - n) + end * n + bought, d)

    return max(dual(t) for t in mixes)


def _curved(node: Curved, quantities: tuple[int, ...]) -> Fraction:
    """The quadratic at every place where it can be least: corners, turning points of edges, the one inside.

    A turning point that is no least value does no harm: it is a point of the box all the same.
    """
    sizes = [quantities[i] for i in node.items]
    d, g, v, c, o = (sum(a * q for a, q in zip(row, sizes, strict=True)) for row in node.coefficients)
    far, low, high = ratio(node.move), -ratio(node.down), ratio(node.up)
    points = [(x, y) for x in (-far, far) for y in (low, high)]
    if o:
        points += [(x, -(v + c * x) / o) for x in (-far, far)]
    if g:
        points += [(-(d + c * y) / g, y) for y in (low, high)]
    steep = g * o - c * c
    if steep:
        points.append((Fraction(c * v - d * o, steep), Fraction(c * d - v * g, steep)))
    inside = [(x, y) for x, y in points if -far <= x <= far and low <= y <= high]
    least = min(d * x + g * x * x / 2 + v * y + c * x * y + o * y * y / 2 for x, y in inside)
    wide = max(-low, high)
    hidden = sum(abs(q) for q in sizes) * (far + far * far / 2 + wide + far * wide + wide * wide / 2)
    return max(Fraction(0), hidden - least)
