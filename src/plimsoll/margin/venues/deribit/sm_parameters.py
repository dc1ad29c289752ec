"""The numbers a standard-margin pack holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from plimsoll.documents import Asset, Fraction, NonNegative, Part
from plimsoll.margin.venues.deribit.liquidation import Liquidation


class FutureRates(Part):
    """Margin of a future or perpetual of `q` coins: `(initial + slope * q) * q` and `(maintenance + slope * q) * q`."""

    initial: Fraction
    maintenance: Fraction
    slope: NonNegative


class Futures(Part):
    """Rates by the way of settling; what is absent is not margined by these rules."""

    inverse: FutureRates | None = None
    linear: FutureRates | None = None


class OptionRates(Part):
    """Margin of a short option, per coin.

    ```
    call   initial = max(initial - out_of_the_money / U, initial_floor) + mark    maintenance = maintenance + mark
    put    initial = max(that of a call, maintenance)   maintenance = max(maintenance, put_mark_rate * mark) + mark
    ```
    """

    initial: Fraction
    initial_floor: Fraction
    maintenance: Fraction
    put_mark_rate: Fraction


class SmParameters(Part):
    """A whole standard-margin pack.

    `futures` by underlying. `linear_options` is absent while the venue's percentages for them are not known.
    `maintenance_share`, if present, is a second reading of the maintenance margin of a future: this part of its initial
    margin. `haircuts` by collateral asset, for cross collateral only.
    """

    futures: Annotated[dict[Asset, Futures], Field(min_length=1)]
    inverse_options: OptionRates
    linear_options: OptionRates | None = None
    maintenance_share: Fraction | None = None
    haircuts: dict[Asset, Fraction]
    liquidation: Liquidation
