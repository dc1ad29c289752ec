"""The numbers a DSA pack holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from plimsoll.documents import Asset, Fraction, Name, NonNegative, Part, Positive
from plimsoll.margin.parts.scan import MinDelta

Below = Annotated[float, Field(strict=True, gt=0, lt=1)]
Cells = Annotated[int, Field(strict=True, ge=1, le=256)]


class DsaBox(Part):
    """Relative spot moves up to `move` either way, relative volatility moves from `-vol_down` to `vol_up`."""

    move: Below
    vol_down: Below
    vol_up: Positive


class DsaGrid(Part):
    """Cells on each side of no move, of the grid on which the expansion is checked and the full revaluation taken."""

    spot_cells: Cells
    vol_cells: Cells


class DsaParameters(Part):
    """A whole DSA pack.

    `delta_rate` on the net delta; `tolerance`: the part of the charge up to which the expansion may be wrong; `prbm`:
    the PRBM pack, `NAME@DATE`, whose scan the charge is compared with. `haircuts` as in PRBM;
    `min_delta.cap_long_options` holds for both delta charges.
    """

    box: DsaBox
    grid: DsaGrid
    vol_power_short: NonNegative
    vol_power_long: NonNegative
    vol_reference_days: Positive = 30.0
    vol_days_floor: Positive = 1.0
    tolerance: NonNegative
    delta_rate: NonNegative
    min_delta: MinDelta
    maintenance_factor: Annotated[float, Field(strict=True, gt=0, le=1)]
    prbm: Name
    haircuts: dict[Asset, Fraction]
