"""Capital efficiency as tables: the factors, all books together, and those with no saving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from plimsoll.report.amounts import short_money
from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.validate.efficiency import Efficiency, Way

MOST = 12
AGAINST: tuple[Way, ...] = ("cross", "isolated")


def efficiency_view(found: Efficiency, told: str) -> RenderableType:
    """What is printed."""
    head = Text(
        f"{found.rules}: {len(found.books)} books at equal coverage, {found.level:.2%} exceptions", style="bold"
    )
    table = columns("way", "exceptions", "factor", "margin as ruled", "at equal coverage", "capital")
    for way, factor in found.factors.items():
        sums = (short_money(found.total(way, x)) for x in ("raw", "initial", "capital"))
        table.add_row(way, f"{found.raw_exceptions[way]:.2%}", f"{factor:.3f}", *sums)
    saved = columns("the portfolio saves", "as ruled", "at equal coverage", "capital", "books without")
    for way in AGAINST:
        shares = [signed_part(found.saved(way, x)) for x in ("raw", "initial", "capital")]
        saved.add_row(f"against {way}", *shares, f"{len(found.without_saving(way))} of {len(found.books)}")
    parts: list[RenderableType] = [head, told, *found.notes, "", table, "", saved, "", _books(found)]
    for way in AGAINST:
        rows = found.without_saving(way)
        if rows:
            none = columns(f"no saving against {way}", "positions", "saved")
            for book in rows[:MOST]:
                none.add_row(book.name, f"{book.positions}", signed_part(book.saved[way]))
            parts += ["", none]
            if len(rows) > MOST:
                parts += [f"and {len(rows) - MOST} more (--json)"]
        else:
            parts += ["", f"every book saves against {way}"]
    parts += [f"left out: {name}: {reason}" for name, reason in found.left_out.items()]
    return Group(*parts)


def _books(found: Efficiency) -> RenderableType:
    table = columns("book", "margin", "cross", "isolated", "used", "return", "saved")
    for book in found.books[:MOST]:
        own = book.ways["portfolio"]
        sums = [short_money(book.ways[w].initial) for w in ("portfolio", "cross", "isolated")]
        used = "none" if own.utilisation is None else f"{own.utilisation:.0%}"
        table.add_row(book.name, *sums, used, signed_part(own.returns), signed_part(book.saved["isolated"]))
    return table


def signed_part(part: float | None) -> str:
    """A part with its sign, in per cent."""
    return "none" if part is None else f"{part:+.0%}"
