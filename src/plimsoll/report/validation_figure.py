"""Pictures of a walk: forecast against loss over time, coverage with its intervals, cost against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import INK, LOSS, MUTED, SERIES, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.validate.judge import Judgement
    from plimsoll.validate.walk import Track

SHADES = {"calm": "#2a8f6f", "normal": "#e69f00", "stressed": "#c8501e", "all": INK}


def track_figure(track: Track, models: Sequence[str] | None = None) -> Figure:
    """Losses of each day, the forecast of each model made the day before, and the days that were not covered.

    Exceptions are those of the first model. Days that lost less than a twentieth of the largest are not drawn.
    """
    shown = list(models or track.var)
    times = np.array(track.times, dtype="datetime64[ns]")
    with styled():
        figure = new_figure(9.2, 3.4)
        axes = figure.add_subplot()
        top = max(float(track.losses.max()), *(float(track.var[m].max()) for m in shown)) * 1.2  # room for the legend
        # one line with gaps: a line for each day would make a page of years ten times as long
        felt = track.losses > top / 20
        across = np.repeat(times[felt], 3)
        up = np.stack([np.zeros(felt.sum()), track.losses[felt], np.full(felt.sum(), np.nan)], axis=1).ravel()
        axes.plot(across, up, color=MUTED, alpha=0.55, linewidth=0.6)
        for k, model in enumerate(shown):
            axes.plot(times, track.var[model], color=SERIES[k], linewidth=1.0, label=f"VaR, {model}")
        beyond = track.losses > track.var[shown[0]]
        told = f"not covered by {shown[0]}: {int(beyond.sum())} of {beyond.size} days"
        axes.plot(times[beyond], track.losses[beyond], "o", color=LOSS, markersize=3.5, label=told)
        axes.set_ylim(0.0, top)
        percent_axis(axes, "y", signed=False)
        axes.set_ylabel("loss of a day, of one coin")
        axes.set_title(f"{track.shape.name}: {track.shape.title}")
        axes.legend(loc="upper right", ncols=len(shown) + 1)
        return figure


def coverage_figure(judged: Judgement, model: str) -> Figure:
    """Share of exceptions of every book and regime with its exact 95 % interval, beside the promised share.

    Rejections after Holm's adjustment are filled; others are hollow.
    """
    from matplotlib.lines import Line2D

    rows = [v for v in judged.verdicts if v.model == model]
    books = list(dict.fromkeys(v.book for v in rows))
    with styled():
        figure = new_figure(9.2, 0.5 * len(books) + 1.3)
        axes = figure.add_subplot()
        regimes = [r for r in SHADES if any(v.regime == r for v in rows)]
        for v in rows:
            y = books.index(v.book) + 0.17 * (regimes.index(v.regime) - (len(regimes) - 1) / 2)
            colour = SHADES[v.regime]
            axes.plot([v.low, v.high], [y, y], color=colour, linewidth=1.2)
            axes.plot(
                v.exceptions / v.days, y, "o", color=colour, markersize=4.5, mfc=colour if v.rejected() else "none"
            )
        axes.axvline(judged.level, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(books)), books)
        axes.set_ylim(len(books) - 0.5, -0.5)
        # an interval of few days reaches far: it runs out of the picture rather than make it small
        axes.set_xlim(0.0, 1.2 * max(0.025, *(v.exceptions / v.days for v in rows)))
        percent_axis(axes, "x", signed=False)
        axes.set_xlabel(f"share of days not covered, exact 95 % interval; dashed: promised {judged.level:.1%}")
        axes.set_title(f"Coverage of {model} by book and volatility regime (filled: rejected over all)")
        keys = [Line2D([], [], color=SHADES[r], marker="o", mfc="none", label=r) for r in regimes]
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
        return figure


def cost_figure(judged: Judgement) -> Figure:
    """What coverage cost: a row for each book, the mean margin of each model over what hindsight needed.

    Hollow where the model's coverage of the book is rejected: what is cheap there was not a margin.
    """
    books = list(dict.fromkeys(v.book for v in judged.verdicts))
    with styled():
        figure = new_figure(9.2, 0.36 * len(books) + 1.4)
        axes = figure.add_subplot()
        for k, model in enumerate(judged.models):
            rows = [
                v for v in judged.verdicts if v.model == model and v.regime == "all" and np.isfinite(v.conservatism)
            ]
            for v in rows:
                fill = "none" if v.rejected() else SERIES[k]
                axes.plot(v.conservatism, books.index(v.book), "o", color=SERIES[k], markersize=7, mfc=fill)
            axes.plot([], [], "o", color=SERIES[k], markersize=7, label=model)
        axes.axvline(1.0, color=MUTED, linewidth=0.8)
        axes.axvline(judged.ceiling, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.set_yticks(range(len(books)), books)
        axes.set_ylim(len(books) - 0.5, -0.5)
        axes.grid(axis="y")
        axes.set_xlim(left=0.0)
        axes.set_xlabel("mean margin over the constant margin that hindsight needed (1: as much; dashed: the ceiling)")
        axes.set_title("What coverage costs (hollow: coverage of all days rejected)")
        figure.legend(loc="outside lower center", ncols=len(judged.models))
        return figure
