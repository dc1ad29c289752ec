"""Drift v2: weights and ratios of the venue's own tests, accounts against the twin, paths, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from drift_desk import Desk, account, desks, market
from naive import drift
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.venues.drift.holdings import whole
from plimsoll.margin.venues.drift.weights import (
    BASE,
    MARGIN_TYPES,
    discount,
    margin_ratio,
    of_type,
    premium,
    scaled_initial,
)
from random_books import SOME

PACK = "drift@2026-04-01"


def require(*positions: dict[str, Any], at: pl.Market | None = None, **fields: Any) -> pl.Requirement:
    return pl.margin_model(PACK).requirement(account(*positions, **fields), at or market())


@pytest.mark.rule("DRIFT-01")
@pytest.mark.parametrize(("factor", "asset", "loan"), [
    (0, 9_000, 11_000),
    (10, 9_000, 11_000),
    (10_000, 8_357, 11_962),
    (100_000, 2_642, 40_422),
])  # fmt: skip
def test_weights_of_a_thousand_coins(factor: int, asset: int, loan: int) -> None:
    assert discount(1_000 * BASE, factor, 9_000) == asset
    assert premium(1_000 * BASE, factor, 11_000) == loan


@pytest.mark.rule("DRIFT-02")
def test_a_fill_stands_between_initial_and_maintenance() -> None:
    weights = [discount(100_000 * BASE, 0, of_type(m, 1_500, 7_500)) for m in MARGIN_TYPES]
    assert weights == [1_500, 4_500, 7_500]
    assert [margin_ratio(m, 0, 1_000, 500, 0) for m in MARGIN_TYPES] == [1_000, 750, 500]
    assert [margin_ratio(m, 0, 1_000, 500, 0, (200, 100)) for m in MARGIN_TYPES] == [200, 150, 100]


@pytest.mark.rule("DRIFT-03")
def test_initial_weights_fall_with_the_deposits_of_all() -> None:
    values = [scaled_initial(9_000, 500_000 * 10**6, coins * 25 * 10**6) for coins in (1, 20_000, 40_000, 60_000)]
    assert values == [9_000, 9_000, 4_500, 3_000]


@pytest.mark.rule("DRIFT-04", "DRIFT-05")
def test_ratios_grow_with_the_size_and_high_leverage_gives_way() -> None:
    assert margin_ratio("initial", 10**6 * BASE, 1_000, 500, 50) == 1_300
    sizes = (BASE // 10, BASE, 10 * BASE, 3_000 * BASE)
    assert [margin_ratio("initial", s, 1_000, 500, 50, (100, 50)) for s in sizes] == [100, 100, 104, 221]
    # far out the ordinary ratio with its premium holds, and maintenance keeps its own
    assert margin_ratio("initial", 10**6 * BASE, 1_000, 500, 50, (100, 50)) == 1_300
    assert margin_ratio("maintenance", 10**6 * BASE, 1_000, 500, 50, (100, 50)) == 50 - 10 + 500


@pytest.mark.rule("DRIFT-06", "DRIFT-08")
def test_an_order_to_buy_is_a_loan_and_a_deposit() -> None:
    buy = {"instrument": "SOL-SPOT", "quantity": 500.0, "price": 90.0}
    found = require(collateral={"USDC": 10_000.0}, orders=[buy], at=market(SOL=100.0))
    assert found.workings["initial.requirement"] == 50_000.01
    assert found.workings["initial.collateral"] == 50_000.0
    assert found.excess_initial == pytest.approx(-0.01)
    sell = {"instrument": "SOL-SPOT", "quantity": -3_000.0, "price": 120.0}
    found = require(collateral={"SOL": 500.0}, orders=[sell], at=market(SOL=100.0))
    assert found.workings["initial.requirement"] == 300_000.01
    assert found.workings["initial.collateral"] == 300_000.0
    nothing = require(collateral={"SOL": 500.0}, orders=[{**sell, "reduce_only": True}], at=market(SOL=100.0))
    assert nothing.workings["initial.requirement"] == 0.01


@pytest.mark.rule("DRIFT-07", "DRIFT-09")
def test_profit_counts_little_for_initial_and_loss_whole() -> None:
    won = require({"instrument": "SOL-PERP", "quantity": 10.0, "entry_price": 100.0})
    assert won.net_equity == 500.0
    assert won.workings["initial.collateral"] == 100.0
    assert won.component("weights").initial == 400.0
    assert won.excess_initial == pytest.approx(100.0 - 150.0)
    lost = require({"instrument": "SOL-PERP", "quantity": -10.0, "entry_price": 100.0}, collateral={"USDC": 1_000.0})
    assert lost.workings["initial.collateral"] == 500.0


@pytest.mark.rule("DRIFT-07")
def test_the_holder_s_own_ratio_holds_for_initial_alone() -> None:
    position = {"instrument": "SOL-PERP", "quantity": 10.0}
    for own in ({"leverage": 4.0}, {}):
        reported = {} if own else {"max_margin_ratio": 2_500.0}
        found = require({**position, **own}, reported=reported)
        assert (found.initial, found.maintenance) == (375.0, 75.0)
    loan = require(collateral={"SOL": -10.0}, reported={"max_margin_ratio": 3_000.0})
    assert loan.initial == 1_950.0


@pytest.mark.rule("DRIFT-10")
def test_strict_takes_the_worse_of_price_and_mean_and_never_for_a_liquidation() -> None:
    fields: dict[str, Any] = {
        "collateral": {"SOL": 10.0, "ETH": -1.0},
        "reported": {"twap.SOL": 140.0, "twap.ETH": 2_600.0},
    }
    loose, strict = require(**fields), require(**fields, settings={"strict": True})
    assert strict.workings["initial.collateral"] == 0.8 * 1_400.0
    assert strict.workings["initial.requirement"] == 1.2 * 2_600.0
    assert strict.workings["maintenance.free"] == loose.workings["maintenance.free"]
    assert any("no five-minute mean" in n and "USDC" in n for n in strict.notes)


@SOME
@given(desks())
def test_every_account_equals_its_twin_to_the_last_unit(desk: Desk) -> None:
    found = pl.margin_model(desk.rules).requirement(desk.account, desk.market)
    for margin in MARGIN_TYPES:
        required, collateral = drift.account(
            desk.rules.parameters, desk.cash, list(desk.tokens), list(desk.perps), margin, **desk.switches
        )
        assert whole(found.workings[f"{margin}.requirement"], 6) == required
        assert whole(found.workings[f"{margin}.collateral"], 6) == collateral
    size = 1e-12 * max(1.0, abs(found.net_equity), found.initial)
    assert found.excess_initial == pytest.approx(found.workings["initial.free"], abs=size)
    assert found.excess_maintenance == pytest.approx(found.workings["maintenance.free"], abs=size)
    assert sum(s.initial for s in found.shares) == pytest.approx(found.initial, abs=size)


@SOME
@given(desks(), st.floats(0.4, 2.5), st.floats(0.4, 2.5))
def test_a_path_is_one_requirement_after_the_other(desk: Desk, sol: float, btc: float) -> None:
    model = pl.margin_model(desk.rules)
    states = States({"SOL": np.array([1.0, sol, 0.9]), "BTC": np.array([1.0, btc, 1.1])}, np.ones(3))
    (fast,) = model.along(desk.account, desk.market, states)
    (slow,) = tracks_of(model.assess, desk.account, desk.market, states)
    # a billionth of a coin, and a millionth of a dollar of price for each coin
    size = 1e-9 * np.maximum(1.0, np.abs(slow.equity)) + 2e-4 + 2e-6 * sum(abs(p["size"]) for p in desk.perps)
    assert (np.abs(fast.equity - slow.equity) <= size).all()
    assert (np.abs(fast.maintenance - slow.maintenance) <= size + 1e-9 * slow.maintenance).all()


@SOME
@given(desks(), st.floats(1.0, 4.0))
def test_a_larger_perpetual_never_costs_less_for_each_coin(desk: Desk, factor: float) -> None:
    """Ratios only grow with the size; an amount may be cut by one unit."""
    model = pl.margin_model(desk.rules)
    for position in desk.account.positions:
        one = model.requirement(
            account({"instrument": position.instrument, "quantity": position.quantity}), desk.market
        )
        more = {"instrument": position.instrument, "quantity": position.quantity * factor}
        many = model.requirement(account(more), desk.market)
        assert many.initial >= factor * one.initial - 1e-5 * factor - 1e-9 * many.initial
        assert many.maintenance >= factor * one.maintenance - 1e-5 * factor - 1e-9 * many.maintenance


def test_a_profit_that_counts_in_part_bends_the_line_where_it_begins() -> None:
    rules = pl.find_rules(PACK).to_dict()
    rules["parameters"]["perps"]["SOL"]["pnl_maintenance_weight"] = 9_000
    model = pl.margin_model(pl.Rules.from_dict(rules))
    book = account({"instrument": "SOL-PERP", "quantity": 10.0, "entry_price": 120.0})
    assert model.kinks(book, market())["SOL"] == pytest.approx([0.8])
    assert pl.margin_model(PACK).kinks(book, market()) == {}


@pytest.mark.rule("DRIFT-11")
@pytest.mark.parametrize(("fields", "path"), [
    ({"positions": [{"instrument": "DOGE-PERP", "quantity": 1.0}]}, r"positions\[0\]\.instrument: got 'DOGE-PERP'"),
    ({"positions": [{"instrument": "SOL-SPOT", "quantity": 1.0}]}, r"SOL as a balance in account\.collateral"),
    ({"positions": [{"instrument": "XRP-PERP", "quantity": 1.0}]}, r"account\.positions\[0\]\.instrument"),
    ({"orders": [{"instrument": "XRP-PERP", "quantity": 1.0, "price": 1.0}]}, r"account\.orders\[0\]\.instrument"),
    ({"orders": [{"instrument": "DOGE-PERP", "quantity": 1.0, "price": 1.0}]}, r"linear perpetuals settled in USDC"),
    ({"collateral": {"DOGE": 1.0}}, r"account\.collateral\.DOGE.*tokens of these rules"),
    ({"reported": {"max_margin_ratio": 0.5}}, r"account\.reported\.max_margin_ratio: got 0\.5"),
    ({"reported": {"twap.SOL": 0.0}}, r"account\.reported\.twap\.SOL: got 0\.0"),
    ({"reported": {"deposits.SOL": -1.0}}, r"account\.reported\.deposits\.SOL"),
    ({"settings": {"portfolio": True}}, r"account\.settings\.portfolio"),
    ({"mode": "isolated"}, r"account\.mode: got 'isolated'"),
    ({"collateral": {"JitoSOL": 1.0}}, r"market\.assets\.JitoSOL: got nothing"),
])  # fmt: skip
def test_what_drift_does_not_take_is_refused_by_name(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(pl.DocumentError, match=path):
        require(**{"positions": [], **fields}) if "positions" not in fields else require(*fields["positions"])


@pytest.mark.rule("DRIFT-11")
@pytest.mark.parametrize(("path", "value", "told"), [
    ("perps.SOL.margin_ratio_initial", 400, "at least 500, the maintenance ratio"),
    ("perps.SOL.high_leverage_initial", 50, "at least 100"),
    ("spot.SOL.initial_asset_weight", 9_500, "at most 9000"),
    ("spot.SOL.initial_liability_weight", 10_500, "at least 11000"),
    ("quote.asset", "SOL", "the quote token counts whole"),
])  # fmt: skip
def test_packs_that_make_no_sense_are_refused(path: str, value: Any, told: str) -> None:
    from plimsoll.margin.rules import with_parameter

    with pytest.raises(pl.DocumentError, match=told):
        pl.margin_model(with_parameter(pl.find_rules(PACK), path, value))


@pytest.mark.rule("DRIFT-11")
@pytest.mark.parametrize(("size", "price"), [(1e11, 1e300), (1e11, 1e-5)])
def test_amounts_that_no_double_holds_are_refused(size: float, price: float) -> None:
    """Whole numbers have no end, but documents do; a multiplier can leave the range before."""
    content = market(SOL=price).to_dict()
    for row in content["instruments"]:
        if row["name"] == "SOL-PERP" and price < 1.0:
            row["multiplier"] = 1e300
    with pytest.raises(pl.DocumentError, match="an amount that is not finite"):
        require({"instrument": "SOL-PERP", "quantity": size}, at=pl.Market.from_dict(content))
