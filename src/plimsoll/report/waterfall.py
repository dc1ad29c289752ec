"""The way from one margin to another as a waterfall: where it stood, what each part brought, where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plimsoll.report.amounts import short_money
from plimsoll.report.canvas import GAIN, INK, LOSS, MUTED, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.margin.changes.explain import Explanation

Measure = Literal["initial", "maintenance", "net_equity"]
TITLES = {"initial": "initial margin", "maintenance": "maintenance margin", "net_equity": "net equity"}


def waterfall_figure(found: Explanation, measures: tuple[Measure, ...] = ("initial", "net_equity")) -> Figure:
    """One panel for each of `measures`; a bar that worsens the account stands out.

    Bars hang where the one before ended, the first and last stand on zero. Effects that are nothing are left out.
    """
    with styled():
        figure = new_figure(9.2, 3.4 * len(measures))
        panels = figure.subplots(len(measures), 1, squeeze=False)[:, 0]
        for axes, measure in zip(panels.tolist(), measures, strict=True):
            _panel(axes, found, measure)
        return figure


def _panel(axes: Axes, found: Explanation, measure: Measure) -> None:
    unit = "USD" if found.currency in ("USD", "USDC", "USDT") else found.currency
    bars = [Bar(effect.title.lower(), float(getattr(effect.change, measure))) for effect in found.effects]
    first, last = float(getattr(found.before, measure)), float(getattr(found.after, measure))
    draw_bars(axes, first, bars, last, unit, worse_is_up=measure != "net_equity")
    axes.set_title(TITLES[measure])
    axes.set_ylabel(found.currency)


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall: what it is called and what it adds."""

    name: str
    step: float


def draw_bars(axes: Axes, first: float, bars: Sequence[Bar], last: float, unit: str, *, worse_is_up: bool) -> None:
    """From `first` over each bar to `last`, in `unit`. What worsens stands out, what is nothing is left out."""
    level = first
    names, tops = ["before"], [level]
    axes.bar(0, level, color=MUTED, width=0.62)
    _number(axes, 0, max(level, 0.0), short_money(level, unit))
    for bar in bars:
        if bar.step == 0.0:
            continue
        place = len(names)
        worse = (bar.step > 0) is worse_is_up
        axes.bar(place, bar.step, bottom=level, color=LOSS if worse else GAIN, width=0.62)
        axes.plot([place - 0.69, place + 0.31], [level, level], color=MUTED, linewidth=0.8)
        sign = "+" if bar.step > 0 else ""
        _number(axes, place, max(level, level + bar.step), sign + short_money(bar.step, unit))
        level += bar.step
        names.append(bar.name)
        tops += [level, level - bar.step]
    place = len(names)
    axes.plot([place - 0.69, place + 0.31], [level, level], color=MUTED, linewidth=0.8)
    axes.bar(place, last, color=INK, width=0.62)
    _number(axes, place, max(last, 0.0), short_money(last, unit))
    names.append("after")
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", length=0)
    # bars keep their ends on the frame unless told otherwise, and numbers stand above them
    low, high = min([0.0, last, *tops]), max([0.0, last, *tops])
    axes.set_ylim(low - (0.06 * (high - low) if low < 0 else 0.0), high + 0.12 * (high - low or 1.0))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    money_axis(axes, "y", [*tops, last], unit)


def _number(axes: Axes, place: int, height: float, text: str) -> None:
    axes.annotate(
        text, (place, height), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8.5
    )
