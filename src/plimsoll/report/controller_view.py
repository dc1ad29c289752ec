"""Policies that set a margin rate as tables: every term apart, and how far each is from the one compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.control.terms import STABILITY, TERMS
from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.control.cycle import Cycle
    from plimsoll.control.evaluate import Judged
    from plimsoll.control.evaluation import Evaluation
    from plimsoll.control.intervals import Difference

CYCLE_HEADINGS = ("policy", "cost", "rate", "peak/low", "+1 d", "+5 d", "+30 d", "beyond", "called", "unpaid")
CYCLE_WORDS = (
    "rate: mean in force. peak/low: largest over smallest; then the largest rises",
    "over days. beyond: moves of the margin period that were larger than the rate.",
    "called, unpaid: by others; the worst day, bp of the reference open interest.",
)
HEADINGS = ("policy", "cost", "capital", "calls", "volume", "bad debt", "stability", "rate", "rise/day")
UNITS = "basis points a year of the open interest at the reference rate"


def cells(judged: Judged) -> list[str]:
    """One policy under `HEADINGS`."""
    found = judged.to_dict()
    terms = [found["terms"][t] for t in TERMS if t not in STABILITY]
    costs = [found["cost"], *terms, found["stability"]]
    return [judged.name, *(f"{c:,.0f}" for c in costs), f"{found['rate']:.1%}", f"{found['steepest']:.0%}"]


def cycle_cells(cycle: Cycle) -> list[str]:
    """One policy through one history under `CYCLE_HEADINGS`."""
    d = cycle.to_dict()
    rises = [f"{d['rises'][n]:.0%}" for n in ("1", "5", "30")]
    worst = [f"{d['worst_day'][w]:,.0f}" for w in ("called", "uncovered")]
    rate = [f"{d['cost']:,.0f}", f"{d['rate']:.1%}", f"{d['peak_to_trough']:.1f}"]
    return [cycle.name, *rate, *rises, f"{1.0 - d['coverage']:.2%}", *worst]


def apart_words(d: Difference) -> str:
    """A difference as a sentence.

    >>> from plimsoll.control.intervals import Difference
    >>> apart_words(Difference("search", "rule", -12.0, -20.0, -4.0, 20, 0.7, 31.0))
    'search costs less than rule: -12 (-20 to -4), cheaper in 70 %'
    """
    return (
        f"{d.name} {d.verdict}: {d.mean:+,.0f} ({d.low:+,.0f} to {d.high:+,.0f}), cheaper in {d.cheaper:.0%}".replace(
            "%", " %"
        )
    )


def controller_view(found: Evaluation) -> RenderableType:
    """Each set of episodes with its policies and differences, whole histories, elasticities, and bounds broken."""
    parts: list[RenderableType] = [
        Text(f"Costs in {UNITS}."),
        Text("Intervals of differences are of 95 %."),
    ]
    differences = found.differences
    for name, rows in found.judged.items():
        table = columns(*HEADINGS)
        for judged in rows:
            table.add_row(*cells(judged))
        many = len(rows[0].episodes)
        parts += [Text(), Text(f"{name}: {many} episodes of {found.terms.steps} steps", style="bold"), table]
        parts += [Text(apart_words(d)) for d in differences[name]]
    for name in differences.keys() - found.judged.keys():
        parts += [Text(), Text(name, style="bold"), *(Text(apart_words(d)) for d in differences[name])]
    for name, cycles in found.cycles.items():
        table = columns(*CYCLE_HEADINGS)
        for cycle in cycles:
            table.add_row(*cycle_cells(cycle))
        parts += [Text(), Text(f"{name} in one run: {cycles[0].steps:,} steps", style="bold"), table]
        parts += [Text(apart_words(d)) for d in found.cycle_differences[name]]
    if found.cycles:
        parts += [Text(), *(Text(line) for line in CYCLE_WORDS)]
    if found.varied:
        names = [j.name for j in next(iter(found.varied.values()))]
        table = columns("elasticity", *names)
        for value, rows in found.varied.items():
            table.add_row(f"{value:g}", *(f"{j.total.mean():,.0f}" for j in rows))
        parts += [Text(), Text("cost where volume answers the rate otherwise", style="bold"), table]
    parts += [Text(), Text(f"{found.violated} bounds broken in {found.steps:,} steps")]
    return Group(*parts)
