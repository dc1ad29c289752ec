"""GMX v2: leverage by open interest, price impact, isolated pools against the twin, paths, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive import gmx
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.rules import with_parameter
from plimsoll.margin.venues.gmx.factors import impact_charge, open_factor, price_impact
from plimsoll.margin.venues.gmx.parameters import GmxParameters
from random_books import SOME

PACK = "gmx-v2@2026-03-13"
RULES = pl.find_rules(PACK)
NUMBERS = GmxParameters.model_validate(RULES.parameters)
PRICES = {"BTC": 60_000.0, "ETH": 3_000.0}
Doc = dict[str, Any]


def market(cash: float = 1.0, **prices: float) -> pl.Market:
    at = {**PRICES, "DOGE": 0.2, **prices}
    swap = {"kind": "perpetual", "settlement": "linear", "currency": "USDC"}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-04-01T00:00:00Z",
            "indices": {c: {"price": p} for c, p in at.items()},
            "assets": {"USDC": {"price": cash}},
            "instruments": [{**swap, "name": c, "underlying": c} for c in at],
            "marks": {c: {"price": p} for c, p in at.items()},
        }
    )


def held(coin: str, quantity: float, margin: float = 1_000.0, **terms: Any) -> Doc:
    return {"instrument": coin, "quantity": quantity, "isolated_margin": margin, **terms}


def account(*positions: Doc, **fields: Any) -> pl.Account:
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "isolated", "positions": list(positions)}
    return pl.Account.from_dict({**head, **fields})


def require(*positions: Doc, at: pl.Market | None = None, rules: pl.Rules = RULES, **fields: Any) -> pl.Requirement:
    return pl.margin_model(rules).requirement(account(*positions, **fields), at or market())


@pytest.mark.rule("GMX-02")
def test_leverage_falls_as_open_interest_grows() -> None:
    rule = NUMBERS.markets["BTC"]
    assert [open_factor(rule, True, usd) for usd in (0.0, 1e8, 2e8)] == pytest.approx([0.005, 0.006, 0.012])
    told = {"open_interest_long.BTC": 2e8, "open_interest_short.BTC": 1e6}
    crowded, quiet = require(held("BTC", 1.0), reported=told), require(held("BTC", -1.0), reported=told)
    assert crowded.workings["BTC.open_factor"] == pytest.approx(0.012)
    assert quiet.workings["BTC.open_factor"] == 0.005
    assert crowded.initial > 60_000.0 * 0.012 - 1e-9
    unknown = require(held("BTC", 1.0))
    assert unknown.workings["BTC.open_factor"] == pytest.approx(9e7 * 6e-11)
    assert {c.evidence for c in unknown.components} == {"assumed"}
    assert any("open interest not reported" in n for n in unknown.notes)


@pytest.mark.rule("GMX-03")
def test_price_impact_takes_for_imbalance_and_gives_less_for_balance() -> None:
    rule = NUMBERS.markets["BTC"]
    grow, shrink = price_impact(rule, True, 1e6, 5e6, 4e6), price_impact(rule, True, -1e6, 6e6, 4e6)
    assert grow == pytest.approx(-1.2e-10 * (4e12 - 1e12))
    assert shrink == pytest.approx(6e-11 * (4e12 - 1e12))
    over = price_impact(rule, False, 3e6, 5e6, 4e6)
    assert over == pytest.approx(6e-11 * 1e12 - 1.2e-10 * 4e12)
    assert [impact_charge(rule, 1e5, x) for x in (50.0, -50.0, -1e9, None)] == [0.0, 50.0, 1e3, 1e3]


@pytest.mark.rule("GMX-01", "GMX-04")
def test_a_position_stands_by_itself_and_its_size_stays() -> None:
    first = held("BTC", 1.0, 4_000.0, entry_price=62_000.0)
    found = require(first, held("ETH", -10.0, 900.0), collateral={"USDC": 10_000.0})
    shared, btc, eth = found.pools
    assert shared.equity == pytest.approx(5_100.0)
    assert (btc.margin, btc.equity) == (4_000.0, 2_000.0)
    assert found.workings["BTC.size"] == 62_000.0
    assert eth.equity == 900.0
    lost = require(held("BTC", 1.0, 1_000.0, entry_price=70_000.0), collateral={"USDC": 1_500.0})
    assert lost.net_equity == 500.0
    both = held("BTC", 1.0, leg="long"), held("BTC", -1.0, leg="short")
    assert [p.subject for p in require(*both).pools] == ["shared", "BTC long", "BTC short"]


@pytest.mark.rule("GMX-05")
def test_a_profit_keeps_a_position_and_opens_none() -> None:
    told = {"open_interest_long.BTC": 1e6, "open_interest_short.BTC": 1e6, "price_impact.BTC": 1.0}
    cash = {"USDC": 300.0}
    flat = require(held("BTC", 1.0, 300.0), reported=told, collateral=cash)
    won = require(held("BTC", 1.0, 300.0, unrealised_pnl=500.0), reported=told, collateral=cash)
    assert flat.excess_initial == pytest.approx(-30.0)  # what closing costs is missing
    assert won.excess_initial == pytest.approx(300.0 - 59_500.0 * 0.005)  # collateral alone opened it
    assert won.excess_maintenance == pytest.approx(800.0 - 59_500.0 * (0.005 + 0.0005))


@st.composite
def books(draw: st.DrawFn) -> tuple[pl.Rules, pl.Account, pl.Market, list[Doc]]:
    """Rules with numbers moved, an account of one or two positions, its market and rows of the twin."""
    content = RULES.to_dict()
    for rule in content["parameters"]["markets"].values():
        rule |= {"min_collateral_factor_liquidation": draw(st.sampled_from([0.003, 0.005]))}
        rule |= {"impact_exponent": draw(st.sampled_from([1.8, 2.0])), "min_collateral_factor": 0.005}
    rows, positions, reported = [], [], {}
    for coin in draw(st.lists(st.sampled_from(sorted(PRICES)), unique=True, min_size=1, max_size=2)):
        value, long = draw(st.sampled_from([300.0, 3e4, 5e6])) * draw(st.floats(0.5, 2.0)), draw(st.booleans())
        tokens, entry = value / PRICES[coin], PRICES[coin] * draw(st.floats(0.97, 1.03))
        margin, funding = value * draw(st.floats(0.001, 0.08)), draw(st.sampled_from([0.0, 5.0, -5.0]))
        row: Doc = {"coin": coin, "long": long, "tokens": tokens, "size": tokens * entry, "collateral": margin}
        row |= {"funding": funding, "borrowing": draw(st.sampled_from([0.0, 7.0])), "longs": None, "shorts": None}
        row |= {"impact": draw(st.sampled_from([None, None, 3.0, -40.0]))}
        reported[f"borrowing_fee.{coin}"] = row["borrowing"]
        if draw(st.booleans()):
            row |= {
                "longs": row["size"] * draw(st.floats(1.0, 40.0)),
                "shorts": row["size"] * draw(st.floats(1.0, 40.0)),
            }
            reported |= {f"open_interest_long.{coin}": row["longs"], f"open_interest_short.{coin}": row["shorts"]}
        if row["impact"] is not None:
            reported[f"price_impact.{coin}"] = row["impact"]
        terms = {"entry_price": entry, "unsettled_funding": funding}
        positions.append(held(coin, tokens if long else -tokens, margin, **terms))
        rows.append(row)
    return pl.Rules.from_dict(content), account(*positions, reported=reported), market(), rows


@pytest.mark.rule("GMX-04", "GMX-05")
@given(books())
def test_every_position_equals_its_twin(book: tuple[pl.Rules, pl.Account, pl.Market, list[Doc]]) -> None:
    rules, own, at, rows = book
    found = pl.margin_model(rules).requirement(own, at)
    for row, pool in zip(rows, found.pools[1:], strict=True):
        price, size = PRICES[row["coin"]], row["size"]
        left = gmx.remaining(rules.parameters, row, price)
        assert found.workings[f"{row['coin']}.remaining"] == pytest.approx(left, abs=1e-9 * size)
        hair = 1e-9 * size
        if abs(pool.equity - pool.maintenance) > hair:
            assert (pool.equity < pool.maintenance) == gmx.liquidatable(rules.parameters, row, price)
        if abs(pool.equity - pool.initial) > hair:
            assert (pool.equity >= pool.initial) == gmx.can_open(rules.parameters, row, price)
        line = found.workings.get(f"liquidation_price.{row['coin']}")
        if line is not None:
            worse, better = (
                (line * (1 - 1e-7), line * (1 + 1e-7)) if row["long"] else (line * (1 + 1e-7), line * (1 - 1e-7))
            )
            assert gmx.liquidatable(rules.parameters, row, worse)
            assert not gmx.liquidatable(rules.parameters, row, better)


@SOME
@given(books(), st.floats(0.5, 2.0))
def test_a_path_is_one_requirement_after_the_other(book: Any, move: float) -> None:
    rules, own, at, _ = book
    model = pl.margin_model(rules)
    states = States({"BTC": np.array([1.0, move, 0.9]), "ETH": np.array([move, 1.0, 1.1])}, np.ones(3))
    for fast, slow in zip(model.along(own, at, states), tracks_of(model.assess, own, at, states), strict=True):
        assert fast.subject == slow.subject
        assert fast.equity == pytest.approx(slow.equity, rel=1e-9, abs=1e-6)
        assert fast.maintenance == pytest.approx(slow.maintenance, rel=1e-9)


@pytest.mark.rule("GMX-06")
def test_an_order_takes_what_opening_takes_at_the_grown_interest() -> None:
    told = {"open_interest_long.BTC": 9e7, "open_interest_short.BTC": 5e7}
    order = {"instrument": "BTC", "quantity": 100.0, "price": 60_000.0}
    fresh = require(orders=[order], reported=told)
    assert fresh.component("open_orders").initial == pytest.approx(6e6 * (9.6e7 * 6e-11 + 0.0007))
    more = require(held("BTC", 1.0, 1e5), orders=[order], reported=told)
    rise = 6.06e6 * 9.6e7 * 6e-11 - 6e4 * 9e7 * 6e-11
    assert more.component("open_orders").initial == pytest.approx(rise + 6e6 * 0.0007)
    less = {"instrument": "BTC", "quantity": -1.0, "price": 60_000.0}
    closing = require(held("BTC", 1.0, 1e5), orders=[less], reported=told)
    assert closing.component("open_orders").initial == 0.0
    turned = require(held("BTC", 1.0, 1e5), orders=[{**less, "quantity": -3.0}], reported=told)
    assert turned.component("open_orders").initial == pytest.approx(1.2e5 * 0.005 - 6e4 * 0.0054 + 1.8e5 * 0.0007)
    assert require(orders=[{**order, "reduce_only": True}]).initial == 0.0


@pytest.mark.rule("GMX-07")
@pytest.mark.parametrize(("positions", "fields", "path"), [
    ([held("DOGE", 1.0)], {}, r"positions\[0\]\.instrument: got 'DOGE'"),
    ([{"instrument": "BTC", "quantity": 1.0}], {}, r"positions\[0\]\.isolated_margin: got nothing"),
    ([held("BTC", 1.0, unrealised_pnl=60_000.0)], {}, r"positions\[0\]\.unrealised_pnl: got 60000\.0"),
    ([], {"orders": [{"instrument": "X", "quantity": 1.0, "price": 1.0}]}, r"orders\[0\]\.instrument: got 'X'"),
    ([], {"collateral": {"ETH": 1.0}}, r"account\.collateral\.ETH"),
    ([], {"reported": {"borrowing_fee.BTC": -1.0}}, r"account\.reported\.borrowing_fee\.BTC: got -1\.0"),
    ([], {"reported": {"open_interest_long.BTC": -1.0}}, r"an amount from zero, USD"),
    ([], {"mode": "cross"}, r"account\.mode: got 'cross'"),
])  # fmt: skip
def test_what_is_not_taken_is_refused_by_name(positions: list[Doc], fields: Doc, path: str) -> None:
    with pytest.raises(pl.DocumentError, match=path):
        require(*positions, **fields)


@pytest.mark.rule("GMX-07")
def test_a_missing_price_and_crossed_factors_are_refused() -> None:
    bare = market().to_dict() | {"assets": {"USDC": {"price": 0.0}}}
    with pytest.raises(pl.DocumentError, match=r"market\.assets\.USDC: got 0\.0"):
        require(at=pl.Market.from_dict(bare))
    with pytest.raises(pl.DocumentError, match=r"liquidation: got 0\.02; allowed: at most 0\.005"):
        pl.margin_model(with_parameter(RULES, "markets.BTC.min_collateral_factor_liquidation", 0.02))
