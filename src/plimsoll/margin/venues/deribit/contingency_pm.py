"""Deribit portfolio margin before 2024: the worst cell of a price and volatility table, and contingencies on top.

Source: venues-cex section 1.5 and the pages that the packs name, own words. Rule codes `DERIBIT-PMC-nn` are listed in
docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.following import Follow, followed
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding, Component, Evidence, ScenarioLoss
from plimsoll.margin.venues.deribit.contingencies import Contingency, futures_contingency, options_contingency
from plimsoll.margin.venues.deribit.contingency_along import contingency_follow
from plimsoll.margin.venues.deribit.contingency_parameters import ContingencyParameters
from plimsoll.margin.venues.deribit.grid import DAY_READINGS, FLOOR_READINGS, Grid, grid_of, tenor_law
from plimsoll.margin.venues.deribit.matrix import Matrix, summed_up, worst_of
from plimsoll.margin.venues.deribit.readings import WORDS
from plimsoll.margin.venues.deribit.settlement import (
    STABLES,
    idle_balances,
    portfolio_problems,
    segregated_equity,
    settlement_currency,
    unused_reports,
)
from plimsoll.margin.venues.deribit.vectors import Holding, gains, holdings, moved
from plimsoll.market import Market
from plimsoll.scenarios import VolRule

F64 = npt.NDArray[np.float64]

ORDERS = "open_orders_margin"
NO_CROSS = "cross collateral came with the engine of 2024"
EXPIRIES = "net short options are charged expiry by expiry: whether strikes net across them is not published"
NO_VEGA = "the venue's cap on short vega has no published rule and is not charged"
NO_EXAMPLE = (
    "no published example of the portfolio margin before 2024 shows the loss of a cell: only its contingencies are met"
)


@dataclass(frozen=True, eq=False)
class Cells:
    """One underlying: gains `units[N, S]` of one contract under one reading of the days to expiry, and what follows.

    `together`: the charge on net short options if strikes were netted across expiries.
    """

    holding: Holding
    grid: Grid
    units: F64
    matrix: Matrix
    futures: Contingency
    options: Contingency
    together: Contingency

    @property
    def split(self) -> bool:
        """Whether keeping the expiries apart costs more than netting them."""
        return self.options.amount > self.together.amount * (1.0 + 1e-12)


@dataclass(frozen=True, eq=False)
class Table:
    """All underlyings under the reading that charges the account most, `days`; `worst` cells added, by reading."""

    cells: tuple[Cells, ...]
    days: str
    worst: dict[str, float]


class ContingencyMargin(MarginModel):
    """Deribit's portfolio margin until the end of 2023, of one settlement currency.

    ```
    maintenance = worst cell + futures contingency + options contingency
    initial     = initial_factor * maintenance + margin of open orders, as reported
    ```

    A cell moves the price by one of `2 n + 1` steps and every volatility up, not at all or down; the worst cell is the
    largest loss, zero if none loses. Futures and perpetuals are charged by their size, options by what is net short at
    a strike.

    The sources are a summary of the venue's deck and an older page of it. What they leave open is taken as it costs
    more, and is `assumed`: days to expiry in a volatility shock have no published floor, so each reading is computed
    and the dearest charged; short options of different expiries are not netted; linear contracts follow the same rules
    in USD; underlyings of one settlement currency are added. `workings` holds the other readings. Every part grows in
    proportion to the book, so all shares are Euler shares.
    """

    FORMS = Declared(
        "refused",
        "none",
        "rules of the past: nothing can be placed under them, so no form was written",
        "refused",
        "rules of the past: no account of today has to be proved under them",
    )
    MANY = "account by account through the exact engine: rules of the past, which no venue has to keep up with"
    MODEL = "deribit-pm-contingency"
    PARAMETERS = ContingencyParameters
    parameters: ContingencyParameters

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        return tenor_law(self.parameters.underlyings, account, market)

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: futures, perpetuals and options of one settlement currency on underlyings of the pack, segregated.
        """
        return portfolio_problems(account, market, self.parameters.underlyings, NO_CROSS)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            self.check(account, market)
            balance = account.collateral.get(self._currency(account, market), 0.0)
            return open_book(account, market), lambda moving: contingency_follow(self.parameters, moving, balance)

        return followed(self, account, market, states, opened)

    def _currency(self, account: Account, market: Market) -> str:
        known = {*self.parameters.underlyings, *STABLES}
        return settlement_currency(account, market, known) or self.rules.currency

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = open_book(account, market, on_failure)
        table = self._table(holdings(book))
        currency = self._currency(account, market)
        free = self.parameters.open_orders == "none" or ORDERS in account.reported
        return Assessment(
            net_equity=segregated_equity(book, currency),
            components=self._components(account, book, table),
            binding=tuple(self._binding(c) for c in table.cells),
            scenarios=self._losses(table),
            workings=self._workings(table),
            failures=tuple(f for f in book.failures if not (free and f.reason is Reason.ORDERS_NOT_CHARGED)),
            notes=self._notes(account, table, currency),
            currency=currency,
        )

    def _table(self, found: tuple[Holding, ...]) -> Table:
        readings = DAY_READINGS if any(h.option.any() for h in found) else DAY_READINGS[:1]
        tables = {days: tuple(self._cells(h, days) for h in found) for days in readings}
        worst = {days: sum(c.matrix.worst for c in cells) for days, cells in tables.items()}
        # max keeps the first of equals
        days = max(readings, key=lambda name: worst[name])
        return Table(tables[days], days, worst)

    def _cells(self, h: Holding, days: str) -> Cells:
        p = self.parameters
        terms = p.underlyings[h.underlying]
        grid = grid_of(terms.price_range, p.buckets_count)
        units = gains(h, moved(h, grid, terms, 0.0, FLOOR_READINGS[0], days))
        summed = summed_up(h, units)
        options, together = (options_contingency(h, p.options, apart) for apart in (True, False))
        return Cells(h, grid, units, worst_of(summed, summed), futures_contingency(h, p.futures), options, together)

    def _components(self, account: Account, book: Book, table: Table) -> tuple[Component, ...]:
        factor = self.parameters.initial_factor
        shares = {name: np.zeros(len(book.plan)) for name in ("worst", "futures", "options")}
        for c in table.cells:
            h, at = c.holding, c.matrix.index
            shares["worst"][h.rows] = -h.quantity * c.units[:, at] if at >= 0 else 0.0
            shares["futures"][h.rows] = c.futures.shares
            shares["options"][h.rows] = c.options.shares

        def part(name: str, title: str, what: str) -> Component:
            amounts = shares[what]
            return component(name, title, self._evidence(table.cells, what), book.names, amounts * factor, amounts)

        parts = [
            part("risk_matrix", "Worst cell of the risk matrix", "worst"),
            part("futures_contingency", "Futures contingency", "futures"),
            part("options_contingency", "Net short options contingency", "options"),
        ]
        if self.parameters.open_orders == "reported" and ORDERS in account.reported:
            amount = np.array([account.reported[ORDERS]])
            title, subject = "Open orders, as reported", ["open orders margin"]
            parts.append(component(ORDERS, title, "read", subject, amount, np.zeros(1)))
        return tuple(parts)

    def _evidence(self, cells: tuple[Cells, ...], what: str) -> Evidence:
        """The weakest of what the part rests on, of which one is whether the sources speak of the coin at all.

        Linear contracts, options in a cell and expiries kept apart follow our reading.
        """
        if any(not c.holding.inverse for c in cells):
            return "assumed"
        if what == "worst" and any(c.holding.option.any() for c in cells):
            return "assumed"
        if what == "options" and any(c.split for c in cells):
            return "assumed"
        paths = ["initial_factor", *(f"underlyings.{c.holding.underlying}.price_range" for c in cells)]
        return weakest(self.rules, paths if what == "worst" else [*paths, what])

    @staticmethod
    def _binding(c: Cells) -> Binding:
        label = c.grid.labels[c.matrix.index] if c.matrix.index >= 0 else "no loss"
        return Binding(underlying=c.holding.underlying, kind="standard", label=label, pnl=-c.matrix.worst)

    @staticmethod
    def _losses(table: Table) -> tuple[ScenarioLoss, ...]:
        several = len(table.cells) > 1
        return tuple(
            ScenarioLoss(label=f"{c.holding.underlying} {label}" if several else label, pnl=pnl)
            for c in table.cells
            for label, pnl in zip(c.grid.labels, c.matrix.vector.tolist(), strict=True)
        )

    @staticmethod
    def _workings(table: Table) -> dict[str, float]:
        cells, worst = table.cells, table.worst[table.days]
        futures, options = sum(c.futures.amount for c in cells), sum(c.options.amount for c in cells)
        total = worst + futures + options
        found = {"worst_cell": worst, "futures_contingency": futures, "options_contingency": options}
        found["maintenance"] = total
        if len(table.worst) > 1:
            found |= {f"reading.{days}": amount + futures + options for days, amount in table.worst.items()}
        if any(c.split for c in cells):
            found["reading.expiries_apart"] = total
            found["reading.expiries_together"] = worst + futures + sum(c.together.amount for c in cells)
        if len(cells) > 1:
            joint = np.sum([c.matrix.vector for c in cells], axis=0)
            found["reading.underlyings_apart"] = total
            found["reading.underlyings_together"] = max(0.0, -float(joint.min())) + futures + options
        return found

    def _notes(self, account: Account, table: Table, currency: str) -> tuple[str, ...]:
        notes = [NO_EXAMPLE] if table.cells else []
        low, high = min(table.worst.values()), max(table.worst.values())
        if low < high * (1.0 - 1e-12):
            notes.append(f"worst cell {low:.9g} to {high:.9g} {currency} by the reading; charged: {WORDS[table.days]}")
        if any(c.split for c in table.cells):
            notes.append(EXPIRIES)
        if any((c.holding.option & (c.holding.quantity < 0.0)).any() for c in table.cells):
            notes.append(NO_VEGA)
        charges_orders = self.parameters.open_orders == "reported"
        if account.orders and not charges_orders:
            notes.append("open orders need no margin under this pack: the venue charged them from 18 August 2022 on")
        used = {ORDERS} if charges_orders else set()
        return (*notes, *idle_balances(account, currency), *unused_reports(account, used))
