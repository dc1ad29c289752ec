"""The loss distribution of a book with VaR, ES and the fitted tail, and how the fit depends on its threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.documents import DocumentError
from plimsoll.report.amounts import short_money
from plimsoll.report.canvas import (
    GAIN,
    INK,
    LINES,
    LOSS,
    MARK,
    MUTED,
    PAPER,
    money_axis,
    new_figure,
    percent_axis,
    styled,
)
from plimsoll.risk.tail import TailFit, peaks_over_threshold, stability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.risk.engine import RiskResult

TAILS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)
"""Parts of the losses to which the tail is fitted in turn."""


def risk_figure(result: RiskResult) -> Figure:
    """Losses as a histogram, the tail on a logarithmic scale, and VaR by the threshold of a fit where one is possible.

    Scenarios of unequal probability are drawn with it; no tail is fitted to them.
    """
    fit, rows = _fits(result)
    with styled():
        figure = new_figure(9.2, 5.6 if rows else 5.4)
        grid = figure.add_gridspec(2, 2 if rows else 1, height_ratios=(1.0, 1.15))
        _histogram(figure.add_subplot(grid[0, :]), result)
        _tail(figure.add_subplot(grid[1, 0]), result, fit)
        if rows:
            _stability(figure.add_subplot(grid[1, 1]), result, rows)
        return figure


def _fits(result: RiskResult) -> tuple[TailFit | None, list[TailFit]]:
    if result.probability is not None:
        return None, []
    level = result.model.level
    try:
        fit = result.tail or peaks_over_threshold(result.losses, level)
    except DocumentError:
        return None, []
    return fit, stability(result.losses, level, TAILS)


def _mass(result: RiskResult) -> np.ndarray:
    size = result.losses.size
    return np.full(size, 1.0 / size) if result.probability is None else result.probability


def _histogram(axes: Axes, result: RiskResult) -> None:
    losses = result.losses
    low, high = np.quantile(losses, [0.0005, 1.0])
    high = min(float(high), 3.0 * abs(result.es.value) + abs(result.var.value))
    bins = np.linspace(float(low), float(high), 81)
    counts, _ = np.histogram(losses, bins, weights=_mass(result))
    colours = np.where(bins[:-1] >= result.var.value, LOSS, GAIN).tolist()
    axes.bar(bins[:-1], counts, width=np.diff(bins), align="edge", color=colours, linewidth=0)
    top = float(counts.max())
    marks = [(result.var.value, "VaR", 0.92), (result.es.value, "ES", 0.70)]
    if abs(result.charge.value - result.var.value) > 1e-9 * abs(result.charge.value):
        marks.append((result.charge.value, "charge", 0.48))
    for value, name, height in marks:
        axes.axvline(value, color=INK, linewidth=1.0, linestyle=":" if name == "VaR" else "--")
        axes.annotate(
            f"{name} {short_money(value)}",
            (value, height * top),
            textcoords="offset points",
            xytext=(5, 0),
            va="center",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.85},
        )
    axes.set_xlim(float(low), max(float(high), 1.15 * max(m[0] for m in marks)))
    axes.set_title(f"{result.model.title or result.model.name}: losses in {losses.size:,} scenarios")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    money_axis(axes, "x", [float(low), float(high)], "USD")


def _tail(axes: Axes, result: RiskResult, fit: TailFit | None) -> None:
    order = np.argsort(-result.losses, kind="stable")
    upto = np.cumsum(_mass(result)[order])
    losses = result.losses[order]
    shown = upto <= max(0.2, 4.0 * (1.0 - result.model.level))
    # all of the far tail; nearer in, dots that would lie on each other are left out
    ranks = np.arange(losses.size)
    few = shown & ((ranks < 200) | (ranks % max(1, int(shown.sum()) // 300) == 0))
    axes.plot(losses[few], upto[few], "o", color=GAIN, markersize=2.6, label="scenarios", zorder=3)
    if fit is not None:
        x = np.linspace(fit.threshold, float(losses[0]) * 1.1, 200)
        axes.plot(x, fit.survival(x), color=LOSS, label=f"fitted tail, xi {fit.fit.xi:.2f}", zorder=4)
        axes.axvline(fit.threshold, color=LINES, linewidth=1.0)
    axes.axhline(1.0 - result.model.level, color=MUTED, linewidth=0.8, linestyle=":")
    tail = 1.0 - result.model.level
    for estimate, name, colour, height in ((result.var, "VaR", MARK, tail), (result.es, "ES", INK, 0.8 * tail)):
        reach = [2.0 * estimate.standard_error]
        label = f"{name} ± 2 errors"
        axes.errorbar(
            [estimate.value],
            [height],
            xerr=reach,
            fmt="D",
            color=colour,
            markersize=4.5,
            capsize=3,
            label=label,
            zorder=5,
        )
    axes.set_yscale("log")
    percent_axis(axes, "y", signed=False)
    axes.set_title("probability of a larger loss")
    money_axis(axes, "x", losses[shown].tolist(), "USD")
    axes.grid(axis="both")
    axes.legend(loc="upper right")


def _stability(axes: Axes, result: RiskResult, rows: list[TailFit]) -> None:
    share = np.array([r.fit.count / r.size for r in rows])
    values = np.array([r.var.value for r in rows])
    ends = np.array([r.var_interval for r in rows]).T
    axes.errorbar(
        share, values, yerr=np.abs(ends - values), fmt="o", color=LOSS, markersize=4, capsize=2.5, linewidth=1.2
    )
    axes.axhline(result.var.value, color=MARK, linewidth=1.2)
    axes.annotate(
        "VaR of the scenarios",
        (0.98, result.var.value),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        xytext=(0, 7),
        ha="right",
        fontsize=8.5,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.85},
        zorder=6,
    )
    axes.set_title("VaR by the part of losses fitted, with 95 % intervals")
    percent_axis(axes, "x", signed=False)
    money_axis(axes, "y", [0.0, *ends.ravel().tolist()], "USD")
    axes.grid(axis="y")
