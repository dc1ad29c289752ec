"""The scenario axis: shapes, labels, refusals, volatility by tenor and tilts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.scenarios import ABSOLUTE_SKEW, LINEAR_SKEW, Scenarios, SkewRule, VolRule, grid, percent

DAY = 86_400.0
TILT = SkewRule(0.15, 0.15, -0.05, -0.05, 0.01, 4.0, 0.6, -0.1)


@pytest.mark.parametrize(
    ("columns", "path", "got"),
    [
        ({"spot": []}, "scenarios.spot", "shape (0,)"),
        ({"spot": [[1.0, 1.1]]}, "scenarios.spot", "shape (1, 2)"),
        ({"spot": [1.0, 1.1], "vol": [0.1]}, "scenarios.vol", "shape (1,)"),
        ({"spot": [1.0], "vol": [0.1, 0.2]}, "scenarios.vol", "shape (2,)"),
        ({"spot": [1.0], "weight": [[1.0]]}, "scenarios.weight", "shape (1, 1)"),
        ({"spot": [1.0], "basis": [1.0, 1.0]}, "scenarios.basis", "shape (2,)"),
        ({"spot": [1.0], "days": []}, "scenarios.days", "shape (0,)"),
        ({"spot": [1.0], "skew": [0, 1]}, "scenarios.skew", "shape (2,)"),
        ({"spot": [1.0], "skew": [1]}, "scenarios.skew", "skew column"),
        ({"spot": [1.0], "labels": ["a", "b"]}, "scenarios.labels", "2 of them"),
        ({"spot": [1.0], "kinds": []}, "scenarios.kinds", "0 of them"),
        ({"spot": [float("nan")]}, "scenarios.spot", "NaN"),
        ({"spot": [1.0], "vol": [float("inf")]}, "scenarios.vol", "NaN or infinity"),
        ({"spot": [1.0, 0.0]}, "scenarios.spot", "0.0"),
        ({"spot": [-0.1]}, "scenarios.spot", "-0.1"),
        ({"spot": [1.0], "basis": [-1e-9]}, "scenarios.basis", "-1e-09"),
    ],
)
def test_a_table_of_the_wrong_shape_or_content_is_refused(columns: dict[str, Any], path: str, got: str) -> None:
    with pytest.raises(DocumentError) as caught:
        Scenarios.build(**columns)
    assert caught.value.problems[0].path == path
    assert got in caught.value.problems[0].got


def test_a_single_scenario_is_a_table_of_length_one() -> None:
    one = Scenarios.build([0.84], [0.4])
    assert len(one) == 1
    assert one.labels == ("-16% iv +40%",)
    assert one.kinds == ("regular",)
    assert (one.weight.tolist(), one.basis.tolist(), one.days.tolist()) == ([1.0], [1.0], [0.0])


def test_labels_say_everything_that_moves() -> None:
    built = Scenarios.build(
        [1.0, 1.045, 1.0, 1.0, 6.0],
        [0.0, -0.22, 0.0, 0.0, 0.0],
        basis=[1.01, 1.0, 1.0, 1.0, 1.0],
        skew=[0, 0, LINEAR_SKEW, ABSOLUTE_SKEW, 0],
        days=[0.0, 0.0, 0.0, 0.0, 1.5],
        skew_rule=TILT,
    )
    assert built.labels == (
        "0% basis +1%",
        "+4.5% iv -22%",
        "0% linear skew",
        "0% absolute skew",
        "+500% after 1.5 d",
    )
    assert [percent(x) for x in (1.0, 0.34, 1.0450000000000002)] == ["0%", "-66%", "+4.5%"]


def test_the_grid_runs_spot_fastest_and_days_slowest() -> None:
    built = grid([0.9, 1.1], [-0.2, 0.4], [0.0, 7.0])
    assert built.spot.tolist() == [0.9, 1.1] * 4
    assert built.vol.tolist() == [-0.2, -0.2, 0.4, 0.4] * 2
    assert built.days.tolist() == [0.0] * 4 + [7.0] * 4


def test_taking_scenarios_keeps_every_column() -> None:
    built = grid([0.9, 1.0, 1.1], [0.0, 0.4])
    taken = built.take([5, 0])
    assert taken.labels == (built.labels[5], built.labels[0])
    for column in ("spot", "vol", "weight", "basis", "skew", "days"):
        assert getattr(taken, column).tolist() == getattr(built, column)[[5, 0]].tolist()
    assert taken.vol_rule is built.vol_rule


@given(st.floats(0.0, 4e8), st.floats(-2.0, 3.0))
def test_a_volatility_shock_fades_with_time_by_its_power(seconds: float, shock: float) -> None:
    rule = VolRule(short_power=0.3, long_power=0.13, min_up_vol=0.45)
    built = Scenarios.build([1.0], [shock], vol_rule=rule)
    days = max(seconds / DAY, 1.0)
    expected = max(0.0, 1.0 + shock * (30.0 / days) ** (0.3 if days <= 30.0 else 0.13))
    assert built.vol_scale(np.array([seconds]))[0, 0] == pytest.approx(expected, rel=1e-12)
    assert built.vol_floor().tolist() == [0.45 if shock > 0 else 0.0]


def test_at_the_reference_the_shock_is_as_quoted_on_both_sides() -> None:
    rule = VolRule(short_power=0.3, long_power=0.13)
    scale = rule.scale(np.array([30.0 * DAY, np.nextafter(30.0 * DAY, np.inf), 0.0, DAY, DAY / 2]))
    np.testing.assert_allclose(scale, [1.0, 1.0, 30.0**0.3, 30.0**0.3, 30.0**0.3], rtol=1e-12)
    assert np.isfinite(VolRule(0.3, 0.13, floor_days=0.0).scale(np.array([0.0]))).all()


@given(st.floats(-3.0, 3.0), st.floats(1e-6, 3.0))
def test_a_tilt_grows_with_moneyness_up_to_its_cap(k: float, years: float) -> None:
    root = years**0.5
    cap = -0.05 * root + 0.15
    star = max(0.01, root * 4.0 * (0.6 - 0.1 * root))
    for absolute, distance in ((False, k), (True, abs(k))):
        found = TILT.multiplier(np.array([k]), np.array([years]), absolute)[0]
        assert found == pytest.approx(1.0 + max(-cap, min(cap, distance * cap / star)), rel=1e-12, abs=1e-12)
        assert TILT.multiplier(np.array([0.0]), np.array([years]), absolute)[0] == 1.0


def test_a_tilt_without_width_is_its_cap_at_once() -> None:
    steep = SkewRule(0.2, 0.1, 0.0, 0.0, 0.0, 0.0, 0.6, 0.0)
    k, years = np.array([-0.1, 0.0, 0.1]), np.full(3, 0.25)
    np.testing.assert_allclose(steep.multiplier(k, years, absolute=False), [0.8, 1.0, 1.2])
    np.testing.assert_allclose(steep.multiplier(k, years, absolute=True), [1.1, 1.0, 1.1])
