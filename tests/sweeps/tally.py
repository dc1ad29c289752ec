"""Runs every shipped pack on a book, and adds up what came of it for the page."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from plimsoll.documents import DocumentError
from plimsoll.margin import MarginModel, Requirement, Rules, margin_model, shipped_packs
from sweeps.books import Book, refusals
from sweeps.compared import Compared, adds_up
from sweeps.deribit import against_pm, against_pmc, against_sm
from sweeps.derive import against_pmrm1, against_pmrm2, against_srm
from sweeps.house import against_dsa, against_prbm

AGAINST: dict[str, Callable[[MarginModel, Book, Compared], Requirement]] = {
    "prbm": against_prbm,
    "dsa": against_dsa,
    "derive-srm": against_srm,
    "derive-pmrm1": against_pmrm1,
    "derive-pmrm2": against_pmrm2,
    "deribit-sm": against_sm,
    "deribit-pm": against_pm,
    "deribit-pm-contingency": against_pmc,
}
"""Model to the comparison with its twin."""

REASON = re.compile(r"\((\w+)\)")

RULES = (
    "| rules | offered | compared | amounts | largest difference | refused |\n"
    "| --- | ---: | ---: | ---: | ---: | --- |\n"
)
BOUNDS = "| DSA, books of | cores | revalued | bound over error: median | most |\n| --- | ---: | ---: | ---: | ---: |\n"
HEALTH = "| book | accounts | least health | median | most |\n| --- | ---: | ---: | ---: | ---: |\n"


@dataclass
class Row:
    """One pack: the books it was offered, what was compared, and why the others were refused."""

    offered: int = 0
    compared: int = 0
    seen: Compared = field(default_factory=Compared)
    refused: Counter[str] = field(default_factory=Counter)

    def cells(self) -> str:
        """The row of the page, without its name."""
        why = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.refused.items()))
        return (
            f"{self.offered:,} | {self.compared:,} | {self.seen.amounts:,} | {power_of_ten(self.seen.largest)} | {why}"
        )


APART = frozenset(
    {
        *("prbm-whole", "span", "span-arrays", "lending"),
        *("binance-usdm", "binance-coinm", "binance-pm", "binance-options"),
        *("okx-pm", "okx-options", "okx-futures", "okx-margin"),
        *("bybit-uta", "bybit-pm"),
        *("hyperliquid-perps", "hyperliquid-pm", "paradex-pm", "paradex-xm", "aevo-sm", "aevo-pm"),
        *("dydx-v4", "drift", "synthetix-v3", "opyn-naked", "opyn-spread", "gmx-v2"),
    }
)
"""Models that are held to their twins on random books in tests/margin, not on the snapshots, which are Deribit's."""


def swept_packs() -> list[Rules]:
    """Every shipped pack but those of `APART`."""
    return [pack for pack in shipped_packs() if pack.model not in APART]


class Tally:
    """Every shipped pack against its twin, book by book."""

    def __init__(self) -> None:
        self.models = [margin_model(pack) for pack in swept_packs()]
        self.rows = {m.rules.label: Row() for m in self.models}
        self.health: dict[str, list[float]] = {}

    def add(self, forms: Iterable[Book]) -> None:
        """All packs on one book in all its forms."""
        for book in forms:
            for model in self.models:
                self._one(model, book)

    def _one(self, model: MarginModel, book: Book) -> None:
        label = model.rules.label
        row = self.rows[label]
        row.offered += 1
        expected = refusals(label, book)
        if expected:
            row.refused[refused(model, book, expected)] += 1
            return
        if model.MODEL.startswith("deribit") and book.form == "coin":
            book = book.in_coin()
        found = AGAINST[model.MODEL](model, book, row.seen)
        adds_up(found)
        assert found.initial > 0.0
        assert found.health is not None
        row.compared += 1
        native = "linear" if model.MODEL.startswith("derive") else "coin"
        if book.kind == "one coin" and book.form == native:
            self.health.setdefault(f"{book.coins[0]}, {label}", []).append(found.health)

    def page(self) -> str:
        """The tables of the page."""
        rules = "".join(f"| {label} | {row.cells()} |\n" for label, row in self.rows.items())
        bounds = ""
        every = [c for row in self.rows.values() for c in row.seen.certified]
        for kind in dict.fromkeys(c.kind for c in every):
            found = [c for c in every if c.kind == kind]
            ratios = [c.bound / max(c.error, 1e-9) for c in found]
            revalued = sum(c.revalued for c in found)
            middle, most = statistics.median(ratios), max(ratios)
            bounds += f"| {kind} | {len(found):,} | {revalued:,} | {middle:.3f} | {most:.3f} |\n"
        health = "".join(
            f"| {label} | {len(h)} | {min(h):.2f} | {statistics.median(h):.2f} | {max(h):.2f} |\n"
            for label, h in sorted(self.health.items())
        )
        return f"{RULES}{rules}\n{BOUNDS}{bounds}\n{HEALTH}{health}"


def refused(model: MarginModel, book: Book, expected: set[str]) -> str:
    """That the model refuses the book for just these reasons; returns them in words."""
    with pytest.raises(DocumentError) as caught:
        model.requirement(book.account, book.market)
    reasons = {reason for problem in caught.value.problems for reason in REASON.findall(problem.got)}
    assert reasons == expected, f"{model.rules.label} on {book.coins} {book.form}: {sorted(reasons)}"
    return " + ".join(sorted(reasons))


def power_of_ten(number: float) -> str:
    """The number rounded up to a power of ten."""
    return f"1e{math.ceil(math.log10(number))}" if number > 0.0 else "0"
