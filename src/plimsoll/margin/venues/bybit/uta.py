"""Bybit's unified trading account in cross and isolated margin: futures by tiers, options by rates, one USD balance.

Source: venues-cex sections 4.1, 4.2 and 4.3 (account fields), own words. Rule codes `BYBIT-UTA-nn` are listed in
docs/rules.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Option, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account, Position
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.legs import tier_parts
from plimsoll.margin.parts.marks import with_marked_options
from plimsoll.margin.path import ACCOUNT, States, Track, strike_multipliers
from plimsoll.margin.pools import SHARED, pool, pooled_equity
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.bybit.futures import Charges, Futures, listed, symbol_of
from plimsoll.margin.venues.bybit.money import (
    Balances,
    account_rates,
    asset_problems,
    balances,
    borrow_margin,
    usd_prices,
)
from plimsoll.margin.venues.bybit.options import OptionOrder, Options, held_options, option_orders, options_along
from plimsoll.margin.venues.bybit.orders import FutureOrder, future_orders
from plimsoll.margin.venues.bybit.parameters import UtaParameters
from plimsoll.margin.venues.bybit.procedure import BybitProcedure
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

UTA_FORMS = Declared(
    "refused",
    "none",
    "the value of a position may be taken at its entry price and what one leg offsets at the other, which positions "
    "alone do not tell",
    "refused",
    "initial margin follows from a leverage that is chosen position by position and from borrowed balances, which "
    "positions alone do not tell",
)


@dataclass(frozen=True, eq=False)
class Opened:
    """Futures and options of one account met with one market, priced in USD."""

    account: Account
    futures: Futures
    charges: Charges
    profit: F64
    options: Options
    future_orders: list[FutureOrder]
    option_orders: list[OptionOrder]
    price: dict[str, float]

    @property
    def currencies(self) -> list[str]:
        """`[N]` settlement currency of each future."""
        return [c.currency for c in self.futures.legs.book.plan.contracts]

    @property
    def usd(self) -> F64:
        """`[N]` USD price of the settlement currency of each future."""
        return np.array([self.price[c] for c in self.currencies], dtype=np.float64)

    def balances(self, profit: F64, value: F64, price: dict[str, Any]) -> Balances:
        """Balances with the profit of futures and the value of options, `[N]` or `[N, K]`, at USD prices to match."""
        legs = self.futures.legs
        gains: dict[str, Any] = defaultdict(float)
        isolated: dict[str, float] = defaultdict(float)
        for i, currency in enumerate(self.currencies):
            if legs.isolated[i]:
                isolated[currency] += float(legs.margin[i])
            gains[currency] = gains[currency] + (0.0 * profit[i] if legs.isolated[i] else profit[i])
        for contract, paid in zip(self.options.book.plan.contracts, self.options.cash.tolist(), strict=True):
            gains[contract.currency] = gains[contract.currency] + paid
        lowered: dict[str, Any] = defaultdict(float)
        for contract, worth in zip(self.options.book.plan.contracts, value, strict=True):
            lowered[contract.currency] = lowered[contract.currency] + np.minimum(worth, 0.0)
        for order in self.option_orders:
            lowered[order.currency] -= order.premium
        return balances(self.account, isolated, gains, lowered, price)


class UnifiedMargin(MarginModel):
    """Bybit's unified account (UTA), amounts in USD.

    ```
    future          initial value / leverage, maintenance value * rate - deduction, both with the fee of closing
    short option    maintenance max(f S, f mark) + mark + fee S, initial max(max(0.15 S - otm, 0.1 S) + mark, that)
    orders          futures: what all buys or all sells add; options: premium + fee, or margin + fee - premium
    margin balance  balances and profit of futures less their haircuts, options not counted
    ```

    Nothing is netted but the two legs of one instrument. An isolated position stands on its own margin, in its own
    pool. Each position's margin depends on that position alone, so its Aumann-Shapley share is that margin, exactly.
    """

    MODEL = "bybit-uta"
    LINEAR = ("USDT", "USDC")
    PARAMETERS = UtaParameters
    FORMS = UTA_FORMS
    MODES = ("cross", "isolated")
    TAKES: ClassVar[frozenset[str]] = frozenset({"isolated", "legs", "leverage", "borrowed"})
    parameters: UtaParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        found = asset_problems(account, self.parameters.haircuts)
        for i, position in enumerate(account.positions):
            path, contract = f"account.positions[{i}]", market.contracts.get(position.instrument)
            if contract is None:
                continue  # the book refuses it, and says what the market lists
            found += self._contract_problems(contract, f"{path}.instrument")
            apart = position.isolated_margin is not None
            if isinstance(contract, Option) and (apart or account.mode == "isolated"):
                got = f"{contract.name!r}, isolated ({Reason.UNSUPPORTED_MODE.value})"
                found.append(Problem(f"{path}.instrument", got, "options in cross margin only"))
            elif account.mode == "isolated" and position.quantity and not apart:
                found.append(Problem(f"{path}.isolated_margin", "nothing", "the money set apart for this position"))
        for i, order in enumerate(account.orders):
            contract = market.contracts.get(order.instrument)
            if contract is not None:
                found += self._contract_problems(contract, f"account.orders[{i}].instrument")
        return found

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """See `MarginModel.procedure`."""
        return BybitProcedure(
            self.parameters.liquidation, self.tier_parts, assumed, weakest(self.rules, ["liquidation"])
        )

    def tier_parts(self, account: Account, market: Market) -> dict[str, float]:
        """Of each future the part whose closing brings it to the end of the tier below; one in the lowest tier."""
        futures = [p for p in account.positions if not isinstance(market.contracts[p.instrument], Option)]
        book = open_book(account.model_copy(update={"orders": (), "positions": tuple(futures)}), market, "refuse")
        found = Futures.of(book, self.parameters)
        return tier_parts(found.legs, found.worth(found.legs.price[:, None])[:, 0])

    def _contract_problems(self, contract: Contract, path: str) -> list[Problem]:
        p, found = self.parameters, []
        what = f"{contract.name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
        if isinstance(contract, Option):
            if contract.underlying not in p.underlyings or contract.settlement is not Settlement.LINEAR:
                allowed = "linear options on " + (", ".join(sorted(p.underlyings)) or "nothing")
                found.append(Problem(path, what, allowed))
        elif symbol_of(p, contract) is None:
            found.append(Problem(path, what, f"{listed(p.futures)}; linear options"))
        if not found and contract.currency not in p.haircuts:
            got = f"{contract.name!r} settles in {contract.currency} ({Reason.UNKNOWN_CURRENCY.value})"
            found.append(Problem(path, got, "one of " + ", ".join(sorted(p.haircuts))))
        return found

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        a = self._open(account, market, on_failure)
        apart, usd, held = a.futures.legs.isolated, a.usd, a.balances(a.profit, a.options.value, a.price)
        initial, maintenance, fees = (x[:, 0] * usd for x in (a.charges.initial, a.charges.maintenance, a.charges.fees))
        components = self._components(a, held, initial, maintenance, fees)
        extra = [c for c in components if c.name not in ("positions", "close_fees")]
        legs = a.futures.legs
        shared = pool(
            SHARED,
            None,
            float(held.counted(self.parameters.haircuts)),
            float((initial + fees)[~apart].sum()) + sum(c.initial for c in extra),
            float((maintenance + fees)[~apart].sum()) + sum(c.maintenance for c in extra),
        )
        own = [
            pool(
                legs.subjects[i],
                float(legs.margin[i] * usd[i]),
                float((legs.margin[i] + a.profit[i]) * usd[i]),
                float(initial[i] + fees[i]),
                float(maintenance[i] + fees[i]),
            )
            for i in np.flatnonzero(apart).tolist()
        ]
        pools = (shared, *own)
        total = sum(c.initial for c in components)
        label = "each position by itself"
        return Assessment(
            net_equity=pooled_equity(pools),
            components=components,
            binding=(Binding(underlying="USD", kind="positions", label=label, pnl=-total),),
            scenarios=(),
            workings=self._workings(a, shared.equity, shared.initial, shared.maintenance),
            failures=(*legs.book.failures, *a.options.book.failures),
            notes=self._notes(a),
            pools=pools if apart.any() else (),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        a = self._open(account, market, "refuse")
        # along a path an option needs a volatility, marked or not
        options = _book(account, market, "refuse", options=True)
        legs, p = a.futures.legs, self.parameters
        prices = legs.prices(states)
        charges, profit = a.futures.charges(prices), legs.profits(prices)
        moved: dict[str, Any] = {
            asset: price * (states.multiplier(asset) if asset in market.indices else np.ones(len(states)))
            for asset, price in a.price.items()
        }
        usd = np.array([moved[c] for c in a.currencies]).reshape(len(legs.book.plan), len(states))
        apart = legs.isolated
        sold, value = options_along(options, p, states)
        prices = np.array([moved[c.currency] for c in options.plan.contracts]).reshape(len(options.plan), len(states))
        held = a.balances(profit, value, moved)
        lent = borrow_margin(held, p.borrow)[2]
        maintenance = (charges.maintenance + charges.fees) * usd
        nothing = np.zeros(len(states))
        shared = Track(
            SHARED if apart.any() else ACCOUNT,
            nothing + held.counted(p.haircuts),
            nothing + maintenance[~apart].sum(axis=0) + (sold * prices).sum(axis=0) + sum(lent),
        )
        own = [
            Track(legs.subjects[i], (legs.margin[i] + profit[i]) * usd[i], maintenance[i])
            for i in np.flatnonzero(apart).tolist()
        ]
        return (shared, *own)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: strikes, and where the value of a position comes to the end of a tier."""
        self.check(account, market)
        found = {name: set(ratios.tolist()) for name, ratios in strike_multipliers(account, market).items()}
        for name, ratios in self._open(account, market, "refuse").futures.legs.tier_multipliers().items():
            found.setdefault(name, set()).update(ratios.tolist())
        return {name: np.array(sorted(ratios)) for name, ratios in found.items()}

    def _open(self, account: Account, market: Market, on_failure: OnFailure) -> Opened:
        p, marked = self.parameters, with_marked_options(account, market)
        futures = Futures.of(_book(account, marked, on_failure, options=False), p)
        options = held_options(_book(account, marked, on_failure, options=True), p)
        bought = option_orders(account, marked, p)
        resting = future_orders(account, marked, p)
        plans = (futures.legs.book.plan, options.book.plan)
        currencies = [c.currency for plan in plans for c in plan.contracts]
        currencies += [o.currency for o in bought] + [o.currency for o in resting]
        price = usd_prices(account, marked, currencies)
        now = futures.legs.price[:, None]
        return Opened(
            account, futures, futures.charges(now), futures.legs.profits(now)[:, 0], options, resting, bought, price
        )

    def _components(
        self, a: Opened, held: Balances, initial: F64, maintenance: F64, fees: F64
    ) -> tuple[Component, ...]:
        p, rules, names = self.parameters, self.rules, a.futures.legs.subjects
        paths = a.futures.paths(a.charges.value[:, 0])
        found = [self._part("positions", "Futures and perpetuals", paths or ["futures"], names, initial, maintenance)]
        found.append(self._part("close_fees", "Fees of closing", ["close_fee.taker"], names, fees, fees))
        plan = a.options.book.plan
        price = np.array([a.price[c.currency] for c in plan.contracts], dtype=np.float64)
        on = sorted({f"underlyings.{c.underlying}.options" for c in plan.contracts}) or ["underlyings"]
        amounts = a.options.initial * price, a.options.maintenance * price
        found.append(self._part("options", "Short options", on, a.options.book.names, *amounts))
        assets, first, second = borrow_margin(held, p.borrow)
        lent = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
        found.append(self._part("borrowing", "Borrowed balances", ["borrow"], [f"borrowed {x}" for x in assets], *lent))
        rows = [(o.subject, o.initial * a.price[o.currency]) for o in a.future_orders]
        rows += [(o.subject, o.initial * a.price[o.currency]) for o in a.option_orders]
        added = np.array([x for _, x in rows], dtype=np.float64)
        # the orders of options stand in the rules, with their worked example; those of futures do not
        on = sorted({f"underlyings.{o.underlying}.options" for o in a.option_orders})
        evidence = "assumed" if a.future_orders else weakest(rules, ["option_fee", *on])
        zero = np.zeros_like(added)
        found.append(component("open_orders", "Open orders", evidence, [s for s, _ in rows], added, zero))
        return tuple(found)

    def _part(self, name: str, title: str, paths: Any, subjects: Any, initial: F64, maintenance: F64) -> Component:
        evidence = weakest(self.rules, paths)
        return component(name, title, evidence, subjects, initial, maintenance, method="aumann-shapley")

    @staticmethod
    def _workings(a: Opened, equity: float, initial: float, maintenance: float) -> dict[str, float]:
        options = sum(
            v * a.price[c.currency]
            for c, v in zip(a.options.book.plan.contracts, a.options.value.tolist(), strict=True)
        )
        found = {
            "margin_balance": equity,
            "option_value": float(options),
            "total_equity": equity + float(options),
            "available_balance": max(equity - initial, 0.0),
        }
        found |= account_rates(initial, maintenance, equity)
        for i, subject in enumerate(a.futures.legs.subjects):
            row = {"value": a.charges.value, "initial": a.charges.initial, "maintenance": a.charges.maintenance}
            row["close_fee"] = a.charges.fees
            found |= {f"{subject}.{name}": float(amounts[i, 0]) for name, amounts in row.items()}
        return found

    @staticmethod
    def _notes(a: Opened) -> tuple[str, ...]:
        notes = []
        if a.options.value.any():
            notes.append("options do not count in the margin balance: what is bought is paid, what is sold is margined")
        if (a.futures.matched > 0.0).any():
            notes.append("of two legs in one instrument the part that is offset needs fees only in maintenance margin")
        large = a.futures.beyond(a.charges.value[:, 0])
        if large:
            notes.append(
                f"above the largest size that the venue lists a tier for: {', '.join(large)}; the last goes on"
            )
        if a.future_orders:
            notes.append("orders in futures are charged at their worst fill with both fees, a reading of the rule")
        return tuple(notes)


def _book(account: Account, market: Market, on_failure: OnFailure, *, options: bool) -> Book:
    """The options of an account or all that is none; the others stay as empty rows, so that paths keep their index."""

    def kept(position: Position) -> Position:
        mine = isinstance(market.contracts.get(position.instrument), Option) == options
        empty = {"quantity": 0.0, "unrealised_pnl": None, "unsettled_funding": 0.0}
        return position if mine else position.model_copy(update=empty)

    positions = tuple(kept(p) for p in account.positions)
    return open_book(account.model_copy(update={"positions": positions, "orders": ()}), market, on_failure)
