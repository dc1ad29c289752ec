"""The second solver: agreement with the first, answers where the first is made to fail, and wrong ones refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hedge_desks import chain, holding, random_book
from plimsoll.documents import DocumentError
from plimsoll.optimise import (
    Effort,
    MissingSolverError,
    Solved,
    Solver,
    TradingTerms,
    capital,
    cost,
    delta,
    impact,
    lazy,
    make_desk,
    minimise,
    solver,
    today,
)
from plimsoll.optimise.layout import Model
from plimsoll.optimise.price_impact import Squares
from plimsoll.optimise.solver import dual_bound

pytest.importorskip("clarabel")

from plimsoll.optimise import conic
from plimsoll.optimise.conic import beyond, solve_conic


def program(seed: int) -> Model:
    """Rows with one side, two or one number, columns that end or not; some without a point or a least value."""
    rng = np.random.default_rng(seed)
    columns, rows = int(rng.integers(1, 12)), int(rng.integers(0, 10))
    matrix = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.7)
    there = matrix @ rng.uniform(-1.0, 1.0, columns)
    kind = rng.integers(0, 3, rows)
    lower = np.select([kind == 0, kind == 1], [-np.inf, there], there - rng.random(rows))
    upper = np.where(kind == 1, there, there + rng.random(rows))
    if seed % 7 == 0 and rows:
        lower[0] = upper[0] = 1e3
    box = rng.integers(0, 3, columns) if seed % 3 == 0 else np.zeros(columns)
    return Model(
        rng.normal(size=columns), float(rng.normal()), csr_array(matrix), lower, upper,
        np.where(box == 2, -np.inf, -2.0), np.where(box >= 1, np.inf, 2.0), np.zeros(columns, dtype=bool), {},
    )  # fmt: skip


def quadratic(seed: int) -> tuple[Model, np.ndarray]:
    """One of the above that has a point and ends everywhere, and a curvature that is flat in some directions."""
    rng = np.random.default_rng([seed, 1])
    model = program(21 * (seed // 21) + 1)
    root = rng.normal(size=(int(rng.integers(1, model.cost.size + 1)), model.cost.size))
    return model, root.T @ root


def with_impact(seed: int) -> tuple[Model, np.ndarray, np.ndarray]:
    """Minimise `c'x + 0.5 |F x|^2` over a box."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 5))
    forms, slope = rng.normal(size=(int(rng.integers(1, 4)), size)), rng.normal(size=size)
    model = Model(
        np.append(slope, 1.0), 0.0, csr_array((0, size + 1)), np.zeros(0), np.zeros(0),
        np.append(np.full(size, -1.0), 0.0), np.append(np.ones(size), np.inf), np.zeros(size + 1, dtype=bool), {},
        (Squares(size, csr_array(forms), np.abs(forms).sum(axis=1)),),
    )  # fmt: skip
    return model, forms, slope


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make HiGHS give up on every program, or on those that are asked for."""

    def start(when: Callable[[Model], bool] = lambda _model: True) -> list[str]:
        real, asked = solver._run, []

        def run(h: Any, engine: Any, model: Model) -> Solved:
            if not when(model):
                return real(h, engine, model)
            asked.append(engine.getOptionValue("solver")[1])
            return Solved("failed", None, np.inf, -np.inf, np.zeros(model.lower.size), 0, 0, ())

        monkeypatch.setattr(solver, "_run", run)
        return asked

    return start


@given(st.integers(0, 10**6))
@example(399)  # the way without end is known to fewer digits than usual
@example(1050)  # no point, and a way without end
def test_both_solvers_say_the_same_of_a_program(seed: int) -> None:
    model = program(seed)
    want, found = Solver().solve(model), solve_conic(model)
    assert found.status == want.status
    if want.status == "optimal":
        assert found.objective == pytest.approx(want.objective, rel=1e-7, abs=1e-7)
        assert found.x is not None
        assert beyond(model, found.x) <= 1e-8
        assert dual_bound(model, found.dual) >= found.objective - 1e-6 * max(1.0, abs(found.objective))


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_a_quadratic_program_has_its_least_and_a_bound_below_every_point(seed: int) -> None:
    model, q = quadratic(seed)
    found = solve_conic(model, quadratic=csr_array(q))
    assert found.status == "optimal"
    assert found.x is not None
    assert found.objective == pytest.approx(model.cost @ found.x + 0.5 * found.x @ q @ found.x + model.constant)
    assert found.gap <= 1e-6
    # no step towards the least of a tangent is better, from there or from any point of the program
    rng = np.random.default_rng(seed)
    for _ in range(3):
        other = Solver().solve(replace(model, cost=rng.normal(size=model.cost.size)))
        if other.x is None:
            continue
        for part in (1e-4, 0.1, 1.0):
            x = found.x + part * (other.x - found.x)
            value = model.cost @ x + 0.5 * x @ q @ x + model.constant
            assert found.bound <= value + 1e-7 * max(1.0, abs(value))


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_a_cone_and_its_tangents_have_the_same_least(seed: int) -> None:
    model, forms, slope = with_impact(seed)
    tangents, found = Solver().solve(model), solve_conic(model)
    assert found.status == "optimal"
    assert found.x is not None
    assert found.objective == pytest.approx(tangents.objective, abs=1e-7)
    x = found.x[: slope.size]
    assert found.objective == pytest.approx(slope @ x + 0.5 * ((forms @ x) ** 2).sum(), abs=1e-9)
    assert found.gap <= 1e-8
    assert found.bound <= tangents.objective + 1e-7


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 8])
def test_where_highs_gives_up_the_answer_is_clarabels_with_a_bound(seed: int, fail: Callable[..., list[str]]) -> None:
    model = program(seed)
    want = Solver().solve(model)
    asked = fail()
    found = Solver().solve(model)
    assert asked == ["simplex", "ipm"]
    assert [r.split()[0] for r in found.route] == ["HiGHS", "HiGHS", "Clarabel"]
    assert found.status == want.status
    if want.status == "optimal":
        assert found.objective == pytest.approx(want.objective, rel=1e-7, abs=1e-7)
        assert found.bound <= want.objective + 1e-9
        assert found.gap <= 1e-6


def test_a_hedge_is_the_same_when_highs_gives_up(fail: Callable[..., list[str]]) -> None:
    rng = np.random.default_rng(2)
    market = chain(rng)
    desk = make_desk(market, [holding("prbm@2026-01-01", random_book(rng, market))], terms=TradingTerms(size=6.0))
    goal = 0.2 * capital() + cost() + impact(dict.fromkeys(desk.places[0].names, 40.0))
    want = minimise(desk, goal, [delta("BTC") == today])
    asked = fail()
    found = minimise(desk, goal, [delta("BTC") == today])
    assert asked
    assert found.status == "optimal"
    assert any(r.startswith("Clarabel") for r in found.route)
    assert found.after == pytest.approx(want.after, rel=1e-6)
    assert found.gap is not None
    assert found.gap <= 2e-6


def test_tangents_that_do_not_end_are_followed_by_the_cone(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _, _ = with_impact(4)
    want = Solver().solve(model)
    monkeypatch.setattr(lazy, "ROUNDS", 1)
    found = Solver().solve(model)
    assert found.status == "optimal"
    assert found.route[-1].startswith("Clarabel")
    assert found.objective == pytest.approx(want.objective, abs=1e-7)
    assert found.gap <= 1e-8


def test_whole_numbers_are_not_for_it(fail: Callable[..., list[str]]) -> None:
    model = program(1)
    model = replace(model, whole=np.ones_like(model.whole))
    with pytest.raises(DocumentError, match="whole columns"):
        solve_conic(model)
    fail()
    found = Solver().solve(model)
    assert found.status == "failed"
    assert not any("Clarabel" in r for r in found.route)


def test_without_it_the_extra_is_named_and_the_route_says_so(
    monkeypatch: pytest.MonkeyPatch, fail: Callable[..., list[str]]
) -> None:
    monkeypatch.setitem(sys.modules, "clarabel", None)
    with pytest.raises(MissingSolverError, match=r"Clarabel.*plimsoll-margin\[optimise\]"):
        solve_conic(program(1))
    assert Solver().solve(program(1)).status == "optimal"
    fail()
    found = Solver().solve(program(1))
    assert found.status == "failed"
    assert found.route[-1] == "Clarabel: not installed"


@pytest.mark.parametrize("wrong", ["point", "prices", "beyond", "no numbers", "no point", "no least"])
def test_a_wrong_answer_is_not_taken(
    wrong: str, monkeypatch: pytest.MonkeyPatch, fail: Callable[..., list[str]]
) -> None:
    model = program(2)
    assert solve_conic(model).status == "optimal"
    real = conic._run

    class Told:
        """What the solver says, changed."""

        def __init__(self, module: Any, said: Any) -> None:
            kinds = module.SolverStatus
            changed = {"no point": kinds.PrimalInfeasible, "no least": kinds.DualInfeasible}
            self.status, self.iterations = changed.get(wrong, said.status), said.iterations
            self.x, self.z = np.array(said.x), np.array(said.z)
            if wrong == "point":
                self.x = 0.5 * self.x
            elif wrong == "prices":
                self.z = 1.1 * self.z
            elif wrong == "beyond":
                self.x = self.x + 1e-3
            elif wrong == "no numbers":
                self.x = self.x * np.nan

    def run(module: Any, *rest: Any) -> tuple[Told, bool]:
        return Told(module, real(module, *rest)[0]), False

    monkeypatch.setattr(conic, "_run", run)
    assert solve_conic(model).status == "failed"
    fail()
    found = Solver().solve(model)
    assert found.status == "failed"
    assert found.route[-1].endswith("not proved")


def test_the_keyboard_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def at_once(stop: Callable[[], None]) -> Iterator[None]:
        stop()
        yield

    monkeypatch.setattr(conic, "keyboard", at_once)
    found = solve_conic(program(1))
    assert found.status == "stopped"
    assert found.interrupted
    assert found.iterations <= 1


def test_a_gap_that_is_not_reached_is_not_claimed() -> None:
    assert {solve_conic(program(seed), Effort(gap=-1.0)).status for seed in (1, 2, 4, 5)} == {"failed"}


def test_the_bound_of_a_long_column_counts_its_small_cost() -> None:
    """A cost of a ten-thousandth of a millionth of the largest, over a way of a million, is not nothing."""
    model = Model(
        np.array([1e6, 1e-4]), 0.0, csr_array((1, 2)), np.array([-np.inf]), np.array([np.inf]), np.array([0.0, -1e6]),
        np.array([1.0, 1e6]), np.zeros(2, dtype=bool), {},
    )  # fmt: skip
    assert dual_bound(model, np.zeros(1)) == pytest.approx(-100.0)
    assert Solver().solve(model).objective == pytest.approx(-100.0)
