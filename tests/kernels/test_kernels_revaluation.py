"""Greeks, books, additive shocks and values per forward: compiled kernels against their twins and the formulas."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import lognormal_book, lognormal_greeks, lognormal_value, lognormal_values
from plimsoll.pricing.greeks import greeks

Arguments = dict[str, Any]
SPECIAL_PRICES = [0.0, 1e-12, 0.5, 1.0, 1.0000000001, 3e4, 1e12]
SPECIAL_VOLS = [0.0, 1e-300, 1e-18, 1e-9, 1e-4, 0.3, 5.0, 23.999999, 24.0, 1e3]
SPECIAL_SHIFTS = [-1e3, -0.3, -1e-9, 0.0, 1e-9, 0.2, 23.0, 1e4]


@st.composite
def books(draw: st.DrawFn) -> Arguments:
    e, s, n = draw(st.integers(1, 3)), draw(st.integers(1, 19)), draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)

    def mixed(special: list[float], low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        usual = rng.uniform(low, high, shape)
        return np.where(rng.random(shape) < 0.4, rng.choice(special, shape), usual)

    return {
        "group": rng.integers(0, e, n),
        "strike": mixed(SPECIAL_PRICES, 0.1, 10.0, (n,)),
        "total_vol": mixed(SPECIAL_VOLS, 0.0, 3.0, (n,)),
        "call": rng.random(n) < 0.5,
        "forward": mixed(SPECIAL_PRICES, 0.1, 10.0, (e, s)),
        "vol_scale": mixed([0.0, 1.0, 1e-9], 0.0, 3.0, (e, s)),
        "vol_floor": mixed([*SPECIAL_VOLS, 0.0, 0.0], 0.0, 0.5, (e, s)) if draw(st.booleans()) else None,
        "vol_shift": mixed(SPECIAL_SHIFTS, -0.5, 0.5, (e, s)) if draw(st.booleans()) else None,
        "discount": rng.uniform(0.0, 1.2, e),
    }


def cell_vols(a: Arguments) -> np.ndarray:
    g = a["group"]
    vol = a["total_vol"][:, None] * a["vol_scale"][g]
    vol = vol if a["vol_shift"] is None else vol + a["vol_shift"][g]
    return np.maximum(vol, 0.0 if a["vol_floor"] is None else a["vol_floor"][g])


def scale_of(a: Arguments) -> np.ndarray:
    g = a["group"]
    return np.maximum(a["forward"][g], a["strike"][:, None])


def both(function: Any, **arguments: Any) -> list[Any]:
    found = []
    for kind in KINDS:
        with use_kernels(kind):
            found.append(function(**arguments))
    return found


@given(books())
def test_values_with_shift_and_floor_equal_the_element_form(a: Arguments) -> None:
    g = a["group"]
    expected = a["discount"][g][:, None] * lognormal_value(
        a["forward"][g], a["strike"][:, None], cell_vols(a), a["call"][:, None]
    )
    for found in both(lognormal_values, **a):
        assert (np.abs(found - expected) <= 4e-15 * scale_of(a)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_floor_that_binds_nowhere_changes_no_bit(kind: str) -> None:
    """The loop that cuts nothing and the one that would cut are held to the same bits."""
    rng = np.random.default_rng(11)
    n, e, s = 60, 3, 41
    arguments: Arguments = {
        "group": rng.integers(0, e, n),
        "strike": rng.uniform(30_000.0, 120_000.0, n),
        "total_vol": rng.uniform(0.02, 0.9, n),
        "call": rng.random(n) < 0.5,
        "forward": rng.uniform(40_000.0, 90_000.0, (e, s)),
        "vol_scale": rng.uniform(0.5, 2.0, (e, s)),
        "discount": np.array([1.0, 0.97, 1.01]),
    }
    floor = np.full((e, s), 1e-9)
    with use_kernels(kind):
        plain = lognormal_values(**arguments, vol_floor=None)
        assert np.array_equal(plain, lognormal_values(**arguments, vol_floor=floor))
        root = rng.uniform(0.1, 1.0, n)
        greeks_plain = lognormal_greeks(**arguments, root_time=root, vol_floor=None)
        greeks_floor = lognormal_greeks(**arguments, root_time=root, vol_floor=floor)
        assert all(map(np.array_equal, greeks_plain, greeks_floor))
        assert np.array_equal(greeks_plain.value, plain)


@pytest.mark.parametrize("kind", KINDS)
def test_greeks_fill_a_given_array(kind: str) -> None:
    book = (
        [0, 0],
        [100.0, 90.0],
        [0.2, 0.3],
        [True, False],
        [0.5, 0.5],
        [[100.0, 95.0, 80.0]],
        np.ones((1, 3)),
        None,
        [0.9],
    )
    with use_kernels(kind):
        out = np.full((5, 2, 3), np.nan)
        found = lognormal_greeks(*book, out=out)
        assert all(np.shares_memory(part, out[k]) for k, part in enumerate(found))
        assert all(map(np.array_equal, found, lognormal_greeks(*book)))
        with pytest.raises(ValueError, match=r"out: got float64 of shape \(5, 2\), must be .* \[5, N, S\]"):
            lognormal_greeks(*book, out=np.empty((5, 2)))


@given(books(), st.integers(0, 2**32 - 1))
def test_values_per_forward(a: Arguments, seed: int) -> None:
    paid = np.random.default_rng(seed).random(a["group"].size) < 0.5
    plain = lognormal_values(**a)
    forward = a["forward"][a["group"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        coins = np.where(forward > 0.0, plain / forward, 0.0)
    for found in both(lognormal_values, **a, per_forward=paid):
        expected = np.where(paid[:, None], coins, plain)
        # for a put far above its forward the coin value is huge, so compare relative to strike over forward
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(paid[:, None], np.where(forward > 0.0, scale_of(a) / forward, 1.0), scale_of(a))
        assert (np.abs(found - expected) <= 1e-14 * scale).all()


@given(books(), st.integers(0, 2**32 - 1))
def test_a_book_is_the_sum_of_its_values(a: Arguments, seed: int) -> None:
    rng = np.random.default_rng(seed)
    quantity = rng.normal(0.0, 10.0, a["group"].size)
    paid = rng.random(a["group"].size) < 0.3
    paid &= ~(a["forward"][a["group"]] < 1e-6).any(axis=1)
    values = lognormal_values(**a, per_forward=paid)
    expected = (quantity[:, None] * values).sum(axis=0)
    bound = (np.abs(quantity)[:, None] * np.maximum(scale_of(a), np.abs(values))).sum(axis=0)
    for found in both(lognormal_book, **a, quantity=quantity, per_forward=paid):
        assert found.shape == expected.shape
        assert (np.abs(found - expected) <= 1e-13 * bound).all()


@given(books(), st.integers(0, 2**32 - 1))
def test_greeks_of_both_kinds_agree(a: Arguments, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = np.where(rng.random(a["group"].size) < 0.2, 0.0, rng.uniform(0.01, 2.0, a["group"].size))
    native, numpy = both(lognormal_greeks, **a, root_time=root)
    scale, vol = scale_of(a), cell_vols(a)
    discount = a["discount"][a["group"]][:, None]
    assert (np.abs(native.value - numpy.value) <= 4e-15 * scale).all()
    # the distance ln(F/K)/s is known to some units of rounding: its error grows with itself
    forward, strike = np.maximum(a["forward"][a["group"]], 1e-300), np.maximum(a["strike"], 1e-300)[:, None]
    steep = 1.0 + np.abs(np.log(forward) - np.log(strike)) / np.maximum(vol, 1e-18)
    close = 1e-13 * np.minimum(steep, 1e3)
    assert (np.abs(native.delta - numpy.delta) <= close * discount + 1e-300).all()
    for name, one, two in zip(native._fields[2:], native[2:], numpy[2:], strict=True):
        largest = np.maximum(np.abs(one), np.abs(two))
        assert (np.abs(one - two) <= 1e-9 * largest + 1e-280 * (1.0 + largest)).all(), name


def test_greeks_equal_the_closed_form_of_pricing() -> None:
    rng = np.random.default_rng(3)
    n = 400
    forward, strike = 100.0 * np.exp(rng.normal(0, 0.3, n)), 100.0 * np.exp(rng.normal(0, 0.3, n))
    t, vol, call = rng.uniform(0.01, 2.0, n), rng.uniform(0.1, 1.5, n), rng.random(n) < 0.5
    expected = greeks(forward, strike, t, vol, call)
    for found in both(
        lognormal_greeks,
        group=np.arange(n),
        strike=strike,
        total_vol=vol * np.sqrt(t),
        call=call,
        root_time=np.sqrt(t),
        forward=forward[:, None],
        vol_scale=np.ones((n, 1)),
        vol_floor=None,
        discount=np.ones(n),
    ):
        for name in ("delta", "gamma", "vega", "theta"):
            assert getattr(found, name)[:, 0] == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-14), name


@pytest.mark.parametrize("kind", KINDS)
def test_price_error_against_forty_digits(kind: str) -> None:
    """At most 3e-15 of the forward where the strike is not above twice it."""
    rng = np.random.default_rng(5)
    n = 300
    forward = np.full((1, 1), 1.0)
    strike, vol = rng.uniform(0.1, 2.0, n), np.exp(rng.uniform(np.log(1e-3), np.log(3.0), n))
    call = rng.random(n) < 0.5
    with use_kernels(kind):
        found = lognormal_values(np.zeros(n, int), strike, vol, call, forward, forward, None, [1.0])[:, 0]
    for i in range(n):
        with mpmath.workdps(40):
            k, s = mpmath.mpf(strike[i]), mpmath.mpf(vol[i])
            d1 = -mpmath.log(k) / s + s / 2
            sign = 1 if call[i] else -1
            exact = sign * (mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - s)))
            assert abs(found[i] - exact) <= 3e-15


def wide_book(n: int, s: int) -> Arguments:
    rng = np.random.default_rng(17)
    return {
        "group": rng.integers(0, 5, n),
        "strike": 100.0 * np.exp(rng.normal(0, 0.5, n)),
        "total_vol": rng.uniform(0.01, 30.0, n),
        "call": rng.random(n) < 0.5,
        "forward": 100.0 * np.exp(rng.normal(0, 0.3, (5, s))),
        "vol_scale": rng.uniform(0.3, 2.0, (5, s)),
        "vol_floor": None,
        "discount": rng.uniform(0.8, 1.05, 5),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenarios", [1, 7, 8, 511, 513, 1025])
def test_no_bit_depends_on_threads_or_neighbours(kind: str, scenarios: int) -> None:
    a = wide_book(23, scenarios)
    quantity, root = np.linspace(-3.0, 3.0, 23), np.linspace(0.0, 2.0, 23)
    with use_kernels(kind):
        book, values = lognormal_book(**a, quantity=quantity, threads=1), lognormal_values(**a, threads=1)
        found = lognormal_greeks(**a, root_time=root, threads=1)
        for threads in (2, 5):
            assert np.array_equal(lognormal_book(**a, quantity=quantity, threads=threads), book)
            assert all(map(np.array_equal, lognormal_greeks(**a, root_time=root, threads=threads), found))
        for s in {0, scenarios // 2, scenarios - 1}:
            alone = {**a, **{name: a[name][:, s : s + 1] for name in ("forward", "vol_scale")}}
            assert np.array_equal(lognormal_values(**alone)[:, 0], values[:, s])
            assert np.array_equal(lognormal_book(**alone, quantity=quantity), book[s : s + 1])
            assert np.array_equal(lognormal_greeks(**alone, root_time=root).gamma[:, 0], found.gamma[:, s])


def test_results_begin_on_a_cache_line() -> None:
    for n in (1, 3, 24, 1000):
        values = lognormal_values(**wide_book(n, 7))
        assert values.ctypes.data % 64 == 0
        assert values.flags.c_contiguous
        assert values.flags.writeable


def test_shapes_of_empty_books() -> None:
    none = np.ones((1, 0))
    for found in both(
        lognormal_book,
        group=[],
        strike=[],
        total_vol=[],
        call=[],
        quantity=[],
        forward=np.ones((1, 2)),
        vol_scale=np.ones((1, 2)),
        vol_floor=None,
        discount=[1.0],
    ):
        assert found.tolist() == [0.0, 0.0]
    for found in both(
        lognormal_greeks,
        group=[0],
        strike=[1.0],
        total_vol=[1.0],
        call=[True],
        root_time=[1.0],
        forward=none,
        vol_scale=none,
        vol_floor=None,
        discount=[1.0],
    ):
        assert found.gamma.shape == (1, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": [np.nan]}, r"quantity\[0\]: got nan, must be finite$"),
        ({"quantity": [1.0, 2.0]}, r"quantity: got shape \(2,\)"),
        ({"vol_shift": [[np.inf]]}, r"vol_shift\[0, 0\]: got inf, must be finite$"),
        ({"vol_shift": [[0.0, 1.0]]}, r"vol_shift: got shape \(1, 2\)"),
        ({"per_forward": [1]}, "per_forward: got int64"),
        ({"threads": -1}, "threads: got -1"),
        ({"threads": 1.5}, "threads: got 1.5"),
    ],
)
def test_bad_arguments_are_named(change: Arguments, message: str) -> None:
    good: Arguments = {
        "group": [0],
        "strike": [1.0],
        "total_vol": [1.0],
        "call": [True],
        "quantity": [1.0],
        "forward": [[1.0]],
        "vol_scale": [[1.0]],
        "vol_floor": None,
        "discount": [1.0],
    }
    assert np.isfinite(lognormal_book(**good)).all()
    with pytest.raises(ValueError, match=message):
        lognormal_book(**{**good, **change})


def test_root_time_is_checked() -> None:
    with pytest.raises(ValueError, match=r"root_time\[0\]: got -1.0"):
        lognormal_greeks([0], [1.0], [1.0], [True], [-1.0], [[1.0]], [[1.0]], None, [1.0])
