"""What size adds to a rate: a longer period, the cost of closing, and the jump of a hedge's correlation.

```
period(size)  the margin period, with closing at a part of the stressed volume
raw(size)     tail(period(size)) + close-out cost(size) / size + hedge jump
```

Capabilities K8 and K11. The stressed volume is the median of the last `volume_days` less the part `stress`; the
close-out cost is that of `plimsoll.margin.addons.liquidity`: the levels of the order book less the same part where one
is known (`plimsoll.rates.depth`), the square-root law beyond it and without one. Past-only like everything here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field, model_validator

from plimsoll.documents import Fraction, NonNegative, Part, Positive, fault, refuse
from plimsoll.margin.period import HOURS, MarginPeriod, closing_hours, margin_period
from plimsoll.rates.depth import KnownBooks
from plimsoll.rates.raw import TailSeries

F64 = npt.NDArray[np.float64]


class SizeRule(Part):
    """How rates grow with size. `sizes` are the ends of the tiers in USD; the rate of a tier is that of its end.

    `period` is the margin period, `participation` the part of the stressed volume at which a position is closed,
    `stress` the part of the volume, and of the depth of a book, that is gone when it is needed, `impact` the Y of the
    square-root law, `free` the part of a day's volume that costs nothing. A book counts for `book_days`; its levels
    within `within` of the middle count, and their depth comes back `refills` times a day. `hedged` is the part of the
    open interest that leans on a hedge in the lead asset. Evidence of `refills` and of `hedged`: assumed; how far
    rates move with them is measured in `docs/validation/rates.md`. `maintenance` is the maintenance rate over the
    initial one.
    """

    sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1e5, 1e6, 1e7, 5e7, 2e8)
    period: MarginPeriod = MarginPeriod(detection=1.0, call=4.0, close_out=18.0, settlement=1.0)
    participation: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.1
    stress: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.5
    impact: NonNegative = 1.0
    free: NonNegative = 0.0
    book_days: Positive = 30.0
    within: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.01
    refills: Positive = 288.0
    volume_days: Annotated[int, Field(strict=True, ge=1, le=3650)] = 30
    hedged: Fraction = 0.3
    correlation_days: Annotated[int, Field(strict=True, ge=10, le=3650)] = 60
    maintenance: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for n, (low, high) in enumerate(zip(self.sizes, self.sizes[1:], strict=False)):
            if not high > low:
                raise fault(f"sizes[{n + 1}]", high, f"a size above {low:g}")
        return self


@dataclass(frozen=True, eq=False)
class SizedRates:
    """Parts of the raw rate of each tier at each time, `[T, K]`, fractions of the notional; they add up to `raw`.

    `floor` and `stressed` are those of the history with the same additions, `urged` what a forecast volatility above
    the known one asks for, zero where there is none. `period` is in days.
    """

    tail: F64
    close_out: F64
    hedge_jump: F64
    period: F64
    floor: F64
    stressed: F64
    urged: F64

    @property
    def raw(self) -> F64:
        """What the model asks for."""
        found: F64 = self.tail + self.close_out + self.hedge_jump
        return found


def sized_rates(
    rule: SizeRule,
    tails: TailSeries,
    volume: F64,
    jump: F64 | float = 0.0,
    books: KnownBooks | None = None,
    *,
    step_days: float | None = None,
) -> SizedRates:
    """The raw rates `[T, K]` of all tiers; `volume[T]` is the stressed volume of a day in USD, `jump[T]` that of the
    hedge's correlation in units of the tail (`hedge_jump`), `books` those known at each time. Of a book's two sides
    the dearer counts. The floor and the stressed rate have the same additions."""
    if volume.shape != tails.times.shape:
        raise refuse("volume", f"shape {volume.shape}", f"one volume for each of {tails.times.size} times")
    count, kinds = tails.times.size, len(rule.sizes)
    parts = {name: np.empty((count, kinds)) for name in ("tail", "close_out", "period", "floor", "stressed", "urged")}
    step_days = float(np.median(np.diff(tails.times))) / 86_400e9 if step_days is None else step_days
    known = KnownBooks.at(rule, (), tails.times) if books is None else books
    daily = tails.sigma / math.sqrt(step_days)
    parts["close_out"][:] = [
        [max(c.cost(size) for c in known.closings(rule, t, float(v), float(s))) / size for size in rule.sizes]
        for t, (v, s) in enumerate(zip(volume, daily, strict=True))
    ]
    out = known.volume(rule, volume)
    for k, size in enumerate(rule.sizes):
        closing = closing_hours(np.full(volume.shape, size), out, rule.participation)
        days = margin_period(rule.period, closing) / HOURS
        bars = days / step_days
        parts["period"][:, k] = days
        for name in ("tail", "floor", "stressed", "urged"):
            parts[name][:, k] = tails.at_horizon(getattr(tails, name), bars)
    lost = rule.hedged * np.asarray(jump, dtype=np.float64).reshape(-1, 1)
    leap = parts["tail"] * lost
    extra = parts["close_out"] + leap
    urged = parts["urged"] * (1.0 + lost) + parts["close_out"]
    return SizedRates(
        parts["tail"],
        parts["close_out"],
        leap,
        parts["period"],
        parts["floor"] + extra,
        parts["stressed"] + extra,
        np.where(parts["urged"] > 0.0, urged, 0.0),
    )


def stressed_volume(rule: SizeRule, volume: npt.ArrayLike, step_days: float) -> F64:
    """USD a day that can be counted on at each bar `[T]`, from the traded USD of each bar `[T]`: median of the past
    `volume_days`, less the part `stress`. A missing bar (NaN) does not count; bars before the first full window take
    what there is."""
    traded = np.asarray(volume, dtype=np.float64) / step_days
    bad = ~(np.isnan(traded) | ((traded >= 0) & np.isfinite(traded)))
    if bad.any():
        raise refuse(f"volume[{int(np.argmax(bad))}]", float(traded[np.argmax(bad)]), "a volume of at least zero")
    width = min(max(1, round(rule.volume_days / step_days)), traded.size)
    medians = np.nanmedian(sliding_window_view(np.concatenate([np.full(width - 1, np.nan), traded]), width), axis=1)
    found = medians * (1.0 - rule.stress)
    if not (found > 0).all():
        at = int(np.argmin(found > 0))
        raise refuse(f"volume[{at}]", float(found[at]), "a volume above zero in half of the days up to it")
    return np.asarray(found)


def hedge_jump(correlation: npt.ArrayLike, low: npt.ArrayLike) -> F64:
    """How much of a position's own tail a hedge loses when its correlation falls from `correlation` to `low`.

    The hedge with the least variance at `rho` leaves `sqrt(1 - rho^2)` of the volatility; at `rho_low` the same hedge
    leaves `sqrt(1 - 2 rho rho_low + rho^2)`. The difference, at least zero.

    >>> hedge_jump(0.8, 0.3).round(6).tolist(), hedge_jump(0.3, 0.8).tolist()
    (0.477033, 0.0)
    """
    now = np.clip(np.asarray(correlation, dtype=np.float64), 0.0, 1.0)
    then = np.clip(np.asarray(low, dtype=np.float64), -1.0, 1.0)
    after = np.sqrt(np.maximum(1.0 - 2.0 * now * then + now**2, 0.0))
    jump: F64 = np.maximum(after - np.sqrt(1.0 - now**2), 0.0)
    return jump


def correlations(rule: SizeRule, lead: F64, other: F64, step_days: float) -> tuple[F64, F64]:
    """Rolling correlation of two return series `[T]` at each bar, and the lowest 1 % quantile of it so far; zero before
    the first whole window. A return that is missing in one of them counts as zero in both."""
    there = np.isfinite(lead) & np.isfinite(other)
    lead, other = np.where(there, lead, 0.0), np.where(there, other, 0.0)
    width = max(2, round(rule.correlation_days / step_days))
    if lead.size < width:
        return np.zeros(lead.size), np.zeros(lead.size)
    x, y = sliding_window_view(lead, width), sliding_window_view(other, width)
    dx, dy = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    size = np.sqrt((dx**2).sum(axis=1) * (dy**2).sum(axis=1))
    rho = np.divide((dx * dy).sum(axis=1), size, out=np.zeros_like(size), where=size > 0)
    low = np.array([np.quantile(rho[: k + 1], 0.01) for k in range(rho.size)])
    before = np.zeros(width - 1)
    return np.concatenate([before, rho]), np.concatenate([before, low])
