"""Roots of curves whose roots are known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.liquidation.roots import roots

GRID = np.geomspace(1e-3, 100.0, 400)


def curve(function: Callable[[Any], Any], noise: float = 1e-14) -> Any:
    """A curve with a fixed rounding."""
    return lambda m: (np.asarray(function(m), dtype=np.float64), np.full_like(m, noise))


@given(st.lists(st.floats(0.01, 50.0), min_size=1, max_size=5, unique=True))
def test_every_root_of_a_polynomial(where: list[float]) -> None:
    places = sorted(where)
    if any(b / a < 1.05 for a, b in pairwise(places)):
        return
    found = roots(curve(lambda m: np.prod([m / r - 1.0 for r in places], axis=0)), GRID)
    assert [r.at for r in found] == pytest.approx(places, rel=1e-11)
    # the last factor turns from minus to plus with the price
    assert [r.side for r in found][::-1] == ["falling", "rising", "falling", "rising", "falling"][: len(places)]
    assert not any(r.jump for r in found)


@given(st.floats(0.02, 40.0), st.floats(1e-10, 1e-3))
def test_two_roots_between_grid_points(middle: float, apart: float) -> None:
    low, high = middle * (1 - apart), middle * (1 + apart)
    found = roots(curve(lambda m: (m / low - 1.0) * (m / high - 1.0), 1e-16 * apart), GRID)
    if apart < 1e-7 and len(found) != 2:
        # so near that the extreme is not below zero by more than its rounding
        assert {r.side for r in found} <= {"touching"}
        return
    assert [r.at for r in found] == pytest.approx([low, high], rel=1e-8)
    assert [r.side for r in found] == ["rising", "falling"]


@given(st.floats(0.02, 40.0), st.floats(1e-9, 1e-3))
def test_a_near_miss_is_no_root(middle: float, gap: float) -> None:
    assert roots(curve(lambda m: (m / middle - 1.0) ** 2 + gap), GRID) == ()
    assert roots(curve(lambda m: -((m / middle - 1.0) ** 2) - gap), GRID) == ()


@given(st.floats(0.02, 40.0))
def test_from_below_two_roots_at_a_peak(middle: float) -> None:
    found = roots(curve(lambda m: 1e-6 - (m / middle - 1.0) ** 2), GRID)
    assert [r.side for r in found] == ["falling", "rising"]
    assert [r.at for r in found] == pytest.approx([middle * (1 - 1e-3), middle * (1 + 1e-3)], rel=1e-9)


def test_a_kink_that_touches_is_one_root() -> None:
    (found,) = roots(curve(lambda m: np.abs(m - GRID[200])), GRID)
    assert (found.side, found.at) == ("touching", GRID[200])


@given(st.floats(0.02, 40.0), st.booleans())
def test_a_jump_is_the_root(place: float, up: bool) -> None:
    sign = 1.0 if up else -1.0
    (found,) = roots(curve(lambda m: sign * np.where(m <= place, -2.0 + 0.01 * m, 3.0)), GRID)
    assert found.at == pytest.approx(place, rel=2e-12)
    assert found.jump
    assert found.side == ("falling" if up else "rising")


def test_a_steep_line_is_no_jump() -> None:
    (found,) = roots(curve(lambda m: 1e9 * (m - 1.7)), GRID)
    assert not found.jump
    assert found.at == pytest.approx(1.7, rel=1e-12)


def test_the_steps_of_a_venue_that_counts_in_whole_units_are_no_jump() -> None:
    """A step that a millionth of the price makes up is rounding; one that is far larger is a jump."""
    for unit, jump in ((1e-9, False), (1e-3, True)):
        (found,) = roots(curve(lambda m, u=unit: np.round((m - 1.7) / u) * u + u / 3.0), GRID)  # type: ignore[misc]
        assert found.jump is jump
        assert found.at == pytest.approx(1.7, abs=2.0 * unit)


def test_flat_parts() -> None:
    # zero from 2 to 3 and above elsewhere: one touch, at the end nearer to one
    (touch,) = roots(curve(lambda m: np.maximum(0.0, np.maximum(2.0 - m, m - 3.0))), GRID)
    assert touch.side == "touching"
    assert 2.0 <= touch.at < 2.1
    # zero up to 3 and below beyond: the edge, not the grid point before it
    (edge,) = roots(curve(lambda m: np.minimum(0.0, 3.0 - m)), GRID)
    assert edge.side == "rising"
    assert edge.at == pytest.approx(3.0, rel=1e-10)
    # nothing at all is no line
    assert roots(curve(np.zeros_like), GRID) == ()


def test_points_without_a_number_are_left_out() -> None:
    found = roots(curve(lambda m: np.where(m > 10.0, np.nan, m - 2.0)), GRID)
    assert [r.at for r in found] == pytest.approx([2.0])
    assert roots(curve(lambda m: np.full_like(m, np.nan)), GRID) == ()
