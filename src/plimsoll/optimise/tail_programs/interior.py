"""An interior point method for tail programs in which every scenario is eliminated from each step.

```
minimise c'x + b v + sum_s w_s u_s, t_s = u_s - (q_s + g_s x - v), t, u >= 0, rows, boxes
weights z_s of the scenarios: t_s z_s = 0,  u_s (w_s - z_s) = 0
one step: (G' D G + boxes + rows) (dx, dv) = right side, D_s = 1 / (t_s / z_s + u_s / (w_s - z_s))
```
Two right sides for one Cholesky factor: predictor and corrector (Mehrotra 1992). Scenario rows hold exactly on the
way; boxes are never left; rows and reduced costs come to hold as steps are whole. Nothing is claimed of the end: that
is for `certify`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError

from plimsoll.optimise.tail_programs.band import ROUGH, Band, Look, Point, Scaled
from plimsoll.optimise.tail_programs.newton import Normal, Rooms
from plimsoll.optimise.tail_programs.sides import Sides, inside, reach, reaches
from plimsoll.risk.plan import F64

MOST = 120
"""Steps."""

EXACT = 1e-6
"""Mean product below which solutions are refined with what was left out of the matrix; before, steps are rough."""

PARTS = 5
"""Parts of the corrector that are tried."""

STUCK = 10
"""Steps without a better point, nor a smaller sum of products, after which it ends."""

NEARER = 0.9
"""How much smaller a sum of products has to be."""

SMALL = 1e-3
"""The gap is relative to no less than this part of the largest loss."""


@dataclass(frozen=True, eq=False)
class _Move:
    """A direction: variables and level, prices of equalities, weights, slacks, spills, activities of rows, prices."""

    x: F64
    price: F64
    z: F64
    slack: F64
    spill: F64
    row: F64
    box: list[F64]
    span: list[F64]


def interior_point(band: Band, tolerance: float, look: Look | None = None) -> Point:
    """The least of a band to a relative gap, or as near as it comes. Raises nothing for a program without one.

    `look` is shown `x[N]` and the level once, when the gap is first at most `ROUGH`: where it says that the band is not
    enough, the method ends there.
    """
    fixed = band.low == band.high
    if not fixed.any():
        return _Way(Scaled(band)).run(tolerance, look)
    x = np.where(fixed, band.low, 0.0)

    def whole(part: F64) -> F64:
        there = x.copy()
        there[~fixed] = part
        return there

    found = _Way(Scaled(band.moving())).run(
        tolerance, None if look is None else lambda part, level: look(whole(part), level)
    )
    x = whole(found.x)
    return Point(x, found.level, found.weights, found.prices, found.gap, found.steps, found.converged)


class _Way:
    """Where the method stands."""

    def __init__(self, scaled: Scaled) -> None:
        s = self.s = scaled
        mu = self._begin()
        self.price = np.zeros(s.target.size)
        self.box = Sides(np.append(s.low, -np.inf), np.append(s.high, np.inf), self.x)
        self.span = Sides(*s.sides, inside(*s.sides, s.loose @ self.x))
        self.box.begin(mu)
        self.span.begin(mu)
        self.rooms = Rooms(s.slope)
        self.terms = 2 * self.z.size + self.box.count + self.span.count

    def _begin(self) -> float:
        """As near to nothing as the boxes allow, the level at its quantile, weights in proportion."""
        s = self.s
        x = inside(s.low, s.high, np.zeros(s.low.size))
        plain, weight, whole = s.loss + s.slope[:, :-1] @ x, float(s.cost[-1]), float(s.most.sum())
        order = np.argsort(-plain, kind="stable")
        place = int(np.searchsorted(np.cumsum(s.most[order]), max(weight, 0.0)))
        level = float(plain[order[min(place, order.size - 1)]]) if order.size else 0.0
        self.x, self.over = np.append(x, level), plain - level
        self.spill = np.maximum(self.over, 0.0) + 1.0
        self.slack = self.spill - self.over
        self.z = s.most * (min(max(weight / whole, 0.01), 0.99) if whole else 0.5)
        self.y = s.most - self.z
        return float(self.slack @ self.z + self.spill @ self.y) / max(1, 2 * self.z.size) or 1.0

    def run(self, tolerance: float, look: Look | None) -> Point:
        """Step until the gap is what was asked for, no better point is found, or a look at the point ends it."""
        s = self.s
        best = Point(*s.outside(self.x), self.z, np.zeros(s.equal.size), np.inf, 0, False)
        made = stuck = 0
        least = np.inf
        while True:
            rest = s.cost + s.slope.T @ self.z - self.box.net - s.loose.T @ self.span.net - s.tight.T @ self.price
            short, apart = s.target - s.tight @ self.x, s.loose @ self.x - self.span.at
            gap, products = self._gap(rest, short, apart)
            stuck += 1
            if products < NEARER * least:
                # what the gap is relative to may fall as fast at first
                stuck, least = 0, products
            if gap < best.gap:
                stuck = 0
                x, level = s.outside(self.x)
                prices = np.zeros(s.equal.size)
                prices[~s.equal] = self.span.net / s.height[~s.equal]
                prices[s.equal] = self.price / s.height[s.equal]
                best = Point(x, level, self.z, prices, gap, made, gap <= tolerance)
            if look is not None and best.gap <= ROUGH:
                ended = look(best.x, best.level)
                look = None
                if ended and not best.converged:
                    p = best
                    return Point(p.x, p.level, p.weights, p.prices, p.gap, made, False)
            done = best.converged or made >= MOST or stuck >= STUCK or not np.isfinite(products)
            if done or not self._step(rest, short, apart, products):
                p = best
                return Point(p.x, p.level, p.weights, p.prices, p.gap, made, p.converged)
            made += 1

    def _gap(self, rest: F64, short: F64, apart: F64) -> tuple[float, float]:
        """The relative gap, or what is missing elsewhere if that is more, and the sum of products."""
        products = float(self.slack @ self.z + self.spill @ self.y) + self.box.products + self.span.products
        value = float(self.s.cost @ self.x + self.s.most @ self.spill)
        largest = float(np.abs(self.over).max(initial=1e-3))
        against = max(abs(value), abs(value - products), SMALL * largest)
        wrong = max(float(np.abs(short).max(initial=0.0)), float(np.abs(apart).max(initial=0.0)))
        off = float(np.abs(rest).max(initial=0.0)) * max(1.0, float(np.abs(self.x).max(initial=0.0)))
        return max(products / against, 0.1 * off / against, 0.1 * wrong), products

    def _step(self, rest: F64, short: F64, apart: F64, products: float) -> bool:
        """One predictor and corrector; whether there was a factor, and no distance or price was lost in rounding."""
        s, mu = self.s, products / max(1, self.terms)
        every = (self.slack, self.spill, self.z, self.y, *self.box.far, *self.span.far)
        if not all((part > 0.0).all() for part in every):
            return False
        weight = 1.0 / (self.slack / self.z + self.spill / self.y)
        try:
            normal = Normal(s.slope, weight, self.box.stiffness, s.loose, self.span.stiffness, s.tight, self.rooms)
        except LinAlgError:
            return False

        def direction(slack: F64, spill: F64, box: list[F64], span: list[F64], part: float, exact: bool) -> _Move:
            """By how much each product is to change, and which part of what rows and costs miss is to be made up."""
            lean = slack / self.z - spill / self.y
            right = self.box.push(box) - s.slope.T @ (weight * lean)
            right = right + s.loose.T @ (self.span.push(span) - self.span.stiffness * (part * apart)) - part * rest
            dx, price = normal.solve(right, part * short, exact)
            dz = weight * (s.slope @ dx + lean)
            row = s.loose @ dx + part * apart
            dt, du = (slack - self.slack * dz) / self.z, (spill + self.spill * dz) / self.y
            return _Move(dx, price, dz, dt, du, row, self.box.change(box, dx), self.span.change(span, row))

        exact = mu < EXACT
        m = direction(
            -self.slack * self.z, -self.spill * self.y, self.box.wanted(0.0), self.span.wanted(0.0), 1.0, exact
        )  # fmt: skip
        primal, dual = self._lengths(m)
        ahead = float((self.slack + primal * m.slack) @ (self.z + dual * m.z))
        ahead += float((self.spill + primal * m.spill) @ (self.y - dual * m.z))
        ahead += self.box.after(m.x, m.box, primal, dual) + self.span.after(m.row, m.span, primal, dual)
        goal = mu * (max(ahead, 0.0) / products) ** 3 if products > 0.0 else 0.0
        c = direction(
            goal - m.slack * m.z,
            goal + m.spill * m.z,
            self.box.second(goal, m.x, m.box),
            self.span.second(goal, m.row, m.span),
            0.0,
            exact,
        )
        m, primal, dual = self._longest(m, c, primal * dual)
        primal, dual = (min(1.0, max(0.99, 1.0 - mu) * length) for length in (primal, dual))
        self.x, self.price = self.x + primal * m.x, self.price + dual * m.price
        self.z, self.y = self.z + dual * m.z, self.y - dual * m.z
        self.slack, self.spill = self.slack + primal * m.slack, self.spill + primal * m.spill
        self.box.step(m.x, m.box, primal, dual)
        self.span.step(m.row, m.span, primal, dual)
        self.over = s.loss + s.slope @ self.x
        return True

    def _longest(self, m: _Move, c: _Move, least: float) -> tuple[_Move, float, float]:
        """The predictor `m` and the part of the corrector `c` that lets a step be longest (Colombo and Gondzio 2008):
        one part for what distances and activities do, one for weights and prices.
        """
        parts = np.linspace(max(least, 0.0), 1.0, PARTS)
        box = self.box.reaches((m.x, c.x), (m.box, c.box), parts)
        span = self.span.reaches((m.row, c.row), (m.span, c.span), parts)
        primal = np.minimum(reaches(self.slack, m.slack, c.slack, parts), reaches(self.spill, m.spill, c.spill, parts))
        dual = np.minimum(reaches(self.z, m.z, c.z, parts), reaches(self.y, -m.z, -c.z, parts))
        primal, dual = np.minimum(np.minimum(primal, box[0]), span[0]), np.minimum(np.minimum(dual, box[1]), span[1])
        # of parts that go as far the largest
        p, d = (PARTS - 1 - int(np.argmax(lengths[::-1])) for lengths in (primal, dual))
        one, two = parts[p], parts[d]
        move = _Move(
            m.x + one * c.x, m.price + two * c.price, m.z + two * c.z, m.slack + one * c.slack,
            m.spill + one * c.spill, m.row + one * c.row,
            [a + two * b for a, b in zip(m.box, c.box, strict=True)],
            [a + two * b for a, b in zip(m.span, c.span, strict=True)],
        )  # fmt: skip
        return move, float(primal[p]), float(dual[d])

    def _lengths(self, m: _Move) -> tuple[float, float]:
        box, span = self.box.reach(m.x, m.box), self.span.reach(m.row, m.span)
        return (
            min(reach(self.slack, m.slack), reach(self.spill, m.spill), box[0], span[0]),
            min(reach(self.z, m.z), reach(self.y, -m.z), box[1], span[1]),
        )
