"""The account: positions, open orders and collateral under one venue and one mode."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Flag, Instant, Name, NonNegative, Number, Part, Positive, fault

QUANTITY_LIMIT = 1e11
"""Largest position or order in contracts: above it a typing mistake is likelier than a trade."""

BALANCE_LIMIT = 1e15

Quantity = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-QUANTITY_LIMIT, le=QUANTITY_LIMIT)]
Balance = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-BALANCE_LIMIT, le=BALANCE_LIMIT)]
Mode = Literal["portfolio", "cross", "isolated"]


class Position(Part):
    """Contracts held: `quantity` signed, positive is long.

    The unrealised profit of a future or perpetual, in its settlement currency, is `unrealised_pnl` when the venue
    reports it, else it follows from `entry_price` (USD), else it counts as settled (zero). `unsettled_funding` is in
    the settlement currency, positive when it is owed to the account.
    """

    instrument: Name
    quantity: Quantity
    entry_price: Positive | None = None
    unrealised_pnl: Number | None = None
    unsettled_funding: Number = 0.0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.entry_price is not None and self.unrealised_pnl is not None:
            raise fault("unrealised_pnl", self.unrealised_pnl, "nothing beside entry_price: one of the two")
        return self


class Order(Part):
    """A resting order: `quantity` signed, positive buys; `price` as the instrument is quoted."""

    instrument: Name
    quantity: Quantity
    price: NonNegative
    reduce_only: Flag = False


class Account(Document):
    """One margin account.

    `collateral` maps an asset to its balance (negative: borrowed). `mode` is how the venue nets it. `reported` holds
    amounts that the venue reports and no published rule computes (`open_orders_margin`, `mmp_margin`), by the venue's
    name for them and in the settlement currency; only models that name them use them.
    """

    SCHEMA: ClassVar[str] = "plimsoll.account"

    name: str = ""
    venue: str = ""
    mode: Mode = "portfolio"
    as_of: Instant | None = None
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    collateral: dict[Asset, Balance] = {}
    reported: dict[Name, Number] = {}

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        seen: set[str] = set()
        for index, position in enumerate(self.positions):
            if position.instrument in seen:
                raise fault(f"positions[{index}].instrument", position.instrument, "each instrument in one position")
            seen.add(position.instrument)
        return self

    def frame(self) -> Any:
        """The positions as a polars data frame."""
        import polars as pl

        rows = [p.model_dump() for p in self.positions]
        types = {"instrument": pl.String, "quantity": pl.Float64, "entry_price": pl.Float64}
        return pl.DataFrame(rows, schema={**types, "unrealised_pnl": pl.Float64, "unsettled_funding": pl.Float64})

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
