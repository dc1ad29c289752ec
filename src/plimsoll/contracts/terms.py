"""What is traded: spot, dated future, perpetual and European option, in three ways of settling."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from plimsoll.documents import Asset, Flag, Instant, Name, Part, Positive


class Settlement(StrEnum):
    """How a contract pays.

    * `linear`: one contract is `multiplier` coins; it gains `multiplier * (P1 - P0)` units of `currency`.
    * `inverse`: paid in the coin. A future or perpetual of `multiplier` USD gains `multiplier * (1/P0 - 1/P1)` coins;
      an option on `multiplier` coins is worth `multiplier * black76 / forward` coins.
    * `quanto`: `multiplier` units of `currency` for each USD of price change: `multiplier * (P1 - P0)`.
    """

    LINEAR = "linear"
    INVERSE = "inverse"
    QUANTO = "quanto"


class Spot(Part):
    """One coin of `underlying`, held outright and valued at the index."""

    kind: Literal["spot"] = "spot"
    name: Name
    underlying: Asset

    @property
    def currency(self) -> str:
        """The asset itself: a spot holding is not converted into anything."""
        return self.underlying


class Perpetual(Part):
    """A perpetual swap."""

    kind: Literal["perpetual"] = "perpetual"
    name: Name
    underlying: Asset
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


class Future(Part):
    """A dated future on `underlying`, expiring at `expiry` (UTC)."""

    kind: Literal["future"] = "future"
    name: Name
    underlying: Asset
    expiry: Instant
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


class Option(Part):
    """A European option on the forward of its expiry; `strike` in USD."""

    kind: Literal["option"] = "option"
    name: Name
    underlying: Asset
    expiry: Instant
    strike: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
    call: Flag
    settlement: Settlement
    currency: Asset
    multiplier: Positive = 1.0


Contract = Annotated[Spot | Perpetual | Future | Option, Field(discriminator="kind")]
"""Any contract; the field `kind` tells which."""

Dated = Future | Option


def is_dated(contract: Spot | Perpetual | Future | Option) -> bool:
    """Whether the contract has an expiry."""
    return contract.kind in ("future", "option")
