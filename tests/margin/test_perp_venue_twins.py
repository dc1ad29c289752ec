"""Hyperliquid, Paradex and Aevo against naive twins that share no line with them, on random accounts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive import aevo, hyperliquid, paradex
from perp_books import MARKS, Desk, Swaps, desks, swaps
from plimsoll.margin.path import States, tracks_of
from random_books import INDEX, SOME

PERPS, PM = "hyperliquid-perps@2026-09-01", "hyperliquid-pm@2026-09-01"
STATES = States({"BTC": np.array([0.4, 0.9, 1.0, 1.3, 5.0]), "HYPE": np.array([1.2, 1.0, 1.0, 0.5, 0.1])}, np.ones(5))


def near(got: float, want: float, size: float) -> bool:
    return abs(got - want) <= 1e-11 * max(1.0, size, abs(want))


def gross(book: Swaps) -> float:
    return sum(abs(r["size"]) * r["mark"] for r in book.rows) + abs(book.balance)


@given(swaps(isolated=True))
def test_pools_and_lines_of_perpetuals_equal_their_twin(book: Swaps) -> None:
    rules, size = pl.find_rules(PERPS), gross(book)
    found = pl.margin_model(rules).requirement(book.account("cross"), book.market)
    twin = hyperliquid.pools(rules.parameters, list(book.rows), book.balance)
    assert near(found.maintenance, sum(p["maintenance"] for p in twin), size)
    assert near(found.initial, sum(p["initial"] for p in twin), size)
    if found.pools:
        for pool, own in zip(found.pools, twin, strict=True):
            assert near(pool.equity, own["equity"], size)
            assert near(pool.maintenance, own["maintenance"], size)
    equity = twin[0]["equity"] + sum(max(0.0, p["equity"]) for p in twin[1:])
    assert near(found.net_equity, equity, size)
    stays = max(twin[0]["initial"], 0.1 * twin[0]["notional"])
    assert near(found.workings["withdrawable"], max(0.0, twin[0]["equity"] - stays), size)
    for index, row in enumerate(book.rows):
        line = hyperliquid.line(rules.parameters, list(book.rows), book.balance, index)
        got = found.workings.get(f"liquidation_price.{row['coin']}")
        if line is None or line <= 1e-9 * row["mark"]:
            assert got is None or got <= 1e-8 * row["mark"]
        else:
            assert got == pytest.approx(line, rel=1e-9, abs=1e-11 * size / abs(row["size"]))


@SOME
@given(swaps(isolated=True))
def test_a_path_of_perpetuals_is_one_requirement_after_the_other(book: Swaps) -> None:
    model, account = pl.margin_model(PERPS), book.account("cross")
    same_tracks(model, account, book.market, gross(book))


@SOME
@given(swaps(coins=True))
def test_a_path_under_portfolio_margin_is_one_requirement_after_the_other(book: Swaps) -> None:
    model, account = pl.margin_model(PM), book.account("portfolio")
    same_tracks(model, account, book.market, gross(book) + 2e7)


def same_tracks(
    model: pl.MarginModel, account: pl.Account, market: pl.Market, size: float, states: States = STATES
) -> None:
    fast = model.along(account, market, states)
    slow = tracks_of(model.assess, account, market, states)
    assert [t.subject for t in fast] == [t.subject for t in slow]
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a.equity, b.equity, rtol=1e-10, atol=1e-10 * size)
        np.testing.assert_allclose(a.maintenance, b.maintenance, rtol=1e-10, atol=1e-10 * size)


@given(swaps(coins=True))
def test_portfolio_margin_of_hyperliquid_equals_its_twin(book: Swaps) -> None:
    rules, size = pl.find_rules(PM), gross(book) + 2e7
    found = pl.margin_model(rules).requirement(book.account("portfolio"), book.market)
    cash = book.balance - book.loan
    twin = hyperliquid.portfolio(rules.parameters, list(book.rows), cash, book.coins, MARKS)
    assert near(found.net_equity, twin["equity"], size)
    assert near(found.initial, twin["initial"], size)
    assert near(found.workings["cross_maintenance"], twin["cross_maintenance"], size)
    assert near(found.workings["available"], twin["available"], size)
    if abs(found.excess_maintenance) > 1e-9 * size:
        assert (found.excess_maintenance < 0.0) == twin["liquidatable"]


@SOME
@given(desks())
@pytest.mark.parametrize(
    ("reference", "mode"), [("paradex-pm@2026-06-01", "portfolio"), ("paradex-xm@2026-06-01", "cross")]
)
def test_a_path_of_options_is_one_requirement_after_the_other(reference: str, mode: str, desk: Desk) -> None:
    """In moved markets an option is worth what its volatility says, whatever mark was shown."""
    states = States({"BTC": STATES.spot["BTC"], "ETH": STATES.spot["HYPE"]}, np.array([1.0, 1.5, 1.0, 0.5, 1.0]))
    account = pl.Account.from_dict({**desk.account, "mode": mode})
    same_tracks(pl.margin_model(reference), account, pl.Market.from_dict(desk.market), 5.0 * scale(desk), states)


@SOME
@given(desks(underlyings=("ETH",)))
def test_a_path_under_portfolio_margin_of_aevo_is_one_requirement_after_the_other(desk: Desk) -> None:
    states = States({"ETH": STATES.spot["BTC"]}, np.array([1.0, 1.5, 1.0, 0.5, 1.0]))
    content = {**desk.account, "orders": [], "collateral": {"USDC": -50.0, "ETH": 3.0}}
    market = pl.Market.from_dict(desk.market)
    same_tracks(pl.margin_model("aevo-pm@2024-01-01"), pl.Account.from_dict(content), market, 5.0 * scale(desk), states)


@SOME
@given(desks(kinds=("option",)))
def test_a_path_under_standard_margin_of_aevo_is_one_requirement_after_the_other(desk: Desk) -> None:
    states = States({"BTC": STATES.spot["BTC"], "ETH": STATES.spot["HYPE"]}, np.array([1.0, 1.5, 1.0, 0.5, 1.0]))
    account = pl.Account.from_dict({**desk.account, "mode": "cross", "orders": []})
    market = pl.Market.from_dict(desk.market)
    same_tracks(pl.margin_model("aevo-sm@2024-01-01"), account, market, 5.0 * scale(desk), states)


def scale(desk: Desk) -> float:
    rows = (*desk.rows, *desk.orders)
    return sum(abs(r["quantity"]) * r["multiplier"] * 6.0 * INDEX[r["underlying"]] for r in rows)


@SOME
@given(desks())
@pytest.mark.parametrize("reference", ["paradex-pm@2025-06-01", "paradex-pm@2026-06-01"])
def test_portfolio_margin_of_paradex_equals_its_twin(reference: str, desk: Desk) -> None:
    found, size = desk.requirement(reference, "portfolio"), scale(desk)
    twin = paradex.portfolio(pl.find_rules(reference).parameters, desk.books())
    assert near(found.initial, twin["initial"], size)
    assert near(found.maintenance, twin["maintenance"], size)
    several = len([n for n, (rows, _, _) in desk.books().items() if rows]) > 1
    for name, core in twin["cores"].items():
        assert near(found.workings[f"{name}.scan"], core["scan"], size)
        assert near(found.workings[f"{name}.min_delta"], core["min_delta"], size)
        if not several:
            assert all(near(s.pnl, p, size) for s, p in zip(found.scenarios, core["profits"], strict=True))
    for component in found.components:
        assert near(component.initial, sum(s.initial for s in component.shares), size)
        assert near(component.maintenance, sum(s.maintenance for s in component.shares), size)


@SOME
@given(desks())
@pytest.mark.parametrize("reference", ["paradex-xm@2025-01-01", "paradex-xm@2025-09-01", "paradex-xm@2026-06-01"])
def test_cross_margin_of_paradex_equals_its_twin(reference: str, desk: Desk) -> None:
    found, size = desk.requirement(reference, "cross"), scale(desk)
    twin = paradex.cross(pl.find_rules(reference).parameters, desk.books())
    assert near(found.initial, twin["initial"], size)
    assert near(found.maintenance, twin["maintenance"], size)
    held = sum(r["quantity"] * r["multiplier"] * r["mark"] for r in desk.rows if r["kind"] == "option")
    assert near(found.net_equity, held + desk.account["collateral"]["USDC"], size)


@SOME
@given(desks(kinds=("option",)))
def test_standard_margin_of_aevo_equals_its_twin(desk: Desk) -> None:
    found = desk.requirement("aevo-sm@2024-01-01", "cross")
    twin = aevo.standard(pl.find_rules("aevo-sm@2024-01-01").parameters, [*desk.rows], [*desk.orders], INDEX)
    assert near(found.initial, twin["initial"], scale(desk))
    assert near(found.maintenance, twin["maintenance"], scale(desk))


@SOME
@given(desks(underlyings=("ETH",)))
def test_portfolio_margin_of_aevo_equals_its_twin(desk: Desk) -> None:
    found, size = desk.requirement("aevo-pm@2024-01-01", "portfolio", orders=[]), scale(desk)
    twin = aevo.portfolio(pl.find_rules("aevo-pm@2024-01-01").parameters, [*desk.rows], INDEX)
    assert near(found.initial, twin["initial"], size)
    assert all(near(s.pnl, p, size) for s, p in zip(found.scenarios, twin["profits"]["ETH"], strict=True))


@SOME
@given(desks(), st.data())
@pytest.mark.parametrize(
    ("reference", "mode"), [("paradex-pm@2026-06-01", "portfolio"), ("paradex-xm@2026-06-01", "cross")]
)
def test_the_order_of_positions_and_orders_is_irrelevant(
    reference: str, mode: str, desk: Desk, data: st.DataObject
) -> None:
    first = desk.requirement(reference, mode)
    mixed = {name: data.draw(st.permutations(desk.account[name])) for name in ("positions", "orders")}
    again = desk.requirement(reference, mode, **mixed)
    assert near(first.initial, again.initial, scale(desk))
    assert near(first.maintenance, again.maintenance, scale(desk))
