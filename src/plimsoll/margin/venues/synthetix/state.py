"""An account at Synthetix in many states of the market at once, and where its margin bends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.parts.legs import path_prices
from plimsoll.margin.path import States
from plimsoll.margin.venues.synthetix.parameters import Keepers, PerpsMarket, SynthetixParameters
from plimsoll.margin.venues.synthetix.ratios import discount, margin_ratios, windows
from plimsoll.margin.venues.synthetix.reward import liquidation_reward
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Standing:
    """`N` positions in `K` states, amounts in the venue's dollar.

    `notional[N, K]` without sign, `profit[N, K]` with funding, `initial_ratio[N]`, `maintenance_ratio[N]`, collateral
    `[K]` whole and after discount, `debt`, `windows` that a liquidation takes, and the costs of keepers.
    """

    book: Book
    rules: tuple[PerpsMarket, ...]
    notional: F64
    profit: F64
    initial_ratio: F64
    maintenance_ratio: F64
    collateral: F64
    discounted: F64
    debt: float
    windows: int
    keepers: Keepers
    costs: tuple[float, float]

    @classmethod
    def of(
        cls, p: SynthetixParameters, currency: str, account: Account, market: Market, book: Book, states: States
    ) -> Standing:
        """The positions of a book that holds listed perpetuals only."""
        plan = book.plan
        size = book.quantity * plan.multiplier
        prices = path_prices(plan, states)
        rules = tuple(p.markets[c.underlying] for c in plan.contracts)
        ratios = np.array([margin_ratios(r, float(s)) for r, s in zip(rules, size, strict=True)]).reshape(-1, 2)
        whole, kept, debt = _worth(p, currency, account, market, states)
        k = p.keepers
        return cls(
            book,
            rules,
            np.abs(size)[:, None] * prices,
            (book.unrealised + book.funding)[:, None] + size[:, None] * (prices - plan.price[:, None]),
            ratios[:, 0],
            ratios[:, 1],
            whole,
            kept,
            debt,
            max((windows(r, float(s)) for r, s in zip(rules, size, strict=True)), default=0),
            k,
            (account.reported.get("flag_cost", k.flag_cost), account.reported.get("liquidate_cost", k.liquidate_cost)),
        )

    @property
    def flag_ratios(self) -> F64:
        """`[N]` reward for flagging, of the notional."""
        return np.array([r.flag_reward_ratio for r in self.rules], dtype=np.float64)

    def equity(self) -> F64:
        """`[K]` available margin."""
        total: F64 = self.discounted + self.profit.sum(axis=0) - self.debt
        return total

    def reward(self) -> F64:
        """`[K]` what keepers may take; nothing without a position."""
        if not (self.book.quantity != 0.0).any():
            return np.zeros_like(self.collateral)
        flagged = self.flag_ratios @ self.notional
        return liquidation_reward(
            self.keepers, flagged, np.full_like(flagged, self.windows), self.collateral, *self.costs
        )

    def maintenance(self) -> F64:
        """`[K]` margin below which the account is liquidated."""
        least = sum(r.minimum_position_margin for r in self.rules)
        total: F64 = self.maintenance_ratio @ self.notional + least + self.reward()
        return total


def _worth(
    p: SynthetixParameters, currency: str, account: Account, market: Market, states: States
) -> tuple[F64, F64, float]:
    """`[K]` collateral whole and after discount, and the debt."""
    cash = account.collateral.get(currency, 0.0)
    whole = np.full(len(states), max(cash, 0.0))
    kept, debt = whole.copy(), max(-cash, 0.0) + account.borrowed.get(currency, 0.0)
    for asset, amount in account.collateral.items():
        if asset == currency or amount == 0.0:
            continue
        price = market.price_of(asset)
        if price is None or price.price <= 0.0:
            raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price above zero of this token"))
        moved = states.multiplier(asset) if asset in market.indices else np.ones(len(states))
        whole = whole + amount * price.price * moved
        kept = kept + amount * (1.0 - discount(p.collateral[asset], amount)) * price.price * moved
    return whole, kept, debt


def worth_problems(p: SynthetixParameters, currency: str, account: Account) -> list[Problem]:
    """Balances, loans and costs that are not taken."""
    found, known = [], ", ".join(sorted({currency, *p.collateral}))
    for asset, amount in account.collateral.items():
        if amount != 0.0 and asset != currency and asset not in p.collateral:
            got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
            found.append(Problem(f"account.collateral.{asset}", got, f"collateral of these rules: {known}"))
        elif amount < 0.0 and asset != currency:
            allowed = f"at least zero: only {currency} can be owed"
            found.append(Problem(f"account.collateral.{asset}", repr(amount), allowed))
    for asset, amount in account.borrowed.items():
        if amount != 0.0 and asset != currency:
            found.append(Problem(f"account.borrowed.{asset}", repr(amount), f"nothing: only {currency} can be owed"))
    found += [
        Problem(f"account.reported.{name}", repr(account.reported[name]), "a cost from zero, USD")
        for name in ("flag_cost", "liquidate_cost")
        if account.reported.get(name, 0.0) < 0.0
    ]
    return found


def kinks_of(now: Standing) -> dict[str, F64]:
    """For each underlying the multipliers at which the sum of flag rewards meets a guard, collateral staying."""
    k, cost, plan = now.keepers, now.costs[0], now.book.plan
    collateral = float(now.collateral[0])
    most = min(collateral * k.max_scaling, k.max_reward) if collateral > 0.0 else k.max_reward
    least = max(cost + k.min_reward, cost * (1.0 + k.min_profit_ratio))
    guards = (most - cost, least - cost, collateral * k.collateral_reward_ratio)
    rewards = now.flag_ratios * now.notional[:, 0]
    found = {}
    for underlying in now.book.underlyings:
        mine = np.array([c.underlying == underlying for c in plan.contracts])
        own, others = float(rewards[mine].sum()), float(rewards[~mine].sum())
        at = {(guard - others) / own for guard in guards if own > 0.0}
        if any(x > 0.0 for x in at):
            found[underlying] = np.array(sorted(x for x in at if x > 0.0))
    return found
