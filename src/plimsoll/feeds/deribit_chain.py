"""Deribit option chains from files: which snapshots a file holds, and one of them as a market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.documents import DocumentError, format_instant, parse_instant, refuse
from plimsoll.feeds import deribit_csv_2020, deribit_parquet_2026
from plimsoll.feeds._columns import opening
from plimsoll.feeds.quotes import build_market
from plimsoll.market import Market

if TYPE_CHECKING:
    import polars as pl

STABLES: Mapping[str, float] = {"USD": 1.0, "USDC": 1.0, "USDT": 1.0}
"""USD prices that `import_chain` assumes, for a chain has none."""


@dataclass(frozen=True)
class Snapshot:
    """One snapshot of a chain file.

    `time` is that of its last row and `started` that of its first, UTC; `index` is the median index per coin, USD.
    """

    name: str
    time: datetime
    started: datetime
    rows: int
    currencies: tuple[str, ...]
    expiries: int
    index: dict[str, float]


def read_chain(path: str | Path, snapshot: str | None = None) -> pl.DataFrame:
    """The option rows of a chain file, of all snapshots or of one, in one shape whatever the format.

    Columns `snapshot, time, name, currency, expiry, strike, type, forward, index, mark, vol, bid, ask,
    open_interest, future, future_price` (and `bids, asks` from CSV): instants in UTC, prices of options in coin,
    `forward` and `index` in USD, `vol` a decimal. The format is known by content, not by the file's name. Raises
    `DocumentError` for anything that is not a chain.
    """
    if opening(path) == deribit_parquet_2026.MAGIC:
        return deribit_parquet_2026.read_quotes(path, snapshot)
    return deribit_csv_2020.read_quotes(path)


def list_snapshots(path: str | Path) -> list[Snapshot]:
    """The snapshots of a chain file in order of time. Raises `DocumentError` for a file that is not a chain."""
    import polars as pl

    table = read_chain(path)
    index = pl.col("index").filter(pl.col("index") > 0).median()
    coins = table.group_by("snapshot", "currency").agg(index)
    prices: dict[str, dict[str, float]] = {}
    for name, coin, price in coins.sort("currency").iter_rows():
        if price is not None:
            prices.setdefault(name, {})[coin] = price
    grouped = table.group_by("snapshot").agg(
        pl.col("time").max(),
        pl.col("time").min().alias("started"),
        pl.len().alias("rows"),
        pl.col("currency").unique().sort().alias("currencies"),
        pl.col("expiry").n_unique().alias("expiries"),
    )
    return [
        Snapshot(
            name=row["snapshot"],
            time=row["time"],
            started=row["started"],
            rows=row["rows"],
            currencies=tuple(row["currencies"]),
            expiries=row["expiries"],
            index=prices.get(row["snapshot"], {}),
        )
        for row in grouped.sort("time", "snapshot").iter_rows(named=True)
    ]


def import_chain(
    path: str | Path,
    at: datetime | str | None = None,
    *,
    perpetual: str | Path | None = "index",
    stables: Mapping[str, float] | None = None,
) -> Market:
    """The latest snapshot at or before `at` (the last one, if left out) as a market.

    `path` is a Parquet file of 2026 or the CSV of 2020. `at` is an instant with an offset; a snapshot happens at
    its last row. Options and dated futures are coin-settled: an option is on one coin, a future or perpetual is
    10 USD (BTC) or 1 USD (ETH). Index and forwards are medians of their rows; time to expiry follows from the
    dates, in years of 365 days, whatever the file says; rates are zero. An option without a volatility in the file
    gets the one that its strike's mark implies, or none. Forwards whose future is not listed (`SYN.` names, the
    index) give no future. In the last half hour before an expiry the venue averages its settlement; a chain does not
    say how much is fixed by then, so the whole forward counts as variable.

    `perpetual`: the chain has no mark of the perpetuals. `"index"` marks them at the index; a path reads them from a
    file of perpetual prices of the same snapshot; `None` lists none. `stables`: USD prices of other collateral, by
    default one dollar for USD, USDC and USDT. What was assumed, filled in or left out stands in `Market.source`.

    Raises `DocumentError` for a file that is not a chain, naming the column or row, for an `at` before the first
    snapshot, and for a perpetual file without this snapshot.
    """
    when = None if at is None else _instant(at)
    if opening(path) == deribit_parquet_2026.MAGIC:
        times = deribit_parquet_2026.read_times(path)
        name = _choose(list(times.iter_rows()), when, path)
        table = deribit_parquet_2026.read_quotes(path, name)
    else:
        table = deribit_csv_2020.read_quotes(path)
        name = _choose([(Path(path).name, table["time"].max())], when, path)  # type: ignore[list-item]
    prices: dict[str, float] | None = None
    if perpetual is None:
        prices, note = {}, "no perpetuals"
    elif perpetual == "index":
        note = "perpetuals marked at the index, for the chain has no mark of theirs"
    else:
        prices = deribit_parquet_2026.read_perpetuals(perpetual, name)
        note = f"perpetuals from {Path(perpetual).name} (minute candles, not the venue's mark)"
    try:
        return build_market(
            table,
            label=f"Deribit chain {Path(path).name}" + (f", snapshot {name}" if name != Path(path).name else ""),
            source=str(path),
            perpetuals=prices,
            perpetual_note=note,
            stables=dict(STABLES if stables is None else stables),
        )
    except DocumentError as error:
        raise error.within(str(path)) from None


def _instant(at: datetime | str) -> datetime:
    try:
        return parse_instant(at)
    except ValueError as error:
        raise refuse("at", at, str(error)) from None


def _choose(times: list[tuple[str, datetime]], at: datetime | None, path: str | Path) -> str:
    """The name of the last snapshot, or of the last at or before `at`; `times` ascending."""
    early = [name for name, time in times if at is None or time <= at]
    if not early:
        first = format_instant(times[0][1])
        got = None if at is None else format_instant(at)
        raise refuse("at", got, f"an instant from {first}, the first snapshot, on", str(path))
    return early[-1]
