"""What stands against the margin of a Binance Portfolio Margin account, asset by asset, at any prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.margin.account import Account
from plimsoll.margin.many.positions import F64
from plimsoll.margin.parts.legs import Legs, path_prices
from plimsoll.margin.path import States
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan
from plimsoll.risk.plan import INVERSE


@dataclass(frozen=True, eq=False)
class Wallets:
    """The balances of an account less its loans in `cash` (units of each asset), its futures and its live orders.

    `orders` are the contracts of the orders that are not reduce-only, `quantity` (signed) and `limit` (USD) theirs.
    """

    market: Market
    cash: dict[str, float]
    legs: Legs
    orders: Plan
    quantity: F64
    limit: F64

    @classmethod
    def of(cls, account: Account, market: Market, legs: Legs) -> Wallets:
        """Put together what an account holds."""
        cash = dict.fromkeys(c.currency for c in legs.book.plan.contracts)
        held = {a: x for a, x in account.collateral.items() if x}
        owed = {a: x for a, x in account.borrowed.items() if x}
        names = (*held, *(a for a in owed if a not in held), *(a for a in cash if a not in {**held, **owed}))
        live = [o for o in account.orders if o.quantity and not o.reduce_only and o.price > 0]
        return cls(
            market,
            {a: held.get(a, 0.0) - owed.get(a, 0.0) for a in names},
            legs,
            compile_plan([market.contracts[o.instrument] for o in live], market),
            np.array([o.quantity for o in live], dtype=np.float64),
            np.array([o.price for o in live], dtype=np.float64),
        )

    def price(self, asset: str, states: States) -> F64:
        """`[K]` USD price of an asset; a coin that has an index moves with it, a stable coin stays."""
        found = self.market.price_of(asset)
        now = np.nan if found is None else found.price
        moving = states.multiplier(asset) if asset in self.market.indices else np.ones(len(states))
        price: F64 = now * moving
        return price

    def balances(self, profit: F64) -> dict[str, F64]:
        """`[K]` of each asset: balance less loan and with `profit[N, K]` of the futures that settle in it."""
        found = {a: np.full(profit.shape[1], x) for a, x in self.cash.items()}
        for i, contract in enumerate(self.legs.book.plan.contracts):
            found[contract.currency] = found[contract.currency] + profit[i]
        return found

    def counted(self, profit: F64, states: States, rates: Mapping[str, float]) -> dict[str, F64]:
        """`[K]` USD of each asset as equity: cut to its collateral rate where it is positive, whole where it is not."""
        found = {}
        for asset, balance in self.balances(profit).items():
            value = balance * self.price(asset, states)
            found[asset] = np.minimum(value * rates[asset], value)
        return found

    def open_loss(self, states: States) -> F64:
        """`[K]` USD that the orders would lose at once if they were filled at their prices, order by order.

        An order in a contract without a mark loses nothing that could be told: its charge is in the initial margin.
        """
        now = path_prices(self.orders, states)
        total = np.zeros(len(states))
        for i, contract in enumerate(self.orders.contracts):
            held, limit = self.quantity[i] * self.orders.multiplier[i], self.limit[i]
            gain = held * (1.0 / limit - 1.0 / now[i]) if self.orders.style[i] == INVERSE else held * (now[i] - limit)
            lost = np.where(np.isfinite(gain), np.maximum(-gain, 0.0), 0.0)
            total = total + lost * self.price(contract.currency, states)
        return total


def equity_kinks(wallets: Wallets) -> dict[str, set[float]]:
    """By underlying the multipliers at which an order starts to lose, or a balance goes through zero while all other
    prices stand still.
    """
    found: dict[str, set[float]] = {}

    def add(underlying: str, multiplier: float) -> None:
        if np.isfinite(multiplier) and multiplier > 0:
            found.setdefault(underlying, set()).add(float(multiplier))

    for i, contract in enumerate(wallets.orders.contracts):
        add(contract.underlying, wallets.limit[i] / wallets.orders.price[i])
    legs, plan = wallets.legs, wallets.legs.book.plan
    balances = wallets.balances(legs.profits(legs.price[:, None]))
    moving: dict[tuple[str, str], float] = {}
    for i, contract in enumerate(plan.contracts):
        # gain of a small rise of one: by the multiplier of a linear contract, by one over it of an inverse one
        value = float(legs.book.quantity[i] * plan.multiplier[i])
        value *= 1.0 / float(legs.price[i]) if plan.style[i] == INVERSE else float(legs.price[i])
        key = (contract.currency, contract.underlying)
        moving[key] = moving.get(key, 0.0) + value
    for (asset, underlying), value in moving.items():
        balance = float(balances[asset][0])
        if value and asset == underlying:
            add(underlying, value / (balance + value) if balance + value else np.nan)
        elif value:
            add(underlying, 1.0 - balance / value)
    return found
