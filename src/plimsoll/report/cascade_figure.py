"""A cascade as figures: prices, liquidations by minute, the fund, and where accounts are liquidated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, money_axis, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.laboratory.crowd_map import DensityMap
    from plimsoll.laboratory.study import CascadeStudy

MOST_PANELS = 6
BARS = 90
"""Bars of liquidations at most: longer paths are summed over several minutes."""


def _hours(found: CascadeStudy) -> tuple[np.ndarray, str]:
    path = found.run.world.path
    minutes = np.arange(path.steps + 1) * path.step_seconds / 60.0
    return (minutes / 60.0, "hours") if minutes[-1] > 300.0 else (minutes, "minutes")


def price_figure(found: CascadeStudy) -> Figure:
    """Each underlying's price over its first, from outside alone and with the feedback of forced orders."""
    run = found.run
    shown = list(range(min(MOST_PANELS, len(run.underlyings))))
    x, unit = _hours(found)
    with styled():
        figure = new_figure(9.0, 1.9 * len(shown) + 0.8)
        rows = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for axes, k in zip(rows, shown, strict=True):
            axes.plot(x, run.outside[:, k] / run.outside[0, k] - 1.0, color=MUTED, label="from outside")
            axes.plot(x, run.price[:, k] / run.price[0, k] - 1.0, color=LOSS, label="with forced orders")
            axes.set_title(run.underlyings[k])
            percent_axis(axes, "y")
            axes.grid(axis="y")
            axes.set_axisbelow(True)
        rows[-1].set_xlabel(unit)
        figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
        return figure


def liquidation_figure(found: CascadeStudy) -> Figure:
    """USD that forced orders sold and bought, minute by minute; of a longer path the whole in wider bars, and below it
    the `BARS` minutes, or steps where these are longer, in which most was forced."""
    path = found.run.world.path
    fine = max(1, round(60.0 / path.step_seconds))
    wide = max(fine, -(-path.steps // BARS))
    windows = [(1, path.steps + 1, wide)]
    if wide > fine:
        total = np.cumsum(found.run.forced.sum(axis=(1, 2)))
        length = min(BARS * fine, path.steps)
        # the busiest window, by sums over the steps s + 1 .. s + length
        first = 1 + int((total[length:] - total[: total.size - length]).argmax())
        windows.append((first, first + length, fine))
    with styled():
        figure = new_figure(9.0, 0.4 + 2.4 * len(windows))
        rows = figure.subplots(len(windows), 1, squeeze=False)[:, 0]
        for axes, window in zip(rows, windows, strict=True):
            _bars(axes, found, *window)
        figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
        return figure


def _bars(axes: Axes, found: CascadeStudy, first: int, end: int, width: int) -> None:
    """Forced orders of the steps from `first` to before `end`, `width` steps a bar."""
    run = found.run
    x, unit = _hours(found)
    starts = np.arange(first, end, width)
    sold, bought = (np.add.reduceat(run.forced[:end, :, s].sum(axis=1), starts) for s in (0, 1))
    scale = x[1] - x[0]
    at = x[starts] + 0.5 * (width - 1) * scale
    axes.bar(at, sold, width=0.86 * width * scale, color=LOSS, label="sold")
    axes.bar(at, -bought, width=0.86 * width * scale, color=GAIN, label="bought back")
    axes.axhline(0.0, color=INK, linewidth=0.8)
    money_axis(axes, "y", [*sold.tolist(), *bought.tolist()], "USD")
    minutes = width * run.world.path.step_seconds / 60.0
    axes.set_xlabel(unit)
    axes.set_ylabel("in each minute" if minutes == 1.0 else f"in each {minutes:g} minutes")
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def fund_figure(found: CascadeStudy) -> Figure:
    """The insurance fund, and below it what was short and who paid instead, in all up to each time."""
    run = found.run
    x, unit = _hours(found)
    with styled():
        figure = new_figure(9.0, 3.0)
        axes = figure.subplots()
        axes.fill_between(x, run.fund, color=GAIN, alpha=0.25, linewidth=0)
        axes.plot(x, run.fund, color=GAIN, label="insurance fund")
        lines = (("deleveraged winners paid", run.adl.cumsum(), MARK), ("socialised", run.socialised.cumsum(), MUTED))
        for name, amount, colour in (*lines, ("bad debt", run.bad_debt, LOSS)):
            if amount[-1] > 0.0:
                axes.plot(x, amount, color=colour, label=name)
        top = max(
            float(run.fund.max()), float(run.adl.sum()), float(run.socialised.sum()), float(run.bad_debt[-1]), 1.0
        )
        axes.set_ylim(0.0, 1.06 * top)
        money_axis(axes, "y", [0.0, top], "USD")
        axes.set_xlabel(unit)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        figure.legend(loc="outside upper right", ncols=4)
        return figure


def density_figure(found: CascadeStudy) -> Figure:
    """USD that each further per cent of a common move would liquidate, before (outline) and after the cascade."""
    with styled():
        figure = new_figure(9.0, 3.2)
        axes = figure.subplots()
        top = [0.0]
        for which, label in ((found.before, "before"), (found.after, "after")):
            top.append(_density(axes, which, label))
        axes.axvline(0.0, color=INK, linewidth=0.8)
        money_axis(axes, "y", top, "USD")
        percent_axis(axes, "x")
        axes.set_xlabel("move of all prices from where they are")
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        figure.legend(loc="outside upper right", ncols=4)
        return figure


def _density(axes: Axes, found: DensityMap, label: str) -> float:
    widths = np.diff(found.moves, prepend=0.0)
    most = 0.0
    for sign, amounts, colour, side in zip((-1.0, 1.0), found.density, (LOSS, GAIN), ("bought", "sold"), strict=True):
        total = amounts.sum(axis=1) * 0.01 / widths
        at = sign * (found.moves - 0.5 * widths)
        most = max(most, float(total.max()))
        if label == "after":
            axes.bar(at, total, width=0.9 * widths, color=colour, alpha=0.85, label=f"{side}, after")
        else:
            axes.bar(
                at,
                total,
                width=0.9 * widths,
                facecolor="none",
                edgecolor=colour,
                linewidth=0.9,
                label=f"{side}, before",
            )
    return most
