"""What must hold of any book under DSA, in both of its branches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import plimsoll as pl
from plimsoll.margin import MarginModel, Requirement, with_parameter
from random_books import SOME, World, worlds

PACK = "dsa@2026-01-01"
ANY = worlds(styles=("linear", "inverse", "quanto"))
each_branch = pytest.mark.parametrize("tolerance", [0.0, 0.1, 1e9])


def model_of(tolerance: float, **changes: Any) -> MarginModel:
    rules = with_parameter(pl.find_rules(PACK), "tolerance", tolerance)
    for path, value in {"grid.spot_cells": 8, "grid.vol_cells": 2, **changes}.items():
        rules = with_parameter(rules, path, value)
    return pl.margin_model(rules)


def require(model: MarginModel, world: World, sizes: dict[str, float] | None = None) -> Requirement:
    content = world.account()
    if sizes is not None:
        content["positions"] = [{"instrument": n, "quantity": q} for n, q in sizes.items()]
    return model.requirement(pl.Account.from_dict(content), pl.Market.from_dict(world.market()))


def sizes_of(world: World) -> dict[str, float]:
    return {leg.name: leg.quantity for leg in world.legs}


def near(world: World, *amounts: float) -> float:
    """1e-9 of the amounts, and what second derivatives near expiry lose to rounding on a book of this size."""
    gross = sum(abs(leg.quantity * leg.multiplier) * max(leg.strike, 70_000.0) for leg in world.legs)
    return 1e-9 * max([1.0, *map(abs, amounts)]) + 1e-12 * gross


@pytest.mark.rule("DSA-11")
@SOME
@given(ANY)
@each_branch
def test_components_and_shares_add_up(tolerance: float, world: World) -> None:
    found = require(model_of(tolerance), world)
    slack = near(world, found.initial)
    for kind in ("initial", "maintenance"):
        total = getattr(found, kind)
        assert abs(sum(getattr(c, kind) for c in found.components) - total) <= slack
        assert abs(sum(getattr(s, kind) for s in found.shares) - total) <= slack
    assert found.initial == pytest.approx(sum(-b.pnl for b in found.binding), rel=1e-9, abs=slack)
    assert found.maintenance == pytest.approx(found.initial / 2.0, rel=1e-9)


@pytest.mark.rule("DSA-11")
@SOME
@given(ANY)
@each_branch
def test_a_book_of_twice_the_size_needs_twice_as_much_to_the_bit(tolerance: float, world: World) -> None:
    model = model_of(tolerance)
    one = require(model, world)
    two = require(model, world, {n: 2.0 * q for n, q in sizes_of(world).items()})
    assert (two.initial, two.maintenance) == (2.0 * one.initial, 2.0 * one.maintenance)
    for name, amount in one.workings.items():
        expected = amount if name.endswith("full_used") else 2.0 * amount
        # where numbers too small for all their digits take part, the last one may differ
        assert two.workings[name] == expected or abs(two.workings[name] - expected) < 1e-100


@pytest.mark.rule("DSA-01")
@SOME
@given(st.data())
@each_branch
def test_the_order_of_positions_does_not_matter(tolerance: float, data: st.DataObject) -> None:
    world, model = data.draw(ANY), model_of(tolerance)
    one = require(model, world)
    two = require(model, world, dict(data.draw(st.permutations(list(sizes_of(world).items())))))
    assert abs(one.initial - two.initial) <= near(world, one.initial, one.workings.get("BTC.expansion", 0.0))
    assert one.net_equity == pytest.approx(two.net_equity, rel=1e-9, abs=near(world))


@pytest.mark.rule("DSA-06", "DSA-10")
@SOME
@given(ANY, st.integers(0, 2**8 - 1))
def test_netting_never_raises_either_branch_above_the_sum_of_parts(world: World, mask: int) -> None:
    model = model_of(1e9, **{"min_delta.cap_long_options": False})
    held = list(sizes_of(world).items())
    parts = [dict(p for i, p in enumerate(held) if bool(mask >> i & 1) is side) for side in (True, False)]
    assume(all(parts))
    whole, one, two = require(model, world), *(require(model, world, part) for part in parts)
    for name, amount in whole.workings.items():
        # bounds net like the losses do; the gap between nodes is a difference of two such numbers and does not
        if name.partition(".")[2] in ("expansion", "full", "bound", "delta", "min_delta"):
            rest = one.workings.get(name, 0.0) + two.workings.get(name, 0.0)
            assert amount <= rest + near(world, amount, rest)


@pytest.mark.rule("DSA-09", "DSA-10")
@SOME
@given(ANY)
def test_the_two_branches_differ_by_no_more_than_the_bound(world: World) -> None:
    found = require(model_of(0.1), world).workings
    for name in {n.partition(".")[0] for n in found}:
        own = {n.partition(".")[2]: v for n, v in found.items() if n.startswith(name)}
        assert own["full"] - own["expansion"] <= own["bound"]
        assert own["expansion"] - own["full"] <= own["bound"] + own["full_gap"]
        assert own["used"] == (own["full"] if own["full_used"] else own["expansion"])
        if not own["full_used"]:
            floor = max(own["delta"], own["min_delta"])
            assert own["bound"] <= own["tolerance"] * (1.0 + 1e-9) + 1e-6 or own["expansion"] + own["bound"] <= floor


@pytest.mark.rule("DSA-06")
@SOME
@given(ANY, st.floats(0.16, 0.5), st.floats(0.22, 0.9), st.floats(0.4, 1.5))
def test_a_wider_box_never_asks_for_less(world: World, move: float, down: float, up: float) -> None:
    wide = model_of(1e9, **{"box.move": move, "box.vol_down": down, "box.vol_up": up})
    one, two = require(model_of(1e9), world), require(wide, world)
    for name, amount in one.workings.items():
        if name.endswith(".expansion"):
            assert two.workings[name] >= amount * (1.0 - 1e-11)
