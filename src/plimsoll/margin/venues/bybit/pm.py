"""Bybit's portfolio margin: for each underlying the worst of 33 scenarios and five contingencies, in USD.

Source: venues-cex section 4.3 and the venue's API example, own words. Rule codes `BYBIT-PM-nn` are listed in
docs/rules.
"""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option, Settlement, is_exotic
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Component, ScenarioLoss
from plimsoll.margin.venues.bybit.money import (
    Balances,
    account_rates,
    asset_problems,
    balances,
    borrow_margin,
    usd_prices,
)
from plimsoll.margin.venues.bybit.parameters import PmParameters
from plimsoll.margin.venues.bybit.pm_along import portfolio_along
from plimsoll.margin.venues.bybit.pm_grid import grid_of
from plimsoll.margin.venues.bybit.pm_orders import OrderFill, order_fills
from plimsoll.margin.venues.bybit.pm_unit import REPORTED, Measured, measured, spot_balance
from plimsoll.margin.venues.bybit.procedure import BybitProcedure
from plimsoll.market import Market
from plimsoll.scenarios import FLAT, VolRule

F64 = npt.NDArray[np.float64]

PM_FORMS = Declared(
    "refused",
    "none",
    "the worst scenario is a maximum of straight lines, but the contingencies match expiries and settlement currencies "
    "by a reading that has no rows yet, and spot counts only where it gains",
    "refused",
    "the contingencies on vega and delta match positive and negative sums, which is not convex in the positions",
)
TITLES = {
    "option": "Contingency on net short options",
    "option_vega": "Contingency on vega between expiries",
    "usdt_usdc": "Contingency between settlement currencies",
    "future_delta": "Contingency on the delta of futures",
    "future": "Contingency on futures and perpetuals",
}
GRID = ("price_range", "vol_up", "vol_down", "initial_factor")


class BybitPortfolioMargin(MarginModel):
    """Bybit's portfolio margin, amounts in USD.

    ```
    risk unit    maintenance = worst loss over 11 prices x 3 volatilities + contingencies
                 initial = initial_factor * maintenance
    account      sum of risk units, margin of what is borrowed as in cross margin, what open orders add
    equity       balances, profit of futures and value of options, less their haircuts
    ```

    All contracts on one coin are one unit, whatever they settle in; with the setting `spot_hedging` the coin itself
    stands in the scenarios where it hedges. Shares are Euler shares.
    """

    MODEL = "bybit-pm"
    LINEAR = ("USDT", "USDC")
    PARAMETERS = PmParameters
    FORMS = PM_FORMS
    MODES = ("portfolio",)
    TAKES: ClassVar[frozenset[str]] = frozenset({"legs", "borrowed"})
    SETTINGS: ClassVar[frozenset[str]] = frozenset({"spot_hedging"})
    parameters: PmParameters

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        held = {
            market.contracts[p.instrument].underlying for p in account.positions if p.instrument in market.contracts
        }
        units = [unit for name, unit in sorted(self.parameters.underlyings.items()) if name in held]
        return grid_of(self.parameters, units[0]).vol_rule if units else FLAT

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return BybitProcedure(self.parameters.liquidation, lambda *_: {}, assumed, weakest(self.rules, ["liquidation"]))

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        p, found = self.parameters, asset_problems(account, self.parameters.haircuts)
        rows = [(f"account.positions[{i}].instrument", x.instrument) for i, x in enumerate(account.positions)]
        rows += [(f"account.orders[{i}].instrument", x.instrument) for i, x in enumerate(account.orders)]
        for path, name in rows:
            contract = market.contracts.get(name)
            if contract is None:
                continue  # the book refuses it, and says what the market lists
            settlement = getattr(contract, "settlement", None)
            inverse = settlement is Settlement.INVERSE and contract.currency == contract.underlying
            wrong = is_exotic(contract) or (inverse and isinstance(contract, Option))
            if wrong or not (settlement is Settlement.LINEAR or inverse):
                got = f"{name!r}, {settlement or ''} {contract.kind} ({Reason.UNSUPPORTED_CONTRACT.value})"
                found.append(Problem(path, got, "linear futures, perpetuals and options, and inverse futures"))
            elif contract.underlying not in p.underlyings:
                got = f"{name!r} on {contract.underlying} ({Reason.UNKNOWN_UNDERLYING.value})"
                found.append(Problem(path, got, "underlyings " + ", ".join(p.underlyings)))
            elif contract.currency not in p.haircuts:
                got = f"{name!r} settles in {contract.currency} ({Reason.UNKNOWN_CURRENCY.value})"
                found.append(Problem(path, got, "one of " + ", ".join(sorted(p.haircuts))))
        return found

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        # an order in what is not listed is refused as a position in it is
        open_book(account.model_copy(update={"positions": ()}), market)
        book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
        held = self._money(book, account, market)
        units = [self._unit(book, u) for u in book.underlyings]
        fills = order_fills(self.parameters, account, book, units)
        components = self._components(book, units, held, fills)
        equity = float(held.counted(self.parameters.haircuts))
        initial = sum(c.initial for c in components)
        maintenance = sum(c.maintenance for c in components)
        return Assessment(
            net_equity=equity,
            components=components,
            binding=tuple(self._binding(u) for u in units),
            scenarios=self._losses(units),
            workings=self._workings(units, market, equity, initial, maintenance),
            failures=book.failures,
            notes=self._notes(account, units),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        open_book(account.model_copy(update={"positions": ()}), market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        return (Track(ACCOUNT, *portfolio_along(self.parameters, account, book, states)),)

    def _money(self, book: Book, account: Account, market: Market) -> Balances:
        """Equity by asset, with profit, funding and the value of options."""
        plan = book.plan
        marks = option_marks(plan, market, book.quantity)
        worth = np.where(book.quantity == 0.0, 0.0, book.quantity * plan.multiplier * marks)
        gains: dict[str, float] = defaultdict(float)
        rows = (worth + book.unrealised + book.funding).tolist()
        for contract, amount in zip(plan.contracts, rows, strict=True):
            gains[contract.currency] += amount
        price = usd_prices(account, market, list(gains))
        return balances(account, {}, gains, {}, price)

    def _unit(self, book: Book, underlying: str) -> Measured:
        return measured(
            self.parameters,
            underlying,
            book.plan,
            book.market,
            book.quantity,
            spot_balance(book.account, underlying),
            book.account.reported.get(REPORTED),
        )

    def _components(
        self, book: Book, units: list[Measured], held: Balances, fills: list[OrderFill]
    ) -> tuple[Component, ...]:
        size = len(book.plan)
        names = [p.instrument if p.leg == "net" else f"{p.instrument} {p.leg}" for p in book.positions]
        subjects = [*names, *(f"spot {u.underlying}" for u in units)]

        def spread(per: dict[int, F64], amounts: dict[int, float]) -> tuple[F64, F64, tuple[float, float]]:
            """Shares `[positions + units]`, initial and maintenance, and what they leave over of each."""
            first, second = np.zeros(len(subjects)), np.zeros(len(subjects))
            left = [0.0, 0.0]
            for n, u in enumerate(units):
                if n not in per:
                    continue
                shares, factor = per[n], u.unit.initial_factor
                places = np.append(u.rows, size + n)
                second[places] += shares
                first[places] += factor * shares
                over = amounts[n] - float(shares.sum())
                left[0] += factor * over
                left[1] += over
            return first, second, (left[0], left[1])

        found = []
        at = {n: u for n, u in enumerate(units) if u.at >= 0}
        worst = {n: np.append(-u.gains[:, u.at], -u.spot[u.at]) for n, u in at.items()}
        first, second, left = spread(worst, {n: u.worst for n, u in at.items()})
        paths = [f"underlyings.{u.underlying}.{x}" for u in units for x in GRID] or ["underlyings"]
        paths.append("vol_power_long")
        evidence = weakest(self.rules, paths)
        found.append(component("max_loss", "Worst loss of the grid", evidence, subjects, first, second, left_over=left))
        for name, title in TITLES.items():
            per = {n: u.charges[name].shares for n, u in enumerate(units)}
            first, second, left = spread(per, {n: u.charges[name].amount for n, u in enumerate(units)})
            paths = [f"underlyings.{u.underlying}.{u.charges[name].rate}" for u in units if u.charges[name].rate]
            evidence = weakest(self.rules, paths or ["underlyings"])
            found.append(component(f"{name}_contingency", title, evidence, subjects, first, second, left_over=left))
        assets, lent, kept = borrow_margin(held, self.parameters.borrow)
        amounts = np.array(lent, dtype=np.float64), np.array(kept, dtype=np.float64)
        lines = [f"borrowed {x}" for x in assets]
        evidence = weakest(self.rules, ["borrow"])
        found.append(component("borrowing", "Borrowed balances", evidence, lines, *amounts, method="aumann-shapley"))
        added = np.array([f.initial for f in fills], dtype=np.float64)
        lines = [f"orders on {f.underlying}" for f in fills]
        found.append(component("open_orders", "Open orders", "assumed", lines, added, np.zeros_like(added)))
        return tuple(found)

    @staticmethod
    def _binding(u: Measured) -> Binding:
        label = u.grid.labels[u.at] if u.at >= 0 else "no loss"
        return Binding(underlying=u.underlying, kind="scenario", label=label, pnl=-u.worst)

    @staticmethod
    def _losses(units: list[Measured]) -> tuple[ScenarioLoss, ...]:
        return tuple(
            ScenarioLoss(label=f"{u.underlying} {label}" if len(units) > 1 else label, pnl=pnl)
            for u in units
            for label, pnl in zip(u.grid.labels, u.total.tolist(), strict=True)
        )

    def _workings(
        self, units: list[Measured], market: Market, equity: float, initial: float, maintenance: float
    ) -> dict[str, float]:
        """Amounts of each unit in the pack's `unit`, as the venue prints them, then those of the account in USD."""
        price = market.price_of(self.parameters.unit)
        rate = 1.0 if price is None else price.price
        found: dict[str, float] = {}
        for u in units:
            name = u.underlying
            found[f"{name}.max_loss"] = u.worst / rate
            for kind, charge in u.charges.items():
                found[f"{name}.{kind}_contingency"] = charge.amount / rate
            found[f"{name}.contingency"] = sum(c.amount for c in u.charges.values()) / rate
            found[f"{name}.hedging_spot"] = u.hedge
            found[f"{name}.maintenance"] = u.maintenance
            found[f"{name}.initial"] = u.initial
        found |= {"equity": equity, "available_balance": max(equity - initial, 0.0)}
        found |= account_rates(initial, maintenance, equity)
        return found

    def _notes(self, account: Account, units: list[Measured]) -> tuple[str, ...]:
        notes = []
        if any(u.gains.size for u in units):
            notes.append(
                "how contingencies match expiries and settlement currencies is not published; the dearest order of "
                "matching is charged"
            )
        if account.settings.get("spot_hedging") and not any(u.hedge for u in units):
            notes.append("spot hedging is on, but no balance lies against the delta of the derivatives on its coin")
        unused = sorted(set(account.reported) - {REPORTED})
        if unused:
            notes.append(f"reported and not used by these rules: {', '.join(unused)}")
        if REPORTED in account.reported and len(units) != 1:
            notes.append(f"{REPORTED} is taken for each of the {len(units)} risk units")
        return tuple(notes)
