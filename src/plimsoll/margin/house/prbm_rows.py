"""PRBM's rows kept hot, and how far any account can have moved since a reference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.margin.house.prbm_many import Cores, PrbmTables
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables, largest_move, most, put
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe

if TYPE_CHECKING:
    from plimsoll.margin.house.prbm import Prbm

ROWS = ("pnl", "value", "delta", "worth", "coins", "moves")
FLOORS = ("scenario", "minimum delta charge", "short-option floor")


class PrbmRows(RowTables):
    """The tables of PRBM over all contracts, and how far they are from a reference.

    ```
    reach = |d value| + max(scan, delta, short) + basis                              (USD, for one contract)
    scan  = max over s of w_s |d pnl_s|            delta = max(net |d (spot delta)|, |d worth|)
    short = short-option rate * coins * |d spot|   basis = factor * max |d moves|
    ```

    Each term of the margin is a largest or least of sums over lots in which one lot enters with a coefficient of at
    most its size, so it moves by no more than the sum of `|quantity| * reach`; a maximum moves by no more than the
    largest of what its members move by, and the maintenance margin, a part of at most one of it, by no more. The delta
    charge is a maximum over t of sums of `min(worth, rate_t |delta|)` with `|rate_t|` at most `net * spot`.
    """

    BOUNDED = True
    MARKET = False

    def __init__(self, model: Prbm, universe: Universe) -> None:
        self.model, self.universe = model, universe
        self.scenarios = model.scenarios()
        self.tables = self._of(universe)
        self.refer()

    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """See `RowTables`."""
        self.universe = universe
        if rows is None:
            self.tables = self._of(universe)
        elif rows.size:
            put(self.tables, rows, self._of(universe.part(rows)), ROWS)

    def amounts(self, lots: Lots) -> Amounts:
        """See `RowTables`."""
        return self.tables.amounts(lots)

    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """See `RowTables`."""
        more, odd = money.after_haircuts(self.model.parameters.haircuts)
        return found.equity + more, odd

    def values(self) -> F64 | None:
        """See `RowTables`."""
        return self.tables.value

    def told(self, lots: Lots) -> tuple[Amounts, list[str]]:
        """See `RowTables`: the books are computed once for both."""
        cores = self.tables.cores(lots)
        return self.tables.amounts(lots, cores), self._words(lots, cores)

    def binding(self, lots: Lots) -> list[str]:
        """See `RowTables`: the largest term of the underlying that is charged most."""
        return self._words(lots, self.tables.cores(lots))

    def refer(self) -> None:
        """See `RowTables`."""
        self.base = replace(self.tables, **{name: getattr(self.tables, name).copy() for name in ROWS})
        self.base_spot = self.universe.plan.spot.copy()

    def reach(self, rows: I64) -> F64 | None:
        """See `RowTables`."""
        p, t, base, plan = self.model.parameters, self.tables, self.base, self.universe.plan
        known = self.universe.taken[rows]
        spot, before = (np.where(known, s[rows], 0.0) for s in (plan.spot, self.base_spot))
        scan = largest_move(t.pnl, base.pnl, rows, t.weight)
        slope = p.min_delta.net * np.abs(spot * t.delta[rows] - before * base.delta[rows])
        capped = np.isfinite(t.worth[rows]) & np.isfinite(base.worth[rows])
        worth = np.abs(np.where(capped, t.worth[rows], 0.0) - np.where(capped, base.worth[rows], 0.0))
        coins = np.maximum(t.coins[rows], base.coins[rows])
        short = np.where(plan.option[rows], p.short_option_rate * coins * np.abs(spot - before), 0.0)
        group = plan.group[rows]
        factor = np.where(group >= 0, np.append(t.factor, 0.0)[group], 0.0)
        core = np.maximum(np.maximum(scan, np.maximum(slope, worth)), short)
        result: F64 = most(t, base, rows, "value") + core + factor * most(t, base, rows, "moves")
        return result

    def _of(self, universe: Universe) -> PrbmTables:
        return PrbmTables.of(self.model.parameters, self.scenarios, universe.plan, universe.taken)

    def _words(self, lots: Lots, cores: Cores) -> list[str]:
        books, terms, worst = cores
        charge = np.array(terms)
        core = charge.max(axis=0, initial=0.0)
        kinds = charge.argmax(axis=0)
        words = ["no loss"] * lots.accounts
        # of each account the largest book comes last
        order = np.lexsort((core, books.account))
        last = order[np.append(books.account[order][1:] != books.account[order][:-1], True)] if order.size else order
        names, labels = lots.universe.underlyings, self.scenarios.labels
        for r in last[core[last] > 0.0].tolist():
            underlying = names[int(lots.universe.underlying[lots.item[books.start[r]]])]
            kind = int(kinds[r])
            words[int(books.account[r])] = f"{underlying} {labels[int(worst[r])] if kind == 0 else FLOORS[kind]}"
        return words
