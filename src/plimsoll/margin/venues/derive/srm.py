"""Derive SRM: rule-based margin of perpetuals, options and coins in many markets of one account.

Source: venues-onchain sections 1.1 and 1.2, own words. Rule codes `DERIVE-SRM-nn` are listed in docs/rules.
The venue speaks of a net margin (excess); a requirement here is `equity - net margin`.
"""

from __future__ import annotations

import numpy as np

from plimsoll.documents import Problem, Reason
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
from plimsoll.margin.requirement import Binding, Component, Evidence
from plimsoll.margin.venues.derive.along import srm_follow
from plimsoll.margin.venues.derive.auction import Standing, start
from plimsoll.margin.venues.derive.holdable import (
    collateral_problems,
    contract_problems,
    size_problems,
    underlying_problems,
)
from plimsoll.margin.venues.derive.sale import DeriveSale
from plimsoll.margin.venues.derive.srm_forms import SRM_FORMS, srm_pieces
from plimsoll.margin.venues.derive.srm_hot import SrmRows
from plimsoll.margin.venues.derive.srm_many import SrmTables
from plimsoll.margin.venues.derive.srm_options import Branch, ExpiryMargin
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters
from plimsoll.margin.venues.derive.srm_workings import SrmWorkings, evaluate
from plimsoll.market import Expiry, Market


class Srm(MarginModel):
    """Derive's standard manager, in USDC; markets are added up, nothing is netted across them or across expiries.

    ```
    net margin  = cash + perpetual P&L and funding - perpetual rate - oracle - depeg
                  + base value * factor + sum over expiries of max(isolated, max loss)
    requirement = equity - net margin
    ```

    Every term is homogeneous of degree one in positions and collateral, so shares are Euler shares; where two
    settlement prices lose the same the lowest one gives them, and on equal margins the isolated branch.
    """

    MODEL = "derive-srm"
    PARAMETERS = SrmParameters
    MODES = ("portfolio", "cross")
    FORMS = SRM_FORMS
    MANY = (
        "the payoff of every expiry of an account at each of that expiry's listed strikes (some forty columns a "
        "row), and "
        "charges by size"
    )
    parameters: SrmParameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        found = SrmTables.of(self.parameters, universe)
        return None if found is None else found.amounts

    def rows(self, universe: Universe) -> SrmRows | None:
        """See `MarginModel.rows`."""
        found = SrmTables.of(self.parameters, universe)
        return None if found is None else SrmRows(self.parameters, universe, found)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return srm_pieces(self.parameters, universe)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            w = self.workings(account, market)
            return w.book, lambda moving: srm_follow(self.parameters, w, moving)

        return followed(self, account, market, states, opened)

    def workings(self, account: Account, market: Market, on_failure: OnFailure = "refuse") -> SrmWorkings:
        """Every intermediate of the calculation, for audits and conformance."""
        self.check(account, market)
        return evaluate(self.parameters, open_book(account, market, on_failure))

    def sale(self, account: Account, market: Market) -> Sale | None:
        """See `MarginModel.sale`."""
        terms = self.parameters.auction
        if terms is None:
            return None

        def read(account: Account, market: Market, _: int | None) -> Standing:
            found = self.assess(account, market, "refuse")
            return Standing(mtm=found.net_equity, mm=found.net_equity - sum(c.maintenance for c in found.components))

        auction = start(terms, read(account, market, None))
        return DeriveSale(auction, read, self.rules.currency, weakest(self.rules, ["auction"]))

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        w = self.workings(account, market, on_failure)
        amounts = {
            "perp_initial": w.perp_initial,
            "perp_maintenance": w.perp_maintenance,
            "option_initial": w.option_initial,
            "option_maintenance": w.option_maintenance,
            "option_mtm": w.option_mtm,
            "base_initial": w.base_initial,
            "base_maintenance": w.base_maintenance,
            "base_mtm": w.base_mtm,
        }
        return Assessment(
            net_equity=w.equity,
            components=self._components(w),
            binding=self._binding(w),
            scenarios=(),
            workings={
                f"{market}.{name}": amount
                for name, column in amounts.items()
                for market, amount in w.by_market(column).items()
                if amount != 0.0
            },
            failures=w.book.failures,
        )

    def _components(self, w: SrmWorkings) -> tuple[Component, ...]:
        names, zero = w.subjects, np.zeros(len(w.subjects))
        held = list(w.by_market(zero))

        def known(part: str) -> Evidence:
            return weakest(self.rules, [self.parameters.source(part, m) for m in held] or [f"defaults.{part}"])

        option = (w.option_mtm - w.option_initial, w.option_mtm - w.option_maintenance)
        base = (w.base_mtm - w.base_initial, w.base_mtm - w.base_maintenance)
        bases = [f"markets.{a}.base" for a in w.assets] or ["markets"]
        kept, depeg = weakest(self.rules, bases), weakest(self.rules, ["depeg"])
        return (
            component("perpetual", "Perpetual rate", known("perp"), names, w.perp_initial, w.perp_maintenance),
            component("option", "Short options and settlement loss", known("option"), names, *option),
            component("collateral_haircut", "Collateral haircut", kept, names, *base),
            component("oracle", "Oracle confidence", known("oracle"), names, w.oracle, zero),
            component("depeg", "Stable coin below its peg", depeg, names, w.depeg, zero),
        )

    def _binding(self, w: SrmWorkings) -> tuple[Binding, ...]:
        """What set the initial margin: the perpetual's rate of each market, then the branch of each expiry."""
        rates = []
        for market, charge in w.by_market(w.perp_initial).items():
            if charge > 0.0:
                label = f"perpetual at {self.parameters.perp(market).im_req:.4g} of notional"
                rates.append(Binding(underlying=market, kind="perpetual", label=label, pnl=-charge))
        return (*rates, *(_bound(row, margin) for row, margin in w.expiries))

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: linear options and perpetuals of markets that list them, collateral that the pack takes.
        """
        p = self.parameters
        return [
            *contract_problems(account, market, p.cash),
            *underlying_problems(account, market, p.markets),
            *self._unlisted(account, market),
            *size_problems(account, market, p.max_positions, None),
            *collateral_problems(account, p.bases, p.cash),
        ]

    def _unlisted(self, account: Account, market: Market) -> list[Problem]:
        """Options or perpetuals of a market that lists only the other kind."""
        problems = []
        for i, position in enumerate(account.positions):
            contract = market.contracts.get(position.instrument)
            if contract is None or position.quantity == 0.0 or contract.underlying not in self.parameters.markets:
                continue
            listed, kind = self.parameters.markets[contract.underlying].contracts, contract.kind
            if kind in ("option", "perpetual") and kind not in listed:
                got = f"{contract.name!r}, {kind} of {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
                allowed = "contracts listed for it: " + (", ".join(f"{k}s" for k in listed) or "none")
                problems.append(Problem(f"account.positions[{i}].instrument", got, allowed))
        return problems


def _bound(row: Expiry, margin: ExpiryMargin) -> Binding:
    day = f"{row.expiry:%Y-%m-%d}"

    def words(branch: Branch) -> str:
        return "isolated" if branch.kind == "isolated" else f"settlement at {margin.worst_price:g}"

    label = f"{day} {words(margin.initial)}"
    if margin.maintenance.kind != margin.initial.kind:
        label += f" (maintenance: {words(margin.maintenance)})"
    return Binding(underlying=row.underlying, kind=margin.initial.kind, label=label, pnl=margin.initial.value)
