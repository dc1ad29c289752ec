"""Tables in and out of a market snapshot: polars inside, pandas and Arrow accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.contracts import is_exotic
from plimsoll.documents import refuse

if TYPE_CHECKING:
    import polars as pl

    from plimsoll.market.snapshot import Market

_CONTRACT = ("name", "kind", "underlying", "expiry", "strike", "call", "settlement", "currency", "multiplier")
_EXOTIC = (
    "barrier",
    "up",
    "knock_in",
    "rebate",
    "touched",
    "pays",
    "cash",
    "average",
    "fixings",
    "accrued",
    "power",
    "cap",
    "style",
    "holding_rate",
)
"""Terms of exotic options: columns of a table that holds such contracts."""

_MARK = ("price", "vol", "bid", "ask", "confidence", "open_interest", "funding_rate")


def as_polars(table: Any) -> pl.DataFrame:
    """A polars data frame from a polars, pandas or Arrow table, or from anything with the `__dataframe__` protocol."""
    import polars as pl

    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    module = type(table).__module__.split(".")[0]
    if module == "pandas":
        # pandas spells a missing instant, number and text in three ways; here each is a null
        columns = {str(c): table[c].astype(object).where(table[c].notna(), None).to_list() for c in table.columns}
        return pl.DataFrame({name: pl.Series(name, values, strict=False) for name, values in columns.items()})
    if hasattr(table, "__arrow_c_stream__") or module == "pyarrow":
        converted = pl.from_arrow(table)
        if isinstance(converted, pl.DataFrame):
            return converted
    raise refuse("frame", type(table).__name__, "a polars, pandas or Arrow table")


def instrument_frame(market: Market) -> pl.DataFrame:
    """One row per instrument: its terms and its mark; absent fields are null.

    The terms of exotic options are columns only where the market lists such options.
    """
    import polars as pl

    terms = _CONTRACT + (_EXOTIC if any(is_exotic(c) for c in market.instruments) else ())
    rows = []
    for contract in market.instruments:
        mark = market.marks.get(contract.name)
        row: dict[str, Any] = {f: getattr(contract, f, None) for f in terms}
        row["settlement"] = None if row["settlement"] is None else str(row["settlement"])
        row.update({f: getattr(mark, f, None) for f in _MARK})
        rows.append(row)
    text, real = pl.String, pl.Float64
    types: dict[str, Any] = dict.fromkeys(terms, text) | dict.fromkeys(_MARK, real)
    instant = pl.Datetime("us", "UTC")
    types |= {"expiry": instant, "strike": real, "call": pl.Boolean, "multiplier": real}
    if len(terms) > len(_CONTRACT):
        types |= dict.fromkeys(("up", "knock_in", "touched"), pl.Boolean) | {"fixings": pl.List(instant)}
        types |= dict.fromkeys(("barrier", "rebate", "cash", "accrued", "power", "cap", "holding_rate"), real)
    return pl.DataFrame(rows, schema=types)


def instruments_from_frame(table: Any) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Contract and mark dictionaries (nulls left out) from a table with the columns of `instrument_frame`."""
    frame = as_polars(table)
    known = _CONTRACT + _EXOTIC + _MARK
    unknown = [c for c in frame.columns if c not in known]
    if unknown:
        raise refuse(f"frame.{unknown[0]}", "an unknown column", "columns " + ", ".join(known))
    instruments, marks = [], {}
    for row in frame.iter_rows(named=True):
        present = {k: v for k, v in row.items() if v is not None and v == v}
        instruments.append({k: v for k, v in present.items() if k in _CONTRACT + _EXOTIC})
        mark = {k: v for k, v in present.items() if k in _MARK}
        if mark and "name" in present:
            marks[present["name"]] = mark
    return instruments, marks
