"""Reading a folder of published backtests: daily returns, and up to three tables of results for one asset.

The files are recognised by their names, whatever the asset: `<asset>_daily_log_returns.csv`, and
`var_backtest_published_<asset>.csv`, `evt_fhs_published_<asset>.csv`, `es_z2_published_<asset>.csv`, each also as
`.csv.gz`. Symbols and sizes come from the files.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.validate.result import F64

RETURNS = "_daily_log_returns"
TABLES = {"var": "var_backtest_published_", "tail": "evt_fhs_published_", "es": "es_z2_published_"}
NEEDED = {
    "var": {"model", "symbol", "alpha", "n_cal", "n_test"},
    "tail": {"symbol", "method", "n_test"},
    "es": {"model", "symbol", "n_test"},
}

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Published:
    """What one folder holds of one asset: returns in order of time and the rows of each table, by kind of table."""

    symbol: str
    dates: tuple[str, ...]
    returns: F64
    tables: dict[str, list[Row]]
    hashes: dict[str, str]


def read_published(folder: str | Path) -> list[Published]:
    """Every asset of a folder. Raises `DocumentError` for a folder without returns or tables, or a broken file."""
    root = Path(folder)
    if not root.is_dir():
        raise refuse("DIR", str(folder), "a folder with published backtests")
    files = sorted(p for p in root.iterdir() if p.name.removesuffix(".gz").endswith(".csv") and p.is_file())
    returns = {_stem(p).removesuffix(RETURNS): p for p in files if _stem(p).endswith(RETURNS)}
    if not returns:
        raise refuse("DIR", str(folder), f"a folder with a file named ASSET{RETURNS}.csv or .csv.gz")
    found = []
    for asset, path in returns.items():
        dates, values = _returns(path)
        tables, hashes = {}, {path.name: _digest(path)}
        for kind, prefix in TABLES.items():
            for file in files:
                if _stem(file).lower() == (prefix + asset).lower():
                    rows = [r for r in _rows(file, kind) if str(r["symbol"]).lower() == asset.lower()]
                    tables[kind] = rows
                    hashes[file.name] = _digest(file)
        if not any(tables.values()):
            wanted = ", ".join(f"{prefix}{asset}.csv" for prefix in TABLES.values())
            raise refuse("DIR", f"no rows of {asset}", f"a table with rows of that symbol: {wanted}, or with .gz")
        symbol = next(str(r["symbol"]) for rows in tables.values() for r in rows)
        found.append(Published(symbol, dates, values, tables, hashes))
    return found


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".csv")


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _table(path: Path) -> Any:
    import polars as pl

    try:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.name.endswith(".gz") else content
        return pl.read_csv(io.BytesIO(text), infer_schema_length=None)
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise refuse("file", str(error).splitlines()[0], "a comma-separated table", path.name) from None


def _returns(path: Path) -> tuple[tuple[str, ...], F64]:
    table = _table(path)
    if "date" not in table.columns or "log_return" not in table.columns:
        raise refuse("columns", table.columns, "date and log_return", path.name)
    dates = [str(d) for d in table["date"].to_list()]
    try:
        values = table["log_return"].to_numpy().astype(np.float64)
    except (TypeError, ValueError):
        raise refuse("log_return", "values that are no numbers", "a log return for each day", path.name) from None
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise refuse(f"log_return[{at}]", float(values[at]), "a finite log return", path.name)
    for i in range(1, len(dates)):
        if dates[i] <= dates[i - 1]:
            raise refuse(f"date[{i}]", dates[i], f"a day after {dates[i - 1]}, each once", path.name)
    return tuple(dates), values


def _rows(path: Path, kind: str) -> list[Row]:
    table = _table(path)
    missing = NEEDED[kind] - set(table.columns)
    if missing:
        raise refuse("columns", table.columns, "also " + ", ".join(sorted(missing)), path.name)
    rows: list[Row] = table.to_dicts()
    return rows
