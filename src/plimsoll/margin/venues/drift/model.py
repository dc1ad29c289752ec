"""Drift v2: one cross account of tokens and perpetuals, in the whole numbers of the chain.

Source: venues-onchain section 3.2, own words. Rule codes `DRIFT-nn` are in docs/rules.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.drift.holdings import USD, whole
from plimsoll.margin.venues.drift.parameters import DriftParameters
from plimsoll.margin.venues.drift.reading import HIGH, STRICT, oracle, problems, read
from plimsoll.margin.venues.drift.sums import Held, Sums, dollars
from plimsoll.margin.venues.drift.weights import BASE, MARGIN_TYPES, WEIGHT, margin_ratio
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

_WHY = (
    "the ratio of a perpetual rises with the root of its size, so its margin bends upwards everywhere: the lowest "
    "straight line that is never below it up to the largest position considered has the ratio of that position"
)


class DriftMargin(MarginModel):
    """Drift's cross margin in USD: free collateral is collateral less requirement, for each margin type.

    ```
    tokens       deposits count their asset weight, loans cost their liability weight; both by size, initial also by
                 what all holders deposited; the quote token counts whole
    perpetuals   worst base with orders * price * ratio by size, at least the holder's own ratio for initial
    profit       by its weight, at most 100 USD a position for initial; a loss counts whole
    orders       0.01 USD each
    ```

    Equity is collateral under maintenance; what it counts less for initial is added to initial margin (component
    `weights`), so that `excess_initial` and `excess_maintenance` are the venue's free collateral of either type.
    The marks of perpetuals are their oracle prices; tokens are valued at `market.assets` or the index. Settings:
    `high_leverage`, `strict`. Read from `account.reported`: `twap.ASSET` (five-minute mean, USD, the price itself where
    it is missing), `deposits.ASSET` (coins deposited by all holders), `net_unsettled_pnl.INSTRUMENT` (USD, of all
    holders) and `max_margin_ratio` (the account's own least ratio, in 1e-4).
    """

    MODEL = "drift"
    PARAMETERS = DriftParameters
    MODES = ("cross",)
    TAKES: ClassVar[frozenset[str]] = frozenset({"leverage"})
    SETTINGS: ClassVar[frozenset[str]] = frozenset({HIGH, STRICT})
    FORMS = Declared("bound", "linear program", _WHY, "bound", _WHY)
    MANY = "account by account through the exact engine: whole numbers of any length have no arithmetic on blocks"
    parameters: DriftParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: linear perpetuals and known tokens; spot only as an order."""
        return problems(self.parameters, account, market)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        own = read(self.parameters, account, market, on_failure)
        held = own.held
        sums = {margin: held.sums(margin) for margin in MARGIN_TYPES}
        initial, maintenance = sums["initial"], sums["maintenance"]
        components = self._components(held, initial, maintenance)
        free = dollars(initial.free)
        workings: dict[str, float] = {}
        for margin, found in sums.items():
            workings[f"{margin}.requirement"] = dollars(found.requirement)
            workings[f"{margin}.collateral"] = dollars(found.collateral)
            workings[f"{margin}.free"] = dollars(found.free)
            for h in held.perps:
                workings[f"{h.name}.ratio.{margin}"] = float(h.ratio(margin, held.high))
                workings[f"{h.name}.profit_weight.{margin}"] = float(h.profit_weight(margin))
            for t in held.tokens[1:]:
                workings[f"{t.asset}.asset_weight.{margin}"] = float(t.weight(margin, t.amount, loan=False))
                workings[f"{t.asset}.liability_weight.{margin}"] = float(t.weight(margin, t.amount, loan=True))
        return Assessment(
            net_equity=dollars(maintenance.collateral),
            components=components,
            binding=(
                Binding(
                    underlying=self.rules.currency,
                    kind="free_collateral",
                    label=f"free collateral {free:.6g} USD for initial",
                    pnl=-sum(c.initial for c in components),
                ),
            ),
            scenarios=(),
            workings=workings,
            failures=own.failures,
            notes=self._notes(account, held),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: whole numbers in each state."""
        self.check(account, market)
        own, size = read(self.parameters, account, market, "refuse"), len(states)
        held = own.held
        still = np.ones(size)
        tokens = [
            price * (states.multiplier(t.asset) if t.asset in market.indices else still)
            for t, price in zip(held.tokens, own.tokens, strict=True)
        ]
        perps = [
            price * states.multiplier(market.contracts[h.name].underlying)
            for h, price in zip(held.perps, own.perps, strict=True)
        ]
        equity, maintenance = np.empty(size), np.empty(size)
        for k in range(size):
            at = held.at(tuple(whole(float(x[k]), 6) for x in tokens), tuple(whole(float(x[k]), 6) for x in perps))
            found = at.sums("maintenance")
            equity[k], maintenance[k] = dollars(found.collateral), dollars(found.requirement)
        return (Track(ACCOUNT, equity, maintenance),)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: where a profit that counts less than whole begins."""
        self.check(account, market)
        held = read(self.parameters, account, market, "refuse").held
        found: dict[str, set[float]] = {}
        for h in held.perps:
            if h.base and h.market.pnl_maintenance_weight < WEIGHT:
                even = -h.quote * BASE / h.base / h.price
                if even > 0:
                    found.setdefault(market.contracts[h.name].underlying, set()).add(even)
        return {name: np.array(sorted(x)) for name, x in found.items()}

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`: the ratio of the largest position, for every size up to it."""
        plan, p = universe.plan, self.parameters
        rates = np.zeros(len(plan))
        for i, contract in enumerate(plan.contracts):
            m = p.perps[contract.underlying]
            if m.imf_factor and reach is None:
                raise refuse("reach", None, "the largest position considered: the ratio of a perpetual grows with it")
            size = 0 if reach is None else whole(float(reach[i] * plan.multiplier[i]), 9)
            ratio = margin_ratio("initial", size, m.margin_ratio_initial, m.margin_ratio_maintenance, m.imf_factor)
            rates[i] = ratio / WEIGHT
        quote = oracle(Account(), universe.market, p.quote.asset).price / USD
        one = plan.multiplier * plan.price * rates * quote
        # half of the smallest unit of base and price, and one of the value
        slack = float((1e-9 * plan.price + 2e-6).sum())
        form = Form("bound", _WHY, Worst.size(range(len(plan)), one), None, reach, slack)
        return form, form

    def _components(self, held: Held, initial: Sums, maintenance: Sums) -> tuple[Component, ...]:
        p = self.parameters
        assets, names = [t.asset for t in held.tokens], [h.name for h in held.perps]
        perps = [f"perps.{c}" for c in p.perps if any(h.market is p.perps[c] for h in held.perps)] or ["perps"]
        spot = [f"spot.{t.asset}" for t in held.tokens[1:]] or ["quote"]

        def part(name: str, title: str, paths: list[str], who: list[str], i: list[int], m: list[int]) -> Component:
            amounts = (np.array([dollars(x) for x in xs], dtype=np.float64) for xs in (i, m))
            return component(name, title, weakest(self.rules, paths), who, *amounts)

        collateral = zip(
            (*maintenance.deposits, *maintenance.profits), (*initial.deposits, *initial.profits), strict=True
        )
        less = [m - i for m, i in collateral]
        everyone = [*assets, *names]
        return (
            part("perpetuals", "Perpetuals", perps, names, list(initial.perps), list(maintenance.perps)),
            part("loans", "Loans", spot, assets, list(initial.loans), list(maintenance.loans)),
            part(
                "open_orders",
                "Open orders",
                ["order_margin"],
                [f"orders {n}" for n in everyone],
                list(initial.orders),
                list(maintenance.orders),
            ),
            part(
                "weights", "Counts in a liquidation, not for initial", [*spot, *perps], everyone, less, [0] * len(less)
            ),
        )

    def _notes(self, account: Account, held: Held) -> tuple[str, ...]:
        notes = []
        unknown = [
            t.asset
            for t in held.tokens[1:]
            if t.market is not None and t.market.scale_start > 0 and f"deposits.{t.asset}" not in account.reported
        ]
        if unknown:
            told = ", ".join(unknown)
            notes.append(f"deposits of all holders not reported, so initial weights are not scaled by them: {told}")
        if held.strict:
            missing = [t.asset for t in held.tokens if f"twap.{t.asset}" not in account.reported]
            if missing:
                notes.append(f"no five-minute mean reported, valued at the price itself: {', '.join(missing)}")
        without = [h.name for h in held.perps if held.high and h.market.high is None]
        if without:
            notes.append(f"no high-leverage mode in these markets: {', '.join(without)}")
        return tuple(notes)
