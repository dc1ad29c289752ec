"""Who computes the margins of touched accounts: hot rows where a rule set has them, or the exact engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from plimsoll.documents import DocumentError, Problem
from plimsoll.live.holdings import Holdings
from plimsoll.live.prices import HotPrices
from plimsoll.live.supposed import Supposed
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.house.prbm import Prbm
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, added

STR = np.ndarray[tuple[int], np.dtype[np.str_]]


@dataclass(frozen=True, eq=False)
class Sheet:
    """`initial`, `maintenance`, `equity` `[K]` in `currency[K]`, unrounded; NaN where `refused` says why.

    `exact[K]`: the exact engine was asked, so that no bound of the rows speaks for the account. `further[K]`: the
    distance within which that bound holds.
    """

    initial: F64
    maintenance: F64
    equity: F64
    refused: dict[int, Problem]
    currency: STR
    exact: BOOL
    further: F64


class Margins(Protocol):
    """What the engine asks of a model: rows that follow the prices, and the margins of accounts.

    `how` says in words what is computed. `reach[N]` bounds what one contract can have changed since `refer`, in the
    currency of the accounts; `None` where no bound is known: then every touched account is margined. `slack` is what
    an account may have moved by beside that; `priced`: whether balances count at prices that move. `supposed` gives the
    margins of accounts as they would stand, and what binds in each, in words; `values[N]` are USD worths of options and
    spot, if it has them.
    """

    how: str
    slack: float
    priced: bool

    @property
    def reach(self) -> F64 | None: ...
    def reprice(self, rows: I64 | None) -> None: ...
    def refer(self) -> None: ...
    def sheet(self, holdings: Holdings, accounts: I64) -> Sheet: ...
    def supposed(self, holdings: Holdings, now: Supposed) -> tuple[Sheet, list[str]]: ...
    def values(self) -> F64 | None: ...


class RowMargins:
    """Any rule set with `MarginModel.rows`: its arithmetic on blocks, on rows that are priced when a tick comes.

    Accounts in another mode than the rules' first, and those whose positions or money the block does not cover, are
    asked of the exact engine one by one; they never sleep.
    """

    def __init__(self, model: MarginModel, prices: HotPrices, tables: RowTables) -> None:
        self.model, self.prices, self.tables = model, prices, tables
        self.exactly = ExactMargins(model, prices)
        self.slack = tables.SLACK
        self.priced = tables.UNIT == "usd"
        asleep = "safe accounts sleep, by a proven bound" if tables.BOUNDED else "every touched account is margined"
        self.how = f"hot rows: only what a tick touches is priced anew; {asleep} ({model.MODEL})"
        self._own, self._counted = self._marks_of(np.arange(len(prices.plan), dtype=np.int64))
        self._modes: tuple[Holdings, BOOL] | None = None
        self._reach = np.zeros(len(prices.plan))
        self.refer()

    @property
    def reach(self) -> F64 | None:
        """See `Margins`."""
        return self._reach if self.tables.BOUNDED else None

    def reprice(self, rows: I64 | None) -> None:
        """See `Margins`."""
        market = self.prices.snapshot() if self.tables.MARKET else self.prices.universe.market
        self.tables.reprice(self.prices.universe.at(market, self.prices.plan), rows)
        which = np.arange(len(self.prices.plan), dtype=np.int64) if rows is None else rows
        self._own[which], self._counted[which] = self._marks_of(which)
        if not self.tables.BOUNDED:
            return
        found = self.tables.reach(which)
        assert found is not None
        with np.errstate(invalid="ignore"):
            each = found + np.abs(self.marks()[1][which] - self.base_marks[which])
        # nobody holds what the rules do not take; where no number came out nobody may sleep
        each = np.where(self.prices.universe.taken[which], each, 0.0)
        self._reach[which] = np.where(np.isnan(each), np.inf, each)

    def refer(self) -> None:
        """See `Margins`."""
        self.tables.refer()
        self.base_marks = self.marks()[1].copy()
        self._reach[:] = 0.0

    def sheet(self, holdings: Holdings, accounts: I64) -> Sheet:
        """See `Margins`."""
        lots = holdings.lots(accounts)
        with np.errstate(all="ignore"):
            found = self.tables.amounts(lots)
            money = self._money(holdings, lots, holdings.collateral[accounts], holdings.costs(accounts))
            return self._sheet(lots, found, money, holdings, accounts, None)

    def supposed(self, holdings: Holdings, now: Supposed) -> tuple[Sheet, list[str]]:
        """See `Margins`."""
        with np.errstate(all="ignore"):
            found, words = self.tables.told(now.lots)
            money = self._money(holdings, now.lots, now.collateral, now.costs)
            return self._sheet(now.lots, found, money, holdings, now.account, (now, words)), words

    def values(self) -> F64 | None:
        """See `Margins`."""
        return self.tables.values()

    def marks(self) -> tuple[F64, F64]:
        """`[N]` what one future or perpetual stands at, in its settlement currency, and in the accounts' currency."""
        return self._own, self._counted

    def _marks_of(self, rows: I64) -> tuple[F64, F64]:
        own = np.where(self.prices.universe.taken[rows], self.prices.unit_marks(rows), 0.0)
        return own, own * np.where(own == 0.0, 0.0, self.prices.plan.settle[rows]) if self.priced else own

    def _money(self, holdings: Holdings, lots: Lots, collateral: F64, costs: F64) -> Money:
        size, width = collateral.shape
        column = holdings.columns[lots.item]
        profit = added(lots.account * width + column, lots.quantity * self.marks()[0][lots.item], size * width)
        price = np.array([self.prices.asset_price(a) for a in holdings.assets])
        return Money(holdings.assets, price, collateral, profit.reshape(size, width) - costs)

    def _sheet(
        self,
        lots: Lots,
        found: Amounts,
        money: Money,
        holdings: Holdings,
        accounts: I64,
        after: tuple[Supposed, list[str]] | None,
    ) -> Sheet:
        equity, odd = self.tables.equity(lots, found, money)
        amounts = np.stack([found.initial, found.maintenance, equity])
        exact = found.odd | odd | ~np.isfinite(amounts).all(axis=0) | self._other_mode(holdings)[accounts]
        currency = np.full(accounts.size, self.model.rules.currency, dtype="<U16")
        if found.currency is not None:
            currency[:] = found.currency
        refused: dict[int, Problem] = {}
        which = np.flatnonzero(exact).tolist()
        if which:
            documents = [
                holdings.account(int(accounts[k])) if after is None else after[0].document(holdings, k) for k in which
            ]
            own, words = self.exactly.each(documents)
            amounts[:, which] = own.initial, own.maintenance, own.equity
            currency[which] = own.currency
            refused = {which[k]: problem for k, problem in own.refused.items()}
            if after is not None:
                for k, text in zip(which, words, strict=True):
                    after[1][k] = text
        further = np.full(accounts.size, np.inf) if after is not None else self.tables.further(lots)
        return Sheet(amounts[0], amounts[1], amounts[2], refused, currency, exact, further)

    def _other_mode(self, holdings: Holdings) -> BOOL:
        """`[A]` accounts in another mode than the one that the blocks are for."""
        if self._modes is None or self._modes[0] is not holdings:
            other = np.array([d.mode != self.model.MODES[0] for d in holdings.documents], dtype=bool)
            self._modes = (holdings, other)
        return self._modes[1]


class ExactMargins:
    """Any model through `MarginModel.assess`, account by account: right and slow, for desks of some accounts."""

    slack = 0.0
    priced = True

    def __init__(self, model: MarginModel, prices: HotPrices) -> None:
        self.model, self.prices = model, prices
        self.how = f"the exact engine, account by account, in the snapshot of the moment ({model.MODEL})"

    @property
    def reach(self) -> F64 | None:
        """See `Margins`: no bound is known."""
        return None

    def reprice(self, rows: I64 | None) -> None:
        """See `Margins`: nothing is kept."""

    def refer(self) -> None:
        """See `Margins`: nothing is kept."""

    def sheet(self, holdings: Holdings, accounts: I64) -> Sheet:
        """See `Margins`."""
        return self.each([holdings.account(a) for a in accounts.tolist()])[0]

    def supposed(self, holdings: Holdings, now: Supposed) -> tuple[Sheet, list[str]]:
        """See `Margins`."""
        return self.each([now.document(holdings, o) for o in range(now.account.size)])

    def values(self) -> F64 | None:
        """See `Margins`."""
        return None

    def each(self, documents: Sequence[Account]) -> tuple[Sheet, list[str]]:
        """The margins of account documents one by one, and what binds in each."""
        amounts = np.full((3, len(documents)), np.nan)
        currency = np.full(len(documents), self.model.rules.currency, dtype="<U16")
        refused: dict[int, Problem] = {}
        words = [""] * len(documents)
        market = self.prices.snapshot()
        for k, document in enumerate(documents):
            try:
                with np.errstate(all="ignore"):
                    found = self.model.assess(document, market, "refuse")
            except DocumentError as error:
                refused[k] = error.problems[0]
                words[k] = str(error.problems[0])
                continue
            initial, maintenance = (sum(getattr(c, n) for c in found.components) for n in ("initial", "maintenance"))
            amounts[:, k] = initial, maintenance, found.net_equity
            if not np.isfinite(amounts[:, k]).all():
                refused[k] = NOT_FINITE
                amounts[:, k] = np.nan
            currency[k] = found.currency or self.model.rules.currency
            worst = min(found.binding, key=lambda b: b.pnl, default=None)
            words[k] = "no loss" if worst is None else f"{worst.underlying} {worst.label}"
        every, far = np.ones(len(documents), dtype=bool), np.full(len(documents), np.inf)
        return Sheet(amounts[0], amounts[1], amounts[2], refused, currency, every, far), words


NOT_FINITE = Problem("account", "an amount that is not finite", "sizes that double precision can multiply")


def margins_of(model: MarginModel, prices: HotPrices) -> RowMargins | ExactMargins:
    """The fastest of them that gives the model's own numbers."""
    tables = model.rows(prices.universe)
    return ExactMargins(model, prices) if tables is None else RowMargins(model, prices, tables)


def allowed_assets(model: MarginModel) -> frozenset[str] | None:
    """The collateral that the hot rows know; `None` where the model itself says so when it is asked."""
    # a subclass has terms of its own
    return frozenset(model.parameters.haircuts) if type(model) is Prbm else None
