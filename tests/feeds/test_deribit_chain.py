"""Chain files as markets: each trap of the real files on a small one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from feeds.chain_files import (
    NOW,
    QUARTER,
    SNAPSHOT,
    WEEK,
    YEAR,
    csv_row,
    ladder,
    later,
    row,
    write_csv,
    write_parquet,
)
from plimsoll.contracts import Future, Option, Perpetual, Settlement
from plimsoll.feeds import import_chain, list_snapshots, read_chain
from plimsoll.pricing import inverse_price


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Two snapshots of Bitcoin and Ether, the later one first."""
    old = {"snapshot_file": "a.csv", "timestamp": later(-60), "index_price": 69_000.0}
    ether = {"currency": "ETH", "underlying": 2_000.0, "futures_price": 2_000.0, "index_price": 1_990.0}
    rows = [*ladder(), *ladder((1_800.0, 2_000.0), **ether), *ladder(**old)]
    return write_parquet(tmp_path / "chain.parquet", rows)


def test_snapshots_are_listed_in_order_of_time(chain: Path) -> None:
    first, second = list_snapshots(chain)
    assert (first.name, first.time, first.rows, first.currencies) == ("a.csv", later(-60), 6, ("BTC",))
    assert (second.name, second.rows, second.currencies, second.expiries) == (SNAPSHOT, 10, ("BTC", "ETH"), 1)
    assert second.index == {"BTC": 69_950.0, "ETH": 1_990.0}


def test_the_last_snapshot_is_taken_and_at_takes_the_one_before(chain: Path) -> None:
    assert import_chain(chain).time == NOW
    assert import_chain(chain, NOW).time == NOW
    assert import_chain(chain, later(-1)).time == later(-60)
    assert import_chain(chain, "2026-03-01T20:20:00Z").indices["BTC"].price == 69_000.0


def test_contracts_are_coin_settled(chain: Path) -> None:
    market = import_chain(chain)
    option = market.contracts["BTC-6MAR26-70000-C"]
    assert isinstance(option, Option)
    assert (option.settlement, option.currency, option.multiplier) == (Settlement.INVERSE, "BTC", 1.0)
    assert (option.expiry, option.strike, option.call) == (WEEK, 70_000.0, True)
    for coin, usd in (("BTC", 10.0), ("ETH", 1.0)):
        future, perpetual = market.contracts[f"{coin}-6MAR26"], market.contracts[f"{coin}-PERPETUAL"]
        assert isinstance(future, Future)
        assert isinstance(perpetual, Perpetual)
        for contract in (future, perpetual):
            assert (contract.settlement, contract.currency, contract.multiplier) == (Settlement.INVERSE, coin, usd)
    assert market.marks["BTC-6MAR26"].price == 70_000.0
    assert market.marks["BTC-PERPETUAL"].price == 69_950.0
    assert "perpetuals marked at the index" in market.source


def test_time_to_expiry_comes_from_the_dates_not_from_the_file(tmp_path: Path) -> None:
    rows = ladder(expiry_datetime=QUARTER, time_to_maturity=99.0)
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    years = market.seconds_to(QUARTER) / YEAR
    for name, mark in market.marks.items():
        contract = market.contracts[name]
        if isinstance(contract, Option):
            model = inverse_price(70_000.0, contract.strike, years, mark.vol, contract.call)
            assert mark.price == pytest.approx(float(model), abs=6e-9)


def test_index_and_forward_are_medians_of_drifting_rows(tmp_path: Path) -> None:
    rows = [
        row(k, True, index_price=index, underlying=forward)
        for k, index, forward in ((60e3, 69_900.0, 70_000.0), (70e3, 69_910.0, 70_010.0), (80e3, 70_500.0, 70_900.0))
    ]
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    assert market.indices["BTC"].price == 69_910.0
    forward = market.expiry_table["BTC", WEEK].forward
    assert forward is not None
    assert forward.price == 70_010.0
    assert "drift up to 0.0086" in market.source


def test_a_null_futures_price_leaves_the_forward_and_lists_no_future(tmp_path: Path) -> None:
    nameless = {"futures_price": None, "futures_instrument_name": None, "underlying_name": "index_price"}
    market = import_chain(write_parquet(tmp_path / "c.parquet", ladder(**nameless)))
    forward = market.expiry_table["BTC", WEEK].forward
    assert forward is not None
    assert forward.price == 70_000.0
    assert [c.name for c in market.instruments if isinstance(c, Future)] == []


@pytest.mark.parametrize("name", ["SYN.BTC-6MAR26", "index_price"])
def test_an_interpolated_forward_is_no_instrument(tmp_path: Path, name: str) -> None:
    market = import_chain(write_parquet(tmp_path / "c.parquet", ladder(futures_instrument_name=name)))
    assert not any(isinstance(c, Future) for c in market.instruments)


def test_a_null_underlying_falls_back_to_the_future_and_else_leaves_no_forward(tmp_path: Path) -> None:
    rows = [
        *ladder(underlying=None, futures_price=70_010.0),
        *ladder(underlying=None, futures_price=None, expiry_datetime=QUARTER),
    ]
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    near, far = market.expiry_table["BTC", WEEK], market.expiry_table["BTC", QUARTER]
    assert near.forward is not None
    assert near.forward.price == 70_010.0
    assert far.forward is None
    assert "1 expiries without a forward" in market.source


def test_an_expired_row_is_listed_without_forward_or_volatility(tmp_path: Path) -> None:
    gone = datetime(2026, 3, 1, 8, tzinfo=UTC)
    rows = [*ladder(), *ladder((70_000.0,), expiry_datetime=gone)]
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    name = "BTC-1MAR26-70000-C"
    assert market.marks[name].vol is None
    assert market.expiry_table["BTC", gone].forward is None
    assert "2 options already expired" in market.source


def test_null_and_impossible_numbers_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        row(60_000.0, True, mark_price=None),
        row(70_000.0, True, mark_price=-0.1, bid_price=float("nan"), ask_price=0.07),
        row(80_000.0, True, index_price=0.0),
    ]
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    assert market.marks["BTC-6MAR26-60000-C"].price is None
    mark = market.marks["BTC-6MAR26-70000-C"]
    assert (mark.price, mark.bid, mark.ask, mark.vol) == (None, None, 0.07, 0.5)
    assert market.indices["BTC"].price == 69_950.0
    assert "1 impossible values of mark left out" in market.source
    assert "1 impossible values of index left out" in market.source
    assert "2 options without a mark" in market.source


def test_of_a_repeated_row_the_later_one_stays(tmp_path: Path) -> None:
    rows = [row(70_000.0, True, timestamp=later(1), implied_volatility=0.6), row(70_000.0, True)]
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    assert market.marks["BTC-6MAR26-70000-C"].vol == 0.6
    assert market.time == later(1)
    assert "1 repeated rows left out" in market.source


def test_without_a_volatility_column_it_is_implied_from_the_mark(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", ladder(), drop=("implied_volatility",))
    market = import_chain(path)
    vols = [market.marks[c.name].vol for c in market.instruments if isinstance(c, Option)]
    assert vols == pytest.approx([0.5] * 6, abs=1e-4)
    assert "6 volatilities implied from the mark" in market.source


def test_single_null_volatilities_are_implied_and_others_kept(tmp_path: Path) -> None:
    rows = [row(70_000.0, True, implied_volatility=None), row(80_000.0, True, implied_volatility=0.77)]
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    assert market.marks["BTC-6MAR26-70000-C"].vol == pytest.approx(0.5, abs=1e-4)
    assert market.marks["BTC-6MAR26-80000-C"].vol == 0.77


def test_a_volatility_that_the_mark_does_not_settle_is_not_made_up(tmp_path: Path) -> None:
    # the call far out of the money is marked zero: nothing is known about the smile at this strike
    rows = ladder((300_000.0,), implied_volatility=None, mark_price=0.0)
    rows[1]["mark_price"] = 300_000.0 / 70_000.0 - 1.0 + 1e-5
    market = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    assert market.marks["BTC-6MAR26-300000-C"].vol is None
    assert market.marks["BTC-6MAR26-300000-P"].vol is None
    assert "2 options without a volatility" in market.source


def test_perpetuals_from_a_file_of_prices(chain: Path, tmp_path: Path) -> None:
    prices = pl.DataFrame(
        {
            "snapshot_file": ["a.csv", SNAPSHOT, SNAPSHOT],
            "coin": ["BTC", "BTC", "ETH"],
            "perp_futures_mark_price": [1.0, 69_980.0, 1_991.5],
        }
    )
    path = tmp_path / "perpetuals.parquet"
    prices.write_parquet(path)
    market = import_chain(chain, perpetual=path)
    assert (market.marks["BTC-PERPETUAL"].price, market.marks["ETH-PERPETUAL"].price) == (69_980.0, 1_991.5)
    assert "perpetuals.parquet" in market.source
    assert str(tmp_path) not in market.source


def test_perpetuals_can_be_left_out_and_stable_coins_named(chain: Path) -> None:
    market = import_chain(chain, perpetual=None, stables={"USDC": 0.97})
    assert not any(isinstance(c, Perpetual) for c in market.instruments)
    assert {a: p.price for a, p in market.assets.items()} == {"USDC": 0.97}
    assert "USDC = 0.97 USD" in market.source


@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz"])
def test_the_chain_of_2020(tmp_path: Path, name: str) -> None:
    rows = [csv_row(k, c) for k in (8_000.0, 9_000.0) for c in (True, False)]
    rows[1] |= {"best_bid_price": 0.0, "bids": "[]", "underlying_index": "SYN.BTC-29MAY20"}
    rows[3] |= {"timestamp": rows[0]["timestamp"] + 90_000}
    path = write_csv(tmp_path / name, rows)
    market = import_chain(path)
    assert market.time == datetime(2020, 5, 21, 23, 21, 30, tzinfo=UTC)
    call, put = market.marks["BTC-29MAY20-8000-C"], market.marks["BTC-29MAY20-8000-P"]
    assert (call.vol, call.bid, call.ask, call.open_interest) == (0.8, 0.02, 0.0235, 3.5)
    assert (put.bid, put.ask) == (None, 0.0235)
    assert market.depth["BTC-29MAY20-8000-C"].bids == ((0.02, 9.0), (0.019, 5.0))
    assert market.depth["BTC-29MAY20-8000-P"].bids == ()
    assert market.marks["BTC-29MAY20"].price == 9_000.0
    assert [s.name for s in list_snapshots(path)] == [name]


def test_a_crossed_book_is_left_out(tmp_path: Path) -> None:
    rows = [csv_row(9_000.0, True, bids="[[0.03, 1.0]]"), csv_row(9_000.0, False)]
    market = import_chain(write_csv(tmp_path / "c.csv", rows))
    assert list(market.depth) == ["BTC-29MAY20-9000-P"]
    assert "1 crossed books left out" in market.source


def test_the_2020_chain_without_volatilities(tmp_path: Path) -> None:
    rows = [csv_row(k, c) for k in (8_000.0, 9_000.0, 10_000.0) for c in (True, False)]
    for entry in rows:
        del entry["mark_iv"]
    market = import_chain(write_csv(tmp_path / "c.csv", rows))
    vols = [market.marks[c.name].vol for c in market.instruments if isinstance(c, Option)]
    assert vols == pytest.approx([0.8] * 6, abs=1e-4)


def test_a_market_from_a_chain_reads_back_as_itself(chain: Path, tmp_path: Path) -> None:
    market = import_chain(chain)
    market.save(tmp_path / "m.json")
    assert type(market).load(tmp_path / "m.json") == market


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [*ladder(), *ladder(expiry_datetime=QUARTER)]
    rng = np.random.default_rng(5)
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    # one name for both, since the source names its file
    first = import_chain(write_parquet(tmp_path / "c.parquet", rows))
    assert import_chain(write_parquet(tmp_path / "c.parquet", mixed)) == first


def test_read_chain_gives_both_formats_one_shape(chain: Path, tmp_path: Path) -> None:
    old = read_chain(write_csv(tmp_path / "c.csv", [csv_row(9_000.0, True)]))
    new = read_chain(chain)
    assert set(old.columns) - set(new.columns) == {"bids", "asks"}
    assert {c: old.schema[c] for c in new.columns} == dict(new.schema)
