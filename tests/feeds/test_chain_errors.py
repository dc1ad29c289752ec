"""What is not a chain is refused, with the column or row, what was got and what is allowed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feeds.chain_files import TYPES, csv_row, ladder, later, row, write_csv, write_parquet
from plimsoll.documents import DocumentError
from plimsoll.feeds import import_chain, list_snapshots


def problem_of(path: Path, **options: Any) -> tuple[str, str, str]:
    with pytest.raises(DocumentError) as caught:
        import_chain(path, **options)
    found = caught.value.problems[0]
    return found.path, found.got, found.allowed


@pytest.mark.parametrize("column", ["snapshot_file", "strike", "underlying", "mark_price", "index_price", "currency"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder(), drop=(column,))
    where, got, allowed = problem_of(path)
    assert (where, got) == (f"columns.{column}", "nothing")
    assert "a column of" in allowed
    with pytest.raises(DocumentError, match=f"columns.{column}"):
        list_snapshots(path)


def test_every_missing_column_is_named_at_once(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder(), drop=("strike", "currency"))
    with pytest.raises(DocumentError) as caught:
        import_chain(path)
    assert [p.path for p in caught.value.problems] == ["columns.currency", "columns.strike"]
    assert caught.value.source == str(path)


@pytest.mark.parametrize(
    ("column", "dtype", "got"),
    [
        ("strike", pl.String, "String"),
        ("timestamp", pl.Datetime("us"), "Datetime"),
        ("expiry_datetime", pl.String, "String"),
        ("instrument_name", pl.Float64, "Float64"),
        ("mark_price", pl.Boolean, "Boolean"),
    ],
)
def test_a_column_of_another_kind_is_refused(tmp_path: Path, column: str, dtype: Any, got: str) -> None:
    frame = pl.DataFrame(ladder(), schema=TYPES)
    value = pl.lit(1.0) if dtype == pl.Float64 else pl.lit(datetime(2026, 3, 1)) if got == "Datetime" else pl.lit("x")  # noqa: DTZ001
    value = pl.lit(True) if dtype == pl.Boolean else value
    frame.with_columns(value.cast(dtype).alias(column)).write_parquet(tmp_path / "c.parquet")
    where, said, _ = problem_of(tmp_path / "c.parquet")
    assert where == f"columns.{column}"
    assert said.startswith(got)


def test_whole_numbers_are_numbers(tmp_path: Path) -> None:
    frame = pl.DataFrame(ladder(), schema=TYPES).with_columns(pl.col("strike").cast(pl.Int64))
    frame.write_parquet(tmp_path / "c.parquet")
    assert len(import_chain(tmp_path / "c.parquet").instruments) == 8


@pytest.mark.parametrize(
    ("changes", "where", "allowed"),
    [
        ({"instrument_name": None}, "rows[1].instrument_name", "text"),
        ({"strike": None}, "rows[1].strike", "numbers"),
        ({"strike": float("inf")}, "rows[1].strike", "numbers"),
        ({"strike": -5.0}, "rows[1].strike", "above zero"),
        ({"option_type": "digital"}, "rows[1].option_type", "'call' or 'put'"),
        ({"currency": "SOL"}, "rows[1].currency", "BTC, ETH"),
        ({"expiry_datetime": datetime(2001, 1, 1, tzinfo=UTC)}, "rows[1].expiry", "after 2009"),
    ],
)
def test_a_row_without_terms_is_refused(tmp_path: Path, changes: dict[str, Any], where: str, allowed: str) -> None:
    rows = [row(60_000.0, True), row(70_000.0, True) | changes]
    found = problem_of(write_parquet(tmp_path / "c.parquet", rows))
    assert found[0] == where
    assert allowed in found[2]


def test_a_chain_without_an_index_is_refused(tmp_path: Path) -> None:
    where, got, _ = problem_of(write_parquet(tmp_path / "c.parquet", ladder(index_price=None)))
    assert (where, "BTC" in got) == ("columns.index_price", True)


def test_files_that_are_no_chain(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "absent.parquet")[1] == "'No such file or directory'"
    assert "directory" in problem_of(tmp_path)[1]
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert problem_of(empty)[0] == "$"
    (tmp_path / "text").write_text("this is no table\n", encoding="utf-8")
    assert problem_of(tmp_path / "text")[0].startswith("columns.")
    assert problem_of(write_parquet(tmp_path / "none.parquet", []))[:2] == ("rows", "'a table of 0 rows'")


@pytest.mark.parametrize("keep", [4, 5, 60, 400])
def test_a_parquet_file_cut_short(tmp_path: Path, keep: int) -> None:
    whole = write_parquet(tmp_path / "c.parquet", ladder()).read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole[:keep])
    where, got, allowed = problem_of(cut)
    assert (where, allowed) == ("$", "a Parquet file of option rows")
    assert len(got) > 2


def test_a_gzip_file_cut_short(tmp_path: Path) -> None:
    whole = write_csv(tmp_path / "c.csv.gz", [csv_row(9_000.0, True)]).read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(whole[:60])
    with pytest.raises(DocumentError):
        import_chain(tmp_path / "cut.csv.gz")


def test_at_before_the_first_snapshot(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder())
    where, got, allowed = problem_of(path, at=later(-1))
    assert (where, got) == ("at", "'2026-03-01T21:19:00Z'")
    assert "2026-03-01T21:20:00Z" in allowed


@pytest.mark.parametrize("at", ["yesterday", "2026-03-01T21:20:00", datetime(2026, 3, 1)])  # noqa: DTZ001
def test_at_that_is_no_instant(tmp_path: Path, at: Any) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder())
    assert problem_of(path, at=at)[0] == "at"


def test_a_perpetual_file_without_the_snapshot(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder())
    other = pl.DataFrame({"snapshot_file": ["z.csv"], "coin": ["BTC"], "perp_futures_mark_price": [1.0]})
    other.write_parquet(tmp_path / "p.parquet")
    where, _, allowed = problem_of(path, perpetual=tmp_path / "p.parquet")
    assert where == "rows.snapshot_file"
    assert "z.csv" in allowed
    assert problem_of(path, perpetual=path)[0].startswith("columns.")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "[[0.02]]",
        "[[0.02, 'x']]",
        "{'a': 1}",
        "[[True, 1.0]]",
        "[" * 300,
        "[[1e999, 1.0]]",
    ],
)
def test_a_book_that_is_no_list_of_levels(tmp_path: Path, text: str) -> None:
    where, _, allowed = problem_of(write_csv(tmp_path / "c.csv", [csv_row(9_000.0, True, bids=text)]))
    assert where == "BTC-29MAY20-9000-C.bids"
    assert "[price, quantity]" in allowed


def test_stable_coins_with_a_price_below_zero(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder())
    assert problem_of(path, stables={"USDC": -1.0})[0] == "assets.USDC.price"
