"""Bars: the shared files with every trap of their read-me, and each rule on a file made to meet it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from plimsoll.documents import DocumentError
from plimsoll.feeds.bars import RULES, read_bars, slips_of
from plimsoll.feeds.funding import read_dvol, read_funding
from plimsoll.market.history import DAY_NS, HOUR_NS, History, instant_ns

START = datetime(2024, 3, 1, tzinfo=UTC)


def _frame(count: int = 60, hours: int = 1) -> pl.DataFrame:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, count)))
    return pl.DataFrame(
        {
            "time": [START + timedelta(hours=hours * k) for k in range(count)],
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": np.arange(count, dtype=float),
        }
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[pl.DataFrame], Path]:
    def write(frame: pl.DataFrame) -> Path:
        path = tmp_path / "bars.parquet"
        frame.write_parquet(path)
        return path

    return write


def test_a_bar_is_known_when_it_ends(write: Any) -> None:
    path = write(_frame())
    starts, ends = read_bars(path, name="X"), read_bars(path, name="X", stamp="end")
    assert starts.history.times[0] == instant_ns(START) + HOUR_NS
    assert ends.history.times[0] == instant_ns(START)
    assert starts.field("volume").values[7, 0] == 7.0
    assert starts.field("volume").times.tolist() == starts.history.times.tolist()
    assert set(starts.report.counts.values()) == {0}
    assert set(starts.report.counts) == set(RULES)


def test_csv_and_parquet_are_the_same(tmp_path: Path, write: Any) -> None:
    frame = _frame()
    expected = read_bars(write(frame), name="X").history
    text = frame.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    text.write_csv(tmp_path / "a.csv")
    assert read_bars(tmp_path / "a.csv", name="X").history.hash == expected.hash
    naive = frame.with_columns(pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S"))
    naive.write_csv(tmp_path / "b.csv")
    with pytest.raises(DocumentError, match="times without a zone"):
        read_bars(tmp_path / "b.csv", name="X")
    assert read_bars(tmp_path / "b.csv", name="X", utc_offset_hours=0).history.hash == expected.hash
    late = read_bars(tmp_path / "b.csv", name="X", utc_offset_hours=3).history
    assert (late.times == expected.times - 3 * HOUR_NS).all()
    numbers = frame.with_columns(pl.col("time").dt.timestamp("ms").alias("Unix")).drop("time")
    numbers.write_csv(tmp_path / "c.csv")
    assert read_bars(tmp_path / "c.csv", name="X").history.hash == expected.hash


def test_two_columns_of_times_must_agree(write: Any) -> None:
    frame = _frame().with_columns(pl.col("time").dt.timestamp("ms").alias("Unix"))
    frame = frame.with_columns(pl.col("time").dt.replace_time_zone(None).alias("Date")).drop("time")
    assert len(read_bars(write(frame), name="X").history) == 60
    local = frame.with_columns(pl.col("Date") + timedelta(hours=2))
    with pytest.raises(DocumentError, match=r"columns.Date: got '60 times off Unix, the first by \+2 h'"):
        read_bars(write(local), name="X")


def test_gaps_are_rows_of_nan_and_counted(write: Any) -> None:
    frame = _frame()
    bars = read_bars(write(pl.concat([frame[:10], frame[13:]])), name="X")
    assert bars.report.count("gap") == 3
    assert np.flatnonzero(np.isnan(bars.history.values[:, 0])).tolist() == [10, 11, 12]
    assert bars.report.findings[0].first == "2024-03-01T10:00:00Z"


def test_the_same_bar_again_is_one_bar(write: Any) -> None:
    frame = _frame()
    bars = read_bars(write(pl.concat([frame, frame[20:25]])), name="X")
    assert bars.report.counts == {**dict.fromkeys(RULES, 0), "duplicate": 5, "out-of-order": 1}
    assert bars.history.hash == read_bars(write(frame), name="X").history.hash


def test_two_bars_of_one_time_are_refused_unless_told(write: Any) -> None:
    frame = _frame()
    other = frame[20:25].with_columns(pl.col("close") * 1.001)
    path = write(pl.concat([frame, other]))
    with pytest.raises(DocumentError, match=r"bars.conflict: got '?\"?5 bars of X from 2024-03-01T20:00:00Z"):
        read_bars(path, name="X")
    first, last = (read_bars(path, name="X", conflicts=which) for which in ("first", "last"))  # type: ignore[arg-type]
    assert first.report.count("conflict") == last.report.count("conflict") == 5
    assert first.history.values[20, 0] == frame["close"][20]
    assert last.history.values[20, 0] == other["close"][0]


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), None])
def test_what_is_not_a_price_is_missing(write: Any, price: float | None) -> None:
    frame = _frame(300)
    closes = frame["close"].to_list()
    closes[5] = price
    bars = read_bars(write(frame.with_columns(pl.Series("close", closes))), name="X")
    assert bars.report.count("not-a-price") == 1
    assert np.isnan(bars.history.values[5, 0])
    assert np.isfinite(np.delete(bars.history.values[:, 0], 5)).all()
    closes[6:12] = [price] * 6
    with pytest.raises(DocumentError, match="not-a-price"):
        read_bars(write(frame.with_columns(pl.Series("close", closes))), name="X")


def test_rows_that_go_back_are_sorted_and_counted(write: Any) -> None:
    frame = _frame()
    order = list(range(60))
    order[7], order[8] = order[8], order[7]
    bars = read_bars(write(frame[order]), name="X")
    assert bars.report.count("out-of-order") == 1
    assert bars.history.hash == read_bars(write(frame), name="X").history.hash


def test_days_in_another_zone_are_found_by_their_own_grid(write: Any) -> None:
    frame = _frame(60, hours=24)
    moved = pl.concat([frame[:30], frame[30:40].with_columns(pl.col("time") + timedelta(hours=3)), frame[40:]])
    path = write(moved)
    with pytest.raises(DocumentError, match=r"zone-slip: got .*10 bars of X from 2024-03-31T03:00:00Z: \+3 h off"):
        read_bars(path, name="X")
    repaired = read_bars(path, name="X", slips="move")
    assert repaired.report.count("zone-slip") == 10
    assert repaired.history.hash == read_bars(write(frame), name="X").history.hash
    dropped = read_bars(write(moved), name="X", slips="drop")
    assert dropped.report.counts["gap"] == 10


@pytest.mark.parametrize("hours", [-5, 1, 3])
def test_hours_in_another_zone_are_found_by_another_source(write: Any, hours: int) -> None:
    frame = _frame(200)
    truth = read_bars(write(frame), name="X").history
    # another venue: a constant basis and some noise of its own
    noise = 1.002 * np.exp(np.random.default_rng(9).normal(0, 0.001, 200))
    path = write(frame.with_columns(pl.col("time") + timedelta(hours=hours), pl.col("close") * noise))
    with pytest.raises(DocumentError, match=re.escape(f"zone-slip: got 'X {hours * 3600:+d} s off")):
        read_bars(path, name="X", against=truth)
    assert read_bars(write(frame.with_columns(pl.col("close") * noise)), name="X", against=truth).history.names == (
        "X",
    )


def test_days_against_days_of_another_zone(write: Any) -> None:
    frame = _frame(60, hours=24)
    truth = read_bars(write(frame), name="X").history
    path = write(frame.with_columns(pl.col("time") + timedelta(hours=8)))
    with pytest.raises(DocumentError, match="28800 s off"):
        read_bars(path, name="X", against=truth)


def test_jitter_is_taken_off_and_other_times_refused(write: Any) -> None:
    frame = _frame()
    late = frame.with_columns(pl.when(pl.int_range(60) == 4).then(pl.lit(10)).otherwise(0).alias("ms"))
    late = late.with_columns(pl.col("time") + pl.duration(milliseconds="ms")).drop("ms")
    bars = read_bars(write(late), name="X")
    assert bars.report.count("jitter") == 1
    assert bars.history.hash == read_bars(write(frame), name="X").history.hash
    off = frame.with_columns(pl.when(pl.int_range(60) == 4).then(pl.lit(11)).otherwise(0).alias("m"))
    off = off.with_columns(pl.col("time") + pl.duration(minutes="m")).drop("m")
    with pytest.raises(DocumentError, match="660 s off a grid of 3600 s"):
        read_bars(write(off), name="X")


def test_a_crash_is_counted_and_not_repaired(write: Any) -> None:
    frame = _frame().with_columns(
        pl.when(pl.int_range(60) == 9).then(pl.col("low") * 0.4).otherwise(pl.col("low")).alias("low"),
        pl.when(pl.int_range(60) == 30).then(pl.col("close") * 0.5).otherwise(pl.col("high")).alias("high"),
    )
    bars = read_bars(write(frame), name="X")
    assert [f.what for f in bars.report.findings] == [
        "high or low contradicts another price of the bar",
        "the high is over twice the low",
    ]
    assert bars.field("low").values[9, 0] == frame["low"][9]


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda f: f.drop("close"), {"name": "X"}, "columns.close"),
        (lambda f: f.drop("time"), {"name": "X"}, "columns.time"),
        (lambda f: f, {}, "the file has no column of symbols"),
        (lambda f: f[:0], {"name": "X"}, "0 rows"),
        (lambda f: f[:1], {"name": "X"}, "two times or more"),
        (lambda f: f, {"name": "X", "utc_offset_hours": 3}, "have a zone"),
        (lambda f: f.with_columns(pl.col("close").cast(pl.String)), {"name": "X"}, "a column of numbers"),
        (lambda f: f.with_columns(symbol=pl.lit("A")), {"names": {"B": "b"}}, "symbols of the file: A"),
        (lambda f: f.with_columns(pl.when(pl.int_range(60) > 1).then(pl.col("time"))), {"name": "X"}, "a time in each"),
        (lambda f: f.with_columns(Close=pl.lit(1.0)), {"name": "X"}, "one column of this field"),
    ],
)
def test_refusals(write: Any, change: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        read_bars(write(change(_frame())), **options)


GAPS = [
    ("binance_spot_daily_7coins", {"names": {"BTCUSDT": "BTC", "SOLUSDT": "SOL"}}, 2 * 8),
    ("binance_spot_1h_BTC_ETH_2017_2021", {"names": {"BTC/USDT": "BTC", "ETH/USDT": "ETH"}}, 2 * 16),
    ("binance_spot_1h_BTC_ETH_SOL_2021_2023", {}, 3 * 12),
    ("binance_spot_2h_BTC_2017_2023", {"name": "BTC"}, 53),
    ("binance_usdm_ETHUSDT_1m_20220120_20220125", {}, 0),
    ("binanceus_1m_BTC_in_USD_USDC_USDT_20230301_20230321", {}, 0),
    ("btc_perp_1m_20211231_20220201", {"name": "BTC", "stamp": "end"}, 0),
]


@pytest.mark.parametrize(("file", "options", "gaps"), GAPS)
def test_gaps_of_the_shared_files(shared: Path, file: str, options: dict[str, Any], gaps: int) -> None:
    bars = read_bars(shared / "data" / "prices" / f"{file}.parquet", **options)
    assert bars.report.count("gap") == gaps
    assert bars.report.count("conflict") == bars.report.count("duplicate") == bars.report.count("zone-slip") == 0


def test_the_shared_sources_agree_and_the_first_hour_is_doubtful(shared: Path) -> None:
    prices = shared / "data" / "prices"
    hourly = read_bars(prices / "binance_spot_1h_BTC_ETH_2017_2021.parquet", names={"BTC/USDT": "BTC"})
    two = read_bars(prices / "binance_spot_2h_BTC_2017_2023.parquet", name="BTC").history
    daily = read_bars(prices / "binance_spot_daily_7coins.parquet", names={"BTCUSDT": "BTC"}).history
    # the wrong open and high of the first bar (16199.91)
    doubtful = [f for f in hourly.report.findings if f.rule == "range"]
    assert [(f.count, f.first) for f in doubtful] == [(1, "2017-08-17T04:00:00Z")]
    assert slips_of(hourly.history.resample(2 * HOUR_NS), two) == {"BTC": 0}
    assert slips_of(two.resample(DAY_NS), daily) == {"BTC": 0}
    day = instant_ns("2020-03-13T00:00:00Z")
    assert float(daily.log_returns()[1][daily.log_returns()[0] == day][0, 0]) == pytest.approx(-0.503, abs=1e-3)


def test_the_file_stamped_at_the_end_is_found_out(shared: Path) -> None:
    """Its venue is not the other's, so closes differ; read as if stamped at the start it is one minute late."""
    prices = shared / "data" / "prices"
    perp = read_bars(prices / "binance_usdm_BTCUSDT_1m_2022.parquet", name="BTC").history
    file = prices / "btc_perp_1m_20211231_20220201.parquet"
    assert read_bars(file, name="BTC", stamp="end", against=perp).report.count("gap") == 0
    with pytest.raises(DocumentError, match=r"zone-slip: got 'BTC \+60 s off"):
        read_bars(file, name="BTC", against=perp)


def test_funding_and_its_local_time(shared: Path) -> None:
    folder = shared / "data" / "funding"
    one = read_funding(folder / "binance_BTCUSDT_funding_8h_2019_2026.csv.gz", name="BTC", utc_offset_hours=0)
    assert (len(one.history), one.report.count("gap")) == (7028, 0)
    path = folder / "perp_funding_BTC_ETH_binance_bybit_htx_kucoin_2020_2023.parquet"
    options: dict[str, Any] = {"venue": "binance", "names": {"BTC-USDT": "BTC", "ETH-USDT": "ETH"}}
    two = read_funding(path, utc_offset_hours=3, against=one.history, **options)
    first = int((two.history.times[0] - one.history.times[0]) // one.history.step_ns)
    ours = one.history.series("BTC")[first : first + len(two.history)]
    assert int((ours == two.history.series("BTC")).sum()) == len(two.history) == 4383
    for wrong in (0, 11):
        with pytest.raises(DocumentError, match="zone-slip"):
            read_funding(path, utc_offset_hours=wrong, against=one.history, **options)
    with pytest.raises(DocumentError, match="times without a zone"):
        read_funding(path, **options)
    with pytest.raises(DocumentError, match="one of binance, bybit, htx, kucoin"):
        read_funding(path, utc_offset_hours=3)
    # htx paid seven times late, per symbol, beside its hole of a day
    with pytest.raises(DocumentError, match="7 bars of BTC-USDT"):
        read_funding(path, venue="htx", utc_offset_hours=3)
    htx = read_funding(path, venue="htx", utc_offset_hours=3, slips="drop")
    assert (htx.report.count("zone-slip"), htx.report.count("gap")) == (14, 16)


def test_the_volatility_index_is_known_a_day_later(shared: Path) -> None:
    dvol = read_dvol(shared / "data" / "vol" / "deribit_dvol_btc_daily_2022_2025.csv.gz")
    assert dvol.report.count("gap") == 1
    assert dvol.history.at("2022-11-08T00:00:00Z")[0] == pytest.approx(0.5948)
    assert float(np.nanmax(dvol.history.values)) == pytest.approx(1.1472)


def test_series_on_grids_of_their_own_are_refused(write: Any) -> None:
    frame = _frame(60, hours=24).with_columns(symbol=pl.lit("A"))
    other = frame.with_columns(pl.col("time") + timedelta(hours=8), symbol=pl.lit("B"))
    with pytest.raises(DocumentError, match="zone-slip"):
        read_bars(write(pl.concat([frame, other])))


def test_slips_need_an_overlap() -> None:
    a = History.build(["X"], DAY_NS * np.arange(30), np.arange(1.0, 31.0))
    assert slips_of(a.window(10), a) == {}
    with pytest.raises(DocumentError, match="the step of the file"):
        slips_of(a, a.resample(2 * DAY_NS))
