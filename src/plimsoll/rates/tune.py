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

from plimsoll.documents import format_instant, refuse
from plimsoll.market.history import instant_of
from plimsoll.rates.governor import DAY_NS, GovernorRule, Published, govern
from plimsoll.validate.procyclicality import largest_rise_within, peak_to_trough

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Series:
    """One asset: what the governor reads `[T]`, and `losses[T, 2]`, what a long and a short position lose over the
    margin period that begins at each time (fractions of the notional; NaN where it has not ended). The judge alone
    reads the losses."""

    name: str
    times: I64
    raw: F64
    floor: F64
    stressed: F64
    losses: F64

    def part(self, start: int, end: int) -> slice:
        """Indices of the times from `start` to `end` ns, the end not included."""
        return slice(int(np.searchsorted(self.times, start)), int(np.searchsorted(self.times, end)))


@dataclass(frozen=True)
class Score:
    """Of a published rate over a part of time: all assets, long and short.

    `coverage` is the part of the losses that were at most the rate; `worst_coverage` that of the worst asset and side.
    `peak_to_trough` is the largest over assets, as `rise_30d`, the largest relative rise within 30 days. `mean` is the
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
    hit = counted = changes = 0
    worst, peak, rise, years = 1.0, 1.0, 0.0, 0.0
    means: list[float] = []
    short: list[float] = []
    for series, rate, changed in rates:
        part = series.part(start, end)
        charged, lost = rate[part], series.losses[part]
        known = np.isfinite(lost).all(axis=1)
        if not known.any():
            raise refuse(f"{series.name}.losses", "none", f"a margin period that ended between {start} and {end} ns")
        beyond = lost[known] - charged[known, None]
        hit, counted = hit + int((beyond <= 0).sum()), counted + beyond.size
        worst = min(worst, float((beyond <= 0).mean(axis=0).min()))
        times = series.times[part]
        step_days = float(np.median(np.diff(times))) / DAY_NS
        peak = max(peak, peak_to_trough(charged))
        rise = max(rise, largest_rise_within(charged, max(1, round(30.0 / step_days))))
        means.append(float(charged.mean()))
        short += beyond[beyond > 0].tolist()
        changes += sum(1 for k in changed if part.start < k < part.stop)
        years += float(times[-1] - times[0]) / (365.0 * DAY_NS)
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


def losses(closes: npt.ArrayLike, bars: int) -> F64:
    """`[T, 2]` fractions of the notional that a long and a short lose over the next `bars`; NaN at the end and where a
    price is missing.

    >>> losses([100.0, 90.0, 99.0], 1).round(6).tolist()
    [[0.1, -0.1], [-0.1, 0.1], [nan, nan]]
    """
    price = np.asarray(closes, dtype=np.float64)
    found = np.full((price.size, 2), np.nan)
    move = price[bars:] / price[:-bars] - 1.0
    found[:-bars, 0], found[:-bars, 1] = -move, move
    return found


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
    first = max(int(s.times[0]) for s in assets)
    if not first < split < end - 1:
        first_day, last_day = (format_instant(instant_of(t)) for t in (first, end - 1))
        raise refuse(
            "split", format_instant(instant_of(split)), f"between {first_day} and {last_day}, where all have rates"
        )
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
    open_at_end = int((~np.isfinite(series.losses[::-1]).all(axis=1)).argmin())
    lost = series.losses[part].copy()
    lost[max(0, len(lost) - open_at_end) :] = np.nan
    return Series(series.name, series.times[part], series.raw[part], series.floor[part], series.stressed[part], lost)


def _judged(rule: GovernorRule, assets: Sequence[Series], start: int, end: int) -> Score:
    found = []
    for series in assets:
        rates = published(rule, series)
        found.append((series, rates.rate, [c.announced for c in rates.changes]))
    return score(found, start, end)
