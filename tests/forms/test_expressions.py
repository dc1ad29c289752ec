"""Pieces of margins: their values against plain sums, and their rows against a solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

import plimsoll as pl
from plimsoll.margin.forms import Expression, Least, Max, Relieved, Scaled, Sum, Tail, Worst, compile_program

N = 3
NUMBERS = st.floats(-5.0, 5.0).map(lambda x: round(x, 3))


def matrix(rows: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, (rows, N), elements=NUMBERS)


@st.composite
def leaves(draw: st.DrawFn) -> Worst:
    rows = draw(st.integers(1, 4))
    constant = draw(arrays(np.float64, (rows,), elements=NUMBERS))
    return Worst.parts(range(N), draw(matrix(rows)), draw(matrix(rows)), constant)


@st.composite
def relieved(draw: st.DrawFn) -> Relieved:
    charge = Worst.parts(range(N), draw(matrix(2)), draw(matrix(2)))
    price = draw(arrays(np.float64, (N,), elements=st.floats(0.0, 4.0) | st.just(np.inf)))
    return Relieved(charge, price)


def expressions() -> st.SearchStrategy[Expression]:
    flat = leaves() | relieved() | st.builds(Tail, leaves(), st.sampled_from([1.0, 0.5]))
    flat = flat | st.tuples(leaves(), leaves()).map(Least)

    def wider(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        some = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return some.map(Sum) | some.map(Max) | st.builds(Scaled, st.floats(0.0, 3.0), inner)

    return st.recursive(flat, wider, max_leaves=4)


def least(expression: Expression, quantity: np.ndarray) -> float:
    program = compile_program(expression, N, np.full(N, 6.0))
    low, high = program.holding(quantity)
    rows = LinearConstraint(program.matrix, -np.inf, program.upper) if program.upper.size else ()
    whole = program.integer.astype(int)
    found = milp(program.cost, integrality=whole, bounds=Bounds(low, high), constraints=rows)
    assert found.success, found.message
    return float(found.fun) + program.constant


@given(expressions(), arrays(np.float64, (N,), elements=NUMBERS))
def test_the_least_value_of_the_rows_is_the_expression(expression: Expression, quantity: np.ndarray) -> None:
    assert least(expression, quantity) == pytest.approx(expression.at(quantity), rel=1e-6, abs=1e-6)


@given(leaves(), st.floats(0.3, 4.0), arrays(np.float64, (N,), elements=NUMBERS))
def test_the_mean_of_the_largest_rows(losses: Worst, count: float, quantity: np.ndarray) -> None:
    rows = losses.rows(np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0))
    count = min(count, float(rows.size))
    tail = Tail(losses, count)
    if count == int(count):
        assert tail.at(quantity) == pytest.approx(float(np.sort(rows)[-int(count) :].mean()))
    level = 1.0 - count / rows.size
    if 1e-6 < level < 1.0 - 1e-6:
        from plimsoll.risk import expected_shortfall

        assert tail.at(quantity) == pytest.approx(float(expected_shortfall(rows, level)), rel=1e-9, abs=1e-9)


@given(relieved(), arrays(np.float64, (N,), elements=NUMBERS))
def test_giving_up_bought_contracts_is_a_small_program_of_its_own(expression: Relieved, quantity: np.ndarray) -> None:
    long, short = np.maximum(quantity, 0.0), np.maximum(-quantity, 0.0)
    c, free = expression.charge, np.isfinite(expression.price)
    # variables y[N], top
    cost = np.append(np.where(free, expression.price, 0.0), 1.0)
    rows = np.hstack([-c.long, np.full((2, 1), -1.0)])
    upper = -(c.long @ long + c.short @ short)
    bounds = [*((0.0, float(x) if ok else 0.0) for x, ok in zip(long, free, strict=True)), (None, None)]
    found = linprog(cost, rows, upper, bounds=bounds, method="highs")
    assert expression.at(quantity) == pytest.approx(float(found.fun), rel=1e-7, abs=1e-7)


@given(
    expressions(), arrays(np.float64, (N,), elements=NUMBERS), arrays(np.float64, (N,), elements=st.floats(0.0, 5.0))
)
def test_only_named_instruments_gain_by_holding_both_sides(
    expression: Expression, quantity: np.ndarray, more: np.ndarray
) -> None:
    more[list(expression.opposed())] = 0.0
    wide = expression.value(np.maximum(quantity, 0.0) + more, np.maximum(-quantity, 0.0) + more)
    assert wide >= expression.at(quantity) - 1e-9


def test_a_binary_needs_a_reach() -> None:
    sold_cheaper = Worst.parts([0], [[1.0]], [[-2.0]])
    with pytest.raises(pl.DocumentError, match="reach: got None; allowed: the largest position in each of the 1"):
        compile_program(sold_cheaper, 1)
    assert compile_program(sold_cheaper, 1, np.array([2.0])).integer.sum() == 1
    with pytest.raises(ValueError, match=r"factor: got -1\.0"):
        Scaled(-1.0, sold_cheaper)
