"""Requirement and collateral of an account at Drift for one margin type, item by item."""

from __future__ import annotations

from dataclasses import dataclass, replace

from plimsoll.margin.venues.drift.holdings import USD, Oracle, PerpHeld, SpotHeld
from plimsoll.margin.venues.drift.weights import MarginType


@dataclass(frozen=True)
class Held:
    """All of an account: tokens, the quote token first, and perpetuals.

    `custom` is the least initial ratio of the whole account (1e-4), `order_margin` and `cap` are in 1e-6 USD. `strict`
    values initial and fill at the worse of price and five-minute mean; maintenance, which decides a liquidation, never
    is strict.
    """

    tokens: tuple[SpotHeld, ...]
    perps: tuple[PerpHeld, ...]
    order_margin: int
    cap: int
    custom: int = 0
    high: bool = False
    strict: bool = False

    def at(self, tokens: tuple[int, ...], perps: tuple[int, ...]) -> Held:
        """The same account at other prices (1e-6 USD); five-minute means stay."""
        return replace(
            self,
            tokens=tuple(
                replace(t, oracle=replace(t.oracle, price=p)) for t, p in zip(self.tokens, tokens, strict=True)
            ),
            perps=tuple(replace(h, price=p) for h, p in zip(self.perps, perps, strict=True)),
        )

    def sums(self, margin: MarginType) -> Sums:
        """Requirement and collateral for a margin type."""
        strict = self.strict and margin != "maintenance"
        custom = self.custom if margin == "initial" else 0
        tokens = self.tokens if strict else tuple(replace(t, oracle=_now(t.oracle)) for t in self.tokens)
        quote = tokens[0].oracle
        loans, deposits = [], []
        for token in tokens:
            value, weighted, paid = token.filled(margin, custom)
            loans.append(max(0, -weighted if value < 0 else 0) + max(0, -paid))
            deposits.append((weighted if value > 0 else 0) + max(0, paid))
        return Sums(
            tuple(loans),
            tuple(h.requirement(margin, self.high, custom, quote) for h in self.perps),
            tuple(n * self.order_margin for n in (*(t.orders for t in tokens), *(h.orders for h in self.perps))),
            tuple(deposits),
            tuple(h.collateral(margin, quote, self.cap) for h in self.perps),
        )


@dataclass(frozen=True)
class Sums:
    """Amounts in 1e-6 USD, one for each token or perpetual: what is required, then what is collateral.

    `orders` runs over the tokens, then over the perpetuals.
    """

    loans: tuple[int, ...]
    perps: tuple[int, ...]
    orders: tuple[int, ...]
    deposits: tuple[int, ...]
    profits: tuple[int, ...]

    @property
    def requirement(self) -> int:
        """All that is required."""
        return sum(self.loans) + sum(self.perps) + sum(self.orders)

    @property
    def collateral(self) -> int:
        """All that stands against it; below zero after losses."""
        return sum(self.deposits) + sum(self.profits)

    @property
    def free(self) -> int:
        """Collateral less requirement: the account is liquidated below zero under maintenance."""
        return self.collateral - self.requirement


def dollars(amount: int) -> float:
    """Dollars of an amount in 1e-6 USD, infinite where no double holds them: the document then refuses the account."""
    try:
        return amount / USD
    except OverflowError:
        return float("inf") if amount > 0 else float("-inf")


def _now(oracle: Oracle) -> Oracle:
    return Oracle(oracle.price, oracle.price)
