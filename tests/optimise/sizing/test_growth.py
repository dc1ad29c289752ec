"""Sizes that grow fastest: against the closed form, a grid and loops, and what holds of their bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

import plimsoll as pl
from hedge_desks import chain
from naive.kelly import growth, one_bet
from plimsoll.documents import DocumentError
from plimsoll.margin.forms.expression import Tail, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.optimise.sizing import Bets, Leverage, grow_within, tangent


def lattice(count: int) -> np.ndarray:
    """Equally likely normal numbers."""
    return np.asarray(ndtri((np.arange(count) + 0.5) / count))


def random_bets(seed: int, assets: int, paths: int = 400) -> Bets:
    rng = np.random.default_rng(seed)
    mean = rng.normal(0.004, 0.01, assets)
    gain = np.exp(mean + 0.1 * rng.standard_normal((paths, assets)) + 0.06 * rng.standard_normal((paths, 1))) - 1.0
    weight = rng.uniform(0.2, 1.0, paths)
    return Bets(tuple(f"C{i}" for i in range(assets)), gain, weight / weight.sum())


@pytest.mark.parametrize(("mean", "sigma"), [(0.2, 0.6), (-0.3, 0.9), (0.05, 0.4)])
def test_one_log_normal_asset_is_mean_over_variance(mean: float, sigma: float) -> None:
    z, years = lattice(20_001), 1.0 / 365.0 / 24.0
    gain = np.exp((mean - 0.5 * sigma**2) * years + sigma * np.sqrt(years) * z) - 1.0
    bets = Bets.equal(("BTC",), gain[:, None])
    found, _ = grow_within(bets, [], np.array([-5.0]), np.array([5.0]))
    assert found.size[0] == pytest.approx(mean / sigma**2, rel=2e-3)
    assert found.size[0] == pytest.approx(one_bet(gain.tolist(), bets.weight.tolist(), -5.0, 5.0), rel=1e-5)
    assert found.growth == pytest.approx(0.5 * mean**2 / sigma**2 * years, rel=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_no_size_of_a_grid_is_better(seed: int) -> None:
    bets = random_bets(seed, 2, 120)
    limit = Leverage(0.8 + 0.5 * seed)
    low, high = np.array([-1.0, 0.0]), np.array([3.0, 2.0])
    found, _ = grow_within(bets, [limit], low, high)
    gains, weights = bets.gain.tolist(), bets.weight.tolist()
    best = max(
        growth(gains, weights, (x, y))
        for x in np.linspace(-1.0, 3.0, 41).tolist()
        for y in np.linspace(0.0, 2.0, 21).tolist()
        if abs(x) + abs(y) <= limit.most
    )
    assert best <= found.growth + 1e-10
    assert best >= found.growth - 0.01
    assert found.growth == pytest.approx(growth(gains, weights, found.size.tolist()), abs=1e-12)
    assert np.abs(found.size).sum() <= limit.most
    assert found.gap <= 1e-8


@given(st.integers(0, 10_000), st.integers(1, 5), st.floats(0.05, 4.0))
def test_a_bound_is_above_every_size_within_the_limits(seed: int, assets: int, leverage: float) -> None:
    bets = random_bets(seed, assets, 100)
    low, high = np.full(assets, -2.0), np.full(assets, 2.0)
    found, price = grow_within(bets, [Leverage(leverage)], low, high)
    assert -1e-15 <= found.gap <= 1e-7 * max(1e-3, abs(found.growth))
    assert price["leverage"] >= 0.0
    rng = np.random.default_rng(seed + 1)
    for _ in range(20):
        other = rng.uniform(low, high)
        other *= min(1.0, leverage / np.abs(other).sum())
        assert bets.growth(other) <= found.bound + 1e-12


def test_the_price_of_leverage_is_what_a_little_more_of_it_brings() -> None:
    bets = random_bets(5, 3)
    low, high = np.full(3, -5.0), np.full(3, 5.0)
    (less, _), (here, price), (more, _) = (grow_within(bets, [Leverage(m)], low, high) for m in (0.49, 0.5, 0.51))
    assert price["leverage"] > 0.0
    assert (more.growth - less.growth) / 0.02 == pytest.approx(price["leverage"], rel=1e-3)
    assert less.growth < here.growth < more.growth


RULES = ("prbm@2026-01-01", "dsa@2026-01-01", "okx-pm@2026-01-01")
"""Rows, absolute sizes, and bought contracts that may be given up."""


@pytest.mark.parametrize("label", RULES)
def test_a_tangent_lies_below_its_form(label: str) -> None:
    rng = np.random.default_rng(3)
    market, model = chain(rng), pl.margin_model(label)
    universe = Universe.of(model, tuple(c.name for c in market.instruments), market)
    names = [n for n, t in zip(universe.names, universe.taken.tolist(), strict=True) if t]
    forms = model.forms(names, market, 50.0)
    form = forms.solver if forms.solver.convex else forms.proof
    assert form.convex
    assert form.expression is not None
    for _ in range(40):
        here, other = rng.normal(0.0, 10.0, (2, len(names))) * (rng.random((2, len(names))) < 0.6)
        value, slope = tangent(form.expression, here)
        assert value == pytest.approx(form.at(here), rel=1e-12, abs=1e-9)
        assert form.at(other) >= value + slope @ (other - here) - 1e-9 * (1.0 + abs(value))


def test_a_tangent_lies_below_a_tail() -> None:
    rng = np.random.default_rng(8)
    tail = Tail(Worst.signed(range(4), rng.normal(size=(60, 4))), 2.5)
    for here, other in rng.normal(size=(50, 2, 4)):
        value, slope = tangent(tail, here)
        assert value == pytest.approx(tail.at(here), rel=1e-12)
        assert tail.at(other) >= value + slope @ (other - here) - 1e-12


def test_bad_input_is_named() -> None:
    bets = random_bets(1, 2)
    with pytest.raises(DocumentError, match=r"gain\[0\].A"):
        Bets.equal(("A",), np.array([[np.nan]]))
    with pytest.raises(DocumentError, match="sum to one"):
        Bets(("A",), np.array([[0.1]]), np.array([0.5]))
    with pytest.raises(DocumentError, match="zero between them"):
        grow_within(bets, [], np.array([0.5, 0.0]), np.ones(2))
    with pytest.raises(DocumentError, match=r"limits.leverage"):
        grow_within(bets, [Leverage(0.0)], -np.ones(2), np.ones(2))
