"""Margin of one position, price of a fill and discount of collateral at Synthetix v3.

The chain counts in 1e-18 and cuts what is below; doubles differ by less than 1e-15 of an amount. Source: venues-onchain
section 3.3, own words. Rule codes `SNX-nn` are in docs/rules.
"""

from __future__ import annotations

from math import ceil

from plimsoll.margin.venues.synthetix.parameters import Collateral, PerpsMarket

_MOST_WINDOWS = 1e18
"""No position is liquidated in so many: a bound for sizes that no double divides."""


def margin_ratios(market: PerpsMarket, size: float) -> tuple[float, float]:
    """Initial and maintenance ratio of a position of `size` coins (either sign).

    >>> rule = PerpsMarket(skew_scale=100.0, initial_margin_ratio=2.0, minimum_initial_margin_ratio=0.01,
    ...     maintenance_margin_scalar=0.5, minimum_position_margin=0.0, flag_reward_ratio=0.05, maker_fee=0.0,
    ...     taker_fee=0.0, liquidation_multiplier=1.0, window_seconds=10.0)
    >>> margin_ratios(rule, -1.0)
    (0.03, 0.015)
    """
    share = 0.0 if market.skew_scale == 0.0 else abs(size) / market.skew_scale
    initial = share * market.initial_margin_ratio + market.minimum_initial_margin_ratio
    return initial, initial * market.maintenance_margin_scalar


def fill_price(oracle: float, skew: float, size: float, skew_scale: float) -> float:
    """Price of trading `size` coins (signed) from a skew: the mean of the price before and after.

    >>> [fill_price(30_000.0, 0.0, -1.0, 100.0), fill_price(2_000.0, 0.0, 20.0, 1_000.0)]
    [29850.0, 2020.0]
    """
    return oracle if skew_scale == 0.0 else oracle * (1.0 + (skew + size / 2.0) / skew_scale)


def order_fee(market: PerpsMarket, skew: float, size: float, fill: float) -> float:
    """Fee of trading `size` coins: the taker's, the maker's for the part that lowers the skew, of the value at `fill`.

    A trade that turns the skew over pays as a maker up to zero and as a taker beyond.
    """
    value = abs(size) * fill
    if skew == 0.0 or skew * size > 0.0:
        return value * market.taker_fee
    maker = min(1.0, abs(skew) / abs(size))
    return value * (maker * market.maker_fee + (1.0 - maker) * market.taker_fee)


def discount(rule: Collateral, amount: float) -> float:
    """Part of a token's value that does not count: by its amount, between two bounds.

    >>> rule = Collateral(skew_scale=1_000.0, discount_scalar=2.0, lower_discount=0.01, upper_discount=0.2)
    >>> [discount(rule, amount) for amount in (1.0, 50.0, 500.0)]
    [0.01, 0.1, 0.2]
    """
    return min(max(amount / rule.skew_scale * rule.discount_scalar, rule.lower_discount), rule.upper_discount)


def windows(market: PerpsMarket, size: float) -> int:
    """Windows that the liquidation of `size` coins takes; zero where the market sets no pace.

    `per window = (maker fee + taker fee) * skew scale * multiplier * seconds`, in coins.

    >>> rule = PerpsMarket(skew_scale=1_000.0, initial_margin_ratio=2.0, minimum_initial_margin_ratio=0.01,
    ...     maintenance_margin_scalar=0.5, minimum_position_margin=0.0, flag_reward_ratio=0.05, maker_fee=0.0,
    ...     taker_fee=0.001, liquidation_multiplier=1.0, window_seconds=10.0)
    >>> [windows(rule, size) for size in (0.0, -10.0, 10.5, 40.0)]
    [0, 1, 2, 4]
    """
    fees = market.maker_fee + market.taker_fee
    most = fees * market.skew_scale * market.liquidation_multiplier * market.window_seconds
    # a product of fees that should be a whole share may come out a hair below it
    share = 0.0 if most <= 0.0 else abs(size) / most * (1.0 - 1e-15)
    return ceil(min(share, _MOST_WINDOWS))
