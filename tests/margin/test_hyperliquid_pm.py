"""Hyperliquid's portfolio margin, each rule alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from hyperliquid_desk import account, held, market
from plimsoll.margin.path import States

PACK = "hyperliquid-pm@2026-09-27"


def require(*positions: dict[str, Any], **fields: Any) -> pl.Requirement:
    fields = {"mode": "portfolio", **fields}
    return pl.margin_model(PACK).requirement(account(*positions, **fields), market())


@pytest.mark.rule("HL-PM-01")
def test_perpetuals_are_margined_by_the_tables() -> None:
    found = require(held("BTC", -2_000.0, leverage=10.0), cash=1e8)
    assert found.component("positions").maintenance == pytest.approx(3_125_000.0)
    assert found.component("positions").initial == pytest.approx(2e7)


@pytest.mark.rule("HL-PM-02")
def test_coins_count_up_to_their_cap_and_up_to_the_borrow_cap() -> None:
    few = require(collateral={"BTC": 2.0, "HYPE": 100.0})
    assert few.net_equity == pytest.approx(0.75 * (200_000.0 + 4_000.0))
    assert few.workings["collateral.borrowable"] == pytest.approx(0.5 * (200_000.0 + 4_000.0))
    assert few.workings["available"] == pytest.approx(0.5 * 204_000.0)
    # ten thousand of HYPE at 40 and half of its value: the page's own example of what can be borrowed
    assert require(collateral={"HYPE": 10_000.0}).workings["collateral.borrowable"] == pytest.approx(200_000.0)
    most = require(collateral={"HYPE": 90_000.0})
    assert most.workings["collateral.borrowable"] == pytest.approx(1e6)  # 50,000 coins make 2,000,000 and half of that
    assert most.net_equity == pytest.approx(1e6)  # 1,500,000, above the borrow cap


def short_against_coin(loan: float = 0.0, cash: float = 0.0, **fields: Any) -> pl.Requirement:
    """The carry trade: a coin in spot, one short perpetual."""
    borrowed = {"USDC": loan} if loan else {}
    balances = {"BTC": 1.0, "USDC": cash}
    return require(held("BTC", -1.0, leverage=10.0, **fields), collateral=balances, borrowed=borrowed)


@pytest.mark.rule("HL-PM-03", "HL-PM-05")
def test_the_documented_ratio_meets_its_limit_where_equity_meets_maintenance() -> None:
    counted, maintained = 75_000.0, 1_250.0
    # 20 + maintenance + loan = 0.95 counted
    edge = 0.95 * counted - maintained - 20.0
    found = short_against_coin(loan=edge)
    assert found.workings["portfolio_margin_ratio.documented"] == pytest.approx(0.95, rel=1e-12)
    assert found.workings["reading.documented"] == pytest.approx(found.net_equity, rel=1e-9)
    rich = require(held("BTC", -1.0, leverage=10.0), cash=50_000.0)
    want = (20.0 + 1_250.0) / 50_000.0
    assert rich.workings["portfolio_margin_ratio.documented"] == pytest.approx(want)
    assert rich.maintenance == pytest.approx(1_250.0 + 20.0 + 0.05 * 50_000.0)


@pytest.mark.rule("HL-PM-04", "HL-PM-05")
def test_the_observed_ratio_meets_its_limit_where_equity_meets_maintenance_and_the_dearer_is_charged() -> None:
    counted, maintained = 75_000.0, 1_250.0
    # maintenance + (maintenance + loan) = 0.95 (maintenance + counted)
    edge = 0.95 * (maintained + counted) - 2.0 * maintained
    found = short_against_coin(loan=edge)
    assert found.workings["portfolio_margin_ratio.observed"] == pytest.approx(0.95, rel=1e-12)
    assert found.workings["reading.observed"] == pytest.approx(found.net_equity, rel=1e-9)
    assert found.binding[0].kind == "observed"
    small = short_against_coin(loan=1_000.0, cash=0.0).workings
    assert small["reading.observed"] - small["reading.documented"] == pytest.approx(0.05 * 1_250.0 - 20.0)
    tiny = require(held("HYPE", 1.0), collateral={"BTC": 0.001}, borrowed={"USDC": 1.0})
    assert tiny.binding[0].kind == "documented"
    assert tiny.maintenance == pytest.approx(max(v for k, v in tiny.workings.items() if k.startswith("reading.")))


@pytest.mark.rule("HL-PM-06")
def test_available_balance_is_what_can_be_borrowed_less_what_is_used() -> None:
    buy = {"instrument": "ETH", "quantity": 10.0, "price": 2_900.0, "leverage": 20.0}
    book = (held("BTC", 1.0, leverage=10.0, unrealised_pnl=500.0),)
    found = require(*book, collateral={"USDC": -3_000.0, "HYPE": 2_000.0}, orders=[buy])
    orders = 1.01 * 10.0 * 2_900.0 / 20.0
    assert found.component("open_orders").initial == pytest.approx(orders)
    assert found.workings["available"] == pytest.approx(-3_000.0 + 500.0 + 40_000.0 - 10_000.0 - orders)
    assert found.excess_initial == pytest.approx(found.workings["available"])


@pytest.mark.rule("HL-PM-07")
def test_nothing_is_asked_of_an_account_that_owes_nothing() -> None:
    assert require(collateral={"USDC": 10.0, "HYPE": 3.0}).maintenance == 0.0
    assert require(collateral={"USDC": -10.0, "HYPE": 3.0}).maintenance > 20.0


@pytest.mark.rule("HL-PM-08")
def test_a_hedged_coin_survives_where_the_bare_short_does_not() -> None:
    model, states = pl.margin_model(PACK), States({"BTC": np.array([0.5, 1.0, 1.4, 1.9, 2.6])}, np.ones(5))
    coin, cash = (
        model.along(account(held("BTC", -1.0), mode="portfolio", collateral=balances), market(), states)[0]
        for balances in ({"BTC": 1.0}, {"USDC": 75_000.0})
    )
    assert ((coin.equity - coin.maintenance) > 0).tolist() == [True, True, True, True, True]
    assert ((cash.equity - cash.maintenance) > 0).tolist() == [True, True, True, False, False]
    # the loss of the short is borrowed against the coin, which counts with three quarters less what the ratio keeps
    far = model.along(
        account(held("BTC", -1.0), mode="portfolio", collateral={"BTC": 1.0}),
        market(),
        States({"BTC": np.array([4.5])}, np.ones(1)),
    )[0]
    assert far.equity[0] < far.maintenance[0]


@pytest.mark.rule("HL-PM-09")
@pytest.mark.parametrize(("fields", "path"), [
    ({"collateral": {"ETH": 1.0}}, r"account\.collateral\.ETH: got 1\.0 of ETH"),
    ({"collateral": {"BTC": -1.0}}, r"account\.collateral\.BTC: got -1\.0"),
    ({"collateral": {}, "borrowed": {"BTC": 1.0}}, r"account\.borrowed\.BTC: got 1\.0"),
    ({"mode": "cross"}, r"account\.mode: got 'cross'"),
    ({"mode": "isolated"}, r"account\.mode: got 'isolated'"),
])  # fmt: skip
def test_what_portfolio_margin_does_not_know_is_refused(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(pl.DocumentError, match=path):
        require(held("HYPE", 1.0), **fields)


@pytest.mark.rule("HL-PM-09")
def test_isolated_margin_is_refused() -> None:
    with pytest.raises(pl.DocumentError, match=r"account\.positions\[0\]\.isolated_margin: got 5\.0"):
        require(held("HYPE", 1.0, isolated_margin=5.0), cash=10.0)


def test_a_solver_is_told_why_it_gets_nothing() -> None:
    forms = pl.margin_model(PACK).forms(["BTC"], market(), 10.0)
    assert {forms.solver.standing, forms.proof.standing} == {"refused"}
    assert "jumps where a tier ends" in forms.solver.why


def test_a_coin_without_a_price_is_named() -> None:
    bare = market().model_copy(update={"indices": {"HYPE": market().indices["HYPE"]}})
    book = account(held("HYPE", 1.0), mode="portfolio", collateral={"BTC": 1.0})
    with pytest.raises(pl.DocumentError, match=r"market\.assets\.BTC: got nothing"):
        pl.margin_model(PACK).requirement(book, bare)
