"""The numbers of Aevo packs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from plimsoll.documents import Asset, Fraction, NonNegative, Part

Step = Annotated[float, Field(strict=True, ge=-1, le=1)]


class OptionRates(Part):
    """Margin of one coin of a short option with spot price `S`.

    ```
    call   initial      max(initial - out_of_the_money / S, initial_floor) * S + mark
           maintenance  maintenance * S + mark
    put    initial      max(that of a call, maintenance)
           maintenance  max(maintenance * S, put_mark_rate * mark) + mark
    ```
    """

    initial: Fraction
    initial_floor: Fraction
    maintenance: Fraction
    put_mark_rate: Fraction


class SmParameters(Part):
    """A standard-margin pack: underlyings with options, their rates, and the haircuts of collateral."""

    underlyings: Annotated[tuple[Asset, ...], Field(min_length=1)]
    options: OptionRates
    haircuts: dict[Asset, Fraction]


class Reach(Part):
    """Largest moves of one underlying: of its price as a part of it, of volatilities in points (0.5 = 50 points)."""

    spot_up: NonNegative
    spot_down: Annotated[float, Field(strict=True, ge=0, lt=1)]
    vol_up: NonNegative
    vol_down: NonNegative


class PmParameters(Part):
    """A portfolio-margin pack: largest moves by underlying and the steps of the grid, as parts of them.

    `maintenance_factor` is the maintenance margin as a part of the initial one.
    """

    underlyings: Annotated[dict[Asset, Reach], Field(min_length=1)]
    spot_steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=64)]
    vol_steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=16)]
    maintenance_factor: Fraction
    haircuts: dict[Asset, Fraction]
