"""The probability of a liquidation by the day, with its band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import INK, MUTED, SERIES, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.liquidation.passage import Passage

BAND = 1.645
"""Errors on both sides: nine times in ten."""

POOLS = 6


def passage_figure(found: Passage, closed: tuple[float, ...] | None = None) -> Figure:
    """A curve for each pool over the days ahead, with a band of 90 %; `closed[K]` dashed where there is a closed form.

    Pools beyond the sixth are left out.
    """
    with styled():
        figure = new_figure(8.2, 3.8)
        axes = figure.subplots()
        x = np.concatenate([[0.0], found.days])
        for subject, colour in zip(found.subjects[:POOLS], SERIES, strict=False):
            curve = found.curve(subject)
            now = float((found.firsts(subject) < 0).mean())
            p = np.array([now, *(e.value for e in curve)])
            error = np.array([0.0, *(e.error for e in curve)])
            axes.fill_between(
                x, np.maximum(p - BAND * error, 0.0), np.minimum(p + BAND * error, 1.0), color=colour, alpha=0.22,
                linewidth=0,
            )  # fmt: skip
            axes.plot(x, p, color=colour, label=subject if len(found.subjects) > 1 else "liquidated by then")
        if closed is not None:
            axes.plot(
                found.days, closed, color=INK, linestyle=(0, (5, 2)), linewidth=1.2, label="closed form, log-normal"
            )
        axes.set_xlim(0.0, float(x[-1]))
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel("days from now")
        axes.set_title(f"{found.account or 'account'} under {found.rules}: probability of liquidation")
        axes.grid(axis="y")
        axes.legend(loc="upper left")
        axes.annotate(
            f"{found.paths.weight.size:,} paths, band of 90%", (0.99, 0.03), xycoords="axes fraction", ha="right",
            color=MUTED, fontsize=8.0,
        )  # fmt: skip
        percent_axis(axes, "y", signed=False)
        return figure
