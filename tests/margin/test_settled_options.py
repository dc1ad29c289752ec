"""Options that have settled and are still in a document: worth what they paid, whatever their last mark says."""

from __future__ import annotations

from typing import Any

import pytest

import plimsoll as pl
from builders import account_doc, at, market_doc, option
from plimsoll.margin import MarginModel

Doc = dict[str, Any]
DAY = 86_400.0
STRIKE, SETTLED, STALE = 76_000.0, 80_000.0, 1_000.0


def settled_market(currency: str, coin_settled: bool) -> pl.Market:
    """A call that settled yesterday, with the mark it had before."""
    settlement = "inverse" if coin_settled else "linear"
    call = option(STRIKE, True, name="C", expiry=at(-DAY), settlement=settlement, currency=currency)
    expiries = [{"underlying": "BTC", "expiry": at(-DAY), "settlement": SETTLED}]
    marks = {"C": {"price": STALE / (70_000.0 if coin_settled else 1.0), "vol": 0.5}}
    assets = {"USDT": {"price": 1.0}, "USDC": {"price": 1.0}}
    return pl.Market.from_dict(market_doc(instruments=[call], marks=marks, expiries=expiries, assets=assets))


def owes(model: MarginModel, mode: str, currency: str, cash: float, coin_settled: bool = False) -> float:
    """What a sold call takes off equity, in its settlement currency."""
    market = settled_market(currency, coin_settled)
    sides = []
    for quantity in (0.0, -1.0):
        held = {"C": quantity} if quantity else {}
        account = pl.Account.from_dict(account_doc(held, mode=mode, collateral={currency: cash}))
        sides.append(model.requirement(account, market).net_equity)
    return sides[0] - sides[1]


@pytest.mark.parametrize(
    ("rules", "mode", "currency"),
    [
        ("binance-options@2025-01-01", "cross", "USDT"),
        ("bybit-uta@2025-10-01", "cross", "USDT"),
        ("okx-options@2026-05-01", "cross", "USDT"),
        ("okx-pm@2025-01-15", "portfolio", "USDT"),
        ("paradex-xm@2026-05-01", "cross", "USDC"),
        ("paradex-pm@2026-05-01", "portfolio", "USDC"),
        ("aevo-sm@2024-01-01", "cross", "USDC"),
    ],
)
def test_a_sold_call_owes_what_it_settled_at(rules: str, mode: str, currency: str) -> None:
    assert owes(pl.margin_model(rules), mode, currency, 50_000.0) == pytest.approx(SETTLED - STRIKE)


@pytest.mark.parametrize(
    ("rules", "mode"), [("okx-options@2026-05-01", "cross"), ("deribit-sm@2023-01-01", "portfolio")]
)
def test_and_so_in_coin(rules: str, mode: str) -> None:
    assert owes(pl.margin_model(rules), mode, "BTC", 1.0, True) == pytest.approx((SETTLED - STRIKE) / SETTLED)


def test_a_position_without_a_leverage_is_told_where_the_highest_is_taken() -> None:
    swap = {
        "kind": "perpetual",
        "name": "ETH-USDT-SWAP",
        "underlying": "ETH",
        "settlement": "linear",
        "currency": "USDT",
    }
    market = market_doc(
        indices={"ETH": {"price": 2_500.0}},
        instruments=[swap | {"multiplier": 0.1}],
        marks={"ETH-USDT-SWAP": {"price": 2_500.0}},
        expiries=[],
        assets={"USDT": {"price": 1.0}},
    )
    model = pl.margin_model("okx-futures@2024-01-01")
    told = []
    for leverage in (None, 10.0):
        row = {"instrument": "ETH-USDT-SWAP", "quantity": 100.0, "leverage": leverage}
        head = account_doc({}, mode="cross", collateral={"USDT": 1e4}) | {"positions": [row]}
        found = model.requirement(pl.Account.from_dict(head), pl.Market.from_dict(market))
        told.append("no leverage given, so initial margin at the highest of its tier: ETH-USDT-SWAP" in found.notes)
    assert told == [True, False]
