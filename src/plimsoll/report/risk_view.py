"""Results of the risk engine as tables for a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import money, short_money

if TYPE_CHECKING:
    from plimsoll.risk.engine import RiskResult
    from plimsoll.risk.measures import Estimate

STRONG, QUIET, WARNING = "bold", "dim", "yellow"

POSITIONS = 8
"""Positions that the details name; the rest are one line."""


def with_error(estimate: Estimate) -> str:
    """`$77.7k ± 8.4k`."""
    known = math.isfinite(estimate.standard_error)
    error = short_money(estimate.standard_error).removeprefix("$") if known else "?"
    return f"{short_money(estimate.value)} ± {error}"


def risk_view(results: Sequence[RiskResult], head: str) -> RenderableType:
    """All models side by side; one alone with its components, scenarios and shares."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("model", no_wrap=True)
    for heading in ("charge", "VaR", "ES"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("scenarios", justify="right", no_wrap=True)
    for r in results:
        table.add_row(
            r.model.name,
            Text(with_error(r.charge), STRONG),
            with_error(r.var),
            with_error(r.es),
            f"{r.losses.size:,}",
        )
    levels = {(r.model.level, r.model.horizon_days) for r in results}
    words = " · ".join(f"{level:.4g} over {_days(days)}" for level, days in sorted(levels))
    title = Text(f"Tail risk, {words}", STRONG)
    title.append(f"\n{head}", QUIET)
    parts: list[RenderableType] = [title, Text(""), table]
    if len(results) == 1:
        parts += _details(results[0])
    said: dict[str, list[str]] = {}
    for r in results:
        for note in r.notes:
            said.setdefault(note, []).append(r.model.name)
    if said:
        parts.append(Text(""))
    for note, names in said.items():
        who = "" if len(names) == len(results) else f"{', '.join(names)}: "
        parts.append(Text(f"{who}{note}", WARNING if "proxy" in note else QUIET))
    return Group(*parts)


def _days(days: float) -> str:
    return f"{days:g} d" if days >= 1.0 else f"{days * 24.0:g} h"


def _details(r: RiskResult) -> list[RenderableType]:
    components = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    components.add_column("of which", overflow="fold")
    components.add_column("", justify="right", no_wrap=True)
    components.add_column("±", justify="right", no_wrap=True)
    for c in r.components:
        components.add_row(c.title, money(c.value, "USD"), money(c.standard_error, "USD"))
    parts: list[RenderableType] = [Text(""), components]
    if r.tail is not None:
        low, high = r.tail.var_interval
        parts.append(
            Text(
                f"tail: {r.tail.fit.count} losses beyond {short_money(r.tail.threshold)}, xi {r.tail.fit.xi:.2f} ± "
                f"{r.tail.xi_error:.2f}; VaR {short_money(low)} to {short_money(high)} (95 %)",
                QUIET,
            )
        )
    scenarios = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    scenarios.add_column("scenario that sets it", overflow="fold")
    scenarios.add_column("loss", justify="right", no_wrap=True)
    for b in r.binding[:5]:
        scenarios.add_row(b.label, money(b.loss, "USD"))
    shares = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    shares.add_column("position", no_wrap=True)
    shares.add_column("share of the charge", justify="right", no_wrap=True)
    ranked = sorted(zip(r.names, r.shares.tolist(), strict=True), key=lambda s: (-abs(s[1]), s[0]))
    for name, value in ranked[:POSITIONS]:
        shares.add_row(name, money(value, "USD"))
    rest = ranked[POSITIONS:]
    if rest:
        shares.add_row(f"{len(rest)} more", money(sum(v for _, v in rest), "USD"), style=QUIET)
    return [*parts, Text(""), scenarios, Text(""), shares]
