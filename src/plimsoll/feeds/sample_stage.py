"""The demonstration's venue at the prices of a market: a random fleet on which a desk is placed."""

from __future__ import annotations

from plimsoll.feeds.sample_fleet import USUAL_PRICES, sample_fleet_arrays, sample_schedule
from plimsoll.laboratory.calm import default_liquidity
from plimsoll.laboratory.policy import StaticRates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.market import Market
from plimsoll.optimise.recheck import Stage


def sample_stage(market: Market, accounts: int = 400, seed: int = 0) -> Stage:
    """`accounts` random ones in BTC, ETH and SOL under round rates, at the index prices of `market` where it has them.

    Depth is that of the recorded book. Raises `DocumentError` for no account.
    """
    house, schedule = CascadeVenue(), sample_schedule()
    prices = {a: market.indices[a].price if a in market.indices else p for a, p in USUAL_PRICES.items()}
    fleet = sample_fleet_arrays(schedule, house, accounts, seed, prices)
    return Stage(fleet, schedule, StaticRates(schedule), house, default_liquidity())
