"""The slope of a form: an affine function of long and short parts that touches it; it lies below where it is convex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.forms import Expression, Least, Max, Relieved, Scaled, Sum, Tail, Worst

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slope:
    """`value` at the parts it was taken at; `long[N]`, `short[N]` what one contract bought or sold adds."""

    value: float
    long: F64
    short: F64


def slope(expression: Expression, long: F64, short: F64) -> Slope:
    """A subgradient of `expression` at the parts `[N]`, each at least zero, of a position.

    At a kink one of the slopes is taken. Of a `Least` it is that of its smallest term, which is no bound from below.
    """
    if isinstance(expression, Worst):
        rows = expression.rows(long, short)
        weights = np.zeros(rows.size)
        weights[int(np.argmax(rows))] = 1.0
        return _mixed(expression, weights, rows, long.size)
    if isinstance(expression, Tail):
        rows = expression.losses.rows(long, short)
        order = np.argsort(-rows, kind="stable")
        weights = np.zeros(rows.size)
        weights[order] = np.clip(expression.count - np.arange(rows.size), 0.0, 1.0) / expression.count
        return _mixed(expression.losses, weights, rows, long.size)
    if isinstance(expression, Relieved):
        return _relieved(expression, long, short)
    if isinstance(expression, Scaled):
        inner = slope(expression.term, long, short)
        f = expression.factor
        return Slope(f * inner.value, f * inner.long, f * inner.short)
    if isinstance(expression, Sum):
        parts = [slope(t, long, short) for t in expression.terms]
        zero = np.zeros(long.size)
        return Slope(
            sum(p.value for p in parts), sum((p.long for p in parts), zero), sum((p.short for p in parts), zero)
        )
    if isinstance(expression, Max):
        return max((slope(t, long, short) for t in expression.terms), key=lambda s: s.value)
    if isinstance(expression, Least):
        return min((slope(t, long, short) for t in expression.terms), key=lambda s: s.value)
    raise TypeError(f"expression: got {type(expression).__name__}, must be one of those of plimsoll.margin.forms")


def _mixed(losses: Worst, weights: F64, rows: F64, size: int) -> Slope:
    """A mixture of the rows, whose values are `rows`."""
    up, down = np.zeros(size), np.zeros(size)
    np.add.at(up, losses.items, weights @ losses.long)
    np.add.at(down, losses.items, weights @ losses.short)
    return Slope(float(weights @ rows), up, down)


def _relieved(expression: Relieved, long: F64, short: F64) -> Slope:
    """At the mixture of the two rows at which the dual is largest; see `Relieved`."""
    c, held = expression.charge, long[expression.charge.items]
    value = expression.value(long, short)
    capped = np.isfinite(expression.price)
    price = np.where(capped, expression.price, 0.0)
    step = c.long[1] - c.long[0]
    kinks = np.divide(price - c.long[0], step, out=np.full(step.size, -1.0), where=(step != 0.0) & capped)
    mixes = np.unique(np.concatenate([[0.0, 1.0], kinks[(kinks > 0.0) & (kinks < 1.0)]]))
    best, at = -np.inf, 0.0
    for t in mixes.tolist():
        rates = c.long[0] + t * step
        rates = np.where(capped, np.minimum(price, rates), rates)
        sold = (1.0 - t) * (c.short[0] @ short[c.items]) + t * (c.short[1] @ short[c.items])
        found = float(rates @ held + sold + (1.0 - t) * c.constant[0] + t * c.constant[1])
        if found > best:
            best, at = found, t
    rates = c.long[0] + at * step
    rates = np.where(capped, np.minimum(price, rates), rates)
    up, down = np.zeros(long.size), np.zeros(long.size)
    np.add.at(up, c.items, rates)
    np.add.at(down, c.items, (1.0 - at) * c.short[0] + at * c.short[1])
    return Slope(value, up, down)
