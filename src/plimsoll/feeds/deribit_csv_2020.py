"""The 2020 chain: CSV (plain or gzip), one snapshot, volatilities in percent, lists written as Python literals."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.documents import refuse
from plimsoll.feeds._columns import Column, check_schema, reading, renamed

if TYPE_CHECKING:
    import polars as pl

GZIP = b"\x1f\x8b"

_WHAT = "a CSV file of option tickers"

COLUMNS = (
    Column("timestamp", "time", "milliseconds", filled=True),
    Column("instrument_name", "name", "text", filled=True),
    Column("expiration_timestamp", "expiry", "milliseconds", filled=True),
    Column("strike", "strike", "number", filled=True),
    Column("option_type", "type", "text", filled=True),
    Column("underlying_price", "forward", "number"),
    Column("underlying_index", "future", "text", required=False),
    Column("index_price", "index", "number"),
    Column("mark_price", "mark", "number"),
    Column("mark_iv", "vol", "number", required=False),
    Column("best_bid_price", "bid", "number", required=False),
    Column("best_ask_price", "ask", "number", required=False),
    Column("open_interest", "open_interest", "number", required=False),
    Column("bids", "bids", "text", required=False),
    Column("asks", "asks", "text", required=False),
)

Levels = tuple[tuple[float, float], ...]


def read_quotes(path: str | Path) -> pl.DataFrame:
    """The rows of `path` with the columns of `plimsoll.feeds.quotes`.

    Percent become decimals; a best price of 0 is the file's way of saying that nobody quotes, and becomes null; the
    coin is the first part of the instrument's name; the price of a dated future is its options' `underlying_price`.
    Raises `DocumentError` for a file that is no such table.
    """
    import polars as pl

    with reading(path, _WHAT):
        # numbers are recognised over the whole file: a column can begin with hundreds of empty cells
        frame = pl.read_csv(Path(path).read_bytes(), infer_schema_length=None)
    check_schema(frame.schema, COLUMNS, path)
    table = renamed(frame, COLUMNS, path)
    quoted = {side: pl.when(pl.col(side) > 0).then(pl.col(side)) for side in ("bid", "ask")}
    return table.with_columns(
        pl.lit(Path(path).name).alias("snapshot"),
        pl.col("name").str.split("-").list.first().alias("currency"),
        pl.col("forward").alias("future_price"),
        pl.col("vol") / 100.0,
        **quoted,
    )


def levels(text: str | None, field: str, source: str) -> Levels:
    """Price levels `((price, quantity), ...)` from a Python literal; nothing for an empty cell.

    Only literals are read, nothing is evaluated. Levels without a price or quantity above zero are left out. Raises
    `DocumentError` at `field` for anything else than a list of pairs of numbers.

    >>> levels("[[0.02, 9.0], [0.019, 5.0]]", "rows[0].bids", "")
    ((0.02, 9.0), (0.019, 5.0))
    """
    if text is None or not text.strip():
        return ()
    try:
        found: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise refuse(field, text, "a Python list of [price, quantity]", source) from None
    if not isinstance(found, (list, tuple)) or not all(_is_pair(level) for level in found):
        raise refuse(field, text, "a Python list of [price, quantity]", source)
    return tuple((float(p), float(q)) for p, q in found if p > 0 and q > 0)


def _is_pair(level: Any) -> bool:
    if not isinstance(level, (list, tuple)) or len(level) != 2:
        return False
    return all(type(x) in (int, float) and abs(x) < 1e300 for x in level)
