"""Binance Portfolio Margin: one equity of everything against the margin of futures and loans, the ratio uniMMR.

Source: venues-cex section 3.4, own words. Rule codes `BINANCE-PM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plimsoll.contracts import Contract, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.futures_forms import FUTURES_FORMS, futures_form
from plimsoll.margin.parts.futures_many import FutureUnits
from plimsoll.margin.parts.futures_orders import order_charges, order_problems
from plimsoll.margin.parts.legs import Legs, Unit
from plimsoll.margin.parts.tiers import Tiers, TierTable
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.binance.pm_equity import Wallets, equity_kinks
from plimsoll.margin.venues.binance.pm_parameters import LoanTerms, PmParameters
from plimsoll.margin.venues.binance.usdm import bracket_symbol, some_of
from plimsoll.market import Market

SETTING = "margin_leverage_"


class PortfolioMargin(MarginModel):
    """Binance Portfolio Margin and, without `open_loss`, the part of PM Pro that is published; amounts in USD.

    ```
    X         balance - loan + profit and funding of the futures that settle in the asset
    equity    sum over assets of min(X p rate, X p), less what open orders would lose at once
    futures   maintenance |q| mark rate - cum, initial |q| mark / leverage, converted at p
    loans     maintenance loan * MMR * p, initial loan / (leverage - 1) * p
    uniMMR    equity / maintenance of futures and loans
    line      the venue liquidates at a uniMMR of 105 %: maintenance is theirs times that
    ```

    Balances of the margin account and of both futures wallets stand together in `account.collateral`, loans in
    `account.borrowed`. A negative balance is not cut. The leverage of the margin account is a setting of the account,
    `margin_leverage_5x` for example; the pack's default otherwise. PM Pro's SPAN mode has no published parameters and
    is not served.

    Each margin depends on one position or loan alone, so its Aumann-Shapley share is that margin, exactly.
    """

    MODEL = "binance-pm"
    LINEAR = ("USDT", "USDC")
    PARAMETERS = PmParameters
    FORMS = FUTURES_FORMS
    TAKES: ClassVar[frozenset[str]] = frozenset({"legs", "borrowed", "leverage"})
    SETTINGS: ClassVar[frozenset[str]] = frozenset(SETTING + n for n in ("3x", "5x", "10x"))
    MANY = "every position by itself: one tier looked up, one rate and one deduction, converted into dollars"
    parameters: PmParameters

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        """Parameter path, brackets and unit of a contract, `None` where the rules do not list it."""
        for part, settlement in (("um", Settlement.LINEAR), ("cm", Settlement.INVERSE)):
            table: dict[str, TierTable] = getattr(self.parameters, part)
            symbol = bracket_symbol(contract, table, settlement)
            if symbol is not None:
                return f"{part}.{symbol}", table[symbol], "notional"
        return None

    @property
    def default_leverage(self) -> float | None:
        """Leverage of a futures position for which none was chosen."""
        return self.parameters.default_leverage

    def close_fee_rate(self, contract: Contract) -> float:
        """The venue adds no fee to these margins."""
        return 0.0

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        p = self.parameters
        found = order_problems(account, market)
        named = [(f"account.positions[{i}].instrument", x.instrument) for i, x in enumerate(account.positions)]
        named += [(f"account.orders[{i}].instrument", x.instrument) for i, x in enumerate(account.orders)]
        for path, name in named:
            contract = market.contracts.get(name)
            if contract is None:
                continue  # the book refuses a position in it, and `order_problems` an order
            if self.rule(contract) is None:
                got = f"{name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
                found.append(Problem(path, got, "futures and perpetuals of " + some_of((*p.um, *p.cm))))
            elif contract.currency not in p.collateral:
                got = f"{name!r}, settled in {contract.currency} ({Reason.UNKNOWN_CURRENCY.value})"
                found.append(Problem(path, got, "contracts that settle in " + ", ".join(p.collateral)))
        for field in ("collateral", "borrowed"):
            for asset, amount in getattr(account, field).items():
                path = f"account.{field}.{asset}"
                if amount and asset not in p.collateral:
                    got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
                    found.append(Problem(path, got, "assets with a collateral rate: " + ", ".join(p.collateral)))
                elif amount and market.price_of(asset) is None:
                    got = f"{amount!r} of {asset} ({Reason.MISSING_PRICE.value})"
                    found.append(Problem(path, got, "an asset that market.assets or market.indices prices"))
        chosen = [s for s, on in account.settings.items() if on and s in self.SETTINGS]
        if len(chosen) > 1:
            found.append(Problem("account.settings", ", ".join(chosen), "one leverage of the margin account"))
        elif chosen and chosen[0].removeprefix(SETTING) not in p.loans:
            allowed = ", ".join(SETTING + n for n in p.loans)
            found.append(Problem(f"account.settings.{chosen[0]}", "a leverage without terms in the pack", allowed))
        return found

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
        legs, paths = self._legs(book)
        prices = legs.price[:, None]
        notional, profit = legs.notional(prices), legs.profits(prices)
        kept = legs.maintenance(notional)[:, 0]
        initial = (legs.initial_rate(notional, self.default_leverage) * notional)[:, 0]
        still = States({}, np.ones(1))
        wallets = Wallets.of(account, market, legs)
        usd = book.plan.settle
        inverse = np.array([c.currency == c.underlying for c in book.plan.contracts], dtype=bool)
        components = [
            component(
                name,
                title,
                weakest(self.rules, self._paths(paths, which & legs.unchosen, which) or [place]),
                legs.subjects,
                np.where(which, initial * usd, 0.0),
                np.where(which, kept * usd, 0.0),
                method="aumann-shapley",
            )
            for name, title, place, which in (
                ("um_futures", "USD-margined futures", "um", ~inverse),
                ("cm_futures", "Coin-margined futures", "cm", inverse),
            )
        ]
        components += [self._loans(account, market), self._orders(account, market)]
        balances = {a: float(x[0]) for a, x in wallets.balances(profit).items()}
        counted = {a: float(x[0]) for a, x in wallets.counted(profit, still, self._rates).items()}
        lost = float(wallets.open_loss(still)[0])
        equity = sum(counted.values()) - (lost if self.parameters.open_loss else 0.0)
        maintenance = sum(c.maintenance for c in components)
        components.append(self._level(components))
        workings = {f"balance.{a}": x for a, x in balances.items()}
        workings |= {f"equity.{a}": x for a, x in counted.items()}
        workings |= {f"futures_maintenance.{a}": x for a, x in self._by_asset(legs, kept).items()}
        terms = self._terms(account)
        workings |= {f"loan_maintenance.{a}": x * terms.loan_maintenance for a, x in account.borrowed.items() if x}
        workings["open_loss"] = lost
        notes = []
        if maintenance > 0:
            workings["uni_mmr"] = equity / maintenance
            notes.append(f"uniMMR {equity / maintenance:.4g}: {self.parameters.status(equity / maintenance)}")
        if lost and not self.parameters.open_loss:
            notes.append(f"open orders would lose {lost:.9g} USD at once, which these rules do not take off equity")
        total = sum(c.initial for c in components)
        return Assessment(
            net_equity=equity,
            components=tuple(components),
            binding=(Binding(underlying="USD", kind="positions", label="each position by itself", pnl=-total),),
            scenarios=(),
            workings=workings,
            failures=book.failures,
            notes=tuple(notes),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, "refuse"))
        prices = legs.prices(states)
        wallets = Wallets.of(account, market, legs)
        equity = sum(wallets.counted(legs.profits(prices), states, self._rates).values(), np.zeros(len(states)))
        if self.parameters.open_loss:
            equity = equity - wallets.open_loss(states)
        kept = legs.maintenance(legs.notional(prices))
        maintenance = np.zeros(len(states))
        for i, contract in enumerate(legs.book.plan.contracts):
            maintenance = maintenance + kept[i] * wallets.price(contract.currency, states)
        rate = self._terms(account).loan_maintenance
        for asset, amount in account.borrowed.items():
            maintenance = maintenance + amount * rate * wallets.price(asset, states)
        return (Track(ACCOUNT, equity, maintenance * self.parameters.liquidated_at),)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """Ends of brackets, prices of open orders, and where one underlying alone takes a balance through zero."""
        self.check(account, market)
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, "refuse"))
        found = {u: set(x.tolist()) for u, x in legs.tier_multipliers().items()}
        for underlying, more in equity_kinks(Wallets.of(account, market, legs)).items():
            found.setdefault(underlying, set()).update(more)
        return {u: np.array(sorted(x)) for u, x in found.items()}

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        unit, usd = FutureUnits.of(self, universe), universe.known(universe.plan.settle)
        level = self.parameters.liquidated_at

        def amounts(lots: Lots) -> Amounts:
            initial, maintenance = unit.margins(lots.item, lots.quantity)
            nothing, price = np.zeros(lots.accounts), usd[lots.item]
            odd = np.zeros(lots.accounts, dtype=bool)
            return Amounts(lots.sum(initial * price), lots.sum(maintenance * price) * level, nothing, odd)

        return amounts

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        form = futures_form(FutureUnits.of(self, universe), reach, universe.plan.settle)
        return form, form

    def _legs(self, book: Book) -> tuple[Legs, list[str]]:
        rules = [r for r in map(self.rule, book.plan.contracts) if r is not None]
        return Legs.of(book, [Tiers.of(r[1]) for r in rules], [r[2] for r in rules]), [r[0] for r in rules]

    @staticmethod
    def _paths(brackets: list[str], unchosen: Any, which: Any) -> list[str]:
        """What the margins of some positions rest on: their brackets, and the pack's leverage where none was chosen."""
        found = [p for p, mine in zip(brackets, which, strict=True) if mine]
        return [*found, "default_leverage"] if unchosen.any() else found

    @property
    def _rates(self) -> dict[str, float]:
        return {a: c.collateral_rate for a, c in self.parameters.collateral.items()}

    def _terms(self, account: Account) -> LoanTerms:
        p = self.parameters
        return p.loans[self._loan_key(account)]

    def _loan_key(self, account: Account) -> str:
        chosen = (s for s, on in account.settings.items() if on and s in self.SETTINGS)
        return next(chosen, SETTING + self.parameters.default_margin_leverage).removeprefix(SETTING)

    def _loans(self, account: Account, market: Market) -> Component:
        terms = self._terms(account)
        loans = {a: x for a, x in account.borrowed.items() if x}
        price = np.array([_price(market, a) for a in loans], dtype=np.float64)
        owed = np.array(list(loans.values()), dtype=np.float64) * price
        evidence = weakest(self.rules, [f"loans.{self._loan_key(account)}"])
        initial, kept = owed / (terms.margin_leverage - 1.0), owed * terms.loan_maintenance
        names = [f"loan {a}" for a in loans]
        return component("loans", "Loans", evidence, names, initial, kept, method="aumann-shapley")

    def _level(self, components: list[Component]) -> Component:
        """What equity has to be above the maintenance margins for the venue not to liquidate, by what has them."""
        above = self.parameters.liquidated_at - 1.0
        shares = [s for c in components for s in c.shares if s.maintenance]
        amounts = np.array([above * s.maintenance for s in shares], dtype=np.float64)
        title = f"Liquidation begins at a uniMMR of {self.parameters.liquidated_at:.0%}"
        evidence = weakest(self.rules, ["statuses"])
        names = [s.subject for s in shares]
        return component(
            "liquidation_level", title, evidence, names, np.zeros_like(amounts), amounts, method="aumann-shapley"
        )

    def _orders(self, account: Account, market: Market) -> Component:
        found = order_charges(self, account, market)
        added = np.array([c.amount * _price(market, c.contract.currency) for c in found], dtype=np.float64)
        names = [c.subject for c in found]
        return component("open_orders", "Open orders", "assumed", names, added, np.zeros_like(added))

    @staticmethod
    def _by_asset(legs: Legs, amounts: F64) -> dict[str, float]:
        found: dict[str, float] = {}
        for contract, amount in zip(legs.book.plan.contracts, amounts.tolist(), strict=True):
            found[contract.currency] = found.get(contract.currency, 0.0) + amount
        return found


def _price(market: Market, asset: str) -> float:
    price = market.price_of(asset)
    return float("nan") if price is None else price.price
