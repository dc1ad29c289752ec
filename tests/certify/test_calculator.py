"""The second calculator: rounding, every kind of node against exact ratios, refusals."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive.exact import exact
from plimsoll.certify import (
    Statement,
    UncertifiedError,
    certify,
    value_of,
)
from plimsoll.documents import exact_decimal, exact_ratio, rounded_up
from plimsoll.ledger.quantised import quantised
from plimsoll.margin.forms import Expression, Least, Max, Relieved, Scaled, Sum, Tail, Worst
from plimsoll.margin.house.box import Box
from plimsoll.margin.house.dsa_forms import Curved
from plimsoll.scenarios import FLAT

NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, -1.0, 0.1, 1e-12]))
SIZE = 3


@st.composite
def worsts(draw: st.DrawFn, rows: int | None = None) -> Worst:
    count = draw(st.integers(1, 4)) if rows is None else rows
    items = draw(st.lists(st.integers(0, SIZE - 1), min_size=0, max_size=SIZE, unique=True))

    def numbers(n: int) -> Any:
        return np.array(draw(st.lists(NUMBERS, min_size=n, max_size=n)))

    shape = (count, len(items))
    long, short = numbers(count * len(items)).reshape(shape), numbers(count * len(items)).reshape(shape)
    return Worst.parts(items, long, short, numbers(count))


@st.composite
def leaves(draw: st.DrawFn) -> Expression:
    kind = draw(st.sampled_from(["worst", "tail", "relieved", "curved"]))
    if kind == "curved":
        items = draw(st.lists(st.integers(0, SIZE - 1), min_size=0, max_size=SIZE, unique=True))
        numbers = draw(st.lists(NUMBERS, min_size=5 * len(items), max_size=5 * len(items)))
        box = Box(draw(st.floats(0.01, 0.5)), draw(st.floats(0.01, 1.0)), draw(st.floats(0.01, 1.0)), FLAT)
        return Curved(np.array(items, dtype=np.int64), np.array(numbers).reshape(len(items), 5), box)
    if kind == "worst":
        return draw(worsts())
    if kind == "tail":
        losses = draw(worsts())
        return Tail(losses, draw(st.floats(0.25, len(losses.constant))))
    charge = draw(worsts(rows=2))
    prices = st.one_of(st.floats(0.0, 1e6), st.just(math.inf))
    return Relieved(charge, np.array(draw(st.lists(prices, min_size=charge.items.size, max_size=charge.items.size))))


def several(terms: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    lists = st.lists(terms, min_size=1, max_size=3).map(tuple)
    scaled = st.builds(Scaled, st.floats(0.0, 100.0), terms)
    least = st.lists(worsts(), min_size=1, max_size=2).map(lambda found: Least(tuple(found)))
    return st.one_of(scaled, lists.map(Sum), lists.map(Max), least)


EXPRESSIONS = st.recursive(leaves(), several, max_leaves=4)
QUANTITIES = st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.1, -2.5, 1e5, -0.003]), min_size=SIZE, max_size=SIZE)


def statement(node: dict[str, Any], quantity: list[float], decimals: int = 6, **more: Any) -> Statement:
    digits = [exact_decimal(q) for q in quantity]
    fine = max(d for _, d in digits)
    content = {
        "schema": "plimsoll.statement",
        "schema_version": 1,
        "account": "",
        "rules": "r@2026-01-01",
        "model": "m",
        "time": "2026-01-01T00:00:00Z",
        "currency": "USD",
        "decimals": decimals,
        "array_decimals": decimals + 9,
        "quantity_decimals": fine,
        "instruments": [f"I{i}" for i in range(len(quantity))],
        "quantities": [n * 10 ** (fine - d) for n, d in digits],
        "requirement": node,
        **more,
    }
    return Statement.from_dict(content)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 18))
def test_rounding_up_is_the_least_integer_not_below(value: float, decimals: int) -> None:
    found = rounded_up(value, decimals)
    assert found - 1 < Fraction(value) * 10**decimals <= found


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_quantity_is_the_decimal_that_its_document_writes(value: float) -> None:
    digits, decimals = exact_decimal(value)
    assert Fraction(digits, 10**decimals) == Fraction(repr(value))
    assert decimals == 0 or digits % 10 != 0
    assert Fraction(*exact_ratio(value)) == Fraction(value)


@given(EXPRESSIONS, QUANTITIES)
def test_the_integers_are_never_below_the_exact_value_and_near_it(
    expression: Expression, quantity: list[float]
) -> None:
    node = quantised(expression, 15)
    found = statement(node, quantity)
    scale = 10**found.quantity_decimals
    got = value_of(found.requirement, found.quantities, scale) / (scale * 10**15)
    want = exact(expression, [Fraction(repr(q)) for q in quantity])
    assert got >= want
    # each number of the array is rounded up by less than its unit, and every factor is at most a hundred
    reach = (sum(abs(Fraction(repr(q))) for q in quantity) + 1) * 100**4 * 4
    assert got - want <= reach / 10**15
    charged = certify(found)
    assert charged.initial >= want * 10**6
    assert charged == certify(Statement.from_json(found.to_json()))


@given(EXPRESSIONS, QUANTITIES)
def test_the_float_engine_agrees(expression: Expression, quantity: list[float]) -> None:
    want = float(exact(expression, [Fraction(repr(q)) for q in quantity]))
    size = 1e6 * (sum(map(abs, quantity)) + 1.0) * 100.0**3
    assert expression.at(np.array(quantity)) == pytest.approx(want, rel=1e-9, abs=1e-12 * size)


def test_a_unit_is_rounded_up_once_at_the_end() -> None:
    third = Worst.parts([0], np.array([[1.0]]), np.array([[1.0]]))
    node = quantised(Scaled(0.1, third), 15)
    # the float 0.1 is a little more than a tenth, and what is charged is not below it
    assert certify(statement(node, [1.0])).initial == 100_001
    assert certify(statement(node, [1.0], maintenance={"numerator": 1, "denominator": 2})).maintenance == 50_001


def test_the_row_that_decides_is_named() -> None:
    node = quantised(
        Max((Worst.signed([0], np.array([[1.0], [3.0], [3.0]])), Worst.signed([1], np.array([[-9.0]])))), 15
    )
    first, second = certify(statement(node, [1.0, -0.5])).decided
    assert (first.path, first.row, first.value) == ("requirement.terms[0]", 1, 3 * 10**16)
    assert (second.path, second.row, second.value) == ("requirement.terms[1]", 0, 45 * 10**15)


def test_positions_out_of_range_are_refused() -> None:
    node = quantised(Worst.signed([0], np.array([[1.0]])), 15)
    within = quantised(Worst.signed([0], np.array([[1.0]]), np.array([-2.0])), 15)
    assert certify(statement(node, [2.0], within=within)).initial == 2_000_000
    with pytest.raises(UncertifiedError, match="outside of the range"):
        certify(statement(node, [2.1], within=within))


HALF = {"numerator": 1, "denominator": 2}
BAD = {
    "coefficients too few": (
        {"kind": "curved", "coefficients": [[1]] * 4 + [[]], "move": HALF, "down": HALF, "up": HALF},
        r"coefficients\[4\]: got 0; allowed: 1 numbers",
    ),
    "a row too short": ({"long": [[1, 2]]}, r"requirement.worst.long\[0\]: got 2; allowed: 1 numbers"),
    "rows too few": ({"short": []}, "short: got 0; allowed: 1 rows"),
    "a float": ({"constant": [0.5]}, "constant"),
    "an instrument too many": ({"items": [7]}, r"items\[0\]: got 7; allowed: below 1"),
    "an unknown field": ({"odd": 1}, "an unknown field"),
    "another kind": ({"kind": "mean"}, "kind: got 'mean'"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_statement_that_is_none_is_refused_by_its_path(what: str) -> None:
    change, message = BAD[what]
    node = {"kind": "worst", "items": [0], "long": [[1]], "short": [[-1]], "constant": [0]} | change
    if node["kind"] == "curved":
        node = {"items": [0], **change}
    with pytest.raises(pl.DocumentError, match=message.replace("requirement.worst.", "requirement.*")):
        statement(node, [1.0])


def test_other_shapes_are_refused() -> None:
    worst = {"kind": "worst", "items": [0], "long": [[1]], "short": [[-1]], "constant": [0]}
    tail = {"kind": "tail", "losses": worst, "count": {"numerator": 3, "denominator": 2}}
    with pytest.raises(pl.DocumentError, match="count: got '3/2'; allowed: above zero and at most the 1 rows"):
        statement(tail, [1.0])
    with pytest.raises(pl.DocumentError, match="charge: got '1 rows'; allowed: two rows"):
        statement({"kind": "relieved", "charge": worst, "price": [None]}, [1.0])
    with pytest.raises(pl.DocumentError, match="quantities: got 1; allowed: 2 integers"):
        statement(worst, [1.0], instruments=["A", "B"])
    with pytest.raises(pl.DocumentError, match="array_decimals: got 3; allowed: at least decimals, 6"):
        statement(worst, [1.0], array_decimals=3)
    with pytest.raises(pl.DocumentError, match="instruments: got 'a name twice'"):
        statement(worst, [1.0, 1.0], instruments=["A", "A"])
    with pytest.raises(pl.DocumentError, match="array: got inf"):
        quantised(Worst.signed([0], np.array([[np.inf]])), 15)


class Odd(Expression):
    """An expression that nobody taught the calculator."""


def test_an_expression_of_another_kind_has_no_twin() -> None:
    with pytest.raises(UncertifiedError, match="Odd has no integer twin"):
        quantised(Odd(), 15)
