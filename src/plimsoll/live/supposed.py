"""Accounts as they would stand after an order, many at once, none of them booked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.live.holdings import Holdings, moneys
from plimsoll.live.orders import Candidates
from plimsoll.live.prices import HotPrices
from plimsoll.margin import Account
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.universe import Lots


@dataclass(frozen=True, eq=False)
class Supposed:
    """The accounts `account[O]` of some orders after each of them by itself.

    `lots` and what each `cost[P]`, balances and costs `[O, C]`, and the signed `position[L]` that each leg leaves.
    """

    account: I64
    lots: Lots
    cost: F64
    collateral: F64
    costs: F64
    position: F64

    def document(self, holdings: Holdings, order: int) -> Account:
        """The account document after one of the orders."""
        mine = self.lots.account == order
        rows, quantity, cost = self.lots.item[mine], self.lots.quantity[mine], self.cost[mine]
        return holdings.document(int(self.account[order]), rows, quantity, cost, self.collateral[order])


def marks_of(prices: HotPrices, value: F64) -> F64:
    """`[N]` the price at which each contract is marked, as it is quoted; `value[N]` USD worth of options and spot."""
    plan = prices.plan
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(plan.option, value / (plan.settle * plan.multiplier), value)
    return np.where(prices.swaps, plan.price, each)


def supposed(holdings: Holdings, orders: Candidates, marks: F64) -> Supposed:
    """The accounts after the orders; legs without a price are filled at `marks[N]`."""
    prices = holdings.prices
    size = len(prices.plan)
    accounts = orders.account.tolist()
    counts = np.array([holdings.items[a].size for a in accounts], dtype=np.int64)
    of = np.repeat(np.arange(len(orders), dtype=np.int64), counts)
    item = np.concatenate([*(holdings.items[a] for a in accounts), np.zeros(0, dtype=np.int64)])
    held = np.concatenate([*(holdings.quantity[a] for a in accounts), np.zeros(0)])
    cost = np.concatenate([*(holdings.cost[a] for a in accounts), np.zeros(0)])
    mine = np.repeat(np.arange(len(orders), dtype=np.int64), np.diff(orders.indptr))
    # what is held and what is ordered both rise by order and row, so that one finds the other
    keys, wanted = of * size + item, mine * size + orders.row
    place = np.searchsorted(keys, wanted)
    found = place < keys.size
    found[found] = keys[place[found]] == wanted[found]
    before, spent = np.zeros(wanted.size), np.zeros(wanted.size)
    before[found], spent[found] = held[place[found]], cost[place[found]]
    price = np.where(np.isnan(orders.price), marks[orders.row], orders.price)
    paid, left = moneys(prices, orders.row, before, spent, orders.quantity, price)
    position = before + orders.quantity
    held[place[found]], cost[place[found]] = position[found], left[found]
    new = ~found
    of = np.insert(of, place[new], mine[new])
    item = np.insert(item, place[new], orders.row[new])
    held = np.insert(held, place[new], position[new])
    cost = np.insert(cost, place[new], left[new])
    kept = held != 0.0
    lots = Lots(prices.universe, len(orders), of[kept], item[kept], held[kept], np.zeros(len(orders), dtype=bool))
    collateral, costs = holdings.collateral[orders.account].copy(), holdings.costs(orders.account).copy()
    column = holdings.columns[orders.row]
    np.add.at(collateral, (mine, column), paid)
    np.add.at(costs, (mine, column), left - spent)
    return Supposed(orders.account, lots, cost[kept], collateral, costs, position)
