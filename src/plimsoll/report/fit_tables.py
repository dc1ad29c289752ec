"""Fitted volatility surfaces as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS, Reason, format_instant
from plimsoll.dynamics import ExpiryFit, Surface, SurfaceFit

QUIET, STRONG, WARNING = "dim", "bold", "yellow"

MARKS = {
    Reason.BUTTERFLY_VIOLATED: "b",
    Reason.CALENDAR_VIOLATED: "c",
    Reason.NO_CONVERGENCE: "n",
    Reason.TOO_FEW_STRIKES: "few",
}
"""What stands in the column of remarks for each reason of an expiry."""

_LEGEND = (
    "vol at the money, in percent; error, rms and largest in points: error weighs\n"
    "each strike by its doubt, the others take those known to 10 points\n"
    "in: strikes fitted between bid and ask; alone: the error if arbitrage were\n"
    "allowed, which would be b: a negative density, c: a crossing of neighbours\n"
    "n: the slice alone had not settled; few: too few strikes, interpolated"
)


def fit_view(fits: Sequence[SurfaceFit]) -> RenderableType:
    """A table per underlying with a line for each expiry, and below it what failed and how the checks came out."""
    parts: list[RenderableType] = []
    for fit in fits:
        parts += [*_one(fit), Text("")]
    return Group(*parts, Text(_LEGEND, QUIET))


def _one(fit: SurfaceFit) -> list[RenderableType]:
    title = Text(fit.underlying, STRONG)
    title.append(f"  {format_instant(fit.time)}", style="none")
    parts: list[RenderableType] = [title]
    if fit.expiries:
        parts += [_table(fit), _verdict(fit)]
    for failure in fit.failures:
        parts.append(Text(f"{failure.effect}: {failure.subject}: {failure.reason}: {failure.message}", WARNING))
    return parts


def _table(fit: SurfaceFit) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("expiry", no_wrap=True)
    for heading in ("days", "vol", "error", "rms", "largest", "in", "alone"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("by", no_wrap=True)
    table.add_column("", no_wrap=True)
    surface = Surface.of(fit)
    for one in fit.expiries:
        error = one.error
        table.add_row(
            f"{one.expiry:%d %b %y}",
            f"{one.tau * YEAR_SECONDS / DAY_SECONDS:.1f}",
            f"{100.0 * float(surface.vol(0.0, one.tau)):.1f}",
            _points(error.weighted),
            _points(error.rms),
            _points(error.largest),
            f"{error.inside}/{error.two_sided}",
            _points(None if one.alone is None else one.alone.error.weighted),
            one.method.value,
            remarks(one),
        )
    return table


def remarks(one: ExpiryFit) -> str:
    """The letters of the legend for what was found at an expiry."""
    return " ".join(MARKS[f.reason] for f in one.failures if f.reason in MARKS)


def _verdict(fit: SurfaceFit) -> Text:
    density = min(e.least_density for e in fit.expiries)
    rises = [e.least_rise for e in fit.expiries if e.least_rise is not None]
    free = "free of butterfly and calendar arbitrage" if fit.arbitrage_free else "NOT free of arbitrage"
    told = f"least density factor {density:.2g}"
    if rises:
        told += f", least rise of total variance {min(rises):.2g}"
    return Text(f"{free}\n{told}", "none" if fit.arbitrage_free else WARNING)


def _points(vol: float | None) -> str:
    return "-" if vol is None else f"{100.0 * vol:.2f}"
