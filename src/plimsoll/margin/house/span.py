"""SPAN, the clearing-house classic, on crypto contracts: sixteen scenarios, spreads, minimum and credits.

Source: institutional-models 2.1 and the public descriptions of the method, own words; its numbers for crypto are this
project's own. Rule codes `SPAN-nn` are listed in docs/rules.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Future, Option, Perpetual, Spot
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.house.equity import net_equity
from plimsoll.margin.house.span_along import span_track
from plimsoll.margin.house.span_forms import SPAN_FORMS, span_pieces
from plimsoll.margin.house.span_many import credit_rules, span_batch, unit_deltas, unit_losses, unit_minimum
from plimsoll.margin.house.span_parameters import SpanParameters
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.delta import held_of
from plimsoll.margin.parts.linear import named
from plimsoll.margin.parts.span import TERMS, Charge, Commodity, charges_of
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding, Component, ScenarioLoss
from plimsoll.market import Market
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]

TITLES = {
    "scan": "Worst of sixteen scenarios",
    "calendar": "Calendar spread charge",
    "spot": "Spot-month charge",
    "credit": "Credit for spreads across underlyings",
    "short_option": "Short-option minimum above all of it",
}
PATHS = {
    "scan": ["scenarios", "underlyings", "lookahead_days"],
    "calendar": ["spreads", "tiers", "delta_points"],
    "spot": ["tiers", "delta_points"],
    "credit": ["credits", "delta_points"],
    "short_option": ["underlyings"],
}


class Span(MarginModel):
    """The requirement of a clearing house in USD: each underlying is a combined commodity, then summed.

    ```
    risk        = max(scan + calendar + spot month - credit, short-option minimum)
    maintenance = sum over underlyings of risk
    initial     = initial_ratio * maintenance
    scan        = max(0, max_j sum_i q_i array_ij)          array: weighted loss of one long unit in scenario j of 16
    ```

    Calendar charges, spot-month charges and credits count composite deltas: the mean of a contract's deltas at the
    points of the scan, in coins. The value of options, net over all of them, stands in the net equity, and what of it
    an underlying does not need is there for the others. Margins fall short of being subadditive: two books whose scans
    bind in the same scenario can form a calendar spread together that neither had.
    """

    MODEL = "span"
    PARAMETERS: ClassVar[type[SpanParameters]] = SpanParameters
    FORMS = SPAN_FORMS
    MANY = (
        "sixteen sums for each underlying, net deltas by contract month, and one pass through the spreads for all "
        "accounts at once"
    )
    parameters: SpanParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: futures, perpetuals, vanilla options and spot on underlyings of the pack."""
        problems = []
        for path, contract in named(account, market):
            if not isinstance(contract, Future | Perpetual | Option | Spot):
                got = f"{contract.name!r}, {contract.kind.replace('_', ' ')} ({Reason.UNSUPPORTED_CONTRACT.value})"
                problems.append(Problem(path, got, "futures, perpetuals, European vanilla options and spot"))
            elif contract.underlying not in self.parameters.underlyings:
                got = f"{contract.name!r} on {contract.underlying} ({Reason.UNKNOWN_UNDERLYING.value})"
                allowed = "underlyings with scan ranges: " + ", ".join(self.parameters.underlyings)
                problems.append(Problem(path, got, allowed))
        return problems

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        return span_batch(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return span_pieces(self.parameters, universe)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.haircuts)
        book = open_book(account, market, "refuse")
        net_equity(book, self.parameters.haircuts)  # refuses a balance without a price
        return span_track(
            book, states, self.parameters.haircuts, lambda moved: sum(c.total for c in self.charges(moved)[0])
        )

    def charges(self, book: Book) -> tuple[tuple[Charge, ...], list[npt.NDArray[np.intp]]]:
        """The charge of each underlying that is held, by name, and the rows of the book it is about."""
        p, plan, q = self.parameters, book.plan, book.quantity
        held = sorted({c.underlying for c, size in zip(plan.contracts, q, strict=True) if size != 0.0})
        losses, deltas = unit_losses(p, plan, q), unit_deltas(p, plan, q)
        minimum = unit_minimum(p, plan)
        commodities, rows = [], []
        for underlying in held:
            mine = np.flatnonzero(held_of(book, underlying))
            months = {g: n for n, g in enumerate(sorted(set(plan.group[mine].tolist())))}
            seconds = [None if g < 0 else float(plan.seconds[g]) for g in plan.group[mine]]
            commodities.append(
                Commodity(
                    underlying,
                    q[mine, None] * losses[mine],
                    q[mine] * deltas[mine],
                    np.array([months[g] for g in plan.group[mine].tolist()], dtype=np.int64),
                    np.array([p.tier_of(s) for s in seconds], dtype=np.int64),
                    np.maximum(-q[mine], 0.0) * minimum[mine],
                    p.offsets(float(plan.spot[mine[0]])),
                )
            )
            rows.append(mine)
        spot = {c.name: float(plan.spot[r[0]]) for c, r in zip(commodities, rows, strict=True)}
        return charges_of(commodities, credit_rules(p, spot)), rows

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.haircuts)
        book = open_book(account, market, on_failure)
        charges, rows = self.charges(book)
        return Assessment(
            net_equity=net_equity(book, self.parameters.haircuts),
            components=self._components(book, charges, rows),
            binding=tuple(self._binding(c) for c in charges),
            scenarios=self._losses(charges),
            workings=self._workings(book, charges, rows),
            failures=book.failures,
        )

    def _components(
        self, book: Book, charges: tuple[Charge, ...], rows: list[npt.NDArray[np.intp]]
    ) -> tuple[Component, ...]:
        found = []
        for term in TERMS:
            shares = np.zeros(len(book.plan))
            for charge, mine in zip(charges, rows, strict=True):
                shares[mine] += charge.shares[term]
            evidence = weakest(self.rules, [*PATHS[term], "initial_ratio"])
            initial = shares * self.parameters.initial_ratio
            found.append(component(term, TITLES[term], evidence, book.names, initial, shares))
        return tuple(found)

    @staticmethod
    def _workings(book: Book, charges: tuple[Charge, ...], rows: list[npt.NDArray[np.intp]]) -> dict[str, float]:
        value = unit_values(book.plan, Scenarios.build([1.0]), "usd", book.quantity)[:, 0]
        options = np.where(book.plan.valued & (book.quantity != 0.0), book.quantity * value, 0.0)
        found: dict[str, float] = {}
        for charge, mine in zip(charges, rows, strict=True):
            name = charge.commodity.name
            found |= {f"{name}.{t}": charge.amount[t] for t in TERMS[:3]}
            found[f"{name}.credit"] = -charge.amount["credit"]
            found[f"{name}.short_option_minimum"] = charge.floor
            found[f"{name}.composite_delta"] = charge.delta
            found[f"{name}.price_risk"] = charge.risk
            found[f"{name}.net_option_value"] = float(options[mine].sum())
        found["net_option_value"] = float(options.sum())
        return found

    def _binding(self, charge: Charge) -> Binding:
        label = "no loss" if charge.worst < 0 else self._labels(charge)[charge.worst]
        label = "short-option minimum" if charge.kind == "short_option" else label
        return Binding(underlying=charge.commodity.name, kind=charge.kind, label=label, pnl=-charge.total)

    def _labels(self, charge: Charge) -> tuple[str, ...]:
        return self.parameters.columns(charge.commodity.name).labels

    def _losses(self, charges: tuple[Charge, ...]) -> tuple[ScenarioLoss, ...]:
        prefix = len(charges) > 1
        return tuple(
            ScenarioLoss(label=f"{c.commodity.name} {label}" if prefix else label, pnl=-float(loss))
            for c in charges
            for label, loss in zip(self._labels(c), c.losses, strict=True)
        )
