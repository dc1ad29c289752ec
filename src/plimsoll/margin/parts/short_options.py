"""Options by a rate on the underlying: what a short one is charged, and the fee of trading one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Fraction, NonNegative, Part

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
