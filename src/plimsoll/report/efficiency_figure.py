"""Saving of every book against cross and isolated margin at equal coverage, and what the books earn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.validate.efficiency import Efficiency, Way

MOST = 40


def efficiency_figure(found: Efficiency) -> Figure:
    """Bars of the saving against isolated margin, dots of that against cross; beside them the margins of all books."""
    rows = sorted(found.books, key=lambda b: b.saved["isolated"] if b.saved["isolated"] is not None else -np.inf)[:MOST]
    with styled():
        figure = new_figure(8.6, max(2.8, 0.22 * len(rows) + 1.2))
        left, right = figure.subplots(1, 2, width_ratios=(2.4, 1.0))
        place = np.arange(len(rows))
        for way, draw in (("isolated", "bars"), ("cross", "dots")):
            saved = np.array([np.nan if b.saved[way] is None else b.saved[way] for b in rows], dtype=float)
            if draw == "bars":
                colours = [LOSS if x <= 0.0 else GAIN for x in saved]
                left.barh(place, saved, color=colours, height=0.7, label="against isolated")
            else:
                left.plot(saved, place, "o", color=MARK, markersize=4, label="against cross")
        left.axvline(0.0, color=INK, linewidth=0.8)
        left.set_yticks(place, [b.name for b in rows], fontsize=7.5)
        left.set_ylim(-0.7, len(rows) - 0.3)
        percent_axis(left, "x")
        left.set_title(f"Initial margin that the portfolio saves, {found.level:.2%} exceptions each")
        left.legend(loc="lower right", fontsize=7.5)
        _sums(right, found)
        return figure


def _sums(axes: Axes, found: Efficiency) -> None:
    ways: tuple[Way, ...] = ("portfolio", "cross", "isolated")
    place = np.arange(3)
    raw, initial, capital = ([found.total(w, x) / 1e6 for w in ways] for x in ("raw", "initial", "capital"))
    axes.bar(place - 0.27, raw, 0.25, color=MUTED, alpha=0.5, label="as ruled")
    axes.bar(place, initial, 0.25, color=GAIN, label="equal coverage")
    axes.bar(place + 0.27, capital, 0.25, color=MARK, label="capital")
    axes.set_xticks(place, list(ways), fontsize=8)
    axes.set_title("All books, $m")
    axes.set_ylim(0.0, 1.3 * max([*raw, *initial, *capital, 1e-9]))
    axes.legend(loc="upper left", fontsize=7.5)
