"""The wing form, the density factor and the two checks, against the raw form and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from naive import smile as naive
from plimsoll.dynamics import Wings, butterfly, calendar
from plimsoll.dynamics.arbitrage import dense_grid
from plimsoll.dynamics.joint import derivatives
from plimsoll.dynamics.wings import density_factor, shape
from plimsoll.pricing import svi_total_variance

WINGS = st.builds(
    Wings,
    a=st.floats(0.001, 0.5),
    left=st.floats(0.0, 1.9),
    right=st.floats(0.0, 1.9),
    m=st.floats(-0.5, 0.5),
    sigma=st.floats(0.02, 2.0),
)
K = st.floats(-1.5, 1.5)

# Gatheral and Jacquier (2014), section 3: Axel Vogt's example, whose density is negative near k = 0.8
VOGT = {"a": -0.0410, "b": 0.1331, "rho": 0.3060, "m": 0.3586, "sigma": 0.4153}


def vogt() -> Wings:
    b, rho = VOGT["b"], VOGT["rho"]
    return Wings(VOGT["a"], b * (1.0 - rho), b * (1.0 + rho), VOGT["m"], VOGT["sigma"])


@given(WINGS, K)
def test_the_wing_form_is_the_raw_form(wings: Wings, k: float) -> None:
    raw = wings.raw(100.0, 0.5)
    expected = svi_total_variance(k, raw.a, raw.b, raw.rho, raw.m, raw.sigma)
    assert float(shape(wings, k).w) == pytest.approx(float(expected), rel=1e-12, abs=1e-15)
    assert Wings.of(raw) == pytest.approx(wings, rel=1e-12, abs=1e-15)
    assert (raw.forward, raw.tau) == (100.0, 0.5)


@given(WINGS, K)
def test_derivatives_are_those_of_central_differences(wings: Wings, k: float) -> None:
    step = 1e-4 * wings.sigma
    low, at, high = (shape(wings, k + d) for d in (-step, 0.0, step))
    steep = wings.left + wings.right + 1e-3
    assert float(at.slope) == pytest.approx(float(high.w - low.w) / (2 * step), abs=1e-6 * steep)
    assert float(at.bend) == pytest.approx(float(high.slope - low.slope) / (2 * step), abs=1e-5 * steep / wings.sigma)


@given(WINGS, K, st.integers(0, 4))
def test_what_the_numbers_do_is_what_their_differences_show(wings: Wings, k: float, number: int) -> None:
    numbers = np.array([*wings[:4], math.log(wings.sigma)])
    step = np.zeros(5)
    step[number] = 1e-6
    found = derivatives(numbers, np.asarray(k))
    ends = [
        shape(Wings(*(float(v) for v in point[:4]), math.exp(point[4])), k)
        for point in (numbers - step, numbers + step)
    ]
    scale = (1.0 + wings.left + wings.right) * (1.0 + 1.0 / wings.sigma**2)
    for column, low, high in zip(found, *ends, strict=True):
        assert float(column[number]) == pytest.approx(float(high - low) / 2e-6, abs=1e-7 * scale)


@given(WINGS, K)
@example(vogt(), 0.8)
def test_the_density_factor_is_the_naive_one(wings: Wings, k: float) -> None:
    raw = wings.raw(1.0, 1.0)
    total = naive.total_variance(raw.a, raw.b, raw.rho, raw.m, raw.sigma)
    expected = naive.density_factor(total, k, 1e-4 * wings.sigma)
    got = float(density_factor(k, shape(wings, k)))
    assert got == pytest.approx(expected, rel=1e-4, abs=1e-4 * (1.0 + 1.0 / wings.sigma))


@given(WINGS, K)
@example(vogt(), 0.8)
@example(vogt(), 0.0)
def test_its_sign_is_the_sign_of_a_butterfly(wings: Wings, k: float) -> None:
    raw = wings.raw(1.0, 1.0)
    total = naive.total_variance(raw.a, raw.b, raw.rho, raw.m, raw.sigma)
    step = 1e-3 * min(1.0, wings.sigma)
    g = [float(density_factor(k + d, shape(wings, k + d))) for d in (-step, 0.0, step)]
    price = naive.butterfly(total, k, step)
    # prices know their digits to 1e-16 and are divided by the step twice over
    noise = 1e-15 / step
    assume(abs(price) > 10.0 * noise and min(g) * max(g) > 0.0 and abs(g[1]) > 1e-2)
    assert (price > 0.0) == (g[1] > 0.0)


def test_the_published_example_has_butterfly_arbitrage() -> None:
    found = butterfly(vogt())
    assert found.least < -0.01
    assert 0.5 < found.at < 1.5
    k = np.linspace(-1.5, 1.5, 601)
    total = naive.total_variance(**VOGT)
    negative = [x for x in k if naive.butterfly(total, float(x), 1e-3) < 0.0]
    assert any(abs(x - found.at) < 0.05 for x in negative)


def test_wings_steeper_than_the_moment_formula_allows_are_arbitrage() -> None:
    for side in ({"left": 2.0, "right": 0.5}, {"left": 0.5, "right": 2.0}, {"left": -0.1, "right": 0.5}):
        found = butterfly(Wings(a=0.3, m=0.0, sigma=1.0, **side))
        assert found.least == -math.inf
        assert math.isinf(found.at)
    assert butterfly(Wings(0.3, 0.5, 0.5, 0.0, 1.0)).least > 0.0
    # total variance below zero is no smile at all
    assert butterfly(Wings(-0.5, 0.5, 0.5, 0.0, 0.5)).least == -math.inf


@given(WINGS, WINGS)
def test_calendar_agrees_with_every_point_of_a_naive_grid(early: Wings, late: Wings) -> None:
    found = calendar(early, late)
    totals = []
    for one in (early, late):
        raw = one.raw(1.0, 1.0)
        totals.append(naive.total_variance(raw.a, raw.b, raw.rho, raw.m, raw.sigma))
    points = [x / 50.0 for x in range(-500, 501)]
    rise = naive.least_rise(*totals, points)
    if found.least >= 0.0:
        # between two points of the dense grid the gap can only dip by what its curvature allows
        assert rise >= -1e-3 * (early.left + early.right + late.left + late.right)
    elif math.isfinite(found.least):
        before, after = totals[0](found.at), totals[1](found.at)
        # a gap below the digits of the totals has no sign of its own
        assert after < before or found.least > -1e-15 * max(abs(before), abs(after))
    else:
        assert late.left < early.left or late.right < early.right


def test_crossing_wings_are_found_beyond_the_grid() -> None:
    early, late = Wings(0.01, 0.1, 0.1, 0.0, 0.2), Wings(5.0, 0.1, 0.09, 0.0, 0.2)
    assert calendar(early, late) == (-math.inf, math.inf)
    assert calendar(early, Wings(5.0, 0.09, 0.1, 0.0, 0.2)) == (-math.inf, -math.inf)
    assert calendar(early, Wings(0.02, 0.1, 0.1, 0.0, 0.2)).least == pytest.approx(0.01)


@given(WINGS)
def test_the_dense_grid_is_fine_where_the_slice_bends(wings: Wings) -> None:
    k = dense_grid(wings)
    assert (np.diff(k) > 0.0).all()
    assert (k[0], k[-1]) == pytest.approx((-20.0, 20.0))
    near = np.abs(k - wings.m) < 3.0 * wings.sigma
    assert np.diff(k[near]).max() < 0.2 * wings.sigma
