"""Bounds that hold whatever the solver says, prices of limits, and stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hedge_desks import chain, holding, random_book
from plimsoll.optimise import (
    ConflictError,
    Effort,
    MissingSolverError,
    Solved,
    Solver,
    TradingTerms,
    capital,
    cost,
    delta,
    make_desk,
    minimise,
    solver,
    today,
    vega,
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


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C as at a terminal: a shell starts what it puts in the background with the interrupt ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("grace", [60.0, 0.0], ids=["stopped", "left"])
def test_a_keyboard_interrupt_gives_the_best_so_far_with_its_gap(grace: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "GRACE", grace)
    model = knapsack(60, 600)
    timer = threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        solved = Solver().solve(model, Effort(nodes=10**6, gap=0.0))
    finally:
        timer.cancel()
    assert solved.status == "stopped"
    assert solved.x is not None
    assert 0.0 < solved.gap < 1.0
    assert solved.bound <= solved.objective
    assert solved.objective == pytest.approx(model.cost @ solved.x)
    assert np.array_equal(np.round(solved.x), np.clip(np.round(solved.x), 0.0, 1.0))
    assert (model.matrix @ solved.x <= model.upper + 1e-6).all()
    for thread in threading.enumerate():
        if thread.name == "plimsoll-solver":
            thread.join(60.0)
            assert not thread.is_alive()


def test_a_solver_that_does_not_hear_is_left_and_the_process_ends_well() -> None:
    here = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "optimise.interrupted"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["stopped", "plimsoll-solver"]


def test_nodes_bound_the_effort_and_the_same_effort_gives_the_same_point() -> None:
    one, two = (Solver().solve(knapsack(12, 60), Effort(nodes=1, gap=0.0)) for _ in range(2))
    assert one.status == "stopped"
    assert one.x is not None
    assert two.x is not None
    assert np.array_equal(one.x, two.x)
    assert one.bound == two.bound


def test_a_tree_that_comes_to_nothing_is_tried_within_wider_tolerances(monkeypatch: pytest.MonkeyPatch) -> None:
    model, real, asked = knapsack(6, 12), solver._run, list[float]()

    def run(h: Any, engine: Any, given: Model) -> Solved:
        asked.append(engine.getOptionValue("mip_feasibility_tolerance")[1])
        found = real(h, engine, given)
        return replace(found, status="failed", x=None) if len(asked) == 1 else found

    want = Solver().solve(model)
    monkeypatch.setattr(solver, "_run", run)
    found = Solver().solve(model)
    assert asked[:2] == [1e-9, 1e-6]
    assert [name.split(" ", 2)[2] for name in found.route] == list(solver.TREES.values())
    assert (found.status, want.status) == ("optimal", "optimal")
    assert found.objective == pytest.approx(want.objective, rel=1e-6)


def test_without_the_solver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(MissingSolverError, match=r"plimsoll-margin\[optimise\]"):
        Solver().solve(program(1))


class Interrupted(Solver):
    """Ctrl-C at once in every solve after the first `heard`."""

    def __init__(self, heard: int) -> None:
        super().__init__()
        self.left, self.solves = heard, 0

    def solve(self, model: Model, effort: Effort | None = None) -> Solved:
        self.solves += 1
        found = super().solve(model, effort or Effort())
        if self.solves <= self.left:
            return found
        return replace(found, status="stopped", x=found.x if self.left == 0 else None, interrupted=True)


def test_an_interrupt_ends_the_steps_on_a_bound() -> None:
    rng = np.random.default_rng(5)
    market = chain(rng)
    desk = make_desk(market, [holding("span@2026-01-01", random_book(rng, market))], terms=TradingTerms(size=10.0))
    assert not desk.places[0].exact
    goal, counted = 0.05 * capital() + cost(), (Interrupted(99), Interrupted(0), Interrupted(2))
    answers = [minimise(desk, goal, [delta("BTC") == today], solver=s) for s in counted]
    assert counted[0].solves > 3
    assert [s.solves for s in counted[1:]] == [1, 3]
    assert all(answers[0].after <= a.after <= a.before for a in answers[1:])
    assert "stopped before the gap was closed: the best trades so far" in answers[1].notes


def test_a_conflict_whose_search_was_interrupted_is_not_called_smallest() -> None:
    rng = np.random.default_rng(11)
    market = chain(rng)
    desk = make_desk(market, [holding("prbm@2026-01-01", random_book(rng, market))], terms=TradingTerms(size=10.0))
    limits = [delta("BTC") >= desk.delta("BTC") + 1.0, cost() <= 0.0, vega("BTC") <= 1e9]
    with pytest.raises(ConflictError, match="without any one of them") as caught:
        minimise(desk, capital(), limits)
    assert caught.value.smallest
    assert caught.value.limits == tuple(limit.name for limit in limits[:2])
    with pytest.raises(ConflictError, match="the search for fewer was stopped") as caught:
        minimise(desk, capital(), limits, solver=Interrupted(2))
    assert not caught.value.smallest
    assert caught.value.limits == tuple(limit.name for limit in limits)
