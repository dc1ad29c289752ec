"""Standard margin of single contracts: plain functions of one position."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.margin.venues.deribit.sm_parameters import FutureRates, OptionRates

DECIMALS = 9
"""The venue rounds the margin of each position to so many decimals of the settlement currency."""


@dataclass(frozen=True)
class Charge:
    """Initial and maintenance margin in the settlement currency."""

    initial: float
    maintenance: float

    def rounded(self) -> Charge:
        """Both to nine decimals, as the venue reports a position."""
        return Charge(round(self.initial, DECIMALS), round(self.maintenance, DECIMALS))


def future_charge(rates: FutureRates, coins: float, price: float, maintenance_share: float | None = None) -> Charge:
    """Margin of `coins` of a future or perpetual; `price` is 1 for inverse contracts and the index for linear ones.

    `maintenance_share`: take that part of the initial margin as maintenance margin instead of the maintenance rate.

    >>> future_charge(FutureRates(initial=0.02, maintenance=0.01, slope=0.00005), -25.0, 100_000.0)
    Charge(initial=53125.0, maintenance=28125.0)
    """
    size = abs(coins)
    initial = (rates.initial + rates.slope * size) * size * price
    if maintenance_share is not None:
        return Charge(initial, maintenance_share * initial)
    return Charge(initial, (rates.maintenance + rates.slope * size) * size * price)


TERMS = ("at the full rate", "less their distance", "at the least rate", "at the maintenance rate")
"""Which term of its formula sets the initial margin of a short option: in the money, out of it, far out, dear puts."""


def binding_term(rates: OptionRates, charge: Charge, call: bool, strike: float, underlying: float) -> str:
    """The one of `TERMS` that set `charge`, the margin of one coin of a short option."""
    if not call and charge.initial <= charge.maintenance:
        return TERMS[3]
    out = max(strike - underlying, 0.0) if call else max(underlying - strike, 0.0)
    if rates.initial - out / underlying <= rates.initial_floor:
        return TERMS[2]
    return TERMS[1] if out > 0.0 else TERMS[0]


def short_option_charge(
    rates: OptionRates, call: bool, strike: float, underlying: float, mark: float, unit: float = 1.0
) -> Charge:
    """Margin of one coin of a short option marked at `mark`.

    `unit` is 1 for inverse options, whose mark is in coin, and the underlying's price for linear ones, whose mark is in
    the settlement currency.

    >>> rates = OptionRates(initial=0.15, initial_floor=0.1, maintenance=0.075, put_mark_rate=0.075)
    >>> short_option_charge(rates, False, 9_000.0, 10_000.0, 0.025).rounded()
    Charge(initial=0.125, maintenance=0.1)
    """
    out = max(strike - underlying, 0.0) if call else max(underlying - strike, 0.0)
    initial = max(rates.initial - out / underlying, rates.initial_floor) * unit + mark
    if call:
        return Charge(initial, rates.maintenance * unit + mark)
    maintenance = max(rates.maintenance * unit, rates.put_mark_rate * mark) + mark
    return Charge(max(initial, maintenance), maintenance)
