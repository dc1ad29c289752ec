"""The Binance models against naive twins that share no line with them, on random accounts; paths against the engine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from binance_books import CM, UM, futures_books, option_books, portfolios
from naive import binance
from plimsoll.margin import Requirement
from plimsoll.margin.path import States, tracks_of
from random_books import SOME

USDM, COINM, PM, OPTIONS = (
    "binance-usdm@2025-01-01",
    "binance-coinm@2025-01-01",
    "binance-pm@2025-02-06",
    "binance-options@2025-01-01",
)
Doc = dict[str, Any]
BOOKS: dict[str, Any] = {
    USDM: futures_books(UM),
    COINM: futures_books(CM),
    PM: portfolios(),
    "binance-pm-pro@2025-02-06": portfolios(),
    OPTIONS: option_books(),
}
TWINS: dict[str, Any] = {USDM: binance.futures, COINM: binance.futures, OPTIONS: binance.options}
each_pack = pytest.mark.parametrize("pack", BOOKS)


def documents(account: Doc, market: Doc) -> tuple[pl.Account, pl.Market]:
    return pl.Account.from_dict(account), pl.Market.from_dict(market)


def gross(found: Requirement, account: Doc) -> float:
    """What can cancel: equity is a sum of large amounts."""
    sizes = [abs(x) for x in account["collateral"].values()]
    return sum(sizes) + abs(found.net_equity) + 20.0 * found.initial + found.workings.get("notional", 0.0)


@given(st.data())
@each_pack
@pytest.mark.rule("BINANCE-UM-01", "BINANCE-UM-02", "BINANCE-UM-04", "BINANCE-UM-05", "BINANCE-UM-06")
@pytest.mark.rule("BINANCE-CM-01", "BINANCE-CM-02", "BINANCE-PM-01", "BINANCE-PM-02", "BINANCE-PM-04")
@pytest.mark.rule("BINANCE-PM-05", "BINANCE-PM-06", "BINANCE-OP-01", "BINANCE-OP-02", "BINANCE-OP-03")
def test_a_model_equals_its_twin(pack: str, data: st.DataObject) -> None:
    content, market_content = data.draw(BOOKS[pack])
    account, market = documents(content, market_content)
    model = pl.margin_model(pack)
    found = model.requirement(account, market)
    twin = TWINS.get(pack, binance.portfolio)(account.to_dict(), market.to_dict(), model.rules.parameters)
    slack = 1e-12 * gross(found, content)
    assert found.initial == pytest.approx(twin["initial"], rel=1e-10, abs=slack)
    assert found.maintenance == pytest.approx(twin["maintenance"], rel=1e-10, abs=slack)
    assert found.net_equity == pytest.approx(twin["equity"], rel=1e-10, abs=slack)
    if found.pools:
        assert [p.equity for p in found.pools] == pytest.approx([e for e, _ in twin["pools"]], rel=1e-9, abs=slack)
        assert [p.maintenance for p in found.pools] == pytest.approx([m for _, m in twin["pools"]], rel=1e-9, abs=slack)
    for part in found.components:
        assert sum(s.initial for s in part.shares) == pytest.approx(part.initial, rel=1e-12, abs=1e-9)


@SOME
@given(st.data())
@each_pack
def test_a_path_is_what_the_engine_says_in_each_moved_market(pack: str, data: st.DataObject) -> None:
    content, market_content = data.draw(BOOKS[pack])
    for mark in market_content["marks"].values():
        if "vol" in mark:
            mark.pop("price", None)
    account, market = documents(content, market_content)
    model = pl.margin_model(pack)
    moves = np.array([0.05, 0.7, 1.0, 1.0 + 1e-9, 1.3, 4.0])
    states = States({"BTC": moves, "ETH": moves[::-1].copy()}, np.array([1.0, 1.2, 1.0, 0.7, 1.0, 1.0]))
    found, exact = model.along(account, market, states), tracks_of(model.assess, account, market, states)
    assert [t.subject for t in found] == [t.subject for t in exact]
    largest = gross(model.requirement(account, market), content) * 20.0
    for mine, theirs in zip(found, exact, strict=True):
        assert mine.equity == pytest.approx(theirs.equity, rel=1e-9, abs=1e-12 * largest)
        assert mine.maintenance == pytest.approx(theirs.maintenance, rel=1e-9, abs=1e-12 * largest)


@SOME
@given(st.data())
@pytest.mark.parametrize("pack", [p for p in BOOKS if p != OPTIONS])
def test_between_kinks_nothing_bends(pack: str, data: st.DataObject) -> None:
    """Between two kinks a path is a sum of a constant, the price and one over it; options bend everywhere."""
    content, market_content = data.draw(BOOKS[pack])
    account, market = documents(content, market_content)
    model = pl.margin_model(pack)
    ends = [0.2, *[k for k in model.kinks(account, market).get("BTC", np.zeros(0)).tolist() if 0.2 < k < 5.0], 5.0]
    for low, high in pairwise(ends):
        if high - low < 1e-6:
            continue
        x = np.array([low + (high - low) * t for t in (0.001, 0.25, 0.5, 0.75, 0.999)])
        for track in model.along(account, market, States({"BTC": x}, np.ones(5))):
            for y in (track.maintenance, track.equity):
                # a constant, a line and one over the price span every linear and inverse contract, and coins in USD
                base = np.stack([np.ones(5), x, 1.0 / x], axis=1)
                fit = base @ np.linalg.lstsq(base, y, rcond=None)[0]
                size = np.abs(y).max() + sum(abs(v) for v in content["collateral"].values()) * 1e5
                assert np.abs(fit - y).max() <= 1e-8 * max(size, 1.0)


@given(st.floats(0.0, 5e9), st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"]))
@pytest.mark.rule("BINANCE-UM-01")
def test_a_deduction_is_the_sum_over_parts_of_a_notional(size: float, symbol: str) -> None:
    tiers = pl.find_rules(USDM).parameters["symbols"][symbol]["tiers"]
    rate, cum, _ = binance.bracket(tiers, size)
    assert size * rate - cum == pytest.approx(binance.marginal(tiers, size), rel=1e-9, abs=1e-6)
