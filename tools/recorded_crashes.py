"""Five recorded crashes as paths of a cascade: BTC, ETH and SOL, three prices an hour, with the scalar of AVSL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pol

from measure_avsl import FAST, HOURLY, SLOW, volatility
from plimsoll.margin.avsl import ThresholdRule, scalars
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
CRASHES = {
    "March 2020": ("2020-03-08", "2020-03-16"),
    "May 2021": ("2021-05-15", "2021-05-26"),
    "Luna, May 2022": ("2022-05-05", "2022-05-15"),
    "June 2022": ("2022-06-09", "2022-06-20"),
    "FTX, November 2022": ("2022-11-05", "2022-11-13"),
}
COINS = ("BTC", "ETH", "SOL")
STEP = 1_200.0


@dataclass(frozen=True, eq=False)
class Crash:
    """`path` from outside, the USD `prices` at its start, and the scalar at each of its instants, known before it."""

    path: StressPath
    prices: dict[str, float]
    scalar: F64

    def around(self, hours: float) -> Crash:
        """The part around the hour in which BTC has fallen furthest within a day."""
        price = self.path.price[:, 0]
        day = round(86_400.0 / STEP)
        falls = [price[k] / price[max(0, k - day) : k + 1].max() for k in range(price.size)]
        middle, width = int(np.argmin(falls)), round(hours * 3_600.0 / STEP)
        first = max(0, middle - width)
        return self.part(first, min(price.size, middle + width // 3 + 1))

    def part(self, first: int, last: int) -> Crash:
        """Instants `first` to `last`, without the last."""
        prices = {u: self.prices[u] * float(self.path.price[first, k]) for k, u in enumerate(self.path.underlyings)}
        price = self.path.price[first:last] / self.path.price[first]
        return Crash(_path(self.path.name, self.path.underlyings, price), prices, self.scalar[first:last])


def recorded_crashes(data: Path, rule: ThresholdRule) -> dict[str, Crash]:
    """Each with the coins that were recorded then: SOL from April 2021 on.

    An hour is three prices, 20 minutes apart: high and low, the one against its direction first, and the close. The
    scalar follows the volatility of hourly closes of BTC as in the measurement of thresholds and has run for a week.
    """
    table = _hours(data / "prices")
    found = {}
    for name, (begin, end) in CRASHES.items():
        first, last = (datetime.fromisoformat(d).replace(tzinfo=UTC).timestamp() / 3_600.0 for d in (begin, end))
        mine = table.filter((pol.col("hour") >= first - 1_000.0) & (pol.col("hour") < last))
        coins = tuple(c for c in COINS if not mine.filter(pol.col("hour") >= first)[f"{c} close"].has_nulls())
        hour = mine["hour"].to_numpy()
        closes = mine["BTC close"].to_numpy()
        fast, slow = volatility(closes, hour, FAST), volatility(closes, hour, SLOW)
        run = np.flatnonzero(hour >= first - 168.0)
        scalar = scalars(rule, hour[run], fast[run - 1], slow[run - 1])
        inside = np.flatnonzero(hour >= first)
        at = scalar[inside - run[0]]
        columns = []
        for coin in coins:
            o, h, low, c = (mine[f"{coin} {x}"].to_numpy()[inside] for x in ("open", "high", "low", "close"))
            up = c >= o
            columns.append(np.stack([np.where(up, low, h), np.where(up, h, low), c], axis=1).ravel())
        start = [float(mine[f"{c} open"].to_numpy()[inside[0]]) for c in coins]
        price = np.vstack([np.ones(len(coins)), np.array(columns).T / np.array(start)])
        found[name] = Crash(
            _path(name, coins, price), dict(zip(coins, start, strict=True)), np.append(at[0], np.repeat(at, 3))
        )
    return found


def _hours(folder: Path) -> pol.DataFrame:
    parts = []
    for file in HOURLY:
        table = pol.read_parquet(folder / file)
        name = next(c for c in table.columns if c.lower() in ("symbol", "ticker"))
        coin = pol.col(name).str.slice(0, 3).alias("coin")
        hour = (pol.col("time").dt.cast_time_unit("us").dt.epoch("s") / 3_600.0).alias("hour")
        parts.append(table.select(hour, coin, "open", "high", "low", "close"))
    whole = pol.concat(parts).unique(["hour", "coin"], keep="first").sort("hour")
    wide = whole.filter(pol.col("coin") == "BTC").select("hour", *(_named("BTC")))
    for c in COINS[1:]:
        wide = wide.join(whole.filter(pol.col("coin") == c).select("hour", *(_named(c))), on="hour", how="left")
    return wide.sort("hour")


def _named(coin: str) -> list[pol.Expr]:
    return [pol.col(x).alias(f"{coin} {x}") for x in ("open", "high", "low", "close")]


def _path(name: str, coins: tuple[str, ...], price: F64) -> StressPath:
    rows = price.shape[0]
    ones = np.ones((rows, len(coins)))
    return StressPath(
        name,
        STEP,
        coins,
        price,
        ones,
        ones,
        np.zeros(rows, dtype=np.int64),
        np.ones(rows),
        (),
        np.zeros((rows, 0)),
    )
