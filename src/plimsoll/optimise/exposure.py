"""What one traded contract changes of a whole account, and what the account is worth and exposed to before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.contracts import is_option
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import open_book
from plimsoll.margin.joint_account import coins_of
from plimsoll.market import Market
from plimsoll.optimise.ladder import vegas
from plimsoll.risk import Plan, plan_pnl, unit_values
from plimsoll.risk.joint import joint_book, joint_rows
from plimsoll.risk.plan import F64
from plimsoll.scenarios import Scenarios

STEP = 1e-4
"""Relative move of the price on either side over which a delta is the mean slope of the exact revaluation."""

_STILL = Scenarios.build([1.0])


@dataclass(frozen=True, eq=False)
class Exposures:
    """`N` contracts and an account in one market.

    `delta[N]`, coins of its underlying that one contract adds when it is *traded*: the slope in its settlement
    currency, at the price of that currency. The premium of an option settled in coin is paid in coin, so it is the
    delta less the mark. `vega[N]` as `vegas`. `coins` are what the account has in each currency: collateral less
    loans, value of options, unrealised profit, unsettled funding. `wealth` is their sum in US dollars.
    """

    plan: Plan
    delta: F64
    vega: F64
    coins: Mapping[str, float]
    wealth: float


def exposures(plan: Plan, quantity: F64, account: Account, market: Market) -> Exposures:
    """See `Exposures`; `quantity[N]` are the account's. Raises what `open_book` raises, and names an asset without a
    price.
    """
    moved = plan_pnl(plan, Scenarios.build([1.0 - STEP, 1.0 + STEP]), "settlement")
    delta = (moved[:, 1] - moved[:, 0]) / (2.0 * STEP * plan.spot) * plan.settle
    value = unit_values(plan, _STILL)[:, 0] * quantity
    # an empty balance needs no scenarios
    coins = {asset: x for asset, x in coins_of(account, open_book(account, market)).items() if x}
    for contract, amount in zip(plan.contracts, value.tolist(), strict=True):
        coins[contract.currency] = coins.get(contract.currency, 0.0) + amount
    wealth = 0.0
    for asset, amount in coins.items():
        price = market.price_of(asset)
        if price is None and amount:
            raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price of this collateral"))
        wealth += amount * price.price if price is not None else 0.0
    return Exposures(plan, delta, vegas(plan), coins, wealth)


def account_delta(e: Exposures, quantity: F64, underlying: str, numeraire: str, spot: float) -> float:
    """Coins of `underlying` by which the worth of the account moves, in the numeraire.

    ```
    USD:   sum of q delta + coins held            numeraire coin:   the same - wealth / price
    ```
    so an account that holds nothing but a coin has none of it in that coin.
    """
    mine = np.array([c.underlying == underlying for c in e.plan.contracts], dtype=bool)
    found = float(quantity[mine] @ e.delta[mine]) + e.coins.get(underlying, 0.0)
    return found - e.wealth / spot if numeraire == underlying else found


def scenario_rows(e: Exposures, quantity: F64, market: Market, columns: Mapping[str, Scenarios]) -> tuple[F64, F64]:
    """`[S]` gain of the account in US dollars, and `[N, S]` that of one contract bought at its mark.

    Coins move with their own column of `columns`; the premium of what is bought has left its currency.
    """
    size = len(next(iter(columns.values())))
    base, rows = np.zeros(size), np.zeros((len(e.plan), size))
    if len(e.plan):
        unit = joint_book(e.plan.contracts, np.ones(len(e.plan)), market)
        rows = joint_rows(unit, columns)
        value = unit_values(e.plan, _STILL)[:, 0]
        for i, contract in enumerate(e.plan.contracts):
            if is_option(contract) and contract.currency in market.indices:
                rows[i] -= value[i] * e.plan.settle[i] * (columns[contract.currency].spot - 1.0)
        base = quantity @ rows
    for asset, amount in e.coins.items():
        if asset in market.indices and amount:
            base = base + amount * market.indices[asset].price * (columns[asset].spot - 1.0)
    return base, rows
