"""Synthetix v3 perpetuals: the venue's own test, the twin on random accounts, paths, blocks, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive import synthetix
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.rules import with_parameter
from plimsoll.margin.venues.synthetix.parameters import SynthetixParameters
from plimsoll.margin.venues.synthetix.ratios import discount, fill_price, margin_ratios, order_fee, windows
from random_books import SOME

PACK = "synthetix-v3@2025-06-12"
RULES = pl.find_rules(PACK)
NUMBERS = SynthetixParameters.model_validate(RULES.parameters)
PRICES = {"BTC": 60_000.0, "ETH": 3_000.0}
Doc = dict[str, Any]


def market(**prices: float) -> pl.Market:
    at = {**PRICES, **prices}
    swap = {"kind": "perpetual", "settlement": "linear", "currency": "USD"}
    rows = [{**swap, "name": c, "underlying": c} for c in (*at, "DOGE")]
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2025-07-01T00:00:00Z",
            "indices": {c: {"price": p} for c, p in {**at, "DOGE": 0.2}.items()},
            "assets": {"USD": {"price": 1.0}, "USDC": {"price": 1.0}},
            "instruments": [*rows, {**swap, "name": "BTC-USDC", "underlying": "BTC", "currency": "USDC"}],
            "marks": {c: {"price": p} for c, p in {**at, "DOGE": 0.2, "BTC-USDC": 6e4}.items()},
        }
    )


def require(*positions: Doc, at: pl.Market | None = None, rules: pl.Rules = RULES, **fields: Any) -> pl.Requirement:
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": list(positions)}
    return pl.margin_model(rules).requirement(pl.Account.from_dict({**content, **fields}), at or market())


@pytest.mark.rule("SNX-01", "SNX-02")
def test_ratios_grow_with_the_share_of_the_skew_scale() -> None:
    one, two = margin_ratios(NUMBERS.markets["ETH"], 350.0), margin_ratios(NUMBERS.markets["ETH"], -700.0)
    assert one[0] == pytest.approx(0.02 + 0.001 * 1.16)
    assert two[0] - 0.02 == pytest.approx(2.0 * (one[0] - 0.02))
    assert two[1] == pytest.approx(0.28 * two[0])
    found = require({"instrument": "ETH", "quantity": 350.0})
    assert found.workings["required_initial"] == pytest.approx(350.0 * 3_000.0 * one[0] + 50.0)
    assert found.workings["required_maintenance"] == pytest.approx(350.0 * 3_000.0 * one[1] + 50.0)
    flat = NUMBERS.markets["ETH"].model_copy(update={"skew_scale": 0.0})
    assert margin_ratios(flat, 1e6)[0] == 0.02


@pytest.mark.rule("SNX-03")
def test_the_reward_of_keepers_stands_in_both_margins() -> None:
    small = require({"instrument": "ETH", "quantity": 1.0}, collateral={"USD": 1_000.0})
    # 0.9 for the flag and 5 of costs, but at least twice the costs
    assert small.component("liquidation_reward").maintenance == pytest.approx(10.0)
    large = require({"instrument": "ETH", "quantity": 1_000.0}, collateral={"USD": 1e6})
    extra = windows(NUMBERS.markets["ETH"], 1_000.0) - 1
    assert large.component("liquidation_reward").initial == pytest.approx(500.0 + 10.0 * extra)
    poor = require({"instrument": "ETH", "quantity": 1_000.0}, collateral={"USD": 100.0})
    assert poor.component("liquidation_reward").initial == pytest.approx(100.0 + 10.0 * extra)
    nothing = require(collateral={"USD": 100.0})
    assert (nothing.initial, nothing.maintenance) == (0.0, 0.0)
    dear = require({"instrument": "ETH", "quantity": 1.0}, collateral={"USD": 1e3}, reported={"flag_cost": 40.0})
    assert dear.component("liquidation_reward").initial == pytest.approx(80.0)


@pytest.mark.rule("SNX-04")
def test_collateral_counts_less_the_more_there_is_of_it() -> None:
    rule = NUMBERS.collateral["ETH"]
    assert [discount(rule, a) for a in (1.0, 1_000.0, 9_000.0)] == [0.05, 0.1, 0.2]
    found = require(collateral={"ETH": 1_000.0, "USD": -500.0}, borrowed={"USD": 100.0})
    assert found.net_equity == pytest.approx(0.9 * 3e6 - 600.0)
    assert found.workings["collateral"] == 3e6


@pytest.mark.rule("SNX-05", "SNX-06")
def test_an_order_pays_the_skew_its_fee_and_the_rise_of_its_margin() -> None:
    assert fill_price(100.0, 10.0, -30.0, 1_000.0) == pytest.approx(99.5)
    rule = NUMBERS.markets["ETH"]
    assert order_fee(rule, -10.0, 30.0, 100.0) == pytest.approx(1_000.0 * 0.000001 + 2_000.0 * 0.0005)
    order = {"instrument": "ETH", "quantity": 350.0, "price": 3_000.0}
    found = require(orders=[order], reported={"skew.ETH": 700.0})
    fill = 3_000.0 * (1.0 + 875.0 / 350_000.0)
    rise = 350.0 * 3_000.0 * 0.02116 + 50.0
    assert found.component("open_orders").initial == pytest.approx(rise + 350.0 * (fill - 3_000.0 + 0.0005 * fill))
    assert require(orders=[{**order, "reduce_only": True}]).initial == 0.0
    assert any("no skew reported" in n for n in require(orders=[order]).notes)


@st.composite
def books(draw: st.DrawFn) -> tuple[pl.Rules, Doc, pl.Market, list[Doc], Doc]:
    """Rules with numbers moved, an account, its market, rows and switches of the twin."""
    content = RULES.to_dict()
    content["parameters"]["keepers"] |= {"max_reward": draw(st.sampled_from([20.0, 500.0]))}
    content["parameters"]["keepers"] |= {"max_scaling": draw(st.sampled_from([0.01, 1.0]))}
    content["parameters"]["markets"]["ETH"] |= {"skew_scale": draw(st.sampled_from([0.0, 350_000.0]))}
    at = {c: p * draw(st.floats(0.5, 2.0)) for c, p in PRICES.items()}
    rows, positions, orders, reported = [], [], [], {}
    for coin in draw(st.lists(st.sampled_from(sorted(PRICES)), unique=True, max_size=2)):
        size = draw(st.sampled_from([1e3, 1e5, 3e7])) / at[coin] * draw(st.floats(0.3, 3.0))
        size *= draw(st.sampled_from([1.0, -1.0]))
        entry, funding = at[coin] * draw(st.floats(0.9, 1.1)), draw(st.sampled_from([0.0, 12.5, -80.0]))
        positions.append({"instrument": coin, "quantity": size, "entry_price": entry, "unsettled_funding": funding})
        row: Doc = {"coin": coin, "size": size, "price": at[coin], "profit": size * (at[coin] - entry) + funding}
        row |= {"bids": 0.0, "asks": 0.0, "skew": draw(st.sampled_from([0.0, 50.0, -2_000.0]))}
        reported[f"skew.{coin}"] = row["skew"]
        for side, name in draw(st.lists(st.sampled_from([(1.0, "bids"), (-1.0, "asks")]), unique=True)):
            row[name] = abs(size) * draw(st.sampled_from([0.1, 1.0, 2.5]))
            orders.append({"instrument": coin, "quantity": side * row[name], "price": at[coin]})
        rows.append(row)
    costs = draw(st.sampled_from([(5.0, 5.0), (40.0, 2.0)]))
    reported |= {"flag_cost": costs[0], "liquidate_cost": costs[1]}
    tokens = {"ETH": draw(st.sampled_from([0.0, 3.0, 700.0, 5_000.0]))}
    cash = draw(st.floats(-1e4, 1e6))
    account: Doc = {"positions": positions, "orders": orders, "reported": reported}
    account["collateral"] = {"USD": cash, **tokens}
    told = {"costs": costs, "cash": cash, "tokens": {c: (a, at[c]) for c, a in tokens.items()}}
    return pl.Rules.from_dict(content), account, market(**at), rows, told


@given(books())
def test_every_account_equals_its_twin(book: tuple[pl.Rules, Doc, pl.Market, list[Doc], Doc]) -> None:
    rules, account, at, rows, told = book
    found = require(*account.pop("positions"), at=at, rules=rules, **account)
    whole, kept = synthetix.worth(rules.parameters, told["tokens"], told["cash"])
    reward = synthetix.keepers(rules.parameters, rows, whole, told["costs"])
    both = [synthetix.margins(rules.parameters["markets"][r["coin"]], r["size"], r["price"]) for r in rows]
    charged = synthetix.orders(rules.parameters, rows)
    size = 1e-12 * (sum(abs(r["size"]) * r["price"] for r in rows) + whole + abs(told["cash"]) + 1.0)
    assert found.initial == pytest.approx(sum(b[0] for b in both) + reward + charged, abs=size)
    assert found.maintenance == pytest.approx(sum(b[1] for b in both) + reward, abs=size)
    equity = kept + sum(r["profit"] for r in rows) - max(0.0, -told["cash"])
    assert found.net_equity == pytest.approx(equity, abs=size)


@SOME
@given(books(), st.floats(0.3, 3.0))
def test_a_path_is_one_requirement_after_the_other(book: Any, move: float) -> None:
    rules, account, at, _, _ = book
    model = pl.margin_model(rules)
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross"}
    document = pl.Account.from_dict({**head, **account})
    states = States({"ETH": np.array([1.0, move, 0.8]), "BTC": np.array([0.7, 1.0, move])}, np.ones(3))
    (fast,), (slow,) = model.along(document, at, states), tracks_of(model.assess, document, at, states)
    assert fast.equity == pytest.approx(slow.equity, rel=1e-9, abs=1e-6)
    assert fast.maintenance == pytest.approx(slow.maintenance, rel=1e-10)


@pytest.mark.rule("SNX-03")
def test_the_line_bends_where_the_reward_meets_a_guard() -> None:
    model = pl.margin_model(RULES)
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "collateral": {"USD": 1e6}}
    book = pl.Account.from_dict({**head, "positions": [{"instrument": "ETH", "quantity": 100.0}]})
    low, high = 5.0 / (0.0003 * 3e5), 495.0 / (0.0003 * 3e5)
    bends = model.kinks(book, market())["ETH"]
    assert bends == pytest.approx([low, 300.0 / 90.0, high])


@pytest.mark.rule("SNX-07")
@pytest.mark.parametrize(("fields", "path"), [
    ({"positions": [{"instrument": "DOGE", "quantity": 1.0}]}, r"positions\[0\]\.instrument: got 'DOGE'"),
    ({"positions": [{"instrument": "BTC-USDC", "quantity": 1.0}]}, r"settled in USD on BTC, ETH"),
    ({"orders": [{"instrument": "X", "quantity": 1.0, "price": 1.0}]}, r"orders\[0\]\.instrument: got 'X'"),
    ({"collateral": {"SOL": 1.0}}, r"account\.collateral\.SOL"),
    ({"collateral": {"ETH": -1.0}}, r"account\.collateral\.ETH: got .*only USD can be owed"),
    ({"borrowed": {"ETH": 1.0}}, r"account\.borrowed\.ETH"),
    ({"reported": {"flag_cost": -1.0}}, r"account\.reported\.flag_cost"),
    ({"mode": "portfolio"}, r"account\.mode"),
])  # fmt: skip
def test_what_is_not_taken_is_refused_by_name(fields: Doc, path: str) -> None:
    with pytest.raises(pl.DocumentError, match=path):
        require(*fields.pop("positions", ()), **fields)


@pytest.mark.rule("SNX-07")
def test_discounts_that_cross_are_refused() -> None:
    with pytest.raises(pl.DocumentError, match=r"lower_discount: got 0\.5; allowed: at most 0\.2"):
        pl.margin_model(with_parameter(RULES, "collateral.ETH.lower_discount", 0.5))
