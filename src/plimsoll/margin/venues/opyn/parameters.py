"""Parameters of Opyn: products of naked margin, collateral tokens and the auction."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Count, Fraction, NonNegative, Part, Positive, fault


class UpperBound(Part):
    """Largest price of an option at the money, as a part of the strike, up to so many days before expiry."""

    tenor_days: Positive
    upper_bound: Fraction


class Product(Part):
    """Naked margin of the puts or calls of one coin; the bound of a tenor is that of the next larger tenor."""

    spot_shock: Annotated[float, Field(strict=True, gt=0, le=1)]
    upper_bounds: Annotated[tuple[UpperBound, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for n, (before, row) in enumerate(pairwise(self.upper_bounds), start=1):
            if row.tenor_days <= before.tenor_days:
                raise fault(
                    f"upper_bounds[{n}].tenor_days", row.tenor_days, f"more than {before.tenor_days}, the row before it"
                )
        return self


class Products(Part):
    """Products of one coin."""

    put: Product
    call: Product


class Token(Part):
    """A token that vaults hold."""

    decimals: Annotated[Count, Field(le=18)]


class SpreadParameters(Part):
    """What puts are struck and paid in, and the tokens that vaults hold: that one and the coins of calls."""

    strike_asset: Asset
    tokens: dict[Asset, Token]

    @model_validator(mode="after")
    def _strike_known(self) -> Self:
        if self.strike_asset not in self.tokens:
            raise fault("strike_asset", self.strike_asset, "one of tokens: " + ", ".join(sorted(self.tokens)))
        return self


class NakedParameters(SpreadParameters):
    """Products by coin, `dust` that a vault has to exceed (in tokens), and the auction of a vault below its margin."""

    products: dict[Asset, Products]
    dust: dict[Asset, NonNegative]
    oracle_deviation: Fraction
    auction_seconds: Positive

    @model_validator(mode="after")
    def _coins_known(self) -> Self:
        for coin in self.products:
            if coin not in self.tokens:
                raise fault(f"products.{coin}", coin, "coins in tokens: a call is backed by its coin")
        for token in self.dust:
            if token not in self.tokens:
                raise fault(f"dust.{token}", token, "one of tokens: " + ", ".join(sorted(self.tokens)))
        return self
