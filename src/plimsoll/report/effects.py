"""Tables of what moves a margin: sensitivities, and the change between two snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import exact_percent

if TYPE_CHECKING:
    from plimsoll.margin.changes.explain import Explanation
    from plimsoll.margin.changes.levels import Change, Levels
    from plimsoll.margin.changes.sensitivity import Kink, ParameterStep, Sensitivity
    from plimsoll.margin.requirement import Binding

STRONG, QUIET, WARN = "bold", "dim", "yellow"
DOLLARS = ("USD", "USDC", "USDT")


def amount(value: float, currency: str, signed: bool = True) -> str:
    """Two decimals in dollars, six in a coin.

    >>> amount(-1234.5, "USD"), amount(0.5, "BTC"), amount(-0.001, "USD"), amount(7.0, "USD", signed=False)
    ('-1,234.50', '+0.500000', '0.00', '7.00')
    """
    places = 2 if currency in DOLLARS else 6
    text = f"{value:{'+' if signed else ''},.{places}f}"
    return text if text.strip("+-0.,") else text.lstrip("+-")


def health(value: float | None, signed: bool = True) -> str:
    """Three decimals, a dash where nothing is required."""
    if value is None:
        return "-"
    text = f"{value:{'+' if signed else ''},.3f}"
    return text if text.strip("+-0.,") else text.lstrip("+-")


def _table(first: str, currency: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in (f"initial {currency}", "maintenance", "net equity", "health"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cells(row: Levels | Change, currency: str, signed: bool) -> list[str]:
    money = [amount(x, currency, signed) for x in (row.initial, row.maintenance, row.net_equity)]
    return [*money, health(row.health, signed)]


def sensitivity_view(found: Sensitivity, top: int | None = 10) -> RenderableType:
    """Levels, steps, kinks and the rules' numbers by effect; `top=None` shows every number that was moved."""
    here, unit = found.here, found.here.currency
    title = Text(found.account or "account", style=STRONG)
    title.append(f"  under {found.rules}", style="none")
    table = _table("change by", unit)
    table.add_row("now", *_cells(here, unit, False), style=STRONG)
    remarks: list[RenderableType] = []
    for step in found.steps:
        mark = "*" if step.expired else ""
        if step.change is None:
            table.add_row(step.title, "-", "-", "-", "-", style=QUIET)
            remarks.append(Text(f"{step.title}: no number. {step.refusal}", WARN))
            continue
        table.add_row(step.title + mark, *_cells(step.change, unit, True))
        if step.expired:
            names = ", ".join(step.expired[:4]) + (f" and {len(step.expired) - 4} more" if step.expired[4:] else "")
            remarks.append(Text(f"* within that day {names} expire, paid out at today's forward", WARN))
    kinks = [_kink_line(found, "up", found.up), _kink_line(found, "down", found.down)]
    parts: list[RenderableType] = [title, Text(""), table, *remarks, Text(""), *kinks]
    if found.tried:
        parts += [Text(""), *_parameters(found, top)]
    return Group(*parts)


def _kink_line(found: Sensitivity, way: str, kink: Kink | None) -> Text:
    if kink is None:
        return Text(f"next kink {way}: none within {found.span:.0%}: what binds now binds all the way")
    line = Text(f"next kink {way}: at ")
    line.append(exact_percent(round(kink.move, 4)), style=STRONG)
    old, new = _differing(kink.before, kink.after)
    line.append(f" {old} gives way to " if old else " there binds too ")
    line.append(new or "nothing", style=STRONG)
    line.append(f"; initial margin there {amount(kink.initial, found.here.currency, signed=False)}")
    return line


def _differing(before: Sequence[Binding], after: Sequence[Binding]) -> tuple[str, str]:
    """What binds on one side only, in words."""

    def words(rows: Sequence[Binding], others: Sequence[Binding]) -> str:
        known = {(b.underlying, b.kind, b.label) for b in others}
        own = [f"{b.underlying} {b.label}" for b in rows if (b.underlying, b.kind, b.label) not in known]
        return "; ".join(own[:3]) + (f"; {len(own) - 3} more" if own[3:] else "")

    return words(before, after), words(after, before)


def _parameters(found: Sensitivity, top: int | None) -> list[RenderableType]:
    unit = found.here.currency
    moving = [p for p in found.parameters if not p.change.is_zero()]
    shown: Sequence[ParameterStep] = found.parameters if top is None else moving[:top]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("rule number +1 %", overflow="fold")
    table.add_column("now", justify="right", no_wrap=True)
    for heading in (f"initial {unit}", "maintenance"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("evidence", no_wrap=True)
    for p in shown:
        cells = [f"{p.value:.6g}", *_cells(p.change, unit, True)[:2], p.evidence]
        table.add_row(p.path + (" ^" if p.below else ""), *cells, style=QUIET if p.change.is_zero() else "none")
    lines: list[RenderableType] = [table]
    if any(p.below for p in shown):
        lines.append(Text("^ measured by -1 % and turned round: the number is at its upper limit", QUIET))
    still = found.tried - len(moving)
    rest = f"{found.tried} numbers moved by 1 % of themselves: {len(moving)} matter here, {still} do not"
    lines.append(Text(rest + (f"; {found.unmoved} are zero or whole" if found.unmoved else ""), QUIET))
    return lines


def explanation_view(found: Explanation) -> RenderableType:
    """From the earlier levels over the effects to the later ones, the residual, and what happened to each part."""
    unit = found.currency
    title = Text(found.account or "account", style=STRONG)
    rules = found.rules if found.rules == found.rules_after else f"{found.rules} to {found.rules_after}"
    title.append(f"  under {rules}", style="none")
    table = _table("", unit)
    table.add_row("before", *_cells(found.before, unit, False), style=STRONG)
    details: list[RenderableType] = []
    for effect in found.effects:
        table.add_row(effect.title, *_cells(effect.change, unit, True), style=QUIET if effect.change.is_zero() else "")
        if effect.detail:
            line = Text(f"{effect.title}: ", STRONG)
            line.append(effect.detail, style="none")
            details.append(line)
    left = found.residual
    table.add_row("residual", *[f"{x:.1g}" if x else "0" for x in _numbers(left)], style=QUIET)
    table.add_row("after", *_cells(found.after, unit, False), style=STRONG)
    how = {
        "symmetric": "mean of replacing the parts in this order (rules last) and in the opposite one",
        "forward": "parts replaced one after the other in this order, the rules last",
        "reverse": "parts replaced one after the other in the opposite of this order, the rules first",
    }[found.order]
    notes = [Text(f"note: {n}", QUIET) for n in found.notes]
    if any(e.change.health is None for e in found.effects):
        notes.append(Text("note: health has no split where nothing is required on the way", QUIET))
    return Group(title, Text(""), table, Text(how, QUIET), Text(""), *details, *notes)


def _numbers(change: Change) -> list[float]:
    return [change.initial, change.maintenance, change.net_equity, change.health or 0.0]
