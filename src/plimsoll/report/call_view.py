"""A margin call as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, number
from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, new_figure, percent_axis, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.liquidation import Liquidation, PoolLines
    from plimsoll.liquidation.calls import CallReport, PoolCall

STRONG, QUIET = "bold", "dim"
STYLES = {"healthy": "green", "warned": "yellow", "called": "yellow", "settled": "none"}
SHOWN = 12
"""Closes that the table names."""


def call_view(found: CallReport) -> RenderableType:
    """Each pool: where it stands, what is called, and what would be closed instead."""
    head = Text(found.account or "account", style=STRONG)
    head.append(f"  under {found.rules}, {found.time:%d %b %Y %H:%M} UTC", style="none")
    parts: list[RenderableType] = [head]
    for pool in found.pools:
        parts += [Text(""), *_pool_parts(found, pool, len(found.pools) > 1)]
    p = found.policy
    parts += [
        Text(""),
        Text(
            f"policy: warned below {p.warn:g}, called below {p.call:g}, reduce-only below {p.reduce_only:g}, "
            f"closed below 1; target {p.target:g}, {p.deadline_hours:g} hours to pay, "
            f"margin period {p.period.hours:g} hours",
            QUIET,
        ),
    ]
    return Group(*parts)


def _pool_parts(found: CallReport, pool: PoolCall, named: bool) -> list[RenderableType]:
    currency = found.currency
    line = Text(f"{pool.subject}: " if named else "")
    line.append(pool.state.upper(), style=STYLES.get(pool.state, "bold red"))
    line.append(f"  {pool.reason}")
    told = f"equity {money(pool.equity, currency, 2)}, maintenance {money(pool.maintenance, currency, 2)}"
    if found.scalar != 1.0:
        told += f", {found.scalar:g} times {money(pool.base, currency, 2)}, below which it is closed"
    amounts = Text(told, style="none")
    parts: list[RenderableType] = [line, amounts]
    if pool.amount > 0.0:
        text = Text(f"to pay in: {money(pool.amount, currency, 2)}", style=STRONG)
        if pool.deadline is not None:
            text.append(f" by {pool.deadline:%d %b %H:%M} UTC", style="none")
        parts.append(text)
    if pool.found is None:
        return parts
    after = pool.found.after
    left = after.equity - after.cost
    raised = found.scalar * after.maintenance
    health = f"health {left / raised:.3f}" if after.maintenance > 0 else "nothing left to be margined"
    told = f"or to close, for {money(after.cost, currency, 2)}: then {health}"
    if pool.state == "full":
        told = f"everything is closed, for {money(after.cost, currency, 2)}: then equity {money(left, currency, 2)}"
    elif not pool.found.enough:
        told = f"no set of closes is enough; the most that helps costs {money(after.cost, currency, 2)}: then {health}"
    parts += [Text(""), Text(told)]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("order", max_width=40)
    for heading in ("contracts", "of the position", "cost USD"):
        table.add_column(heading, justify="right", no_wrap=True)
    for c in pool.closes[:SHOWN]:
        verb = "buy" if c.quantity > 0 else "sell"
        table.add_row(
            f"{verb} {c.instrument}", f"{abs(c.quantity):,.6g}", f"{100 * c.part:.0f}%", number(c.cost, "USD", 2)
        )
    rest = pool.closes[SHOWN:]
    if rest:
        table.add_row(f"{len(rest)} more", "", "", number(sum(c.cost for c in rest), "USD", 2), style=QUIET)
    parts.append(table)
    return parts


def call_figure(found: CallReport, now: Liquidation, then: Liquidation | None) -> Figure:
    """Health of the weakest pool along the path, with the policy's thresholds; dashed, after the closes.

    Health is over the margin that calls; where a scalar raised it, positions are closed below one over the scalar.
    """
    pool, p, v = found.pools[0], found.policy, found.scalar
    with styled():
        figure = new_figure(8.6, 4.2)
        axes = figure.subplots()
        health_now = 0.0 if pool.health is None else pool.health
        top = max(1.2 * p.warn, min(1.15 * health_now, 2.5 * p.warn))
        shown = _shown(found, now)
        for which, colour, width, label in ((now, GAIN, 1.8, "as it is"), (then, MARK, 1.4, "after the closes")):
            if which is None:
                continue
            lines = _lines(which, pool.subject)
            m, mm = lines.multipliers, lines.maintenances
            near = (m > 1 - shown) & (m < 1 + shown)
            with np.errstate(all="ignore"):
                health = np.where(mm > 0, lines.equities / (v * mm), np.nan)
            axes.plot(
                m[near] - 1,
                np.clip(health[near], -0.5, top),
                color=colour,
                linewidth=width,
                linestyle="-" if which is now else (0, (4, 2)),
                label=label,
            )
        for level, name, colour in (
            (p.warn, "warned", MUTED),
            (p.target, "target", MUTED),
            (p.call, "called", MARK),
            (p.reduce_only, "reduce-only", MARK),
            (1.0 / v, "closed", LOSS),
        ):
            axes.axhline(level, color=colour, linewidth=0.9, linestyle=":" if colour == MUTED else "-")
            axes.annotate(
                f"{name} {level:.3g}",
                (shown, level),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
        if pool.health is not None:
            axes.plot([0.0], [min(pool.health, top)], "o", color=GAIN, markeredgecolor=INK, zorder=5)
            axes.annotate(
                f"{pool.state}: health {pool.health:.2f}",
                (0.0, min(pool.health, top)),
                xytext=(8, 9),
                textcoords="offset points",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1.0},
                fontweight="bold",
                fontsize=8.5,
            )
        axes.set_xlim(-shown, shown)
        axes.set_ylim(-0.1, top)
        axes.set_xlabel("move of the price")
        axes.set_ylabel("health")
        percent_axis(axes, "x")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
        return figure


def _lines(found: Liquidation, subject: str) -> PoolLines:
    """The pool of that name; after closes the account may have only one left."""
    return next((x for x in found.pools if x.subject == subject), found.pools[0])


def _shown(found: CallReport, now: Liquidation) -> float:
    """How far the picture goes on both sides: until health has fallen to zero, from 5 % to 50 %."""
    lines = _lines(now, found.pools[0].subject)
    with np.errstate(all="ignore"):
        alive = lines.multipliers[(lines.equities > 0.0) & (lines.maintenances > 0.0)] - 1.0
    alive = alive[np.abs(alive) < 0.5]
    return float(np.clip(1.3 * np.abs(alive).max() if alive.size else 0.05, 0.05, 0.5))
