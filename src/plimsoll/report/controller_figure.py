"""Pictures of policies that set a margin rate: their frontier, their terms, and volume of another elasticity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.control.terms import TERMS
from plimsoll.report.canvas import INK, LINES, MUTED, SERIES, new_figure, styled
from plimsoll.validate.procyclicality import frontier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from plimsoll.control.evaluate import Judged
    from plimsoll.control.tracks import Storm

WORDS = {
    "capital": "cost of capital",
    "calls": "margin calls",
    "volume": "lost volume",
    "bad_debt": "bad debt",
    "impact": "price impact",
    "forced": "forced closes",
    "changes": "rate changes",
}
DEAR = ("capital", "calls", "volume", "changes")
"""What a higher rate costs; the other terms are what a lower one does."""


SAME = 0.01
"""Parts of the picture within which two policies stand at one place."""


def frontier_points(by: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, float]]:
    """Of each policy what margin costs and what its lack costs, from its costs in the order of `TERMS`."""
    dear = np.array([t in DEAR for t in TERMS])
    return {name: (float(np.array(c)[dear].sum()), float(np.array(c)[~dear].sum())) for name, c in by.items()}


def controller_frontier(by: Mapping[str, Sequence[float]], title: str) -> Figure:
    """Each policy at what its margin costs and what its lack of margin costs (basis points a year, costs in the order
    of `TERMS`), with lines of equal sum; those that no other beats in both are joined, the others hollow. Where several
    stand at one place they are rings about each other."""
    from matplotlib.lines import Line2D

    points = frontier_points(by)
    with styled():
        figure = new_figure(5.4, 3.9)
        axes = figure.subplots()
        x, y = (np.array([p[k] for p in points.values()]) for k in (0, 1))
        best = frontier(np.column_stack([x, y]))
        room = 0.12 * max(float(np.ptp(x)), float(np.ptp(y)) * 0.3, 1.0)
        left, right = float(x.min()) - room, float(x.max()) + 2.5 * room
        for total in sorted({round(float(a + b)) for a, b in zip(x, y, strict=True)}):
            axes.plot([left, right], [total - left, total - right], color=LINES, linewidth=0.8, zorder=1)
        order = np.argsort(x[best])
        axes.plot(x[best][order], y[best][order], color=MUTED, linewidth=1.0, linestyle="--", zorder=2)
        for n, (name, (a, b)) in enumerate(points.items()):
            face = SERIES[n] if best[n] else "none"
            look = {"markerfacecolor": face, "markeredgecolor": SERIES[n], "linestyle": "none", "zorder": 3}
            above = int(((np.abs(x - a) < SAME * np.ptp(x)) & (np.abs(y - b) < SAME * np.ptp(y)))[n + 1 :].sum())
            axes.plot([a], [b], marker="o", markersize=7 + 5 * above, label=name, **look)  # type: ignore[arg-type]
        axes.set_xlim(left, right)
        axes.set_ylim(float(y.min()) - 0.06 * float(y.max()), max(1.0, 1.1 * float(y.max())))
        axes.set_xlabel("capital, calls, lost volume, rate changes (bp a year)")
        axes.set_ylabel("bad debt, impact, forced closes (bp a year)")
        axes.set_title(title)
        for handle in axes.legend(loc="upper right").legend_handles:
            if isinstance(handle, Line2D):
                handle.set_markersize(7)
        return figure


def controller_storm(found: Storm, title: str) -> Figure:
    """A storm: the price; the rates in force over what the bounds need; called for and unpaid by the owner so far."""
    with styled():
        figure = new_figure(6.4, 5.6)
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(1.2, 2.0, 1.6))
        days = np.arange(found.price.size) * found.step_hours / 24.0
        top.plot(days, found.price / found.price[0], color=INK)
        top.set_ylabel("price")
        top.set_title(title)
        middle.step(days[:-1], 100.0 * found.needed, where="post", color=MUTED, linewidth=1.0, label="bounds")
        for n, (name, rate) in enumerate(found.rate.items()):
            middle.step(days[:-1], 100.0 * rate, where="post", color=SERIES[n], label=name)
            bottom.step(days[1:], np.cumsum(found.called[name]), color=SERIES[n], label=f"{name}: called")
            paid = np.cumsum(found.uncovered[name])
            bottom.step(days[1:], paid, color=SERIES[n], linestyle="--", label=f"{name}: unpaid")
        middle.set_ylabel("initial margin, %")
        middle.legend(loc="upper left", ncols=3)
        bottom.set_ylabel("so far, bp of open interest")
        bottom.legend(loc="upper left", ncols=2)
        bottom.set_xlabel("days")
        return figure


def controller_terms(rows: Sequence[Judged], title: str) -> Figure:
    """Every term of every policy, stacked; what volume gained goes below zero."""
    with styled():
        figure = new_figure(6.4, 0.42 * len(rows) + 1.5)
        axes = figure.subplots()
        high, low = np.zeros(len(rows)), np.zeros(len(rows))
        place = np.arange(len(rows))
        for n, term in enumerate(TERMS):
            value = np.array([float(j.costs[:, n].mean()) for j in rows])
            up, down = np.maximum(value, 0.0), np.minimum(value, 0.0)
            axes.barh(place, up, left=high, color=SERIES[n], label=WORDS[term], height=0.65)
            axes.barh(place, down, left=low, color=SERIES[n], height=0.65)
            high, low = high + up, low + down
        axes.axvline(0.0, color=MUTED, linewidth=0.8)
        axes.set_yticks(place, [j.name for j in rows])
        axes.invert_yaxis()
        axes.set_xlabel("basis points a year of the reference open interest")
        axes.set_title(title)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return figure


def controller_elasticity(varied: Mapping[float, tuple[Judged, ...]]) -> Figure:
    """Total cost of each policy against the elasticity of volume to the rate."""
    with styled():
        figure = new_figure(5.4, 3.2)
        axes = figure.subplots()
        values = list(varied)
        for n, name in enumerate(j.name for j in next(iter(varied.values()))):
            axes.plot(
                values,
                [float(rows[n].total.mean()) for rows in varied.values()],
                marker="o",
                markersize=3.5,
                color=SERIES[n],
                label=name,
            )
        axes.set_xlabel("elasticity of volume to the rate")
        axes.set_ylabel("cost (bp a year)")
        axes.set_title("The same frozen policies, other traders")
        axes.tick_params(colors=INK)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return figure
