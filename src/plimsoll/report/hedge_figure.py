"""A hedge as a picture: what the book loses over the price before and after, and the margin after each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.amounts import short_money
from plimsoll.report.canvas import GAIN, INK, LINES, LOSS, MUTED, money_axis, new_figure, percent_axis, styled
from plimsoll.scenarios import Scenarios

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.optimise import Answer, Desk

MOVES = np.linspace(-0.6, 0.6, 121)
"""Price moves of the curve: as far as the scenarios beyond every grid go."""

STEPS = 14
"""Steps of a ticket that are drawn; the rest are one bar."""


def hedge_figure(desk: Desk, answer: Answer) -> Figure:
    """Profit and loss of the whole desk over moves of all prices, before and after; margin along the ticket."""
    with styled():
        figure = new_figure(9.2, 4.2)
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.0))
        _curve(left, desk, answer)
        _margin(right, answer)
        return figure


def _curve(axes: Axes, desk: Desk, answer: Answer) -> None:
    columns = {u: Scenarios.build(1.0 + MOVES) for u in desk.moving}
    base, rows = desk.rows(columns)
    after = base + sum(y @ r for y, r in zip(answer.trades, rows, strict=True)) - answer.cost
    axes.axvspan(-0.3, 0.3, color=LINES, alpha=0.35, linewidth=0)
    axes.axhline(0.0, color=LINES, linewidth=0.8)
    axes.plot(MOVES, base, color=LOSS, label="before")
    axes.plot(MOVES, after, color=GAIN, label="after, costs paid")
    percent_axis(axes, "x")
    money_axis(axes, "y", [*base.tolist(), *after.tolist()], "USD")
    axes.set_xlabel("move of every price, implied volatility as it is")
    axes.set_title("Profit and loss (grey: moves within 30 %)")
    axes.legend(loc="lower center")


def _margin(axes: Axes, answer: Answer) -> None:
    rates = {b.name: b.rate for b in answer.books}
    held = {b.name: b.before.initial * rates[b.name] for b in answer.books}
    names, values = ["before"], [sum(held.values())]
    for step in answer.ticket.steps:
        held[step.book] = step.initial * rates[step.book]
        names.append(f"{_contracts(step.quantity)} {step.instrument}")
        values.append(sum(held.values()))
    if len(names) > STEPS + 1:
        more = len(names) - STEPS
        names, values = [*names[:STEPS], f"{more} more"], [*values[:STEPS], values[-1]]
    colours = [LOSS, *[GAIN] * (len(values) - 1)]
    axes.barh(names, values, color=colours, height=0.7)
    axes.invert_yaxis()
    money_axis(axes, "x", values, "USD")
    axes.tick_params(axis="y", length=0, labelsize=7.5, labelcolor=INK)
    axes.set_title("Initial margin after each step")
    saved = f"{short_money(values[0] - values[-1])} freed for {short_money(answer.cost)}"
    axes.text(0.98, 0.02, saved.replace("$", r"\$"), transform=axes.transAxes, ha="right", va="bottom", color=MUTED)


def _contracts(quantity: float) -> str:
    return f"{quantity:+,.0f}" if abs(quantity) >= 1000.0 else f"{quantity:+.3g}"
