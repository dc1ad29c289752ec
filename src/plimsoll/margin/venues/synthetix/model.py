"""Synthetix v3 perpetuals: one cross account in the venue's dollar.

Source: venues-onchain section 3.3, own words. Rule codes `SNX-nn` are in docs/rules.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Perpetual, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.linear import named
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.synthetix.orders import order_charges
from plimsoll.margin.venues.synthetix.parameters import SynthetixParameters
from plimsoll.margin.venues.synthetix.procedure import SynthetixProcedure
from plimsoll.margin.venues.synthetix.ratios import margin_ratios, windows
from plimsoll.margin.venues.synthetix.reward import liquidation_reward
from plimsoll.margin.venues.synthetix.state import Standing, kinks_of, worth_problems
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
_WHY = (
    "every position, however small, costs its minimum margin and the least reward of the keepers: a jump at zero that "
    "no convex function which is nothing at nothing can stay above"
)


class SynthetixPerps(MarginModel):
    """Margin of Synthetix v3 perpetuals, in the dollar of the venue.

    ```
    initial      |q| P (|q| / skew_scale * ratio + minimum) + minimum position margin      of each position
    maintenance  |q| P (the same) * scalar + minimum position margin
    both         + what keepers may take for the liquidation of the whole account
    equity       collateral after its discount + profit and funding - debt
    ```

    Liquidatable when equity is below maintenance. The marks are the oracle prices; what a position was filled at is its
    entry price. Orders add the rise of initial margin, their fee and what they lose at once at their fill price (the
    skew is `skew.INSTRUMENT` of `account.reported` in coins, zero where it is missing). `flag_cost` and
    `liquidate_cost` of `account.reported` (USD) take the place of those of the pack. Debt is a negative balance of the
    dollar or `account.borrowed`.
    """

    MODEL = "synthetix-v3"
    PARAMETERS = SynthetixParameters
    MODES = ("cross",)
    TAKES: ClassVar[frozenset[str]] = frozenset({"borrowed"})
    LINEAR = ("USD",)
    FORMS = Declared("refused", "none", _WHY, "refused", _WHY)
    MANY = "every position by itself, and the reward of the keepers of each account"
    parameters: SynthetixParameters

    def balance_bends(self, account: Account, market: Market) -> dict[str, tuple[float, ...]]:
        """See `MarginModel.balance_bends`: where a discount leaves its lower bound and meets its upper."""
        return {
            asset: tuple(x * rule.skew_scale / rule.discount_scalar for x in (rule.lower_discount, rule.upper_discount))
            for asset, rule in self.parameters.collateral.items()
            if rule.discount_scalar > 0.0
        }

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: linear perpetuals of listed markets, known collateral, no negative token."""
        found = []
        for path, contract in named(account, market):
            if not self._listed(contract):
                got = f"{contract.name!r}, {contract.kind} on {contract.underlying}"
                listed = ", ".join(sorted(self.parameters.markets))
                allowed = f"linear perpetuals settled in {self.rules.currency} on {listed}"
                found.append(Problem(path, f"{got} ({Reason.UNSUPPORTED_CONTRACT.value})", allowed))
        for i, order in enumerate(account.orders):
            if order.instrument not in market.contracts:
                got = f"{order.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})"
                allowed = f"one of the {len(market.contracts)} instruments of the market"
                found.append(Problem(f"account.orders[{i}].instrument", got, allowed))
        return [*found, *worth_problems(self.parameters, self.rules.currency, account)]

    def _listed(self, contract: Contract) -> bool:
        linear = isinstance(contract, Perpetual) and contract.settlement is Settlement.LINEAR
        return linear and contract.currency == self.rules.currency and contract.underlying in self.parameters.markets

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return SynthetixProcedure(self._reward, weakest(self.rules, ["keepers"]))

    def _reward(self, account: Account, market: Market) -> float:
        """USD that keepers may take for liquidating the account."""
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        now = Standing.of(self.parameters, self.rules.currency, account, market, book, States({}, np.ones(1)))
        return float(now.reward()[0])

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        p, currency = self.parameters, self.rules.currency
        book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
        now = Standing.of(p, currency, account, market, book, States({}, np.ones(1)))
        minimum = np.array([r.minimum_position_margin for r in now.rules], dtype=np.float64)
        names, paths = book.names, [f"markets.{c.underlying}" for c in book.plan.contracts] or ["markets"]
        rates = [[f"{path}.{key}" for path in paths] for key in ("initial_margin_ratio", "minimum_position_margin")]
        both = [now.notional[:, 0] * ratio for ratio in (now.initial_ratio, now.maintenance_ratio)]
        positions = component("positions", "Perpetuals", weakest(self.rules, rates[0]), names, *both)
        least = component(
            "minimum", "Least margin of a position", weakest(self.rules, rates[1]), names, minimum, minimum
        )
        reward = now.reward()
        keepers = component(
            "liquidation_reward",
            "Keepers of a liquidation",
            weakest(self.rules, ["keepers"]),
            ["liquidation"],
            reward,
            reward,
        )
        components = (positions, least, keepers, self._orders(account, market))
        equity = float(now.equity()[0])
        charged = sum(c.initial for c in components)
        return Assessment(
            net_equity=equity,
            components=components,
            binding=(Binding(underlying=currency, kind="positions", label="each position by itself", pnl=-charged),),
            scenarios=(),
            workings={
                "available_margin": equity,
                "withdrawable": max(0.0, equity - charged),
                "collateral": float(now.collateral[0]),
                "discounted_collateral": float(now.discounted[0]),
                "required_initial": positions.initial + least.initial,
                "required_maintenance": positions.maintenance + least.maintenance,
                "liquidation_windows": float(now.windows),
                **{f"{n}.initial_ratio": float(r) for n, r in zip(names, now.initial_ratio, strict=True)},
                **{f"{n}.profit": float(x) for n, x in zip(names, now.profit[:, 0], strict=True)},
            },
            failures=book.failures,
            notes=self._notes(account),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        found = Standing.of(self.parameters, self.rules.currency, account, market, book, states)
        return (Track(ACCOUNT, found.equity(), found.maintenance()),)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: where the keepers' reward comes to one of its guards."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        one = States({}, np.ones(1))
        return kinks_of(Standing.of(self.parameters, self.rules.currency, account, market, book, one))

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        plan, k = universe.plan, self.parameters.keepers
        rules = [self.parameters.markets.get(c.underlying) for c in plan.contracts]
        price = universe.known(plan.price)

        def amounts(lots: Lots) -> Amounts:
            initial, maintenance = np.empty(lots.item.size), np.empty(lots.item.size)
            flagged, most = np.zeros(lots.item.size), np.zeros(lots.accounts)
            size = np.abs(lots.quantity * plan.multiplier[lots.item])
            for n, item in enumerate(lots.item.tolist()):
                rule = rules[item]
                assert rule is not None  # lots hold what is listed
                value, ratios = size[n] * price[item], margin_ratios(rule, size[n])
                initial[n] = value * ratios[0] + rule.minimum_position_margin
                maintenance[n] = value * ratios[1] + rule.minimum_position_margin
                flagged[n] = value * rule.flag_reward_ratio
                most[lots.account[n]] = max(most[lots.account[n]], windows(rule, size[n]))
            nothing = np.zeros(lots.accounts)
            reward = liquidation_reward(k, lots.sum(flagged), most, nothing, k.flag_cost, k.liquidate_cost)
            return Amounts(
                lots.sum(initial) + reward,
                lots.sum(maintenance) + reward,
                nothing,
                np.zeros(lots.accounts, dtype=bool),
            )

        return amounts

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`: refused, with the reason."""
        return Form("refused", _WHY), Form("refused", _WHY)

    def _orders(self, account: Account, market: Market) -> Component:
        found = order_charges(self.parameters, account, market)
        amounts = np.array([x for _, x in found], dtype=np.float64)
        names = [f"orders {name}" for name, _ in found]
        return component("open_orders", "Open orders", "assumed", names, amounts, np.zeros_like(amounts))

    @staticmethod
    def _notes(account: Account) -> tuple[str, ...]:
        names = dict.fromkeys(o.instrument for o in account.orders if o.quantity and not o.reduce_only)
        unknown = [n for n in names if f"skew.{n}" not in account.reported]
        return (f"no skew reported, orders filled from none: {', '.join(unknown)}",) if unknown else ()
