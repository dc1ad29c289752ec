"""Histories: one grid, known at the end of the bar, and views that hold nothing later."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.market.history import DAY_NS, HOUR_NS, History, LookAheadError, instant_ns, instant_of, join


def _days(count: int, names: int = 1) -> History:
    values = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, (count, names)), axis=0))
    return History.build([f"A{k}" for k in range(names)], DAY_NS * np.arange(1, count + 1), values)


def test_a_gap_becomes_rows_of_nan() -> None:
    h = History.build(["BTC"], [0, 10, 40], [1.0, 2.0, 3.0])
    assert h.times.tolist() == [0, 10, 20, 30, 40]
    np.testing.assert_array_equal(h.values[:, 0], [1.0, 2.0, np.nan, np.nan, 3.0])


@given(st.integers(0, 59), st.integers(1, 61))
def test_a_view_holds_nothing_later(end: int, bars: int) -> None:
    h = _days(60)
    instant = int(h.times[end]) + DAY_NS // 2
    view = h.until(instant, bars=bars)
    assert len(view) == min(bars, end + 1)
    assert view.times[-1] <= instant
    # no array of the view shares memory with the record or is a window of a longer one
    for array, whole in ((view.times, h.times), (view.values, h.values)):
        assert not np.shares_memory(array, whole)
        base = array
        while isinstance(base, np.ndarray) and base.base is not None:
            base = base.base
        assert len(memoryview(base).cast("B")) == array.nbytes
    for later in (instant + 1, instant + 100 * DAY_NS):
        with pytest.raises(LookAheadError, match="nothing after"):
            view.until(int(later))
        with pytest.raises(LookAheadError):
            view.at(int(later))
    assert view.since(h.times[0]).limit_ns == view.window(1).limit_ns == view.select(["A0"]).limit_ns == instant


def test_nobody_writes_to_a_history() -> None:
    h = _days(5)
    for array in (h.values, h.times):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
        with pytest.raises(ValueError, match="cannot set WRITEABLE"):
            array.flags.writeable = True


def test_what_was_given_may_change_afterwards() -> None:
    values = np.array([[1.0], [2.0]])
    h = History.build(["BTC"], [0, 1], values)
    values[:] = 7.0
    assert h.values.ravel().tolist() == [1.0, 2.0]


@given(st.integers(1, 20))
def test_log_returns_are_known_at_the_end_of_their_bar(h: int) -> None:
    history = _days(25, 2)
    times, returns = history.log_returns(h)
    assert returns.shape == (25 - h, 2)
    for t in range(len(times)):
        assert times[t] == history.times[t + h]
        for n in range(2):
            expected = math.log(history.values[t + h, n]) - math.log(history.values[t, n])
            assert returns[t, n] == pytest.approx(expected, rel=0, abs=1e-15)
    assert len(history.log_returns(25)[0]) == len(history.log_returns(40)[1]) == 0


def test_a_return_across_a_gap_is_missing() -> None:
    h = History.build(["BTC"], [0, 1, 3, 4], [1.0, 2.0, 4.0, 8.0])
    np.testing.assert_array_equal(np.isnan(h.log_returns()[1][:, 0]), [False, True, True, False])
    assert h.log_returns(2)[1][1, 0] == pytest.approx(math.log(2.0))


def test_the_hash_is_of_the_content() -> None:
    h = _days(6)
    assert h.hash == History(h.names, h.times, h.values, h.step_ns).hash == h.until(h.times[-1]).hash
    changed = np.array(h.values)
    changed[3] += 1e-9
    others = [
        h.until(h.times[-2]),
        History(("B",), h.times, h.values, h.step_ns),
        History(h.names, h.times, changed, h.step_ns),
        History(h.names, h.times + 1, h.values, h.step_ns),
    ]
    assert len({h.hash, *(o.hash for o in others)}) == 5


def test_longer_bars_close_with_their_last_shorter_one() -> None:
    h = History.build(["BTC"], HOUR_NS * np.arange(1, 9), np.arange(1.0, 9.0))
    two = h.resample(2 * HOUR_NS)
    assert two.values.ravel().tolist() == [2.0, 4.0, 6.0, 8.0]
    assert two.times.tolist() == [HOUR_NS * k for k in (2, 4, 6, 8)]
    assert h.until(5 * HOUR_NS).resample(2 * HOUR_NS).limit_ns == 5 * HOUR_NS
    with pytest.raises(DocumentError, match="a multiple of"):
        h.resample(HOUR_NS + 1)


def test_joining_keeps_the_earliest_limit() -> None:
    a, b = _days(6), History.build(["B"], DAY_NS * np.arange(3, 10), np.arange(3.0, 10.0))
    both = join([a, b])
    assert both.names == ("A0", "B")
    assert both.times[[0, -1]].tolist() == [DAY_NS, 9 * DAY_NS]
    assert np.isnan(both.values[:2, 1]).all()
    assert np.isnan(both.values[6:, 0]).all()
    assert both.values[2:6, 1].tolist() == [3.0, 4.0, 5.0, 6.0]
    view = join([a, b.until(4 * DAY_NS)])
    assert view.limit_ns == 4 * DAY_NS
    assert view.times[-1] == 4 * DAY_NS


def test_at_is_the_last_close_known() -> None:
    h = _days(4)
    assert h.at(instant_of(2 * DAY_NS + 5))[0] == h.values[1, 0]
    with pytest.raises(DocumentError, match="an instant from 1970-01-02"):
        h.at(5)


def test_instants() -> None:
    assert instant_ns("1970-01-01T01:00:00+01:00") == 0
    assert instant_ns(instant_of(1_700_000_000_123_456_000)) == 1_700_000_000_123_456_000
    for bad in ("2020-01-01", "2020-01-01T00:00:00", 1.5, None, True):
        with pytest.raises(DocumentError, match="instant"):
            instant_ns(bad)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: History.build(["A"], [1, 1], [1.0, 2.0]), r"history.times\[1\]: got 1; allowed: a time after 1"),
        (lambda: History.build(["A"], [2, 1], [1.0, 2.0]), "a time after 2"),
        (lambda: History.build(["A"], [0, 10, 25], [1.0, 2.0, 3.0]), "whole steps of 10 ns"),
        (lambda: History.build(["A"], [0], [1.0]), "the step, where there are fewer"),
        (lambda: History.build(["A"], [0, 1], [1.0]), "2 rows"),
        (lambda: History.build(["A"], [0, 1], [1.0, np.inf]), "finite numbers, NaN where missing"),
        (lambda: History.build(["A", "A"], [0, 1], np.ones((2, 2))), "each once"),
        (lambda: History(("A",), np.array([0, 2, 3]), np.ones((3, 1)), 2), r"history.times\[2\]: got 1 ns after"),
        (lambda: History(("A",), np.array([0, 1]), np.ones((2, 1)), 1, 0), "nothing after 1970-01-01T00:00:00Z"),
        (lambda: History(("A",), np.array([0.0, 1.0]), np.ones((2, 1)), 1), "int64"),
        (lambda: History.build(["A"], [0, 1], [1.0, 0.0]).log_returns(), "levels above zero"),
        (lambda: _days(3).window(4), "at most 3"),
        (lambda: _days(3).log_returns(0), "whole number of at least one"),
        (lambda: _days(3).select(["Z"]), "one of A0"),
        (lambda: join([]), "at least one"),
        (lambda: join([_days(3), _days(3)]), "each once"),
        (lambda: join([_days(3), History.build(["B"], [0, 1], [1.0, 1.0])]), "one step for all"),
    ],
)
def test_refusals(make: object, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        make()  # type: ignore[operator]
