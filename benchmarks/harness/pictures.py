"""A picture of each result: everybody's rate, and the rate over a size."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.harness.document import Curve, Entrant, Result
from plimsoll.report.canvas import GAIN, INK, MUTED, PAPER, SERIES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 9.2
#: Clocks of single events, which are told in seconds; work is told as a rate.
EVENTS = ("children", "p50", "p99")


def mark_of(result: Result) -> str:
    """The digest of a document that its picture carries."""
    return f"plimsoll.benchmark {result.hash()}"


def has_picture(result: Result) -> bool:
    """Whether there is anything to draw."""
    return bool(drawn_entrants(result) or _by_size(result))


def picture(result: Result) -> bytes | None:
    """PNG of one result with the document's digest in it, or None where there is nothing to draw."""
    bars, curves = drawn_entrants(result), _by_size(result)
    if not has_picture(result):
        return None
    height = (0.75 + 0.3 * len(bars) if bars else 0.0) + (2.9 if curves else 0.0)
    with styled():
        figure = new_figure(WIDTH, height)
        parts = [part for part, there in (("bars", bars), ("curves", curves)) if there]
        heights = [0.75 + 0.3 * len(bars) if part == "bars" else 2.9 for part in parts]
        grid = figure.add_gridspec(len(parts), 1, height_ratios=heights)
        if bars:
            _draw_bars(figure.add_subplot(grid[0, 0]), bars)
        if curves:
            inner = grid[len(parts) - 1, 0].subgridspec(1, len(curves))
            for at, (over, lines) in enumerate(curves.items()):
                _draw_curves(figure.add_subplot(inner[0, at]), over, lines)
        content = BytesIO()
        metadata = {"Software": None, "Description": mark_of(result)}
        figure.savefig(content, format="png", dpi=110, facecolor=PAPER, metadata=metadata)
    return content.getvalue()


def drawn_entrants(result: Result) -> list[Entrant]:
    """Contenders of the first unit of work that at least two have, or all whose single events are timed."""
    there = [e for e in result.entrants if e.missing is None]
    for kind in dict.fromkeys(map(_kind, there)):
        same = [e for e in there if _kind(e) == kind]
        if len(same) > 1:
            return same
    return []


def _kind(entrant: Entrant) -> str:
    return "event" if entrant.clock in EVENTS else f"work: {entrant.unit}"


def _by_size(result: Result) -> dict[str, list[Curve]]:
    found: dict[str, list[Curve]] = {}
    for curve in result.curves:
        if curve.points:
            found.setdefault(curve.over, []).append(curve)
    return found


def _draw_bars(axes: Axes, entrants: list[Entrant]) -> None:
    event = entrants[0].clock in EVENTS
    ordered = list(reversed(entrants))
    spreads = [s for e in ordered if (s := e.seconds_per_unit if event else e.units_per_second) is not None]
    for place, (entrant, spread) in enumerate(zip(ordered, spreads, strict=True)):
        colour = GAIN if entrant.environment == "project" else MUTED
        axes.plot(
            [spread.low, spread.high], [place, place], color=colour, linewidth=5.0, solid_capstyle="butt", alpha=0.35
        )
        axes.plot([spread.median], [place], "o", color=colour, markersize=6.0)
        label = _seconds(spread.median) if event else _compact(spread.median) + "/s"
        at = (max(spread.high, spread.median), place)
        axes.annotate(label, at, (9, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK)
    _scale(axes, "x", [n for s in spreads for n in (s.low, s.high)], _seconds if event else _compact)
    axes.margins(x=0.12)
    axes.set_ylim(-0.6, len(ordered) - 0.4)
    axes.set_yticks(range(len(ordered)), [e.name for e in ordered])
    axes.grid(axis="x")
    units = {e.unit for e in entrants}
    unit = units.pop() if len(units) == 1 else "call"
    axes.set_title((f"seconds of a {unit}" if event else f"{unit}s per second") + ", median and quartiles")


def _draw_curves(axes: Axes, over: str, lines: list[Curve]) -> None:
    for number, line in enumerate(lines):
        colour = SERIES[number % len(SERIES)]
        at = [point.at for point in line.points]
        rates = [point.units_per_second for point in line.points]
        if len(lines) <= 3:
            low, high = [r.low for r in rates], [r.high for r in rates]
            axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0.0)
        axes.plot(at, [r.median for r in rates], "o-", color=colour, markersize=3.5, label=line.contender)
    _scale(axes, "x", [point.at for line in lines for point in line.points], _compact)
    _scale(axes, "y", [point.units_per_second.median for line in lines for point in line.points], _compact)
    axes.set_xlabel(over)
    axes.set_title(f"{lines[0].unit}s per second")
    axes.grid()
    # beside the lines where they are many
    axes.legend(**({"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if len(lines) > 3 else {}))


def _scale(axes: Axes, which: str, values: list[float], text: Callable[[float], str]) -> None:
    """Logarithmic where the numbers differ by much, else from zero on."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    setter, limit = (axes.set_xscale, axes.set_xlim) if which == "x" else (axes.set_yscale, axes.set_ylim)
    if max(values) > 8.0 * min(values):
        setter("log")
        if max(values) < 200.0 * min(values):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_formatter(NullFormatter())
    else:
        limit(0.0, 1.25 * max(values))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value) if value else "0"))


def _seconds(value: float) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def _compact(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
