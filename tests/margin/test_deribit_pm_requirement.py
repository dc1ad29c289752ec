"""Deribit portfolio margin: shocks, roll-up, readings, shares and what is refused."""

from __future__ import annotations

import math

import pytest

import plimsoll as pl
from deribit_desk import INVERSE, LINEAR, PM, WEEK, coins, desk, future_coins, option, reason, require
from naive.black import black, call_delta
from plimsoll.documents import DocumentError
from rule_books import DAY

T = 7.5 / 365.0


@pytest.mark.rule("DERIBIT-PM-09")
def test_the_roll_shock_nets_within_an_expiry_only() -> None:
    found = desk()
    near, far = 30.0 * DAY, 730.0 * DAY
    found.add_expiry(near)
    found.add_expiry(far)
    coins(found, 3.0)
    future_coins(found, -3.0, near)
    future_coins(found, 2.0, far)
    future_coins(found, -0.5, far)
    found.add_perpetual(-100.0, 100.0, **INVERSE)
    r = require(found, PM)
    assert r.workings["roll_shock"] == pytest.approx(0.01 * (2.0 + 3.0) + (math.exp(0.15) - 1) * 1.5, rel=1e-12)
    assert r.component("roll_shock").evidence == "read"
    linear = desk(spot=100.0, USDC=1.0)
    linear.add_perpetual(2.0, 103.0, **LINEAR)
    assert require(linear, PM).workings["roll_shock"] == pytest.approx(0.01 * 2.0 * 100.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-PM-10")
def test_the_delta_of_a_coin_option_is_less_its_price_and_decays() -> None:
    found = desk()
    found.add_expiry(WEEK, variable=104.0)
    option(found, 3.0, 100.0, False, vol=0.6, multiplier=0.5)
    delta = call_delta(104.0, 100.0, T, 0.6) - 1.0 - black(False, 104.0, 100.0, T, 0.6) / 104.0
    assert require(found, PM).workings["roll_shock"] == pytest.approx(0.01 * 1.5 * abs(delta), rel=1e-12)
    late = desk()
    late.add_expiry(900.0, variable=50.0, fixed=50.0)
    option(late, 1.0, 90.0, True, 900.0, 0.6)
    delta = 0.5 * (1.0 - 10.0 / 100.0)
    assert require(late, PM).workings["roll_shock"] == pytest.approx(0.01 * delta, rel=1e-9)
    linear = desk(USDC=1.0)
    linear.add_expiry(WEEK, variable=104.0)
    linear.add_option(3.0, 100.0, False, WEEK, 0.6, **LINEAR)
    delta = call_delta(104.0, 100.0, T, 0.6) - 1.0
    assert require(linear, PM).workings["roll_shock"] == pytest.approx(0.01 * 3.0 * abs(delta) * 100.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-PM-11")
@pytest.mark.parametrize(
    ("puts", "charged"),
    [(0.0, 40.0), (10.0, 30.0), (60.0, 0.0)],  # deep puts have a delta of minus one and no price to speak of
)
def test_long_options_may_reduce_the_delta_that_is_shocked(puts: float, charged: float) -> None:
    found = desk(USDC=1.0)
    found.add_expiry(WEEK)
    found.add_perpetual(40.0, 100.0, **LINEAR)
    found.add_option(puts, 1_000.0, False, WEEK, 0.3, **LINEAR)
    changes = {"pairs__BTC__delta_total_liq_shock_threshold": 1_000.0, "pairs__BTC__max_delta_shock": 0.3}
    r = require(found, PM, **changes)
    notional = charged * 100.0
    steep = max(notional - 1_000.0, 0.0) * charged
    assert r.workings["delta_shock"] == pytest.approx(min(steep * 0.01, 0.3 * notional), rel=1e-9)
    if steep:
        other = r.workings["reading.most"] - r.workings["reading.delta_shock_m_inc"]
        assert other == pytest.approx(r.workings["delta_shock"] - steep * 0.00005, rel=1e-9)


@pytest.mark.rule("DERIBIT-PM-11")
def test_the_delta_shock_is_capped_and_zero_up_to_the_threshold() -> None:
    found = desk()
    coins(found, -400.0)
    at = require(found, PM, pairs__BTC__delta_total_liq_shock_threshold=40_000.0)
    assert at.workings["delta_shock"] == 0.0
    assert "reading.delta_shock_cent" not in at.workings
    above = require(found, PM, pairs__BTC__delta_total_liq_shock_threshold=1_000.0)
    assert above.workings["delta_shock"] == pytest.approx(0.1 * 400.0, rel=1e-12)
    calls = desk()
    calls.add_expiry(WEEK)
    coins(calls, 40.0)
    option(calls, 50.0, 100.0, True)
    more = require(calls, PM, pairs__BTC__delta_total_liq_shock_threshold=4_000.0)
    assert more.workings["delta_shock"] == 0.0


@pytest.mark.rule("DERIBIT-PM-12")
def test_a_correlation_contingency_is_only_what_is_reported() -> None:
    found = desk()
    coins(found, 1.0)
    before = require(found, PM)
    after = require(found, PM, account={"reported": {"correlation_contingency": 0.25}})
    assert before.component("correlation_contingency").initial == 0.0
    assert after.initial - before.initial == pytest.approx(0.25, abs=1e-9)
    assert after.maintenance - before.maintenance == pytest.approx(0.2, abs=1e-9)


@pytest.mark.rule("DERIBIT-PM-13")
def test_the_roll_up_rounds_the_worst_case_and_the_initial_margin() -> None:
    found = desk()
    coins(found, 1.0 / 3.0)
    told = {"open_orders_margin": 0.0000182121, "mmp_margin": 0.06, "spot_margin": 0.0000000004}
    r = require(found, PM, account={"reported": told})
    worst = (1.0 / 3.0) * 0.16 / 0.84
    matrix = round(worst, 9) + 0.01 / 3.0
    assert r.workings["risk_matrix_margin"] == pytest.approx(matrix, abs=1e-16)
    assert r.initial == pytest.approx(round(matrix + 0.0600182125, 9), abs=1e-15)
    assert r.maintenance == pytest.approx(0.8 * matrix, abs=1e-15)
    assert abs(r.component("rounding").initial) < 1.1e-9


@pytest.mark.rule("DERIBIT-PM-13")
def test_orders_without_a_reported_margin_are_named() -> None:
    found = desk()
    order = {"instrument": coins(found, 1.0), "quantity": 10.0, "price": 90.0}
    r = require(found, PM, account={"orders": [order]})
    assert [f.reason for f in r.failures] == ["orders_not_charged"]
    told = require(found, PM, account={"orders": [order], "reported": {"open_orders_margin": 0.1, "typo": 1.0}})
    assert told.failures == ()
    assert any("not used by these rules: typo" in note for note in told.notes)


@pytest.mark.rule("DERIBIT-PM-14")
def test_the_dearest_reading_is_charged_and_the_range_returned() -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -30.0, 130.0, True, vol=0.3)
    r = require(found, PM)
    w = r.workings
    charged = w["worst_case"] + w["roll_shock"] + w["delta_shock"]
    assert w["reading.most"] == charged > w["reading.least"]
    # a short option loses more where the least volatility is put in before the shock and days are counted down
    assert w["reading.floor_before"] == w["reading.days_whole"] == charged
    assert w["reading.floor_after"] < charged
    assert w["reading.days_from_one"] < charged
    assert any("no published Deribit portfolio-margin example holds options" in note for note in r.notes)
    assert any("least volatility before the upward shock, whole days" in note for note in r.notes)
    assert r.component("risk_matrix").evidence == "assumed"
    plain = desk()
    coins(plain, 1.0)
    r = require(plain, PM)
    assert (r.notes, [k for k in r.workings if k.startswith("reading")]) == ((), [])
    assert r.component("risk_matrix").evidence == "reproduced"


@pytest.mark.rule("DERIBIT-PM-15")
def test_equity_is_the_balance_options_and_open_profit_of_one_currency() -> None:
    found = desk(BTC=3.0, USDC=500.0)
    found.add_expiry(WEEK)
    option(found, -2.0, 100.0, True)
    found.add_perpetual(0.0, 100.0, unrealised=0.25, funding=-0.5, **INVERSE)
    r = require(found, PM)
    assert r.net_equity == pytest.approx(2.75 - 2.0 * black(True, 100.0, 100.0, T, 0.5) / 100.0, rel=1e-12)
    assert any("balance in USDC" in note for note in r.notes)


@pytest.mark.rule("DERIBIT-PM-16")
def test_what_is_refused_says_why() -> None:
    found = desk()
    coins(found, 1.0)
    assert reason(found, PM) is None
    assert "equity into the matrix" in str(reason(found, PM, mode="cross"))
    assert "unsupported_mode" in str(reason(found, PM, mode="isolated"))
    found.add_perpetual(1.0, 100.0, **LINEAR)
    assert "several_currencies" in str(reason(found, PM))
    with pytest.raises(DocumentError, match="an account document for each"):
        require(found, PM)
    sol = desk(SOL=1.0)
    sol.indices["SOL"] = {"price": 10.0}
    sol.add_perpetual(1.0, 10.0, underlying="SOL", settlement="inverse", currency="SOL")
    assert "unknown_underlying" in str(reason(sol, PM))
    quanto = desk()
    quanto.add_perpetual(1.0, 100.0, settlement="quanto", currency="BTC")
    assert "unsupported_contract" in str(reason(quanto, PM))


@pytest.mark.rule("DERIBIT-PM-16")
def test_an_option_without_volatility_is_refused_or_carried_at_its_bound() -> None:
    found = desk()
    found.add_expiry(WEEK)
    option(found, -1.0, 100.0, True, vol=None)
    coins(found, 1.0)
    with pytest.raises(DocumentError, match="missing_vol"):
        require(found, PM)
    r = pl.margin_model(PM).requirement(found.account, found.market, on_failure="conservative")
    assert r.net_equity == pytest.approx(9.0, rel=1e-12)
    # a call carried at its forward is a coin, which moves no more in coin
    assert r.workings["worst_case"] == pytest.approx(1 / 0.84 - 1, rel=1e-12)


@pytest.mark.rule("DERIBIT-PM-17")
def test_shares_of_standard_scenarios_are_what_each_position_loses_there() -> None:
    found = desk()
    found.add_expiry(WEEK)
    first, second = coins(found, 2.0), future_coins(found, -0.5, WEEK)
    component = require(found, PM).component("risk_matrix")
    assert component.method == "euler"
    assert {s.subject: s.initial for s in component.shares} == pytest.approx(
        {first: 2.0 * (1 / 0.84 - 1), second: -0.5 * (1 / 0.84 - 1)}, rel=1e-12
    )
    assert [s.maintenance / s.initial for s in component.shares] == pytest.approx([0.8, 0.8], rel=1e-12)


@pytest.mark.rule("DERIBIT-PM-17")
def test_shares_of_a_dampened_far_move_and_of_a_delta_shock() -> None:
    found = desk()
    found.add_expiry(120.0 * DAY)
    # equal strikes in one contract size and another: equal shares for equal coins
    first = option(found, -400.0, 300.0, True, 120.0 * DAY, 0.9)
    second = option(found, -800.0, 300.0, True, 120.0 * DAY, 0.9, multiplier=0.5)
    r = require(found, PM, currencies__BTC__extended_dampener=100.0)
    component = r.component("risk_matrix")
    assert r.binding[0].kind == "extended"
    assert component.method == "aumann-shapley"
    shares = {s.subject: s.initial for s in component.shares}
    assert shares[first] == pytest.approx(shares[second], rel=1e-9)
    assert sum(shares.values()) == pytest.approx(component.initial, rel=1e-8)
    assert abs(component.initial - sum(shares.values())) <= component.share_error * (1 + 1e-9) + 1e-15
    large = desk()
    coins(large, 50.0)
    coins(large, 150.0)
    changes = {"pairs__BTC__delta_total_liq_shock_threshold": 10_000.0, "pairs__BTC__m_inc": 0.00005}
    shock = require(large, PM, **changes).component("delta_shock")
    assert shock.method == "aumann-shapley"
    assert [s.initial / shock.initial for s in shock.shares] == pytest.approx([0.25, 0.75], rel=1e-6)


@pytest.mark.rule("DERIBIT-PM-18")
def test_packs_by_date_and_what_is_assumed_in_them() -> None:
    at = {day: pl.find_rules(f"deribit-pm@{day}") for day in ("2024-06-17", "2026-02-15", "2026-09-23")}
    assert [r.effective.isoformat() for r in at.values()] == list(at)
    ranges = [r.parameters["pairs"]["BTC"]["price_range"] for r in at.values()]
    assert ranges == [0.16, 0.14, 0.14]
    known = [[r.evidence_for(f"pairs.{coin}.price_range") for coin in ("BTC", "ETH")] for r in at.values()]
    assert known == [["reproduced", "assumed"], ["assumed", "reproduced"], ["read", "assumed"]]
    assert at["2026-09-23"].evidence_for("pairs.BTC.m_inc") == "assumed"


@pytest.mark.rule("DERIBIT-PM-19")
def test_liquidation_is_data() -> None:
    for rules in pl.shipped_packs():
        if rules.model == "deribit-pm":
            steps = rules.parameters["liquidation"]["steps"]
            assert steps == ["largest_contributor", "next_contributor", "delta_hedge_with_perpetual"]
