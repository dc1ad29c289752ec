"""The numbers that a pack of the portfolio margin before 2024 holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plimsoll.documents import Asset, Flag, Fraction, NonNegative, Part
from plimsoll.margin.venues.deribit.liquidation import Liquidation
from plimsoll.margin.venues.deribit.pm_parameters import Range, VolShock


class MatrixParameters(VolShock):
    """One underlying: the price range of the matrix and its volatility shocks at 30 days."""

    price_range: Range


class FuturesContingency(Part):
    """Charge on futures and perpetuals: `rate` times the coins that count.

    `of`: `all` positions whatever their sign, or the `offsetting` ones, the lesser of the long and the short coins.
    """

    rate: Fraction
    of: Literal["all", "offsetting"]


class OptionsContingency(Part):
    """Charge on net short options: `coin_per_option` coins for each coin of them.

    A strike nearer to the index `S` than `near_range * S` counts `|S - K| / (near_range S)` of its position, none if
    zero. `rolled`: long options stand for short ones further out of the money, else each strike by itself.
    """

    coin_per_option: NonNegative
    near_range: Fraction
    rolled: Flag


class ContingencyParameters(Part):
    """A whole pack of the portfolio margin before 2024.

    `underlyings` by coin; `buckets_count` price buckets lie on each side of the unmoved one. Initial margin is
    `initial_factor` times maintenance margin. `open_orders`: the initial margin that they need, `none`, or what the
    venue reports for them (no formula is published).
    """

    underlyings: Annotated[dict[Asset, MatrixParameters], Field(min_length=1)]
    futures: FuturesContingency
    options: OptionsContingency
    buckets_count: Annotated[int, Field(strict=True, ge=1, le=50)]
    initial_factor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=10)]
    open_orders: Literal["none", "reported"]
    liquidation: Liquidation
