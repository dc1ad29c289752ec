"""An announced change of rules for a terminal: one account to a line, worst hit first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, number, percent

if TYPE_CHECKING:
    from plimsoll.liquidation.announced import Announced, Side

SHOWN = 40
"""Accounts listed; of the rest only the number is said."""


def announced_view(found: Announced) -> RenderableType:
    """Requirement, health and nearest lines, before and after."""
    head = Text(f"{found.before} → {found.after}", style="bold")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("account", no_wrap=True, max_width=24, overflow="ellipsis")
    for heading in ("maintenance", "after", "health", "after", "line", "after"):
        table.add_column(heading, justify="right", no_wrap=True)
    below: list[RenderableType] = []
    for hit in found.hits[:SHOWN]:
        if hit.before is None or hit.after is None:
            table.add_row(hit.account, *["-"] * 6, style="dim")
            below.append(Text(f"{hit.account}: no number. {hit.refusal}"))
            continue
        table.add_row(
            hit.account,
            *(number(s.requirement.maintenance, found.currency) for s in (hit.before, hit.after)),
            *("-" if s.health is None else f"{s.health:,.2f}" for s in (hit.before, hit.after)),
            *(_lines(s) for s in (hit.before, hit.after)),
            style="red" if hit.liquidated else "yellow" if hit.called > 0 else "none",
        )
    if len(found.hits) > SHOWN:
        below.append(Text(f"{len(found.hits) - SHOWN} more accounts: --json has them all", "dim"))
    told = Text(f"{found.liquidated} of {len(found.hits)} accounts fall below their line by the change alone; ")
    told.append(f"{money(found.called, found.currency)} are newly missing to initial margins")
    explain = Text("worst hit first; amounts in " + found.currency + "; line: nearest moves of all prices", "dim")
    return Group(head, Text(""), table, Text(""), told, explain, *below)


def _lines(side: Side) -> str:
    moves = [percent(x.move) for x in (side.falling, side.rising) if x is not None]
    return " ".join(moves) or "none"
