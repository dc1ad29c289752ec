"""What a run prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from benchmarks.harness.document import Result
from benchmarks.harness.floors import Verdict


def number(value: float) -> str:
    """Three significant digits, for people.

    >>> number(12.3456), number(2.3e-15), number(397_000_000.0)
    ('12.3', '2.3e-15', '397,000,000')
    """
    if value == 0.0 or 1e-3 <= abs(value) < 1e3:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 1e3 else f"{value:.2g}"


def summary_table(results: Sequence[Result]) -> Table:
    """Every figure with its quartiles."""
    table = Table(title="Figures", title_justify="left")
    for heading in ("subject", "figure"):
        table.add_column(heading)
    for heading in ("median", "quartiles"):
        table.add_column(heading, justify="right")
    for result in results:
        for figure in result.figures:
            value = figure.value
            apart = "" if value.rounds == 1 else f"{number(value.low)} … {number(value.high)}"
            table.add_row(result.name, Text(figure.words), f"{number(value.median)} {figure.unit}".strip(), apart)
    return table


def floors_table(results: Sequence[Result]) -> Table:
    """Every floor with its verdict; a missed one in red."""
    table = Table(title="Floors", title_justify="left")
    for heading in ("subject", "floor"):
        table.add_column(heading)
    for heading in ("promised", "measured"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for result in results:
        for verdict in result.floors:
            measured = "" if verdict.measured is None else number(verdict.measured)
            table.add_row(result.name, Text(verdict.words), promised(verdict), measured, _shown(verdict))
    return table


def promised(verdict: Verdict) -> str:
    """The floor in symbols."""
    return f"{'≥' if verdict.sense == 'at_least' else '≤'} {verdict.floor:g}"


def missing_lines(results: Sequence[Result]) -> list[str]:
    """A line for each contender that could not run."""
    return [f"{r.name}: no {e.name}: {e.missing}" for r in results for e in r.entrants if e.missing is not None]


def _shown(verdict: Verdict) -> Text:
    if verdict.met is None:
        return Text(verdict.why or "", style="yellow")
    return Text("met", style="green") if verdict.met else Text("missed", style="bold red")
