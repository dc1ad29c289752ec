"""Buffers and remedies as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.report.amounts import money
from plimsoll.report.sizing_view import QUIET, STRONG, chance_text, percent, table

if TYPE_CHECKING:
    from plimsoll.optimise.sizing import Found, Remedies, Remedy, Response, Watch


def buffer_view(
    need: Found, cut: Found | None, larger: Found | None, called: float, watch: Watch, told: str
) -> RenderableType:
    """The probability of a call, and the three answers side by side."""
    kept = need.before.at_most <= called
    head = Text("KEPT" if kept else "TOO LIKELY", style="green" if kept else "red")
    days = float(watch.paths.days[-1])
    head.append(f"  a call within {days:g} days under {watch.model.rules.label}: {percent(need.before.value)}", STRONG)
    rows = table(
        ("what keeps it", False), ("how much", True), ("cost", True), ("then a call", True), ("excess IM", True)
    )
    word = "add" if need.amount > 0.0 else "take out at most"
    _row(rows, f"{word} collateral", f"{abs(need.amount):,.6g} {need.unit}", need)
    if cut is None:
        rows.add_row("close every position", "all is not enough", "", "", "")
    elif not kept:
        _row(rows, "close of every position", percent(cut.amount), cut)
    if larger is not None:
        _row(rows, "or hold at most", f"{larger.amount:.4g} times the book", larger)
    lines = [f"now: {chance_text(need.before)}; asked for at most {percent(called)}, kept where the upper limit is"]
    if watch.change is not None:
        lines.append(f"from day {watch.change[0]:g} on under {watch.change[1].rules.label}")
    notes = dict.fromkeys(n for f in (need, cut, larger) if f is not None for n in f.notes)
    return Group(head, Text(""), rows, Text(""), *(Text(x, QUIET) for x in (*lines, *notes, told)))


def remedies_view(found: Remedies, told: str) -> RenderableType:
    """What can be done, the cheapest for each point of probability first, and what was refused."""
    best = found.cheapest
    head = Text(f"a call within {found.days:g} days: {chance_text(found.chance)}", STRONG)
    if found.chance.at_most <= found.called:
        advice = f"nothing is needed to keep {percent(found.called)}"
    elif best is None:
        advice = f"nothing that was tried keeps {percent(found.called)}"
    else:
        advice = f"cheapest that keeps {percent(found.called)}: {best.words} for {money(best.cost, 'USD')}"
    rows = table(
        ("", False), ("remedy", False), ("cost", True), ("a call", True), ("$/point", True), ("IM freed", True),
        ("$/1,000", True),
    )  # fmt: skip
    for r in found.ranked:
        rows.add_row(*_remedy(r), style="" if r.sure else QUIET)
    parts: list[RenderableType] = [head, Text(advice), Text(""), rows]
    lines = [f"refused: {r.words}: {r.refused}" for r in found.refused]
    lines += [f"not tried: {text}" for text in found.failed]
    lines += [
        "✓ keeps the limit with 95 %; $/point: dollars for a percentage point of probability removed",
        "$/1,000: dollars for 1,000 dollars of initial margin freed; – none that the paths could show",
        f"initial margin now {money(found.initial, 'USD')}; worst loss beyond the grids {money(found.outside, 'USD')}",
    ]
    return Group(*parts, Text(""), *(Text(x, QUIET) for x in (*lines, *found.notes, told)))


def response_view(found: Response, told: str) -> RenderableType:
    """What the announced rules do, then what can be done today."""
    before, after = found.hit.before, found.hit.after
    assert before is not None  # else it was refused
    assert after is not None
    currency = before.requirement.currency
    rows = table(("", False), (found.rules[0], True), (f"{found.rules[1]}, day {found.day:g}", True))
    for name, attribute in (("initial margin", "initial"), ("maintenance margin", "maintenance")):
        rows.add_row(name, *(money(getattr(s.requirement, attribute), currency) for s in (before, after)))
    rows.add_row("health", *("" if s.health is None else f"{s.health:.3g}" for s in (before, after)))
    rows.add_row("a call on the way", percent(found.before.value), percent(found.after.value))
    return Group(Text("at today's prices", QUIET), rows, Text(""), remedies_view(found.remedies, told))


def _row(rows: object, name: str, amount: str, f: Found) -> None:
    from rich.table import Table

    assert isinstance(rows, Table)
    cost = money(f.cost, "USD") if f.cost else "–"
    rows.add_row(name, amount, cost, percent(f.after.value), money(f.excess, f.currency))


def _remedy(r: Remedy) -> tuple[str, ...]:
    point = "–" if r.per_point is None else f"{r.per_point:,.2f}"
    thousand = "–" if r.per_thousand is None else f"{r.per_thousand:,.2f}"
    return (
        "✓" if r.keeps else "",
        r.words,
        money(r.cost, "USD"),
        percent(r.chance.value),
        point,
        f"{r.relief:,.0f}",
        thousand,
    )
