"""The monitors of an engine as tables, for a panel that lives and for the end of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.report.amounts import short_money
from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.live.monitors.density import Density
    from plimsoll.live.monitors.readings import Readings
    from plimsoll.live.monitors.session import Watched

ALERTS, CALLS, HOLDERS = 8, 6, 6
BAR = 24


def monitor_view(found: Watched, notes: tuple[str, ...] = ()) -> RenderableType:
    """Everything at the end of a replay."""
    reading = found.last
    assert reading is not None
    head = Text(f"{found.events:,} events, {found.answers:,} answers of made-up holders, {reading.rules}")
    head.stylize("bold")
    if found.stopped:
        head.append("; stopped from the keyboard", style="none")
    parts: list[RenderableType] = [head, *notes, "", *reading_parts(reading)]
    if reading.density is not None:
        parts += ["", *_density(reading.density)]
    if found.kinds:
        table = columns("steps of margin calls", "")
        for kind, number in sorted(found.kinds.items(), key=lambda x: (-x[1], x[0])):
            table.add_row(kind, f"{number:,}")
        parts += ["", table]
    return Group(*parts, "", *_alerts(found))


def panel(found: Watched) -> RenderableType:
    """One screen, drawn again at every reading."""
    reading = found.last
    assert reading is not None
    title = Text(f"{reading.time:%Y-%m-%d %H:%M:%S} UTC, event {reading.events:,}, {reading.rules}", style="bold")
    return Group(title, "", *reading_parts(reading), "", *_alerts(found))


def reading_parts(reading: Readings) -> list[RenderableType]:
    """The ladder, and what else is said in one line each."""
    ladder = columns("health", "accounts", "notional", "equity", "maintenance", "missing")
    for name, step in reading.health.steps.items():
        if step.accounts or name in ("healthy", "warned", "called", "reduce-only", "partial", "full"):
            amounts = (step.notional, step.equity, step.maintenance, step.short)
            ladder.add_row(name, f"{step.accounts:,}", *(short_money(x) if step.accounts else "" for x in amounts))
    used, lever = reading.utilisation, reading.leverage
    rows = columns("monitor", "")
    rows.add_row("utilisation, of everybody", "none" if used.total is None else f"{used.total:.1%}")
    rows.add_row("accounts over their initial margin", f"{used.over:,}")
    rows.add_row("leverage of everybody", "none" if lever.total is None else f"{lever.total:.2f}")
    for name, own in reading.concentration.underlyings.items():
        for side, held in own.items():
            told = f"{held.herfindahl:.3f}, largest {held.share:.0%} of {short_money(held.notional)}"
            rows.add_row(f"Herfindahl, {name} {side}", told)
    groups = reading.linked
    rows.add_row("linked groups", f"{groups.count}, largest {groups.largest_share:.0%} of the notional")
    rows.add_row("oracle, furthest source", f"{reading.oracle.furthest:.2f} bands")
    for name, pushed in () if reading.manipulation is None else reading.manipulation.underlyings.items():
        told = "nothing to gain" if pushed.at is None else f"costs {pushed.worst:,.2f} of its gain, at {pushed.at:+.2%}"
        rows.add_row(f"cheapest push, {name}", told)
    rows.add_row("stale prices", f"{reading.feeds.stale:,}")
    if reading.feeds.refused:
        rows.add_row("messages set apart", f"{sum(reading.feeds.refused.values()):,}")
    if reading.coverage is not None:
        own_coverage = reading.coverage
        share = "none yet" if own_coverage.share is None else f"{own_coverage.share:.2%}"
        word = "drifts" if own_coverage.drift else "holds"
        told = f"{share} of {own_coverage.observed:,} against {own_coverage.level:.2%}: {word}"
        rows.add_row(f"exceptions, {own_coverage.intervals} intervals", told)
    if reading.calls is not None:
        calls = reading.calls
        rows.add_row("open calls", f"{len(calls.open)}, {calls.unacknowledged} not read")
        rows.add_row("closes under way", f"{calls.waiting}")
    return [ladder, "", rows]


def _density(found: Density) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for name, own in found.underlyings.items():
        table = columns(f"{name} at {own.price:,.0f}, alone", "price", "accounts", "liquidated", "")
        buckets = [(-1, b) for b in reversed(own.fall.buckets)] + [(1, b) for b in own.rise.buckets]
        most = max((b.notional for _, b in buckets), default=0.0)
        for sign, b in buckets:
            if not b.accounts:
                continue
            moves = f"{sign * b.least:+.1%} to {sign * b.most:+.1%}"
            bar = "█" * max(1, round(BAR * b.notional / most)) if most > 0.0 else ""
            table.add_row(moves, f"{b.price:,.0f}", f"{b.accounts:,}", short_money(b.notional), Text(bar, style="red"))
        parts += [table]
        if own.now.accounts:
            parts += [f"{own.now.accounts} accounts are below their line now, {short_money(own.now.notional)}"]
        parts += [f"{own.fall.beyond} and {own.rise.beyond} accounts have no line in a fall and in a rise shown"]
    return parts


def _alerts(found: Watched) -> list[RenderableType]:
    standing = found.station.watch.standing
    count = sum(len(keys) for keys in standing.values())
    said = list(found.station.said)[-ALERTS:]
    if not said:
        return ["no alerts"]
    table = columns("time", "alert", wrap=True)
    for alert in said:
        table.add_row(f"{alert.time:%m-%d %H:%M}", alert.words)
    return [table, f"{count} alerts stand"]
