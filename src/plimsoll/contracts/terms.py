"""What is traded: spot, dated future, perpetual and European option, and any contract at all."""

from __future__ import annotations

from typing import Annotated, Literal, TypeGuard, get_args

from pydantic import Field

from plimsoll.contracts.exotics import (
    AmericanOption,
    AsianOption,
    BarrierOption,
    DatedExotic,
    DigitalOption,
    Exotic,
    PerpetualOption,
    PowerOption,
)
from plimsoll.contracts.settlement import Settlement
from plimsoll.documents import Asset, Flag, Instant, Name, Part, Positive


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


Contract = Annotated[
    Spot
    | Perpetual
    | Future
    | Option
    | AmericanOption
    | BarrierOption
    | DigitalOption
    | AsianOption
    | PowerOption
    | PerpetualOption,
    Field(discriminator="kind"),
]
"""Any contract; the field `kind` tells which."""

Dated = Future | Option | DatedExotic


# looked up by class: a plan asks this of every contract, and a union takes ten times as long
_EXOTIC = frozenset(get_args(Exotic))
_OPTION = _EXOTIC | {Option}
_DATED = frozenset(get_args(Dated))


def is_dated(contract: Contract) -> TypeGuard[Dated]:
    """Whether the contract has an expiry."""
    return type(contract) in _DATED


def is_exotic(contract: Contract) -> TypeGuard[Exotic]:
    """Whether the contract is an option other than the European vanilla one."""
    return type(contract) in _EXOTIC


def is_option(contract: Contract) -> TypeGuard[Option | Exotic]:
    """Whether the contract is an option of any kind: it holds a value and never less than nothing."""
    return type(contract) in _OPTION
