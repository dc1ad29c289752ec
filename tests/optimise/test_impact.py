"""Quadratic impact by tangents: against the closed form, a solver of quadratic programs, and its own bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.sparse import csr_array

from hedge_desks import chain, holding, random_book
from plimsoll.documents import DocumentError
from plimsoll.optimise import (
    Desk,
    Solver,
    TradingTerms,
    capital,
    cost,
    delta,
    impact,
    make_desk,
    minimise,
    tickets,
    today,
)
from plimsoll.optimise.layout import Model
from plimsoll.optimise.price_impact import Squares


def desk_of(seed: int, lot: float | None = None) -> Desk:
    rng = np.random.default_rng(seed)
    market = chain(rng)
    book = holding("prbm@2026-01-01", random_book(rng, market))
    return make_desk(market, [book], terms=TradingTerms(size=6.0, lot=lot, option_lot=lot))


@settings(max_examples=40)
@given(st.integers(0, 10**6))
@example(93_710)  # the smooth method stops before the least
def test_tangents_find_the_least_of_a_quadratic_program(seed: int) -> None:
    """Minimise `c'x + 0.5 |F x|^2` over a box: the same by a method for smooth functions."""
    rng = np.random.default_rng(seed)
    size, forms = int(rng.integers(1, 5)), rng.normal(size=(int(rng.integers(1, 4)), 4))
    forms, slope = forms[:, :size], rng.normal(size=size)
    columns = size + 1
    model = Model(
        np.append(slope, 1.0), 0.0, csr_array((0, columns)), np.zeros(0), np.zeros(0),
        np.append(np.full(size, -1.0), 0.0), np.append(np.ones(size), np.inf), np.zeros(columns, dtype=bool), {},
        (Squares(size, csr_array(forms), np.abs(forms).sum(axis=1)),),
    )  # fmt: skip
    solved = Solver().solve(model)
    assert solved.status == "optimal"
    assert solved.x is not None
    x = solved.x[:size]
    value = float(slope @ x + 0.5 * ((forms @ x) ** 2).sum())
    want = minimize(
        lambda y: slope @ y + 0.5 * ((forms @ y) ** 2).sum(), np.zeros(size), bounds=[(-1.0, 1.0)] * size,
        jac=lambda y: slope + forms.T @ (forms @ y), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-12},
    ).fun  # fmt: skip
    # the other method may end early, never below: what closes the gap has to hold at every point
    assert value <= want + 1e-6
    points = rng.uniform(-1.0, 1.0, (200, size))
    least = float((points @ slope + 0.5 * ((points @ forms.T) ** 2).sum(axis=1)).min())
    assert solved.bound <= min(want, least) + 1e-9
    assert value - solved.bound <= 1e-7 * max(1.0, abs(value))


def test_a_desk_pays_for_size_and_the_bound_is_below_every_part_of_its_trades() -> None:
    desk = desk_of(2)
    names = desk.places[0].names
    free = minimise(desk, 0.2 * capital() + cost(), [delta("BTC") == today])
    heavy = impact(dict.fromkeys(names, 40.0))
    goal = 0.2 * capital() + cost() + heavy
    answer = minimise(desk, goal, [delta("BTC") == today])
    assert answer.status == "optimal"
    assert answer.gap is not None
    assert answer.gap <= 2e-6
    assert any("rows made of what was asked for" in r for r in answer.route)

    def of(y: np.ndarray) -> float:
        place = desk.places[0]
        held = place.rate * place.form.at(place.quantity + y)
        return float(0.2 * held + place.cost(y).sum() + 20.0 * (y**2).sum())

    assert answer.after == pytest.approx(of(answer.trades[0]), rel=1e-9)
    assert np.abs(answer.trades[0]).sum() < np.abs(free.trades[0]).sum()
    for part in np.linspace(0.0, 1.0, 9):
        assert answer.bound is not None
        assert answer.bound <= of(part * answer.trades[0]) + 1e-6
        assert answer.bound <= of(part * free.trades[0]) + 1e-6


def test_impact_as_a_limit_and_with_whole_numbers() -> None:
    desk = desk_of(3, lot=0.5)
    names = desk.places[0].names[:6]
    term = impact(dict.fromkeys(names, 10.0), {(names[0], names[1]): 5.0})
    answer = minimise(desk, 0.2 * capital() + cost(), [term <= 3.0, tickets() <= 2.0])
    kept = answer.limits[0]
    y = dict(zip(desk.places[0].names, answer.trades[0].tolist(), strict=True))
    assert kept.after == pytest.approx(term.of(y))
    assert kept.after <= 3.0 + 1e-6
    assert np.count_nonzero(answer.trades[0]) <= 2


@given(st.integers(0, 10**6))
def test_forms_add_up_to_the_quadratic(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(int(rng.integers(1, 5)), 4))
    whole = root.T @ root
    names = [f"I{k}" for k in range(4)]
    term = impact(
        {n: whole[i, i] for i, n in enumerate(names)},
        {(names[i], names[j]): whole[i, j] for i in range(4) for j in range(i)},
    )
    y = rng.normal(size=4)
    assert 0.5 * ((term.forms() @ y) ** 2).sum() == pytest.approx(term.of(dict(zip(names, y, strict=True))), rel=1e-6)


def test_what_cannot_be_an_impact_is_refused() -> None:
    for by_size, cross, words in (
        ({}, None, "nothing"),
        ({"A": -1.0}, None, "paid for moving"),
        ({"A": 1.0, "B": 1.0}, {("A", "B"): 2.0}, "paid for moving"),
        ({"A": float("nan")}, None, "finite"),
        ({"A": 1.0}, {("A", "B"): 0.0}, "two of A"),
        ({"A": 1.0}, {("A", "A"): 0.0}, "two of A"),
    ):
        with pytest.raises(DocumentError, match=words):
            impact(by_size, cross)
    with pytest.raises(DocumentError, match="NOPE"):
        minimise(desk_of(1), capital() + impact({"NOPE": 1.0}))
