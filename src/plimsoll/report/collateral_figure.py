"""A placement of collateral as a picture: what counts at each account by asset, before and after, beside its need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.report.amounts import short_money
from plimsoll.report.canvas import GAIN, INK, LOSS, MUTED, SERIES, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.optimise.collateral import CollateralAnswer


def collateral_figure(answer: CollateralAnswer) -> Figure:
    """Left: dollars that balances count for at each account, now and after, and what it needs beside its positions'
    profit (black line). Right: what it costs a year, by account.
    """
    with styled():
        figure = new_figure(9.2, 1.6 + 0.9 * len(answer.accounts))
        left, right = figure.subplots(1, 2, width_ratios=(1.6, 1.0))
        _counted(left, answer)
        _cost(right, answer)
        return figure


def _counted(axes: Axes, answer: CollateralAnswer) -> None:
    assets = sorted({b.asset for b in answer.balances if b.counts is not None})
    colours = {a: SERIES[k % len(SERIES)] for k, a in enumerate(assets)}
    seen: set[str] = set()
    names, ends = [], [0.0]
    for k, account in enumerate(answer.accounts):
        total = 0.0
        for side in (0, 1):
            y, plus, minus = 2.6 * k + side, 0.0, 0.0
            names.append((y, f"{account.name}, {('now', 'after')[side]}"))
            for b in answer.balances:
                if b.place != account.name or b.counts is None:
                    continue
                size = b.counts[side]
                start = plus if size >= 0.0 else minus
                label = "" if b.asset in seen else b.asset
                axes.barh(y, size, left=start, color=colours[b.asset], height=0.85, label=label or None)
                seen.add(b.asset)
                plus, minus = plus + max(0.0, size), minus + min(0.0, size)
                total = total + size if side == 0 else total
            ends += [plus, minus]
        need = total - account.room[0]
        axes.plot([need, need], [2.6 * k - 0.55, 2.6 * k + 1.55], color=INK, linewidth=1.6)
        ends.append(need)
    axes.set_yticks([y for y, _ in names], [n for _, n in names])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    money_axis(axes, "x", ends, "USD")
    axes.set_title("Collateral after haircuts, and what the account needs (line)")
    if seen:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=min(6, len(seen)))


def _cost(axes: Axes, answer: CollateralAnswer) -> None:
    now, then = answer.yearly
    axes.barh(["now", "after"], [now, then], color=[LOSS, GAIN], height=0.55)
    axes.invert_yaxis()
    money_axis(axes, "x", [0.0, now, then], "USD")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_title("Cost a year, forgone and paid")
    told = f"moving once: {short_money(answer.once)}"
    axes.text(0.98, -0.14, told.replace("$", r"\$"), transform=axes.transAxes, ha="right", va="top", color=MUTED)
