"""Parameters of Synthetix v3 perpetuals: markets, collateral and keepers."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from plimsoll.documents import Asset, Fraction, NonNegative, Part, Positive, fault


class PerpsMarket(Part):
    """One market: `skew_scale` in coins, ratios as fractions, `minimum_position_margin` in USD.

    `liquidation_multiplier` and `window_seconds` set how much of a position is liquidated in one window.
    """

    skew_scale: NonNegative
    initial_margin_ratio: NonNegative
    minimum_initial_margin_ratio: Fraction
    maintenance_margin_scalar: Fraction
    minimum_position_margin: NonNegative
    flag_reward_ratio: Fraction
    maker_fee: Fraction
    taker_fee: Fraction
    liquidation_multiplier: NonNegative
    window_seconds: NonNegative


class Collateral(Part):
    """A token other than the venue's dollar: its own `skew_scale` in tokens, and bounds of its discount."""

    skew_scale: Positive
    discount_scalar: NonNegative
    lower_discount: Fraction
    upper_discount: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower_discount > self.upper_discount:
            raise fault("lower_discount", self.lower_discount, f"at most {self.upper_discount}, the upper one")
        return self


class Keepers(Part):
    """Guards and costs of keepers, in USD and as fractions; costs hold where none is reported."""

    min_reward: NonNegative
    max_reward: NonNegative
    min_profit_ratio: NonNegative
    max_scaling: NonNegative
    collateral_reward_ratio: Fraction
    flag_cost: NonNegative
    liquidate_cost: NonNegative


class SynthetixParameters(Part):
    """Markets by underlying, collateral by token, keepers."""

    markets: dict[Asset, PerpsMarket]
    collateral: dict[Asset, Collateral]
    keepers: Keepers
