"""What the account page computes elsewhere: the surface, the line, other rule sets; documents in, plain values out."""

from __future__ import annotations

from typing import Any

import numpy as np

from plimsoll.documents import DocumentError
from plimsoll.margin import Account, MarginModel, Requirement, margin_model
from plimsoll.market import Market
from plimsoll.report.amounts import exact_percent, money
from plimsoll.report.bundle import DAYS, VOLS, marks_of, surface_of
from plimsoll.report.line_figure import line_figure
from plimsoll.report.lines import line_words
from plimsoll.report.surface_figure import surface_figure
from plimsoll.serve.dashboard.clean_svg import clean_svg

SPAN, STEPS = 0.4, 40
"""Moves of the surface, to both sides, and how many."""

LOW, HIGH, POINTS = 0.4, 1.6, 40
"""Where lines are looked for, and on how many points at first."""


def requirement_of(rules: str, account: Account, market: Market) -> Requirement:
    """The requirement document; an instrument that cannot be valued is carried at its worse bound and named."""
    return margin_model(rules).requirement(account, market, "conservative")


def surface_of_account(rules: str, account: Account, market: Market) -> dict[str, Any]:
    """The P&L surface as a figure with the binding scenario marked, and the worst cell in words."""
    model = margin_model(rules)
    requirement = model.requirement(account, market, "conservative")
    bindings = marks_of(model.rules, requirement)
    moves = np.round(np.linspace(-SPAN, SPAN, STEPS + 1), 12) + 0.0
    found = surface_of(model, account, market, moves, VOLS, DAYS)
    day, vol, move, pnl = found.worst()
    later = f" after {day:g} days" if day else " at once"
    return {
        "svg": clean_svg(
            surface_figure(found, bindings), "surface", "Profit and loss over price move and volatility shock"
        ),
        "worst": f"{money(pnl, 'USD')} at {exact_percent(move)} and volatility {exact_percent(vol)}{later}",
        "binding": [f"{b.underlying} {b.label}".strip() for b in requirement.binding],
    }


def line_of_account(rules: str, account: Account, market: Market) -> dict[str, Any]:
    """Equity and maintenance margin against the price as a figure, and each line."""
    from plimsoll.liquidation import liquidation

    model = margin_model(rules)
    quick = type(model).along is not MarginModel.along
    found = liquidation(model, account, market, low=LOW, high=HIGH, points=POINTS, kinks=not quick)
    return {
        "svg": clean_svg(line_figure(found), "line", "Net equity and maintenance margin over the price move"),
        "words": line_words(found),
        "lines": [line.to_dict() for line in found.lines],
        "above": found.above,
        "notes": list(found.notes),
    }


def venues_of_account(_rules: str, account: Account, market: Market) -> list[dict[str, Any]]:
    """What the same account needs under every rule set in force, by margin mode; those without a number last."""
    from plimsoll.margin.compare import compare

    rows = []
    for row in compare(account, market, standalone=False).rows:
        need = row.requirement
        rows.append(
            {
                "label": row.label,
                "mode": row.mode,
                "currency": row.currency,
                "translated": row.translated,
                "refusal": row.refusal,
                "initial": None if need is None else need.initial,
                "maintenance": None if need is None else need.maintenance,
                "equity": None if need is None else need.net_equity,
                "health": None if need is None else need.health,
                "dollars": None if need is None else need.initial * row.dollars,
                "components": [] if need is None else [
                    (c.title, c.initial, c.maintenance, c.evidence) for c in need.components
                ],
            }
        )  # fmt: skip
    return sorted(rows, key=lambda r: (r["dollars"] is None, r["dollars"] or 0.0))


def words_of(error: DocumentError) -> str:
    """A refusal in a line or two."""
    return "; ".join(str(p) for p in error.problems[:3])
