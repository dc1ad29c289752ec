"""Paradex's portfolio and cross margin, each rule alone, and every shipped case of the three venues."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from naive.black import black, call_delta
from paradex_desk import MONTH, desk, reason, require
from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.margin.path import States
from rule_books import DAY, YEAR, Desk

PM, LATER = "paradex-pm@2025-06-01", "paradex-pm@2026-06-01"
XM, DATED = "paradex-xm@2025-01-01", "paradex-xm@2026-06-01"
HALVED = "paradex-xm@2025-08-01"
CASES = {c.id: c for c in shipped_cases() if c.id.split("-")[0] in ("hyperliquid", "paradex", "aevo")}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_published_number_is_met_to_its_last_digit(case: Case) -> None:
    outcome = run_case(case)
    assert outcome.misses == []
    assert outcome.assertions == len(case.expected)


def test_the_cases_are_what_the_tool_writes(tmp_path: Path) -> None:
    tool = import_module("make_cases_perp_venues")
    assert tool.main(["--check"]) == 0
    assert tool.main(["--check", "--folder", str(tmp_path)]) == 1
    assert tool.main(["--folder", str(tmp_path)]) == 0
    assert {p.stem for p in tmp_path.glob("*.json")} == {i for i in CASES if "-sdk-" not in i}


def pm(found: Desk, reference: str = PM, *orders: Any, **fields: Any) -> pl.Requirement:
    return require(found, reference, "portfolio", orders, **fields)


def xm(found: Desk, reference: str = XM, *orders: Any, **fields: Any) -> pl.Requirement:
    return require(found, reference, "cross", orders, **fields)


@pytest.mark.rule("PARADEX-PM-01")
@pytest.mark.parametrize(("reference", "part"), [(PM, 0.16), (LATER, 0.12)])
def test_the_weight_of_a_far_move_is_a_constant_over_its_size(reference: str, part: float) -> None:
    rows = pl.find_rules(reference).parameters["tables"]["standard"]["scenarios"]
    assert len(rows) == 24
    far = [r for r in rows if r["weight"] != 1.0]
    assert len(far) == 8
    # as printed: 66 % as two thirds, 5.33 % with two decimals
    assert all(r["weight"] * abs(r["move"]) == pytest.approx(part, rel=0.0105) for r in far)
    found = desk()
    found.add_perpetual(1.0, 100.0)
    assert pm(found, reference).workings["BTC.scan"] == pytest.approx(16.0)


@pytest.mark.rule("PARADEX-PM-01", "PARADEX-PM-03")
def test_a_book_that_gains_everywhere_has_no_scan_and_marks_count() -> None:
    found = desk()
    name = found.add_option(1.0, 100.0, True, MONTH, 0.5)
    value = black(True, 100.0, 100.0, 40 / 365, 0.5)
    plain = pm(found).workings["BTC.scan"]
    found.marks[name]["price"] = value - 1.0
    assert pm(found).workings["BTC.scan"] == pytest.approx(plain - 1.0)
    found.marks[name]["price"] = 0.0
    assert pm(found).workings["BTC.scan"] == 0.0


@pytest.mark.rule("PARADEX-PM-02")
@pytest.mark.parametrize(("days", "power"), [(0.25, 0.30), (7.0, 0.30), (29.0, 0.30), (31.0, 0.13), (180.0, 0.13)])
def test_a_volatility_shock_reaches_a_tenor_by_its_power(days: float, power: float) -> None:
    found = desk(seconds=days * DAY)
    found.add_option(-1.0, 100.0, True, days * DAY, 0.5)
    t = days * DAY / YEAR
    shocked = 0.5 * (1.0 + 0.4 * (30.0 / max(1.0, days)) ** power)
    want = black(True, 100.0, 100.0, t, shocked) - black(True, 100.0, 100.0, t, 0.5)
    losses = {s.label: s.pnl for s in pm(found).scenarios}
    assert losses["0% iv +40%"] == pytest.approx(-want, rel=1e-10)


@pytest.mark.rule("PARADEX-PM-02")
def test_from_2026_a_volatility_after_a_shock_up_is_at_least_forty_percent() -> None:
    found = desk()
    found.add_option(-1.0, 100.0, True, MONTH, 0.1)
    t = 40 / 365
    floor = black(True, 100.0, 100.0, t, 0.4) - black(True, 100.0, 100.0, t, 0.1)
    up = {s.label: s.pnl for s in pm(found, LATER).scenarios}
    assert up["0% iv +40%"] == pytest.approx(-floor, rel=1e-10)
    assert {s.label: s.pnl for s in pm(found).scenarios}["0% iv +40%"] > -floor
    assert up["0% iv -22%"] == pytest.approx({s.label: s.pnl for s in pm(found).scenarios}["0% iv -22%"])


@pytest.mark.rule("PARADEX-PM-04")
def test_the_minimum_delta_charge_counts_net_and_hedged_and_is_not_capped() -> None:
    found = desk(70_000.0)
    found.add_perpetual(1.0, 70_000.0)
    found.add_perpetual(-1.5, 70_000.0)
    assert pm(found).workings["BTC.min_delta"] == pytest.approx(1_400.0)
    cheap = desk(seconds=0.05 * DAY)
    cheap.add_option(5.0, 101.0, True, 0.05 * DAY, 0.4)
    delta = 5.0 * call_delta(100.0, 101.0, 0.05 / 365, 0.4)
    assert pm(cheap).workings["BTC.min_delta"] == pytest.approx(0.02 * delta * 100.0)


@pytest.mark.rule("PARADEX-PM-05")
def test_underlyings_are_added_and_maintenance_is_half_of_the_core() -> None:
    found = desk()
    found.indices["ETH"] = {"price": 50.0}
    found.add_perpetual(1.0, 100.0)
    found.add_perpetual(-1.0, 50.0, underlying="ETH")
    got = pm(found)
    assert got.component("scan").initial == pytest.approx(16.0 + 8.0)
    assert got.component("scan").maintenance == pytest.approx(12.0)
    assert {b.underlying for b in got.binding} == {"BTC", "ETH"}


@pytest.mark.rule("PARADEX-PM-06")
def test_an_order_loses_what_its_price_is_worse_than_the_scenario() -> None:
    found = desk()
    found.add_perpetual(1.0, 100.0)
    more = pm(found, PM, ("PERPETUAL-0", 2.0, 90.0))
    # at -66 % two more are bought at 90 and are worth 34, which counts 24 %: more than 16 % of the position alone
    assert more.component("open_orders").initial == pytest.approx(0.24 * (66.0 + 2.0 * 56.0) - 16.0)
    assert more.component("open_orders").maintenance == 0.0
    assert more.maintenance == pm(found).maintenance
    away = pm(found, PM, ("PERPETUAL-0", 0.1, 20.0))
    assert away.component("open_orders").initial == 0.0
    assert pm(found, PM, ("PERPETUAL-0", 2.0, 90.0, True)).component("open_orders").initial == 0.0


@pytest.mark.rule("PARADEX-PM-06")
def test_deltas_of_orders_count_on_their_own_side() -> None:
    found = desk()
    found.add_perpetual(1.0, 100.0)
    found.add_perpetual(-1.0, 100.0)
    base = pm(found)
    assert base.component("min_delta").initial == pytest.approx(1.0)
    # a buy far from the market: three long at most, of which two can be left bare
    got = pm(found, PM, ("PERPETUAL-0", 2.0, 1.0))
    assert got.component("open_orders").initial == pytest.approx((0.02 * 2.0 + 0.01 * 1.0) * 100.0 - 1.0)


@pytest.mark.rule("PARADEX-PM-07")
def test_eight_hours_of_funding_are_set_aside_if_owed() -> None:
    found = desk()
    found.add_perpetual(2.0, 100.0)
    found.marks["PERPETUAL-0"]["funding_rate"] = 0.001
    assert pm(found).component("funding_provision").initial == pytest.approx(0.2)
    assert pm(found).component("funding_provision").maintenance == pytest.approx(0.2)
    sold = pm(found, PM, ("PERPETUAL-0", -1.0, 100.0))
    assert sold.component("funding_provision").initial == pytest.approx(0.3)  # counted against the position
    bought = pm(found, PM, ("PERPETUAL-0", 1.0, 100.0))
    assert bought.component("funding_provision").initial == pytest.approx(0.3)  # filled
    assert bought.component("funding_provision").maintenance == pytest.approx(0.2)
    found.marks["PERPETUAL-0"]["funding_rate"] = -0.001
    assert pm(found).component("funding_provision").initial == 0.0
    del found.marks["PERPETUAL-0"]["funding_rate"]
    assert any("no funding rate" in note for note in pm(found).notes)


@pytest.mark.rule("PARADEX-PM-08", "PARADEX-XM-07")
def test_fees_of_closing_are_set_aside() -> None:
    found = desk()
    found.add_perpetual(2.0, 110.0)
    found.add_option(-3.0, 100.0, True, MONTH, 0.5)
    found.add_option(1.0, 200.0, True, MONTH, 0.2)  # worth next to nothing
    far = black(True, 100.0, 200.0, 40 / 365, 0.2)
    want = 0.0003 * (2.0 * 110.0 + 3.0 * 100.0) + min(0.0003 * 100.0, 0.125 * far)
    for got in (pm(found), xm(found)):
        assert got.component("fee_provision").initial == pytest.approx(want)
        assert got.component("fee_provision").maintenance == pytest.approx(want)
    free = want - 0.0003 * 220.0
    for got in (pm(found, settings={"retail_profile": True}), xm(found, settings={"retail_profile": True})):
        assert got.component("fee_provision").initial == pytest.approx(free)
    with pytest.raises(pl.DocumentError, match=r"account\.settings\.vip: got vip"):
        pm(found, settings={"vip": True})
    order = ("PERPETUAL-0", 4.0, 1.0)
    assert pm(found, PM, order).component("fee_provision").initial == pytest.approx(want + 0.0003 * 4.0 * 110.0)
    assert pm(found, PM, order).component("fee_provision").maintenance == pytest.approx(want)


@pytest.mark.rule("PARADEX-PM-09")
def test_equity_is_balance_options_profit_and_funding() -> None:
    found = desk(cash=1_000.0)
    found.add_perpetual(2.0, 100.0, unrealised=-30.0, funding=4.0)
    name = found.add_option(-3.0, 100.0, True, MONTH, 0.5)
    found.marks[name]["price"] = 7.0
    found.collateral["BTC"] = 2.0
    got = pm(found)
    assert got.net_equity == pytest.approx(1_000.0 - 30.0 + 4.0 - 21.0)
    assert got.currency == "USDC"
    assert any("only USDC is collateral: 2 BTC" in note for note in got.notes)


@pytest.mark.rule("PARADEX-PM-10", "PARADEX-XM-10")
@pytest.mark.parametrize(("reference", "mode"), [(PM, "portfolio"), (XM, "cross")])
def test_other_contracts_are_refused_by_name(reference: str, mode: str) -> None:
    dated = desk()
    dated.add_future(1.0, MONTH, 100.0)
    assert "FUTURE-0" in str(reason(dated, reference, mode))
    coin = desk()
    coin.add_perpetual(1.0, 100.0, settlement="inverse", currency="BTC")
    assert "linear and settle in USDC" in str(reason(coin, reference, mode))
    other = desk(underlying="SOL")
    other.add_perpetual(1.0, 100.0, underlying="SOL")
    assert "perpetual on SOL (unknown_underlying)" in str(reason(other, reference, mode))
    fine = desk()
    fine.add_perpetual(1.0, 100.0)
    assert "(unsupported_mode)" in str(reason(fine, reference, "isolated"))
    with pytest.raises(pl.DocumentError, match=r"orders\[0\]\.instrument"):
        require(fine, reference, mode, (("NOWHERE", 1.0, 1.0),))


@pytest.mark.rule("PARADEX-XM-01")
def test_a_perpetual_needs_two_percent_of_its_mark() -> None:
    found = desk()
    found.add_perpetual(-3.0, 110.0)
    got = xm(found).component("positions")
    assert (got.initial, got.maintenance) == (pytest.approx(6.6), pytest.approx(3.3))


def one_option(quantity: float, strike: float, call: bool, mark: float, **terms: Any) -> Desk:
    found = desk()
    name = found.add_option(quantity, strike, call, MONTH, None, **terms)
    found.marks[name] = {"price": mark}
    return found


@pytest.mark.rule("PARADEX-XM-02", "PARADEX-XM-03", "PARADEX-XM-09")
@pytest.mark.parametrize(
    ("quantity", "strike", "call", "mark", "initial", "maintenance"),
    [
        (2.0, 100.0, True, 6.0, 12.0, 6.0),
        (2.0, 60.0, True, 41.0, 40.0, 20.0),
        (2.0, 60.0, True, 25.0, 40.0, 20.0),
        (-1.0, 102.0, True, 6.0, 13.0, 5.5),
        (-1.0, 150.0, True, 1.0, 10.0, 5.0),
        (-1.0, 97.0, False, 6.0, 12.0, 5.0),
        (-1.0, 130.0, False, 31.0, 15.0, 7.5),
    ],
)
def test_options_in_cross_margin(
    quantity: float, strike: float, call: bool, mark: float, initial: float, maintenance: float
) -> None:
    got = xm(one_option(quantity, strike, call, mark)).component("positions")
    assert (got.initial, got.maintenance) == (pytest.approx(initial), pytest.approx(maintenance))


@pytest.mark.rule("PARADEX-XM-04")
def test_a_sold_put_is_capped_by_its_strike_and_later_by_the_spot_price() -> None:
    deep = one_option(-1.0, 12.0, False, 0.1)
    assert xm(deep).component("positions").initial == pytest.approx(6.0)
    assert xm(deep).component("positions").maintenance == pytest.approx(5.0)
    assert xm(deep, DATED).component("positions").initial == pytest.approx(10.0)


def test_the_margin_of_a_sold_option_bends_where_it_is_said_to() -> None:
    found = one_option(-1.0, 97.5, False, 5.0)
    found.marks["OPTION-0"] = {"vol": 0.5}
    model, account = pl.margin_model(XM), pl.Account.from_dict({**found.account.to_dict(), "mode": "cross"})
    kinks = model.kinks(account, found.market)["BTC"]
    assert kinks.tolist() == pytest.approx([0.975, 1.0, 6.5, 9.75])
    step = 1e-4
    for kink in kinks[1:]:
        at = kink * np.array([1.0 - step, 1.0, 1.0 + step])
        (track,) = model.along(account, found.market, States({"BTC": at}, np.ones(3)))
        rate = pl.find_rules(XM).parameters["fees"]["option"]
        margin = track.maintenance - np.minimum(rate * 100.0 * at, 0.125 * -track.equity)
        slopes = np.diff(margin) / (kink * step)
        # far above the strike the floor is the cap already, so that the dearer rate meets it where it no longer binds
        assert (abs(slopes[1] - slopes[0]) > 1.0) == (kink not in (6.5,))


@pytest.mark.rule("PARADEX-XM-05", "PARADEX-XM-06")
def test_a_market_is_charged_for_its_larger_side_and_for_what_orders_lose_at_once() -> None:
    found = desk(90_000.0)
    found.add_perpetual(-1.0, 90_000.0)
    orders = (("PERPETUAL-0", 3.0, 90_000.0), ("PERPETUAL-0", -2.0, 88_000.0))
    got = xm(found, DATED, *orders)
    # three to sell at most, 2 % each; the sale at 88,000 loses 2,000 for each coin
    assert got.component("positions").initial + got.component("open_orders").initial == pytest.approx(
        5_400.0 + 4_000.0 + 0.0002 * 90_000.0 * (3.0 - 1.0)
    )
    assert got.workings["open_loss"] == pytest.approx(4_000.0)
    assert got.maintenance == pytest.approx(900.0 + 0.0002 * 90_000.0)
    assert xm(found, DATED, ("PERPETUAL-0", -2.0, 88_000.0, True)).component("open_orders").initial == 0.0
    closing = xm(found, DATED, ("PERPETUAL-0", 1.0, 90_000.0))
    assert closing.component("open_orders").initial == 0.0


@pytest.mark.rule("PARADEX-XM-08")
def test_rates_by_date_and_kind() -> None:
    perpetual = desk()
    terms = {"strike": 100.0, "call": True, "style": "everlasting", "holding_rate": 365.0}
    perpetual._add("perpetual_option", -1.0, terms, {"price": 3.0})
    dated = one_option(-1.0, 100.0, True, 3.0)
    rates = {r: xm(perpetual, r).component("positions").initial for r in (XM, HALVED, DATED)}
    assert rates == {XM: pytest.approx(15.0), HALVED: pytest.approx(7.5), DATED: pytest.approx(7.5)}
    assert xm(dated, DATED).component("positions").initial == pytest.approx(15.0)


def test_a_perpetual_option_is_scanned_too() -> None:
    found = desk()
    terms = {"strike": 100.0, "call": True, "style": "everlasting", "holding_rate": 12.0}
    found._add("perpetual_option", -1.0, terms, {"vol": 0.6})
    got = pm(found)
    assert got.workings["BTC.scan"] > 0.16 * 50.0
    assert got.component("scan").initial == pytest.approx(sum(s.initial for s in got.component("scan").shares))
