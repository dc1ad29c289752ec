"""The kernels under arguments that nobody should give them; a crash of this module is what it looks for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from attacks import attack, attack_book, attack_while_written_to, calls
from kernel_kinds import KINDS, use_kernels
from plimsoll.kernels import account_worst, lognormal_greeks, lognormal_values, open_book

# of a book that was never opened
pytestmark = pytest.mark.filterwarnings("ignore:.*nanobind")


@pytest.fixture(scope="module", params=KINDS, autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_kernels(request.param):
        yield request.param


def test_every_call_answers_or_refuses() -> None:
    rng = np.random.default_rng(20_261_125)
    for chosen in calls():
        for _ in range(150):
            attack(rng, chosen)


def test_a_book_answers_or_refuses() -> None:
    rng = np.random.default_rng(20_261_126)
    for _ in range(200):
        attack_book(rng)


def test_arrays_that_another_thread_writes_to_crash_nothing() -> None:
    attack_while_written_to(np.random.default_rng(20_261_127), 60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_many_more_calls(seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    for _ in range(200):
        for chosen in calls():
            attack(rng, chosen)
        attack_book(rng)
        attack_while_written_to(rng, 1)


def test_prices_of_no_instrument_in_very_many_scenarios_are_refused() -> None:
    """An array without rows may have any number of columns; accounts times columns is beyond every address."""
    nobody, nothing = np.zeros(41, dtype=np.int64), np.empty((0, 2**59))
    with pytest.raises(ValueError, match="must have fewer than 2147483648 scenarios"):
        open_book(nobody, [], [], nothing)
    with pytest.raises(ValueError, match="must have fewer than 2147483648 scenarios"):
        account_worst(nobody, [], [], nothing)


def test_numbers_that_start_between_addresses_are_copied() -> None:
    def shifted(array: np.ndarray) -> np.ndarray:
        room = np.zeros(array.nbytes + 1, np.uint8)
        moved = room[1:].view(array.dtype).reshape(array.shape)
        moved[...] = array
        assert not moved.flags.aligned
        return moved

    rng = np.random.default_rng(1)
    n, s = 5, 70
    usual: dict[str, Any] = {
        "group": rng.integers(0, 2, n),
        "strike": rng.uniform(50.0, 150.0, n),
        "total_vol": rng.uniform(0.1, 1.0, n),
        "call": rng.random(n) < 0.5,
        "forward": rng.uniform(50.0, 150.0, (2, s)),
        "vol_scale": rng.uniform(0.5, 2.0, (2, s)),
        "vol_floor": rng.uniform(0.0, 0.1, (2, s)),
        "discount": np.ones(2),
    }
    odd = {name: value if value.dtype == np.bool_ else shifted(value) for name, value in usual.items()}
    assert np.array_equal(lognormal_values(**odd), lognormal_values(**usual))
    held = ([0, 3], shifted(np.array([0, 1, 2])), shifted(np.ones(3)), shifted(usual["forward"].repeat(2, axis=0)))
    book = open_book(*held, level=0.9)
    book.reprice(shifted(np.array([1])), shifted(np.zeros((1, s))))
    assert book.es_many(*(shifted(np.array(x)) for x in ([0], [1], [0.5]))).shape == (1,)
    with pytest.raises(ValueError, match="out: got float64"):
        lognormal_values(**usual, out=shifted(np.empty((n, s))))


def test_an_output_that_shares_memory_with_an_input_is_refused() -> None:
    forward = np.full((1, 4), 100.0)
    usual: dict[str, Any] = {
        "group": [0], "strike": [100.0], "total_vol": [0.2], "call": [True], "vol_floor": None, "discount": [1.0]
    }  # fmt: skip
    scale = np.ones((1, 4))
    for out, name in ((forward, "forward"), (scale, "vol_scale")):
        with pytest.raises(ValueError, match=f"out: shares memory with {name}"):
            lognormal_values(**usual, forward=forward, vol_scale=scale, out=out)
    with pytest.raises(ValueError, match="out: got list, must be an array"):
        lognormal_values(**usual, forward=forward, vol_scale=scale, out=[[0.0] * 4])  # type: ignore[arg-type]
    room = np.empty((2, 4))
    room[1] = 100.0
    found = lognormal_values(**usual, forward=room[1:], vol_scale=scale, out=room[:1])
    assert np.array_equal(found, lognormal_values(**usual, forward=forward, vol_scale=scale))


def test_a_forward_whose_inverse_is_no_number_counts_as_zero() -> None:
    usual: dict[str, Any] = {
        "group": [0, 0, 0], "strike": [1e-310, 100.0, 0.0], "total_vol": [0.2, 0.2, 0.2], "call": [True, False, True],
        "vol_scale": np.ones((1, 3)), "vol_floor": None, "discount": [1.0],
    }  # fmt: skip
    tiny = np.array([[5e-324, 1e-310, 2e-308]])
    none = np.zeros((1, 3))
    paid = lognormal_values(**usual, forward=tiny, per_forward=[True, True, True])
    assert np.array_equal(paid, lognormal_values(**usual, forward=none, per_forward=[True, True, True]))
    found = lognormal_greeks(**usual, forward=tiny, root_time=[1e-170, 0.5, 0.5])
    wanted = lognormal_greeks(**usual, forward=none, root_time=[1e-170, 0.5, 0.5])
    for one, two in zip(found, wanted, strict=True):
        assert np.isfinite(one).all()
        assert np.array_equal(one, two)
    # values that are not taken per forward keep it
    assert (lognormal_values(**usual, forward=tiny)[2] == tiny[0]).all()


@pytest.mark.parametrize("root", [1e-100, 1e-120, 1e-160, 1e-200])
def test_theta_of_very_little_time_is_a_number(root: float) -> None:
    found = lognormal_greeks([0], [100.0], [0.3], [True], [root], [[100.0, 1e-30]], [[1.0, 1.0]], None, [1.0])
    assert not np.isnan(found.theta).any()
    assert found.theta[0, 1] == 0.0


def test_a_book_is_not_copied() -> None:
    import copy
    import pickle

    book = open_book([0, 1], [0], [1.0], [[1.0, 2.0]])
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            attempt(book)


def test_what_python_runs_while_positions_are_listed_may_use_the_book() -> None:
    """Objects are made for the list, and making them may collect garbage, whose finalisers are anybody's code."""
    book = open_book([0, 2000], np.zeros(2000, dtype=np.int64), np.ones(2000), [[1.0, 2.0]])

    class Order:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            book.apply(0, 0, 1.0)

    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(10, 1, 1)
    try:
        Order()
        book.positions()
    finally:
        gc.set_threshold(*before)
