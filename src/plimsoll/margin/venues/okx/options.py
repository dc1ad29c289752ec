"""OKX options outside portfolio margin: every short position by itself, in the currency it settles in.

Source: venues-cex section 2.2, own words. Rule codes `OKX-OPT-nn` are listed in docs/rules; readings in decision 022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Option, Settlement
from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account, Order
from plimsoll.margin.book import Book, OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.following import Follow, followed
from plimsoll.margin.parts.marks import option_marks, with_marked_options
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding
from plimsoll.margin.venues.okx.option_charges import (
    Charge,
    OptionParameters,
    OptionRules,
    closing_purchase,
    opening_sale,
    short_charge,
    trade_fee,
)
from plimsoll.margin.venues.okx.options_along import options_follow
from plimsoll.margin.venues.okx.options_many import OPTION_FORMS, option_batch, option_pieces
from plimsoll.market import Market
from plimsoll.risk import compile_plan

F64 = npt.NDArray[np.float64]

STABLES = ("USDT", "USDC", "USD")
FACTOR = "margin_factor"
LONG_NOTE = "long options are isolated at the venue: their value does not stand against the margin of short ones"


@dataclass(frozen=True)
class Priced:
    """An option with what its charge needs: `mark` of one coin, `unit` 1 or the index, `coins` of a contract."""

    contract: Option
    rules: OptionRules
    forward: float
    mark: float
    unit: float

    @property
    def coins(self) -> float:
        """Coins of one contract."""
        return self.contract.multiplier

    def charge(self, factor: float) -> Charge:
        """Margin of one coin sold."""
        c = self.contract
        return short_charge(self.rules, factor, c.call, c.strike, self.forward, self.mark, self.unit)


class OptionMargin(MarginModel):
    """OKX's margin of options in cross mode, in one settlement currency.

    ```
    long     nothing; its value does not count either
    short    initial max(a, b - otm / F) f + mark     maintenance c f + mark, of a put max(c, c mark) f + mark
    orders   sell to open max(initial - price + fee, 0.1)    buy to open price + fee
             buy to close max(price + fee - initial, 0)      sell to close nothing
    ```

    For one coin; in a stable coin all but marks and prices are multiplied by the index. `f` is the factor of the
    position's tier: of all short contracts on the coin in that currency, or `margin_factor` among the amounts that the
    account carries as reported, since the venue's tiers are not public. Each position's margin depends on it alone
    but for `f`, so the shares are the positions' own margins.
    """

    MODEL = "okx-options"
    PARAMETERS = OptionParameters
    MODES = ("cross",)
    FORMS = OPTION_FORMS
    MANY = "every lot by itself: one charge in two parts, and one factor for all that an account has sold on a coin"
    parameters: OptionParameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        return option_batch(self.parameters, universe)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        return option_pieces(self.parameters, universe, reach)

    def forms_currency(self, universe: Universe) -> str:
        """The settlement currency of the contracts."""
        return universe.plan.contracts[0].currency

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: European options in one settlement currency, on coins of the pack."""
        problems, currencies = [], set()
        named = [(f"account.positions[{i}].instrument", p.instrument) for i, p in enumerate(account.positions)]
        named += [(f"account.orders[{i}].instrument", o.instrument) for i, o in enumerate(account.orders)]
        for path, name in named:
            contract = market.contracts.get(name)
            if contract is None:
                continue  # the book refuses it, and says what the market lists
            if not self._taken(contract):
                kind = contract.kind.replace("_", " ")
                got = f"{name!r}, {kind} on {contract.underlying} settled in {contract.currency}"
                allowed = "European options in their own coin" + (" or a stable one" if self.parameters.linear else "")
                allowed += " on " + ", ".join(self.parameters.coins)
                problems.append(Problem(path, f"{got} ({Reason.UNSUPPORTED_CONTRACT.value})", allowed))
            else:
                currencies.add(contract.currency)
        if len(currencies) > 1:
            got = f"contracts that settle in {', '.join(sorted(currencies))} ({Reason.SEVERAL_CURRENCIES.value})"
            problems.append(Problem("account.positions", got, "one settlement currency: an account document for each"))
        if FACTOR in account.reported and account.reported[FACTOR] < 1.0:
            problems.append(Problem(f"account.reported.{FACTOR}", repr(account.reported[FACTOR]), "at least one"))
        return problems

    def _taken(self, contract: Contract) -> bool:
        if not isinstance(contract, Option) or contract.underlying not in self.parameters.coins:
            return False
        if contract.settlement is Settlement.INVERSE:
            return contract.currency == contract.underlying
        linear = contract.settlement is Settlement.LINEAR and contract.currency in STABLES
        return linear and self.parameters.linear

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""

        def opened(account: Account, market: Market) -> tuple[Book, Follow]:
            book, marked = self._opened(account, market, "refuse")
            priced, short = self.priced(book.plan.contracts, marked, book.quantity), self._short(book)
            factors = [self._factor(account, row, short[row.contract.underlying]) for row in priced]
            # orders are charged in the initial margin only, but those without a price are refused
            self._orders(account, marked, book, short)
            balance = account.collateral.get(self._currency(account, market), 0.0)
            return book, lambda moving: options_follow(self.parameters, moving, balance, factors)

        return followed(self, account, market, states, opened)

    def _opened(self, account: Account, market: Market, on_failure: OnFailure) -> tuple[Book, Market]:
        """The book without its orders, and the market in which marked options need no volatility."""
        self.check(account, market)
        marked = with_marked_options(account, market)
        return open_book(account.model_copy(update={"orders": ()}), marked, on_failure), marked

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        book, marked = self._opened(account, market, on_failure)
        currency = self._currency(account, market)
        priced = self.priced(book.plan.contracts, marked, book.quantity)
        short = self._short(book)
        initial, maintenance = np.zeros(len(priced)), np.zeros(len(priced))
        for i, row in enumerate(priced):
            if book.quantity[i] < 0.0:
                size = -float(book.quantity[i]) * row.coins
                found = row.charge(self._factor(account, row, short[row.contract.underlying]))
                initial[i], maintenance[i] = size * found.initial, size * found.maintenance
        paths = [f"coins.{row.contract.underlying}" for i, row in enumerate(priced) if book.quantity[i] < 0.0]
        evidence = weakest(self.rules, self._paths(account, paths))
        orders = self._orders(account, marked, book, short)
        value = sum(float(q) * row.coins * row.mark for q, row in zip(book.quantity, priced, strict=True) if q < 0.0)
        names = [o[0] for o in orders]
        added = np.array([o[1] for o in orders], dtype=np.float64)
        total = float(initial.sum() + added.sum())
        label = "each position by itself"
        return Assessment(
            net_equity=account.collateral.get(currency, 0.0) + value,
            components=(
                component("options", "Short options", evidence, book.names, initial, maintenance),
                component("open_orders", "Open orders", evidence if orders else "read", names, added, 0.0 * added),
            ),
            binding=(Binding(underlying=currency, kind="positions", label=label, pnl=-total),),
            scenarios=(),
            workings={f"{c}.short_contracts": n for c, n in short.items() if n} | {"short_value": value},
            failures=book.failures,
            notes=self._notes(account, book, currency, short),
            currency=currency,
        )

    def priced(self, contracts: tuple[Contract, ...], market: Market, side: F64) -> list[Priced]:
        """What each option is charged by. Raises `DocumentError` for a linear one without an index."""
        plan = compile_plan(list(contracts), market)
        marks, found = option_marks(plan, market, side), []
        for i, contract in enumerate(plan.contracts):
            assert isinstance(contract, Option)  # `problems` has refused all others
            unit = 1.0 if contract.settlement is Settlement.INVERSE else float(plan.spot[i] / plan.settle[i])
            rules = self.parameters.coins[contract.underlying]
            found.append(Priced(contract, rules, float(plan.price[i]), float(marks[i]), unit))
        return found

    def _short(self, book: Book) -> dict[str, float]:
        """Contracts sold on each coin of the pack."""
        return {c: -sum(q for d, q in self._sold(book) if d == c) for c in self.parameters.coins}

    @staticmethod
    def _sold(book: Book) -> list[tuple[str, float]]:
        return [(c.underlying, float(q)) for c, q in zip(book.plan.contracts, book.quantity, strict=True) if q < 0.0]

    @staticmethod
    def _factor(account: Account, row: Priced, contracts: float) -> float:
        return account.reported.get(FACTOR, row.rules.factors.factor(contracts))

    @staticmethod
    def _paths(account: Account, paths: list[str]) -> list[str]:
        if FACTOR in account.reported:
            return [f"{p}.{field}" for p in paths for field in ("floor", "rate", "maintenance")] or ["coins"]
        return paths or ["coins"]

    def _orders(self, account: Account, market: Market, book: Book, short: dict[str, float]) -> list[tuple[str, float]]:
        """What each instrument's orders take. Those of them that close a position are the ones it pays least for.

        The order that would close may be filled after the one that would open: which does, the venue does not tell, so
        the split that takes most is charged.
        """
        live = [(i, o) for i, o in enumerate(account.orders) if o.quantity != 0.0]
        plan = compile_plan([market.contracts[o.instrument] for _, o in live], market)
        if plan.failures:
            rows = [(live[r][0], f) for r, f in plan.failures.items()]
            raise DocumentError(
                [
                    Problem(f"account.orders[{i}].instrument", f.subject, f"{f.reason.value}: {f.message}")
                    for i, f in rows
                ]
            )
        side = np.array([o.quantity for _, o in live], dtype=np.float64)
        priced = self.priced(plan.contracts, market, side)
        sold = {
            c: -sum(
                o.quantity
                for (_, o), r in zip(live, priced, strict=True)
                if r.contract.underlying == c and o.quantity < 0
            )
            for c in short
        }
        held = dict(zip(book.names, book.quantity.tolist(), strict=True))
        found = []
        for name in dict.fromkeys(o.instrument for _, o in live):
            mine = [(o, r) for (_, o), r in zip(live, priced, strict=True) if o.instrument == name]
            for buys in (True, False):
                orders = [(o, r) for o, r in mine if (o.quantity > 0) is buys]
                if orders:
                    row = orders[0][1]
                    coin = row.contract.underlying
                    own = self._factor(account, row, short[coin])
                    after = self._factor(account, row, short[coin] + sold[coin])
                    room = max(-held.get(name, 0.0), 0.0) if buys else max(held.get(name, 0.0), 0.0)
                    amount = self._side(orders, room, row.charge(own).initial, row.charge(after).initial)
                    found.append((f"orders {'to buy' if buys else 'to sell'} {name}", amount))
        return found

    def _side(self, orders: list[tuple[Order, Priced]], room: float, held: float, opened: float) -> float:
        """Orders of one side of one instrument; `room` contracts of a position may be closed by them.

        `held` and `opened` are the initial margins of a coin of what is held and of what a sale would open.
        """
        rows = []
        for order, row in orders:
            fee = trade_fee(self.parameters.order_fee, order.price, row.unit)
            if order.quantity > 0:
                opening, closing = order.price + fee, closing_purchase(held, order.price, fee)
            else:
                opening, closing = opening_sale(row.rules, opened, order.price, fee, row.unit), 0.0
            # an order that only reduces opens nothing
            opening = closing if order.reduce_only else opening
            rows.append((opening - closing, opening, closing, abs(order.quantity), row.coins))
        total = 0.0
        for saved, opening, closing, quantity, coins in sorted(rows, key=lambda r: (r[0], r[1])):
            closes = quantity if saved == 0.0 else min(quantity, room)
            room -= closes if saved != 0.0 else 0.0
            total += coins * (closing * closes + opening * (quantity - closes))
        return total

    def _currency(self, account: Account, market: Market) -> str:
        for name in (*(p.instrument for p in account.positions), *(o.instrument for o in account.orders)):
            if name in market.contracts:
                return market.contracts[name].currency
        return next(iter(account.collateral), self.rules.currency)

    def _notes(self, account: Account, book: Book, currency: str, short: dict[str, float]) -> tuple[str, ...]:
        notes = []
        if (book.quantity > 0.0).any():
            notes.append(LONG_NOTE)
        if FACTOR not in account.reported and any(short.values()):
            notes.append("the venue's tiers of the margin factor are not public: factor by the pack's assumed tiers")
        idle = ", ".join(f"{v:.9g} {a}" for a, v in account.collateral.items() if a != currency and v != 0.0)
        if idle:
            notes.append(f"not counted, as the account is margined in {currency}: {idle}")
        return tuple(notes)
