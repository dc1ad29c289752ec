"""An account at Drift in whole numbers: tokens, bases and prices in the units of the chain."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from math import isfinite

from plimsoll.documents import refuse
from plimsoll.margin.venues.drift.parameters import PerpMarket, SpotMarket
from plimsoll.margin.venues.drift.weights import (
    BASE,
    WEIGHT,
    MarginType,
    discount,
    margin_ratio,
    of_type,
    premium,
    scaled_initial,
)

USD = 1_000_000
"""Unit of prices and values: one dollar."""


def whole(amount: float, decimals: int) -> int:
    """An amount in the smallest unit, the nearest one to its shortest decimal text.

    Raises `DocumentError` for a product that left the range of double precision.

    >>> whole(0.1, 9), whole(-2.5, 0), whole(1e11, 9)
    (100000000, -2, 100000000000000000000)
    """
    if not isfinite(amount):
        raise refuse(
            "requirement", "an amount that is not finite", "sizes and prices that double precision can multiply"
        )
    return int(Decimal(repr(float(amount))).scaleb(decimals).to_integral_value(ROUND_HALF_EVEN))


def toward_zero(over: int, under: int) -> int:
    """Quotient without its fraction, as signed division on the chain rounds.

    >>> toward_zero(-7, 2), toward_zero(7, 2)
    (-3, 3)
    """
    return over // under if over >= 0 else -(-over // under)


@dataclass(frozen=True)
class Oracle:
    """A price and, for a strict valuation, its five-minute mean; both in 1e-6 USD."""

    price: int
    mean: int

    @property
    def low(self) -> int:
        """What an asset counts at."""
        return min(self.price, self.mean)

    @property
    def high(self) -> int:
        """What a liability counts at."""
        return max(self.price, self.mean)


@dataclass(frozen=True)
class SpotHeld:
    """A balance of one token (signed, smallest unit) with what its open orders buy (above zero) and sell (below).

    `market` is `None` for the quote token. `deposits` are those of the whole venue, in the smallest unit.
    """

    asset: str
    market: SpotMarket | None
    decimals: int
    amount: int
    oracle: Oracle
    bids: int = 0
    asks: int = 0
    orders: int = 0
    deposits: int = 0

    @property
    def unit(self) -> int:
        """One token in its smallest unit."""
        return int(10**self.decimals)

    def value(self, amount: int) -> int:
        """Value of so many tokens in 1e-6 USD, rounded down: a loan counts the more."""
        price = self.oracle.low if amount > 0 else self.oracle.high
        return amount * price // self.unit

    def weight(self, margin: MarginType, amount: int, *, loan: bool) -> int:
        """Weight of so many tokens as a deposit or as a `loan`."""
        m = self.market
        if m is None:
            return WEIGHT
        over = self.unit
        # nine decimals at most: the rest is cut off
        size = abs(amount) // (over // BASE) if over > BASE else abs(amount) * BASE // over
        if loan:
            pair = (m.initial_liability_weight, m.maintenance_liability_weight)
            return premium(size, m.imf_factor, of_type(margin, *pair))
        start, deposits = whole(m.scale_start, 6), self.deposits * self.oracle.price // over
        initial = scaled_initial(m.initial_asset_weight, start, deposits)
        return discount(size, m.imf_factor, of_type(margin, initial, m.maintenance_asset_weight))

    def weighted(self, margin: MarginType, amount: int, value: int, custom: int) -> int:
        """Value after its weight; `custom` is the least margin ratio the holder set, in 1e-4."""
        if value == 0:
            return 0
        weight = self.weight(margin, amount, loan=value < 0)
        if custom and self.market is not None:
            weight = max(weight, WEIGHT + custom) if value < 0 else min(weight, max(0, WEIGHT - custom))
        return toward_zero(value * weight, WEIGHT)

    def filled(self, margin: MarginType, custom: int) -> tuple[int, int, int]:
        """Token value, its weighted value and what the orders pay, on the side that leaves least collateral.

        With orders one side is all buys filled, the other all sells, each at the dearer of price and mean. The side is
        chosen before the holder's own ratio, as the chain does.
        """
        own = self.value(self.amount)
        if self.bids == 0 and self.asks == 0:
            return own, self.weighted(margin, self.amount, own, custom), 0
        sides = []
        for fill in (self.asks, self.bids):
            paid = -fill * self.oracle.high // self.unit
            value, amount = own - paid, self.amount + fill
            free = self.weighted(margin, amount, value, 0) + paid
            sides.append((free, value, self.weighted(margin, amount, value, custom), paid))
        # sells first: they stand where both leave the same
        least = sides[0] if sides[0][0] <= sides[1][0] else sides[1]
        return least[1:]


@dataclass(frozen=True)
class PerpHeld:
    """A perpetual: `base` in 1e-9 coins, `quote` in 1e-6 (profit is `base * price + quote`), orders as for a token.

    `custom` is the least initial ratio the holder set for it, `unsettled` the profit of the whole market that is not
    settled, in 1e-6 USD.
    """

    name: str
    market: PerpMarket
    base: int
    quote: int
    price: int
    bids: int = 0
    asks: int = 0
    orders: int = 0
    custom: int = 0
    unsettled: int = 0

    @property
    def profit(self) -> int:
        """Profit and funding at the oracle price, 1e-6 of the quote token."""
        return toward_zero(self.base * self.price, BASE) + self.quote

    @property
    def worst(self) -> int:
        """Base with all buys or all sells filled, whichever is larger; all sells where they are the same."""
        bought, sold = self.base + self.bids, self.base + self.asks
        return sold if abs(sold) * self.price // BASE >= abs(bought) * self.price // BASE else bought

    def ratio(self, margin: MarginType, high: bool) -> int:
        """Margin ratio of the market for the worst base."""
        m = self.market
        return margin_ratio(
            margin,
            abs(self.worst),
            m.margin_ratio_initial,
            m.margin_ratio_maintenance,
            m.imf_factor,
            m.high if high else None,
        )

    def requirement(self, margin: MarginType, high: bool, custom: int, quote: Oracle) -> int:
        """Margin of the worst base in 1e-6 USD; the holder's own ratios hold for initial only."""
        value = abs(self.worst) * self.price // BASE * quote.high // USD
        ratio = self.ratio(margin, high)
        if margin == "initial":
            ratio = max(ratio, self.custom, custom)
        return value * ratio // WEIGHT

    def profit_weight(self, margin: MarginType) -> int:
        """Weight of the profit: a loss counts whole, a profit less by its size and by that of the whole market."""
        m, profit = self.market, self.profit
        if profit <= 0:
            return WEIGHT
        if margin == "maintenance":
            return m.pnl_maintenance_weight
        weight, most = m.pnl_initial_weight, whole(m.pnl_max_imbalance, 6)
        if 0 < most < self.unsettled:
            weight = weight * most // self.unsettled
        # a dollar of profit is a coin of size
        return discount(profit * (BASE // USD), m.pnl_imf_factor, weight) if weight else 0

    def collateral(self, margin: MarginType, quote: Oracle, cap: int) -> int:
        """What profit or loss adds to collateral in 1e-6 USD, at most `cap` for initial."""
        profit = self.profit
        weighted = toward_zero(profit * self.profit_weight(margin), WEIGHT)
        price = quote.low if profit > 0 else quote.high
        weighted = toward_zero(weighted * price, USD)
        return min(weighted, cap) if margin == "initial" else weighted
