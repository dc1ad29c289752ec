"""An account after trades at the marks, what they cost, and what it could lose where no venue's grid looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin import Account
from plimsoll.margin.trade import traded
from plimsoll.market import Market
from plimsoll.optimise.beyond import outside_columns
from plimsoll.optimise.ladder import Ladder, ladders
from plimsoll.optimise.terms import TradingTerms
from plimsoll.risk import compile_plan
from plimsoll.risk.joint import joint_book, joint_losses
from plimsoll.scenarios import Scenarios


@dataclass(frozen=True, eq=False)
class Trader:
    """What trading costs in a market: fees, half-spreads and depth, level by level, as `ladders`."""

    market: Market
    terms: TradingTerms

    def side(self, name: str, buys: bool) -> Ladder:
        """One side of one instrument. Raises `DocumentError` for what the market does not list or cannot value."""
        contract = self.market.contracts.get(name)
        if contract is None:
            raise refuse("instrument", name, f"one of the {len(self.market.contracts)} instruments of the market")
        plan = compile_plan([contract], self.market)
        if plan.failures:
            raise refuse(f"instrument {name}", plan.failures[0].reason.value, plan.failures[0].message)
        return ladders(plan, self.market, self.terms)[0][0 if buys else 1]

    def cost(self, trades: Mapping[str, float]) -> float:
        """US dollars of signed trades; infinite where there is not so much to trade."""
        return float(sum(self.side(n, q > 0.0).of(abs(q)) for n, q in trades.items() if q))

    def after(self, account: Account, trades: Mapping[str, float]) -> tuple[Account, float]:
        """The account after signed trades at the marks, their costs paid in the settlement currency of each, and the
        costs in US dollars.

        Raises `DocumentError` for a trade beyond what there is.
        """
        total = 0.0
        for name, quantity in trades.items():
            if not quantity:
                continue
            ladder = self.side(name, quantity > 0.0)
            cost = float(ladder.of(abs(quantity)))
            if not np.isfinite(cost):
                raise refuse(
                    f"trades.{name}", quantity, f"at most {ladder.most:g} contracts, all that there is to trade"
                )
            account, total = traded(account, self.market, name, quantity), total + cost
            if cost:
                account = self._paid(account, self.market.contracts[name].currency, cost)
        return account, total

    def _paid(self, account: Account, currency: str, usd: float) -> Account:
        price = self.market.price_of(currency)
        assert price is not None  # else the trade was refused
        balances = dict(account.collateral)
        balances[currency] = balances.get(currency, 0.0) - usd / price.price
        return account.model_copy(update={"collateral": balances})


def deposited(account: Account, asset: str, amount: float) -> Account:
    """The account with more of an asset in its balance."""
    return account.model_copy(
        update={"collateral": {**account.collateral, asset: account.collateral.get(asset, 0.0) + amount}}
    )


def held(account: Account) -> dict[str, float]:
    """Signed contracts of each instrument that the account holds, legs summed."""
    found: dict[str, float] = {}
    for p in account.positions:
        found[p.instrument] = found.get(p.instrument, 0.0) + p.quantity
    return {n: q for n, q in found.items() if q}


def outside_loss(account: Account, market: Market) -> float:
    """The worst loss in US dollars at moves of 30 to 60 % and beyond every grid, all coins together and each alone.

    Positions and coins of the collateral; at least zero. Loans and profit so far move with no price here.
    """
    book = held(account)
    contracts = [market.contracts[n] for n in book]
    coins = {a: x for a, x in account.collateral.items() if a in market.indices and x}
    if not contracts and not coins:
        return 0.0
    joint = joint_book(contracts, np.array(list(book.values())), market, coins)
    moving, moved = joint.underlyings, outside_columns()
    still = Scenarios.build(np.ones(len(moved)))
    worst = 0.0
    for alone in (None, *moving) if len(moving) > 1 else (None,):
        losses = joint_losses(joint, {u: moved if alone in (None, u) else still for u in moving})
        worst = max(worst, float(losses.max()))
    return worst
