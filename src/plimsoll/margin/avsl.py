"""Thresholds that follow volatility (AVSL): a scalar on the maintenance margin, its speed limits, and four zones.

Implements the named system under the reading of capabilities K12 and contradiction 10: a raised threshold gives an
account that stands between the old and the new one less room, not more. So between the two it is *amber*: called,
reduce-only, with a deadline. It is closed below the base margin or after the deadline, never by the threshold at once.
The life of that call is `plimsoll.liquidation.calls`: `maintenance` is the raised margin there and `base` the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field

from plimsoll.documents import Document, Fraction, Positive, refuse

F64 = npt.NDArray[np.float64]
Zone = Literal["green", "amber", "red", "black"]
ZONES: tuple[Zone, ...] = get_args(Zone)
"""In the order in which an account gets worse."""

AtLeastOne = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=100)]


class ThresholdRule(Document):
    """How the scalar `V` on maintenance margins follows volatility.

    ```
    blend     weight * fast + (1 - weight) * forecast
    V*        clip(blend / reference, 1, cap)
    V(t)      V(t - dt) + clip(V* - V(t - dt), -down * dt, up * dt)        dt in hours
    MM(t)     V(t) * MM_0
    ```

    `fast` is a realised volatility of the last hours, `forecast` one of the hours to come and `reference` the one at
    which the base margins are right: all three in the same unit, such as a fraction a year. `up` and `down` are per
    hour; rising slower than `up` is not possible, so a cap of 2 is reached from 1 within `1 / up` hours at the
    earliest. `release`: an account leaves the amber zone when its equity has reached so many times `MM(t)`.
    """

    SCHEMA: ClassVar[str] = "plimsoll.threshold-rule"

    weight: Fraction = 0.5
    reference: Positive = 0.6
    cap: AtLeastOne = 2.0
    up: Positive = 0.25
    down: Positive = 0.02
    release: AtLeastOne = 1.05


def blended(rule: ThresholdRule, fast: F64, forecast: F64) -> F64:
    """`[K]` volatility that the scalar follows. Where one of the two is not a number the other counts alone."""
    fast, forecast = np.asarray(fast, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    both = rule.weight * fast + (1.0 - rule.weight) * forecast
    return np.where(np.isnan(fast), forecast, np.where(np.isnan(forecast), fast, both))


def wanted(rule: ThresholdRule, blend: F64) -> F64:
    """`[K]` the scalar without speed limits, `V* = clip(blend / reference, 1, cap)`; NaN where nothing is known.

    >>> wanted(ThresholdRule(reference=0.5), np.array([0.2, 0.75, 4.0])).tolist()
    [1.0, 1.5, 2.0]
    """
    return np.asarray(np.clip(np.asarray(blend, dtype=np.float64) / rule.reference, 1.0, rule.cap))


def follow(rule: ThresholdRule, before: float, want: float, hours: float) -> float:
    """The scalar `hours` later: it goes to `want`, at most `up` or `down` an hour.

    Where `want` is not a number it stays: without a volatility a threshold does not fall. Two steps of half the time
    with the same `want` come to where one of the whole time does.

    >>> rule = ThresholdRule(up=0.25, down=0.02)
    >>> follow(rule, 1.0, 2.0, 1.0), follow(rule, 2.0, 1.0, 5.0), follow(rule, 1.1, 1.2, 24.0)
    (1.25, 1.9, 1.2)
    """
    if not hours >= 0.0:
        raise refuse("hours", hours, "a time from zero up: the steps of a path go forward")
    if want != want:
        return before
    if before - rule.down * hours <= want <= before + rule.up * hours:
        return want
    return before + rule.up * hours if want > before else before - rule.down * hours


def scalars(rule: ThresholdRule, hours: F64, fast: F64, forecast: F64, start: float = 1.0) -> F64:
    """`[K]` the scalar at the times `hours[K]`, which do not fall; the first is `start`.

    `fast[K]` and `forecast[K]` are known at their time, so the scalar at a time follows from nothing later. Raises
    `DocumentError` for a start outside 1 to `cap`, a negative or infinite volatility, or times that go back.
    """
    times = np.asarray(hours, dtype=np.float64)
    for name, vols in (("fast", np.asarray(fast)), ("forecast", np.asarray(forecast))):
        if vols.shape != times.shape or times.ndim != 1:
            raise refuse(name, f"an array {vols.shape} for {times.shape} times", "one volatility for every time")
        if np.isinf(vols).any() or (vols < 0.0).any():
            raise refuse(name, "a negative or infinite volatility", "numbers from zero up, NaN where nothing is known")
    if not 1.0 <= start <= rule.cap:
        raise refuse("start", start, f"a scalar from 1 to {rule.cap:g}")
    want, found, now = wanted(rule, blended(rule, fast, forecast)), np.empty(times.size), start
    for k in range(times.size):
        now = follow(rule, now, float(want[k]), float(times[k] - times[k - 1])) if k else start
        found[k] = now
    return found


def zone(rule: ThresholdRule, equity: float, base: float, scalar: float, before: Zone = "green") -> Zone:
    """Where an account stands; `base` is `MM_0`, in the unit of `equity`, and `before` the zone that it comes from.

    ```
    black   equity <= 0                                 the waterfall
    red     equity < MM_0                               the smallest close that brings the target back
    amber   equity < V MM_0, or < release V MM_0 on the way back        called, reduce-only, a deadline
    green   else
    ```

    An account that needs no margin and owes nothing is green. With equity and `MM_0` unchanged an account that leaves
    the amber zone can be back in it only after `V` has moved by at least `1 - 1 / release`: in `T` hours its zone
    changes at most `2 + 2 T / (gap / up + gap / down)` times, `gap = (equity / MM_0) (1 - 1 / release)`, however the
    volatility swings. Raises `DocumentError` for numbers that are not finite.

    >>> [zone(ThresholdRule(), e, 4.0, 2.0) for e in (9.0, 6.0, 3.0, 0.0)]
    ['green', 'amber', 'red', 'black']
    >>> zone(ThresholdRule(), 8.2, 4.0, 2.0), zone(ThresholdRule(), 8.2, 4.0, 2.0, "amber")
    ('green', 'amber')
    """
    if not (np.isfinite(equity) and np.isfinite(base) and np.isfinite(scalar) and base >= 0.0 and scalar >= 1.0):
        got = f"equity {equity}, margin {base}, scalar {scalar}"
        raise refuse("account", got, "finite numbers, a margin from zero up and a scalar from one up")
    if equity < 0.0 or (equity == 0.0 and base > 0.0):
        return "black"
    if equity < base:
        return "red"
    line = scalar * base
    if equity < line or (before != "green" and equity < rule.release * line):
        return "amber"
    return "green"


def zones(rule: ThresholdRule, equity: F64, base: F64, scalar: F64, before: Zone = "green") -> tuple[Zone, ...]:
    """The zone at each of `K` times, each coming from the one before; see `zone`."""
    found: list[Zone] = []
    for e, m, v in zip(equity.tolist(), base.tolist(), scalar.tolist(), strict=True):
        before = zone(rule, e, m, v, before)
        found.append(before)
    return tuple(found)


def changes(path: Sequence[Zone]) -> int:
    """How often a path goes from one zone to another.

    >>> changes(["green", "amber", "amber", "green"])
    2
    """
    return sum(one != other for one, other in pairwise(path))
