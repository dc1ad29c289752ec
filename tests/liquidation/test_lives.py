"""Accounts lived along paths: what a raised threshold does, what it never does, and that money is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from plimsoll.documents import DocumentError
from plimsoll.liquidation.calls import CallPolicy, Command, Course, Life, lived, tallied
from plimsoll.margin.avsl import ThresholdRule, scalars
from plimsoll.margin.path import States

START = datetime(2026, 3, 1, tzinfo=UTC)
PRICE = 50_000.0
MODEL = pl.margin_model("prbm@2025-01-01")
# called well before the base, so that a deadline can pass above it
POLICY = CallPolicy(warn=1.5, call=1.2, reduce_only=1.1, target=1.3, deadline_hours=4.0, spread=0.0, fee=0.0005)


def market() -> pl.Market:
    """One perpetual."""
    perpetual = {"kind": "perpetual", "name": "P", "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {"BTC": {"price": PRICE}},
            "assets": {"USDC": {"price": 1.0}},
            "instruments": [perpetual],
            "marks": {"P": {"price": PRICE}},
        }
    )


def account(health: float, coins: float = 1.0) -> pl.Account:
    """`coins` at today's price, with a health of so much (8 % of maintenance margin)."""
    row = {"instrument": "P", "quantity": coins, "entry_price": PRICE}
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": "a", "positions": [row]}
    money = {"USDC": health * 0.08 * abs(coins) * PRICE}
    return pl.Account.from_dict({**content, "collateral": money})


def live(
    health: float, prices: Any, scalar: Any = None, *, coins: float = 1.0, hours: float = 1.0, **more: Any
) -> Life:
    """One account along hourly prices, in parts of today's."""
    at = np.asarray(prices, dtype=np.float64)
    times = tuple(START + timedelta(hours=hours * k) for k in range(at.size))
    course = Course(times, States({"BTC": at}, np.ones(at.size)), None if scalar is None else np.asarray(scalar))
    return lived(MODEL, account(health, coins), market(), course, more.pop("policy", POLICY), **more)


def test_a_threshold_that_moves_alone_calls_and_closes_only_at_the_deadline() -> None:
    """The example of the brief: equity above the base margin, the price does not move, the threshold doubles."""
    flat = np.ones(8)
    found = live(1.5, flat, np.full(8, 2.0))
    assert [r.after for r in found.records] == ["reduce-only", "partial", "warned"]
    (closing,) = found.closings
    assert closing.ordered - START == timedelta(hours=4)
    assert closing.why == "threshold"
    assert closing.equity > closing.base
    assert found.by_threshold
    assert found.calls == 1
    tally = tallied([found])
    assert (tally.closed_by_threshold, tally.at_once, tally.closed_below_base) == (1, 0, 0)
    # closed until equity less cost is 1.3 times the doubled margin of what is left
    assert found.health[-1] == pytest.approx(1.3, rel=0.06)
    assert found.health[-1] >= 1.3
    # a fixed rule does nothing, and with a threshold that comes down in time nobody is closed
    assert live(1.6, flat).records == ()
    assert live(1.5, flat, [2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]).closings == ()


def test_an_account_that_was_below_its_base_is_not_closed_by_the_threshold() -> None:
    # falls below the base, is closed and comes back to its target; later it is called again and not closed before
    found = live(1.5, [1.0, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95], [1.0] * 2 + [2.0] * 6)
    assert [c.why for c in found.closings] == ["base", "deadline"]
    assert not found.by_threshold


def test_a_call_that_is_paid_closes_nothing() -> None:
    asked: list[Command] = []

    def pays(command: Command) -> tuple[float, float]:
        asked.append(command)
        return 2.0, 1.0

    found = live(1.5, np.ones(8), np.full(8, 2.0), answer=pays)
    assert len(asked) == 1
    assert asked[0].amount == pytest.approx((1.3 * 2.0 - 1.5) * 0.08 * PRICE)
    assert found.paid == pytest.approx(asked[0].amount)
    assert (found.closings, found.health[-1]) == ((), pytest.approx(1.3))
    # half of it is not enough
    assert live(1.5, np.ones(8), np.full(8, 2.0), answer=lambda _: (2.0, 0.5)).by_threshold
    # and what comes after the deadline comes too late
    assert live(1.5, np.ones(8), np.full(8, 2.0), answer=lambda _: (5.0, 1.0)).by_threshold


def test_a_gap_leaves_bad_debt_to_the_dollar() -> None:
    found = live(1.5, [1.0, 0.7])
    equity = 1.5 * 0.08 * PRICE - 0.3 * PRICE
    cost = 0.0005 * 0.7 * PRICE
    assert found.bankrupt
    assert found.bad_debt == pytest.approx(cost - equity)
    assert found.forced == pytest.approx(0.7 * PRICE)
    assert [c.why for c in found.closings] == ["equity"]
    assert not any(p.quantity for p in found.account.positions)
    # a short one is hurt by the other side
    assert live(1.5, [1.0, 1.3], coins=-1.0).bankrupt
    assert not live(1.5, [1.0, 0.7], coins=-1.0).records


def test_a_close_that_takes_time_is_made_at_the_price_of_then() -> None:
    at_once = live(1.2, [1.0, 0.98, 0.96, 0.9, 0.9])
    late = live(1.2, [1.0, 0.98, 0.96, 0.9, 0.9], close_hours=2.0)
    assert at_once.closings[0].done == at_once.closings[0].ordered
    assert late.closings[0].done - late.closings[0].ordered == timedelta(hours=2)
    assert late.equity < at_once.equity


PATHS = st.lists(st.floats(-0.06, 0.06), min_size=4, max_size=30)


@settings(max_examples=40)
@given(
    PATHS, st.lists(st.floats(0.0, 3.0), min_size=30, max_size=30), st.floats(1.05, 4.0), st.booleans(), st.booleans()
)
def test_nothing_is_closed_by_a_threshold_at_once_and_money_is_kept(
    steps: list[float], vols: list[float], health: float, short: bool, pays: bool
) -> None:
    prices = np.exp(np.concatenate([[0.0], np.cumsum(steps)]))
    hours = np.arange(prices.size, dtype=np.float64)
    sigma = np.array(vols)[: prices.size] if prices.size <= 30 else np.resize(vols, prices.size)
    scalar = scalars(ThresholdRule(reference=0.8, up=0.5, down=0.1), hours, sigma, sigma)
    coins = -1.0 if short else 1.0
    answer = (lambda _: (2.0, 1.0)) if pays else None
    found = live(health, prices, scalar, coins=coins, answer=answer)
    assert tallied([found]).at_once == 0
    for c in found.closings:
        # below the base, or called so many hours before
        called = [r for r in found.records if r.event.time <= c.ordered - timedelta(hours=POLICY.deadline_hours)]
        assert c.equity < c.base or called
    # what it has at the end: what it had, what it paid in, less what closes cost, and what its coins gained
    if not found.closings:
        gained = coins * PRICE * (prices[len(found.health) - 1] - 1.0)
        assert found.equity == pytest.approx(health * 0.08 * PRICE + found.paid + gained, abs=1e-6)
    held = sum(abs(p.quantity) for p in found.account.positions)
    assert held <= 1.0
    # money: equity is followed step by step through every close
    assert found.equity == pytest.approx(by_hand(found, prices, health, coins), abs=1e-3)


def by_hand(found: Life, prices: np.ndarray, health: float, coins: float) -> float:
    """Equity at the last step, from the closes of the record alone."""
    times = [START + timedelta(hours=k) for k in range(prices.size)]
    last = len(found.health) - 1
    money = health * 0.08 * PRICE + found.paid
    held = 1.0
    for k in range(last + 1):
        if k:
            money += coins * held * PRICE * (prices[k] - prices[k - 1])
        for c in found.closings:
            if c.done == times[k] and k < last:
                held -= c.notional / (PRICE * prices[k])
                money -= c.cost
    return float(money)


def test_money_paid_and_closes_of_a_real_path_by_hand() -> None:
    prices = np.array([1.0, 0.97, 0.955, 0.95, 0.94, 0.93, 0.925, 0.92, 0.93, 0.9])
    found = live(1.4, prices, answer=lambda _: (1.0, 0.3))
    assert len(found.closings) > 1
    assert found.paid > 0.0
    assert found.equity == pytest.approx(by_hand(found, prices, 1.4, 1.0), abs=1e-6)


def test_the_same_course_gives_the_same_life() -> None:
    one, other = (live(1.3, [1.0, 0.96, 0.93, 0.9], [1.0, 1.5, 2.0, 2.0]) for _ in range(2))
    assert one.records == other.records
    assert one.closings == other.closings
    assert one.account == other.account


def test_bad_courses_are_refused() -> None:
    states, times = States({"BTC": np.ones(2)}, np.ones(2)), (START, START + timedelta(hours=1))
    for bad, named in (
        ((times[:1], states), "course"),
        ((times[::-1], states), "course.times"),
        ((times, states, np.array([1.0, 0.5])), "course.scalar"),
        ((times, states, np.ones(3)), "course.scalar"),
    ):
        with pytest.raises(DocumentError, match=named):
            Course(*bad)
    with pytest.raises(DocumentError, match="answer"):
        live(1.1, [1.0, 0.99], answer=lambda _: (-1.0, 1.0))
    with pytest.raises(DocumentError, match=r"market.assets.XYZ"):
        live(1.1, [1.0, 0.99], answer=lambda _: (0.0, 1.0), asset="XYZ")
    row = {"instrument": "P", "quantity": 1.0, "isolated_margin": 10.0}
    apart = pl.Account.from_dict({"schema": "plimsoll.account", "schema_version": 1, "positions": [row]})
    with pytest.raises(DocumentError, match="one pool"):
        lived(MODEL, apart, market(), Course(times, states))
