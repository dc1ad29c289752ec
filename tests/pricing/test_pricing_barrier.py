"""Barrier options: the integral, in-out parity, published values, paths, the limits, the bad inputs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from naive.exotics import barrier as naive_barrier
from naive.exotics import watched_paths
from plimsoll.pricing import barrier_price, price, touch_chance

ratios = st.floats(-0.6, 0.6).map(np.exp)
vols = st.floats(0.03, 1.5)
flags = st.booleans()
KINDS = list(itertools.product((True, False), repeat=3))


def side_of(up: bool, distance: float) -> float:
    return float(100.0 * np.exp(distance if up else -distance))


@given(ratios, ratios, st.floats(1e-3, 1.0), vols, flags, flags, flags, st.sampled_from([0.0, 4.0]))
def test_it_is_the_integral_over_the_last_price(
    f: float, k: float, away: float, s: float, call: bool, up: bool, knock_in: bool, rebate: float
) -> None:
    h = side_of(up, away)
    mine = barrier_price(100.0, 100.0 * f, 100.0 * k, h, 1.0, s, call, up, knock_in, rebate)
    other = naive_barrier(100.0, 100.0 * f, 100.0 * k, h, s, call, up, knock_in, rebate)
    assert mine == pytest.approx(other, abs=2e-7 * 100.0)


@given(ratios, ratios, st.floats(-0.5, 2.0), st.floats(0.0, 5.0), flags, flags, flags, st.floats(0.0, 10.0))
@example(1.0, 1.0, 0.1, 1e-12, True, True, False, 0.0)
@example(0.7, 1.3, 0.2, 1e-3, False, False, False, 1.0)
def test_in_and_out_are_the_vanilla_option_and_both_rebates_one(
    f: float, k: float, away: float, s: float, call: bool, up: bool, touched: bool, rebate: float
) -> None:
    both = barrier_price(
        100.0, 100.0 * f, 100.0 * k, side_of(up, away), 1.0, s, call, up, [True, False], rebate, 0.9, touched
    )
    whole = 0.9 * (float(price(100.0 * f, 100.0 * k, 1.0, s, call)) + rebate)
    assert both.sum() == pytest.approx(whole, abs=1e-9 * 100.0)
    assert (both >= 0.0).all()


# Haug, The Complete Guide to Option Pricing Formulas, table of standard barriers: S = 100, rebate 3 (paid at expiry for
# knock-ins), T = 0.5, r = 8 %, cost of carry 4 %.
PUBLISHED = {
    (90.0, 0.25): (7.7627, 14.1112, 2.9586, 1.4653),
    (100.0, 0.25): (4.0109, 8.4482, 6.5677, 3.3721),
    (110.0, 0.25): (2.0576, 4.5910, 11.9752, 7.0846),
    (90.0, 0.30): (9.0093, 15.2098, 3.8769, 2.0658),
    (110.0, 0.30): (2.8517, 5.8350, 13.3077, 8.3686),
}


@pytest.mark.parametrize(("strike", "vol"), PUBLISHED)
def test_the_published_knock_ins(strike: float, vol: float) -> None:
    call, up = np.array([True, True, False, False]), np.array([False, True, False, True])
    h = np.where(up, 105.0, 95.0)
    mine = barrier_price(100.0, 100.0 * np.exp(0.02), strike, h, 0.5, vol, call, up, True, 3.0, np.exp(-0.04))
    assert mine.round(4).tolist() == list(PUBLISHED[strike, vol])


@pytest.mark.parametrize(("call", "up", "knock_in"), KINDS)
def test_paths_agree_within_three_standard_errors(call: bool, up: bool, knock_in: bool) -> None:
    f, k, s = 103.0, 98.0, 0.35
    h = 118.0 if up else 84.0
    last, hit = watched_paths(100.0, f, h, s, up, steps=16, draws=100_000, seed=5)
    pays = np.maximum(last - k, 0.0) if call else np.maximum(k - last, 0.0)
    alive = hit if knock_in else 1.0 - hit
    sample = alive * pays + (1.0 - alive) * 2.0
    error = sample.std(ddof=1) / np.sqrt(sample.size)
    mine = barrier_price(100.0, f, k, h, 1.0, s, call, up, knock_in, 2.0)
    assert abs(sample.mean() - mine) < 3.0 * error
    assert error < 0.1
    assert hit.mean() == pytest.approx(float(touch_chance(100.0, f, h, s, up)), abs=3.0 * 0.5 / np.sqrt(hit.size))


@given(ratios, vols, flags, flags)
def test_a_farther_barrier_is_worth_more_out_and_less_in(k: float, s: float, call: bool, up: bool) -> None:
    h = np.array([side_of(up, d) for d in np.linspace(1e-3, 1.5, 40)])
    out, into = (barrier_price(100.0, 100.0, 100.0 * k, h, 1.0, s, call, up, knock) for knock in (False, True))
    assert (np.diff(out) >= -1e-11 * 100.0).all()
    assert (np.diff(into) <= 1e-11 * 100.0).all()


@given(ratios, ratios, st.floats(1e-3, 1.0), flags, flags)
def test_a_knock_in_without_rebate_grows_with_volatility(f: float, k: float, away: float, call: bool, up: bool) -> None:
    vol = np.geomspace(0.01, 3.0, 40)
    flat = barrier_price(100.0, 100.0, 100.0 * k, side_of(up, away), 1.0, vol, call, up, True)
    assert (np.diff(flat) >= -1e-11 * 100.0).all()


def test_at_and_beyond_the_barrier_it_is_touched() -> None:
    spot = np.array([94.0, 95.0, 95.0 * (1 + 1e-12)])
    out = barrier_price(spot, spot, 90.0, 95.0, 0.5, 0.4, True, False, False, 2.0, 0.9)
    assert out[:2].tolist() == [1.8, 1.8]
    assert out[2] == pytest.approx(1.8, abs=1e-6)
    into = barrier_price(spot, spot, 90.0, 95.0, 0.5, 0.4, True, False, True, 2.0, 0.9)
    assert into[:2].tolist() == price(spot[:2], 90.0, 0.5, 0.4, True, 0.9).tolist()
    flagged = barrier_price(100.0, 100.0, 90.0, 95.0, 0.5, 0.4, True, False, [True, False], 2.0, 1.0, True)
    assert flagged.tolist() == [float(price(100.0, 90.0, 0.5, 0.4, True)), 2.0]


@pytest.mark.parametrize("vol", [0.0, 1e-9, 1e-4])
def test_without_volatility_the_path_is_a_straight_line(vol: float) -> None:
    # 100 -> 90 passes 95; 100 -> 110 does not
    assert barrier_price(100.0, 90.0, 100.0, 95.0, 1.0, vol, False, False, [True, False]) == pytest.approx([10.0, 0.0])
    assert barrier_price(100.0, 110.0, 105.0, 95.0, 1.0, vol, True, False, [True, False]) == pytest.approx([0.0, 5.0])


@pytest.mark.parametrize(("call", "up", "knock_in"), KINDS)
def test_far_wings_and_huge_volatility_stay_numbers(call: bool, up: bool, knock_in: bool) -> None:
    k = np.array([0.0, 1e-3, 1e3, 1e7])
    h = 130.0 if up else 70.0
    for s in (0.0, 1e-10, 1e-3, 5.0, 30.0, 1e6):
        for f in (20.0, 100.0, 500.0):
            value = barrier_price(100.0, f, k, h, 1.0, s, call, up, knock_in, 1.0)
            assert np.isfinite(value).all()
            assert (value >= 0.0).all()
            assert (value <= np.asarray(price(f, k, 1.0, s, call)) + 1.0 + 1e-9).all()


def test_a_far_barrier_changes_nothing() -> None:
    assert float(barrier_price(100.0, 101.0, 95.0, 1e-6, 1.0, 0.5, True, False, False)) == float(
        price(101.0, 95.0, 1.0, 0.5, True)
    )
    assert float(barrier_price(100.0, 101.0, 95.0, 1e9, 1.0, 0.5, False, True, True)) == 0.0


BAD: list[tuple[dict[str, Any], str]] = [
    ({"spot": 0.0}, "spot: got 0.0"),
    ({"barrier": -1.0}, "barrier: got -1.0"),
    ({"vol": np.nan}, "vol: got nan"),
    ({"rebate": [-1.0]}, r"rebate\[0\]: got -1.0"),
    ({"up": 1}, "up: got an array of int64, must be boolean"),
    ({"call": "C"}, "call: got an array"),
    ({"strike": [1.0, 2.0], "vol": [0.1, 0.2, 0.3]}, "shapes do not broadcast"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    plain: dict[str, Any] = {"spot": 100.0, "forward": 100.0, "strike": 90.0, "barrier": 95.0, "t": 0.5, "vol": 0.3}
    plain |= {"call": True, "up": False, "knock_in": False}
    with pytest.raises(ValueError, match=message):
        barrier_price(**(plain | change))


def test_without_volatility_a_line_that_ends_at_the_barrier_touches_it() -> None:
    for up, forward in ((True, 120.0), (False, 80.0)):
        assert touch_chance(100.0, forward, forward, 0.0, up) == 1.0
        into, out = (barrier_price(100.0, forward, 90.0, forward, 1.0, 0.0, up, up, k) for k in (True, False))
        assert float(into) == abs(forward - 90.0)
        assert float(out) == 0.0


@pytest.mark.parametrize("spot", [1e-12, 1.0])
def test_a_forward_far_from_its_spot_gives_a_number_without_a_warning(spot: float) -> None:
    for forward, strike, barrier, vol in ((1e5, 1e12, 1e5, 0.15), (1e12, 1e5, 100.0, 0.15), (1.0, 1e12, 99.0, 0.001)):
        for knock_in in (True, False):
            found = barrier_price(spot, forward, strike, barrier, 1.0, vol, True, barrier > spot, knock_in)
            assert 0.0 <= float(found) <= forward
