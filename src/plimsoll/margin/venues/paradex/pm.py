"""Paradex portfolio margin: worst of 24 weighted scenarios or the minimum delta charge, then funding and fees.

Source: venues-cex section 5.3, the venue's pages and the margin engine of its public SDK, own words. Rule codes
`PARADEX-PM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option, Perpetual, PerpetualOption
from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.delta import delta_charge_shares, held_of, unit_deltas, worth_of
from plimsoll.margin.parts.floors import largest, stacked
from plimsoll.margin.parts.linear import contract_problems
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.parts.scan import Scan, scan
from plimsoll.margin.parts.way import Way
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding, Component, ScenarioLoss
from plimsoll.margin.venues.paradex.along import pm_track
from plimsoll.margin.venues.paradex.parameters import PmParameters, PmTable
from plimsoll.margin.venues.paradex.pm_forms import PM_FORMS, pm_pieces
from plimsoll.margin.venues.paradex.pm_many import pm_batch, unit_profits
from plimsoll.margin.venues.paradex.pm_orders import RestingOrders, resting_orders
from plimsoll.margin.venues.paradex.taken import (
    RETAIL,
    equity_of,
    fee_units,
    idle_notes,
)
from plimsoll.market import Market
from plimsoll.scenarios import FLAT, Scenarios, VolRule

F64 = npt.NDArray[np.float64]

TERMS = ("scan", "min_delta")
"""The terms of the core in the order in which a tie is decided."""


@dataclass(frozen=True, eq=False)
class Side:
    """One underlying: the scan of its positions, the terms of its core and what open orders add to it, in USDC.

    `amount[t]` and `shares[t]` (`[N]` over the whole book) for each of `TERMS`.
    """

    underlying: str
    scenarios: Scenarios
    found: Scan
    amount: dict[str, float]
    shares: dict[str, F64]
    orders: float

    @property
    def binding(self) -> str:
        """The larger term."""
        return largest(TERMS, self.amount)


class PortfolioMargin(MarginModel):
    """Paradex's portfolio margin of perpetuals and options, underlying by underlying, then summed.

    ```
    core        = max(max_s(-w_s * dV_s), (net |net delta| + hedged * hedged delta) * S)
    initial     = core with open orders + funding provision + fee provision
    maintenance = maintenance_factor * core of the positions + provisions of the positions
    ```

    A position gains its value in the scenario less its mark. Open orders may lose the distance of their price to the
    value in the scenario, never gain; their deltas count on their own side. The funding of eight hours at the market's
    rate is set aside if it is owed, and the fee of closing every position. All of it follows the venue's own
    published engine; options on a perpetual underlying without expiry take the tenor of `plimsoll.risk`.
    """

    MODEL = "paradex-pm"
    PARAMETERS = PmParameters
    FORMS = PM_FORMS
    SETTINGS = frozenset({RETAIL})
    MANY = (
        "one weighted worst-of-scenarios over 24 columns, a delta charge and a net funding for each underlying, and "
        "a fee for each position"
    )
    parameters: PmParameters

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """See `MarginModel.vol_rule`."""
        held = {
            market.contracts[p.instrument].underlying for p in account.positions if p.instrument in market.contracts
        }
        names = [name for asset, name in sorted(self.parameters.underlyings.items()) if asset in held]
        return self.parameters.tables[names[0]].columns().vol_rule if names else FLAT

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: linear perpetuals and options on underlyings of the pack."""
        kinds: tuple[type, ...] = (Perpetual, Option, PerpetualOption)
        taken = dict.fromkeys(self.parameters.underlyings, kinds)
        return contract_problems(account, market, self.rules.currency, taken)

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        return pm_batch(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return pm_pieces(self.parameters, universe)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
        orders = resting_orders(account, market)
        marks = option_marks(book.plan, market, book.quantity)
        sides = self._sides(book, orders)
        fees, order_fees = self._fees(book, orders, marks)
        funding, funding_orders, silent = self._funding(book, orders)
        components = self._components(book, sides, (fees, order_fees), (funding, funding_orders))
        workings = {f"{s.underlying}.{t}": s.amount[t] for s in sides for t in TERMS}
        workings |= {f"{s.underlying}.open_orders": s.orders for s in sides if orders.names}
        workings |= {"funding_provision": float(sum(funding.values())), "fee_provision": float(fees.sum())}
        notes = [f"no funding rate in the market, so none set aside: {', '.join(silent)}"] if silent else []
        return Assessment(
            net_equity=equity_of(book, self.rules.currency, marks),
            components=components,
            binding=tuple(self._binding(s) for s in sides),
            scenarios=self._losses(sides),
            workings=workings,
            failures=book.failures,
            notes=(*notes, *idle_notes(account, self.rules.currency)),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once, but for perpetual options and capped delta charges."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        if book.plan.exotic.any() or any(t.min_delta.cap_long_options for t in self.parameters.tables.values()):
            return super().along(account, market, states)
        balance, retail = account.collateral.get(self.rules.currency, 0.0), account.settings.get(RETAIL, False)
        return (pm_track(self.parameters, Way.of(book, states), balance, retail),)

    def _table(self, underlying: str) -> PmTable:
        return self.parameters.tables[self.parameters.underlyings[underlying]]

    def _sides(self, book: Book, orders: RestingOrders) -> list[Side]:
        held = {c.underlying for c, q in zip(book.plan.contracts, book.quantity, strict=True) if q != 0.0}
        return [self._side(book, u, orders) for u in sorted(held | set(orders.underlyings))]

    def _side(self, book: Book, underlying: str, orders: RestingOrders) -> Side:
        table, plan = self._table(underlying), book.plan
        scenarios = table.columns()
        mine = held_of(book, underlying)
        unit = unit_profits(plan, book.market, scenarios, book.quantity)
        found = scan(book.quantity[mine, None] * unit[mine], scenarios.weight)
        delta = (book.quantity * unit_deltas(plan, book.quantity))[mine]
        spot = float(plan.spot[mine][0]) if mine.any() else orders.spot(underlying)
        rule = table.min_delta
        shares = {t: np.zeros(len(plan)) for t in TERMS}
        shares["scan"][mine] = found.shares
        worth = worth_of(book, mine, rule.cap_long_options)
        shares["min_delta"][mine] = delta_charge_shares(delta, spot, rule.net, rule.hedged, worth)
        amount = {"scan": found.amount, "min_delta": float(shares["min_delta"].sum())}
        core, extra = max(amount.values()), 0.0
        if underlying in orders.underlyings:
            whole = found.weighted - orders.losses(underlying, scenarios) * scenarios.weight
            charge = orders.delta_charge(underlying, delta, rule) * spot
            extra = max(0.0, max(-float(whole.min()), charge) - core)
        return Side(underlying, scenarios, found, amount, shares, extra)

    def _fees(self, book: Book, orders: RestingOrders, marks: F64) -> tuple[F64, F64]:
        retail = book.account.settings.get(RETAIL, False)
        fees = np.abs(book.quantity) * fee_units(self.parameters.fees, book.plan, marks, retail)
        return fees, orders.fees(self.parameters.fees, retail)

    def _funding(self, book: Book, orders: RestingOrders) -> tuple[dict[str, float], float, list[str]]:
        """Provision of each underlying for its positions, what orders add to their sum, and perpetuals without a rate.

        With orders both readings are taken and the dearer is charged: all buys or all sells filled, or, as the venue's
        engine has it, every order counted against the positions.
        """
        plan, hours = book.plan, self.parameters.funding_hours
        silent: list[str] = []
        owed: dict[str, float] = {}
        for i, contract in enumerate(plan.contracts):
            mark = book.market.marks.get(contract.name)
            if contract.kind != "perpetual" or book.quantity[i] == 0.0:
                continue
            if mark is None or mark.funding_rate is None:
                silent.append(contract.name)
                continue
            cost = float(book.quantity[i] * plan.multiplier[i] * plan.spot[i]) * mark.funding_rate * hours / 8.0
            owed[contract.underlying] = owed.get(contract.underlying, 0.0) + cost
        provision = {u: max(0.0, cost) for u, cost in owed.items()}
        added = 0.0
        for u in orders.underlyings:
            buys, sells = orders.funding(u, hours)
            now = owed.get(u, 0.0)
            ways = (now, now + buys, now - sells, now - buys + sells)
            added += max(0.0, *ways) - provision.get(u, 0.0)
        return provision, added, silent

    def _components(
        self, book: Book, sides: list[Side], fees: tuple[F64, F64], funding: tuple[dict[str, float], float]
    ) -> tuple[Component, ...]:
        parts = stacked(TERMS, sides, len(book.plan))
        factor = np.ones(len(book.plan))
        for s in sides:
            mine = np.array([c.underlying == s.underlying for c in book.plan.contracts], dtype=bool)
            factor[mine] = self._table(s.underlying).maintenance_factor
        titles = {"scan": "Worst weighted scenario", "min_delta": "Minimum delta charge above the scan"}
        used = sorted({f"tables.{self.parameters.underlyings[s.underlying]}" for s in sides}) or ["tables"]
        paths = {"scan": [f"{p}.scenarios" for p in used], "min_delta": [f"{p}.min_delta" for p in used]}
        found = [
            component(t, titles[t], weakest(self.rules, paths[t]), book.names, parts[t], parts[t] * factor)
            for t in TERMS
        ]
        orders = np.array([s.orders for s in sides])
        names = [f"orders {s.underlying}" for s in sides]
        evidence = weakest(self.rules, ["orders"])
        found.append(component("open_orders", "Open orders", evidence, names, orders, np.zeros_like(orders)))
        amounts = np.array([*funding[0].values(), funding[1]])
        kept = np.array([*funding[0].values(), 0.0])
        names = [*(f"funding {u}" for u in funding[0]), "funding of orders"]
        evidence = weakest(self.rules, ["funding_hours"])
        found.append(component("funding_provision", "Funding of the coming hours", evidence, names, amounts, kept))
        whole = np.concatenate([fees[0], [fees[1].sum()]])
        kept = np.concatenate([fees[0], [0.0]])
        names = [*book.names, "fees of orders"]
        evidence = weakest(self.rules, ["fees"])
        found.append(component("fee_provision", "Fees of closing", evidence, names, whole, kept))
        return tuple(found)

    @staticmethod
    def _binding(side: Side) -> Binding:
        kind = side.binding
        label = "minimum delta charge" if kind == "min_delta" else "no loss"
        if kind == "scan" and side.found.worst >= 0:
            label = side.scenarios.labels[side.found.worst]
        return Binding(underlying=side.underlying, kind=kind, label=label, pnl=-side.amount[kind])

    @staticmethod
    def _losses(sides: list[Side]) -> tuple[ScenarioLoss, ...]:
        prefix = len(sides) > 1
        return tuple(
            ScenarioLoss(label=f"{s.underlying} {label}" if prefix else label, pnl=float(pnl))
            for s in sides
            for label, pnl in zip(s.scenarios.labels, s.found.weighted, strict=True)
        )
