"""Numbers of the house model's add-ons from the shared daily prices: correlations, volatilities, volumes.

    python tools/make_house_tables.py [--data FILE] [--output FILE] [--pack FILE] [--check]

FILE is `binance_spot_daily_7coins.parquet` (default: in `../shared/data/prices`). Writes a page of what was measured
and, with --pack, the numbers into a pack of `prbm-whole`. With --check nothing is written and a difference fails.

Correlations are of daily log returns over 30-day windows of the last five years. Stressed windows are those that end
when the mean volatility of the two coins is in its top quarter; `low` and `high` are the 1 % and 99 % quantiles over
them, rounded down, after both tables were shrunk towards zero, which lowers relief, until they are correlation
matrices. The page also shows the quantiles since the first day. Volume: the tenth percentile of a day's, in USDT, over
the last 365 days; volatility: the 95 % quantile of that of 30 days.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "prices" / "binance_spot_daily_7coins.parquet"
PACK = ROOT / "src" / "plimsoll" / "margin" / "house" / "packs" / "prbm-whole@2025-01-01.json"
PAGE = ROOT / "docs" / "validation" / "house-tables.md"
WINDOW = 30
RECENT = 5 * 365
"""Days of the correlations that are charged."""
F64 = npt.NDArray[np.float64]


def main(arguments: list[str] | None = None) -> int:
    """Write the page and the pack, or compare them with what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--pack", type=Path, default=PACK)
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(arguments)
    closes, volumes, dates = read(chosen.data)
    offsets = correlations({coin: values[-RECENT:] for coin, values in closes.items()})
    ever = correlations(closes)
    markets = {coin: market(closes[coin], volumes[coin]) for coin in closes}
    page = page_of(offsets, ever, markets, dates)
    pack = json.loads(chosen.pack.read_text(encoding="utf-8"))
    pack["parameters"]["offsets"] = {k: {"low": v[0], "high": v[1]} for k, v in offsets.items()}
    pack["parameters"]["liquidity"]["markets"] = {c: {"volume": v, "daily_vol": s} for c, (v, s) in markets.items()}
    for coin, (volume, vol) in markets.items():
        if coin in pack["parameters"]["collateral"]["assets"]:
            pack["parameters"]["collateral"]["assets"][coin] |= {"daily_vol": vol, "volume": volume}
    written = json.dumps(pack, indent=1) + "\n"
    if chosen.check:
        same = chosen.output.read_text(encoding="utf-8") == page and chosen.pack.read_text(encoding="utf-8") == written
        if not same:
            print("the house tables are not what the data give: run this without --check", file=sys.stderr)
        return 0 if same else 1
    chosen.output.write_text(page, encoding="utf-8")
    chosen.pack.write_text(written, encoding="utf-8")
    return 0


def read(path: Path) -> tuple[dict[str, F64], dict[str, F64], tuple[str, str]]:
    """Daily closes and volumes (USDT) by coin on the days that any coin has, NaN where a coin has none."""
    table = pl.read_parquet(path).with_columns(pl.col("Symbol").str.strip_suffix("USDT").alias("coin"))
    days = table.select(pl.col("Date").unique().sort())
    closes, volumes = {}, {}
    for coin in sorted(table["coin"].unique().to_list()):
        mine = days.join(table.filter(pl.col("coin") == coin), on="Date", how="left").sort("Date")
        closes[coin] = mine["Close"].to_numpy().astype(np.float64)
        volumes[coin] = mine["Volume_USDT"].to_numpy().astype(np.float64)
    return closes, volumes, (str(days["Date"][0])[:10], str(days["Date"][-1])[:10])


def windows(values: F64) -> F64:
    """`[W, WINDOW]` overlapping windows."""
    return np.lib.stride_tricks.sliding_window_view(values, WINDOW)


def correlations(closes: dict[str, F64]) -> dict[str, tuple[float, float]]:
    """Low and high of every pair, as correlation matrices."""
    returns = {c: np.diff(np.log(v)) for c, v in closes.items()}
    raw = {f"{a}-{b}": quantiles(returns[a], returns[b]) for a, b in combinations(sorted(returns), 2)}
    names = sorted(returns)
    shrunk = [shrink(names, {k: v[side] for k, v in raw.items()}) for side in (0, 1)]
    # against the account: less at the low end, the high end never below it
    low = {k: math.floor(shrunk[0][k] * 100) / 100 for k in raw}
    return {k: (low[k], max(low[k], math.floor(shrunk[1][k] * 100) / 100)) for k in raw}


def quantiles(one: F64, other: F64) -> tuple[float, float]:
    """The 1 % and 99 % quantiles of the rolling correlation over stressed windows."""
    good = np.isfinite(one) & np.isfinite(other)
    a, b = windows(one[good]), windows(other[good])
    x, y = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    sa, sb = np.sqrt((x * x).mean(axis=1)), np.sqrt((y * y).mean(axis=1))
    rho = (x * y).mean(axis=1) / (sa * sb)
    vol = (sa + sb) / 2
    stressed = rho[vol >= np.quantile(vol, 0.75)]
    return float(np.quantile(stressed, 0.01)), float(np.quantile(stressed, 0.99))


def shrink(names: list[str], table: dict[str, float]) -> dict[str, float]:
    """The table times the largest of 1, 0.99, 0.98, ... that makes it a correlation matrix with room for rounding."""
    for step in range(101):
        factor = 1.0 - step / 100
        matrix = np.eye(len(names))
        for pair, rho in table.items():
            a, b = (names.index(n) for n in pair.split("-"))
            matrix[a, b] = matrix[b, a] = rho * factor
        if np.linalg.eigvalsh(matrix).min() >= 0.01 * len(names):
            return {pair: rho * factor for pair, rho in table.items()}
    raise ValueError("no factor makes the table a correlation matrix")


def market(close: F64, volume: F64) -> tuple[float, float]:
    """A day's volume (two digits, down) and volatility (up) of one coin."""
    held = np.isfinite(close)
    moves = np.diff(np.log(close[held]))
    vol = float(np.quantile(windows(moves).std(axis=1), 0.95))
    day = float(np.quantile(volume[held][-365:], 0.1))
    digits = 10 ** (math.floor(math.log10(day)) - 1)
    return float(math.floor(day / digits) * digits), math.ceil(vol * 1000) / 1000


def page_of(
    offsets: dict[str, tuple[float, float]],
    ever: dict[str, tuple[float, float]],
    markets: dict[str, tuple[float, float]],
    dates: tuple[str, str],
) -> str:
    """The page in Markdown."""
    lines = ["# Numbers of the house add-ons", ""]
    lines += [
        f"From daily prices of {len(markets)} coins, {dates[0]} to {dates[1]}, into the pack `prbm-whole`",
        "(`python tools/make_house_tables.py`). Correlations are quantiles over 30-day windows in stress, rounded",
        "down; those of the last five years are charged, those since the first day show what a longer memory says. A",
        "pair whose low end is not above zero has no relief.",
        "",
        "| pair | low (1 %) | high (99 %) | low, since the first day | high |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {p} | {low:.2f} | {high:.2f} | {ever[p][0]:.2f} | {ever[p][1]:.2f} |" for p, (low, high) in offsets.items()
    ]
    lines += ["", "| coin | volume of a thin day, USD | volatility of a day, stressed |", "| --- | --- | --- |"]
    lines += [f"| {coin} | {volume:,.0f} | {vol:.1%} |" for coin, (volume, vol) in markets.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
