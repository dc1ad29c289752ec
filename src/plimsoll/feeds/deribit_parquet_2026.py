"""The 2026 chains: Parquet, many snapshots in a file, volatilities as decimals, one row per option."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.documents import refuse
from plimsoll.feeds._columns import Column, check_schema, reading, renamed

if TYPE_CHECKING:
    import polars as pl

MAGIC = b"PAR1"

_WHAT = "a Parquet file of option rows"

COLUMNS = (
    Column("snapshot_file", "snapshot", "text", filled=True),
    Column("timestamp", "time", "instant", filled=True),
    Column("instrument_name", "name", "text", filled=True),
    Column("currency", "currency", "text", filled=True),
    Column("expiry_datetime", "expiry", "instant", filled=True),
    Column("strike", "strike", "number", filled=True),
    Column("option_type", "type", "text", filled=True),
    Column("underlying", "forward", "number"),
    Column("index_price", "index", "number"),
    Column("mark_price", "mark", "number"),
    Column("implied_volatility", "vol", "number", required=False),
    Column("bid_price", "bid", "number", required=False),
    Column("ask_price", "ask", "number", required=False),
    Column("open_interest", "open_interest", "number", required=False),
    Column("futures_instrument_name", "future", "text", required=False),
    Column("futures_price", "future_price", "number", required=False),
)
"""The file's `time_to_maturity` (years of 365.25 days) is not among them: time is recomputed from `expiry - time`."""

_PERPETUAL = (
    Column("snapshot_file", "snapshot", "text", filled=True),
    Column("coin", "currency", "text", filled=True),
    Column("perp_futures_mark_price", "price", "number"),
)


def read_quotes(path: str | Path, snapshot: str | None = None) -> pl.DataFrame:
    """The rows of `path`, or only those of one `snapshot`, with the columns of `plimsoll.feeds.quotes`.

    Volatilities are decimals in the file and stay so. Raises `DocumentError` for a file that is not Parquet, lacks a
    column, holds another kind of value or no rows.
    """
    import polars as pl

    with reading(path, _WHAT):
        lazy = pl.scan_parquet(Path(path), glob=False)
        schema = lazy.collect_schema()
    check_schema(schema, COLUMNS, path)
    present = [c.name for c in COLUMNS if c.name in schema]
    with reading(path, _WHAT):
        lazy = lazy.select(present)
        if snapshot is not None:
            lazy = lazy.filter(pl.col("snapshot_file") == snapshot)
        frame = lazy.collect()
    return renamed(frame, COLUMNS, path)


def read_times(path: str | Path) -> pl.DataFrame:
    """One row per snapshot: `snapshot` and `time`, that of its last row; in order of time."""
    import polars as pl

    with reading(path, _WHAT):
        lazy = pl.scan_parquet(Path(path), glob=False)
        schema = lazy.collect_schema()
    check_schema(schema, COLUMNS, path)
    with reading(path, _WHAT):
        frame = lazy.select("snapshot_file", "timestamp").collect()
    table = renamed(frame, COLUMNS[:2], path)
    return table.group_by("snapshot").agg(pl.col("time").max()).sort("time", "snapshot")


def read_perpetuals(path: str | Path, snapshot: str) -> dict[str, float]:
    """USD price of each coin's perpetual at `snapshot`, from a file of perpetual prices.

    The file holds the open or close of the one-minute candle next to the snapshot, not the venue's mark. Raises
    `DocumentError` when it has no price for this snapshot.
    """
    import polars as pl

    what = "a Parquet file of perpetual prices"
    with reading(path, what):
        lazy = pl.scan_parquet(Path(path), glob=False)
        schema = lazy.collect_schema()
    check_schema(schema, _PERPETUAL, path)
    with reading(path, what):
        frame = lazy.select(c.name for c in _PERPETUAL).collect()
    table = renamed(frame, _PERPETUAL, path)
    rows = table.filter((pl.col("snapshot") == snapshot) & (pl.col("price") > 0)).sort("currency")
    if rows.height == 0:
        last = max(table["snapshot"].to_list())
        allowed = f"a snapshot of this file, of which the last is {last}"
        raise refuse("rows.snapshot_file", f"no price at {snapshot}", allowed, str(path))
    return dict(zip(rows["currency"].to_list(), rows["price"].to_list(), strict=True))
