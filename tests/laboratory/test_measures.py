"""Measures of cascades: intervals, thresholds, solvency, density, against numbers that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from cascade_fleets import fall, liquidity, random_fleet, rates
from plimsoll.documents import DocumentError
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.crowd_map import density_map
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.measures import (
    absorption,
    amplification,
    chance,
    depletion,
    largest,
    shrunk,
    smaller,
    solvency,
    survival,
    tolerance,
)
from plimsoll.laboratory.paths import shock_path
from plimsoll.laboratory.policy import RaisedRates
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.setup import CascadeVenue, Keepers
from plimsoll.margin.avsl import ThresholdRule
from plimsoll.scenarios.stress_path import StressPath

FLEET = random_fleet(np.random.default_rng(5), 150)
VENUE = CascadeVenue(insurance_fund=30_000.0)


def make(path: StressPath, market: Liquidity, venue: CascadeVenue) -> CascadeRun:
    return cascade(FLEET, path, market, venue, rates())


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_the_interval_has_half_of_what_is_left_on_either_side(counted: tuple[int, int], certainty: float) -> None:
    """Clopper-Pearson by its definition: at its ends the count or more (less) has just the tail's probability."""
    k, n = counted
    found = chance(k, n, certainty)
    tail = 0.5 * (1.0 - certainty)
    assert found.low <= found.share <= found.high
    if k:
        assert binom.sf(k - 1, n, found.low) == pytest.approx(tail, rel=1e-6)
    else:
        assert found.low == 0.0
    if k < n:
        assert binom.cdf(k, n, found.high) == pytest.approx(tail, rel=1e-6)
    else:
        assert found.high == 1.0


def test_survival_counts_runs_and_needs_a_fund() -> None:
    mild, hard = make(fall(-0.02), liquidity(), VENUE), make(fall(-0.5), liquidity(), VENUE)
    assert not mild.emptied
    assert hard.emptied
    found = survival([mild, hard, mild, mild])
    assert (found.survived, found.draws, found.share) == (3, 4, 0.75)
    assert depletion(hard) == 1.0
    assert depletion(mild) < 1.0
    none = make(fall(), liquidity(), CascadeVenue())
    for measure in (lambda: survival([none]), lambda: depletion(none)):
        with pytest.raises(DocumentError, match=r"insurance_fund: got 0.0; allowed: an amount above zero"):
            measure()
    with pytest.raises(DocumentError, match="insurance_fund"):
        tolerance(make, fall(), liquidity(), CascadeVenue())
    with pytest.raises(DocumentError, match="runs: got 'none'"):
        survival([])


def test_amplification_is_one_without_feedback() -> None:
    run = make(fall(-0.3), liquidity(), VENUE)
    assert (amplification(run) > 1.0).all()
    alone = cascade(FLEET, fall(-0.3), liquidity(), VENUE, rates(), feedback=False)
    assert amplification(alone).tolist() == [1.0, 1.0, 1.0]
    flat = make(fall(0.0), liquidity(), VENUE)
    assert np.isnan(amplification(flat)).all()


@given(st.floats(0.01, 0.99), st.integers(1, 16))
def test_a_threshold_is_enclosed(threshold: float, halvings: int) -> None:
    found = largest(lambda x: x <= threshold, 1.0, halvings=halvings)
    assert found.low <= threshold <= found.high
    assert found.high - found.low <= 2.0 / 8 * 0.5**halvings + 1e-12


def test_of_two_failures_the_smaller_one_is_found() -> None:
    found = largest(lambda x: not (0.3 < x < 0.45 or x > 0.8), 1.0)
    assert found.low <= 0.3 <= found.high
    assert largest(lambda _: True, 2.0).high == np.inf


def test_the_tolerance_is_a_shock_that_the_fund_survives_and_the_next_is_not() -> None:
    path = fall(-0.3)
    found = tolerance(make, path, liquidity(), VENUE, halvings=8)
    assert 0.0 < found.low < found.high < 3.0
    rich = tolerance(make, path, liquidity(), VENUE.model_copy(update={"insurance_fund": 3e7}), halvings=8)
    assert rich.low > found.low


def test_copies_of_accounts_are_one_against_a_part_of_everything() -> None:
    """Two copies of each account (numbers of their own, no delays) do to the price what one does at half the depth."""
    both = FLEET
    order = np.repeat(np.arange(150), 2)
    at = np.concatenate([np.arange(both.indptr[a], both.indptr[a + 1]) for a in order])
    twice = replace(
        both,
        indptr=np.concatenate([[0], np.cumsum(np.diff(both.indptr)[order])]),
        indices=both.indices[at],
        lots=both.lots[at],
        entry=both.entry[at],
        cash=both.cash[order],
        ids=np.arange(300),
    )
    # nobody is deleveraged: its last lots fall on one account whole or on half of it
    venue = VENUE.model_copy(update={"order": ("insurance_fund",)})
    copies = cascade(twice, fall(-0.3), liquidity(), venue, rates())
    one = make(fall(-0.3), shrunk(liquidity(), 2.0), smaller(venue, 2.0))
    assert copies.price == pytest.approx(one.price, rel=1e-6)
    assert copies.fund == pytest.approx(2.0 * one.fund, rel=1e-4, abs=1.0)
    assert copies.forced_volume == pytest.approx(2.0 * one.forced_volume, rel=1e-4)


def test_more_fund_more_absorption() -> None:
    path = fall(-0.15, 10)
    few, many = (
        absorption(make, path, liquidity(), VENUE.model_copy(update={"insurance_fund": f}), halvings=6)
        for f in (10_000.0, 200_000.0)
    )
    assert 0.0 < few.notional < many.notional
    assert few.copies < few.failing
    assert few.minutes == 10.0
    assert smaller(CascadeVenue(keepers=Keepers(capacity=6.0), maker_allowance=4.0), 2.0).keepers.capacity == 3.0


def test_solvency_is_what_is_there_over_what_is_owed() -> None:
    poor = cascade(FLEET, fall(-0.5), liquidity(), CascadeVenue(insurance_fund=1_000.0, order=()), rates())
    before, after = solvency(poor)
    equity = poor.before.cash[:, 0].copy()
    now = poor.world.catalogue.worth(poor.price[0], poor.world.vol[0], 0.0)
    np.add.at(equity, poor.world.owner, poor.before.lots * now.usd[FLEET.indices])
    assert (equity > 0).all()
    assert before == pytest.approx(1.0 + 1e9 / equity.sum())
    assert after < 1.0
    assert solvency(make(fall(-0.02), liquidity(), VENUE))[1] > 1.0


def test_the_map_counts_who_is_under_within_each_move() -> None:
    run = make(fall(-0.2), liquidity(), VENUE)
    before, after = (density_map(run, rates(), after=a) for a in (False, True))
    for found in (before, after):
        assert (np.diff(found.fall, axis=0) >= 0).all()
        assert found.density[0].sum(axis=0) == pytest.approx(found.fall[-1])
    held = np.zeros(3)
    notional = run.before.lots * run.world.catalogue.worth(run.price[0], run.world.vol[0], 0.0).usd[FLEET.indices] / 1e6
    np.add.at(held, FLEET.indices, np.maximum(notional, 0.0))
    assert (before.fall[-1] <= held + 1e-6).all()
    assert before.fall[-1].sum() > 0.5 * held.sum()
    # those who were closed are not there any more
    assert after.fall[-1].sum() < 0.5 * before.fall[-1].sum()
    with pytest.raises(DocumentError, match="moves: got"):
        density_map(run, rates(), after=False, moves=(0.2, 0.1))


def test_the_map_after_a_run_has_the_scalar_that_the_run_ended_with() -> None:
    policy = RaisedRates(rates(), ThresholdRule(), window=300.0, grace=0.0)
    run = cascade(FLEET, fall(-0.05), liquidity(depth=1e9), VENUE, policy)
    assert run.last is not None
    assert run.last.scalar > 1.0
    before, after = (density_map(run, policy, after=a) for a in (False, True))
    plain = density_map(run, rates(), after=False)
    # asking the policy for the start again must not touch what the end was
    assert (before.fall == plain.fall).all()
    again = density_map(run, policy, after=True)
    assert (again.fall == after.fall).all()
    run.last = rates().asked(run.world.past(run.mark, run.state.lots, run.world.path.steps))
    assert (density_map(run, policy, after=True).fall <= after.fall).all()
    assert density_map(run, policy, after=True).fall.sum() < after.fall.sum()


def test_a_plain_path() -> None:
    path = shock_path(-0.3, ["BTC", "ETH"], minutes=30, after=10, depth=0.1, gas=5.0, lag=2)
    assert path.steps == 40
    assert path.price[30].tolist() == pytest.approx([0.7, 0.7])
    assert (path.price[30:] == path.price[30]).all()
    assert path.depth[0, 0] == 1.0
    assert path.depth[1, 0] == 0.1
    one, two, again = (shock_path(-0.3, ["BTC"], noise=1.0, seed=s) for s in (1, 2, 1))
    assert np.array_equal(one.price, again.price)
    assert not np.array_equal(one.price, two.price)
    assert one.price[-1, 0] == pytest.approx(0.7)
    for bad, told in (
        ({"shock": -1.0}, "shock: got -1.0"),
        ({"minutes": 0.0}, "minutes: got 0.0"),
        ({"noise": -1.0}, "noise: got -1.0"),
        ({"gas": 0.0}, "gas: got 0.0"),
        ({"lag": -1}, "lag: got -1"),
        ({"minutes": 1e9}, "minutes: got"),
    ):
        with pytest.raises(DocumentError, match=told):
            shock_path(**{"shock": -0.3, "underlyings": ["BTC"], **bad})
