"""From the documents' decimals to the chain's whole numbers, each rounding against the account.

A float of a document is read as the shortest decimal that it prints as, which is what was written down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from plimsoll.margin.account import Position
from plimsoll.margin.book import Book
from plimsoll.margin.venues.dydx.margin import Held, Market, Risk, Subaccount, position_risk, scaled_imf_ppm
from plimsoll.margin.venues.dydx.parameters import DydxParameters
from plimsoll.margin.venues.dydx.units import ONE_MILLION
from plimsoll.market import Market as Snapshot

GRID_TOLERANCE = Fraction(1, 1_000_000)
"""How far, in base quantums, a size may be off the grid before it is told."""


def decimal(value: float) -> Fraction:
    """The shortest decimal that prints as `value`, exactly.

    >>> decimal(0.1) == Fraction(1, 10)
    True
    """
    return Fraction(repr(float(value)))


def quote_down(usdc: Fraction) -> int:
    """Quote quantums of an amount that belongs to the account, rounded down.

    >>> quote_down(decimal(1.9999999)), quote_down(decimal(-0.0000001))
    (1999999, -1)
    """
    return math.floor(usdc * ONE_MILLION)


def base_quantums(coins: Fraction, atomic_resolution: int) -> int:
    """The nearest whole number of base quantums: the venue knows no part of one.

    >>> base_quantums(decimal(0.1), -10)
    1000000000
    """
    return round(coins / Fraction(10) ** atomic_resolution)


def price_parts(price: float) -> tuple[int, int]:
    """A price as a whole number and a power of ten: what the oracle would publish at as many digits as needed.

    >>> price_parts(50_000.25), price_parts(100_000.0)
    ((5000025, -2), (1000000, -1))
    """
    sign, digits, exponent = Decimal(repr(float(price))).as_tuple()
    assert not sign  # a mark is never below zero
    assert isinstance(exponent, int)  # nor infinite
    return int("".join(map(str, digits))), exponent


def leverage_imf(leverage: float | None) -> int:
    """`ceil(1e6 / leverage)` of a chosen leverage, zero for none."""
    return 0 if leverage is None else math.ceil(ONE_MILLION / decimal(leverage))


def market_row(
    coin: str, price: float, open_contracts: float | None, multiplier: float, parameters: DydxParameters
) -> Market:
    """One market of a pack at a price; open interest in contracts, rounded up to a whole quantum, zero if `None`."""
    row = parameters.markets[coin]
    whole, exponent = price_parts(price)
    coins = decimal(open_contracts or 0.0) * decimal(multiplier)
    interest = math.ceil(coins / Fraction(10) ** row.atomic_resolution)
    return Market(row.atomic_resolution, whole, exponent, parameters.tiers[row.tier].tier, interest)


def needs_open_interest(coin: str, parameters: DydxParameters) -> bool:
    """Whether the initial margin of a market cannot be told without its open interest."""
    return parameters.tiers[parameters.markets[coin].tier].open_interest_upper_cap > 0


def interest_missing(name: str, coin: str, snapshot: Snapshot, parameters: DydxParameters) -> bool:
    """Whether the margin of contract `name` goes by an open interest that the market does not tell."""
    mark = snapshot.marks.get(name)
    return needs_open_interest(coin, parameters) and (mark is None or mark.open_interest is None)


@dataclass(frozen=True, eq=False)
class Rows:
    """The `N` positions of a book in whole numbers: `markets[N]`, `held[N]` with its profit as a quote balance.

    `funding[N]` is what is not settled, USDC; `off_grid` names positions whose size is no whole number of quantums.
    """

    book: Book
    markets: tuple[Market, ...]
    held: tuple[Held, ...]
    funding: tuple[Fraction, ...]
    off_grid: tuple[str, ...]

    @classmethod
    def of(cls, book: Book, parameters: DydxParameters, unknown: Iterable[str] = ()) -> Rows:
        """`unknown` names contracts of unknown open interest, charged the whole notional."""
        plan, missing = book.plan, set(unknown)
        markets, held, off = [], [], []
        for i, (contract, position) in enumerate(zip(plan.contracts, book.positions, strict=True)):
            mark = book.market.marks.get(contract.name)
            interest = None if mark is None else mark.open_interest
            # a position without contracts may stand without a price
            price = float(plan.price[i]) if plan.price[i] > 0 else 0.0
            market = market_row(contract.underlying, price, interest, float(plan.multiplier[i]), parameters)
            coins = decimal(position.quantity) * decimal(float(plan.multiplier[i]))
            size = base_quantums(coins, market.atomic_resolution)
            if abs(coins / Fraction(10) ** market.atomic_resolution - size) > GRID_TOLERANCE:
                off.append(contract.name)
            imf = ONE_MILLION if contract.name in missing else leverage_imf(position.leverage)
            balance = profit_of(position, size, market) - market.notional(size)
            markets.append(market)
            held.append(Held(size, 0, balance, imf))
        funding = tuple(decimal(p.unsettled_funding) for p in book.positions)
        return cls(book, tuple(markets), tuple(held), funding, tuple(off))

    @cached_property
    def risks(self) -> tuple[Risk, ...]:
        """`[N]` what each position adds: its profit, and its initial and maintenance margin."""
        return tuple(position_risk(h, m) for h, m in zip(self.held, self.markets, strict=True))

    @cached_property
    def fractions(self) -> tuple[float, ...]:
        """`[N]` initial margin fraction of each position, at its open interest and leverage cap."""
        pairs = zip(self.held, self.markets, strict=True)
        return tuple(max(scaled_imf_ppm(m.tier, m.open_notional), h.custom_imf_ppm) / ONE_MILLION for h, m in pairs)

    def subaccount(self, money: Fraction, rows: Sequence[int]) -> Subaccount:
        """The subaccount that holds `money` (USDC) and the positions `rows`, numbered as here; funding is settled with
        one rounding down over all of them.
        """
        funding = quote_down(sum((self.funding[i] for i in rows), Fraction(0)))
        return Subaccount(quote_down(money) + funding, {i: self.held[i] for i in rows})


def profit_of(position: Position, size: int, market: Market) -> int:
    """Profit that is not in the balance, in quote quantums, rounded down: reported, or against what was paid."""
    if position.entry_price is not None:
        return market.notional(size) - cost_of(position.entry_price, size, market.atomic_resolution)
    return quote_down(decimal(position.unrealised_pnl or 0.0))


def cost_of(entry: float, size: int, atomic_resolution: int) -> int:
    """Quote quantums paid for a position (got, if negative), rounded up."""
    return math.ceil(size * decimal(entry) * Fraction(10) ** atomic_resolution * ONE_MILLION)
