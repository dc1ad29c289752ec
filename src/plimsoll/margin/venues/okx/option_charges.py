"""OKX option margin outside portfolio margin, for one contract: plain functions, and the numbers they take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from plimsoll.documents import Asset, Flag, Fraction, NonNegative, Part, Positive


class FactorTiers(Part):
    """The margin factor of a position: 1 up to `size` contracts, and `step` more for each further `size`."""

    size: Positive
    step: NonNegative

    def factor(self, contracts: float) -> float:
        """Factor at a number of contracts.

        >>> [FactorTiers(size=100.0, step=0.02).factor(n) for n in (1.0, 100.0, 101.0, 250.0)]
        [1.0, 1.0, 1.02, 1.04]
        """
        return 1.0 + self.step * max(math.ceil(contracts / self.size) - 1, 0)


class OptionRules(Part):
    """Short options on one coin, per coin and as parts of it: `floor` (a), `rate` (b), `maintenance` (c).

    `order_floor` is the least that an order which opens a short position takes. `floor_on_mark`: the floor of a put is
    that of one plus its mark, as before 2022.
    """

    floor: Fraction
    rate: Fraction
    maintenance: Fraction
    order_floor: Fraction
    floor_on_mark: Flag = False
    factors: FactorTiers


class OrderFee(Part):
    """Fee of an option trade: `rate` of a coin, at most `cap` of the price."""

    rate: Fraction
    cap: NonNegative


class OptionParameters(Part):
    """A whole pack of option rules. `linear`: whether options that settle in a stable coin are margined by them."""

    coins: Annotated[dict[Asset, OptionRules], Field(min_length=1)]
    linear: Flag
    order_fee: OrderFee


@dataclass(frozen=True)
class Charge:
    """Initial and maintenance margin of one coin of a short option, in its settlement currency."""

    initial: float
    maintenance: float


def short_charge(
    rules: OptionRules, factor: float, call: bool, strike: float, forward: float, mark: float, unit: float
) -> Charge:
    """One coin of a short option.

    ```
    initial       max(a, b - otm / F) f unit + mark            otm = (K - F)+ of a call, (F - K)+ of a put
    maintenance   call  c f unit + mark         put  max(c unit, c mark) f + mark
    ```

    `unit` is 1 for options that settle in coin, whose mark is in coin, and the index for those that settle in a stable
    coin, whose mark is in it. The initial margin is at least the maintenance margin, which a put deep in the money
    could pass.

    >>> tiers = FactorTiers(size=1.0, step=0.0)
    >>> btc = OptionRules(floor=0.1, rate=0.15, maintenance=0.03, order_floor=0.1, factors=tiers)
    >>> found = short_charge(btc, 1.02, True, 6_000.0, 5_900.0, 0.0575, 1.0)
    >>> round(found.initial * 0.1, 5), round(found.maintenance, 4)
    (0.01932, 0.0881)
    """
    out = max(strike - forward, 0.0) if call else max(forward - strike, 0.0)
    far = out / forward if forward > 0 else 0.0
    floor = rules.floor * (1.0 + mark / unit) if rules.floor_on_mark and not call else rules.floor
    initial = max(floor, rules.rate - far) * factor * unit + mark
    maintenance = rules.maintenance * unit * factor + mark
    if not call:
        maintenance = max(rules.maintenance * unit, rules.maintenance * mark) * factor + mark
    return Charge(max(initial, maintenance), maintenance)


def trade_fee(rule: OrderFee, price: float, unit: float) -> float:
    """Fee for one coin of option traded at `price`.

    >>> trade_fee(OrderFee(rate=0.0002, cap=0.125), 0.06, 1.0), trade_fee(OrderFee(rate=0.0002, cap=0.125), 0.0008, 1.0)
    (0.0002, 0.0001)
    """
    return min(rule.rate * unit, rule.cap * price)


def opening_sale(rules: OptionRules, initial: float, price: float, fee: float, unit: float) -> float:
    """Margin of one coin of an order that opens a short position: `max(initial - price + fee, floor)`."""
    return max(initial - price + fee, rules.order_floor * unit)


def closing_purchase(initial: float, price: float, fee: float) -> float:
    """Margin of one coin of an order that closes a short position: what it pays beyond the margin it frees."""
    return max(price + fee - initial, 0.0)
