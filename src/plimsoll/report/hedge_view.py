"""The answer of an optimisation as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, short_money

if TYPE_CHECKING:
    from plimsoll.optimise import Answer, Placement

STRONG, QUIET = "bold", "dim"
SHOWN = 20
"""Steps of a ticket that are named; --json has all of them."""

WORDS = {
    "optimal": ("OPTIMAL", "green"),
    "local": ("BETTER", "green"),
    "stopped": ("STOPPED", "yellow"),
    "no saving": ("NO SAVING", "yellow"),
    "refused": ("REFUSED", "red"),
}


def hedge_view(answer: Answer) -> RenderableType:
    """What is saved, by how much it is proved, the margins before and after, the ticket, and the limits that bind."""
    word, style = WORDS[answer.status]
    before, after = answer.capital
    head = Text(word, style=style)
    head.append(f"  margin {short_money(before)} → {short_money(after)} for {money(answer.cost, 'USD', 2)}", STRONG)
    proof = Text(f"{answer.objective}: {money(answer.before, 'USD', 2)} → {money(answer.after, 'USD', 2)}")
    if answer.gap is None:
        proof.append(", no bound is claimed", QUIET)
    else:
        assert answer.bound is not None
        proof.append(f", nothing is below {money(answer.bound, 'USD', 2)} (gap {answer.gap:.1e})", QUIET)
    parts: list[RenderableType] = [head, proof, Text(""), _books(answer)]
    if answer.ticket.steps:
        parts += [Text(""), _ticket(answer)]
    parts += [Text(""), _limits(answer)]
    down, up = answer.outside
    parts.append(
        Text(f"worst loss beyond every grid (moves of 30 to 60 %): {short_money(down)} → {short_money(up)}", "none")
    )
    for note in answer.notes:
        parts.append(Text(note, QUIET))
    parts.append(Text("; ".join(answer.route), QUIET))
    return Group(*parts)


def placement_view(found: Placement) -> RenderableType:
    """What placing saves, under which rules, and the trades between the books."""
    before, after = found.capital
    head = Text("PLACED" if found.saving > 0.0 else "NO SAVING", style="green" if found.saving > 0.0 else "yellow")
    paid = money(found.answer.cost, "USD", 2)
    head.append(f"  margin {short_money(before)} → {short_money(after)} for {paid}", STRONG)
    told = f"{found.answer.objective}: {money(found.before, 'USD', 2)} → {money(found.after, 'USD', 2)}"
    if found.bound is None:
        told += ", no bound is claimed"
    else:
        told += f", nothing is below {money(found.bound, 'USD', 2)} (gap {found.gap:.1e})"
    table = _table(("rules of each book", False), ("worth margin + cost", True))
    for t in found.tried:
        amount = t.why if t.answer is None else money(t.answer.after, "USD", 2)
        table.add_row(", ".join(t.rules), amount, style=STRONG if t.rules == found.rules else QUIET)
    under = Text("each under the rules that are best for it", QUIET)
    parts: list[RenderableType] = [head, Text(told), Text(""), under, _books(found.answer)]
    if found.answer.ticket.steps:
        parts += [Text(""), _ticket(found.answer)]
    if len(found.tried) > 1:
        parts += [Text(""), table]
    parts += [Text(note, QUIET) for note in found.answer.notes]
    return Group(*parts)


def _table(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", no_wrap=right or name != "book")
    return table


def _books(answer: Answer) -> Table:
    table = _table(("book", False), ("initial margin", True), ("after", True), ("excess", True), ("after", True))
    for b in answer.books:
        c = b.before.currency
        amounts = (b.before.initial, b.after.initial, b.before.excess_initial, b.after.excess_initial)
        table.add_row(f"{b.name or 'book'} ({b.before.rules})", *(money(a, c) for a in amounts))
    return table


def _ticket(answer: Answer) -> Table:
    table = _table(("ticket", True), ("instrument", False), ("contracts", True), ("cost", True), ("excess then", True))
    currency = {b.name: b.before.currency for b in answer.books}
    steps = answer.ticket.steps
    for k, s in enumerate(steps[:SHOWN]):
        excess = money(s.excess, currency[s.book])
        name = s.instrument if len(answer.books) == 1 else f"{s.book}: {s.instrument}"
        table.add_row(str(k + 1), name, f"{s.quantity:+,.4f}".rstrip("0").rstrip("."), money(s.cost, "USD", 2), excess)
    if len(steps) > SHOWN:
        table.add_row("", f"and {len(steps) - SHOWN} more (--json has them)", "", "", "")
    return table


def _limits(answer: Answer) -> Table:
    table = _table(("limit", False), ("before", True), ("after", True), ("one unit more", True))
    for k in answer.limits:
        price = "" if abs(k.price) < 5e-7 else f"{k.price:+,.4g} USD / {k.unit}"
        table.add_row(k.name, f"{k.before:,.6g}", f"{k.after:,.6g}", price)
    for e in answer.exhausted[:3]:
        if e.worth >= 0.005:
            table.add_row(f"depth to {e.side} {e.instrument}", "", f"{e.most:,.6g}", f"{-e.worth:+,.4g} USD / contract")
    return table
