"""The numbers a PMRM pack (first version) holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plimsoll.documents import Asset, Count, NonNegative, Number, Part, Positive
from plimsoll.margin.venues.derive.auction_terms import AuctionTerms
from plimsoll.margin.venues.derive.parameters import Basis, Doubt, VolPower


class Pmrm1Margin(Part):
    """Factor on the loss and static discount of a positive net expiry value."""

    im_factor: NonNegative
    base_static_discount: NonNegative
    rate_mult: Number
    rate_add: Number


class Pmrm1Other(Doubt):
    """`Doubt` and the static contingencies as fractions of the notional at spot."""

    base_pct: NonNegative
    perp_pct: NonNegative
    option_pct: NonNegative


class Pmrm1Scenario(Part):
    """One row of the table: a spot multiplier and what happens to volatility."""

    spot_shock: Positive
    vol_shock: Literal["up", "down", "none"]


class Pmrm1Parameters(Part):
    """A whole PMRM pack.

    `cash` is the settlement currency. Each of `underlyings` takes its own coin as its one base asset. Without
    `auction` the pack says nothing of liquidation.
    """

    cash: Asset
    margin: Pmrm1Margin
    vol_shock: VolPower
    basis: Basis
    other: Pmrm1Other
    scenarios: Annotated[tuple[Pmrm1Scenario, ...], Field(min_length=1, max_length=256)]
    underlyings: Annotated[tuple[Asset, ...], Field(min_length=1)]
    auction: AuctionTerms | None = None
    max_positions: Count = 128
    max_expiries: Count = 11
