"""Rows of whole counts under a charge in steps: compiled and numpy give the same bits, and plain Python agrees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import step_rows


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_kernels(request.param):
        yield request.param


def rows(seed: int, accounts: int = 60, columns: int = 5, steps: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    length = rng.integers(0, columns + 1, accounts)
    ends = np.cumsum(rng.uniform(1e3, 1e7, (columns, steps)), axis=1)
    ends[:, -1] = np.inf
    ends[0, 1:] = np.inf  # a shorter table
    return {
        "indptr": np.concatenate([[0], np.cumsum(length)]),
        "indices": rng.integers(0, columns, int(length.sum())),
        "count": rng.integers(-(10**5), 10**5, int(length.sum())),
        "base": rng.integers(-(10**12), 10**12, accounts),
        "price": rng.integers(-(10**6), 10**6, columns),
        "size": rng.integers(1, 10**6, columns),
        "ends": ends,
        "rates": rng.uniform(0.001, 0.3, (columns, steps)),
    }


def plainly(given_: dict[str, Any], a: int) -> tuple[int, float]:
    value, total = int(given_["base"][a]), 0.0
    for j in range(int(given_["indptr"][a]), int(given_["indptr"][a + 1])):
        i, n = int(given_["indices"][j]), int(given_["count"][j])
        value += n * int(given_["price"][i])
        size, part, start = float(abs(n * int(given_["size"][i]))), 0.0, 0.0
        for end, rate in zip(given_["ends"][i].tolist(), given_["rates"][i].tolist(), strict=True):
            if size <= start:
                break
            part += (min(size, end) - start) * rate
            start = end
        total += part
    return value, total


@given(st.integers(0, 10**6), st.integers(0, 80), st.integers(1, 4))
def test_each_row_is_what_plain_python_says_to_the_bit(seed: int, accounts: int, steps: int) -> None:
    made = rows(seed, accounts, steps=steps)
    for kind in KINDS:
        with use_kernels(kind):
            value, charge = step_rows(**made, threads=1 + seed % 3)
        for a in range(accounts):
            assert (int(value[a]), float(charge[a])) == plainly(made, a)


def test_many_rows_over_threads(kind: str) -> None:
    made = rows(3, 30_000)
    one, three = step_rows(**made, threads=1), step_rows(**made, threads=3)
    assert np.array_equal(one[0], three[0])
    assert np.array_equal(one[1], three[1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"indices": np.array([0, 9])}, r"indices\[1\]: got 9, must be from 0 to 1"),
        ({"indices": np.array([0, -1])}, r"indices\[1\]: got -1, must be from 0 to 1"),
        ({"count": np.array([2**61, 1])}, "count \\* price: a row has a sum of magnitudes above"),
        ({"base": np.array([-(2**63)])}, "count \\* price: a row has a sum of magnitudes above"),
        ({"size": np.array([2**61, 1])}, "count \\* price: a row has a sum of magnitudes above"),
        ({"count": np.array([1.5, 1])}, "count: got float64 of shape|count: got an array|must be integers"),
        ({"count": np.array([1])}, "count: got 1 numbers, must be 2 as in indices"),
        ({"indptr": np.array([0, 1])}, "indptr: must rise from 0 to 2"),
        ({"base": np.array([1, 2])}, "base: got 2 numbers, must be 1"),
        ({"size": np.array([1])}, "size: got 1 numbers, must be 2 as in price"),
        ({"rates": np.array([[0.1], [np.nan]])}, "ends, rates: must be ends that never fall"),
        ({"ends": np.array([[-1.0], [np.inf]])}, "ends, rates: must be ends that never fall"),
        ({"rates": np.array([[0.1]])}, r"rates: got shapes \(2, 1\) and \(1, 1\)"),
    ],
)
def test_refusals(kind: str, change: dict[str, Any], told: str) -> None:
    base = {
        "indptr": np.array([0, 2]),
        "indices": np.array([0, 1]),
        "count": np.array([4, -4]),
        "base": np.array([10]),
        "price": np.array([4, 5]),
        "size": np.array([4, 5]),
        "ends": np.full((2, 1), np.inf),
        "rates": np.full((2, 1), 0.1),
    }
    assert step_rows(**base)[0].tolist() == [6]
    with pytest.raises(ValueError, match=told):
        step_rows(**{**base, **change})
