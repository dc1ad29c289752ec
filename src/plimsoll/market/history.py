"""Closes over time, each at the instant at which it is known, and views that hold nothing later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem, format_instant, parse_instant, refuse

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
N = TypeVar("N", bound=np.generic)

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LookAheadError(DocumentError):
    """Somebody asked a past-only view for what was not known yet."""


def instant_ns(value: Any, field: str = "instant") -> int:
    """Nanoseconds since 1970 in UTC of an aware datetime, an ISO 8601 text with an offset, or nanoseconds themselves.

    Raises `DocumentError` for anything else: a time without a zone would be a guess.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    try:
        since = parse_instant(value) - _EPOCH
    except ValueError as error:
        raise refuse(field, value, f"{error}, or nanoseconds since 1970") from None
    return (since // timedelta(microseconds=1)) * 1000


def instant_of(ns: int) -> datetime:
    """The aware UTC datetime of nanoseconds since 1970, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=int(ns) // 1000)


def _kept(values: npt.NDArray[N]) -> npt.NDArray[N]:
    """A copy whose memory nobody can write to and through which nothing else can be reached."""
    return np.frombuffer(values.tobytes(), dtype=values.dtype).reshape(values.shape)


@dataclass(frozen=True, eq=False)
class History:
    """`N` series of closes on one grid of `T` instants.

    `times`, int64 `[T]`: the instant at which a bar is *known*, i.e. its end, in nanoseconds since 1970 UTC; each lies
    `step_ns` after the one before, so that `h` rows are always `h` steps of time. `values`, float64 `[T, N]`: closes
    in their quote currency (or another level, such as a funding rate), NaN where the bar is missing. `limit_ns`: of a
    view, the instant after which it knows nothing; None for a whole record. Arrays are read-only.

    What learns or calibrates is given a view (`until`), never the record: a view holds copies, so that what came later
    is not in it at all, and asking it for a later instant raises `LookAheadError`.

    >>> h = History.build(["BTC"], [0, 60, 120], [[100.0], [101.0], [102.0]], step_ns=60)
    >>> h.until(60).values.ravel().tolist()
    [100.0, 101.0]
    """

    names: tuple[str, ...]
    times: I64
    values: F64
    step_ns: int
    limit_ns: int | None = None

    def __post_init__(self) -> None:
        times = np.ascontiguousarray(self.times)
        values = np.ascontiguousarray(self.values, dtype=np.float64)
        problems: list[Problem] = []
        if times.ndim != 1 or not (times.dtype == np.int64 or times.size == 0):
            got = f"{times.dtype} of shape {times.shape}"
            raise refuse("history.times", got, "int64 nanoseconds of shape [T]")
        if values.shape != (len(times), len(self.names)):
            raise refuse("history.values", f"shape {values.shape}", f"shape {(len(times), len(self.names))}, [T, N]")
        if not self.names or len(set(self.names)) != len(self.names) or not all(self.names):
            problems.append(
                Problem("history.names", repr(list(self.names)), "at least one name, each once, none empty")
            )
        if self.step_ns <= 0:
            problems.append(Problem("history.step_ns", str(self.step_ns), "a number of nanoseconds above zero"))
        uneven = np.flatnonzero(np.diff(times) != self.step_ns)
        if uneven.size:
            k = int(uneven[0])
            got = f"{int(times[k + 1] - times[k])} ns after the one before ({len(uneven)} such steps)"
            problems.append(
                Problem(f"history.times[{k + 1}]", got, f"{self.step_ns} ns; a missing bar is a row of NaN")
            )
        if np.isinf(values).any():
            problems.append(Problem("history.values", "infinity", "finite numbers, NaN where missing"))
        if self.limit_ns is not None and len(times) and times[-1] > self.limit_ns:
            got = format_instant(instant_of(int(times[-1])))
            problems.append(Problem("history.times", got, f"nothing after {format_instant(instant_of(self.limit_ns))}"))
        if problems:
            raise DocumentError(problems)
        object.__setattr__(self, "times", _kept(times.astype(np.int64)))
        object.__setattr__(self, "values", _kept(values))

    @classmethod
    def build(
        cls, names: Sequence[str], times: Sequence[int] | I64, values: Any, *, step_ns: int | None = None
    ) -> History:
        """A record from `[T]` times (ns) and `[T, N]` or, for one name, `[T]` values; gaps become rows of NaN.

        `step_ns` defaults to the smallest distance between two times. Raises `DocumentError` for times that do not
        rise or do not lie on the grid of the step.
        """
        stamps = np.asarray(times, dtype=np.int64)
        table = np.asarray(values, dtype=np.float64)
        if table.ndim == 1:
            table = table[:, None]
        if table.ndim != 2 or len(table) != len(stamps):
            raise refuse("history.values", f"shape {table.shape}", f"{len(stamps)} rows, one for each time")
        steps = np.diff(stamps)
        if (steps <= 0).any():
            k = int(np.flatnonzero(steps <= 0)[0]) + 1
            raise refuse(f"history.times[{k}]", int(stamps[k]), f"a time after {int(stamps[k - 1])}")
        if step_ns is None and len(stamps) < 2:
            raise refuse("history.step_ns", "nothing", "the step, where there are fewer than two times")
        step = int(steps.min()) if step_ns is None else step_ns
        if step <= 0:
            raise refuse("history.step_ns", step, "a number of nanoseconds above zero")
        if not len(stamps):
            return cls(tuple(names), stamps, table, step)
        offset = stamps - stamps[0]
        if (offset % step).any():
            k = int(np.flatnonzero(offset % step)[0])
            raise refuse(f"history.times[{k}]", int(stamps[k]), f"whole steps of {step} ns after the first time")
        rows = offset // step
        whole = np.full((int(rows[-1]) + 1, table.shape[1]), np.nan)
        whole[rows] = table
        return cls(tuple(names), stamps[0] + step * np.arange(len(whole), dtype=np.int64), whole, step)

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def hash(self) -> str:
        """`sha256` and the digest of names, step, times and values; NaNs count as equal, the limit does not count."""
        digest = hashlib.sha256()
        for text in ("plimsoll.history", *self.names, str(self.step_ns), str(self.values.shape)):
            digest.update(f"{len(text)}:{text};".encode())
        digest.update(self.times.astype("<i8").tobytes())
        digest.update(np.where(np.isnan(self.values), np.nan, self.values + 0.0).astype("<f8").tobytes())
        return "sha256:" + digest.hexdigest()

    def until(self, instant: Any, *, bars: int | None = None) -> History:
        """What is known at `instant`: bars that end at it or before, at most the last `bars` of them.

        Raises `LookAheadError` on a view that ends earlier: it cannot know, and must not pretend to.
        """
        ns = instant_ns(instant)
        if self.limit_ns is not None and ns > self.limit_ns:
            allowed = f"nothing after {format_instant(instant_of(self.limit_ns))}, where this view ends"
            raise LookAheadError(Problem("history.until", format_instant(instant_of(ns)), allowed))
        end = int(np.searchsorted(self.times, ns, side="right"))
        start = 0 if bars is None else max(0, end - _positive("bars", bars))
        return History(self.names, self.times[start:end], self.values[start:end], self.step_ns, ns)

    def since(self, instant: Any) -> History:
        """The bars that end after `instant`; a view stays the view that it is."""
        start = int(np.searchsorted(self.times, instant_ns(instant), side="right"))
        return History(self.names, self.times[start:], self.values[start:], self.step_ns, self.limit_ns)

    def window(self, bars: int) -> History:
        """The last `bars` rows; `DocumentError` where there are fewer."""
        if _positive("bars", bars) > len(self):
            raise refuse("history.window", f"{bars} bars", f"at most {len(self)}, the bars of this history")
        start = len(self) - bars
        return History(self.names, self.times[start:], self.values[start:], self.step_ns, self.limit_ns)

    def at(self, instant: Any) -> F64:
        """`[N]` closes of the last bar known at `instant`; NaN where it is missing. `LookAheadError` as in `until`."""
        view = self.until(instant, bars=1)
        if not len(view):
            first = format_instant(instant_of(int(self.times[0]))) if len(self) else "the first bar"
            raise refuse("history.at", format_instant(instant_of(instant_ns(instant))), f"an instant from {first} on")
        row: F64 = view.values[0]
        return row

    def select(self, names: Sequence[str]) -> History:
        """The series `names`, in that order."""
        columns = [self._column(n) for n in names]
        return History(tuple(names), self.times, self.values[:, columns], self.step_ns, self.limit_ns)

    def series(self, name: str) -> F64:
        """`[T]` closes of one name, a copy of its own."""
        return self.values[:, self._column(name)].copy()

    def _column(self, name: str) -> int:
        if name not in self.names:
            raise refuse("history.names", name, f"one of {', '.join(self.names)}")
        return self.names.index(name)

    def resample(self, step_ns: int) -> History:
        """Closes of longer bars: those that end on whole multiples of `step_ns` since 1970.

        `step_ns` must be a multiple of this history's step, and the shorter bars must end on it too. The close of a
        longer bar is that of the last shorter one in it; where that one is missing, so is the longer one.
        """
        if step_ns % self.step_ns or step_ns <= 0:
            raise refuse("history.step_ns", step_ns, f"a multiple of {self.step_ns}")
        keep = self.times % step_ns == 0
        if len(self) >= step_ns // self.step_ns and not keep.any():
            raise refuse("history.step_ns", step_ns, "a step on which bars of this history end")
        return History(self.names, self.times[keep], self.values[keep], step_ns, self.limit_ns)

    def log_returns(self, horizon_bars: int = 1) -> tuple[I64, F64]:
        """Times `[T-h]` and `ln(close[t] / close[t-h])` `[T-h, N]`; overlapping for `h > 1`.

        A return is known at its time, the end of the later bar. NaN where either end is missing: nothing is bridged.
        Raises `DocumentError` where a level is not above zero.
        """
        h = _positive("horizon_bars", horizon_bars)
        if (self.values <= 0).any():
            raise refuse("history.values", float(np.nanmin(self.values)), "levels above zero, for a log return")
        logs = np.log(self.values)
        return self.times[h:].copy(), logs[h:] - logs[: max(0, len(logs) - h)]


def _positive(field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise refuse(f"history.{field}", value, "a whole number of at least one")
    return int(value)


def join(histories: Sequence[History]) -> History:
    """One history with the series of all, on the grid from the first time of any to the last, NaN outside their own.

    All must have one step and lie on one grid, and no name may come twice. A view among them limits the result: the
    earliest limit holds, and what lies after it is left out.
    """
    if not histories:
        raise refuse("histories", "none", "at least one")
    steps = {h.step_ns for h in histories}
    if len(steps) > 1:
        raise refuse("histories.step_ns", sorted(steps), "one step for all; see History.resample")
    step = steps.pop()
    if len({int(h.times[0] % step) for h in histories if len(h)}) > 1:
        raise refuse("histories.times", "bars that end at different moments of the step", "one grid for all")
    limits = [h.limit_ns for h in histories if h.limit_ns is not None]
    limit = min(limits) if limits else None
    seen = [h if limit is None else h.until(limit) for h in histories]
    names = tuple(n for h in seen for n in h.names)
    filled = [h for h in seen if len(h)]
    if not filled:
        return History(names, np.zeros(0, np.int64), np.zeros((0, len(names))), step, limit)
    start, end = min(int(h.times[0]) for h in filled), max(int(h.times[-1]) for h in filled)
    times = start + step * np.arange((end - start) // step + 1, dtype=np.int64)
    values = np.full((len(times), len(names)), np.nan)
    column = 0
    for h in seen:
        if len(h):
            first = (int(h.times[0]) - start) // step
            values[first : first + len(h), column : column + len(h.names)] = h.values
        column += len(h.names)
    return History(names, times, values, step, limit)
