"""Deribit standard margin, one rule at a time."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from deribit_desk import INVERSE, LINEAR, SM, WEEK, coins, desk, future_coins, option, pack, reason, require
from naive.black import black
from plimsoll.documents import DocumentError
from plimsoll.margin.changes.sensitivity import sensitivity
from plimsoll.risk import aumann_shapley
from rule_books import Desk


@pytest.mark.rule("DERIBIT-SM-01")
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_future_is_charged_more_for_each_coin_it_grows(side: float) -> None:
    found = desk()
    coins(found, side * 40.0, 125.0)
    r = require(found)
    assert r.currency == "BTC"
    assert r.initial == pytest.approx((0.02 + 0.00005 * 40.0) * 40.0, rel=1e-12)
    assert r.maintenance == pytest.approx((0.01 + 0.00005 * 40.0) * 40.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-SM-02")
def test_a_linear_contract_is_margined_at_the_index() -> None:
    found = desk(spot=100.0, USDC=1_000.0)
    found.add_perpetual(40.0, 125.0, **LINEAR)
    r = require(found)
    assert r.currency == "USDC"
    assert r.initial == pytest.approx((0.02 + 0.00005 * 40.0) * 40.0 * 100.0, rel=1e-12)
    assert r.maintenance == pytest.approx((0.01 + 0.00005 * 40.0) * 40.0 * 100.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-SM-03")
@pytest.mark.parametrize(("strike", "rate"), [(90.0, 0.15), (103.0, 0.12), (150.0, 0.10)])
def test_a_short_call(strike: float, rate: float) -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -3.0, strike, True, mark=0.031)
    r = require(found)
    assert (r.initial, r.maintenance) == pytest.approx((3.0 * (rate + 0.031), 3.0 * (0.075 + 0.031)), rel=1e-9)


@pytest.mark.rule("DERIBIT-SM-04")
@pytest.mark.parametrize(
    ("strike", "mark", "initial", "maintenance"),
    [(97.0, 0.02, 0.14, 0.095), (50.0, 0.001, 0.101, 0.076), (300.0, 2.0, 2.15, 2.15), (500.0, 4.0, 4.3, 4.3)],
)
def test_a_short_put(strike: float, mark: float, initial: float, maintenance: float) -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -1.0, strike, False, mark=mark)
    r = require(found)
    assert (r.initial, r.maintenance) == pytest.approx((initial, maintenance), rel=1e-9)


@pytest.mark.rule("DERIBIT-SM-05")
def test_nothing_is_netted_and_long_options_are_free() -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -1.0, 100.0, True, mark=0.05)
    alone = require(found)
    option(found, 5.0, 101.0, True, mark=0.04)
    assert (require(found).initial, require(found).maintenance) == (alone.initial, alone.maintenance)
    coins(found, 1.0)
    both = require(found)
    assert both.initial == pytest.approx(alone.initial + 0.02005, rel=1e-12)
    found.add_perpetual(-100.0, 100.0, **INVERSE)
    assert require(found).initial == pytest.approx(alone.initial + 2 * 0.02005, rel=1e-12)


@pytest.mark.rule("DERIBIT-SM-06")
def test_the_dearer_price_of_the_underlying_is_charged_for_the_whole_account() -> None:
    found = desk(spot=100.0)
    found.add_expiry(WEEK, variable=102.0)
    option(found, -2.0, 104.0, True, mark=0.02)
    option(found, -1.0, 99.0, False, mark=0.02)
    forward = 2 * (0.15 - 2.0 / 102.0 + 0.02) + (0.15 - 3.0 / 102.0 + 0.02)
    index = 2 * (0.15 - 4.0 / 100.0 + 0.02) + (0.15 - 1.0 / 100.0 + 0.02)
    r = require(found)
    assert r.workings["reading.underlying.forward"] == pytest.approx(forward, abs=2e-9)
    assert r.workings["reading.underlying.index"] == pytest.approx(index, abs=2e-9)
    assert r.initial == max(r.workings["reading.underlying.forward"], r.workings["reading.underlying.index"])
    assert any("charged the forward" in note for note in r.notes)


@pytest.mark.rule("DERIBIT-SM-07")
def test_amounts_of_a_position_have_nine_decimals() -> None:
    found = desk()
    found.add_perpetual(1.0, 1963.31, **INVERSE)
    found.add_expiry(WEEK)
    future_coins(found, 1e-7 / 3.0, WEEK)
    r = require(found)
    assert [s.initial for s in r.component("futures").shares] == [0.000010187, 0.000000001]
    assert r.charged.decimals == 9
    assert r.charged.initial == 10_188


@pytest.mark.rule("DERIBIT-SM-08")
def test_one_settlement_currency_and_only_its_balance() -> None:
    found = desk(BTC=2.0, USDC=500.0)
    coins(found, 1.0)
    r = require(found)
    assert r.net_equity == 2.0
    assert any("balance in USDC" in note for note in r.notes)
    found.add_perpetual(1.0, 100.0, **LINEAR)
    assert "BTC, USDC (several_currencies)" in str(reason(found))
    with pytest.raises(DocumentError, match="an account document for each"):
        require(found)


@pytest.mark.rule("DERIBIT-SM-08")
def test_an_account_without_contracts_has_the_currency_of_its_balance() -> None:
    assert require(desk(USDC=5.0)).currency == "USDC"
    empty = Desk()
    assert (require(empty).initial, require(empty).currency) == (0.0, "coin")


@pytest.mark.rule("DERIBIT-SM-09")
def test_orders_reserve_initial_margin_only() -> None:
    found = desk()
    found.add_expiry(WEEK)
    call = option(found, 1.0, 90.0, True, mark=0.12)
    perp = coins(found, 1.0)
    before = require(found)
    orders = [
        {"instrument": call, "quantity": 2.0, "price": 0.11},
        {"instrument": call, "quantity": -1.0, "price": 0.13},
        {"instrument": perp, "quantity": -50.0, "price": 80.0},
        {"instrument": perp, "quantity": -100.0, "price": 100.0, "reduce_only": True},
    ]
    r = require(found, account={"orders": orders})
    size = 50.0 / 80.0
    expected = 0.22 + (0.15 + 0.12) + (0.02 + 0.00005 * size) * size
    assert r.initial - before.initial == pytest.approx(expected, abs=2e-9)
    assert r.maintenance == before.maintenance
    assert r.failures == ()
    told = require(found, account={"orders": orders, "reported": {"open_orders_margin": 0.5}})
    assert told.initial == pytest.approx(before.initial + 0.5, rel=1e-12)
    linear = desk(USDC=1.0)
    order = {"instrument": linear.add_perpetual(0.0, 125.0, **LINEAR), "quantity": -40.0, "price": 90.0}
    r = require(linear, account={"orders": [order]})
    assert (r.initial, r.currency) == (pytest.approx((0.02 + 0.00005 * 40.0) * 40.0 * 100.0, rel=1e-12), "USDC")
    with pytest.raises(DocumentError, match=r"account.orders\[0\].instrument"):
        require(found, account={"orders": [{"instrument": "BTC-X", "quantity": 1.0, "price": 1.0}]})


@pytest.mark.rule("DERIBIT-SM-10")
@pytest.mark.parametrize("quantity", [2.0, -2.0])
def test_the_margin_balance_is_the_lesser_of_two(quantity: float) -> None:
    found = desk(BTC=3.0)
    found.add_expiry(WEEK)
    option(found, quantity, 100.0, True, mark=0.05)
    found.add_perpetual(0.0, 100.0, unrealised=0.25, funding=-0.5, **INVERSE)
    r = require(found)
    assert r.net_equity == pytest.approx(2.75 + min(0.0, quantity * 0.05), rel=1e-12)
    assert r.workings["reading.margin_balance.with_option_value"] == pytest.approx(2.75 + quantity * 0.05, rel=1e-12)
    assert r.workings["reading.margin_balance.without_option_value"] == pytest.approx(2.75, rel=1e-12)


@pytest.mark.rule("DERIBIT-SM-11")
def test_cross_collateral_is_margined_in_dollars_with_haircuts_to_initial_only() -> None:
    found = desk(BTC=2.0, stETH=3.0, USDC=-40.0)
    found.indices["ETH"] = {"price": 20.0}
    found.assets["stETH"] = {"price": 19.0}
    coins(found, 10.0)
    found.add_perpetual(5.0, 20.0, underlying="ETH", **LINEAR)
    r = require(found, account={"mode": "cross"})
    positions = (0.02 + 0.0005) * 10.0 * 100.0 + (0.02 + 0.00002) * 5.0 * 20.0
    haircut = 0.075 * 3.0 * 19.0
    assert r.currency == "USD"
    assert r.initial == pytest.approx(positions + haircut, rel=1e-12)
    assert r.maintenance == pytest.approx((0.01 + 0.0005) * 1_000.0 + (0.01 + 0.00002) * 100.0, rel=1e-12)
    assert r.net_equity == pytest.approx(200.0 + 57.0 - 40.0, rel=1e-12)
    with pytest.raises(DocumentError, match="unknown_currency"):
        require(found, account={"mode": "cross", "collateral": {"BNB": 1.0}})


@pytest.mark.rule("DERIBIT-SM-12")
def test_a_quoted_mark_needs_no_volatility_and_a_volatility_no_quote() -> None:
    found = desk()
    found.add_expiry(WEEK, variable=104.0)
    option(found, -1.0, 100.0, True, vol=None, mark=0.07)
    assert require(found).maintenance == pytest.approx(0.145, rel=1e-12)
    other = desk()
    other.add_expiry(WEEK, variable=104.0)
    option(other, -1.0, 100.0, True, vol=0.6)
    value = black(True, 104.0, 100.0, 7.5 / 365.0, 0.6) / 104.0
    assert require(other).maintenance == pytest.approx(0.075 + value, abs=1e-9)


@pytest.mark.rule("DERIBIT-SM-12")
def test_an_option_without_mark_and_volatility_is_refused_or_carried_at_its_bound() -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -1.0, 100.0, True, vol=None)
    with pytest.raises(DocumentError, match="missing_vol"):
        require(found)
    model = pl.margin_model(pack("deribit-sm@2025-01-01"))
    r = model.requirement(found.account, found.market, on_failure="conservative")
    assert r.maintenance == pytest.approx(1.075, rel=1e-12)
    assert [f.effect for f in r.failures] == ["conservative"]


@pytest.mark.rule("DERIBIT-SM-13")
@pytest.mark.parametrize(("size", "share"), [(1.0, True), (400.0, False)])
def test_the_dearer_reading_of_maintenance_is_charged(size: float, share: bool) -> None:
    found = desk()
    coins(found, size)
    r = require(found, "deribit-sm@2026-09-23")
    slope, part = (0.01 + 0.00005 * size) * size, 2.0 / 3.0 * (0.02 + 0.00005 * size) * size
    assert r.workings["reading.maintenance.slope"] == pytest.approx(slope, abs=1e-9)
    assert r.workings["reading.maintenance.share"] == pytest.approx(part, abs=1e-9)
    assert r.maintenance == pytest.approx(part if share else slope, abs=1e-9)
    assert r.component("futures").evidence == "assumed"
    assert any("leverage table" in note for note in r.notes)


@pytest.mark.rule("DERIBIT-SM-14")
def test_what_has_no_rates_is_refused_and_says_why() -> None:
    linear = desk(USDC=1.0)
    linear.add_expiry(WEEK)
    linear.add_option(-1.0, 100.0, True, WEEK, **LINEAR)
    assert "not in any source" in str(reason(linear))
    spot = desk()
    spot._add("spot", 1.0, {"underlying": "BTC"}, {})
    spot.instruments[-1] = {"kind": "spot", "name": spot.instruments[-1]["name"], "underlying": "BTC"}
    assert "spot" in str(reason(spot))
    quanto = desk()
    quanto.add_perpetual(1.0, 100.0, settlement="quanto", currency="BTC")
    assert "unsupported_contract" in str(reason(quanto))
    doge = desk(DOGE=1.0)
    doge.indices["DOGE"] = {"price": 1.0}
    doge.add_perpetual(1.0, 1.0, underlying="DOGE", settlement="inverse", currency="DOGE")
    assert "unknown_underlying" in str(reason(doge))
    early = desk(USDC=1.0)
    early.add_perpetual(1.0, 100.0, **LINEAR)
    assert "none for linear BTC" in str(reason(early, "deribit-sm@2021-06-01"))
    plain = desk()
    coins(plain, 1.0)
    assert "unsupported_mode" in str(reason(plain, mode="isolated"))
    assert reason(plain) is None


@pytest.mark.rule("DERIBIT-SM-15")
@pytest.mark.parametrize(
    ("day", "initial", "maintenance"),
    [
        ("2021-06-01", 0.01, 0.00525),
        ("2022-01-11", 0.02, 0.01),
        ("2023-10-25", 0.04, 0.01),
        ("2024-01-01", 0.02, 0.01),
    ],
)
def test_rates_by_date(day: str, initial: float, maintenance: float) -> None:
    found = desk()
    coins(found, 2.0)
    r = require(found, f"deribit-sm@{day}")
    assert r.initial == pytest.approx((initial + 0.0001) * 2.0, rel=1e-12)
    assert r.maintenance == pytest.approx((maintenance + 0.0001) * 2.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-SM-16")
def test_a_share_is_the_position_itself() -> None:
    found = desk()
    names = [coins(found, 30.0), coins(found, -70.0)]
    component = require(found).component("futures")
    size = np.array([30.0, -70.0])
    gradient = lambda q: (0.02 + 2 * 0.00005 * np.abs(q)) * np.sign(q)  # noqa: E731
    shares = aumann_shapley(gradient, size, component.initial)
    assert component.method == "aumann-shapley"
    assert [s.subject for s in component.shares] == names
    assert [s.initial for s in component.shares] == pytest.approx(shares.values.tolist(), rel=1e-10)


@pytest.mark.rule("DERIBIT-SM-17")
def test_liquidation_is_data() -> None:
    for rules in pl.shipped_packs():
        if rules.name == "deribit-sm":
            rule = rules.parameters["liquidation"]
            assert (rule["trigger"], rule["rounds_per_second"], rule["steps"]) == (1.0, 1.0, ["reduce_positions"])
            assert (rule["margin_call"], rule["user_locked"]) == (False, True)
            # raised with the rates of 2022
            assert rule["fees"]["BTC"]["future"] == (0.005 if rules.effective.year < 2022 else 0.0075)


def test_what_sets_the_margin_tells_the_term_of_each_short_option_and_a_kink_is_where_one_changes() -> None:
    """A call struck at 115 % of the price stands at the least rate until it is 5 % away: at 115 / 1.05 - 100 up."""
    found = desk()
    found.add_expiry(WEEK)
    coins(found, 1.0)
    plain = "each position by itself"
    assert require(found).binding[0].label == plain
    for strike, call, mark in ((115.0, True, 0.001), (98.0, False, 0.01), (90.0, True, 0.11)):
        option(found, -1.0, strike, call, mark=mark)
    option(found, 3.0, 130.0, True)
    told = "1 at the full rate, 1 less their distance, 1 at the least rate"
    assert require(found).binding[0].label == f"{plain}; short options against the forward: {told}"
    dear = desk()
    dear.add_expiry(WEEK)
    option(dear, -1.0, 400.0, False, mark=3.0)
    assert require(dear).binding[0].label.endswith("the forward: 1 at the maintenance rate")
    alone = desk()
    alone.add_expiry(WEEK)
    option(alone, -1.0, 115.0, True, mark=0.001)
    moves = sensitivity(pl.margin_model(SM), alone.account, alone.market, parameters=False)
    assert moves.down is None
    assert moves.up is not None
    assert moves.up.move == pytest.approx(1.15 / 1.05 - 1.0, abs=2e-5)
