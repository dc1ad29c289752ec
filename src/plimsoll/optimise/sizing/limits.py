"""Convex limits on sizes by rows that touch them: leverage, and the initial margin of a real rule set.

A convex function lies above each of its tangents, so a row that is a tangent cuts nothing off that keeps the limit.
Rows are added where the answer breaks a limit, until it breaks none: a bound over the rows is one over the limits too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.forms.expression import Expression, Max, Relieved, Scaled, Sum, Tail, Worst
from plimsoll.optimise.sizing.growth import Bets, Grown, grow
from plimsoll.risk.plan import F64

MOST_ROWS = 400
"""Rows that are added before it is given up."""

NEAR = 1e-9
"""A limit is kept when it is broken by no more than this part of its bound; the sizes are then scaled inside."""


class Limit(ABC):
    """A convex function of the sizes `[A]` that is to stay at or below `most`, with a tangent anywhere."""

    name: str
    most: float

    @abstractmethod
    def at(self, size: F64) -> tuple[float, F64]:
        """The function and a subgradient."""


@dataclass(frozen=True)
class Leverage(Limit):
    """The sum of absolute sizes times `part` (what of them is held), dollars for each dollar of wealth."""

    most: float
    part: float = 1.0
    name: str = "leverage"

    def at(self, size: F64) -> tuple[float, F64]:
        """See `Limit.at`."""
        return self.part * float(np.abs(size).sum()), self.part * np.sign(size)


@dataclass(frozen=True, eq=False)
class MarginLimit(Limit):
    """The initial margin of `contracts[A]` contracts for each dollar's size under a convex form, in dollars for each
    dollar of wealth; `rate` the dollars of the form's currency over wealth.
    """

    form: Form
    contracts: F64
    rate: float
    most: float
    name: str = "initial margin"

    def __post_init__(self) -> None:
        if not self.form.convex:
            raise refuse("form", self.form.standing, "a convex form: no binaries, and no position held on both sides")

    def at(self, size: F64) -> tuple[float, F64]:
        """See `Limit.at`."""
        assert self.form.expression is not None  # else not convex
        value, slope = tangent(self.form.expression, self.contracts * size)
        return self.rate * value, self.rate * slope * self.contracts


def tangent(e: Expression, quantity: F64) -> tuple[float, F64]:
    """A convex expression at signed positions `[N]` and a subgradient `[N]`. Raises `DocumentError` for others."""
    long, short = np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0)
    if isinstance(e, Worst):
        k = int(np.argmax(e.rows(long, short)))
        return e.value(long, short), _row(e.items, e.long[k], e.short[k], quantity)
    if isinstance(e, Tail):
        rows = e.losses.rows(long, short)
        order = np.argsort(-rows, kind="stable")
        part = np.zeros(rows.size)
        part[order] = np.clip(e.count - np.arange(rows.size), 0.0, 1.0) / e.count
        return e.value(long, short), _row(e.losses.items, part @ e.losses.long, part @ e.losses.short, quantity)
    if isinstance(e, Scaled):
        value, slope = tangent(e.term, quantity)
        return e.factor * value, e.factor * slope
    if isinstance(e, Sum):
        found = [tangent(t, quantity) for t in e.terms]
        none = np.zeros(quantity.size)
        return sum(v for v, _ in found), np.sum([none, *(s for _, s in found)], axis=0)
    if isinstance(e, Max):
        return max((tangent(t, quantity) for t in e.terms), key=lambda f: f[0])
    if isinstance(e, Relieved):
        return _relieved(e, quantity)
    raise refuse("form", type(e).__name__, "an expression that is convex in the signed positions")


def _relieved(e: Relieved, quantity: F64) -> tuple[float, F64]:
    """The row of the dual's best mix: bought contracts count with no more than their price."""
    c = e.charge
    long, short = np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0)
    step = c.long[1] - c.long[0]
    usable = np.isfinite(e.price) & (step != 0.0)
    kinks = (e.price[usable] - c.long[0, usable]) / step[usable]
    best: tuple[float, F64] | None = None
    for t in np.unique(np.concatenate([[0.0, 1.0], kinks[(kinks > 0.0) & (kinks < 1.0)]])).tolist():
        bought = np.minimum(e.price, c.long[0] + t * step)
        sold = c.short[0] + t * (c.short[1] - c.short[0])
        fixed = c.constant[0] + t * (c.constant[1] - c.constant[0])
        value = float(bought @ long[c.items] + sold @ short[c.items] + fixed)
        if best is None or value > best[0]:
            best = value, _row(c.items, bought, sold, quantity)
    assert best is not None
    return best


def _row(items: np.ndarray[tuple[int], np.dtype[np.int64]], long: F64, short: F64, quantity: F64) -> F64:
    slope = np.zeros(quantity.size)
    held = quantity[items]
    # at no position every slope from -short to long touches from below, and the middle is one of them
    each = np.where(held > 0.0, long, np.where(held < 0.0, -short, 0.5 * (long - short)))
    np.add.at(slope, items, each)
    return slope


def grow_within(bets: Bets, limits: Sequence[Limit], low: F64, high: F64) -> tuple[Grown, dict[str, float]]:
    """The sizes of largest growth within convex limits and a box `low <= 0 <= high`, and the price of each limit:
    growth for one unit more of it.

    Raises `DocumentError` for a limit that is broken, or bound, before anything is held, and for a box without zero.
    """
    _checked(bets, limits, low, high)
    names: list[str] = []
    rows, most = np.zeros((0, len(low))), np.zeros(0)
    # an empty side of the box is opened by a hair, so that there is an inside
    width = 1e-12 * np.maximum(1.0, high - low)
    open_low, open_high = np.minimum(low, -width), np.maximum(high, width)
    start = np.zeros(len(low))
    while True:
        found = grow(bets, rows, most, open_low, open_high, start)
        broken = []
        for limit in limits:
            value, slope = limit.at(found.size)
            if value > limit.most * (1.0 + NEAR):
                broken.append((limit.name, slope, limit.most - value + float(slope @ found.size)))
        if not broken:
            break
        if len(names) + len(broken) > MOST_ROWS:
            raise refuse("limits", f"{len(names)} rows", f"limits that at most {MOST_ROWS} tangents tell")
        names += [n for n, _, _ in broken]
        rows = np.vstack([rows, *(s[None, :] for _, s, _ in broken)])
        most = np.append(most, [m for _, _, m in broken])
    size = _inside(limits, np.clip(found.size, low, high))
    growth = bets.growth(size)
    prices = {limit.name: 0.0 for limit in limits}
    for name, price in zip(names, found.price.tolist(), strict=True):
        prices[name] += price
    return Grown(size, growth, max(found.bound, growth), found.price), prices


def _inside(limits: Sequence[Limit], size: F64) -> F64:
    """`size`, or the largest part of it that keeps every limit to the last bit."""
    part = 1.0
    while any(limit.at(part * size)[0] > limit.most for limit in limits):
        part -= max(1e-12, 2.0 * (1.0 - part))
    return part * size


def _checked(bets: Bets, limits: Sequence[Limit], low: F64, high: F64) -> None:
    if not (np.isfinite(low) & np.isfinite(high) & (low <= 0.0) & (high >= 0.0)).all():
        raise refuse("box", [low.tolist(), high.tolist()], "finite bounds with zero between them")
    if low.shape != (len(bets.names),) or high.shape != low.shape:
        raise refuse("box", [low.size, high.size], f"{len(bets.names)} bounds on either side, one for each asset")
    for limit in limits:
        value, _ = limit.at(np.zeros(len(low)))
        if not value < limit.most:
            raise refuse(f"limits.{limit.name}", limit.most, f"above {value:g}, what it is with nothing held")
