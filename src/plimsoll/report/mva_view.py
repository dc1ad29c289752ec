"""The cost of margin in a quote as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.report.amounts import money
from plimsoll.report.sizing_view import QUIET, STRONG, table

if TYPE_CHECKING:
    from plimsoll.optimise.sizing import Mva, Quoted


def mva_view(found: Mva, told: str) -> RenderableType:
    """Both sides: margin today, the cost with its errors, in basis points and points of volatility, and its course."""
    head = Text(f"{abs(found.bid.quantity):,.6g} {found.instrument}", STRONG)
    head.append(f" for {found.days:.4g} days under {found.rules}")
    rows = table(("", False), ("bid: we buy", True), ("ask: we sell", True))
    for name, text in _lines(found):
        rows.add_row(name, *(text(side) for side in (found.bid, found.ask)))
    course = table(("mean incremental margin, USD", True), ("bid", True), ("ask", True))
    size = found.bid.days.size
    for k in sorted({0, size // 4, size // 2, 3 * size // 4, size - 1}):
        course.add_row(f"day {found.bid.days[k]:.4g}", *(f"{side.profile[k]:,.0f}" for side in (found.bid, found.ask)))
    terms = found.terms
    told_of = ", ".join(dict.fromkeys((terms.evidence, terms.source)))
    lines = [
        f"a dollar of margin costs {100 * terms.spread:g} % a year ({told_of})",
        "take the bid's cost off the bid and add the ask's to the ask; below zero the trade frees margin and earns",
        f"margins: {found.route}; {told}",
    ]
    return Group(head, Text(""), rows, Text(""), course, Text(""), *(Text(line, QUIET) for line in lines))


def _lines(found: Mva) -> list[tuple[str, _Line]]:
    rows: list[tuple[str, _Line]] = [
        ("incremental initial margin now", lambda s: money(s.now, "USD")),
        ("largest on any path", lambda s: money(s.largest, "USD")),
        ("cost of margin", lambda s: money(s.cost, "USD", 2)),
        ("  standard error of the paths", lambda s: money(s.error, "USD", 2)),
        ("  error of the instants, about", lambda s: money(s.step, "USD", 2)),
        ("a contract", lambda s: money(s.cost / abs(s.quantity), "USD", 4)),
        ("basis points of the notional", lambda s: f"{s.basis_points:.2f} ± {1e4 * s.error / s.notional:.2f}"),
    ]
    if found.bid.vega > 0.0:
        rows.append(("points of volatility", lambda s: f"{s.cost / s.vega:.3f} ± {s.error / s.vega:.3f}"))
    return rows


if TYPE_CHECKING:
    from collections.abc import Callable

    _Line = Callable[[Quoted], str]
