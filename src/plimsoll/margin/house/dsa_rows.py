"""DSA's rows kept hot: a contract is revalued at the nodes of the box when an account that holds it is margined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.margin.house.dsa_many import DsaTables
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables, put
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe

if TYPE_CHECKING:
    from plimsoll.margin.house.dsa import Dsa

ROWS = ("value", "delta", "worth")
BOX_ROWS = ("unit", "errors", "size", "expansion")
FLOOR = ("net delta charge", "minimum delta charge")


class DsaRows(RowTables):
    """The tables of DSA over all contracts.

    A row costs 845 values and 768 bounds, so a touched one is only marked, and computed when somebody who holds it is
    margined. No bound is known: the charge jumps by up to the tolerance where the expansion gives way to the
    revaluation, so that every touched account is margined.
    """

    MARKET = False

    def __init__(self, model: Dsa, universe: Universe) -> None:
        self.model, self.universe = model, universe
        self.tables = DsaTables.of(model.parameters, model.box, universe)
        self.stale = np.zeros(len(universe.plan), dtype=bool)

    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """See `RowTables`: the rows are marked."""
        self.universe = universe
        self.stale[slice(None) if rows is None else rows] = True

    def amounts(self, lots: Lots) -> Amounts:
        """See `RowTables`."""
        self._fresh(lots)
        return self.tables.amounts(lots)

    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """See `RowTables`."""
        more, odd = money.after_haircuts(self.model.parameters.haircuts)
        return found.equity + more, odd

    def binding(self, lots: Lots) -> list[str]:
        """See `RowTables`: the underlying that is charged most, and which of its terms; the box without its point."""
        self._fresh(lots)
        books, box, floors = self.tables.terms(lots)
        charge = np.array([box, *floors])
        core, kinds = charge.max(axis=0, initial=0.0), charge.argmax(axis=0)
        words = ["no loss"] * lots.accounts
        order = np.lexsort((core, books.account))
        last = order[np.append(books.account[order][1:] != books.account[order][:-1], True)] if order.size else order
        for r in last[core[last] > 0.0].tolist():
            underlying = lots.universe.underlyings[int(lots.universe.underlying[lots.item[books.start[r]]])]
            words[int(books.account[r])] = f"{underlying} {('worst of the box', *FLOOR)[int(kinds[r])]}"
        return words

    def _fresh(self, lots: Lots) -> None:
        """Compute the marked rows of a block."""
        held = np.zeros(self.stale.size, dtype=bool)
        held[lots.item] = True
        rows = np.flatnonzero(held & self.stale).astype(np.int64)
        if rows.size:
            fresh = DsaTables.of(self.model.parameters, self.model.box, self.universe.part(rows))
            put(self.tables, rows, fresh, ROWS)
            put(self.tables.box, rows, fresh.box, BOX_ROWS)
            self.stale[rows] = False
