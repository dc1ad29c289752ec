"""Options by a rate on the underlying: what a short one is charged, and the fee of trading one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option
from plimsoll.documents import Fraction, NonNegative, Part
from plimsoll.margin.account import Account
from plimsoll.margin.parts.marks import paid_out
from plimsoll.market import Mark, Market
from plimsoll.risk import Plan, unit_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]
BOOL = npt.NDArray[np.bool_]


class ShortOptionRates(Part):
    """Margin of a short option on one coin, in the currency it is quoted in; `S` is the price of the underlying.

    ```
    maintenance = max(maintenance * S, maintenance_on_mark * mark) + mark + liquidation_fee * S
    initial     = max( max(initial * S - out_of_the_money, initial_floor * S) + max(paid, mark), maintenance )
    ```
    """

    initial: Fraction
    initial_floor: Fraction
    maintenance: Fraction
    maintenance_on_mark: NonNegative
    liquidation_fee: Fraction


class OptionFee(Part):
    """Fee of trading an option on one coin: `rate` of the underlying's price, at most `cap` of the option's own."""

    rate: Fraction
    cap: Fraction


def out_of_the_money(call: BOOL, strike: F64, underlying: F64) -> F64:
    """How far each option is out of the money, in the unit of `underlying`; zero in the money.

    >>> out_of_the_money(np.array([True, False]), np.array([31.0, 31.0]), np.array([30.0, 30.0])).tolist()
    [1.0, 0.0]
    """
    out: F64 = np.maximum(np.where(call, strike - underlying, underlying - strike), 0.0)
    return out


def short_maintenance(rates: ShortOptionRates, underlying: F64, mark: F64) -> F64:
    """Maintenance margin of short options on one coin, any shape.

    >>> rates = ShortOptionRates(
    ...     initial=0.15, initial_floor=0.1, maintenance=0.03, maintenance_on_mark=0.03, liquidation_fee=0.002
    ... )
    >>> float(short_maintenance(rates, np.array(30_000.0), np.array(300.0)))
    1260.0
    """
    base = np.maximum(rates.maintenance * underlying, rates.maintenance_on_mark * mark)
    margin: F64 = base + mark + rates.liquidation_fee * underlying
    return margin


def short_initial(rates: ShortOptionRates, underlying: F64, out: F64, mark: F64, paid: F64) -> F64:
    """Initial margin of short options on one coin; `paid` is what they were sold at, `out` as `out_of_the_money`."""
    base = np.maximum(rates.initial * underlying - out, rates.initial_floor * underlying)
    margin: F64 = np.maximum(base + np.maximum(paid, mark), short_maintenance(rates, underlying, mark))
    return margin


def option_fee(fee: OptionFee, underlying: float, price: float) -> float:
    """Fee of one coin of option traded at `price`.

    >>> round(0.3 * option_fee(OptionFee(rate=0.0003, cap=0.125), 42_000.0, 3_500.0), 9)
    3.78
    """
    return min(fee.rate * underlying, fee.cap * price)


def with_marked_options(account: Account, market: Market) -> Market:
    """The market with a volatility of zero for options of the account that are marked without one.

    Rules by rates need the mark alone, while opening a book asks for a volatility to value an option with.
    """
    named = {p.instrument for p in account.positions} | {o.instrument for o in account.orders}
    marks: dict[str, Mark] = {}
    for name in named:
        mark, contract = market.marks.get(name), market.contracts.get(name)
        if isinstance(contract, Option) and mark is not None and mark.price is not None and mark.vol is None:
            marks[name] = mark.model_copy(update={"vol": 0.0})
    return market.model_copy(update={"marks": {**market.marks, **marks}}) if marks else market


def option_marks(plan: Plan, market: Market, side: F64) -> F64:
    """`[N]` price of one coin of each option as it is quoted: the mark, else its value at its volatility.

    What has settled is worth what it paid, whatever a mark still says. Zero for other contracts. `side` is the
    position: what cannot be valued stands at the bound that is worse for it.
    """
    value = unit_values(plan, Scenarios.build([1.0]), "settlement", side)[:, 0]
    prices = np.zeros(len(plan))
    for i in np.flatnonzero(plan.option).tolist():
        mark = market.marks.get(plan.contracts[i].name)
        quoted = mark is not None and mark.price is not None and not paid_out(plan, i)
        prices[i] = mark.price if quoted else value[i] / plan.multiplier[i]  # type: ignore[union-attr]
    return prices
