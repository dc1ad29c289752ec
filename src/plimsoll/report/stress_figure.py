"""Stress results as a picture: the worst scenarios, and what is left of the equity beside what is required."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LINES, LOSS, MARK, MUTED, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.laboratory.book_stress import BookStress, StressRow


def stress_figure(found: BookStress, top: int = 20) -> Figure:
    """P&L of the worst scenarios as bars, and equity against maintenance margin after those margined again.

    With more scenarios than are shown, all of them as a histogram above.
    """
    rows = found.rows[:top]
    many = len(found.rows) > 2 * top
    with styled():
        figure = new_figure(9.2, 1.6 + 0.27 * len(rows) + (2.0 if many else 0.0))
        grid = figure.add_gridspec(2 if many else 1, 2, height_ratios=(1.0, 0.15 * len(rows)) if many else (1.0,))
        if many:
            _all(figure.add_subplot(grid[0, :]), found)
        left = figure.add_subplot(grid[-1, 0])
        _bars(left, rows)
        _after(figure.add_subplot(grid[-1, 1], sharey=left), found, rows)
        return figure


def _all(axes: Axes, found: BookStress) -> None:
    pnl = np.array([r.pnl for r in found.rows])
    edges = np.linspace(float(pnl.min()), float(max(pnl.max(), 0.0)) + 1e-9, 90)
    counts, _ = np.histogram(pnl, edges)
    line = -(found.before.equity - found.before.maintenance)
    axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", linewidth=0,
             color=np.where(edges[:-1] < line, LOSS, GAIN).tolist())  # fmt: skip
    axes.axvline(line, color=INK, linewidth=1.0, linestyle="--")
    axes.annotate(
        "what stands above today's maintenance margin", (line, float(counts.max())), ha="right", va="top",
        textcoords="offset points", xytext=(-6, 0), color=MUTED,
    )  # fmt: skip
    axes.set_yscale("symlog", linthresh=1.0)
    axes.tick_params(axis="y", which="both", left=False, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.set_title(f"profit and loss in {pnl.size:,} scenarios (counts on a logarithmic scale)")
    money_axis(axes, "x", pnl.tolist(), "USD")


def _bars(axes: Axes, rows: tuple[StressRow, ...]) -> None:
    at = np.arange(len(rows))
    pnl = [r.pnl for r in rows]
    axes.barh(at, pnl, color=[LOSS if x < 0 else GAIN for x in pnl], height=0.7)
    axes.set_yticks(at, [r.label for r in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(0.0, color=LINES, linewidth=1.0)
    axes.set_title("profit and loss")
    axes.tick_params(axis="y", left=False)
    axes.locator_params(axis="x", nbins=5)
    money_axis(axes, "x", pnl, "USD")


def _after(axes: Axes, found: BookStress, rows: tuple[StressRow, ...]) -> None:
    drawn = [(k, r.exact) for k, r in enumerate(rows) if r.exact is not None and not r.exact.failure]
    amounts = [0.0, found.before.equity]
    for k, after in drawn:
        axes.plot([after.equity, after.maintenance], [k, k], color=LINES, linewidth=1.4, zorder=1)
        amounts += [after.equity, after.maintenance]
    if drawn:
        at = [k for k, _ in drawn]
        axes.scatter([a.maintenance for _, a in drawn], at, marker="|", s=70, color=MARK, label="maintenance", zorder=3)
        axes.scatter([a.equity for _, a in drawn], at, s=22, zorder=3, label="equity",
                     color=[LOSS if a.short else GAIN for _, a in drawn])  # fmt: skip
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.03 - 0.5 / len(rows)), ncols=2)
    axes.axvline(0.0, color=LINES, linewidth=1.0)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.set_title("after it: equity, red where short")
    axes.locator_params(axis="x", nbins=5)
    money_axis(axes, "x", amounts, "USD")
