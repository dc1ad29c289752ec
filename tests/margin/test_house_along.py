"""The house models along a path, all states at once, against one requirement after the other in the moved market."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import exotic_desk
import plimsoll as pl
from builders import CALL, account_doc, market_doc
from dsa_toy import toy
from line_books import Desk, listed
from plimsoll.documents import DocumentError
from plimsoll.margin.addons.haircuts import HaircutRule, counted
from plimsoll.margin.book import open_book
from plimsoll.margin.house.remainder import unit_errors, whole_box
from plimsoll.margin.house.steps import Steps
from plimsoll.margin.house.whole_along import counted_path
from plimsoll.margin.path import States, tracks_of
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.scenarios import VolRule, grid
from random_books import INDEX, SOME, World, worlds

HOUSE = ("prbm@2025-01-01", "prbm-whole@2025-01-01", "dsa@2025-01-01")


def gross(account: pl.Account, market: pl.Market) -> float:
    """A size in dollars beside which rounding is nothing."""
    prices = [max(i.price for i in market.indices.values())]
    rows = [
        abs(p.quantity) * float(getattr(market.contracts[p.instrument], "multiplier", 1.0)) for p in account.positions
    ]
    return (sum(rows) + sum(abs(x) for x in account.collateral.values())) * max(prices)


def same(model: pl.MarginModel, account: pl.Account, market: pl.Market, states: States) -> None:
    """Equal to 1e-9, and not because both went the slow way."""
    (fast,) = model.along(account, market, states)
    with np.errstate(all="ignore"):
        (slow,) = tracks_of(model.assess, account, market, states)
    assert fast.subject == slow.subject
    hair = 1e-12 * gross(account, market)
    np.testing.assert_allclose(fast.equity, slow.equity, rtol=1e-9, atol=hair)
    np.testing.assert_allclose(fast.maintenance, slow.maintenance, rtol=1e-9, atol=hair)


def states(*, coupled: bool) -> States:
    spot = np.array([1.0, 0.05, 0.6, 0.93, 1.07, 2.5, 40.0])
    vol = np.array([1.0, 2.4, 1.4, 1.0, 1.0, 0.8, 0.4]) if coupled else np.ones(7)
    return States({"BTC": spot, "ETH": spot**0.7} if coupled else {"BTC": spot}, vol)


@st.composite
def books(draw: st.DrawFn) -> tuple[pl.Account, pl.Market]:
    """A random book with entries, profits, funding, coins in the collateral and debts."""
    world: World = draw(worlds(most=6))
    content = world.account()
    for row, leg in zip(content["positions"], world.legs, strict=True):
        if leg.kind in ("future", "perpetual"):
            row |= draw(st.sampled_from([{}, {"entry_price": leg.mark * 0.9}, {"unrealised_pnl": 12.5}]))
        if leg.kind == "perpetual" and draw(st.booleans()):
            row["unsettled_funding"] = draw(st.floats(-5.0, 5.0))
    for coin in draw(st.sets(st.sampled_from(sorted(INDEX)))):
        content["collateral"][coin] = draw(st.floats(-3.0, 30.0))
    return pl.Account.from_dict(content), pl.Market.from_dict(world.market())


@SOME
@given(books(), st.sampled_from(HOUSE), st.booleans())
def test_a_path_is_one_requirement_after_the_other(
    book: tuple[pl.Account, pl.Market], pack: str, coupled: bool
) -> None:
    account, market = book
    assert Steps.of(open_book(account, market), states(coupled=coupled)) is not None
    same(pl.margin_model(pack), account, market, states(coupled=coupled))


@SOME
@given(books(), st.sampled_from([0.0, 1e-9, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 1e9]), st.sampled_from([0.0, 0.05]))
def test_the_switch_of_dsa_along_a_path(book: tuple[pl.Account, pl.Market], tolerance: float, rate: float) -> None:
    """Wherever the tolerance lies, the same of both charges is taken."""
    account, market = book
    haircuts = {"USDC": 0.0, "USD": 0.0, "BTC": 0.05, "ETH": 0.1}
    law = {"vol_power_short": 0.3, "vol_power_long": 0.13}
    model = toy(tolerance=tolerance, delta_rate=rate, haircuts=haircuts, min_delta__net=rate / 2, **law)
    same(model, account, market, states(coupled=True))


@cache
def market() -> pl.Market:
    return pl.Market.from_dict(listed())


@pytest.mark.parametrize("pack", HOUSE)
def test_accounts_of_the_sweeps_along_their_paths(pack: str) -> None:
    """Linear in three dollars and inverse, three coins, hedged and not."""
    offered = Desk.of(pl.find_rules(pack), market())
    for seed in range(6):
        account, at, path = offered.draw(f"along {seed}", turning=seed % 2 == 0)
        same(offered.model, account, at, path.at(np.array([0.01, 0.5, 0.9, 0.97, 1.0, 1.02, 1.3, 2.0, 30.0])))


def test_pairs_of_more_than_three_underlyings_along_a_path() -> None:
    """Beyond three the best pairing is a program for each state."""
    rules = pl.find_rules("prbm-whole@2025-01-01")
    coins = {"BTC": 70_000.0, "ETH": 2_500.0, "SOL": 150.0, "XRP": 2.0}
    content = rules.to_dict()
    row = {"low": 0.5, "high": 0.8}
    pairs = {f"{a}-{b}": row for a in coins for b in coins if a < b}
    content["parameters"]["offsets"] = pairs
    model = pl.margin_model(pl.Rules.from_dict(content))
    document = market_doc(
        indices={c: {"price": p} for c, p in coins.items()},
        instruments=[
            {"kind": "perpetual", "name": c, "underlying": c, "settlement": "linear", "currency": "USDC"} for c in coins
        ],
        marks={c: {"price": p} for c, p in coins.items()},
        expiries=[],
    )
    held = {"BTC": 1.0, "ETH": -25.0, "SOL": 400.0, "XRP": -30_000.0}
    account = pl.Account.from_dict(account_doc(held))
    spot = np.array([0.7, 1.0, 1.4])
    for moving in ({"BTC": spot}, dict.fromkeys(coins, spot)):
        same(model, account, pl.Market.from_dict(document), States(moving, np.ones(3)))


def test_what_is_refused_is_refused_along_a_path() -> None:
    at, one = pl.Market.from_dict(market_doc()), States({"BTC": np.array([1.0, 1.1])}, np.ones(2))
    for pack in HOUSE:
        model = pl.margin_model(pack)
        for content in (account_doc({}, collateral={"GOLD": 1.0}), account_doc({"BTC-NOTHING": 1.0})):
            account = pl.Account.from_dict(content)
            with pytest.raises(DocumentError) as fast:
                model.along(account, at, one)
            with pytest.raises(DocumentError) as slow:
                model.assess(account, at, "refuse")
            assert fast.value.problems == slow.value.problems
        held = pl.Account.from_dict(account_doc({at.instruments[0].name: -1.0}))
        for beyond in (1e303, 1e306, -1.0, 0.0):
            far = States({"BTC": np.array([1.0, beyond])}, np.ones(2))
            with np.errstate(all="ignore"), pytest.raises(DocumentError):
                model.along(held, at, far)
        assert model.along(held, at, States({"BTC": np.empty(0)}, np.empty(0))) == ()
        (nothing,) = model.along(pl.Account.from_dict(account_doc({})), at, one)
        assert nothing.maintenance.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("pack", HOUSE)
def test_exotic_options_go_the_slow_way(pack: str) -> None:
    at = pl.Market.from_dict(exotic_desk.market([exotic_desk.contract(x) for x in ("cash", "barrier-up-out")]))
    account = pl.Account.from_dict(account_doc({"cash": -1.0, "barrier-up-out": 2.0}))
    two = States({"BTC": np.array([0.9, 1.1])}, np.ones(2))
    assert Steps.of(open_book(account, at), two) is None
    same(pl.margin_model(pack), account, at, two)


@SOME
@example(0.0, 0.0, 1.7e-280, None)
@given(st.floats(-1e9, 1e9), st.floats(0.0, 1.0), st.floats(0.0, 0.3), st.none() | st.floats(1.0, 1e9))
def test_what_a_balance_counts_for_along_a_path(value: float, floor: float, vol: float, cap: float | None) -> None:
    rule = HaircutRule(floor=floor, daily_vol=vol, days=1.0, volume=1e8, impact=1.0, cap=cap)
    (found,) = counted_path(rule, np.array([value]), 2.33)
    assert found == pytest.approx(counted(rule, value, 2.33), rel=1e-12, abs=1e-9)


@SOME
@given(worlds(kinds=("option",), most=5), st.sampled_from([(0.3, 0.13), (0.0, 0.0), (1.0, 1.0)]))
def test_the_bound_over_the_whole_box_is_above_that_of_every_cell(world: World, powers: tuple[float, float]) -> None:
    at = pl.Market.from_dict(world.market())
    plan, rule = compile_plan(list(at.instruments), at), VolRule(*powers)
    spot, vol = np.linspace(-0.16, 0.16, 17), np.concatenate([np.linspace(-0.22, 0.0, 4), np.linspace(0.1, 0.4, 4)])
    side, everything = np.ones(len(plan)), np.ones(len(plan), dtype=bool)
    unit = plan_pnl(plan, grid((1.0 + spot).tolist(), vol.tolist(), vol_rule=rule), "usd", side)
    cells, size = unit_errors(plan, unit.reshape(len(plan), vol.size, spot.size), (spot, vol), rule, everything)
    coarse, large = whole_box(plan, (spot, vol), rule)
    assert (coarse >= cells.reshape(len(plan), -1).max(axis=1) * (1.0 - 1e-12)).all()
    assert (large >= size * (1.0 - 1e-12)).all()


@pytest.mark.parametrize("pack", HOUSE)
def test_smiles_along_a_path(pack: str) -> None:
    """Their wings are cut where their variance is small, whatever the factor of the states: those go the slow way."""
    for strike, follows in ((70_000.0, True), (1e-9, False)):
        document = market_doc()
        (row,) = (r for r in document["instruments"] if r["name"] == CALL)
        document["instruments"] = [row | {"strike": strike}]
        document["marks"] = {}
        price = 70_000.0
        smile = {"a": 0.01, "b": 0.1, "rho": 1.0, "m": 0.05, "sigma": 0.2, "forward": price, "tau": 0.1}
        for line in document["expiries"]:
            line["svi"] = smile
        at, account = pl.Market.from_dict(document), pl.Account.from_dict(account_doc({CALL: -1.0}))
        assert (Steps.of(open_book(account, at), states(coupled=True)) is not None) is follows
        same(pl.margin_model(pack), account, at, states(coupled=True))
