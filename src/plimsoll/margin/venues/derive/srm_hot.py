"""SRM's rows kept hot, and how far an account can have moved since a reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe
from plimsoll.margin.venues.derive.srm_many import SrmTables
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters


class SrmRows(RowTables):
    """The tables of SRM over all contracts, and how far they are from a reference.

    ```
    reach = |d charged| + max(|d isolated|, scale * coins * |d forward| of a call)         (cash, one contract)
    ```

    The value of options stands in equity and margin alike and falls out. What an expiry can lose at its settlement
    prices depends on no price of today; its unpaired calls, of which a lot changes at most its own, count at the
    forward. Accounts with other collateral than cash are the exact engine's.
    """

    BOUNDED = True
    UNIT = "settlement"

    def __init__(self, parameters: SrmParameters, universe: Universe, first: SrmTables) -> None:
        self.parameters, self.universe, self.tables = parameters, universe, first
        self.refer()

    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """See `RowTables`."""
        self.universe = universe
        if rows is not None and rows.size == 0:
            return
        fresh = SrmTables.of(self.parameters, universe if rows is None else universe.part(rows))
        assert fresh is not None, "a price above zero does not go away"
        if rows is None:
            self.tables = fresh
            return
        t = self.tables
        t.value[rows] = fresh.value
        for held, new in zip((*t.isolated, *t.charged), (*fresh.isolated, *fresh.charged), strict=True):
            held[rows] = new
        self.tables = replace(t, forward=fresh.forward)

    def amounts(self, lots: Lots) -> Amounts:
        """See `RowTables`."""
        return self.tables.amounts(lots)

    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """See `RowTables`."""
        cash = self.parameters.cash
        return found.equity + money.own(cash), money.besides(cash)

    def binding(self, lots: Lots) -> list[str]:
        """See `RowTables`: the market of perpetuals or the expiry that is charged most; without the price of a loss."""
        universe, plan = lots.universe, lots.universe.plan
        words, most = ["no loss"] * lots.accounts, np.zeros(lots.accounts)
        perps = lots.only(~plan.option)
        markets = perps.runs(universe.underlying)
        charge = markets.sum(np.abs(perps.quantity) * self.tables.charged[0][perps.item])
        for r, (a, amount) in enumerate(zip(markets.account.tolist(), charge.tolist(), strict=True)):
            if amount > most[a]:
                most[a] = amount
                words[a] = f"{universe.underlyings[universe.underlying[perps.item[markets.start[r]]]]} perpetual"
        options = lots.only(plan.option)
        expiries, ((isolated, settled), _) = self.tables.branches(options)
        amounts = -np.maximum(isolated, settled)
        for r, (a, amount) in enumerate(zip(expiries.account.tolist(), amounts.tolist(), strict=True)):
            if amount > most[a]:
                most[a] = amount
                row = plan.expiries[plan.group[options.item[expiries.start[r]]]]
                branch = "isolated" if isolated[r] >= settled[r] else "settlement"
                words[a] = f"{row.underlying} {row.expiry:%Y-%m-%d} {branch}"
        return words

    def refer(self) -> None:
        """See `RowTables`."""
        t = self.tables
        self.base = tuple(x.copy() for x in (*t.isolated, *t.charged))
        self.base_forward = t.forward

    def reach(self, rows: I64) -> F64 | None:
        """See `RowTables`."""
        plan, t = self.universe.plan, self.tables
        moved = [np.abs(x[rows] - y[rows]) for x, y in zip((*t.isolated, *t.charged), self.base, strict=True)]
        group = plan.group[rows]
        scale = np.maximum(*(np.abs(s) for s in t.scales))
        drift = np.append(scale * np.abs(t.forward - self.base_forward), 0.0)[group]
        calls = np.where(plan.option[rows] & plan.call[rows], drift * np.abs(plan.multiplier[rows]), 0.0)
        result: F64 = np.maximum(moved[2], moved[3]) + np.maximum(np.maximum(moved[0], moved[1]), calls)
        return result


__all__ = ["SrmRows"]
