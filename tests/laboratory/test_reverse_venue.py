"""The smallest shock that empties a venue's fund, through the cascade, against a grid of cascades."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from cascade_fleets import ASSETS, liquidity, random_fleet, rates
from plimsoll.documents import DocumentError
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.reverse import reverse_stress
from plimsoll.laboratory.reverse_venue import FundLeft
from plimsoll.laboratory.setup import CascadeVenue

COVARIANCE = np.array([[0.0016, 0.0013], [0.0013, 0.0030]])


def venue_left(fund: float = 100_000.0, **changes: object) -> FundLeft:
    fleet = random_fleet(np.random.default_rng(4), 60)
    venue = CascadeVenue(insurance_fund=fund)
    return FundLeft(fleet, liquidity(2e5), venue, rates(), ASSETS, minutes=6, after=2, **changes)  # type: ignore[arg-type]


def test_against_a_grid_of_cascades() -> None:
    """Two factors: BTC, and ETH and SOL as one. Every cell is a whole cascade."""
    whole = venue_left()

    def left(y: np.ndarray) -> np.ndarray:
        return whole(y[:, [0, 1, 1]])

    found = reverse_stress(
        left, ["BTC", "others"], COVARIANCE, reach=8.0, rays=16, steps=32, starts=1, rounds=4, seed=1
    )
    axis = np.linspace(-0.24, 0.24, 17)
    points = np.array(list(itertools.product(axis, axis)))
    sizes = np.sqrt(np.einsum("ni,ij,nj->n", points, np.linalg.inv(COVARIANCE), points))
    near = points[sizes < 6.0]
    broken = sizes[sizes < 6.0][left(near) <= 0.0]
    assert found.size is not None
    assert found.left is not None
    assert found.left <= 0.0
    assert found.size <= broken.min() + 1e-6
    assert found.size >= broken.min() - 0.9  # a cell is 0.03 wide, up to 0.9 of a size in the worst direction
    assert 0.0 < found.below <= found.size


def test_left_is_what_the_cascade_says() -> None:
    left = venue_left(seeds=(0, 3))
    x = np.array([[-0.25, -0.3, -0.3], [-0.001, 0.0, 0.001]])
    values = left(x)
    assert values[0] < 0.0 < values[1]
    runs = [cascade(left.fleet, left.path(x[0]), left.liquidity, left.venue, left.rates, seed=s) for s in (0, 3)]
    assert values[0] == min(-float(r.short.sum()) for r in runs)
    path = left.path(x[0])
    assert path.steps == 8
    np.testing.assert_allclose(path.price[-1], np.exp(x[0]))
    np.testing.assert_allclose(path.price[3], np.exp(0.5 * x[0]))


def test_less_depth_empties_the_fund_sooner() -> None:
    along = np.array([1.0, 1.0, 1.0]) / np.sqrt(3.0)

    def one(left: FundLeft) -> float:
        found = reverse_stress(lambda y: left(y * along), ["all"], [[0.0025]], reach=20.0, rays=2, steps=10)
        assert found.size is not None
        return found.size

    thick = venue_left(20_000.0, shape=lambda path: replace(path, depth=10.0 * path.depth))
    assert one(venue_left(20_000.0)) < one(thick)
    assert one(venue_left(20_000.0)) <= one(venue_left())


def test_a_venue_without_a_fund_and_a_missing_factor_are_refused() -> None:
    with pytest.raises(DocumentError, match="without a fund none is emptied"):
        venue_left(fund=0.0)
    left = venue_left()
    with pytest.raises(DocumentError, match="SOL too"):
        FundLeft(left.fleet, left.liquidity, left.venue, left.rates, ["BTC", "ETH"])
    with pytest.raises(DocumentError, match="seeds"):
        FundLeft(left.fleet, left.liquidity, left.venue, left.rates, ASSETS, seeds=())
