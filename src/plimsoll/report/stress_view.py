"""A book under stress, and the smallest shock that breaks it, as tables for a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import short_money

if TYPE_CHECKING:
    from plimsoll.laboratory.book_stress import After, BookStress
    from plimsoll.laboratory.reverse import ReverseStress

STRONG, QUIET, WARNING = "bold", "dim", "yellow"


def verdict(after: After | None) -> str:
    """`short`, `holds`, `refused`, or nothing where the engine was not asked."""
    if after is None:
        return "·"
    if after.failure:
        return "refused"
    return "short" if after.short else "holds"


def stress_view(found: BookStress, top: int) -> RenderableType:
    """The worst scenarios with what the engine says of them."""
    title = Text(f"{found.account or 'account'} under {len(found.rows):,} stress scenarios, {found.rules}", STRONG)
    before = found.before
    title.append(
        f"\nnow: equity {short_money(before.equity)}, maintenance {short_money(before.maintenance)}, "
        f"collateral {short_money(before.collateral)}",
        QUIET,
    )
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("scenario", overflow="fold", min_width=22)
    for heading in ("P&L", "collateral", "equity", "maint.", "initial"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in found.rows[:top]:
        after = row.exact
        cells = ["·"] * 4
        if after is not None and not after.failure:
            cells = [short_money(x) for x in (after.collateral, after.equity, after.maintenance, after.initial)]
        word = verdict(after)
        table.add_row(row.label, short_money(row.pnl), *cells, Text(word, WARNING if word == "short" else ""))
    parts: list[RenderableType] = [title, Text(""), table, Text("")]
    more = len(found.rows) - top
    told = f"short of maintenance margin: {len(found.short)} of {len(found.exact)} margined again"
    parts.append(Text(told + (f"; {more:,} more scenarios not shown" if more > 0 else ""), STRONG))
    parts += [Text(note, QUIET) for note in found.notes]
    if found.refused:
        parts.append(Text(f"the engine refused {len(found.refused)} of them, which is no sign that they hold", WARNING))
        parts += [Text(f"{r.label}: {r.exact.failure}", QUIET) for r in found.refused[:3] if r.exact is not None]
    parts.append(
        Text("amounts in USD, each scenario at the instant of its largest loss; assumed where not recorded", QUIET)
    )
    return Group(*parts)


def reverse_view(found: ReverseStress, what: str, days: float) -> RenderableType:
    """The smallest shock that does `what` with its size, and what was clear below it."""
    title = Text(f"Smallest shock that {what}", STRONG)
    parts: list[RenderableType] = [title, Text("")]
    if found.size is None:
        parts.append(Text(f"none of {found.rays} directions breaks it up to a size of {found.reach:g}"))
    else:
        for factor, move in found.moves().items():
            parts.append(Text(f"{factor:<12} {move:+.2%}"))
        parts.append(Text(""))
        parts.append(
            Text(f"size {found.size:.4f}: as many times a common move of {days:g} d in its own direction", STRONG)
        )
    told = f"clear on {found.rays} rays up to a size of {found.below:g}"
    told += "; on some of them breaches end again" if found.returns else ""
    parts.append(Text(f"{told}; {found.calls:,} evaluations", QUIET))
    parts.append(Text("a bound on the grid of directions, not a proof between them", QUIET))
    return Group(*parts)
