"""Bounds that hold whatever the solver says, prices of limits, and stopping."""

from __future__ import annotations

import os
import signal
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hedge_desks import chain, holding, random_book
from plimsoll.optimise import (
    Effort,
    MissingSolverError,
    Solver,
    TradingTerms,
    capital,
    cost,
    delta,
    make_desk,
    minimise,
)
from plimsoll.optimise.layout import Model
from plimsoll.optimise.solver import dual_bound


def program(seed: int, columns: int = 6, rows: int = 5) -> Model:
    """A bounded linear program with a point in it."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, columns))
    inside = rng.uniform(-1.0, 1.0, columns)
    return Model(
        cost=rng.normal(size=columns),
        constant=float(rng.normal()),
        matrix=csr_array(matrix),
        lower=np.where(rng.random(rows) < 0.5, matrix @ inside - rng.random(rows), -np.inf),
        upper=matrix @ inside + rng.random(rows),
        low=np.full(columns, -2.0),
        high=np.full(columns, 2.0),
        whole=np.zeros(columns, dtype=bool),
        limits={},
    )


@given(st.integers(0, 10_000), st.lists(st.floats(-5.0, 5.0), min_size=5, max_size=5))
def test_no_row_prices_give_a_bound_above_the_least_value(seed: int, prices: list[float]) -> None:
    model = program(seed)
    solved = Solver().solve(model)
    assert solved.status == "optimal"
    assert dual_bound(model, np.array(prices)) <= solved.objective + 1e-7
    assert solved.bound == pytest.approx(solved.objective, abs=1e-6)
    assert solved.gap <= 1e-6


def test_infeasible_and_unbounded_are_told_apart() -> None:
    model = program(1)
    model.upper[0], model.lower[0] = -1e3, -np.inf
    assert Solver().solve(model).status == "infeasible"
    free = Model(
        model.cost, 0.0, csr_array((1, 6)), np.array([-np.inf]), np.array([np.inf]), np.full(6, -np.inf),
        np.full(6, np.inf), model.whole, {},
    )  # fmt: skip
    assert Solver().solve(free).status == "unbounded"


def test_a_limit_costs_what_its_price_says() -> None:
    rng = np.random.default_rng(11)
    market = chain(rng)
    book = holding("prbm@2026-01-01", random_book(rng, market))
    desk = make_desk(market, [book], terms=TradingTerms(size=10.0))
    goal, start = 0.05 * capital() + cost(), desk.delta("BTC")
    checked = 0
    for bound in (start - 4.0, start - 1.0, start + 1.0, start + 4.0):
        here = minimise(desk, goal, [delta("BTC") == bound])
        there = minimise(desk, goal, [delta("BTC") == bound + 1e-4])
        back = minimise(desk, goal, [delta("BTC") == bound - 1e-4])
        slopes = sorted([(there.after - here.after) / 1e-4, (here.after - back.after) / 1e-4])
        assert slopes[0] - 1e-2 <= here.limits[0].price <= slopes[1] + 1e-2
        checked += abs(here.limits[0].price) > 1.0
    assert checked >= 2


def knapsack(rows: int = 30, columns: int = 150) -> Model:
    rng = np.random.default_rng(0)
    matrix = rng.integers(1, 1000, (rows, columns)).astype(float)
    return Model(
        cost=-rng.integers(1, 100, columns).astype(float),
        constant=0.0,
        matrix=csr_array(matrix),
        lower=np.full(rows, -np.inf),
        upper=matrix.sum(axis=1) / 2.0,
        low=np.zeros(columns),
        high=np.ones(columns),
        whole=np.ones(columns, dtype=bool),
        limits={},
    )


def test_a_keyboard_interrupt_gives_the_best_so_far_with_its_gap() -> None:
    timer = threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        solved = Solver().solve(knapsack(40, 200), Effort(nodes=10**6, gap=0.0))
    finally:
        timer.cancel()
    assert solved.status == "stopped"
    assert solved.x is not None
    assert 0.0 < solved.gap < 1.0
    assert solved.bound <= solved.objective


def test_nodes_bound_the_effort_and_the_same_effort_gives_the_same_point() -> None:
    one, two = (Solver().solve(knapsack(12, 60), Effort(nodes=1, gap=0.0)) for _ in range(2))
    assert one.status == "stopped"
    assert one.x is not None
    assert two.x is not None
    assert np.array_equal(one.x, two.x)
    assert one.bound == two.bound


def test_without_the_solver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(MissingSolverError, match=r"plimsoll-margin\[optimise\]"):
        Solver().solve(program(1))
