"""Deribit standard margin: every position by itself, in the coin it settles in.

Source: venues-cex sections 1.1, 1.2 and 1.3.9, own words. Rule codes `DERIBIT-SM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.following import Follow, followed
from plimsoll.margin.parts.marks import option_marks, with_marked_options
from plimsoll.margin.path import States, Track
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.deribit.procedure import DeribitProcedure, shares_of
from plimsoll.margin.venues.deribit.settlement import (
    STABLES,
    contract_problems,
    currency_problems,
    idle_balances,
    settlement_currency,
    unused_reports,
    usd_price,
)
from plimsoll.margin.venues.deribit.sm_along import sm_follow
from plimsoll.margin.venues.deribit.sm_charges import TERMS
from plimsoll.margin.venues.deribit.sm_forms import SM_FORMS, sm_pieces
from plimsoll.margin.venues.deribit.sm_hot import SmRows
from plimsoll.margin.venues.deribit.sm_many import sm_batch
from plimsoll.margin.venues.deribit.sm_parameters import SmParameters
from plimsoll.margin.venues.deribit.sm_rows import (
    SHARE_READINGS,
    UNDERLYING_READINGS,
    Row,
    order_rows,
    position_rows,
    rate_problems,
)
from plimsoll.market import Market

ORDERS = "open_orders_margin"
TITLES = {
    "futures": "Futures and perpetuals",
    "options": "Short options",
    "orders": "Open orders",
}


@dataclass(frozen=True)
class Sums:
    """Totals by reading and the readings that are charged; `price` turns a row's currency into the account's."""

    currency: str
    price: dict[str, float]
    initial: dict[str, float]
    maintenance: dict[str, float]

    @property
    def underlying(self) -> str:
        """The reading of the initial margin with the larger total; the first on a tie."""
        return max(UNDERLYING_READINGS, key=lambda n: (self.initial[n], -UNDERLYING_READINGS.index(n)))

    @property
    def share(self) -> str:
        """The reading of the maintenance margin with the larger total; the first on a tie."""
        return max(SHARE_READINGS, key=lambda n: (self.maintenance[n], -SHARE_READINGS.index(n)))


class StandardMargin(MarginModel):
    """Deribit's standard margin (S:SM, and X:SM for an account in cross mode).

    ```
    future of q coins   initial (im0 + k q) q       maintenance (mm0 + k q) q      times the index where linear
    short option        max(rate - otm / U, floor) + mark,  maintenance rate + mark    for each coin
    account             sum of positions and open orders; nothing is netted
    ```

    Segregated, the account is margined in the one currency its contracts settle in, and only the balance in that
    currency stands against it. Cross collateral is margined in USD at the indices; a haircut on collateral is part of
    the initial margin only. Amounts of a position are rounded to nine decimals.

    Each position's margin depends on that position alone, so its Aumann-Shapley share is that margin, exactly.
    """

    MODEL = "deribit-sm"
    PARAMETERS = SmParameters
    FORMS = SM_FORMS
    MODES = ("portfolio", "cross")
    MANY = (
        "every lot by itself: four charges under the readings of the rule, each rounded to nine decimals as the venue "
        "rounds it, and no scenario at all"
    )
    parameters: SmParameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        return sm_batch(self.parameters, universe)

    def rows(self, universe: Universe) -> SmRows | None:
        """See `MarginModel.rows`."""
        return SmRows(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return sm_pieces(self.parameters, universe, reach)

    def forms_currency(self, universe: Universe) -> str:
        """The settlement currency of the contracts."""
        return universe.plan.contracts[0].currency

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: futures, perpetuals and options with rates in the pack; segregated: all of one settlement currency.
        """
        problems = contract_problems(account, market)
        if account.mode != "cross":
            problems += currency_problems(account, market)
        return problems + rate_problems(self.parameters, account, market)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            book, _ = self._opened(account, market, "refuse")
            currency = self._currency(account, market)
            for name in {c.currency for c in book.plan.contracts} if account.mode == "cross" else ():
                usd_price(book, name)
            if ORDERS not in account.reported:
                # orders are charged in the initial margin only, but those without a price are refused
                order_rows(self.parameters, account, market)
            held = None if account.mode == "cross" else currency
            return book, lambda moving: sm_follow(self.parameters, moving, held)

        return followed(self, account, market, states, opened)

    def _currency(self, account: Account, market: Market) -> str:
        if account.mode == "cross":
            return "USD"
        return settlement_currency(account, market, {*self.parameters.futures, *STABLES}) or self.rules.currency

    def _opened(self, account: Account, market: Market, on_failure: OnFailure) -> tuple[Book, Market]:
        """The book without its orders, and the market in which marked options need no volatility."""
        self.check(account, market)
        if account.mode == "cross":
            known_collateral(account.collateral, self.parameters.haircuts)
        marked = with_marked_options(account, market)
        return open_book(account.model_copy(update={"orders": ()}), marked, on_failure), marked

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return DeribitProcedure(
            self.parameters.liquidation,
            lambda account, market: shares_of(self.assess(account, market, "refuse").components),
            assumed,
            weakest(self.rules, ["liquidation"]),
        )

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        p, cross = self.parameters, account.mode == "cross"
        book, marked = self._opened(account, market, on_failure)
        marks = option_marks(book.plan, marked, book.quantity)
        rows = position_rows(p, book.plan, book.quantity, marks)
        if ORDERS not in account.reported:
            rows += order_rows(p, account, marked)
        sums = self._sums(book, rows, self._currency(account, market), cross)
        held = np.where(book.quantity == 0.0, 0.0, book.quantity * book.plan.multiplier * marks)
        value = float((held * self._prices(book, sums, cross)).sum())
        equity = self._equity(book, sums, cross)
        return Assessment(
            net_equity=min(equity, equity + value),
            components=self._components(account, book, rows, sums),
            binding=(self._binding(rows, sums),),
            scenarios=(),
            workings=self._workings(rows, sums, equity, value),
            failures=book.failures,
            notes=self._notes(account, rows, sums, value, cross),
            currency=sums.currency,
        )

    def _sums(self, book: Book, rows: list[Row], currency: str, cross: bool) -> Sums:
        used = {r.currency for r in rows} | {c.currency for c in book.plan.contracts}
        price = {c: usd_price(book, c) if cross else 1.0 for c in used}
        return Sums(
            currency,
            price,
            {n: sum(r.initial[n] * price[r.currency] for r in rows) for n in UNDERLYING_READINGS},
            {n: sum(r.maintenance[n] * price[r.currency] for r in rows) for n in SHARE_READINGS},
        )

    @staticmethod
    def _prices(book: Book, sums: Sums, cross: bool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([sums.price[c.currency] if cross else 1.0 for c in book.plan.contracts], dtype=np.float64)

    def _equity(self, book: Book, sums: Sums, cross: bool) -> float:
        """Balance, unrealised profit and funding in the account's currency, without the value of options."""
        owed = float(((book.unrealised + book.funding) * self._prices(book, sums, cross)).sum())
        if not cross:
            return book.account.collateral.get(sums.currency, 0.0) + owed
        return owed + sum(amount * usd_price(book, asset) for asset, amount in book.account.collateral.items())

    def _components(self, account: Account, book: Book, rows: list[Row], sums: Sums) -> tuple[Component, ...]:
        found = []
        for kind, title in TITLES.items():
            mine = [r for r in rows if r.kind == kind]
            paths = sorted({path for r in mine for path in r.paths}) or [
                "inverse_options" if kind == "options" else "futures"
            ]
            names = [r.subject for r in mine]
            initial = [r.initial[sums.underlying] * sums.price[r.currency] for r in mine]
            maintenance = [r.maintenance[sums.share] * sums.price[r.currency] for r in mine]
            if kind == "orders" and ORDERS in account.reported:
                names, initial, maintenance = ["open orders, as reported"], [account.reported[ORDERS]], [0.0]
            evidence = "assumed" if kind == "orders" else weakest(self.rules, paths)
            method = "euler" if kind == "options" else "aumann-shapley"
            amounts = np.array(initial, dtype=np.float64), np.array(maintenance, dtype=np.float64)
            found.append(component(kind, title, evidence, names, *amounts, method=method))  # type: ignore[arg-type]
        if account.mode == "cross":
            assets = [a for a, amount in account.collateral.items() if amount > 0.0]
            cut = [account.collateral[a] * usd_price(book, a) * self.parameters.haircuts[a] for a in assets]
            names = [f"collateral {a}" for a in assets]
            evidence = weakest(self.rules, [f"haircuts.{a}" for a in assets] or ["haircuts"])
            zero = np.zeros(len(cut))
            found.append(component("collateral_haircut", "Collateral haircut", evidence, names, np.array(cut), zero))
        return tuple(found)

    @staticmethod
    def _binding(rows: list[Row], sums: Sums) -> Binding:
        """What sets the margin: the sum, and which term of the formula each short option stands at."""
        terms = Counter(row.term[sums.underlying] for row in rows if row.term is not None)
        told = ", ".join(f"{terms[term]} {term}" for term in TERMS if terms[term])
        label = "each position by itself" + (f"; short options against the {sums.underlying}: {told}" if told else "")
        return Binding(underlying=sums.currency, kind="positions", label=label, pnl=-sums.initial[sums.underlying])

    @staticmethod
    def _workings(rows: list[Row], sums: Sums, equity: float, value: float) -> dict[str, float]:
        found = {}
        if value != 0.0:
            found["reading.margin_balance.with_option_value"] = equity + value
            found["reading.margin_balance.without_option_value"] = equity
        if any(r.kind != "futures" for r in rows):
            found |= {f"reading.underlying.{n}": v for n, v in sums.initial.items()}
        if sums.maintenance[SHARE_READINGS[0]] != sums.maintenance[SHARE_READINGS[1]]:
            found |= {f"reading.maintenance.{n}": v for n, v in sums.maintenance.items()}
        return found

    def _notes(self, account: Account, rows: list[Row], sums: Sums, value: float, cross: bool) -> tuple[str, ...]:
        notes = []
        unit = sums.currency
        low, high = sorted(sums.initial.values())
        if high > low:
            notes.append(
                f"out of the money against the forward or the index: initial margin {low:.9g} to {high:.9g} {unit}; "
                f"charged the {sums.underlying}"
            )
        low, high = sorted(sums.maintenance.values())
        if self.parameters.maintenance_share is not None and high > low:
            which = "the part of the initial margin" if sums.share == "share" else "the rate and slope of 2022"
            notes.append(f"maintenance of futures: {low:.9g} to {high:.9g} {unit} by the reading; charged {which}")
        if self.parameters.maintenance_share is not None and any(r.kind == "futures" for r in rows):
            notes.append("the venue's leverage table of 2026 is not published: initial margin keeps the slope of 2022")
        if value != 0.0:
            kept = "without" if value > 0 else "with"
            notes.append(
                f"margin balance taken {kept} the value of options ({value:.9g} {unit}), the lesser of two readings"
            )
        if any(r.kind == "orders" for r in rows):
            notes.append("open orders are charged one by one at their own price, in the initial margin only")
        if not cross:
            notes += idle_balances(account, unit)
        return (*notes, *unused_reports(account, {ORDERS}))
