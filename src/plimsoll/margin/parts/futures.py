"""Futures and perpetuals by tiers, in cross and in isolated margin: what such venues have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.futures_forms import FUTURES_FORMS, futures_form
from plimsoll.margin.parts.futures_many import FutureUnits, futures_batch
from plimsoll.margin.parts.futures_orders import order_charges, order_problems
from plimsoll.margin.parts.legs import Legs, Unit, tier_parts
from plimsoll.margin.parts.tiers import Tiers, TierTable
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.pools import SHARED, pool, pooled_equity
from plimsoll.margin.requirement import Binding, Component, Pool
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


class TieredFutures(MarginModel):
    """Margin of futures and perpetuals by the tier of each position's size.

    ```
    maintenance   notional * rate - deduction            rate and deduction of the tier
    initial       notional / leverage                    at most the leverage of the tier
    shared pool   balance less isolated margins, profit and funding of the positions that share it
    isolated pool its margin, profit and funding of one position; what it loses beyond its margin is not the account's
    orders        what the initial margin of an instrument rises by when all its buys, or all its sells, are filled;
                  reduce-only orders add nothing
    ```

    Accounts are segregated by settlement currency, and amounts are in it. A venue's class names the tiers of a
    contract in `rule`. Each position's margin depends on that position alone, so its Aumann-Shapley share is that
    margin, exactly.
    """

    MODES = ("cross", "isolated")
    TAKES: ClassVar[frozenset[str]] = frozenset({"isolated", "legs", "leverage"})
    FORMS = FUTURES_FORMS
    MANY = "every position by itself: one tier looked up, one rate and one deduction"

    @abstractmethod
    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        """Parameter path, table and unit for a contract, `None` where the rules do not list it."""

    @abstractmethod
    def listed(self) -> str:
        """Which contracts the rules list, in words for a refusal."""

    @property
    def default_leverage(self) -> float | None:
        """Leverage of a position for which none was chosen; `None`: the highest of its tier."""
        return None

    def close_fee_rate(self, contract: Contract) -> float:
        """Part of the notional that both margins add for closing; zero where the venue adds none."""
        return 0.0

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        found = order_problems(account, market)
        named = [(f"account.positions[{i}].instrument", p.instrument) for i, p in enumerate(account.positions)]
        named += [(f"account.orders[{i}].instrument", o.instrument) for i, o in enumerate(account.orders)]
        currencies = set()
        for path, name in named:
            contract = market.contracts.get(name)
            if contract is None:
                continue  # the book refuses a position in it, and `order_problems` an order
            if self.rule(contract) is None:
                got = f"{name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
                found.append(Problem(path, got, self.listed()))
            else:
                currencies.add(contract.currency)
        if len(currencies) > 1:
            got = f"contracts that settle in {', '.join(sorted(currencies))} ({Reason.SEVERAL_CURRENCIES.value})"
            allowed = "one settlement currency, which the venue margins by itself: an account document for each"
            found.append(Problem("account.positions", got, allowed))
        if account.mode == "isolated":
            found += [
                Problem(f"account.positions[{i}].isolated_margin", "nothing", "the money set apart for this position")
                for i, p in enumerate(account.positions)
                if p.isolated_margin is None and p.quantity
            ]
        return found

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        legs, paths = self._legs(open_book(account.model_copy(update={"orders": ()}), market, on_failure))
        prices = legs.price[:, None]
        notional, profit = legs.notional(prices), legs.profits(prices)[:, 0]
        maintenance = legs.maintenance(notional)[:, 0]
        initial = (legs.initial_rate(notional, self.default_leverage) * notional)[:, 0]
        fees = self._fees(legs.book) * notional[:, 0]
        currency = self.currency(account, market)
        # an initial margin for which nobody chose a leverage rests on that of the pack
        if self.default_leverage is not None and legs.unchosen.any():
            paths.append("default_leverage")
        rows = [("positions", "Futures and perpetuals", initial, maintenance, paths)]
        if fees.any():
            rows.append(("close_fees", "Fees of closing", fees, fees, ["close_fee"]))
        components = [
            component(name, title, weakest(self.rules, on or ["*"]), legs.subjects, *amounts, method="aumann-shapley")
            for name, title, *amounts, on in rows
        ]
        components.append(self._orders(account, market))
        pools = self._pools(
            legs, account.collateral.get(currency, 0.0), profit, initial + fees, maintenance + fees, components[-1]
        )
        total = sum(c.initial for c in components)
        label = "each position by itself"
        return Assessment(
            net_equity=pooled_equity(pools),
            components=tuple(components),
            binding=(Binding(underlying=currency, kind="positions", label=label, pnl=-total),),
            scenarios=(),
            workings={
                "notional": float(notional.sum()),
                "profit": float(profit.sum()),
                **self.further_workings(legs, account.collateral.get(currency, 0.0)),
            },
            failures=legs.book.failures,
            notes=self.notes(account, currency),
            currency=currency,
            pools=pools if legs.isolated.any() else (),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, "refuse"))
        prices = legs.prices(states)
        notional, profit = legs.notional(prices), legs.profits(prices)
        maintenance = legs.maintenance(notional) + self._fees(legs.book)[:, None] * notional
        apart = legs.isolated
        balance = account.collateral.get(self.currency(account, market), 0.0) - float(legs.margin[apart].sum())
        name = SHARED if apart.any() else ACCOUNT
        shared = Track(name, balance + profit[~apart].sum(axis=0), maintenance[~apart].sum(axis=0))
        own = [
            Track(legs.subjects[i], legs.margin[i] + profit[i], maintenance[i]) for i in np.flatnonzero(apart).tolist()
        ]
        return (shared, *own)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: where a position comes to the end of a tier."""
        self.check(account, market)
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, "refuse"))
        return legs.tier_multipliers()

    def tier_parts(self, account: Account, market: Market) -> dict[str, float]:
        """Of each position the part whose closing brings it to the end of the tier below; one in the lowest tier."""
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, "refuse"))
        return tier_parts(legs, legs.notional(legs.price[:, None])[:, 0])

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        return futures_batch(FutureUnits.of(self, universe), universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        universe.one([c.currency for c in universe.plan.contracts], "settlement currency")
        form = futures_form(FutureUnits.of(self, universe), reach)
        return form, form

    def forms_currency(self, universe: Universe) -> str:
        """The settlement currency of the contracts."""
        return universe.plan.contracts[0].currency

    def further_workings(self, legs: Legs, balance: float) -> dict[str, float]:
        """Further intermediate results, by name; `balance` is what the account holds of its settlement currency."""
        return {}

    def currency(self, account: Account, market: Market) -> str:
        """The settlement currency of the account: that of its contracts, else of its first balance, else the pack's."""
        for name in (*(p.instrument for p in account.positions), *(o.instrument for o in account.orders)):
            if name in market.contracts:
                return market.contracts[name].currency
        return next(iter(account.collateral), self.rules.currency)

    def notes(self, account: Account, currency: str) -> tuple[str, ...]:
        """Sentences for the requirement: balances that do not stand against it, leverages that had to be supposed."""
        idle = ", ".join(f"{v:.9g} {a}" for a, v in account.collateral.items() if a != currency and v != 0.0)
        found = [f"not counted, as the account is margined in {currency}: {idle}"] if idle else []
        open_ones = [p.instrument for p in account.positions if p.leverage is None and p.quantity]
        if self.default_leverage is None and open_ones:
            names = ", ".join(dict.fromkeys(open_ones))
            found.append(f"no leverage given, so initial margin at the highest of its tier: {names}")
        return tuple(found)

    def _legs(self, book: Book) -> tuple[Legs, list[str]]:
        rules = [r for r in map(self.rule, book.plan.contracts) if r is not None]
        return Legs.of(book, [Tiers.of(r[1]) for r in rules], [r[2] for r in rules]), [r[0] for r in rules]

    def _fees(self, book: Book) -> F64:
        return np.array([self.close_fee_rate(c) for c in book.plan.contracts], dtype=np.float64)

    def _orders(self, account: Account, market: Market) -> Component:
        """See `order_charges`."""
        found = order_charges(self, account, market)
        added = np.array([c.amount for c in found], dtype=np.float64)
        names = [c.subject for c in found]
        return component("open_orders", "Open orders", "assumed", names, added, np.zeros_like(added))

    @staticmethod
    def _pools(
        legs: Legs, balance: float, profit: F64, initial: F64, maintenance: F64, orders: Component
    ) -> tuple[Pool, ...]:
        apart = legs.isolated
        equity = balance - float(legs.margin[apart].sum()) + float(profit[~apart].sum())
        shared = pool(
            SHARED, None, equity, float(initial[~apart].sum()) + orders.initial, float(maintenance[~apart].sum())
        )
        own = [
            pool(
                legs.subjects[i],
                float(legs.margin[i]),
                float(legs.margin[i] + profit[i]),
                float(initial[i]),
                float(maintenance[i]),
            )
            for i in np.flatnonzero(apart).tolist()
        ]
        return (shared, *own)
