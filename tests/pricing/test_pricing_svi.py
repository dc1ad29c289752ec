"""SVI against outside vectors, its clamps and its refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.pricing.svi import svi_total_variance, svi_vol

SLICE: dict[str, Any] = {
    "a": 0.04, "b": 0.1, "rho": -0.3, "m": 0.02, "sigma": 0.2, "forward": 2000.0, "tau": 0.25,
}  # fmt: skip


def test_outside_vectors(shared: Path) -> None:
    document = json.loads((shared / "vectors/derive/black76_svi_unit.json").read_text())
    cases = [case for case in document["cases"] if "svi" in case["inputs"]]
    assert len(cases) == 16
    for case in cases:
        vol = svi_vol(case["inputs"]["strike"], **case["inputs"]["svi"])
        assert abs(float(vol) - case["expected"]["vol"]) <= case["tolerance_abs"], case["id"]


@given(st.floats(-2.0, 2.0), st.floats(0.0, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(0.0, 1.0))
def test_total_variance_is_the_formula(k: float, b: float, rho: float, m: float, sigma: float) -> None:
    expected = 0.5 + b * (rho * (k - m) + math.sqrt((k - m) ** 2 + sigma**2))
    assert float(svi_total_variance(k, 0.5, b, rho, m, sigma)) == pytest.approx(expected, rel=1e-14)


@given(st.floats(100.0, 20_000.0))
def test_vol_squared_times_tau_is_the_variance_inside_the_bound(strike: float) -> None:
    k = math.log(strike / 2000.0)
    bound = 4.0 * math.sqrt(0.04 + 0.1 * 0.2)
    w = svi_total_variance(min(max(k, -bound), bound), 0.04, 0.1, -0.3, 0.02, 0.2)
    assert float(svi_vol(strike, **SLICE)) ** 2 * 0.25 == pytest.approx(float(w), rel=1e-12)


def test_moneyness_is_clamped_and_variance_capped() -> None:
    bound = 4.0 * math.sqrt(0.04 + 0.1 * 0.2)
    for sign in (-1.0, 1.0):
        edge = 2000.0 * math.exp(sign * bound)
        beyond = svi_vol([edge * math.exp(sign), edge * math.exp(50.0 * sign)], **SLICE)
        assert beyond[0] == beyond[1]
        assert float(beyond[0]) == pytest.approx(float(svi_vol(edge, **SLICE)), rel=1e-13)
    assert float(svi_vol(2000.0, **{**SLICE, "a": 500.0})) == pytest.approx(24.0)
    assert float(svi_vol(2000.0, **{**SLICE, "a": 143.0, "b": 0.0})) == pytest.approx(math.sqrt(143.0 / 0.25))


def test_strike_zero_gives_zero_whatever_the_wing() -> None:
    vols = svi_vol(np.array([0.0, 2000.0]), **SLICE)
    assert vols[0] == 0.0
    assert vols[1] > 0.0
    # at the forward this slice has a negative variance, and the strike of zero does not ask for it
    dips = {**SLICE, "a": -0.01, "b": 0.1, "rho": -1.0, "m": -0.5, "sigma": 0.1}
    with pytest.raises(ValueError, match="total variance: got -"):
        svi_vol([0.0, 2000.0], **dips)
    assert svi_vol(0.0, **dips) == 0.0


def test_slices_broadcast() -> None:
    strikes, a = np.array([1500.0, 2000.0, 2500.0]), np.array([[0.04], [0.05]])
    table = svi_vol(strikes, **{**SLICE, "a": a})
    assert table.shape == (2, 3)
    for row in range(2):
        for column in range(3):
            assert table[row, column] == svi_vol(strikes[column], **{**SLICE, "a": a[row, 0]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": -0.05}, r"a \+ b\*sigma: got -0.03"),
        ({"a": -0.019, "rho": -0.99, "m": -0.2}, "total variance: got -"),
        ({"a": math.nan}, "a: got nan"),
        ({"b": -0.1}, "b: got -0.1"),
        ({"rho": 1.1}, "rho: got 1.1, must be from -1 to 1"),
        ({"rho": -1.1}, "rho: got -1.1"),
        ({"sigma": -0.1}, "sigma: got -0.1"),
        ({"m": math.inf}, "m: got inf"),
        ({"forward": 0.0}, "forward: got 0.0, must be finite and above 0"),
        ({"tau": 0.0}, "tau: got 0.0"),
        ({"a": [0.1, 0.2, 0.3]}, "shapes do not broadcast"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    strikes = [2000.0, 2100.0]
    assert (svi_vol(strikes, **SLICE) > 0.0).all()
    with pytest.raises(ValueError, match=message):
        svi_vol(strikes, **{**SLICE, **change})


def test_a_negative_variance_is_located() -> None:
    with pytest.raises(ValueError, match=r"total variance: got -0\.5 at log-moneyness 3\.0"):
        svi_total_variance([0.0, 3.0], -0.5, 0.5, -1.0, 2.0, 0.0)
