"""The one style of every figure, and figures as files or as pieces of a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from plimsoll.documents import refuse
from plimsoll.report.amounts import scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

INK, MUTED, LINES, PAPER = "#1d2733", "#64707d", "#d5dbe1", "#ffffff"
LOSS, GAIN, MARK = "#c8501e", "#1f6fa8", "#e69f00"
SERIES = ("#1f6fa8", "#e69f00", "#2a8f6f", "#b0608f", "#62b4e0", "#8a8f3c", "#7a6fb5", "#c8501e")
"""Hues that stay apart for the common kinds of colour blindness; blue against vermilion for gain and loss."""

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINES,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "grid.color": LINES,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    # the same inputs give the same bytes, and text in a page stays text
    "svg.hashsalt": "plimsoll",
    "svg.fonttype": "none",
}

_IN_PAGE = {INK: "var(--ink)", MUTED: "var(--muted)", LINES: "var(--lines)", PAPER: "var(--paper)"}


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib with the style of this project, restored afterwards."""
    import matplotlib

    with matplotlib.rc_context(cast("Any", STYLE)):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, laid out so that nothing is cut off. Call within `styled`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def diverging() -> LinearSegmentedColormap:
    """Vermilion over white to blue: loss, nothing, gain."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = ["#8f2f0b", LOSS, "#eeb496", "#f8f8f6", "#9fc6e0", GAIN, "#0d4470"]
    return LinearSegmentedColormap.from_list("loss-gain", stops)


def money_axis(axes: Axes, which: str, amounts: list[float], currency: str) -> None:
    """Ticks of the `which` axis (x or y) in one unit, such as `-$40k`."""
    from matplotlib.ticker import FuncFormatter

    size, unit = scale_of(amounts)
    dollar = "$" if currency == "USD" else ""

    def text(value: float, _: int) -> str:
        scaled = round(value / size, 6)
        sign = "-" if scaled < 0 else ""
        return f"{sign}{dollar}{abs(scaled):,g}{unit}" if scaled else "0"

    (axes.xaxis if which == "x" else axes.yaxis).set_major_formatter(FuncFormatter(text))


def percent_axis(axes: Axes, which: str, signed: bool = True) -> None:
    """Ticks of the `which` axis as percent of a fraction."""
    from matplotlib.ticker import FuncFormatter

    def text(value: float, _: int) -> str:
        scaled = round(value * 100, 6)
        return f"{scaled:+g}%" if signed and scaled else f"{scaled:g}%"

    (axes.xaxis if which == "x" else axes.yaxis).set_major_formatter(FuncFormatter(text))


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element for a page: ids start with `name`, colours follow the page's theme."""
    text = StringIO()
    with styled():
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"'DejaVu Sans'(?:, [\w-]+| ?)*", "var(--sans)", svg)
    for colour, variable in _IN_PAGE.items():
        svg = svg.replace(colour, variable)
    head = f'<svg role="img" aria-label="{escape(description, quote=True)}"'
    return head + svg.removeprefix("<svg")


def save(figure: Figure, path: str) -> None:
    """Write `.png` or `.svg` on white. Raises `DocumentError` for another ending or a path that cannot be written."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise refuse("--output", path, "a file that ends in .png or .svg")
    content = BytesIO()
    with styled():
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(content, format=kind, dpi=160, facecolor=PAPER, metadata=metadata)
    try:
        Path(path).write_bytes(content.getvalue())
    except OSError as error:
        raise refuse("--output", f"{path} ({error.strerror})", "a file that can be written") from None
