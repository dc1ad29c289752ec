"""What was checked again, before and after, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money

if TYPE_CHECKING:
    from plimsoll.optimise.recheck import Finding, Recheck

STRONG, QUIET = "bold", "dim"


def recheck_view(found: Recheck, *, allowed: bool = False) -> RenderableType:
    """One row for each measure; what is larger afterwards stands out."""
    if found.passed:
        head = Text("CHECKED AGAIN", style="green")
        head.append("  nothing outside the program is larger afterwards", STRONG)
    else:
        head = Text("RISKIER", style="red")
        head.append("  allowed by --allow-riskier" if allowed else "  refused: the start is kept", STRONG)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in (
        ("before and after, equal draws", False),
        ("before", True),
        ("after", True),
        ("p larger", True),
    ):
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    for f in found.findings:
        style = "red" if f.larger else "none"
        table.add_row(f.name, finding_value(f, f.before), finding_value(f, f.after), f"{f.p:.3f}", style=style)
    parts: list[RenderableType] = [head, Text(""), table]
    drawn = found.draws
    told = (
        f"{drawn.draws:,} draws over {drawn.horizon_days:g} days, {drawn.exact} by the exact engine; seed {found.seed}"
    )
    parts.append(Text(told, QUIET))
    parts += [Text(note, QUIET) for note in found.left_out]
    return Group(*parts)


def finding_value(finding: Finding, value: float) -> str:
    """A number of a finding in its unit."""
    if finding.unit == "USD":
        return money(value, "USD")
    return f"{value:.2%}" if finding.unit == "part" else f"{value:.4f}"
