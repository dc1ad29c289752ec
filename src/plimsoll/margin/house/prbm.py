"""PRBM, the house model: worst weighted scenario with a minimum delta charge, a short-option floor and a basis charge.

Implements the named system under the reading of capabilities K4. Rule codes `PRBM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_dated
from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.house.barriers import at_barriers, held_moves
from plimsoll.margin.house.equity import net_equity
from plimsoll.margin.house.parameters import PrbmParameters
from plimsoll.margin.house.prbm_along import finite_track, prbm_path
from plimsoll.margin.house.prbm_forms import PRBM_FORMS, prbm_pieces
from plimsoll.margin.house.prbm_many import prbm_batch
from plimsoll.margin.house.prbm_rows import PrbmRows
from plimsoll.margin.house.steps import Steps
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.delta import (
    coins_of,
    delta_charge_shares,
    held_of,
    sold_coins,
    unit_deltas,
    worth_of,
)
from plimsoll.margin.parts.floors import largest, stacked
from plimsoll.margin.parts.scan import scan
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding, Component, Evidence, ScenarioLoss
from plimsoll.market import Market
from plimsoll.risk import Plan, plan_pnl
from plimsoll.scenarios import Scenarios, VolRule, years_of

F64 = npt.NDArray[np.float64]

FLOORS = ("scan", "min_delta", "short_option")
"""The terms of the core in the order in which a tie is decided."""


@dataclass(frozen=True, eq=False)
class Core:
    """The core of one underlying. Arrays are `[N]` over the whole book, zero outside this underlying; USD.

    `pnl` and `labels` are those of the scenarios, and of further ones at the barriers of this underlying. `amount[f]`
    and `shares[f]` for each of `FLOORS`; `worst` is the binding scenario, -1 when none loses.
    """

    underlying: str
    pnl: F64
    labels: tuple[str, ...]
    worst: int
    amount: dict[str, float]
    shares: dict[str, F64]

    @property
    def binding(self) -> str:
        """The largest term; the first in `FLOORS` on a tie."""
        return largest(FLOORS, self.amount)


class Prbm(MarginModel):
    """Portfolio risk-based margin in USD, per underlying, then summed.

    ```
    core        = max(max_s(-w_s * dV_s), minimum delta charge, short-option floor)
    initial     = sum over underlyings of core + basis charge
    maintenance = maintenance_factor * initial
    ```

    Options are revalued undiscounted on the shocked forward with the shocked volatility; coin-settled contracts are
    revalued in coin and converted at the shocked index. Each term is homogeneous of degree one in the positions, so
    shares are Euler shares; a tie goes to the first scenario of the table and to the scan before the floors.
    Net equity is collateral after haircut, option and spot value, unrealised profit and funding.
    """

    MODEL = "prbm"
    PARAMETERS: ClassVar[type[PrbmParameters]] = PrbmParameters
    FORMS = PRBM_FORMS
    MANY = (
        "one weighted worst-of-scenarios over 24 columns for each underlying, four sums over neighbouring lots, and "
        "a walk along the kinks of the delta charge"
    )
    parameters: PrbmParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: every contract of this package is taken, in portfolio mode."""
        return []

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        return self.scenarios().vol_rule

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        return prbm_batch(self.parameters, self.scenarios(), universe)

    def rows(self, universe: Universe) -> PrbmRows | None:
        """See `MarginModel.rows`."""
        return PrbmRows(self, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return prbm_pieces(self.parameters, self.scenarios(), universe)

    @property
    def maintenance_part(self) -> float:
        """See `MarginModel.maintenance_part`."""
        return self.parameters.maintenance_factor

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once, but for exotic options."""
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.haircuts)
        steps = Steps.of(open_book(account, market, "refuse"), states)
        found = None if steps is None else finite_track(*prbm_path(self.parameters, steps))
        return super().along(account, market, states) if found is None else (found,)

    def scenarios(self) -> Scenarios:
        """The pack's table as columns."""
        return self.parameters.columns()

    def cores(self, book: Book) -> tuple[Core, ...]:
        """Scan and floors of every underlying in the book."""
        scenarios = self.scenarios()
        pnl = book.quantity[:, None] * plan_pnl(book.plan, scenarios, "usd", book.quantity)
        held = {c.underlying for c, q in zip(book.plan.contracts, book.quantity, strict=True) if q != 0.0}
        return tuple(self._core(book, u, pnl, scenarios) for u in sorted(held))

    def _core(self, book: Book, underlying: str, pnl: F64, scenarios: Scenarios) -> Core:
        p, plan = self.parameters, book.plan
        mine = held_of(book, underlying)
        weight, labels = scenarios.weight, scenarios.labels
        plain = [row for row in p.scenarios if row.weight == 1.0]
        moves = held_moves(book, underlying, *_span([row.move for row in plain]))
        if moves:
            further = at_barriers(moves, sorted({row.vol for row in plain}, reverse=True), scenarios.vol_rule)
            more = book.quantity[:, None] * plan_pnl(plan, further, "usd", book.quantity)
            pnl, weight = np.hstack([pnl, more]), np.concatenate([weight, further.weight])
            labels = (*labels, *further.labels)
        shares = {f: np.zeros(len(plan)) for f in FLOORS}
        found = scan(pnl[mine], weight)
        shares["scan"][mine] = found.shares
        spot = float(plan.spot[mine][0])
        delta = (book.quantity * unit_deltas(plan, book.quantity))[mine]
        rule, worth = p.min_delta, worth_of(book, mine, p.min_delta.cap_long_options)
        shares["min_delta"][mine] = delta_charge_shares(delta, spot, rule.net, rule.hedged, worth)
        sold = self._short_options(plan, book.quantity, mine) + self._short_exotics(plan, book.quantity)[mine]
        shares["short_option"][mine] = sold * p.short_option_rate * spot
        amount = {f: float(v.sum()) for f, v in shares.items()}
        amount["scan"] = found.amount
        return Core(underlying, found.weighted, labels, found.worst, amount, shares)

    @staticmethod
    def _short_options(plan: Plan, quantity: F64, mine: npt.NDArray[np.bool_]) -> F64:
        """Net short coins of each (expiry, call or put), split over the options of that group by their own coins."""
        coins = quantity * coins_of(plan)
        shares = np.zeros(len(plan))
        for expiry in set(plan.group[plan.option & mine].tolist()):
            for call in (True, False):
                group = plan.option & mine & (plan.group == expiry) & (plan.call == call)
                if coins[group].sum() < 0:
                    shares[group] = -coins[group]
        return shares[mine]

    @staticmethod
    def _short_exotics(plan: Plan, quantity: F64) -> F64:
        """`[N]` coins short in each exotic contract by itself: no other option is known to pay when it does."""
        shares = np.zeros(len(plan))
        if plan.exotic.any():
            rows = plan.exotics
            shares[rows] = np.maximum(-quantity[rows], 0.0) * sold_coins(plan)
        return shares

    def basis_shares(self, book: Book) -> F64:
        """`[N]` Euler shares of the basis charge in USD: the worse of two forward shocks, expiry by expiry."""
        rule, plan = self.parameters.basis, book.plan
        shocks = Scenarios.build([1.0, 1.0], basis=[rule.up, rule.down])
        dated = np.array([is_dated(c) for c in plan.contracts], dtype=bool) & (book.quantity != 0.0)
        moves = book.quantity[:, None] * plan_pnl(plan, shocks, "usd", book.quantity)
        shares = np.zeros(len(plan))
        factor = rule.add + rule.mult * years_of(plan.seconds)
        for e in range(len(plan.expiries)):
            mine = dated & (plan.group == e)
            column = int(np.argmin(moves[mine].sum(axis=0)))
            if moves[mine, column].sum() < 0:
                shares[mine] = -moves[mine, column] * factor[e]
        return shares

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.haircuts)
        book = open_book(account, market, on_failure)
        cores = self.cores(book)
        basis = self.basis_shares(book)
        workings = {f"{c.underlying}.{f}": c.amount[f] for c in cores for f in FLOORS}
        workings["basis"] = float(basis.sum())
        return Assessment(
            net_equity=net_equity(book, self.parameters.haircuts),
            components=self._components(book, cores, basis),
            binding=tuple(self._binding(c) for c in cores),
            scenarios=self._losses(cores),
            workings=workings,
            failures=book.failures,
        )

    def _components(self, book: Book, cores: tuple[Core, ...], basis: F64) -> tuple[Component, ...]:
        phi = self.parameters.maintenance_factor
        parts = stacked(FLOORS, cores, len(book.plan))
        evidence: dict[str, Evidence] = {
            "scan": self.rules.evidence_for("scenarios"),  # type: ignore[dict-item]
            "min_delta": self.rules.evidence_for("min_delta"),  # type: ignore[dict-item]
            "short_option": self.rules.evidence_for("short_option_rate"),  # type: ignore[dict-item]
            "basis": self.rules.evidence_for("basis"),  # type: ignore[dict-item]
        }
        titles = {
            "scan": "Worst weighted scenario",
            "min_delta": "Minimum delta charge above the scan",
            "short_option": "Short-option floor above both",
            "basis": "Basis charge",
        }
        parts["basis"] = basis
        return tuple(component(n, titles[n], evidence[n], book.names, a, a * phi) for n, a in parts.items())

    def _binding(self, core: Core) -> Binding:
        kind = core.binding
        label = {"min_delta": "minimum delta charge", "short_option": "short-option floor"}.get(kind, "no loss")
        if kind == "scan" and core.worst >= 0:
            label = core.labels[core.worst]
        return Binding(underlying=core.underlying, kind=kind, label=label, pnl=-core.amount[kind])

    def _losses(self, cores: tuple[Core, ...]) -> tuple[ScenarioLoss, ...]:
        prefix = len(cores) > 1
        return tuple(
            ScenarioLoss(label=f"{c.underlying} {label}" if prefix else label, pnl=float(pnl))
            for c in cores
            for label, pnl in zip(c.labels, c.pnl, strict=True)
        )


def _span(moves: list[float]) -> tuple[float, float]:
    return (min(moves), max(moves)) if moves else (0.0, 0.0)
