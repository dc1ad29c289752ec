"""What happens to a venue or a desk: fills, transfers, prices, the clock, settlements, listings; as JSON too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plimsoll.documents import DocumentError, Problem, format_instant, parse_instant, refuse


@dataclass(frozen=True)
class Message:
    """What every event carries: who says it, the `number` that the source gave it (from 1, without gaps) and when."""

    source: str
    number: int
    time: datetime


@dataclass(frozen=True)
class Fill(Message):
    """`account` bought `quantity` contracts (sold, if negative) at `price`, as the instrument is quoted.

    Futures and perpetuals in USD, options in their settlement currency, spot in USD. `fee` in the settlement currency,
    positive when it is paid.
    """

    account: str
    instrument: str
    quantity: float
    price: float
    fee: float = 0.0


@dataclass(frozen=True)
class Transfer(Message):
    """`amount` of `asset` came in (went out, if negative)."""

    account: str
    asset: str
    amount: float


@dataclass(frozen=True)
class Prices(Message):
    """Everything that a source says of one instant: indices and forwards (USD), volatilities (decimals), marks (USD).

    `forwards` are keyed by underlying and expiry as text, `BTC 2026-01-30T08:00:00Z`. `marks` are those of futures and
    perpetuals: options follow from forward and volatility.
    """

    indices: Mapping[str, float] = field(default_factory=dict)
    forwards: Mapping[str, float] = field(default_factory=dict)
    vols: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, float] = field(default_factory=dict)
    assets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Clock(Message):
    """The valuation goes to `time`: every row is priced anew, every account margined. Between clocks no time passes."""


@dataclass(frozen=True)
class Settlement(Message):
    """An expiry settles at `price` (USD): options and futures of it become money."""

    underlying: str
    expiry: datetime
    price: float


@dataclass(frozen=True)
class Acknowledge(Message):
    """The holder of `account` has read its margin `call`."""

    account: str
    call: str


@dataclass(frozen=True)
class Carried(Message):
    """Liquidation has carried out the close `command` of `account`, as far as it could; its fills came before."""

    account: str
    command: str


@dataclass(frozen=True)
class Listing(Message):
    """Contracts that are traded from now on, in the words of a market document.

    `contracts` as its `instruments`; `terms` the `expiries` that the market has not yet, `quotes` the `marks` of the
    new contracts and `underlyings` the `indices` that come with them.
    """

    contracts: tuple[Mapping[str, Any], ...]
    terms: tuple[Mapping[str, Any], ...] = ()
    quotes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    underlyings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Event = Fill | Transfer | Prices | Clock | Settlement | Listing | Acknowledge | Carried
KINDS: dict[str, type[Event]] = {
    "fill": Fill,
    "transfer": Transfer,
    "prices": Prices,
    "clock": Clock,
    "settlement": Settlement,
    "acknowledge": Acknowledge,
    "carried": Carried,
    "listing": Listing,
}


def forward_key(underlying: str, expiry: datetime) -> str:
    """The key of an expiry in `Prices.forwards`."""
    return f"{underlying} {format_instant(expiry)}"


WORDS = ("source", "account", "instrument", "asset", "underlying", "call", "command")
FLOATS = ("quantity", "price", "fee", "amount")
LISTS = ("contracts", "terms")
DOCUMENTS = ("quotes", "underlyings")
MAPS = ("indices", "forwards", "vols", "marks", "assets")


def to_json(event: Event) -> dict[str, Any]:
    """The event as plain JSON values; a number that JSON does not have becomes a text, `nan` or `inf`."""
    kind = next(name for name, cls in KINDS.items() if type(event) is cls)
    found: dict[str, Any] = {"kind": kind}
    for name, value in vars(event).items():
        if name in MAPS:
            if value:
                found[name] = {key: _number(price) for key, price in value.items()}
        elif name in LISTS:
            if value:
                found[name] = [_plain(one) for one in value]
        elif name in DOCUMENTS:
            if value:
                found[name] = {key: _plain(one) for key, one in value.items()}
        else:
            found[name] = format_instant(value) if isinstance(value, datetime) else _number(value)
    return found


def from_json(content: Mapping[str, Any]) -> Event:
    """The event of `to_json`. Raises `DocumentError` naming what does not fit."""
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise refuse("event.kind", kind, "one of " + ", ".join(KINDS))
    values: dict[str, Any] = {k: v for k, v in content.items() if k != "kind"}
    try:
        for name in values:
            if name in WORDS and not isinstance(values[name], str):
                raise refuse(f"event.{name}", values[name], "a text")
            # what is below one the gate sets apart, and a record of that has to be read again
            if name == "number" and not isinstance(values[name], int):
                raise refuse("event.number", values[name], "a whole number")
            if name in ("time", "expiry"):
                values[name] = parse_instant(values[name])
            elif name in MAPS:
                values[name] = {key: float(price) for key, price in values[name].items()}
            elif name in LISTS:
                values[name] = tuple(dict(one) for one in values[name])
            elif name in DOCUMENTS:
                values[name] = {key: dict(one) for key, one in values[name].items()}
            elif name in FLOATS:
                values[name] = float(values[name])
        return KINDS[kind](**values)
    except (TypeError, ValueError, AttributeError) as error:
        raise DocumentError(Problem("event", str(error), f"the fields of a {kind}")) from None


def _plain(value: Any) -> Any:
    """A piece of a document, its numbers as `_number` has them."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else _number(value)


def _number(value: Any) -> Any:
    return value if not isinstance(value, float) or math.isfinite(value) else repr(value)
