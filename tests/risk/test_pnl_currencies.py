"""P&L in both currencies against the payoff formulas written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import CALL, MONTH, PERP, account_doc, future, market_doc, option, perpetual
from naive.black import black
from plimsoll.documents import DocumentError
from plimsoll.scenarios import Scenarios

T = 30.0 / 365.0
SPOT = 70_000.0
COIN = {"settlement": "inverse", "currency": "BTC"}
moves = st.lists(st.floats(0.05, 8.0), min_size=1, max_size=5)


def market_of(*instruments: dict[str, Any], **marks: Any) -> pl.Market:
    return pl.Market.from_dict(market_doc(instruments=list(instruments), marks=marks))


def pnl(market: pl.Market, scenarios: Scenarios, currency: Any = "settlement") -> np.ndarray:
    return pl.pnl_array(market.instruments, market, scenarios, currency)


@given(moves, st.sampled_from([0.9, 1.0, 1.1]), st.floats(0.001, 10.0))
def test_linear_contracts_gain_the_move_at_the_price_of_their_currency(
    spots: list[float], stable: float, multiplier: float
) -> None:
    market = pl.Market.from_dict(
        market_doc(
            instruments=[perpetual(multiplier=multiplier), option(70_000, True, multiplier=multiplier)],
            marks={PERP: {"price": 71_000.0}, CALL: {"vol": 0.6}},
            assets={"USDC": {"price": stable}},
        )
    )
    scenarios = Scenarios.build(spots)
    settlement, usd = pnl(market, scenarios), pnl(market, scenarios, "usd")
    now = black(True, SPOT, 70_000.0, T, 0.6)
    for s, spot in enumerate(spots):
        assert settlement[0, s] == pytest.approx(multiplier * 71_000.0 * (spot - 1.0), rel=1e-12, abs=1e-9)
        moved = black(True, SPOT * spot, 70_000.0, T, 0.6) - now
        assert settlement[1, s] == pytest.approx(multiplier * moved, rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(usd, settlement * stable, rtol=1e-12, atol=1e-12)


@given(moves, st.floats(60_000.0, 80_000.0), st.sampled_from([1.0, 10.0, 100.0]))
def test_an_inverse_perpetual_gains_coins(spots: list[float], mark: float, multiplier: float) -> None:
    market = market_of(perpetual(**COIN, multiplier=multiplier), **{PERP: {"price": mark}})
    scenarios = Scenarios.build(spots)
    settlement, usd = pnl(market, scenarios)[0], pnl(market, scenarios, "usd")[0]
    for s, spot in enumerate(spots):
        coins = multiplier * (1.0 / mark - 1.0 / (mark * spot))
        assert settlement[s] == pytest.approx(coins, rel=1e-9, abs=1e-15)
        assert usd[s] == pytest.approx(coins * SPOT * spot, rel=1e-9, abs=1e-9)


@given(moves, st.floats(-0.5, 1.0), st.booleans(), st.floats(0.3, 2.5), st.sampled_from([1.0, 0.1]))
def test_an_inverse_option_in_both_currencies(
    spots: list[float], shock: float, call: bool, moneyness: float, multiplier: float
) -> None:
    strike = SPOT * moneyness
    market = market_of(option(strike, call, **COIN, multiplier=multiplier, name="X"), X={"vol": 0.6})
    scenarios = Scenarios.build(spots, [shock] * len(spots))
    settlement, usd = pnl(market, scenarios)[0], pnl(market, scenarios, "usd")[0]
    before = multiplier * black(call, SPOT, strike, T, 0.6) / SPOT
    for s, spot in enumerate(spots):
        after = multiplier * black(call, SPOT * spot, strike, T, 0.6 * (1.0 + shock)) / (SPOT * spot)
        assert settlement[s] == pytest.approx(after - before, rel=1e-9, abs=1e-12)
        assert usd[s] == pytest.approx(after * SPOT * spot - before * SPOT, rel=1e-9, abs=1e-7)


@given(st.floats(50_000.0, 90_000.0), st.floats(50_000.0, 90_000.0), st.floats(-50.0, 50.0).filter(bool))
def test_an_inverse_entry_is_worth_its_coins(entry: float, mark: float, quantity: float) -> None:
    """P&L of an inverse contract: N * (1 / entry - 1 / mark), in coins."""
    market = market_of(perpetual(**COIN, multiplier=100.0), **{PERP: {"price": mark}})
    holder = account_doc(positions=[{"instrument": PERP, "quantity": quantity, "entry_price": entry}], collateral={})
    found = pl.margin_model("prbm@2026-01-01").requirement(pl.Account.from_dict(holder), market)
    coins = quantity * 100.0 * (1.0 / entry - 1.0 / mark)
    assert found.net_equity == pytest.approx(coins * SPOT, rel=1e-9, abs=1e-9)


def test_a_linear_entry_and_funding_are_worth_their_dollars() -> None:
    market = pl.Market.from_dict(market_doc(assets={"USDC": {"price": 0.9}}))
    row = {"instrument": PERP, "quantity": -3.0, "entry_price": 71_000.0, "unsettled_funding": -4.0}
    found = pl.margin_model("prbm@2026-01-01").requirement(
        pl.Account.from_dict(account_doc(positions=[row], collateral={})), market
    )
    assert found.net_equity == pytest.approx((3_000.0 - 4.0) * 0.9, rel=1e-12)


def test_a_quanto_pays_its_multiplier_for_each_dollar() -> None:
    market = market_of(perpetual(settlement="quanto", currency="BTC", multiplier=1e-6), **{PERP: {"price": SPOT}})
    scenarios = Scenarios.build([0.9, 1.2])
    np.testing.assert_allclose(pnl(market, scenarios)[0], [-7_000e-6, 14_000e-6], rtol=1e-12)
    np.testing.assert_allclose(pnl(market, scenarios, "usd")[0], [-0.007 * 63_000.0, 0.014 * 84_000.0], rtol=1e-12)


@given(st.floats(0.0, 1.0), st.floats(0.3, 3.0), st.sampled_from([0.99, 1.0, 1.01]))
def test_only_the_variable_part_of_a_forward_moves(part: float, spot: float, basis: float) -> None:
    expiries = [
        {"underlying": "BTC", "expiry": MONTH, "forward": {"variable": SPOT * part, "fixed": SPOT * (1 - part)}}
    ]
    instruments = [option(70_000, True), option(70_000, True, **COIN, name="COIN"), future(), future(name="F", **COIN)]
    marks = {CALL: {"vol": 0.6}, "COIN": {"vol": 0.6}}
    market = pl.Market.from_dict(market_doc(expiries=expiries, instruments=instruments, marks=marks))
    then = SPOT * part * spot * basis + SPOT * (1.0 - part)
    scenarios = Scenarios.build([spot], basis=[basis])
    found = pnl(market, scenarios)[:, 0]
    now, later = (black(True, f, 70_000.0, T, 0.6) for f in (SPOT, then))
    expected = [later - now, later / then - now / SPOT, then - SPOT, 1.0 / SPOT - 1.0 / then]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * SPOT)
    if part == 0.0:
        assert not found.any()


def test_a_contract_that_cannot_be_valued_is_named() -> None:
    market = market_of(perpetual(), option(70_000, True))
    with pytest.raises(DocumentError, match=r"contracts\[0\]: got missing_mark.*\n.*contracts\[1\]: got missing_vol"):
        pnl(market, Scenarios.build([1.0]))
    with pytest.raises(DocumentError, match=r"currency: got 'EUR'; allowed: 'settlement' or 'usd'"):
        pnl(market_of(), Scenarios.build([1.0]), "EUR")
    assert pnl(market_of(), Scenarios.build([1.0, 2.0])).shape == (0, 2)
