"""What holds for every account at Drift, Synthetix and GMX."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from random_books import SOME

BOOKS = {
    "drift@2026-05-01": ("cross", "USDC"),
    "synthetix-v3@2026-05-01": ("cross", "USD"),
    "gmx-v2@2026-05-01": ("isolated", "USDC"),
}
PRICES = {"BTC": 60_000.0, "ETH": 3_000.0}
each = pytest.mark.parametrize("pack", BOOKS)


def require(pack: str, held: list[tuple[str, float]], cash: float = 0.0) -> pl.Requirement:
    mode, currency = BOOKS[pack]
    swap = {"kind": "perpetual", "settlement": "linear", "currency": currency}
    market = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-05-02T00:00:00Z",
        "indices": {c: {"price": p} for c, p in PRICES.items()},
        "assets": {currency: {"price": 1.0}},
        "instruments": [{**swap, "name": c, "underlying": c} for c in PRICES],
        "marks": {c: {"price": p} for c, p in PRICES.items()},
    }
    rows: list[dict[str, Any]] = [{"instrument": c, "quantity": usd / PRICES[c]} for c, usd in held]
    if mode == "isolated":
        rows = [{**r, "isolated_margin": 1.0} for r in rows]
    account = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "positions": rows}
    content = {**account, "collateral": {currency: cash}}
    return pl.margin_model(pack).requirement(pl.Account.from_dict(content), pl.Market.from_dict(market))


sizes = st.floats(1e2, 1e9).flatmap(lambda usd: st.sampled_from([usd, -usd]))


@each
@SOME
@given(st.tuples(sizes, sizes))
def test_the_order_of_positions_is_irrelevant(pack: str, usd: tuple[float, float]) -> None:
    held = list(zip(PRICES, usd, strict=True))
    one, other = require(pack, held), require(pack, held[::-1])
    assert one.initial == pytest.approx(other.initial, rel=1e-13)
    assert one.maintenance == pytest.approx(other.maintenance, rel=1e-13)


@each
@SOME
@given(sizes, st.floats(1.0, 20.0))
def test_a_larger_position_never_needs_less(pack: str, usd: float, factor: float) -> None:
    small, large = require(pack, [("BTC", usd)]), require(pack, [("BTC", usd * factor)])
    # whole numbers of Drift are cut by one millionth
    assert large.initial >= small.initial - 1e-5
    assert large.maintenance >= small.maintenance - 1e-5
    assert small.initial >= small.maintenance - 1e-5


@each
@SOME
@given(sizes, st.floats(0.0, 1e8), st.floats(0.0, 1e8))
def test_more_money_never_hurts(pack: str, usd: float, cash: float, more: float) -> None:
    """A keeper's reward may grow with the collateral, but never by more than it."""
    poor, rich = require(pack, [("BTC", usd)], cash), require(pack, [("BTC", usd)], cash + more)
    hair = 1e-9 * (abs(usd) + cash + more) + 1e-5
    assert rich.excess_initial >= poor.excess_initial - hair
    assert rich.excess_maintenance >= poor.excess_maintenance - hair
