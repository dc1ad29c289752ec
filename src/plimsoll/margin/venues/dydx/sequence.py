"""The order of a block's liquidations: who goes first, how much of a position, at which price of the book, and what
happens to what is not filled.

```
1. subaccounts below maintenance each offer one position, whole but for the limits of the block
2. their orders go to the book, those whose fillable price is furthest from the oracle first
3. fills within the fillable price take or pay the insurance fund; one that it cannot pay is not made
4. what was not filled at all is deleveraged, if net collateral is below zero: at the bankruptcy price, against
   subaccounts with an opposite position
```

Source: venues-onchain section 2 and the venue's public code, own words. Rule codes `DYDX-nn` are in
docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from plimsoll.documents import refuse
from plimsoll.margin.venues.dydx.liquidation import bankruptcy_price
from plimsoll.margin.venues.dydx.margin import Market, Risk, Subaccount
from plimsoll.margin.venues.dydx.units import ppm_down, whole

LARGEST_SUBTICKS = 2**64 - 1

Deleveraging = Literal["none", "bankruptcy", "oracle"]


@dataclass(frozen=True)
class BlockLimits:
    """What may be liquidated in one block, in quote quantums.

    Of a position `min_position_notional` may always go, of a larger one `max_position_portion_ppm`; of a subaccount
    `max_notional`, and it may cost the insurance fund `max_insurance_lost`.
    """

    min_position_notional: int
    max_position_portion_ppm: int
    max_notional: int
    max_insurance_lost: int


@dataclass(frozen=True)
class BlockSoFar:
    """What a block has liquidated of one subaccount: markets, notional, and what the insurance fund paid for it."""

    markets: frozenset[int] = frozenset()
    notional: int = 0
    insurance_lost: int = 0


def position_to_liquidate(positions: Sequence[int], offset: int, done: Collection[int]) -> int | None:
    """Market of the position that goes next: the first from `offset` on, in a circle, not liquidated in this block.

    `positions` are the markets of the subaccount in rising order; the venue draws `offset` at random for each block.

    >>> position_to_liquidate([0, 3, 7], 2, {7}), position_to_liquidate([0], 0, {0})
    (0, None)
    """
    return next((m for m in (*positions[offset:], *positions[:offset]) if m not in done), None)


def size_to_liquidate(
    base_quantums: int, market: Market, step: int, limits: BlockLimits, so_far: BlockSoFar = BlockSoFar()
) -> int:
    """Base quantums that the liquidation order of a position is for, with the sign that closes it.

    The whole position where its notional is within the limits or it is no larger than `step`, the least size of an
    order; else what the limits leave, down to a multiple of the step, at least one step.
    """
    size, worth = abs(base_quantums), abs(market.notional(base_quantums))
    portion = ppm_down(worth, limits.max_position_portion_ppm)
    most = min(max(min(limits.min_position_notional, worth), portion), max(0, limits.max_notional - so_far.notional))
    if worth > most and size > whole("step", step, least=1):
        coins = quantums_worth(most, market)
        size = min(max(coins - coins % step, step), size)
    return -size if base_quantums > 0 else size


def quantums_worth(quote: int, market: Market) -> int:
    """Base quantums that `quote` quote quantums are worth at the oracle price, rounded down; see `Market.notional`."""
    if market.price <= 0:
        raise refuse("perpetual.price", market.price, "a price above zero")
    unit = Fraction(market.price) * Fraction(10) ** (market.price_exponent + market.atomic_resolution + 6)
    return int(quote / unit)


def fillable_subticks(fillable: Fraction, *, sells: bool, quantum_conversion_exponent: int, tick: int) -> int:
    """The fillable price on the grid of the book: up for a sale, down for a purchase, at least one `tick` (subticks).

    >>> fillable_subticks(Fraction(1_201, 3), sells=True, quantum_conversion_exponent=-6, tick=1_000_000)
    401000000
    """
    if fillable < 0:
        raise refuse("fillable_price", str(fillable), "a price of at least zero")
    exact = fillable / Fraction(10) ** quantum_conversion_exponent / whole("tick", tick, least=1)
    ticks = -(-exact.numerator // exact.denominator) if sells else exact.numerator // exact.denominator
    return min(max(ticks, 1), LARGEST_SUBTICKS // tick) * tick


def liquidation_rank(fillable: int, oracle: Fraction, notional: int) -> tuple[Fraction, int]:
    """A key by which liquidation orders are sorted, the smallest first: furthest from the oracle price, then largest.

    `fillable` is the order's price and `oracle` that of the market, both in subticks; `notional` that of the order in
    quote quantums, without sign. The venue breaks ties by the hash of the order.
    """
    return -abs(Fraction(fillable) - oracle) / oracle, -notional


def oracle_subticks(market: Market, quantum_conversion_exponent: int) -> Fraction:
    """The oracle price in subticks, exactly."""
    unit = market.price_exponent + market.atomic_resolution + 6
    return Fraction(market.price) * Fraction(10) ** (unit - quantum_conversion_exponent)


def fill_allowed(
    market: int, notional: int, insurance_delta: int, fund: int, limits: BlockLimits, so_far: BlockSoFar = BlockSoFar()
) -> bool:
    """Whether a liquidation fill may be made: once for each market in a block, within the subaccount's limits, and with
    an insurance fund of `fund` quote quantums that can pay what it costs.
    """
    if market in so_far.markets or abs(notional) > limits.max_notional - so_far.notional:
        return False
    lost = max(0, -insurance_delta)
    return lost <= limits.max_insurance_lost - so_far.insurance_lost and lost <= fund


def deleveraging(risk: Risk, *, final_settlement: bool = False) -> Deleveraging:
    """At which price a position that no order filled is closed against others: bankruptcy below zero net collateral,
    the oracle's in a market that is being wound up, otherwise not at all.

    >>> deleveraging(Risk(-1, 10, 5)), deleveraging(Risk(1, 10, 5)), deleveraging(Risk(1, 10, 5), final_settlement=True)
    ('bankruptcy', 'none', 'oracle')
    """
    if risk.nc < 0:
        return "bankruptcy"
    return "oracle" if final_settlement else "none"


def deleveraging_quote(
    account: Subaccount, markets: Mapping[int, Market], market: int, delta: int, at: Deleveraging
) -> int:
    """Quote quantums that the deleveraged account gets for `delta` base quantums; the other side pays them.

    Raises `DocumentError` for `none`, and what `bankruptcy_price` raises.
    """
    if at == "oracle":
        return -markets[market].notional(delta)
    if at == "bankruptcy":
        return bankruptcy_price(account, markets, market, delta)
    raise refuse("at", at, "'bankruptcy' or 'oracle'")


def offsets(delta: int, positions: Sequence[int]) -> tuple[int, ...]:
    """How much of `delta` each of the `positions` takes, in their order: only those of its sign, none beyond its size.

    `delta` closes the deleveraged position, so it has the sign of those that it is closed against.

    >>> offsets(-10, [-4, 3, -20, -5])
    (-4, 0, -6, 0)
    """
    found, left = [], delta
    for held in positions:
        taken = 0 if held * left <= 0 else (held if abs(held) <= abs(left) else left)
        found.append(taken)
        left -= taken
    return tuple(found)


__all__ = [
    "BlockLimits",
    "BlockSoFar",
    "Deleveraging",
    "deleveraging",
    "deleveraging_quote",
    "fill_allowed",
    "fillable_subticks",
    "liquidation_rank",
    "offsets",
    "oracle_subticks",
    "position_to_liquidate",
    "quantums_worth",
    "size_to_liquidate",
]
