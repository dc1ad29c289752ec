"""Volatility surfaces on real snapshots: no arbitrage by an independent look, small errors, and the published page."""

from __future__ import annotations

import random
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from naive import smile as naive
from plimsoll.dynamics import Method, SurfaceFit, fit_market
from plimsoll.feeds import import_chain, list_snapshots

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "validation" / "svi.md"
SAMPLED = 4


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The program that writes the page."""
    return import_module("make_svi_page")


def no_arbitrage(fit: SurfaceFit) -> None:
    """Densities, butterflies and calendars in plain Python, on strikes that the fit has never seen."""
    totals = []
    for one in fit.expiries:
        assert one.svi is not None
        totals.append(naive.total_variance(one.svi.a, one.svi.b, one.svi.rho, one.svi.m, one.svi.sigma))
    for w in totals:
        deviation = w(0.0) ** 0.5
        for step in range(-240, 241):
            k = step * deviation / 30.0
            assert naive.density_factor(w, k, 1e-3 * deviation) > -1e-6
            # further out the price of a butterfly is below the rounding of its three options
            if abs(step) <= 90:
                assert naive.butterfly(w, k, 0.01 * deviation) > 0.0
        assert all(naive.density_factor(w, x / 10.0, 1e-4) > 0.0 for x in range(-200, 201))
    for early, late in pairwise(totals):
        assert naive.least_rise(early, late, [x / 50.0 for x in range(-1500, 1501)]) >= 0.0


def test_sampled_snapshots(shared: Path) -> None:
    files = sorted((shared / "data" / "options").glob("deribit_chain_*.parquet"))
    every = [(file, s.time) for file in files for s in list_snapshots(file)]
    for path, time in random.Random(20261120).sample(every, SAMPLED):
        market = import_chain(path, time)
        fits = fit_market(market)
        assert [f.underlying for f in fits] == ["BTC", "ETH"]
        for fit in fits:
            assert fit.arbitrage_free
            no_arbitrage(fit)
            for one in fit.expiries:
                assert one.method is Method.SVI
                # the page has no expiry of a day or more with a weighted error above 5.2 points
                assert one.tau < 1.0 / 365.0 or one.error.weighted < 0.052
                assert one.ssvi_error is not None
                assert one.error.weighted <= one.ssvi_error * 1.05


def test_the_chain_of_2020(shared: Path) -> None:
    market = import_chain(shared / "data" / "options" / "deribit_btc_chain_ticker_20200521.csv.gz")
    (fit,) = fit_market(market)
    assert fit.arbitrage_free
    no_arbitrage(fit)
    assert len(fit.expiries) == 7
    quoted, inside = (sum(getattr(e.error, n) for e in fit.expiries) for n in ("two_sided", "inside"))
    assert inside / quoted > 0.8
    assert max(e.error.weighted for e in fit.expiries[1:]) < 0.02


@pytest.mark.long
def test_every_snapshot_is_on_the_page(shared: Path, tool: ModuleType) -> None:
    found = tool.study(tool.chains(shared / "data" / "options"))
    assert found.free == found.surfaces == 251
    assert tool.page(found) == PAGE.read_text(encoding="utf-8")
