"""Bars of prices from CSV or Parquet as histories: every close at the instant at which it was known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.feeds._bar_rules import (
    I64,
    RULES,
    BarReport,
    Conflicts,
    Finding,
    Raw,
    Slips,
    gapped,
    on_grid,
    ordered,
    priced,
    ranged,
    refused,
    single,
    slips_of,
    told,
)
from plimsoll.feeds._columns import table_of
from plimsoll.market.history import HOUR_NS, History

if TYPE_CHECKING:
    import polars as pl

__all__ = ["RULES", "BarReport", "Bars", "Finding", "read_bars", "slips_of", "symbols_of"]

TIMES = ("time", "timestamp", "open_time", "unix", "date", "datetime")
NAMES = ("symbol", "ticker", "pair")
FIELDS: dict[str, tuple[str, ...]] = {
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume", "volume_base"),
    "quote_volume": ("quote_volume", "volume_usdt"),
}
"""Heads of columns, in any case, by which each field is known."""


@dataclass(frozen=True)
class Bars:
    """What a file of bars holds: `history`, the closes; the other columns by name, on the same grid; the report.

    Prices are in the quote currency, `volume` in the base asset (or as the file has it) and `quote_volume` in the
    quote currency, per bar.
    """

    history: History
    fields: Mapping[str, History]
    report: BarReport

    def field(self, name: str) -> History:
        """Another column: open, high, low, volume or quote_volume, where the file has it."""
        if name not in self.fields:
            raise refuse("bars.field", name, f"one of {', '.join(self.fields)}", self.report.source)
        return self.fields[name]


def read_bars(
    path: str | Path,
    *,
    name: str | None = None,
    names: Mapping[str, str] | None = None,
    step_ns: int | None = None,
    stamp: Literal["start", "end"] = "start",
    utc_offset_hours: int | None = None,
    conflicts: Conflicts = "refuse",
    slips: Slips = "refuse",
    against: History | None = None,
) -> Bars:
    """Bars of one or several series from a CSV (plain or gzip) or Parquet file.

    `name`: what the series is called where the file has no column of symbols. `names`: our name of each symbol; with
    it other symbols are left out. `step_ns`: length of a bar, by default the commonest distance. `stamp`: whether a
    bar's time is that of its start (it is known one step later) or of its end. `utc_offset_hours`: of times without a
    zone; without it such times are refused, as local time would be a guess; a column of milliseconds needs none.
    `against`: another source of the same bars: a series that agrees with it only when moved by whole hours, or by the
    one bar between start and end, is refused (`zone-slip`). What else is repaired or refused, by which rule: `RULES`;
    all of it is counted in the report.

    Raises `DocumentError` with the rule, the number of bars and the first of them.
    """
    source = str(path)
    frame = _table(path)
    stamps = _stamps(frame, utc_offset_hours, source)
    columns = _columns(frame, source)
    report = BarReport(source, frame.height)
    series = [_renamed(raw, names, name) for raw in _series(frame, stamps, columns, name, source)]
    series = [raw for raw in series if raw is not None]
    missing = sorted(set((names or {}).values()) - {raw.name for raw in series if raw is not None})
    if missing:
        symbols = [symbol for symbol, ours in (names or {}).items() if ours in missing]
        held = sorted({raw.name for raw in _series(frame, stamps, columns, name, source)})
        raise refuse("names", ", ".join(symbols), f"symbols of the file: {', '.join(held)}", source)
    clean = []
    with told(source):
        for raw in series:
            assert raw is not None
            rows = ordered(raw, report)
            step = step_ns or _step(rows, source)
            rows = single(on_grid(priced(rows, report), step, slips, report), conflicts, report)
            ranged(rows, report)
            clean.append((rows, step))
        steps = {step for _, step in clean}
        if len(steps) != 1:
            got = ", ".join(f"{raw.name} {step / 1e9:g} s" for raw, step in clean) or "no series"
            raise refuse("bars.step", got, "series of one step; step_ns or names says which")
        bars = _gridded([raw for raw, _ in clean], steps.pop(), stamp, report)
        if against is not None:
            _agree(bars, against)
    return bars


def symbols_of(path: str | Path) -> tuple[str, ...] | None:
    """The symbols of a file of bars, in its order; `None` where it has no column of them."""
    import polars as pl

    frame = _table(path)
    found = _known(frame, NAMES)
    if not found:
        return None
    return tuple(frame[found[0]].cast(pl.String).fill_null("").unique(maintain_order=True).to_list())


def _table(path: str | Path) -> pl.DataFrame:
    frame = table_of(path, "a Parquet or CSV file of bars")
    if frame.height == 0:
        raise refuse("rows", "a table of 0 rows", "one row or more", str(path))
    return frame


def _known(frame: pl.DataFrame, heads: tuple[str, ...]) -> list[str]:
    return [c for head in heads for c in frame.columns if c.strip().lower() == head]


def _stamps(frame: pl.DataFrame, offset: int | None, source: str) -> I64:
    """`[n]` ns of each row: the first column of times by the order of `TIMES`; whole numbers are preferred to texts."""
    import polars as pl

    found = _known(frame, TIMES)
    if not found:
        raise refuse("columns.time", ", ".join(frame.columns), f"one of {', '.join(TIMES)}, in any case", source)
    found.sort(key=lambda c: not frame[c].dtype.is_integer())
    column = frame[found[0]]
    if column.null_count():
        row = int(column.is_null().arg_max() or 0)
        raise refuse(f"rows[{row}].{found[0]}", "nothing", "a time in each row", source)
    if column.dtype.is_integer():
        first = int(column[0])
        scale = next((s for s, low in ((1, 10**17), (10**3, 10**14), (10**6, 10**11), (10**9, 1)) if first >= low), 0)
        if not scale:
            raise refuse(f"rows[0].{found[0]}", first, "seconds, milli-, micro- or nanoseconds since 1970", source)
        result: I64 = column.cast(pl.Int64).to_numpy() * scale
        for other in found[1:]:
            _same_instants(frame[other], result, found[0], source)
        return result.astype(np.int64)
    if column.dtype == pl.String:
        column = _parsed(column, source)
    if not isinstance(column.dtype, (pl.Datetime, pl.Date)):
        raise refuse(f"columns.{column.name}", str(column.dtype), "instants, texts of them or whole numbers", source)
    zoned = isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None
    if not zoned and offset is None:
        allowed = "times with a zone, or utc_offset_hours for times without"
        raise refuse(f"columns.{column.name}", "times without a zone", allowed, source)
    if zoned and offset is not None:
        raise refuse("utc_offset_hours", offset, "nothing: the times of this file have a zone", source)
    ns = column.cast(pl.Datetime("ns", "UTC" if zoned else None)).dt.timestamp("ns").to_numpy()
    shifted: I64 = ns.astype(np.int64) - (offset or 0) * HOUR_NS
    return shifted


def _same_instants(column: pl.Series, stamps: I64, head: str, source: str) -> None:
    """Refuse a second column of times that names other instants than the numbers do: one of them is local time."""
    import polars as pl

    if column.dtype == pl.String:
        column = _parsed(column, source)
    if not isinstance(column.dtype, (pl.Datetime, pl.Date)):
        return
    other = column.cast(pl.Datetime("us")).dt.timestamp("us").to_numpy() * 1000
    off = np.flatnonzero(other != stamps)
    if len(off):
        hours = float(other[off[0]] - stamps[off[0]]) / HOUR_NS
        got = f"{len(off)} times off {head}, the first by {hours:+g} h"
        raise refuse(f"columns.{column.name}", got, "one instant in both columns", source)


def _parsed(column: pl.Series, source: str) -> pl.Series:
    """Instants from ISO 8601 texts; those of one column either all have an offset or none has."""
    import polars as pl

    texts = column.str.strip_chars().str.replace("T", " ", literal=True)
    zoned = texts.str.contains(r"(Z|[+-]\d\d:?\d\d)$")
    if zoned.any() and not zoned.all():
        row = int((~zoned).arg_max() or 0)
        raise refuse(f"rows[{row}].{column.name}", column[row], "an offset in every row or in none", source)
    if zoned.any():
        texts = texts.str.replace(r"Z$", "+00:00")
        times = texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="us", strict=False)
    else:
        times = texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        times = (
            times.fill_null(texts.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False))
            if (times.null_count())
            else times
        )
    if times.null_count():
        row = int(times.is_null().arg_max() or 0)
        raise refuse(f"rows[{row}].{column.name}", column[row], "an instant as 2026-01-30 08:00:00", source)
    return times.cast(pl.Datetime("us", "UTC")) if zoned.any() else times


def _columns(frame: pl.DataFrame, source: str) -> dict[str, str]:
    chosen = {}
    for field, heads in FIELDS.items():
        found = _known(frame, heads)
        if len(found) > 1:
            raise refuse(f"columns.{field}", ", ".join(found), "one column of this field", source)
        if found:
            if not (frame[found[0]].dtype.is_numeric() or frame[found[0]].null_count() == frame.height):
                raise refuse(f"columns.{found[0]}", str(frame[found[0]].dtype), "a column of numbers", source)
            chosen[field] = found[0]
    if "close" not in chosen:
        raise refuse("columns.close", ", ".join(frame.columns), "a column named close, in any case", source)
    return chosen


def _series(frame: pl.DataFrame, stamps: I64, columns: dict[str, str], name: str | None, source: str) -> list[Raw]:
    import polars as pl

    fields = {f: frame[c].cast(pl.Float64).fill_null(np.nan).to_numpy() for f, c in columns.items()}
    found = _known(frame, NAMES)
    if not found:
        if not name:
            raise refuse("name", "nothing", "a name: the file has no column of symbols", source)
        return [Raw(name, stamps, fields)]
    symbols = frame[found[0]].cast(pl.String).fill_null("").to_numpy()
    order = list(dict.fromkeys(symbols.tolist()))
    return [Raw(s, stamps, fields).take(np.flatnonzero(symbols == s)) for s in order]


def _renamed(raw: Raw, names: Mapping[str, str] | None, name: str | None) -> Raw | None:
    if names is not None and raw.name != name:
        return Raw(names[raw.name], raw.stamps, raw.fields) if raw.name in names else None
    return raw


def _step(raw: Raw, source: str) -> int:
    steps = np.diff(raw.stamps)
    steps = steps[steps > 0]
    if not len(steps):
        raise refuse("bars.step", f"{len(raw.stamps)} rows of {raw.name}", "two times or more, or step_ns", source)
    # the commonest distance, rounded to seconds: single stamps may be some milliseconds off
    values, counts = np.unique(np.round(steps / 1e9).astype(np.int64), return_counts=True)
    step = int(values[np.argmax(counts)]) * 1_000_000_000
    if step == 0:
        raise refuse("bars.step", f"bars of {raw.name} less than a second apart", "step_ns, for such bars", source)
    return step


def _gridded(series: list[Raw], step: int, stamp: str, report: BarReport) -> Bars:
    """All series on the grid from the first bar of any to the last, NaN where there is none."""
    phases = {int(raw.stamps[0]) % step for raw in series}
    if len(phases) > 1:
        hours = {(p - min(phases)) % HOUR_NS for p in phases}
        rule: Literal["zone-slip", "jitter"] = "zone-slip" if hours == {0} else "jitter"
        last = max(series, key=lambda raw: int(raw.stamps[0]) % step)
        what = "a grid of its own"
        raise refused(rule, last.name, last.stamps, what, "all series of a file on one grid", report.source)
    start, end = min(int(r.stamps[0]) for r in series), max(int(r.stamps[-1]) for r in series)
    stamps = start + step * np.arange((end - start) // step + 1, dtype=np.int64)
    keys = [f for f in FIELDS if any(f in raw.fields for raw in series)]
    tables = {f: np.full((len(stamps), len(series)), np.nan) for f in keys}
    for j, raw in enumerate(series):
        rows = (raw.stamps - start) // step
        present = np.zeros(len(stamps), dtype=bool)
        present[rows] = True
        gapped(raw.name, present, stamps, report)
        for field, column in raw.fields.items():
            tables[field][rows, j] = np.where(np.isinf(column), np.nan, column)
    known = stamps + (step if stamp == "start" else 0)
    labels = tuple(raw.name for raw in series)
    if len(set(labels)) != len(labels):
        raise DocumentError(Problem("names", ", ".join(labels), "each name once"), report.source)
    made = {f: History(labels, known, table, step) for f, table in tables.items()}
    return Bars(made["close"], {f: h for f, h in made.items() if f != "close"}, report)


def _agree(bars: Bars, against: History) -> None:
    slipped = {n: s for n, s in slips_of(bars.history, against).items() if s}
    if slipped:
        got = ", ".join(f"{n} {s:+d} s" for n, s in slipped.items()) + " off the other source"
        raise refuse("bars.zone-slip", got, "bars whose times agree; see stamp and utc_offset_hours")
