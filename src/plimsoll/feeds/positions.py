"""Positions of a liquidation event: a row for each account and asset, flags beside them or in a second file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.feeds._columns import Column, check_schema, renamed, table_of
from plimsoll.laboratory.replay.positions import B, Positions

if TYPE_CHECKING:
    import polars as pl

KEY = (
    Column("user_address", "account", "text", filled=True),
    Column("asset", "asset", "text", filled=True),
)
COLUMNS = (
    *KEY,
    Column("side", "side", "text", filled=True),
    Column("position_size", "size", "number", filled=True),
    Column("entry_price", "entry", "number", required=False),
    Column("mark_price", "mark", "number", filled=True),
    Column("realized_pnl", "realised", "number", filled=True),
    Column("leverage_ratio", "leverage", "number", required=False),
)
FLAGS = ("was_liquidated", "was_adl")
SPELT = {
    "was_liquidated": ("was_liquidated", "liquidated", "is_liquidated"),
    "was_adl": ("was_adl", "adl", "is_adl", "was_deleveraged", "deleveraged", "is_deleveraged"),
}
"""Names of a flag, in any case. Under an unknown name the file would pass for one without flags."""

YES, NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


def read_positions(path: str | Path, outcomes: str | Path | None = None) -> Positions:
    """The positions in a file; with `outcomes` the flags come from that file, by address and asset.

    Columns `user_address`, `asset`, `side` (LONG or SHORT), `position_size`, `mark_price`, `realized_pnl`, and where
    known `entry_price`, `leverage_ratio`, `was_liquidated`, `was_adl` (or another name of `SPELT`; two columns of one
    flag are refused). Further columns are not read. Flags that are absent or null in every row are unknown; in some
    rows only, they are refused. A position that `outcomes` does not name has neither flag, and a row of `outcomes` may
    be about a position that is not here: both are counted (`Positions.traps`); where all are, the file is refused.
    Parquet or CSV, gzip or plain. Raises `DocumentError` with the column or row.
    """
    frame = _table(path)
    check_schema(frame.schema, COLUMNS, path)
    table = renamed(frame, COLUMNS, path)
    side = table["side"].str.to_uppercase()
    known = side.is_in(["LONG", "SHORT"])
    if not known.all():
        row = int((~known).arg_max() or 0)
        raise refuse(f"rows[{row}].side", table["side"][row], "LONG or SHORT", str(path))
    found = Positions(
        account=table["account"].to_numpy().astype(str),
        asset=table["asset"].to_numpy().astype(str),
        long=(side == "LONG").to_numpy(),
        size=table["size"].to_numpy(),
        entry=table["entry"].fill_null(float("nan")).to_numpy(),
        mark=table["mark"].to_numpy(),
        realised=table["realised"].to_numpy(),
        leverage=table["leverage"].fill_null(float("nan")).to_numpy(),
        source=str(path),
    )
    if outcomes is not None:
        return _with_outcomes(found, outcomes)
    liquidated, deleveraged = (_flag(frame, name, path) for name in FLAGS)
    return _flagged(found, liquidated, deleveraged, str(path))


def _table(path: str | Path) -> pl.DataFrame:
    """The file as a table, with columns that hold nothing as nulls of no type."""
    import polars as pl

    frame = table_of(path, "a table of positions: Parquet, or CSV with a header", ("", "null", "None", "nan", "NaN"))
    return frame.with_columns([pl.lit(None).alias(c.name) for c in frame if c.null_count() == c.len() and c.len()])


def _flag(frame: pl.DataFrame, name: str, path: str | Path) -> B | None:
    """A flag as booleans; None where the column is absent or holds nothing."""
    import polars as pl

    found = [c for c in frame.columns if c.lower() in SPELT[name] and frame[c].null_count() < frame.height]
    if len(found) > 1:
        raise refuse(f"columns.{name}", ", ".join(found), "one column of this flag", str(path))
    if not found:
        return None
    column = frame[found[0]]
    text = column.cast(pl.String).str.to_lowercase()
    fine = text.is_in(list(YES + NO)).fill_null(False)
    if not fine.all():
        row = int((~fine).arg_max() or 0)
        allowed = "true or false in every row, or in none"
        raise refuse(f"rows[{row}].{column.name}", column[row], allowed, str(path))
    return np.asarray(text.is_in(list(YES)).to_numpy(), dtype=bool)


def _flagged(found: Positions, liquidated: B | None, deleveraged: B | None, source: str) -> Positions:
    if (liquidated is None) != (deleveraged is None):
        missing = FLAGS[0] if liquidated is None else FLAGS[1]
        raise refuse(f"columns.{missing}", "nothing", "both flags, or neither", source)
    return replace(found, liquidated=liquidated, deleveraged=deleveraged)


def _with_outcomes(found: Positions, path: str | Path) -> Positions:
    frame = _table(path)
    check_schema(frame.schema, KEY, path)
    keys = renamed(frame, KEY, path)
    flags = {name: _flag(frame, name, path) for name in FLAGS}
    missing = [name for name in FLAGS if flags[name] is None]
    if missing:
        raise DocumentError(
            [Problem(f"columns.{n}", "nothing", "true or false in every row") for n in missing], str(path)
        )
    where = {key: row for row, key in enumerate(zip(found.account.tolist(), found.asset.tolist(), strict=True))}
    out = {name: np.zeros(len(found), dtype=bool) for name in FLAGS}
    seen: set[tuple[str, str]] = set()
    elsewhere = 0
    for row, key in enumerate(zip(keys["account"], keys["asset"], strict=True)):
        if key in seen:
            raise refuse(f"rows[{row}].user_address", f"{key[0]} in {key[1]}", "each position once", str(path))
        seen.add(key)
        at = where.get(key)
        if at is None:
            elsewhere += 1
            continue
        for name in FLAGS:
            values = flags[name]
            assert values is not None
            out[name][at] = values[row]
    if elsewhere == len(seen):
        allowed = "a position of the other file, of which no row names one"
        raise refuse("rows[0].user_address", f"{keys['account'][0]} in {keys['asset'][0]}", allowed, str(path))
    told = _flagged(found, out[FLAGS[0]], out[FLAGS[1]], str(path))
    return replace(told, unnamed=len(found) - (len(seen) - elsewhere), elsewhere=elsewhere)
