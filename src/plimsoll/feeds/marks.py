"""How well Black-76 on a chain's own forward and volatility gives the mark price that stands beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plimsoll.documents import YEAR_SECONDS, refuse
from plimsoll.feeds.deribit_chain import read_chain
from plimsoll.pricing import inverse_greeks, inverse_price

if TYPE_CHECKING:
    import polars as pl

F64 = npt.NDArray[np.float64]

VOL_UNIT = 1e-4
"""The venue publishes volatilities to 0.01 percent."""

PRICE_UNIT = 1e-8

_DAYS = (1.0, 7.0, 30.0, 90.0)
_EXPIRIES = ("under 1 day", "1 to 7 days", "7 to 30 days", "30 to 90 days", "over 90 days")
_DEPTHS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
_MONEYNESS = ("over 3 out", "2 to 3 out", "1 to 2 out", "within 1", "1 to 2 in", "2 to 3 in", "over 3 in")


@dataclass(frozen=True)
class Line:
    """Absolute error in coin over some rows: median, 99th percentile, largest."""

    label: str
    rows: int
    median: float
    p99: float
    largest: float


@dataclass(frozen=True)
class MarkReport:
    """The errors of `mark_errors` summed up.

    `left_out` rows have no forward, volatility or mark, or had expired. `numbers` are the measurements behind
    `findings`, which say in words where formula and mark part and why.
    """

    rows: int
    left_out: int
    overall: Line
    by_moneyness: tuple[Line, ...]
    by_expiry: tuple[Line, ...]
    by_file: tuple[Line, ...]
    findings: tuple[str, ...]
    numbers: dict[str, float]


def mark_errors(path: str | Path) -> pl.DataFrame:
    """One row per option of a chain file that has a forward, a volatility, a mark and time left.

    Columns of `read_chain`, and
    `days` to expiry from the row's own timestamp (the price uses years of 365 of them);
    `distance` = ln(K/F) / (vol sqrt(t)) and `inside`, the same counted into the money of the option;
    `model` and `error` = model - mark, in coin;
    `rounding`, what half a unit of the published volatility and price can be worth here, in coin;
    `parity_forward`, the forward on which the marks of the strike's call and put agree (`C - P = 1 - K/F`), null
    without both; `neighbour_forward`, that of the next lower strike (the next higher for the lowest);
    `error_at_parity` and `error_at_neighbour`, the error with these forwards instead of the row's.

    Raises `DocumentError` for a file that is not a chain.
    """
    import polars as pl

    table = read_chain(path).with_columns((pl.col("type") == "call").alias("call")).drop("type")
    usable = (pl.col("forward") > 0) & (pl.col("vol") > 0) & (pl.col("mark") >= 0)
    table = table.filter(usable & (pl.col("strike") > 0) & (pl.col("expiry") > pl.col("time")))
    seconds = pl.col("expiry") - pl.col("time")
    table = _with_parity(table.with_columns((seconds.dt.total_microseconds() / 86.4e9).alias("days")))
    forward, strike, vol, mark, years = _inputs(table)
    call = table["call"].to_numpy()
    model = inverse_price(forward, strike, years, vol, call)
    spread = vol * np.sqrt(years)
    distance = np.log(strike / forward) / spread
    vega = inverse_greeks(forward, strike, years, vol, call).vega
    columns = {
        "distance": distance,
        "inside": np.where(call, -distance, distance),
        "model": model,
        "error": model - mark,
        "rounding": np.abs(vega) * VOL_UNIT / 2.0 + PRICE_UNIT / 2.0,
    }
    for name in ("parity", "neighbour"):
        other = table[f"{name}_forward"].to_numpy()
        known = np.isfinite(other) & (other > 0)
        at = inverse_price(np.where(known, other, forward), strike, years, vol, call)
        columns[f"error_at_{name}"] = np.where(known, at - mark, np.nan)
    return table.with_columns(pl.Series(n, v, nan_to_null=True) for n, v in columns.items())


def _inputs(table: pl.DataFrame) -> tuple[F64, F64, F64, F64, F64]:
    forward, strike, vol, mark, days = (table[c].to_numpy() for c in ("forward", "strike", "vol", "mark", "days"))
    return forward, strike, vol, mark, days * 86_400.0 / YEAR_SECONDS


def _with_parity(table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    expiry = ["snapshot", "currency", "expiry"]
    sides = [
        table.filter(pl.col("call") == call).select(*expiry, "strike", pl.col("mark").alias(name))
        for call, name in ((True, "_call"), (False, "_put"))
    ]
    pairs = sides[0].join(sides[1], on=[*expiry, "strike"]).sort(*expiry, "strike")
    gap = 1.0 - (pl.col("_call") - pl.col("_put"))
    pairs = pairs.with_columns(pl.when(gap > 0).then(pl.col("strike") / gap).alias("parity_forward"))
    beside = pl.coalesce(
        pl.col("parity_forward").shift(1).over(expiry), pl.col("parity_forward").shift(-1).over(expiry)
    )
    pairs = pairs.with_columns(beside.alias("neighbour_forward")).drop("_call", "_put")
    return table.join(pairs, on=[*expiry, "strike"], how="left", maintain_order="left")


def mark_report(paths: Sequence[str | Path]) -> MarkReport:
    """The errors of all rows of some chain files, by moneyness and by time to expiry, and what explains them.

    A snapshot that stands in two files counts in both. Raises `DocumentError` for an empty list, a file that is not
    a chain and files without a usable row.
    """
    import polars as pl

    if isinstance(paths, (str, Path)) or not paths:
        raise refuse("paths", paths, "a list of chain files")
    tables = {Path(p).name: mark_errors(p) for p in paths}
    total = sum(read_chain(p).height for p in paths)
    shared = [c for c in next(iter(tables.values())).columns if c not in ("bids", "asks")]
    errors = pl.concat([t.select(shared) for t in tables.values()])
    if errors.height == 0:
        raise refuse("rows", "none with a forward, a volatility, a mark and time left", "one or more")
    numbers = _measure(errors)
    inside, call, days = (errors[c].to_numpy() for c in ("inside", "call", "days"))
    error = np.abs(errors["error"].to_numpy())
    depth = np.digitize(inside, _DEPTHS)
    moneyness = [
        _line(f"{kind}, {_MONEYNESS[i]}", error[(depth == i) & (call == is_call)])
        for kind, is_call in (("call", True), ("put", False))
        for i in range(len(_MONEYNESS))
    ]
    age = np.digitize(days, _DAYS, right=True)
    return MarkReport(
        rows=errors.height,
        left_out=total - errors.height,
        overall=_line("all rows", error),
        by_moneyness=tuple(moneyness),
        by_expiry=tuple(_line(label, error[age == i]) for i, label in enumerate(_EXPIRIES)),
        by_file=tuple(_line(name, np.abs(t["error"].to_numpy())) for name, t in tables.items()),
        findings=_findings(numbers),
        numbers=numbers,
    )


def _line(label: str, error: F64) -> Line:
    if error.size == 0:
        return Line(label, 0, 0.0, 0.0, 0.0)
    middle, high = np.quantile(error, [0.5, 0.99])
    return Line(label, int(error.size), float(middle), float(high), float(error.max()))


def _measure(errors: pl.DataFrame) -> dict[str, float]:
    """The measurements that the findings speak of."""
    import polars as pl

    forward, strike, vol, mark, years = _inputs(errors)
    call = errors["call"].to_numpy()
    numbers = _sizes("row", errors["error"].to_numpy())
    for name in ("parity", "neighbour"):
        numbers |= _sizes(name, errors[f"error_at_{name}"].drop_nulls().to_numpy())
    pairs = errors.filter(pl.col("parity_forward").is_not_null())
    at_parity, rounding = np.abs(pairs["error_at_parity"].to_numpy()), pairs["rounding"].to_numpy()
    gap = np.abs(pairs["parity_forward"].to_numpy() / pairs["forward"].to_numpy() - 1.0)
    numbers |= {"gap_median": float(np.median(gap)), "gap_largest": float(gap.max())} if gap.size else {}
    for label, low, high in (("short", 0.0, 7.0), ("long", 30.0, 1e9)):
        mine = (pairs["days"].to_numpy() > low) & (pairs["days"].to_numpy() <= high)
        if mine.any():
            numbers[f"within_rounding_{label}"] = float(np.mean(at_parity[mine] <= rounding[mine]))
    if gap.size:
        numbers["within_rounding"] = float(np.mean(at_parity <= rounding))
    numbers |= _sizes("year_365_25", inverse_price(forward, strike, years * (365.0 / 365.25), vol, call) - mark)
    numbers |= _delays(pairs)
    large = errors.filter(pl.col("error").abs() > 1e-3)
    inside = large.filter(~pl.col("call") & (pl.col("inside") > 1.0))
    numbers |= {"large": large.height, "large_puts_inside": inside.height}
    zero = errors.filter(pl.col("mark") == 0)
    numbers |= {"zero_marks": zero.height, "zero_marks_model": float(zero["model"].max() or 0.0)}  # type: ignore[arg-type]
    return numbers


def _sizes(name: str, error: F64) -> dict[str, float]:
    line = _line(name, np.abs(error))
    return {f"{name}_median": line.median, f"{name}_p99": line.p99, f"{name}_largest": line.largest}


def _delays(pairs: pl.DataFrame) -> dict[str, float]:
    """Seconds by which the marks near the money of expiries under a day are younger than their timestamps, by coin."""
    import polars as pl

    near = pairs.filter((pl.col("days") <= 1.0) & (pl.col("distance").abs() < 1.0))
    if near.height == 0:
        return {}
    forward, strike, vol, _, years = _inputs(near)
    theta = inverse_greeks(forward, strike, years, vol, near["call"].to_numpy()).theta
    seconds = near["error_at_parity"].to_numpy() / -theta * YEAR_SECONDS
    by_coin = near.with_columns(pl.Series("seconds", seconds)).group_by("currency").agg(pl.col("seconds").median())
    return {f"delay_{coin}": float(s) for coin, s in by_coin.sort("currency").iter_rows()}


def _findings(n: dict[str, float]) -> tuple[str, ...]:
    """What the numbers say."""
    found = []
    if "within_rounding" in n:
        found.append(
            f"Forward. The forward beside a mark is not quite the one the mark was made with: the marks of a strike's "
            f"call and put agree on a forward that differs from the row's by {n['gap_median']:.1e} of it in the "
            f"median and {n['gap_largest']:.1e} at most. With the forward of the pair the 99th percentile of the "
            f"error falls from {n['row_p99']:.1e} to {n['parity_p99']:.1e} coin and the largest from "
            f"{n['row_largest']:.1e} to {n['parity_largest']:.1e}. That pair is part of its own test; with the pair "
            f"of the neighbouring strike, which is not, they are {n['neighbour_p99']:.1e} and "
            f"{n['neighbour_largest']:.1e}."
        )
        found.append(
            f"Puts in the money. A put of strike K moves by K/F coin for each relative move of the forward, without "
            f"bound, so the same drift shows most there: {n['large_puts_inside']:.0f} of the {n['large']:.0f} rows "
            f"with an error above 1e-3 coin are puts more than one standard deviation in the money."
        )
        text = ", ".join(
            f"{n[k]:.0%} of the rows {words}"
            for k, words in (
                ("within_rounding", "in all"),
                ("within_rounding_long", "beyond 30 days"),
                ("within_rounding_short", "under 7 days"),
            )
            if k in n
        )
        found.append(
            f"Rounding. Volatilities are published to 0.01 percent and prices to 1e-8 coin. At the pair's forward "
            f"the error lies within half a unit of both for {text}."
        )
    delays = {k.removeprefix("delay_"): v for k, v in n.items() if k.startswith("delay_")}
    if delays:
        text = ", ".join(f"{seconds:+.0f} s ({coin})" for coin, seconds in delays.items())
        found.append(
            f"Time. Near the money and under a day to expiry, the error at the pair's forward is what a mark made "
            f"after the row's timestamp would show, in the median by {text}. That would fit a snapshot that is stamped "
            f"once while its coins are fetched one after the other; the files do not say."
        )
    found.append(
        f"Year. With years of 365.25 days the median error would be {n['year_365_25_median']:.1e} coin instead of "
        f"{n['row_median']:.1e}."
    )
    found.append(
        f"Zero marks. {n['zero_marks']:.0f} rows have a mark of exactly 0; the formula gives at most "
        f"{n['zero_marks_model']:.1e} coin there."
    )
    return tuple(found)
