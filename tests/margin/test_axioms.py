"""What must hold of any book under both models."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import plimsoll as pl
from builders import PMRM2, PRBM
from plimsoll.margin import MarginModel, Requirement, traded, with_parameter
from random_books import SOME, World, quantities, worlds

BOOKS = {
    PRBM: worlds(),
    PMRM2: worlds(underlyings=("BTC",), styles=("linear",), kinds=("option", "option", "perpetual")),
}
each_model = pytest.mark.parametrize("pack", [PRBM, PMRM2])


def model_of(pack: str, **changes: Any) -> MarginModel:
    rules = pl.find_rules(pack)
    for path, value in changes.items():
        rules = with_parameter(rules, path, value)
    return pl.margin_model(rules)


def require(model: MarginModel, world: World, quantity: dict[str, float] | None = None) -> Requirement:
    """The requirement of the world's book, with other sizes if given (an instrument left out is not held)."""
    content = world.account()
    if quantity is not None:
        content["positions"] = [{"instrument": n, "quantity": q} for n, q in quantity.items()]
    return model.requirement(pl.Account.from_dict(content), pl.Market.from_dict(world.market()))


def sizes(world: World) -> dict[str, float]:
    return {leg.name: leg.quantity for leg in world.legs}


def near(world: World, *amounts: float) -> float:
    """What double precision may lose on amounts of this size: 1e-9 of them, and a hair of the notional."""
    gross = sum(abs(leg.quantity * leg.multiplier) * max(leg.strike, 70_000.0) for leg in world.legs)
    return 1e-9 * max(1.0, *map(abs, amounts)) + 1e-13 * gross


@SOME
@given(st.data())
@each_model
def test_adding_a_scenario_never_lowers_the_margin(pack: str, data: st.DataObject) -> None:
    world = data.draw(BOOKS[pack])
    model = model_of(pack)
    if pack == PRBM:
        path, rows = "scenarios", list(model.rules.parameters["scenarios"])
        more: Any = {"move": data.draw(st.floats(-0.9, 6.0)), "vol": data.draw(st.floats(-0.9, 2.0))}
        more["weight"] = data.draw(st.floats(0.0, 1.0))
    else:
        path, rows = "scenario_tables.majors", list(model.rules.parameters["scenario_tables"]["majors"])
        more = {"spot_shock": data.draw(st.floats(0.1, 7.0)), "dampening": data.draw(st.floats(0.0, 1.0))}
        more["vol_shock"] = data.draw(st.sampled_from(["up", "down", "none"]))
    at = data.draw(st.integers(0, len(rows)))
    before = require(model, world)
    after = require(model_of(pack, **{path: [*rows[:at], more, *rows[at:]]}), world)
    assert after.initial >= before.initial - 1e-12 * abs(before.initial)
    assert after.maintenance >= before.maintenance - 1e-12 * abs(before.maintenance)
    assert after.net_equity == before.net_equity
    if pack == PRBM:
        for name, amount in before.workings.items():
            if name.endswith(".scan"):
                assert after.workings[name] >= amount
    else:
        assert after.workings["min_span"] <= before.workings["min_span"]


@SOME
@given(worlds(), st.integers(0, 2**8 - 1), st.booleans())
def test_netting_never_raises_scan_or_core_above_the_sum_of_parts(world: World, mask: int, cap: bool) -> None:
    model = model_of(PRBM, **{"min_delta.cap_long_options": cap})
    held = list(sizes(world).items())
    parts = [dict(p for i, p in enumerate(held) if bool(mask >> i & 1) is side) for side in (True, False)]
    assume(all(parts))
    whole, one, two = require(model, world), *(require(model, world, part) for part in parts)
    slack = near(world, whole.initial)
    for name, amount in whole.workings.items():
        if name != "basis":
            assert amount <= one.workings.get(name, 0.0) + two.workings.get(name, 0.0) + slack
    assert whole.workings["basis"] <= one.workings["basis"] + two.workings["basis"] + slack
    assert whole.initial <= one.initial + two.initial + slack


@SOME
@given(st.data())
def test_netting_never_raises_the_scenario_part_of_pmrm2(data: st.DataObject) -> None:
    # a tilt takes the absolute value by expiry, which may cost more than either half alone, so it is left out
    rows = [r for r in pl.find_rules(PMRM2).parameters["scenario_tables"]["majors"] if "skew" not in r["vol_shock"]]
    model = model_of(PMRM2, **{"scenario_tables.majors": rows})
    world = data.draw(BOOKS[PMRM2])
    held = list(sizes(world).items())
    cut = data.draw(st.integers(0, len(held)))
    whole, one, two = require(model, world), *(require(model, world, dict(p)) for p in (held[:cut], held[cut:]))
    assert -whole.workings["min_span"] <= -one.workings["min_span"] - two.workings["min_span"] + near(
        world, whole.initial
    )


@SOME
@given(st.data())
@each_model
def test_the_order_of_positions_does_not_matter(pack: str, data: st.DataObject) -> None:
    """Sums run in the order of the positions, so the last bits may differ: equal to 1e-9, not bit by bit."""
    world, model = data.draw(BOOKS[pack]), model_of(pack)
    order = data.draw(st.permutations(list(sizes(world).items())))
    one, two = require(model, world), require(model, world, dict(order))
    slack = near(world, one.initial)
    for field in ("initial", "maintenance", "net_equity", "excess_initial"):
        assert abs(getattr(one, field) - getattr(two, field)) <= slack
    assert one.workings.keys() == two.workings.keys()
    assert all(abs(one.workings[n] - two.workings[n]) <= slack for n in one.workings)


@SOME
@given(st.data())
@each_model
def test_a_book_of_k_times_the_size_needs_k_times_as_much(pack: str, data: st.DataObject) -> None:
    world, model = data.draw(BOOKS[pack]), model_of(pack)
    one = require(model, world)
    two = require(model, world, {n: 2.0 * q for n, q in sizes(world).items()})
    # doubling is exact in binary, and so is everything that is linear in the sizes
    assert (two.initial, two.maintenance) == (2.0 * one.initial, 2.0 * one.maintenance)
    factor = data.draw(st.floats(0.01, 30.0))
    many = require(model, world, {n: factor * q for n, q in sizes(world).items()})
    assert abs(many.initial - factor * one.initial) <= near(world, many.initial) * max(1.0, factor)


@SOME
@given(st.data())
@each_model
def test_components_and_shares_add_up(pack: str, data: st.DataObject) -> None:
    world = data.draw(BOOKS[pack])
    found = require(model_of(pack), world)
    slack = near(world, found.initial, found.maintenance)
    for kind in ("initial", "maintenance"):
        total = getattr(found, kind)
        assert abs(sum(getattr(c, kind) for c in found.components) - total) <= slack
        assert abs(sum(getattr(s, kind) for s in found.shares) - total) <= slack
        for c in found.components:
            assert abs(sum(getattr(s, kind) for s in c.shares) - getattr(c, kind)) <= slack
    assert {s.subject for s in found.shares} <= sizes(world).keys()
    assert found.maintenance <= found.initial + slack
    assert abs(found.excess_initial - (found.net_equity - found.initial)) <= slack


@SOME
@given(st.data())
@each_model
def test_shares_are_what_a_change_of_size_costs_at_least(pack: str, data: st.DataObject) -> None:
    """Without tilts the requirement is convex in the sizes, so its shares support it from below."""
    world = data.draw(BOOKS[pack])
    if pack == PRBM:
        model = model_of(PRBM)
    else:
        table = pl.find_rules(PMRM2).parameters["scenario_tables"]["majors"]
        rows = [r for r in table if "skew" not in r["vol_shock"]]
        model = model_of(PMRM2, **{"scenario_tables.majors": rows})
    found = require(model, world)
    share = {s.subject: s.initial for s in found.shares}
    scale = {n: data.draw(st.floats(0.0, 2.0)) for n in sizes(world)}
    other = require(model, world, {n: scale[n] * q for n, q in sizes(world).items()})
    predicted = sum(scale[n] * share.get(n, 0.0) for n in scale)
    assert other.initial >= predicted - near(world, found.initial, other.initial)


@SOME
@given(st.data(), quantities(20.0))
@each_model
def test_a_trade_and_its_opposite_cancel(pack: str, data: st.DataObject, size: float) -> None:
    world, model = data.draw(BOOKS[pack]), model_of(pack)
    name = data.draw(st.sampled_from(sorted(sizes(world))))
    trade = round(size * 64.0) / 64.0 or 1.0
    start = world.account()
    for row in start["positions"]:
        row["quantity"] = round(row["quantity"] * 64.0) / 64.0 or 1.0
    account, market = pl.Account.from_dict(start), pl.Market.from_dict(world.market())
    there = model.incremental(account, market, name, trade)
    back = model.incremental(traded(account, market, name, trade), market, name, -trade)
    slack = near(world, there.before.initial, there.after.initial)
    assert abs(there.initial + back.initial) <= slack
    assert abs(there.maintenance + back.maintenance) <= slack
    assert abs(back.after.initial - there.before.initial) <= slack
    assert there.initial == there.after.initial - there.before.initial
    fresh = pl.Account.from_dict(start | {"positions": []})
    assert traded(traded(fresh, market, name, trade), market, name, -trade).positions == ()
