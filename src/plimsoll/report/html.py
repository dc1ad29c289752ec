"""One self-contained HTML page: no network, no script, nothing beside the file."""

from __future__ import annotations

from typing import Any

import numpy as np

from plimsoll.documents import Document, format_instant
from plimsoll.margin.compare import Row
from plimsoll.margin.requirement import Binding, Requirement
from plimsoll.report import figures
from plimsoll.report.amounts import (
    exact_percent,
    health_words,
    money,
    number,
    percent,
    scale_of,
    scenario_point,
    short_money,
    signed,
)
from plimsoll.report.bundle import Report, marks_of
from plimsoll.report.lines import line_words
from plimsoll.report.smiles import PANELS, held_expiries
from plimsoll.scenarios import VolRule

TEMPLATE = "report.html.j2"


def render(report: Report) -> str:
    """The page as text. All text that comes from documents is escaped."""
    import plimsoll

    page: str = page_template(TEMPLATE).render(
        version=plimsoll.__version__,
        r=report,
        account_name=report.account.name or "account",
        time=format_instant(report.market.time),
        cards=[_card(report, row, i) for i, row in enumerate(report.comparison.computed)],
        pictures=_pictures(report),
        components=[(row, list(_of(row).components)) for row in report.comparison.computed],
        shares=sorted(report.requirement.shares, key=lambda s: (-abs(s.initial), s.subject)),
        grid=_grid(report),
        bound={f"{b.underlying} {b.label}" for b in report.bindings} | {b.label for b in report.bindings},
        smiles_left_out=max(0, len(held_expiries(report.account, report.market)) - PANELS),
        remarks=_remarks(report),
        sources=[(row.pack, _evidence(row)) for row in report.comparison.rows],
        hashes=_hashes(report),
        holdings=_holdings(report),
    )
    return page


def page_template(name: str) -> Any:
    """A page's template with escaping on and undefined names refused."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("plimsoll.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        money=money,
        number=number,
        short=short_money,
        percent=percent,
        exact=exact_percent,
        health=health_words,
        signed=signed,
    )
    return environment.get_template(name)


def _of(row: Row) -> Requirement:
    assert row.requirement is not None
    return row.requirement


def _marks(row: Row) -> tuple[Binding, ...]:
    """The binding scenarios that have a place on a surface."""
    return tuple(b for b in marks_of(row.pack, _of(row)) if scenario_point(b.label) is not None)


def _unmarked(row: Row) -> str:
    """The charges that set the requirement without being a move and a shock; they stand beside the surface."""
    names = dict.fromkeys(f"{b.underlying} {b.label}" for b in marks_of(row.pack, _of(row)) if b not in _marks(row))
    shown = list(names)[:3]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _law(rule: VolRule) -> str:
    """The tenor law of a volatility shock as a sentence."""
    if rule.short_power == rule.long_power == 0.0:
        return "the volatility shock is the same at every tenor"
    return (
        f"the volatility shock is that of {rule.reference_days:g} days; it falls with the power "
        f"{rule.short_power:g} of the tenor below and {rule.long_power:g} beyond"
    )


def _card(report: Report, row: Row, place: int) -> dict[str, Any]:
    """One model's answer and its gauge: where equity, initial margin and the line lie on one scale, in percent."""
    r = _of(row)
    top = max(r.net_equity, r.initial, r.maintenance) * 1.06 or 1.0
    state = "bad" if r.excess_maintenance < 0 else "tight" if r.excess_initial < 0 else "good"
    words = {
        "bad": "below the line: liquidation under these rules",
        "tight": "above the line, but short of initial margin: no new risk",
        "good": "above the line, and above initial margin",
    }
    return {
        "row": row,
        "r": r,
        "state": state,
        "words": words[state],
        "picture": f"line{place}",
        "surface": f"surface{place}",
        "unmarked": _unmarked(row),
        "law": _law(report.surfaces[row.label].vol_rule),
        "line": line_words(report.lines[row.label]),
        "equity_at": 100 * max(0.0, r.net_equity) / top,
        "initial_at": 100 * r.initial / top,
        "line_at": 100 * r.maintenance / top,
    }


def _pictures(report: Report) -> dict[str, Any]:
    """Every figure as inline SVG, marked as safe because this package wrote it and matplotlib escaped its text."""
    from markupsafe import Markup

    requirement = report.requirement
    drawn = {
        "models": (figures.model_figure(report.comparison), "Initial margin by rule set, stacked by component"),
        "shares": (figures.contribution_figure(requirement), "Share of each position in the initial margin"),
        "smiles": (figures.smile_figure(report.account, report.market), "Volatility smiles with the positions held"),
        "scenarios": (figures.scenario_figure(requirement), "Profit and loss in every scenario of the rule set"),
    }
    for i, (rules, lines) in enumerate(report.lines.items()):
        drawn[f"line{i}"] = (
            figures.line_figure(lines),
            f"Net equity and maintenance margin over the price move under {rules}",
        )
    for i, row in enumerate(report.comparison.computed):
        drawn[f"surface{i}"] = (
            figures.surface_figure(report.surfaces[row.label], _marks(row), (row.label,)),
            f"Profit and loss of the book over price move and volatility shock, {row.label}",
        )
    return {
        name: None if figure is None else Markup(figures.inline_svg(figure, name, text))
        for name, (figure, text) in drawn.items()
    }


def _grid(report: Report) -> dict[str, Any]:
    """Some cells of the surface, zero move and shock among them, as a table of numbers for each horizon."""
    s = report.surface
    size, unit = scale_of(s.pnl.ravel().tolist())
    rows, columns = slice(None, None, 4), slice(None, None, 2)
    tables = []
    for d, day in enumerate(s.days.tolist()):
        cells = (s.pnl[d][columns, rows].T / size).round(1) + 0.0
        body = [
            (exact_percent(move), [(f"{value:,.1f}", value < 0) for value in values])
            for move, values in zip(s.moves[rows].tolist(), cells.tolist(), strict=True)
        ]
        tables.append(("now" if day == 0 else f"after {day:g} day{'' if day == 1 else 's'}", body))
    day, vol, move, pnl = s.worst()
    return {
        "unit": f"${unit}",
        "columns": [exact_percent(v) for v in s.vols[columns].tolist()],
        "tables": tables,
        "worst": f"{money(pnl, 'USD')} at {exact_percent(move)} and volatility {exact_percent(vol)}"
        + (f" after {day:g} days" if day else " at once"),
        "edge": exact_percent(float(np.abs(s.moves).max())).lstrip("+"),
    }


def _remarks(report: Report) -> list[tuple[str, str]]:
    """Notes, failures and refusals of every rule set, as (rules, sentence)."""
    found: list[tuple[str, str]] = []
    for row in report.comparison.rows:
        if row.refusal:
            found.append((row.label, f"no number: {row.refusal}"))
        found += [(row.label, note) for note in row.notes]
        found += [(row.label, f"{f.subject}: {f.message} ({f.reason.value}, {f.effect})") for f in row.failures]
    for rules, surface in report.surfaces.items():
        found += [(f"surface, {rules}", f"{f.subject}: {f.message} ({f.effect})") for f in surface.failures]
    return found


def _evidence(row: Row) -> list[tuple[str, str]]:
    return [] if row.requirement is None else [(c.title, c.evidence) for c in row.requirement.components]


def _hashes(report: Report) -> list[tuple[str, str]]:
    documents: list[tuple[str, Document]] = [("account", report.account), ("market", report.market)]
    documents += {f"rules {row.label}": row.pack for row in report.comparison.rows}.items()
    return [(name, document.hash()) for name, document in documents]


def _holdings(report: Report) -> list[tuple[str, str, str, str]]:
    """Name, signed quantity, kind and entry price of every position."""
    rows = []
    for p in report.account.positions:
        contract = report.market.contracts[p.instrument]
        settled = getattr(contract, "settlement", None)
        kind = contract.kind.replace("_", " ")
        kind = kind if settled is None else f"{settled.value} {kind}"
        entry = "" if p.entry_price is None else money(p.entry_price, "USD", 2)
        rows.append((p.instrument, f"{p.quantity:+,g}", kind, entry))
    return rows
