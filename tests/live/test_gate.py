"""Late, doubled, out of order, contradictory, or no price: each by its rule, counted, and never margined on."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import TIME, engine_of, small_accounts, small_market
from plimsoll.live import Clock, Engine, Event, Fill, GateRule, Prices, Transfer, forward_key
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.market.oracle import OracleRule

FEW = settings(max_examples=max(5, settings.default.max_examples // 12))
"""Each example is a day of events."""

MARKET = small_market()
ACCOUNTS = small_accounts(MARKET, 3)
NAMES = [a.name for a in ACCOUNTS]
PERP = "BTC-PERP-linear"
VOL = "BTC-1-linear-1-C"
EXPIRY = forward_key("BTC", TIME + timedelta(days=30))


def fill(number: int, quantity: float = 1.0) -> Fill:
    return Fill("matching", number, TIME, NAMES[0], PERP, quantity, 70_000.0)


def position(engine: Engine) -> float:
    return engine.holdings.held(0, engine.prices.row[PERP])


def told(engine: Engine, **values: dict[str, float]) -> list[str]:
    """The faults of one message of prices, the next of its source, a second later."""
    number = 1 + int(getattr(engine, "sent", 0))
    engine.sent = number  # type: ignore[attr-defined]
    outcome = engine.apply(Prices("feed", number, TIME + timedelta(seconds=number), **values))
    return [r.fault for r in outcome.refusals]


def test_fills_wait_for_those_before_them_and_are_booked_once() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    start = position(engine)
    outcomes = [engine.apply(fill(n, 10.0**n)) for n in (2, 3, 1, 2, 1, 4)]
    assert [o.applied for o in outcomes] == [0, 0, 3, 0, 0, 1]
    assert position(engine) == pytest.approx(start + 11_110.0)
    assert engine.gate.counts == {"held": 2, "duplicate": 2}
    assert engine.gate.gaps() == {}


def test_a_fill_that_says_something_else_under_its_number_is_not_booked() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    engine.apply(fill(1, 1.0))
    before = position(engine)
    assert [r.fault for r in engine.apply(fill(1, 2.0)).refusals] == ["contradictory"]
    # a waiting one is held to its word too
    engine.apply(fill(3, 1.0))
    assert [r.fault for r in engine.apply(fill(3, 5.0)).refusals] == ["contradictory"]
    engine.apply(fill(2, 1.0))
    assert position(engine) == pytest.approx(before + 2.0)


def test_what_waits_is_held_to_its_word_however_much_came_since() -> None:
    engine = engine_of(MARKET, ACCOUNTS, gate=GateRule(remembered=2))
    start = position(engine)
    faults = [[r.fault for r in engine.apply(e).refusals] for e in (fill(3), fill(4), fill(5), fill(3, 50.0), fill(3))]
    assert faults == [["held"], ["held"], ["held"], ["contradictory"], ["duplicate"]]
    engine.apply(fill(2))
    engine.apply(fill(1))
    assert position(engine) == pytest.approx(start + 5.0)


def test_a_price_is_told_once_under_a_number_also_when_its_content_is_forgotten() -> None:
    engine = engine_of(MARKET, ACCOUNTS, gate=GateRule(remembered=1))
    first, other = MARKET.marks[VOL].vol, "BTC-1-linear-1-P"
    second = MARKET.marks[other].vol
    assert first is not None
    assert second is not None
    engine.apply(Prices("feed", 1, TIME, vols={VOL: first * 1.1}))
    engine.apply(Prices("feed", 2, TIME, vols={other: second}))
    outcome = engine.apply(Prices("feed", 1, TIME, vols={VOL: first * 1.2}))
    assert [r.fault for r in outcome.refusals] == ["out of order"]
    assert engine.prices.known("vols", VOL) == first * 1.1


def test_a_clock_that_is_refused_makes_no_price_late() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    # an expiry lies between, and nobody has told its settlement
    outcome = engine.apply(Clock("clock", 1, TIME + timedelta(days=3_000)))
    assert [p.path for p in outcome.problems] == ["clock.time"]
    first = MARKET.marks[VOL].vol
    assert first is not None
    assert told(engine, vols={VOL: first * 1.01}) == []
    assert engine.prices.known("vols", VOL) == first * 1.01
    # nor is a fact of that time believed
    future = replace(fill(1), time=TIME + timedelta(days=30))
    assert [r.fault for r in engine.apply(future).refusals] == ["from the future"]


def test_a_gap_that_grows_too_long_asks_for_what_is_missing() -> None:
    engine = engine_of(MARKET, ACCOUNTS, gate=GateRule(held=3))
    faults = [r.fault for n in range(2, 7) for r in engine.apply(fill(n)).refusals]
    assert faults == ["held", "held", "held", "gap", "gap"]
    assert engine.gate.gaps() == {"matching": (1, 3)}
    # sent again, everything is booked, also what was turned away
    start = position(engine)
    assert [engine.apply(fill(n)).applied for n in (1, 5, 6)] == [4, 1, 1]
    assert position(engine) == pytest.approx(start + 6.0)


def test_facts_from_beyond_the_clock_are_turned_away_and_may_be_sent_again() -> None:
    engine = engine_of(MARKET, ACCOUNTS, gate=GateRule(ahead=5.0))
    early = replace(fill(1), time=TIME + timedelta(seconds=60))
    assert [r.fault for r in engine.apply(early).refusals] == ["from the future"]
    engine.apply(Clock("clock", 1, TIME + timedelta(seconds=60)))
    assert engine.apply(early).applied == 1


def test_prices_that_are_late_or_from_the_future_are_not_taken_but_late_fills_are() -> None:
    engine = engine_of(MARKET, ACCOUNTS, gate=GateRule(late=10.0, ahead=5.0))
    engine.apply(Clock("clock", 1, TIME + timedelta(seconds=100)))
    old = Prices("feed", 1, TIME + timedelta(seconds=80), vols={VOL: 0.7})
    new = Prices("feed", 2, TIME + timedelta(seconds=120), vols={VOL: 0.7})
    assert [[r.fault for r in engine.apply(e).refusals] for e in (old, new)] == [["late"], ["from the future"]]
    assert engine.prices.known("vols", VOL) == MARKET.marks[VOL].vol
    assert engine.apply(fill(1)).applied == 1


def test_of_each_price_the_newest_number_counts() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    first = MARKET.marks[VOL].vol
    assert first is not None
    engine.apply(Prices("feed", 5, TIME, vols={VOL: first * 1.1}))
    other = "BTC-1-linear-1-P"
    second = MARKET.marks[other].vol
    assert second is not None
    outcome = engine.apply(Prices("feed", 4, TIME, vols={VOL: first * 1.2, other: second * 1.05}))
    assert [r.fault for r in outcome.refusals] == ["out of order"]
    # what nothing newer has told is taken from the old message
    assert engine.prices.known("vols", VOL) == first * 1.1
    assert engine.prices.known("vols", other) == second * 1.05
    assert [r.fault for r in engine.apply(Prices("feed", 5, TIME, vols={VOL: first * 1.1})).refusals] == ["duplicate"]
    assert [r.fault for r in engine.apply(Prices("feed", 5, TIME, vols={VOL: 2.0})).refusals] == ["contradictory"]
    assert engine.prices.known("vols", VOL) == first * 1.1


@given(bad=st.sampled_from([0.0, -1.0, math.nan, math.inf, -math.inf, 5e-324, 1e-40, 1e40, 1.7e308]))
def test_what_is_no_price_is_never_taken(bad: float) -> None:
    engine = ENGINE
    market = engine.market().hash()
    for name, key in (
        ("indices", "BTC"), ("assets", "USDC"), ("forwards", EXPIRY), ("vols", VOL), ("marks", PERP)
    ):  # fmt: skip
        assert told(engine, **{name: {key: bad}}) == ["not a price"]
    assert engine.market().hash() == market


ENGINE = engine_of(MARKET, ACCOUNTS)


def test_what_the_market_does_not_list_is_unknown() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    for values in (
        {"indices": {"DOGE": 1.0}}, {"assets": {"DOGE": 1.0}}, {"vols": {"NONE": 1.0}}, {"marks": {"NONE": 1.0}},
        {"forwards": {"BTC 2030-01-01T00:00:00Z": 1.0}}, {"vols": {PERP: 1.0}}, {"marks": {"BTC-SPOT": 1.0}},
    ):  # fmt: skip
        assert told(engine, **values) == ["unknown"]
    assert engine.gate.freeze()["sources"]["feed"]["told"] == {}
    closed = engine_of(MARKET, ACCOUNTS, gate=GateRule(sources=("feed",)))
    outcome = closed.apply(Prices("stray", 1, TIME, vols={VOL: 0.5}))
    assert [r.fault for r in outcome.refusals] == ["unknown"]


def test_a_leap_of_an_index_is_set_apart_with_all_that_hangs_on_it_until_it_has_stood() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    leap = {"indices": {"BTC": 91_000.0}, "forwards": {EXPIRY: 91_300.0}, "marks": {PERP: 91_100.0}}
    assert told(engine, **leap) == ["suspect", "suspect", "suspect"]
    assert engine.prices.index("BTC") == 70_000.0
    # it goes on to be said: the oracle's rule is a minute
    before = engine.equity.copy()
    faults = [told(engine, **leap) for _ in range(58)]
    assert all(f == ["suspect"] * 3 for f in faults)
    np.testing.assert_array_equal(engine.equity, before)
    while told(engine, indices={"BTC": 91_000.0}):
        assert engine.sent < 70  # type: ignore[attr-defined]
    assert engine.prices.index("BTC") == 91_000.0


def test_one_liar_among_three_sources_moves_nothing() -> None:
    engine = engine_of(MARKET, ACCOUNTS, gate=GateRule(oracle=OracleRule(least=3)))
    honest = {"a": 70_050.0, "b": 70_060.0, "c": 70_040.0, "d": 70_055.0}
    for n, (source, price) in enumerate(honest.items()):
        engine.apply(Prices(source, 1, TIME + timedelta(seconds=n), indices={"BTC": price}))
    index = engine.prices.index("BTC")
    assert index is not None
    assert 70_040.0 < index < 70_060.0
    engine.apply(Prices("d", 2, TIME + timedelta(seconds=10), indices={"BTC": 90_000.0}))
    assert 70_040.0 < float(engine.prices.index("BTC") or 0.0) < 70_061.0
    assert engine.gate.counts["suspect"] >= 1


@pytest.mark.parametrize(
    ("name", "key", "near", "far"),
    [
        ("vols", VOL, 1.1, 3.0),
        ("marks", PERP, 1.01, 1.10),
        ("forwards", EXPIRY, 1.02, 0.9),
        ("assets", "USDC", 0.97, 0.9),
    ],
)
def test_a_leap_of_anything_else_needs_to_be_said_again(name: str, key: str, near: float, far: float) -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    first = engine.prices.known(name, key)
    assert first is not None
    assert told(engine, **{name: {key: first * near}}) == []
    assert engine.prices.known(name, key) == pytest.approx(first * near)
    now = first * near
    assert told(engine, **{name: {key: now * far}}) == ["suspect"]
    assert engine.prices.known(name, key) == pytest.approx(now)
    # nine more seconds it is not believed, then it is
    assert [told(engine, **{name: {key: now * far}}) for _ in range(9)] == [["suspect"]] * 9
    assert told(engine, **{name: {key: now * far}}) == []
    assert engine.prices.known(name, key) == pytest.approx(now * far)


@pytest.mark.parametrize("name", ["vols", "marks", "forwards", "assets"])
def test_from_zero_a_price_is_believed_once_it_has_stood(name: str) -> None:
    """A market may hold a zero where its venue shows one: no ratio to it is taken, and the first word is not enough."""
    content = MARKET.to_dict()
    price = {"vols": 0.5, "marks": 70_100.0, "forwards": 70_100.0, "assets": 0.99}[name]
    key = {"vols": VOL, "marks": PERP, "forwards": EXPIRY, "assets": "USDC"}[name]
    if name == "assets":
        content["assets"][key]["price"] = 0.0
    elif name == "forwards":
        row = next(e for e in content["expiries"] if f"{e['underlying']} {e['expiry']}" == EXPIRY)
        row["forward"] = {"variable": 0.0}
        # a coin future at zero is worth no number
        gone = {c["name"] for c in content["instruments"] if c["kind"] == "future" and c["expiry"] == row["expiry"]}
        content["instruments"] = [c for c in content["instruments"] if c["name"] not in gone]
        content["marks"] = {n: m for n, m in content["marks"].items() if n not in gone}
    else:
        content["marks"][key] = {"vol": 0.0} if name == "vols" else {"price": 0.0}
    engine = engine_of(pl.Market.from_dict(content), [])
    assert engine.prices.known(name, key) == 0.0
    assert [told(engine, **{name: {key: price}}) for _ in range(10)] == [["suspect"]] * 10
    assert engine.prices.known(name, key) == 0.0
    assert told(engine, **{name: {key: price}}) == []
    assert engine.prices.known(name, key) == price


def test_a_price_whose_underlying_has_no_index_is_unknown() -> None:
    content = MARKET.to_dict()
    content["instruments"].append(
        {"kind": "perpetual", "name": "SOL-PERP", "underlying": "SOL", "settlement": "linear", "currency": "USDC",
         "multiplier": 1.0}
    )  # fmt: skip
    content["marks"]["SOL-PERP"] = {"price": 150.0}
    engine = engine_of(pl.Market.from_dict(content), ACCOUNTS)
    assert told(engine, marks={"SOL-PERP": 151.0}) == ["unknown"]
    assert engine.prices.known("marks", "SOL-PERP") == 150.0


def test_what_lies_far_off_its_index_is_never_believed() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    assert [told(engine, marks={PERP: 100_000.0}) for _ in range(30)] == [["far off"]] * 30
    assert [told(engine, vols={VOL: 11.0}) for _ in range(30)] == [["far off"]] * 30


@FEW
@given(seed=st.integers(0, 10_000))
def test_noise_leaves_the_books_as_they_would_be_without_it(seed: int) -> None:
    def facts(noisy: bool) -> Engine:
        events: list[Event] = list(generated_day(MARKET, NAMES, 40, seed, DayRule(fills=0.6, daily_vol=0.03)))
        engine = engine_of(MARKET, ACCOUNTS)
        for event in disturbed(events, seed, 0.5) if noisy else events:
            engine.apply(event)
        return engine

    quiet, noisy = facts(False), facts(True)
    for a in range(len(ACCOUNTS)):
        np.testing.assert_array_equal(quiet.holdings.items[a], noisy.holdings.items[a])
        np.testing.assert_array_equal(quiet.holdings.quantity[a], noisy.holdings.quantity[a])
        np.testing.assert_array_equal(quiet.holdings.cost[a], noisy.holdings.cost[a])
    # prices are judged where they stand: a lie that went through would show in every amount
    for x, y in zip(quiet.amounts(quiet.everyone), noisy.amounts(noisy.everyone), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12)


def test_a_transfer_is_booked_once() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    before = engine.holdings.collateral.copy()
    event = Transfer("treasury", 1, TIME, NAMES[1], "USDC", -250.0)
    assert [engine.apply(event).applied for _ in range(2)] == [1, 0]
    moved = (engine.holdings.collateral - before)[1]
    assert moved[engine.holdings.column["USDC"]] == pytest.approx(-250.0)
