"""Standard margin's rows kept hot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables, put
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe
from plimsoll.margin.venues.deribit.sm_many import SmTables
from plimsoll.margin.venues.deribit.sm_parameters import SmParameters
from plimsoll.margin.venues.deribit.sm_rows import UNDERLYING_READINGS

ROWS = ("coins", "price", "initial", "maintenance", "slope", "kept", "mark")


class SmRows(RowTables):
    """The tables of standard margin over all contracts, segregated; accounts in cross mode are the exact engine's.

    No bound is known: the charge of a future grows with the square of its size, so no number for one contract bounds
    what a position can have changed by. An account costs a dozen sums over its lots.
    """

    UNIT = "settlement"

    def __init__(self, parameters: SmParameters, universe: Universe) -> None:
        self.parameters = parameters
        self.tables = SmTables.of(parameters, universe)

    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """See `RowTables`."""
        if rows is None:
            self.tables = SmTables.of(self.parameters, universe)
        elif rows.size:
            fresh = SmTables.of(self.parameters, universe.part(rows))
            put(self.tables.unit, rows, fresh.unit, ROWS)
            self.tables.unit.short[:, rows] = fresh.unit.short

    def amounts(self, lots: Lots) -> Amounts:
        """See `RowTables`: an account without contracts has the currency of its money, which the exact engine finds."""
        found = self.tables.amounts(lots)
        return replace(found, odd=found.odd | (np.bincount(lots.account, minlength=lots.accounts) == 0))

    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """See `RowTables`: options count where they are owed, the balance in the settlement currency alone."""
        assert isinstance(found.currency, np.ndarray)
        return found.equity + money.by_own_currency(found.currency), np.zeros(len(money), dtype=bool)

    def binding(self, lots: Lots) -> list[str]:
        """See `RowTables`: the reading with the larger total."""
        initial = self.tables.initial(lots)
        currency = self.tables.amounts(lots).currency
        assert isinstance(currency, np.ndarray)
        sold = lots.sum((lots.universe.plan.option[lots.item] & (lots.quantity < 0)).astype(np.float64)) > 0.0
        reading = np.where(initial[1] > initial[0], UNDERLYING_READINGS[1], UNDERLYING_READINGS[0])
        return [
            f"{c} each position by itself" + (f"; short options against the {r}" if s else "")
            for c, r, s in zip(currency.tolist(), reading.tolist(), sold.tolist(), strict=True)
        ]
