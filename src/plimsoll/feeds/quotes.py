"""From the rows of one snapshot of a coin-settled option chain to a market."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.feeds._terms import FUTURE_USD, future_usd
from plimsoll.feeds.deribit_csv_2020 import levels
from plimsoll.feeds.implied import with_implied
from plimsoll.market import Market

if TYPE_CHECKING:
    import polars as pl

_PRICES = ("forward", "index", "mark", "vol", "bid", "ask", "open_interest", "future_price")


class Tally:
    """What was left out or filled in, in words, for `Market.source`."""

    def __init__(self) -> None:
        self._notes: list[str] = []

    def add(self, count: int, words: str) -> None:
        """Note `words` if there was anything to count."""
        if count:
            self._notes.append(f"{count} {words}")

    def __str__(self) -> str:
        return ", ".join(self._notes)


def checked(table: pl.DataFrame, source: str) -> tuple[pl.DataFrame, Tally]:
    """The rows ready for a market: a boolean `call`, one row per instrument, no negative price; and what was counted.

    Raises `DocumentError` for a coin without known contract terms, an option that is neither call nor put and a
    strike or expiry that cannot be. A negative number elsewhere, and a forward or index of zero, counts as missing; of
    two rows of one instrument the later one stays.
    """
    import polars as pl

    tally = Tally()
    problems = []
    for column, wrong, allowed in (
        ("currency", ~pl.col("currency").is_in(list(FUTURE_USD)), "one of " + ", ".join(FUTURE_USD)),
        ("option_type", ~pl.col("type").is_in(["call", "put"]), "'call' or 'put'"),
        ("strike", pl.col("strike") <= 0, "a strike above zero"),
        ("expiry", pl.col("expiry").dt.year() < 2009, "an expiry after 2009"),
    ):
        bad = table.with_row_index("_row").filter(wrong)
        if bad.height:
            got = bad["type" if column == "option_type" else column][0]
            problems.append(Problem(f"rows[{bad['_row'][0]}].{column}", repr(got), allowed))
    if problems:
        raise DocumentError(problems, source)
    table = table.with_columns((pl.col("type") == "call").alias("call")).drop("type")
    for column in _PRICES:
        low = (pl.col(column) <= 0) if column in ("forward", "index", "future_price") else (pl.col(column) < 0)
        tally.add(table.filter(low).height, f"impossible values of {column} left out")
        table = table.with_columns(pl.when(~low).then(pl.col(column)).alias(column))
    once = table.sort("time", maintain_order=True).unique("name", keep="last", maintain_order=True)
    tally.add(table.height - once.height, "repeated rows left out")
    table = once.with_columns(pl.coalesce("forward", "future_price").alias("forward"))
    return table, tally


def build_market(
    table: pl.DataFrame,
    *,
    label: str,
    source: str,
    perpetuals: Mapping[str, float] | None,
    perpetual_note: str,
    stables: Mapping[str, float],
) -> Market:
    """The market of one snapshot. `label` opens `Market.source`, `source` names the file in errors.

    `table` has a row per option: `snapshot, time, name, currency, expiry, strike, type, forward, index, mark, vol,
    bid, ask, open_interest, future, future_price`, and `bids, asks` where the file has books. Time is that of the
    last row. The index of a coin and the forward of an expiry are medians over their rows, because rows are
    fetched over some seconds; rates are zero, for a chain has none. An option that had expired by then is listed
    without forward and volatility. `perpetuals` maps a coin to its perpetual's USD price, `None` marks them at the
    index.
    """
    import polars as pl

    rows = table.height
    table, tally = checked(table, source)
    at: datetime = table["time"].max()  # type: ignore[assignment]
    index = _medians(table, ["currency"], "index")
    missing = sorted(set(table["currency"].to_list()) - set(index))
    if missing:
        got = f"no value for {', '.join(missing)}"
        raise refuse("columns.index_price", got, "an index above zero for each coin", source)
    table, filled, _ = with_implied(table)
    live = table.filter(pl.col("expiry") > at)
    tally.add(filled, "volatilities implied from the mark")
    tally.add(int(live["vol"].null_count()), "options without a volatility")
    tally.add(int(live["mark"].null_count()), "options without a mark")
    tally.add(table.height - live.height, "options already expired")
    forwards = _medians(live, ["currency", "expiry"], "forward")
    keys = sorted(set(table.select("currency", "expiry").iter_rows()))
    tally.add(sum(k not in forwards and k[1] > at for k in keys), "expiries without a forward")

    instruments, marks, depth = _options(table, at, source, tally)
    for contract, price in (*_futures(live), *_perpetuals(index, perpetuals, source)):
        instruments.append(contract)
        marks[contract["name"]] = {"price": price}
    drift = max(_spread(table))
    text = [
        f"{label}, {rows} rows",
        f"index and forwards: medians of their rows (index drift up to {drift:.2g} of it); rates 0",
        perpetual_note,
        "assumed: " + ", ".join(f"{asset} = {price:g} USD" for asset, price in stables.items()) if stables else "",
        str(tally),
    ]
    content = {
        "schema": Market.SCHEMA,
        "schema_version": Market.VERSION,
        "time": at,
        "source": "; ".join(t for t in text if t),
        "indices": {coin: {"price": price} for coin, price in sorted(index.items())},
        "assets": {asset: {"price": price} for asset, price in stables.items()},
        "expiries": [
            {"underlying": c, "expiry": e, "forward": {"variable": forwards[c, e]} if (c, e) in forwards else None}
            for c, e in keys
        ],
        "instruments": instruments,
        "marks": marks,
        "depth": depth,
    }
    return Market.from_dict(content, source)


def _medians(table: pl.DataFrame, key: list[str], column: str) -> dict[Any, float]:
    import polars as pl

    found = table.group_by(key).agg(pl.col(column).median()).drop_nulls(column)
    *names, values = found.iter_columns()
    labels = names[0].to_list() if len(names) == 1 else list(zip(*(n.to_list() for n in names), strict=True))
    return dict(zip(labels, values.to_list(), strict=True))


def _spread(table: pl.DataFrame) -> list[float]:
    import polars as pl

    value = pl.col("index")
    grouped = table.group_by("currency").agg(((value.max() - value.min()) / value.median()).alias("drift"))
    return [float(x) for x in grouped["drift"].fill_null(0.0).to_list()]


def _options(
    table: pl.DataFrame, at: datetime, source: str, tally: Tally
) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    instruments: list[dict[str, Any]] = []
    marks: dict[str, Any] = {}
    depth: dict[str, Any] = {}
    crossed = 0
    books = "bids" in table.columns
    for row in table.sort("currency", "expiry", "strike", "call").iter_rows(named=True):
        terms = {k: row[k] for k in ("name", "expiry", "strike", "call")}
        coin = row["currency"]
        common = {"underlying": coin, "currency": coin, "settlement": "inverse"}
        instruments.append({**terms, **common, "kind": "option", "multiplier": 1.0})
        vol = row["vol"] if row["expiry"] > at else None
        quoted = {k: row[k] for k in ("bid", "ask", "open_interest")}
        mark = {"price": row["mark"], "vol": vol, **quoted}
        if any(v is not None for v in mark.values()):
            marks[row["name"]] = mark
        if books:
            bids, asks = (levels(row[side], f"{row['name']}.{side}", source) for side in ("bids", "asks"))
            bids, asks = tuple(sorted(bids, reverse=True)), tuple(sorted(asks))
            if bids and asks and bids[0][0] >= asks[0][0]:
                crossed += 1
            elif bids or asks:
                depth[row["name"]] = {"bids": bids, "asks": asks}
    tally.add(crossed, "crossed books left out")
    return instruments, marks, depth


def _futures(live: pl.DataFrame) -> list[tuple[dict[str, Any], float]]:
    """Dated futures that the venue lists: an interpolated forward (`SYN.`) and the index are no instruments."""
    import polars as pl

    listed = pl.col("future").is_not_null() & ~pl.col("future").str.starts_with("SYN.")
    rows = live.filter(listed & (pl.col("future") != "index_price") & pl.col("future_price").is_not_null())
    grouped = rows.group_by("future", "currency", "expiry").agg(pl.col("future_price").median())
    return [
        (
            {
                "kind": "future",
                "name": name,
                "underlying": coin,
                "expiry": expiry,
                "settlement": "inverse",
                "currency": coin,
                "multiplier": future_usd(coin, "columns.currency"),
            },
            price,
        )
        for name, coin, expiry, price in grouped.sort("currency", "expiry").iter_rows()
    ]


def _perpetuals(
    index: Mapping[str, float], prices: Mapping[str, float] | None, source: str
) -> list[tuple[dict[str, Any], float]]:
    found = []
    for coin in sorted(index if prices is None else set(prices) & set(index)):
        contract = {
            "kind": "perpetual",
            "name": f"{coin}-PERPETUAL",
            "underlying": coin,
            "settlement": "inverse",
            "currency": coin,
            "multiplier": future_usd(coin, source),
        }
        found.append((contract, index[coin] if prices is None else prices[coin]))
    return found
