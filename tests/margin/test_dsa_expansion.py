"""The Greeks of the expansion against differences of the full revaluation, and the exact worst point of a quadratic."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import NOW, at, future, option, perpetual
from dsa_toy import quadratic_at
from plimsoll.margin.house.box import Box
from plimsoll.margin.house.expansion import unit_expansion
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.scenarios import FLAT, Scenarios, VolRule

LAW = VolRule(0.3, 0.13, 30.0, 1.0)
DAY = 86_400.0

SETTLE: dict[str, dict[str, Any]] = {
    "linear": {"settlement": "linear", "currency": "USDC"},
    "inverse": {"settlement": "inverse", "currency": "BTC"},
    "linear in the coin": {"settlement": "linear", "currency": "BTC"},
    "inverse in dollars": {"settlement": "inverse", "currency": "USDC"},
    "quanto in another coin": {"settlement": "quanto", "currency": "ETH", "multiplier": 0.001},
    "quanto in dollars": {"settlement": "quanto", "currency": "USDC", "multiplier": 0.5},
}


def market_of(instruments: list[dict[str, Any]], days: float, fixed: float = 0.0, vol: float = 0.6) -> pl.Market:
    expiry = at(days * DAY)
    dated = [i | ({"expiry": expiry} if "expiry" in i else {}) for i in instruments]
    marks = {i["name"]: ({"vol": vol} if i["kind"] == "option" else {"price": 71_000.0}) for i in dated}
    forward = {"variable": 70_500.0 * (1.0 - fixed), "fixed": 70_500.0 * fixed}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {"BTC": {"price": 70_000.0}, "ETH": {"price": 2_500.0}},
            "assets": {"USDC": {"price": 0.99}},
            "expiries": [{"underlying": "BTC", "expiry": expiry, "forward": forward}],
            "instruments": dated,
            "marks": {n: m for n, m in marks.items() if not n.startswith("SPOT")},
        }
    )


def differences(market: pl.Market, side: float, h: float) -> tuple[np.ndarray, np.ndarray]:
    """`[N, 5]` analytic and twice extrapolated central differences of the dollar gain of every instrument.

    Second differences divide the rounding of a price by the square of the step `h`: longer options want wider ones.
    """
    plan = compile_plan(market.instruments, market)
    sides = np.full(len(plan), side)
    exact = unit_expansion(plan, np.ones(len(plan), bool), sides, LAW)

    def gain(x: float, y: float) -> np.ndarray:
        return plan_pnl(plan, Scenarios.build([1.0 + x], [y], vol_rule=LAW), "usd", sides)[:, 0]

    def central(h: float) -> np.ndarray:
        east, west, north, south = gain(h, 0), gain(-h, 0), gain(0, h), gain(0, -h)
        cross = gain(h, h) - gain(h, -h) - gain(-h, h) + gain(-h, -h)
        first = [(east - west) / (2 * h), (north - south) / (2 * h)]
        return np.column_stack([first[0], (east + west) / h**2, first[1], cross / (4 * h**2), (north + south) / h**2])

    coarse, middle, fine = (central(h / 2**k) for k in range(3))
    better = [(4.0 * b - a) / 3.0 for a, b in ((coarse, middle), (middle, fine))]
    return exact, (16.0 * better[1] - better[0]) / 15.0


@pytest.mark.rule("DSA-04", "DSA-05")
@pytest.mark.parametrize("days", [2.0, 20.0, 200.0])
@pytest.mark.parametrize("settle", list(SETTLE))
def test_greeks_are_the_derivatives_of_the_dollar_gain(settle: str, days: float) -> None:
    terms = SETTLE[settle]
    instruments = [option(k, call, **terms) for k, call in product((66_000, 70_000, 75_000), (True, False))]
    instruments += [future(**terms), perpetual(**terms), {"kind": "spot", "name": "SPOT", "underlying": "BTC"}]
    # the step balances rounding of the values, which the second difference divides by its square, and curvature
    step = {2.0: 8e-4, 20.0: 1.6e-3, 200.0: 3.2e-3}[days]
    for fixed in (0.0, 0.25):
        exact, estimate = differences(market_of(instruments, days, fixed), 1.0, step)
        size = np.abs(exact).max(axis=0) + 1.0
        np.testing.assert_array_less(np.abs(exact - estimate) / size, 1e-6)
        assert np.abs(exact[:6]).min() > 0.0


@pytest.mark.rule("DSA-04")
def test_a_coin_settled_perpetual_gains_dollars_in_a_straight_line() -> None:
    market = market_of([perpetual(**SETTLE["inverse"], multiplier=10.0), option(70_000, True)], 30.0)
    plan = compile_plan(market.instruments, market)
    found = unit_expansion(plan, np.ones(2, bool), np.ones(2), FLAT)
    assert found[0].tolist() == pytest.approx([10.0 / 71_000.0 * 70_000.0, 0.0, 0.0, 0.0, 0.0], abs=1e-12)


@pytest.mark.rule("DSA-16")
@pytest.mark.parametrize(("side", "call", "expected"), [(-1.0, True, 70_500.0), (-1.0, False, 0.0), (1.0, True, 0.0)])
def test_an_option_without_a_volatility_is_expanded_at_its_bound(side: float, call: bool, expected: float) -> None:
    base = market_of([option(70_000, call)], 30.0).to_dict()
    market = pl.Market.from_dict(base | {"marks": {}})
    exact, estimate = differences(market, side, 8e-4)
    assert exact[0].tolist() == pytest.approx([0.99 * expected, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(estimate, exact, atol=1e-3)


COEFFICIENT = st.floats(-1e4, 1e4).map(lambda x: round(x, 3)) | st.just(0.0)
BOX = Box(0.16, 0.22, 0.4, FLAT)


@pytest.mark.rule("DSA-06")
@given(st.tuples(*[COEFFICIENT] * 5), st.integers(1, 200))
def test_no_point_of_the_box_is_worse_than_the_worst(numbers: tuple[float, ...], scale: int) -> None:
    # gamma and volga are made large enough for turning points to lie inside
    quadratic = np.array(numbers) * np.array([1.0, scale, 1.0, scale, scale])
    x, y, loss = BOX.worst(quadratic)
    assert -BOX.move <= x <= BOX.move
    assert -BOX.vol_down <= y <= BOX.vol_up
    assert loss == pytest.approx(-quadratic_at(quadratic, x, y), rel=1e-12, abs=1e-12)
    moves, vols = np.meshgrid(*BOX.axes(60, 60))
    everywhere = -quadratic_at(quadratic, moves, vols)
    assert everywhere.max() <= loss * (1.0 + 1e-11) + 1e-9
    assert loss <= everywhere.max() + float(np.abs(quadratic).max()) * 2e-3


@pytest.mark.rule("DSA-06")
@pytest.mark.parametrize(
    ("quadratic", "point"),
    [
        ([100.0, 0, 0, 0, 0], (-0.16, 0.4)),  # a corner
        ([0, -100.0, 0, 0, 0], (-0.16, 0.4)),
        ([-10.0, 1000.0, -50.0, 0, 0], (0.01, 0.4)),  # an edge: spot turns at 10/1000
        ([100.0, 0, 10.0, 0, 100.0], (-0.16, -0.1)),  # an edge: volatility turns at -10/100
        ([10.0, 500.0, 20.0, 100.0, 200.0], (0.0, -0.1)),  # inside: (10 + 100 y + 500 x, 20 + 100 x + 200 y) = 0
    ],
)
def test_corners_edges_and_the_inside_are_found(quadratic: list[float], point: tuple[float, float]) -> None:
    assert BOX.worst(np.array(quadratic))[:2] == pytest.approx(point, abs=1e-12)


@pytest.mark.rule("DSA-07")
def test_of_equal_points_the_first_is_taken() -> None:
    assert BOX.worst(np.zeros(5)) == (0.0, 0.0, 0.0)
    assert BOX.worst(np.array([0.0, 40.0, 0.0, 0.0, 40.0])) == (0.0, 0.0, 0.0)
    # a short straddle of no delta loses alike on both sides; noise in the last place decides nothing
    for noise in (-1e-13, 0.0, 1e-13):
        assert BOX.worst(np.array([noise, -1e3, 0.0, 0.0, 0.0]))[:2] == (-0.16, 0.4)


@pytest.mark.rule("DSA-04")
@pytest.mark.parametrize("vol", [0.0, 5e-324, 1e-200, 1e-9])
def test_an_option_without_any_time_value_is_expanded_as_its_payoff(vol: float) -> None:
    market = market_of([option(strike, True) for strike in (60_000, 70_500, 80_000)], 30.0, vol=vol)
    plan = compile_plan(market.instruments, market)
    found = unit_expansion(plan, np.ones(3, bool), np.ones(3), FLAT)
    # at the strike itself the kink has the mean of both slopes
    assert found[:, 0].tolist() == pytest.approx([0.99 * 70_500.0 * delta for delta in (1.0, 0.5, 0.0)])
    assert np.abs(found[:, 1:]).max() == 0.0
