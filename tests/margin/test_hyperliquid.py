"""Hyperliquid's perpetuals, each rule alone, and the real positions at hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import plimsoll as pl
from hyperliquid_desk import MARKS, account, held, market
from naive.hyperliquid import maintenance
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.margin.path import States
from plimsoll.margin.venues.hyperliquid.liquidation import (
    Liquidation,
    liquidation_price,
    price_formula,
    share_sent,
    stage,
)
from plimsoll.margin.venues.hyperliquid.perps import transfer_requirement
from plimsoll.margin.venues.hyperliquid.tables import MarginTables

PACK = "hyperliquid-perps@2026-09-27"
RULES = pl.find_rules(PACK)
RULE = Liquidation(partial_above=100_000.0, partial_share=0.2, cooldown_seconds=30.0, backstop=2 / 3)


def require(*positions: dict[str, Any], cash: float = 0.0, **fields: Any) -> pl.Requirement:
    return pl.margin_model(PACK).requirement(account(*positions, cash=cash, **fields), market())


@pytest.mark.rule("HL-PERPS-01")
def test_a_number_below_fifty_is_a_table_of_one_tier() -> None:
    tables = MarginTables.model_validate({"tables": {}, "coins": {"HYPE": 10, "ABC": 3}})
    one = tables.tiers_of("ABC")
    assert one is not None
    assert [(t.upto, t.maintenance, t.initial) for t in one.tiers] == [(None, 1 / 6, 1 / 3)]
    assert tables.tiers_of("BTC") is None
    big = require(held("HYPE", 1e9))
    assert big.maintenance == pytest.approx(1e9 * 40.0 / 20.0, rel=1e-12)


@pytest.mark.rule("HL-PERPS-02")
def test_deductions_are_the_published_ones_and_margin_has_no_jumps() -> None:
    published = {"BTC": 1_875_000.0, "ETH": 1_333_333.33}
    tables = MarginTables.model_validate({k: RULES.parameters[k] for k in ("tables", "coins")})
    for coin, deduction in published.items():
        table = tables.tiers_of(coin)
        assert table is not None
        tiers = Tiers.of(table)
        assert tiers.deduction[-1] == pytest.approx(deduction, abs=0.005)
        end = float(tiers.ends[0])
        assert tiers.maintenance(np.array(end * (1 + 1e-12))) == pytest.approx(tiers.maintenance(np.array(end)))
    for coin in RULES.parameters["coins"]:
        table = tables.tiers_of(coin)
        assert table is not None
        for notional in (1.0, 3e6, 2e7, 7.1e7, 1.5e8, 9e8):
            got = float(Tiers.of(table).maintenance(np.array(notional)))
            assert got == pytest.approx(maintenance(RULES.parameters, coin, notional), rel=1e-12)


@pytest.mark.rule("HL-PERPS-03")
def test_initial_margin_goes_by_the_leverage_of_the_position_and_of_its_tier() -> None:
    assert require(held("BTC", 1.0, leverage=10.0)).initial == pytest.approx(10_000.0)
    assert require(held("BTC", 1.0, leverage=100.0)).initial == pytest.approx(2_500.0)
    assert require(held("BTC", -2_000.0, leverage=40.0)).initial == pytest.approx(2e8 / 20.0)
    assumed = require(held("BTC", 1.0))
    assert assumed.initial == pytest.approx(2_500.0)
    assert any("no leverage given" in note and "BTC" in note for note in assumed.notes)
    assert not any("no leverage" in note for note in require(held("BTC", 1.0, leverage=3.0)).notes)


@pytest.mark.rule("HL-PERPS-04")
def test_an_isolated_loss_stays_in_its_bucket() -> None:
    apart = held("BTC", 1.0, entry_price=110_000.0, isolated_margin=4_000.0)
    found = require(apart, held("ETH", 10.0, unsettled_funding=5.0), cash=10_000.0)
    shared, own = found.pools
    assert (own.margin, own.equity, own.isolated) == (4_000.0, -6_000.0, True)
    assert shared.equity == pytest.approx(10_000.0 - 4_000.0 + 5.0)
    assert found.net_equity == shared.equity
    every = require(apart, cash=4_000.0, mode="isolated")
    assert [p.subject for p in every.pools] == ["shared", "BTC"]
    with pytest.raises(pl.DocumentError, match=r"account\.positions\[0\]\.isolated_margin: got nothing"):
        require(held("BTC", 1.0), mode="isolated")


@pytest.mark.rule("HL-PERPS-05")
@pytest.mark.parametrize(("coin", "quantity", "cash"), [
    ("BTC", 2.0, 30_000.0),
    ("BTC", -2.0, 30_000.0),
    ("BTC", 1_800.0, 60e6),  # comes down through the end of a tier
    ("BTC", -1_400.0, 20e6),  # goes up through it
    ("ETH", -30_000.0, 20e6),
    ("HYPE", 500.0, 13_000.0),
])  # fmt: skip
def test_the_formula_is_the_root_of_equity_less_maintenance(coin: str, quantity: float, cash: float) -> None:
    other = held("DOGE", 1_000_000.0, unrealised_pnl=-20_000.0 if cash > 1e5 else 0.0)
    book = account(held(coin, quantity), other, cash=cash)
    model = pl.margin_model(PACK)
    found = model.requirement(book, market()).workings[f"liquidation_price.{coin}"]

    def left(multiplier: float) -> float:
        (track,) = model.along(book, market(), States({coin: np.array([multiplier])}, np.ones(1)))
        return float(track.equity[0] - track.maintenance[0])

    low, high = (1e-9, 1.0) if quantity > 0 else (1.0, 100.0)
    assert found == pytest.approx(MARKS[coin] * brentq(left, low, high, xtol=1e-15, rtol=1e-14), rel=1e-10)


@pytest.mark.rule("HL-PERPS-05")
def test_a_position_that_cannot_be_liquidated_has_no_price() -> None:
    tiers = Tiers.of(MarginTables.model_validate({"tables": {}, "coins": {"X": 10}}).tiers_of("X"))  # type: ignore[arg-type]
    assert liquidation_price(tiers, 1.0, 100.0, 200.0) is None
    assert liquidation_price(tiers, 1.0, 100.0, 5.0) == pytest.approx(100.0)
    assert price_formula(100.0, -1.0, 10.5, 0.05) == pytest.approx(110.0)
    assert "liquidation_price.BTC" not in require(held("BTC", 1.0), cash=1e6).workings
    below = require(held("BTC", 1.0), cash=100.0)
    assert below.workings["liquidation_price.BTC"] > 100_000.0
    assert below.excess_maintenance < 0.0


@pytest.mark.rule("HL-PERPS-06")
def test_what_can_be_withdrawn_leaves_a_tenth_of_the_notional() -> None:
    assert transfer_requirement(140.43678, 1352.7404, 0.1) == 140.43678
    found = require(held("BTC", 1.0, leverage=40.0), held("ETH", 10.0, leverage=25.0), cash=20_000.0)
    assert found.initial == pytest.approx(2_500.0 + 1_200.0)
    assert found.workings["transfer_requirement"] == pytest.approx(13_000.0)
    assert found.workings["withdrawable"] == pytest.approx(7_000.0)
    assert require(held("BTC", 1.0, leverage=5.0), cash=20_000.0).workings["withdrawable"] == 0.0


@pytest.mark.rule("HL-PERPS-06", "HL-PERPS-02")
def test_the_sums_of_a_real_account_are_met(shared: Path) -> None:
    """BTC stands at its own rate; what else the account holds uses its margin at the highest leverage, twice its MM."""
    file = shared / "data" / "margins" / "venue_positions_from_issue_threads.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    info = next(r for r in rows if r["venue"].startswith("hyperliquid"))["info"]
    whole, position = info["marginSummary"], info["assetPositions"][0]["position"]
    notional, used = float(position["positionValue"]), float(position["marginUsed"])
    price = notional / float(position["szi"])
    leverage = float(position["leverage"]["value"])
    book = account(held("BTC", float(position["szi"]), leverage=leverage))
    found = pl.margin_model(PACK).requirement(book, market(BTC=price))
    assert found.initial == pytest.approx(used, abs=5e-7)
    rest = (float(whole["totalMarginUsed"]) - used) / 2.0
    assert found.maintenance + rest == pytest.approx(float(info["crossMaintenanceMarginUsed"]), abs=6e-7)
    stays = transfer_requirement(float(whole["totalMarginUsed"]), float(whole["totalNtlPos"]), 0.1)
    assert float(whole["accountValue"]) - stays == pytest.approx(float(info["withdrawable"]), abs=5e-7)


@pytest.mark.rule("HL-PERPS-07")
def test_a_large_position_is_sent_in_part_unless_a_part_was_sent_just_before() -> None:
    assert RULES.parameters["liquidation"] == RULE.model_dump()
    assert share_sent(RULE, 100_000.0) == 1.0
    assert share_sent(RULE, 100_000.01) == 0.2
    assert share_sent(RULE, 1e6, since_partial=29.9) == 1.0
    assert share_sent(RULE, 1e6, since_partial=30.0) == 0.2


@pytest.mark.rule("HL-PERPS-08")
def test_the_vault_takes_over_below_two_thirds() -> None:
    assert [stage(RULE, e, 300.0) for e in (300.0, 299.0, 200.0, 199.0, -5.0)] == [
        "none",
        "market",
        "market",
        "backstop",
        "backstop",
    ]


@pytest.mark.rule("HL-PERPS-09")
def test_orders_count_the_worse_side_and_reduce_only_nothing() -> None:
    position = held("BTC", 1.0, leverage=10.0)
    buy = {"instrument": "BTC", "quantity": 2.0, "price": 90_000.0}
    sell = {"instrument": "BTC", "quantity": -1.5, "price": 105_000.0}
    both = require(position, orders=[buy, sell])
    assert both.component("open_orders").initial == pytest.approx(18_000.0)
    assert both.component("open_orders").maintenance == 0.0
    assert require(position, orders=[sell]).component("open_orders").initial == 0.0
    assert require(position, orders=[{**buy, "reduce_only": True}]).component("open_orders").initial == 0.0


@pytest.mark.rule("HL-PERPS-10")
@pytest.mark.parametrize("name", ["PEPE", "BTC-SPOT", "BTC-INVERSE"])
def test_other_contracts_are_refused_by_name(name: str) -> None:
    with pytest.raises(pl.DocumentError, match=rf"account\.positions\[0\]\.instrument: got '{name}'"):
        require(held(name, 1.0))


@pytest.mark.rule("HL-PERPS-10")
@pytest.mark.parametrize(("change", "path", "allowed"), [
    ({"coins": {"X": "NONE"}}, "coins.X: got 'NONE'", "one tier of that leverage"),
    ({"coins": {"X": 50}}, "coins.X", ""),
    ({"tables": {"T": [{"lower_bound": 5.0, "max_leverage": 10.0}]}}, r"tables.T[0].lower_bound: got 5.0", "0, where"),
    (
        {"tables": {"T": [{"lower_bound": 0.0, "max_leverage": 5.0}, {"lower_bound": 9.0, "max_leverage": 10.0}]}},
        r"tables.T[1].max_leverage: got 10.0",
        "at most 5.0",
    ),
    (
        {"tables": {"T": [{"lower_bound": 0.0, "max_leverage": 5.0}, {"lower_bound": 0.0, "max_leverage": 3.0}]}},
        r"tables.T[1].lower_bound: got 0.0",
        "a notional above 0.0",
    ),
])  # fmt: skip
def test_tables_that_make_no_sense_are_refused_with_their_path(change: dict[str, Any], path: str, allowed: str) -> None:
    document = RULES.to_dict()
    document["parameters"] = {**document["parameters"], "tables": {}, "coins": {"X": 10}, **change}
    with pytest.raises(pl.DocumentError) as told:
        pl.margin_model(pl.Rules.from_dict(document))
    assert f"parameters.{path}" in str(told.value)
    assert allowed in str(told.value)


def test_a_snapshot_of_the_venue_prices_a_book(shared: Path) -> None:
    """The first two coins of the main exchange are BTC and ETH; funding is by the hour there, by eight of them here."""
    file = shared / "data" / "funding" / "hyperliquid_all_dexs_asset_ctxs_snapshot.json.gz"
    main = json.loads(gzip.decompress(file.read_bytes()))["data"]["ctxs"][0]
    assert main[0] == ""
    btc, eth = (float(row["markPx"]) for row in main[1][:2])
    at = market(BTC=btc, ETH=eth)
    book = account(held("BTC", 2_500.0), held("ETH", -40_000.0), cash=40e6)
    found = pl.margin_model(PACK).requirement(book, at)
    notional = {"BTC": 2_500.0 * btc, "ETH": 40_000.0 * eth}
    assert notional["BTC"] > 150e6
    want = sum(maintenance(RULES.parameters, coin, value) for coin, value in notional.items())
    assert found.maintenance == pytest.approx(want, rel=1e-12)
    assert found.workings["liquidation_price.BTC"] < btc < found.workings["liquidation_price.ETH"] * btc / eth
