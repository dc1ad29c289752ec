"""Keeper economics, the fee that makes them act, the overhead of many at once, and the schedule of a sale."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.close_out import kept_after, least_premium, lost_together
from plimsoll.documents import DocumentError
from plimsoll.liquidation.mechanisms import Impact, holdings, overhead, trades
from plimsoll.liquidation.mechanisms.keepers import (
    Action,
    BorrowRate,
    Fee,
    Stress,
    acts,
    calibrated,
    cheapest,
    interval,
    needed_premium,
    order_for,
    participation,
)
from plimsoll.liquidation.mechanisms.overhead import separate
from random_books import SOME


def test_a_keeper_acts_when_the_fee_covers_everything() -> None:
    action = Action(gas=5.0, slippage=4.0, capital=1.0, profit=2.0)
    assert action.cost == 12.0
    assert acts(12.0, action)
    assert not acts(math.nextafter(12.0, 0.0), action)


def test_the_borrow_rate_bends_at_the_kink() -> None:
    rate = BorrowRate(base=0.01, slope=0.04, steep=1.0, kink=0.8)
    at = rate.at(np.array([0.0, 0.4, 0.8, 0.9, 1.0]))
    assert at == pytest.approx([0.01, 0.03, 0.05, 0.55, 1.05])
    many = rate.at(np.linspace(0.0, 1.0, 201))
    assert (np.diff(many) > 0.0).all()
    for wrong in (-0.1, 1.1):
        with pytest.raises(DocumentError, match="parts from zero to one"):
            rate.at(wrong)


def test_the_least_fee_is_an_order_statistic() -> None:
    draws = Stress().draw(3_000, seed=5)
    found = calibrated(draws, base=5.0, refund=1.0)
    paid = found.fee.paid(draws) >= draws.cost - 1e-9
    assert paid.sum() >= found.order
    assert found.participation == pytest.approx(paid.mean(), abs=1e-12)
    # one draw less, and it would not be enough: nothing below this premium is
    assert found.before < found.participation
    assert found.before * 3_000 <= found.order - 1
    less = Fee(5.0, 1.0, math.nextafter(found.fee.premium, 0.0))
    done = [(5.0 + draws.gas + p * draws.value >= draws.cost).sum() for p in (less.premium * (1 - 1e-12),)]
    assert done[0] < found.order
    # bisection on how many act ends at the same number
    twin = least_premium(draws.cost.tolist(), draws.gas.tolist(), draws.value.tolist(), 5.0, 1.0, found.order)
    assert found.fee.premium == pytest.approx(twin, rel=1e-9)


def test_the_level_holds_on_fresh_draws() -> None:
    fee = calibrated(Stress().draw(20_000, seed=1), level=0.99, certainty=0.99).fee
    fresh = Stress().draw(200_000, seed=2)
    (share, error), *_ = participation([fee], fresh)
    # of 200,000 fresh ones at least 99 % are done, to three standard errors
    assert share >= 0.99 - 3.0 * error
    # and it is the least: a tenth less is not enough
    (below, error), *_ = participation([Fee(fee.base, fee.refund, 0.9 * fee.premium)], fresh)
    assert below < 0.99 - 3.0 * error


@pytest.mark.parametrize(("size", "level", "certainty"), [(459, 0.99, 0.99), (1_000, 0.99, 0.99), (500, 0.9, 0.95)])
def test_the_order_bounds_the_quantile(size: int, level: float, certainty: float) -> None:
    order = order_for(size, level, certainty)

    def chance(r: int) -> float:
        """That the r-th smallest of `size` draws is at or above the quantile: fewer than r lie below it."""
        return math.fsum(math.comb(size, k) * level**k * (1.0 - level) ** (size - k) for k in range(r))

    assert chance(order) >= certainty
    assert chance(order - 1) < certainty


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(DocumentError, match="at least 459"):
        order_for(458, 0.99, 0.99)
    with pytest.raises(DocumentError, match="level"):
        calibrated(Stress().draw(1_000, seed=1), level=1.0)
    with pytest.raises(DocumentError, match="range from low to high"):
        Stress(utilisation=(0.9, 0.1)).draw(10, seed=1)


@given(st.floats(0.0, 50.0), st.floats(0.0, 1.0), st.integers(0, 10_000))
@SOME
def test_more_of_any_part_of_the_fee_never_loses_a_keeper(base: float, refund: float, seed: int) -> None:
    draws = Stress().draw(500, seed)
    needed = needed_premium(draws, base, refund)
    assert (needed >= needed_premium(draws, base + 1.0, refund)).all()
    assert (needed >= needed_premium(draws, base, min(1.0, refund + 0.1))).all()
    shares = [x for x, _ in participation([Fee(base, refund, p) for p in (0.0, 0.01, 0.05, 0.2)], draws)]
    assert shares == sorted(shares)


def test_wilsons_interval() -> None:
    z = 1.959963984540054
    for share, size in ((0.99, 10_000), (0.5, 20), (0.0, 50), (1.0, 50)):
        low, high = interval(share, size)
        assert 0.0 <= low <= share <= high <= 1.0
        for end in (low, high):
            # at its ends what was counted is z standard deviations away
            assert (share - end) ** 2 == pytest.approx(z * z * end * (1.0 - end) / size, rel=1e-9, abs=1e-15)


def _accounts(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    coins = np.exp(random.normal(0.0, 1.0, size))
    return coins * 60_000.0 * random.uniform(-0.002, 0.02, size), coins


@given(st.integers(1, 60), st.integers(0, 1_000), st.floats(0.0, 2.0))
@SOME
def test_overhead_is_zero_at_nothing_and_never_falls(size: int, seed: int, slope: float) -> None:
    equity, coins = _accounts(size, seed)

    def cost(sold: float) -> float:
        return 3.0 * sold + slope * sold**1.5

    found = overhead(equity, coins, cost, np.linspace(0.0, 1.0, 13).tolist(), posted=10.0)
    assert found.overhead[0] == 0.0
    assert (np.diff(found.overhead) >= -1e-9).all()
    # with every account by itself in a whole book less is lost than with all of them together
    assert separate(equity, coins, cost) <= found.loss[-1] + 1e-9
    each = cost(float(coins.sum())) / float(coins.sum())
    assert found.loss[-1] == pytest.approx(lost_together(equity.tolist(), coins.tolist(), each))
    assert found.deficit[-1] == pytest.approx(lost_together(equity.tolist(), coins.tolist(), 0.0))
    assert found.failed[-1] == sum(e < each * q for e, q in zip(equity, coins, strict=True))


def test_overhead_by_hand() -> None:
    # costs of one, four, nine for one, two, three coins: half of six accounts sell three coins for 3 each
    found = overhead(np.full(6, 2.0), np.ones(6), lambda q: q * q, [0.0, 1 / 3, 0.5, 1.0], posted=2.0)
    assert found.coins.tolist() == [0.0, 2.0, 3.0, 6.0]
    assert found.depth.tolist() == [0.0, 1.0, 1.5, 3.0]
    assert found.overhead.tolist() == [0.0, 0.0, 3.0, 24.0]
    assert found.failed.tolist() == [0, 0, 3, 6]
    # the order is that of the accounts, or of a seed
    owing = np.array([-5.0, 100.0])
    found = overhead(owing, np.ones(2), lambda q: 0.0 * q, [0.5], posted=1.0)
    assert found.deficit[0] == 5.0
    shuffled = [overhead(owing, np.ones(2), lambda q: 0.0 * q, [0.5], posted=1.0, seed=s) for s in range(9)]
    assert {float(x.deficit[0]) for x in shuffled} == {0.0, 5.0}
    for wrong, match in (
        (([1.0], [0.0], [0.5]), "sizes above zero"),
        (([1.0], [1.0, 2.0], [0.5]), "as many of both"),
        (([1.0], [1.0], [1.5]), "parts from zero to one"),
    ):
        with pytest.raises(DocumentError, match=match):
            overhead(np.array(wrong[0]), np.array(wrong[1]), lambda q: q, wrong[2], posted=1.0)


@given(st.floats(-1e4, 1e4), st.floats(1.0, 1e4), st.integers(1, 60), st.floats(0.0, 5.0))
def test_the_schedule_against_its_difference_equation(size: float, horizon: float, slices: int, urgency: float) -> None:
    kappa = urgency / horizon
    found = holdings(size, horizon, slices, kappa)
    twin = kept_after(size, horizon, slices, kappa)
    assert found == pytest.approx(twin, rel=1e-9, abs=1e-9 * max(1.0, abs(size)))
    assert (found[0], found[-1]) == (pytest.approx(size), 0.0)
    sold = trades(size, horizon, slices, kappa)
    assert sold.sum() == pytest.approx(size)
    # one side only, and never more than before
    assert (sold * np.sign(size) >= -1e-9 * abs(size)).all()
    assert (np.diff(sold * np.sign(size)) <= 1e-9 * max(1.0, abs(size))).all()


def test_the_limits_of_the_schedule() -> None:
    assert holdings(4.0, 1.0, 4, 0.0).tolist() == [4.0, 3.0, 2.0, 1.0, 0.0]
    # from slow to even without a seam
    for kappa in (1e-9, 1e-7, 1e-5):
        assert holdings(1.0, 1.0, 10, kappa) == pytest.approx(np.linspace(1.0, 0.0, 11), abs=1e-9)
    near = [holdings(1.0, 1.0, 10, k) for k in (0.999e-6, 1.001e-6)]
    assert near[0] == pytest.approx(near[1], abs=1e-15)
    # in a hurry everything goes in the first slice, and nothing overflows
    assert holdings(1.0, 1.0, 10, 1e4)[1:] == pytest.approx(np.zeros(10), abs=1e-300)
    for wrong in ((-1.0, 1.0, 5), (math.nan, 1.0, 5), (1.0, 0.0, 5), (1.0, 1.0, 0)):
        with pytest.raises(DocumentError):
            holdings(1.0, wrong[1], wrong[2], wrong[0])


@given(st.floats(0.1, 5.0), st.floats(0.0, 1.5), st.floats(0.01, 5.0), st.floats(1e-8, 1e-5), st.integers(2, 40))
@SOME
def test_the_schedule_is_the_best_there_is(
    temporary: float, share: float, sigma: float, aversion: float, slices: int
) -> None:
    size, horizon = 100.0, 60.0
    tau = horizon / slices
    impact = Impact(half_spread=0.05, temporary=temporary, permanent=share * temporary / tau, sigma=sigma)

    def objective(held: np.ndarray) -> float:
        return impact.expected_cost(held, tau) + aversion * impact.variance(held, tau)

    best = holdings(size, horizon, slices, impact.urgency(aversion, tau))
    least = objective(best)
    random = np.random.default_rng(slices)
    for _ in range(20):
        other = best.copy()
        other[1:-1] += random.normal(0.0, 2.0, slices - 1)
        assert objective(other) >= least - 1e-9 * abs(least)
    # evenly is cheapest in expectation, all at once the most certain; at once costs more than the schedule
    even, once = holdings(size, horizon, slices, 0.0), np.array([size] + [0.0] * slices)
    assert impact.expected_cost(even, tau) <= impact.expected_cost(best, tau) + 1e-9
    assert impact.expected_cost(best, tau) < impact.expected_cost(once, tau)
    assert impact.variance(once, tau) <= impact.variance(best, tau)
    assert impact.variance(best, tau) <= impact.variance(even, tau) + 1e-9


def test_cost_and_variance_by_hand() -> None:
    impact = Impact(half_spread=1.0, temporary=2.0, permanent=0.5, sigma=3.0)
    # 6, then 4 are sold in slices of 2 seconds: spread 10, permanent 0.5 * 6 * 4, temporary (36 + 16)
    held = np.array([10.0, 4.0, 0.0])
    assert impact.expected_cost(held, 2.0) == pytest.approx(10.0 + 12.0 + 52.0)
    assert impact.variance(held, 2.0) == pytest.approx(9.0 * 2.0 * 16.0)
    with pytest.raises(DocumentError, match="above half of permanent"):
        Impact(1.0, 0.5, 0.5, 1.0).urgency(1e-6, 2.0)


def test_the_cheapest_fee_is_the_least_there_is_over_base_and_premium() -> None:
    draws, fresh = Stress().draw(20_000, seed=11), Stress().draw(100_000, seed=12)
    bases = [25.0 * k for k in range(41)]
    found = cheapest(draws, bases)
    # a base pays here: neither none nor the largest is cheapest
    assert 0.0 < found.fee.base < bases[-1]
    # by hand on every second draw: the premium that the order statistic asks for, and what that pays
    value, gas = draws.value[::2], draws.gas[::2]
    cost = draws.cost[::2]
    means = {}
    for base in bases:
        needed = np.sort(np.maximum(0.0, cost - base - gas) / value)
        means[base] = base + gas.mean() + needed[order_for(10_000, 0.99, 0.99) - 1] * value.mean()
    assert found.fee.base == min(means, key=lambda b: means[b])
    # the premium is that of the other draws, which had no say in the base
    needed = np.sort(np.maximum(0.0, draws.cost[1::2] - found.fee.base - draws.gas[1::2]) / draws.value[1::2])
    assert found.fee.premium == pytest.approx(float(needed[found.order - 1]))
    ((share, error),) = participation([found.fee], fresh)
    assert share >= 0.99 - 3.0 * error
    with pytest.raises(DocumentError, match="at least one"):
        cheapest(draws, [])
    with pytest.raises(DocumentError, match="from zero up"):
        cheapest(draws, [-1.0])
