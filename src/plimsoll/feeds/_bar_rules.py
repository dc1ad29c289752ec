"""The rules by which bad bars are repaired or refused, and the report that counts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem, format_instant
from plimsoll.market.history import HOUR_NS, History, instant_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

Rule = Literal[
    "gap",
    "duplicate",
    "conflict",
    "not-a-price",
    "out-of-order",
    "jitter",
    "zone-slip",
    "range",
]
RULES: dict[Rule, str] = {
    "gap": "a bar that is missing between two others becomes a row of NaN; nothing is carried forward or bridged",
    "duplicate": "the same bar again, with the same numbers: one is kept",
    "conflict": "two bars of one time with different numbers: refused, or the first or the last is kept, as told",
    "not-a-price": "a price that is zero, negative, infinite or missing becomes NaN; over one in a hundred: refused",
    "out-of-order": "times that go back in the file: sorted",
    "jitter": "a time less than a hundredth of a step off the grid is put on it",
    "zone-slip": "whole hours off the grid: refused, moved or left out, as told; off another source: refused",
    "range": "a high under or a low over another price of its bar, or a high over twice the low: counted, kept",
}
"""Each rule in words. What is repaired is counted; what is refused raises `DocumentError` and names the rule."""

Conflicts = Literal["refuse", "first", "last"]
Slips = Literal["refuse", "move", "drop"]


@dataclass(frozen=True)
class Finding:
    """`count` bars of series `name` met `rule`; `first` is the stamp of the earliest in the file, `what` says more."""

    rule: Rule
    name: str
    count: int
    first: str
    what: str


@dataclass
class BarReport:
    """What was found in a file of bars and what was done about it."""

    source: str
    rows: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, rule: Rule, name: str, stamps: I64, what: str) -> None:
        """Record a repair of the bars stamped `stamps` (ns); nothing when there are none."""
        if len(stamps):
            first = format_instant(instant_of(int(stamps.min())))
            self.findings.append(Finding(rule, name, len(stamps), first, what))

    def count(self, rule: Rule, name: str | None = None) -> int:
        """Bars that met `rule`, of one series or of all."""
        return sum(f.count for f in self.findings if f.rule == rule and name in (None, f.name))

    @property
    def counts(self) -> dict[str, int]:
        """Bars by rule, every rule named, zeros included."""
        return {rule: self.count(rule) for rule in RULES}


def refused(rule: Rule, name: str, stamps: I64, what: str, allowed: str, source: str) -> DocumentError:
    """The error for bars that no rule may repair."""
    first = format_instant(instant_of(int(stamps.min())))
    got = f"{len(stamps)} bars of {name} from {first}: {what}"
    return DocumentError(Problem(f"bars.{rule}", got, allowed), source)


@dataclass
class Raw:
    """The rows of one series as they stand in the file: stamps `[n]` (ns) and one column `[n]` per field."""

    name: str
    stamps: I64
    fields: dict[str, F64]

    def take(self, index: npt.NDArray[np.intp]) -> Raw:
        return Raw(self.name, self.stamps[index], {k: v[index] for k, v in self.fields.items()})


def ordered(raw: Raw, report: BarReport) -> Raw:
    """Rows by time; those that went back are counted."""
    back = np.flatnonzero(np.diff(raw.stamps) < 0) + 1
    report.add("out-of-order", raw.name, raw.stamps[back], "the time is before that of the row above")
    return raw.take(np.argsort(raw.stamps, kind="stable")) if len(back) else raw


def on_grid(raw: Raw, step: int, slips: Slips, report: BarReport) -> Raw:
    """Stamps on the grid that most of them share; small jitter is taken off, whole hours are a slipped zone."""
    phases = raw.stamps % step
    values, counts = np.unique(phases, return_counts=True)
    phase = int(values[np.argmax(counts)])
    off = (phases - phase + step // 2) % step - step // 2
    jitter = (off != 0) & (np.abs(off) <= step // 100)
    report.add("jitter", raw.name, raw.stamps[jitter], f"up to {np.abs(off[jitter]).max(initial=0) / 1e9:g} s")
    stamps = raw.stamps - np.where(jitter, off, 0)
    off = np.where(jitter, 0, off)
    slipped = (off != 0) & (off % HOUR_NS == 0)
    strange = (off != 0) & ~slipped
    if strange.any():
        what = f"{off[strange][0] / 1e9:g} s off a grid of {step / 1e9:g} s"
        allowed = "times on one grid, or less than a hundredth of a step off it"
        raise refused("jitter", raw.name, stamps[strange], what, allowed, report.source)
    if slipped.any():
        hours = sorted({int(o) // HOUR_NS for o in off[slipped]})
        what = f"{', '.join(f'{h:+d}' for h in hours)} h off the grid of the others"
        if slips == "refuse":
            allowed = "bars in one time zone; slips='move' puts them on the grid, slips='drop' leaves them out"
            raise refused("zone-slip", raw.name, stamps[slipped], what, allowed, report.source)
        report.add("zone-slip", raw.name, stamps[slipped], f"{what}, {'moved' if slips == 'move' else 'left out'}")
        if slips == "drop":
            return Raw(raw.name, stamps, raw.fields).take(np.flatnonzero(~slipped))
        stamps = stamps - np.where(slipped, off, 0)
    return ordered(Raw(raw.name, stamps, raw.fields), BarReport(report.source))


def priced(raw: Raw, report: BarReport) -> Raw:
    """Prices that are none become NaN; too many of them and the file is not one of prices."""
    fields = dict(raw.fields)
    for key in ("open", "high", "low", "close"):
        if key in fields:
            bad = ~(np.isfinite(fields[key]) & (fields[key] > 0.0))
            if key == "close":
                if bad.mean() > 0.01:
                    what = "zero, negative, infinite or no number at all"
                    allowed = "at most one close in a hundred that is not a price"
                    raise refused("not-a-price", raw.name, raw.stamps[bad], what, allowed, report.source)
                report.add("not-a-price", raw.name, raw.stamps[bad], "a close that is not a price, now NaN")
            fields[key] = np.where(bad, np.nan, fields[key])
    return Raw(raw.name, raw.stamps, fields)


def single(raw: Raw, conflicts: Conflicts, report: BarReport) -> Raw:
    """One bar for each time; `raw` is in order of time."""
    again = np.flatnonzero(np.diff(raw.stamps) == 0) + 1
    if not len(again):
        return raw
    same = np.ones(len(again), dtype=bool)
    for column in raw.fields.values():
        a, b = column[again - 1], column[again]
        same &= (a == b) | (np.isnan(a) & np.isnan(b))
    report.add("duplicate", raw.name, raw.stamps[again[same]], "the same bar again, one kept")
    differing = raw.stamps[again[~same]]
    if len(differing):
        what = "another bar of the same time"
        if conflicts == "refuse":
            allowed = "one bar for each time; conflicts='first' or 'last' says which to keep"
            raise refused("conflict", raw.name, differing, what, allowed, report.source)
        report.add("conflict", raw.name, differing, f"{what}, the {conflicts} of the file kept")
    if conflicts == "first":
        keep = np.concatenate([[True], np.diff(raw.stamps) != 0])
    else:
        keep = np.concatenate([np.diff(raw.stamps) != 0, [True]])
    return raw.take(np.flatnonzero(keep))


def ranged(raw: Raw, report: BarReport) -> None:
    """Count bars whose own prices contradict each other, or whose range is doubtful; a crash is not repaired away."""
    if not {"high", "low"} <= set(raw.fields):
        return
    high, low = raw.fields["high"], raw.fields["low"]
    inner = np.vstack([raw.fields[k] for k in ("open", "close") if k in raw.fields])
    with np.errstate(invalid="ignore"):
        crossed = (high < inner).any(axis=0) | (low > inner).any(axis=0) | (high < low)
        wide = ~crossed & (high > 2.0 * low)
    report.add("range", raw.name, raw.stamps[crossed], "high or low contradicts another price of the bar")
    report.add("range", raw.name, raw.stamps[wide], "the high is over twice the low")


def gapped(name: str, present: npt.NDArray[np.bool_], stamps: I64, report: BarReport) -> None:
    """Count the missing bars between the first and the last one of a series on the whole grid."""
    there = np.flatnonzero(present)
    if len(there):
        missing = np.flatnonzero(~present[there[0] : there[-1]]) + there[0]
        report.add("gap", name, stamps[missing], "no bar, a row of NaN")


def slips_of(history: History, against: History, *, most_hours: int = 14) -> dict[str, int]:
    """By how many seconds each series is stamped late against another source, 0 where they agree.

    Names that both have, on one step. Series on grids that differ by whole hours are off by that. On one grid, shifts
    by one bar (a start stamped as an end) and by whole hours (a local clock) are tried: with `d` the log ratio of the
    two closes, a shift is told if the median of `|d - median(d)|` at it is less than half of that at no shift; a
    constant basis between two venues so counts for nothing. Series that overlap in fewer than 24 bars tell nothing and
    are left out.
    """
    step = history.step_ns
    if step != against.step_ns:
        raise DocumentError(Problem("against.step_ns", str(against.step_ns), f"{step}, the step of the file"))
    shared = [n for n in history.names if n in against.names]
    if not len(history) or not len(against):
        return {}
    phase = (int(history.times[0] - against.times[0]) + step // 2) % step - step // 2
    if phase:
        return dict.fromkeys(shared, phase // 1_000_000_000)
    hours = [h * HOUR_NS for h in range(-most_hours, most_hours + 1) if h * HOUR_NS % step == 0]
    found = {}
    for name in shared:
        scores = {}
        for shift in sorted({0, step, -step, *hours}, key=lambda s: (abs(s), s)):
            score = _disagreement(history, against, name, shift)
            if score is not None:
                scores[shift] = score
        if 0 in scores or scores:
            best = min(scores, key=lambda s: scores[s])
            found[name] = best // 1_000_000_000 if scores[best] < 0.5 * scores.get(0, np.inf) else 0
    return found


def _disagreement(a: History, b: History, name: str, shift: int) -> float | None:
    """Median absolute deviation of the log ratio of two series when `a` is moved back by `shift` ns."""
    lag = (int(b.times[0]) - int(a.times[0]) + shift) // a.step_ns
    x, y = a.series(name)[max(0, lag) :], b.series(name)[max(0, -lag) :]
    size = min(len(x), len(y))
    with np.errstate(invalid="ignore", divide="ignore"):
        d = np.log(x[:size] / y[:size])
    d = d[np.isfinite(d)]
    return float(np.median(np.abs(d - np.median(d)))) if len(d) >= 24 else None


@contextmanager
def told(source: str) -> Iterator[None]:
    """Errors about a file name the file."""
    try:
        yield
    except DocumentError as error:
        raise error if error.source else error.within(source) from None
