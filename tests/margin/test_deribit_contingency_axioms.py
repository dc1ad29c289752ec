"""What must hold of any book under Deribit's portfolio margin before 2024."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from deribit_books import index_of
from plimsoll.margin import Requirement, with_parameter
from random_books import SOME, World, worlds

LATER, EARLIER = "deribit-pm@2023-11-01", "deribit-pm@2019-06-01"
BOOKS = worlds(underlyings=("BTC",), styles=("inverse",), kinds=("option", "option", "future", "perpetual"))
each_rule = pytest.mark.parametrize("reference", [LATER, EARLIER])


def require(
    reference: str, world: World, sizes: dict[str, float] | None = None, path: str = "", value: object = None
) -> Requirement:
    """The requirement with other sizes, or with one number of the pack replaced."""
    rules = pl.find_rules(reference)
    content = world.account()
    if sizes is not None:
        content["positions"] = [{"instrument": n, "quantity": q} for n, q in sizes.items()]
    model = pl.margin_model(with_parameter(rules, path, value) if path else rules)
    return model.requirement(pl.Account.from_dict(content), pl.Market.from_dict(world.market()))


def held(world: World) -> dict[str, float]:
    return {leg.name: leg.quantity for leg in world.legs}


def slack(world: World, *amounts: float) -> float:
    """What double precision may lose: 1e-9 of the amounts, and a hair of all the coins."""
    index = index_of(world)[1]
    gross = sum(abs(leg.quantity) * leg.multiplier * max(1.0, leg.strike / index) for leg in world.legs)
    return 1e-9 * max(1e-6, *map(abs, amounts), 0.0) + 1e-13 * gross


@SOME
@given(BOOKS, st.integers(0, 2**8 - 1))
def test_netting_never_costs(world: World, mask: int) -> None:
    """The later rule only: what offsets in the earlier one offsets only when both futures are in one book."""
    rows = list(held(world).items())
    parts = [dict(row for i, row in enumerate(rows) if bool(mask >> i & 1) is side) for side in (True, False)]
    whole, one, two = require(LATER, world), *(require(LATER, world, part) for part in parts)
    tolerance = slack(world, whole.initial)
    for name in ("worst_cell", "futures_contingency", "options_contingency"):
        assert whole.workings[name] <= one.workings[name] + two.workings[name] + tolerance, name
    assert whole.maintenance <= one.maintenance + two.maintenance + tolerance


@SOME
@given(BOOKS)
@each_rule
def test_twice_as_many_columns_never_lower_the_margin(reference: str, world: World) -> None:
    found = require(reference, world)
    more = require(reference, world, path="buckets_count", value=10)
    assert len(more.scenarios) == 63
    assert more.maintenance >= found.maintenance - slack(world, found.maintenance)


@SOME
@given(BOOKS, st.data())
@each_rule
def test_the_order_of_positions_does_not_matter(reference: str, world: World, data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(held(world).items())))
    one, two = require(reference, world), require(reference, world, dict(order))
    assert abs(one.initial - two.initial) <= slack(world, one.initial)
    assert all(abs(one.workings[n] - two.workings[n]) <= slack(world, one.workings[n]) for n in one.workings)


@SOME
@given(BOOKS)
@each_rule
def test_a_book_of_twice_the_size_needs_twice_as_much_to_the_bit(reference: str, world: World) -> None:
    one = require(reference, world)
    two = require(reference, world, {n: 2.0 * q for n, q in held(world).items()})
    assert (two.initial, two.maintenance) == (2.0 * one.initial, 2.0 * one.maintenance)


@SOME
@given(BOOKS, st.data())
def test_shares_are_what_a_change_of_size_costs_at_least(world: World, data: st.DataObject) -> None:
    """The later rule is convex in the sizes, so its shares support it from below."""
    found = require(LATER, world)
    share = {s.subject: s.maintenance for s in found.shares}
    scale = {n: data.draw(st.floats(0.0, 2.0)) for n in held(world)}
    other = require(LATER, world, {n: scale[n] * q for n, q in held(world).items()})
    predicted = sum(scale[n] * share.get(n, 0.0) for n in scale)
    assert other.maintenance >= predicted - slack(world, found.maintenance, other.maintenance)


@SOME
@given(BOOKS)
def test_rolling_and_the_band_around_the_index_only_lower_the_charge_of_short_books(world: World) -> None:
    short = {n: -abs(q) for n, q in held(world).items()}
    plain = require(LATER, world, short, path="options.near_range", value=0.0)
    still = require(LATER, world, short, path="options.rolled", value=False)
    found = require(LATER, world, short)
    # nothing is long, so there is nothing to roll
    assert abs(found.workings["options_contingency"] - still.workings["options_contingency"]) <= slack(world)
    assert found.workings["options_contingency"] <= plain.workings["options_contingency"] + slack(world)


@SOME
@given(BOOKS)
def test_expiries_together_are_never_dearer(world: World) -> None:
    workings = require(LATER, world).workings
    if "reading.expiries_together" in workings:
        assert workings["reading.expiries_together"] < workings["reading.expiries_apart"] == workings["maintenance"]
