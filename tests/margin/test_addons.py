"""Offsets, liquidity and haircuts as plain functions, against loops and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.margin.addons.haircuts import HaircutRule, counted, haircut
from plimsoll.margin.addons.liquidity import Closing, Liquidity, LiquidityRule, shared
from plimsoll.margin.addons.offsets import Correlation, pair_charge, pairings, positive_semidefinite
from plimsoll.margin.period import MarginPeriod, stretch

RULE = LiquidityRule(impact=1.0, stress=0.5, free=0.001, participation=0.1, days=1.0, markets={})
MARKET = Liquidity(volume=1e8, daily_vol=0.04)
BOOK = [(99.0, 10.0), (98.0, 40.0), (95.0, 2_000.0)]


@pytest.mark.rule("PRBMW-06")
def test_relief_is_zero_without_correlation_and_not_with_it() -> None:
    long_short = np.array([[-100.0, 100.0], [90.0, -90.0]])
    table = {"A-B": Correlation(low=0.0, high=0.9)}
    assert pairings(["A", "B"], long_short, table) == ()
    assert pairings(["A", "B"], long_short, {"A-B": Correlation(low=-0.3, high=0.9)}) == ()
    assert pairings(["A", "B"], long_short, {}) == ()
    (pair,) = pairings(["A", "B"], long_short, {"A-B": Correlation(low=0.8, high=0.95)})
    # apart 190, together 10: 0.8 of the difference
    assert pair.relief == pytest.approx(0.8 * 180.0)


@pytest.mark.rule("PRBMW-06")
@given(st.floats(0, 1e6), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1))
def test_the_charge_of_a_pair_lies_between_together_and_apart(apart: float, part: float, low: float, up: float) -> None:
    row = Correlation(low=low, high=min(1.0, low + up))
    charge = pair_charge(apart, part * apart, row)
    assert part * apart - 1e-9 * apart <= charge <= apart * (1 + 1e-12)
    if low <= 0:
        assert charge == apart


@pytest.mark.rule("PRBMW-07")
@given(st.lists(st.lists(st.floats(-100, 100), min_size=4, max_size=4), min_size=2, max_size=4), st.floats(0, 1))
def test_pairs_use_each_underlying_once_and_the_order_is_irrelevant(rows: list[list[float]], rho: float) -> None:
    names = ["A", "B", "C", "D"][: len(rows)]
    table = {
        f"{a}-{b}": Correlation(low=rho * (0.5 + 0.1 * i), high=1.0)
        for i, (a, b) in enumerate((a, b) for a in names for b in names if a < b)
    }
    pnl = np.array(rows)
    found = pairings(names, pnl, table)
    used = np.zeros(len(names))
    for p in found:
        used[p.first] += p.weight
        used[p.second] += p.weight
    assert (used <= 1 + 1e-9).all()
    total = sum(p.relief for p in found)
    for order in permutations(range(len(names))):
        again = pairings([names[i] for i in order], pnl[list(order)], table)
        assert sum(p.relief for p in again) == pytest.approx(total, rel=1e-7, abs=1e-7)
    apart = float(np.maximum(0.0, -pnl.min(axis=1)).sum())
    assert total <= apart + 1e-9


@pytest.mark.rule("PRBMW-08")
def test_a_table_that_is_no_correlation_matrix_is_told_apart() -> None:
    good = {"A-B": Correlation(low=0.5, high=0.9), "A-C": Correlation(low=0.4, high=0.9)}
    assert positive_semidefinite(["A", "B", "C"], good, "low")
    bad = good | {"B-C": Correlation(low=-0.9, high=0.9)}
    assert not positive_semidefinite(["A", "B", "C"], bad, "low")


def naive_cost(size: float, levels: list[tuple[float, float]], steps: int = 400_000) -> float:
    """The integral of the marginal cost beyond the free part, by the midpoint rule."""
    volume, free = MARKET.volume / 100.0, RULE.free * MARKET.volume / 100.0
    total, low = 0.0, min(size, free)
    width = (size - low) / steps
    depth = sum(q for _, q in levels) * 0.5
    for k in range(steps):
        u = low + (k + 0.5) * width
        passed, marginal = 0.0, 0.0
        for price, coins in levels:
            marginal = max(marginal, abs(100.0 - price))
            passed += coins * 0.5
            if u <= passed:
                break
        if u > depth:
            marginal = max(marginal, 1.5 * RULE.impact * MARKET.daily_vol * 100.0 * math.sqrt(u / volume))
        total += marginal * width
    return total


@pytest.mark.rule("PRBMW-09")
@pytest.mark.parametrize("levels", [[], BOOK])
@pytest.mark.parametrize("size", [900.0, 1_500.0, 5_000.0, 800_000.0])
def test_closing_is_the_integral_of_its_marginal_cost(levels: list[tuple[float, float]], size: float) -> None:
    closing = Closing.of(RULE, MARKET, 100.0, levels)
    assert closing.cost(size) == pytest.approx(naive_cost(size, levels, 20_000), rel=2e-3, abs=0.05)


@pytest.mark.rule("PRBMW-09")
@given(
    st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0.1, 1e5)), max_size=6),
    st.lists(st.floats(0, 1e7), min_size=3, max_size=12),
)
def test_closing_is_free_when_small_never_falls_and_is_convex(
    steps: list[tuple[float, float]], sizes: list[float]
) -> None:
    price, levels = 100.0, []
    for down, coins in steps:
        price -= down
        levels.append((price, coins))
    closing = Closing.of(RULE, MARKET, 100.0, levels)
    assert closing.cost(closing.free) == 0.0
    ordered = sorted(set(sizes))
    costs = [closing.cost(s) for s in ordered]
    assert all(b >= a - 1e-9 * (1 + b) for a, b in pairwise(costs))
    for a, b in pairwise(ordered):
        middle = closing.cost((a + b) / 2)
        assert middle <= (closing.cost(a) + closing.cost(b)) / 2 * (1 + 1e-9) + 1e-6
    # less depth never costs less
    thin = Closing.of(RULE.model_copy(update={"stress": 0.9}), MARKET, 100.0, levels)
    assert all(thin.cost(s) >= c * (1 - 1e-9) - 1e-6 for s, c in zip(ordered, costs, strict=True))


@pytest.mark.rule("PRBMW-11")
def test_the_scan_grows_with_the_root_of_the_time() -> None:
    closing = Closing.of(RULE, MARKET, 100.0)
    assert closing.hours(100_000.0, RULE.participation) == pytest.approx(24.0)
    assert [stretch(MarginPeriod(close_out=24.0), h) for h in (0.0, 24.0, 216.0)] == [1.0, 1.0, 3.0]


def test_a_size_below_zero_and_a_price_of_zero_are_refused() -> None:
    with pytest.raises(DocumentError, match="size"):
        Closing.of(RULE, MARKET, 100.0).cost(-1.0)
    with pytest.raises(DocumentError, match="mid"):
        Closing.of(RULE, MARKET, 0.0)


@pytest.mark.rule("PRBMW-12")
@given(st.floats(0, 1e9), st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
def test_shares_of_an_owner_add_up(total: float, parts: list[float]) -> None:
    assert sum(shared(total, parts)) == pytest.approx(total if sum(parts) > 0 else 0.0)


COIN = HaircutRule(floor=0.02, daily_vol=0.05, days=0.25, volume=1e9, impact=1.0)


@pytest.mark.rule("PRBMW-03")
def test_the_haircut_is_the_larger_of_floor_and_fall_plus_impact() -> None:
    fall = 1.0 - math.exp(-2.33 * 0.05 * 0.5)
    assert haircut(COIN, 0.0, 2.33) == pytest.approx(fall, rel=1e-14)
    assert haircut(COIN, 1e7, 2.33) == pytest.approx(fall + 0.05 * 0.1, rel=1e-14)
    assert haircut(COIN.model_copy(update={"floor": 0.3}), 0.0, 2.33) == 0.3
    assert haircut(COIN, 1e15, 2.33) == 1.0


@pytest.mark.rule("PRBMW-03")
@given(st.floats(-1e11, 1e11), st.floats(0, 1e10))
def test_a_further_coin_never_lowers_what_counts(value: float, more: float) -> None:
    assert counted(COIN, value + more, 2.33) >= counted(COIN, value, 2.33) - 1e-6 * (abs(value) + more)
    assert counted(COIN, value, 2.33) <= value + 1e-9


@pytest.mark.rule("PRBMW-03")
def test_no_more_than_the_cap_counts() -> None:
    capped = COIN.model_copy(update={"cap": 1_000.0})
    assert counted(capped, 5_000.0, 2.33) == counted(capped, 1_000.0, 2.33) < 1_000.0
