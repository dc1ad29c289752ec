"""Capital of a desk as tables: margin, what lies beside it, what lies idle, and how it held on fresh paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.report.amounts import short_money

if TYPE_CHECKING:
    from plimsoll.optimise.variation import DeskCapital, VenueCapital
    from plimsoll.optimise.variation.change import CapitalChange

STRONG, QUIET = "bold", "dim"


def capital_view(found: DeskCapital, told: tuple[str, ...]) -> RenderableType:
    """One row for each venue."""
    head = Text(f"capital {short_money(found.capital)}", STRONG)
    head.append(f": margin {short_money(found.initial)}, buffer {short_money(found.buffer)}", "none")
    table = _table("venue", "transfer", "margin", "buffer", "of it", "capital", "error", "idle", "short now")
    for v in found.venues:
        share = f"{100.0 * v.buffer / v.initial:.0f} %" if v.initial > 0.0 else ""
        table.add_row(v.name or "book", f"{v.hours:g} h", *_amounts(v), share, *_rest(v))
    where = "anywhere" if found.joint else "at each venue"
    anywhere = f"probability {100.0 * found.p:g} % {where}; of a breach anywhere {_percent(found.anywhere)}"
    parts: list[RenderableType] = [head, Text(""), table, Text(f"{anywhere} ± {_percent(found.anywhere_error)}")]
    parts += [Text(line, QUIET) for line in told]
    missing = [v for v in found.venues if v.idle < 0.0]
    if missing:
        names = ", ".join(f"{v.name or 'book'} {short_money(-v.idle)}" for v in missing)
        parts.insert(3, Text(f"missing: {names}", "yellow"))
    return Group(*parts)


def change_view(found: CapitalChange, told: tuple[str, ...]) -> RenderableType:
    """Two rows for each venue, before and after, and the tests on fresh paths."""
    head = Text(f"capital {short_money(found.before.capital)} → {short_money(found.after.capital)}", STRONG)
    head.append(f" at {100.0 * found.after.p:g} %; on fresh paths {short_money(found.fresh_relief)} freed", "none")
    table = _table("venue", "", "margin", "buffer", "capital", "error", "idle", "short now")
    for old, new in zip(found.before.venues, found.after.venues, strict=True):
        table.add_row(new.name or "book", "before", *_amounts(old), *_rest(old), style=QUIET)
        table.add_row(f"{new.hours:g} h", "after", *_amounts(new), *_rest(new))
    fresh = _table("fresh paths", "breach", "± error", "chance", "of money", "after", "chance")
    for p in found.proofs:
        fresh.add_row(
            p.name or "book",
            _percent(p.breach),
            _percent(p.error),
            f"{p.above_p:.2f}",
            _percent(p.money[0]),
            _percent(p.money[1]),
            f"{p.above_before:.2f}",
        )
    verdict = Text("HELD OUT: on fresh paths no more breaches than allowed, and no less than nothing saved", "green")
    if not found.holds:
        verdict = Text("NOT HELD OUT: on fresh paths this breaks more often, or saves nothing", "red")
    rest = [Text(line, QUIET) for line in told]
    return Group(head, Text(""), table, Text(""), fresh, verdict, *rest)


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for k, name in enumerate(names):
        table.add_column(name, justify="left" if k == 0 or not name else "right", no_wrap=k > 0)
    return table


def _amounts(v: VenueCapital) -> tuple[str, str]:
    return short_money(v.initial), short_money(v.buffer)


def _rest(v: VenueCapital) -> tuple[str, str, str, str]:
    return short_money(v.capital), short_money(v.error), short_money(v.idle), _percent(v.breach_now)


def _percent(x: float) -> str:
    return f"{100.0 * x:.2f} %"
