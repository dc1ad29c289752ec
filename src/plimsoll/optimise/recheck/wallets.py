"""A wallet among the holdings of a desk: assets and no margin, worth what their prices say, liquidated by nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from plimsoll.laboratory.book_stress import stress_pnl, worst_rows
from plimsoll.laboratory.shocked import levels_of, stables
from plimsoll.margin import Account
from plimsoll.margin.joint_account import joint_account
from plimsoll.market import Market
from plimsoll.optimise.desk import Holding
from plimsoll.scenarios.stress import StressScenario, instants


@dataclass(frozen=True)
class WalletHolding:
    """`balances` of assets outside of every account (in the asset): no rules ask for a margin, nothing is short of it.

    Its gains and losses are part of what the desk gains and loses; of a venue it is no part.
    """

    name: str
    balances: Mapping[str, float]
    kind: ClassVar[Literal["wallet"]] = "wallet"

    @property
    def account(self) -> Account:
        """The balances as an account without positions."""
        kept = {a: x for a, x in self.balances.items() if x}
        content = {"schema": "plimsoll.account", "schema_version": 1, "name": self.name}
        return Account.from_dict(content | {"collateral": kept})


Owned = Holding | WalletHolding
"""What a desk has: accounts under rules, and wallets."""


def accounts_of(owned: Sequence[Owned]) -> list[Holding]:
    """Those under rules."""
    return [h for h in owned if isinstance(h, Holding)]


def worth_moving(account: Account, market: Market, moves_with: Mapping[str, str]) -> Account:
    """The account with assets that have no index of their own as so much of the coin whose price they follow.

    For gains and losses alone: rules speak of the asset itself. `moves_with[asset]` is the coin.
    """
    found = account
    for asset, coin in moves_with.items():
        price, lead = market.price_of(asset), market.price_of(coin)
        if asset == coin or asset in market.indices or coin not in market.indices or price is None or lead is None:
            continue
        ratio = price.price / lead.price
        for field in ("collateral", "borrowed"):
            held = dict(getattr(found, field))
            if held.get(asset):
                held[coin] = held.get(coin, 0.0) + held.pop(asset) * ratio
                found = Account.from_dict(found.to_dict() | {field: held})
    return found


def following(owned: Owned, market: Market, moves_with: Mapping[str, str]) -> Owned:
    """The same, its assets as `worth_moving` has them."""
    account = worth_moving(owned.account, market, moves_with)
    if isinstance(owned, Holding):
        return owned if account is owned.account else replace(owned, account=account)
    return WalletHolding(owned.name, dict(account.collateral))


def wallet_stress(market: Market, wallet: WalletHolding, scenarios: Sequence[StressScenario]) -> dict[str, float]:
    """US dollars gained in each scenario at the instant that is worst for the wallet by itself."""
    account = wallet.account
    book, coins = joint_account(account, market)
    table = instants(scenarios, book.underlyings, stables(account, market), levels_of(market, book.underlyings))
    pnl = stress_pnl(book, market, table, coins)
    return {s.name: float(pnl[at]) for s, at in zip(scenarios, worst_rows(table, pnl).tolist(), strict=True)}
