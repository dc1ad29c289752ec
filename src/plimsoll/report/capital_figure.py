"""Capital as a picture: margin, buffer and idle cash at each venue, and how fast a breach becomes unlikely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LINES, LOSS, MARK, MUTED, SERIES, money_axis, new_figure, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.optimise.variation import DeskCapital, Running
    from plimsoll.risk.plan import F64


def capital_figure(found: DeskCapital, runs: Sequence[Running], weight: F64) -> Figure:
    """`runs` are the shortfalls of the venues of `found`, on paths of these weights."""
    with styled():
        figure = new_figure(9.2, 1.9 + 0.55 * max(2, len(found.venues)))
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
        _bars(left, found)
        _tails(right, found, runs, weight)
        return figure


def _bars(axes: Axes, found: DeskCapital) -> None:
    names = [f"{v.name or 'book'}\n{v.hours:g} h" for v in found.venues]
    at = np.arange(len(names), dtype=float)
    initial = np.array([v.initial for v in found.venues])
    buffer = np.array([v.buffer for v in found.venues])
    idle = np.array([max(0.0, v.idle) for v in found.venues])
    missing = np.array([max(0.0, -v.idle) for v in found.venues])
    axes.barh(at, initial, color=GAIN, height=0.6, label="margin")
    axes.barh(at, buffer, left=initial, color=MARK, height=0.6, label="buffer")
    axes.barh(at, idle, left=initial + buffer, color=LINES, height=0.6, label="idle")
    if missing.any():
        there = initial + buffer - missing
        axes.barh(at, missing, left=there, color="none", edgecolor=LOSS, hatch="////", height=0.6, label="missing")
    axes.set_yticks(at, names)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.invert_yaxis()
    axes.set_ylim(len(names) - 0.4, -0.6)
    _few(axes)
    money_axis(axes, "x", (initial + buffer + idle).tolist(), "USD")
    axes.set_title(f"Capital at {100.0 * found.p:g} % until a transfer arrives")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4)


def _tails(axes: Axes, found: DeskCapital, runs: Sequence[Running], weight: F64) -> None:
    amounts: list[float] = []
    for k, (v, run) in enumerate(zip(found.venues, runs, strict=True)):
        # the first two hues are margin and buffer beside it
        colour = SERIES[(k + 2) % len(SERIES)]
        order = np.argsort(-run.worst, kind="stable")
        worst = run.rate * run.worst[order]
        beyond = np.concatenate([[0.0], np.cumsum(weight[order])[:-1]]) / weight.size
        shown = beyond > 0.0
        axes.step(worst[shown], beyond[shown], where="post", color=colour, label=v.name or "book")
        axes.plot([v.capital], [max(v.breach, 0.5 / weight.size)], marker="o", color=colour, markersize=5)
        amounts += [float(worst[0]), v.capital]
    axes.axhline(found.p, color=MUTED, linewidth=0.8, linestyle="--")
    axes.set_yscale("log")
    axes.set_ylim(0.5 / weight.size, 1.0)
    _few(axes)
    money_axis(axes, "x", amounts, "USD")
    axes.set_xlabel("money at the venue")
    axes.set_title("Probability that it is not enough (dot: capital)")
    axes.legend(loc="lower left")


def _few(axes: Axes) -> None:
    """No more ticks than there is room for amounts."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5))
