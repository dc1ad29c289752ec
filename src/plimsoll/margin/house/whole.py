"""PRBM with what a venue needs around it: offsets between underlyings, liquidity, collateral inside the scenarios.

Implements capabilities K7 and K8 on top of `plimsoll.margin.house.prbm`. Codes `PRBMW-nn` are listed in docs/rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Spot, is_option
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account, Position
from plimsoll.margin.addons.haircuts import counted
from plimsoll.margin.addons.liquidity import Closing, shared
from plimsoll.margin.addons.offsets import pairings
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, known_collateral, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.house.equity import net_equity
from plimsoll.margin.house.prbm import Core, Prbm
from plimsoll.margin.house.prbm_along import finite_track
from plimsoll.margin.house.steps import Steps
from plimsoll.margin.house.whole_along import whole_path
from plimsoll.margin.house.whole_parameters import WholeParameters
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment
from plimsoll.margin.parts.delta import unit_deltas
from plimsoll.margin.path import States, Track, lasting_books, tracks_of
from plimsoll.margin.period import stretch
from plimsoll.margin.requirement import Component, Requirement
from plimsoll.market import Market
from plimsoll.risk import plan_pnl

F64 = npt.NDArray[np.float64]
SIDES = ("long", "short")

_WHY = (
    "the relief between underlyings is the optimum of a program over worst losses, a difference of convex functions, "
    "and the scan grows with the time that closing takes: neither is a row of a convex program"
)


@dataclass(frozen=True)
class Sizes:
    """Coins to be closed in each underlying, by side, at least zero: bought ones are `long`."""

    coins: dict[tuple[str, str], float]

    def of(self, underlying: str, side: str) -> float:
        """Coins of one side of one underlying."""
        return self.coins.get((underlying, side), 0.0)


class PrbmWhole(Prbm):
    """PRBM with offsets, liquidity and collateral, in USD.

    ```
    core        as PRBM, per underlying, with coins of the collateral inside the scenarios as spot
    offsets     - relief of pairs that move together, never below the floors of PRBM
    stretch     (sqrt(margin period of this size / that of a small one) - 1) * core
    close-out   cost of walking the book and of the square-root law beyond it
    de-peg      fall of the coins tied to the dollar that the other terms rest on
    initial     = sum of all; maintenance = maintenance_factor * initial
    ```

    Sizes for the liquidity terms are coins of delta, long and short apart and never netted with each other: what hedges
    in calm markets has to be closed on both sides. `requirements` takes all accounts of one owner together.
    """

    MODEL = "prbm-whole"
    PARAMETERS = WholeParameters
    FORMS = Declared("refused", "none", _WHY, "refused", _WHY)
    MANY = (
        "account by account through the exact engine: each needs its own pairing of underlyings and its own close-out"
    )
    parameters: WholeParameters

    def batch(self, universe: Universe) -> None:  # type: ignore[override]
        """See `MarginModel.batch`: none."""
        return

    def rows(self, universe: Universe) -> None:
        """See `MarginModel.rows`: none."""
        return

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`: refused."""
        return Form("refused", _WHY), Form("refused", _WHY)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        return self._assessed(account, market, on_failure, None)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once, but for exotic options and where order books move along."""
        if lasting_books(market):
            return tracks_of(self.assess, account, market, states)
        book = self._opened(account, market, "refuse")
        steps = Steps.of(book, states)
        inside = frozenset(collateral_name(a) for a in account.collateral)
        found = None if steps is None else finite_track(*whole_path(self.parameters, steps, account, inside))
        return tracks_of(self.assess, account, market, states) if found is None else (found,)

    def requirements(
        self, accounts: Sequence[Account], market: Market, on_failure: OnFailure = "refuse"
    ) -> tuple[Requirement, ...]:
        """Requirements of accounts that belong to one owner: liquidity is charged on what they hold together.

        Each account bears its part by size, so that dividing a position over accounts lowers nothing.
        """
        sizes = [self.sizes(self._opened(a, market, on_failure)) for a in accounts]
        total: dict[tuple[str, str], float] = {}
        for one in sizes:
            for key, coins in one.coins.items():
                total[key] = total.get(key, 0.0) + coins
        with np.errstate(all="ignore"):
            return tuple(
                self._document(a, market, self._assessed(a, market, on_failure, Sizes(total))) for a in accounts
            )

    def sizes(self, book: Book) -> Sizes:
        """What has to be closed: coins of delta of every position, collateral left out."""
        coins: dict[tuple[str, str], float] = {}
        delta = book.quantity * unit_deltas(book.plan, book.quantity)
        for contract, d in zip(book.plan.contracts, delta.tolist(), strict=True):
            if d != 0.0 and contract.name != collateral_name(contract.underlying):
                key = (contract.underlying, SIDES[d < 0])
                coins[key] = coins.get(key, 0.0) + abs(d)
        return Sizes(coins)

    def _opened(self, account: Account, market: Market, on_failure: OnFailure) -> Book:
        self.check(account, market)
        known_collateral(account.collateral, self.parameters.collateral.assets)
        held, snapshot = with_coins_inside(account, market)
        return open_book(held, snapshot, on_failure)

    def _assessed(self, account: Account, market: Market, on_failure: OnFailure, owner: Sizes | None) -> Assessment:
        book = self._opened(account, market, on_failure)
        cores, basis = self.cores(book), self.basis_shares(book)
        offsets = self._offsets(book, cores)
        own = self.sizes(book)
        long, notes = self._liquidity(book, cores, own, owner or own)
        cut = self._cut(account, market)
        phi = self.parameters.maintenance_factor
        parts = [*self._components(book, cores, basis), offsets, *long]
        parts.append(self._depeg(account, market, sum(c.initial for c in parts)))
        later = self.parameters.collateral.initial_only
        if later:
            less = np.array(list(cut.values()), dtype=np.float64)
            evidence = weakest(self.rules, ["collateral"])
            names = [f"collateral {a}" for a in cut]
            parts.append(component("haircuts", "Haircuts", evidence, names, less, 0.0 * less))
        empty: dict[str, float] = {}
        bare = replace(book, account=book.account.model_copy(update={"collateral": empty}))
        equity = net_equity(bare, {}) + sum(self._dollars(book.account, market).values())
        amounts = {f"{c.underlying}.{f}": c.amount[f] for c in cores for f in c.amount}
        amounts |= {"basis": float(basis.sum()), "haircuts": sum(cut.values()), "factor": phi}
        for (underlying, side), coins in (owner or own).coins.items():
            amounts[f"{underlying}.to_close.{side}"] = coins
        return Assessment(
            net_equity=equity if later else equity - sum(cut.values()),
            components=tuple(parts),
            binding=tuple(self._binding(c) for c in cores),
            scenarios=self._losses(cores),
            workings=amounts,
            failures=book.failures,
            notes=tuple(notes),
        )

    def _offsets(self, book: Book, cores: tuple[Core, ...]) -> Component:
        """Relief by position: the shares of the pair's common worst case less those of each alone."""
        table = self.scenarios()
        size = len(table)
        shares = np.zeros(len(book.plan))
        # what binds outside the table, or at a floor, has no common scenario to be set against
        free = [c for c in cores if c.binding == "scan" and 0 <= int(np.argmin(c.pnl)) < size]
        weighted = np.array([c.pnl[:size] for c in free]).reshape(len(free), size)
        if len(free) > 1:
            gain = book.quantity[:, None] * plan_pnl(book.plan, table, "usd", book.quantity) * table.weight
            mine = [np.array([c.underlying == f.underlying for c in book.plan.contracts]) for f in free]
            room = [f.amount["scan"] - max(f.amount["min_delta"], f.amount["short_option"], 0.0) for f in free]
            for pair in pairings([f.underlying for f in free], weighted, self.parameters.offsets):
                u, v = pair.first, pair.second
                together = int(np.argmin(weighted[u] + weighted[v]))
                own = np.zeros(len(book.plan))
                for x in (u, v):
                    own[mine[x]] = gain[mine[x], int(np.argmin(weighted[x]))]
                both = (
                    np.where(mine[u] | mine[v], gain[:, together], 0.0)
                    if (weighted[u] + weighted[v]).min() < 0
                    else 0.0
                )
                change = both - own
                total = float(change.sum())
                least = min(pair.relief, pair.weight * (room[u] + room[v]))
                if total > 0.0 and least > 0.0:
                    shares -= change * (least / total)
        phi = self.parameters.maintenance_factor
        evidence = weakest(self.rules, ["offsets"])
        return component("offsets", "Offsets between underlyings", evidence, book.names, shares, shares * phi)

    def _liquidity(
        self, book: Book, cores: tuple[Core, ...], own: Sizes, total: Sizes
    ) -> tuple[list[Component], list[str]]:
        rule, phi = self.parameters.liquidity, self.parameters.maintenance_factor
        names: list[str] = []
        cost: list[float] = []
        longer: list[float] = []
        notes: list[str] = []
        for core in cores:
            u = core.underlying
            if u not in rule.markets:
                if own.of(u, "long") + own.of(u, "short") > 0.0:
                    notes.append(f"no liquidity data for {u}: its close-out is not charged")
                continue
            mid = book.market.indices[u].price
            bids, asks = deepest(book.market, u)
            if not bids and own.of(u, "long") + own.of(u, "short") > 0.0:
                notes.append(f"no order book of {u}: the square-root law alone")
            sides = [Closing.of(rule, rule.markets[u], mid, levels) for levels in (bids, asks)]
            charged = 0.0
            for closing, side in zip(sides, SIDES, strict=True):
                rest = total.of(u, side) - own.of(u, side)
                charged += shared(closing.cost(total.of(u, side)), [own.of(u, side), max(rest, 0.0)])[0]
            hours = sides[0].hours(total.of(u, "long") + total.of(u, "short"), rule.participation)
            names.append(f"{u} close-out")
            cost.append(charged)
            longer.append(max(0.0, core.amount[core.binding]) * (stretch(rule.margin_period, hours) - 1.0))
        evidence = weakest(self.rules, ["liquidity"])
        titles = (
            ("stretch", "Longer margin period of large positions", longer),
            ("close_out", "Cost of closing", cost),
        )
        found = []
        for name, title, values in titles:
            amounts = np.array(values, dtype=np.float64)
            found.append(component(name, title, evidence, names, amounts, amounts * phi, method="aumann-shapley"))
        return found, notes

    def _dollars(self, account: Account, market: Market) -> dict[str, float]:
        """USD value of the balances that stayed collateral."""
        found = {}
        for asset, amount in account.collateral.items():
            price = market.price_of(asset)
            if amount and price is None:
                raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price of this collateral"))
            found[asset] = 0.0 if price is None else amount * price.price
        return found

    def _cut(self, account: Account, market: Market) -> dict[str, float]:
        """What each asset counts less than its value, USD."""
        rule = self.parameters.collateral
        values = self._dollars(account, market)
        return {a: v - counted(rule.assets[a], v, rule.quantile) for a, v in values.items() if v != 0.0}

    def _depeg(self, account: Account, market: Market, needed: float) -> Component:
        """Dollar coins are charged as far as `needed`, the other terms, rests on them: without risk nothing is."""
        rule = self.parameters.collateral
        held = {a: v for a, v in self._dollars(account, market).items() if v > 0.0 and rule.assets[a].depeg > 0.0}
        part = min(1.0, needed / sum(held.values())) if held else 0.0
        amounts = part * np.array([v * rule.assets[a].depeg for a, v in held.items()], dtype=np.float64)
        names = [f"collateral {a}" for a in held]
        evidence = weakest(self.rules, ["collateral"])
        phi = self.parameters.maintenance_factor
        return component("depeg", "De-peg of dollar coins", evidence, names, amounts, amounts * phi)


def collateral_name(asset: str) -> str:
    """The name under which a coin of the collateral stands in the scenarios."""
    return f"collateral {asset}"


def with_coins_inside(account: Account, market: Market) -> tuple[Account, Market]:
    """Balances in coins that have an index as spot positions, so that they move with the scenarios (wrong-way risk)."""
    coins = {a: q for a, q in account.collateral.items() if q != 0.0 and a in market.indices}
    if not coins:
        return account, market
    spots = tuple(Spot(name=collateral_name(a), underlying=a) for a in coins)
    rows = tuple(Position(instrument=collateral_name(a), quantity=q) for a, q in coins.items())
    rest = {a: q for a, q in account.collateral.items() if a not in coins}
    changes = {"positions": (*account.positions, *rows), "collateral": rest}
    return account.model_copy(update=changes), market.model_copy(update={"instruments": (*market.instruments, *spots)})


def deepest(market: Market, underlying: str) -> tuple[Sequence[tuple[float, float]], Sequence[tuple[float, float]]]:
    """Bids and asks in coins of the linear future or perpetual of `underlying` with most coins on its thinner side."""
    best: tuple[float, Sequence[tuple[float, float]], Sequence[tuple[float, float]]] = (0.0, (), ())
    for name in sorted(market.depth):
        contract = market.contracts[name]
        if contract.underlying != underlying or contract.kind == "spot" or is_option(contract):
            continue
        if contract.settlement != "linear":
            continue
        row, m = market.depth[name], contract.multiplier
        bids, asks = ([(p, q * m) for p, q in side] for side in (row.bids, row.asks))
        thin = min(sum(q for _, q in bids), sum(q for _, q in asks))
        if thin > best[0]:
            best = (thin, bids, asks)
    return best[1], best[2]
