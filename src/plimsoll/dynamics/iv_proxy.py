"""Implied volatility for days without a surface: a declared proxy, and how wrong it is, for others to carry on.

Nothing here is a quote. What is computed with it is marked `iv: proxy` in every table, and a claim about options
stands only with the errors of `IvProxy.errors` carried through it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Document, NonNegative, Number, Part, Positive, refuse
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.dynamics.factors import SmileFactors

F64 = npt.NDArray[np.float64]

LABEL = "iv: proxy"
"""What stands beside every number that follows from the proxy."""

LevelSource = Literal["dvol", "realised"]


class ShapeOf(Part):
    """The fixed shape of one coin's smile, in units of the level, and the index over the level.

    `skew`, `curvature`, `slope` as `SmileFactors`, over its level; `index_ratio` is the 30-day variance level (what a
    volatility index shows) over the level at the money.
    """

    skew: Number
    curvature: Number
    slope: Number
    index_ratio: Positive


class ErrorRows(Part):
    """Errors of one coin and source of the level, on days that chose nothing.

    `rows[day][tenor * len(steps) + step]` is `ln(market volatility / proxy)` at each tenor and step of the pack's grid.
    """

    coin: str
    source: LevelSource
    rows: tuple[tuple[Number, ...], ...]


class IvProxyPack(Document):
    """The proxy's numbers, what they were chosen on, and the errors on other days.

    Level from realised volatility: `ln(index) = intercept + slope * ln(sigma)`, `sigma` the annual EWMA volatility at
    `lam`. The grid of the errors: `days` to expiry and `steps` of `z = k / (vol at the money * sqrt(tau))`.
    """

    SCHEMA: ClassVar[str] = "plimsoll.iv-proxy"

    chosen_on: str
    measured_on: str
    source: str
    lam: Positive
    intercept: Number
    slope: Number
    level_spread: NonNegative
    shapes: dict[str, ShapeOf]
    days: tuple[Positive, ...]
    steps: tuple[Number, ...]
    errors: tuple[ErrorRows, ...]


@dataclass(frozen=True)
class ProxyErrors:
    """`[n, D, Z]` log errors, market over proxy, at `days` and `steps`; each of `n` is one whole day's surface.

    A draw takes a whole day, so that what is wrong together stays wrong together. The days follow each other: `n` days
    hold fewer than `n` independent surfaces.
    """

    table: F64
    days: F64
    steps: F64

    def __len__(self) -> int:
        return len(self.table)

    def factor(self, day: int | npt.NDArray[np.int64], z: npt.ArrayLike, tau: npt.ArrayLike) -> F64:
        """What the proxy has to be multiplied by on `day` at `z` and `tau` years, which broadcast.

        Flat beyond the grid, linear in `z` and in the logarithm of the tenor.
        """
        where = np.log(np.asarray(tau, dtype=np.float64) * 365.0)
        z, where = np.broadcast_arrays(np.asarray(z, dtype=np.float64), where)
        i, u = _place(np.log(self.days), where)
        j, v = _place(self.steps, z)
        rows = self.table
        low = rows[day, i, j] * (1.0 - v) + rows[day, i, j + 1] * v
        high = rows[day, i + 1, j] * (1.0 - v) + rows[day, i + 1, j + 1] * v
        result: F64 = np.exp(low * (1.0 - u) + high * u)
        return result

    def quantiles(self, probabilities: npt.ArrayLike) -> F64:
        """`[P, D, Z]` quantiles of the log error over the days."""
        result: F64 = np.quantile(self.table, np.asarray(probabilities, dtype=np.float64), axis=0)
        return result


def _place(grid: F64, x: F64) -> tuple[npt.NDArray[np.intp], F64]:
    i = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, len(grid) - 2)
    share = np.clip((x - grid[i]) / (grid[i + 1] - grid[i]), 0.0, 1.0)
    return i, np.asarray(share, dtype=np.float64)


@dataclass(frozen=True)
class IvProxy:
    """The proxy of one coin: a level that moves, by an index or by realised volatility, and a fixed shape."""

    pack: IvProxyPack
    coin: str
    label: str = LABEL

    @classmethod
    def load(cls, coin: str) -> IvProxy:
        """The shipped proxy; coins it was not measured on are refused, for nobody knows how wrong it would be."""
        pack = shipped()
        if coin not in pack.shapes:
            raise refuse("coin", coin, f"one of {', '.join(sorted(pack.shapes))}")
        return cls(pack, coin)

    def level_from_index(self, index: npt.ArrayLike) -> F64:
        """Level at the money, 30 days, from a volatility index as a decimal (0.45, not 45); NaN stays NaN."""
        x = np.asarray(index, dtype=np.float64)
        if (x <= 0.0).any() or (x > 10.0).any():
            raise refuse("index", float(np.nanmax(x)), "a volatility above 0 and up to 10, as a decimal")
        result: F64 = x / self.pack.shapes[self.coin].index_ratio
        return result

    def level_from_returns(self, returns: npt.ArrayLike, *, per_year: float = 365.0) -> F64:
        """`[T+1]` levels, each known *before* return `t`, from `[T]` daily log returns; NaN before the first."""
        variance = ewma_variance(returns, self.pack.lam)
        if variance.ndim != 1:
            raise refuse("returns", f"shape {variance.shape}", "shape [T]")
        with np.errstate(divide="ignore"):
            index = np.exp(self.pack.intercept + self.pack.slope * 0.5 * np.log(per_year * variance))
        result: F64 = index / self.pack.shapes[self.coin].index_ratio
        return result

    def factors(self, level: float) -> SmileFactors:
        """The smile at one level."""
        if not (math.isfinite(level) and level > 0.0):
            raise refuse("level", level, "a volatility above 0, as a decimal")
        shape = self.pack.shapes[self.coin]
        return SmileFactors(level, shape.skew * level, shape.curvature * level, shape.slope * level)

    def vol(self, k: npt.ArrayLike, tau: npt.ArrayLike, level: float) -> F64:
        """Proxy volatility at log-moneyness `k` and `tau` years (they broadcast)."""
        return self.factors(level).vol(k, tau)

    def vol_with_error(
        self, k: npt.ArrayLike, tau: npt.ArrayLike, level: float, *, source: LevelSource, day: int
    ) -> F64:
        """The proxy as wrong as it was on one of the days of `errors(source)`: a draw of what may have been true.

        `day` from 0 to `len(errors(source)) - 1`. The `z` of the errors is that of the market, so that of this draw.
        """
        years, wrong = np.asarray(tau, dtype=np.float64), self.errors(source)
        if not 0 <= day < len(wrong):
            raise refuse("day", day, f"0 to {len(wrong) - 1}")
        atm = self.vol(0.0, years, level) * wrong.factor(day, 0.0, years)
        z = np.asarray(k, dtype=np.float64) / (atm * np.sqrt(years))
        result: F64 = self.vol(k, years, level) * wrong.factor(day, z, years)
        return result

    def errors(self, source: LevelSource) -> ProxyErrors:
        """Errors with the level from `source`, on days that chose nothing."""
        found = [e for e in self.pack.errors if (e.coin, e.source) == (self.coin, source)]
        if not found:
            raise refuse("source", source, "dvol or realised")
        days, steps = np.asarray(self.pack.days), np.asarray(self.pack.steps)
        table = np.asarray(found[0].rows).reshape(-1, len(days), len(steps))
        return ProxyErrors(table, days, steps)


@lru_cache(maxsize=1)
def shipped() -> IvProxyPack:
    """The pack that comes with the library."""
    text = resources.files("plimsoll.dynamics").joinpath("data/iv-proxy.json").read_text(encoding="utf-8")
    return IvProxyPack.from_json(text)
