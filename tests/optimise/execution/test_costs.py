"""Costs as distributions and impact from books: moments against closed forms, fits against walks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.laboratory.liquidity import Calm
from plimsoll.market.order_book import OrderBook
from plimsoll.optimise.execution import ChainCost, ExecutionTerms, Orders, book_impact, cost_law
from plimsoll.optimise.execution.covariance import factor_covariance
from plimsoll.optimise.execution.impact import calm_slope, fitted

CHAIN = ChainCost(gas_usd=5.0, gas_spread=0.7, mev=0.001, mev_spread=0.9)


def test_mean_and_spread_are_those_of_the_draws() -> None:
    orders = [Orders(CHAIN, np.array([1e5, 2e5, 5e4]))]
    law = cost_law(1_000.0, 250.0**2, 80.0**2, orders, seed=1, draws=400_000)
    assert law.gas == pytest.approx(15.0)
    assert law.mev == pytest.approx(350.0)
    assert law.mean == pytest.approx(1_365.0)
    random = np.random.default_rng(5)
    z = random.standard_normal((6, 400_000))
    each = np.array([100.0, 200.0, 50.0])[:, None] * np.exp(0.9 * z[:3] - 0.5 * 0.81)
    drawn = 1_000.0 + 250.0 * z[3] + 80.0 * z[4] + 15.0 * np.exp(0.7 * z[5] - 0.5 * 0.49) + each.sum(axis=0)
    assert law.mean == pytest.approx(float(drawn.mean()), rel=3e-3)
    assert law.sd == pytest.approx(float(drawn.std()), rel=0.02)
    assert law.q95 == pytest.approx(float(np.quantile(drawn, 0.95)), rel=5e-3)


def test_of_prices_alone_the_quantile_is_that_of_the_normal_law() -> None:
    law = cost_law(100.0, 9.0, 16.0, [], draws=400_000)
    assert (law.mean, law.sd) == (100.0, 5.0)
    assert law.q95 == pytest.approx(100.0 + 1.6449 * 5.0, abs=0.05)
    assert cost_law(100.0, 0.0, 0.0, []).q95 == 100.0


def test_equal_seeds_equal_bits() -> None:
    one, two = (cost_law(1.0, 4.0, 1.0, [Orders(CHAIN, np.array([10.0]))], seed=9) for _ in range(2))
    assert one == two
    assert cost_law(1.0, 4.0, 1.0, [Orders(CHAIN, np.array([10.0]))], seed=8).q95 != one.q95


def test_a_chain_goes_by_the_first_word_of_the_rules() -> None:
    terms = ExecutionTerms()
    assert terms.chain("gmx-v2@2025-01-01").gas_usd > 0.0
    assert terms.chain("deribit-pm@2026-01-30") == ChainCost()
    assert terms.evidence == "assumed"


@given(st.floats(0.0, 3.0), st.floats(0.0, 0.4))
def test_the_fit_finds_what_is_there(spread: float, slope: float) -> None:
    sizes = np.linspace(0.5, 20.0, 30)
    found = fitted(sizes, spread * sizes + slope * sizes**2)
    assert found == pytest.approx((spread, slope), abs=1e-9)


def test_the_fit_has_no_number_below_zero() -> None:
    sizes = np.linspace(1.0, 10.0, 10)
    assert fitted(sizes, 5.0 * sizes - 0.1 * sizes**2) == pytest.approx((4.45, 0.0))
    spread, slope = fitted(sizes, sizes**3)
    assert spread == 0.0
    assert slope > 0.0


def test_a_book_of_equal_levels_is_a_parabola() -> None:
    asks = {100.5 + 0.01 * k: 0.1 for k in range(2000)}
    book = OrderBook.of(0, {99.5: 1.0}, asks)
    found = book_impact(book, 100.0, buy=True)
    # half a dollar to the first offer, then a cent for each tenth of a coin: 0.05 dollars a coin squared
    assert found.spread == pytest.approx(0.5, abs=0.01)
    assert found.slope == pytest.approx(0.05, rel=0.01)
    assert found.of(-40.0) == pytest.approx(book.cost(40.0)[0], rel=0.01)
    with pytest.raises(DocumentError, match="quantity of the book"):
        book_impact(book, 300.0, buy=True)
    with pytest.raises(DocumentError, match="most"):
        book_impact(book, 0.0, buy=True)


def test_depth_that_grows_in_proportion_has_one_slope() -> None:
    calm = Calm(moves=(0.001, 0.002, 0.01), depth=(1e6, 2e6, 1e7), refill=0.5)
    # a move of v / 1e9 at v dollars: half a billionth by dollar squared, within the moves and beyond them
    for notional in (1e4, 1.5e6, 9e6, 4e7):
        assert calm_slope(calm, notional) == pytest.approx(5e-10, rel=1e-9)


@given(st.floats(0.0, 1.0), st.floats(-1.0, 1.0), st.integers(1, 4))
def test_factors_have_a_covariance(correlation: float, tie: float, coins: int) -> None:
    terms = ExecutionTerms(correlation=correlation, spot_vol=tie)
    found = factor_covariance(np.linspace(0.3, 0.9, coins), terms)
    assert found == pytest.approx(found.T)
    assert np.linalg.eigvalsh(found).min() >= -1e-12
    with pytest.raises(DocumentError, match="correlation"):
        ExecutionTerms.from_dict(terms.to_dict() | {"correlation": -0.1})
