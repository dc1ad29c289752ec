"""Black-76 against outside vectors, its laws, and the inverse form."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.pricing.black76 import forward_delta, inverse_price, price

positive = st.floats(1e-2, 1e6)
times = st.one_of(st.just(0.0), st.floats(1e-6, 5.0))
vols = st.one_of(st.just(0.0), st.floats(1e-3, 6.0))


def cases(shared: Path) -> list[dict[str, Any]]:
    document = json.loads((shared / "vectors/derive/black76_svi_unit.json").read_text())
    return [case for case in document["cases"] if "call" in case["expected"]]


def test_outside_vectors(shared: Path) -> None:
    checked = cases(shared)
    assert len(checked) == 7
    for case in checked:
        x, expected = case["inputs"], case["expected"]
        market = (x["forward"], x["strike"], x["seconds_to_expiry"] / 31_536_000, x["vol"])
        for side in ("call", "put"):
            value = price(*market, side == "call", x["discount"])
            assert abs(float(value) - expected[side]) <= 1e-12, (case["id"], side)
        assert abs(float(forward_delta(*market, True)) - expected["call_delta_undiscounted"]) <= 1e-12, case["id"]


@given(positive, positive, times, vols, st.floats(0.5, 1.1))
def test_parity_and_bounds(forward: float, strike: float, t: float, vol: float, discount: float) -> None:
    call = float(price(forward, strike, t, vol, True, discount))
    put = float(price(forward, strike, t, vol, False, discount))
    assert abs(call - put - discount * (forward - strike)) <= 1e-15 * 4 * max(forward, strike)
    assert max(discount * (forward - strike), 0.0) <= call <= discount * forward
    assert max(discount * (strike - forward), 0.0) <= put <= discount * strike
    delta = float(forward_delta(forward, strike, t, vol, True))
    assert 0.0 <= delta <= 1.0
    assert delta - float(forward_delta(forward, strike, t, vol, False)) == pytest.approx(1.0, abs=1e-15)


@given(positive, positive, st.floats(1e-4, 3.0), st.floats(0.0, 4.0), st.floats(0.0, 1.0), st.booleans())
def test_more_vol_never_costs_less(
    forward: float, strike: float, t: float, vol: float, more: float, call: bool
) -> None:
    low, high = price(forward, strike, t, [vol, vol + more], call)
    assert high >= low - 1e-15 * 4 * max(forward, strike)


@given(positive, positive, st.floats(0.0, 0.4), times, vols, st.booleans())
def test_convex_and_monotone_in_the_strike(
    forward: float, strike: float, step: float, t: float, vol: float, call: bool
) -> None:
    low, mid, high = price(forward, [strike * (1 - step), strike, strike * (1 + step)], t, vol, call)
    noise = 1e-15 * 8 * max(forward, strike)
    assert low + high >= 2 * mid - noise
    assert (low - high if call else high - low) >= -noise


def test_broadcasting_equals_scalars() -> None:
    strikes, vols_, calls = (
        np.array([50.0, 100.0, 150.0]),
        np.array([[0.2], [0.9]]),
        np.array([True, False, True]),
    )
    table = price(100.0, strikes, 0.3, vols_, calls, 0.97)
    assert table.shape == (2, 3)
    for row in range(2):
        for column in range(3):
            one = price(100.0, strikes[column], 0.3, vols_[row, 0], calls[column], 0.97)
            assert one == table[row, column]
            assert one.ndim == 0
            assert math.isfinite(float(one))


def test_limits() -> None:
    assert price(100.0, 0.0, 1.0, 4.0, [True, False], 0.99).tolist() == [99.0, 0.0]
    assert price(0.0, 100.0, 1.0, 4.0, [True, False], 0.99).tolist() == [0.0, 99.0]
    assert price(100.0, 70.0, 1.0, 25.0, [True, False], 0.5).tolist() == [50.0, 35.0]
    assert price(100.0, 70.0, 1e308, 1e308, [True, False]).tolist() == [100.0, 70.0]
    assert price(100.0, [90.0, 110.0], 0.0, 3.0, True, 0.5).tolist() == [5.0, 0.0]
    assert forward_delta(100.0, [90.0, 100.0, 110.0], 1.0, 0.0, False).tolist() == [0.0, -0.5, -1.0]
    assert forward_delta([0.0, 0.0, 100.0, 0.0], [100.0, 0.0, 0.0, 0.0], 1.0, 0.5, True).tolist() == [
        0,
        1,
        1,
        1,
    ]
    assert forward_delta(1.0, 1e9, 1.0, 25.0, [True, False]).tolist() == [1.0, 0.0]


@given(positive, positive, times, vols, st.booleans())
def test_coin_value_converts_back(forward: float, strike: float, t: float, vol: float, call: bool) -> None:
    coin = float(inverse_price(forward, strike, t, vol, call, 0.9))
    assert coin * forward == pytest.approx(float(price(forward, strike, t, vol, call, 0.9)), rel=1e-15)
    if call:
        assert coin <= 0.9 + 1e-15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"forward": -1.0}, "forward: got -1.0, must be finite and at least 0"),
        ({"strike": [1.0, math.nan]}, r"strike\[1\]: got nan"),
        ({"t": -1e-9}, "t: got -1e-09"),
        ({"vol": math.inf}, "vol: got inf"),
        ({"vol": True}, "vol: got an array of bool"),
        ({"call": 1}, "call: got an array of int64"),
        ({"call": "C"}, "call: got an array of <U1"),
        ({"discount": -0.1}, "discount: got -0.1"),
        (
            {"strike": [1.0, 2.0], "vol": [0.1, 0.2, 0.3]},
            r"shapes do not broadcast together: .*strike \(2,\)",
        ),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "forward": 1.0,
        "strike": 1.0,
        "t": 1.0,
        "vol": 0.5,
        "call": True,
        "discount": 1.0,
    }
    assert price(**good) > 0.0
    with pytest.raises(ValueError, match=message):
        price(**{**good, **change})


def test_a_coin_value_needs_a_forward() -> None:
    with pytest.raises(ValueError, match=r"forward: got 0\.0, must be finite and above 0"):
        inverse_price(0.0, 1.0, 1.0, 0.5, True)
