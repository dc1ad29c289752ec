"""Small chain files for tests: the shapes of the real ones, with every number chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from plimsoll.pricing import inverse_price

NOW = datetime(2026, 3, 1, 21, 20, tzinfo=UTC)
WEEK = datetime(2026, 3, 6, 8, 0, tzinfo=UTC)
QUARTER = datetime(2026, 3, 27, 8, 0, tzinfo=UTC)
SNAPSHOT = "deribit_options_snapshot_20260301T212000Z.csv"
YEAR = 365 * 86_400.0

TYPES: dict[str, Any] = {
    "timestamp": pl.Datetime("us", "UTC"),
    "instrument_name": pl.String,
    "underlying": pl.Float64,
    "underlying_name": pl.String,
    "option_type": pl.String,
    "strike": pl.Float64,
    "expiry_datetime": pl.Datetime("us", "UTC"),
    "time_to_maturity": pl.Float64,
    "bid_price": pl.Float64,
    "ask_price": pl.Float64,
    "mark_price": pl.Float64,
    "futures_price": pl.Float64,
    "futures_instrument_name": pl.String,
    "implied_volatility": pl.Float64,
    "open_interest": pl.Float64,
    "currency": pl.String,
    "index_price": pl.Float64,
    "snapshot_file": pl.String,
}


def row(strike: float, call: bool, **changes: Any) -> dict[str, Any]:
    """One option of 6 March on Bitcoin at 70,000, marked at a volatility of 50 %; `changes` go by column name."""
    coin = changes.get("currency", "BTC")
    expiry = changes.get("expiry_datetime", WEEK)
    time = changes.get("timestamp", NOW)
    day = f"{expiry.day}MAR{expiry.year % 100}"
    forward = changes.get("underlying", 70_000.0)
    years = max((expiry - time).total_seconds(), 0.0) / YEAR
    mark = float(inverse_price(forward or 70_000.0, strike, years, 0.5, call))
    found = {
        "timestamp": time,
        "instrument_name": f"{coin}-{day}-{strike:.0f}-{'C' if call else 'P'}",
        "underlying": 70_000.0,
        "underlying_name": f"{coin}-{day}",
        "option_type": "call" if call else "put",
        "strike": strike,
        "expiry_datetime": expiry,
        # as in the real files: years of 365.25 days, which nothing may use
        "time_to_maturity": years * 365.0 / 365.25,
        "bid_price": None,
        "ask_price": None,
        "mark_price": round(mark, 8),
        "futures_price": forward,
        "futures_instrument_name": f"{coin}-{day}",
        "implied_volatility": 0.5,
        "open_interest": 10.0,
        "currency": coin,
        "index_price": 69_950.0,
        "snapshot_file": SNAPSHOT,
    }
    return found | changes


def ladder(strikes: tuple[float, ...] = (60_000.0, 70_000.0, 80_000.0), **changes: Any) -> list[dict[str, Any]]:
    """A call and a put for each strike."""
    return [row(k, call, **changes) for k in strikes for call in (True, False)]


def write_parquet(path: Path, rows: list[dict[str, Any]], drop: tuple[str, ...] = ()) -> Path:
    """A chain file of 2026."""
    pl.DataFrame(rows, schema=TYPES).drop(drop).write_parquet(path)
    return path


def csv_row(strike: float, call: bool, **changes: Any) -> dict[str, Any]:
    """One option of 22 May 2020 at a forward of 9,000 and a volatility of 80 %, as the file of 2020 writes it."""
    time = datetime(2020, 5, 21, 23, 20, tzinfo=UTC)
    expiry = datetime(2020, 5, 29, 8, 0, tzinfo=UTC)
    mark = float(inverse_price(9_000.0, strike, (expiry - time).total_seconds() / YEAR, 0.8, call))
    found = {
        "expiration_timestamp": int(expiry.timestamp() * 1000),
        "option_type": "call" if call else "put",
        "instrument_name": f"BTC-29MAY20-{strike:.0f}-{'C' if call else 'P'}",
        "strike": strike,
        "underlying_price": 9_000.0,
        "underlying_index": "BTC-29MAY20",
        "timestamp": int(time.timestamp() * 1000),
        "stats": "{'volume': 1.0}",
        "open_interest": 3.5,
        "mark_price": round(mark, 8),
        "mark_iv": 80.0,
        "index_price": 8_990.0,
        "bids": "[[0.02, 9.0], [0.019, 5.0]]",
        "asks": "[[0.0235, 5.5], [0.025, 0.5]]",
        "best_bid_price": 0.02,
        "best_ask_price": 0.0235,
    }
    return found | changes


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The chain file of 2020, gzipped if the name ends in `.gz`."""
    import gzip

    text = pl.DataFrame(rows).write_csv()
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def later(minutes: float) -> datetime:
    """`NOW` and some minutes."""
    return NOW + timedelta(minutes=minutes)
