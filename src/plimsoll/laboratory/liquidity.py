"""How much a market takes, what taking it does to the price, and how both recover: the terms of a cascade."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Fraction, NonNegative, Part, Positive, fault

Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]
Evidence = Annotated[str, Field(pattern="^(measured|assumed)$")]


class Calm(Part):
    """One underlying on a calm day: `depth[K]` USD posted within each of `moves[K]` (parts of the price, growing) on
    either side, cumulative; `refill` the part of what was taken that comes back in a minute. `evidence` is `measured`
    where a recorded book gave both."""

    moves: Annotated[tuple[Move, ...], Field(min_length=1)]
    depth: Annotated[tuple[Positive, ...], Field(min_length=1)]
    refill: Annotated[float, Field(strict=True, gt=0, le=1)]
    evidence: Evidence = "assumed"

    @model_validator(mode="after")
    def _growing(self) -> Self:
        if len(self.depth) != len(self.moves):
            raise fault("depth", f"{len(self.depth)} numbers", f"one for each of the {len(self.moves)} moves")
        for field, curve in (("moves", self.moves), ("depth", self.depth)):
            if any(b <= a for a, b in pairwise(curve)):
                raise fault(field, list(curve), "numbers that grow: depth is cumulative")
        return self


class Makers(Part):
    """What market makers do in a storm, assumed, never calibrated: a scenario varies them.

    Of the posted depth `exp(-shy * |move of the last minutes|)` stays, at least `stay` of it; `minutes` is the window
    of that move and the time in which half of the withdrawn depth comes back. `lasting` is the part of the impact of a
    forced order that never goes away; the rest decays as depth refills.
    """

    stay: Fraction = 0.1
    shy: NonNegative = 30.0
    minutes: Positive = 10.0
    lasting: Fraction = 0.3


class Liquidity(Document):
    """Depth of each underlying and the behaviour of those who post it."""

    SCHEMA: ClassVar[str] = "plimsoll.liquidity"

    underlyings: dict[Asset, Calm]
    makers: Makers = Makers()
