"""Measures of sparse accounts, compiled and in numpy, against plain loops in exact numbers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_books import (
    Arrays,
    amounts,
    gross,
    levels,
    loop_losses,
    loop_tail,
    parts,
    random_accounts,
    sparse_accounts,
)
from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import (
    account_es,
    account_var,
    account_worst,
    aggregate_accounts,
    expected_shortfall,
    value_at_risk,
    worst,
)
from plimsoll.kernels.twins import accounts as twin

#: Relative to the gross sum of an account of n positions: each product and each sum rounds.
ROUNDING = 2.0**-53


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this module runs on the compiled kernels and on their twins."""
    with use_kernels(request.param):
        yield request.param


def assert_near(got: np.ndarray, exact: list[Fraction], tolerance: np.ndarray) -> None:
    assert got.shape == (len(exact),)
    for value, wanted, allowed in zip(got.tolist(), exact, tolerance.tolist(), strict=True):
        assert abs(Fraction(value) - wanted) <= Fraction(allowed) + Fraction(1, 10**300)


@given(sparse_accounts())
def test_worst_equals_the_loop(arrays: Arrays) -> None:
    loss, scenario = account_worst(*arrays)
    exact = loop_losses(arrays)
    size, count = gross(arrays)
    allowed = (2.0 * count + 2.0) * ROUNDING * size
    assert_near(loss, [max(losses) for losses in exact], allowed)
    for losses, at, tolerance in zip(exact, scenario.tolist(), allowed.tolist(), strict=True):
        assert losses[at] >= max(losses) - 2 * Fraction(tolerance) - Fraction(1, 10**300)
    assert loss.dtype == np.float64
    assert scenario.dtype == np.int64


@given(sparse_accounts(), levels)
def test_var_and_es_equal_the_loop(arrays: Arrays, level: float) -> None:
    tails = [loop_tail(losses, level) for losses in loop_losses(arrays)]
    size, count = gross(arrays)
    allowed = (2.0 * count + 40.0) * ROUNDING * size
    assert_near(account_var(*arrays, level), [var for var, _ in tails], allowed)
    # where the tail is a sliver of one atom the level itself is known to 2**-53 of it only
    assert_near(account_es(*arrays, level), [es for _, es in tails], allowed + 1e-6 * size * (level > 0.9999))


@given(sparse_accounts(st.integers(-3, 3).map(float)), st.data())
def test_the_lowest_of_equal_losses_binds_and_weights_act_on_sums(arrays: Arrays, data: st.DataObject) -> None:
    size = arrays[3].shape[1]
    weights = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=size, max_size=size)))
    for w in (None, weights):
        loss, scenario = account_worst(*arrays, w)
        value, index = worst(aggregate_accounts(*arrays), w)  # these sums are exact
        assert loss.tolist() == value.tolist()
        assert scenario.tolist() == index.tolist()
        assert not np.signbit(loss[loss == 0.0]).any()


@pytest.mark.parametrize("scenarios", [1, 7, 8, 31, 32, 33, 300, 601])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equals_the_materialised_array_on_random_accounts(scenarios: int, dtype: type) -> None:
    arrays = random_accounts(scenarios, 400, 50, scenarios)
    size, count = gross(arrays)
    losses = -aggregate_accounts(*arrays)
    unit = 2.0**-24 if dtype is np.float32 else 2.0**-53
    allowed = (count + 3.0) * unit * size * (1.0 if dtype is np.float32 else 2.0)
    found, at = account_worst(*arrays, dtype=dtype)
    assert found.dtype == dtype
    assert (np.abs(found - losses.max(axis=1)) <= allowed).all()
    assert (losses[np.arange(400), at] >= losses.max(axis=1) - 2.0 * allowed).all()
    for level in (0.01, 0.5, 0.9, 0.95, 0.975, 0.99, 0.999):
        var = account_var(*arrays, level, dtype=dtype)
        assert var.dtype == dtype
        assert (np.abs(var - value_at_risk(losses, level)) <= allowed).all()
        k = scenarios * (1.0 - level) + 1.0
        es = account_es(*arrays, level, dtype=dtype)
        assert (np.abs(es - expected_shortfall(losses, level)) <= allowed + (21.0 + k / 8.0) * unit * size).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_and_neighbours_change_no_bit(dtype: type) -> None:
    arrays = random_accounts(5, 3000, 60, 130)
    weights = np.random.default_rng(1).uniform(size=130)

    def measures(of: Arrays, threads: int | None) -> list[np.ndarray]:
        return [
            *account_worst(*of, dtype=dtype, threads=threads),
            *account_worst(*of, weights, dtype=dtype, threads=threads),
            account_var(*of, 0.9, dtype=dtype, threads=threads),
            account_es(*of, 0.9, dtype=dtype, threads=threads),
        ]

    whole = measures(arrays, 1)
    for threads in (2, 3, 7, None):
        for one, other in zip(whole, measures(arrays, threads), strict=True):
            assert np.array_equal(one, other)
    some = [2999, 17, 0, 1200]
    for one, other in zip(whole, measures(parts(arrays, some), 1), strict=True):
        assert np.array_equal(one[some], other)


@pytest.mark.parametrize("scenarios", [1, 8, 33, 129])
def test_no_bit_of_a_loss_depends_on_the_columns_beside_it(scenarios: int) -> None:
    indptr, indices, quantity, pnl = random_accounts(6, 200, 40, 130)
    everything = account_var(indptr, indices, quantity, pnl[:, :1], 0.5)
    first = np.repeat(pnl[:, :1], scenarios, axis=1)
    assert np.array_equal(account_var(indptr, indices, quantity, first, 0.5), everything)
    found, at = account_worst(indptr, indices, quantity, first)
    assert np.array_equal(found, everything + 0.0)
    assert not at.any()


def test_large_groups_of_accounts_agree_with_small_ones() -> None:
    """More accounts and positions than are worked on at a time."""
    arrays = random_accounts(7, 20_000, 30, 9, held=15.0)
    loss, scenario = account_worst(*arrays, threads=2)
    es = account_es(*arrays, 0.7, threads=2)
    for part in (range(50), range(8_150, 8_250), range(19_990, 20_000)):
        own = parts(arrays, list(part))
        assert np.array_equal(loss[list(part)], account_worst(*own)[0])
        assert np.array_equal(scenario[list(part)], account_worst(*own)[1])
        assert np.array_equal(es[list(part)], account_es(*own, 0.7))


@pytest.mark.parametrize("block", [1, 4096, 1 << 24])
def test_blocks_of_the_twin_agree(block: int) -> None:
    indptr, indices, quantity, pnl = random_accounts(8, 100, 20, 30)
    loss, at = np.empty(100), np.empty(100, dtype=np.int64)
    twin.worst(indptr, indices, quantity, pnl, None, loss, at, block)
    whole, where = np.empty(100), np.empty(100, dtype=np.int64)
    twin.worst(indptr, indices, quantity, pnl, None, whole, where)
    assert np.array_equal(loss, whole)
    assert np.array_equal(at, where)


def test_heavy_ties_and_one_sided_books() -> None:
    """Selections whose numbers are nearly all the same, where an interval cannot be narrowed."""
    for size in (40, 300, 5000):
        pnl = np.zeros((3, size))
        pnl[1, -3:] = -1.0
        pnl[2] = np.arange(size) % 2
        for level in (0.5, 0.9, 0.975, 0.999):
            held = ([0, 1, 2, 3], [0, 1, 2], [1.0, 1.0, 1.0])
            losses = -pnl
            assert np.array_equal(account_var(*held, pnl, level), value_at_risk(losses, level))
            assert account_es(*held, pnl, level) == pytest.approx(expected_shortfall(losses, level), rel=1e-14)


def test_no_account_and_no_instrument() -> None:
    empty: tuple[Any, ...] = ([0], [], [], np.empty((0, 4)))
    assert account_worst(*empty)[0].shape == (0,)
    assert account_es(*empty, 0.9).shape == (0,)
    loss, scenario = account_worst([0, 0, 0], [], [], np.empty((0, 4)))
    assert (loss.tolist(), scenario.tolist()) == ([0.0, 0.0], [0, 0])
    assert account_es([0, 0, 0], [], [], np.empty((0, 4)), 0.9).tolist() == [0.0, 0.0]


@given(sparse_accounts(amounts), st.floats(0.5, 4.0))
def test_another_scenario_never_lowers_the_worst(arrays: Arrays, move: float) -> None:
    indptr, indices, quantity, pnl = arrays
    more = np.concatenate([pnl, move * pnl[:, :1]], axis=1)
    assert (account_worst(indptr, indices, quantity, more)[0] >= account_worst(*arrays)[0]).all()


GOOD: dict[str, Any] = {"indptr": [0, 1, 3], "indices": [0, 1, 0], "quantity": [1.0, 2.0, 3.0], "pnl": np.ones((2, 3))}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": [0, 2]}, "indptr: must rise from 0 to 3"),
        ({"indptr": [0, 3, 2]}, "indptr: must rise"),
        ({"indptr": []}, "indptr: must rise"),
        ({"indptr": [0.0, 1.0, 3.0]}, "indptr: got float64"),
        ({"indices": [0, 2, 0]}, r"indices\[1\]: got 2, must be from 0 to 1"),
        ({"indices": [0, -1, 0]}, r"indices\[1\]: got -1"),
        ({"indices": [0, 1]}, "quantity: got 3 numbers, must be 2"),
        ({"quantity": [1.0, np.nan, 3.0]}, r"quantity\[1\]: got nan"),
        ({"quantity": [1.0, 1.0, -np.inf]}, r"quantity\[2\]: got -inf"),
        ({"quantity": ["a", "b", "c"]}, "quantity: got an array of <U1"),
        ({"pnl": np.ones(3)}, r"pnl: got shape \(3,\), must have 2 axes"),
        ({"pnl": np.ones((2, 0))}, r"pnl: got shape \(2, 0\), must have at least one scenario"),
        ({"pnl": np.array([[1.0, 2.0], [np.nan, 1.0]])}, r"pnl\[1, 0\]: got nan"),
        ({"pnl": np.array([[1.0, 2.0], [np.inf, 1.0]])}, r"pnl\[1, 0\]: got inf"),
        ({"pnl": np.full((2, 1), 1e308)}, r"quantity \* pnl: account 1 has a gross sum of inf"),
        ({"pnl": np.full((2, 1), 1e38), "dtype": np.float32}, r"quantity \* pnl: account 1 has a gross sum of 5"),
        ({"quantity": [1.0, 1e39, 3.0], "dtype": np.float32}, r"quantity\[1\]: got 1e\+39, must be at most 3.4"),
        ({"pnl": np.full((2, 1), -1e39), "dtype": np.float32}, r"pnl\[0, 0\]: got -1e\+39, must be at most 3.4"),
        ({"dtype": np.float16}, "dtype: got float16, must be float64 or float32"),
        ({"threads": 0}, "threads: got 0"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    account_worst(**GOOD)
    with pytest.raises(ValueError, match=message):
        account_worst(**{**GOOD, **change})
    with pytest.raises(ValueError, match=message):
        account_es(**{**GOOD, **change}, level=0.9)


@pytest.mark.parametrize("copies", [1, 50])
def test_rows_that_nobody_holds_are_not_read(copies: int) -> None:
    pnl = np.array([[np.nan, 1.0], [3.0, -2.0], [np.inf, 1e300], [1.0, 5.0]])
    indptr, indices, quantity = np.arange(copies + 1) * 2, [1, 3] * copies, [1.0, 2.0] * copies
    for dtype in (np.float64, np.float32):
        loss, scenario = account_worst(indptr, indices, quantity, pnl, dtype=dtype)
        assert (loss.tolist(), scenario.tolist()) == ([-5.0] * copies, [0] * copies)
        assert account_es(indptr, indices, quantity, pnl, 0.5, dtype=dtype).tolist() == [-5.0] * copies
        for row in (0, 2):
            with pytest.raises(ValueError, match=rf"pnl\[{row}, 0\]: got"):
                account_worst(indptr, [*indices[:-1], row], quantity, pnl, dtype=dtype)


def test_bad_weights_and_levels_are_named() -> None:
    with pytest.raises(ValueError, match=r"weights: got shape \(2,\), must be \[S\] = \(3,\)"):
        account_worst(**GOOD, weights=[1.0, 1.0])
    with pytest.raises(ValueError, match=r"weights\[1\]: got -1"):
        account_worst(**GOOD, weights=[1.0, -1.0, 1.0])
    with pytest.raises(ValueError, match=r"weights\[2\]: got 1e\+39"):
        account_worst(**GOOD, weights=[1.0, 1.0, 1e39], dtype=np.float32)
    with pytest.raises(ValueError, match="gross sum"):
        account_worst(**{**GOOD, "pnl": np.full((2, 3), 1e300)}, weights=[1.0, 1.0, 1e10])
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="level: got"):
            account_var(**GOOD, level=level)


def test_prices_larger_than_the_caches_give_the_bits_of_few_rows() -> None:
    """Their packed copy goes past the caches; the rows of a few accounts do not."""
    rng = np.random.default_rng(12)
    pnl = rng.normal(size=(300, 2003))
    indptr = 10 * np.arange(151)
    indices, quantity = rng.integers(0, 300, 1500), rng.normal(size=1500)
    for threads in (1, 2):
        loss, scenario = account_worst(indptr, indices, quantity, pnl, threads=threads)
        es = account_es(indptr, indices, quantity, pnl, 0.975, threads=threads)
        for a in range(0, 150, 15):
            own = slice(10 * a, 10 * a + 10)
            few = [0, 10], indices[own], quantity[own], pnl
            one_loss, one_scenario = account_worst(*few)
            assert (loss[a], scenario[a]) == (one_loss[0], one_scenario[0])
            assert es[a] == account_es(*few, 0.975)[0]
    bad = pnl.copy()
    bad[indices[7], 2002] = np.nan
    with pytest.raises(ValueError, match=r"pnl\["):
        account_worst(indptr, indices, quantity, bad)
