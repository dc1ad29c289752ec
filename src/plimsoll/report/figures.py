"""Figures of a requirement: margin by model, shares, scenario losses, the way to the line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plimsoll.report.amounts import is_dollar, money, short_money
from plimsoll.report.canvas import (
    GAIN,
    INK,
    LOSS,
    MARK,
    MUTED,
    PAPER,
    SERIES,
    inline_svg,
    money_axis,
    new_figure,
    save,
    styled,
)
from plimsoll.report.line_figure import line_figure
from plimsoll.report.smiles import smile_figure
from plimsoll.report.surface_figure import surface_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

    from plimsoll.margin.compare import Comparison, Row
    from plimsoll.margin.requirement import Requirement

__all__ = [
    "contribution_figure",
    "inline_svg",
    "line_figure",
    "model_figure",
    "save",
    "scenario_figure",
    "smile_figure",
    "surface_figure",
]

WIDTH = 9.2

INVISIBLE = 1e-3
"""Part of a bar below which a component is not drawn, nor named in the legend."""


def model_figure(comparison: Comparison) -> Figure:
    """Initial margin of every rule set as a bar stacked by component, with the line and net equity marked."""
    rows = comparison.computed
    with styled():
        figure = new_figure(WIDTH, 1.35 + 0.62 * max(1, len(rows)))
        axes = figure.add_subplot()
        looks: dict[str, dict[str, Any]] = {}
        top = 0.0
        for y, row in enumerate(rows):
            r = row.requirement
            assert r is not None
            left = 0.0
            for c in r.components:
                width = c.initial * row.dollars
                if abs(c.initial) > INVISIBLE * abs(r.initial):
                    look = looks.setdefault(c.title, _look(c.title, looks))
                    axes.barh(y, width, left=left, height=0.56, label=c.title, **look)
                left += width
            line, equity = r.maintenance * row.dollars, r.net_equity * row.dollars
            axes.plot([line] * 2, [y - 0.38, y + 0.38], color=INK, linewidth=2.0, zorder=4)
            # negative equity lies beyond the axis: a pointer at its end
            place, sign = (equity, "D") if equity >= 0 else (0.0, "<")
            axes.plot([place], [y], sign, markersize=7, color=MARK, markeredgecolor=INK, zorder=6, clip_on=False)
            top = max(top, left, equity, line)
        signs = {
            "maintenance (the line)": axes.plot([], [], color=INK, linewidth=2.0)[0],
            "net equity": axes.plot([], [], "D", markersize=7, color=MARK, markeredgecolor=INK)[0],
        }
        named = [f"{r.label}{'*' if r.translated else ''}\n{_initial(r)}" for r in rows]
        axes.set_yticks(range(len(rows)), named)
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.set_xlim(0.0, top * 1.1 if top > 0 else 1.0)
        axes.set_xlabel("initial margin in US dollars, amounts in coin at the price of the snapshot")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        money_axis(axes, "x", [top], "USD")
        handles, labels = axes.get_legend_handles_labels()
        once = dict(zip(labels, handles, strict=True)) | signs
        figure.legend(once.values(), once.keys(), loc="outside upper left", ncols=3)
        return figure


def _look(title: str, looks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Hue of a component, and stripes once the hues are used up.

    Whatever a model calls its worst case has the first hue, other terms take the rest in turn.
    """
    if "worst" in title.lower():
        return {"color": SERIES[0]}
    taken = len([look for look in looks.values() if look["color"] != SERIES[0]])
    turn, hue = divmod(taken, len(SERIES) - 1)
    stripes = {"hatch": "/" * (2 + 2 * turn), "edgecolor": PAPER, "linewidth": 0.0} if turn else {}
    return {"color": SERIES[1 + hue], **stripes}


def contribution_figure(requirement: Requirement, top: int = 12) -> Figure:
    """Shares of the initial margin, largest first, the rest in one bar; bars to the left are relief."""
    ranked = sorted(requirement.shares, key=lambda s: (-abs(s.initial), s.subject))
    rows = [(s.subject, s.initial) for s in ranked[:top]]
    if ranked[top:]:
        rows.append((f"{len(ranked) - top} more", sum(s.initial for s in ranked[top:])))
    with styled():
        figure = new_figure(WIDTH, 0.75 + 0.27 * max(2, len(rows)))
        axes = figure.add_subplot()
        values = [v for _, v in rows]
        colours = [LOSS if v > 0 else GAIN for v in values]
        axes.barh(range(len(rows)), values, height=0.62, color=colours)
        _signed_bars(axes, values, requirement.currency)
        axes.set_yticks(range(len(rows)), [_clip(name) for name, _ in rows])
        axes.set_xlabel(f"share of the initial margin, {requirement.currency} (adds up to the whole; left is relief)")
        return figure


def scenario_figure(requirement: Requirement) -> Figure:
    """Weighted P&L of every scenario in the order of the table; what binds stands out."""
    several = len(requirement.binding) > 1
    bound = {f"{b.underlying} {b.label}" if several else b.label for b in requirement.binding}
    groups = _groups(requirement, several)
    rows = max((len(g) for g in groups.values()), default=1)
    with styled():
        figure = new_figure(WIDTH, 0.85 + 0.185 * max(4, rows))
        panels = np.atleast_1d(figure.subplots(1, max(1, len(groups)), squeeze=True))
        for axes, (title, losses) in zip(panels.tolist(), groups.items(), strict=False):
            values = [v for _, v, _ in losses]
            marked = [label in bound for _, _, label in losses]
            colours = [MARK if hit else LOSS if v < 0 else GAIN for v, hit in zip(values, marked, strict=True)]
            axes.barh(range(len(losses)), values, height=0.7, color=colours)
            _signed_bars(axes, values, requirement.currency, marked, room=0.16 if len(groups) == 1 else 0.28)
            axes.set_yticks(range(len(losses)), [text for text, _, _ in losses])
            axes.tick_params(axis="y", labelsize=7.5)
            for text, hit in zip(axes.get_yticklabels(), marked, strict=True):
                text.set_fontweight("bold" if hit else "normal")
            axes.set_title(title)
            axes.set_xlabel(f"P&L with its weight, {requirement.currency}")
        return figure


def _groups(r: Requirement, several: bool) -> dict[str, list[tuple[str, float, str]]]:
    """Scenarios of each underlying as (text, P&L, full label)."""
    groups: dict[str, list[tuple[str, float, str]]] = {b.underlying: [] for b in r.binding} if several else {"": []}
    for s in r.scenarios:
        head, _, tail = s.label.partition(" ")
        mine = several and head in groups
        groups.setdefault(head if mine else "", []).append((tail if mine else s.label, s.pnl, s.label))
    return {k: v for k, v in groups.items() if v}


def _signed_bars(
    axes: Axes, values: Sequence[float], currency: str, marked: Sequence[bool] = (), room: float = 0.16
) -> None:
    """A zero line, room for the numbers and the numbers themselves (`marked`: only those)."""
    low, high = min([0.0, *values]), max([0.0, *values])
    reach = (high - low) or 1.0
    axes.set_xlim(low - reach * (room if low < 0 else 0.02), high + reach * (room if high > 0 else 0.02))
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.axvline(0.0, color=MUTED, linewidth=0.8)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(_few_ticks())
    money_axis(axes, "x", list(values), "USD" if is_dollar(currency) else "")
    for y, value in enumerate(values):
        if marked and not marked[y]:
            continue
        text = short_money(value) if is_dollar(currency) else money(value, currency)
        side = "left" if value >= 0 else "right"
        axes.annotate(
            text, (value, y), xytext=(4 if value >= 0 else -4, 0), textcoords="offset points",
            va="center", ha=side, fontsize=8,
        )  # fmt: skip


def _initial(row: Row) -> str:
    initial = 0.0 if row.requirement is None else row.requirement.initial
    return f"initial {short_money(initial, row.currency) if is_dollar(row.currency) else money(initial, row.currency)}"


def _few_ticks() -> Locator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(6)


def _clip(name: str, limit: int = 36) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"
