"""The Bybit models against naive twins that share no line with them, on random accounts."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from bybit_books import account_doc, market_doc, notional, perpetual, portfolios, unified
from naive.bybit import portfolio_margin, unified_margin
from plimsoll.margin.path import States, tracks_of
from random_books import SOME

Doc = dict[str, Any]

UTA = ("bybit-uta@2023-08-09", "bybit-uta@2025-09-05")
PM = ("bybit-pm@2024-01-01", "bybit-pm@2026-03-24")


@cache
def model_of(reference: str) -> pl.MarginModel:
    return pl.margin_model(reference)


def near(got: float, expected: float, size: float) -> bool:
    return abs(got - expected) <= 1e-11 * max(1.0, size, abs(expected))


def check_unified(reference: str, book: tuple[Doc, Doc]) -> None:
    account, market = pl.Account.from_dict(book[0]), pl.Market.from_dict(book[1])
    model = model_of(reference)
    found = model.requirement(account, market)
    documents = account.to_dict(), market.to_dict()
    twin, size = unified_margin(model.rules.parameters, *documents), notional(*documents)
    assert near(found.initial, twin["initial"], size)
    assert near(found.maintenance, twin["maintenance"], size)
    assert near(found.net_equity, twin["equity"], size)
    assert near(found.component("open_orders").initial, twin["orders"], size)
    for pool in found.pools:
        own = twin["pools"][pool.subject]
        assert near(pool.equity, own["equity"], size)
        assert near(pool.initial, own["initial"], size)
        assert near(pool.maintenance, own["maintenance"], size)
    assert len(found.pools) in (0, len(twin["pools"]))
    for component in found.components:
        assert near(sum(s.initial for s in component.shares), component.initial, size)
        assert near(sum(s.maintenance for s in component.shares), component.maintenance, size)


@given(st.sampled_from(UTA), unified())
def test_cross_margin_equals_its_twin(reference: str, book: tuple[Doc, Doc]) -> None:
    check_unified(reference, book)


@SOME
@given(st.sampled_from(UTA), unified("isolated"))
def test_isolated_margin_equals_its_twin(reference: str, book: tuple[Doc, Doc]) -> None:
    check_unified(reference, book)


@given(st.sampled_from(PM), portfolios())
def test_portfolio_margin_equals_its_twin(reference: str, book: tuple[Doc, Doc]) -> None:
    account, market = pl.Account.from_dict(book[0]), pl.Market.from_dict(book[1])
    model = model_of(reference)
    found = model.requirement(account, market)
    documents = account.to_dict(), market.to_dict()
    twin, size = portfolio_margin(model.rules.parameters, *documents), notional(*documents)
    assert near(found.initial, twin["initial"], size)
    assert near(found.maintenance, twin["maintenance"], size)
    assert near(found.net_equity, twin["equity"], size)
    rate = market.price_of("USDC")
    assert rate is not None
    for coin, unit in twin["units"].items():
        assert near(found.workings[f"{coin}.max_loss"] * rate.price, unit["worst"], size)
        assert near(found.workings[f"{coin}.hedging_spot"], unit["hedge"], size)
        for name, amount in unit["parts"].items():
            assert near(found.workings[f"{coin}.{name}_contingency"] * rate.price, amount, size), name
        vector = [s.pnl for s in found.scenarios if len(twin["units"]) == 1 or s.label.startswith(f"{coin} ")]
        assert all(near(a, b, size) for a, b in zip(vector, unit["vector"], strict=True))
    for component in found.components:
        left = component.initial - sum(s.initial for s in component.shares)
        assert abs(left) <= component.share_error + 1e-11 * max(1.0, size), component.name


@SOME
@given(unified(), st.sampled_from(UTA))
def test_a_path_is_what_the_moved_accounts_have(book: tuple[Doc, Doc], reference: str) -> None:
    """At once along the path, and one requirement after the other in moved markets."""
    content = book[0] | {"orders": [o for o in book[0]["orders"] if o.get("leverage") is None]}
    account, market = pl.Account.from_dict(content), pl.Market.from_dict(book[1])
    model = model_of(reference)
    moves = np.array([0.2, 0.7, 1.0, 1.3, 4.0])
    states = States({"BTC": moves, "ETH": moves[::-1].copy()}, np.array([1.0, 1.5, 1.0, 0.5, 1.0]))
    size = 10.0 * notional(account.to_dict(), market.to_dict())
    found = model.along(account, market, states)
    expected = tracks_of(model.assess, account, market, states)
    assert [t.subject for t in found] == [t.subject for t in expected]
    for got, own in zip(found, expected, strict=True):
        assert all(near(a, b, size) for a, b in zip(got.equity, own.equity, strict=True))
        assert all(near(a, b, size) for a, b in zip(got.maintenance, own.maintenance, strict=True))


@SOME
@given(portfolios(), st.sampled_from(PM), st.booleans())
def test_a_path_in_portfolio_margin_is_what_the_moved_accounts_have(
    book: tuple[Doc, Doc], reference: str, told: bool
) -> None:
    content = book[0] | {"orders": []} | ({"reported": {"futureDeltaContingency": 5.0}} if told else {})
    account, market = pl.Account.from_dict(content), pl.Market.from_dict(book[1])
    model = model_of(reference)
    moves = np.array([0.3, 0.9, 1.0, 1.2, 3.0])
    states = States({"BTC": moves, "ETH": moves[::-1].copy()}, np.array([1.0, 1.5, 1.0, 0.5, 1.0]))
    size = 10.0 * notional(account.to_dict(), market.to_dict())
    (got,), (own,) = (f(account, market, states) for f in (model.along, lambda *x: tracks_of(model.assess, *x)))
    assert got.subject == own.subject
    assert all(near(a, b, size) for a, b in zip(got.equity, own.equity, strict=True))
    assert all(near(a, b, size) for a, b in zip(got.maintenance, own.maintenance, strict=True))


def test_a_twin_of_another_account_is_told_apart() -> None:
    """One position larger by a millionth, one balance, one order: the comparison can fail."""
    row = {"instrument": "BTCUSDT", "quantity": 2.0}
    order = {"instrument": "BTCUSDT", "quantity": 1.0, "price": 70_000.0}
    market = market_doc([perpetual("BTCUSDT", "BTC")], {"BTCUSDT": {"price": 70_000.0}})
    base = account_doc(positions=[row], orders=[order], collateral={"USDT": 1_000.0})
    check_unified(UTA[1], (base, market))
    for other in (
        base | {"positions": [row | {"quantity": 2.000002}]},
        base | {"orders": [order | {"quantity": 1.000001}]},
        base | {"collateral": {"USDT": 1_000.001}},
    ):
        documents = pl.Account.from_dict(other).to_dict(), pl.Market.from_dict(market).to_dict()
        twin = unified_margin(model_of(UTA[1]).rules.parameters, *documents)
        found = model_of(UTA[1]).requirement(pl.Account.from_dict(base), pl.Market.from_dict(market))
        got = [found.initial, found.net_equity]
        assert got != pytest.approx([twin["initial"], twin["equity"]], rel=1e-11)
