"""The way from one margin to another as a waterfall: where it stood, what each part brought, where it stands."""

from __future__ import annotations

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
    level = float(getattr(found.before, measure))
    end = float(getattr(found.after, measure))
    unit = "USD" if found.currency in ("USD", "USDC", "USDT") else found.currency
    names, tops = ["before"], [level]
    axes.bar(0, level, color=MUTED, width=0.62)
    _number(axes, 0, max(level, 0.0), short_money(level, unit))
    for effect in found.effects:
        step = float(getattr(effect.change, measure))
        if step == 0.0:
            continue
        place = len(names)
        worse = (step > 0) is (measure != "net_equity")
        axes.bar(place, step, bottom=level, color=LOSS if worse else GAIN, width=0.62)
        axes.plot([place - 0.69, place + 0.31], [level, level], color=MUTED, linewidth=0.8)
        sign = "+" if step > 0 else ""
        _number(axes, place, max(level, level + step), sign + short_money(step, unit))
        level += step
        names.append(effect.title.lower())
        tops += [level, level - step]
    place = len(names)
    axes.plot([place - 0.69, place + 0.31], [level, level], color=MUTED, linewidth=0.8)
    axes.bar(place, end, color=INK, width=0.62)
    _number(axes, place, max(end, 0.0), short_money(end, unit))
    names.append("after")
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", length=0)
    axes.set_title(TITLES[measure])
    axes.set_ylabel(found.currency)
    # bars keep their ends on the frame unless told otherwise, and numbers stand above them
    low, high = min([0.0, end, *tops]), max([0.0, end, *tops])
    axes.set_ylim(low - (0.06 * (high - low) if low < 0 else 0.0), high + 0.12 * (high - low or 1.0))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    money_axis(axes, "y", [*tops, end], unit)


def _number(axes: Axes, place: int, height: float, text: str) -> None:
    axes.annotate(
        text, (place, height), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8.5
    )
