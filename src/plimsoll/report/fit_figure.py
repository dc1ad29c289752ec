"""Fitted smiles over the quotes that they were fitted to, one panel for each expiry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS
from plimsoll.dynamics import ExpiryFit, Surface, SurfaceFit
from plimsoll.dynamics.quotes import read_quotes
from plimsoll.report.canvas import GAIN, LOSS, MUTED, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.market import Market

COLUMNS = 3


def fit_figure(fit: SurfaceFit, market: Market) -> Figure:
    """Volatility over log-moneyness: the mark of every strike, its bid and ask as a bar, the fitted curve.

    `market` is the one that was fitted. Bars that reach beyond the panel are cut.
    """
    surface = Surface.of(fit)
    columns = min(COLUMNS, len(fit.expiries))
    rows = -(-len(fit.expiries) // columns)
    with styled():
        figure = new_figure(9.2, 0.7 + 1.9 * rows)
        panels = np.atleast_1d(figure.subplots(rows, columns)).ravel().tolist()
        for axes, one in zip(panels, fit.expiries, strict=False):
            _panel(axes, fit.underlying, one, surface, market)
        for axes in panels[len(fit.expiries) :]:
            axes.set_axis_off()
        figure.supxlabel("log-moneyness ln(strike / forward)", fontsize=9.0, color=MUTED)
        figure.supylabel(f"{fit.underlying} implied volatility, per year", fontsize=9.0, color=MUTED)
        handles = [
            panels[0].plot([], [], color=GAIN, label="fit")[0],
            panels[0].scatter([], [], s=9, color=LOSS, label="mark"),
            panels[0].vlines([], [], [], color=MUTED, linewidth=1.0, label="bid to ask"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=3)
        return figure


def _panel(axes: Axes, underlying: str, one: ExpiryFit, surface: Surface, market: Market) -> None:
    quotes = read_quotes(market, market.expiry_table[underlying, one.expiry])
    assert quotes is not None
    room = 0.04 * (quotes.k[-1] - quotes.k[0]) + 1e-3
    k = np.linspace(quotes.k[0] - room, quotes.k[-1] + room, 201)
    curve = surface.vol(k, one.tau)
    low, high = min(curve.min(), quotes.vol.min()), max(curve.max(), quotes.vol.max())
    reach = 0.12 * (high - low) + 0.01
    low, high = max(0.0, low - reach), high + reach
    both = quotes.two_sided
    axes.vlines(
        quotes.k[both], np.maximum(quotes.bid_vol[both], low), np.minimum(quotes.ask_vol[both], high),
        color=MUTED, linewidth=1.0, zorder=2,
    )  # fmt: skip
    axes.scatter(quotes.k, quotes.vol, s=9, color=LOSS, linewidth=0.0, zorder=4)
    axes.plot(k, curve, color=GAIN, linewidth=1.5, zorder=3)
    axes.axvline(0.0, color=MUTED, linewidth=0.7, linestyle=":", zorder=1)
    axes.set_ylim(low, high)
    days = one.tau * YEAR_SECONDS / DAY_SECONDS
    axes.set_title(f"{one.expiry:%d %b %y}, {days:.1f} d: {100.0 * one.error.weighted:.2f} pt")
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5))
    percent_axis(axes, "y", signed=False)
    axes.grid(axis="y")
