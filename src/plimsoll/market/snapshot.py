"""A dated, immutable snapshot of everything a margin can depend on."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.contracts import Contract, is_dated
from plimsoll.documents import (
    Asset,
    Document,
    Fraction,
    Instant,
    Name,
    NonNegative,
    Number,
    Part,
    Positive,
    fault,
    seconds_between,
)


class Index(Part):
    """The index (spot) price of an underlying in USD and the venue's confidence in it."""

    price: Positive
    confidence: Fraction = 1.0


class Forward(Part):
    """The forward of an expiry in USD: `variable` still moves, `fixed` is already averaged into the settlement."""

    variable: NonNegative
    fixed: NonNegative = 0.0
    confidence: Fraction = 1.0

    @property
    def price(self) -> float:
        """`variable + fixed`, USD."""
        return self.variable + self.fixed


class Rate(Part):
    """A continuously compounded annual rate (0.05 = 5 %)."""

    value: Number
    confidence: Fraction = 1.0


class SviSlice(Part):
    """Raw SVI of one expiry: `w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))`, `k = ln(K / forward)`.

    `forward` and `tau` (years) are those the slice was fitted with, not the live ones.
    """

    a: Number
    b: NonNegative
    rho: Number = Field(ge=-1, le=1)
    m: Number
    sigma: NonNegative
    forward: Positive
    tau: Positive


class Expiry(Part):
    """One expiry of one underlying: its forward, rate and smile.

    `settlement` is the delivery price in USD once it is known; an expiry in the past without it leaves its options
    without a value. `vol_confidence` is the venue's confidence in the smile.
    """

    underlying: Asset
    expiry: Instant
    forward: Forward | None = None
    rate: Rate = Rate(value=0.0)
    svi: SviSlice | None = None
    vol_confidence: Fraction = 1.0
    settlement: NonNegative | None = None


class Mark(Part):
    """What the venue shows for one instrument.

    `price` in USD for futures and perpetuals, in the settlement currency for options; `vol` is the mark implied
    volatility (0.45 = 45 %) and goes before the smile of the expiry; `funding_rate` per 8 hours as a fraction.
    `open_interest` counts the contracts of all longs, which are those of all shorts.
    """

    price: NonNegative | None = None
    vol: NonNegative | None = None
    bid: NonNegative | None = None
    ask: NonNegative | None = None
    confidence: Fraction = 1.0
    open_interest: NonNegative | None = None
    funding_rate: Number | None = None


class AssetPrice(Part):
    """The USD price of a collateral asset (a stable coin, a coin, a token)."""

    price: NonNegative
    confidence: Fraction = 1.0


class Depth(Part):
    """Resting orders of one instrument as `[price, quantity]`, best first."""

    bids: tuple[tuple[Positive, Positive], ...] = ()
    asks: tuple[tuple[Positive, Positive], ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        bids, asks = [p for p, _ in self.bids], [p for p, _ in self.asks]
        if bids != sorted(bids, reverse=True):
            raise fault("bids", bids, "prices from the highest down")
        if asks != sorted(asks):
            raise fault("asks", asks, "prices from the lowest up")
        if bids and asks and bids[0] >= asks[0]:
            raise fault("bids[0]", bids[0], f"a best bid below the best ask ({asks[0]})")
        return self


class Market(Document):
    """The market snapshot: one instant, every price, rate and volatility known at it."""

    SCHEMA: ClassVar[str] = "plimsoll.market"

    time: Instant
    source: str = ""
    indices: dict[Asset, Index] = {}
    assets: dict[Asset, AssetPrice] = {}
    expiries: tuple[Expiry, ...] = ()
    instruments: tuple[Contract, ...] = ()
    marks: dict[Name, Mark] = {}
    depth: dict[Name, Depth] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known: set[str] = set()
        for i, contract in enumerate(self.instruments):
            if contract.name in known:
                raise fault(f"instruments[{i}].name", contract.name, "each instrument name once")
            known.add(contract.name)
            if is_dated(contract) and contract.expiry.year < 2009:
                expiry = contract.expiry.isoformat()
                raise fault(f"instruments[{i}].expiry", expiry, "an instant after 2009")
        keys: set[tuple[str, datetime]] = set()
        for i, row in enumerate(self.expiries):
            key = (row.underlying, row.expiry)
            if key in keys:
                got = f"{row.underlying} {row.expiry.isoformat()}"
                raise fault(f"expiries[{i}]", got, "each underlying and expiry once")
            keys.add(key)
        for field, names in (("marks", list(self.marks)), ("depth", list(self.depth))):
            stray = next((n for n in names if n not in known), None)
            if stray is not None:
                raise fault(f"{field}.{stray}", stray, "names of listed instruments")
        return self

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """Every listed contract by name."""
        return {c.name: c for c in self.instruments}

    @cached_property
    def expiry_table(self) -> dict[tuple[str, datetime], Expiry]:
        """The expiry rows by (underlying, expiry)."""
        return {(e.underlying, e.expiry): e for e in self.expiries}

    def seconds_to(self, expiry: datetime) -> float:
        """Seconds from the snapshot to `expiry`, never below zero."""
        return max(0.0, seconds_between(self.time, expiry))

    def price_of(self, asset: str) -> AssetPrice | None:
        """USD price of a collateral asset: its own entry, else the index of the coin; `None` if neither is known.

        `USD` itself, unless it has an entry, is the unit and costs one.
        """
        if asset in self.assets:
            return self.assets[asset]
        if asset in self.indices:
            index = self.indices[asset]
            return AssetPrice(price=index.price, confidence=index.confidence)
        return AssetPrice(price=1.0) if asset == "USD" else None

    def frame(self) -> Any:
        """The instruments with their marks as a polars data frame, one row each."""
        from plimsoll.market.frames import instrument_frame

        return instrument_frame(self)

    @classmethod
    def from_frame(cls, frame: Any, **fields: Any) -> Self:
        """A market from a table of instruments (polars, pandas or Arrow) and the other fields by name.

        Columns are those of `frame()`; `fields` are `time`, `indices`, `assets`, `expiries`, `source`.
        """
        from plimsoll.market.frames import instruments_from_frame

        instruments, marks = instruments_from_frame(frame)
        content = {"schema": cls.SCHEMA, "schema_version": cls.VERSION, **fields}
        return cls.from_dict({**content, "instruments": instruments, "marks": marks}, "frame")
