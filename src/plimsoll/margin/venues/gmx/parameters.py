"""Parameters of GMX: one set for each market, and the least collateral of a position."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Fraction, NonNegative, Part, fault

Rate = Annotated[float, Field(strict=True, gt=0, le=1)]


class GmxMarket(Part):
    """One market: factors of the size, multipliers for each USD of open interest, impact factors and fees."""

    min_collateral_factor: Rate
    min_collateral_factor_liquidation: Rate
    open_interest_multiplier_long: NonNegative
    open_interest_multiplier_short: NonNegative
    max_open_interest_long: NonNegative
    max_open_interest_short: NonNegative
    impact_factor_positive: NonNegative
    impact_factor_negative: NonNegative
    impact_exponent: Annotated[float, Field(strict=True, ge=1, le=4)]
    max_impact_factor_liquidation: Fraction
    position_fee_positive: Fraction
    position_fee_negative: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_collateral_factor_liquidation > self.min_collateral_factor:
            allowed = f"at most {self.min_collateral_factor}, what it takes to open"
            raise fault("min_collateral_factor_liquidation", self.min_collateral_factor_liquidation, allowed)
        return self


class GmxParameters(Part):
    """Markets by coin, the token of collateral, and the least collateral of a position in USD."""

    collateral: Asset
    markets: dict[Asset, GmxMarket]
    min_collateral_usd: NonNegative
