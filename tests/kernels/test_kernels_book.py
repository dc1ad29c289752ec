"""The incremental book, compiled and in numpy, against books opened anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_books import Arrays, amounts, random_accounts, sparse_accounts
from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import (
    Book,
    account_es,
    account_worst,
    aggregate_accounts,
    expected_shortfall,
    open_book,
    value_at_risk,
)

LEVEL = 0.9


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this module runs on the compiled kernels and on their twins."""
    with use_kernels(request.param):
        yield request.param


def all_losses(book: Book) -> np.ndarray:
    return np.array([book.losses(a) for a in range(book.accounts)]).reshape(book.accounts, book.scenarios)


class Day:
    """A book, and what it should hold: positions and prices in plain containers, with the drift that is allowed."""

    def __init__(self, arrays: Arrays) -> None:
        indptr, indices, quantity, pnl = arrays
        self.book = open_book(*arrays, level=LEVEL)
        self.pnl = pnl.copy()
        self.most = np.abs(pnl).max(axis=1)
        self.held = [list(zip(indices[x:y].tolist(), quantity[x:y].tolist(), strict=True)) for x, y in pairwise(indptr)]
        self.events = [len(held) for held in self.held]
        self.largest: list[dict[int, float]] = []
        for held in self.held:
            self.largest.append({})
            for i, _ in held:
                self._see(len(self.largest) - 1, i)

    def _see(self, a: int, i: int) -> None:
        size = sum(abs(q) for j, q in self.held[a] if j == i) * self.most[i]
        self.largest[a][i] = max(self.largest[a].get(i, 0.0), size)

    def fill(self, a: int, i: int, q: float) -> None:
        self.book.apply(a, i, q)
        held = self.held[a]
        at = next((k for k, (j, _) in enumerate(held) if j == i), None)
        if at is None:
            held.append((i, 0.0))
            at = len(held) - 1
        # on the way the account had both, which is what rounds
        before = held[at][1]
        held[at] = (i, abs(before) + abs(q))
        self._see(a, i)
        held[at] = (i, before + q)
        if held[at][1] == 0.0:
            del held[at]
        self.events[a] += 1

    def reprice(self, which: list[int], pnl: np.ndarray) -> None:
        self.book.reprice(which, pnl)
        self.pnl[which] = pnl
        self.most = np.maximum(self.most, np.abs(self.pnl).max(axis=1))
        for a, held in enumerate(self.held):
            for i in {j for j, _ in held if j in which}:
                self._see(a, i)
                self.events[a] += sum(j == i for j, _ in held)

    def arrays(self) -> Arrays:
        flat = [one for held in self.held for one in held]
        indptr = np.cumsum([0, *(len(held) for held in self.held)])
        return indptr, np.array([i for i, _ in flat], dtype=np.int64), np.array([q for _, q in flat]), self.pnl

    def check(self) -> None:
        for got, wanted in zip(self.book.positions(), self.arrays()[:3], strict=True):
            assert np.array_equal(got, wanted)
        anew = open_book(*self.arrays(), level=LEVEL)
        tolerance = np.array(self.events) * 2.0**-51 * np.array([sum(x.values()) for x in self.largest])
        drift = np.abs(all_losses(self.book) - all_losses(anew)).max(axis=1, initial=0.0)
        assert (drift <= tolerance + 1e-300).all()
        self.book.rebuild()
        assert np.array_equal(all_losses(self.book), all_losses(anew))


@given(sparse_accounts(amounts), st.data())
def test_a_day_of_events_equals_a_book_opened_at_its_end(arrays: Arrays, data: st.DataObject) -> None:
    day = Day(arrays)
    n, s = arrays[3].shape
    for _ in range(data.draw(st.integers(0, 12))):
        if day.held and data.draw(st.booleans()):
            a, i = data.draw(st.integers(0, len(day.held) - 1)), data.draw(st.integers(0, n - 1))
            q = data.draw(amounts.filter(bool))
            # closing what is held is common
            closing = [-x for j, x in day.held[a] if j == i and x]
            day.fill(a, i, closing[0] if closing and data.draw(st.booleans()) else q)
        else:
            which = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n))
            numbers = data.draw(st.lists(amounts, min_size=len(which) * s, max_size=len(which) * s))
            day.reprice(which, np.array(numbers).reshape(len(which), s))
    day.check()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_day_of_many_events(seed: int) -> None:
    day = Day(random_accounts(seed, 40, 30, 65))
    rng = np.random.default_rng(seed)
    for _ in range(1500):
        if rng.random() < 0.9:
            day.fill(int(rng.integers(40)), int(rng.integers(30)), float(rng.normal()))
        else:
            which = rng.permutation(30)[: rng.integers(1, 10)].tolist()
            day.reprice(which, day.pnl[which] + 0.1 * rng.normal(size=(len(which), 65)))
    day.check()


@pytest.mark.parametrize("scenarios", [1, 7, 8, 33, 300, 5000])
def test_questions_equal_the_measures_of_the_changed_account(scenarios: int) -> None:
    arrays = random_accounts(3, 30, 20, scenarios)
    book = open_book(*arrays, level=LEVEL)
    assert (book.accounts, book.instruments, book.scenarios) == (30, 20, scenarios)
    losses = -aggregate_accounts(*arrays)
    rng = np.random.default_rng(0)
    a, i, q = rng.integers(0, 30, 200), rng.integers(0, 20, 200), rng.normal(size=200)
    q[:50] = 0.0
    after = losses[a] - q[:, None] * arrays[3][i]
    single: list[Callable[[int, int, float], float]] = [book.worst, book.var, book.es]
    wanted = [after.max(axis=1), value_at_risk(after, LEVEL), expected_shortfall(after, LEVEL)]
    for many, one, exact in zip((book.worst_many, book.var_many, book.es_many), single, wanted, strict=True):
        answers = [one(*order) for order in zip(a.tolist(), i.tolist(), q.tolist(), strict=True)]
        assert answers == pytest.approx(exact, rel=1e-13, abs=1e-12)
        for threads in (1, 3, None):
            assert many(a, i, q, threads=threads).tolist() == answers
    assert np.array_equal(all_losses(book), all_losses(open_book(*arrays)))  # no question changed it


def test_a_new_book_has_the_bits_of_the_batch() -> None:
    arrays = random_accounts(4, 50, 20, 77)
    book = open_book(*arrays, level=LEVEL)
    batch, _ = account_worst(*arrays)
    assert [book.worst(a, 0, 0.0) for a in range(50)] == batch.tolist()
    es = account_es(*arrays, LEVEL)
    assert [book.es(a, 0, 0.0) for a in range(50)] == es.tolist()


def test_a_position_joins_flips_and_closes() -> None:
    book = open_book([0, 1, 1], [0], [2.0], [[1.0, -1.0], [3.0, 0.5]])
    book.apply(0, 0, -5.0)
    book.apply(0, 1, 1.0)
    book.apply(1, 1, 0.0)
    assert [x.tolist() for x in book.positions()] == [[0, 2, 2], [0, 1], [-3.0, 1.0]]
    assert book.losses(0).tolist() == [0.0, -3.5]
    book.apply(0, 0, 3.0)
    assert [x.tolist() for x in book.positions()] == [[0, 1, 1], [1], [1.0]]
    assert book.worst(0, 1, -1.0) == 0.0


def test_only_accounts_that_hold_a_repriced_instrument_change() -> None:
    book = open_book([0, 1, 2], [0, 1], [1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
    book.reprice([1], [[5.0, -6.0]])
    assert book.losses(0).tolist() == [-1.0, -2.0]
    assert book.losses(1).tolist() == [-5.0, 6.0]
    book.reprice([], np.empty((0, 2)))
    assert book.worst(0, 1, 1.0) == 4.0


def test_threads_change_no_bit_of_a_repriced_book() -> None:
    arrays = random_accounts(5, 500, 40, 33)
    rows = np.random.default_rng(0).normal(size=(7, 33))
    books = [open_book(*arrays) for _ in range(3)]
    for threads, book in zip((1, 2, 5), books, strict=True):
        book.reprice([3, 1, 20, 39, 0, 7, 8], rows, threads=threads)
        assert np.array_equal(all_losses(book), all_losses(books[0]))
    for threads, book in zip((1, 2, 5), books, strict=True):
        book.rebuild(threads=threads)
        assert np.array_equal(all_losses(book), all_losses(books[0]))


def test_calls_from_several_threads_are_whole() -> None:
    """Fills that cancel, from four threads, beside questions and new prices: at the end nothing has changed."""
    arrays = random_accounts(6, 20, 10, 64)
    book = open_book(*arrays, level=LEVEL)
    before = book.positions()

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(150):
            a, i = int(rng.integers(20)), int(rng.integers(10))
            book.apply(a, i, 2.0**20 * (seed + 1))
            book.es(a, i, 1.0)
            book.reprice([i], arrays[3][[i]])
            book.worst_many([a], [i], [1.0])
            book.apply(a, i, -(2.0**20) * (seed + 1))

    with ThreadPoolExecutor(4) as crew:
        list(crew.map(work, range(4)))
    held, after = dict_of(before), dict_of(book.positions())
    for place in held.keys() | after.keys():
        assert after.get(place, 0.0) == pytest.approx(held.get(place, 0.0), abs=1e-8)


def dict_of(positions: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[tuple[int, int], float]:
    indptr, indices, quantity = positions
    total: dict[tuple[int, int], float] = {}
    for a in range(len(indptr) - 1):
        for j in range(indptr[a], indptr[a + 1]):
            place = (a, int(indices[j]))
            total[place] = total.get(place, 0.0) + float(quantity[j])
    return total


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda b: b.worst(2, 0, 1.0), IndexError, "account: got 2, must be from 0 to 1"),
        (lambda b: b.worst(-1, 0, 1.0), IndexError, "account: got -1"),
        (lambda b: b.es(0, 3, 1.0), IndexError, "instrument: got 3, must be from 0 to 1"),
        (lambda b: b.apply(0, -1, 1.0), IndexError, "instrument: got -1"),
        (lambda b: b.losses(5), IndexError, "account: got 5"),
        (lambda b: b.worst(0, 0, float("nan")), ValueError, "quantity: got nan, must be finite"),
        (lambda b: b.apply(0, 0, float("inf")), ValueError, "quantity: got inf, must be finite"),
        (lambda b: b.apply(0, 0, 1e308), ValueError, r"quantity: got 1e\+308, must be finite and \|quantity \* pnl\|"),
        (lambda b: b.worst_many([0, 2], [0, 0], [1.0, 1.0]), IndexError, "account: got 2"),
        (lambda b: b.worst_many([0, 1], [0], [1.0, 1.0]), ValueError, "instrument: got 1 numbers, must be 2"),
        (lambda b: b.worst_many([0.0], [0], [1.0]), ValueError, "account: got float64"),
        (lambda b: b.es_many([0], [0], [np.nan]), ValueError, "quantity: got nan"),
        (lambda b: b.es_many([0], [0], [1.0], threads=0), ValueError, "threads: got 0"),
        (lambda b: b.reprice([0, 0], np.ones((2, 2))), ValueError, "instrument: got 0 twice"),
        (lambda b: b.reprice([2], np.ones((1, 2))), IndexError, "instrument: got 2"),
        (
            lambda b: b.reprice([0], np.ones((1, 3))),
            ValueError,
            r"pnl: got shape \(1, 3\), must be \[R, S\] = \(1, 2\)",
        ),
        (lambda b: b.reprice([1, 0], [[1.0, 2.0], [1.0, np.nan]]), ValueError, "pnl: a number is not finite"),
        (lambda b: b.reprice([1, 0], [[1.0, 2.0], [1.0, 2e307]]), ValueError, r"quantity \* pnl: account 0"),
    ],
)
def test_bad_arguments_are_named_and_change_nothing(call: Any, error: type[Exception], message: str) -> None:
    book = open_book([0, 1, 2], [0, 1], [4.0, 1.0], [[1.0, 0.25], [3.0, 4.0]], level=LEVEL)
    before = all_losses(book)
    with pytest.raises(error, match=message):
        call(book)
    assert np.array_equal(all_losses(book), before)
    assert [x.tolist() for x in book.positions()] == [[0, 1, 2], [0, 1], [4.0, 1.0]]
    book.rebuild()
    assert np.array_equal(all_losses(book), before)


def test_a_fill_beyond_the_range_of_numbers_is_refused_and_changes_nothing() -> None:
    book = open_book([0, 1], [0], [2e307], [[1.0], [1.0]])
    for instrument in (0, 1):
        with pytest.raises(ValueError, match=r"quantity \* pnl: account 0 has a gross sum of (3|2.9)"):
            book.apply(0, instrument, 1e307)
    assert [x.tolist() for x in book.positions()] == [[0, 1], [0], [2e307]]
    assert book.losses(0).tolist() == [-2e307]


def test_books_that_cannot_be_opened() -> None:
    with pytest.raises(ValueError, match=r"quantity\[0\]: got nan"):
        open_book([0, 1], [0], [np.nan], [[1.0]])
    with pytest.raises(ValueError, match=r"indices\[0\]: got 1, must be from 0 to 0"):
        open_book([0, 1], [1], [1.0], [[1.0]])
    with pytest.raises(ValueError, match="account 0 has a gross sum"):
        open_book([0, 1], [0], [1.0], [[1e308]])
    with pytest.raises(ValueError, match=r"level: got 1\.0"):
        open_book([0], [], [], [[1.0]], level=1.0)
    with pytest.raises(ValueError, match="level: none was given for this book"):
        open_book([0, 0], [], [], [[1.0]]).es(0, 0, 1.0)
    with pytest.raises(IndexError, match="account: got 0, there is none"):
        open_book([0], [], [], [[1.0]]).worst(0, 0, 1.0)
