"""Aevo standard margin: every option by itself.

Source: venues-cex section 5.4, own words. Rule codes `AEVO-SM-nn` are listed in docs/rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Sum, Worst
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.linear import contract_problems
from plimsoll.margin.parts.marks import option_marks, with_marked_options
from plimsoll.margin.parts.way import Way
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.aevo.along import collateral_value, short_options
from plimsoll.margin.venues.aevo.parameters import OptionRates, SmParameters
from plimsoll.margin.venues.aevo.worth import equity_of
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan

F64 = npt.NDArray[np.float64]

_WHY = "a sold option costs a rate for each contract and a bought one nothing: linear, and nothing is netted"


def short_option(rates: OptionRates, call: bool, strike: float, spot: float, mark: float) -> tuple[float, float]:
    """Initial and maintenance margin of one coin of a short option.

    >>> rates = OptionRates(initial=0.15, initial_floor=0.1, maintenance=0.1, put_mark_rate=0.1)
    >>> short_option(rates, True, 1_500.0, 1_400.0, 20.0), short_option(rates, False, 1_400.0, 1_400.0, 60.0)
    ((160.0, 160.0), (270.0, 200.0))
    """
    out = max(0.0, strike - spot if call else spot - strike)
    initial = max(rates.initial - out / spot, rates.initial_floor) * spot + mark
    if call:
        return initial, rates.maintenance * spot + mark
    maintenance = max(rates.maintenance * spot, rates.put_mark_rate * mark) + mark
    return max(initial, maintenance), maintenance


def short_units(rates: OptionRates, plan: Plan, marks: F64) -> tuple[F64, F64]:
    """`[N]` initial and maintenance margin of one contract sold; zero for what is no option."""
    initial, maintenance = np.zeros(len(plan)), np.zeros(len(plan))
    for i in plan.options.tolist():
        terms = bool(plan.call[i]), float(plan.strike[i]), float(plan.spot[i]), float(marks[i])
        one = short_option(rates, *terms)
        initial[i], maintenance[i] = one[0] * plan.multiplier[i], one[1] * plan.multiplier[i]
    return initial, maintenance


class StandardMargin(MarginModel):
    """Aevo's standard margin of options, settled in USDC.

    ```
    short call   initial max(0.15 - otm / S, 0.1) S + mark    maintenance 0.1 S + mark
    short put    initial max(that, maintenance)               maintenance max(0.1 S, 0.1 mark) + mark
    long option  nothing: its premium is paid; an order to buy one keeps its limit price, an order to sell one what
                 the short option would need
    ```

    Nothing is netted. Equity counts the value of options. The venue's rates of perpetuals are in no source: they are
    refused. Each position's margin depends on that position alone, so its share is that margin.
    """

    MODEL = "aevo-sm"
    PARAMETERS = SmParameters
    FORMS = Declared("exact", "linear program", _WHY, "exact", _WHY)
    MODES = ("cross",)
    MANY = "every sold option by itself, and no scenario at all"
    parameters: SmParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: linear options on underlyings of the pack."""
        taken: dict[str, tuple[type, ...]] = dict.fromkeys(self.parameters.underlyings, (Option,))
        return contract_problems(account, market, self.rules.currency, taken)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        p = self.parameters
        marked = with_marked_options(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), marked, on_failure)
        marks = option_marks(book.plan, marked, book.quantity)
        units = short_units(p.options, book.plan, marks)
        sold = np.maximum(-book.quantity, 0.0)
        evidence = weakest(self.rules, ["options"])
        options = component("options", "Short options", evidence, book.names, sold * units[0], sold * units[1])
        orders = self._orders(account, marked)
        return Assessment(
            net_equity=equity_of(book, p.haircuts, self.rules.currency, marks),
            components=(options, orders),
            binding=(
                Binding(
                    underlying=self.rules.currency,
                    kind="positions",
                    label="each position by itself",
                    pnl=-(options.initial + orders.initial),
                ),
            ),
            scenarios=(),
            workings={},
            failures=book.failures,
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once."""
        self.check(account, market)
        book = open_book(account.model_copy(update={"orders": ()}), market, "refuse")
        equity_of(book, self.parameters.haircuts, self.rules.currency, np.zeros(len(book.plan)))  # refuses balances
        way = Way.of(book, states)
        balance = collateral_value(way, self.parameters.haircuts, self.rules.currency)
        return (Track(ACCOUNT, balance + way.equity(0.0), short_options(self.parameters.options, way)),)

    def _orders(self, account: Account, market: Market) -> Component:
        """Each open order by itself: the premium of a buy, the initial margin of a sell; reduce-only ones are free."""
        live = [(i, o) for i, o in enumerate(account.orders) if o.quantity != 0.0 and not o.reduce_only]
        strange = [i for i, o in live if o.instrument not in market.contracts]
        if strange:
            path = f"account.orders[{strange[0]}].instrument"
            listed = "an instrument that market.instruments lists"
            raise DocumentError(Problem(path, repr(account.orders[strange[0]].instrument), listed))
        plan = compile_plan([market.contracts[o.instrument] for _, o in live], market)
        for row, failure in plan.failures.items():
            path = f"account.orders[{live[row][0]}].instrument"
            raise DocumentError(Problem(path, failure.subject, f"{failure.reason.value}: {failure.message}"))
        q = np.array([o.quantity for _, o in live], dtype=np.float64)
        limit = np.array([o.price for _, o in live], dtype=np.float64)
        unit = short_units(self.parameters.options, plan, option_marks(plan, market, q))[0]
        initial = np.where(q > 0, q * plan.multiplier * limit, -q * unit)
        names = [f"order {i} {o.instrument}" for i, o in live]
        evidence = weakest(self.rules, ["orders"])
        return component("open_orders", "Open orders", evidence, names, initial, np.zeros(len(live)))

    def batch(self, universe: Universe) -> Batch:
        """See `MarginModel.batch`."""
        plan = universe.plan
        marks = universe.known(option_marks(plan, universe.market, np.ones(len(plan))))
        units = short_units(self.parameters.options, plan, marks)

        def amounts(lots: Lots) -> Amounts:
            sold = np.maximum(-lots.quantity, 0.0)
            initial, maintenance = (lots.sum(sold * unit[lots.item]) for unit in units)
            equity = lots.sum(lots.quantity * (plan.multiplier * marks)[lots.item])
            return Amounts(initial, maintenance, equity, np.zeros(lots.accounts, dtype=bool))

        return amounts

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`."""
        plan, n = universe.plan, len(universe.plan)
        unit = short_units(self.parameters.options, plan, option_marks(plan, universe.market, np.ones(n)))[0]
        form = Form("exact", _WHY, Sum((Worst.parts(range(n), np.zeros(n), unit),)))
        return form, form
