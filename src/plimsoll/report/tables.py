"""Tables for a terminal of 80 columns, readable without colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from plimsoll.documents import Failure, format_instant
from plimsoll.margin.components import by_evidence, in_words
from plimsoll.report.amounts import (
    exact_percent,
    health_words,
    is_dollar,
    money,
    number,
    percent,
    scale_of,
    scenario_point,
    signed,
)
from plimsoll.report.lines import lines_view

if TYPE_CHECKING:
    from plimsoll.margin.compare import Comparison, Row
    from plimsoll.margin.requirement import Binding, Requirement
    from plimsoll.report.bundle import Report
    from plimsoll.risk.surface import Surface

WIDTH = 80
LOSS, GAIN, STRONG, QUIET = "red", "blue", "bold", "dim"


class Bar:
    """`value` of `top` as a bar of `width` cells, falling back to ASCII where the terminal has no block characters."""

    def __init__(self, value: float, top: float, width: int = 36, style: str = GAIN) -> None:
        part = min(1.0, max(0.0, value / top)) if top > 0 else 0.0
        self.cells, self.width, self.style = round(part * width), width, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        full, rest = ("#", ".") if options.ascii_only else ("█", "·")
        text = Text(full * self.cells, style=self.style)
        text.append(rest * (self.width - self.cells), style=QUIET)
        yield text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)


def requirement_view(requirement: Requirement, top: int = 10, *, title: bool = True) -> RenderableType:
    """What is required, how far equity is from it, of which components, and which positions bring it."""
    parts: list[RenderableType] = [
        *(_title(requirement) if title else []),
        *_head(requirement),
        _components(requirement),
        *_binding(requirement),
        *_pools(requirement),
    ]
    if requirement.shares:
        parts += [Text(""), contributions(requirement, top)]
    parts += _remarks(requirement.notes, requirement.failures)
    inputs = requirement.inputs.model_dump().items()
    parts += [
        Text(""),
        Text("  ".join(f"{n} {_short_hash(h)}" for n, h in inputs), QUIET),
    ]
    return Group(*parts)


def _title(r: Requirement) -> list[RenderableType]:
    line = Text(r.account or "account", style=STRONG)
    line.append(f"  under {r.rules}, {format_instant(r.time)}", style="none")
    return [line, Text("")]


def _head(r: Requirement) -> list[RenderableType]:
    bars = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    bars.add_column()
    bars.add_column(justify="right", no_wrap=True)
    bars.add_column(no_wrap=True)
    scale = max(r.net_equity, r.initial, r.maintenance)
    side = LOSS if r.excess_maintenance < 0 else "yellow" if r.excess_initial < 0 else "green"
    for name, amount, style in (
        ("net equity", r.net_equity, side),
        ("initial margin", r.initial, GAIN),
        ("maintenance (the line)", r.maintenance, "magenta"),
    ):
        bars.add_row(name, money(amount, r.currency, 2), Bar(amount, scale, 34, style))
    words = Text("health ")
    words.append(health_words(r.health), style=f"bold {side}")
    words.append("  = net equity / maintenance", style=QUIET)
    free = Text(f"free above initial margin {money(r.excess_initial, r.currency, 2)}")
    if r.excess_maintenance < 0:
        free = Text(f"below the line by {money(-r.excess_maintenance, r.currency, 2)}: liquidation", style=side)
    elif r.excess_initial < 0:
        free = Text(f"short of initial margin by {money(-r.excess_initial, r.currency, 2)}: no new risk", style=side)
    return [bars, words, free, Text("")]


def _components(r: Requirement) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("component", no_wrap=True, max_width=38, overflow="ellipsis")
    for heading in (f"initial {r.currency}", f"maintenance {r.currency}"):
        table.add_column(heading, justify="right")
    table.add_column("rule is")
    for c in r.components:
        style = QUIET if c.initial == 0 and c.maintenance == 0 else "none"
        table.add_row(
            c.title, number(c.initial, r.currency, 2), number(c.maintenance, r.currency, 2), c.evidence, style=style
        )
    table.add_row("total", number(r.initial, r.currency, 2), number(r.maintenance, r.currency, 2), "", style=STRONG)
    return table


def _binding(r: Requirement) -> list[RenderableType]:
    lines: list[RenderableType] = [Text("")]
    for b in r.binding:
        line = Text(f"{b.underlying} is set by ")
        line.append(b.label, style=STRONG)
        line.append(f": {money(b.pnl, r.currency, 2)}" if b.pnl else "")
        lines.append(line)
    return lines


def _pools(r: Requirement) -> list[RenderableType]:
    """What stands or falls by itself, where the account has isolated positions."""
    if not r.pools:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("pool", no_wrap=True, max_width=30, overflow="ellipsis")
    for heading in (f"set apart {r.currency}", "equity", "initial", "maintenance", "health"):
        table.add_column(heading, justify="right", no_wrap=True)
    for p in r.pools:
        table.add_row(
            p.subject,
            "-" if p.margin is None else number(p.margin, r.currency, 2),
            *(number(x, r.currency, 2) for x in (p.equity, p.initial, p.maintenance)),
            "-" if p.health is None else f"{p.health:,.2f}",
            style=LOSS if p.equity < p.maintenance else "none",
        )
    return [Text(""), table]


def contributions(r: Requirement, top: int = 10) -> Table:
    """The positions by the size of their share of the initial margin; negative shares are relief."""
    ranked = sorted(r.shares, key=lambda s: (-abs(s.initial), s.subject))
    shown, rest = ranked[:top], ranked[top:]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("position", no_wrap=True, max_width=30, overflow="ellipsis")
    table.add_column(f"share of initial {r.currency}", justify="right", no_wrap=True)
    table.add_column("")
    scale = max((abs(s.initial) for s in shown), default=0.0)
    for s in shown:
        table.add_row(
            Text(s.subject),
            signed(s.initial, r.currency),
            Bar(abs(s.initial), scale, 18, LOSS if s.initial > 0 else GAIN),
        )
    if rest:
        table.add_row(f"{len(rest)} more", signed(sum(s.initial for s in rest), r.currency), "", style=QUIET)
    return table


REASONS = 4
"""Different reasons for having no number that are printed; where there are more, the rule sets are only named."""


def _refusals(refused: Sequence[Row], computed: int) -> list[RenderableType]:
    """Why rule sets have no number: each reason with those that give it; where reasons are many, only the names, and
    the commonest reason where no rule set has a number.
    """
    told: dict[str, list[str]] = {}
    for row in refused:
        told.setdefault(row.refusal, []).append(row.label)
    if len(told) <= REASONS:
        return [Text(f"{', '.join(names)}: no number. {reason}") for reason, names in told.items()]
    names = ", ".join(dict.fromkeys(row.pack.name for row in refused))
    found: list[RenderableType] = []
    if not computed:
        reason = max(told, key=lambda r: len(told[r]))
        found.append(Text(f"no number under any rule set; {len(told[reason])} of {len(refused)} say: {reason}"))
    return [*found, Text(f"no number under {names}: --rules with one of them, or --json, says why", QUIET)]


def evidence_parts(row: Row) -> dict[str, float]:
    """Parts of what was added up to the initial margin by how well its rule is known; see `by_evidence`."""
    return by_evidence(() if row.requirement is None else row.requirement.components, "initial")


def comparison_view(comparison: Comparison) -> RenderableType:
    """One line for each rule set; below it what bound it, how well it is known, or why there is no number."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("rules", overflow="fold")
    for heading in ("initial", "maint.", "net equity", "health", "netting"):
        table.add_column(heading, justify="right", no_wrap=True)
    below: list[RenderableType] = []
    cheapest = comparison.cheapest
    refused = [row for row in comparison.rows if row.requirement is None]
    for row in comparison.rows:
        name = Text(row.label + ("*" if row.translated else ""))
        if row is cheapest:
            name.append(" <", style="bold green")
        line = Text(f"{row.label}: ")
        r = row.requirement
        if r is None:
            if len(refused) <= REASONS:
                table.add_row(name, "-", "-", "-", "-", "-", style=QUIET)
            continue
        side = LOSS if not row.above else "yellow" if r.excess_initial < 0 else "green"
        table.add_row(
            name,
            number(r.initial, r.currency) + ("" if is_dollar(r.currency) else f" {r.currency}"),
            number(r.maintenance, r.currency),
            number(r.net_equity, r.currency),
            Text("-" if row.health is None else f"{row.health:,.2f}", style=side),
            "-" if row.netting is None else percent(-row.netting),
        )
        line.append(f"{row.currency}, set by {row.binding or 'nothing'}")
        told = in_words(evidence_parts(row))
        if told:
            line.append(f"; evidence {told}")
        below.append(line)
        below += [Text(f"  {note}", QUIET) for note in row.notes[row.translated :]]
        below += [Text(f"  {f.subject}: {f.message} ({f.effect})", "yellow") for f in row.failures]
    below += _refusals(refused, len(comparison.computed))
    # the first note of a translated row tells of the translation, often in the same words for several
    below += [Text(f"* {n}", QUIET) for n in dict.fromkeys(r.notes[0] for r in comparison.rows if r.translated)]
    explain = (
        "health = net equity / maintenance, of the weakest pool where there are several: above 1 is above the line\n"
        "netting = initial margin against that of every position alone"
    )
    if cheapest is not None and cheapest.cost is not None:
        explain += f"\n< cheapest here, of those that leave the account above the line: {money(cheapest.cost, 'USD')}"
    return Group(table, Text(explain, QUIET), Text(""), *below)


def surface_view(surface: Surface, bindings: Sequence[Binding] = (), width: int = WIDTH) -> RenderableType:
    """P&L in rows of price moves and columns of volatility shocks, one table for each day.

    The cell nearest to each binding scenario stands in brackets in the table of the first day; what lies outside the
    grid is named below. Wide grids are cut into blocks of columns that fit `width`.
    """
    size, unit = scale_of(surface.pnl.ravel().tolist())
    marked, lines = _marks(surface, bindings)
    parts: list[RenderableType] = []
    block = max(1, (width - 7) // 8)
    for d, day in enumerate(surface.days):
        label = f"after {day:g} day{'' if day == 1 else 's'}" if day else "now"
        money_unit = f"${unit}" if surface.currency == "usd" else f"{unit} settlement currency".strip()
        parts.append(Text(f"P&L {label}, {money_unit} (rows: price move, columns: volatility shock)", style=STRONG))
        for first in range(0, surface.vols.size, block):
            columns = range(first, min(first + block, surface.vols.size))
            parts.append(_grid(surface, d, columns, size, marked if d == 0 else set()))
        parts.append(Text(""))
    day, vol, move, worst = surface.worst()
    when = f" after {day:g} d" if day else ""
    parts.append(Text(f"worst cell: {exact_percent(move)} iv {exact_percent(vol)}{when}: {money(worst, 'USD')}"))
    return Group(*parts, *lines, *_remarks((), surface.failures))


def _grid(surface: Surface, day: int, columns: range, size: float, marked: set[tuple[int, int]]) -> Table:
    table = Table(box=None, padding=0, pad_edge=False)
    table.add_column("", justify="right", min_width=7)
    for v in columns:
        table.add_column(exact_percent(float(surface.vols[v])), justify="right", min_width=8, no_wrap=True)
    for m, move in enumerate(surface.moves):
        cells = []
        for v in columns:
            value = float(surface.pnl[day, v, m]) / size
            text = f"{value:,.1f}" if size > 1 or abs(value) < 1000 else f"{value:,.0f}"
            text = "0.0" if text == "-0.0" else text
            hit = (v, m) in marked
            style = LOSS if text.startswith("-") else GAIN if text != "0.0" else QUIET
            cells.append(Text(f"[{text}]" if hit else f"{text} ", style=f"bold reverse {style}" if hit else style))
        table.add_row(exact_percent(float(move)), *cells)
    return table


def _marks(surface: Surface, bindings: Sequence[Binding]) -> tuple[set[tuple[int, int]], list[RenderableType]]:
    marked: set[tuple[int, int]] = set()
    lines: list[RenderableType] = []
    for b in bindings:
        name, point = f"{b.underlying} {b.label}", scenario_point(b.label)
        where = "is no point of this grid"
        if point is not None:
            axes = zip((surface.moves, surface.vols), point, strict=True)
            inside = all(axis[0] - 1e-12 <= x <= axis[-1] + 1e-12 for axis, x in axes)
            where = "lies outside the grid"
            if inside:
                m = int(np.argmin(np.abs(surface.moves - point[0])))
                v = int(np.argmin(np.abs(surface.vols - point[1])))
                marked.add((v, m))
                close = abs(surface.moves[m] - point[0]) + abs(surface.vols[v] - point[1]) < 1e-9
                where = "in brackets" if close else "nearest cell in brackets"
        lines.append(Text(f"binding: {name} ({where}), P&L with its weight {money(b.pnl, 'USD')}"))
    return marked, lines


def _remarks(notes: Sequence[str], failures: Sequence[Failure]) -> list[RenderableType]:
    lines: list[RenderableType] = [Text(f"note: {n}", QUIET) for n in notes]
    lines += [Text(f"{f.effect}: {f.subject}: {f.message}", "yellow") for f in failures]
    return [Text(""), *lines] if lines else []


def _short_hash(text: str) -> str:
    return text.removeprefix("sha256:")[:12]


def demo_view(report: Report) -> RenderableType:
    """The whole story of one account: comparison, the line(s), and the rule set shown in full."""
    account, market = report.account, report.market
    held = Text(account.name or "account", style=STRONG)
    kinds: dict[str, int] = {}
    for p in account.positions:
        kind = market.contracts[p.instrument].kind
        kinds[kind] = kinds.get(kind, 0) + 1
    names = {"option": "options", "perpetual": "perpetuals", "future": "futures", "spot": "spot holdings"}
    what = ", ".join(f"{n} {names.get(k, k + 's') if n > 1 else k}".replace("_", " ") for k, n in kinds.items())
    cash = ", ".join(f"{amount:,g} {asset}" for asset, amount in account.collateral.items())
    lines = [Text(f"{what}; collateral {cash or 'none'}; {format_instant(market.time)}")]
    if market.source:
        lines.append(Text(f"market: {market.source}", QUIET))
    return Group(
        held,
        *lines,
        _heading("The same account under every rule set"),
        comparison_view(report.comparison),
        _heading("How far it is from the line"),
        lines_view(tuple(report.lines.values())),
        _heading(f"Why: {report.lead.rules} in full"),
        requirement_view(report.requirement, title=False),
    )


def _heading(text: str) -> RenderableType:
    return Group(Text(""), Text(text, style="bold underline"), Text(""))
