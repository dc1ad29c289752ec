"""A schedule as a picture: what is still to be traded, and the excess over initial margin along the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.amounts import short_money
from plimsoll.report.canvas import LINES, LOSS, MUTED, SERIES, money_axis, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.optimise.execution import Schedule

DRAWN = 6
"""Instruments that are drawn; the dearest."""


def schedule_figure(found: Schedule) -> Figure:
    """Left: parts of each instrument that are left after each slice. Right: excess after every trade, and the cost."""
    with styled():
        figure = new_figure(9.2, 4.0)
        left, right = figure.subplots(1, 2)
        _left(left, found)
        _excess(right, found)
        return figure


def _unit(found: Schedule) -> tuple[float, str]:
    whole = found.tau * found.slices
    return (3_600.0, "hours") if whole >= 3_600.0 else (60.0, "minutes") if whole >= 120.0 else (1.0, "seconds")


def _left(axes: Axes, found: Schedule) -> None:
    size, unit = _unit(found)
    # a slice is traded at its beginning, so the first step stands at zero
    time = np.append(0.0, np.arange(found.slices) * found.tau / size)
    order = sorted(range(len(found.lines)), key=lambda i: -abs(found.lines[i].quantity * found.lines[i].impact.spread))
    for colour, i in zip(SERIES, sorted(order[:DRAWN]), strict=False):
        part = found.left[:, i] / found.left[0, i]
        label = f"{found.lines[i].quantity:+.4g} {found.lines[i].instrument}"
        axes.step(time, part, where="post", color=colour, label=label)
    equal = 1.0 - np.arange(found.slices + 1) / found.slices
    axes.step(time, equal, where="post", color=LINES, linewidth=1.2, linestyle="--", label="equal slices")
    percent_axis(axes, "y", signed=False)
    axes.set_ylim(-0.02, 1.05)
    axes.set_xlabel(unit)
    axes.set_title("Still to be traded")
    axes.legend(loc="upper right")


def _excess(axes: Axes, found: Schedule) -> None:
    size, unit = _unit(found)
    amounts, currency = [0.0], "USD"
    for colour, (book, own) in zip(SERIES, found.currencies.items(), strict=False):
        mine = [f for f in found.fills if f.book == book]
        # trades of one slice stand beside one another, in their order
        place, count = dict[int, int](), {k: sum(f.slice == k for f in mine) for k in {f.slice for f in mine}}
        time, value = [], []
        for f in mine:
            n = place.get(f.slice, 0)
            place[f.slice] = n + 1
            time.append((f.slice + 0.8 * n / count[f.slice]) * found.tau / size)
            value.append(f.excess)
        axes.plot(time, value, color=colour, marker="o", markersize=2.5, linewidth=1.0, label=f"{book} ({own})")
        amounts += value
        currency = own if len(found.currencies) == 1 else ""
    axes.axhline(0.0, color=LOSS, linewidth=1.0)
    money_axis(axes, "y", amounts, currency)
    axes.set_xlabel(unit)
    axes.set_title("Excess over initial margin after every trade")
    if len(found.currencies) > 1:
        axes.legend(loc="lower right")
    law, once = found.law, found.law_at_once
    told = (
        f"costs {short_money(law.mean)} ± {short_money(law.sd)}\n"
        f"at once {short_money(once.mean)} ± {short_money(once.sd)}"
    )
    axes.text(0.98, 0.04, told.replace("$", r"\$"), transform=axes.transAxes, ha="right", va="bottom", color=MUTED)
