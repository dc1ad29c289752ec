"""What a pack of dYdX holds: tiers, the tier and resolution of each market, liquidations, the clamp of funding.

All numbers are whole, in the chain's own units. Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are
in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Flag, Name, Part, fault
from plimsoll.margin.venues.dydx.liquidation import LiquidationConfig
from plimsoll.margin.venues.dydx.margin import LiquidityTier
from plimsoll.margin.venues.dydx.units import ONE_MILLION

Ppm = Annotated[int, Field(strict=True, ge=0, le=ONE_MILLION)]
Quantums = Annotated[int, Field(strict=True, ge=0)]
Resolution = Annotated[int, Field(strict=True, ge=-18, le=18)]


class TierParameters(Part):
    """A liquidity tier: fractions in ppm, open-interest caps in quote quantums (an upper cap of zero: no scaling)."""

    initial_margin_ppm: Ppm
    maintenance_fraction_ppm: Ppm
    open_interest_lower_cap: Quantums
    open_interest_upper_cap: Quantums

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.open_interest_lower_cap > self.open_interest_upper_cap:
            allowed = f"at most the upper cap, {self.open_interest_upper_cap}"
            raise fault("open_interest_lower_cap", self.open_interest_lower_cap, allowed)
        return self

    @property
    def tier(self) -> LiquidityTier:
        """The tier as the formulas take it."""
        return LiquidityTier(**self.model_dump())


class MarketParameters(Part):
    """A market: the name of its tier, the size of a base quantum as a power of ten of a coin, and whether a subaccount
    that holds it may hold nothing else.
    """

    tier: Name
    atomic_resolution: Resolution
    isolated: Flag = False


class LiquidationParameters(Part):
    """Liquidations: the most that the insurance fund gets, the fillable price, and the limits of one block.

    `min_position_notional` of a position (quote quantums) may always go, of a larger one `max_position_portion_ppm`;
    `max_notional` and `max_insurance_lost` are for one subaccount, in quote quantums.
    """

    max_liquidation_fee_ppm: Annotated[Ppm, Field(ge=1)]
    bankruptcy_adjustment_ppm: Annotated[int, Field(strict=True, ge=ONE_MILLION)]
    spread_to_maintenance_margin_ratio_ppm: Annotated[int, Field(strict=True, ge=1)]
    min_position_notional: Quantums
    max_position_portion_ppm: Annotated[Ppm, Field(ge=1)]
    max_notional: Annotated[Quantums, Field(ge=1)]
    max_insurance_lost: Annotated[Quantums, Field(ge=1)]

    @property
    def config(self) -> LiquidationConfig:
        """What the prices of a liquidation depend on."""
        return LiquidationConfig(
            self.max_liquidation_fee_ppm,
            self.bankruptcy_adjustment_ppm,
            self.spread_to_maintenance_margin_ratio_ppm,
        )


class DydxParameters(Part):
    """A whole pack. Raises `DocumentError` for a market whose tier is not among `tiers`."""

    tiers: Annotated[dict[Name, TierParameters], Field(min_length=1)]
    markets: Annotated[dict[Asset, MarketParameters], Field(min_length=1)]
    liquidation: LiquidationParameters
    funding_clamp_factor_ppm: Quantums

    @model_validator(mode="after")
    def _known(self) -> Self:
        for coin, market in self.markets.items():
            if market.tier not in self.tiers:
                raise fault(f"markets.{coin}.tier", market.tier, "one of " + ", ".join(self.tiers))
        return self
