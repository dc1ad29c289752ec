"""Reading a table from outside: which columns must be there, of which kind, and what is said when they are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from plimsoll.documents import DocumentError, Problem, refuse

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["text", "number", "instant", "milliseconds"]

_ALLOWED = {
    "text": "text",
    "number": "numbers",
    "instant": "instants with a time zone",
    "milliseconds": "whole numbers, milliseconds since 1970 in UTC",
}

Path_ = str | Path


@dataclass(frozen=True)
class Column:
    """One column of a feed: `name` in the file, `to` in our table, what it holds and how far it may be missing.

    `required` columns must exist; `filled` ones must have a value in every row. A number that is not finite counts
    as missing.
    """

    name: str
    to: str
    kind: Kind
    required: bool = True
    filled: bool = False


@contextmanager
def reading(path: Path_, what: str) -> Iterator[None]:
    """Turn what polars and the file system raise inside the block into a `DocumentError` about `path`."""
    import polars as pl

    try:
        yield
    except OSError as error:
        raise refuse("$", error.strerror or str(error), f"a readable file: {what}", str(path)) from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        said = str(error).strip().splitlines()
        raise refuse("$", said[0] if said else type(error).__name__, what, str(path)) from None


def opening(path: Path_) -> bytes:
    """The first four bytes of the file, by which a format is known."""
    with reading(path, "a file, not a folder"), Path(path).open("rb") as file:
        return file.read(4)


def table_of(path: Path_, what: str, nothing: Sequence[str] = ()) -> pl.DataFrame:
    """A whole file, Parquet by its first bytes and else CSV with a header, gzip or plain, of which numbers are
    recognised over all rows; `nothing` are texts of a CSV that stand for no value."""
    import polars as pl

    with reading(path, what):
        if opening(path) == b"PAR1":
            return pl.read_parquet(Path(path), glob=False)
        return pl.read_csv(Path(path), glob=False, infer_schema_length=None, null_values=list(nothing))


def check_schema(schema: pl.Schema, columns: Sequence[Column], path: Path_) -> None:
    """Refuse a table that lacks a required column or holds another kind of value; every fault is named."""
    problems = []
    for column in columns:
        allowed = f"a column of {_ALLOWED[column.kind]}"
        if column.name not in schema:
            if column.required:
                problems.append(Problem(f"columns.{column.name}", "nothing", allowed))
        elif not _fits(schema[column.name], column):
            problems.append(Problem(f"columns.{column.name}", str(schema[column.name]), allowed))
    if problems:
        raise DocumentError(problems, str(path))


def _fits(dtype: pl.DataType, column: Column) -> bool:
    import polars as pl

    if dtype == pl.Null:
        return not column.filled
    if column.kind == "text":
        return dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum))
    if column.kind == "number":
        return dtype.is_numeric() and not isinstance(dtype, pl.Decimal)
    if column.kind == "milliseconds":
        return dtype.is_integer()
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


def renamed(frame: pl.DataFrame, columns: Sequence[Column], path: Path_) -> pl.DataFrame:
    """`frame` with our column names and types, absent optional columns as nulls, numbers finite or null.

    Raises `DocumentError` for an empty table and for a hole in a column that has to be filled.
    """
    import polars as pl

    if frame.height == 0:
        raise refuse("rows", "a table of 0 rows", "one row or more", str(path))
    utc = pl.Datetime("us", "UTC")
    exprs = []
    for column in columns:
        value = pl.col(column.name) if column.name in frame.columns else pl.lit(None)
        if column.kind == "text":
            value = value.cast(pl.String)
        elif column.kind == "number":
            number = value.cast(pl.Float64)
            value = pl.when(number.is_finite()).then(number)
        elif column.kind == "milliseconds":
            value = pl.from_epoch(value.cast(pl.Int64), "ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        elif column.name in frame.columns:
            value = value.dt.convert_time_zone("UTC").cast(utc)
        exprs.append(value.alias(column.to))
    with reading(path, "columns of the expected kinds"):
        table = frame.select(exprs)
    for column in columns:
        holes = table[column.to].is_null()
        if column.filled and holes.any():
            row = int(holes.arg_max() or 0)
            got = frame[column.name][row]
            raise refuse(f"rows[{row}].{column.name}", got, f"{_ALLOWED[column.kind]}, one in each row", str(path))
    return table
