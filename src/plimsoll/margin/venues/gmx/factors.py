"""Collateral factors and price impact at GMX v2.

The chain counts in 1e-30 USD and cuts what is below; doubles differ by less than 1e-15 of an amount. Source:
venues-onchain section 3.4, own words. Rule codes `GMX-nn` are in docs/rules.
"""

from __future__ import annotations

from plimsoll.margin.venues.gmx.parameters import GmxMarket


def open_factor(market: GmxMarket, long: bool, open_interest: float) -> float:
    """Least collateral to open, of the size, at an open interest (USD) of its side that counts the position itself.

    >>> rule = GmxMarket(min_collateral_factor=0.005, min_collateral_factor_liquidation=0.005,
    ...     open_interest_multiplier_long=6e-11, open_interest_multiplier_short=6e-11, max_open_interest_long=9e7,
    ...     max_open_interest_short=9e7, impact_factor_positive=6e-11, impact_factor_negative=1.2e-10,
    ...     impact_exponent=2.0, max_impact_factor_liquidation=0.01, position_fee_positive=0.0005,
    ...     position_fee_negative=0.0007)
    >>> [round(open_factor(rule, True, usd), 6) for usd in (1e6, 9e7, 2e8)]
    [0.005, 0.0054, 0.012]
    """
    multiplier = market.open_interest_multiplier_long if long else market.open_interest_multiplier_short
    return max(market.min_collateral_factor, open_interest * multiplier)


def price_impact(market: GmxMarket, long: bool, delta: float, longs: float, shorts: float) -> float:
    """Price impact in USD, below zero to pay, of adding `delta` USD (below zero: taking away) to one side.

    The imbalance before and after, each to the power of the exponent: times the better factor where it shrinks, the
    worse where it grows; where it changes sides, gained at the better and paid at the worse.

    >>> rule = GmxMarket(min_collateral_factor=0.005, min_collateral_factor_liquidation=0.005,
    ...     open_interest_multiplier_long=0.0, open_interest_multiplier_short=0.0, max_open_interest_long=9e7,
    ...     max_open_interest_short=9e7, impact_factor_positive=1e-9, impact_factor_negative=2e-9,
    ...     impact_exponent=2.0, max_impact_factor_liquidation=0.01, position_fee_positive=0.0005,
    ...     position_fee_negative=0.0007)
    >>> [round(price_impact(rule, True, d, 3e6, 2e6), 6) for d in (1e6, -5e5, -1e6, -3e6)]
    [-6000.0, 750.0, 1000.0, -7000.0]
    """
    after = (longs + delta, shorts) if long else (longs, shorts + delta)
    before_gap, after_gap = abs(longs - shorts), abs(after[0] - after[1])
    worse = market.impact_factor_negative
    # the chain never pays more for balance than it takes for imbalance
    better = min(market.impact_factor_positive, worse)
    try:
        first, last = (float(gap**market.impact_exponent) for gap in (before_gap, after_gap))
    except OverflowError:
        return float("-inf")  # no double holds it: the most that a check takes
    if (longs <= shorts) == (after[0] <= after[1]):
        return (first - last) * (better if after_gap < before_gap else worse)
    return first * better - last * worse


def impact_charge(market: GmxMarket, size: float, impact: float | None) -> float:
    """What price impact takes of the collateral of a position of `size` USD: no gain counts, a loss up to a limit.

    Without a known impact the limit itself.
    """
    most = size * market.max_impact_factor_liquidation
    return most if impact is None else min(max(0.0, -impact), most)
