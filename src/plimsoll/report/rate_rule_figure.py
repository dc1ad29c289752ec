"""Rates by state against the governed rule as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, LOSS, MUTED, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.optimise.rate_rules import RateStudy


def rate_rule_figure(found: RateStudy) -> Figure:
    """Left: the first asset's losses and both rates at equal coverage. Right: mean rates of all methods."""
    with styled():
        figure = new_figure(9.2, 4.0)
        left, right = figure.subplots(1, 2, width_ratios=(1.7, 1.0))
        series = found.series[0]
        part = series.times >= found.start
        time = series.times[part].astype("datetime64[ns]")
        loss = np.nanmax(np.where(np.isfinite(series.losses[part]), series.losses[part], 0.0), axis=1)
        left.plot(time, loss, color=MUTED, linewidth=0.6, label="loss of the worse side")
        by = {m.name: m for m in found.methods}
        for name, colour in (("governed", LOSS), ("states", GAIN)):
            left.plot(time, by[name].scale * by[name].paths[0], color=colour, linewidth=1.2, label=name)
        percent_axis(left, "y", signed=False)
        left.set_ylim(0.0, None)
        left.set_title(f"{series.name}: rates that cover {found.rule.coverage:.1%} of all losses")
        left.legend(loc="upper right")
        names = [*by, "in hindsight"]
        values = [*(m.equal for m in found.methods), found.hindsight]
        right.barh(names, values, color=[GAIN, *[LOSS] * (len(by) - 1), MUTED], height=0.6)
        right.invert_yaxis()
        percent_axis(right, "x", signed=False)
        right.tick_params(axis="y", length=0)
        right.set_title("Mean rate at equal coverage")
        return figure
