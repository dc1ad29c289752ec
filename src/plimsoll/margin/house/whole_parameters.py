"""The numbers of the house model with its add-ons."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from plimsoll.documents import Asset, Flag, Fraction, Part, Positive, fault
from plimsoll.margin.addons.haircuts import HaircutRule
from plimsoll.margin.addons.liquidity import LiquidityRule
from plimsoll.margin.addons.offsets import Correlation, positive_semidefinite
from plimsoll.margin.house.parameters import PrbmParameters


class CollateralRule(Part):
    """Collateral: `quantile` of the haircuts, `assets` by name; `initial_only`: haircuts raise the initial margin and
    leave equity alone, else they are taken off equity."""

    quantile: Positive
    initial_only: Flag
    assets: dict[Asset, HaircutRule]


class WholeParameters(PrbmParameters):
    """A pack of PRBM with offsets by pair (`BTC-ETH`), liquidity and collateral. Its `haircuts` stay empty."""

    haircuts: dict[Asset, Fraction] = {}
    offsets: dict[str, Correlation]
    liquidity: LiquidityRule
    collateral: CollateralRule

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.haircuts:
            raise fault("haircuts", list(self.haircuts), "nothing: collateral.assets holds the haircuts")
        for pair, row in self.offsets.items():
            names = pair.split("-")
            if len(names) != 2 or names != sorted(set(names)):
                raise fault(f"offsets.{pair}", pair, "two underlyings in order, joined by a dash")
            if row.low > row.high:
                raise fault(f"offsets.{pair}.low", row.low, f"at most high, {row.high:g}")
        names = sorted({n for pair in self.offsets for n in pair.split("-")})
        for side in ("low", "high"):
            if not positive_semidefinite(names, self.offsets, side):
                raise fault("offsets", f"the {side} quantiles", "numbers that are a correlation matrix")
        return self
