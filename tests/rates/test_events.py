"""Rates between bars: found by a loop over minutes, as if the bar had ended, at once, and from the past only."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive import rate_events

from plimsoll.documents import DocumentError
from plimsoll.market.history import HOUR_NS, History, instant_ns
from plimsoll.market.order_book import OrderBook
from plimsoll.rates.events import Event, EventRule, RateEvents, collapses, merged, moves
from plimsoll.rates.publish import AssetHistory, AssetRates, RatePolicy, publish
from plimsoll.rates.raw import TailRule, tail_series
from plimsoll.rates.size import SizeRule
from plimsoll.rates.study import study_series

MINUTE = HOUR_NS // 60
HOURS, PER = 130, 12
RULE = TailRule(level=0.95, window=60, least=30, stress_window=40)
POLICY = RatePolicy(tail=RULE, size=SizeRule(sizes=(1e4, 1e7)), events=EventRule(move=3.0))


@cache
def asset(seed: int = 3, basis: float = 1.004) -> AssetHistory:
    """Hours and bars of five minutes of the same walk with jumps within the hour, both with gaps; the short bars are
    of a contract that trades at a basis."""
    random = np.random.default_rng(seed)
    moved = 0.002 * random.standard_t(4, HOURS * PER)
    for at in (40, 700, 703, 900, 1210, 1500):
        moved[at] += 0.03 * random.choice([-1.0, 1.0])
    price = 100.0 * np.exp(np.cumsum(moved))
    ends = 5 * MINUTE * np.arange(1, HOURS * PER + 1, dtype=np.int64)
    short = price * basis
    short[random.random(short.size) < 0.03] = np.nan
    closes = price[PER - 1 :: PER].copy()
    closes[[20, 75]] = np.nan
    minutes = History.build(["BTC"], ends, short, step_ns=5 * MINUTE)
    return AssetHistory("BTC", ends[PER - 1 :: PER], closes, np.full(HOURS, 1e8), minutes=minutes)


@cache
def found() -> AssetRates:
    return publish(POLICY, {"BTC": asset()})["BTC"]


def without(history: AssetHistory) -> AssetRates:
    return publish(POLICY, {"BTC": replace(history, minutes=None)})["BTC"]


@pytest.mark.parametrize("seed", range(4))
def test_a_loop_over_the_minutes_finds_the_same_events(seed: int) -> None:
    history = asset(seed)
    assert history.minutes is not None
    bars = tail_series(RULE, history.times, history.closes, (1,))
    closes = history.closes[bars.start :]
    got = moves(POLICY.events, bars.times, closes, bars.sigma, history.minutes)
    minutes = list(zip(history.minutes.times.tolist(), history.minutes.values[:, 0].tolist(), strict=True))
    expected = rate_events.moves(bars.times.tolist(), closes.tolist(), bars.sigma.tolist(), minutes, 3.0)
    assert [(e.time, e.price) for e in got] == [(at, pytest.approx(price)) for at, _, price in expected]
    assert len(got) >= 3


def test_the_rate_of_an_event_is_that_of_a_bar_that_ends_there() -> None:
    history = asset()
    horizons = tuple(sorted({1, 24, 2, 3, 5, 8, 13, 21, 34}))
    policy = POLICY.model_copy(
        update={
            "tail": RULE.model_copy(update={"least": 60, "window": 60, "stress_window": 60}),
            "events": EventRule(move=1.5),
        }
    )
    rates = publish(policy, {"BTC": history})["BTC"]
    assert len(rates.events) >= 3
    for k, event in rates.events.items():
        bar = int(np.searchsorted(history.times, event.time, side="right")) - 1
        assert event.price is not None
        last = max(h for h in (*horizons, 24 + 30) if h <= 24 + 30)
        parts = rate_events.tail_at(policy.tail, history.times, history.closes, (*horizons, last), 24, bar, event.price)
        # the first tier's period is a day of hours
        for name, got in (("tail", rates.raw.tail), ("floor", rates.raw.floor), ("stressed", rates.raw.stressed)):
            extra = 0.0 if name == "tail" else rates.raw.close_out[k, 0]
            assert got[k, 0] - extra == pytest.approx(parts[name][horizons.index(24)], rel=1e-12), (k, name)


def test_events_raise_at_once_and_lower_nothing() -> None:
    history, rates = asset(), found()
    plain = without(history)
    assert rates.events
    assert not plain.events
    assert np.array_equal(rates.times[rates.bars], plain.times)
    for name in ("tail", "floor", "close_out", "stressed", "period"):
        assert np.array_equal(getattr(rates.raw, name)[rates.bars], getattr(plain.raw, name)), name
    changes = [c for k, c in rates.changes if c.causes == ("event",)]
    assert changes
    for change in changes:
        at = int(rates.times[change.announced])
        assert change.effective == at
        assert change.after > change.before
        assert change.reason.startswith(rates.events[change.announced].reason)
    for k in rates.events:
        assert (rates.rate[k] >= np.minimum(rates.raw.raw[k], 1.0) - 1e-12).all()
        assert (rates.raw.raw[k] >= rates.raw.raw[k - 1] - 1e-12).all() or k - 1 in rates.events
    # the judge of a study sees bars alone
    series, alone = (
        study_series(POLICY, {"BTC": history})[0],
        study_series(POLICY, {"BTC": replace(history, minutes=None)}),
    )
    assert np.array_equal(series.raw, alone[0].raw)
    assert np.array_equal(series.losses, alone[0].losses, equal_nan=True)


@settings(max_examples=20)
@given(st.integers(100 * PER, HOURS * PER))
def test_nothing_later_than_an_instant_is_in_its_rates(cut: int) -> None:
    history, whole = asset(), found()
    now = 5 * MINUTE * cut
    bars = int(np.searchsorted(history.times, now, side="right"))
    assert history.minutes is not None
    past = AssetHistory(
        "BTC", history.times[:bars], history.closes[:bars], history.volume[:bars], minutes=history.minutes.until(now)
    )
    part = publish(POLICY, {"BTC": past})["BTC"]
    count = int(np.searchsorted(whole.times, now, side="right"))
    assert np.array_equal(part.times, whole.times[:count])
    assert np.array_equal(part.rate, whole.rate[:count])
    assert np.array_equal(part.raw.raw, whole.raw.raw[:count])
    assert part.events == {k: e for k, e in whole.events.items() if k < count}


def test_a_basis_is_no_event() -> None:
    far = replace(asset(), minutes=asset(basis=1.3).minutes)
    assert [e.time for e in publish(POLICY, {"BTC": far})["BTC"].events.values()] == [
        e.time for e in found().events.values()
    ]


def test_what_is_told_and_a_collapse_of_depth_make_closing_dearer() -> None:
    history = replace(asset(), minutes=None)
    plain = without(history)
    at = int(history.times[100])
    half_gone = Event(at + 7 * MINUTE, "told", "market makers have left", depth=0.01)
    on_a_bar = Event(int(history.times[110]), "told", "a halt", depth=0.5)
    rates = publish(POLICY, {"BTC": replace(history, events=(half_gone, on_a_bar))})["BTC"]
    rows = {e.reason: k for k, e in rates.events.items()}
    k = rows["market makers have left"]
    assert rates.times[k] == half_gone.time
    assert (rates.raw.close_out[k] > 5.0 * rates.raw.close_out[k - 1]).all()
    assert rates.raw.period[k, 1] > rates.raw.period[k - 1, 1]
    assert rates.raw.raw[k + 1, 1] < rates.raw.raw[k, 1]  # the next bar knows better
    assert rows["a halt"] in set(rates.bars.tolist())
    assert np.array_equal(rates.times[rates.bars], plain.times)

    def book(n: int, coins: float) -> OrderBook:
        return OrderBook.of(at - (6 - n) * MINUTE, {99.5: coins}, {100.5: coins})

    books = tuple(book(n, c) for n, c in enumerate([9.0, 11.0, 10.0, 10.0, 10.0, 10.0, 2.0, 1.0]))
    told = collapses(POLICY.events, 0.01, books)
    assert [(e.time, e.cause) for e in told] == [(at, "depth")]
    assert "20%" in told[0].reason
    assert not collapses(EventRule(collapse=None), 0.01, books)
    thin = publish(POLICY, {"BTC": replace(history, books=books)})["BTC"]
    assert [e.cause for e in thin.events.values()] == ["depth"]


def test_events_of_one_instant_are_one() -> None:
    both = merged([Event(5, "told", "b", depth=0.5), Event(3, "told", "a"), Event(5, "move", "c", price=9.0)])
    assert [(e.time, e.reason, e.price, e.depth) for e in both] == [(3, "a", None, 1.0), (5, "b; c", 9.0, 0.5)]


def test_faults_are_named() -> None:
    history = asset()
    assert history.minutes is not None
    with pytest.raises(DocumentError, match="step_ns"):
        publish(POLICY, {"BTC": replace(history, minutes=History.build(["BTC"], history.times, history.closes))})
    row = {"time": "2022-01-01T00:00:00Z", "reason": "a halt"}
    head = {"schema": "plimsoll.rate-events", "schema_version": 1}
    for rows, words in (
        ([row, row], r"events.BTC\[1\].time"),
        ([row | {"depth": 0.0}], "depth"),
        ([row | {"price": -1.0}], "price"),
        ([row | {"reason": ""}], "reason"),
        ([row | {"time": "yesterday"}], "time"),
        ([], "events.BTC"),
    ):
        with pytest.raises(DocumentError, match=words):
            RateEvents.from_dict(head | {"events": {"BTC": rows}})
    document = RateEvents.from_dict(head | {"events": {"BTC": [row]}})
    assert [e.time for e in document.of("BTC")] == [instant_ns("2022-01-01T00:00:00Z")]
    assert document.of("ETH") == ()


STORMS = {
    "Luna": ("2022-05-09T00:00:00Z", "2022-05-13T00:00:00Z"),
    "FTX": ("2022-11-08T00:00:00Z", "2022-11-11T00:00:00Z"),
}


def test_luna_and_ftx_minute_by_minute(shared: Path) -> None:
    """On the perpetual's minutes of 2022 the hourly rates of spot rise within the hour, and not at its end."""
    from plimsoll.feeds import read_bars

    prices = shared / "data" / "prices"
    hours = read_bars(prices / "binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet", names={"BTCUSDT": "BTC"})
    minutes = read_bars(prices / "binance_usdm_BTCUSDT_1m_2022.parquet", name="BTC").history
    close, volume = hours.history, hours.field("volume")
    keep = (close.times >= instant_ns("2022-03-01T00:00:00Z")) & (close.times < instant_ns("2022-11-20T00:00:00Z"))
    price = close.series("BTC")[keep]
    history = AssetHistory("BTC", close.times[keep], price, volume.series("BTC")[keep] * price, minutes=minutes)
    policy = RatePolicy(size=SizeRule(sizes=(1e6,)))
    rates = publish(policy, {"BTC": history})["BTC"]
    plain = publish(policy, {"BTC": replace(history, minutes=None)})["BTC"]
    jumps = [c for c in rates.tiers[0].changes if c.causes == ("event",)]
    for name, (begin, end) in STORMS.items():
        here = [c for c in jumps if instant_ns(begin) <= rates.times[c.announced] < instant_ns(end)]
        assert here, name
        for change in here:
            assert int(rates.times[change.announced]) % HOUR_NS, "within the hour"
            assert change.effective == rates.times[change.announced]
        # hours alone leave the rate before the first of them where it was until the hour has ended
        at = int(rates.times[here[0].announced])
        bar = int(np.searchsorted(plain.times, at, side="right")) - 1
        assert plain.rate[bar, 0] < here[0].after
    bars = tail_series(policy.tail, history.times, price, (1,))
    part = minutes.times <= instant_ns("2022-05-13T00:00:00Z")
    part &= minutes.times >= instant_ns("2022-05-09T00:00:00Z")
    first = int(np.searchsorted(bars.times, instant_ns("2022-05-09T01:00:00Z")))
    last = int(np.searchsorted(bars.times, instant_ns("2022-05-12T23:00:00Z")))
    here = slice(first, last)
    expected = rate_events.moves(
        bars.times[here].tolist(),
        price[bars.start :][here].tolist(),
        bars.sigma[here].tolist(),
        list(zip(minutes.times[part].tolist(), minutes.values[part, 0].tolist(), strict=True)),
        4.0,
    )
    got = [e for e in rates.events.values() if bars.times[first] < e.time < bars.times[last]]
    assert expected
    assert [(e.time, e.price) for e in got] == [(at, pytest.approx(p)) for at, _, p in expected]
