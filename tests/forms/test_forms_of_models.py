"""What each model gives a solver or a proof, held to the exact engine on random books."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

import plimsoll as pl
from builders import CALL, PERP, PRBM, market_doc, option
from many_books import PACKS, assessed, document, markets, notional
from plimsoll.margin import MODELS, model_class
from plimsoll.margin.forms import Form, Forms, Program
from plimsoll.margin.forms.declared import NONE
from plimsoll.margin.many import Positions
from random_books import INDEX, SOME, World, worlds

STRIKES = st.sampled_from([0.5, 0.9, 1.0, 1.1, 2.0])
REACH = 20_000.0
each_pack = pytest.mark.parametrize("pack", [p for p in PACKS if pl.margin_model(p).FORMS.solver != "refused"])


def one_account(kinds: dict[str, Any]) -> dict[str, Any]:
    """The contracts that one account can hold together."""
    one = len(kinds.get("underlyings", ())) == 1
    return kinds if one or "styles" not in kinds else kinds | {"underlyings": ("BTC",)}


@st.composite
def books(draw: st.DrawFn, pack: str, most: int = 7) -> tuple[Forms, pl.MarginModel, pl.Market, World]:
    """The forms of a random universe, its world to take quantities from."""
    choices = [k for k in PACKS[pack] if not pack.startswith("deribit") or "styles" in k]
    world = draw(worlds(most=most, **one_account(draw(st.sampled_from(choices)))))
    if draw(st.booleans()):
        legs = [replace(leg, strike=INDEX[leg.underlying] * draw(STRIKES)) for leg in world.legs]
        world = replace(world, legs=tuple(legs))
    scale = draw(st.sampled_from([1.0, 1.0, 0.01, 300.0]))
    world = replace(world, legs=tuple(replace(leg, quantity=leg.quantity * scale) for leg in world.legs))
    model, market = pl.margin_model(pack), draw(markets(world))
    names = [leg.name for leg in world.legs]
    try:
        found = model.forms(names, market, REACH)
    except pl.DocumentError:
        # contracts that the rules do not take, or several underlyings of a manager of one
        assume(False)
    return found, model, market, world


def initial(model: pl.MarginModel, market: pl.Market, world: World, quantity: Any) -> float:
    held = Positions(tuple(leg.name for leg in world.legs), [0, len(quantity)], np.arange(len(quantity)), quantity)
    own = assessed(model, document(held, 0, model.MODES[0]), market)
    assert not isinstance(own, pl.DocumentError), own
    return float(sum(c.initial for c in own.components))


def sizes(world: World) -> Any:
    return np.array([leg.quantity for leg in world.legs])


@SOME
@given(st.data())
@each_pack
def test_a_form_is_the_margin_where_it_is_exact_and_never_below_it_elsewhere(pack: str, data: st.DataObject) -> None:
    forms, model, market, world = data.draw(books(pack))
    quantity = sizes(world) * data.draw(st.sampled_from([1.0, -1.0, 0.5]))
    quantity[data.draw(st.integers(0, len(quantity) - 1))] *= data.draw(st.sampled_from([0.0, 1.0, 2.0]))
    charged = initial(model, market, world, quantity)
    near = 1e-9 * max(abs(charged), 1e-9) + 1e-13 * notional(world)
    for form in (forms.solver, forms.proof):
        if form.standing == "exact" and not form.holds(quantity):
            continue
        if form.reach is not None and (np.abs(quantity) > form.reach).any():
            continue  # beyond its reach a bound says nothing either
        found, slack = form.at(quantity), near + form.rounding
        assert found >= charged - slack, (found, charged)
        if form.standing == "exact" or (form.within is not None and form.holds(quantity)):
            assert abs(found - charged) <= slack, (found, charged)


def solved(program: Program, low: Any, high: Any) -> float:
    """The least value of a program by HiGHS."""
    if program.linear:
        bounds = np.stack([low, high], axis=1)
        found = linprog(program.cost, program.matrix, program.upper, bounds=bounds, method="highs")
    else:
        rows = LinearConstraint(program.matrix, -np.inf, program.upper)
        found = milp(program.cost, integrality=program.integer.astype(int), bounds=Bounds(low, high), constraints=rows)
    assert found.success, found.message
    return float(found.fun + program.constant)


@SOME
@given(st.data())
@each_pack
def test_a_solver_finds_the_form_at_fixed_positions(pack: str, data: st.DataObject) -> None:
    forms, _, _, world = data.draw(books(pack, most=4))
    quantity = np.clip(sizes(world), -50.0, 50.0)
    reach = np.full(quantity.size, 100.0)
    for form in (forms.solver, forms.proof):
        program = form.program(quantity.size, reach)
        want = form.at(quantity)
        got = solved(program, *program.holding(quantity))
        # the tolerance of the solver, on rows of the size of the notional
        assert abs(got - want) <= 1e-6 * max(1.0, abs(want)) + 1e-7 * notional(world) / 300.0, (got, want)
    assert forms.proof.convex
    assert forms.proof.program(quantity.size).linear


@SOME
@given(st.data())
@each_pack
def test_holding_both_sides_at_once_never_lowers_what_is_proved(pack: str, data: st.DataObject) -> None:
    forms, _, _, world = data.draw(books(pack))
    quantity = sizes(world)
    both = np.array([data.draw(st.floats(0.0, 50.0)) for _ in quantity])
    expression = forms.proof.expression
    assert expression is not None
    assert not expression.opposed()
    assert not expression.choices()
    wide = expression.value(np.maximum(quantity, 0.0) + both, np.maximum(-quantity, 0.0) + both)
    assert wide >= expression.at(quantity) - 1e-9 * abs(wide) - 1e-13 * notional(world)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_declares_its_forms(name: str) -> None:
    declared = model_class(name).FORMS
    assert declared is not NONE
    assert min(len(declared.solver_why.split()), len(declared.proof_why.split())) > 10
    assert (declared.route == "none") == (declared.solver == "refused")


@SOME
@given(st.data())
@each_pack
def test_what_is_built_stands_as_declared_or_lower_where_doubt_matters(pack: str, data: st.DataObject) -> None:
    forms, model, market, _ = data.draw(books(pack))
    declared = model.FORMS
    sure = all(m.confidence == 1.0 for m in market.marks.values())
    for form, standing in ((forms.solver, declared.solver), (forms.proof, declared.proof)):
        assert form.standing == standing or (form.standing == "bound" and not sure)
    if declared.route == "linear program":
        assert forms.solver.convex


def test_a_cheap_call_needs_a_binary_and_without_it_a_solver_cheats() -> None:
    market = market_doc()
    model = pl.margin_model(PRBM)
    day = "2026-01-02T00:00:00Z"
    far = option(74_000, True, expiry=day, name="FAR")
    put = option(70_000, False, expiry=day, name="PUT")
    market["instruments"] = [far, put, *market["instruments"]]
    market["marks"] |= {"FAR": {"vol": 0.4}, "PUT": {"vol": 0.18}}
    market["expiries"].append({"underlying": "BTC", "expiry": day, "forward": {"variable": 70_000.0}})
    forms = model.forms(["FAR", PERP, "PUT"], pl.Market.from_dict(market), 10.0)
    assert forms.solver.expression is not None
    assert forms.solver.expression.opposed() == {0, 2}
    assert not forms.solver.convex
    # a perpetual under a put is charged for its delta: to buy and sell the call at once and give up the bought one
    # would lower that charge without any net position
    quantity = np.array([0.0, 1.0, 1.0])
    program = forms.solver.program(3, np.full(3, 10.0))
    assert program.integer.sum() == 2
    low, high = program.holding(quantity)
    low[[0, 3]], high[[0, 3]] = 0.0, 10.0
    flat = np.zeros((1, program.cost.size))
    flat[0, [0, 3]] = 1.0, -1.0
    rows = [LinearConstraint(program.matrix, -np.inf, program.upper), LinearConstraint(flat, 0.0, 0.0)]
    whole = program.integer.astype(int)
    honest = milp(program.cost, integrality=whole, bounds=Bounds(low, high), constraints=rows)
    assert honest.fun + program.constant == pytest.approx(forms.solver.at(quantity), rel=1e-7)
    relaxed = milp(program.cost, bounds=Bounds(low, high), constraints=rows)
    assert relaxed.fun < honest.fun * 0.999


def test_forms_name_what_they_cannot_take() -> None:
    market = pl.Market.from_dict(market_doc())
    with pytest.raises(pl.DocumentError, match="instruments\\[1\\]: got 'NOWHERE'"):
        pl.margin_model(PRBM).forms([PERP, "NOWHERE"], market)
    with pytest.raises(pl.DocumentError, match=r"reach: got -1\.0"):
        pl.margin_model(PRBM).forms([PERP], market, -1.0)
    with pytest.raises(pl.DocumentError, match="instruments\\[0\\]: got 'BTC-70000-C'; allowed: missing_vol"):
        pl.margin_model(PRBM).forms([CALL], pl.Market.from_dict(market_doc(marks={})))
    with pytest.raises(pl.DocumentError, match="instruments\\[0\\]: got 'BTC-JAN', linear future"):
        pl.margin_model("derive-pmrm2@2025-04-18").forms(["BTC-JAN"], market)
    with pytest.raises(pl.DocumentError, match="instruments: got 'none'; allowed: contracts of one underlying"):
        pl.margin_model("derive-pmrm2@2025-04-18").forms([], market)


def test_a_rate_that_grows_with_the_position_asks_for_a_reach() -> None:
    market = market_doc()
    for row in market["instruments"]:
        row |= {"settlement": "inverse", "currency": "BTC"}
    model = pl.margin_model("deribit-sm@2022-06-01")
    with pytest.raises(
        pl.DocumentError, match="reach: got None; allowed: the largest position considered, for 1 futures"
    ):
        model.forms([PERP], pl.Market.from_dict(market))
    form = model.forms([PERP], pl.Market.from_dict(market), 1e6).solver
    assert form.holds(np.array([1e6]))
    assert not form.holds(np.array([1.1e6]))


def test_a_refused_form_says_why() -> None:
    form = Form("refused", "no published formula")
    assert not form.convex
    with pytest.raises(pl.DocumentError, match="no published formula"):
        form.at(np.zeros(1))
