"""Files of positions: what is read, whatever form it has, and what is refused, with its row."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from plimsoll.documents import DocumentError
from plimsoll.feeds.positions import read_positions

ROWS: dict[str, list[Any]] = {
    "user_address": ["0xa", "0xa", "0xb", "0xc"],
    "asset": ["BTC", "SOL", "BTC", "ETH"],
    "side": ["LONG", "SHORT", "SHORT", "LONG"],
    "position_size": [0.0, 1e-17, 2.5, 0.0],
    "entry_price": [None, 170.0, None, None],
    "mark_price": [108340.0, 169.36, 108340.0, 3900.0],
    "realized_pnl": [-100.0, 5.5, 0.0, -3.0],
    "leverage_ratio": [None, None, None, None],
    "was_liquidated": [True, False, False, True],
    "was_adl": [False, True, False, False],
    "trades_count": [1, 2, 3, 4],
}


def table(**changes: Any) -> pl.DataFrame:
    return pl.DataFrame({k: v for k, v in {**ROWS, **changes}.items() if v is not None}, strict=False)


def written(folder: Path, frame: pl.DataFrame, name: str = "p.parquet") -> str:
    path = folder / name
    if name.endswith(".parquet"):
        frame.write_parquet(path)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        frame.write_csv(path)
    return str(path)


@pytest.mark.parametrize("name", ["p.parquet", "p.csv", "p.csv.gz", "p[1].parquet", "p[1].csv"])
def test_every_form_holds_the_same(tmp_path: Path, name: str) -> None:
    p = read_positions(written(tmp_path, table(), name))
    assert p.assets == ("BTC", "ETH", "SOL")
    assert p.long.tolist() == [True, False, False, True]
    assert np.array_equal(p.fresh, [False, True, False, False])
    assert p.left.tolist() == [0.0, 0.0, 2.5, 0.0]
    assert p.closed.tolist() == [True, True, False, True]
    assert p.liquidated is not None
    assert p.deleveraged is not None
    assert p.liquidated.tolist() == ROWS["was_liquidated"]
    assert p.deleveraged.tolist() == ROWS["was_adl"]
    assert p.traps()["open size that is dust"] == 1
    assert p.traps()["nothing closed: can have no flag"] == 1


def test_flags_as_other_programs_write_them(tmp_path: Path) -> None:
    path = written(tmp_path, table(was_liquidated=["True", "False", "0", "1"], was_adl=[0, 1, 0, 0]), "p.csv")
    p = read_positions(path)
    assert p.liquidated is not None
    assert p.liquidated.tolist() == ROWS["was_liquidated"]


def test_flags_under_other_names_are_not_taken_for_no_flags(tmp_path: Path) -> None:
    renamed = table().rename({"was_liquidated": "Liquidated", "was_adl": "was_deleveraged"})
    p = read_positions(written(tmp_path, renamed))
    assert p.liquidated is not None
    assert p.deleveraged is not None
    assert p.liquidated.tolist() == ROWS["was_liquidated"]
    assert p.deleveraged.tolist() == ROWS["was_adl"]
    both = table().with_columns(liquidated=pl.lit(True))
    with pytest.raises(DocumentError, match=r"columns.was_liquidated: got 'was_liquidated, liquidated'"):
        read_positions(written(tmp_path, both))
    with pytest.raises(DocumentError, match=r"rows\[1\].adl: got 'maybe'"):
        read_positions(written(tmp_path, table(was_adl=["no", "maybe", "no", "no"]).rename({"was_adl": "adl"})))


def test_outcomes_of_other_positions_are_counted_and_so_are_positions_without(tmp_path: Path) -> None:
    path = written(tmp_path, table(was_liquidated=None, was_adl=None))
    flags = pl.DataFrame(
        {
            "user_address": ["0xz", "0xb", "0xa", "0xy"],
            "asset": ["BTC"] * 4,
            "liquidated": [False, True, False, True],
            "adl": [False, False, True, False],
        }
    )
    p = read_positions(path, written(tmp_path, flags, "o.csv"))
    assert p.liquidated is not None
    assert p.deleveraged is not None
    assert p.liquidated.tolist() == [False, False, True, False]
    assert p.deleveraged.tolist() == [True, False, False, False]
    assert (p.unnamed, p.elsewhere) == (2, 2)
    assert p.traps()["outcomes of positions that are not here"] == 2
    assert p.rows(np.array([0])).traps()["not among the outcomes: taken as neither flag"] == 2
    assert "outcomes of positions that are not here" not in read_positions(written(tmp_path, table())).traps()


@pytest.mark.parametrize("name", ["p.parquet", "p.csv"])
@pytest.mark.parametrize("flags", [None, [None] * 4])
def test_without_flags_they_are_unknown(tmp_path: Path, name: str, flags: Any) -> None:
    p = read_positions(written(tmp_path, table(was_liquidated=flags, was_adl=flags), name))
    assert p.liquidated is None
    assert p.deleveraged is None


def test_flags_of_a_second_file_go_to_their_positions(tmp_path: Path) -> None:
    path = written(tmp_path, table(was_liquidated=None, was_adl=None))
    flags = pl.DataFrame(
        {
            "user_address": ["0xb", "0xa"],
            "asset": ["BTC", "SOL"],
            "was_liquidated": [True, False],
            "was_adl": [False, True],
        }
    )
    p = read_positions(path, written(tmp_path, flags, "o.csv"))
    assert p.liquidated is not None
    assert p.deleveraged is not None
    assert p.liquidated.tolist() == [False, False, True, False]
    assert p.deleveraged.tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mark_price": None}, r"columns.mark_price: got nothing"),
        ({"user_address": None}, r"columns.user_address: got nothing"),
        ({"realized_pnl": ["a", "b", "c", "d"]}, r"columns.realized_pnl: got String"),
        (
            {"position_size": [0.0, -1.0, 2.5, 0.0]},
            r"rows\[1\].position_size: got -1.0; allowed: a number from zero up",
        ),
        ({"position_size": [0.0, 1.0, None, 0.0]}, r"rows\[2\].position_size: got None"),
        ({"mark_price": [1.0, 1.0, 1.0, 0.0]}, r"rows\[3\].mark_price: got 0.0"),
        ({"entry_price": [None, -5.0, None, None]}, r"rows\[1\].entry_price: got -5.0"),
        ({"side": ["LONG", "SHORT", "FLAT", "LONG"]}, r"rows\[2\].side: got 'FLAT'; allowed: LONG or SHORT"),
        ({"asset": ["BTC", "BTC", "BTC", "ETH"]}, r"rows\[1\].user_address: got '0xa' in 'BTC', as in rows\[0\]"),
        ({"was_adl": None}, r"columns.was_adl: got 'nothing'; allowed: both flags, or neither"),
        ({"was_adl": [False, None, False, False]}, r"rows\[1\].was_adl: got None"),
        ({"was_adl": ["no", "maybe", "no", "no"]}, r"rows\[1\].was_adl: got 'maybe'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_positions(written(tmp_path, table(**changes)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            {"user_address": ["0xz"], "asset": ["BTC"]},
            r"rows\[0\].user_address: got '0xz in BTC'; allowed: a position of",
        ),
        ({"user_address": ["0xa"], "asset": ["ETH"]}, r"rows\[0\].user_address: got '0xa in ETH'"),
        (
            {"user_address": ["0xa"] * 2, "asset": ["BTC"] * 2},
            r"rows\[1\].user_address: .* allowed: each position once",
        ),
        ({"user_address": ["0xa"]}, r"columns.asset: got nothing"),
    ],
)
def test_outcomes_that_name_no_position_are_refused(tmp_path: Path, rows: dict[str, Any], message: str) -> None:
    n = len(rows["user_address"])
    flags = pl.DataFrame({**rows, "was_liquidated": [True] * n, "was_adl": [False] * n})
    with pytest.raises(DocumentError, match=message):
        read_positions(written(tmp_path, table()), written(tmp_path, flags, "o.parquet"))


def test_outcomes_without_flags_and_files_that_are_none(tmp_path: Path) -> None:
    flags = pl.DataFrame({"user_address": ["0xa"], "asset": ["BTC"]})
    with pytest.raises(DocumentError, match=r"columns.was_liquidated: got nothing"):
        read_positions(written(tmp_path, table()), written(tmp_path, flags, "o.parquet"))
    with pytest.raises(DocumentError, match="No such file"):
        read_positions(tmp_path / "nowhere.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DocumentError):
        read_positions(tmp_path / "bad.parquet")
    with pytest.raises(DocumentError, match=r"rows: got 'a table of 0 rows'"):
        read_positions(written(tmp_path, table().head(0)))
