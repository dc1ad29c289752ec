"""The market snapshot: indices, forwards, volatilities, rates, depth and confidences at one instant; data only."""

from plimsoll.market.frames import as_polars
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
    "Index",
    "Mark",
    "Market",
    "Rate",
    "SviSlice",
    "as_polars",
]
