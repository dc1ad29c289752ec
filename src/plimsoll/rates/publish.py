"""From the history of some assets to the rates that were in force, tier by tier, and every change with its cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Document, refuse
from plimsoll.margin.parts.tiers import Tier, TierTable
from plimsoll.margin.period import HOURS, closing_hours, margin_period
from plimsoll.market.history import History
from plimsoll.market.order_book import OrderBook
from plimsoll.rates.depth import KnownBooks
from plimsoll.rates.governor import Change, GovernorRule, Published, govern
from plimsoll.rates.learned.drift import ForecastSeries
from plimsoll.rates.raw import TailRule, tail_series
from plimsoll.rates.schedule import RateSchedule
from plimsoll.rates.size import SizedRates, SizeRule, correlations, hedge_jump, sized_rates, stressed_volume

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class RatePolicy(Document):
    """A venue's whole rule: how the tail is measured, what size adds, and how the published rate follows."""

    SCHEMA: ClassVar[str] = "plimsoll.rate-policy"

    tail: TailRule = TailRule()
    size: SizeRule = SizeRule()
    governor: GovernorRule = GovernorRule()


@dataclass(frozen=True, eq=False)
class AssetHistory:
    """Closes (USD) and traded volume (USD per bar) of one asset, `[T]`, at the ends of bars `times` (ns, UTC).

    `books` are order books of it, in order of time: they tell what closing costs from their times on. `forecast` is a
    learned forecast of its volatility: where it is above the one of the closes it raises rates at once.
    """

    name: str
    times: I64
    closes: F64
    volume: F64
    forecast: ForecastSeries | None = None
    books: tuple[OrderBook, ...] = ()

    @classmethod
    def of(cls, name: str, closes: History, volume: History) -> AssetHistory:
        """One series of a history of closes and of one of traded USD, from its first close on."""
        if closes.step_ns != volume.step_ns or not np.array_equal(closes.times, volume.times):
            raise refuse(f"{name}.volume", "other times than the closes", "the same bars")
        price, traded = closes.series(name), volume.series(name)
        there = np.isfinite(price)
        if not there.any():
            raise refuse(f"{name}.closes", "no price at all", "a price at most of the times")
        first = int(np.argmax(there))
        return cls(name, closes.times[first:], price[first:], traded[first:])


@dataclass(frozen=True, eq=False)
class AssetRates:
    """What was asked and what was in force of one asset: `raw` by parts, `rate[T, K]` in force, all changes by tier."""

    name: str
    times: I64
    raw: SizedRates
    rate: F64
    tiers: tuple[Published, ...]

    @property
    def changes(self) -> Iterator[tuple[int, Change]]:
        """Announcements in order of time with their tier."""
        found = [(c.announced, k, c) for k, p in enumerate(self.tiers) for c in p.changes]
        return ((k, c) for _, k, c in sorted(found, key=lambda f: f[:2]))


def publish(
    policy: RatePolicy,
    histories: Mapping[str, AssetHistory],
    *,
    lead: str | None = None,
    told: Callable[[str, int, int], None] | None = None,
) -> dict[str, AssetRates]:
    """The rates of every asset through its own history. `lead` is the asset in which others are hedged (default: the
    first); `told` hears what comes next, how much is done, and of how much."""
    if not histories:
        raise refuse("histories", "none", "at least one asset")
    leading = next(iter(histories)) if lead is None else lead
    if leading not in histories:
        raise refuse("lead", leading, f"one of {', '.join(histories)}")
    found = {}
    for n, (name, history) in enumerate(histories.items()):
        if told is not None:
            told(name, n, len(histories))
        jump = None if name == leading else _jump(policy.size, histories[leading], history)
        found[name] = _one(policy, history, jump)
    return found


def _one(policy: RatePolicy, history: AssetHistory, jump: F64 | None) -> AssetRates:
    step_days = float(np.median(np.diff(history.times))) / 86_400e9
    books = KnownBooks.at(policy.size, history.books, history.times)
    volume = stressed_volume(policy.size, history.volume, step_days)
    whole, horizons = _horizons(policy, books.volume(policy.size, volume), step_days)
    expected = None if history.forecast is None else history.forecast.known(history.times) * np.sqrt(step_days)
    tails = tail_series(policy.tail, history.times, history.closes, horizons, whole=whole, forecast=expected)
    later = slice(tails.start, None)
    known = KnownBooks(books.books, books.row[later])
    sized = sized_rates(policy.size, tails, volume[later], 0.0 if jump is None else jump[later], known)
    published = tuple(
        govern(
            policy.governor,
            tails.times,
            sized.raw[:, k],
            floor=sized.floor[:, k],
            stressed=sized.stressed[:, k],
            urged=sized.urged[:, k],
        )
        for k in range(len(policy.size.sizes))
    )
    rate = np.maximum.accumulate(np.stack([p.rate for p in published], axis=1), axis=1)
    rate.flags.writeable = False
    return AssetRates(history.name, tails.times, sized, rate, published)


def _horizons(policy: RatePolicy, volume: F64, step_days: float) -> tuple[int, tuple[int, ...]]:
    """Bars of the margin period of a small size, and the horizons between which rates are linear.

    The rungs are those of the policy: which of them a time reads depends on its own volume alone. Those above the
    longest period that occurs are read by nobody and left out.
    """
    closing = closing_hours(max(policy.size.sizes), float(np.min(volume)), policy.size.participation)
    longest = margin_period(policy.size.period, closing) / HOURS / step_days
    whole = max(1, int(np.ceil(policy.size.period.hours / HOURS / step_days - 1e-9)))
    last = whole + policy.tail.least // 2
    rungs = sorted({1, whole, *(h for h in _LADDER if h < last), last})
    return whole, tuple(h for n, h in enumerate(rungs) if n == 0 or h <= whole or rungs[n - 1] < longest)


_LADDER = (2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
"""Horizons in bars between which a rate is linear in the period."""


def _jump(rule: SizeRule, lead: AssetHistory, other: AssetHistory) -> F64:
    """`hedge_jump` at each time of `other`; zero where the lead has no price then."""
    shared, mine, theirs = np.intersect1d(other.times, lead.times, assume_unique=True, return_indices=True)
    result = np.zeros(other.times.size)
    if shared.size < 3:
        return result
    step_days = float(np.median(np.diff(other.times))) / 86_400e9
    one, two = np.diff(np.log(lead.closes[theirs])), np.diff(np.log(other.closes[mine]))
    now, low = correlations(rule, one, two, step_days)
    result[mine[1:]] = hedge_jump(now, low)
    return result


def schedule_at(
    policy: RatePolicy, rates: Mapping[str, AssetRates], name: str, time: int | None = None
) -> RateSchedule:
    """The document of the rates in force at `time` (ns; default: the last). Rates round up to a hundredth of a basis
    point and are at most 1."""
    assets, causes = {}, {}
    when = max(int(r.times[-1]) for r in rates.values()) if time is None else time
    for asset, found in rates.items():
        at = int(np.searchsorted(found.times, when, side="right")) - 1
        if at < 0:
            raise refuse("time", _text(when), f"a time from {_text(int(found.times[0]))} on, when {asset} has rates")
        ends = [*policy.size.sizes[:-1], None]
        assets[asset] = TierTable(
            tiers=tuple(
                Tier(upto=end, maintenance=_up(policy.size.maintenance * float(r)), initial=_up(float(r)))
                for end, r in zip(ends, found.rate[at], strict=True)
            )
        )
        last = [c for k, c in found.changes if k == 0 and c.announced <= at][-1]
        causes[asset] = f"{', '.join(last.causes)}; {last.reason}"
    return RateSchedule(
        name=name,
        effective=datetime.fromtimestamp(when / 1e9, UTC),
        assets=assets,
        causes=causes,
        inputs={"policy": policy.hash()},
    )


def _up(rate: float) -> float:
    return min(1.0, float(np.ceil(rate * 1e6 - 1e-6) / 1e6))


def _text(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")
