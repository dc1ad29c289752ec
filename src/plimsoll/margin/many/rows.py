"""The contract of rows kept hot: what rules need of each contract by itself, and the margins of accounts from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe

MOVED = 64
"""Rows of which moves are looked at together."""


@dataclass(frozen=True, eq=False)
class Money:
    """What `K` accounts have beside their contracts: `balance` and `profit` `[K, C]` in units of each of `assets`.

    `profit` is the unrealised profit of futures and perpetuals in their settlement currency. `price[C]` USD.
    """

    assets: tuple[str, ...]
    price: F64
    balance: F64
    profit: F64

    def __len__(self) -> int:
        return int(self.balance.shape[0])

    def own(self, asset: str) -> F64:
        """`[K]` balance and profit in one asset."""
        if asset not in self.assets:
            return np.zeros(len(self))
        c = self.assets.index(asset)
        result: F64 = self.balance[:, c] + self.profit[:, c]
        return result

    def besides(self, asset: str) -> BOOL:
        """`[K]` accounts with a balance in anything else."""
        other = np.array([a != asset for a in self.assets], dtype=bool)
        result: BOOL = (self.balance[:, other] != 0.0).any(axis=1)
        return result

    def by_own_currency(self, currency: np.ndarray[tuple[int], np.dtype[np.str_]]) -> F64:
        """`[K]` balance and profit of each account in its own `currency[K]`."""
        found = np.zeros(len(self))
        for asset in np.unique(currency).tolist():
            found = np.where(currency == asset, self.own(asset), found)
        return found

    def after_haircuts(self, haircuts: Mapping[str, float]) -> tuple[F64, BOOL]:
        """`[K]` USD: balances less their haircuts (owed ones with the haircut on top) and profit; who has others."""
        known = np.array([a in haircuts for a in self.assets], dtype=bool)
        cut = np.array([haircuts.get(a, 0.0) for a in self.assets])
        counted = self.balance * self.price * np.where(self.balance >= 0.0, 1.0 - cut, 1.0 + cut)
        odd: BOOL = (self.balance[:, ~known] != 0.0).any(axis=1)
        return counted.sum(axis=1) + (self.profit * self.price).sum(axis=1), odd


class RowTables(ABC):
    """The tables of one rule set over the contracts of a universe, changed in place when prices move.

    Row `i` depends on contract `i` and the prices of its underlying alone, so a tick computes the rows that it touches.
    `amounts` is the rule set's batch on them (`MarginModel.batch`): nothing is carried from margin to margin.

    A class with `BOUNDED` also gives `reach[N]`: a bound, in the account's currency, on what one contract, long or
    short, can have changed equity less either margin since `refer`, unrealised profit of futures apart. Where a term of
    the margin jumps or grows faster than the book no such number exists, and every touched account is margined; where
    it does so beyond some size only, `further` says how far an account is from there, and the bound holds for it while
    the sum of `|quantity| * reach` since its last margin is less than that. `SLACK`
    is what an account may have changed by beside that: roundings inside the rules. `UNIT` is the currency of the
    accounts: US dollars at the prices of the assets, or the settlement currency, in which balances have no price.
    `MARKET`: more is read of a universe than its plan, so that `reprice` needs the market of the moment in it.
    """

    BOUNDED: ClassVar[bool] = False
    SLACK: ClassVar[float] = 0.0
    UNIT: ClassVar[Literal["usd", "settlement"]] = "usd"
    MARKET: ClassVar[bool] = True

    @abstractmethod
    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """Compute some rows anew at the prices of `universe`, all of them for `None`."""

    @abstractmethod
    def amounts(self, lots: Lots) -> Amounts:
        """See `MarginModel.batch`."""

    @abstractmethod
    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """`[K]` net equity with `money`, and accounts whose money only the exact engine can count."""

    def refer(self) -> None:  # noqa: B027
        """Take the present rows as the reference of `reach`; nothing to do for tables without a bound."""

    def reach(self, rows: I64) -> F64 | None:
        """`[R]` the bound for some rows; `None` without one."""
        return None

    def further(self, lots: Lots) -> F64:
        """`[A]` the distance within which `reach` holds for each account; not above zero: it does not hold."""
        return np.full(lots.accounts, np.inf)

    def values(self) -> F64 | None:
        """`[N]` USD worth of one option or coin, where the tables have it."""
        return None

    def told(self, lots: Lots) -> tuple[Amounts, list[str]]:
        """The amounts, and in words what binds in each account: `UNDERLYING label`, or `no loss`."""
        return self.amounts(lots), self.binding(lots)

    @abstractmethod
    def binding(self, lots: Lots) -> list[str]:
        """What binds in each account of a block."""


def put(held: Any, rows: I64, fresh: Any, names: tuple[str, ...]) -> None:
    """Write the arrays `names` of `fresh[R, ...]` into the `rows` of those of `held[N, ...]`."""
    where = together(rows)
    for name in names:
        getattr(held, name)[where] = getattr(fresh, name)


def together(rows: I64) -> I64 | slice:
    """Increasing rows as a slice where none is missing between them: a view in place of a copy."""
    first, last = (int(rows[0]), int(rows[-1])) if rows.size else (0, -1)
    return slice(first, last + 1) if last - first + 1 == rows.size else rows


def largest_move(now: F64, before: F64, rows: I64, weight: F64) -> F64:
    """`[R]` largest `|now - before| * weight[S]` over the columns of some rows, NaN where one has one.

    `MOVED` rows at a time: what is computed in between stays in the cache.
    """
    found = np.zeros(rows.size)
    for start in range(0, rows.size, MOVED):
        some = together(rows[start : start + MOVED])
        moved = now[some] - before[some]
        np.abs(moved, out=moved)
        moved *= weight
        found[start : start + MOVED] = moved.max(axis=1, initial=0.0)
    return found


def most(held: Any, base: Any, rows: I64, name: str) -> F64:
    """`[R]` the largest change of any column of an array `[N, ...]` since `base`."""
    found: F64 = np.abs(getattr(held, name)[rows] - getattr(base, name)[rows])
    # not by reshaping, which has no length of its own for no rows at all
    return found.max(axis=tuple(range(1, found.ndim)), initial=0.0) if found.ndim > 1 else found
