"""The market that forced orders meet: a book that is taken level by level, refills, and gives way beyond its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from plimsoll.contracts import Contract, is_option
from plimsoll.liquidation.mechanisms.terms import CloseTerms
from plimsoll.margin.addons.liquidity import Closing, Liquidity, LiquidityRule
from plimsoll.market import Market

FAR = 1e18
"""Coins of the level that stands for everything beyond a book without a law."""


@dataclass(frozen=True)
class Quote:
    """`lots` that fill, at `price` on average: USD for futures, the settlement currency for options."""

    lots: int
    price: float


@dataclass
class Books:
    """What orders have taken of each side of each book, and what it costs to take more.

    Of two orders close together the second meets what the first left: `taken` halves every `refill` seconds.
    Cost is `Closing`'s: the posted levels after stress, then the square-root law.
    """

    terms: CloseTerms
    taken: dict[tuple[str, bool], tuple[float, float]] = field(default_factory=dict)

    def gone(self, instrument: str, buy: bool, seconds: float) -> float:
        """Coins of one side that are still taken at that time."""
        coins, when = self.taken.get((instrument, buy), (0.0, seconds))
        return coins * float(0.5 ** (max(0.0, seconds - when) / self.terms.refill))

    def take(self, instrument: str, buy: bool, seconds: float, coins: float) -> None:
        """Note that an order has taken so many coins."""
        self.taken[instrument, buy] = (self.gone(instrument, buy, seconds) + coins, seconds)

    def tradable(self, contract: Contract, market: Market, buy: bool) -> bool:
        """Whether anybody is there: not where a posted book has nothing on that side."""
        depth = market.depth.get(contract.name)
        return depth is None or bool(depth.asks if buy else depth.bids)

    def quote(
        self,
        contract: Contract,
        market: Market,
        mark: float,
        lots: int,
        coins: float,
        buy: bool,
        seconds: float,
        limit: float | None = None,
    ) -> Quote:
        """How many of `lots` (of `coins` each, above zero) fill at a price no worse than `limit`, and at which price.

        `mark` is the price beside which they fill. The last lot that fills is itself within the limit.
        """
        if not self.tradable(contract, market, buy):
            return Quote(0, mark)
        side = 1.0 if buy else -1.0
        if is_option(contract):
            price = max(0.0, mark * (1.0 + side * self.terms.option_spread))
            beyond = limit is not None and side * (price - limit) > 0.0
            return Quote(0 if beyond else lots, price)
        spend = self.spend(contract, market, mark, buy)
        gone = self.gone(contract.name, buy, seconds)

        def cost(n: int) -> float:
            return spend(gone + n * coins) - spend(gone)

        if limit is not None:
            room = side * (limit - mark)
            lots = _most(lots, lambda n: cost(n) - cost(n - 1) <= room * coins + 1e-9 * mark * coins)
        if lots == 0:
            return Quote(0, mark)
        return Quote(lots, max(0.0, mark + side * cost(lots) / (lots * coins)))

    def spend(self, contract: Contract, market: Market, mark: float, buy: bool) -> Callable[[float], float]:
        """USD beside the mark that taking so many coins costs, from a book nobody has touched."""
        depth = market.depth.get(contract.name)
        levels = () if depth is None else depth.asks if buy else depth.bids
        multiplier = float(getattr(contract, "multiplier", 1.0))
        inverse = getattr(contract, "settlement", None) == "inverse"
        coins = [(p, q * multiplier / p if inverse else q * multiplier) for p, q in levels]
        known = self.terms.markets.get(contract.underlying)
        liquidity = known or Liquidity(volume=1.0, daily_vol=1.0)
        rule = LiquidityRule(
            impact=self.terms.impact if known else 0.0,
            stress=self.terms.stress,
            free=0.0,
            participation=1.0,
            days=1.0,
            markets={},
        )
        closing = Closing.of(rule, liquidity, mark, coins)
        if known is None:
            last = float(closing.steps[-1]) if coins else 0.0
            closing = Closing(
                mark,
                np.append(closing.ends, FAR),
                np.append(closing.steps, last + self.terms.spread * mark),
                closing.volume,
                closing.daily_vol,
                0.0,
                0.0,
            )
        half = self.terms.spread * mark if known and not coins else 0.0
        return lambda size: closing.cost(size) + half * size


def _most(lots: int, fits: Callable[[int], bool]) -> int:
    """The largest number of lots whose last one fits; each lot is dearer than the one before."""
    low, high = 0, lots
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
