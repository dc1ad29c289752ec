"""Volatilities for rows of a chain that carry a mark price but none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plimsoll.documents import YEAR_SECONDS
from plimsoll.pricing import implied_vol

if TYPE_CHECKING:
    import polars as pl

F64 = npt.NDArray[np.float64]

RESOLUTION = 0.01
"""Widest range of volatility (0.01 = one point) that the rounding of a price may leave open."""

FORWARD_DRIFT = 1e-4
"""How far, relatively, the forward beside a mark may be from the one that the mark was made with."""

MOST_DECIMALS = 8


def with_implied(table: pl.DataFrame) -> tuple[pl.DataFrame, int, int]:
    """`table` with `vol` filled where it was null or zero, how many were filled, and how many stay without.

    Both options of a strike take the volatility implied by the one that is out of the money, whose price is all time
    value; the one in the money is used only when the chain has no mark of the other. Forward and time are the row's
    own; time is counted in years of 365 days.

    A mark is known to half a unit of its last decimal, in the money also only as well as the forward beside it, which
    may be off by `FORWARD_DRIFT`. Where that leaves the volatility open by more than `RESOLUTION`, as for marks
    rounded to zero, the row stays without one.
    """
    import polars as pl

    wanted = pl.col("vol").is_null() | (pl.col("vol") <= 0)
    table = table.with_columns(pl.when(~wanted).then(pl.col("vol")).alias("vol")).with_row_index("_row")
    key = ["currency", "expiry", "strike"]
    strikes = table.filter(pl.col("vol").is_null()).select(key).unique()
    usable = (pl.col("mark") >= 0) & (pl.col("forward") > 0) & (pl.col("expiry") > pl.col("time"))
    priced = table.join(strikes, on=key, how="semi", maintain_order="left").filter(usable)
    before = int(table["vol"].null_count())
    if priced.height == 0 or before == 0:
        return table.drop("_row"), 0, before
    unit = 10.0 ** -_decimals(table["mark"].drop_nulls().to_numpy())
    found = priced.with_columns(
        pl.Series("implied", _implied(priced, unit), nan_to_null=True),
        (pl.col("call") == (pl.col("strike") >= pl.col("forward"))).alias("outside"),
    )
    out = found.filter("outside").group_by(key, maintain_order=True).agg(pl.col("implied").first())
    marked = found.filter("outside").select(key).unique().with_columns(pl.lit(True).alias("has_outside"))
    own = found.select("_row", pl.col("implied").alias("own"))
    table = (
        table.join(out, on=key, how="left", maintain_order="left")
        .join(marked, on=key, how="left", maintain_order="left")
        .join(own, on="_row", how="left", maintain_order="left")
    )
    chosen = pl.when(pl.col("has_outside").fill_null(False)).then(pl.col("implied")).otherwise(pl.col("own"))
    table = table.with_columns(pl.coalesce("vol", chosen).alias("vol"))
    left = int(table["vol"].null_count())
    return table.drop("_row", "implied", "has_outside", "own"), before - left, left


def _implied(rows: pl.DataFrame, unit: float) -> F64:
    """Volatility of each row, NaN where the mark does not settle it."""
    forward, strike, mark = (rows[c].to_numpy() for c in ("forward", "strike", "mark"))
    years = (rows["expiry"] - rows["time"]).dt.total_microseconds().to_numpy() / 1e6 / YEAR_SECONDS
    call = rows["call"].to_numpy()

    def at(price: F64) -> F64:
        return np.asarray(implied_vol(price * forward, forward, strike, years, call), dtype=np.float64)

    inside = call == (strike < forward)
    half = unit / 2.0 + np.where(inside, FORWARD_DRIFT * strike / forward, 0.0)
    width = at(mark + half) - at(np.maximum(mark - half, 0.0))
    result: F64 = np.where(width <= RESOLUTION, at(mark), np.nan)
    return result


def _decimals(marks: F64) -> int:
    """The least number of decimals that writes every mark, at most `MOST_DECIMALS`."""
    for digits in range(1, MOST_DECIMALS):
        scaled = marks * 10.0**digits
        if np.all(np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled))):
            return digits
    return MOST_DECIMALS
