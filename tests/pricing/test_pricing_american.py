"""American options: the naive tree, the bounds, when exercise never pays, convergence, the limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.exotics import american_tree
from plimsoll.pricing import american_price, perpetual_american, price
from random_books import SOME

carries = st.floats(-0.3, 0.3)
strikes = st.floats(40.0, 250.0)
vols = st.floats(0.05, 1.2)
flags = st.booleans()


@SOME
@given(carries, strikes, vols, flags, st.sampled_from(["none", "carry", "some"]))
def test_it_is_the_naive_tree(carry: float, k: float, s: float, call: bool, discount: str) -> None:
    rate = {"none": 0.0, "carry": carry, "some": 0.08}[discount]
    f = 100.0 * np.exp(carry)
    # two neighbouring numbers of steps lie on either side of the limit
    found = [american_tree(100.0, f, k, s, call, rate, n) for n in (200, 201)]
    american, european = (0.5 * (a + b) for a, b in zip(*found, strict=True))
    # what the naive tree misses of the European option it misses of the American one
    exact = float(np.exp(-rate) * price(f, k, 1.0, s, call))
    other = american + (exact - european)
    mine = float(american_price(100.0, f, k, 1.0, s, call, rate))
    assert mine == pytest.approx(max(other, exact), abs=3e-3 * max(100.0, k) * min(1.0, s + 0.05))


@given(carries, strikes, st.floats(0.0, 30.0), flags, st.floats(-0.2, 0.2))
def test_it_is_at_least_european_and_at_least_exercised_now(
    carry: float, k: float, s: float, call: bool, rate: float
) -> None:
    f = 100.0 * np.exp(carry)
    value = float(american_price(100.0, f, k, 1.0, s, call, rate))
    assert value >= float(np.exp(-rate) * price(f, k, 1.0, s, call))
    assert value >= (100.0 - k if call else k - 100.0)
    assert np.isfinite(value)


@given(strikes, st.floats(0.0, 5.0), flags)
def test_on_a_future_without_discounting_it_is_european(k: float, s: float, call: bool) -> None:
    assert float(american_price(100.0, 100.0, k, 1.0, s, call)) == float(price(100.0, k, 1.0, s, call))


@given(st.floats(0.0, 0.4), strikes, vols)
def test_a_call_on_what_pays_nothing_is_european(rate: float, k: float, s: float) -> None:
    f = 100.0 * np.exp(rate)
    mine = float(american_price(100.0, f, k, 1.0, s, True, rate))
    assert mine == float(np.exp(-rate) * price(f, k, 1.0, s, True))


@given(carries, strikes, flags)
def test_it_grows_with_volatility_and_time_to_choose(carry: float, k: float, call: bool) -> None:
    vol = np.linspace(0.05, 1.0, 12)
    values = american_price(100.0, 100.0 * np.exp(carry), k, 1.0, vol, call)
    assert (np.diff(values) >= -2e-4 * max(100.0, k)).all()
    t = np.linspace(0.05, 2.0, 12)
    later = american_price(100.0, 100.0 * np.exp(carry * t), k, t, 0.5, call)
    assert (np.diff(later) >= -2e-4 * max(100.0, k)).all()


@pytest.mark.parametrize("call", [True, False])
def test_more_steps_converge(call: bool) -> None:
    f = 100.0 * np.exp(-0.1 if call else 0.1)
    k = np.array([70.0, 90.0, 100.0, 110.0, 140.0])
    values = [american_price(100.0, f, k, 1.0, 0.6, call, steps=n) for n in (24, 48, 96, 800)]
    errors = [float(np.abs(v - values[-1]).max()) for v in values[:-1]]
    assert errors[1] < 6e-3
    assert errors[2] < errors[0]


def test_values_do_not_depend_on_the_company_they_keep() -> None:
    k = np.linspace(60.0, 160.0, 5_000)
    together = american_price(100.0, 90.0, k, 1.0, 0.5, True)
    alone = [float(american_price(100.0, 90.0, float(x), 1.0, 0.5, True)) for x in k[[0, 1234, 4999]]]
    assert together[[0, 1234, 4999]] == pytest.approx(alone, rel=1e-13)


def test_a_long_life_is_an_endless_one() -> None:
    for call, carry in ((True, 0.02), (False, 0.02), (True, -0.05), (False, 0.0)):
        long = american_price(100.0, 100.0 * np.exp(carry * 80.0), 100.0, 80.0, 0.2, call, 0.1, steps=400)
        assert float(perpetual_american(100.0, 100.0, 0.2, call, 0.1, carry)) == pytest.approx(float(long), rel=2e-3)


def test_the_limits() -> None:
    # without volatility: the best moment on the straight path
    assert float(american_price(100.0, 120.0, 110.0, 1.0, 0.0, True)) == pytest.approx(10.0)
    assert float(american_price(100.0, 80.0, 90.0, 1.0, 0.0, True)) == pytest.approx(10.0)
    assert float(american_price(100.0, 100.0, 90.0, 0.0, 0.5, True)) == 10.0
    assert float(american_price(100.0, 90.0, 100.0, 1.0, 1e6, False)) == pytest.approx(100.0)
    deep = american_price(100.0, 90.0, [1e-3, 1e6], 1.0, 0.5, [True, False])
    assert deep == pytest.approx([100.0 - 1e-3, 1e6 - 90.0], rel=1e-6)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"strike: got 0.0"):
        american_price(1.0, 1.0, 0.0, 1.0, 1.0, True)
    with pytest.raises(ValueError, match="steps: got 1"):
        american_price(1.0, 1.0, 1.0, 1.0, 1.0, True, steps=1)
