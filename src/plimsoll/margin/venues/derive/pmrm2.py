"""Derive PMRM_2: portfolio margin over scenarios with static discounts, tails, skew shocks and contingencies.

Source: venues-onchain sections 1.1, 1.3 and 1.4, own words. Rule codes `DERIVE-PM2-nn` are listed in docs/rules.
The venue speaks of a net margin (excess); a requirement here is `equity - net margin`, so it is positive.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.following import Follow, followed
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Component, Evidence
from plimsoll.margin.venues.derive.along import pmrm2_follow
from plimsoll.margin.venues.derive.holdable import (
    contract_problems,
    single_problems,
    size_problems,
    underlying_of,
    underlying_problems,
)
from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm_forms import PMRM2_FORMS, pmrm2_pieces
from plimsoll.margin.venues.derive.pmrm_hot import PmrmRows
from plimsoll.margin.venues.derive.pmrm_many import PmrmTables, pmrm2_tables
from plimsoll.margin.venues.derive.span import binding_of, losses_of
from plimsoll.margin.venues.derive.workings import Workings, evaluate
from plimsoll.market import Market
from plimsoll.scenarios import VolRule

F64 = npt.NDArray[np.float64]


class Pmrm2(MarginModel):
    """Derive's second portfolio margin manager for one underlying and many collaterals, in USDC.

    ```
    initial     = -min_span * (im_factor + peg) + MM contingencies + IM contingencies
    maintenance = -min_span * mm_factor         + MM contingencies
    min_span    = min(basis contingency, every scenario P&L)
    ```

    Every term is homogeneous of degree one in positions and collateral, so shares are Euler shares. Ties of the
    minimum go to the first regular scenario, then tail, skew and basis contingency.
    """

    MODEL = "derive-pmrm2"
    PARAMETERS = Pmrm2Parameters
    FORMS = PMRM2_FORMS
    MANY = (
        "every expiry of an account is a row of its own over 33 columns, since its static discount follows the sign "
        "of its "
        "net value in each of them: as many rows of the P&L array as the account has expiries, written out and added"
    )
    parameters: Pmrm2Parameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        found = pmrm2_tables(self.parameters, universe)
        return None if found is None else found.amounts

    def rows(self, universe: Universe) -> PmrmRows | None:
        """See `MarginModel.rows`."""

        def tables(universe: Universe) -> PmrmTables | None:
            return pmrm2_tables(self.parameters, universe)

        return PmrmRows.of(tables, self.parameters.cash, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return pmrm2_pieces(self.parameters, universe)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            w = self.workings(account, market)
            return w.book, lambda moving: pmrm2_follow(self.parameters, w, moving)

        return followed(self, account, market, states, opened)

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        return self.workings(account, market, "conservative").scenarios.vol_rule

    def workings(self, account: Account, market: Market, on_failure: OnFailure = "refuse") -> Workings:
        """Every intermediate of the calculation, for audits and conformance."""
        self.check(account, market)
        return evaluate(self.parameters, open_book(account, market, on_failure), self._underlying(account, market))

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        w = self.workings(account, market, on_failure)
        notes = [
            f"scenario {w.scenarios.labels[s]!r} tilts the smile and moves spot, which the venue forbids: "
            "evaluated at unmoved spot"
            for s in w.forbidden
        ]
        return Assessment(
            net_equity=w.equity,
            components=self._components(w),
            binding=(binding_of(w.span, w.scenarios, w.underlying),),
            scenarios=losses_of(w.span, w.scenarios),
            workings={
                "min_span": w.span.value,
                "basis_contingency": w.span.basis,
                "option_mtm": w.option_mtm,
                "collateral_mtm": w.collateral_mtm,
                "perp_mtm": w.perp_mtm,
                "im_loss_factor": w.im_factor,
            },
            failures=w.book.failures,
            notes=tuple(notes),
        )

    def _components(self, w: Workings) -> tuple[Component, ...]:
        p, other = self.parameters, self.parameters.other
        names = w.subjects
        loss = -w.span_shares
        peg = w.im_factor - p.margin.im_factor
        zero = np.zeros(len(names))

        def known(*paths: str) -> Evidence:
            return weakest(self.rules, paths)

        return (
            component(
                "scenario",
                "Worst scenario",
                known("margin", "vol_shock", "scenario_tables", "skew", "basis"),
                names,
                loss * p.margin.im_factor,
                loss * p.margin.mm_factor,
            ),
            component("peg", "Stable coin below its peg", known("other"), names, loss * peg, zero),
            component(
                "perp_contingency",
                "Perpetual contingency",
                known("other"),
                names,
                w.perp_notional * (other.mm_perp_pct + other.im_perp_pct),
                w.perp_notional * other.mm_perp_pct,
            ),
            component(
                "option_contingency",
                "Naked short options",
                known("other"),
                names,
                w.naked_notional * (other.mm_option_pct + other.im_option_pct),
                w.naked_notional * other.mm_option_pct,
            ),
            component(
                "collateral_haircut",
                "Collateral haircut",
                known("underlyings"),
                names,
                w.mm_haircut + w.im_haircut_extra,
                w.mm_haircut,
            ),
            component("oracle", "Oracle confidence", known("other"), names, w.oracle, zero),
        )

    def _underlying(self, account: Account, market: Market) -> str:
        p = self.parameters
        return underlying_of(account, market, {n: {*u.collaterals, p.cash} for n, u in p.underlyings.items()})

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: one underlying of the pack, linear options and perpetuals only.
        """
        p = self.parameters
        return [
            *contract_problems(account, market, p.cash),
            *underlying_problems(account, market, p.underlyings),
            *single_problems(account, market, "PMRM_2"),
            *size_problems(account, market, p.max_positions, p.max_expiries),
        ]
