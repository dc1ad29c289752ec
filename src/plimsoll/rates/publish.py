"""From the history of some assets to the rates that were in force, tier by tier, and every change with its cause.

Rates are published at the end of every bar and, where the history has minutes, order books or a list of events, on
events between them (`plimsoll.rates.events`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
from plimsoll.rates.events import Event, EventRule, collapses, merged, moves
from plimsoll.rates.governor import Change, GovernorRule, Published, govern
from plimsoll.rates.learned.drift import ForecastSeries, QuantileSeries
from plimsoll.rates.raw import Instants, TailRule, TailSeries, tail_series, tails_between
from plimsoll.rates.schedule import RateSchedule
from plimsoll.rates.size import SizedRates, SizeRule, correlations, hedge_jump, sized_rates, stressed_volume

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class RatePolicy(Document):
    """A venue's whole rule: how the tail is measured, what size adds, how the published rate follows, and what makes
    it follow at once."""

    SCHEMA: ClassVar[str] = "plimsoll.rate-policy"

    tail: TailRule = TailRule()
    size: SizeRule = SizeRule()
    governor: GovernorRule = GovernorRule()
    events: EventRule = EventRule()


@dataclass(frozen=True, eq=False)
class AssetHistory:
    """Closes (USD) and traded volume (USD per bar) of one asset, `[T]`, at the ends of bars `times` (ns, UTC).

    `books` are order books of it, in order of time: they tell what closing costs from their times on. `forecast` is a
    learned forecast of its volatility: where it is above the one of the closes it raises rates at once, as `quantiles`
    do, learned forecasts of what a position loses, where they are above the tail of the closes. `minutes`
    (one series, USD) are closes of shorter bars and `events` what happened at which time: both make rates between bars.
    """

    name: str
    times: I64
    closes: F64
    volume: F64
    forecast: ForecastSeries | None = None
    books: tuple[OrderBook, ...] = ()
    minutes: History | None = None
    events: tuple[Event, ...] = ()
    quantiles: tuple[QuantileSeries, ...] = ()

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
    """What was asked and what was in force of one asset: `raw` by parts, `rate[T, K]` in force, all changes by tier.

    `bars` are the indices of `times` at which a bar ended; at the others there were `events`, which have their index.
    """

    name: str
    times: I64
    raw: SizedRates
    rate: F64
    tiers: tuple[Published, ...]
    bars: I64
    events: Mapping[int, Event] = field(default_factory=dict)

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
    volume = stressed_volume(policy.size, history.volume, step_days)
    whole, horizons = _horizons(policy, _counted_on(policy, history, volume), step_days)
    expected = None if history.forecast is None else history.forecast.known(history.times) * np.sqrt(step_days)
    tails = tail_series(policy.tail, history.times, history.closes, horizons, whole=whole, forecast=expected)
    tails, bar, events = _with_events(policy, history, tails, step_days)
    tails = _pressed(policy, tails, history.quantiles, step_days)
    row = tails.start + bar
    left = np.ones(bar.size)
    left[list(events)] = [e.depth for e in events.values()]
    sized = sized_rates(
        policy.size,
        tails,
        volume[row] * left,
        0.0 if jump is None else jump[row],
        KnownBooks.at(policy.size, history.books, tails.times),
        step_days=step_days,
    )
    bars = np.flatnonzero(np.isin(tails.times, history.times))
    # between bars the long-run level is that of the bars
    long_run = (np.cumsum(sized.raw[bars], axis=0) / np.arange(1, bars.size + 1)[:, None])[bar]
    words = {k: e.reason for k, e in events.items()}
    published = tuple(
        govern(
            policy.governor,
            tails.times,
            sized.raw[:, k],
            floor=sized.floor[:, k],
            stressed=sized.stressed[:, k],
            stress_index=sized.raw[:, k] / long_run[:, k],
            urged=sized.urged[:, k],
            events=words,
        )
        for k in range(len(policy.size.sizes))
    )
    rate = np.maximum.accumulate(np.stack([p.rate for p in published], axis=1), axis=1)
    rate.flags.writeable = False
    return AssetRates(history.name, tails.times, sized, rate, published, bars, events)


def _with_events(
    policy: RatePolicy, history: AssetHistory, tails: TailSeries, step_days: float
) -> tuple[TailSeries, I64, dict[int, Event]]:
    """The series with a row for each event between bars, the bar `[R]` known at each row, and the events by row."""
    found = merged(
        (
            *history.events,
            *collapses(policy.events, policy.size.within, history.books),
            *(
                ()
                if history.minutes is None
                else moves(policy.events, tails.times, history.closes[tails.start :], tails.sigma, history.minutes)
            ),
        )
    )
    # before the first rate there is nothing to raise, and long after the last bar nothing is known
    last = int(tails.times[-1]) + round(step_days * 86_400e9)
    found = [e for e in found if tails.times[0] <= e.time < last]
    times = np.union1d(tails.times, np.array([e.time for e in found], dtype=np.int64))
    bar = np.searchsorted(tails.times, times, side="right") - 1
    events = dict(zip(np.searchsorted(times, [e.time for e in found]).tolist(), found, strict=True))
    if times.size == tails.times.size:
        return tails, bar, events
    between = tails.times[bar] != times
    price = np.full(times.size, np.nan)
    for k, event in events.items():
        if between[k] and event.price is not None:
            price[k] = event.price
    expected = None if history.forecast is None else history.forecast.known(times) * np.sqrt(step_days)
    instants = Instants(times, bar, price)
    return tails_between(policy.tail, tails, history.times, history.closes, instants, expected), bar, events


def _pressed(
    policy: RatePolicy, tails: TailSeries, quantiles: tuple[QuantileSeries, ...], step_days: float
) -> TailSeries:
    """The series with what learned quantiles ask for where it is above the tail, at their horizon and longer ones.

    A quantile that promises more than the policy's level says nothing about it and is left out.
    """
    urged = tails.urged.copy()
    for one in quantiles:
        if one.coverage <= policy.tail.level + 1e-12:
            loss = np.nan_to_num(one.known(tails.times))[:, None]
            later = np.array(tails.horizons) * step_days >= one.horizon - 1e-9
            urged = np.where(later & (loss > tails.tail), np.maximum(urged, loss), urged)
    np.maximum.accumulate(urged, axis=1, out=urged)
    urged.flags.writeable = False
    return replace(tails, urged=urged)


def _counted_on(policy: RatePolicy, history: AssetHistory, volume: F64) -> F64:
    """The least USD of a day that any rate may count on: at bars, at the books between them, and after events."""
    books = KnownBooks.at(policy.size, history.books, history.times).volume(policy.size, volume)
    at = np.array([b.time_ns for b in history.books], dtype=np.int64)
    row = np.maximum(np.searchsorted(history.times, at, side="right") - 1, 0)
    between = KnownBooks.at(policy.size, history.books, at).volume(policy.size, volume[row])
    left = min((e.depth for e in history.events), default=1.0)
    return np.concatenate([books, between]) * left


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
