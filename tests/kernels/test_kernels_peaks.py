"""Questions in many scenarios, which the compiled book answers from the lines of memory that matter only.

Whatever it leaves out, the answer has the bits of the measure of the whole vector after the order: that vector is seen
by filling the order. Prices are drawn so that bounds are tight, useless, tied, or no number as a float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_books import random_accounts
from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import Book, account_es, account_var, account_worst, expected_shortfall, open_book, value_at_risk

LEVELS = [0.5, 0.9, 0.975, 0.999, 0.99999]
Rows = Callable[[np.random.Generator, int, int], np.ndarray]


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test of this module runs on the compiled kernels and on their twins."""
    with use_kernels(request.param):
        yield request.param


def one_market(rng: np.random.Generator, n: int, s: int) -> np.ndarray:
    """Options on one price: the tail of an account lies at one end of its moves, or at both."""
    move = rng.standard_t(4, s)
    strike = rng.normal(size=(n, 1))
    return np.maximum(move - strike, 0.0) * rng.choice([-1.0, 1.0], (n, 1)) + 0.01 * rng.normal(size=(n, s))


def exponents(rng: np.random.Generator, n: int, s: int) -> np.ndarray:
    return 2.0 ** rng.integers(-900, 900, (n, s)) * rng.choice([-1.0, 1.0], (n, s))


def one_outlier(rng: np.random.Generator, n: int, s: int) -> np.ndarray:
    rows = rng.normal(size=(n, s))
    rows[rng.integers(n), rng.integers(s)] = rng.choice([-1.0, 1.0]) * 1e300
    return rows


def between_floats(rng: np.random.Generator, n: int, s: int) -> np.ndarray:
    """Differences far below a float's last digit, so that every bound must be rounded outwards."""
    return 1.0 + rng.integers(-3, 4, (n, s)) * 2.0**-52


ROWS: dict[str, Rows] = {
    "one market": one_market,
    "independent": lambda rng, n, s: rng.normal(size=(n, s)),
    "equal": lambda rng, n, s: np.full((n, s), rng.normal()),
    "nothing": lambda _, n, s: np.zeros((n, s)),
    "few values": lambda rng, n, s: rng.integers(-2, 3, (n, s)).astype(float),
    "steps": lambda rng, n, s: np.sort(rng.integers(0, 9, (n, s)).astype(float), axis=1),
    "one outlier": one_outlier,
    "gains only": lambda rng, n, s: 1.0 + rng.random((n, s)),
    "exponents": exponents,
    "tiny": lambda rng, n, s: rng.normal(size=(n, s)) * 1e-310,
    "near the end of floats": lambda rng, n, s: rng.normal(size=(n, s)) * 1e38,
    "beyond floats": lambda rng, n, s: rng.normal(size=(n, s)) * 1e200,
    "below floats": lambda rng, n, s: rng.normal(size=(n, s)) * 1e-44,
    "between floats": between_floats,
    "fat": lambda rng, n, s: rng.standard_cauchy((n, s)) ** 3,
}


def assert_whole(book: Book, level: float, account: int, instrument: int, quantity: float) -> None:
    """Answers are those of the vector that the order leaves."""
    answers = [measure(account, instrument, quantity) for measure in (book.worst, book.var, book.es)]
    book.apply(account, instrument, quantity)
    losses = book.losses(account)
    assert answers[0] == losses.max()
    assert answers[1] == value_at_risk(losses, level)
    assert answers[2] == expected_shortfall(losses, level)


@pytest.mark.parametrize("shape", ROWS)
@pytest.mark.parametrize("scenarios", [2047, 2048, 2113])
def test_answers_have_the_bits_of_the_whole_vector(shape: str, scenarios: int) -> None:
    rng = np.random.default_rng(scenarios)
    indptr, indices, quantity, _ = random_accounts(scenarios, 6, 9, 1)
    pnl = ROWS[shape](rng, 9, scenarios)
    for level in LEVELS:
        book = open_book(indptr, indices, quantity, pnl, level=level)
        for _ in range(8):
            assert_whole(book, level, int(rng.integers(6)), int(rng.integers(9)), float(rng.normal()))
        assert_whole(book, level, 0, 0, 0.0)


@pytest.mark.parametrize("shape", ["one market", "independent", "few values", "exponents"])
def test_bounds_follow_fills_and_prices(shape: str) -> None:
    rng = np.random.default_rng(7)
    indptr, indices, quantity, _ = random_accounts(7, 12, 10, 1)
    book = open_book(indptr, indices, quantity, ROWS[shape](rng, 10, 3001), level=0.975)
    for turn in range(12):
        which = rng.permutation(10)[: rng.integers(0, 5)]
        book.reprice(which, ROWS[shape](rng, 10, 3001)[which], threads=1 + turn % 3)
        for a in range(12):
            assert_whole(book, 0.975, a, int(rng.integers(10)), float(rng.normal()))
        if turn % 4 == 3:
            book.rebuild(threads=2)
    orders = rng.integers(0, 12, 50), rng.integers(0, 10, 50), rng.normal(size=50)
    single = [book.es(*one) for one in zip(*(x.tolist() for x in orders), strict=True)]
    assert book.es_many(*orders, threads=3).tolist() == single


@pytest.mark.parametrize("shape", ["one market", "independent", "few values"])
def test_a_new_book_of_long_vectors_has_the_bits_of_the_batch(shape: str) -> None:
    rng = np.random.default_rng(8)
    indptr, indices, quantity, _ = random_accounts(8, 20, 15, 1)
    arrays = indptr, indices, quantity, ROWS[shape](rng, 15, 5000)
    for level in LEVELS:
        book = open_book(*arrays, level=level)
        asked = [[measure(a, 0, 0.0) for a in range(20)] for measure in (book.worst, book.var, book.es)]
        batch = account_worst(*arrays)[0], account_var(*arrays, level), account_es(*arrays, level)
        assert asked == [x.tolist() for x in batch]


def test_losses_stand_at_their_own_scenarios() -> None:
    rng = np.random.default_rng(9)
    pnl = ROWS["one market"](rng, 3, 2500)
    book = open_book([0, 1, 1], [1], [2.0], pnl)
    assert np.array_equal(book.losses(0), -2.0 * pnl[1])
    assert np.array_equal(book.losses(1), np.zeros(2500))
    after = ROWS["one market"](rng, 3, 2500)
    book.reprice([2], after[[2]])
    book.apply(1, 2, -1.0)
    assert np.array_equal(book.losses(1), after[2])


@given(
    st.lists(st.floats(-1e100, 1e100, width=64), min_size=1, max_size=60),
    st.sampled_from(LEVELS),
    st.floats(-1e3, 1e3),
    st.integers(0, 2**32 - 1),
)
def test_any_numbers(values: list[float], level: float, quantity: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pnl = rng.choice(values, (3, 2100)) * rng.choice([1.0, 1.0, rng.random()], (3, 2100))
    book = open_book([0, 2], [0, 1], [1.0, -2.5], pnl, level=level)
    assert_whole(book, level, 0, 2, quantity)
    assert_whole(book, level, 0, 1, -quantity)
