"""The numbers a PRBM pack holds."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Flag, Fraction, NonNegative, Part, Positive
from plimsoll.documents.problems import fault

Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-1, le=100)]


class PrbmScenario(Part):
    """One scenario: relative spot `move`, relative volatility shock at 30 days, factor on the loss."""

    move: Move
    vol: Move
    weight: NonNegative = 1.0


class MinDelta(Part):
    """Minimum delta charge: `net` on |net delta|, `hedged` on the offset part, per unit of index.

    `cap_long_options`: a bought option is never charged more than its value. `hedged` is at most twice
    `net`, without which hedging could cost more than the parts.
    """

    net: NonNegative
    hedged: NonNegative
    cap_long_options: Flag

    @model_validator(mode="after")
    def _convex(self) -> Self:
        if self.hedged > 2.0 * self.net:
            raise fault("hedged", self.hedged, f"at most twice net, {2.0 * self.net:g}")
        return self


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
