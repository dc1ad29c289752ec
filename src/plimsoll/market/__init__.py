"""The market snapshot, data only, at one instant; histories and views of them that hold nothing later."""

from plimsoll.market.frames import as_polars
from plimsoll.market.history import History, LookAheadError, join
from plimsoll.market.snapshot import (
    AssetPrice,
    Depth,
    Expiry,
    Forward,
    Index,
    Mark,
    Market,
    Rate,
    SviSlice,
)

__all__ = [
    "AssetPrice",
    "Depth",
    "Expiry",
    "Forward",
    "History",
    "Index",
    "LookAheadError",
    "Mark",
    "Market",
    "Rate",
    "SviSlice",
    "as_polars",
    "join",
]
