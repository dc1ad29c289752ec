"""Contracts: spot, dated future, perpetual, options of every kind; linear, inverse and quanto settlement."""

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
from plimsoll.contracts.terms import (
    Contract,
    Dated,
    Future,
    Option,
    Perpetual,
    Spot,
    is_dated,
    is_exotic,
    is_option,
)

__all__ = [
    "AmericanOption",
    "AsianOption",
    "BarrierOption",
    "Contract",
    "Dated",
    "DatedExotic",
    "DigitalOption",
    "Exotic",
    "Future",
    "Option",
    "Perpetual",
    "PerpetualOption",
    "PowerOption",
    "Settlement",
    "Spot",
    "is_dated",
    "is_exotic",
    "is_option",
]
