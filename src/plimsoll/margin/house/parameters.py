"""The numbers a PRBM pack holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from plimsoll.documents import Asset, Flag, Fraction, NonNegative, Part, Positive

Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1, le=100)]


class PrbmScenario(Part):
    """One scenario: relative spot `move`, relative volatility shock at 30 days, factor on the loss."""

    move: Move
    vol: Move
    weight: NonNegative = 1.0


class MinDelta(Part):
    """Minimum delta charge: `net` on |net delta|, `hedged` on the offset part, per unit of index.

    `cap_long_only`: a book of long options only never pays more than its option value.
    """

    net: NonNegative
    hedged: NonNegative
    cap_long_only: Flag


class BasisCharge(Part):
    """Forward shocks with spot unmoved; the loss of each expiry counts `add + mult * years`."""

    up: Positive
    down: Positive
    add: NonNegative
    mult: NonNegative


class PrbmParameters(Part):
    """A whole PRBM pack. `haircuts` by collateral asset; an asset that is owed is charged the haircut on top."""

    scenarios: Annotated[tuple[PrbmScenario, ...], Field(min_length=1, max_length=1024)]
    vol_power_short: NonNegative
    vol_power_long: NonNegative
    vol_reference_days: Positive = 30.0
    vol_days_floor: Positive = 1.0
    min_delta: MinDelta
    short_option_rate: NonNegative
    basis: BasisCharge
    maintenance_factor: Annotated[float, Field(strict=True, gt=0, le=1)]
    haircuts: dict[Asset, Fraction]
