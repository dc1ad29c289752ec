"""The account: positions, open orders and collateral under one venue and one mode."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Flag, Instant, Name, NonNegative, Number, Part, Positive, fault

QUANTITY_LIMIT = 1e11
"""Largest position or order in contracts: above it a typing mistake is likelier than a trade."""

BALANCE_LIMIT = 1e15

Quantity = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-QUANTITY_LIMIT, le=QUANTITY_LIMIT)]
Balance = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-BALANCE_LIMIT, le=BALANCE_LIMIT)]
Mode = Literal["portfolio", "cross", "isolated"]
MODES: tuple[Mode, ...] = get_args(Mode)
Leg = Literal["net", "long", "short"]


class Position(Part):
    """Contracts held: `quantity` signed, positive is long.

    The unrealised profit of a future or perpetual, in its settlement currency, is `unrealised_pnl` when the venue
    reports it, else it follows from `entry_price` (USD), else it counts as settled (zero). `unsettled_funding` is in
    the settlement currency, positive when it is owed to the account.

    `leverage` is what the holder chose where the venue lets him choose (notional over initial margin).
    `isolated_margin`, if given, is the money set apart for this position, in its settlement currency: it is taken out
    of `collateral`, no other position can use it and no more than it can be lost. `leg` is `long` or `short` where the
    venue keeps both sides of one instrument apart (hedge mode), else `net`.
    """

    instrument: Name
    quantity: Quantity
    entry_price: Positive | None = None
    unrealised_pnl: Number | None = None
    unsettled_funding: Number = 0.0
    leverage: Positive | None = None
    isolated_margin: NonNegative | None = None
    leg: Leg = "net"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.entry_price is not None and self.unrealised_pnl is not None:
            raise fault("unrealised_pnl", self.unrealised_pnl, "nothing beside entry_price: one of the two")
        if (self.leg == "long" and self.quantity < 0) or (self.leg == "short" and self.quantity > 0):
            raise fault("quantity", self.quantity, f"the sign of its leg, {self.leg!r}")
        return self


class Order(Part):
    """A resting order: `quantity` signed, positive buys; `price` as the instrument is quoted.

    `leg` and `leverage` as for a `Position`, which the order would open or change.
    """

    instrument: Name
    quantity: Quantity
    price: NonNegative
    reduce_only: Flag = False
    leverage: Positive | None = None
    leg: Leg = "net"


class Account(Document):
    """One margin account.

    `collateral` maps an asset to its balance (negative: borrowed). `borrowed` holds loans that the venue keeps beside
    the balance they were paid into, in units of the asset; they are not subtracted in `collateral`. `mode` is how the
    venue nets the account; isolated, every position that may be isolated has its `isolated_margin`. `reported` holds
    amounts that the venue reports and no published rule computes (`open_orders_margin`, `mmp_margin`), by the venue's
    name for them and in the settlement currency; only models that name them use them. `settings` are switches that the
    holder sets at the venue (`spot_hedging`), by the venue's name for them.
    """

    SCHEMA: ClassVar[str] = "plimsoll.account"

    name: str = ""
    venue: str = ""
    mode: Mode = "portfolio"
    as_of: Instant | None = None
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    collateral: dict[Asset, Balance] = {}
    borrowed: dict[Asset, Annotated[Balance, Field(ge=0)]] = {}
    settings: dict[Name, Flag] = {}
    reported: dict[Name, Number] = {}

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        seen: dict[str, set[str]] = {}
        for index, position in enumerate(self.positions):
            legs = seen.setdefault(position.instrument, set())
            if position.leg in legs or ("net" in {position.leg, *legs} and legs):
                allowed = "each instrument in one position, or in one long and one short leg"
                raise fault(f"positions[{index}].instrument", position.instrument, allowed)
            legs.add(position.leg)
        return self

    def frame(self) -> Any:
        """The positions as a polars data frame."""
        import polars as pl

        rows = [p.model_dump() for p in self.positions]
        types = {"instrument": pl.String, "quantity": pl.Float64, "entry_price": pl.Float64}
        types |= {"unrealised_pnl": pl.Float64, "unsettled_funding": pl.Float64, "leverage": pl.Float64}
        return pl.DataFrame(rows, schema={**types, "isolated_margin": pl.Float64, "leg": pl.String})

    @classmethod
    def from_frame(cls, frame: Any, **fields: Any) -> Self:
        """An account from a table of positions (polars, pandas or Arrow) with the columns of `frame()`."""
        from plimsoll.documents import refuse
        from plimsoll.market import as_polars

        table = as_polars(frame)
        unknown = [c for c in table.columns if c not in Position.model_fields]
        if unknown:
            raise refuse(f"frame.{unknown[0]}", "an unknown column", "columns " + ", ".join(Position.model_fields))
        rows = [{k: v for k, v in row.items() if v is not None and v == v} for row in table.iter_rows(named=True)]
        content = {"schema": cls.SCHEMA, "schema_version": cls.VERSION, **fields, "positions": rows}
        return cls.from_dict(content, "frame")
