"""The real chains: every trap at once, and the numbers that the documentation states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from plimsoll.contracts import Option
from plimsoll.feeds import import_chain, list_snapshots, mark_report, sample_book
from plimsoll.feeds.deribit_chain import Snapshot
from plimsoll.margin import margin_model
from plimsoll.margin.translate import same_exposure
from plimsoll.market import Market

COUNTS = {
    "deribit_chain_daily_2026-01.parquet": 33,
    "deribit_chain_daily_2026-02.parquet": 19,
    "deribit_chain_daily_2026-03.parquet": 31,
    "deribit_chain_daily_2026-04.parquet": 30,
    "deribit_chain_intraday_20260129_20260131.parquet": 12,
}
OLD = "deribit_btc_chain_ticker_20200521.csv.gz"
PERPETUALS = "deribit_perpetual_prices_2025-12_2026-04.parquet"

# `sample_book(market, 6, 3)` on the last snapshot of February: a change of the draw changes every published book
PINNED = {
    "BTC-PERPETUAL": 3229.0,
    "BTC-25DEC26": -7452.0,
    "BTC-25DEC26-100000-C": -2.3,
    "BTC-25SEP26-105000-C": -2.5,
    "BTC-27MAR26-78000-P": 0.8,
    "BTC-29MAY26-67000-C": -1.5,
}


@pytest.fixture(scope="session")
def options(shared: Path) -> Path:
    return shared / "data" / "options"


def sound(market: Market, snapshot: Snapshot) -> None:
    """What holds for every real snapshot."""
    contracts = [c for c in market.instruments if isinstance(c, Option)]
    assert (market.time, len(contracts)) == (snapshot.time, snapshot.rows)
    assert {u: i.price for u, i in market.indices.items()} == snapshot.index
    assert all(market.marks[c.name].vol is not None for c in contracts)
    for row in market.expiries:
        assert row.forward is not None
        # in five months the forward of no expiry was a tenth away from the index
        assert row.forward.price == pytest.approx(market.indices[row.underlying].price, rel=0.1)
        assert row.rate.value == 0.0
    for contract in market.instruments:
        if contract.kind == "future":
            assert not contract.name.startswith(("SYN", "index"))
            row = market.expiry_table[contract.underlying, contract.expiry]
            assert row.forward is not None
            assert market.marks[contract.name].price == row.forward.price


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_snapshots_of_each_file(options: Path, name: str, count: int) -> None:
    snapshots = list_snapshots(options / name)
    assert len(snapshots) == count
    assert [s.time for s in snapshots] == sorted(s.time for s in snapshots)
    for snapshot in (snapshots[0], snapshots[count // 2], snapshots[-1]):
        sound(import_chain(options / name, snapshot.time), snapshot)


@pytest.mark.long
@pytest.mark.parametrize("name", COUNTS)
def test_every_snapshot(options: Path, name: str) -> None:
    house, derive = margin_model("prbm@2026-01-01"), margin_model("derive-pmrm2@2026-01-01")
    for snapshot in list_snapshots(options / name):
        market = import_chain(options / name, snapshot.time)
        sound(market, snapshot)
        book = sample_book(market)
        health = house.requirement(book, market).health
        assert health is not None
        assert 1.0 < health < 12.0
        strict = derive.requirement(*same_exposure(book, market)).health
        assert strict is not None
        assert 0.5 < strict < 6.0


def test_short_expiries_of_april_have_no_future(options: Path) -> None:
    path = options / "deribit_chain_daily_2026-04.parquet"
    market = import_chain(path, "2026-04-03T00:00:00Z")
    raw = pl.read_parquet(path).filter(pl.col("timestamp") == market.time)
    nameless = raw.filter(pl.col("futures_price").is_null())
    assert nameless.height > 0
    with_future = {c.expiry for c in market.instruments if c.kind == "future"}
    for expiry in nameless["expiry_datetime"].unique().to_list():
        assert expiry not in with_future
        assert market.expiry_table["BTC", expiry].forward is not None


def test_perpetual_prices_of_the_same_snapshot(options: Path) -> None:
    path = options / "deribit_chain_intraday_20260129_20260131.parquet"
    market = import_chain(path, "2026-01-30T12:00:00Z", perpetual=options / PERPETUALS)
    raw = pl.read_parquet(options / PERPETUALS).filter(pl.col("snapshot_file").str.contains("20260130T093122"))
    expected = dict(zip(raw["instrument_name"], raw["perp_futures_mark_price"], strict=True))
    assert {n: market.marks[n].price for n in expected} == expected


def test_the_chain_of_2020(options: Path) -> None:
    (snapshot,) = list_snapshots(options / OLD)
    market = import_chain(options / OLD)
    sound(market, snapshot)
    assert (snapshot.rows, len(market.expiries)) == (326, 7)
    vols = [m.vol for m in market.marks.values() if m.vol is not None]
    assert 0.6 < min(vols) < max(vols) < 2.0
    assert len(market.depth) > 300


def test_implied_volatilities_are_those_that_the_file_hides(options: Path, tmp_path: Path) -> None:
    path = options / "deribit_chain_daily_2026-03.parquet"
    pl.read_parquet(path).drop("implied_volatility").write_parquet(tmp_path / path.name)
    told, implied = import_chain(path), import_chain(tmp_path / path.name)
    pairs = [(m.vol, implied.marks[n].vol) for n, m in told.marks.items() if m.vol is not None]
    gaps = np.array([abs(a - b) for a, b in pairs if b is not None])
    assert len(gaps) > 0.9 * len(pairs)
    assert np.median(gaps) < 1e-4
    assert np.quantile(gaps, 0.99) < 0.01


def test_marks_match_black_76(options: Path) -> None:
    report = mark_report([options / name for name in (*COUNTS, OLD)])
    assert (report.rows, report.left_out) == (198_844, 0)
    assert report.overall.median <= 2e-5
    # what the page says: the drift of the forward explains the tail, and a year of 365.25 days is worse
    numbers = report.numbers
    assert numbers["parity_p99"] < numbers["row_p99"] / 10
    assert numbers["neighbour_p99"] < numbers["row_p99"] / 10
    assert numbers["year_365_25_median"] > 3 * numbers["row_median"]
    assert numbers["large_puts_inside"] == numbers["large"] > 0


def test_the_page_of_marks_is_what_the_data_give(options: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "validation" / "marks.md").read_text(encoding="utf-8")
    report = mark_report([options / name for name in (*COUNTS, OLD)])
    for text in report.findings:
        assert text in page
    for line in (report.overall, *report.by_expiry, *report.by_moneyness, *report.by_file):
        assert f"{line.median:.1e}" in page


def test_books_on_a_real_chain_are_reproducible(options: Path) -> None:
    path = options / "deribit_chain_daily_2026-02.parquet"
    market = import_chain(path)
    assert sample_book(market, 80, 3).to_json() == sample_book(import_chain(path), 80, 3).to_json()
    assert {p.instrument: p.quantity for p in sample_book(market, 6, 3).positions} == PINNED
