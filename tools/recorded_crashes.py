"""Five recorded crashes as paths of a cascade: BTC, ETH and SOL, three prices an hour, with the scalar of AVSL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pol

from measure_avsl import BAR, CRASHES, FAST, SLOW, bars, hours_of, thirds, volatility
from plimsoll.margin.avsl import ThresholdRule, scalars
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
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
    for name, days in CRASHES.items():
        first, last = hours_of(days)
        mine = table.filter((pol.col("hour") >= first - 1_000.0) & (pol.col("hour") < last))
        rows = mine.filter(pol.col("hour") >= first)
        coins = tuple(c for c in COINS if not rows[f"{c} close"].has_nulls())
        hour = mine["hour"].to_numpy()
        closes = mine["BTC close"].to_numpy()
        fast, slow = volatility(closes, hour, FAST), volatility(closes, hour, SLOW)
        run = np.flatnonzero(hour >= first - 168.0)
        scalar = scalars(rule, hour[run], fast[run - 1], slow[run - 1])
        inside = np.flatnonzero(hour >= first)
        at = scalar[inside - run[0]]
        columns = [thirds(rows.select(pol.col(f"{c} {x}").alias(x) for x in BAR)) for c in coins]
        start = [float(rows[f"{c} open"][0]) for c in coins]
        price = np.vstack([np.ones(len(coins)), np.array(columns).T / np.array(start)])
        found[name] = Crash(
            _path(name, coins, price), dict(zip(coins, start, strict=True)), np.append(at[0], np.repeat(at, 3))
        )
    return found


def _hours(folder: Path) -> pol.DataFrame:
    """Bars of all coins side by side, an hour of BTC in a row; nulls where a coin has none."""
    hour = (pol.col("time").dt.epoch("s") / 3_600.0).alias("hour")
    parts = [bars(folder, c).select(hour, *(pol.col(x).alias(f"{c} {x}") for x in BAR)) for c in COINS]
    wide = parts[0]
    for part in parts[1:]:
        wide = wide.join(part, on="hour", how="left")
    return wide.sort("hour")


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
