"""What it costs to fund margin, as a dated document."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from plimsoll.documents import Document, Instant, NonNegative
from plimsoll.optimise.terms import Evidence

Rate = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-0.5, le=5.0)]


class FundingTerms(Document):
    """`spread`: what a dollar that lies as margin costs a year over what it earns there (0.08 is 8 %). `discount` is
    the continuous yearly rate at which later costs count today. `as_of` is the day of both. The defaults are assumed.
    """

    SCHEMA: ClassVar[str] = "plimsoll.funding-terms"

    spread: NonNegative = 0.08
    discount: Rate = 0.0
    as_of: Instant | None = None
    source: str = "assumed"
    evidence: Evidence = "assumed"
