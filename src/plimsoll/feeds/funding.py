"""Funding rates and the volatility index as histories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plimsoll.documents import refuse
from plimsoll.feeds._bar_rules import BarReport, Conflicts, Raw, Slips, gapped, on_grid, ordered, single, slips_of, told
from plimsoll.feeds.bars import NAMES, _known, _stamps, _table
from plimsoll.market.history import DAY_NS, HOUR_NS, History

EIGHT_HOURS_NS = 8 * HOUR_NS


@dataclass(frozen=True)
class Levels:
    """A history of levels that are no prices, and the report of the file it came from."""

    history: History
    report: BarReport


def read_funding(
    path: str | Path,
    *,
    name: str | None = None,
    venue: str | None = None,
    names: Mapping[str, str] | None = None,
    utc_offset_hours: int | None = None,
    step_ns: int = EIGHT_HOURS_NS,
    conflicts: Conflicts = "refuse",
    slips: Slips = "refuse",
    against: History | None = None,
) -> Levels:
    """Funding rates per interval as decimals (0.0001 is one basis point), known at the instant they are paid.

    Positive: longs pay shorts. A file of several venues needs `venue`, one of several symbols gives one series each
    (`names` as in `read_bars`). Times without a zone need `utc_offset_hours`: the file of four venues in the shared
    data is in local time UTC+3, and `against` (the same rates from another source) shows it. Rules and report are
    those of `read_bars`; a rate may be zero or negative, one that is no number becomes NaN and counts `not-a-price`.
    A venue that paid late (htx, seven times per symbol) has rates off the grid: `slips='drop'` leaves them out, whereas
    moving them to the instant at which they were due would tell them before they were known. Raises `DocumentError`.
    """
    import polars as pl

    source = str(path)
    frame = _table(path)
    if "venue" in frame.columns:
        venues = sorted(frame["venue"].unique().to_list())
        if venue not in venues:
            raise refuse("venue", venue, f"one of {', '.join(venues)}", source)
        frame = frame.filter(pl.col("venue") == venue)
    heads = [c for c in frame.columns if c.strip().lower().replace(" ", "_") == "funding_rate"]
    if len(heads) != 1:
        raise refuse("columns.funding_rate", ", ".join(frame.columns), "one column named funding_rate", source)
    stamps = _stamps(frame, utc_offset_hours, source)
    rates = frame[heads[0]].cast(pl.Float64).fill_null(np.nan).to_numpy()
    found = _known(frame, NAMES)
    if not found and not name:
        raise refuse("name", "nothing", "a name: the file has no column of symbols", source)
    symbols = frame[found[0]].cast(pl.String).to_numpy() if found else np.full(frame.height, name, dtype=object)
    report = BarReport(source, frame.height)
    series = []
    for symbol in dict.fromkeys(symbols.tolist()):
        if names is None or symbol in names:
            label = (names or {}).get(symbol, symbol)
            series.append(Raw(label, stamps, {"rate": rates}).take(np.flatnonzero(symbols == symbol)))
    history = _levels(series, "rate", step_ns, 0, conflicts, slips, report)
    with told(source):
        slipped = {n: s for n, s in slips_of(_shifted(history), _shifted(against)).items() if s} if against else {}
    if slipped:
        got = ", ".join(f"{n} {s / 3600:+g} h" for n, s in slipped.items()) + " off the other source"
        raise refuse("bars.zone-slip", got, "rates whose times agree; see utc_offset_hours", source)
    return Levels(history, report)


def read_dvol(path: str | Path, *, name: str = "BTC", conflicts: Conflicts = "refuse") -> Levels:
    """Daily closes of a volatility index as decimals (0.45 is 45 points), each known at the *end* of its day.

    The file dates a close by the start of its day (`unix_ms`); the close of that day is known a day later. Where the
    file also has a `date`, both must name the same instant. Rules and report are those of `read_bars`.
    """
    import polars as pl

    source = str(path)
    frame = _table(path)
    heads = [c for c in ("dvol_close", "close") if c in frame.columns]
    if not heads or "unix_ms" not in frame.columns:
        raise refuse("columns", ", ".join(frame.columns), "unix_ms and dvol_close (or close)", source)
    stamps = frame["unix_ms"].cast(pl.Int64).to_numpy() * 1_000_000
    if "date" in frame.columns:
        dated = _stamps(frame.select("date"), None, source)
        off = np.flatnonzero(dated != stamps)
        if len(off):
            hours = float(dated[off[0]] - stamps[off[0]]) / HOUR_NS
            raise refuse(f"rows[{off[0]}].date", f"{hours:+g} h off unix_ms", "one instant in both columns", source)
    points = frame[heads[0]].cast(pl.Float64).fill_null(np.nan).to_numpy()
    report = BarReport(source, frame.height)
    fields = {"vol": np.where(points > 0.0, points / 100.0, np.nan)}
    return Levels(_levels([Raw(name, stamps, fields)], "vol", DAY_NS, DAY_NS, conflicts, "refuse", report), report)


def _shifted(history: History) -> History:
    """Levels around zero as positive ones, so that log ratios are differences: `exp(1000 * level)`."""
    return History(history.names, history.times, np.exp(1e3 * history.values), history.step_ns, history.limit_ns)


def _levels(
    series: list[Raw], key: str, step: int, known: int, conflicts: Conflicts, slips: Slips, report: BarReport
) -> History:
    clean = []
    with told(report.source):
        for raw in series:
            bad = ~np.isfinite(raw.fields[key])
            report.add("not-a-price", raw.name, raw.stamps[bad], "no number, now NaN")
            raw.fields[key] = np.where(bad, np.nan, raw.fields[key])
            clean.append(single(on_grid(ordered(raw, report), step, slips, report), conflicts, report))
        if not clean:
            raise refuse("names", "no series", "a symbol of the file")
        start, end = min(int(r.stamps[0]) for r in clean), max(int(r.stamps[-1]) for r in clean)
        stamps = start + step * np.arange((end - start) // step + 1, dtype=np.int64)
        table = np.full((len(stamps), len(clean)), np.nan)
        for j, raw in enumerate(clean):
            if (raw.stamps - start)[0] % step:
                raise refuse("bars.zone-slip", f"{raw.name} on a grid of its own", "all series on one grid")
            rows = (raw.stamps - start) // step
            table[rows, j] = raw.fields[key]
            present = np.zeros(len(stamps), dtype=bool)
            present[rows] = True
            gapped(raw.name, present, stamps, report)
        return History(tuple(r.name for r in clean), stamps + known, table, step)
