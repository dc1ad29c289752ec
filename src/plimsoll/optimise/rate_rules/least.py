"""The cheapest rates over groups of periods: least mean, at most so many losses beyond them, within limits of speed.

```
minimise     sum w_g r_g / sum w_g
subject to   floor <= r_g <= cap
and          fall r_g <= r_{g+1} <= rise r_g
and          losses beyond r_g, over all groups <= budget
```
A group is a stretch of time (rates in hindsight) or a state of the market (a rule). With the losses of a group sorted
down, `L_1 >= L_2 >= ...`, its rate is `L_1` less a step for each loss that is let through, the largest first:

```
r_g + sum_j z_gj (L_j - L_{j+1}) >= L_1,    z_g1 >= z_g2 >= ... in {0, 1},    sum z <= budget
```
which is exact, and a mixed-integer program of a few hundred binaries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import PlimsollError, refuse
from plimsoll.optimise.layout import Layout, Row
from plimsoll.optimise.solver import Effort, Solver
from plimsoll.risk.plan import F64


@dataclass(frozen=True, eq=False)
class Cheapest:
    """`rates[G]`, fractions of the notional; `beyond[G]` losses that are above them; `mean` of the rates by weight and
    `bound` that no rates within the limits are below."""

    rates: F64
    beyond: tuple[int, ...]
    mean: float
    bound: float

    @property
    def gap(self) -> float:
        """`mean - bound`, over the mean."""
        return (self.mean - self.bound) / max(1e-12, abs(self.mean))


def cheapest(
    losses: Sequence[F64],
    weights: F64,
    budget: int,
    *,
    floor: float,
    cap: float,
    fall: float = 0.0,
    rise: float = float("inf"),
    effort: Effort | None = None,
) -> Cheapest:
    """The cheapest rates of `G` groups whose losses (fractions of the notional, any sign, finite) are `losses[g]`.

    `weights[G]` above zero; `fall` and `rise` bound the ratio of a rate to the one before it. Raises `DocumentError`
    for limits that are none, or where the losses cannot be covered within them; `MissingSolverError`.
    """
    if len(losses) != weights.size or not weights.size or not (weights > 0.0).all():
        raise refuse("weights", weights.tolist(), f"one above zero for each of the {len(losses)} groups")
    if not 0.0 < floor <= cap < float("inf"):
        raise refuse("floor", floor, f"above zero, at most the cap ({cap:g})")
    if not 0.0 <= fall <= 1.0 <= rise:
        raise refuse("fall", [fall, rise], "a fall of at most one and a rise of at least one")
    if budget < 0:
        raise refuse("budget", budget, "at least zero")
    layout = Layout()
    rate = layout.new(np.full(weights.size, floor), np.full(weights.size, cap))
    binaries: list[Row] = []
    for g, lost in enumerate(losses):
        if not np.isfinite(lost).all():
            raise refuse(f"losses[{g}]", "a number that is none", "finite numbers")
        down = np.sort(lost[lost > floor])[::-1]
        if not down.size:
            continue
        steps = -np.diff(np.append(down, floor))[: min(down.size, budget)]
        z = layout.new(np.zeros(steps.size), np.ones(steps.size), whole=True) if steps.size else np.zeros(0, np.int64)
        layout.add(Row(np.append(rate[g], z), np.append(1.0, steps)), float(down[0]), np.inf)
        for one, two in zip(z[:-1].tolist(), z[1:].tolist(), strict=True):
            layout.add(Row(np.array([one, two]), np.array([1.0, -1.0])), 0.0, np.inf)
        binaries.append(Row(z, np.ones(z.size)))
    if binaries:
        every = np.concatenate([b.columns for b in binaries])
        layout.add(Row(every, np.ones(every.size)), -np.inf, float(budget))
    # a limit that floor and cap keep already is none, and a huge coefficient fewer
    rise = rise if rise < cap / floor else float("inf")
    for g in range(weights.size - 1):
        pair = np.array([rate[g + 1], rate[g]])
        if fall > floor / cap:
            layout.add(Row(pair, np.array([1.0, -fall])), 0.0, np.inf)
        if np.isfinite(rise):
            layout.add(Row(pair, np.array([1.0, -rise])), -np.inf, 0.0)
    if not layout.entries:
        layout.add(Row(rate[:1], np.ones(1)), floor, cap)
    share = weights / weights.sum()
    solved = Solver().solve(layout.model(Row(rate, share), {}), effort or Effort(gap=1e-6))
    if solved.status == "infeasible":
        raise refuse(
            "coverage", f"{budget} losses beyond", f"a number that a cap of {cap:g} and the speed limits allow"
        )
    if solved.x is None:
        raise PlimsollError("the solver found no rates: " + "; ".join(solved.route))
    found = np.clip(solved.x[rate], floor, cap)
    beyond = tuple(int((lost > r * (1.0 + 1e-9)).sum()) for lost, r in zip(losses, found.tolist(), strict=True))
    return Cheapest(found, beyond, float(share @ found), min(float(share @ found), solved.bound))


def budget_of(coverage: float, count: int) -> int:
    """Losses that may be beyond the rates of `count`: the largest number for which `coverage` is kept.

    >>> budget_of(0.99, 250), budget_of(0.975, 40)
    (2, 1)
    """
    if not 0.0 < coverage < 1.0:
        raise refuse("coverage", coverage, "a part between 0 and 1")
    return int(np.floor((1.0 - coverage) * count + 1e-9))
