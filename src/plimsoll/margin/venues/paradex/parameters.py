"""The numbers of Paradex packs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Fraction, Name, NonNegative, Part, fault
from plimsoll.margin.parts.scan import MinDelta, ScanTable


class Fees(Part):
    """What is set aside for closing: a part of the notional, of an option at most `option_cap` of its mark."""

    perpetual: Fraction
    option: Fraction
    option_cap: NonNegative


class PmTable(ScanTable):
    """The scan of one underlying; maintenance is `maintenance_factor` of the larger of scan and minimum delta."""

    min_delta: MinDelta
    maintenance_factor: Fraction


class PmParameters(Part):
    """A portfolio-margin pack: tables by name, the table of each underlying, and what is set aside beside them.

    `funding_hours` are the hours of funding at the rate of the market that are set aside.
    """

    tables: Annotated[dict[Name, PmTable], Field(min_length=1)]
    underlyings: Annotated[dict[Asset, Name], Field(min_length=1)]
    fees: Fees
    funding_hours: NonNegative

    @model_validator(mode="after")
    def _known(self) -> Self:
        for asset, name in self.underlyings.items():
            if name not in self.tables:
                raise fault(f"underlyings.{asset}", name, "one of tables: " + ", ".join(self.tables))
        return self


class OptionRates(Part):
    """Rates of one option in cross margin, as parts of the spot price `S`, of its mark or of its strike.

    ```
    bought  min(premium * mark, long_itm * S)
    sold    max(short_itm * S - out_of_the_money, short_otm * S), a put at most short_put_cap of its strike
    ```
    """

    premium: NonNegative
    long_itm: NonNegative
    short_itm: NonNegative
    short_otm: NonNegative
    short_put_cap: NonNegative


class PerpetualRates(Part):
    """Initial margin as a part of the notional, maintenance as a part of that."""

    initial_rate: Fraction
    maintenance_factor: Fraction


class OptionMargins(Part):
    """Rates of initial and of maintenance margin."""

    initial: OptionRates
    maintenance: OptionRates


class XmParameters(Part):
    """A cross-margin pack, by underlying. `short_put_cap_of`: what the cap of a sold put is a part of.

    `perpetual_options` have the rates of `options` where they have none of their own.
    """

    perpetuals: dict[Asset, PerpetualRates]
    options: dict[Asset, OptionMargins]
    perpetual_options: dict[Asset, OptionMargins] = {}
    short_put_cap_of: Literal["strike", "spot"]
    fees: Fees
