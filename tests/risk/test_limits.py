"""Zero time, zero and huge volatility, far expiries and strikes: every number stays finite and in its bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import NOW, PMRM2, PRBM, account_doc, at, market_doc, option
from plimsoll.scenarios import Scenarios, VolRule, grid

SECONDS = st.sampled_from([0.0, 1e-6, 1.0, 1_799.0, 86_400.0, 3.15e7, 3.15e8, 3e10])
STRIKES = st.sampled_from([0.0, 1e-9, 1.0, 69_999.0, 70_000.0, 1e7, 1e15])
VOLS = st.sampled_from([0.0, 1e-12, 1e-3, 0.6, 5.0, 1e3, 1e9])


def market_of(seconds: float, strike: float, call: bool, vol: float, **terms: Any) -> pl.Market:
    expiry = at(seconds)
    row: dict[str, Any] = {"underlying": "BTC", "expiry": expiry, "forward": {"variable": 70_000.0}}
    if pl.Market.from_dict(market_doc(time=expiry)).time <= pl.Market.from_dict(market_doc()).time:
        row["settlement"] = 70_000.0
    instruments = [option(strike, call, expiry=expiry, name="X", **terms)]
    return pl.Market.from_dict(market_doc(expiries=[row], instruments=instruments, marks={"X": {"vol": vol}}))


@given(SECONDS, STRIKES, st.booleans(), VOLS, st.sampled_from(["linear", "inverse"]))
def test_the_pnl_of_any_option_is_finite_and_bounded(
    seconds: float, strike: float, call: bool, vol: float, style: str
) -> None:
    market = market_of(seconds, strike, call, vol, settlement=style, currency="USDC" if style == "linear" else "BTC")
    scenarios = grid([0.01, 0.5, 1.0, 1.5, 100.0], [-1.0, -0.3, 0.0, 3.0], [0.0, 1.0, 1e5])
    pnl = pl.pnl_array(market.instruments, market, scenarios)[0]
    assert np.isfinite(pnl).all()
    forward = 70_000.0 * scenarios.spot
    top = np.maximum(forward, 70_000.0) if call else np.full(len(scenarios), strike)
    if style == "inverse":
        top = top / np.minimum(forward, 70_000.0)
    assert (np.abs(pnl) <= top * (1.0 + 1e-12)).all()


@given(SECONDS, STRIKES, st.booleans(), VOLS, st.sampled_from([-2.0, 3.0]))
@pytest.mark.parametrize("pack", [PRBM, PMRM2])
def test_both_models_give_finite_numbers(
    pack: str, seconds: float, strike: float, call: bool, vol: float, quantity: float
) -> None:
    market = market_of(seconds, strike, call, vol)
    found = pl.margin_model(pack).requirement(pl.Account.from_dict(account_doc({"X": quantity})), market)
    numbers = [found.initial, found.maintenance, found.net_equity, *(s.pnl for s in found.scenarios)]
    assert all(map(math.isfinite, numbers))
    assert found.initial >= found.maintenance >= 0.0 or pack == PMRM2


def test_passing_time_takes_an_option_to_its_intrinsic_value() -> None:
    market = pl.Market.from_dict(market_doc())
    scenarios = Scenarios.build([1.0, 1.1, 1.1], days=[30.0, 30.0, 400.0])
    values = pl.pnl_array(market.instruments[:1], market, scenarios)[0]
    premium = -values[0]
    np.testing.assert_allclose(values + premium, [0.0, 7_000.0, 7_000.0], atol=1e-9)


def test_an_option_at_its_own_instant_does_not_decay_into_nothing() -> None:
    market = market_of(0.0, 69_000.0, True, 0.6)
    assert market.expiries[0].expiry.isoformat() == NOW.replace("Z", "+00:00")
    assert not pl.pnl_array(market.instruments, market, grid([0.5, 1.0, 2.0], [0.4])).any()


def test_a_shock_that_takes_volatility_below_zero_stops_there() -> None:
    market = pl.Market.from_dict(market_doc())
    rule = VolRule(short_power=0.3, long_power=0.13)
    flat = Scenarios.build([1.1, 1.1], [-1.0, -50.0], vol_rule=rule)
    values = pl.pnl_array(market.instruments[:1], market, flat)[0]
    assert values[0] == values[1] == pytest.approx(7_000.0 - 4_797.7585, abs=1e-3)
