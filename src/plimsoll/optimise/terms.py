"""What it costs to trade: fees, half-spreads, depth and lots, as a document."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from plimsoll.documents import Document, Fraction, Name, NonNegative, Positive

Evidence = Annotated[str, Field(pattern="^(measured|assumed)$")]
Unquoted = Annotated[str, Field(pattern="^(assume|refuse)$")]


class TradingTerms(Document):
    """Fees and the liquidity of what has no quote.

    Fees are parts of the notional at the index (`future_fee` of futures and perpetuals, `option_fee` of options, whose
    fee is at most `option_fee_cap` of the premium). An instrument with orders in `market.depth` is traded through them,
    one with a `bid` or an `ask` at it, up to `size`; one without either at a half-spread of `spread` (part of the price
    of its delta) and for options `option_spread` (points of volatility: 0.01 is one) on top, or not at all with
    `unquoted = "refuse"`. `size` is in coins
    of the underlying, on either side; `sizes` replaces it for single instruments. `lot` and `option_lot` are the
    smallest trades in contracts, and every trade is a multiple; left out, any size. The defaults are assumed.
    """

    SCHEMA: ClassVar[str] = "plimsoll.trading-terms"

    future_fee: Fraction = 0.0005
    option_fee: Fraction = 0.0003
    option_fee_cap: Fraction = 0.125
    spread: Fraction = 0.0002
    option_spread: NonNegative = 0.01
    size: Positive = 50.0
    sizes: dict[Name, Positive] = {}
    unquoted: Unquoted = "assume"
    lot: Positive | None = None
    option_lot: Positive | None = None
    evidence: Evidence = "assumed"
