"""Calls of a linear position in closed form, against Brownian bridges, and probabilities from paths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plimsoll.documents import DocumentError
from plimsoll.liquidation.passage.estimate import chance_of
from plimsoll.optimise.sizing import call_price, call_probability, largest_size
from plimsoll.scenarios.paths import JointPaths


@pytest.mark.parametrize(
    ("size", "rate", "drift"), [(3.0, 0.05, 0.0), (2.0, 0.1, 0.8), (-1.5, 0.05, 0.0), (-3.0, 0.02, -0.5)]
)
def test_the_closed_form_is_that_of_bridges(size: float, rate: float, drift: float) -> None:
    sigma, years, paths = 0.7, 45 / 365, 200_000
    rng, steps = np.random.default_rng(4), 6
    price = call_price(size, rate)
    assert price is not None
    level, side = np.log(price), np.sign(size)
    step = years / steps
    before, kept = np.zeros(paths), np.ones(paths)
    for _ in range(steps):
        after = before + (drift - 0.5 * sigma**2) * step + sigma * np.sqrt(step) * rng.standard_normal(paths)
        near, far = side * (before - level), side * (after - level)
        # the probability that a bridge between two points beyond the level touches it
        touched = np.where((near > 0.0) & (far > 0.0), np.exp(-2.0 * near * far / (sigma**2 * step)), 1.0)
        kept, before = kept * (1.0 - touched), after
    found, error = 1.0 - kept.mean(), kept.std() / np.sqrt(paths)
    assert abs(call_probability(size, rate, drift, sigma, years) - found) < 4.0 * error


def test_at_the_call_price_equity_is_the_margin() -> None:
    for size, rate in ((3.0, 0.05), (1.2, 0.0), (-2.0, 0.1), (-0.3, 0.3)):
        x = call_price(size, rate)
        assert x is not None
        assert 1.0 + size * (x - 1.0) == pytest.approx(rate * abs(size) * x, rel=1e-12)
    assert call_price(1.0, 0.05) is None
    assert call_price(0.0, 0.05) is None


@pytest.mark.parametrize("side", [1, -1])
def test_the_largest_size_keeps_the_limit_and_nothing_larger_does(side: int) -> None:
    size = largest_size(0.02, 0.05, 0.1, 0.6, 30 / 365, side)
    assert size * side > 0.0
    assert call_probability(size, 0.05, 0.1, 0.6, 30 / 365) <= 0.02
    assert call_probability(size * (1.0 + 1e-9), 0.05, 0.1, 0.6, 30 / 365) > 0.02


def test_what_is_below_its_margin_today_is_called_for_certain() -> None:
    # the margin is more than the wealth
    assert call_probability(12.0, 0.1, 0.0, 0.5, 1e-6) == 1.0
    assert call_probability(-12.0, 0.1, 0.0, 0.5, 1e-6) == 1.0


def plain(size: int) -> JointPaths:
    return JointPaths(("X",), np.ones((1, 1, size)), np.ones(1), np.ones(size))


def test_upper_limits_cover_as_often_as_they_say() -> None:
    rng, covered, true = np.random.default_rng(9), 0, 0.01
    for _ in range(400):
        covered += chance_of(rng.random(500) < true, plain(500)).at_most >= true
    assert covered >= 0.93 * 400
    none = chance_of(np.zeros(1_000, dtype=bool), plain(1_000))
    assert none.value == 0.0
    assert none.at_most == pytest.approx(1.0 - 0.05 ** (1 / 1_000), rel=1e-9)


def test_weights_and_clusters_count() -> None:
    rng = np.random.default_rng(2)
    met = rng.random(4_000) < 0.1
    whole = chance_of(met, plain(4_000))
    # sixteen copies of the same 250 paths are worth 250
    same = np.tile(met[:250], 16)
    copied = chance_of(same, replace(plain(4_000), clusters=np.tile(np.arange(250), 16)[:, None]))
    alone = chance_of(met[:250], plain(250))
    assert copied.error == pytest.approx(alone.error, rel=0.01)
    weighted = chance_of(met, replace(plain(4_000), weight=np.where(met, 0.5, 1.05)))
    assert weighted.value == pytest.approx(0.5 * whole.value)
    assert weighted.error < whole.error


def test_bad_numbers_are_named() -> None:
    with pytest.raises(DocumentError, match="rate"):
        call_price(2.0, 1.0)
    with pytest.raises(DocumentError, match="sigma"):
        call_probability(0.5, 0.1, 0.0, 0.0, 1.0)
    with pytest.raises(DocumentError, match="most"):
        largest_size(0.0, 0.1, 0.0, 0.5, 1.0)
    with pytest.raises(DocumentError, match="side"):
        largest_size(0.1, 0.1, 0.0, 0.5, 1.0, 0)
