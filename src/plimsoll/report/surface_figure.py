"""The P&L surface as a heat map, one panel for each horizon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.report.amounts import round_money, scenario_point
from plimsoll.report.canvas import INK, MARK, MUTED, diverging, money_axis, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.margin.requirement import Binding
    from plimsoll.risk.surface import Surface

ON_MAP, UNDER_LABEL = "#1b2530", "#fefefe"
"""Ink on the map and the ground of its labels: the map stays light in a dark page, so these do not follow the theme."""

PANELS = 4
"""Most horizons side by side; later ones are left to the table."""


def surface_figure(surface: Surface, bindings: Sequence[Binding] = (), rules: Sequence[str] = ()) -> Figure:
    """Price move across, volatility shock up, colour from loss over nothing to gain on one scale for all panels.

    The zero contour is drawn and labelled. Binding scenarios are marked in the panel of the first horizon: a diamond
    where they lie in the grid, an arrow at the edge where they lie beyond it. `rules` names whose they are.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    days = surface.days[:PANELS]
    top = float(np.abs(surface.pnl[: len(days)]).max()) or 1.0
    with styled():
        figure = new_figure(9.2, 3.5)
        panels = np.atleast_1d(figure.subplots(1, len(days), sharey=True)).tolist()
        norm, colours = Normalize(-top, top), diverging()
        for d, axes in enumerate(panels):
            panel(axes, surface, d, top)
            axes.set_title("now" if days[d] == 0 else f"after {days[d]:g} day{'' if days[d] == 1 else 's'}")
        panels[0].set_ylabel("volatility shock, relative")
        figure.supxlabel("move of every price together", fontsize=9.0, color=MUTED)
        _mark(panels[0], bindings, len(days) == 1)
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=panels, aspect=28, pad=0.015)
        bar.outline.set_visible(False)
        bar.set_label("P&L, USD" if surface.currency == "usd" else "P&L, settlement currency")
        money_axis(bar.ax, "y", [top], "USD" if surface.currency == "usd" else "")
        if rules and bindings:
            whose = f"◆ → binding scenario of {', '.join(rules)}"
            figure.suptitle(whose, fontsize=8.5, x=0.01, ha="left", color=INK)
        return figure


def panel(axes: Axes, surface: Surface, day: int, top: float) -> None:
    """One horizon of a surface, coloured from `-top` to `top`, with its contours."""
    x, y, z = surface.moves, surface.vols, surface.pnl[day]
    if x.size > 1 and y.size > 1:
        levels = np.linspace(-top, top, 41)
        # what shines through the seams of the bands, whatever the theme of the page
        axes.set_facecolor(UNDER_LABEL)
        axes.contourf(x, y, z, levels=levels, cmap=diverging(), antialiased=True)
        _contours(axes, surface, day)
        axes.set_xlim(float(x[0]), float(x[-1]))
        axes.set_ylim(float(y[0]), float(y[-1]))
    else:
        axes.pcolormesh(x, y, z, cmap=diverging(), vmin=-top, vmax=top, shading="nearest")
    for axis in ("x", "y"):
        percent_axis(axes, axis)
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, prune="both", steps=[1, 2, 2.5, 5, 10]))
    axes.tick_params(length=2)


def _contours(axes: Axes, surface: Surface, day: int) -> None:
    x, y, z = surface.moves, surface.vols, surface.pnl[day]
    from matplotlib.ticker import MaxNLocator

    low, high = float(z.min()), float(z.max())
    others = [v for v in MaxNLocator(6).tick_values(low, high) if low < v < high and abs(v) > 1e-9 * (high - low)]
    if others:
        thin = axes.contour(x, y, z, levels=others, colors=ON_MAP, linewidths=0.45, alpha=0.8, linestyles="solid")
        axes.clabel(thin, fmt=lambda v: round_money(float(v)), fontsize=7, inline_spacing=2)
    if low < 0 < high:
        zero = axes.contour(x, y, z, levels=[0.0], colors=ON_MAP, linewidths=1.6)
        axes.clabel(zero, fmt=lambda _: "0", fontsize=8.5, inline_spacing=3)


def _mark(axes: Axes, bindings: Sequence[Binding], wide: bool) -> None:
    """Diamonds in the grid, arrows at its edge; the label always stands inside the panel."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    used = 0
    for b in bindings:
        point = scenario_point(b.label)
        if point is None:
            continue
        x, y = float(np.clip(point[0], x0, x1)), float(np.clip(point[1], y0, y1))
        outside = (x, y) != point
        label = f"{b.underlying} {b.label}"
        right = x > (x0 + x1) / 2
        up = y > (y0 + y1) / 2
        step = 12 + 13 * used
        used += 1
        if outside:
            anchor = _inwards(point, (x, y), (x1 - x0, y1 - y0))
            arrow = {"arrowstyle": "-|>", "color": ON_MAP, "linewidth": 1.6, "mutation_scale": 14}
            axes.annotate("", (x, y), anchor, arrowprops=arrow)
        else:
            axes.plot([x], [y], marker="D", markersize=8, color=MARK, markeredgecolor=ON_MAP, clip_on=False, zorder=6)
            anchor = (x, y)
        axes.annotate(
            label,
            anchor,
            xytext=(-6 if right else 6, -step if up else step),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
            fontsize=8.5 if wide else 8,
            fontweight="bold",
            color=ON_MAP,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": UNDER_LABEL, "edgecolor": "none", "alpha": 0.85},
            zorder=7,
        )


def _inwards(point: tuple[float, float], edge: tuple[float, float], size: tuple[float, float]) -> tuple[float, float]:
    """Where an arrow starts that ends at `edge` and points towards `point` outside."""
    x, y = (e - 0.1 * z * float(np.sign(p - e)) for p, e, z in zip(point, edge, size, strict=True))
    return x, y
