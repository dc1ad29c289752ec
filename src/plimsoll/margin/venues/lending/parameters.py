"""The numbers of a lending pool."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Flag, Fraction, Name, Part, Positive, fault
from plimsoll.margin.parts.discounts import Discounts, DiscountTable, DiscountTier


class Weights(Part):
    """A pair of weights: `ltv` of the value can be borrowed, the loan is liquidated once it exceeds `threshold` of it.

    One less each is a pair of haircuts, initial and maintenance.
    """

    ltv: Fraction
    threshold: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ltv > self.threshold:
            raise fault("ltv", self.ltv, f"at most the threshold, {self.threshold!r}")
        return self

    def discounts(self, most: float | None) -> tuple[Discounts, Discounts]:
        """The two as discount tables of one tier, of at most `most` coins."""
        loan, line = (
            Discounts.of(
                DiscountTable(measure="coins", cap=most, tiers=(DiscountTier(upto=None, rate=rate),)),
            )
            for rate in (self.ltv, self.threshold)
        )
        return loan, line


class PoolAsset(Weights):
    """An asset of the pool. At most `most` coins of it count. `category`: the correlated assets it belongs to.

    `ceiling`, if given, makes it an isolated asset: alone it can be collateral, for debts in assets with
    `isolation_borrowable` of at most this many USD.
    """

    borrowable: Flag
    most: Positive | None = None
    category: Name | None = None
    ceiling: Positive | None = None
    isolation_borrowable: Flag = False


class LendingParameters(Part):
    """Assets of the pool, and the weights of correlated ones within their category."""

    assets: Annotated[dict[Asset, PoolAsset], Field(min_length=1)]
    categories: dict[Name, Weights] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, asset in self.assets.items():
            if asset.category is not None and asset.category not in self.categories:
                allowed = "categories of the pack: " + ", ".join(self.categories)
                raise fault(f"assets.{name}.category", asset.category, allowed)
            own = self.categories.get(asset.category or "")
            if own is not None and (own.ltv < asset.ltv or own.threshold < asset.threshold):
                allowed = f"a category whose weights are not below those of {name}"
                raise fault(f"assets.{name}.category", asset.category, allowed)
        return self
