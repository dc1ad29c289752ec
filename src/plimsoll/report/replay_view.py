"""The replay of 10 October 2025 as tables and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import short_money
from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.laboratory.replay.calibration import Interval
    from plimsoll.laboratory.replay.run import Replay

STRONG, QUIET, BAD = "bold", "dim", "red"
MOST_ASSETS = 6
"""Assets that the tables name, the largest; the rest are in the JSON and in what is told of all."""

UNMATCHED = ("not among the outcomes: taken as neither flag", "outcomes of positions that are not here")
"""Of `Positions.traps`, what a second file of flags does not share with the first."""

UNDECIDED = (
    "the path: the file has neither times nor fills. The overshoot of a close is how far the mark fell after it and "
    "before it is judged, so the rounds and the horizon decide it, not the flags",
    "sizes: what was closed is known only as a gain; the distance to the entry is drawn, and with it the lots",
    "whole positions or lots: by the rule as told the former, by those flagged and still open not always",
    "leverage of the winners: no flag tells it; it is taken as that of the losers",
    "who was not touched: only accounts that traded, or were closed, in these minutes are in the file",
    "cross margin: a short can be liquidated in profit because of a loss elsewhere, which the file does not show",
)


def replay_view(found: Replay) -> RenderableType:
    """What was read, how good the fit is, what each rule takes, what the answer hangs on."""
    head = Text(f"{found.positions:,} positions of {found.accounts:,} accounts", style=STRONG)
    flags = "flags from the file" if found.flags == "file" else "no flags: drawn from the fit"
    head.append(f", {len(found.assets)} assets, {flags}; fit: {found.fitted}; seed {found.seed}", style="none")
    parts: list[RenderableType] = [head, Text(""), _marks(found)]
    if found.calibration:
        parts += [Text(""), Text("the fit on accounts that it has not seen", style=STRONG), _calibration(found)]
    if found.pointed:
        parts += [Text(""), _pointed(found)]
    if found.flags == "fit":
        parts += [Text(""), Text("flags as the fit expects them", style=STRONG), _shares(found)]
    parts += [
        Text(""),
        Text("what each rule takes, over what the venue's queue closed", style=STRONG),
        _outcomes(found),
    ]
    low, high = found.published
    parts += [
        Text(f"published for the whole venue: overshoot {low:.2%} to {high:.2%} of what was closed", QUIET),
        Text(""),
        Text("the overshoot when one assumption changes, all assets", style=STRONG),
        _sensitivity(found),
        Text(""),
        Text("what the file cannot decide", style=STRONG),
        *(Text(f"- {line}", QUIET) for line in UNDECIDED),
    ]
    parts += [Text(f"{n:,} {what}", BAD) for what, n in found.traps.items() if what in UNMATCHED and n]
    if found.made < found.draws:
        parts.append(Text(f"{found.draws - found.made} of {found.draws} draws had nothing to replay", BAD))
    parts += [Text(f"{asset}: {found.skipped[asset]}", QUIET) for asset in found.largest if asset in found.skipped][
        :MOST_ASSETS
    ]
    if len(found.skipped) > MOST_ASSETS:
        parts.append(Text(f"and {len(found.skipped) - MOST_ASSETS} more", QUIET))
    return Group(*parts)


def told(i: Interval, digits: int = 2) -> str:
    """`0.37% (0.10 to 1.25)`; a dash where there is none."""
    if not math.isfinite(i.value):
        return "-"
    # what rounds to nothing has no sign
    value, low, high = (round(100.0 * x, digits) + 0.0 for x in (i.value, i.low, i.high))
    return f"{value:.{digits}f}% ({low:.{digits}f} to {high:.{digits}f})"


def _marks(found: Replay) -> Table:
    table = columns("marks, USD", "first", "lowest", "last", "fall", "known from")
    for asset in found.largest[:MOST_ASSETS]:
        m = found.marks[asset]
        table.add_row(asset, f"{m.start:,.6g}", f"{m.low:,.6g}", f"{m.end:,.6g}", f"{m.fall:.1%}", m.evidence)
    if len(found.marks) > MOST_ASSETS:
        table.add_row(f"and {len(found.marks) - MOST_ASSETS} more", style=QUIET)
    return table


def _calibration(found: Replay) -> Group:
    table = columns("flag", "positions", "Brier", "plain share", "gain (90 %)")
    lines = []
    for c in found.calibration:
        gain = f"{c.gain.value:+.4f} ({c.gain.low:+.4f} to {c.gain.high:+.4f})"
        table.add_row(c.flag, f"{c.positions:,}", f"{c.brier:.4f}", f"{c.baseline:.4f}", gain)
        lines.append(f"{c.flag}: {c.verdict}")
    return Group(table, Text("; ".join(lines), QUIET))


def _pointed(found: Replay) -> Table:
    table = columns("of those named, deleveraged", "random", "production", "lift, points", wrap=True)
    for p in sorted(found.pointed, key=lambda p: found.largest.index(p.asset))[:MOST_ASSETS]:
        by = p.production_lift
        lift = f"{100 * by.value:+.1f} ({100 * by.low:+.1f} to {100 * by.high:+.1f})"
        table.add_row(f"{p.asset} shorts ({p.positions:,})", f"{p.random.value:.1%}", f"{p.production.value:.1%}", lift)
    return table


def _shares(found: Replay) -> Table:
    table = columns("asset, side", "liquidated", "deleveraged")
    for asset in found.largest[:MOST_ASSETS]:
        for side in ("long", "short"):
            cells = [told(s.predicted, 1) for s in found.shares if s.asset == asset and s.side == side]
            if len(cells) == 2:
                table.add_row(f"{asset} {side}", *cells)
    return table


def _outcomes(found: Replay) -> Table:
    table = columns("", "needed", "overshoot (90 %)", "left to venue", wrap=True)
    named = [a for a in found.largest if any(o.asset == a for o in found.outcomes)]
    for asset in (*named[:MOST_ASSETS], "all"):
        for o in found.outcomes:
            if o.asset != asset:
                continue
            if o.policy == "production":
                closed = [short_money(x, "USD") for x in (o.notional.value, o.notional.low, o.notional.high)]
                closed_told = f"{closed[0]} ({closed[1]} to {closed[2]})"
                table.add_row(Text.assemble((asset, STRONG), ", closed:"), "", closed_told)
            left = told(o.left) if o.left.value else "-"
            table.add_row(f"  {o.policy}", f"{o.needed.value:.2%}", told(o.overshoot), left)
    return table


def _sensitivity(found: Replay) -> Table:
    table = columns("changed", "production (90 %)", "queue by lots (90 %)", wrap=True)
    for v in found.sensitivity:
        table.add_row(v.what, told(v.production), told(v.by_lots))
    return table


def replay_json(found: Replay) -> dict[str, Any]:
    """Plain JSON values; a number that there is not is null. Ratios are over what the venue's queue closed."""
    body = {
        name: getattr(found, name)
        for name in (
            "source",
            "positions",
            "accounts",
            "assets",
            "seed",
            "draws",
            "made",
            "flags",
            "fitted",
            "marks",
            "traps",
            "shares",
            "calibration",
            "pointed",
            "outcomes",
            "sensitivity",
            "ranked",
            "skipped",
        )
    }
    published = {"source": "arXiv 2602.15182, table 1", "low": found.published[0], "high": found.published[1]}
    plain: dict[str, Any] = _plain(
        {**body, "level": 0.9, "published_overshoot": published, "undecided": UNDECIDED, "fit": found.fit.to_dict()}
    )
    return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
