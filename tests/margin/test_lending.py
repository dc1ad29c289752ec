"""The lending pool: numbers by hand, the naive twin on random loans, its modes and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive.lending import lending
from plimsoll.liquidation import liquidation
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.rules import with_parameter
from random_books import SOME

RULES = pl.find_rules("lending@2025-01-01")
PRICES = {"ETH": 3_000.0, "WSTETH": 3_600.0, "BTC": 100_000.0, "USDC": 1.0, "USDT": 0.999, "USD": 1.0}
PRICES |= {"SOL": 200.0, "LINK": 20.0}
COINS = ("ETH", "BTC", "SOL", "LINK")
LENT = [a for a, x in RULES.parameters["assets"].items() if x["borrowable"]]
LONE = [a for a in LENT if RULES.parameters["assets"][a].get("isolation_borrowable")]


def market() -> pl.Market:
    head = {"schema": "plimsoll.market", "schema_version": 1, "time": "2025-02-01T00:00:00Z"}
    indices = {a: {"price": PRICES[a]} for a in COINS}
    return pl.Market.from_dict({**head, "indices": indices, "assets": {a: {"price": p} for a, p in PRICES.items()}})


def account(collateral: dict[str, float], borrowed: dict[str, float], emode: bool = False) -> pl.Account:
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross"}
    settings = {"emode": True} if emode else {}
    return pl.Account.from_dict({**head, "collateral": collateral, "borrowed": borrowed, "settings": settings})


def loan(collateral: dict[str, float], borrowed: dict[str, float], emode: bool = False) -> pl.Requirement:
    return pl.margin_model(RULES).requirement(account(collateral, borrowed, emode), market())


@st.composite
def loans(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, float], bool]:
    """Collateral, debts and mode that the pool can hold."""
    size = st.floats(0.01, 1e6)
    emode = draw(st.booleans())
    held = draw(st.dictionaries(st.sampled_from(list(RULES.parameters["assets"])), size, max_size=4))
    lent = LONE if set(held) == {"LINK"} else LENT
    if emode:
        category = draw(st.sampled_from(["ETH", "USD"]))
        lent = [a for a in lent if RULES.parameters["assets"][a].get("category") == category]
    owed = draw(st.dictionaries(st.sampled_from(lent), size, max_size=3)) if lent else {}
    for asset in draw(st.lists(st.sampled_from(lent), max_size=1)) if lent else []:
        if asset not in held:
            held[asset] = -draw(size)  # a negative balance is a loan
    return held, owed, emode


@pytest.mark.rule("LENDING-01", "LENDING-02", "LENDING-03", "LENDING-04", "LENDING-05", "LENDING-06")
@given(loans())
def test_every_amount_equals_the_twin(drawn: tuple[dict[str, float], dict[str, float], bool]) -> None:
    held, owed, emode = drawn
    found = loan(held, owed, emode)
    twin = lending(RULES.parameters, held, owed, PRICES, emode)
    assert found.net_equity == pytest.approx(twin["line"], rel=1e-12)
    assert found.maintenance == pytest.approx(twin["debt"], rel=1e-12)
    size = twin["line"] + twin["debt"]
    able = pytest.approx(twin["power"] - twin["debt"], rel=1e-11, abs=1e-11 * size)
    if twin["debt"] > 0.0:
        assert found.excess_initial == able
    else:
        assert (found.initial, found.workings["available"]) == (0.0, able)
    # what is less than a unit of the currency is no debt to the document
    if twin["health"] is None or found.charged.maintenance > 0:
        assert found.health == (None if twin["health"] is None else pytest.approx(twin["health"], rel=1e-12))
    for c in found.components:
        assert sum(s.initial for s in c.shares) == pytest.approx(c.initial, rel=1e-11, abs=1e-11 * size)


@SOME
@given(loans())
@pytest.mark.rule("LENDING-08")
def test_a_path_is_one_requirement_after_the_other(drawn: tuple[dict[str, float], dict[str, float], bool]) -> None:
    model, held = pl.margin_model(RULES), account(*drawn)
    states = States({"ETH": np.array([0.5, 1.0, 2.0]), "BTC": np.array([1.1, 1.0, 0.2])}, np.ones(3))
    (fast,) = model.along(held, market(), states)
    (slow,) = tracks_of(model.assess, held, market(), states)
    np.testing.assert_allclose(fast.equity, slow.equity, rtol=1e-12)
    np.testing.assert_allclose(fast.maintenance, slow.maintenance, rtol=1e-12)


@pytest.mark.rule("LENDING-01", "LENDING-02")
def test_ten_eth_against_dollars_by_hand() -> None:
    found = loan({"ETH": 10.0}, {"USDC": 20_000.0})
    assert found.health == pytest.approx(1.245)
    assert found.excess_initial == pytest.approx(4_000.0)
    assert found.workings["available"] == pytest.approx(4_000.0)
    assert loan({"ETH": 10.0}, {"USDC": 24_900.0}).excess_maintenance == pytest.approx(0.0, abs=1e-9)
    assert loan({"ETH": 10.0}, {}).health is None


@pytest.mark.rule("LENDING-01")
def test_the_line_is_where_the_health_factor_is_one() -> None:
    held = account({"ETH": 10.0}, {"USDC": 20_000.0})
    (pool,) = liquidation(pl.margin_model(RULES), held, market()).pools
    (line,) = pool.lines
    assert line.prices["ETH"] == pytest.approx(20_000.0 / (0.83 * 10.0), rel=1e-11)
    assert line.side == "falling"


@pytest.mark.rule("LENDING-04")
def test_no_more_coins_count_than_the_pack_has() -> None:
    found = loan({"SOL": 600_000.0}, {})
    assert found.net_equity == pytest.approx(500_000.0 * 200.0 * 0.7)


@pytest.mark.rule("LENDING-05")
def test_correlated_assets_count_for_more_where_all_debt_is_of_their_category() -> None:
    plain, mode = loan({"WSTETH": 10.0}, {"ETH": 8.0}), loan({"WSTETH": 10.0}, {"ETH": 8.0}, emode=True)
    assert (plain.health, mode.health) == (pytest.approx(1.215), pytest.approx(1.425))
    assert mode.excess_initial == pytest.approx(9_480.0)
    beside = loan({"WSTETH": 10.0, "BTC": 1.0}, {"ETH": 8.0}, emode=True)
    assert beside.net_equity == pytest.approx(0.95 * 36_000.0 + 78_000.0)
    assert loan({"WSTETH": 10.0}, {}, emode=True).net_equity == loan({"WSTETH": 10.0}, {}).net_equity
    with pytest.raises(pl.DocumentError, match=r"account.settings.emode.*ETH \(ETH\), USDC \(USD\)"):
        loan({"WSTETH": 10.0}, {"ETH": 1.0, "USDC": 1.0}, emode=True)
    with pytest.raises(pl.DocumentError, match=r"BTC \(no category\)"):
        loan({"WSTETH": 10.0}, {"BTC": 0.1}, emode=True)


@pytest.mark.rule("LENDING-06")
def test_an_isolated_asset_counts_alone_and_up_to_its_ceiling() -> None:
    alone = loan({"LINK": 400_000.0}, {"USDC": 1_500_000.0})
    assert alone.excess_initial == pytest.approx(500_000.0)
    assert alone.component("debt_ceiling").initial == pytest.approx(2_400_000.0)
    assert alone.health == pytest.approx(0.65 * 8e6 / 1.5e6)
    beside = loan({"LINK": 400_000.0, "ETH": 1.0}, {"USDC": 100.0})
    assert beside.net_equity == pytest.approx(0.83 * 3_000.0)
    assert any("counts for nothing beside other collateral: LINK" in n for n in beside.notes)
    with pytest.raises(pl.DocumentError, match=r"against LINK in isolation.*USDC, USDT, USD"):
        loan({"LINK": 10.0}, {"ETH": 0.01})


@pytest.mark.rule("LENDING-03", "LENDING-07")
@pytest.mark.parametrize(
    ("held", "owed", "words"),
    [
        ({"ETH": 1.0}, {"SOL": 1.0}, r"account.borrowed.SOL.*assets that can be borrowed"),
        ({"ETH": 1.0, "SOL": -1.0}, {}, r"account.collateral.SOL.*assets that can be borrowed"),
        ({"PEPE": 1.0}, {}, r"account.collateral.PEPE.*unknown_currency"),
        ({"ETH": 1.0}, {"PEPE": 1.0}, r"account.borrowed.PEPE.*unknown_currency"),
    ],
)
def test_loans_that_the_pool_does_not_make(held: Any, owed: Any, words: str) -> None:
    with pytest.raises(pl.DocumentError, match=words):
        loan(held, owed)


@pytest.mark.rule("LENDING-07")
@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("assets.ETH.ltv", 0.84, r"parameters.assets.ETH.ltv: got 0.84; allowed: at most the threshold"),
        ("assets.ETH.category", "GOLD", r"parameters.assets.ETH.category.*categories of the pack: ETH, USD"),
        ("categories.ETH.threshold", 0.94, None),
        ("categories.USD", {"ltv": 0.7, "threshold": 0.95}, "a category whose weights are not below those of USDC"),
    ],
)
def test_packs_that_do_not_hold_together(path: str, value: Any, words: str | None) -> None:
    changed = with_parameter(RULES, path, value)
    if words is None:
        assert pl.margin_model(changed).parameters.categories["ETH"].threshold == 0.94
        return
    with pytest.raises(pl.DocumentError, match=words):
        pl.margin_model(changed)


@pytest.mark.rule("LENDING-07")
def test_contracts_and_prices_that_are_not_there_are_refused() -> None:
    held = account({"ETH": 1.0}, {}).model_copy(update={"positions": (pl.Position(instrument="X", quantity=1.0),)})
    with pytest.raises(pl.DocumentError, match=r"account.positions\[0\].instrument.*no contracts"):
        pl.margin_model(RULES).requirement(held, market())
    bare = market().model_copy(update={"assets": {}})
    with pytest.raises(pl.DocumentError, match=r"market.assets.USDC"):
        pl.margin_model(RULES).requirement(account({"ETH": 1.0}, {"USDC": 1.0}), bare)
