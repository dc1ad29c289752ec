"""Reverse stress: closed forms, a brute-force grid in two dimensions, and books under the exact engine."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import CALL, PERP, PRBM, PUT, WING, account_doc, market_doc
from plimsoll.documents import DocumentError
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.generated_history import generated_history
from plimsoll.laboratory.reverse import directions, reverse_stress
from plimsoll.laboratory.reverse_book import BookLeft, Factors, factors_of, reverse_book
from plimsoll.margin import Account, margin_model
from plimsoll.market import Market
from plimsoll.scenarios.factors import FactorHistory

NAMES = ["BTC", "BTC iv"]
COVARIANCE = np.array([[0.0016, -0.0008], [-0.0008, 0.0025]])


@settings(max_examples=40)
@given(
    st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=4).filter(lambda a: np.linalg.norm(a) > 0.3),
    st.floats(0.05, 0.5),
    st.integers(0, 1_000),
)
def test_a_half_space_is_at_its_distance(slope: list[float], room: float, seed: int) -> None:
    """`room + a'x <= 0` is nearest at `room / sqrt(a' C a)`, at `-C a room / (a' C a)`."""
    a = np.array(slope)
    rng = np.random.default_rng(seed)
    mix = 0.03 * (np.eye(a.size) + 0.3 * rng.standard_normal((a.size, a.size)))
    covariance = mix @ mix.T + 1e-5 * np.eye(a.size)
    spread = float(a @ covariance @ a)
    exact = room / np.sqrt(spread)
    names = [f"F{k}" for k in range(a.size)]
    found = reverse_stress(lambda x: room + x @ a, names, covariance, reach=2.0 * exact, rays=128, steps=40, seed=seed)
    assert found.size is not None
    assert found.shock is not None
    assert exact * (1.0 - 1e-6) <= found.size <= exact * (1.0 + 1e-4)
    np.testing.assert_allclose(
        found.shock, -covariance @ a * room / spread, atol=0.03 * float(np.abs(found.shock).max())
    )
    assert found.below <= exact * (1.0 + 1e-6)
    assert found.returns == 0


def test_two_dimensions_against_a_grid() -> None:
    """What is left of a short strangle with a kink: every point of a fine grid is asked."""

    def left(x: np.ndarray) -> np.ndarray:
        price, vol = np.exp(x[:, 0]), np.exp(x[:, 1])
        wings = np.maximum(price - 1.12, 0.0) + 2.0 * np.maximum(0.9 - price, 0.0)
        return 0.2 - wings - 0.15 * (vol - 1.0) ** 2 - 0.3 * np.abs(price - 1.0) * vol

    found = reverse_stress(left, NAMES, COVARIANCE, reach=15.0, rays=180, steps=60, seed=3)
    inverse = np.linalg.inv(COVARIANCE)
    axis = np.linspace(-0.8, 0.8, 801)
    points = np.array(list(itertools.product(axis, axis)))
    broken = points[left(points) <= 0.0]
    sizes = np.sqrt(np.einsum("ni,ij,nj->n", broken, inverse, broken))
    assert found.size is not None
    assert found.left is not None
    assert found.left <= 0.0
    # a cell of the grid is up to 0.08 wide in units of size; the search may only be closer, and no closer than a cell
    assert sizes.min() - 0.08 <= found.size <= sizes.min() + 1e-6
    assert found.below <= found.size


def test_two_separate_weaknesses_are_both_looked_at() -> None:
    """A far rise breaks sooner than a fall, by a hair; the nearer of the two is given."""

    def left(x: np.ndarray) -> np.ndarray:
        return np.minimum(0.200 - x[:, 0], 0.201 + x[:, 0])

    found = reverse_stress(left, NAMES, COVARIANCE, rays=64)
    assert found.moves()["BTC"] == pytest.approx(np.expm1(0.200), rel=1e-4)
    assert found.size == pytest.approx(0.200 / 0.04, rel=1e-4)


def test_an_island_is_said_to_return() -> None:
    """Broken between sizes of 3 and 4.1 only: what is left does not fall along the rays, and the result says so."""

    def left(x: np.ndarray) -> np.ndarray:
        far = np.abs(x[:, 0]) / 0.04
        return np.where((far > 3.0) & (far < 4.1), -1.0, 1.0)

    found = reverse_stress(left, ["BTC"], [[0.0016]], reach=10.0, steps=20, rays=2)
    assert found.size == pytest.approx(3.0, rel=1e-6)
    assert found.returns == 2


def test_nothing_within_reach_and_refusals() -> None:
    found = reverse_stress(lambda x: np.ones(len(x)), NAMES, COVARIANCE, reach=5.0)
    assert (found.size, found.shock, found.below, found.moves()) == (None, None, 5.0, {})
    assert found.to_dict()["found"] is False
    fall = np.array([[0.01]])
    assert reverse_stress(lambda x: np.where(x[:, 0] < -0.2, np.nan, 1.0), ["A"], fall).size == pytest.approx(2.0)

    def ask(**more: Any) -> None:
        given = {"left": lambda x: np.ones(len(x)), "names": NAMES, "covariance": COVARIANCE} | more
        reverse_stress(given.pop("left"), given.pop("names"), given.pop("covariance"), **given)

    for more, told in (
        ({"left": lambda x: -np.ones(len(x))}, "without any shock"),
        ({"left": lambda _: np.ones(3)}, "one number for each shock"),
        ({"covariance": [[1.0, 1.0], [1.0, 1.0]]}, "positive definite"),
        ({"covariance": [[1.0]]}, "symmetric finite"),
        ({"names": []}, "at least one factor"),
        ({"reach": 0.0}, "reach"),
        ({"rays": 1}, "rays"),
        ({"steps": 0}, "steps"),
    ):
        with pytest.raises(DocumentError, match=told):
            ask(**more)


def test_directions_are_unit_and_repeat() -> None:
    for width, count in ((1, 2), (2, 100), (5, 64)):
        unit = directions(count, width, 7)
        np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0)
        np.testing.assert_array_equal(unit, directions(count, width, 7))
    assert len(directions(64, 5, 7)) == 64


def small() -> tuple[Account, Market]:
    account = account_doc({CALL: -1.0, PUT: -1.0, WING: -1.0, PERP: 0.2})
    return Account.from_dict(account), Market.from_dict(market_doc())


def test_a_book_against_a_grid_of_exact_margins() -> None:
    account, market = small()
    model = margin_model(PRBM)
    found = reverse_book(model, account, market, Factors(("BTC", "BTC iv"), COVARIANCE, 1.0), reach=12.0)
    left = BookLeft(model, account, market, ["BTC", "BTC iv"])
    axis = np.linspace(-0.4, 0.4, 81)
    points = np.array(list(itertools.product(axis, axis)))
    broken = points[left(points) <= 0.0]
    sizes = np.sqrt(np.einsum("ni,ij,nj->n", broken, np.linalg.inv(COVARIANCE), broken))
    assert found.size is not None
    assert sizes.min() - 0.4 <= found.size <= sizes.min() + 1e-6
    assert found.left is not None
    assert -50.0 < found.left <= 0.0
    again = reverse_book(model, account, market, Factors(("BTC", "BTC iv"), COVARIANCE, 1.0), reach=12.0)
    assert again.to_dict() == found.to_dict()


def test_the_path_and_one_market_after_the_other_agree() -> None:
    account, market = demo_account(), demo_market()
    for name in ("prbm@2026-03-01", "dsa@2026-03-01"):
        left = BookLeft(margin_model(name), account, market, ["BTC", "BTC iv"])
        assert left.on_a_path
        x = np.random.default_rng(5).normal(0.0, 0.2, (12, 2))
        np.testing.assert_allclose(left.along(x), left.one_by_one(x), rtol=1e-9, atol=1e-4)


def test_factors_of_a_history() -> None:
    history = FactorHistory.of_levels(generated_history(demo_market().time))
    one, week = factors_of(history, ["BTC"]), factors_of(history, ["BTC"], 7.0)
    assert one.names == ("BTC", "BTC iv")
    np.testing.assert_allclose(week.covariance, 7.0 * one.covariance)
    assert one.covariance[0, 0] == pytest.approx(float(np.mean(history.returns[:, 0] ** 2)))
    account, market = small()
    with pytest.raises(DocumentError, match="every underlying of the book"):
        BookLeft(margin_model(PRBM), account, market, ["ETH"])
    with pytest.raises(DocumentError, match="horizon"):
        factors_of(history, ["BTC"], 0.0)
