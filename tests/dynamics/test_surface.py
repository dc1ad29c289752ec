"""Volatility between, before and after the slices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamics.chains import market_of, svi_smile
from plimsoll.documents import DocumentError
from plimsoll.dynamics import Surface, SurfaceFit, Wings, fit_surface
from plimsoll.dynamics.arbitrage import dense_grid
from plimsoll.dynamics.wings import density_factor, shape

EARLY, LATE = Wings(0.002, 0.06, 0.04, 0.01, 0.12), Wings(0.02, 0.15, 0.12, 0.02, 0.3)
SURFACE = Surface((0.1, 0.5), (EARLY, LATE))
K = st.floats(-2.0, 2.0)


@given(K, st.floats(0.0, 1.0))
def test_total_variance_is_linear_in_time_between_slices(k: float, share: float) -> None:
    tau = 0.1 + 0.4 * share
    expected = (1.0 - share) * float(shape(EARLY, k).w) + share * float(shape(LATE, k).w)
    assert float(SURFACE.total_variance(k, tau)) == pytest.approx(expected, rel=1e-9)
    assert float(SURFACE.vol(k, tau)) == pytest.approx(math.sqrt(expected / tau), rel=1e-9)


@given(K, st.floats(1e-6, 0.1))
def test_volatility_before_the_first_slice_is_its_own(k: float, tau: float) -> None:
    assert float(SURFACE.vol(k, tau)) == pytest.approx(float(SURFACE.vol(k, 0.1)), rel=1e-12)


@given(K, st.floats(0.5, 20.0))
def test_after_the_last_slice_variance_grows_by_what_it_has_at_the_money(k: float, tau: float) -> None:
    level = float(shape(LATE, 0.0).w) / 0.5
    assert float(SURFACE.total_variance(k, tau)) == pytest.approx(float(shape(LATE, k).w) + level * (tau - 0.5))
    assert float(SURFACE.vol(0.0, tau)) == pytest.approx(math.sqrt(level))


@given(K, st.floats(1e-3, 5.0), st.floats(1e-3, 5.0))
def test_total_variance_never_falls_in_time(k: float, one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert float(SURFACE.total_variance(k, early)) <= float(SURFACE.total_variance(k, late)) * (1.0 + 1e-12)


@pytest.mark.parametrize("tau", [1e-4, 0.05, 0.0999, 0.1, 0.2, 0.3, 0.5, 0.7, 2.0, 10.0])
def test_no_time_has_a_negative_density(tau: float) -> None:
    k = np.union1d(dense_grid(EARLY), dense_grid(LATE))
    assert density_factor(k, SURFACE.shape(k, tau)).min() >= 0.0


def test_scaling_a_slice_down_keeps_its_density() -> None:
    """g of w times a share is concave in the share and a square at zero: it cannot be negative between."""
    fit = fit_surface(market_of({30.0: svi_smile(30.0, 0.0, 0.09, -0.5, 0.0, 0.1)}), "BTC")
    surface = Surface.of(fit)
    k = dense_grid(surface.slices[0])
    for share in (0.01, 0.1, 0.5, 0.9, 1.0):
        assert density_factor(k, surface.shape(k, share * surface.taus[0])).min() >= 0.0


def test_arguments_broadcast() -> None:
    table = SURFACE.vol(np.linspace(-1.0, 1.0, 5), np.array([[0.05], [0.2], [0.9]]))
    assert table.shape == (3, 5)
    for i, tau in enumerate((0.05, 0.2, 0.9)):
        assert table[i] == pytest.approx(SURFACE.vol(np.linspace(-1.0, 1.0, 5), tau), rel=1e-15)
    assert SURFACE.vol(0.0, 0.3).shape == ()


@pytest.mark.parametrize("tau", [0.0, -0.1, math.nan, math.inf])
def test_a_time_that_cannot_be_is_refused(tau: float) -> None:
    with pytest.raises(DocumentError, match=r"tau: got .*; allowed: a time in years above 0"):
        SURFACE.vol(0.0, tau)


@pytest.mark.parametrize("k", [math.nan, math.inf])
def test_moneyness_that_cannot_be_is_refused(k: float) -> None:
    with pytest.raises(DocumentError, match="k: got"):
        SURFACE.vol(k, 0.1)


@pytest.mark.parametrize(
    ("taus", "slices", "field"),
    [
        ((), (), "slices"),
        ((0.1,), (EARLY, LATE), "slices"),
        ((0.5, 0.1), (EARLY, LATE), "taus"),
        ((0.0,), (EARLY,), "taus"),
    ],
)
def test_a_surface_needs_rising_times(taus: tuple[float, ...], slices: tuple[Wings, ...], field: str) -> None:
    with pytest.raises(DocumentError, match=f"{field}: got"):
        Surface(taus, slices)


def test_the_document_refuses_what_it_does_not_know() -> None:
    content = fit_surface(market_of({30.0: svi_smile(30.0, 0.004, 0.05, -0.3, 0.02, 0.15)}), "BTC").to_dict()
    assert SurfaceFit.from_dict(content).to_dict() == content
    content["expiries"][0]["error"]["weighted"] = -1.0
    with pytest.raises(DocumentError, match=r"expiries\[0\].error.weighted: got -1.0"):
        SurfaceFit.from_dict(content)
    with pytest.raises(DocumentError, match="skew: got an unknown field"):
        SurfaceFit.from_dict({**content, "skew": 1.0})
