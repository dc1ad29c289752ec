"""The numbers a PRBM pack holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from plimsoll.documents import Asset, Fraction, NonNegative, Part, Positive
from plimsoll.margin.parts.scan import MinDelta, ScanTable


class BasisCharge(Part):
    """Forward shocks with spot unmoved; the loss of each expiry counts `add + mult * years`."""

    up: Positive
    down: Positive
    add: NonNegative
    mult: NonNegative


class PrbmParameters(ScanTable):
    """A whole PRBM pack. `haircuts` by collateral asset; an asset that is owed is charged the haircut on top."""

    min_delta: MinDelta
    short_option_rate: NonNegative
    basis: BasisCharge
    maintenance_factor: Annotated[float, Field(strict=True, gt=0, le=1)]
    haircuts: dict[Asset, Fraction]
