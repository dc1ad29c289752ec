"""A placement of collateral as tables: balances by account, moves in order, what binds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, number, short_money

if TYPE_CHECKING:
    from plimsoll.optimise.answer import Kept
    from plimsoll.optimise.collateral import Balance, CollateralAnswer, UntilArrival, Worth

STRONG, QUIET = "bold", "dim"
SHOWN = 20
"""Moves and balances that are named; --json has all of them."""

WORDS = {
    "optimal": ("OPTIMAL", "green"),
    "repaired": ("REPAIRED", "green"),
    "stopped": ("STOPPED", "yellow"),
    "no saving": ("NO SAVING", "yellow"),
    "short": ("SHORT", "red"),
    "refused": ("REFUSED", "red"),
}


def collateral_view(answer: CollateralAnswer) -> RenderableType:
    """What is saved a year, the proof, accounts before and after, balances, moves in order, and what binds."""
    word, style = WORDS[answer.status]
    now, then = answer.yearly
    head = Text(word, style=style)
    head.append(
        f"  {money(now, 'USD')} → {money(then, 'USD')} a year, moving once {money(answer.once, 'USD', 2)}", STRONG
    )
    proof = Text(f"over {answer.days:g} days: {money(answer.before, 'USD', 2)} → {money(answer.after, 'USD', 2)}")
    if answer.bound is None or answer.gap is None:
        proof.append(", no bound is claimed", QUIET)
    else:
        proof.append(f", nothing is below {money(answer.bound, 'USD', 2)} (gap {answer.gap:.1e})", QUIET)
    parts: list[RenderableType] = [
        head,
        proof,
        Text(""),
        _accounts(answer),
        Text(""),
        balances_table(answer.balances),
    ]
    if answer.order.moves:
        parts += [Text(""), _moves(answer)]
    binding = [k for k in answer.limits if abs(k.price) > 5e-7]
    if binding or answer.worth:
        parts += [Text(""), priced_table(answer.limits, answer.worth, answer.days)]
    for a in answer.accounts:
        parts += [Text(f"{a.name} takes no {asset}: {why}", QUIET) for asset, why in a.refused.items()]
    parts += [Text(note, QUIET) for note in answer.notes]
    return Group(*parts, Text("; ".join(answer.route), QUIET))


def fresh_view(found: UntilArrival) -> RenderableType:
    """How often what lies at each account was not enough on fresh paths."""
    parts: list[RenderableType] = []
    for f in found.fresh:
        word = "holds" if f.holds else "NOT HELD OUT"
        text = f"fresh paths: {f.name} {word}, breached in {100.0 * f.breach:.2f} % (± {100.0 * f.error:.2f})"
        parts.append(Text(text, QUIET if f.holds else "red"))
    return Group(*parts)


def plain_table(*columns: tuple[str, bool]) -> Table:
    """A table without lines; columns with their name and whether they are set to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    return table


def _accounts(answer: CollateralAnswer) -> Table:
    table = plain_table(("account", False), ("initial", True), ("after", True), ("to spare", True), ("after", True))
    for a in answer.accounts:
        initial = (a.before.initial * a.rate, a.after.initial * a.rate)
        row = (*(short_money(x) for x in initial), *(short_money(x) for x in a.room))
        table.add_row(f"{a.name} ({a.before.rules})", *row)
    return table


def balances_table(balances: Sequence[Balance]) -> Table:
    """Balances by place: now, after, what they count for and cost."""
    table = plain_table(
        ("place", False), ("asset", False), ("now", True), ("after", True), ("counts", True), ("cost a year", True)
    )
    last = ""
    for b in balances[: 2 * SHOWN]:
        counts = "" if b.counts is None else short_money(b.counts[1])
        cost = "" if b.counts is None or abs(b.cost) < 0.005 else money(b.cost, "USD")
        place = "" if b.place == last else b.place
        last = b.place
        moved = STRONG if abs(b.after - b.now) > 1e-9 * max(1.0, abs(b.now)) else QUIET
        table.add_row(place, b.asset, number(b.now, b.asset), number(b.after, b.asset), counts, cost, style=moved)
    return table


def _moves(answer: CollateralAnswer) -> Table:
    table = plain_table(
        ("move", True),
        ("from", False),
        ("to", False),
        ("amount", True),
        ("cost", True),
        ("hours", True),
        ("room left", True),
    )
    for k, m in enumerate(answer.order.moves[:SHOWN]):
        if m.into:
            target, amount = f"into {m.into}", f"{number(m.amount, m.asset)} {m.asset}"
        else:
            target, amount = m.target, f"{number(m.amount, m.asset)} {m.asset}"
        room = "" if m.source_room is None else short_money(m.source_room)
        table.add_row(str(k + 1), m.source, target, amount, money(m.cost, "USD", 2), f"{m.hours:g}", room)
    if len(answer.order.moves) > SHOWN:
        table.add_row("", f"and {len(answer.order.moves) - SHOWN} more (--json has them)", "", "", "", "", "")
    return table


def priced_table(limits: Sequence[Kept], worth: Sequence[Worth], days: float) -> Table:
    """Limits that bind and what one unit more changes the objective by; what one more of an asset would."""
    table = plain_table(("what binds", False), ("stands at", True), (f"one more, {days:g} days", True))
    for k in limits:
        if abs(k.price) > 5e-7:
            # a margin stands at what it has to spare, the others at what they cap
            table.add_row(k.name, number(k.after, "USD" if k.unit == "USD" else k.unit), _price(k.price, k.unit))
    for w in worth[:5]:
        table.add_row(f"{w.asset} in {w.place}", "", _price(-w.usd, w.asset))
    return table


def _price(usd: float, unit: str) -> str:
    return f"{usd:+,.4g} USD / {unit}"
