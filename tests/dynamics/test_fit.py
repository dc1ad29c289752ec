"""Known smiles found again, arbitrage in the quotes taken out, and what cannot be fitted named."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynamics.chains import Smile, flat, market_of, svi_smile, years
from naive import smile as naive
from plimsoll.documents import DocumentError, Reason
from plimsoll.dynamics import ExpiryFit, Method, Surface, SurfaceFit, fit_market, fit_surface, with_smiles
from plimsoll.dynamics.quotes import read_quotes
from plimsoll.dynamics.ssvi import ssvi_slice
from plimsoll.dynamics.svi_fit import fit_alone
from plimsoll.feeds import generated_market
from plimsoll.market import Market, SviSlice

TRUE = {"a": 0.004, "b": 0.05, "rho": -0.3, "m": 0.02, "sigma": 0.15}
LATER = {"a": 0.01, "b": 0.09, "rho": -0.25, "m": 0.03, "sigma": 0.3}


def reasons(fit: SurfaceFit) -> set[Reason]:
    return {f.reason for f in fit.every_failure}


def total(raw: SviSlice | None) -> naive.Total:
    assert raw is not None
    return naive.total_variance(raw.a, raw.b, raw.rho, raw.m, raw.sigma)


def no_arbitrage(fits: tuple[ExpiryFit, ...]) -> None:
    """Brute force in plain Python, on points that have nothing to do with those of the fit."""
    points = [x / 37.0 for x in range(-120, 121)]
    for one in fits:
        w = total(one.svi)
        for k in points:
            assert w(k) > 0.0
            assert naive.density_factor(w, k, 1e-4) > -1e-6
        # prices beyond twelve standard deviations are below the rounding of their differences
        near = [k for k in points if abs(k) < 4.0 * math.sqrt(w(k))]
        for k in near:
            assert naive.butterfly(w, k, 1e-3) > -1e-11
    for early, late in pairwise(fits):
        assert naive.least_rise(total(early.svi), total(late.svi), [10.0 * p for p in points]) > -1e-12


def test_the_slice_that_made_the_quotes_is_found() -> None:
    market = market_of({30.0: svi_smile(30.0, **TRUE), 90.0: svi_smile(90.0, **LATER)})
    fit = fit_surface(market, "BTC")
    assert fit.every_failure == ()
    for one, true in zip(fit.expiries, (TRUE, LATER), strict=True):
        assert one.method is Method.SVI
        assert one.svi is not None
        found = one.svi.model_dump()
        assert {n: found[n] for n in true} == pytest.approx(true, rel=1e-5, abs=1e-7)
        assert one.error.largest == pytest.approx(0.0, abs=1e-7)
        assert one.error.share_inside == 1.0
        assert one.alone is not None
        assert one.alone.butterfly_free
        assert one.alone.calendar_free
    no_arbitrage(fit.expiries)


@given(
    st.floats(0.001, 0.02),
    st.floats(0.02, 0.3),
    st.floats(-0.8, 0.8),
    st.floats(-0.1, 0.1),
    st.floats(0.05, 0.5),
)
def test_any_slice_is_found_in_its_volatilities(a: float, b: float, rho: float, m: float, sigma: float) -> None:
    market = market_of({60.0: svi_smile(60.0, a, b, rho, m, sigma)}, k=np.linspace(-0.6, 0.6, 25).tolist(), spread=None)
    quotes = read_quotes(market, market.expiries[0])
    assert quotes is not None
    surface = Surface((quotes.tau,), (fit_alone(quotes).slice,))
    assert surface.vol(quotes.k, quotes.tau) == pytest.approx(quotes.vol, abs=2e-5)


def test_the_generated_market_is_found_to_the_rounding_of_its_marks() -> None:
    market = generated_market(seed=3)
    fits = fit_market(market)
    assert [f.underlying for f in fits] == ["BTC", "ETH"]
    for fit in fits:
        assert fit.arbitrage_free
        assert reasons(fit) <= {Reason.BUTTERFLY_VIOLATED, Reason.CALENDAR_VIOLATED}
        for one in fit.expiries:
            # marks are rounded to a hundredth of a point
            assert one.error.weighted < 1e-4
            assert one.error.largest is not None
            assert one.error.largest < 5e-4
        no_arbitrage(fit.expiries)


def test_ssvi_finds_an_ssvi_surface() -> None:
    rho, eta, gamma = -0.3, 0.9, 0.45
    smiles = {}
    for days, theta in ((7.0, 0.006), (30.0, 0.022), (180.0, 0.14)):
        w = naive.ssvi(rho, eta, gamma, theta)
        smiles[days] = volatility(w, years(days))
    fit = fit_surface(market_of(smiles, spread=None), "BTC", method="ssvi")
    assert fit.ssvi is not None
    assert (fit.ssvi.rho, fit.ssvi.eta, fit.ssvi.gamma) == pytest.approx((rho, eta, gamma), rel=2e-3)
    for one, theta in zip(fit.expiries, (0.006, 0.022, 0.14), strict=True):
        assert one.method is Method.SSVI
        assert one.error.weighted < 1e-4
        assert one.ssvi_error == pytest.approx(one.error.weighted)
        assert total(one.svi)(0.0) == pytest.approx(theta, rel=1e-3)


@given(st.floats(-0.95, 0.95), st.floats(0.1, 1.4), st.floats(0.0, 0.5), st.floats(1e-4, 2.0), st.floats(-2.0, 2.0))
def test_an_ssvi_slice_is_its_formula(rho: float, eta: float, gamma: float, theta: float, k: float) -> None:
    raw = ssvi_slice(rho, eta, gamma, theta).raw(1.0, 1.0)
    assert total(raw)(k) == pytest.approx(naive.ssvi(rho, eta, gamma, theta)(k), rel=1e-9)


def test_quotes_that_cross_are_parted_and_told() -> None:
    """A later expiry of lower total variance everywhere: no surface can meet both."""
    market = market_of({30.0: flat(0.8), 33.0: flat(0.7)})
    fit = fit_surface(market, "BTC")
    assert Reason.CALENDAR_VIOLATED in reasons(fit)
    assert fit.arbitrage_free
    no_arbitrage(fit.expiries)
    early, late = fit.expiries
    assert early.alone is not None
    assert not early.alone.calendar_free
    assert early.alone.error.weighted < 1e-6
    # both gave way: neither order of fitting decided
    surface = Surface.of(fit)
    low, high = (float(surface.vol(0.0, e.tau)) for e in (early, late))
    assert 0.7 < low < 0.799
    assert 0.701 < high < 0.8


def test_a_smile_with_a_negative_density_is_moved_until_it_has_none() -> None:
    """Axel Vogt's slice (Gatheral and Jacquier 2014, section 3), quoted as if it were a year's."""
    vogt = {"a": -0.0410, "b": 0.1331, "rho": 0.3060, "m": 0.3586, "sigma": 0.4153}
    market = market_of({365.0: svi_smile(365.0, **vogt)}, k=np.linspace(-1.5, 1.5, 31).tolist(), spread=None)
    fit = fit_surface(market, "BTC")
    assert Reason.BUTTERFLY_VIOLATED in reasons(fit)
    (one,) = fit.expiries
    assert one.alone is not None
    assert not one.alone.butterfly_free
    assert one.alone.error.weighted < 1e-4
    assert one.least_density >= 0.0
    no_arbitrage(fit.expiries)
    assert 1e-4 < one.error.weighted < 0.02


def test_few_strikes_are_interpolated_and_named() -> None:
    few = market_of({60.0: flat(0.55)}, k=(-0.1, 0.0, 0.1)).to_dict()
    many = market_of({30.0: svi_smile(30.0, **TRUE), 90.0: svi_smile(90.0, **LATER)}).to_dict()
    for field in ("expiries", "instruments"):
        many[field] += few[field]
    many["marks"] |= few["marks"]
    fit = fit_surface(Market.from_dict(many), "BTC")
    assert [e.method for e in fit.expiries] == [Method.SVI, Method.INTERPOLATED, Method.SVI]
    middle = fit.expiries[1]
    assert middle.svi is None
    assert [f.reason for f in middle.failures] == [Reason.TOO_FEW_STRIKES]
    assert "3 of 5" in middle.failures[0].message
    assert middle.error.strikes == 3
    early, late = (Surface.of(fit).total_variance(0.1, e.tau) for e in (fit.expiries[0], fit.expiries[2]))
    expected = math.sqrt((early + late) / 2.0 / middle.tau)
    assert float(Surface.of(fit).vol(0.1, middle.tau)) == pytest.approx(expected)
    error = abs(float(Surface.of(fit).vol(0.0, middle.tau)) - 0.55)
    assert middle.error.largest is not None
    assert middle.error.largest >= error
    assert fit.arbitrage_free


def test_no_expiry_with_strikes_enough_is_flat_and_named() -> None:
    fit = fit_surface(market_of({30.0: flat(0.8), 31.0: flat(0.5), 90.0: flat(0.6)}, k=(-0.05, 0.05)), "BTC")
    assert [e.method for e in fit.expiries] == [Method.FLAT] * 3
    assert [f.reason for f in fit.failures] == [Reason.TOO_FEW_STRIKES]
    surface = Surface.of(fit)
    vols = [float(surface.vol(0.3, e.tau)) for e in fit.expiries]
    # the second would fall below the first in total variance and is raised to it
    assert vols == pytest.approx([0.8, 0.8 * math.sqrt(30.0 / 31.0), 0.6])
    assert fit.arbitrage_free


def test_an_expiry_without_forward_or_volatility_is_named_and_the_others_stand() -> None:
    smiles = {7.0: flat(0.5), 30.0: svi_smile(30.0, **TRUE), 90.0: svi_smile(90.0, **LATER)}
    content = market_of(smiles).to_dict()
    content["expiries"][2]["forward"] = None
    content["marks"] = {n: m for n, m in content["marks"].items() if not n.startswith("BTC-7-")}
    fit = fit_surface(Market.from_dict(content), "BTC")
    assert [f.reason for f in fit.failures] == [Reason.MISSING_VOL, Reason.MISSING_FORWARD]
    assert all(f.effect == "refused" for f in fit.failures)
    assert [e.method for e in fit.expiries] == [Method.SVI]


def test_nothing_fitted_is_an_empty_surface_with_reasons() -> None:
    content = market_of({30.0: flat(0.5)}).to_dict()
    content["marks"] = {}
    fit = fit_surface(Market.from_dict(content), "BTC")
    assert fit.expiries == ()
    assert reasons(fit) == {Reason.MISSING_VOL}
    with pytest.raises(DocumentError, match="BTC without a fitted slice"):
        Surface.of(fit)


def test_the_order_of_instruments_and_marks_is_irrelevant() -> None:
    market = generated_market(seed=5)
    content = market.to_dict()
    shuffle = random.Random(1).shuffle
    for field in ("instruments", "expiries"):
        shuffle(content[field])
    marks = list(content["marks"].items())
    shuffle(marks)
    content["marks"] = dict(marks)
    for one, other in zip(fit_market(market), fit_market(Market.from_dict(content)), strict=True):
        assert one.expiries == other.expiries
        assert one.ssvi == other.ssvi


def test_the_same_market_gives_the_same_bits() -> None:
    market = generated_market(seed=6)
    first, second = (fit_market(market) for _ in range(2))
    assert [f.hash() for f in first] == [f.hash() for f in second]
    assert all(f.market == market.hash() for f in first)
    again = SurfaceFit.from_json(first[0].to_json())
    assert again == first[0]


def volatility(w: naive.Total, tau: float) -> Smile:
    return lambda k: math.sqrt(w(k) / tau)


def rough_smile(numbers: list[float]) -> Smile:
    """Volatilities that no model made, one per strike."""
    points = np.linspace(-0.5, 0.5, len(numbers))
    return lambda k: float(np.interp(k, points, numbers))


TABLES = st.lists(st.lists(st.floats(0.05, 3.0), min_size=9, max_size=9), min_size=1, max_size=4)
SPREADS = st.sampled_from([None, 1e-6, 0.001, 0.02])


def no_arbitrage_whatever_is_quoted(table: list[list[float]], spread: float | None) -> None:
    smiles = {2.0 + 11.0 * i: rough_smile(numbers) for i, numbers in enumerate(table)}
    market = market_of(smiles, k=np.linspace(-0.5, 0.5, 9).tolist(), spread=spread)
    fit = fit_surface(market, "BTC")
    assert len(fit.expiries) == len(table)
    assert fit.arbitrage_free
    no_arbitrage(tuple(e for e in fit.expiries if e.svi is not None))
    surface = Surface.of(fit)
    k = np.linspace(-5.0, 5.0, 101)
    for days in (0.01, 1.0, 8.0, 30.0, 900.0):
        assert np.isfinite(surface.vol(k, years(days))).all()


@settings(max_examples=20)
@given(TABLES, SPREADS)
# wings so nearly parallel that they cross at thirty times the forward's logarithm
@example(
    [
        [1.0, 1.0, 1.0, 2.5, 2.0, 1.0, 1.0, 1.0, 1.0],
        [2.0, 3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 1.0, 1.0],
        [1.25, 1.0, 1.0, 2.0, 3.0, 2.0, 2.0, 2.0, 3.0],
    ],
    1e-6,
)
# a density that touches zero between two points of the grid
@example(
    [
        [1.545, 2.612, 2.292, 2.149, 0.28, 0.552, 1.174, 1.746, 1.329],
        [2.617, 2.944, 2.64, 1.844, 0.922, 2.148, 0.092, 2.826, 1.9],
        [1.545, 2.045, 2.292, 1.329, 0.28, 0.552, 1.174, 1.329, 0.05],
    ],
    None,
)
def test_whatever_is_quoted_the_surface_has_no_arbitrage(table: list[list[float]], spread: float | None) -> None:
    no_arbitrage_whatever_is_quoted(table, spread)


@pytest.mark.long
@settings(max_examples=1_000)
@given(TABLES, SPREADS)
def test_whatever_is_quoted_a_thousand_times(table: list[list[float]], spread: float | None) -> None:
    no_arbitrage_whatever_is_quoted(table, spread)


def test_slices_go_back_into_the_market() -> None:
    market = market_of({30.0: svi_smile(30.0, **TRUE)})
    fit = fit_surface(market, "BTC")
    smiled = with_smiles(market, [fit])
    assert smiled.expiries[0].svi == fit.expiries[0].svi
    assert smiled.marks == market.marks
    assert with_smiles(market, []) == market
    assert Market.from_dict(smiled.to_dict()) == smiled


def test_progress_is_told_of_every_underlying() -> None:
    told: list[tuple[str, int, int]] = []
    fit_market(generated_market(seed=1), progress=lambda *step: told.append(step))
    assert told == [("BTC", 0, 2), ("ETH", 1, 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"underlyings": ["SOL"]}, "underlyings: got 'SOL'; allowed: one with live options: BTC"),
        ({"method": "sabr"}, "method: got 'sabr'; allowed: svi or ssvi"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        fit_market(market_of({30.0: flat(0.5)}), **arguments)
