"""What a model asks for one asset at each moment: the tail of the margin period, point in time.

With `R[j, h]` the log return over h bars from bar j and `s[j]` the volatility that was known before it, the scenarios
at t are

```
R*[j, h] = R[j, h] * clip(s[t] / s[j], 1 / cap, cap)          all j with j + h <= t, the last `window` of them
tail(t, h) = the larger side's quantile (or expected shortfall) of the loss at `level`
```

where a long position loses `1 - exp(R*)` and a short one `exp(R*) - 1`. This is filtered historical simulation over
overlapping windows: no square root of time. The floor is the same measure of the plain returns of the whole past, up to
`floor_years`; the stressed rate is the plain measure of the window of `stress_window` bars in which it was largest so
far. Nothing after t is read. Sources: section 4 of the institutional models (filtered history, capped scaling), EMIR
RTS 153/2013 article 28.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Document, Positive, fault, refuse
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.kernels import expected_shortfall, value_at_risk
from plimsoll.rates.windows import Measure, window_tails

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bars = Annotated[int, Field(strict=True, ge=2, le=1_000_000)]


class TailRule(Document):
    """How the tail of an asset is measured. `decay` is lambda of the EWMA variance, `cap` the most that a return is
    scaled up or down, `window` the bars of filtered history, `least` those without which there is no rate."""

    SCHEMA: ClassVar[str] = "plimsoll.tail-rule"

    measure: Literal["var", "es"] = "var"
    level: Annotated[float, Field(strict=True, gt=0.5, lt=1)] = 0.99
    decay: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.97
    cap: Annotated[float, Field(strict=True, ge=1, le=100)] = 3.0
    window: Bars = 1000
    least: Bars = 250
    stress_window: Bars = 250
    floor_years: Positive = 10.0

    @model_validator(mode="after")
    def _enough(self) -> Self:
        for name in ("window", "stress_window"):
            if getattr(self, name) < self.least:
                raise fault(name, getattr(self, name), f"at least the {self.least} bars of least")
        return self


@dataclass(frozen=True, eq=False)
class TailSeries:
    """Rates of one asset at times `[T]` for each of `horizons[H]` bars, fractions of the notional.

    `tail`, `floor` and `stressed` are `[T, H]`; `sigma[T]` is the volatility of a bar known at each time. The first
    entry is at index `start` of the prices: before it there are fewer than `least` windows. `urged` is the tail under
    a forecast volatility where that one is higher, zero elsewhere.
    """

    times: I64
    horizons: tuple[int, ...]
    tail: F64
    floor: F64
    stressed: F64
    sigma: F64
    start: int
    urged: F64

    def at_horizon(self, series: F64, bars: F64 | float) -> F64:
        """`series[T, H]` at `bars` (`[T]` or one number), linear between horizons, the last one's beyond: `[T]`."""
        want = np.broadcast_to(np.asarray(bars, dtype=np.float64), self.times.shape)
        ends = np.array(self.horizons, dtype=np.float64)
        right = np.clip(np.searchsorted(ends, want), 1 if ends.size > 1 else 0, ends.size - 1)
        left = np.maximum(right - 1, 0)
        width = np.where(right > left, ends[right] - ends[left], 1.0)
        share = np.clip((want - ends[left]) / width, 0.0, 1.0)
        row = np.arange(self.times.size)
        found: F64 = series[row, left] * (1.0 - share) + series[row, right] * share
        return found


def tail_series(
    rule: TailRule,
    times: npt.ArrayLike,
    closes: npt.ArrayLike,
    horizons: tuple[int, ...],
    *,
    whole: int | None = None,
    forecast: npt.ArrayLike | None = None,
) -> TailSeries:
    """The rates that were known at each time, from `closes[T]` (USD, above zero) of one asset at `times[T]` (ns).

    A missing close is NaN; moves from it or to it do not count. A horizon's measure at t uses the windows that ended
    by t. The series begins where the horizon of `whole` bars (default: the longest) has `least` windows; longer ones
    have fewer at first, at least half. `forecast[T]` is another volatility of a bar (NaN: none) known at each time:
    where it is above `s[t]` it stands in `urged`, never anywhere else.

    Errors: `DocumentError` for prices that are no prices, a history shorter than `least` windows, or horizons that do
    not rise from at least one bar.
    """
    at, price = np.asarray(times, dtype=np.int64), np.asarray(closes, dtype=np.float64)
    whole = (horizons[-1] if horizons else 1) if whole is None else whole
    _check(rule, at, price, horizons, whole)
    logs = np.log(price)
    returns = np.diff(logs)
    variance = ewma_variance(returns, rule.decay)  # [T]: known before each return, and after the last
    sigma = np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))
    start = rule.least + whole - 1
    rows = np.arange(start, price.size, dtype=np.int64)
    higher = _above(forecast, sigma)
    tail, floor, urged = _measures(rule, logs, sigma, higher, rows, horizons, _bars(at, rule.floor_years))
    stressed = np.empty_like(tail)
    for c, h in enumerate(horizons):
        stressed[:, c] = _stressed(rule, logs[h:] - logs[:-h], start - h + 1, rows.size)
    # a longer period is never cheaper
    for series in (tail, floor, stressed, urged):
        np.maximum.accumulate(series, axis=1, out=series)
        series.flags.writeable = False
    return TailSeries(at[start:], horizons, tail, floor, stressed, sigma[start:], start, urged)


@dataclass(frozen=True, eq=False)
class Instants:
    """The bars of a series and the events between them: `bar[R]` is the row of the series that is known at each, and
    `price[R]` (USD) what the asset trades at where the bar has not ended and the price moved, NaN elsewhere."""

    times: I64
    bar: I64
    price: F64


def tails_between(
    rule: TailRule, series: TailSeries, times: I64, closes: F64, instants: Instants, forecast: F64 | None = None
) -> TailSeries:
    """The series with rows between its bars: each entry there is what `tail_series` would give if the bar ended at the
    price of that instant, and at least what the last bar gave. `forecast[R]` is the volatility of a bar that somebody
    else knew at each instant."""
    parts = {name: getattr(series, name)[instants.bar] for name in ("tail", "floor", "stressed", "urged", "sigma")}
    bars_of_floor = _bars(times, rule.floor_years)
    for r in np.flatnonzero(np.isfinite(instants.price)).tolist():
        t = series.start + int(instants.bar[r])
        now = _as_if(
            rule,
            series,
            np.append(closes[: t + 1], instants.price[r]),
            bars_of_floor,
            np.nan if forecast is None else float(forecast[r]),
        )
        for name, value in now.items():
            parts[name][r] = np.maximum(parts[name][r], value)
    for part in parts.values():
        part.flags.writeable = False
    return TailSeries(
        instants.times,
        series.horizons,
        parts["tail"],
        parts["floor"],
        parts["stressed"],
        parts["sigma"],
        series.start,
        parts["urged"],
    )


def _as_if(
    rule: TailRule, series: TailSeries, closes: F64, bars_of_floor: int, forecast: float
) -> dict[str, F64 | float]:
    """The last entry of `tail_series` of these closes, but for the stress windows before it."""
    logs = np.log(closes)
    sigma = np.sqrt(np.maximum(ewma_variance(np.diff(logs), rule.decay), np.finfo(np.float64).tiny))
    row = np.array([closes.size - 1])
    higher = np.where(forecast > sigma, forecast, 0.0)
    tail, floor, urged = _measures(rule, logs, sigma, higher, row, series.horizons, bars_of_floor)
    stressed = np.empty_like(tail)
    for c, h in enumerate(series.horizons):
        past = logs[h:] - logs[:-h]
        width = min(rule.stress_window, series.start - h + 1)
        stressed[0, c] = both_sides(rule, past[past.size - width :][~np.isnan(past[past.size - width :])])
    found = {"tail": tail, "floor": floor, "stressed": stressed, "urged": urged}
    return {name: np.maximum.accumulate(v, axis=1)[0] for name, v in found.items()} | {"sigma": float(sigma[-1])}


def both_sides(rule: TailRule, moves: F64) -> float:
    """The measure of the loss of the worse side, of equally likely log moves `[S]`, a fraction of the notional.

    >>> round(both_sides(TailRule(level=0.75, least=2), np.log([0.9, 1.0, 1.0, 1.3])), 6)
    0.0
    >>> round(both_sides(TailRule(level=0.75, least=2, measure="es"), np.log([0.9, 1.0, 1.0, 1.3])), 6)
    0.3
    """
    gains = np.expm1(moves)
    measure = value_at_risk if rule.measure == "var" else expected_shortfall
    long, short = np.asarray(measure(np.stack([-gains, gains]), rule.level), dtype=np.float64)
    return max(0.0, float(long), float(short)) + 0.0


def _measures(
    rule: TailRule, logs: F64, sigma: F64, higher: F64, rows: I64, horizons: tuple[int, ...], bars_of_floor: int
) -> tuple[F64, F64, F64]:
    """`tail`, `floor` and `urged`, each `[R, H]`, at the `rows` of a series of log prices; `higher[T]` is a forecast
    volatility where there is one above `sigma[T]`, zero elsewhere."""
    measure = Measure(rule.measure, rule.level, rule.cap)
    pressed = np.flatnonzero(higher[rows] > 0.0)
    tail, floor, urged = (np.zeros((rows.size, len(horizons))) for _ in range(3))
    for c, h in enumerate(horizons):
        moves = logs[h:] - logs[:-h]
        last = rows - h + 1  # windows that have ended
        first = np.maximum(1, last - rule.window)  # before the first return there is no volatility
        before = sigma[: moves.size]
        tail[:, c] = window_tails(measure, moves, first, last, before, sigma[rows])
        urged[pressed, c] = window_tails(measure, moves, first[pressed], last[pressed], before, higher[rows[pressed]])
        floor[:, c] = window_tails(measure, moves, np.maximum(0, last - bars_of_floor), last)
    return tail, floor, urged


def _stressed(rule: TailRule, moves: F64, first: int, count: int) -> F64:
    """The largest plain measure of a stress window up to each time `[count]`; windows of before the start count."""
    width = min(rule.stress_window, first)
    begins = np.arange(first + count - width, dtype=np.int64)
    found = window_tails(Measure(rule.measure, rule.level), moves, begins, begins + width)
    return np.asarray(np.maximum.accumulate(found)[first - width :])


def _above(forecast: npt.ArrayLike | None, sigma: F64) -> F64:
    """The forecast where it is above `sigma`, zero elsewhere."""
    if forecast is None:
        return np.zeros_like(sigma)
    found = np.asarray(forecast, dtype=np.float64)
    if found.shape != sigma.shape:
        raise refuse("forecast", f"shape {found.shape}", f"one volatility for each of {sigma.size} times")
    bad = ~(np.isnan(found) | ((found > 0) & np.isfinite(found)))
    if bad.any():
        raise refuse(
            f"forecast[{int(np.argmax(bad))}]", float(found[np.argmax(bad)]), "a volatility above zero, or NaN"
        )
    return np.asarray(np.where(found > sigma, found, 0.0))


def _bars(times: I64, years: float) -> int:
    step = float(np.median(np.diff(times)))
    return max(1, round(years * 365.0 * 86_400e9 / step))


def _check(rule: TailRule, times: I64, price: F64, horizons: tuple[int, ...], whole: int) -> None:
    if price.ndim != 1 or times.shape != price.shape:
        raise refuse("closes", f"shape {price.shape}", f"one price for each of {times.size} times")
    bad = ~(np.isnan(price) | ((price > 0) & np.isfinite(price)))
    if bad.any():
        raise refuse(f"closes[{int(np.argmax(bad))}]", float(price[np.argmax(bad)]), "a price above zero")
    there = int(np.isfinite(price).sum())
    if there < 0.9 * price.size:
        raise refuse("closes", f"{there} prices at {price.size} times", "a price at nine of ten times")
    if (np.diff(times) <= 0).any():
        raise refuse("times", "times that do not rise", "each time after the one before it")
    if not horizons or horizons[0] < 1 or any(b <= a for a, b in pairwise(horizons)):
        raise refuse("horizons", horizons, "whole bars from at least 1, rising")
    if whole not in horizons or horizons[-1] - whole > rule.least // 2:
        raise refuse(
            "whole", whole, f"one of {horizons} that leaves the longest half of the {rule.least} bars of least"
        )
    if price.size < rule.least + whole:
        raise refuse("closes", f"{price.size} prices", f"at least {rule.least + whole}")
