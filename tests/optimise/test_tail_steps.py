"""The small parts of a step of the interior point for tail programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.optimise.tail_programs.newton import _inverse
from plimsoll.optimise.tail_programs.sides import reach, reaches


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_the_reach_of_every_part_is_that_of_each(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    value, move, more = np.exp(3.0 * rng.normal(size=size)), rng.normal(size=size), rng.normal(size=size)
    parts = np.linspace(rng.random(), 1.0, 4)
    assert reaches(value, move, more, parts).tolist() == [reach(value, move + p * more) for p in parts]


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("doubled", [False, True])
def test_equalities_that_say_the_same_leave_no_direction(rows: int, doubled: bool) -> None:
    matrix = np.random.default_rng(rows).normal(size=(rows, 8))
    if doubled:
        matrix = np.vstack([matrix, matrix[:1], np.zeros((1, 8))])
    square = matrix @ matrix.T
    np.testing.assert_allclose(_inverse(square), np.linalg.pinv(square, rcond=1e-14, hermitian=True), atol=1e-12)
