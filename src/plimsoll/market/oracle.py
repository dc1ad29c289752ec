"""One price from several sources: who is believed, who is not, and when the price itself is not.

A price that liquidates people must not be one that somebody made. The weighted median of at least three sources moves
only when half of their weight does; a source that is off it is set apart; and a move of the median that is larger than
the market's own is *suspect* until enough sources say so for long enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from plimsoll.documents import DAY_SECONDS, Document, Fraction, NonNegative, Positive, refuse

Status = Literal["good", "suspect", "thin"]
Fault = Literal["stale", "not a price", "from the future", "off the others", "in quarantine"]


class OracleRule(Document):
    """How prices of several sources become one.

    ```
    band(dt)   sigmas * sigma * sqrt(dt) + spread      log distance; sigma per second, dt in seconds
    stale      a quote older than this many seconds is left out
    lag        a price may be this much older, in seconds, than its source says: as much wider is its band
    quarantine for so many seconds a source that was off the median by more than its band is left out
    suspect    the median has moved from the last good price by more than the band of the time between
    confirm    a suspect price that sources of `agree` of all fresh weight share for so many seconds is good
    thin       fewer than `least` sources are left: the last good price stands, and is not good for liquidating
    ```

    After its quarantine a source comes back when it is inside its band. Where three or more are asked for, the price is
    thin as well when one of those left has half of their weight: the median would be where it says.
    `daily_vol` is the least volatility that the band knows; above it, it is that of the accepted prices, weighted
    exponentially with `halflife` seconds. `window` is that of the time-weighted average, in seconds.
    """

    SCHEMA: ClassVar[str] = "plimsoll.oracle-rule"

    least: Annotated[int, Field(strict=True, ge=1, le=100)] = 3
    stale: Positive = 60.0
    lag: NonNegative = 20.0
    sigmas: Positive = 6.0
    daily_vol: Positive = 0.03
    halflife: Positive = 900.0
    spread: NonNegative = 0.004
    quarantine: NonNegative = 60.0
    confirm: NonNegative = 60.0
    agree: Fraction = 0.75
    window: Positive = 300.0


@dataclass(frozen=True)
class Quote:
    """What a source says: a `price`, the `time` it is of (seconds), and how much its word counts."""

    source: str
    time: float
    price: float
    weight: float = 1.0


@dataclass(frozen=True)
class OracleState:
    """What is remembered between two readings: the last good price with its time and its variance per second, the time
    of the last reading, and who is set apart."""

    price: float | None = None
    time: float = -math.inf
    variance: float = 0.0
    suspect_since: float | None = None
    suspect_price: float = 0.0
    quarantined: Mapping[str, float] = field(default_factory=dict)
    recent: tuple[tuple[float, float], ...] = ()
    latest: float = -math.inf


@dataclass(frozen=True)
class Reading:
    """One reading of all sources.

    `price` is the one to use for everything that does not hurt anybody for a wrong price: the median where it is good,
    else the last good one. `median` is what the sources say. `low` and `high` hold both and the time-weighted average:
    conservative marks. `move` is the log move of the median from the last good price and `allowed` its band.
    """

    time: float
    price: float
    status: Status
    median: float | None
    low: float
    high: float
    move: float
    allowed: float
    used: tuple[str, ...]
    faults: Mapping[str, Fault]

    def mark(self, quantity: float) -> float:
        """The conservative price of a holding: the lowest for what is owned, the highest for what is owed."""
        return self.low if quantity > 0 else self.high


def weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """The value at which half of the weight lies on either side; the middle of two where that is a whole interval.

    >>> weighted_median([(1.0, 1.0), (2.0, 1.0), (50.0, 1.0)]), weighted_median([(1.0, 1.0), (3.0, 1.0)])
    (2.0, 2.0)
    """
    ordered = sorted((p, w) for p, w in pairs if w > 0)
    if not ordered:
        raise refuse("quotes", "no weight", "at least one price with a weight above zero")
    half, total = math.fsum(w for _, w in ordered) / 2.0, 0.0
    for k, (price, weight) in enumerate(ordered):
        total += weight
        if math.isclose(total, half, rel_tol=1e-12):
            return (price + ordered[k + 1][0]) / 2.0
        if total > half:
            return price
    return ordered[-1][0]


def band(rule: OracleRule, variance: float, seconds: float) -> float:
    """The log distance that a price may go in so many seconds."""
    least = rule.daily_vol**2 / DAY_SECONDS
    return rule.sigmas * math.sqrt(max(variance, least) * max(0.0, seconds)) + rule.spread


def observe(rule: OracleRule, state: OracleState, quotes: Sequence[Quote], time: float) -> tuple[OracleState, Reading]:
    """Read all sources at `time` (seconds, not before the last reading) and remember what is needed for the next.

    Raises `DocumentError` for two quotes of one source, for a time that goes back, and where there is neither a good
    price before nor enough sources now.
    """
    _check(state, quotes, time)
    faults = _unusable(rule, quotes, time)
    fresh = [q for q in quotes if q.source not in faults]
    apart = {s: until for s, until in state.quarantined.items() if until > time}
    trusted, off = _agreeing(rule, state, [q for q in fresh if q.source not in apart], time)
    # who was set apart comes back when its time is over and it agrees
    faults |= dict.fromkeys((s for s in apart if any(q.source == s for q in fresh)), "in quarantine")
    faults |= dict.fromkeys(off, "off the others")
    apart |= dict.fromkeys(off, time + rule.quarantine)
    median = weighted_median([(q.price, q.weight) for q in trusted]) if trusted else None
    now = replace(state, quarantined=apart, latest=time)
    if median is None or len(trusted) < rule.least or _ruled_by_one(rule, trusted):
        return _thin(rule, now, median, trusted, faults, time)
    if now.price is None:
        now = _accepted(rule, now, median, time)
        return now, _reading(now, median, "good", 0.0, math.inf, trusted, faults, time)
    move, allowed = abs(math.log(median / now.price)), band(rule, now.variance, time - now.time)
    if move <= allowed:
        now = _accepted(rule, replace(now, suspect_since=None), median, time)
        return now, _reading(now, median, "good", move, allowed, trusted, faults, time)
    return _suspect(rule, now, median, fresh, trusted, faults, time, move, allowed)


def _check(state: OracleState, quotes: Sequence[Quote], time: float) -> None:
    names = [q.source for q in quotes]
    if len(set(names)) != len(names):
        raise refuse("quotes", sorted(n for n in set(names) if names.count(n) > 1), "one quote of each source")
    last = max(state.time, state.latest)
    if not time >= last or not math.isfinite(time):
        raise refuse("time", time, f"a number from {last:g} on")


def _unusable(rule: OracleRule, quotes: Sequence[Quote], time: float) -> dict[str, Fault]:
    found: dict[str, Fault] = {}
    for q in quotes:
        if not (math.isfinite(q.price) and q.price > 0.0 and math.isfinite(q.weight) and q.weight > 0.0):
            found[q.source] = "not a price"
        elif not q.time <= time:
            found[q.source] = "from the future"
        elif time - q.time > rule.stale:
            found[q.source] = "stale"
    return found


def _agreeing(
    rule: OracleRule, state: OracleState, quotes: list[Quote], time: float
) -> tuple[list[Quote], tuple[str, ...]]:
    """Sources inside their band around the median, and those outside, the farthest taken out first."""
    kept, off = list(quotes), []
    while len(kept) > 1:
        median = weighted_median([(q.price, q.weight) for q in kept])
        far = [
            (abs(math.log(q.price / median)) - band(rule, state.variance, time - q.time + rule.lag), q) for q in kept
        ]
        worst, source = max(far, key=lambda x: (x[0], x[1].source))
        if worst <= 0.0:
            break
        kept.remove(source)
        off.append(source.source)
    return kept, tuple(off)


def _width(rule: OracleRule, state: OracleState, quote: Quote, time: float) -> float:
    """The band of one source: as wide as its price may be old."""
    return band(rule, state.variance, time - quote.time + rule.lag)


def _ruled_by_one(rule: OracleRule, trusted: Sequence[Quote]) -> bool:
    """Whether one source alone has half of the weight, so that the median is where it says. A rule that is content
    with one or two sources has said so."""
    return rule.least >= 3 and 2.0 * max(q.weight for q in trusted) >= math.fsum(q.weight for q in trusted)


def _thin(
    rule: OracleRule,
    now: OracleState,
    median: float | None,
    trusted: list[Quote],
    faults: Mapping[str, Fault],
    time: float,
) -> tuple[OracleState, Reading]:
    if now.price is None:
        told = f"{len(trusted)} that can be used" + "".join(f"; {s} {f}" for s, f in sorted(faults.items()))
        needed = f"at least {rule.least} sources for a first price, none with half of their weight"
        raise refuse("quotes", told, needed)
    move = 0.0 if median is None else abs(math.log(median / now.price))
    allowed = band(rule, now.variance, time - now.time)
    return now, _reading(now, median, "thin", move, allowed, trusted, faults, time)


def _suspect(
    rule: OracleRule,
    now: OracleState,
    median: float,
    fresh: list[Quote],
    trusted: list[Quote],
    faults: Mapping[str, Fault],
    time: float,
    move: float,
    allowed: float,
) -> tuple[OracleState, Reading]:
    """A median that went too far: good once enough of all fresh sources, quarantined ones too, have stayed there."""
    near = [q for q in fresh if abs(math.log(q.price / median)) <= _width(rule, now, q, time)]
    agreed = math.fsum(q.weight for q in near) >= rule.agree * math.fsum(q.weight for q in fresh)
    assert now.price is not None
    # a suspect price that comes back, or goes to the other side, starts anew; one that goes further does not
    same_side = (median > now.price) == (now.suspect_price > now.price)
    since = now.suspect_since if now.suspect_since is not None and agreed and same_side else time
    now = replace(now, suspect_since=since, suspect_price=median)
    if agreed and time - since >= rule.confirm:
        now = _accepted(rule, replace(now, suspect_since=None), median, time)
        return now, _reading(now, median, "good", move, allowed, trusted, faults, time)
    return now, _reading(now, median, "suspect", move, allowed, trusted, faults, time)


def _accepted(rule: OracleRule, now: OracleState, price: float, time: float) -> OracleState:
    variance = now.variance
    seconds = time - now.time
    if now.price is not None and seconds > 0.0:
        weight = 0.5 ** (seconds / rule.halflife)
        variance = weight * variance + (1.0 - weight) * math.log(price / now.price) ** 2 / seconds
    # one that stood for no time weighs nothing in the average
    recent = tuple((t, p) for t, p in now.recent if time - rule.window <= t != time)
    return replace(now, price=price, time=time, variance=variance, recent=(*recent, (time, price)))


def _average(now: OracleState, time: float) -> float:
    """Time-weighted average of the accepted prices in the window, each from its time to the next."""
    assert now.price is not None
    ends = [t for t, _ in now.recent[1:]] + [time]
    spans = [(end - t, p) for (t, p), end in zip(now.recent, ends, strict=True)]
    whole = math.fsum(s for s, _ in spans)
    return math.fsum(s * p for s, p in spans) / whole if whole > 0 else now.price


def _reading(
    now: OracleState,
    median: float | None,
    status: Status,
    move: float,
    allowed: float,
    trusted: list[Quote],
    faults: Mapping[str, Fault],
    time: float,
) -> Reading:
    assert now.price is not None
    marks = [now.price, _average(now, time), *([median] if median is not None else [])]
    used = tuple(sorted(q.source for q in trusted))
    return Reading(time, now.price, status, median, min(marks), max(marks), move, allowed, used, dict(faults))
