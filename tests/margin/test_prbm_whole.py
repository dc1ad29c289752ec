"""The house model with its add-ons: what each adds to PRBM, and the axioms that it keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import CALL, MONTH, PERP, PUT, account_doc, market_doc, option, perpetual, rules_doc
from plimsoll.documents import DocumentError
from plimsoll.margin.house.whole import PrbmWhole
from plimsoll.margin.requirement import Requirement

WHOLE = "prbm-whole@2026-01-01"
ETH = "ETH-PERP"


def market(**changes: Any) -> pl.Market:
    """BTC at 70,000 as in the builders, ETH at 2,500 with a perpetual."""
    content = market_doc(**changes)
    content["indices"] = content["indices"] | {"ETH": {"price": 2_500.0}}
    content["instruments"] = [*content["instruments"], perpetual(name=ETH, underlying="ETH")]
    content["marks"] = content["marks"] | {ETH: {"price": 2_500.0}}
    return pl.Market.from_dict(content)


def model(**changes: Any) -> PrbmWhole:
    content = rules_doc(WHOLE)
    for path, value in changes.items():
        here = content["parameters"]
        *steps, last = path.split("__")
        for step in steps:
            here = here[step]
        here[last] = value
    found = pl.margin_model(pl.Rules.from_dict(content))
    assert isinstance(found, PrbmWhole)
    return found


def book(held: dict[str, float], **changes: Any) -> pl.Account:
    return pl.Account.from_dict(account_doc(held, **changes))


def require(
    held: dict[str, float], used: PrbmWhole | None = None, at: pl.Market | None = None, **c: Any
) -> Requirement:
    return (used or model()).requirement(book(held, **c), at or market())


def amount(r: Requirement, name: str) -> float:
    return r.component(name).initial


@pytest.mark.rule("PRBMW-01")
def test_without_add_ons_it_is_prbm() -> None:
    plain = pl.margin_model("prbm@2026-01-01").requirement(book({CALL: -1.0, PERP: 0.4, ETH: 3.0}), market())
    bare = model(offsets={}, liquidity__free=1.0, liquidity__participation=100.0, collateral__assets__USDC__depeg=0.0)
    r = require({CALL: -1.0, PERP: 0.4, ETH: 3.0}, bare)
    assert r.initial == pytest.approx(plain.initial, rel=1e-12)
    assert r.maintenance == pytest.approx(plain.maintenance, rel=1e-12)
    assert r.net_equity == pytest.approx(plain.net_equity, rel=1e-12)
    assert r.binding == plain.binding


@pytest.mark.rule("PRBMW-02")
def test_coins_of_the_collateral_move_with_the_book() -> None:
    naked = require({PERP: 1.0}, collateral={"USDC": 200_000.0})
    wrong_way = require({PERP: 1.0}, collateral={"USDC": 130_000.0, "BTC": 1.0})
    hedged = require({PERP: -1.0}, collateral={"USDC": 130_000.0, "BTC": 1.0})
    assert amount(naked, "scan") == pytest.approx(0.16 * 70_000)
    assert amount(wrong_way, "scan") == pytest.approx(2 * 0.16 * 70_000)
    assert amount(hedged, "scan") == pytest.approx(0.0, abs=1e-9)
    owed = require({PERP: 1.0}, collateral={"USDC": 130_000.0, "BTC": -1.0})
    assert amount(owed, "scan") == pytest.approx(0.0, abs=1e-9)


@pytest.mark.rule("PRBMW-03", "PRBMW-04")
def test_haircuts_lower_equity_or_raise_the_initial_margin_alone() -> None:
    held = {"BTC": 2.0, "USDT": 1_000.0}
    content = market_doc()["assets"] | {"USDT": {"price": 1.0}}
    taken = require({}, at=market(assets=content), collateral=held)
    later = require({}, model(collateral__initial_only=True), market(assets=content), collateral=held)
    assert later.net_equity == pytest.approx(2 * 70_000 + 1_000)
    cut = later.net_equity - taken.net_equity
    assert cut > 0.02 * 140_000
    assert amount(later, "haircuts") == pytest.approx(cut)
    assert later.initial - taken.initial == pytest.approx(cut)
    assert later.maintenance == pytest.approx(taken.maintenance)


@pytest.mark.rule("PRBMW-05")
def test_dollar_coins_are_charged_their_de_peg() -> None:
    r = require({PERP: 1.0}, collateral={"USDC": 10_000.0})
    assert amount(r, "depeg") == pytest.approx(0.02 * 10_000)
    assert r.component("depeg").maintenance == pytest.approx(0.01 * 10_000)
    # eleven thousand rest on twice as much: half of it is at stake
    part = require({PERP: 1.0}, collateral={"USDC": 22_400.0})
    assert amount(part, "depeg") == pytest.approx(0.02 * 11_200)
    assert amount(require({}, collateral={"USDC": 10_000.0}), "depeg") == 0.0
    assert amount(require({PERP: 1.0}, collateral={"USDC": -10_000.0}), "depeg") == 0.0


@pytest.mark.rule("PRBMW-06", "PRBMW-07")
def test_a_hedge_between_coins_has_relief_only_where_they_move_together() -> None:
    held = {PERP: 1.0, ETH: -28.0}
    calm = require(held, model(offsets={"BTC-ETH": {"low": 0.8, "high": 0.9}}))
    # 11,200 each; together nothing is lost, so 0.8 of both is relieved down to the floors
    assert amount(calm, "scan") == pytest.approx(2 * 11_200)
    assert amount(calm, "offsets") == pytest.approx(-0.8 * 2 * 11_200)
    apart = require(held, model(offsets={"BTC-ETH": {"low": 0.0, "high": 0.9}}))
    assert amount(apart, "offsets") == 0.0
    both_long = require({PERP: 1.0, ETH: 28.0}, model(offsets={"BTC-ETH": {"low": 0.8, "high": 0.9}}))
    assert amount(both_long, "offsets") == 0.0
    floor = require(held, model(offsets={"BTC-ETH": {"low": 1.0, "high": 1.0}}))
    # the minimum delta charge of both stays: two per cent of 140,000
    assert floor.component("scan").initial + amount(floor, "offsets") == pytest.approx(0.02 * 140_000)
    assert sum(s.initial for s in calm.component("offsets").shares) == pytest.approx(amount(calm, "offsets"))


@pytest.mark.rule("PRBMW-08")
@pytest.mark.parametrize(
    ("offsets", "told"),
    [
        ({"ETH-BTC": {"low": 0.1, "high": 0.2}}, "in order"),
        ({"BTC": {"low": 0.1, "high": 0.2}}, "two underlyings"),
        ({"BTC-ETH": {"low": 0.3, "high": 0.2}}, "at most high"),
        (
            {
                "A-B": {"low": 0.9, "high": 0.9},
                "A-C": {"low": 0.9, "high": 0.9},
                "B-C": {"low": -0.9, "high": 0.9},
            },
            "correlation matrix",
        ),
    ],
)
def test_tables_that_cannot_be_are_refused(offsets: dict[str, Any], told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        model(offsets=offsets)


DEPTH = {PERP: {"bids": [[69_990.0, 5.0], [69_900.0, 20.0]], "asks": [[70_010.0, 5.0], [70_100.0, 20.0]]}}


@pytest.mark.rule("PRBMW-09", "PRBMW-10", "PRBMW-13")
def test_size_costs_more_than_in_proportion_and_reacts_to_the_book() -> None:
    used = model()
    small = require({PERP: 0.5}, used)
    assert amount(small, "close_out") == 0.0
    assert "no order book of BTC: the square-root law alone" in small.notes
    deep = market(depth=DEPTH)
    costs = [amount(require({PERP: q}, used, deep, collateral={"USDC": 1e9}), "close_out") for q in (10.0, 20.0, 40.0)]
    assert 0 < 2 * costs[0] < costs[1]
    assert 2 * costs[1] < costs[2]
    gone = {PERP: {"bids": [[60_000.0, 1.0]], "asks": [[80_000.0, 1.0]]}}
    thin = amount(require({PERP: 20.0}, used, market(depth=gone), collateral={"USDC": 1e9}), "close_out")
    assert thin > costs[1]
    spread = amount(require({PERP: 20.0, CALL: -30.0}, used, deep, collateral={"USDC": 1e9}), "close_out")
    assert spread > costs[1]


@pytest.mark.rule("PRBMW-11")
def test_what_takes_days_to_close_is_scanned_over_days() -> None:
    used = model(liquidity__participation=0.05, liquidity__days=1.0)
    coins = 4.0 * 0.05 * 740_000_000.0 / 70_000.0
    r = require({PERP: coins}, used, collateral={"USDC": 1e10})
    assert amount(r, "stretch") == pytest.approx(amount(r, "scan"), rel=1e-9)
    assert amount(require({PERP: 1.0}, used), "stretch") == 0.0


@pytest.mark.rule("PRBMW-12")
@given(st.lists(st.floats(-500.0, 500.0), min_size=1, max_size=4))
def test_dividing_a_position_over_accounts_of_one_owner_lowers_nothing(parts: list[float]) -> None:
    used, at = model(), market(depth=DEPTH)
    sizes = [round(q, 3) for q in parts]
    whole = {s: sum(q for q in sizes if (q > 0) is s) for s in (True, False)}
    together = sum(
        amount(require({PERP: q}, used, at, collateral={"USDC": 1e9}), "close_out") for q in whole.values() if q
    )
    accounts = [book({PERP: q} if q else {}, collateral={"USDC": 1e9}) for q in sizes]
    divided = sum(amount(r, "close_out") for r in used.requirements(accounts, at))
    assert divided == pytest.approx(together, rel=1e-9, abs=1e-6)


@pytest.mark.rule("PRBMW-13")
def test_an_underlying_without_data_is_named() -> None:
    r = require({PERP: 1.0}, model(liquidity__markets={}))
    assert "no liquidity data for BTC: its close-out is not charged" in r.notes
    assert amount(r, "close_out") == 0.0


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_components_and_shares_add_up_and_order_is_irrelevant(held: list[float]) -> None:
    names = [CALL, PUT, PERP, ETH]
    rows = dict(zip(names, held, strict=True))
    used = model()
    r = require(rows, used, collateral={"USDC": 1e6, "BTC": 0.5})
    for c in r.components:
        assert sum(s.initial for s in c.shares) == pytest.approx(c.initial, rel=1e-9, abs=1e-6)
        assert c.maintenance == pytest.approx(0.0 if c.name == "haircuts" else 0.5 * c.initial, rel=1e-9, abs=1e-9)
    back = require(dict(reversed(rows.items())), used, collateral={"USDC": 1e6, "BTC": 0.5})
    assert back.initial == pytest.approx(r.initial, rel=1e-12)
    assert r.initial >= 0


def test_an_option_settled_in_coin_and_unknown_collateral() -> None:
    inverse = option(70_000, True, settlement="inverse", currency="BTC", name="BTC-70000-C-COIN", expiry=MONTH)
    content = market_doc()
    content["instruments"].append(inverse)
    content["marks"][inverse["name"]] = {"vol": 0.6}
    at = pl.Market.from_dict(content)
    r = model().requirement(book({inverse["name"]: -1.0}, collateral={"BTC": 1.0}), at)
    assert np.isfinite(r.initial)
    with pytest.raises(DocumentError, match=r"account\.collateral\.DOT"):
        model().requirement(book({}, collateral={"DOT": 1.0}), at)
