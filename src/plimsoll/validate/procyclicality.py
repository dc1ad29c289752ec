"""How a margin moves with the market: its steps, its cost over the cycle, and what it left uncovered.

Any series will do, raw or governed: rates in the order of time, one for each day (or whatever the step is), as a
fraction of notional or as money for a constant book. The measures follow Murphy, Vasios and Vause (Bank of England
Financial Stability Paper 29, 2014; Working Paper 597, 2016) and Working Paper 950 (2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.validate.result import F64, checked_level, checked_series

HORIZONS = (1, 5, 30)
"""Days over which the largest rise is told."""


def peak_to_trough(rates: npt.ArrayLike) -> float:
    """Largest rate over the smallest, at least 1. Rates must be above zero."""
    series = checked_series(rates, "rates", positive=True)
    return float(series.max() / series.min())


def largest_rise(rates: npt.ArrayLike, days: int) -> float:
    """Largest relative rise from a day to one exactly `days` later (0.5: by half), never below zero.

    A series of at most `days` entries has none: zero.
    """
    series = checked_series(rates, "rates", positive=True)
    if days < 1:
        raise refuse("days", days, "at least 1")
    if series.size <= days:
        return 0.0
    return float(max(0.0, (series[days:] / series[:-days]).max() - 1.0))


def largest_rise_within(rates: npt.ArrayLike, days: int) -> float:
    """Largest relative rise from a day to any of the next `days`: what a member may be asked for within that time."""
    return max((largest_rise(rates, n) for n in range(1, days + 1)), default=0.0)


def extra_cost(rates: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Average margin over the cycle against that of another schedule on the same days: 0.1 is a tenth more."""
    series = checked_series(rates, "rates", positive=True)
    other = checked_series(reference, "reference", like=series.size, positive=True)
    return float(series.mean() / other.mean() - 1.0)


def realised_quantile(losses: npt.ArrayLike, level: float) -> float:
    """The loss that `level` of the days exceeded (0.01: the 99 % loss), by the order statistic above the rank.

    Of 250 losses at 0.01 it is the third largest: at most 1 % of the days lost more.
    """
    realised = checked_series(losses, "losses")
    p = checked_level(level)
    rank = min(int(np.floor(realised.size * p + 1e-9)), realised.size - 1)
    return float(np.sort(realised)[::-1][rank])


def conservatism(rates: npt.ArrayLike, losses: npt.ArrayLike, level: float = 0.01) -> float:
    """Mean margin over the loss that a constant margin would have needed in hindsight to cover all but `level`.

    1 is as much as the best constant margin; infinite where no loss had to be covered.
    """
    series = checked_series(rates, "rates", positive=True)
    needed = realised_quantile(checked_series(losses, "losses", like=series.size), level)
    return float(series.mean() / needed) if needed > 0 else float("inf")


def over_margin(rates: npt.ArrayLike, losses: npt.ArrayLike) -> float:
    """Share of the margin held that no loss used: `Σ max(0, margin − max(0, loss)) / Σ margin`, between 0 and 1."""
    series = checked_series(rates, "rates", positive=True)
    used = np.clip(checked_series(losses, "losses", like=series.size), 0.0, series)
    return float((series - used).sum() / series.sum())


@dataclass(frozen=True)
class Shortfall:
    """Losses beyond the margin, in its unit. `mean` and `largest` are over the exceptions and zero without one;
    `share` is their total over the total of the margin held."""

    exceptions: int
    days: int
    coverage: float
    mean: float
    largest: float
    share: float


def shortfall(rates: npt.ArrayLike, losses: npt.ArrayLike) -> Shortfall:
    """What the margin did not cover: number, mean, largest and total over the margin held."""
    series = checked_series(rates, "rates", positive=True)
    beyond = checked_series(losses, "losses", like=series.size) - series
    beyond = beyond[beyond > 0]
    count = int(beyond.size)
    mean, largest = (float(beyond.mean()), float(beyond.max())) if count else (0.0, 0.0)
    return Shortfall(count, series.size, 1 - count / series.size, mean, largest, float(beyond.sum() / series.sum()))


@dataclass(frozen=True)
class Profile:
    """The measures of one schedule on one history. Ratios have no unit; `mean` and the shortfall have the rates'."""

    name: str
    mean: float
    peak_to_trough: float
    rises: Mapping[int, float]
    cost: float | None
    shortfall: Shortfall
    over_margin: float
    conservatism: float
    too_conservative: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; a conservatism without bound is `null`."""
        out = asdict(self)
        out["rises"] = {str(n): rise for n, rise in self.rises.items()}
        out["conservatism"] = self.conservatism if np.isfinite(self.conservatism) else None
        return out


def profile(
    rates: npt.ArrayLike,
    losses: npt.ArrayLike,
    *,
    name: str = "",
    level: float = 0.01,
    reference: npt.ArrayLike | None = None,
    horizons: Sequence[int] = HORIZONS,
    ceiling: float = 2.0,
) -> Profile:
    """Every measure of a schedule against the losses of the same days.

    `reference` is the schedule whose mean the cost is told against (the raw one, usually). A schedule whose
    `conservatism` is above `ceiling` holds that many times the margin that hindsight needed and is marked
    `too_conservative`: coverage can always be bought with money.
    """
    series = checked_series(rates, "rates", positive=True)
    ratio = conservatism(series, losses, level)
    return Profile(
        name,
        float(series.mean()),
        peak_to_trough(series),
        {n: largest_rise(series, n) for n in horizons},
        None if reference is None else extra_cost(series, reference),
        shortfall(series, losses),
        over_margin(series, losses),
        ratio,
        ratio > ceiling,
    )


def frontier(points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points no other is at least as good as in everything and better in something; smaller is better.

    `points` has shape (n, k), such as mean margin, exceptions and peak-to-trough; the answer has shape (n,). Equal
    points are all on the frontier.
    """
    values = np.asarray(points, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise refuse("points", f"an array of shape {values.shape}", "finite numbers, a row for each schedule")
    kept = np.ones(len(values), dtype=np.bool_)
    for i, row in enumerate(values):
        beaten = (values <= row).all(axis=1) & (values < row).any(axis=1)
        kept[i] = not beaten.any()
    return kept


def frontier_of(profiles: Iterable[Profile]) -> list[Profile]:
    """The profiles that none beats in mean margin, share of exceptions and peak-to-trough together, cheapest first."""
    found = list(profiles)
    if not found:
        return []
    rows: F64 = np.array([(p.mean, 1 - p.shortfall.coverage, p.peak_to_trough) for p in found])
    return sorted((p for p, kept in zip(found, frontier(rows), strict=True) if kept), key=lambda p: p.mean)
