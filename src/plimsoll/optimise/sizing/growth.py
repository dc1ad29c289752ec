"""The sizes for which wealth grows fastest: expected log wealth is largest, within linear rows, with a bound on it.

```
maximise   G(x) = sum_p w_p log(1 + r_p @ x)      subject to   A x <= b,   lo <= x <= hi
bound      G(y) <= G(x) + grad G(x) @ (y - x) <= G(x) + lambda @ (b - A x) + sum_j max over y_j of rest_j (y_j - x_j)
```
for every `y` within the rows, any `lambda >= 0` and `rest = grad G(x) - A' lambda`.

The bound is arithmetic on the answer: it holds whatever Newton's steps did. Sources: Kelly (1956), "A new
interpretation of information rate"; Boyd and Vandenberghe (2004), section 11.7, for the primal-dual steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.risk.plan import F64

STEPS = 100
"""Most steps of Newton; where they do not close the gap, the gap is told as it is."""

TIGHT = 1e-9
"""The gap at which it ends, relative to the growth."""

FLOOR = 1e-13
"""The same, absolute."""


@dataclass(frozen=True, eq=False)
class Bets:
    """`gain[P, A]` of one dollar's size of each of `names[A]` on `P` paths, over what the dollar would earn
    otherwise; `weight[P]` their probabilities, which sum to one.
    """

    names: tuple[str, ...]
    gain: F64
    weight: F64

    def __post_init__(self) -> None:
        if self.gain.ndim != 2 or self.gain.shape[1] != len(self.names) or not self.gain.size:
            raise refuse(
                "gain", list(self.gain.shape), f"shape [P, {len(self.names)}] with at least one path and asset"
            )
        bad = ~np.isfinite(self.gain)
        if bad.any():
            p, a = (int(i) for i in np.argwhere(bad)[0])
            raise refuse(f"gain[{p}].{self.names[a]}", float(self.gain[p, a]), "a finite number")
        if self.weight.shape != (self.gain.shape[0],) or not (np.isfinite(self.weight) & (self.weight >= 0.0)).all():
            raise refuse("weight", list(self.weight.shape), "one finite number of at least zero for each path")
        if abs(float(self.weight.sum()) - 1.0) > 1e-9:
            raise refuse("weight", float(self.weight.sum()), "probabilities that sum to one")

    @classmethod
    def equal(cls, names: tuple[str, ...], gain: F64) -> Bets:
        """Paths of equal probability."""
        array = np.asarray(gain, dtype=np.float64)
        return cls(names, array, np.full(len(array), 1.0 / max(1, len(array))))

    def growth(self, size: F64) -> float:
        """Expected log wealth after the horizon, minus infinity where a path ruins."""
        wealth = 1.0 + self.gain @ size
        return float(self.weight @ np.log(wealth)) if (wealth > 0.0).all() else float("-inf")

    def slope(self, size: F64) -> F64:
        """`[A]` slope of the growth."""
        result: F64 = (self.weight / (1.0 + self.gain @ size)) @ self.gain
        return result


@dataclass(frozen=True, eq=False)
class Grown:
    """`size[A]` in dollars for each dollar of wealth, its `growth` over the horizon, what no size within the limits can
    be above (`bound`), and the price of each row (`price[M]`, growth for one unit more of it)."""

    size: F64
    growth: float
    bound: float
    price: F64

    @property
    def gap(self) -> float:
        """Bound less growth."""
        return self.bound - self.growth


def grow(bets: Bets, rows: F64, most: F64, low: F64, high: F64, start: F64) -> Grown:
    """See the head of this file. `rows[M, A] @ size <= most[M]`, `low <= size <= high`, all finite; `start` is strictly
    within them and ruins on no path. Raises `DocumentError` where it is not.
    """
    eye = np.eye(len(low))
    a, b = np.vstack([rows, eye, -eye]), np.concatenate([most, high, -low])
    x = start.astype(np.float64)
    slack = b - a @ x
    if not (slack > 0.0).all() or not ((1.0 + bets.gain @ x) > 0.0).all():
        raise refuse("start", x.tolist(), "sizes strictly within the limits that ruin on no path")
    scale = float(np.abs(bets.slope(x)).max()) or 1.0
    price = scale / slack
    for _ in range(STEPS):
        value = bets.growth(x)
        slack = b - a @ x
        bound = value + _excess(bets.slope(x), a, slack, price, low - x, high - x)
        if bound - value <= max(TIGHT * abs(value), FLOOR):
            break
        stepped = _step(bets, a, b, x, price)
        if stepped is None:
            break
        x, price = stepped
    return Grown(x, value, bound, price[: len(most)])


def _step(bets: Bets, a: F64, b: F64, x: F64, price: F64) -> tuple[F64, F64] | None:
    """One primal-dual step of Newton towards a tenth of the complementarity; `None` where none is found."""
    slack = b - a @ x
    target = 0.1 * float(slack @ price) / slack.size
    scaled = bets.gain / (1.0 + bets.gain @ x)[:, None]
    bend = (scaled.T * bets.weight) @ scaled + (a.T * (price / slack)) @ a
    try:
        move = np.linalg.solve(bend, bets.weight @ scaled - target * (a.T @ (1.0 / slack)))
    except np.linalg.LinAlgError:
        return None
    price_move = (price / slack) * (a @ move) - price + target / slack
    falling = price_move < 0.0
    part = min(1.0, 0.99 * float((-price[falling] / price_move[falling]).min())) if falling.any() else 1.0

    def residual(size: F64, at: F64) -> float:
        dual = bets.slope(size) - a.T @ at
        return float(np.hypot(np.linalg.norm(dual), np.linalg.norm(at * (b - a @ size) - target)))

    before = residual(x, price)
    while part > 1e-10:
        size, at = x + part * move, price + part * price_move
        inside = ((b - a @ size) > 0.0).all() and ((1.0 + bets.gain @ size) > 0.0).all()
        if inside and residual(size, at) <= (1.0 - 0.01 * part) * before:
            return size, at
        part *= 0.5
    return None


def _excess(slope: F64, a: F64, slack: F64, price: F64, down: F64, up: F64) -> float:
    """How much a slope can still gain within the rows, by weak duality; at least zero."""
    rest = slope - a.T @ price
    return float(price @ slack + np.maximum(rest * up, rest * down).sum())
