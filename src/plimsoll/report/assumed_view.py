"""How far a cascade follows its assumptions, as a table that fits a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.laboratory.assumed import Varied
from plimsoll.report.amounts import short_money
from plimsoll.report.columns import columns

HEADINGS = ("assumed", "", "times", "forced", "fund paid", "fund short", "winners paid", "bad debt")


def assumed_view(rows: Sequence[Varied]) -> RenderableType:
    """One row for each value of each assumption; the first is the base case."""
    table = columns(*HEADINGS)
    for row in rows:
        table.add_row(*cells(row))
    note = "one assumption changed at a time; none of them is calibrated"
    return Group(table, Text(note, style="dim"))


def cells(row: Varied) -> tuple[str, ...]:
    """A row as text: what and its value, amplification, and USD."""
    money = (row.forced, row.fund_paid, row.short, row.shared, row.bad_debt)
    value = "" if row.value is None else f"{row.value:g}"
    return (row.what, value, f"{row.deepest:.2f}", *(short_money(x) for x in money))
