"""The certified error of the expansion: never below the true one, and close to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from dsa_toy import columns, naive_gain, points, quadratic_at, toy
from plimsoll.feeds import demo_account, demo_market
from plimsoll.margin import open_book
from plimsoll.margin.house.dsa import Dsa
from plimsoll.risk import plan_pnl
from random_books import SOME, World, worlds
from rule_books import DAY, Desk

LAW = {"vol_power_short": 0.3, "vol_power_long": 0.13}


def check(model: Dsa, account: pl.Account, market: pl.Market, seed: int, count: int = 1_500) -> list[float]:
    """Hold every core to points of the box; returns bound / largest error met, one for each underlying."""
    book = open_book(account, market)
    x, y = points(model, count, seed)
    unit = plan_pnl(book.plan, columns(model, x, y), "usd", book.quantity)
    ratios = []
    for core in model.cores(book):
        mine = np.array([c.underlying == core.underlying for c in book.plan.contracts])
        gain = book.quantity[mine] @ unit[mine]
        error = float(np.abs(gain - quadratic_at(core.quadratic, x, y)).max())
        assert error <= core.check.bound
        assert core.check.seen <= core.check.bound
        loss = max(0.0, float(-gain.min()))
        assert loss <= core.check.worst + core.check.gap
        # what follows from it: both branches of the charge are as close to the truth as they say
        assert loss <= core.expansion + core.check.bound
        ratios.append(core.check.bound / max(error, core.check.seen, 1e-300))
    return ratios


@pytest.mark.rule("DSA-08", "DSA-10")
@given(worlds(styles=("linear", "inverse", "quanto")), st.integers(0, 10_000))
def test_no_point_of_the_box_errs_by_more_than_the_bound(world: World, seed: int) -> None:
    check(toy(**LAW), pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market()), seed)


@pytest.mark.rule("DSA-08")
@given(worlds(kinds=("option",), underlyings=("BTC",), most=6), st.integers(0, 10_000), st.sampled_from([1, 3, 16]))
def test_neither_does_it_on_a_coarse_grid_or_where_volatility_is_cut_off(world: World, seed: int, cells: int) -> None:
    wild = toy(**LAW, grid__spot_cells=cells, grid__vol_cells=1, box__vol_down=0.9, box__vol_up=2.0, box__move=0.5)
    check(wild, pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market()), seed)


@pytest.mark.rule("DSA-08")
@SOME
@given(worlds(), st.floats(-1.0, 1.0), st.floats(0.0, 1.0))
def test_the_bound_holds_against_the_naive_revaluation(world: World, across: float, along: float) -> None:
    model = toy(**LAW)
    x = 0.16 * across
    y = -0.22 + 0.62 * along
    gross = sum(abs(leg.quantity * leg.multiplier) * max(leg.strike, 70_000.0) for leg in world.legs)
    book = open_book(pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market()))
    for core in model.cores(book):
        gain = naive_gain(world, model.rules.parameters, core.underlying, x, y)
        assert abs(gain - quadratic_at(core.quadratic, x, y)) <= core.check.bound + 1e-12 * gross
        assert -gain <= core.check.worst + core.check.gap + 1e-12 * gross


@pytest.mark.rule("DSA-08")
@pytest.mark.parametrize("seconds", [60.0, 900.0, 3_600.0, DAY, 7 * DAY])
@pytest.mark.parametrize("strike", [86.3, 99.9, 100.0, 103.21, 113.3])
def test_short_gamma_near_expiry(seconds: float, strike: float) -> None:
    desk = Desk(cash="USD")
    desk.add_expiry(seconds)
    desk.add_option(-3.0, strike, True, seconds, 0.7)
    desk.add_option(-2.0, strike, False, seconds, 0.7)
    desk.add_option(1.0, 1.01 * strike, True, seconds, 0.9, settlement="inverse", currency="BTC")
    ratio = check(toy(**LAW, grid__spot_cells=32, grid__vol_cells=6), desk.account, desk.market, 1, 20_000)
    assert ratio[0] < 1.25


@pytest.mark.rule("DSA-08")
def test_a_payoff_that_hides_between_the_nodes_is_bounded_all_the_same() -> None:
    """A sold butterfly of a minute, narrower than a cell: no node sees it, the expansion neither."""
    desk = Desk(cash="USD")
    desk.add_expiry(60.0)
    for quantity, strike in ((-1.0, 110.4), (2.0, 110.5), (-1.0, 110.6)):
        desk.add_option(quantity, strike, True, 60.0, 0.3)
    model = toy(**LAW)
    book = open_book(desk.account, desk.market)
    found = model.cores(book)[0].check
    unit = plan_pnl(book.plan, columns(model, np.array([0.105]), np.zeros(1)), "usd", book.quantity)
    hidden = -float(book.quantity @ unit[:, 0])
    assert hidden > 0.05
    assert max(found.seen, found.worst) < 0.01 * hidden
    assert found.bound >= hidden
    assert found.gap >= hidden - found.worst


@pytest.mark.rule("DSA-08")
def test_on_the_sample_book_the_bound_is_nearly_the_error() -> None:
    ratio = check(pl.margin_model("dsa@2026-03-27"), demo_account(), demo_market(), 3, 20_000)  # type: ignore[arg-type]
    assert 1.0 <= ratio[0] < 1.02


@pytest.mark.rule("DSA-08")
def test_futures_alone_err_by_rounding_only() -> None:
    desk = Desk(cash="USD")
    desk.add_expiry(30 * DAY)
    desk.add_future(3.0, 30 * DAY, 101.0)
    desk.add_perpetual(-500.0, 99.0, settlement="inverse", currency="BTC")
    core = toy().cores(open_book(desk.account, desk.market))[0]
    assert core.check.bound < 1e-9
    assert not toy(tolerance=0.0).cores(open_book(desk.account, desk.market))[0].full
