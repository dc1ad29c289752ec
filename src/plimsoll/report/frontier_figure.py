"""Pictures of an optimisation's page: the frontier, losses before and after, the way from one margin to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, diverging, money_axis, new_figure, styled
from plimsoll.report.surface_figure import panel
from plimsoll.report.waterfall import Bar, draw_bars
from plimsoll.risk.surface import Surface
from plimsoll.scenarios import FLAT, Scenarios

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.optimise import Answer, Desk, Frontier

MOVES, VOLS = np.round(np.linspace(-0.4, 0.4, 41), 12), np.round(np.linspace(-0.3, 0.5, 17), 12)
LOOKS = {
    "margin": (INK, "-", "least margin"),
    "both": (GAIN, "--", "least margin, shortfall halfway"),
    "shortfall": (MARK, "-", "least shortfall"),
}

BARS = 8
"""Instruments of the waterfall by name; what the others bring together is one bar."""


def frontier_figure(found: Frontier, answer: Answer | None = None) -> Figure:
    """Margin against cost, one line for each thing that is made least, and beside it the shortfall of each point."""
    from matplotlib.ticker import MaxNLocator

    with styled():
        figure = new_figure(9.2, 3.7)
        tail = found.start.es is not None
        panels = figure.subplots(1, 2 if tail else 1, squeeze=False)[0].tolist()
        costs, capitals, risks = [0.0], [found.start.capital], [found.start.es or 0.0]
        for curve in found.curves:
            colour, dash, label = LOOKS[curve.least]
            look = {"marker": "o", "markersize": 3.5, "color": colour, "linestyle": dash}
            x, y = [p.cost for p in curve.points], [p.capital for p in curve.points]
            panels[0].plot(x, y, label=label, **look)
            costs, capitals = [*costs, *x], [*capitals, *y]
            if tail:
                z = [p.es or 0.0 for p in curve.points]
                panels[1].plot(x, z, **look)
                risks += z
        panels[0].plot([0.0], [found.start.capital], marker="D", color=LOSS, label="as it stands", zorder=5)
        if answer is not None and answer.cost:
            panels[0].plot(
                [answer.cost], [answer.capital[1]], marker="*", markersize=11, color=GAIN, label="the answer"
            )
        panels[0].set_title("Initial margin against what it costs to lower it")
        panels[0].legend(loc="upper right")
        money_axis(panels[0], "y", [0.0, *capitals], "USD")
        panels[0].set_ylim(bottom=0.0)
        if tail:
            panels[1].plot([0.0], [found.start.es], marker="D", color=LOSS, zorder=5)
            panels[1].set_title(f"Expected shortfall of the same points, {found.level:.1%}".replace(".0%", "%"))
            money_axis(panels[1], "y", [0.0, *risks], "USD")
        for axes in panels:
            money_axis(axes, "x", costs, "USD")
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.set_xlabel("cost of the trades")
            axes.grid(axis="y")
        return figure


def before_after_figure(desk: Desk, answer: Answer) -> Figure:
    """Profit and loss of the whole desk over price move and volatility shock, before and after, on one scale."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    moves, vols = (a.ravel() for a in np.meshgrid(MOVES, VOLS))
    base, rows = desk.rows({u: Scenarios.build(1.0 + moves, vols) for u in desk.moving})
    after = base + sum(y @ r for y, r in zip(answer.trades, rows, strict=True)) - answer.cost
    shape = (1, VOLS.size, MOVES.size)
    top = float(max(np.abs(base).max(), np.abs(after).max())) or 1.0
    with styled():
        figure = new_figure(9.2, 3.5)
        panels = figure.subplots(1, 2, sharey=True).tolist()
        for axes, pnl, title in zip(panels, (base, after), ("before", "after, costs paid"), strict=True):
            panel(axes, Surface(MOVES, VOLS, np.zeros(1), pnl.reshape(shape), "usd", FLAT), 0, top)
            axes.set_title(title)
        panels[0].set_ylabel("volatility shock, relative")
        figure.supxlabel("move of every price together", fontsize=9.0, color=MUTED)
        bar = figure.colorbar(ScalarMappable(Normalize(-top, top), diverging()), ax=panels, aspect=28, pad=0.015)
        bar.outline.set_visible(False)
        bar.set_label("P&L, USD")
        money_axis(bar.ax, "y", [top], "USD")
        return figure


def saving_figure(answer: Answer) -> Figure:
    """Initial margin from before to after: what each instrument of the ticket brought, in the ticket's order."""
    rates = {b.name: b.rate for b in answer.books}
    held = {b.name: b.before.initial * rates[b.name] for b in answer.books}
    first = level = sum(held.values())
    brought: dict[str, float] = {}
    for step in answer.ticket.steps:
        held[step.book] = step.initial * rates[step.book]
        now = sum(held.values())
        brought[step.instrument] = brought.get(step.instrument, 0.0) + now - level
        level = now
    kept = sorted(brought, key=lambda n: -abs(brought[n]))[:BARS]
    bars = [Bar(n, x) for n, x in brought.items() if n in kept]
    others = sum(x for n, x in brought.items() if n not in kept)
    if len(brought) > BARS:
        bars.append(Bar(f"{len(brought) - BARS} others", others))
    with styled():
        figure = new_figure(9.2, 3.6)
        axes = figure.subplots()
        draw_bars(axes, first, bars, level, "USD", worse_is_up=True)
        axes.set_title("Initial margin of all books, along the ticket")
        axes.tick_params(axis="x", labelrotation=20.0 if len(bars) > 3 else 0.0)
        return figure
