"""The rate policy of a cascade: what margin is asked at a time, from nothing but the past of the path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.avsl import ThresholdRule, blended, follow, wanted
from plimsoll.margin.parts.tiers import TierTable
from plimsoll.rates.publish import AssetRates
from plimsoll.rates.schedule import RateSchedule

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Past:
    """What a venue knows at a step: marks `[t + 1, U]` in USD up to now, and the positions as they are.

    The arrays cannot be written to. `seconds` since the start; `indptr`, `indices`, `lots` as in `FleetArrays`, and
    `notional[N]` USD a lot.
    """

    step: int
    seconds: float
    step_seconds: float
    underlyings: tuple[str, ...]
    marks: F64
    indptr: I64
    indices: I64
    lots: I64
    notional: F64


@dataclass(frozen=True, eq=False)
class Asked:
    """The margin that is asked of every account, USD.

    ```
    base         sum over positions of the marginal tiers on |notional| + worst loss over `columns` (at least zero)
    maintenance  scalar * base + addon
    red          equity < base + addon          closed at once
    amber        equity < maintenance           closed `grace` seconds after it came there, unless it left meanwhile
    ```

    `ends[U, K]` (USD, infinite beyond the last), `maintenance[U, K]` and `initial[U, K]` rates by underlying. `scalar`
    is at least one where there is a `grace`; without grace both lines are the one of maintenance. `addon` is `[A]` or
    one number. `columns` are moves of all prices and multiples of all volatilities, `[S]` each, or None.
    """

    ends: F64
    maintenance: F64
    initial: F64
    scalar: float = 1.0
    addon: F64 | float = 0.0
    grace: float = 0.0
    columns: tuple[F64, F64] | None = None


class CascadeRates(Protocol):
    """A rate policy: called once at every step, before accounts are looked at."""

    def asked(self, past: Past) -> Asked:
        """The margin from now on. It sees nothing that comes later."""


def tables(assets: Mapping[str, TierTable], underlyings: Sequence[str]) -> Asked:
    """Tier tables as arrays in the order of `underlyings`; marginal counting only."""
    missing = [u for u in underlyings if u not in assets]
    if missing:
        raise refuse("rates.assets", sorted(assets), f"rates for {', '.join(missing)}, which is held")
    most = max(len(assets[u].tiers) for u in underlyings)
    ends = np.full((len(underlyings), most), np.inf)
    keep, open_ = np.zeros((len(underlyings), most)), np.zeros((len(underlyings), most))
    for n, u in enumerate(underlyings):
        if assets[u].counting != "marginal":
            raise refuse(f"rates.assets.{u}.counting", assets[u].counting, "'marginal'")
        for k, tier in enumerate(assets[u].tiers):
            ends[n, k] = np.inf if tier.upto is None else tier.upto
            keep[n, k], open_[n, k] = tier.maintenance, tier.initial
        last = len(assets[u].tiers) - 1
        # the last rate goes on beyond a table that ends
        ends[n, last] = np.inf
    return Asked(ends, keep, open_)


class StaticRates:
    """One schedule for the whole path; `columns` as in `Asked` for books with options, `addon` USD `[A]`."""

    def __init__(
        self, schedule: RateSchedule, *, addon: F64 | float = 0.0, columns: tuple[F64, F64] | None = None
    ) -> None:
        self.schedule, self.addon, self.columns = schedule, addon, columns
        self._known: dict[tuple[str, ...], Asked] = {}

    def asked(self, past: Past) -> Asked:
        """The schedule's tiers."""
        key = past.underlyings
        if key not in self._known:
            self._known[key] = replace(tables(self.schedule.assets, key), addon=self.addon, columns=self.columns)
        return self._known[key]


class PublishedRates:
    """What `plimsoll.rates.publish` had in force: the path begins at the time `start` (ns, UTC) of those series.

    `tiers` give the ends of the tiers and how maintenance stands to initial rates: the published rate replaces the
    initial one of each tier, maintenance keeps its proportion to it.
    """

    def __init__(self, rates: Mapping[str, AssetRates], tiers: Mapping[str, TierTable], start: int) -> None:
        self.rates, self.tiers, self.start = rates, tiers, start
        for asset, series in rates.items():
            if start < series.times[0]:
                raise refuse("start", start, f"a time from {int(series.times[0])} on, where {asset} has a rate")
            if asset not in tiers or len(tiers[asset].tiers) != series.rate.shape[1]:
                raise refuse(f"tiers.{asset}", asset, f"{series.rate.shape[1]} tiers, as many as are published")

    def asked(self, past: Past) -> Asked:
        """The rates of the last row at or before now."""
        table = tables(self.tiers, past.underlyings)
        open_, keep = table.initial.copy(), table.maintenance.copy()
        for n, u in enumerate(past.underlyings):
            if u not in self.rates:
                raise refuse("rates", sorted(self.rates), f"rates for {u}, which is held")
            series = self.rates[u]
            row = int(np.searchsorted(series.times, self.start + int(past.seconds * 1e9), side="right")) - 1
            rate = series.rate[row]
            for k in range(rate.size):
                share = table.maintenance[n, k] / table.initial[n, k] if table.initial[n, k] else 1.0
                open_[n, k], keep[n, k] = rate[k], rate[k] * share
        return Asked(table.ends, keep, open_)


class RaisedRates:
    """A policy whose maintenance is times the scalar of `plimsoll.margin.avsl`; amber accounts have `grace` seconds.

    The fast volatility is the root mean square of the marks' log returns over `window` seconds, a year, of the
    underlying in which it is highest; `forecast` gives the other one (a year; default: the fast one alone).
    """

    def __init__(
        self,
        inner: CascadeRates,
        rule: ThresholdRule,
        *,
        window: float = 3600.0,
        grace: float = 3600.0,
        forecast: Callable[[Past], float] | None = None,
    ) -> None:
        self.inner, self.rule, self.window, self.grace, self.forecast = inner, rule, window, grace, forecast
        self._scalar, self._step = 1.0, -1

    def asked(self, past: Past) -> Asked:
        """The inner policy's tiers under the scalar that has followed the past up to now."""
        if past.step <= self._step or past.step == 0:
            self._scalar = 1.0
        elapsed = past.step - max(self._step, 0) if past.step > self._step else past.step
        rows = max(2, int(self.window / past.step_seconds) + 1)
        returns = np.diff(np.log(past.marks[-rows:]), axis=0)
        year = 365.0 * 86_400.0 / past.step_seconds
        fast = float(np.sqrt((returns**2).mean(axis=0) * year).max()) if returns.size else np.nan
        expected = np.nan if self.forecast is None else self.forecast(past)
        want = float(wanted(self.rule, blended(self.rule, np.array([fast]), np.array([expected])))[0])
        self._scalar = follow(self.rule, self._scalar, want, elapsed * past.step_seconds / 3600.0)
        self._step = past.step
        return replace(self.inner.asked(past), scalar=self._scalar, grace=self.grace)


class AddOn:
    """A policy with a further amount for each account: `amount(past)` gives USD `[A]`, such as the crowding add-on."""

    def __init__(self, inner: CascadeRates, amount: Callable[[Past], F64]) -> None:
        self.inner, self.amount = inner, amount

    def asked(self, past: Past) -> Asked:
        """The inner policy's margin with the amount added to its own."""
        inner = self.inner.asked(past)
        more = np.asarray(self.amount(past), dtype=np.float64)
        return replace(inner, addon=np.asarray(inner.addon, dtype=np.float64) + more)
