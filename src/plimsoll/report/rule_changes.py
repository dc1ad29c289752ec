"""Differences of rule packs for a terminal: sentences, or leaf by leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from plimsoll.margin.changes.differences import Differences

STYLES = {"stricter": "red", "looser": "blue", "depends": "yellow", "none": "dim"}


def differences_view(found: Differences) -> RenderableType:
    """One sentence for each change with its direction, then all changes together on each book."""
    head = Text(f"{found.before.label} → {found.after.label}", style="bold")
    count = len(found.found)
    told = f"{count} change{'' if count == 1 else 's'} in {len(found.leaves)} parameters"
    head.append(f"  {told if found.before.model == found.after.model else 'another model'}", style="none")
    parts: list[RenderableType] = [head, Text("")]
    for change in found.found:
        # a per cent sign must not begin a line
        line = Text(change.text.replace(" %", "%"))
        if change.verdict:
            line.append(f"  ({change.verdict.replace(' %', '%')})", style=STYLES[change.direction])
        parts.append(_hanging(line))
    if found.together:
        parts.append(Text(""))
        parts += [Text(f"all together on {_book(t.name, t.initial, t.maintenance)}") for t in found.together]
    parts += [Text(f"note: {n}", "dim") for n in found.notes]
    if found.leaves:
        parts.append(Text("every parameter by its path: --all", "dim"))
    return Group(*parts)


def _hanging(line: Text) -> RenderableType:
    """A dash, and continued lines under the words."""
    table = Table.grid(padding=0)
    table.add_column(width=2)
    table.add_column()
    table.add_row("-", line)
    return table


def _book(name: str, initial: float, maintenance: float) -> str:
    from plimsoll.margin.changes.differences import told

    return f"{name}: initial {told(initial)}, maintenance {told(maintenance)}"


def leaves_view(found: Differences) -> RenderableType:
    """Every leaf that differs; a dash where a pack has none."""
    count = len(found.leaves)
    head = Text(f"{found.before.label} -> {found.after.label}: {count} difference{'' if count == 1 else 's'}")
    if not found.leaves:
        return head
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("parameter", overflow="fold")
    for heading in ("before", "after"):
        table.add_column(heading, justify="right")
    for path, x, y in found.leaves:
        table.add_row(path, "-" if x is None else str(x), "-" if y is None else str(y))
    return Group(head, table)
