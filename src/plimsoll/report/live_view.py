"""A replay through the live engine, and the verdict on an order, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.live import Verdict
    from plimsoll.live.outcome import Decision
    from plimsoll.live.session import Session

SHOWN = 8
"""Decisions in the table; all that the session kept with --json."""


def replay_view(session: Session, notes: tuple[str, ...]) -> RenderableType:
    """What was played, how fast, who was touched and who slept, what was set apart, and who was called."""
    found = session.to_dict()
    engine = session.engine
    head = Text(f"{found['events']:,} events, {found['accounts']:,} accounts, {found['contracts']:,} contracts")
    head.stylize("bold")
    head.append(f", {found['rules']}", style="none")
    if session.stopped:
        head.append("; stopped from the keyboard", style="none")
    micro = found["microseconds"]
    speed = columns("events", "")
    speed.add_row("a second", f"{found['events_per_second']:,.0f}")
    speed.add_row("in the engine, median", f"{micro['p50']:,.0f} µs")
    speed.add_row("in the engine, 99 %", f"{micro['p99']:,.0f} µs")
    for kind, number in sorted(found["events_by_kind"].items()):
        speed.add_row(kind, f"{number:,}")
    if found["acknowledged"] != found["events"]:
        speed.add_row("acknowledged", f"{found['acknowledged']:,}")
    touched = columns("accounts", "")
    touched.add_row("touched", f"{found['touched']:,}")
    touched.add_row("margined", f"{found['margined']:,}")
    touched.add_row("skipped, by the bound", f"{found['skipped']:,}")
    touched.add_row("full passes", f"{found['full_passes']:,}")
    for name, number in found["statuses"].items():
        touched.add_row(f"now {name}", f"{number:,}")
    touched.add_row("margin calls", f"{found['margin_calls']:,}")
    worst = found["worst_health"]
    touched.add_row("worst health", "none needed" if worst is None else f"{worst['health']:.3f}, {worst['account']}")
    parts: list[RenderableType] = [head, *notes, "", speed, "", touched]
    faults: dict[str, int] = found["faults"]
    if faults or found["refused_facts"]:
        table = columns("set apart", "")
        for fault, number in sorted(faults.items(), key=lambda x: (-x[1], x[0])):
            table.add_row(fault, f"{number:,}")
        if found["refused_facts"]:
            table.add_row("facts that cannot be", f"{found['refused_facts']:,}")
        parts += ["", table]
    if session.decisions:
        parts += ["", _decisions(list(session.decisions)[-SHOWN:], engine.model.rules.decimals)]
    unit = f"unit{'' if session.furthest == 1 else 's'} of 1e-{engine.model.rules.decimals}"
    last = f"furthest from the batch at the end: {session.furthest} {unit}, {session.compared} accounts compared"
    return Group(*parts, "", last)


def _decisions(decisions: list[Decision], decimals: int) -> RenderableType:
    table = columns("last decisions", "to", "equity", "maintenance")
    for d in decisions:
        amounts = ["" if x is None else f"{x / 10**decimals:,.0f}" for x in (d.equity, d.maintenance)]
        table.add_row(d.account, d.after, *amounts)
    return table


def verdict_view(verdict: Verdict, order: str, currency: str) -> RenderableType:
    """An order, before and after, what binds, and why not."""
    head = Text(order)
    head.stylize("bold")
    table = columns(currency, "before", "after", "change")
    for name in ("initial", "maintenance", "equity", "excess"):
        old, new = getattr(verdict.before, name), getattr(verdict.after, name)
        table.add_row(name, f"{old:,.2f}", f"{new:,.2f}", f"{new - old:+,.2f}")
    end = "may be sent" if verdict.allowed else "refused: " + "; ".join(verdict.reasons)
    return Group(head, "", table, "", f"binding after it: {verdict.binding}", end)


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain JSON values."""
    return {
        "allowed": verdict.allowed,
        "reasons": list(verdict.reasons),
        "before": vars(verdict.before),
        "after": vars(verdict.after),
        "binding": verdict.binding,
    }
