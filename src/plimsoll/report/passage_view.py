"""The probability of a liquidation as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.liquidation.passage import Estimate, Lives, Passage

STRONG, QUIET = "bold", "dim"
ROWS = 8
"""Instants that the table names."""


def chance(value: float) -> str:
    """A probability as people read it.

    >>> chance(0.0312), chance(0.00012), chance(0.0), chance(1.0)
    ('3.12%', '0.012%', '0%', '100%')
    """
    return f"{value * 100:.3g}%"


def passage_view(found: Passage, words: Sequence[str], closed: float | None = None) -> RenderableType:
    """Probability by the end of the horizon for each pool and by some instants, with errors and what was assumed.

    `closed` is the probability by the closed form, where there is one.
    """
    head = Text(found.account or "account", style=STRONG)
    head.append(f"  under {found.rules}, {found.paths.weight.size:,} paths, {days(found.days[-1])}", style="none")
    table = _table("probability of liquidation")
    for subject in found.subjects:
        _row(table, subject, found.probability(subject), found.quantile(0.5, subject))
    parts: list[RenderableType] = [head, Text(""), table]
    if found.days.size > 1:
        by = _table("by")
        count = found.days.size
        for k in sorted({max(0, round((i + 1) * count / ROWS) - 1) for i in range(ROWS)}):
            _row(by, days(found.days[k]), found.probability(k=k), None)
        parts += [Text(""), by]
    notes = []
    if closed is not None:
        notes.append(f"closed form, log-normal at the same volatility, watched at every moment: {chance(closed)}")
    notes.append(f"looked at {found.monitored}")
    if found.surface.given:
        notes.append(
            f"{found.computed:,} states by the exact engine, {found.surface.given:,} signs from a surface of them, "
            f"checked on {found.surface.checked:,}: errors at most {found.surface.worst:.0%} of their bounds"
            + (f"; {found.surface.failed} instants done exactly instead" if found.surface.failed else "")
        )
    else:
        notes.append(f"{found.computed:,} states, each by the exact engine")
    if found.refused:
        notes.append(f"{found.refused:,} states without a number count as below the line: {found.refusal}")
    parts += [Text(""), *(Text(x, QUIET) for x in (*words, *notes, *found.assumptions))]
    return Group(*parts)


def lives_view(found: Lives) -> RenderableType:
    """Calls, liquidations and bankruptcies, and what they close and cost."""
    table = _table("what becomes of the account")
    first = {"called": found.called, "liquidated": found.liquidated}
    for name, one in found.probabilities().items():
        median = None
        if name in first and one.value > 0.0:
            by = found.times(name)
            median = float(found.paths.days[int((by >= 0.5 * by[-1] - 1e-15).argmax())])
        _row(table, name, one, median)
    money = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    money.add_column("expected, over all paths", min_width=30)
    for heading in ("amount", "error"):
        money.add_column(heading, justify="right", no_wrap=True)
    titles = {
        "closed": "notional closed by force, USD",
        "fees": "fees and charges, USD",
        "cost": "cost with slippage, USD",
        "debt": "loss left to others, USD",
        "paid": "paid in when called",
    }
    for name, one in found.expected().items():
        money.add_row(titles[name], f"{one.value:,.2f}", f"{one.error:,.2f}")
    how = ", ".join(f"{n} times {name}" for name, n in found.mechanisms.items()) or "nothing was closed"
    told = f"{found.paths.weight.size:,} paths, {found.lived:,} of them called or below; {how}"
    return Group(table, Text(""), money, Text(""), Text(told, QUIET))


def days(value: float) -> str:
    """An instant as people read it.

    >>> days(3.0), days(1.0), days(0.25)
    ('3 days', '1 day', '6 hours')
    """
    if value < 1.0:
        return f"{value * 24.0:.3g} hours"
    return "1 day" if value == 1.0 else f"{value:.4g} days"


def _table(title: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(title, min_width=14)
    for heading in ("probability", "error", "95% below", "median time"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _row(table: Table, name: str, one: Estimate, median: float | None) -> None:
    row = [chance(one.value), chance(one.error) if one.error else "", chance(one.at_most)]
    table.add_row(Text(name), *row, "" if median is None else days(median))
