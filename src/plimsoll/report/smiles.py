"""Volatility smiles with the positions that stand on them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.contracts import Option
from plimsoll.documents import DAY_SECONDS, seconds_between
from plimsoll.report.canvas import GAIN, INK, LOSS, MUTED, new_figure, percent_axis, styled
from plimsoll.risk import Plan, compile_plan, log_moneyness

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plimsoll.margin.account import Account
    from plimsoll.market import Market

PANELS = 12
"""Most expiries drawn: those with most contracts held; the page names how many were left out."""


def held_expiries(account: Account, market: Market) -> list[tuple[str, datetime]]:
    """The (underlying, expiry) of every option held, in order of underlying and time."""
    held = {p.instrument for p in account.positions if p.quantity != 0.0}
    found = {
        (c.underlying, c.expiry)
        for n in held
        if isinstance(c := market.contracts.get(n), Option) and c.expiry > market.time
    }
    return sorted(found)


def smile_figure(account: Account, market: Market) -> Figure | None:
    """One panel for each expiry held: volatility over moneyness; triangles up are long, down are short, area is size.

    `None` when the account holds no live option.
    """
    quantity = {p.instrument: p.quantity for p in account.positions if p.quantity != 0.0}
    shown = held_expiries(account, market)
    if not shown:
        return None
    weight = dict.fromkeys(shown, 0.0)
    for name, q in quantity.items():
        contract = market.contracts.get(name)
        if isinstance(contract, Option) and (contract.underlying, contract.expiry) in weight:
            weight[contract.underlying, contract.expiry] += abs(q)
    kept = sorted(sorted(shown, key=lambda k: (-weight[k], k))[:PANELS])
    largest: dict[str, float] = {}
    for name, q in quantity.items():
        contract = market.contracts.get(name)
        if isinstance(contract, Option):
            largest[contract.underlying] = max(abs(q), largest.get(contract.underlying, 0.0))
    columns = min(3, len(kept))
    rows = -(-len(kept) // columns)
    with styled():
        figure = new_figure(9.2, 0.7 + 1.95 * rows)
        panels = np.atleast_1d(figure.subplots(rows, columns)).ravel().tolist()
        for axes, (underlying, expiry) in zip(panels, kept, strict=False):
            chain = [
                c
                for c in market.instruments
                if isinstance(c, Option) and c.underlying == underlying and c.expiry == expiry
            ]
            plan = compile_plan(chain, market)
            _panel(axes, plan, quantity, largest[underlying])
            days = seconds_between(market.time, expiry) / DAY_SECONDS
            axes.set_title(f"{underlying} {expiry:%d %b %Y}, {days:.0f} d")
        for axes in panels[len(kept) :]:
            axes.set_axis_off()
        figure.supxlabel("log-moneyness ln(strike / forward)", fontsize=9.0, color=MUTED)
        figure.supylabel("implied volatility, per year", fontsize=9.0, color=MUTED)
        handles = [
            panels[0].scatter([], [], marker="^", s=50, color=GAIN, edgecolor=INK, label="long"),
            panels[0].scatter([], [], marker="v", s=50, color=LOSS, edgecolor=INK, label="short"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
        return figure


def _panel(axes: Axes, plan: Plan, quantity: dict[str, float], largest: float) -> None:
    good = np.array([i for i in plan.options if i not in plan.failures], dtype=np.int64)
    k = log_moneyness(plan, good)
    # out-of-the-money marks are the ones that venues fit; the others only repeat them
    quoted = plan.call[good] == (k >= 0)
    order = np.argsort(k[quoted])
    axes.plot(k[quoted][order], plan.vol[good][quoted][order], color=MUTED, linewidth=1.4, zorder=2)
    axes.axvline(0.0, color=MUTED, linewidth=0.7, linestyle=":", zorder=1)
    for j, i in enumerate(good.tolist()):
        q = quantity.get(plan.contracts[i].name)
        if q:
            axes.scatter(
                [k[j]],
                [plan.vol[i]],
                marker="^" if q > 0 else "v",
                s=24 + 130 * abs(q) / largest,
                color=GAIN if q > 0 else LOSS,
                edgecolor=INK,
                linewidth=0.6,
                alpha=0.9,
                zorder=4,
            )
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5))
    percent_axis(axes, "y", signed=False)
    axes.margins(0.06, 0.14)
    axes.grid(axis="y")
