"""OKX portfolio margin on blocks of accounts: sums of the unit tables over what each account holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe, added
from plimsoll.margin.parts.discounts import Discounts
from plimsoll.margin.venues.okx.pm_depeg import USD, hedges
from plimsoll.margin.venues.okx.pm_parameters import PmParameters, group_of
from plimsoll.margin.venues.okx.pm_tables import UnitTable, tables_of

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def pm_batch(p: PmParameters, universe: Universe) -> Batch:
    """The tables of one universe and the arithmetic on them; accounts hold no coins and owe what options cost."""
    tables = tables_of(p, universe)
    place = np.full((len(tables), len(universe.names)), -1, dtype=np.int64)
    for t, table in enumerate(tables):
        place[t, table.rows] = np.arange(table.rows.size)
    currencies = sorted({c.currency for c, ok in zip(universe.plan.contracts, universe.taken, strict=True) if ok})
    number = {c: n for n, c in enumerate(currencies)}
    code = np.array([number.get(c.currency, 0) for c in universe.plan.contracts], dtype=np.int64)
    usd = np.zeros(len(universe.names))
    for table in tables:
        usd[table.rows] = table.value
    prices = {}
    for c in currencies:
        price = universe.market.price_of(c)
        prices[c] = 1.0 if price is None else price.price

    def amounts(lots: Lots) -> Amounts:
        derivative = np.zeros(lots.accounts)
        for t, table in enumerate(tables):
            mine = place[t][lots.item]
            held = np.flatnonzero(mine >= 0)
            if held.size:
                of = Held(lots.account[held], mine[held], lots.quantity[held], lots.accounts)
                derivative += unit_margin(p, table, of, prices)
        equity, first, kept = np.zeros(lots.accounts), np.zeros(lots.accounts), np.zeros(lots.accounts)
        for c, n in number.items():
            value = lots.quantity * np.where(code[lots.item] == n, usd[lots.item], 0.0)
            owned = added(lots.account, value, lots.accounts)
            coins = owned / prices[c] if prices[c] > 0 else owned
            equity += np.where(owned == 0.0, 0.0, Discounts.of(p.discounts[c]).counted(coins, np.array(prices[c])))
            rule = group_of(p.mr8, c)[1]
            first += np.maximum(-owned, 0.0) * rule.initial
            kept += np.maximum(-owned, 0.0) * rule.maintenance
        initial = p.initial_factor * derivative + first
        return Amounts(initial, derivative + kept, equity, np.zeros(lots.accounts, dtype=bool))

    return amounts


class Held:
    """Lots `[P]` in one unit: the account of each, its row of the table, its quantity; sums by account, `[A]`."""

    def __init__(self, account: I64, row: I64, quantity: F64, accounts: int) -> None:
        self.account, self.row, self.quantity, self.accounts = account, row, quantity, accounts

    def sum(self, unit: F64) -> F64:
        """`[A]` of a column `unit[n]` of the table."""
        return added(self.account, self.quantity * unit[self.row], self.accounts)

    def within(self, unit: F64, part: I64, parts: int) -> F64:
        """`[parts, A]` of a column, apart for each `part[n]` of the table."""
        where = part[self.row] * self.accounts + self.account
        return added(where, self.quantity * unit[self.row], parts * self.accounts).reshape(parts, self.accounts)


def unit_margin(p: PmParameters, table: UnitTable, held: Held, prices: dict[str, float]) -> F64:
    """`[A]` maintenance margin of one unit for every account, as `UnitCharge.maintenance`."""
    core = np.zeros(held.accounts)
    for s in range(table.core.shape[1]):
        core = np.maximum(core, -held.sum(table.core[:, s]))
    mr3 = np.zeros(held.accounts)
    expiries = int(table.group.max(initial=-1)) + 1
    if expiries > 1 and table.rates.shape[1]:
        dated = np.maximum(table.group, 0)
        for up, down in table.vols:
            each = np.maximum(-held.within(up, dated, expiries), -held.within(down, dated, expiries))
            whole = np.maximum(np.maximum(-held.sum(up), -held.sum(down)), 0.0)
            mr3 = np.maximum(mr3, p.term_structure * (np.maximum(each, 0.0).sum(axis=0) - whole))
    mr4 = table.basis @ np.abs(held.within(table.delta, table.bucket, table.basis.size))
    mr5 = np.zeros(held.accounts)
    for s in range(table.rates.shape[1]):
        mr5 = np.maximum(mr5, -held.sum(table.rates[:, s]))
    per = np.where(held.quantity > 0, table.closing[0][held.row], table.closing[1][held.row])
    mr7 = table.unit.scaled(added(held.account, np.abs(held.quantity) * per, held.accounts))
    return np.maximum(core + mr3 + mr4 + mr5 + _depeg(p, table, held, prices), mr7)


def _depeg(p: PmParameters, table: UnitTable, held: Held, prices: dict[str, float]) -> F64:
    found = np.zeros(held.accounts)
    if p.mr9 is None or len(set(table.side)) < 2:
        return found
    side = np.array(table.side)
    deltas = {s: held.sum(np.where(side == s, table.delta, 0.0))[None, :] for s in dict.fromkeys([*table.side, USD])}
    known = {c: np.array(price) for c, price in prices.items() if c in deltas and c != USD}
    for hedge in hedges(p.mr9, deltas, known):
        found = found + hedge.charge
    return found
