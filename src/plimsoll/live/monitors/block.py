"""The state of an engine as the monitors read it: accounts, lots and what one contract stands for, in dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.live.engine import Engine
from plimsoll.live.prices import HotPrices
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.parts.delta import unit_deltas

Amounts = tuple[F64, F64, F64]
"""Initial margin, maintenance margin and equity `[A]`, in the currency of the rules."""


@dataclass(frozen=True, eq=False)
class Block:
    """`A` accounts with `P` lots over `N` contracts of `U` underlyings. All amounts in USD.

    `initial`, `maintenance` and `equity` `[A]` are NaN where the rules refuse the account. Lot `p` is `quantity[p]`
    contracts of row `item[p]` in account `account[p]`, without spot: a coin that is owned is collateral, not open
    interest. `notional[N]` and `delta[N]` are the USD of one contract: coins times the index, of a future what it
    stands at; delta signed. `underlying[N]` numbers `underlyings`. `owned[A, C]` is what each account has of each asset
    of `assets`, zero where it owes.
    """

    names: tuple[str, ...]
    initial: F64
    maintenance: F64
    equity: F64
    account: I64
    item: I64
    quantity: F64
    contracts: tuple[str, ...]
    underlyings: tuple[str, ...]
    underlying: I64
    notional: F64
    delta: F64
    held: I64
    assets: tuple[str, ...]
    owned: F64

    @classmethod
    def of(cls, engine: Engine, amounts: Amounts | None = None) -> Block:
        """Everybody at this moment, sleepers too; nothing in the engine changes. `amounts` of everybody, if they were
        asked for before, are taken as they are."""
        initial, maintenance, equity = engine.amounts(engine.everyone) if amounts is None else amounts
        currency = engine.model.rules.currency
        usd = 1.0 if currency == "USD" else engine.prices.asset_price(currency)
        refused = engine.level == 3
        dollars = (np.where(refused | ~np.isfinite(x), np.nan, x * usd) for x in (initial, maintenance, equity))
        needs, keeps, has = dollars
        lots = engine.holdings.lots(engine.everyone)
        held = np.bincount(lots.account, minlength=lots.accounts).astype(np.int64)
        spot = np.array([c.kind == "spot" for c in engine.prices.plan.contracts], dtype=bool)
        kept = ~spot[lots.item]
        universe, holdings = engine.prices.universe, engine.holdings
        notional, delta = units(engine.prices)
        worth = np.array([engine.prices.asset_price(a) for a in holdings.assets])
        owned = np.maximum(holdings.collateral * worth, 0.0)
        return cls(
            holdings.names, needs, keeps, has, lots.account[kept], lots.item[kept], lots.quantity[kept],
            universe.names, universe.underlyings, universe.underlying, notional, delta, held, holdings.assets, owned,
        )  # fmt: skip

    @classmethod
    def joined(cls, names: tuple[str, ...], parts: Sequence[Block]) -> Block:
        """The block of accounts `names` from those of their parts, which are of one market: that of one engine."""
        order = {name: a for a, name in enumerate(names)}
        place = np.array([order[name] for part in parts for name in part.names], dtype=np.int64)
        back = np.argsort(place)
        starts = np.cumsum([0, *(len(part.names) for part in parts)])
        account = place[np.concatenate([part.account + n for part, n in zip(parts, starts.tolist(), strict=False)])]
        # lots of one account are of one part, and stay in its order
        lots = np.argsort(account, kind="stable")

        def of_lots(name: str) -> Any:
            return np.concatenate([getattr(part, name) for part in parts])[lots]

        def of_accounts(name: str) -> Any:
            return np.concatenate([getattr(part, name) for part in parts])[back]

        first = parts[0]
        return cls(
            names, of_accounts("initial"), of_accounts("maintenance"), of_accounts("equity"), account[lots],
            of_lots("item"), of_lots("quantity"), first.contracts, first.underlyings, first.underlying,
            first.notional, first.delta, of_accounts("held"), first.assets, of_accounts("owned"),
        )  # fmt: skip

    @property
    def gross(self) -> F64:
        """`[A]` USD of notional, long and short added up."""
        return sums_of(self.account, np.abs(self.quantity) * self.notional[self.item], len(self.names))

    def by_underlying(self, per_contract: F64) -> F64:
        """`[A, U]` sums of quantity times what one contract has."""
        shape = (len(self.names), len(self.underlyings))
        place = self.account * shape[1] + self.underlying[self.item]
        return sums_of(place, self.quantity * per_contract[self.item], shape[0] * shape[1]).reshape(shape)

    def gross_by_underlying(self) -> F64:
        """`[A, U]` USD of notional by underlying."""
        shape = (len(self.names), len(self.underlyings))
        place = self.account * shape[1] + self.underlying[self.item]
        usd = np.abs(self.quantity) * self.notional[self.item]
        return sums_of(place, usd, shape[0] * shape[1]).reshape(shape)

    @property
    def health(self) -> F64:
        """`[A]` equity over maintenance margin; infinite where nothing is required, NaN where refused."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.equity / self.maintenance
        found = np.where(self.maintenance > 0.0, found, np.where(np.isnan(self.maintenance), np.nan, np.inf))
        result: F64 = np.where(np.isnan(self.equity), np.nan, found)
        return result


def sums_of(place: I64, amounts: F64, size: int) -> F64:
    """`[size]` sums of amounts by place."""
    return np.bincount(place, amounts, size).astype(np.float64)


def units(prices: HotPrices) -> tuple[F64, F64]:
    """`[N]` USD of notional and of delta that one contract of each row stands for, zero where it has no price.

    Notional of an option is its coins at the index, of a future or perpetual what it stands at. Delta is that of the
    contract's own forward or mark, as `liquidation.density.exposures` has it.
    """
    plan = prices.plan
    rows = np.arange(len(plan), dtype=np.int64)
    with np.errstate(all="ignore"):
        marks = np.abs(prices.unit_marks(rows)) * plan.settle
        coins = np.where(plan.option, plan.multiplier, 1.0) * plan.spot
        notional = np.where(prices.swaps, marks, coins)
        delta = unit_deltas(plan, np.ones(len(plan))) * plan.price
    good = prices.universe.taken
    return (
        np.where(good & np.isfinite(notional), notional, 0.0),
        np.where(good & np.isfinite(delta), delta, 0.0),
    )


def number(value: float) -> float | None:
    """A number for a document: `None` where there is none."""
    return float(value) if np.isfinite(value) else None
