"""Quantile and shortfall of long vectors: the compiled selection against sorting, where its guesses fail too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import expected_shortfall, value_at_risk
from plimsoll.kernels.twins.selection import equal_tail

LEVELS = [1e-9, 0.01, 0.3, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.999, 0.9999, 1.0 - 1e-9]


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this module runs on the compiled kernels and on their twins."""
    with use_kernels(request.param):
        yield request.param


def assert_equals_sorting(losses: np.ndarray) -> None:
    for level in LEVELS:
        var, es = equal_tail(losses, level)
        assert np.array_equal(value_at_risk(losses, level), var)
        # sums of the tail in another order
        allowed = (losses.size * (1.0 - level) / 8.0 + 10.0) * 2.0**-52 * float(np.abs(losses).max())
        assert abs(float(expected_shortfall(losses, level) - es)) <= allowed


def shapes(size: int) -> dict[str, np.ndarray]:
    """Vectors of one size whose order or values could mislead a guess."""
    rng = np.random.default_rng(size)
    place = np.arange(size)
    drawn = place // 8 % 16 == 8  # the lanes of the sample of long vectors
    return {
        "normal": rng.normal(size=size),
        "fat": rng.standard_cauchy(size) ** 3,
        "rising": place.astype(float),
        "falling": -place.astype(float),
        "equal": np.full(size, 3.5),
        "few values": rng.integers(0, 3, size).astype(float),
        "two values": (place % 100 == 0).astype(float),
        "one outlier": np.where(place == size // 2, 1e300, rng.normal(size=size)),
        "only the sample is large": np.where(drawn, 100.0, 0.0) + rng.normal(size=size),
        "only the sample is small": np.where(drawn, -100.0, 0.0) + rng.normal(size=size),
        "exponents": 2.0 ** rng.integers(-900, 900, size) * rng.choice([-1.0, 1.0], size),
        "gains only": -1.0 - rng.random(size),
        "tiny": rng.normal(size=size) * 1e-310,
    }


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 31, 33, 63, 300, 513, 2000, 4095, 4096, 4101, 10_000, 30_001])
def test_equals_sorting_on_all_shapes_of_vectors(size: int) -> None:
    for losses in shapes(size).values():
        assert_equals_sorting(losses)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=90), st.integers(1, 90)
)
def test_equals_sorting_on_any_numbers(values: list[float], repeats: int) -> None:
    assert_equals_sorting(np.array(values * repeats))


def test_arrays_anywhere_in_memory_and_of_any_shape_give_the_same_bits() -> None:
    rng = np.random.default_rng(2)
    losses = rng.normal(size=(3, 2, 5001))
    room = np.empty(losses.size + 7)
    for level in (0.9, 0.99):
        whole = expected_shortfall(losses, level)
        assert whole.shape == (3, 2)
        for shift in range(1, 8):
            moved = room[shift : shift + losses.size].reshape(losses.shape)
            moved[...] = losses
            assert np.array_equal(expected_shortfall(moved, level), whole)
        assert np.array_equal(expected_shortfall(np.asfortranarray(losses), level), whole)
        assert np.array_equal(expected_shortfall(losses[::-1, :, :], level), whole[::-1])
        assert expected_shortfall(losses[1, 1].tolist(), level) == whole[1, 1]
        assert value_at_risk(losses.astype(np.float32), level).shape == (3, 2)


@pytest.mark.parametrize("size", [5, 400, 4096, 20_011])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named_wherever_it_stands(size: int, value: float) -> None:
    losses = np.random.default_rng(3).normal(size=(2, size))
    for at in {0, size // 2, size - 1, min(size - 1, 64)}:
        bad = losses.copy()
        bad[1, at] = value
        for level in (0.2, 0.975):
            for measure in (value_at_risk, expected_shortfall):
                with pytest.raises(ValueError, match=rf"losses\[1, {at}\]: got {value}, must be finite"):
                    measure(bad, level)
