"""Round trips of the implied volatility, from our prices and from forty-digit ones, and its named reasons."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.pricing.black76 import price
from plimsoll.pricing.greeks import greeks
from plimsoll.pricing.implied_vol import RESOLUTION, Status, implied_vol, implied_vol_status


def market(seed: int, n: int, spread: float) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    forward = 10.0 ** rng.uniform(-3.0, 6.0, n)
    t = np.exp(rng.uniform(math.log(1.0 / 8760.0), math.log(2.0), n))
    vol = np.exp(rng.uniform(math.log(0.02), math.log(4.0), n))
    strike = forward * np.exp(rng.uniform(-spread, spread, n) * vol * np.sqrt(t))
    return forward, strike, t, vol


def test_round_trip_out_of_the_money() -> None:
    f, k, t, vol = market(1, 20_000, 8.0)
    call = k > f
    value = price(f, k, t, vol, call, 0.96)
    back, status = implied_vol_status(value, f, k, t, call, 0.96)
    seen = value / 0.96 > 1e-12 * f
    assert seen.sum() > 15_000
    assert (status[seen] == Status.OK).all()
    assert np.abs(back[seen] / vol[seen] - 1.0).max() <= 1e-9


def test_round_trip_in_the_money_is_as_good_as_the_price_allows() -> None:
    f, k, t, vol = market(2, 20_000, 8.0)
    call = k < f
    value = price(f, k, t, vol, call)
    back, status = implied_vol_status(value, f, k, t, call)
    # one rounding of the price, as a relative move of the volatility
    grain = 2.0**-52 * np.maximum(f, k) / (greeks(f, k, t, vol, call).vega * vol + 1e-300)
    sharp = grain <= 1e-9
    assert sharp.sum() > 10_000
    assert (status[sharp] == Status.OK).all()
    error = np.abs(back / vol - 1.0)
    ok = status == Status.OK
    assert (error[ok] <= 1e-9 + 4.0 * grain[ok]).all()
    assert error[ok].max() <= 2.0 * RESOLUTION
    assert np.isnan(back[~ok]).all()
    # with a strike rounded to the next float the bound itself can be met, nothing else
    assert set(np.unique(status[~ok])) <= {Status.NOT_RESOLVABLE, Status.ABOVE_BOUND}


def test_against_forty_digit_prices() -> None:
    rng = np.random.default_rng(4)
    for _ in range(120):
        total = float(np.exp(rng.uniform(math.log(1e-7), math.log(6.0))))
        forward = float(10.0 ** rng.uniform(-3.0, 6.0))
        strike = forward * float(np.exp(rng.uniform(-12.0, 12.0) * total))
        call = strike > forward
        with mpmath.workdps(60):
            f, k, s = mpmath.mpf(forward), mpmath.mpf(strike), mpmath.mpf(total)
            d1 = mpmath.log(f / k) / s + s / 2
            sign = 1 if call else -1
            value = float(sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - s))))
        vol, status = implied_vol_status(value, forward, strike, 0.25, call)
        assert status == Status.OK
        assert float(vol) == pytest.approx(2.0 * total, rel=1e-11)


@given(
    st.floats(1e-6, 1e6), st.floats(-15.0, 15.0), st.floats(1e-5, 3.0), st.floats(1e-3, 8.0), st.booleans(),
    st.floats(0.5, 1.1),
)  # fmt: skip
def test_an_ok_vol_reproduces_its_price(f: float, z: float, t: float, vol: float, call: bool, discount: float) -> None:
    k = f * math.exp(z * vol * math.sqrt(t))
    value = float(price(f, k, t, vol, call, discount))
    back, status = implied_vol_status(value, f, k, t, call, discount)
    if status == Status.OK:
        again = float(price(f, k, t, back, call, discount))
        assert abs(again - value) <= 2e-14 * max(f, k)
    else:
        assert math.isnan(float(back))


def test_every_reason() -> None:
    for value, f, k, t, call, reason in (
        (9.9, 100.0, 90.0, 0.5, True, Status.BELOW_INTRINSIC),
        (-0.1, 100.0, 110.0, 0.5, True, Status.BELOW_INTRINSIC),
        (100.0, 100.0, 90.0, 0.5, True, Status.ABOVE_BOUND),
        (95.0, 100.0, 90.0, 0.5, False, Status.ABOVE_BOUND),
        (10.0, 100.0, 90.0, 0.0, True, Status.EXPIRED),
        (3.0, 100.0, 90.0, 0.0, False, Status.EXPIRED),
        (10.0, 100.0, 90.0, 0.5, True, Status.NOT_RESOLVABLE),
        (10.0 + 1e-14, 100.0, 90.0, 0.5, True, Status.NOT_RESOLVABLE),
        (10.0 - 1e-15, 100.0, 90.0, 0.5, True, Status.NOT_RESOLVABLE),
        (0.0, 100.0, 100.0, 0.5, True, Status.NOT_RESOLVABLE),
        (100.0 - 1e-14, 100.0, 90.0, 0.5, True, Status.NOT_RESOLVABLE),
        (12.0, 100.0, 90.0, 0.5, True, Status.OK),
    ):
        vol, status = implied_vol_status(value, f, k, t, call)
        assert Status(int(status)) is reason, (value, f, k, t, call)
        assert math.isnan(float(vol)) == (reason is not Status.OK)
        assert status.dtype == np.int8


def test_very_small_out_of_the_money_prices_have_a_vol() -> None:
    # far below what the kernel's absolute precision could tell apart from zero
    vol = 0.5
    for z in (-30.0, -20.0, 20.0, 30.0):
        with mpmath.workdps(60):
            f, s = mpmath.mpf(100), mpmath.mpf(vol)
            strike = float(100.0 * math.exp(z * vol))
            k = mpmath.mpf(strike)
            d1 = mpmath.log(f / k) / s + s / 2
            sign = 1 if z > 0 else -1
            value = float(sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - s))))
        assert 0.0 < value < 1e-80
        assert float(implied_vol(value, 100.0, strike, 1.0, z > 0)) == pytest.approx(vol, rel=1e-12)


def test_batch_equals_scalar_and_keeps_shape() -> None:
    f, k, t, vol = market(9, 24, 3.0)
    value = price(f, k, t, vol, True)
    batch, status = implied_vol_status(value.reshape(4, 6), f.reshape(4, 6), k.reshape(4, 6), t.reshape(4, 6), True)
    assert batch.shape == status.shape == (4, 6)
    for i in range(24):
        one = implied_vol_status(value[i], f[i], k[i], t[i], True)
        assert np.array_equal(one.vol, batch.flat[i], equal_nan=True)
        assert one.status == status.flat[i]
    assert implied_vol([], 1.0, 1.0, 1.0, True).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": math.nan}, "price: got nan, must be finite"),
        ({"forward": 0.0}, "forward: got 0.0, must be finite and above 0"),
        ({"strike": [1.0, 0.0]}, r"strike\[1\]: got 0.0"),
        ({"t": -1.0}, "t: got -1.0"),
        ({"discount": 0.0}, "discount: got 0.0"),
        ({"call": 0}, "call: got an array of int64"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"price": 0.1, "forward": 1.0, "strike": 1.0, "t": 1.0, "call": True}
    assert implied_vol(**good) > 0.0
    with pytest.raises(ValueError, match=message):
        implied_vol(**{**good, **change})
