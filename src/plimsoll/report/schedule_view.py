"""A schedule as tables: what each slice trades and where it leaves the margin, and the cost as a distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money

if TYPE_CHECKING:
    from plimsoll.optimise.execution import CostLaw, Schedule

STRONG, QUIET = "bold", "dim"
SHOWN = 5
"""Instruments that have a column, the dearest; --json has all."""

STATES = {"planned": "green", "held back": "yellow", "at once": "yellow"}


def clock(seconds: float) -> str:
    """Hours, minutes and seconds since the start.

    >>> clock(5400.0), clock(90.0)
    ('1:30:00', '0:01:30')
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def schedule_view(found: Schedule) -> RenderableType:
    """The whole of it in 80 columns."""
    head = Text("SCHEDULE", style=STATES[found.status])
    head.append(f"  {len(found.fills)} trades in {found.slices} slices over {clock(found.tau * found.slices)}", STRONG)
    head.append(f", {found.status}" + ("" if found.kept else ", BELOW THE LINE"), QUIET if found.kept else "red")
    proof = Text(f"mean + {found.terms.risk_aversion:g} variance, spread apart: {money(found.value, 'USD', 2)}")
    proof.append(
        f" (at once {money(found.at_once, 'USD', 2)}, equal slices {money(found.straight, 'USD', 2)}); "
        f"nothing is below {money(found.bound, 'USD', 2)}",
        QUIET,
    )
    parts: list[RenderableType] = [
        head,
        proof,
        Text(""),
        _lines(found),
        Text(""),
        _slices(found),
        Text(""),
        _laws(found),
    ]
    parts += [Text(note, QUIET) for note in found.notes]
    return Group(*parts)


def _table(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    return table


def _shown(found: Schedule) -> list[int]:
    order = sorted(range(len(found.lines)), key=lambda i: -abs(found.lines[i].quantity * found.lines[i].impact.spread))
    return sorted(order[:SHOWN])


def _lines(found: Schedule) -> Table:
    table = _table(("", True), ("instrument", False), ("contracts", True), ("half-spread", True), ("impact", False))
    for n, i in enumerate(_shown(found)):
        line = found.lines[i]
        name = line.instrument if len(found.currencies) == 1 else f"{line.book}: {line.instrument}"
        each = money(line.impact.spread, "USD", 2)
        table.add_row(str(n + 1), name, f"{line.quantity:+,.5g}", each, line.impact.source)
    if len(found.lines) > SHOWN:
        table.add_row("", f"and {len(found.lines) - SHOWN} more (--json has them)", "", "", "")
    return table


def _slices(found: Schedule) -> Table:
    """Contracts still to be traded after each slice, and the least excess over initial margin on the way."""
    shown = _shown(found)
    table = _table(("at", True), *((f"left of {n + 1}", True) for n in range(len(shown))), ("least excess", True))
    start = [f"{found.left[0, i]:+,.4g}" for i in shown]
    table.add_row("", *start, "", style=QUIET)
    lowest: dict[int, list[str]] = {}
    for book, currency in found.currencies.items():
        for k in range(found.slices):
            mine = [f.excess for f in found.fills if f.slice == k and f.book == book]
            if mine:
                lowest.setdefault(k, []).append(money(min(mine), currency))
    for k in range(found.slices):
        left = [f"{found.left[k + 1, i]:+,.4g}" if found.left[k + 1, i] else "0" for i in shown]
        table.add_row(clock(k * found.tau), *left, " ".join(lowest.get(k, [])))
    return table


def _laws(found: Schedule) -> Table:
    table = _table(("cost", False), ("mean", True), ("sd", True), ("95 % below", True), ("of it", False))
    for name, law in (("this schedule", found.law), ("at once", found.law_at_once)):
        table.add_row(name, *(money(x, "USD") for x in (law.mean, law.sd, law.q95)), _made_of(law))
    return table


def _made_of(law: CostLaw) -> str:
    parts = [f"waiting ±{money(law.waiting, 'USD')}", f"delay ±{money(law.delay, 'USD')}"]
    if law.gas:
        parts.append(f"gas {money(law.gas, 'USD', 2)}")
    if law.mev:
        parts.append(f"MEV {money(law.mev, 'USD', 2)}")
    return ", ".join(parts)
