"""Whether a learned forecast is still what it was when it was let in, and what stands in for it when it is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.market.history import DAY_NS

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

Use = Literal["challenger", "baseline"]


@dataclass(frozen=True)
class DriftRule:
    """When to fall back, and when to come back.

    ```
    score      S = max(0, S + d / scale - slack),   d = challenger's loss - baseline's, scale their usual deviation
    fall back  S > limit, or more than `strange` of a day's features lie outside what the trees were grown on
    come back  after `quiet` outcomes in a row with S at most a quarter of the limit and features inside
    ```
    A cumulative sum (Page 1954): small losses that last count as much as a large one that does not.
    """

    scale: float
    slack: float = 0.25
    limit: float = 8.0
    strange: float = 0.25
    quiet: int = 60

    def __post_init__(self) -> None:
        if not (self.scale > 0.0 and self.limit > 0.0 and self.slack >= 0.0 and 0.0 <= self.strange <= 1.0):
            raise refuse("drift", self, "scale and limit above zero, slack of at least zero, strange a share")


@dataclass(frozen=True)
class DriftState:
    """`use` says whose forecast stands; `score` is the sum; `calm` counts outcomes towards coming back; `reason`."""

    use: Use = "challenger"
    score: float = 0.0
    calm: int = 0
    reason: str = ""


def watch(rule: DriftRule, state: DriftState, challenger: float, baseline: float, outside: float = 0.0) -> DriftState:
    """The state after one more outcome: both losses, and the share of features `outside` their range.

    A pure function: the same outcomes give the same states. A loss that is no number is the challenger's fault and
    falls back at once.
    """
    if not np.isfinite(challenger):
        return DriftState("baseline", rule.limit, 0, "the challenger's loss is no number")
    if outside > rule.strange:
        reason = f"{outside:.0%} of the features outside what was seen"
        return DriftState("baseline", state.score, 0, reason)
    score = max(0.0, state.score + (challenger - baseline) / rule.scale - rule.slack)
    if score > rule.limit:
        return DriftState("baseline", rule.limit, 0, f"losses above the baseline's: score {score:.1f}")
    if state.use == "challenger":
        return replace(state, score=score)
    calm = state.calm + 1 if score <= rule.limit / 4.0 else 0
    if calm >= rule.quiet:
        return DriftState("challenger", 0.0, 0, f"{calm} outcomes no worse than the baseline's")
    return replace(state, score=score, calm=calm)


def outside_share(X: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> F64:
    """`[n]` share of the features of each row outside `[low, high]`; missing ones count as inside."""
    rows = np.asarray(X, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        off = (rows < np.asarray(low)) | (rows > np.asarray(high))
    result: F64 = off.mean(axis=1)
    return result


@dataclass(frozen=True)
class ForecastSeries:
    """A forecast over time as a margin rate takes it: `sigma` `[T]` per square-root day, each known at `times` `[T]`.

    `use` `[T]` says whose it is. What raises margin may do so at once; what lowers it is the governor's to pass.
    """

    name: str
    times: I64
    sigma: F64
    use: tuple[Use, ...]
    model_hash: str = ""

    def __post_init__(self) -> None:
        if not len(self.times) == len(self.sigma) == len(self.use):
            raise refuse("forecast", f"{len(self.times)}, {len(self.sigma)}, {len(self.use)} rows", "one length")
        if (np.diff(self.times) <= 0).any() or not (self.sigma > 0.0).all():
            raise refuse("forecast", "times that do not rise or a sigma of zero or less", "rising times, sigma above 0")

    def known(self, times: npt.ArrayLike, stale_ns: int = 2 * DAY_NS) -> F64:
        """The newest sigma known at each of `times` `[n]`; NaN before the first and where it is over `stale_ns` old."""
        return _newest(self.times, self.sigma, times, stale_ns)


@dataclass(frozen=True)
class QuantileSeries:
    """What a position is forecast to lose in `horizon` days, at `level` of the return: a long's loss below the middle,
    a short's above it. `loss` `[T]`, a fraction of the notional of at least zero, each known at `times` `[T]`; `use`
    as in `ForecastSeries`.
    """

    name: str
    horizon: int
    level: float
    times: I64
    loss: F64
    use: tuple[Use, ...]
    model_hash: str = ""

    def __post_init__(self) -> None:
        if not len(self.times) == len(self.loss) == len(self.use):
            raise refuse("forecast", f"{len(self.times)}, {len(self.loss)}, {len(self.use)} rows", "one length")
        if (np.diff(self.times) <= 0).any() or not (self.loss >= 0.0).all():
            raise refuse("forecast", "times that do not rise or a loss below zero", "rising times, losses of 0 or more")

    @property
    def coverage(self) -> float:
        """The part of the outcomes that are promised to lose no more: 0.99 for the quantiles 0.01 and 0.99."""
        return max(self.level, 1.0 - self.level)

    def known(self, times: npt.ArrayLike, stale_ns: int = 2 * DAY_NS) -> F64:
        """The newest loss known at each of `times` `[n]`; NaN before the first and where it is over `stale_ns` old."""
        return _newest(self.times, self.loss, times, stale_ns)


def _newest(times: I64, values: F64, asked: npt.ArrayLike, stale_ns: int) -> F64:
    at = np.asarray(asked, dtype=np.int64)
    row = np.searchsorted(times, at, side="right") - 1
    if not len(times):
        return np.full(at.shape, np.nan)
    fresh = (row >= 0) & (at - times[np.maximum(row, 0)] <= stale_ns)
    return np.where(fresh, values[np.maximum(row, 0)], np.nan)


def raise_at_once(
    name: str,
    times: I64,
    challenger: npt.ArrayLike,
    baseline: npt.ArrayLike,
    use: tuple[Use, ...],
    model_hash: str = "",
) -> ForecastSeries:
    """The challenger where it is above the baseline and trusted, the baseline otherwise.

    So a learned forecast acts on its own only upwards: an account is asked for more at once. Where it is below, the
    raw rate stays that of the baseline, and only the governor (floor, buffer, speed limit, notice) may let it fall.
    A challenger that is no number counts as not trusted.
    """
    c, b = np.asarray(challenger, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    trusted = np.array([u == "challenger" for u in use]) & np.isfinite(c)
    sigma = np.where(trusted & (c > b), c, b)
    whose: tuple[Use, ...] = tuple("challenger" if w else "baseline" for w in (trusted & (c > b)).tolist())
    return ForecastSeries(name, times, sigma, whose, model_hash)
