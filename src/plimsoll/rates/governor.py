"""From what a model asks for at each moment to the rate that is in force: calm going up, calmer coming down.

```
blended   (1 - w) raw + w stressed                                 EMIR RTS 153/2013 article 28 (b)
buffered  blended (1 + b (1 - used)),  used from 0 when calm to 1 in stress            article 28 (a)
wanted    the larger of buffered and the floor, at most the cap                        article 28 (c)
limited   wanted, but per day at most `up` above and `down` below what it was
announced limited, rounded up to the grid; small falls wait
in force  what was announced, `notice_hours` later
override  raw at once, with the reason, if the rate in force is below raw / `emergency`
urged     what a learned forecast asks for, at once, with the reason, if the rate in force is below it
event     raw at once, with what happened, if the rate in force is below it
```

Every stage can be switched off. What is known at an instant decides what is announced then: no later value is read.
Capabilities K11; the shapes are those of section 4 of the institutional models.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Document, Flag, Fraction, NonNegative, Positive, fault, refuse

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Cause = Literal[
    "start",
    "tail",
    "stress weight",
    "buffer",
    "floor",
    "cap",
    "speed limit up",
    "speed limit down",
    "emergency",
    "forecast",
    "event",
]

DAY_NS = 86_400_000_000_000
_SMALL = 1e-12
_MOST = 700.0  # of an exponent


class GovernorRule(Document):
    """How a published rate follows the raw one; every rate is a fraction of the notional.

    `buffer` is b and `stress_weight` w; at 0 they are off, as the floor is with `floor` false. `calm` and `stressed`
    are the stress index, the raw rate over its long-run level, at which the buffer is whole and used up. `up_per_day`
    and `down_per_day` are the largest relative changes of a day, compounded over the time that passed; without one
    there is no such limit. Rates are published on a grid of `step`, rounded up (0: none), and a fall is announced once
    it is larger than the part `least_change` of the rate. No rate is above `cap`. Without `emergency` there is no
    override; with it the rate in force is never below `raw / emergency`, or the cap.
    """

    SCHEMA: ClassVar[str] = "plimsoll.rate-governor"

    floor: Flag = True
    buffer: Fraction = 0.25
    calm: Positive = 1.0
    stressed: Positive = 2.0
    stress_weight: Fraction = 0.25
    up_per_day: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=100)] | None = 0.25
    down_per_day: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)] | None = 0.02
    notice_hours: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=8760)] = 24.0
    least_change: Fraction = 0.02
    step: NonNegative = 0.005
    cap: Positive = 1.0
    emergency: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=100)] | None = 1.25

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.stressed > self.calm:
            raise fault("stressed", self.stressed, f"a stress index above calm ({self.calm:g})")
        up, down = self.up_per_day, self.down_per_day
        if up is not None and down is not None and not math.log1p(up) >= -math.log1p(-down):
            raise fault("down_per_day", down, f"a fall no faster than the rise of up_per_day ({up:g})")
        return self


RAW = GovernorRule(
    floor=False,
    buffer=0.0,
    stress_weight=0.0,
    up_per_day=None,
    down_per_day=None,
    notice_hours=0.0,
    least_change=0.0,
    step=0.0,
    emergency=None,
)
"""The rule that publishes the raw rate as it is."""


@dataclass(frozen=True)
class Change:
    """One announcement: at index `announced` of the series, in force from `effective` ns on, from rate to rate.

    `causes` say what set the new rate, the strongest first; `reason` says it with its numbers.
    """

    announced: int
    effective: int
    before: float
    after: float
    causes: tuple[Cause, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class Published:
    """`rate[T]` in force at each instant, `announced[T]` the last announcement, `wanted[T]` before the speed limits."""

    times: I64
    rate: F64
    announced: F64
    wanted: F64
    changes: tuple[Change, ...]

    @property
    def overrides(self) -> tuple[Change, ...]:
        """The changes that skipped notice and speed limit."""
        return tuple(c for c in self.changes if set(c.causes) & {"emergency", "forecast", "event"})


def govern(
    rule: GovernorRule,
    times: npt.ArrayLike,
    raw: npt.ArrayLike,
    *,
    floor: npt.ArrayLike | float = 0.0,
    stressed: npt.ArrayLike | None = None,
    stress_index: npt.ArrayLike | None = None,
    urged: npt.ArrayLike | float = 0.0,
    events: Mapping[int, str] | None = None,
) -> Published:
    """The published rates of a series `raw[T]` at `times[T]` (int64 ns, UTC, increasing).

    `floor` is the rate of the longest history, `[T]` or one number. `stressed` is the rate of the stressed
    observations, counted as at least `raw`; without it, the largest raw rate so far. `stress_index` is the raw rate
    over its long-run level; without it, over the mean of the raw rates so far. `urged` is what a learned forecast asks
    for: a rate in force below it rises to it at once, and falls again by the speed limit and with notice; nothing that
    it says lowers a rate. `events` says at which indices something happened, and what: a rate in force below the raw
    one rises to it at once, whatever `emergency` tolerates. Each entry must be known at its time.
    The first instant publishes what is wanted then.

    Errors: `DocumentError` naming the series and the index of the first entry that is no rate.

    >>> day = 86_400_000_000_000
    >>> found = govern(GovernorRule(buffer=0.0, stress_weight=0.0, notice_hours=24.0, step=0.0, emergency=None),
    ...                [0, day, 2 * day], [0.1, 0.2, 0.2])
    >>> found.rate.round(4).tolist(), found.announced.round(4).tolist()
    ([0.1, 0.1, 0.125], [0.1, 0.125, 0.1562])
    """
    at = _instants(times)
    asked = _rates("raw", raw, at.size, positive=True)
    lowest = _rates("floor", floor, at.size)
    worst = np.maximum.accumulate(asked) if stressed is None else _rates("stressed", stressed, at.size)
    index = (
        asked / (np.cumsum(asked) / np.arange(1, at.size + 1))
        if stress_index is None
        else _rates("stress_index", stress_index, at.size)
    )
    blended, buffered, wanted = wanted_rates(rule, asked, lowest, worst, index)
    pressed = _rates("urged", urged, at.size)
    happened = {} if events is None else dict(events)
    strange = [k for k in happened if not 0 <= k < at.size]
    if strange:
        raise refuse("events", strange[0], f"indices from 0 to {at.size - 1}")
    return Walk(rule, at, asked, lowest, blended, buffered, wanted, pressed, happened).run()


def wanted_rates(rule: GovernorRule, raw: F64, floor: F64, stressed: F64, index: F64) -> tuple[F64, F64, F64]:
    """The first three stages, each `[T]`: blended, buffered, wanted."""
    w = rule.stress_weight
    blended = (1.0 - w) * raw + w * np.maximum(stressed, raw)
    used = np.clip((index - rule.calm) / (rule.stressed - rule.calm), 0.0, 1.0)
    buffered = blended * (1.0 + rule.buffer * (1.0 - used))
    return blended, buffered, np.minimum(np.maximum(buffered, floor) if rule.floor else buffered, rule.cap)


@dataclass
class Walk:
    """The announcements in order of time; everything that depends on the past is here.

    `advance` looks at one entry of the series and at nothing later, so they may be filled in while it walks
    (`plimsoll.rates.online`); `run` takes them all.
    """

    rule: GovernorRule
    times: I64
    raw: F64
    floor: F64
    blended: F64
    buffered: F64
    wanted: F64
    urged: F64
    events: Mapping[int, str]

    def __post_init__(self) -> None:
        self.notice = round(self.rule.notice_hours * 3_600_000_000_000)
        self.waiting: deque[tuple[int, float]] = deque()
        self.changes: list[Change] = []
        self.track = self.force = self.last = 0.0

    def run(self) -> Published:
        """Every entry in its order."""
        count = self.times.size
        rate, announced = np.empty(count), np.empty(count)
        for k in range(count):
            rate[k], announced[k] = self.advance(k)
        for series in (rate, announced):
            series.flags.writeable = False
        return Published(self.times, rate, announced, self.wanted, tuple(self.changes))

    def advance(self, k: int) -> tuple[float, float]:
        """The rate in force and the last one announced at `k`, the entry after the one before."""
        rule, now = self.rule, int(self.times[k])
        if k == 0:
            self.track = float(self.wanted[0])
            self.force = self.last = self._rounded(self.track)
            causes: tuple[Cause, ...] = ("start", *self._causes(0))
            self.changes.append(Change(0, now, self.force, self.force, causes, "the first rate"))
        while self.waiting and self.waiting[0][0] <= now:
            self.force = self.waiting.popleft()[1]
        if k:
            self.track, causes = self._limited(k, self.track, now - int(self.times[k - 1]))
            target = self._rounded(self.track)
            # a fall of just the least change waits on every machine, whatever the last digits of its power are there
            if target > self.last or target < self.last * (1.0 - rule.least_change) * (1.0 - _SMALL):
                if target > self.last:
                    # whoever waits for a fall would see it undone: it does not come
                    self.waiting = deque(w for w in self.waiting if w[1] >= min(self.force, target))
                self.changes.append(Change(k, now + self.notice, self.last, target, causes, self._reason(k, causes)))
                self.last = target
                if self.notice:
                    self.waiting.append((now + self.notice, target))
                else:
                    self.force = target
        found = self._override(k, self.force)
        if found is not None:
            needed, cause, reason = found
            # whoever waits for a fall would see it undone, and what waits above comes no later than now
            self.waiting.clear()
            self.track = max(self.track, needed)
            self.last = max(self._rounded(needed), self.last)
            self.changes.append(Change(k, now, self.force, self.last, (cause,), reason))
            self.force = self.last
        return self.force, self.last

    def _limited(self, k: int, track: float, passed: int) -> tuple[float, tuple[Cause, ...]]:
        """The wanted rate at `k` within the limits of the time since the last look, and why it is what it is."""
        rule, days = self.rule, passed / DAY_NS
        target, causes = float(self.wanted[k]), self._causes(k)
        if rule.up_per_day is not None:
            most = track * math.exp(min(math.log1p(rule.up_per_day) * days, _MOST))
            if target > most:
                return most, ("speed limit up", *causes)
        if rule.down_per_day is not None:
            least = track * math.exp(math.log1p(-rule.down_per_day) * days)
            if target < least:
                return least, ("speed limit down", *causes)
        return target, causes

    def _override(self, k: int, force: float) -> tuple[float, Cause, str] | None:
        """The rate that must be in force at `k` at once with its cause and reason, or `None`."""
        rule, lowest = self.rule, float(self.floor[k]) if self.rule.floor else 0.0
        raw, urged = float(self.raw[k]), float(self.urged[k])
        emergency = rule.emergency is not None and min(raw, rule.cap) > rule.emergency * force
        called = k in self.events and min(raw, rule.cap) > force
        pressed = min(urged, rule.cap) > force
        if not (emergency or called or pressed):
            return None
        needed = min(max(raw if emergency or called else 0.0, urged if pressed else 0.0, lowest), rule.cap)
        at_once = "raised at once, without notice"
        if pressed and not ((emergency or called) and raw >= urged):
            return needed, "forecast", f"the forecast's rate {urged:.4%} is above the {force:.4%} in force: {at_once}"
        if called:
            what = f"{self.events[k]}; raw rate {raw:.4%} is above"
            return needed, "event", f"{what} the {force:.4%} in force: {at_once}"
        what = f"raw rate {raw:.4%} is more than {rule.emergency:g} times"
        return needed, "emergency", f"{what} the {force:.4%} in force: {at_once}"

    def _causes(self, k: int) -> tuple[Cause, ...]:
        """What the wanted rate is made of, the largest part first."""
        if self.wanted[k] >= self.rule.cap:
            return ("cap",)
        if self.rule.floor and self.floor[k] >= self.buffered[k]:
            return ("floor",)
        parts: list[tuple[float, Cause]] = [
            (float(self.raw[k]), "tail"),
            (float(self.blended[k] - self.raw[k]), "stress weight"),
            (float(self.buffered[k] - self.blended[k]), "buffer"),
        ]
        return tuple(name for size, name in sorted(parts, key=lambda p: -p[0]) if size > _SMALL)

    def _reason(self, k: int, causes: Sequence[Cause]) -> str:
        stages = f"raw {self.raw[k]:.4%}, blended {self.blended[k]:.4%}, buffered {self.buffered[k]:.4%}"
        lowest = f", floor {self.floor[k]:.4%}" if self.rule.floor else ""
        return f"{stages}{lowest}: {', '.join(causes)}"

    def _rounded(self, rate: float) -> float:
        """`rate` on the grid, upwards."""
        step = self.rule.step
        return min(math.ceil(rate / step - 1e-9) * step, self.rule.cap) if step else rate


def _instants(times: npt.ArrayLike) -> I64:
    at = np.asarray(times)
    if at.ndim != 1 or not at.size or at.dtype.kind not in "iu":
        raise refuse("times", f"{at.dtype} of shape {at.shape}", "int64 nanoseconds [T], at least one")
    at = at.astype(np.int64)
    back = np.flatnonzero(np.diff(at) <= 0)
    if back.size:
        raise refuse(f"times[{int(back[0]) + 1}]", int(at[back[0] + 1]), "a time after the one before it")
    return at


def _rates(name: str, values: npt.ArrayLike, count: int, *, positive: bool = False) -> F64:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim == 0:
        found = np.full(count, float(found))
    if found.shape != (count,):
        raise refuse(name, f"shape {found.shape}", f"one rate for each of {count} times")
    bad = ~np.isfinite(found) | (found <= 0 if positive else found < 0)
    if bad.any():
        at = int(np.argmax(bad))
        raise refuse(
            f"{name}[{at}]", float(found[at]), "a rate above zero" if positive else "a number of at least zero"
        )
    return found
