"""Floors, leverage and ratios: kept by collateral alone, by trades where these are cheaper, and refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.optimise import ConflictError, Holding, TradingTerms, Venue
from plimsoll.optimise.collateral import (
    AccountRules,
    AssetTerms,
    CapitalRules,
    CollateralTerms,
    Wallet,
    cheapest,
    make_treasury,
)
from plimsoll.optimise.collateral.capital_rules import gross_notional
from plimsoll.optimise.joint import joint
from treasuries import market, model_of

MARKET = market(np.random.default_rng(5))
TERMS = CollateralTerms(days=365.0, assets={"USDC": AssetTerms(carry=0.05)})
PRBM = model_of("prbm@2026-01-01")


def rules(**own: Any) -> CapitalRules:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return CapitalRules(as_of=when, source="made", accounts={"a": AccountRules(**own)})


def solved(capital: CapitalRules | None, wallet: float = 0.0) -> Any:
    held = Holding("a", account({"PERP": -1.0}, {"USDC": 60_000.0}), PRBM)
    return cheapest(make_treasury(MARKET, [held], [Wallet(balances={"USDC": wallet})], TERMS, rules=capital))


def test_gross_notional_adds_both_sides() -> None:
    linear = account({"PERP": -1.0, "60D-1.1-C": 2.0})
    assert gross_notional(linear, MARKET) == pytest.approx(3.0 * 70_000.0)
    inverse = chain(np.random.default_rng(5), "inverse")
    held = gross_notional(account({"PERP": -7_000.0}, {"BTC": 1.0}), inverse)
    assert held == pytest.approx(70_000.0, rel=2e-3)
    assert gross_notional(account({}), MARKET) == 0.0


def test_leverage_and_floors_ask_for_equity() -> None:
    free, levered, floored = solved(None), solved(rules(leverage=4.0)), solved(rules(least_equity=25_000.0))
    assert free.accounts[0].after.net_equity < 17_000.0
    assert levered.accounts[0].after.net_equity == pytest.approx(70_000.0 / 4.0, rel=1e-6)
    assert floored.accounts[0].after.net_equity == pytest.approx(25_000.0, rel=1e-6)
    kept = {k.name: k for k in floored.limits}["equity of a at least 25,000 USD"]
    # a dollar more of equity forgoes five cents a year
    assert kept.price == pytest.approx(0.05, rel=2e-4)


def test_a_ratio_is_a_buffer_of_the_account() -> None:
    after = solved(rules(ratio=2.5)).accounts[0].after
    assert after.net_equity == pytest.approx(2.5 * after.initial, rel=1e-6)


def test_what_cannot_be_kept_is_named() -> None:
    with pytest.raises(ConflictError) as told:
        solved(rules(leverage=0.5))
    assert told.value.limits == ("leverage of a at most 0.5",)


def test_leverage_is_brought_down_by_trades_where_these_are_cheaper() -> None:
    held = {"60D-1.1-C": -2.0, "60D-1.25-C": 2.0, "PERP": 0.5}
    desk = [Venue("a", account(held, {"USDC": 40_000.0}), (PRBM,))]
    cheap = TradingTerms(size=100.0, future_fee=1e-5, option_fee=1e-5, spread=1e-5, option_spread=1e-5)
    asked = rules(leverage=6.0)
    answer = joint(MARKET, desk, [], TERMS, trading=cheap, rules=asked, delta_band=0.5)
    assert answer.status == "repaired"
    (kept,) = (k for k in answer.limits if k.name == "leverage of a at most 6")
    assert kept.after >= kept.bound * (1.0 - 1e-6)
    # without trades the dollars would not be there
    with pytest.raises(ConflictError) as told:
        joint(MARKET, desk, [], TERMS, trading=cheap, rules=asked, most=dict.fromkeys(held, (0.0, 0.0)))
    assert told.value.limits == ("leverage of a at most 6",)


def test_bad_rules_are_named() -> None:
    held = Holding("b", account({"PERP": -1.0}, {"USDC": 60_000.0}), PRBM)
    with pytest.raises(pl.DocumentError, match=r"rules.accounts: got 'a'; allowed: one of the accounts: b"):
        make_treasury(MARKET, [held], [], TERMS, rules=rules(leverage=3.0))
    content = {"schema": "plimsoll.capital-rules", "schema_version": 1, "as_of": "2026-01-01T00:00:00Z", "source": "x"}
    with pytest.raises(pl.DocumentError, match=r"accounts\.a\.ratio"):
        CapitalRules.from_dict(content | {"accounts": {"a": {"ratio": 0.5}}})
