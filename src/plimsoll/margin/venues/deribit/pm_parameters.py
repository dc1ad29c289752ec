"""The numbers a portfolio-margin pack holds, by the venue's own names for them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Flag, Fraction, NonNegative, Part
from plimsoll.margin.venues.deribit.liquidation import Liquidation

Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1, le=100)]
Range = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]


class VolShock(Part):
    """How far volatilities move at 30 days, as fractions of themselves, and its powers in time below and beyond."""

    volatility_range_up: NonNegative
    volatility_range_down: NonNegative
    short_term_vega_power: NonNegative
    long_term_vega_power: NonNegative


class PairParameters(VolShock):
    """One underlying: the price range of the matrix, its volatility shocks at 30 days, the far table, the delta shock.

    `delta_total_liq_shock_threshold` in USD; `m_inc` per coin, the slope of the standard margin.
    """

    price_range: Range
    min_volatility_for_shock_up: NonNegative
    extended_table_factor: NonNegative
    m_inc: NonNegative
    delta_total_liq_shock_threshold: NonNegative
    max_delta_shock: NonNegative


class CurrencyParameters(Part):
    """One currency: what is taken off far losses (`extended_dampener`, USD), the roll shock, how gains count.

    `pnl_offset` multiplies gains, of which at most `max_offsetable_pnl` USD count. `equity_side_impact`, `haircut` and
    `correlation_set` speak of cross collateral and are carried as data.
    """

    extended_dampener: NonNegative
    annualised_move_risk: NonNegative
    min_annualised_move: NonNegative
    pnl_offset: Fraction
    max_offsetable_pnl: NonNegative
    haircut: Fraction
    equity_side_impact: Literal["none", "both"]
    correlation_set: Flag


class PmParameters(Part):
    """A whole portfolio-margin pack.

    `pairs` by underlying; `currencies` by settlement coin, with the row `USD` beside them. `buckets_count` price
    buckets lie on each side of the unmoved one; `extended_moves` are the far moves.
    """

    pairs: Annotated[dict[Asset, PairParameters], Field(min_length=1)]
    currencies: dict[Asset, CurrencyParameters]
    mm_factor: Fraction
    buckets_count: Annotated[int, Field(strict=True, ge=1, le=50)]
    vol_scenarios_count: Literal[3]
    extended_moves: Annotated[tuple[Move, ...], Field(max_length=50)]
    liquidation: Liquidation

    @model_validator(mode="after")
    def _rows(self) -> Self:
        missing = [u for u in (*self.pairs, "USD") if u not in self.currencies]
        if missing:
            raise ValueError(f"a row for each pair and for USD in currencies (none for {', '.join(missing)})")
        if 0.0 in self.extended_moves:
            raise ValueError("extended_moves other than zero")
        return self
