"""What a tick writes into hot rows: a view where rows stand together, the largest move of each, all by the long way."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.margin.many.rows import MOVED, largest_move, put, together

some_rows = st.sets(st.integers(0, 200), max_size=150).map(lambda s: np.array(sorted(s), dtype=np.int64))
run_of_rows = st.tuples(st.integers(0, 60), st.integers(0, 3 * MOVED)).map(lambda t: np.arange(t[0], t[0] + t[1]))


@given(some_rows | run_of_rows)
def test_rows_are_the_same_as_a_slice(rows: np.ndarray) -> None:
    whole = np.arange(300.0)
    where = together(rows)
    assert whole[where].tolist() == whole[rows].tolist()
    assert isinstance(where, slice) == (rows.size == 0 or rows.tolist() == list(range(rows[0], rows[-1] + 1)))


@given(some_rows | run_of_rows, st.integers(0, 4), st.integers(0, 1_000))
def test_the_largest_move_is_that_of_each_row_by_itself(rows: np.ndarray, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    now, before = random.normal(size=(2, 300, columns))
    if columns:
        now[random.integers(300), 0] = np.nan
    weight = random.uniform(0.0, 2.0, columns)
    expected = [max([0.0, *(abs(now[r, s] - before[r, s]) * weight[s] for s in range(columns))],
                    key=lambda x: np.inf if np.isnan(x) else x) for r in rows.tolist()]  # fmt: skip
    np.testing.assert_array_equal(largest_move(now, before, rows, weight), expected)


@given(some_rows | run_of_rows)
def test_put_writes_these_rows_and_no_other(rows: np.ndarray) -> None:
    held = SimpleNamespace(one=np.zeros(300), two=np.zeros((300, 2)))
    fresh = SimpleNamespace(one=1.0 + np.arange(rows.size), two=np.ones((rows.size, 2)))
    put(held, rows, fresh, ("one", "two"))
    expected = np.zeros(300)
    expected[rows] = fresh.one
    assert held.one.tolist() == expected.tolist()
    assert held.two.sum(axis=1).tolist() == (2.0 * (expected > 0.0)).tolist()
