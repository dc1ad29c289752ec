"""Derive PMRM, first version: portfolio margin over scenarios for one underlying, its coin as the one base asset.

Source: venues-onchain sections 1.1 and 1.3, own words. Rule codes `DERIVE-PM1-nn` are listed in docs/rules.
The venue speaks of a net margin (excess); a requirement here is `equity - net margin`, so it is positive.
"""

from __future__ import annotations

import numpy as np

from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.following import Follow, followed
from plimsoll.margin.path import States, Track
from plimsoll.margin.procedure import Sale
from plimsoll.margin.requirement import Component, Evidence
from plimsoll.margin.venues.derive.along import pmrm1_follow
from plimsoll.margin.venues.derive.auction import Standing, start
from plimsoll.margin.venues.derive.holdable import (
    collateral_problems,
    contract_problems,
    single_problems,
    size_problems,
    underlying_of,
    underlying_problems,
)
from plimsoll.margin.venues.derive.pmrm1_parameters import Pmrm1Parameters
from plimsoll.margin.venues.derive.pmrm1_workings import Pmrm1Workings, evaluate
from plimsoll.margin.venues.derive.pmrm_forms import PMRM1_FORMS, pmrm1_pieces
from plimsoll.margin.venues.derive.pmrm_hot import PmrmRows
from plimsoll.margin.venues.derive.pmrm_many import PmrmTables, pmrm1_tables
from plimsoll.margin.venues.derive.sale import DeriveSale
from plimsoll.margin.venues.derive.span import binding_of, losses_of
from plimsoll.market import Market
from plimsoll.scenarios import VolRule


class Pmrm1(MarginModel):
    """Derive's first portfolio margin manager, in USDC.

    ```
    initial     = (static contingencies - min_span) * (im_factor + peg) + confidence contingency
    maintenance = (static contingencies - min_span)
    min_span    = min(basis contingency, every scenario P&L)
    ```

    Every term is homogeneous of degree one in positions and base asset, so shares are Euler shares. Ties of the
    minimum go to the first scenario, then to the basis contingency.
    """

    MODEL = "derive-pmrm1"
    PARAMETERS = Pmrm1Parameters
    FORMS = PMRM1_FORMS
    MANY = (
        "every expiry of an account is a row of its own over 23 columns, since its static discount follows the sign "
        "of its "
        "net value in each of them: as many rows of the P&L array as the account has expiries, written out and added"
    )
    parameters: Pmrm1Parameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        found = pmrm1_tables(self.parameters, universe)
        return None if found is None else found.amounts

    def rows(self, universe: Universe) -> PmrmRows | None:
        """See `MarginModel.rows`."""

        def tables(universe: Universe) -> PmrmTables | None:
            return pmrm1_tables(self.parameters, universe)

        return PmrmRows.of(tables, self.parameters.cash, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return pmrm1_pieces(self.parameters, universe)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            w = self.workings(account, market)
            return w.book, lambda moving: pmrm1_follow(self.parameters, w, moving)

        return followed(self, account, market, states, opened)

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        return self.workings(account, market, "conservative").scenarios.vol_rule

    def workings(self, account: Account, market: Market, on_failure: OnFailure = "refuse") -> Pmrm1Workings:
        """Every intermediate of the calculation, for audits, conformance and the auction."""
        self.check(account, market)
        return evaluate(self.parameters, open_book(account, market, on_failure), self._underlying(account, market))

    def sale(self, account: Account, market: Market) -> Sale | None:
        """See `MarginModel.sale`: the auction stores the worst scenario at its start."""
        terms = self.parameters.auction
        if terms is None:
            return None

        def read(account: Account, market: Market, scenario: int | None) -> Standing:
            w = self.workings(account, market)
            return Standing(mtm=w.equity, mm=w.maintenance(scenario))

        worst = self.workings(account, market).worst_scenario
        auction = start(terms, read(account, market, None), scenario=worst)
        return DeriveSale(auction, read, self.rules.currency, weakest(self.rules, ["auction"]))

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        w = self.workings(account, market, on_failure)
        return Assessment(
            net_equity=w.equity,
            components=self._components(w),
            binding=(binding_of(w.span, w.scenarios, w.underlying),),
            scenarios=losses_of(w.span, w.scenarios),
            workings={
                "min_span": w.span.value,
                "basis_contingency": w.span.basis,
                "option_mtm": w.option_mtm,
                "base_mtm": w.base_mtm,
                "perp_mtm": w.perp_mtm,
                "im_loss_factor": w.im_factor,
            },
            failures=w.book.failures,
        )

    def _components(self, w: Pmrm1Workings) -> tuple[Component, ...]:
        p, other, names = self.parameters, self.parameters.other, w.subjects
        factor, peg = p.margin.im_factor, w.im_factor - p.margin.im_factor
        loss = -w.span_shares
        perp = w.perp_notional * other.perp_pct
        option = w.naked_notional * other.option_pct
        base = w.base_notional * other.base_pct
        zero = np.zeros(len(names))

        def known(*paths: str) -> Evidence:
            return weakest(self.rules, paths)

        rest = known("other", "margin.im_factor")
        return (
            component(
                "scenario",
                "Worst scenario",
                known("margin", "vol_shock", "scenarios", "basis"),
                names,
                loss * factor,
                loss,
            ),
            component("perp_contingency", "Perpetual contingency", rest, names, perp * factor, perp),
            component("option_contingency", "Naked short options", rest, names, option * factor, option),
            component("base_contingency", "Base asset contingency", rest, names, base * factor, base),
            component("peg", "Stable coin below its peg", rest, names, (loss + perp + option + base) * peg, zero),
            component("oracle", "Oracle confidence", known("other"), names, w.oracle, zero),
        )

    def _underlying(self, account: Account, market: Market) -> str:
        p = self.parameters
        return underlying_of(account, market, {name: (name, p.cash) for name in p.underlyings})

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: one underlying of the pack, linear options and perpetuals, its coin and cash as collateral.
        """
        p = self.parameters
        return [
            *contract_problems(account, market, p.cash),
            *underlying_problems(account, market, p.underlyings),
            *single_problems(account, market, "PMRM"),
            *size_problems(account, market, p.max_positions, p.max_expiries),
            *collateral_problems(account, (self._underlying(account, market),), p.cash),
        ]
