"""The replay as one figure: the fit against what was observed, what each rule takes, and what the answer hangs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, SERIES, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.laboratory.replay.run import Replay

MOST_ASSETS = 5


def replay_figure(found: Replay) -> Figure:
    """Calibration by size and side, overshoot by rule and asset with what is left to the venue, and the sensitivity."""
    with styled():
        figure = new_figure(10.0, 7.6)
        grid = figure.add_gridspec(2, 2, height_ratios=(1.0, 1.15))
        _calibration(figure.add_subplot(grid[0, 0]), found)
        _rules(figure.add_subplot(grid[0, 1]), found)
        _sensitivity(figure.add_subplot(grid[1, :]), found)
        return figure


def _calibration(axes: Axes, found: Replay) -> None:
    axes.set_title("predicted and observed, accounts not fitted")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    if not found.calibration:
        axes.text(0.5, 0.5, "no flags in the file", color=MUTED, ha="center")
    for c, marker in zip(found.calibration, ("o", "s"), strict=False):
        for side, colour in (("long", LOSS), ("short", GAIN)):
            bins = [b for b in c.bins if b.side == side]
            if not bins:
                continue
            x = np.array([b.predicted for b in bins])
            y = np.array([b.observed.value for b in bins])
            off = np.array([[b.observed.value - b.observed.low, b.observed.high - b.observed.value] for b in bins]).T
            axes.errorbar(
                x,
                y,
                np.maximum(off, 0.0),
                fmt=marker,
                color=colour,
                markersize=4,
                linewidth=1,
                label=f"{side}s {c.flag}",
            )
    axes.set_xlabel("predicted share")
    axes.set_ylabel("observed share")
    for which in ("x", "y"):
        percent_axis(axes, which, signed=False)
    if found.calibration:
        axes.legend(loc="upper left", fontsize=7.5)


def _rules(axes: Axes, found: Replay) -> None:
    axes.set_title("taken beyond need, over what was closed")
    named = [a for a in found.largest if any(o.asset == a for o in found.outcomes)]
    groups = [*named[:MOST_ASSETS], "all"]
    names = list(dict.fromkeys(o.policy for o in found.outcomes))
    width = 0.8 / len(names)
    for p, name in enumerate(names):
        rows = [found.outcome(g, name).overshoot for g in groups]
        x = np.arange(len(groups)) + (p - (len(names) - 1) / 2.0) * width
        y = np.array([r.value for r in rows])
        off = np.array([[r.value - r.low, r.high - r.value] for r in rows]).T
        axes.bar(x, y, width * 0.9, color=SERIES[p], label=name)
        axes.errorbar(x, y, np.maximum(off, 0.0), fmt="none", color=INK, linewidth=0.8)
    low, high = found.published
    axes.axhspan(low, high, color=MARK, alpha=0.25, linewidth=0)
    axes.text(len(groups) - 0.55, (low + high) / 2.0, "published, whole venue", fontsize=7.5, va="center", ha="right")
    axes.set_xticks(range(len(groups)), groups)
    percent_axis(axes, "y", signed=False)
    axes.set_ylim(top=max(1.2 * high, 1.2 * axes.get_ylim()[1]))
    axes.legend(loc="upper left", ncols=4, fontsize=7.5, columnspacing=1.0, handlelength=1.2)


def _sensitivity(axes: Axes, found: Replay) -> None:
    axes.set_title("the same number of all assets when one assumption changes (logarithmic where it is above zero)")
    rows = list(found.sensitivity)[::-1]
    y = np.arange(len(rows))
    for k, (name, colour) in enumerate((("production", SERIES[0]), ("by_lots", SERIES[1]))):
        found_ = [getattr(r, name) for r in rows]
        at = y + (0.15 if k == 0 else -0.15)
        axes.hlines(at, [i.low for i in found_], [i.high for i in found_], color=colour, linewidth=1.4)
        label = "production" if k == 0 else "queue by lots"
        axes.plot([i.value for i in found_], at, "o", color=colour, markersize=4, label=label)
    axes.axvspan(*found.published, color=MARK, alpha=0.25, linewidth=0)
    axes.axvline(0.0, color=MUTED, linewidth=0.8)
    axes.set_yticks(y, [r.what for r in rows], fontsize=8)
    axes.set_xscale("symlog", linthresh=1e-3)
    percent_axis(axes, "x", signed=False)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.legend(loc="lower right")
