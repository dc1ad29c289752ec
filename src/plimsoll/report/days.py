"""The margin calendar as a table and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import is_dollar, money, number, signed
from plimsoll.report.canvas import GAIN, INK, LOSS, MARK, MUTED, money_axis, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plimsoll.liquidation.calendar import Calendar, Event
    from plimsoll.margin.changes.levels import Levels

STRONG, QUIET, BAD = "bold", "dim", "red"
WIDTH = 9.2
NAMES = 2
"""Instruments of one expiry that the table names."""


def calendar_view(found: Calendar) -> RenderableType:
    """A row a day, one for each expiry and each change of rules, and the cliff in a sentence."""
    title = Text(found.account or "account", style=STRONG)
    title.append(f"  under {found.rules}, {found.currency}", style="none")
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("UTC", no_wrap=True)
    table.add_column("what", max_width=30)
    for heading in ("maintenance", "equity", "health"):
        table.add_column(heading, justify="right", no_wrap=True)
    events: dict[object, list[Event]] = {}
    for e in found.events:
        events.setdefault(e.time, []).append(e)
    for k, h in enumerate(found.hours):
        own = events.get(h.time, [])
        daily = k in (0, len(found.hours) - 1) or (h.time.hour == h.time.minute == h.time.second == 0)
        if not own and not daily and not h.refusal:
            continue
        what = "; ".join(event_words(e) for e in own) or ("now" if k == 0 else "")
        style = STRONG if any(e.cliff for e in own) else "none"
        if h.levels is None:
            table.add_row(f"{h.time:%d %b %H:%M}", "no number", "–", "–", "–", style=QUIET)
            continue
        row = h.levels
        amounts = (number(row.maintenance, found.currency), number(row.net_equity, found.currency))
        health = Text("–" if row.health is None else f"{row.health:,.2f}", style=BAD if _below(row) else "none")
        table.add_row(f"{h.time:%d %b %H:%M}", Text(what), *amounts, health, style=style)
    parts: list[RenderableType] = [title, Text(""), table, Text(""), *_sentences(found), Text("")]
    parts += [Text(f"assumed: {a}", QUIET) for a in found.assumptions]
    refusals = dict.fromkeys(h.refusal for h in found.hours if h.refusal)
    parts += [Text(f"no number: {r}", "yellow") for r in refusals]
    return Group(*parts)


def _below(levels: Levels) -> bool:
    return levels.net_equity < levels.maintenance


def event_words(event: Event) -> str:
    """`expiry: BTC-…-C and 3 more leave`, `rules NAME@DATE begin`."""
    if event.kind == "rules":
        return f"{event.subjects[0]} begins"
    shown, more = event.subjects[:NAMES], len(event.subjects) - NAMES
    verb = "leaves" if len(event.subjects) == 1 else "leave"
    return ("CLIFF " if event.cliff else "") + ", ".join(shown) + (f" and {more} more" if more > 0 else "") + f" {verb}"


def _sentences(found: Calendar) -> list[RenderableType]:
    cliff, below = found.cliff, found.below
    parts: list[RenderableType] = []
    if cliff is None:
        parts.append(Text("no cliff: no expiry raises maintenance or lowers health by a hundredth"))
    else:
        change = cliff.change
        text = Text("cliff ", style=STRONG)
        text.append(
            f"{cliff.time:%d %b %H:%M}: maintenance {signed(change.maintenance, found.currency)} ", style="none"
        )
        old, new = cliff.before.health, cliff.after.health
        healths = f"health {old:.2f} to {new:.2f}" if old is not None and new is not None else "health has no value"
        text.append(f"({money(cliff.after.maintenance, found.currency)}), {healths}", style="none")
        if cliff.rises and cliff.rises[0] > 0:
            alone = signed(cliff.rises[0], found.currency)
            text.append(f"; {cliff.subjects[0]} was the hedge: its leaving alone adds {alone}", style="none")
        parts.append(text)
    if below is not None:
        parts.append(Text(f"below the line from {below.time:%d %b %H:%M} UTC", style=BAD))
    paid = {c: a for c, a in found.hours[-1].funding.items() if a}
    if paid:
        parts.append(Text("funding until the end: " + ", ".join(f"{signed(a, c)} {c}" for c, a in paid.items())))
    return parts


def calendar_figure(found: Calendar) -> Figure:
    """Net equity and both margins above, health below, over the days; expiries and new rules are marked."""
    known = [h for h in found.hours if h.levels is not None]
    times = [h.time for h in known]
    equity = [h.levels.net_equity for h in known if h.levels]
    maintenance = [h.levels.maintenance for h in known if h.levels]
    initial = [h.levels.initial for h in known if h.levels]
    health = [float("nan") if h.levels is None or h.levels.health is None else h.levels.health for h in known]
    with styled():
        figure = new_figure(WIDTH, 4.6)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        steps = {"drawstyle": "steps-post"}
        upper.plot(times, equity, color=GAIN, label="net equity", **steps)
        upper.plot(times, initial, color=MUTED, linewidth=1.0, label="initial margin", **steps)
        upper.plot(
            times, maintenance, color=LOSS, linestyle=(0, (5, 2)), label="maintenance margin (the line)", **steps
        )
        lower.plot(times, health, color=INK, **steps)
        lower.axhline(1.0, color=LOSS, linestyle=(0, (5, 2)), linewidth=1.2)
        for e in found.events:
            for axes in (upper, lower):
                axes.axvline(e.time, color=MARK if e.cliff else MUTED, linewidth=1.6 if e.cliff else 0.7, linestyle=":")
        cliff = found.cliff
        if cliff is not None:
            upper.plot([cliff.time], [cliff.after.maintenance], "o", color=MARK, markeredgecolor=INK, zorder=5)
            left = (cliff.time - times[0]) < (times[-1] - times[0]) / 2
            upper.annotate(
                f"{cliff.subjects[0]} leaves:\nmaintenance {signed(cliff.change.maintenance, found.currency)}",
                (cliff.time, cliff.after.maintenance),
                xytext=(8 if left else -8, 8),
                textcoords="offset points",
                ha="left" if left else "right",
                fontweight="bold",
                fontsize=8.5,
            )
        upper.margins(y=0.14)
        upper.set_ylabel(found.currency)
        lower.set_ylabel("health")
        money_axis(upper, "y", [*equity, *maintenance], "USD" if is_dollar(found.currency) else found.currency)
        for axes in (upper, lower):
            axes.grid(axis="y")
        _dates(lower)
        figure.legend(*upper.get_legend_handles_labels(), loc="outside upper left", ncols=3)
        return figure


def _dates(axes: object) -> None:
    from matplotlib.axes import Axes
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    assert isinstance(axes, Axes)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
