"""Parameters of Drift: perpetual markets, spot markets and what holds for every account."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, NonNegative, Part, fault

Weight = Annotated[int, Field(strict=True, ge=0, le=10_000)]
Liability = Annotated[int, Field(strict=True, ge=10_000, le=100_000)]
Ratio = Annotated[int, Field(strict=True, ge=5, le=10_000)]
HighRatio = Annotated[int, Field(strict=True, ge=0, le=10_000)]
Factor = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Decimals = Annotated[int, Field(strict=True, ge=0, le=18)]


class PerpMarket(Part):
    """One perpetual market: ratios and weights in 1e-4, factors in 1e-6; zero high-leverage ratios: no such mode.

    `pnl_max_imbalance` (USD): above so much unsettled profit of all holders less of it counts; zero: no such limit.
    """

    margin_ratio_initial: Ratio
    margin_ratio_maintenance: Ratio
    imf_factor: Factor
    high_leverage_initial: HighRatio
    high_leverage_maintenance: HighRatio
    pnl_initial_weight: Weight
    pnl_maintenance_weight: Weight
    pnl_imf_factor: Factor
    pnl_max_imbalance: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.margin_ratio_initial < self.margin_ratio_maintenance:
            allowed = f"at least {self.margin_ratio_maintenance}, the maintenance ratio"
            raise fault("margin_ratio_initial", self.margin_ratio_initial, allowed)
        if self.high_leverage_initial < self.high_leverage_maintenance:
            allowed = f"at least {self.high_leverage_maintenance}, the maintenance ratio of that mode"
            raise fault("high_leverage_initial", self.high_leverage_initial, allowed)
        return self

    @property
    def high(self) -> tuple[int, int] | None:
        """Ratios of high-leverage mode, `None` where the market has none."""
        pair = (self.high_leverage_initial, self.high_leverage_maintenance)
        return pair if min(pair) > 0 else None


class SpotMarket(Part):
    """One token: weights in 1e-4, factor in 1e-6, `scale_start` in USD of the deposits of the whole venue."""

    decimals: Decimals
    initial_asset_weight: Weight
    maintenance_asset_weight: Weight
    initial_liability_weight: Liability
    maintenance_liability_weight: Liability
    imf_factor: Factor
    scale_start: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.initial_asset_weight > self.maintenance_asset_weight:
            allowed = f"at most {self.maintenance_asset_weight}, the weight for maintenance"
            raise fault("initial_asset_weight", self.initial_asset_weight, allowed)
        if self.initial_liability_weight < self.maintenance_liability_weight:
            allowed = f"at least {self.maintenance_liability_weight}, the weight for maintenance"
            raise fault("initial_liability_weight", self.initial_liability_weight, allowed)
        return self


class Quote(Part):
    """The token in which perpetuals settle; it counts whole, as a deposit and as a loan."""

    asset: Asset
    decimals: Decimals


class DriftParameters(Part):
    """Perpetuals by underlying, tokens by asset, `order_margin` and `pnl_cap_initial` in USD."""

    quote: Quote
    perps: dict[Asset, PerpMarket]
    spot: dict[Asset, SpotMarket]
    order_margin: NonNegative
    pnl_cap_initial: NonNegative

    @model_validator(mode="after")
    def _quote_apart(self) -> Self:
        if self.quote.asset in self.spot:
            raise fault(f"spot.{self.quote.asset}", "weights", "nothing: the quote token counts whole")
        return self
