"""The health ladder through a replay, and the liquidation-density map."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.live.monitors.density import Density
    from plimsoll.live.monitors.session import Watched

RUNGS = (
    ("warned", "#e8dfa8"), ("called", MARK), ("reduce-only", "#d98a2b"), ("partial", LOSS), ("full", "#7d1f0f"),
    ("refused", MUTED),
)  # fmt: skip


def monitor_figure(found: Watched, underlying: str) -> Figure:
    """Accounts below the top rung at every reading, and the map of an underlying at the end."""
    assert found.last is not None
    assert found.last.density is not None
    with styled():
        figure = new_figure(8.6, 5.4)
        above, below = figure.subplots(2, 1, height_ratios=(1.0, 1.2))
        _ladder(above, found)
        _density(below, found.last.density, underlying)
        return figure


def density_figure(found: Density, underlying: str) -> Figure:
    """The map alone."""
    with styled():
        figure = new_figure(8.6, 3.2)
        _density(figure.subplots(), found, underlying)
        return figure


def _ladder(axes: Axes, found: Watched) -> None:
    times = [time for time, _ in found.ladder]
    if not times:
        return
    axes.plot(np.array(times), np.zeros(len(times)), linewidth=0.0)
    rungs = [(name, colour) for name, colour in RUNGS if any(own.get(name) for _, own in found.ladder)]
    if rungs:
        heights = [[own.get(name, 0) for _, own in found.ladder] for name, _ in reversed(rungs)]
        axes.stackplot(
            np.array(times),
            np.array(heights),
            colors=[c for _, c in reversed(rungs)],
            labels=[n for n, _ in reversed(rungs)],
            step="post",
        )
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], loc="upper left", ncols=len(rungs))
    most = max(sum(own.get(n, 0) for n, _ in RUNGS) for _, own in found.ladder)
    axes.set_ylim(0.0, max(1.0, 1.35 * most))
    if len(times) > 1:
        axes.set_xlim(times[0], times[-1])  # type: ignore[arg-type]
    # dates of the axis are days since 1970
    axes.xaxis.set_major_formatter(lambda x, _: f"{datetime.fromtimestamp(86_400.0 * x, tz=UTC):%m-%d %H:%M}")
    axes.locator_params(axis="y", integer=True)
    axes.set_ylabel("accounts")
    total = sum(found.ladder[-1][1].values())
    axes.set_title(f"Accounts below the top rung of the ladder, of {total:,}")


def _density(axes: Axes, found: Density, underlying: str) -> None:
    own = found.underlyings[underlying]
    sums = [0.0]
    for sign, side in ((-1.0, own.fall), (1.0, own.rise)):
        for bucket in side.buckets:
            low, high = sorted((own.price * (1.0 + sign * bucket.least), own.price * (1.0 + sign * bucket.most)))
            # an area is an amount: buckets are of different width
            wide = bucket.most - bucket.least
            axes.bar(
                low, 0.01 * bucket.notional / wide, high - low, align="edge", linewidth=0.6, edgecolor="white",
                color=LOSS if sign < 0 else GAIN,
            )  # fmt: skip
            sums.append(0.01 * bucket.notional / wide)
    axes.axvline(own.price, color=INK, linewidth=1.0)
    axes.set_ylim(0.0, 1.25 * max(sums) or 1.0)
    axes.annotate(
        f" now {own.price:,.0f}",
        (own.price, 1.0),
        xycoords=("data", "axes fraction"),
        va="top",
        fontsize=8.5,
        color=INK,
    )
    money_axis(axes, "y", [0.0, max(sums)], "USD")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.set_xlabel(f"price of {underlying}, USD, all else unmoved")
    axes.set_title("Notional that comes below its maintenance margin, for each per cent of a move")
