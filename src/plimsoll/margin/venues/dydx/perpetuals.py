"""dYdX v4: perpetuals against USDC in a cross subaccount, and in subaccounts of their own.

Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Perpetual, Settlement
from plimsoll.documents import Failure, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import MarginRefusedError, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.futures_orders import order_problems
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.pools import SHARED, pool
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Evidence, Pool
from plimsoll.margin.venues.dydx.along import tracks
from plimsoll.margin.venues.dydx.documents import Rows, decimal, interest_missing, leverage_imf
from plimsoll.margin.venues.dydx.forms import FORMS, initial_form
from plimsoll.margin.venues.dydx.lines import lines
from plimsoll.margin.venues.dydx.many import dydx_batch
from plimsoll.margin.venues.dydx.margin import Risk, risk_of
from plimsoll.margin.venues.dydx.orders import charges
from plimsoll.margin.venues.dydx.parameters import DydxParameters
from plimsoll.margin.venues.dydx.procedure import DydxProcedure
from plimsoll.margin.venues.dydx.transition import isolated_subaccount
from plimsoll.margin.venues.dydx.units import ONE_MILLION
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


class DydxPerpetuals(MarginModel):
    """Linear perpetuals on the markets of the pack, settled in USDC, in the chain's whole numbers.

    ```
    notional      trunc(q * oracle price), quote quantums
    initial       ceil(|notional| * max(IMF at the open interest, chosen IMF))
    maintenance   ceil(ceil(|notional| * base IMF) * maintenance fraction)
    subaccount    USDC, profit and funding of its positions; the requirements of its positions are added up
    ```

    The mark of a perpetual is its oracle price, its open interest counts contracts. A position with `isolated_margin`
    has a subaccount of its own; one in a market that is isolated needs that, or to be alone. A leverage is the holder's
    cap for the market. `workings` hold `imf.NAME`, and `liquidation_price.NAME`, `bankruptcy_price.NAME` and
    `fillable_price.NAME` for a whole position, all other prices staying where they are. Where the open interest that
    scales a margin is not told the requirement is refused, or conservatively the whole notional is charged.
    """

    MODEL = "dydx-v4"
    PARAMETERS = DydxParameters
    MODES = ("cross", "isolated")
    TAKES: ClassVar[frozenset[str]] = frozenset({"isolated", "leverage"})
    FORMS = FORMS
    MANY = "every position by itself in doubles that hold whole numbers: one notional, three roundings up"
    parameters: DydxParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        found = order_problems(account, market)
        named = [(f"account.positions[{i}]", p.instrument, p.leverage) for i, p in enumerate(account.positions)]
        named += [(f"account.orders[{i}]", o.instrument, o.leverage) for i, o in enumerate(account.orders)]
        for path, name, leverage in named:
            contract = market.contracts.get(name)
            if contract is None:
                continue  # the book refuses a position in it, and `order_problems` an order
            if not self._listed(contract):
                got = f"{name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
                allowed = f"linear perpetuals settled in {self.rules.currency} on "
                found.append(Problem(f"{path}.instrument", got, allowed + ", ".join(sorted(self.parameters.markets))))
            elif leverage is not None and not self._base(contract) <= leverage_imf(leverage) <= ONE_MILLION:
                most = ONE_MILLION / self._base(contract) if self._base(contract) else float("inf")
                found.append(Problem(f"{path}.leverage", repr(leverage), f"a cap from 1 to {most:g}, that of its tier"))
        if account.mode == "isolated":
            found += [
                Problem(f"account.positions[{i}].isolated_margin", "nothing", "the money of this position's subaccount")
                for i, p in enumerate(account.positions)
                if p.isolated_margin is None and p.quantity
            ]
        return found + self._crowded(account, market)

    def _listed(self, contract: Contract) -> bool:
        linear = isinstance(contract, Perpetual) and contract.settlement is Settlement.LINEAR
        return linear and contract.currency == self.rules.currency and contract.underlying in self.parameters.markets

    def _base(self, contract: Contract) -> int:
        """Base initial margin fraction of a listed contract, ppm."""
        return self.parameters.tiers[self.parameters.markets[contract.underlying].tier].initial_margin_ppm

    def _crowded(self, account: Account, market: Market) -> list[Problem]:
        """Positions and orders of isolated markets that share the cross subaccount with others."""
        apart = {p.instrument for p in account.positions if p.isolated_margin is not None}
        rows = [(f"account.positions[{i}]", p.instrument, p.quantity) for i, p in enumerate(account.positions)]
        rows += [(f"account.orders[{i}]", o.instrument, o.quantity) for i, o in enumerate(account.orders)]
        shared = [
            (path, name, market.contracts[name].underlying)
            for path, name, quantity in rows
            if quantity and name not in apart and name in market.contracts and self._listed(market.contracts[name])
        ]
        coins = sorted({coin for _, _, coin in shared})
        isolated = frozenset(i for i, coin in enumerate(coins) if self.parameters.markets[coin].isolated)
        if isolated_subaccount(range(len(coins)), isolated):
            return []
        allowed = "isolated_margin: a market that is isolated has a subaccount of its own, with nothing else in it"
        return [
            Problem(f"{path}.instrument", repr(name), allowed)
            for path, name, coin in shared
            if self.parameters.markets[coin].isolated
        ]

    def _unknown(self, account: Account, market: Market, on_failure: OnFailure) -> tuple[Failure, ...]:
        """Contracts of unknown open interest. Raises `MarginRefusedError` naming them unless they are charged whole."""
        paths: dict[str, str] = {}
        rows = [(f"account.positions[{i}].instrument", p.instrument) for i, p in enumerate(account.positions)]
        rows += [(f"account.orders[{i}].instrument", o.instrument) for i, o in enumerate(account.orders)]
        for path, name in rows:
            contract = market.contracts[name]
            if name not in paths and interest_missing(name, contract.underlying, market, self.parameters):
                paths[name] = path
        refused = on_failure == "refuse"
        message = "its initial margin grows with the open interest, which the market does not tell"
        failures = [
            Failure(
                reason=Reason.MISSING_OPEN_INTEREST,
                subject=name,
                message=message if refused else message + ": charged its whole notional",
                effect="refused" if refused else "conservative",
            )
            for name in paths
        ]
        if failures and refused:
            raise MarginRefusedError(failures, list(paths.values()))
        return tuple(failures)

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return DydxProcedure(self.parameters, self.rules.currency, assumed, weakest(self.rules, ["liquidation"]))

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
        unknown = self._unknown(account, market, on_failure)
        missing = {failure.subject for failure in unknown}
        rows = Rows.of(book, self.parameters, missing)
        markets = dict(enumerate(rows.markets))
        initial, maintenance = (
            np.array([getattr(r, name) / ONE_MILLION for r in rows.risks], dtype=np.float64) for name in ("imr", "mmr")
        )
        resting = charges(account, rows, market, self.parameters, missing)
        adds = np.array([c.amount / ONE_MILLION for c in resting], dtype=np.float64)
        components = (
            component(
                "positions",
                "Perpetuals",
                self._evidence(book.plan.contracts),
                book.names,
                initial,
                maintenance,
                method="aumann-shapley",
            ).model_copy(update=_sums(rows.risks)),
            component(
                "open_orders",
                "Open orders",
                "assumed",
                [f"orders {c.name}" for c in resting],
                adds,
                np.zeros_like(adds),
            ),
        )
        apart = {p.instrument for p in book.positions if p.isolated_margin is not None}
        pools: list[Pool] = []
        worth: list[int] = []
        prices: dict[str, float] = {}
        for subject, members, money in self._subaccounts(account, rows):
            holder = rows.subaccount(money, members)
            risk = risk_of(holder, markets)
            worth.append(risk.nc)
            more = sum(c.amount for c in resting if (c.name if c.name in apart else SHARED) == subject)
            pools.append(_pool(subject, money, Risk(risk.nc, risk.imr + more, risk.mmr)))
            prices |= lines(holder, risk, markets, book.names, self.parameters.liquidation.config)
        first = pools[0]
        total = sum(c.initial for c in components)
        interest = {f"imf.{n}": r for n, r in zip(book.names, rows.fractions, strict=True)}
        return Assessment(
            # subaccounts of one position lose no more than their money; added as whole numbers, which doubles are not
            net_equity=(worth[0] + sum(max(0, nc) for nc in worth[1:])) / ONE_MILLION,
            components=components,
            binding=(
                Binding(underlying=self.rules.currency, kind="positions", label="each position by itself", pnl=-total),
            ),
            scenarios=(),
            workings={
                "notional": sum(abs(m.notional(h.base_quantums)) for m, h in zip(rows.markets, rows.held, strict=True))
                / ONE_MILLION,
                "profit": sum(r.nc for r in rows.risks) / ONE_MILLION,
                "withdrawable": max(0.0, first.equity - first.initial),
                **interest,
                **prices,
            },
            failures=(*book.failures, *unknown),
            notes=self._notes(account, rows, bool(resting)),
            pools=tuple(pools) if len(pools) > 1 else (),
        )

    def _subaccounts(self, account: Account, rows: Rows) -> list[tuple[str, list[int], Fraction]]:
        """Name, positions and money of each subaccount: the cross one, then those of single positions."""
        apart = {
            i: decimal(p.isolated_margin) for i, p in enumerate(rows.book.positions) if p.isolated_margin is not None
        }
        balance = decimal(account.collateral.get(self.rules.currency, 0.0)) - sum(apart.values(), Fraction(0))
        shared = [i for i in range(len(rows.held)) if i not in apart]
        return [(SHARED, shared, balance), *((rows.book.names[i], [i], money) for i, money in apart.items())]

    def _evidence(self, contracts: Sequence[Contract]) -> Evidence:
        coins = dict.fromkeys(c.underlying for c in contracts)
        tiers = dict.fromkeys(self.parameters.markets[c].tier for c in coins)
        return weakest(self.rules, [*(f"markets.{c}" for c in coins), *(f"tiers.{t}" for t in tiers)] or ["*"])

    def _notes(self, account: Account, rows: Rows, orders: bool) -> tuple[str, ...]:
        found = []
        currency = self.rules.currency
        idle = ", ".join(f"{v:.9g} {a}" for a, v in account.collateral.items() if a != currency and v != 0.0)
        if idle:
            found.append(f"not counted, as the venue takes {currency} alone: {idle}")
        if rows.off_grid:
            found.append("sizes taken at the nearest whole base quantum: " + ", ".join(rows.off_grid))
        if orders:
            found.append("the venue keeps nothing for resting orders: charged is what a match of them all would need")
        return tuple(found)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        self._unknown(account, market, "refuse")
        rows = Rows.of(book, self.parameters)
        found = self._subaccounts(account, rows)
        names = [ACCOUNT] if len(found) == 1 else [name for name, _, _ in found]
        moneys = [(members, money) for _, members, money in found]
        return tuple(Track(name, *track) for name, track in zip(names, tracks(rows, states, moneys), strict=True))

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: where the open interest comes to a cap of its tier, being worth more with the
        price. Equity and maintenance have none.
        """
        self.check(account, market)
        found: dict[str, set[float]] = {}
        for position in account.positions:
            contract, mark = market.contracts[position.instrument], market.marks.get(position.instrument)
            coin = contract.underlying
            tier = self.parameters.tiers[self.parameters.markets[coin].tier]
            if mark is None or not mark.open_interest or not mark.price or not tier.open_interest_upper_cap:
                continue
            worth = mark.open_interest * float(getattr(contract, "multiplier", 1.0)) * mark.price * ONE_MILLION
            caps = (tier.open_interest_lower_cap, tier.open_interest_upper_cap)
            found.setdefault(coin, set()).update(cap / worth for cap in caps if cap > 0)
        return {coin: np.array(sorted(steps)) for coin, steps in found.items()}

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        return dydx_batch(universe, self.parameters)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        form = initial_form(universe, self.parameters)
        return form, form


def _sums(risks: Sequence[Risk]) -> dict[str, float]:
    """Initial and maintenance margin of all positions, added as whole numbers."""
    return {
        "initial": sum(r.imr for r in risks) / ONE_MILLION,
        "maintenance": sum(r.mmr for r in risks) / ONE_MILLION,
    }


def _pool(subject: str, money: Fraction, risk: Risk) -> Pool:
    margin = None if subject == SHARED else float(money)
    return pool(subject, margin, risk.nc / ONE_MILLION, risk.imr / ONE_MILLION, risk.mmr / ONE_MILLION)
