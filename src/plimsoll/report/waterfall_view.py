"""A default waterfall as tables and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, short_money
from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.liquidation.waterfall import Cover, Outcome

STRONG, QUIET, BAD = "bold", "dim", "red"
SHOWN = 8
"""Members that a table names; the rest are one line."""

WORDS = {
    "own_margin": "own margin",
    "fund_share": "own part of the fund",
    "venue_capital": "venue's capital",
    "insurance_fund": "insurance fund",
    "mutual_fund": "others' parts of the fund",
    "adl": "auto-deleveraging",
    "socialised": "socialised loss",
    "bad_debt": "bad debt",
}


def layers_of(outcome: Outcome) -> list[tuple[str, int]]:
    """What each layer paid in units, in order, with what is left as `bad_debt`.

    The own margin is a row only where losses beyond the marks came out of it: else it is gone already.
    """
    rows: list[tuple[str, int]] = [(layer, outcome.paid(layer)) for layer in outcome.layers]
    return [*(r for r in rows if r[1] or r[0] != "own_margin"), ("bad_debt", sum(outcome.bad_debt.values()))]


def waterfall_view(outcome: Outcome, covers: tuple[Cover, Cover] | None = None) -> RenderableType:
    """Each layer with what it paid, who was deleveraged, and the size of a fund for one and for two defaults."""
    venue = outcome.venue
    scale, currency = 10**venue.decimals, venue.currency

    def told(units: float) -> str:
        return money(units / scale, currency, 2)

    failed = sum(1 for m in venue.members if m.deficit)
    head = Text(f"{failed} of {len(venue.members)} members in default", style=STRONG)
    head.append(f", {told(outcome.owed)} lost and owed", style="none")
    layers = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    layers.add_column("who pays")
    layers.add_column("pays", justify="right", no_wrap=True)
    layers.add_column("still owed", justify="right", no_wrap=True)
    left = outcome.owed
    for layer, units in layers_of(outcome):
        left -= units
        style = QUIET if not units else BAD if layer == "bad_debt" else "none"
        layers.add_row(WORDS[layer], told(units), told(left), style=style)
    parts: list[RenderableType] = [head, Text(""), layers]
    if outcome.deleveraging_cost:
        parts += [Text(""), _payers(outcome)]
    if outcome.bad_debt:
        parts += [Text(""), Text(f"bad debt of {', '.join(outcome.bad_debt)}: nobody pays it", style=BAD)]
    if outcome.left_open:
        rest = sum(abs(n) for held in outcome.left_open.values() for n in held.values())
        who = f"{len(outcome.left_open)} members" if len(outcome.left_open) > 1 else next(iter(outcome.left_open))
        parts += [Text(""), Text(f"still open: {rest:,} lots of {who} in default; who paid for them bears them")]
    if covers is not None:
        one, two = covers
        parts += [
            Text(""),
            Text(f"over the venue's scenarios, from here: cover 1 {told(one.size)}, cover 2 {told(two.size)}", QUIET),
        ]
    return Group(*parts)


def _payers(outcome: Outcome) -> Table:
    venue = outcome.venue
    scale = 10**venue.decimals
    lots: dict[str, int] = {}
    failed = {m.name for m in venue.members if m.deficit}
    for c in outcome.closed:
        if c.holder in failed:
            continue
        lots[c.holder] = lots.get(c.holder, 0) + c.lots
    costs = outcome.deleveraging_cost
    rises = outcome.broken_hedges
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("who else loses", max_width=30)
    for heading in ("lots closed", "pays", "requirement rises"):
        table.add_column(heading, justify="right", no_wrap=True)
    names = sorted({*costs, *lots}, key=lambda n: (-costs.get(n, 0), n))
    for name in names[:SHOWN]:
        rise = rises.get(name, 0)
        table.add_row(
            name,
            f"{lots.get(name, 0):,}",
            money(costs.get(name, 0) / scale, venue.currency, 2),
            money(rise / scale, venue.currency, 2) if rise else "–",
        )
    rest = names[SHOWN:]
    if rest:
        table.add_row(
            f"{len(rest)} more",
            f"{sum(lots.get(n, 0) for n in rest):,}",
            money(sum(costs.get(n, 0) for n in rest) / scale, venue.currency, 2),
            f"of {sum(1 for n in rest if n in rises)}" if any(n in rises for n in rest) else "–",
            style=QUIET,
        )
    return table


def waterfall_figure(outcome: Outcome) -> Figure:
    """What is owed, falling layer by layer to nothing or to bad debt."""
    venue = outcome.venue
    scale = 10**venue.decimals
    rows = layers_of(outcome)
    with styled():
        figure = new_figure(8.4, 0.42 * len(rows) + 1.3)
        axes = figure.subplots()
        left, owed = outcome.owed / scale, outcome.owed / scale
        for k, (layer, units) in enumerate(rows):
            amount = units / scale
            colour = LOSS if layer == "bad_debt" else MARK if layer in ("adl", "socialised") else GAIN
            axes.barh(k, amount, left=left - amount, color=colour, height=0.62)
            text = short_money(amount, venue.currency)
            inside = left > 0.82 * owed
            axes.annotate(
                text,
                (left - amount if inside else left, k),
                xytext=(-6 if inside else 6, 0),
                textcoords="offset points",
                ha="right" if inside else "left",
                va="center",
                color=INK if amount else MUTED,
                fontsize=8.5,
            )
            if k + 1 < len(rows):
                axes.plot([left - amount] * 2, [k - 0.31, k + 1.31], color=MUTED, linewidth=0.7)
            left -= amount
        axes.set_yticks(range(len(rows)), [WORDS[layer] for layer, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(-0.02 * owed if owed else -1, 1.06 * owed if owed else 1)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.set_xlabel("still owed")
        money_axis(axes, "x", [0.0, owed], venue.currency)
        return figure
