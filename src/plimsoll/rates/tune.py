"""The cheapest governor that covers: searched on one part of a history, frozen, and judged once on the rest.

Of all rules of a grid, those count whose coverage on the first part is not below the wanted level and whose
peak-to-trough stays within its limit; the cheapest has the lowest mean rate. The parameters' hash is taken before the
second part is read. Capabilities K11: coverage, cheapness and smoothness cannot all improve, so the whole frontier is
returned with the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.rates.governor import GovernorRule, Published, govern

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Series:
    """One asset: what the governor reads `[T]`, and `loss[T]`, the larger side's loss over the margin period that
    begins at each time (NaN where it has not ended): that is read by the judge only."""

    times: I64
    raw: F64
    floor: F64
    stressed: F64
    loss: F64

    def part(self, start: int, end: int) -> slice:
        """Indices of the times from `start` to `end` ns, the end not included."""
        return slice(int(np.searchsorted(self.times, start)), int(np.searchsorted(self.times, end)))


@dataclass(frozen=True)
class Score:
    """Of a published rate over a part of time, all assets together.

    `coverage` is the part of periods whose loss was at most the rate; `worst_coverage` that of the worst asset.
    `peak_to_trough` is the largest over assets, as `rise_30d`, the largest rise over 30 days as a factor. `mean` is the
    mean rate, `shortfall` the mean loss beyond the rate where there was one, `changes` those of an average year.
    """

    coverage: float
    worst_coverage: float
    mean: float
    peak_to_trough: float
    rise_30d: float
    shortfall: float
    changes: float
    periods: int


@dataclass(frozen=True)
class Tried:
    """A rule of the grid and its score on the first part."""

    rule: GovernorRule
    score: Score


@dataclass(frozen=True)
class Tuned:
    """The choice, its score on both parts, the hash of its parameters as frozen, and everything that was tried."""

    rule: GovernorRule
    frozen: str
    before: Score
    after: Score
    tried: tuple[Tried, ...]


def grid(
    buffers: Sequence[float] = (0.0, 0.1, 0.25),
    weights: Sequence[float] = (0.0, 0.25),
    floors: Sequence[bool] = (False, True),
    ups: Sequence[float | None] = (0.1, 0.25, None),
    downs: Sequence[float | None] = (0.005, 0.02, 0.05, None),
    notices: Sequence[float] = (24.0,),
) -> list[GovernorRule]:
    """All combinations in which a rate does not fall faster than it rises, in a fixed order."""
    found = []
    for b, w, f, u, d, n in product(buffers, weights, floors, ups, downs, notices):
        if u is None or d is None or np.log1p(u) >= -np.log1p(-d):
            found.append(GovernorRule(buffer=b, stress_weight=w, floor=f, up_per_day=u, down_per_day=d, notice_hours=n))
    return found


def published(rule: GovernorRule, series: Series) -> Published:
    """The rates in force of one asset."""
    return govern(rule, series.times, series.raw, floor=series.floor, stressed=series.stressed)


def score(rates: Sequence[tuple[Series, F64, Sequence[int]]], start: int, end: int) -> Score:
    """Of each asset's series with the rate `[T]` in force and the indices of its changes, from `start` to `end` ns."""
    hit = counted = 0
    worst, peak, rise, means, short, changes, years = 1.0, 1.0, 1.0, [], [], 0, 0.0
    for series, rate, changed in rates:
        part = series.part(start, end)
        loss, charged = series.loss[part], rate[part]
        known = np.isfinite(loss)
        if not known.any():
            raise refuse("start", start, "a part of the history in which a margin period ended")
        covered = loss[known] <= charged[known]
        hit, counted = hit + int(covered.sum()), counted + int(known.sum())
        worst = min(worst, float(covered.mean()))
        peak = max(peak, float(charged.max() / charged.min()))
        rise = max(rise, largest_rise(series.times[part], charged, 30.0))
        means.append(float(charged.mean()))
        short += (loss[known] - charged[known])[~covered].tolist()
        changes += sum(1 for k in changed if part.start <= k < part.stop)
        years += float(series.times[part][-1] - series.times[part][0]) / (365.0 * 86_400e9)
    return Score(
        hit / counted,
        worst,
        float(np.mean(means)),
        peak,
        rise,
        float(np.mean(short)) if short else 0.0,
        changes / max(years, 1e-9),
        counted,
    )


def largest_rise(times: I64, rate: F64, days: float) -> float:
    """The largest factor by which the rate rose within so many days; 1 where it never rose.

    >>> largest_rise(np.arange(3) * 86_400_000_000_000, np.array([0.1, 0.05, 0.15]), 1.0)
    3.0
    """
    most, span = 1.0, int(days * 86_400e9)
    first = np.searchsorted(times, times - span)
    for k in range(rate.size):
        most = max(most, float(rate[k] / rate[first[k] : k + 1].min()))
    return round(most, 12)


def tune(
    assets: Sequence[Series],
    rules: Iterable[GovernorRule],
    split: int,
    *,
    coverage: float = 0.99,
    peak_to_trough: float | None = None,
    told: Callable[[int], None] | None = None,
) -> Tuned:
    """The cheapest of `rules` on the times before `split` ns, and its score from there on.

    Raises `DocumentError` when no rule covers `coverage` within `peak_to_trough`, with the best that was found.
    """
    begin = min(int(s.times[0]) for s in assets)
    end = max(int(s.times[-1]) for s in assets) + 1
    early = [_cut(s, split) for s in assets]
    tried = []
    for n, rule in enumerate(rules):
        tried.append(Tried(rule, _judged(rule, early, begin, split)))
        if told is not None:
            told(n + 1)
    fit = [t for t in tried if t.score.coverage >= coverage]
    if peak_to_trough is not None:
        fit = [t for t in fit if t.score.peak_to_trough <= peak_to_trough]
    if not fit:
        best = max(t.score.coverage for t in tried)
        raise refuse("peak_to_trough", peak_to_trough, f"a limit that some rule meets (best coverage {best:.2%})")
    chosen = min(fit, key=lambda t: t.score.mean)
    frozen = chosen.rule.hash()
    return Tuned(chosen.rule, frozen, chosen.score, _judged(chosen.rule, assets, split, end), tuple(tried))


def _cut(series: Series, split: int) -> Series:
    """The series before `split`, without losses of periods that end later."""
    part = series.part(int(series.times[0]), split)
    period = series.times.size - int(np.isfinite(series.loss).sum())
    loss = series.loss[part].copy()
    loss[max(0, loss.size - period) :] = np.nan
    return Series(series.times[part], series.raw[part], series.floor[part], series.stressed[part], loss)


def _judged(rule: GovernorRule, assets: Sequence[Series], start: int, end: int) -> Score:
    found = []
    for series in assets:
        rates = published(rule, series)
        found.append((series, rates.rate, [c.announced for c in rates.changes]))
    return score(found, start, end)
