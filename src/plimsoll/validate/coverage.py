"""Did a forecast of a tail loss cover: how many exceptions there were, and whether they came together.

An exception (`hit`) is a day whose loss was larger than the forecast; `level` is the share of days on which that
should happen (0.01 for a forecast at 99 %). The tests with a chi-square distribution reject a right forecast of 250
days at 1 % about twice as often as they say; `exact=True` and simulated p-values keep their size: a gate uses those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy
from scipy.stats import beta, binom, chi2

from plimsoll.documents import refuse
from plimsoll.validate.result import F64, Hits, Test, checked_hits, checked_level

DRAWS = 999
"""Simulated series behind a p-value: with 999 the p-value 0.05 has a standard error of 0.007."""

Side = Literal["both", "too many"]


def likelihood_ratio(count: npt.ArrayLike, days: int, level: float) -> F64:
    """Kupiec's statistic for `count` exceptions (any shape) in `days`; zero where the share is exactly `level`.

    `-2 ln[(1-p)^(T-x) p^x / ((1-x/T)^(T-x) (x/T)^x)]` with `0 ln 0 = 0`: Kupiec (1995), Journal of Derivatives 3(2).
    """
    x = np.asarray(count, dtype=np.float64)
    share = x / days
    right = xlogy(x, level) + xlogy(days - x, 1 - level)
    found = xlogy(x, share) + xlogy(days - x, 1 - share)
    ratio: F64 = np.maximum(-2.0 * (right - found), 0.0)
    return ratio


def kupiec(hits: npt.ArrayLike, level: float, *, exact: bool = False, side: Side = "both") -> Test:
    """Proportion of failures: is the share of exceptions the one that was promised?

    By default Kupiec's likelihood ratio against chi-square with one degree. With `exact` the p-value is the chance,
    under the binomial distribution, of a count at least as unlikely by that same ratio; with `side="too many"` it is
    that of at least as many exceptions, which is what a margin is held to (more coverage than promised is no fault of
    coverage).
    """
    found, p = checked_hits(hits), checked_level(level)
    days, count = found.size, int(found.sum())
    ratio = float(likelihood_ratio(count, days, p))
    detail = {"exceptions": count, "days": days, "share": count / days, "level": p}
    if side == "too many":
        return Test("Kupiec, one-sided", ratio, float(binom.sf(count - 1, days, p)), None, "exact", True, detail)
    if side != "both":
        raise refuse("side", side, "'both' or 'too many'")
    if exact:
        counts = np.arange(days + 1)
        as_far = likelihood_ratio(counts, days, p) >= ratio * (1 - 1e-12) - 1e-12
        chance = min(float(binom.pmf(counts[as_far], days, p).sum()), 1.0)
        return Test("Kupiec", ratio, chance, None, "exact", True, detail)
    return Test("Kupiec", ratio, float(chi2.sf(ratio, 1)), 1, "chi-square", True, detail)


def interval(count: int, days: int, confidence: float = 0.95, side: Side = "both") -> tuple[float, float]:
    """Clopper and Pearson's interval of the true share of exceptions after `count` in `days`.

    It holds the true share with at least `confidence`. `side="too many"` gives the lower bound alone, with 1 above it:
    a share promised below that bound is rejected. Clopper and Pearson (1934), Biometrika 26.
    """
    if days < 1 or not 0 <= count <= days:
        raise refuse("count", count, f"between 0 and the number of days ({days})")
    rest = 1.0 - checked_level(confidence, "confidence")
    tail = rest if side == "too many" else rest / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, days - count + 1))
    high = 1.0 if count == days or side == "too many" else float(beta.isf(tail, count + 1, days - count))
    return low, high


def transitions(hits: npt.NDArray[np.bool_]) -> tuple[F64, F64, F64, F64]:
    """How often no exception was followed by none and by one, and one by none and by one: (n00, n01, n10, n11).

    `hits` has shape (..., T); the counts have the leading shape.
    """
    before, after = hits[..., :-1], hits[..., 1:]
    n11 = (before & after).sum(axis=-1, dtype=np.float64)
    n10 = before.sum(axis=-1, dtype=np.float64) - n11
    n01 = after.sum(axis=-1, dtype=np.float64) - n11
    n00 = before.shape[-1] - n11 - n10 - n01
    return n00, n01, n10, n11


def independence_ratio(hits: npt.NDArray[np.bool_]) -> F64:
    """Christoffersen's likelihood ratio of one chance of an exception against one that depends on yesterday's."""
    n00, n01, n10, n11 = transitions(hits)
    with np.errstate(invalid="ignore", divide="ignore"):
        one = (n01 + n11) / (n00 + n01 + n10 + n11)
        calm = np.where(n00 + n01 > 0, n01 / (n00 + n01), 0.0)
        bad = np.where(n10 + n11 > 0, n11 / (n10 + n11), 0.0)
    same = xlogy(n00 + n10, 1 - one) + xlogy(n01 + n11, one)
    apart = xlogy(n00, 1 - calm) + xlogy(n01, calm) + xlogy(n10, 1 - bad) + xlogy(n11, bad)
    ratio: F64 = np.maximum(-2.0 * (same - apart), 0.0)
    return ratio


def independence(hits: npt.ArrayLike, *, draws: int = 0, seed: int = 0) -> Test:
    """Christoffersen's test that an exception does not make one on the next day more or less likely.

    Chi-square with one degree, or with `draws` an exact permutation test: the same exceptions on other days, which
    keeps its size in small samples. `defined` is false without an exception that has a day after it, and where every
    day is one. Christoffersen (1998), International Economic Review 39(4).
    """
    found = checked_hits(hits)
    if found.size < 2:
        raise refuse("hits", f"{found.size} day", "at least two days")
    ratio = float(independence_ratio(found))
    n00, n01, n10, n11 = (float(n) for n in transitions(found))
    detail = {"n00": n00, "n01": n01, "n10": n10, "n11": n11}
    defined = n10 + n11 > 0 and n00 + n01 > 0 and n01 + n11 > 0
    if not draws:
        chance = float(chi2.sf(ratio, 1)) if defined else 1.0
        return Test("Christoffersen independence", ratio, chance, 1, "chi-square", defined, detail)

    def permuted(rng: np.random.Generator, size: int) -> F64:
        return independence_ratio(rng.permuted(np.tile(found, (size, 1)), axis=1))

    return _simulated("Christoffersen independence", ratio, permuted, draws, seed, found.size, defined, detail)


def conditional_coverage(hits: npt.ArrayLike, level: float, *, draws: int = 0, seed: int = 0) -> Test:
    """Christoffersen's joint test: the promised share, and one day independent of the next.

    The sum of Kupiec's and the independence ratio against chi-square with two degrees, or with `draws` against series
    of independent exceptions at `level`.
    """
    found, p = checked_hits(hits), checked_level(level)
    if found.size < 2:
        raise refuse("hits", f"{found.size} day", "at least two days")
    days, count = found.size, int(found.sum())
    ratio = float(likelihood_ratio(count, days, p) + independence_ratio(found))
    detail = {"exceptions": count, "days": days, "level": p}
    if not draws:
        return Test("conditional coverage", ratio, float(chi2.sf(ratio, 2)), 2, "chi-square", True, detail)

    def drawn(rng: np.random.Generator, size: int) -> F64:
        series = rng.random((size, days)) < p
        ratios: F64 = likelihood_ratio(series.sum(axis=1), days, p) + independence_ratio(series)
        return ratios

    return _simulated("conditional coverage", ratio, drawn, draws, seed, days, True, detail)


def _simulated(
    name: str,
    statistic: float,
    statistics: Callable[[np.random.Generator, int], F64],
    draws: int,
    seed: int,
    days: int,
    defined: bool,
    detail: dict[str, float],
) -> Test:
    """A test whose p-value is the rank of its statistic among draws of the null: (1 + those as large) / (1 + draws)."""
    if draws < 1:
        raise refuse("draws", draws, "a number above zero, or 0 for the chi-square distribution")
    rng, larger, left = np.random.default_rng(seed), 0, draws
    while left:
        size = min(left, max(1, 2_000_000 // days))
        larger += int((statistics(rng, size) >= statistic * (1 - 1e-12) - 1e-12).sum())
        left -= size
    chance = (1 + larger) / (1 + draws) if defined else 1.0
    error = float(np.sqrt(chance * (1 - chance) / (1 + draws)))
    return Test(name, statistic, chance, None, "simulated", defined, {**detail, "standard_error": error})


@dataclass(frozen=True)
class Light:
    """Basel's traffic light: `zone`, the chance of at most this many exceptions, and the addition to the multiplier.

    `plus` is Basel's addition to the factor of 3 for 250 days at 99 % and `None` for other lengths and levels, for
    which no table exists.
    """

    zone: Literal["green", "yellow", "red"]
    exceptions: int
    days: int
    level: float
    cumulative: float
    plus: float | None


_PLUS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.40, 0.50, 0.65, 0.75, 0.85, 1.0)


def traffic_light(hits: npt.ArrayLike, level: float = 0.01) -> Light:
    """Green, yellow or red by the chance of at most that many exceptions: yellow from 95 %, red from 99.99 %.

    At 250 days and 99 % that is Basel's 0-4, 5-9 and 10 or more. Basel Committee, Supervisory framework for the use of
    backtesting (1996), table 2.
    """
    found, p = checked_hits(hits), checked_level(level)
    days, count = found.size, int(found.sum())
    cumulative = float(binom.cdf(count, days, p))
    zone: Literal["green", "yellow", "red"]
    zone = "green" if cumulative < 0.95 else "yellow" if cumulative < 0.9999 else "red"
    plus = _PLUS[min(count, 10)] if (days, p) == (250, 0.01) else None
    return Light(zone, count, days, p, cumulative, plus)


def worst_light(hits: npt.ArrayLike, level: float = 0.01, window: int = 250) -> Light:
    """The light of the window of `window` days in a row with the most exceptions, the earliest of several."""
    found = checked_hits(hits)
    if not 1 <= window <= found.size:
        raise refuse("window", window, f"between 1 and the number of days ({found.size})")
    counts = np.convolve(found.astype(np.int64), np.ones(window, dtype=np.int64), "valid")
    start = int(counts.argmax())
    return traffic_light(found[start : start + window], level)


def holm(p_values: npt.ArrayLike) -> F64:
    """Holm's adjusted p-values in the order given, shape (n,): those below a size reject with that error over all.

    Valid under any dependence between the tests. Holm (1979), Scandinavian Journal of Statistics 6.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or p.size == 0 or not ((p >= 0) & (p <= 1)).all():
        raise refuse("p_values", f"an array of shape {p.shape}", "numbers between 0 and 1")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def exceptions(losses: npt.ArrayLike, forecast: npt.ArrayLike) -> Hits:
    """Where the loss was larger than the forecast, both positive when bad; a loss equal to it is covered."""
    from plimsoll.validate.result import checked_series

    realised = checked_series(losses, "losses")
    return np.asarray(realised > checked_series(forecast, "forecast", like=realised.size))
