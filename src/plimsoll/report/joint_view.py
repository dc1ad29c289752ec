"""Trades, rule sets and collateral together as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.optimise.ticket import Step
from plimsoll.report.amounts import money, number, short_money
from plimsoll.report.collateral_view import WORDS, balances_table, plain_table, priced_table

if TYPE_CHECKING:
    from plimsoll.optimise.collateral import Move
    from plimsoll.optimise.joint import JointAnswer

STRONG, QUIET = "bold", "dim"
SHOWN = 20
"""Steps that are named; --json has all of them."""


def joint_view(answer: JointAnswer) -> RenderableType:
    """What is saved, the proof, rules and margins, balances, steps in order, and what binds."""
    word, style = (WORDS | {"local": ("BETTER", "green")})[answer.status]
    before, after = answer.margins
    head = Text(word, style=style)
    head.append(
        f"  cost of {answer.days:g} days {money(answer.before, 'USD', 2)} → {money(answer.after, 'USD', 2)}", STRONG
    )
    proof = Text(f"trades {money(answer.trading, 'USD', 2)}, moves {money(answer.moving, 'USD', 2)}")
    proof.append(f", initial margin {short_money(before)} → {short_money(after)}")
    if answer.bound is None or answer.gap is None:
        bound = Text("no bound is claimed", QUIET)
    else:
        bound = Text(f"nothing is below {money(answer.bound, 'USD', 2)} (gap {answer.gap:.1e})", QUIET)
    parts: list[RenderableType] = [head, proof, bound, Text(""), _accounts(answer), Text("")]
    parts.append(balances_table(answer.balances))
    if answer.order.steps:
        parts += [Text(""), _steps(answer)]
    if any(abs(k.price) > 5e-7 for k in answer.limits) or answer.worth:
        parts += [Text(""), priced_table(answer.limits, answer.worth, answer.days)]
    if len(answer.tried) > 1:
        parts += [Text(""), _tried(answer)]
    parts += [Text(f"{a.name}: {a.why}", QUIET) for a in answer.accounts if a.why]
    parts += [Text(note, QUIET) for note in answer.notes]
    return Group(*parts, Text("; ".join(answer.route), QUIET))


def _accounts(answer: JointAnswer) -> Table:
    table = plain_table(("account", False), ("initial", True), ("after", True), ("to spare", True), ("after", True))
    for a in answer.accounts:
        initial = (a.before.initial * a.rate[0], a.after.initial * a.rate[1])
        moved = "" if a.before.rules == a.after.rules else f" → {a.after.rules}"
        name = f"{a.name} ({a.before.rules}{moved})"
        table.add_row(name, *(short_money(x) for x in initial), *(short_money(x) for x in a.room))
    return table


def _steps(answer: JointAnswer) -> Table:
    table = plain_table(("step", True), ("at", False), ("what", False), ("cost", True), ("room left", True))
    rate = {a.name: a.rate[1] for a in answer.accounts}
    for k, s in enumerate(answer.order.steps[:SHOWN]):
        if isinstance(s, Step):
            quantity = f"{s.quantity:+,.4f}".rstrip("0").rstrip(".")
            row = (s.book, f"{quantity} {s.instrument}", s.cost, short_money(s.excess * rate[s.book]))
        else:
            room = "" if s.source_room is None else short_money(s.source_room)
            row = (s.source, _move(s), s.cost, room)
        table.add_row(str(k + 1), row[0], row[1], money(row[2], "USD", 2), row[3])
    if len(answer.order.steps) > SHOWN:
        table.add_row("", "", f"and {len(answer.order.steps) - SHOWN} more (--json has them)", "", "")
    return table


def _move(m: Move) -> str:
    if m.into:
        return f"{number(m.amount, m.asset)} {m.asset} into {number(m.bought, m.into)} {m.into}"
    return f"{number(m.amount, m.asset)} {m.asset} to {m.target}"


def _tried(answer: JointAnswer) -> Table:
    table = plain_table(("rules of each account", False), ("cost", False))
    for c in answer.tried:
        amount = c.why if c.after is None else money(c.after, "USD", 2)
        table.add_row(", ".join(c.rules), amount, style=STRONG if c.rules == answer.rules else QUIET)
    return table
