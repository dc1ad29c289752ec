"""Smile factors, sticky rules and the proxy for days without a surface, with its error carried."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from plimsoll.documents import DocumentError
from plimsoll.dynamics import Surface, fit_market
from plimsoll.dynamics.factors import SmileFactors, moved_vol, variance_level
from plimsoll.dynamics.iv_proxy import LABEL, IvProxy, shipped
from plimsoll.dynamics.wings import Wings
from plimsoll.feeds import import_chain

SMILE = Surface((0.05, 0.3), (Wings(0.001, 0.05, 0.03, 0.0, 0.08), Wings(0.01, 0.12, 0.08, 0.02, 0.2)))


def test_factors_are_what_they_say() -> None:
    f = SmileFactors.of(SMILE)
    tau = 30 / 365
    assert f.level == float(SMILE.vol(0.0, tau))
    k = f.level * math.sqrt(tau)
    assert f.skew == pytest.approx((SMILE.vol(k, tau) - SMILE.vol(-k, tau)) / 2, rel=1e-12)
    assert f.vol(k, tau) == pytest.approx(float(SMILE.vol(k, tau)), rel=1e-12)
    assert f.vol(-k, tau) == pytest.approx(float(SMILE.vol(-k, tau)), rel=1e-12)
    assert f.skew < 0 < f.curvature
    near, far = f.vol(0.0, 10 / 365), f.vol(0.0, 90 / 365)
    assert far - near == pytest.approx(float(SMILE.vol(0.0, 90 / 365) - SMILE.vol(0.0, 10 / 365)), rel=1e-12)
    # far out it is flat, and nowhere small
    assert f.vol(5.0, tau) == f.vol(9.0, tau)
    assert (SmileFactors(0.5, -2.0, 0.0, 0.0).vol(np.linspace(-3, 3, 50), tau) >= 0.05).all()


def test_sticky_strike_and_sticky_moneyness() -> None:
    k = np.array([-0.2, 0.0, 0.15])
    np.testing.assert_array_equal(moved_vol(SMILE, k, 0.1, -0.1, sticky="strike"), SMILE.vol(k, 0.1))
    moved = moved_vol(SMILE, k, 0.1, -0.1, sticky="moneyness")
    np.testing.assert_allclose(moved, SMILE.vol(k - math.log(0.9), 0.1), rtol=1e-14)
    # at the new money, the old volatility at the money; at the old strike, less than before: it is a call now
    assert moved_vol(SMILE, math.log(0.9), 0.1, -0.1, sticky="moneyness") == pytest.approx(float(SMILE.vol(0.0, 0.1)))
    grid = moved_vol(SMILE, k[:, None], 0.1, np.array([-0.3, 0.0, 0.3]), sticky="strike")
    assert grid.shape == (3, 3)
    for bad in (-1.0, math.nan):
        with pytest.raises(DocumentError, match="move"):
            moved_vol(SMILE, k, 0.1, bad, sticky="strike")
    with pytest.raises(DocumentError, match="strike or moneyness"):
        moved_vol(SMILE, k, 0.1, 0.0, sticky="delta")  # type: ignore[arg-type]


def test_a_flat_smile_has_the_variance_of_its_volatility() -> None:
    flat = Surface((0.1,), (Wings(0.1 * 0.6**2, 0.0, 0.0, 0.0, 0.1),))
    # the integrand has a kink at the money, so that the rule's error falls with the square of the distance of points
    coarse, fine = (variance_level(flat, 0.1, points=n) / 0.6 - 1.0 for n in (801, 1601))
    assert 0.0 < coarse < 1e-4
    assert coarse / fine == pytest.approx(4.0, rel=0.01)
    # a smile costs more than its middle
    assert variance_level(SMILE, 0.1) > float(SMILE.vol(0.0, 0.1))


def test_the_proxy_is_declared_and_refuses_other_coins() -> None:
    proxy = IvProxy.load("BTC")
    assert proxy.label == LABEL == "iv: proxy"
    with pytest.raises(DocumentError, match="one of BTC, ETH"):
        IvProxy.load("SOL")
    for bad in (0.0, -0.4, 45.0):
        with pytest.raises(DocumentError, match="index"):
            proxy.level_from_index(bad)
    with pytest.raises(DocumentError, match="level"):
        proxy.vol(0.0, 0.1, math.nan)
    with pytest.raises(DocumentError, match="day"):
        proxy.vol_with_error(0.0, 0.1, 0.5, source="dvol", day=10_000)


def test_the_level_knows_only_the_past_and_follows_realised_volatility() -> None:
    proxy = IvProxy.load("BTC")
    r = np.random.default_rng(4).normal(0, 0.03, 300)
    levels = proxy.level_from_returns(r)
    np.testing.assert_array_equal(proxy.level_from_returns(r[:100]), levels[:101])
    assert proxy.level_from_returns(2 * r)[-1] / levels[-1] == pytest.approx(2**proxy.pack.slope, rel=1e-12)
    assert np.isnan(levels[0])
    assert np.isfinite(levels[1:]).all()


def test_a_draw_of_the_error_is_the_market_of_that_day(shared: Path) -> None:
    """The last chain of the held-back months: the proxy times the error of its day is the fitted surface again."""
    market = import_chain(shared / "data" / "options" / "deribit_chain_daily_2026-04.parquet")
    pack = shipped()
    for coin in ("BTC", "ETH"):
        surface = Surface.of(fit_market(market, [coin])[0])
        proxy = IvProxy.load(coin)
        level = float(proxy.level_from_index(variance_level(surface, 30 / 365)))
        last = len(proxy.errors("dvol")) - 1
        for days in pack.days:
            tau = days / 365
            k = np.asarray(pack.steps) * float(surface.vol(0.0, tau)) * math.sqrt(tau)
            got = proxy.vol_with_error(k, tau, level, source="dvol", day=last)
            # the pack holds log errors to four digits
            np.testing.assert_allclose(got, surface.vol(k, tau), rtol=2e-3)


def test_errors_of_the_index_are_smaller_than_those_of_realised_volatility() -> None:
    spread = {}
    for source in ("dvol", "realised"):
        errors = IvProxy.load("BTC").errors(source)  # type: ignore[arg-type]
        low, high = errors.quantiles([0.05, 0.95])
        assert errors.table.shape == (61, len(errors.days), len(errors.steps))
        spread[source] = float((high - low).mean())
    assert spread["dvol"] < spread["realised"]


def test_between_the_grid_points_the_error_is_interpolated() -> None:
    errors = IvProxy.load("ETH").errors("realised")
    corner = errors.factor(3, errors.steps[1], errors.days[2] / 365)
    assert float(corner) == pytest.approx(math.exp(errors.table[3, 2, 1]), rel=1e-12)
    middle = math.log(float(errors.factor(3, (errors.steps[1] + errors.steps[2]) / 2, errors.days[2] / 365)))
    assert middle == pytest.approx((errors.table[3, 2, 1] + errors.table[3, 2, 2]) / 2, rel=1e-9)
    assert errors.factor(0, -9.0, 2.0) == errors.factor(0, errors.steps[0], 2.0)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_page_is_what_the_data_give(shared: Path) -> None:
    import make_iv_proxy_page

    assert make_iv_proxy_page.main(["--data", str(shared / "data"), "--check"]) == 0
