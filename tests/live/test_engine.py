"""The engine after any day of events is the batch, to the unit; who sleeps has not changed; asking changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import TIME, engine_of, furthest, small_accounts, small_market
from plimsoll.live import Clock, Engine, Event, Fill, Prices, Settlement, Transfer, forward_key, from_json, to_json
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.risk import compile_plan

FEW = settings(max_examples=max(5, settings.default.max_examples // 12))
"""Each example is a day of events."""

MARKET = small_market()
ACCOUNTS = small_accounts(MARKET)
NAMES = [a.name for a in ACCOUNTS]


def day(events: int, seed: int, **rule: float) -> list[Event]:
    """A generated day of the small market."""
    return list(generated_day(MARKET, NAMES, events, seed, DayRule(**rule)))


def same_plan(engine: Engine) -> None:
    """The arrays that followed the ticks are those of the document, bit for bit."""
    plan = compile_plan(engine.prices.plan.contracts, engine.market())
    for name, value in vars(plan).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(engine.prices.plan, name), err_msg=name)


@FEW
@given(seed=st.integers(0, 10_000), fills=st.sampled_from([0.05, 0.5]), wild=st.sampled_from([0.02, 0.1, 0.6]))
def test_after_a_random_day_the_engine_is_the_batch_to_the_unit(seed: int, fills: float, wild: float) -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    for event in disturbed(day(60, seed, fills=fills, daily_vol=wild), seed, 0.1):
        engine.apply(event)
    assert furthest(engine) <= 1
    same_plan(engine)


@FEW
@given(seed=st.integers(0, 10_000), wild=st.sampled_from([0.02, 0.2]), cash=st.sampled_from([2_000.0, 60_000.0]))
def test_who_sleeps_has_the_status_he_would_have_awake(seed: int, wild: float, cash: float) -> None:
    accounts = small_accounts(MARKET, 8, seed, cash)
    sleepy, awake = (engine_of(MARKET, accounts, skip=skip) for skip in (True, False))
    for event in generated_day(MARKET, [a.name for a in accounts], 25, seed, DayRule(fills=0.1, daily_vol=wild)):
        one, other = sleepy.apply(event), awake.apply(event)
        assert one.decisions == other.decisions
        assert (one.touched, other.skipped) == (other.touched, 0)
        np.testing.assert_array_equal(sleepy.level, awake.level)
        # the bound holds for each, sleeping or not: what was margined last against what holds now
        now = np.array(sleepy.amounts(sleepy.everyone))
        for a in range(len(accounts)):
            _, moved = sleepy.sleep.bound(a)
            for margin, then in ((now[0, a], sleepy.initial[a]), (now[1, a], sleepy.maintenance[a])):
                change = (now[2, a] - margin) - (sleepy.equity[a] - then)
                assert abs(change) <= moved + 1e-9 * (1.0 + float(sleepy.sleep.gross[a].sum()))


def test_nobody_sleeps_through_what_he_owes_rising_from_zero() -> None:
    """A debt in an asset that is worth nothing weighs nothing, and everything once the asset has a price."""
    content = MARKET.to_dict()
    content["assets"]["USDT"] = {"price": 0.0}
    market = pl.Market.from_dict(content)
    account = pl.Account(
        name="one",
        positions=(pl.Position(instrument="BTC-PERP-linear", quantity=1.0),),
        collateral={"USDC": 90_000.0, "USDT": -85_000.0},
    )
    engines = [engine_of(market, [account], skip=skip) for skip in (True, False)]
    for engine in engines:
        assert engine.status(0) == "healthy"
        for second in range(1, 13):
            engine.apply(Prices("feed", second, TIME + timedelta(seconds=second), assets={"USDT": 1.0}))
        assert engine.prices.known("assets", "USDT") == 1.0
    one, other = engines
    assert one.status(0) == other.status(0) != "healthy"


def test_safe_accounts_do_sleep() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 12, 3, 3e6))
    outcomes = [engine.apply(e) for e in day(200, 5, fills=0.0, daily_vol=0.02)]
    ticks = [o for o in outcomes if not o.full]
    assert sum(o.skipped for o in ticks) > 0.95 * sum(o.touched for o in ticks) > 0


def test_the_bound_is_no_larger_than_it_has_to_be_by_orders() -> None:
    # one perpetual: equity moves by the move, the bound by value, scan and the balance's own price
    market = MARKET
    account = pl.Account(
        name="one",
        positions=(pl.Position(instrument="BTC-PERP-linear", quantity=1.0),),
        collateral={"USDC": 50_000.0},
    )
    engine = engine_of(market, [account])
    before = engine.amounts([0])
    engine.apply(Prices("feed", 1, TIME, marks={"BTC-PERP-linear": 70_000.0}))
    after = engine.amounts([0])
    change = float((after[2] - after[0] - before[2] + before[0])[0])
    _, moved = engine.sleep.bound(0)
    assert abs(change) <= moved <= 3.0 * abs(change)


def test_same_events_same_bits_whatever_was_asked_between() -> None:
    events = list(disturbed(day(150, 11), 11, 0.1))
    quiet, asked = engine_of(MARKET, ACCOUNTS), engine_of(MARKET, ACCOUNTS)
    for event in events:
        one = quiet.apply(event)
        asked.charged(0)
        asked.market()
        asked.requirement(1)
        assert asked.apply(event) == one
    for name in ("initial", "maintenance", "equity", "level"):
        np.testing.assert_array_equal(getattr(quiet, name), getattr(asked, name))
    assert quiet.totals == asked.totals
    assert quiet.gate.counts == asked.gate.counts


def test_a_full_pass_changes_no_bit_of_who_is_awake() -> None:
    engine = engine_of(MARKET, ACCOUNTS, skip=False)
    for event in day(80, 12):
        engine.apply(event)
    before = [engine.initial.copy(), engine.maintenance.copy(), engine.equity.copy()]
    assert engine.full_pass() == ()
    for old, new in zip(before, (engine.initial, engine.maintenance, engine.equity), strict=True):
        np.testing.assert_array_equal(old, new)


def test_full_passes_come_when_they_are_due() -> None:
    engine = engine_of(MARKET, ACCOUNTS, full_every=10)
    outcomes = [engine.apply(replace(e, time=TIME)) for e in day(40, 13, fills=1.0) if isinstance(e, Fill)]
    assert [o.number for o in outcomes if o.full] == [10, 20, 30]


def test_events_go_through_json() -> None:
    key = forward_key("BTC", TIME + timedelta(days=3))
    events: list[Event] = [
        *day(30, 14),
        Prices("feed", 1, TIME, {"BTC": 1.0}, {key: 2.0}, {"a": 0.1}, {"b": 3.0}, {"USDC": 1.0}),
        Settlement("venue", 1, TIME, "BTC", TIME, 7.0),
    ]
    for event in events:
        assert from_json(to_json(event)) == event
    with pytest.raises(pl.DocumentError, match=r"event\.kind: got 'flood'"):
        from_json({"kind": "flood"})
    with pytest.raises(pl.DocumentError, match="the fields of a fill"):
        from_json({"kind": "fill", "quantity": 1.0})
    whole = to_json(Fill("m", 1, TIME, "a", "b", 1.0, 2.0))
    for name, bad in (
        ("number", "1"),
        ("number", 1.5),
        ("source", ["m"]),
        ("account", 7),
    ):
        with pytest.raises(pl.DocumentError, match=rf"event\.{name}: got "):
            from_json(whole | {name: bad})


def test_an_expiry_settles_into_money_and_the_clock_waits_for_it() -> None:
    accounts = small_accounts(MARKET, 6, 8)
    engine = engine_of(MARKET, accounts)
    expiry = TIME + timedelta(days=3)
    later = expiry + timedelta(hours=1)
    late = engine.apply(Clock("clock", 1, later))
    assert [str(p.allowed) for p in late.problems] == ["the settlement of BTC 2026-01-04T00:00:00Z first"]
    assert engine.prices.time == TIME
    held = [
        dict(zip(engine.holdings.items[a].tolist(), engine.holdings.quantity[a].tolist(), strict=True))
        for a in range(6)
    ]
    before = engine.holdings.collateral.copy()
    price = {"BTC": 72_000.0, "ETH": 2_300.0}
    for n, coin in enumerate(("BTC", "ETH")):
        assert engine.apply(Settlement("venue", n + 1, later, coin, expiry, price[coin])).problems == ()
    assert engine.apply(Clock("clock", 2, later)).full
    # by hand, from the terms of each contract
    for a, rows in enumerate(held):
        owed = dict.fromkeys(engine.holdings.assets, 0.0)
        for row, quantity in rows.items():
            contract = engine.prices.plan.contracts[row]
            if getattr(contract, "expiry", None) != expiry:
                continue
            p = price[contract.underlying]
            if contract.kind == "option":
                worth = max(0.0, p - contract.strike) if contract.call else max(0.0, contract.strike - p)
                owed[contract.currency] += quantity * worth / (p if contract.settlement == "inverse" else 1.0)
            else:
                doc = next(x for x in accounts[a].positions if x.instrument == contract.name)
                mark = MARKET.marks.get(contract.name)
                first = (
                    mark.price if mark is not None else MARKET.expiry_table[contract.underlying, expiry].forward.price
                )
                m = contract.multiplier
                inverse = contract.settlement == "inverse"
                if doc.entry_price is not None:
                    first = doc.entry_price
                gain = m * (1.0 / first - 1.0 / p) if inverse else m * (p - first)
                owed[contract.currency] += quantity * gain + (doc.unrealised_pnl or 0.0)
        moved = engine.holdings.collateral[a] - before[a]
        np.testing.assert_allclose(moved, [owed[c] for c in engine.holdings.assets], rtol=1e-9, atol=1e-9)
        assert not any(
            getattr(engine.prices.plan.contracts[i], "expiry", None) == expiry for i in engine.holdings.items[a]
        )
    assert furthest(engine) <= 1
    same_plan(engine)


DUE = TIME + timedelta(days=3)


def test_facts_that_cannot_be_are_refused_by_name_and_change_nothing() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    before = [x.copy() for x in engine.holdings.quantity]
    option = "BTC-1-inverse-1-C"
    wrong = [
        (Fill("m", 1, TIME, "nobody", option, 1.0, 0.01), "fill.account"),
        (Fill("m", 2, TIME, NAMES[0], "BTC-NONE", 1.0, 0.01), "fill.instrument"),
        (Fill("m", 3, TIME, NAMES[0], option, 0.0, 0.01), "fill.quantity"),
        (Fill("m", 4, TIME, NAMES[0], option, 1e12, 0.01), "fill.quantity"),
        (Fill("m", 5, TIME, NAMES[0], "BTC-PERP-linear", 1.0, 0.0), "fill.price"),
        (Fill("m", 6, TIME, NAMES[0], option, float("nan"), 0.01), "fill"),
        (Transfer("m", 7, TIME, NAMES[0], "DOGE", 1.0), "transfer.asset"),
        (Transfer("m", 8, TIME, NAMES[0], "USDC", 1e16), "transfer.amount"),
        (Transfer("m", 9, TIME, "nobody", "USDC", 1.0), "transfer.account"),
        (Settlement("m", 10, TIME, "BTC", TIME + timedelta(days=3), 7e4), "settlement.time"),
        (Settlement("m", 11, TIME, "BTC", TIME + timedelta(days=4), 7e4), "settlement.expiry"),
        # a digit too few or too many: what is settled cannot be taken back
        (Settlement("m", 12, DUE, "BTC", DUE, 7e3), "settlement.price"),
        (Settlement("m", 13, DUE, "BTC", DUE, 7e5), "settlement.price"),
        (Settlement("m", 14, DUE, "BTC", DUE, 1e308), "settlement.price"),
        # money that no account can hold would make everybody healthy, or nobody computable
        (Fill("m", 15, TIME, NAMES[0], "BTC-PERP-linear", 1.0, 7e4, -1e308), "fill.price"),
        (Fill("m", 16, TIME, NAMES[0], "BTC-PERP-linear", -10.0, 1e308), "fill.price"),
        (Fill("m", 17, TIME, NAMES[0], "BTC-PERP-inverse", 10.0, 1e-310), "fill.price"),
        (Fill("m", 18, TIME, NAMES[0], option, -10.0, 1e308), "fill.price"),
    ]
    for event, path in wrong:
        outcome = engine.apply(event)
        assert [p.path for p in outcome.problems] == [path]
        assert outcome.applied == outcome.margined == 0
    for old, new in zip(before, engine.holdings.quantity, strict=True):
        np.testing.assert_array_equal(old, new)
    assert engine.totals["refused"] == len(wrong)


def test_accounts_that_the_engine_cannot_carry_are_named() -> None:
    bad = pl.Account(
        name="bad",
        positions=(pl.Position(instrument="BTC-PERP-linear", quantity=1.0, unsettled_funding=3.0),),
        orders=(pl.Order(instrument="BTC-PERP-linear", quantity=1.0, price=1.0),),
        collateral={"DOGE": 3.0},
    )
    with pytest.raises(pl.DocumentError) as told:
        engine_of(MARKET, [bad])
    assert {p.path for p in told.value.problems} == {
        "accounts[0].orders",
        "accounts[0].collateral.DOGE",
        "accounts[0].positions",
    }
    with pytest.raises(pl.DocumentError, match=r"accounts\.name"):
        engine_of(MARKET, [ACCOUNTS[0], ACCOUNTS[0]])


@pytest.mark.parametrize("pack", ["dsa@2026-01-01", "prbm-whole@2026-01-01"])
def test_models_without_hot_rows_go_through_the_exact_engine(pack: str) -> None:
    engine = Engine(pl.margin_model(pack), MARKET, ACCOUNTS[:2])
    for event in generated_day(MARKET, NAMES[:2], 25, 4, DayRule()):
        engine.apply(event)
    for a in range(2):
        exact = engine.requirement(a).charged
        assert engine.charged(a) == (exact.initial, exact.maintenance, exact.equity)
        assert engine.status(a) in ("healthy", "reduce only", "called")
