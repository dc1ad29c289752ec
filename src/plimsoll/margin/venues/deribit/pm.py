"""Deribit portfolio margin (the engine since 2024): risk matrix, roll shock, delta shock, in the settlement currency.

Source: venues-cex section 1.3, own words. Rule codes `DERIBIT-PM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Failure, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.following import Follow, followed
from plimsoll.margin.path import States, Track
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Component, Evidence, ScenarioLoss
from plimsoll.margin.venues.deribit.grid import tenor_law
from plimsoll.margin.venues.deribit.matrix import worst_shares
from plimsoll.margin.venues.deribit.pm_along import pm_follow
from plimsoll.margin.venues.deribit.pm_forms import PM_FORMS, pm_pieces
from plimsoll.margin.venues.deribit.pm_many import pm_batch
from plimsoll.margin.venues.deribit.pm_parameters import PmParameters
from plimsoll.margin.venues.deribit.pm_rows import PmRows
from plimsoll.margin.venues.deribit.procedure import DeribitProcedure, shares_of
from plimsoll.margin.venues.deribit.readings import Evaluation, Readings, Side
from plimsoll.margin.venues.deribit.settlement import (
    STABLES,
    idle_balances,
    portfolio_problems,
    segregated_equity,
    settlement_currency,
    unused_reports,
)
from plimsoll.margin.venues.deribit.shocks import delta_shock_shares
from plimsoll.margin.venues.deribit.vectors import holdings
from plimsoll.market import Market
from plimsoll.risk import Shares
from plimsoll.scenarios import VolRule

F64 = npt.NDArray[np.float64]

DECIMALS = 9
CORRELATION = "correlation_contingency"
REPORTED = ("open_orders_margin", "mmp_margin", "spot_margin")
"""Parts of the initial margin that the venue reports and publishes no formula for."""

TITLES = {
    "open_orders_margin": "Open orders, as reported",
    "mmp_margin": "Market-maker protection, as reported",
    "spot_margin": "Spot orders, as reported",
}
NO_CROSS = "how cross collateral puts equity into the matrix, its correlation sets and its haircuts are not published"
NO_EXAMPLE = (
    "no published Deribit portfolio-margin example holds options: their part follows the rules as read, every open "
    "reading of them is computed and the dearest for this account is charged"
)


class PortfolioMargin(MarginModel):
    """Deribit's segregated portfolio margin (S:PM) of one settlement currency.

    ```
    risk_matrix = round(worst case, 9) + delta shock + roll shock + correlation contingency
    initial     = round(risk_matrix + open orders + market-maker protection + spot orders, 9)
    maintenance = mm_factor * risk_matrix
    ```

    Where the sources leave the rule open, each reading is computed and the one that charges this account most is
    charged; `workings` holds them all. Shares are Euler shares except where a dampened far move or a delta shock binds,
    which are not homogeneous: those are Aumann-Shapley shares.
    """

    MODEL = "deribit-pm"
    PARAMETERS = PmParameters
    FORMS = PM_FORMS
    MANY = (
        "twelve readings of the volatility shock and the far moves, each a risk matrix of its own: 12 times 35 "
        "columns for "
        "every account instead of 24, then roll and delta shocks"
    )
    parameters: PmParameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        return pm_batch(self.parameters, universe)

    def rows(self, universe: Universe) -> PmRows | None:
        """See `MarginModel.rows`."""
        return PmRows(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return pm_pieces(self.parameters, universe)

    @property
    def maintenance_part(self) -> float:
        """See `MarginModel.maintenance_part`: reported amounts, which it does not count, are no positions."""
        return self.parameters.mm_factor

    def forms_currency(self, universe: Universe) -> str:
        """The settlement currency of the contracts."""
        return universe.plan.contracts[0].currency

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            self.check(account, market)
            book, correlation = open_book(account, market), account.reported.get(CORRELATION, 0.0)
            balance = account.collateral.get(self._currency(account, market), 0.0)
            return book, lambda moving: pm_follow(self.parameters, moving, balance, correlation)

        return followed(self, account, market, states, opened)

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        return tenor_law(self.parameters.pairs, account, market)

    def _currency(self, account: Account, market: Market) -> str:
        known = {*self.parameters.pairs, *STABLES}
        return settlement_currency(account, market, known) or self.rules.currency

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: futures, perpetuals and options of one settlement currency on underlyings of the pack, segregated.
        """
        return portfolio_problems(account, market, self.parameters.pairs, NO_CROSS)

    def readings(self, account: Account, market: Market, on_failure: OnFailure = "refuse") -> Readings:
        """The account under every reading, for audits."""
        self.check(account, market)
        return Readings(self.parameters, holdings(open_book(account, market, on_failure)))

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
        self.check(account, market)
        book = open_book(account, market, on_failure)
        readings = Readings(self.parameters, holdings(book))
        charged = readings.charged
        currency = self._currency(account, market)
        correlation = account.reported.get(CORRELATION, 0.0)
        risk_matrix = round(charged.worst, DECIMALS) + charged.delta + charged.roll + correlation
        reported = {name: account.reported[name] for name in REPORTED if name in account.reported}
        workings = {
            "worst_case": charged.worst,
            "delta_shock": charged.delta,
            "roll_shock": charged.roll,
            CORRELATION: correlation,
            "risk_matrix_margin": risk_matrix,
            **reported,
            **{f"reading.{name}": amount for name, amount in readings.amounts().items()},
        }
        if len(charged.sides) > 1:
            workings |= {"reading.underlyings_apart": charged.total, "reading.underlyings_together": charged.together}
        for side in charged.sides:
            for label, pnl in zip(side.grid.labels, side.matrix.summed.tolist(), strict=True):
                workings[f"pre_aggregated.{side.holding.underlying}.{label}"] = pnl
        return Assessment(
            net_equity=segregated_equity(book, currency),
            components=self._components(book, charged, correlation, reported, risk_matrix),
            binding=tuple(self._binding(s) for s in charged.sides),
            scenarios=self._losses(charged),
            workings=workings,
            failures=tuple(f for f in book.failures if not self._charged_anyway(account, f)),
            notes=self._notes(account, readings, currency),
            currency=currency,
        )

    @staticmethod
    def _charged_anyway(account: Account, failure: Failure) -> bool:
        return failure.reason is Reason.ORDERS_NOT_CHARGED and "open_orders_margin" in account.reported

    def _components(
        self, book: Book, charged: Evaluation, correlation: float, reported: dict[str, float], risk_matrix: float
    ) -> tuple[Component, ...]:
        phi, size = self.parameters.mm_factor, len(book.plan)

        def part(name: str, title: str, evidence: Evidence, shares: Callable[[Side], Shares]) -> Component:
            values, error, quadrature = np.zeros(size), 0.0, False
            for side in charged.sides:
                found = shares(side)
                values[side.holding.rows] = found.values
                error += found.error
                quadrature = quadrature or found.evaluations > 1
            method = "aumann-shapley" if quadrature else "euler"
            left = (error, phi * error)
            return component(name, title, evidence, book.names, values, values * phi, method=method, left_over=left)  # type: ignore[arg-type]

        def worst(s: Side) -> Shares:
            return worst_shares(s.holding, s.units, s.damper, s.grid, s.matrix)

        def roll(s: Side) -> Shares:
            return Shares(s.roll.shares, 0.0, 1)

        def delta(s: Side) -> Shares:
            return delta_shock_shares(s.holding, s.pair, charged.reading.delta)

        def single(name: str, title: str, evidence: Evidence, initial: float, maintenance: float) -> Component:
            amounts = np.array([initial]), np.array([maintenance])
            return component(name, title, evidence, [name.replace("_", " ")], *amounts)

        parts = [
            part("risk_matrix", "Worst case of the risk matrix", self._evidence(charged, "worst"), worst),
            part("roll_shock", "Roll shock", self._evidence(charged, "roll"), roll),
            part("delta_shock", "Delta shock", self._evidence(charged, "delta"), delta),
            single(CORRELATION, "Correlation contingency", "assumed", correlation, correlation * phi),
            *(single(name, TITLES[name], "read", amount, 0.0) for name, amount in reported.items()),
        ]
        initial = round(risk_matrix + sum(reported.values()), DECIMALS) - sum(c.initial for c in parts)
        maintenance = phi * risk_matrix - sum(c.maintenance for c in parts)
        title = "Rounding to nine decimals"
        return (*parts, single("rounding", title, weakest(self.rules, ["mm_factor"]), initial, maintenance))

    def _evidence(self, charged: Evaluation, what: str) -> Evidence:
        """The weakest of what the part rests on; nothing that involves options has been met in any number."""
        paths = ["mm_factor"]
        for side in charged.sides:
            pair, row = f"pairs.{side.holding.underlying}", f"currencies.{self._row_name(side, charged)}"
            if side.holding.option.any() or not side.holding.inverse:
                return "assumed"
            if what == "worst":
                paths.append(f"{pair}.price_range")
                if side.matrix.index >= 0 and side.grid.extended[side.matrix.index]:
                    paths += [f"{pair}.extended_table_factor", f"{row}.extended_dampener"]
            elif what == "roll":
                paths.append(f"{row}.min_annualised_move")
                if not side.roll.least_binds:
                    paths.append(f"{row}.annualised_move_risk")
            elif side.delta_shock > 0.0:
                return "assumed"
        return weakest(self.rules, paths)

    @staticmethod
    def _row_name(side: Side, charged: Evaluation) -> str:
        usd = not side.holding.inverse and charged.reading.row == "row_of_usd"
        return "USD" if usd else side.holding.underlying

    @staticmethod
    def _binding(side: Side) -> Binding:
        index = side.matrix.index
        kind = "extended" if index >= 0 and side.grid.extended[index] else "standard"
        label = side.grid.labels[index] if index >= 0 else "no loss"
        return Binding(underlying=side.holding.underlying, kind=kind, label=label, pnl=-side.matrix.worst)

    @staticmethod
    def _losses(charged: Evaluation) -> tuple[ScenarioLoss, ...]:
        several = len(charged.sides) > 1
        return tuple(
            ScenarioLoss(label=f"{s.holding.underlying} {label}" if several else label, pnl=pnl)
            for s in charged.sides
            for label, pnl in zip(s.grid.labels, s.matrix.vector.tolist(), strict=True)
        )

    def _notes(self, account: Account, readings: Readings, currency: str) -> tuple[str, ...]:
        notes = []
        if any(s.holding.option.any() for s in readings.charged.sides):
            notes.append(NO_EXAMPLE)
        amounts, bound = readings.amounts(), readings.binding()
        if bound:
            low, high = amounts["least"], amounts["most"]
            notes.append(
                f"risk matrix margin {low:.9g} to {high:.9g} {currency} by the reading; charged: {', '.join(bound)}"
            )
        if len(readings.charged.sides) > 1:
            apart, together = readings.charged.total, readings.charged.together
            notes.append(
                f"underlyings added: {apart:.9g} {currency}, against {together:.9g} if they moved together; "
                f"how the venue adds them is not published"
            )
        return (*notes, *idle_balances(account, currency), *unused_reports(account, {CORRELATION, *REPORTED}))
