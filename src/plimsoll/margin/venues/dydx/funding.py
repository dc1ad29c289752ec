"""Funding: what positions owe since their index, settled with one rounding down, and the clamp of its rate.

Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from plimsoll.margin.venues.dydx.margin import LiquidityTier, Market, Subaccount, maintenance_margin_ppm, market_of
from plimsoll.margin.venues.dydx.units import ONE_MILLION, ppm_down, whole


def settlement_ppm(index_now: int, index_held: int, base_quantums: int) -> int:
    """What a position gets since its index, in ppm of a quote quantum: `-(index_now - index_held) * q`.

    Longs pay where the index rose. Nothing is rounded yet.

    >>> settlement_ppm(130, 100, -2_000_000)  # a short gets what the rise is worth
    60000000
    """
    return -(index_now - index_held) * base_quantums


def settled(account: Subaccount, markets: Mapping[int, Market]) -> Subaccount:
    """The subaccount with funding paid: `USDC += floor(sum(settlement_ppm) / 1e6)`, one floor over the sum.

    Every position is left at the index of its market.
    """
    total = 0
    positions = {}
    for number, held in account.positions.items():
        index = market_of(markets, number).funding_index
        total += settlement_ppm(index, held.funding_index, held.base_quantums)
        positions[number] = replace(held, funding_index=index)
    return Subaccount(account.usdc + total // ONE_MILLION, positions)


def largest_funding_ppm(tier: LiquidityTier, clamp_factor_ppm: int) -> int:
    """Largest funding rate without sign, in ppm of 8 hours: the clamp factor times what initial margin is above
    maintenance, rounded down.

    >>> largest_funding_ppm(LiquidityTier(50_000, 600_000), 6_000_000)
    120000
    """
    gap = tier.initial_margin_ppm - maintenance_margin_ppm(tier)
    return ppm_down(whole("clamp_factor_ppm", clamp_factor_ppm, least=0), gap)
