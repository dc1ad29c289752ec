"""A run of cross-chain liens, and the value of locks, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.laboratory.liens.haircuts import Valued
    from plimsoll.laboratory.liens.simulate import Outcome

MONEY = {
    "lent": "lent against liens",
    "repaid": "repaid",
    "recovered": "recovered by seizure",
    "liability": "booked as lost",
    "owed": "still owed",
}


def run_view(found: Outcome) -> RenderableType:
    """What happened, what became of the liens, the money, and each invariant."""
    from plimsoll.laboratory.liens.world import INVARIANTS

    count = sum(found.events.values()) - found.events["reorganisation"] - found.events["deep reorganisation"]
    head = Text(f"{count:,} events in {found.seconds / 3600:,.1f} hours of {len(found.network.chains)} chains")
    head.stylize("bold")
    head.append(f", seed {found.seed}", style="none")
    told = (
        f"{found.events['block']:,} blocks, {found.events['reorganisation']:,} reorganisations "
        f"({found.events['deep reorganisation']:,} as deep as the confirmations), {found.messages['sent']:,} messages: "
        f"{found.messages['lost']:,} lost, {found.messages['doubled']:,} doubled"
    )
    ends = columns("liens", "")
    for state, number in found.ends.most_common():
        ends.add_row(state, f"{number:,}")
    money = columns("money", "units")
    for key, words in MONEY.items():
        money.add_row(words, f"{found.money[key]:,}")
    checks = columns("what holds", "checked", "broken", wrap=True)
    for key, words in INVARIANTS.items():
        checks.add_row(words, f"{found.checked[key]:,}", f"{found.broken[key]:,}")
    waits = sorted(found.seized_seconds)
    last = f"worst discrepancy {found.worst:,} units"
    if waits:
        last += f"; a seizure took {waits[len(waits) // 2]:,} seconds in the median, {waits[-1]:,} at most"
    last += f"; {found.late:,} booked at the deadline"
    if found.unbacked:
        last += (
            f"; {found.unbacked:,} liens counted without their lock after a deep reorganisation, for at most "
            f"{found.unknown_seconds:,} seconds"
        )
    return Group(head, told, "", ends, "", money, "", checks, "", last)


def value_view(rows: Sequence[Valued]) -> RenderableType:
    """Each chain with both haircuts, and the sum."""
    table = columns("chain", "asset", "wait", "asset haircut", "latency", "bridge", "units", "equity")
    for r in rows:
        parts = (f"{x:.2%}" for x in (r.asset_haircut, r.latency, r.bridge))
        table.add_row(r.chain, r.asset, f"{r.seconds:,.0f} s", *parts, f"{r.balance:,}", f"{r.equity:,}")
    return Group(table, "", f"equity {sum(r.equity for r in rows):,} units")
