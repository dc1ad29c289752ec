"""Compiled and numpy kernels against a plain loop, the closed formula at high precision, its limits and its laws."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import d1_d2, lognormal_value, lognormal_values, normal_cdf, normal_pdf, revaluation
from plimsoll.kernels.twins import revaluation as twin

Arguments = dict[str, Any]


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this module runs on the compiled kernels and on their twins."""
    with use_kernels(request.param):
        yield request.param


def scalar_twin(forward: float, strike: float, total_vol: float, call: bool) -> float:
    """The textbook formula, one number at a time, with the limits written out as cases."""
    if strike == 0.0:
        return forward if call else 0.0
    if forward == 0.0:
        return 0.0 if call else strike
    if total_vol >= 24.0:
        return forward if call else strike
    if total_vol == 0.0:
        return max(forward - strike if call else strike - forward, 0.0)

    def cdf(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2.0))

    distance = (math.log(forward) - math.log(strike)) / total_vol
    d1, d2 = distance + 0.5 * total_vol, distance - 0.5 * total_vol
    sign = 1.0 if call else -1.0
    return max(sign * (forward * cdf(sign * d1) - strike * cdf(sign * d2)), 0.0)


def twin_values(a: Arguments) -> np.ndarray:
    rows = []
    for i, g in enumerate(a["group"]):
        row = []
        for s in range(a["forward"].shape[1]):
            vol = max(a["total_vol"][i] * a["vol_scale"][g, s], a["vol_floor"][g, s])
            value = scalar_twin(float(a["forward"][g, s]), float(a["strike"][i]), float(vol), bool(a["call"][i]))
            row.append(float(a["discount"][g]) * value)
        rows.append(row)
    return np.array(rows).reshape(len(a["group"]), a["forward"].shape[1])


def scale_of(a: Arguments) -> np.ndarray:
    """max(F, K) times the discount: what errors are measured by."""
    largest = np.maximum(a["forward"][a["group"]], a["strike"][:, None])
    return np.asarray(a["discount"][a["group"]][:, None] * largest)


def random_book(seed: int, n: int = 60, e: int = 4, s: int = 25, ordered: bool = False) -> Arguments:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, e, n)
    return {
        "group": np.sort(group) if ordered else group,
        "strike": 100.0 * np.exp(rng.normal(0.0, 0.5, n)),
        "total_vol": rng.uniform(0.01, 1.5, n),
        "call": rng.random(n) < 0.5,
        "forward": 100.0 * np.exp(rng.normal(0.0, 0.3, (e, s))),
        "vol_scale": rng.uniform(0.3, 2.0, (e, s)),
        "vol_floor": rng.uniform(0.0, 0.3, (e, s)),
        "discount": rng.uniform(0.8, 1.05, e),
    }


SPECIAL = [0.0, sys.float_info.min, 1e-18, 1e-9, 0.5, 1.0, 1.0000000001, 3e4, 1e12, 1e150]
SPECIAL_VOLS = [0.0, 1e-300, 1e-18, 1e-9, 1e-4, 0.3, 5.0, 23.999999, 24.0, 1e3, 1e300]

prices = st.one_of(st.sampled_from(SPECIAL), st.floats(1e-3, 1e6))
vols = st.one_of(st.sampled_from(SPECIAL_VOLS), st.floats(0.0, 30.0))


@st.composite
def books(draw: st.DrawFn) -> Arguments:
    e, s = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    n = draw(st.integers(0, 6))

    def table(of: st.SearchStrategy[float], *shape: int) -> np.ndarray:
        size = math.prod(shape)
        return np.array(draw(st.lists(of, min_size=size, max_size=size))).reshape(shape)

    return {
        "group": table(st.integers(0, e - 1), n).astype(np.int64),
        "strike": table(prices, n),
        "total_vol": table(vols, n),
        "call": table(st.booleans(), n).astype(bool),
        "forward": table(prices, e, s),
        "vol_scale": table(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 4.0)), e, s),
        "vol_floor": table(vols, e, s),
        "discount": table(st.floats(0.0, 1.2), e),
    }


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equals_the_scalar_loop_on_random_books(seed: int, ordered: bool) -> None:
    a = random_book(seed, ordered=ordered)
    error = np.abs(lognormal_values(**a) - twin_values(a)) / scale_of(a)
    assert error.max() <= 2e-15


@given(books())
def test_equals_the_scalar_loop_on_extreme_books(a: Arguments) -> None:
    values = lognormal_values(**a)
    assert values.shape == (a["strike"].size, a["forward"].shape[1])
    error = np.abs(values - twin_values(a))
    assert (error <= 4e-15 * scale_of(a)).all()


@given(books())
def test_bounds_hold_on_extreme_books(a: Arguments) -> None:
    values = lognormal_values(**a)
    d = a["discount"][a["group"]][:, None]
    forward, strike, call = a["forward"][a["group"]], a["strike"][:, None], a["call"][:, None]
    assert (values >= d * np.maximum(np.where(call, forward - strike, strike - forward), 0.0)).all()
    assert (values <= d * np.where(call, forward, strike)).all()


@given(books())
def test_parity_on_extreme_books(a: Arguments) -> None:
    calls = lognormal_values(**{**a, "call": np.ones(a["strike"].size, dtype=bool)})
    puts = lognormal_values(**{**a, "call": np.zeros(a["strike"].size, dtype=bool)})
    d = a["discount"][a["group"]][:, None]
    gap = calls - puts - d * (a["forward"][a["group"]] - a["strike"][:, None])
    assert (np.abs(gap) <= 1e-12 * np.maximum(a["forward"][a["group"]], a["strike"][:, None])).all()


@given(books())
def test_the_output_array_changes_no_bit(a: Arguments) -> None:
    out = np.full((a["strike"].size, a["forward"].shape[1]), np.nan)
    assert lognormal_values(**a, out=out) is out
    assert np.array_equal(out, lognormal_values(**a))


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("block", [4096, 20_000, 1 << 22])
def test_tiles_of_the_twin_agree(ordered: bool, block: int) -> None:
    a = random_book(7, n=37, e=5, s=700, ordered=ordered)
    cells = revaluation._cells(**a, vol_shift=None, per_forward=None)
    assert np.array_equal(twin.values(cells, np.empty(cells.shape), block), twin.values(cells, np.empty(cells.shape)))


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_change_no_bit(threads: int) -> None:
    a = random_book(8, n=41, e=5, s=1300)
    assert np.array_equal(lognormal_values(**a, threads=threads), lognormal_values(**a, threads=1))


def test_rows_and_columns_are_independent() -> None:
    a = random_book(11, n=40, s=30)
    whole = lognormal_values(**a)
    order = np.random.default_rng(0).permutation(40)
    by_row = {name: a[name][order] for name in ("group", "strike", "total_vol", "call")}
    assert np.array_equal(lognormal_values(**{**a, **by_row}), whole[order])
    some = [3, 17, 4]
    by_column = {name: a[name][:, some] for name in ("forward", "vol_scale", "vol_floor")}
    assert np.array_equal(lognormal_values(**{**a, **by_column}), whole[:, some])


def test_the_element_form_equals_the_array_form() -> None:
    a = random_book(13)
    g = a["group"]
    vol = np.maximum(a["total_vol"][:, None] * a["vol_scale"][g], a["vol_floor"][g])
    single = lognormal_value(a["forward"][g], a["strike"][:, None], vol, a["call"][:, None])
    assert lognormal_values(**a) == pytest.approx(single * a["discount"][g][:, None], rel=0.0, abs=5e-13)


def test_precision_against_forty_digits() -> None:
    """Absolute error within 2e-15 of the larger of F and K; out of the money a small relative error."""
    rng = np.random.default_rng(5)
    for _ in range(150):
        forward = float(10.0 ** rng.uniform(-3, 6))
        vol = float(np.exp(rng.uniform(math.log(5e-4), math.log(4.0))))
        strike = forward * float(np.exp(rng.uniform(-8.0, 8.0) * vol))
        call = strike > forward
        with mpmath.workdps(40):
            f, k, s = mpmath.mpf(forward), mpmath.mpf(strike), mpmath.mpf(vol)
            d1 = mpmath.log(f / k) / s + s / 2
            sign = 1 if call else -1
            exact = sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - s)))
            out = float(lognormal_value(forward, strike, vol, call))
            other = float(lognormal_value(forward, strike, vol, not call))
            larger = max(forward, strike)
            assert abs(out - exact) <= 2e-15 * larger
            assert abs(other - (exact - sign * (f - k))) <= 2e-15 * larger
            if exact > 1e-12 * forward:
                assert abs(out - exact) <= 1e-9 * exact


@pytest.mark.parametrize("call", [True, False])
def test_monotone_in_vol_and_strike_and_convex_in_strike(call: bool) -> None:
    vol = np.linspace(0.0, 26.0, 400)
    by_vol = lognormal_value(100.0, 130.0, vol, call)
    assert (np.diff(by_vol) >= -1e-13 * 130.0).all()
    assert by_vol[-1] > by_vol[0]
    strike = np.linspace(0.0, 400.0, 401)
    for s in (0.0, 1e-6, 0.05, 0.6, 3.0):
        by_strike = lognormal_value(100.0, strike, s, call)
        assert ((np.diff(by_strike) if not call else -np.diff(by_strike)) >= -1e-13).all()
        assert (np.diff(by_strike, 2) >= -1e-12).all()


def test_named_limits() -> None:
    assert lognormal_value(100.0, [90.0, 110.0], 0.0, True).tolist() == [10.0, 0.0]
    assert lognormal_value(100.0, [90.0, 110.0], 0.0, False).tolist() == [0.0, 10.0]
    assert lognormal_value(100.0, 100.0, 0.0, [True, False]).tolist() == [0.0, 0.0]
    assert lognormal_value(100.0, 0.0, [0.0, 0.5, 30.0], True).tolist() == [100.0] * 3
    assert lognormal_value(100.0, 0.0, [0.0, 0.5, 30.0], False).tolist() == [0.0] * 3
    assert lognormal_value(0.0, 100.0, [0.0, 0.5, 30.0], True).tolist() == [0.0] * 3
    assert lognormal_value(0.0, 100.0, [0.0, 0.5, 30.0], False).tolist() == [100.0] * 3
    assert lognormal_value(0.0, 0.0, [0.0, 0.5, 30.0], True).tolist() == [0.0] * 3
    assert lognormal_value(1e-100, 1e100, 24.0, True) == 1e-100


def test_empty_books_have_empty_values() -> None:
    assert lognormal_values([], [], [], [], np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), [1, 1]).shape == (0, 3)
    none = np.ones((1, 0))
    assert lognormal_values([0], [1.0], [0.1], [True], none, none, none, [1.0]).shape == (1, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strike": np.full(3, np.nan)}, r"strike\[0\]: got nan"),
        ({"strike": np.ones(2)}, r"strike: got shape \(2,\), must be \[N\] = \(3,\)"),
        ({"strike": np.array(["a", "b", "c"])}, "strike: got an array of <U1"),
        ({"total_vol": np.array([0.1, -0.1, 0.1])}, r"total_vol\[1\]: got -0.1"),
        ({"group": np.array([0, 1, 2])}, r"group\[2\]: got 2, must be from 0 to 1"),
        ({"group": np.array([0, -1, 1])}, r"group\[1\]: got -1"),
        ({"group": np.array([0.0, 1.0, 1.0])}, "group: got float64"),
        ({"call": np.array([1, 0, 1])}, "call: got int64"),
        ({"forward": np.ones(2)}, r"forward: got shape \(2,\), must be \[E, S\]"),
        ({"forward": np.full((2, 2), np.inf)}, r"forward\[0, 0\]: got inf"),
        ({"vol_scale": np.ones((2, 3))}, "vol_scale: got shape"),
        ({"vol_scale": np.full((2, 2), -1.0)}, r"vol_scale\[0, 0\]: got -1.0"),
        ({"vol_floor": np.full((2, 2), np.nan)}, r"vol_floor\[0, 0\]: got nan"),
        ({"discount": np.array([1.0, -0.5])}, r"discount\[1\]: got -0.5"),
        ({"discount": np.ones(3)}, "discount: got shape"),
        ({"threads": 0}, "threads: got 0"),
        ({"threads": True}, "threads: got True"),
        ({"out": np.empty((3, 3))}, r"out: got float64 of shape \(3, 3\)"),
        ({"out": np.empty((3, 2), order="F")}, "out: got float64"),
        ({"out": np.empty((3, 2), dtype=np.float32)}, "out: got float32"),
    ],
)
def test_bad_arguments_are_named(change: Arguments, message: str) -> None:
    good: Arguments = {
        "group": np.array([0, 1, 1]),
        "strike": np.ones(3),
        "total_vol": np.ones(3),
        "call": np.ones(3, dtype=bool),
        "forward": np.ones((2, 2)),
        "vol_scale": np.ones((2, 2)),
        "vol_floor": np.zeros((2, 2)),
        "discount": np.ones(2),
    }
    assert np.isfinite(lognormal_values(**good)).all()
    with pytest.raises(ValueError, match=message):
        lognormal_values(**{**good, **change})


def test_normal_functions_against_high_precision() -> None:
    for x in (-40.0, -37.5, -8.0, -1.0, 0.0, 0.3, 2.0, 9.0, 40.0):
        with mpmath.workdps(40):
            assert float(normal_cdf(x)) == pytest.approx(float(mpmath.ncdf(x)), rel=1e-12, abs=1e-300)
            assert float(normal_pdf(x)) == pytest.approx(float(mpmath.npdf(x)), rel=1e-12, abs=1e-300)


def test_d1_and_d2_stay_finite() -> None:
    forward, strike = np.meshgrid(SPECIAL, SPECIAL)
    for s in SPECIAL_VOLS:
        d1, d2 = d1_d2(forward, strike, s)
        assert np.isfinite(d1).all()
        assert np.isfinite(d2).all()
    assert [float(d) for d in d1_d2(100.0, 100.0, 0.4)] == [0.2, -0.2]
