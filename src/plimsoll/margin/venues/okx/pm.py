"""OKX portfolio margin: risk units by coin, MR1 to MR9, against the discounted equity of the whole account.

Source: venues-cex section 2.1, own words. Rule codes `OKX-PM-nn` are listed in docs/rules; readings in decision 022.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Future, Option, Perpetual, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account, Leg, Position
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.path import ACCOUNT, LIQUIDATION_FEE, States, Track, strike_multipliers
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Component
from plimsoll.margin.venues.okx.pm_account import Evaluation, evaluate
from plimsoll.margin.venues.okx.pm_forms import PM_FORMS, pm_pieces
from plimsoll.margin.venues.okx.pm_kinks import kinks_of
from plimsoll.margin.venues.okx.pm_many import pm_batch
from plimsoll.margin.venues.okx.pm_parameters import PmParameters, group_of
from plimsoll.margin.venues.okx.pm_shares import (
    binding_of,
    floor_shares,
    mr3_shares,
    mr4_shares,
    mr5_shares,
    mr9_shares,
)
from plimsoll.margin.venues.okx.pm_told import bindings_of, losses_of, notes_of, workings_of
from plimsoll.margin.venues.okx.procedure import OkxProcedure
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

STABLES = ("USDT", "USDC", "USD")
HEDGING = "spot_hedging"
HERE = States({}, np.ones(1))

TITLES = {
    "stress": "Spot, volatility and extreme moves (largest of MR1, MR2, MR6)",
    "mr3": "Volatility across expiries (MR3)",
    "mr4": "Basis (MR4)",
    "mr5": "Interest rates (MR5)",
    "mr9": "Stable coins off their peg (MR9)",
    "mr7": "Minimum charge above the rest (MR7)",
}


class RiskUnitMargin(MarginModel):
    """OKX's portfolio margin of one account, in USD.

    ```
    MMR of a unit   max( max(MR1, MR2, MR6) + MR3 + MR4 + MR5 + MR9 , MR7 scaled by tiers )
    maintenance     sum over units + MR8 of what is owed
    initial         1.3 times the units' + MR8 initial + what resting orders add
    equity          equity of each currency at its discount rate, debts in full
    ```

    The charges of a unit other than MR7 and MR9 are homogeneous of degree one in its positions, so their shares are
    Euler shares; tiers have Aumann-Shapley shares. The venue's margin ratio also counts a fee on what is owed, which is
    no margin: workings `liquidation_fee` and `margin_ratio`; the liquidation line counts it too. MR3, MR5 and the
    option side of MR2 and MR7 have no public formula: what the pack says of them is assumed, and chosen to charge more
    rather than less.
    """

    MODEL = "okx-pm"
    LINEAR = ("USDT", "USDC")
    PARAMETERS = PmParameters
    TAKES = frozenset({"legs", "borrowed"})
    SETTINGS = frozenset({HEDGING})
    FORMS = PM_FORMS
    MANY = (
        "35 price and volatility columns for every risk unit, two far moves, a day and four rate shocks, then sums by "
        "expiry and currency for the terms that do not net, and tiers"
    )
    parameters: PmParameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        return pm_batch(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return pm_pieces(self.parameters, universe)

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`.

        Taken: futures, perpetuals and European options that settle in their own coin or in a stable one.
        """
        problems = []
        named = [
            (f"account.positions[{i}].instrument", p.instrument, p.quantity) for i, p in enumerate(account.positions)
        ]
        named += [(f"account.orders[{i}].instrument", o.instrument, o.quantity) for i, o in enumerate(account.orders)]
        for path, name, _ in named:
            contract = market.contracts.get(name)
            if contract is not None and not _listed(contract):
                got = f"{name!r}, {contract.kind.replace('_', ' ')} ({Reason.UNSUPPORTED_CONTRACT.value})"
                allowed = "futures, perpetuals and European options in their own coin or in " + ", ".join(STABLES)
                problems.append(Problem(path, got, allowed + "; coins are held as collateral"))
            elif contract is not None and contract.currency not in self.parameters.discounts:
                got = f"{name!r}, which settles in {contract.currency} ({Reason.UNKNOWN_CURRENCY.value})"
                allowed = "currencies with a discount rate in the pack: " + ", ".join(self.parameters.discounts)
                problems.append(Problem(path, got, allowed))
        return problems

    def evaluation(self, account: Account, market: Market, states: States = HERE) -> Evaluation:
        """Every charge in each state, for audits."""
        self.check(account, market)
        return self._evaluate(self._book(account, market, "refuse"), states)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = self._book(account, market, on_failure)
        found = self._evaluate(book, HERE)
        parts = self._components(account, market, book, found)
        maintenance = sum(c.maintenance for c in parts)
        equity = float(found.adjusted_equity[0])
        fees = float(found.fees[0])
        workings = workings_of(found) | {
            "derivative_mmr": float(found.derivatives[0]) if found.units else 0.0,
            "borrow_mmr": float(found.borrowing("maintenance")[0]),
            "borrow_imr": float(found.borrowing("initial")[0]),
            LIQUIDATION_FEE: fees,
        }
        if maintenance + fees > 0.0:
            workings["margin_ratio"] = equity / (maintenance + fees)
        return Assessment(
            net_equity=equity,
            components=parts,
            binding=bindings_of(found),
            scenarios=losses_of(found),
            workings=workings,
            failures=book.failures,
            notes=notes_of(found),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        with np.errstate(all="ignore"):
            found = self._evaluate(self._book(account, market, "refuse"), states)
        none = np.zeros(len(states))
        return (Track(ACCOUNT, found.adjusted_equity + none, found.maintenance + none, found.fees + none),)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: strikes, ends of tiers, and prices at which a currency begins to be owed."""
        found = self.evaluation(account, market)
        return kinks_of(found, strike_multipliers(account, market))

    def balance_bends(self, account: Account, market: Market) -> dict[str, tuple[float, ...]]:
        """See `MarginModel.balance_bends`: ends of the discount tiers and caps, less what the positions add."""
        own = {m.currency: float(np.ravel(m.equity)[0]) for m in self.evaluation(account, market).money}
        found = {}
        for asset, table in self.parameters.discounts.items():
            price = market.price_of(asset)
            if price is None or price.price <= 0.0:
                continue
            balance = account.collateral.get(asset, 0.0) - account.borrowed.get(asset, 0.0)
            beside = own[asset] - balance if asset in own else 0.0
            ends = [*(t.upto for t in table.tiers), table.cap]
            size = price.price if table.measure == "usd" else 1.0
            found[asset] = tuple(e / size - beside for e in (0.0, *ends) if e is not None)
        return found

    # --- parts --------------------------------------------------------------------------------------------------

    def _book(self, account: Account, market: Market, on_failure: OnFailure) -> Book:
        known_collateral(account.collateral, self.parameters.discounts)
        known_collateral(account.borrowed, self.parameters.discounts)
        return open_book(account.model_copy(update={"orders": ()}), market, on_failure)

    def _evaluate(self, book: Book, states: States) -> Evaluation:
        hedging = book.account.settings.get(HEDGING, self.parameters.spot_in_use)
        return evaluate(self.parameters, book, states, hedging)

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return OkxProcedure(
            self.parameters.liquidation.liquidate_at,
            self.parameters.liquidation.steps,
            lambda *_: {},
            assumed,
            weakest(self.rules, ["liquidation"]),
        )

    def _components(self, account: Account, market: Market, book: Book, found: Evaluation) -> tuple[Component, ...]:
        p = self.parameters
        names = [_subject(x) for x in book.positions]
        names += [f"spot in use {u.unit.coin}" for u in found.units]
        sums = {name: np.zeros(len(names)) for name in TITLES}
        for n, charged in enumerate(found.units):
            places = np.append(charged.unit.rows, len(book.positions) + n)
            shares = {
                "stress": -binding_of(charged.unit)[2],
                "mr3": mr3_shares(charged.unit),
                "mr4": mr4_shares(charged.unit),
                "mr5": mr5_shares(charged.unit),
                "mr9": mr9_shares(charged),
            }
            shares["mr7"] = floor_shares(charged, np.sum(list(shares.values()), axis=0))
            for name, values in shares.items():
                sums[name][places] += values
        parts = [
            component(
                name,
                TITLES[name],
                weakest(self.rules, self._paths(name, found)),
                names,
                p.initial_factor * sums[name],
                sums[name],
                method="aumann-shapley" if name in ("mr7", "mr9") else "euler",
            )
            for name in TITLES
        ]
        owed = [m for m in found.money if m.owed[0] > 0.0]
        rules = [group_of(p.mr8, m.currency) for m in owed]
        amounts = np.array([float(m.owed[0]) for m in owed])
        parts.append(
            component(
                "mr8",
                "Borrowing (MR8)",
                weakest(self.rules, [f"mr8.{name}" for name, _ in rules] or ["mr8"]),
                [f"owed {m.currency}" for m in owed],
                amounts * np.array([r.initial for _, r in rules]),
                amounts * np.array([r.maintenance for _, r in rules]),
            )
        )
        added = self._orders(account, market, book)
        zero = np.zeros(1)
        parts.append(component("open_orders", "Open orders", "assumed", ["open orders"], np.array([added]), zero))
        return tuple(parts)

    def _orders(self, account: Account, market: Market, book: Book) -> float:
        """What the initial margin of the units rises by at the worst: all buys filled, all sells, or both."""
        live = [o for o in account.orders if o.quantity and not o.reduce_only]
        if not live:
            return 0.0

        def initial(orders: list[tuple[str, Leg, float]]) -> float:
            held = {(x.instrument, x.leg): x for x in account.positions}
            for name, leg, quantity in orders:
                before = held.get((name, leg))
                after = quantity + (0.0 if before is None else before.quantity)
                if (leg == "long" and after < 0) or (leg == "short" and after > 0):
                    after = 0.0
                row = Position(instrument=name, quantity=0.0, leg=leg) if before is None else before
                held[name, leg] = row.model_copy(update={"quantity": after})
            changed = account.model_copy(update={"positions": tuple(held.values()), "orders": ()})
            units = self._evaluate(self._book(changed, market, "refuse"), HERE).derivatives
            return self.parameters.initial_factor * float(units[0])

        rows = [(o.instrument, o.leg, o.quantity) for o in live]
        sides = [rows, [r for r in rows if r[2] > 0], [r for r in rows if r[2] < 0]]
        return max(0.0, *(initial(side) - initial([]) for side in sides))

    def _paths(self, name: str, found: Evaluation) -> list[str]:
        """The parameters that a component rests on; what involves options has met no outside number."""
        p, paths = self.parameters, ["initial_factor"]
        for charged in found.units:
            unit = charged.unit
            if unit.plan.option.any() or unit.inverse.any() or unit.used[0] > 0.0:
                paths.append("vol_shocks.0.percent")
            if name == "stress":
                paths.append(f"mr1.{group_of(p.mr1, unit.coin)[0]}.moves")
                if binding_of(unit)[0] == "mr6":
                    paths += [f"mr6.{group_of(p.mr6, unit.coin)[0]}.move", "extreme_share"]
            elif name == "mr4":
                which = group_of(p.mr4, unit.coin)[0]
                dated = bool((unit.plan.group >= 0).any())
                paths.append("option_close" if dated else f"mr4.{which}.floor")
            elif name == "mr7":
                paths.append(f"mr7.{group_of(p.mr7, unit.coin)[0]}.rate")
                if charged.before_floor[0] < unit.mr7[0]:
                    paths.append(f"scaling.{group_of(p.scaling, unit.coin)[0]}")
            elif name == "mr9" and any(h.amount[0] > 0.0 for h in charged.hedges):
                paths.append("mr9")
            elif name in ("mr3", "mr5") and unit.plan.option.any():
                paths.append("term_structure" if name == "mr3" else "mr5")
        return paths


def _listed(contract: Contract) -> bool:
    if not isinstance(contract, Future | Perpetual | Option):
        return False
    if contract.settlement is Settlement.INVERSE:
        return contract.currency == contract.underlying
    return contract.settlement is Settlement.LINEAR and contract.currency in STABLES


def _subject(position: Position) -> str:
    return position.instrument if position.leg == "net" else f"{position.instrument} {position.leg}"
