"""Capital against a plain calculation: every path, every instant, the exact engine, and the least amount that does."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
import tail_desk
from hedge_desks import account, chain, holding, random_book
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.later import later
from plimsoll.margin.path import moved
from plimsoll.optimise.variation import (
    Outlook,
    Route,
    TransferTerms,
    evaluate,
    least,
    running,
    same_time,
    tail_mean,
)
from plimsoll.scenarios.paths import JointPaths
from transfer_paths import as_held, brownian, perpetuals

PACKS = {"a": "derive-pmrm2@2025-04-18", "b": "derive-pmrm2@2025-04-18"}


@pytest.mark.parametrize(
    ("pack", "style"),
    [
        ("prbm@2026-01-01", "linear"),
        ("derive-pmrm2@2025-04-18", "linear"),
        ("deribit-pm@2026-02-15", "inverse"),
        ("deribit-sm@2026-02-15", "inverse"),
        ("span@2026-01-01", "linear"),
    ],
)
def test_shortfalls_are_those_of_the_exact_engine_state_by_state(pack: str, style: str) -> None:
    rng = np.random.default_rng(2)
    market = chain(rng, style)
    money = {"USDC": 1e6} if style == "linear" else {"BTC": 12.0}
    held = holding(pack, random_book(rng, market), money)
    paths = brownian(6, 30.0, 3, seed=4)
    found = running(held.model, held.account, market, paths, 30.0)
    now = held.model.requirement(held.account, market)
    for k in range(3):
        aged = later(held.account, market, float(paths.days[k]), hours_of(held.model))
        for j in range(6):
            there = moved(*aged, {"BTC": float(paths.multiplier[k, 0, j])}, float(paths.multiplier[k, 1, j]))
            then = held.model.requirement(*there)
            want = then.maintenance - (then.net_equity - now.net_equity)
            assert found.shortfall[k, j] == pytest.approx(want, rel=1e-9, abs=1e-9 * max(1.0, now.net_equity))
    assert found.worst == pytest.approx(np.maximum(found.shortfall.max(axis=0), now.maintenance))


def test_coins_whose_volatilities_move_apart_are_margined_state_by_state() -> None:
    """The slow road agrees with the fast one where both can go, and sees a volatility of one coin alone."""
    market = tail_desk.desk_market()
    book = account({"BTC-7d-70000-C": -2.0, "ETH-7d-3500-P": -20.0})
    model = pl.margin_model("prbm@2026-01-01")
    names = ("BTC", "BTC iv", "ETH", "ETH iv")
    rng = np.random.default_rng(5)
    price, vol = np.exp(0.03 * rng.standard_normal((2, 2, 5))), np.exp(0.1 * rng.standard_normal((2, 5)))
    alike = np.stack([price[:, 0], vol, price[:, 1], vol], axis=1)
    apart = alike.copy()
    apart[:, 3] *= 1.0 + 1e-13
    found = [
        running(model, book, market, JointPaths(names, m, np.array([0.1, 0.2]), np.ones(5)), 4.8)
        for m in (alike, apart)
    ]
    assert found[1].shortfall == pytest.approx(found[0].shortfall, rel=1e-9)
    apart[:, 3] = 1.2 * vol
    higher = running(model, book, market, JointPaths(names, apart, np.array([0.1, 0.2]), np.ones(5)), 4.8)
    assert np.all(higher.shortfall > found[0].shortfall)


def test_what_expires_before_the_transfer_pays_at_the_price_of_the_path() -> None:
    market = chain(np.random.default_rng(6))
    held = holding("prbm@2026-01-01", {"14D-1-P": -10.0}, {"USDC": 5e6})
    days = np.array([13.0, 15.0])
    fall = JointPaths(("BTC",), np.full((2, 1, 1), 0.7), days, np.ones(1))
    found = running(held.model, held.account, market, fall, 360.0)
    # a short put that is 30 % in the money owes it on the day after its expiry as on the day before
    assert found.shortfall[1, 0] == pytest.approx(found.shortfall[0, 0], rel=0.02)
    assert found.shortfall[1, 0] > 10.0 * 0.29 * 70_000.0


def plain_least(values: list[float], weight: list[float], p: float) -> float:
    """The least value that is exceeded with probability `p` or less, by trying each."""
    enough = []
    for v in values:
        exceeded = sum(w for x, w in zip(values, weight, strict=True) if x > v + 1e-12 * max(1.0, abs(v)))
        if exceeded / len(values) <= p + 1e-12:
            enough.append(v)
    return min(enough)


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.sampled_from([0.25, 1.0, 1.75])), min_size=4, max_size=40),
    st.floats(0.26, 0.95),
)
def test_the_least_amount_is_that_of_trying_each(rows: list[tuple[int, float]], p: float) -> None:
    values, weight = np.array([float(v) for v, _ in rows]), np.array([w for _, w in rows])
    found = least(values, weight, p)
    assert found.amount == plain_least(values.tolist(), weight.tolist(), p)
    assert found.rate <= p + 1e-12
    assert found.error >= 0.0
    assert tail_mean(values, weight, p) >= found.amount - 1e-12


def test_the_error_of_a_quantile_is_what_seeds_differ_by() -> None:
    amounts, errors = [], []
    for seed in range(200):
        values = np.random.default_rng(seed).standard_normal(2_000)
        found = least(values, np.ones(2_000), 0.02)
        amounts.append(found.amount)
        errors.append(found.error)
    assert np.mean(errors) == pytest.approx(np.std(amounts), rel=0.15)
    # two paths of a cluster that are one and the same tell half as much
    values = np.repeat(np.random.default_rng(1).standard_normal(1_000), 2)
    pairs = np.repeat(np.arange(1_000), 2)[:, None]
    assert least(values, np.ones(2_000), 0.02, pairs).rate_error == pytest.approx(
        np.sqrt(2.0) * least(values, np.ones(2_000), 0.02).rate_error, rel=0.02
    )


def test_no_net_delta_and_two_buffers_that_grow_with_the_transfer_time() -> None:
    market = chain(np.random.default_rng(1))
    hedged = perpetuals(market, {"a": 100.0, "b": -100.0}, PACKS)
    netted = perpetuals(market, {"a": 0.0, "b": 0.0}, PACKS)
    outlook = Outlook(brownian(2_000, 24.0, 8), same_time(24.0))
    before = None
    for hours in (9.0, 12.0, 18.0, 24.0):
        found = evaluate(as_held(hedged), market, outlook, 0.01, hours=hours)
        assert sum(v.breach for v in found.venues) <= 0.02
        for k, v in enumerate(found.venues):
            assert v.buffer > 0.0
            assert v.capital >= v.initial
            assert before is None or v.buffer > before.venues[k].buffer
            # what has to be there covers the fall (or rise) that 1 % of the paths exceed
            assert v.needed > v.maintenance
        before = found
    # the same on one account is nothing at all
    assert evaluate(as_held(netted), market, outlook, 0.01, hours=24.0).capital == 0.0


def test_gains_at_one_venue_pay_for_nothing_at_the_other() -> None:
    """One price path: it rises and falls back. The short is broken on the way though it ends where it began."""
    market = chain(np.random.default_rng(1))
    days = np.array([0.1, 0.2])
    paths = JointPaths(("BTC",), np.array([[[1.3]], [[1.0]]]).repeat(200, axis=2), days, np.ones(200))
    a, b = evaluate(
        as_held(perpetuals(market, {"a": 10.0, "b": -10.0}, PACKS)), market, Outlook(paths, same_time(4.8)), 0.01
    ).venues
    price = market.marks["PERP"].price
    assert b.needed > 10.0 * price * 0.3
    assert a.needed == pytest.approx(a.maintenance)


@settings(max_examples=12)
@given(st.integers(0, 10_000))
def test_capital_grows_as_less_may_break_and_as_transfers_take_longer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    market = chain(rng)
    held = [holding("prbm@2026-01-01", random_book(rng, market), {"USDC": 1e6}, name="a")]
    outlook = Outlook(brownian(200, 48.0, 4, seed=seed), same_time(48.0))
    by_p = [evaluate(as_held(held), market, outlook, p).capital for p in (0.2, 0.05, 0.01)]
    assert by_p == sorted(by_p)
    by_hours = [evaluate(as_held(held), market, outlook, 0.05, hours=h).capital for h in (12.0, 24.0, 48.0)]
    assert by_hours == sorted(by_hours)


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.floats(1.0, 1e7))
def test_more_cash_is_never_worse(seed: int, more: float) -> None:
    rng = np.random.default_rng(seed)
    market = chain(rng)
    book = random_book(rng, market)
    outlook = Outlook(brownian(150, 24.0, 3, seed=seed), same_time(24.0))
    poor, rich = (
        evaluate(as_held([holding("prbm@2026-01-01", book, {"USDC": cash})]), market, outlook, 0.02).venues[0]
        for cash in (1e5, 1e5 + more)
    )
    assert rich.capital == pytest.approx(poor.capital, rel=1e-9, abs=1e-3)
    assert rich.idle == pytest.approx(poor.idle + more, rel=1e-9, abs=1e-3)
    assert rich.breach_now <= poor.breach_now


def test_a_joint_bound_holds_for_the_venues_together() -> None:
    market = chain(np.random.default_rng(1))
    held = as_held(perpetuals(market, {"a": 100.0, "b": -100.0}, PACKS))
    outlook = Outlook(brownian(2_000, 24.0, 8), same_time(24.0))
    each, joint = (evaluate(held, market, outlook, 0.02, joint=j) for j in (False, True))
    assert each.anywhere > 0.02 + 0.01
    assert joint.anywhere <= 0.02 + 1e-12
    assert joint.anywhere > 0.015
    assert joint.capital > each.capital


def test_routes_the_most_particular_and_the_slowest_and_the_hours_it_is_closed() -> None:
    friday = datetime(2026, 1, 2, 17, 0, tzinfo=UTC)
    bank = Route(venue="b", asset="USD", hours=2.0, opens=8.0, closes=16.0, weekdays=(1, 2, 3, 4, 5))
    terms = TransferTerms(
        date=date(2026, 1, 1),
        routes=(Route(asset="BTC", hours=1.0), Route(venue="b", hours=6.0), Route(venue="b", hours=5.0), bank),
    )
    assert terms.hours_to("a", friday) == 4.0
    assert terms.hours_to("a", friday, "BTC") == 1.0
    assert terms.hours_to("b", friday, "BTC") == 6.0
    assert terms.hours_to("b", friday, "USD") == 63.0 + 2.0
    assert terms.hours_to("b", friday.replace(hour=9), "USD") == 2.0
    assert terms.hours_to("b", friday.replace(hour=1), "USD") == 9.0
    with pytest.raises(pl.DocumentError, match=r"transfer_terms\.date"):
        terms.hours_to("a", datetime(2025, 12, 31, tzinfo=UTC))
    for bad in ({"hours": 0.0}, {"hours": 1.0, "opens": 9.0, "closes": 9.0}, {"hours": 1.0, "weekdays": []}):
        with pytest.raises(pl.DocumentError):
            TransferTerms.from_dict(terms.to_dict() | {"routes": [bad]})


def test_what_the_paths_cannot_say_is_refused() -> None:
    market = chain(np.random.default_rng(1))
    held = as_held(perpetuals(market, {"a": 1.0}, PACKS))
    paths = brownian(50, 4.0)
    for problem, said in [
        (lambda: evaluate(held, market, Outlook(paths, same_time(6.0)), 0.1), "paths.days: got 'an end at 4 hours'"),
        (lambda: evaluate(held, market, Outlook(paths, same_time(4.0)), 0.01), "allowed: at least 100"),
        (lambda: evaluate(held, market, Outlook(paths, same_time(4.0)), 1.0), "breach: got 1.0"),
        (lambda: evaluate([], market, Outlook(paths, same_time(4.0)), 0.1), "venues: got 'none'"),
        (lambda: evaluate([*held, *held], market, Outlook(paths, same_time(4.0)), 0.1), "each name once"),
        (lambda: same_time(0.0), "transfer.hours: got 0.0"),
    ]:
        with pytest.raises(pl.DocumentError) as caught:
            problem()  # type: ignore[no-untyped-call]
        assert said in str(caught.value).replace('"', "'")
    other = JointPaths(("ETH",), paths.multiplier[:, :1], paths.days, paths.weight)
    with pytest.raises(pl.DocumentError, match=r"paths\.names\.BTC"):
        evaluate(held, market, Outlook(other, same_time(4.0)), 0.1)
