"""Binance options: European, settled in USDT; sold ones are margined one by one.

Source: venues-cex section 3.5, own words; the formula is unverified there, so its evidence is `assumed`. Rule codes
`BINANCE-OP-nn` are listed in docs/rules.
"""

from __future__ import annotations

import numpy as np

from plimsoll.contracts import Contract, Option, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Worst
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.futures_orders import order_problems
from plimsoll.margin.parts.marks import option_marks, with_marked_options
from plimsoll.margin.parts.orders import resting
from plimsoll.margin.path import ACCOUNT, States, Track, strike_multipliers
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.binance.options_charge import (
    OptionsParameters,
    marks_along,
    short_charges,
)
from plimsoll.market import Market
from plimsoll.risk import compile_plan

_WHY = (
    "each sold option has a margin of its own whatever else is held, and bought ones have none: "
    "one linear function of what is sold"
)


class BinanceOptions(MarginModel):
    """Binance's margin of options, in the settlement currency of the pack (USDT).

    ```
    sold    initial max(0.15 S - otm, 0.10 S) + mark,  maintenance max(0.075 S - otm, 0.05 S) + mark    a coin
    bought  nothing: the premium is paid
    orders  the worse of all buys (their premium) and all sells (the initial margin of what is sold then)
    equity  balance, with or without the value of the options, whichever is less
    ```

    `S` is the index, `otm` what the option is out of the money by. Each margin depends on one position alone, so its
    Aumann-Shapley share is that margin, exactly.
    """

    MODEL = "binance-options"
    LINEAR = ("USDT",)
    PARAMETERS = OptionsParameters
    MODES = ("cross",)
    FORMS = Declared("exact", "linear program", _WHY, "exact", _WHY)
    MANY = "every lot by itself: a charge for what is sold, one multiplication, and no scenario at all"
    parameters: OptionsParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        found = order_problems(account, market)
        named = [(f"account.positions[{i}].instrument", p.instrument) for i, p in enumerate(account.positions)]
        named += [(f"account.orders[{i}].instrument", o.instrument) for i, o in enumerate(account.orders)]
        for path, name in named:
            contract = market.contracts.get(name)
            if contract is not None and not self._listed(contract):
                what = f"{getattr(contract, 'settlement', '')} {contract.kind}".replace("_", " ").strip()
                got = f"{name!r}, {what} on {contract.underlying} settled in {contract.currency}"
                got += f" ({Reason.UNSUPPORTED_CONTRACT.value})"
                coins = ", ".join(self.parameters.underlyings)
                found.append(Problem(path, got, f"European options on {coins}, linear, settled in {self._currency}"))
        return found

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        marked = with_marked_options(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), marked, on_failure)
        plan = book.plan
        marks = option_marks(plan, marked, book.quantity)
        initial, kept = (x[:, 0] for x in short_charges(self.parameters, plan, plan.spot[:, None], marks[:, None]))
        sold = np.maximum(-book.quantity, 0.0)
        names = [c.name for c in plan.contracts]
        paths = [f"underlyings.{u}" for u in book.underlyings] or ["underlyings"]
        evidence = weakest(self.rules, paths)
        margins = np.where(sold > 0, sold * initial, 0.0), np.where(sold > 0, sold * kept, 0.0)
        components = (
            component("short_options", "Sold options", evidence, names, *margins, method="aumann-shapley"),
            self._orders(account, marked),
        )
        value = float(np.where(book.quantity == 0.0, 0.0, book.quantity * plan.multiplier * marks).sum())
        balance = account.collateral.get(self._currency, 0.0)
        total = sum(c.initial for c in components)
        return Assessment(
            net_equity=min(balance, balance + value),
            components=components,
            binding=(
                Binding(underlying=self._currency, kind="positions", label="each position by itself", pnl=-total),
            ),
            scenarios=(),
            workings={
                "option_value": value,
                "reading.equity.with_option_value": balance + value,
                "reading.equity.without_option_value": balance,
            },
            failures=book.failures,
            notes=self._notes(account, value),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`."""
        self.check(account, market)
        # a path needs volatilities: a quoted mark says nothing about another price
        bare = {n: m if m.vol is not None else m.model_copy(update={"price": None}) for n, m in market.marks.items()}
        unmarked = market.model_copy(update={"marks": bare})
        book = open_book(account.model_copy(update={"orders": ()}), unmarked, "refuse")
        plan = book.plan
        marks = marks_along(plan, states)
        moves = [states.multiplier(c.underlying) for c in plan.contracts]
        index = plan.spot[:, None] * np.array(moves, dtype=np.float64).reshape(len(plan), len(states))
        _, kept = short_charges(self.parameters, plan, index, marks)
        maintenance = (np.maximum(-book.quantity, 0.0)[:, None] * kept).sum(axis=0)
        value = ((book.quantity * plan.multiplier)[:, None] * marks).sum(axis=0)
        balance = account.collateral.get(self._currency, 0.0)
        return (Track(ACCOUNT, balance + np.minimum(value, 0.0), maintenance),)

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """Strikes, by the forward and by the index, and where the charge of a sold option comes to its floor."""
        self.check(account, market)
        found = {u: set(x.tolist()) for u, x in strike_multipliers(account, market).items()}
        for position in account.positions:
            contract = market.contracts[position.instrument]
            index = market.indices.get(contract.underlying)
            if not isinstance(contract, Option) or index is None or position.quantity >= 0:
                continue
            rates = self.parameters.underlyings[contract.underlying]
            side = 1.0 if contract.call else -1.0
            slack = rates.option_maintenance - rates.option_maintenance_floor
            ends = {contract.strike, contract.strike / (1.0 + side * slack) if 1.0 + side * slack > 0 else 0.0}
            found.setdefault(contract.underlying, set()).update(x / index.price for x in ends if x > 0)
        return {u: np.array(sorted(x)) for u, x in found.items()}

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`."""
        plan = universe.plan
        unit = option_marks(plan, universe.market, np.ones(len(plan)))
        initial, kept = (
            universe.known(x[:, 0]) for x in short_charges(self.parameters, plan, plan.spot[:, None], unit[:, None])
        )
        value = universe.known(plan.multiplier * unit)

        def amounts(lots: Lots) -> Amounts:
            sold = np.maximum(-lots.quantity, 0.0)
            worth = np.minimum(lots.sum(lots.quantity * value[lots.item]), 0.0)
            odd = np.zeros(lots.accounts, dtype=bool)
            return Amounts(lots.sum(sold * initial[lots.item]), lots.sum(sold * kept[lots.item]), worth, odd)

        return amounts

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        plan = universe.plan
        marks = option_marks(plan, universe.market, np.ones(len(plan)))
        initial, _ = short_charges(self.parameters, plan, plan.spot[:, None], marks[:, None])
        sold = Worst.parts(np.arange(len(plan)).tolist(), np.zeros(len(plan)), initial[:, 0])
        form = Form("exact", _WHY, sold)
        return form, form

    @property
    def _currency(self) -> str:
        return self.rules.currency

    def _listed(self, contract: Contract) -> bool:
        linear = isinstance(contract, Option) and contract.settlement is Settlement.LINEAR
        return linear and contract.underlying in self.parameters.underlyings and contract.currency == self._currency

    def _orders(self, account: Account, market: Market) -> Component:
        """What orders reserve: premiums if all buys are filled, margin of what is sold if all sells are."""
        held = {p.instrument: p.quantity for p in account.positions}
        standing = resting(account.orders, market.contracts)
        plan = compile_plan([market.contracts[name] for name, _ in standing], market)
        marks = option_marks(plan, market, -np.ones(len(plan)))
        initial, _ = short_charges(self.parameters, plan, plan.spot[:, None], marks[:, None])
        names, amounts = [], []
        for i, ((name, _), orders) in enumerate(standing.items()):
            own = held.get(name, 0.0)
            more = max(0.0, orders.sold - own) - max(0.0, -own) if orders.sold else 0.0
            sells = more * float(initial[i, 0]) if more > 0 else 0.0
            names.append(f"orders {name}")
            amounts.append(max(orders.bought_value, sells))
        added = np.array(amounts, dtype=np.float64)
        return component("open_orders", "Open orders", "assumed", names, added, np.zeros_like(added))

    def _notes(self, account: Account, value: float) -> tuple[str, ...]:
        notes = []
        if value:
            kept = "without" if value > 0 else "with"
            notes.append(
                f"equity taken {kept} the value of the options ({value:.9g} {self._currency}), "
                "the lesser of two readings"
            )
        idle = ", ".join(f"{v:.9g} {a}" for a, v in account.collateral.items() if a != self._currency and v != 0.0)
        if idle:
            notes.append(f"not counted, as options are margined in {self._currency}: {idle}")
        return tuple(notes)
