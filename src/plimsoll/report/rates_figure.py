"""Raw rates and what was in force, asset by asset, and the frontier of governors as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.market.history import instant_of
from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.rates.publish import AssetHistory, AssetRates
    from plimsoll.rates.thresholds import ThresholdPath
    from plimsoll.rates.tune import Tuned

MOST_PANELS = 6


def rates_figure(rates: Mapping[str, AssetRates], histories: Mapping[str, AssetHistory]) -> Figure:
    """For each asset the raw rate of the first tier, the rate in force, the losses beyond it, and the overrides."""
    shown = list(rates)[:MOST_PANELS]
    with styled():
        figure = new_figure(9.0, 2.2 * len(shown) + 0.4)
        for axes, name in zip(figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0], shown, strict=True):
            found, history = rates[name], histories[name]
            days = [instant_of(int(t)) for t in found.times]
            start = history.times.size - found.bars.size
            price = history.closes[start:]
            loss = np.full(found.times.size, np.nan)
            loss[found.bars[:-1]] = np.abs(price[1:] / price[:-1] - 1.0)
            rate, raw = found.rate[:, 0], found.raw.raw[:, 0]
            beyond = np.nan_to_num(loss) > rate
            axes.fill_between(
                [days[k] for k in found.bars],
                loss[found.bars],
                color=MUTED,
                alpha=0.35,
                linewidth=0,
                label="move of the next day",
            )
            axes.plot(days, raw, color=MARK, linewidth=0.9, label="raw")
            axes.plot(days, rate, color=GAIN, drawstyle="steps-post", label="in force")
            axes.plot(
                [d for d, b in zip(days, beyond, strict=True) if b],
                loss[beyond],
                linestyle="none",
                marker="o",
                markersize=3.5,
                color=LOSS,
                label="beyond the rate",
            )
            for change in found.tiers[0].overrides:
                axes.axvline(days[change.announced], color=INK, linewidth=0.7, linestyle=":")
            axes.set_title(name)
            axes.set_ylim(0.0, 1.15 * float(max(rate.max(), np.nanmax(loss))))
            percent_axis(axes, "y", signed=False)
            axes.grid(axis="y")
            axes.set_axisbelow(True)
        figure.axes[0].legend(ncols=4, loc="upper left", bbox_to_anchor=(0.12, 1.17), borderaxespad=0.0)
        return figure


def thresholds_figure(paths: Sequence[ThresholdPath]) -> Figure:
    """For each asset the scalar on maintenance margins, and below it the two volatilities that it follows."""
    shown = list(paths)[:MOST_PANELS]
    with styled():
        figure = new_figure(9.0, 2.4 * len(shown) + 0.4)
        for axes, path in zip(figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0], shown, strict=True):
            days = [instant_of(int(t)) for t in path.times]
            axes.plot(days, path.fast, color=MUTED, linewidth=0.7, label="fast volatility, a year")
            axes.plot(days, path.forecast, color=MARK, linewidth=0.9, label="forecast")
            axes.plot(days, path.scalar, color=LOSS, drawstyle="steps-post", linewidth=1.3, label="scalar")
            axes.axhline(1.0, color=INK, linewidth=0.6, linestyle=":")
            axes.set_title(path.name)
            axes.set_ylim(0.0, 1.1 * float(max(np.nanmax(path.scalar), np.nanquantile(path.fast, 0.995))))
            axes.grid(axis="y")
            axes.set_axisbelow(True)
        figure.axes[0].legend(ncols=3, loc="upper left", bbox_to_anchor=(0.12, 1.17), borderaxespad=0.0)
        return figure


def frontier_figure(found: Tuned, coverage: float) -> Figure:
    """Every rule that was tried, on the first part: mean rate against coverage, coloured by peak over trough."""
    from matplotlib.ticker import FuncFormatter

    with styled():
        figure = new_figure(7.2, 4.2)
        axes = figure.subplots()
        means = np.array([t.score.mean for t in found.tried])
        covers = np.array([t.score.coverage for t in found.tried])
        peaks = np.array([t.score.peak_to_trough for t in found.tried])
        dots = axes.scatter(means, covers, c=np.log(peaks), cmap="cividis_r", s=22, linewidths=0)
        axes.scatter(
            [found.before.mean], [found.before.coverage], s=90, facecolors="none", edgecolors=LOSS, linewidths=1.6
        )
        axes.annotate(
            "chosen",
            (found.before.mean, found.before.coverage),
            xytext=(9, -11),
            textcoords="offset points",
            color=LOSS,
        )
        axes.axhline(coverage, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlabel("mean rate")
        axes.set_ylabel("coverage")
        percent_axis(axes, "x", signed=False)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.1%}"))
        bar = figure.colorbar(dots, ax=axes, label="largest peak over trough")
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{np.exp(v):.1f}"))
        bar.outline.set_visible(False)
        return figure
