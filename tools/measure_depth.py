"""Calm depth and refill of a recorded book: docs/validation/depth.md, and the liquidity that comes with the package.

    python tools/measure_depth.py [--shared FOLDER] [--check]

Depth in the mean over the recording, the thinner side. The recording begins with a snapshot that reaches 0.24 % from
the middle; further levels are known only where they changed since, so depth beyond is the mean of the last minute and
says at least. Refill by `plimsoll.laboratory.calm.refill` on books a second apart. Other coins: depth in the ratio of
the median daily dollar volume of spot trading to that of Bitcoin in the year before the recording, an assumption.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from textwrap import fill

import polars as pl

from page_files import keep
from plimsoll.feeds.recording import read_recording
from plimsoll.laboratory.calm import FILE, DepthSeries, Refill, measured, observe, refill, scaled
from plimsoll.laboratory.liquidity import Calm, Liquidity

ROOT = Path(__file__).resolve().parent.parent
BOOK = "orderbook/binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz"
VOLUMES = "prices/binance_spot_daily_7coins.parquet"
YEAR = (datetime(2023, 8, 8), datetime(2024, 8, 8))  # noqa: DTZ001 the file's own days, in UTC
NEAR = (0.0001, 0.0002, 0.0005, 0.001, 0.002)
FAR = (0.005, 0.01, 0.02)
BANDS = (0.0005, 0.001)
SIDES = ("bids", "asks")

Found = dict[tuple[float, str], Refill]


def watched(shared: Path) -> DepthSeries:
    """The recording as depth, a second apart."""
    recording = read_recording(shared / BOOK)
    trades = recording.trades
    books = (book for book, _ in recording.books())
    paid = trades.prices * trades.quantities
    return observe(books, trades.times, paid, trades.signs, NEAR + FAR, reach=FAR[-1])


def refills(series: DepthSeries) -> Found:
    """Of each band and side."""
    return {
        (band, side): refill(series.seconds, series.depth[:, NEAR.index(band), j], series.taken[:, j])
        for band in BANDS
        for j, side in enumerate(SIDES)
    }


def terms(series: DepthSeries, found: Found) -> Calm:
    """Near the middle the mean over the whole recording, beyond its snapshot that of the last minute."""
    near = series.curve()[: len(NEAR)].tolist()
    far = series.curve(series.seconds[-1] - 60.0)[len(NEAR) :].tolist()
    return measured(NEAR + FAR, near + far, list(found.values()))


def ratios(shared: Path) -> dict[str, float]:
    """Median daily dollar volume of each coin over that of BTC, rounded to three digits."""
    rows = pl.read_parquet(shared / VOLUMES).filter(pl.col("Date").is_between(*YEAR, closed="left"))
    medians = {
        symbol.removesuffix("USDT"): value
        for symbol, value in rows.group_by("Symbol").agg(pl.col("Volume_USDT").median()).sort("Symbol").iter_rows()
    }
    return {coin: float(f"{usd / medians['BTC']:.3g}") for coin, usd in medians.items() if coin != "BTC"}


def page(series: DepthSeries, found: Found, made: Liquidity, shares: dict[str, float]) -> str:
    """The page of results."""
    last = series.seconds[-1] - 60.0
    mean, late = series.depth.mean(axis=0), series.depth[series.seconds >= last].mean(axis=0)
    lines = [
        "# Calm depth and refill, measured",
        "",
        _text(
            f"Binance USD-M BTCUSDT, {series.seconds[-1]:.0f} seconds from 2024-08-08 23:54 UTC, a book each second, "
            "by `python tools/measure_depth.py`. Minutes of one quiet night: they set the calm side of a cascade. "
            "Nothing here is calibrated for stress; what makers do in a storm is a parameter of the scenario, and "
            "varied there."
        ),
        "",
        "| within | bids, m USD | asks, m USD | known |",
        "| --- | ---: | ---: | --- |",
    ]
    for k, move in enumerate(series.moves):
        near = move in NEAR
        bid, ask = (mean if near else late)[k] / 1e6
        known = "whole" if near else "at least: levels that changed since the start, mean of the last minute"
        lines.append(f"| {move:.2%} | {bid:.2f} | {ask:.2f} | {known} |")
    sold, bought = series.taken.sum(axis=0) / 1e6
    lines += [
        "",
        _text(
            f"Sellers took {sold:.1f} m USD of bids, buyers {bought:.1f} m USD of offers. What of it was missing "
            "afterwards, by a robust fit of depth on a gap that trades open and time closes "
            "(`plimsoll.laboratory.calm.refill`):"
        ),
        "",
        "| band | side | missing at the first look, a second or less later | comes back, 1 / minute "
        "| missing after a minute | refill in a minute |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {band:.2%} | {side} | {r.shown:.2f} | {_speed(r)} | {r.missing:.2f} ± {r.error:.2f} | {r.refill:.2f} |"
        for (band, side), r in found.items()
    ]
    btc = made.underlyings["BTC"]
    lines += [
        "",
        _text(
            "± one standard error, bootstrap of blocks of 15 seconds. Of the bids hardly anything was missing at the "
            "first look, so their speed cannot be told. Among the offers a wall of some 32 million dollars stood near "
            "61,730 from the middle of the recording on; it went in and out of the bands as the price moved, hence the "
            "wide error there. A band moves with the middle, so depth that a falling price uncovers counts as come "
            "back, as it does in a cascade."
        ),
        "",
        _text(
            f"The shipped liquidity takes the thinner side at each move and the least refill of the table, "
            f"{btc.refill:.3f} in a minute. The other coins are assumed: the same curve and refill, depth times the "
            "ratio of median daily spot volume in the year before."
        ),
        "",
        "| coin | depth over that of BTC | within 1 %, m USD |",
        "| --- | ---: | ---: |",
        f"| BTC | 1 | {btc.depth[btc.moves.index(0.01)] / 1e6:.1f} |",
    ]
    lines += [
        f"| {coin} | {share:g} | {made.underlyings[coin].depth[btc.moves.index(0.01)] / 1e6:.2f} |"
        for coin, share in sorted(shares.items(), key=lambda pair: -pair[1])
    ]
    return "\n".join(lines) + "\n"


def _text(words: str) -> str:
    return fill(words, 150)


def _speed(found: Refill) -> str:
    """The rate, where enough is missing at the first look to tell one."""
    return f"{found.rate:.2f}" if found.shown > 0.02 else "not told"


def main(argv: list[str] | None = None) -> int:
    """Measures and writes, or compares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="the folder of recorded data")
    parser.add_argument("--check", action="store_true", help="compare with what lies there")
    options = parser.parse_args(argv)
    data = options.shared / "data"
    series = watched(data)
    found = refills(series)
    btc, shares = terms(series, found), ratios(data)
    made = Liquidity(underlyings={"BTC": btc} | {coin: scaled(btc, share) for coin, share in shares.items()})
    texts = {
        ROOT / "docs/validation/depth.md": page(series, found, made, shares),
        ROOT / "src/plimsoll/laboratory/data" / FILE: made.to_json() + "\n",
    }
    return keep(texts, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
