"""The total volatility behind a time value: compiled and numpy, round trips and high precision."""

from __future__ import annotations

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import lognormal_inverse


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_kernels(request.param):
        yield request.param


def log_value(x: float, s: float) -> mpmath.mpf:
    """ln(time value / sqrt(F K)) for ln(F/K) = x <= 0."""
    k, t = mpmath.mpf(x) / s, mpmath.mpf(s) / 2
    value = mpmath.exp(mpmath.mpf(x) / 2) * mpmath.ncdf(k + t) - mpmath.exp(-mpmath.mpf(x) / 2) * mpmath.ncdf(k - t)
    return mpmath.log(value)


def test_inverts_forty_digits_everywhere() -> None:
    rng = np.random.default_rng(4)
    vols = np.exp(rng.uniform(np.log(1e-5), np.log(12.0), 150))
    x = -vols * rng.uniform(0.0, 30.0, 150)
    x[:20] = 0.0
    with mpmath.workdps(900):
        targets = np.array([float(log_value(a, s)) for a, s in zip(x, vols, strict=True)])
    total, slope, converged = lognormal_inverse(x, targets)
    assert converged.all()
    # what rounding of the target and of the terms it is the sum of is worth in the volatility
    allowed = 1e-13 + 1e-15 * (np.abs(targets) + 1.0 + vols**2 / 8.0 + (x / vols) ** 2 / 2.0) / slope
    assert (np.abs(total / vols - 1.0) <= allowed).all()


def test_slope_is_the_derivative() -> None:
    for x, s in ((0.0, 0.2), (-0.5, 0.3), (-3.0, 0.4), (-0.001, 2.0)):
        with mpmath.workdps(60):
            slope = s * mpmath.diff(lambda v, x=x: log_value(x, v), mpmath.mpf(s))
            target = float(log_value(x, s))
        assert lognormal_inverse([x], [target])[1][0] == pytest.approx(float(slope), rel=1e-9)


@given(st.lists(st.tuples(st.floats(-40.0, 0.0), st.floats(-700.0, 30.0)), max_size=8))
def test_both_kinds_agree(cases: list[tuple[float, float]]) -> None:
    x, target = (np.array([c[i] for c in cases]) for i in (0, 1))
    found = []
    for kind in KINDS:
        with use_kernels(kind):
            found.append(lognormal_inverse(x, target))
    (one, steep, done), (two, _, also) = found
    assert np.isfinite(one).all()
    allowed = 1e-12 + 4e-15 * (np.abs(target) + 1.0 + one**2 / 8.0 + (x / one) ** 2 / 2.0) / np.maximum(steep, 1e-300)
    # where a price says little about its volatility both may end anywhere near the bound, and not converge
    told = allowed < 1e-3
    assert np.array_equal(done[told], also[told])
    assert (np.abs(one / two - 1.0) <= allowed)[told & done].all()


def test_threads_change_no_bit() -> None:
    rng = np.random.default_rng(1)
    x, target = -rng.uniform(0, 2, 1000), -rng.uniform(0.5, 40, 1000)
    assert np.array_equal(lognormal_inverse(x, target, threads=1)[0], lognormal_inverse(x, target, threads=3)[0])


@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        ([0.1], [0.0], r"x\[0\]: got 0.1, must be at most 0"),
        ([np.nan], [0.0], r"x\[0\]: got nan"),
        ([[0.0]], [0.0], r"x: got shape \(1, 1\), must be \[n\]"),
        ([0.0], [np.inf], r"log_target\[0\]: got inf"),
        ([0.0], [0.0, 1.0], r"log_target: got shape \(2,\)"),
    ],
)
def test_bad_arguments_are_named(x: list[float], target: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lognormal_inverse(x, target)


def test_no_element_is_no_work() -> None:
    assert [a.shape for a in lognormal_inverse([], [])] == [(0,), (0,), (0,)]
