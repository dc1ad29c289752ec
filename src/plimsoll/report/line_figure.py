"""Equity and maintenance margin of each pool against the price, with the lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plimsoll.report.amounts import is_dollar
from plimsoll.report.canvas import (
    GAIN,
    INK,
    LINES,
    LOSS,
    MARK,
    MUTED,
    PAPER,
    money_axis,
    new_figure,
    percent_axis,
    styled,
)
from plimsoll.report.lines import move_words, nearest_lines, round_price

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.liquidation import Liquidation, PoolLines

F64 = npt.NDArray[np.float64]

WIDTH, SPAN, ROOM, PANELS = 9.2, 0.6, 1.25, 6
"""Inches; the least move on both sides that is shown; how far beyond the outermost line; pools that get a panel."""


def line_figure(found: Liquidation, span: float = SPAN) -> Figure:
    """A panel for each pool: net equity, maintenance margin and their lines over the move of the path.

    At least `span` on both sides, and as far as the nearest line on each side. The price there of the
    underlying of which the pool holds most stands beside a line. Pools beyond the sixth are left out.
    """
    pools = found.pools[:PANELS]
    with styled():
        figure = new_figure(WIDTH, 0.6 + 2.7 * len(pools))
        panels = figure.subplots(len(pools), 1, squeeze=False)[:, 0]
        for axes, pool in zip(panels.tolist(), pools, strict=True):
            _panel(axes, found, pool, span, named=len(found.pools) > 1)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=2)
        panels[-1].set_xlabel(f"move: {found.path.words()}, at once")
        return figure


def _window(pool: PoolLines, span: float) -> tuple[float, float]:
    """The moves shown: a span on both sides, or the nearest lines with room beyond them, within what was searched."""
    shown = [x.move for x in nearest_lines(pool)]
    low = min([-span, *(max(ROOM * x, -1.0) for x in shown)])
    high = max([span, *(ROOM * x for x in shown)])
    return max(low, float(pool.multipliers[0]) - 1.0), min(high, float(pool.multipliers[-1]) - 1.0)


def _panel(axes: Axes, found: Liquidation, pool: PoolLines, span: float, *, named: bool) -> None:
    low, high = _window(pool, span)
    x = pool.multipliers - 1.0
    # one point beyond on each side, so that the curves run to the edge
    first, last = np.searchsorted(x, [low, high])
    inside = slice(max(0, first - 1), last + 1)
    x, equity, line = x[inside], pool.equities[inside], pool.maintenances[inside]
    axes.fill_between(x, equity, line, where=(equity < line).tolist(), color=LOSS, alpha=0.22, linewidth=0)
    axes.plot(x, equity, color=GAIN, label="net equity")
    axes.plot(x, line, color=LOSS, linestyle=(0, (5, 2)), label="maintenance margin (the line)")
    axes.axhline(0.0, color=LINES, linewidth=0.8, zorder=0)
    axes.axvline(0.0, color=MUTED, linewidth=0.8, linestyle=":")
    near = {id(v) for v in nearest_lines(pool)}
    for one in pool.lines:
        if not low <= one.move <= high:
            continue
        axes.plot([one.move], [one.maintenance], "o", color=MARK, markeredgecolor=INK, markersize=8, zorder=5)
        if id(one) in near:
            _label(axes, pool.lead, one.move, one.maintenance, one.prices)
    axes.margins(y=0.16)
    axes.set_xlim(low, high)
    _limit(axes, equity, line)
    axes.set_ylabel(found.currency)
    if named:
        axes.set_title(pool.subject, loc="right")
    percent_axis(axes, "x")
    money_axis(axes, "y", [*equity.tolist(), *line.tolist()], "USD" if is_dollar(found.currency) else found.currency)
    axes.grid(axis="y")
    if not pool.lines:
        axes.annotate(
            "no line" if pool.above else "below the line everywhere",
            (0.99, 0.05), xycoords="axes fraction", ha="right", color=MUTED,
        )  # fmt: skip


def _label(axes: Axes, lead: str | None, move: float, height: float, prices: dict[str, float]) -> None:
    text = move_words(move)
    if lead is not None and lead in prices:
        text += f"\n{lead} {round_price(prices[lead])}"
    axes.annotate(
        text,
        (move, height),
        textcoords="offset points",
        xytext=(-6 if move < 0 else 6, 11),
        ha="right" if move < 0 else "left",
        fontweight="bold",
        fontsize=8.5,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.85},
        zorder=6,
    )


def _limit(axes: Axes, equity: F64, line: F64) -> None:
    """Keep the scale to where the curves meet: one that runs away must not flatten the other."""
    top = 3.0 * max(float(np.quantile(np.abs(equity), 0.5)), float(np.max(np.abs(line))), 1e-300)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -top), min(high, 1.2 * top))
