"""May this order be sent? What the check foretells is what the fill makes; every limit refuses for its reason alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import MODEL, TIME, engine_of, small_accounts, small_market
from plimsoll.live import Candidates, Engine, Fill, Leg, Limits, Order
from plimsoll.live.generated import DayRule, generated_day
from plimsoll.live.holdings import money, moneys
from plimsoll.live.supposed import marks_of

FEW = settings(max_examples=max(5, settings.default.max_examples // 12))
"""Each example is a day of events."""

MARKET = small_market()
ACCOUNTS = small_accounts(MARKET)
NAMES = [a.name for a in ACCOUNTS]
TRADED = [c.name for c in MARKET.instruments if c.kind != "spot"]
PERP = "BTC-PERP-linear"


def day_old(seed: int, **options: object) -> Engine:
    """An engine that has seen some events."""
    engine = engine_of(MARKET, ACCOUNTS, **options)
    for event in generated_day(MARKET, NAMES, 30, seed, DayRule(daily_vol=0.05)):
        engine.apply(event)
    return engine


@FEW
@given(seed=st.integers(0, 1_000), data=st.data())
def test_the_check_foretells_what_the_fills_make(seed: int, data: st.DataObject) -> None:
    engine = day_old(seed)
    account = data.draw(st.integers(0, len(NAMES) - 1))
    names = data.draw(st.lists(st.sampled_from(TRADED), min_size=1, max_size=4, unique=True))
    held = {engine.prices.universe.names[i]: q for i, q in zip(engine.holdings.items[account].tolist(),
            engine.holdings.quantity[account].tolist(), strict=True)}  # fmt: skip
    names += [n for n in list(held)[:2] if n not in names]
    # some legs open, some add, some close wholly, some turn
    sizes = [data.draw(st.sampled_from([1.0, -2.5, -held.get(n, 3.0), -1.7 * held.get(n, 1.0)])) for n in names]
    marks = marks_of(engine.prices, engine.greeks.value())
    prices = [float(marks[engine.prices.row[n]]) * data.draw(st.sampled_from([1.0, 0.9, 1.1])) for n in names]
    order = Order(NAMES[account], tuple(Leg(n, q, p) for n, q, p in zip(names, sizes, prices, strict=True)))
    verdict = engine.check(order)
    untouched = engine.charged(account)
    start = engine.gate._sources["matching"].last if "matching" in engine.gate._sources else 0
    for k, leg in enumerate(order.legs):
        assert leg.price is not None
        engine.apply(
            Fill("matching", start + k + 1, engine.prices.time, NAMES[account], leg.instrument, leg.quantity, leg.price)
        )
    found = [float(x[0]) for x in engine.amounts([account])]
    room = 1e-9 * (1.0 + float(engine.sleep.gross[account].sum()))
    for x, y in zip((verdict.after.initial, verdict.after.maintenance, verdict.after.equity), found, strict=True):
        assert abs(x - y) <= room
    assert untouched[0] == pytest.approx(verdict.before.initial * 1e6, abs=2.0)
    # what binds is what the exact engine says
    exact = engine.requirement(account)
    worst = min(exact.binding, key=lambda b: b.pnl)
    second = sorted(b.pnl for b in exact.binding)[1:2]
    if worst.pnl < 0 and (not second or second[0] > worst.pnl + 1e-6):
        assert verdict.binding == f"{worst.underlying} {worst.label}"


def test_many_orders_are_judged_as_each_alone() -> None:
    engine = day_old(3, limits=Limits(excess=1_000.0, delta={"BTC": 40_000.0}, vega={"ETH": 30.0}))
    rng = np.random.default_rng(5)
    orders = [
        Order(
            NAMES[int(rng.integers(len(NAMES)))],
            tuple(
                Leg(TRADED[int(i)], float(rng.normal()) * 2.0)
                for i in rng.choice(len(TRADED), int(rng.integers(1, 4)), replace=False)
            ),
        )
        for _ in range(60)
    ]
    together = engine.check_many(Candidates.of(engine.holdings, orders))
    assert 0 < together.allowed.sum() < len(orders)
    for o, order in enumerate(orders):
        alone = engine.check(order)
        assert alone.allowed == together.allowed[o]
        np.testing.assert_array_equal(
            (alone.after.initial, alone.after.maintenance, alone.after.equity), together.after[:, o]
        )
        assert alone.binding == together.binding[o]
        assert len(alone.reasons) == len(together.reasons(o))


def test_orders_of_one_leg_come_as_arrays() -> None:
    engine = day_old(4)
    sizes = np.linspace(-3.0, 3.0, 40)
    found = engine.check_many(Candidates.single(engine.holdings, 1, PERP, sizes))
    each = [engine.check(Order.of(NAMES[1], PERP, float(q))) for q in sizes]
    assert found.allowed.tolist() == [v.allowed for v in each]
    np.testing.assert_array_equal(found.after[2], [v.after.equity for v in each])


def rich(**options: object) -> Engine:
    """One account with cash and one bitcoin perpetual."""
    account = pl.Account(name="one", positions=(pl.Position(instrument=PERP, quantity=1.0),), collateral={"USDC": 1e6})
    return engine_of(MARKET, [account], **options)


def test_each_limit_refuses_for_its_reason_and_lets_who_is_over_it_go_back() -> None:
    more, less, turn = (Order.of("one", PERP, q) for q in (0.5, -0.5, -3.0))
    for limits, reason in (
        (Limits(excess=1e6 - 1.0, reducing=True), "margin"),
        (Limits(delta={"BTC": 60_000.0}), "delta"),
    ):
        engine = rich(limits=limits)
        assert [r.split(":")[0] for r in engine.check(more).reasons] == [reason]
        assert engine.check(less).allowed
        assert not engine.check(turn).allowed
    assert not rich(limits=Limits(excess=1e6 - 1.0, reducing=False)).check(less).allowed
    option = Order.of("one", "BTC-1-linear-1-C", 2.0)
    assert rich(limits=Limits(vega={"BTC": 1e9})).check(option).allowed
    assert [r.split(":")[0] for r in rich(limits=Limits(vega={"BTC": 1.0})).check(option).reasons] == ["vega"]


def test_an_order_whose_fill_would_be_refused_is_refused() -> None:
    """A price with zeros too many is no wealth: neither the check nor the fill takes it."""
    engine = rich()
    option = "BTC-1-linear-1-C"
    assert engine.check(Order.of("one", option, -1.0, 1e10)).allowed
    for price in (1e18, 1e300, 1.7e308):
        verdict = engine.check(Order.of("one", option, -1.0, price))
        assert [r.split(":")[0] for r in verdict.reasons] == ["not computed"]
        fill = Fill("matching", 1 + engine.events, TIME, "one", option, -1.0, price)
        assert [p.path for p in engine.apply(fill).problems] == ["fill.price"]


def test_concentration_is_of_the_open_interest_and_unknown_interest_is_refused() -> None:
    known = MARKET.to_dict()
    known["marks"][PERP]["open_interest"] = 20.0
    account = pl.Account(name="one", collateral={"USDC": 1e7})
    engine = Engine(pl.margin_model(MODEL), pl.Market.from_dict(known), [account], limits=Limits(concentration=0.1))
    assert engine.check(Order.of("one", PERP, 2.0)).allowed
    assert engine.check(Order.of("one", PERP, -2.0)).allowed
    assert [r.split(":")[0] for r in engine.check(Order.of("one", PERP, 2.1)).reasons] == ["concentration"]
    assert not engine.check(Order.of("one", "ETH-PERP-linear", 0.1)).allowed


def test_the_probability_of_liquidation_is_asked_of_who_passes_the_rest() -> None:
    asked = []

    def probability(account: pl.Account, market: pl.Market) -> float:
        asked.append(account.positions[0].quantity)
        assert market.time == TIME
        return 0.2 if abs(account.positions[0].quantity) > 2.0 else 0.01

    engine = rich(limits=Limits(probability=0.05), probability=probability)
    assert engine.check(Order.of("one", PERP, 0.5)).allowed
    assert [r.split(":")[0] for r in engine.check(Order.of("one", PERP, 2.0)).reasons] == ["probability"]
    assert not engine.check(Order.of("one", PERP, 1e5)).allowed
    assert asked == [1.5, 3.0]
    with pytest.raises(pl.DocumentError, match=r"limits\.probability"):
        rich(limits=Limits(probability=0.05))


def test_a_model_without_hot_rows_judges_by_the_exact_engine() -> None:
    engine = Engine(pl.margin_model("dsa@2026-01-01"), MARKET, ACCOUNTS[:2])
    order = Order(NAMES[0], (Leg(PERP, 0.4, 70_000.0), Leg("ETH-1-inverse-1-P", -2.0, 0.05)))
    verdict = engine.check(order)
    for n, leg in enumerate(order.legs):
        assert leg.price is not None
        engine.apply(Fill("m", n + 1, TIME, NAMES[0], leg.instrument, leg.quantity, leg.price))
    assert verdict.after.initial == pytest.approx(float(engine.initial[0]), rel=1e-12)
    assert verdict.after.equity == pytest.approx(float(engine.equity[0]), rel=1e-12)


@given(
    before=st.floats(-5.0, 5.0), quantity=st.floats(-5.0, 5.0), price=st.floats(10.0, 1e5), row=st.sampled_from(TRADED)
)
def test_trades_together_are_trades_alone(before: float, quantity: float, price: float, row: str) -> None:
    prices = ENGINE.prices
    at = prices.row[row]
    cost = before * 3.0
    alone = money(prices, at, before, cost, quantity, price)
    arrays = [np.array([x]) for x in (before, cost, quantity, price)]
    together = moneys(prices, np.array([at]), *arrays)
    assert (float(together[0][0]), float(together[1][0])) == alone


ENGINE = engine_of(MARKET, ACCOUNTS)


@pytest.mark.parametrize(
    ("order", "path"),
    [
        (Order.of("nobody", PERP, 1.0), r"orders\[0\]\.account"),
        (Order.of(NAMES[0], "NONE", 1.0), r"orders\[0\]\.legs\.instrument"),
        (Order(NAMES[0], ()), r"orders\[0\]\.legs"),
        (Order(NAMES[0], (Leg(PERP, 1.0), Leg(PERP, 2.0))), r"orders\[0\]\.legs"),
        (Order.of(NAMES[0], PERP, 0.0), r"candidates\.quantity\[0\]"),
        (Order.of(NAMES[0], PERP, 1e12), r"candidates\.quantity\[0\]"),
        (Order.of(NAMES[0], PERP, 1.0, -1.0), r"candidates\.price\[0\]"),
        (Order.of(NAMES[0], PERP, 1.0, float("inf")), r"candidates\.price\[0\]"),
    ],
)
def test_an_order_that_is_none_is_refused_by_name(order: Order, path: str) -> None:
    with pytest.raises(pl.DocumentError, match=path):
        ENGINE.check(order)
