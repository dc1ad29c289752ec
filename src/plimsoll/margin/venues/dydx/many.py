"""What one contract of a universe comes to: its market in whole numbers, for blocks of accounts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.venues.dydx.blocks import base_sizes, maintenance, notionals, ppm_up, rates
from plimsoll.margin.venues.dydx.documents import interest_missing, market_row
from plimsoll.margin.venues.dydx.margin import LiquidityTier, Market, scaled_imf_ppm
from plimsoll.margin.venues.dydx.parameters import DydxParameters
from plimsoll.margin.venues.dydx.units import ONE_MILLION

F64 = npt.NDArray[np.float64]
BOOL = npt.NDArray[np.bool_]


def markets_of(universe: Universe, parameters: DydxParameters) -> tuple[list[Market | None], BOOL]:
    """`[N]` the market of each contract that is taken, and which of them have an unknown open interest."""
    found: list[Market | None] = []
    missing = np.zeros(len(universe.names), dtype=bool)
    for i, name in enumerate(universe.names):
        if not universe.taken[i]:
            found.append(None)
            continue
        contract, mark = universe.plan.contracts[i], universe.market.marks.get(name)
        missing[i] = interest_missing(name, contract.underlying, universe.market, parameters)
        interest = None if mark is None else mark.open_interest
        price, multiplier = float(universe.plan.price[i]), float(universe.plan.multiplier[i])
        found.append(market_row(contract.underlying, price, interest, multiplier, parameters))
    return found, missing


def dydx_batch(universe: Universe, parameters: DydxParameters) -> Batch:
    """The arithmetic on blocks: positions of one cross subaccount, whatever the exact engine refuses left to it."""
    markets, missing = markets_of(universe, parameters)
    none = LiquidityTier(0, 0)
    base, fraction = rates([none if m is None else m.tier for m in markets])
    imf = np.array([0 if m is None else scaled_imf_ppm(m.tier, m.open_notional) for m in markets], dtype=np.float64)
    resolution = np.array([0 if m is None else m.atomic_resolution for m in markets], dtype=np.int64)
    price, multiplier = universe.known(universe.plan.price), universe.known(universe.plan.multiplier)
    apart = np.array(
        [
            m is not None and parameters.markets[universe.plan.contracts[i].underlying].isolated
            for i, m in enumerate(markets)
        ],
        dtype=bool,
    )

    def amounts(lots: Lots) -> Amounts:
        item = lots.item
        size = base_sizes(np.abs(lots.quantity) * multiplier[item], resolution[item])
        worth = notionals(size, price[item], resolution[item])
        initial = ppm_up(worth, imf[item]) / ONE_MILLION
        kept = maintenance(worth, base[item], fraction[item]) / ONE_MILLION
        many = np.bincount(lots.account, minlength=lots.accounts) > 1
        # refused, or the same coin in two contracts: the exact engine tells
        crowded = (np.bincount(lots.account, weights=apart[item], minlength=lots.accounts) > 0) & many
        untold = np.bincount(lots.account, weights=missing[item], minlength=lots.accounts) > 0
        nothing = np.zeros(lots.accounts)
        return Amounts(lots.sum(initial), lots.sum(kept), nothing, crowded | untold)

    return amounts
