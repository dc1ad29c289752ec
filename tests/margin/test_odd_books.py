"""Contracts and ties that ordinary books do not hold: quanto size, equal losses, a foreign settlement currency."""

from __future__ import annotations

import polars
import pytest

import plimsoll as pl
from builders import PERP, PMRM2, PRBM, account_doc, market_doc, option, perpetual
from plimsoll.documents import DocumentError


def require(book: dict[str, float], market: pl.Market) -> pl.Requirement:
    return pl.margin_model(PRBM).requirement(pl.Account.from_dict(account_doc(book)), market)


@pytest.mark.rule("PRBM-15")
@pytest.mark.parametrize("size", [-0.01, -1.0, -3.0])
def test_the_earlier_of_equal_losses_is_named_despite_rounding(size: float) -> None:
    """A short perpetual loses 16 % of its notional in +16 % and, by its weight, in the far up moves alike."""
    found = require({PERP: size}, pl.Market.from_dict(market_doc()))
    assert found.binding[0].label == "+16% iv +40%"
    assert found.initial == pytest.approx(-size * 11_200.0, rel=1e-12)
    assert sum(s.initial for s in found.shares) == found.initial


@pytest.mark.rule("PRBM-09", "PRBM-11")
def test_a_quanto_contract_is_as_large_as_the_coins_that_gain_the_same() -> None:
    """0.001 ETH for each USD at 3,000 USD is three coins: the same floors as three linear contracts."""
    quanto = {"settlement": "quanto", "currency": "ETH", "multiplier": 0.001}
    options = [option(1.0, False), option(1.0, False, name="QUANTO-P", **quanto)]
    marks = {o["name"]: {"vol": 0.6} for o in options} | {n: {"price": 70_000.0} for n in (PERP, "QUANTO")}
    instruments = [*options, perpetual(), perpetual(name="QUANTO", **quanto)]
    indices = {"BTC": {"price": 70_000.0}, "ETH": {"price": 3_000.0}}
    market = pl.Market.from_dict(market_doc(instruments=instruments, marks=marks, indices=indices))
    assert require({"BTC-1-P": -3.0}, market).initial == pytest.approx(0.01 * 3.0 * 70_000.0, rel=1e-12)
    assert require({"QUANTO-P": -1.0}, market).initial == pytest.approx(0.01 * 3.0 * 70_000.0, rel=1e-12)
    for name, size in (("QUANTO", 1.0), (PERP, 3.0)):
        floor = require({name: size}, market).workings["BTC.min_delta"]
        assert floor == pytest.approx(0.02 * 3.0 * 70_000.0, rel=1e-12)


@pytest.mark.rule("DERIVE-PM2-27")
def test_a_linear_contract_in_another_currency_is_not_taken_for_cash() -> None:
    market = pl.Market.from_dict(
        market_doc(
            assets={"USDC": {"price": 1.0}, "USDT": {"price": 0.5}},
            instruments=[perpetual(currency="USDT")],
            marks={PERP: {"price": 70_000.0}},
        )
    )
    model, account = pl.margin_model(PMRM2), pl.Account.from_dict(account_doc({PERP: 1.0}))
    with pytest.raises(DocumentError, match=r"positions\[0\].instrument: got .* settled in USDT .*settle in USDC"):
        model.requirement(account, market)
    assert "USDT" in (model.applies_to(account, market) or "")


def test_the_table_of_shares_has_the_same_types_without_rows() -> None:
    market = pl.Market.from_dict(market_doc())
    assert require({}, market).frame().schema == require({PERP: 1.0}, market).frame().schema
    assert require({}, market).frame().schema["initial"] == polars.Float64


@pytest.mark.parametrize("rules", ["prbm@2026-01-01", "derive-pmrm2@2026-01-01"])
def test_an_account_that_only_owes_is_told_so(rules: str) -> None:
    account = pl.Account.from_dict(account_doc({}, collateral={"USDC": -5.0}))
    found = pl.margin_model(rules).requirement(account, pl.Market.from_dict(market_doc()))
    assert found.health is None
    assert found.excess_maintenance == -5.0
    assert any("below zero" in note for note in found.notes)
    assert all(b.label == "no loss" for b in found.binding)
