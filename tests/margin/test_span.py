"""SPAN: the hand-worked cases, the naive twin on random books, and what must hold of every book."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import plimsoll as pl
from naive.span import span
from plimsoll.margin.parts.span import Commodity, Credit, Offsets, Spread, charges_of, credits_of, price_risk
from plimsoll.margin.path import States, tracks_of
from plimsoll.margin.rules import with_parameter
from random_books import INDEX, SOME, World, worlds
from rule_books import DAY, Desk

PACK = "span@2025-01-01"
RULES = pl.find_rules(PACK)
FUTURES: Any = ("future", "perpetual")


def gross(world: World) -> float:
    return sum(abs(x.quantity * x.multiplier) * max(x.strike, INDEX[x.underlying]) for x in world.legs)


def margined(world: World, rules: pl.Rules = RULES) -> pl.Requirement:
    model = pl.margin_model(rules)
    return model.requirement(pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market()))


def desk(spot: float = 100.0) -> Desk:
    found = Desk(spot, cash="USD")
    found.add_expiry(2 * DAY, spot)
    found.add_expiry(30 * DAY, spot)
    found.add_expiry(90 * DAY, spot)
    found.add_expiry(300 * DAY, spot)
    return found


def requirement(found: Desk, rules: pl.Rules = RULES) -> pl.Requirement:
    return pl.margin_model(rules).requirement(found.account, found.market)


@pytest.mark.rule("SPAN-01", "SPAN-04", "SPAN-05", "SPAN-10", "SPAN-12")
@given(worlds())
def test_every_amount_equals_the_twin(world: World) -> None:
    found, size = margined(world), gross(world)
    twin = span(RULES.parameters, *world.twin())
    # where another price loses as much as the worst, rounding chooses the pair and with it the credit
    assume(all(c["scan"] == 0.0 or c["close"] > 1e-7 * c["scan"] for c in twin["commodities"].values()))

    def near(got: float, want: float) -> bool:
        return abs(got - want) <= 1e-9 * max(1.0, abs(want)) + 1e-12 * size

    assert near(found.initial, twin["initial"])
    assert near(found.maintenance, twin["maintenance"])
    names = {"scan": "scan", "calendar": "calendar", "spot": "month", "credit": "credit", "price_risk": "risk"}
    for name, c in twin["commodities"].items():
        for mine, theirs in (names | {"composite_delta": "delta", "short_option_minimum": "minimum"}).items():
            assert near(found.workings[f"{name}.{mine}"], c[theirs]), (name, mine)
    losses = [x for c in twin["commodities"].values() for x in c["losses"]]
    assert all(near(-s.pnl, x) for s, x in zip(found.scenarios, losses, strict=True))


@pytest.mark.rule("SPAN-14")
@SOME
@given(worlds())
def test_shares_add_up_and_follow_a_small_change_of_size(world: World) -> None:
    found, size = margined(world), gross(world)
    for c in found.components:
        assert sum(s.maintenance for s in c.shares) == pytest.approx(c.maintenance, abs=1e-11 * size + 1e-9)
        assert c.initial == pytest.approx(1.1 * c.maintenance, abs=1e-11 * size)
    whole = sum(c.maintenance for c in found.components)
    assert whole == pytest.approx(found.maintenance, abs=1e-11 * size + 1e-9)
    assert whole >= -1e-11 * size


@pytest.mark.rule("SPAN-02", "SPAN-13")
def test_the_sixteen_scenarios_of_one_coin() -> None:
    book = desk()
    book.add_perpetual(1.0)
    found = requirement(book)
    moves = [0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3]
    want = [4.0 * m for m in moves] + [36.0 * 0.33, -36.0 * 0.33]
    assert [s.pnl for s in found.scenarios] == pytest.approx(want, abs=1e-9)
    assert found.maintenance == pytest.approx(12.0)
    assert found.binding[0].label == "price -1 ranges, vol up"
    # a smaller weight of the extreme move changes nothing, a larger one makes it the worst
    larger = with_parameter(RULES, "scenarios.15.weight", 0.34)
    assert requirement(book, larger).binding[0].label == "price -3 ranges"
    assert requirement(book, larger).maintenance == pytest.approx(0.34 * 36.0)


@pytest.mark.rule("SPAN-03")
def test_a_day_passes_in_each_scenario_and_volatility_moves_by_a_part_of_itself() -> None:
    from naive.black import black

    book = desk()
    book.add_option(1.0, 100.0, True, 30 * DAY, 0.5)
    found = requirement(book)
    now = black(True, 100.0, 100.0, 30 / 365, 0.5)
    for place, factor, vol in ((0, 1.0, 0.625), (1, 1.0, 0.375), (12, 0.88, 0.625), (13, 0.88, 0.375)):
        then = black(True, 100.0 * factor, 100.0, 29 / 365, vol)
        assert found.scenarios[place].pnl == pytest.approx(then - now, rel=1e-12)


@pytest.mark.rule("SPAN-06", "SPAN-07")
def test_spreads_are_formed_in_their_order_and_months_net_first() -> None:
    book = desk()
    book.add_future(3.0, 30 * DAY, 100.0)
    book.add_option(-1.0, 1e-9, True, 30 * DAY, 0.0)  # a call struck at nothing is a coin of the same month
    book.add_future(-1.5, 90 * DAY, 100.0)
    book.add_future(-1.5, 300 * DAY, 100.0)
    found = requirement(book)
    # near +2, middle -1.5, far -1.5: first 1.5 near against middle, then half a coin near against far
    assert found.workings["BTC.composite_delta"] == pytest.approx(-1.0, rel=1e-6)
    assert found.workings["BTC.calendar"] == pytest.approx(100.0 * (1.5 * 0.012 + 0.5 * 0.025), rel=1e-6)
    assert found.workings["BTC.scan"] == pytest.approx(12.0, rel=1e-6)


@pytest.mark.rule("SPAN-06")
def test_a_tier_ends_with_its_day_included() -> None:
    p = pl.margin_model(RULES).parameters
    names = [p.tiers[p.tier_of(days * DAY)].name for days in (0.0, 3.0, 3.01, 35.0, 35.01, 100.0, 100.01, 4000.0)]
    assert names == ["spot", "spot", "near", "near", "middle", "middle", "far", "far"]
    assert p.tiers[p.tier_of(None)].name == "perpetual"


@pytest.mark.rule("SPAN-08")
def test_the_spot_month_costs_less_where_a_spread_took_the_delta() -> None:
    book = desk()
    book.add_future(3.0, 2 * DAY, 100.0)
    book.add_perpetual(-1.0)
    found = requirement(book)
    assert found.workings["BTC.calendar"] == pytest.approx(0.6)
    assert found.workings["BTC.spot"] == pytest.approx(2.0 * 1.0 + 1.0 * 0.5)


@pytest.mark.rule("SPAN-09", "SPAN-13")
def test_price_risk_takes_time_and_volatility_out_and_never_exceeds_the_scan() -> None:
    losses = np.zeros(16)
    losses[[0, 1]] = 4.0, -2.0
    losses[[12, 13]] = 30.0, 20.0
    assert float(price_risk(losses, np.array(30.0))) == 25.0 - 1.0
    losses[[0, 1]] = -40.0, -60.0
    assert float(price_risk(losses, np.array(30.0))) == 30.0
    assert float(price_risk(-np.ones(16), np.array(0.0))) == 0.0
    # the first of equals
    losses[[10, 11]] = 30.0, 30.0
    losses[[0, 1]] = 0.0
    assert float(price_risk(losses, np.array(30.0))) == 30.0
    extreme = np.zeros(16)
    extreme[15] = 9.0
    assert float(price_risk(extreme, np.array(9.0))) == 9.0


@pytest.mark.rule("SPAN-10")
@given(
    st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3),
    st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
)
def test_no_credit_exceeds_the_scan_whatever_the_rates(
    risk: list[float], delta: list[float], rate: list[float]
) -> None:
    pairs = ((0, 1), (1, 2), (0, 2))
    rules = [Credit(((a, 1.0, 1), (b, 2.0, -1)), r) for (a, b), r in zip(pairs, rate, strict=True)]
    found = credits_of(rules, np.array(risk), np.array(delta))
    assert (found >= 0.0).all()
    assert (found <= np.array(risk) * (1.0 + 1e-12)).all()
    assert np.array_equal(found[np.array(delta) == 0.0], np.zeros((np.array(delta) == 0.0).sum()))
    if all(x >= 0.0 for x in delta) or all(x <= 0.0 for x in delta):
        assert not found.any()


@pytest.mark.rule("SPAN-10")
@SOME
@given(worlds(kinds=("option", "future", "perpetual")))
def test_credits_only_take_off_and_never_more_than_the_scan(world: World) -> None:
    without = with_no_credits()
    found, plain, size = margined(world), margined(world, without), gross(world)
    assert found.maintenance <= plain.maintenance + 1e-11 * size
    for name in {leg.underlying for leg in world.legs}:
        assert found.workings[f"{name}.credit"] <= found.workings[f"{name}.scan"] * (1.0 + 1e-12)
        assert plain.workings[f"{name}.credit"] == 0.0


def with_no_credits() -> pl.Rules:
    return RULES.model_copy(update={"parameters": {**RULES.parameters, "credits": []}})


@pytest.mark.rule("SPAN-11")
def test_the_minimum_binds_for_sold_options_that_no_scenario_reaches() -> None:
    book = desk()
    book.add_option(-10.0, 1_000.0, True, 2 * DAY, 0.3)
    book.add_option(4.0, 2_000.0, True, 2 * DAY, 0.3)
    found = requirement(book)
    assert (found.maintenance, found.initial) == (pytest.approx(10.0), pytest.approx(11.0))
    assert found.binding[0].label == "short-option minimum"
    assert found.component("short_option").maintenance == pytest.approx(10.0)
    # beside a future that needs more it takes nothing
    book.add_perpetual(2.0)
    assert requirement(book).maintenance == pytest.approx(24.0)


@pytest.mark.rule("SPAN-12")
def test_the_value_of_options_stands_in_the_equity() -> None:
    book = desk()
    book.add_option(2.0, 100.0, True, 30 * DAY, 0.5)
    book.add_option(-1.0, 110.0, True, 30 * DAY, 0.5)
    book.add_collateral("USD", 50.0)
    found = requirement(book)
    assert found.net_equity == pytest.approx(50.0 + found.workings["net_option_value"])
    assert found.workings["net_option_value"] > 0.0


SIZES = st.lists(st.floats(-20.0, 20.0), min_size=7, max_size=7)


@SOME
@given(SIZES, SIZES)
@pytest.mark.rule("SPAN-03", "SPAN-11")
def test_netting_never_raises_scan_or_minimum(first: list[float], second: list[float]) -> None:
    """Losses are sums over one set of arrays, so the worst of the sum is at most the sum of the worst."""
    amounts = []
    for sizes in (first, second, [a + b for a, b in zip(first, second, strict=True)]):
        book = desk()
        legs = [(strike, call) for strike in (80.0, 100.0, 130.0) for call in (True, False)]
        for size, (strike, call) in zip(sizes, legs, strict=False):
            book.add_option(size, strike, call, 30 * DAY, 0.6)
        book.add_future(sizes[6], 90 * DAY, 100.0)
        w = requirement(book).workings
        amounts.append((w.get("BTC.scan", 0.0), w.get("BTC.short_option_minimum", 0.0)))
    for one, other, joined in zip(*amounts, strict=True):
        assert joined <= one + other + 1e-9


@SOME
@given(
    st.lists(st.floats(-20.0, 20.0), min_size=4, max_size=4), st.lists(st.floats(-20.0, 20.0), min_size=4, max_size=4)
)
def test_netting_never_costs_futures_and_perpetuals(first: list[float], second: list[float]) -> None:
    """With one rate for all spreads: a spread then costs at most twice the range, and less than two outright coins."""
    flat = RULES.model_copy(update={"parameters": {**RULES.parameters, "spreads": _flat(0.2)}})

    def charged(sizes: list[float]) -> float:
        book = desk()
        book.add_perpetual(sizes[0])
        for days, size in zip((30, 90, 300), sizes[1:], strict=True):
            book.add_future(size, days * DAY, 100.0)
        return requirement(book, flat).maintenance

    both = [a + b for a, b in zip(first, second, strict=True)]
    assert charged(both) <= charged(first) + charged(second) + 1e-9


def _flat(rate: float) -> list[dict[str, Any]]:
    names = [t["name"] for t in RULES.parameters["tiers"]]
    return [{"legs": [a, b], "rate": rate} for i, a in enumerate(names) for b in names[i:]]


def test_the_whole_is_not_subadditive_which_the_class_says() -> None:
    """Two bought straddles whose worst case is a fall of volatility: joined, their deltas form a spread neither had."""
    charged = []
    for near, middle in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        book = desk()
        for days, size, coins in ((30, near, 0.25), (90, middle, -1.5)):
            book.add_option(10.0 * size, 100.0, True, days * DAY, 0.5)
            book.add_option(10.0 * size, 100.0, False, days * DAY, 0.5)
            book.add_future(coins * size, days * DAY, 100.0)
        charged.append(requirement(book))
    one, other, joined = charged
    assert {c.binding[0].label for c in charged} == {"price still, vol down"}
    assert one.workings["BTC.calendar"] == other.workings["BTC.calendar"] == 0.0
    assert joined.workings["BTC.scan"] == pytest.approx(one.workings["BTC.scan"] + other.workings["BTC.scan"])
    assert joined.maintenance > one.maintenance + other.maintenance + 0.1


@SOME
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_positions_changes_nothing(world: World, random: Any) -> None:
    account, market = world.account(), pl.Market.from_dict(world.market())
    model = pl.margin_model(RULES)
    found = model.requirement(pl.Account.from_dict(account), market)
    random.shuffle(account["positions"])
    again = model.requirement(pl.Account.from_dict(account), market)
    assert again.maintenance == pytest.approx(found.maintenance, rel=1e-11, abs=1e-12 * gross(world))


@SOME
@given(st.floats(0.1, 50.0), st.floats(0.0, 50.0))
def test_the_calendar_charge_grows_with_the_spreads(size: float, more: float) -> None:
    def charged(coins: float) -> float:
        book = desk()
        book.add_future(coins, 30 * DAY, 100.0)
        book.add_future(-coins, 300 * DAY, 100.0)
        return requirement(book).workings["BTC.calendar"]

    assert charged(size) == pytest.approx(2.5 * size)
    assert charged(size + more) >= charged(size)


@example([0.0, 5.0, 0.0], [2.0, 0.0, 3.0])
@given(st.lists(st.floats(0.0, 100.0), min_size=3, max_size=3), st.lists(st.floats(0.0, 100.0), min_size=3, max_size=3))
def test_slopes_times_deltas_are_the_charges(long: list[float], short: list[float]) -> None:
    spreads = (Spread(0, 0, 1.0), Spread(0, 1, 2.0, (1.0, 2.0)), Spread(2, 1, 5.0), Spread(0, 2, 7.0))
    table = Offsets(spreads, np.array([0.5, 0.0, 0.25]), np.array([1.0, 0.0, 0.125]))
    a, b = np.array(long), np.array(short)
    held = np.concatenate([a, b])
    for slope, charge in zip(table.slopes(a, b), table.charges(a, b), strict=True):
        assert slope @ held == pytest.approx(float(charge), rel=1e-9, abs=1e-9)


def test_a_commodity_of_nothing_is_charged_nothing() -> None:
    none = np.zeros(0)
    empty = Commodity("X", np.zeros((0, 16)), none, none.astype(int), none.astype(int), none, Offsets((), none, none))
    (found,) = charges_of([empty], ())
    assert (found.total, found.worst, found.risk) == (0.0, -1, 0.0)
    assert charges_of([], ()) == ()


@SOME
@given(worlds(), st.booleans())
def test_a_path_is_one_requirement_after_the_other(world: World, entered: bool) -> None:
    model, content, market = pl.margin_model(RULES), world.account(), pl.Market.from_dict(world.market())
    for row, leg in zip(content["positions"], world.legs, strict=True):
        if entered and leg.kind in ("future", "perpetual"):
            row["entry_price"] = leg.mark * 0.97
    account = pl.Account.from_dict({**content, "collateral": {**content["collateral"], "BTC": 0.5, "ETH": -3.0}})
    moves = np.array([0.5, 0.9, 1.0, 1.7])
    states = States({"BTC": moves, "ETH": moves[::-1].copy()}, np.array([1.0, 1.4, 1.0, 0.6]))
    (fast,) = model.along(account, market, states)
    (slow,) = tracks_of(model.assess, account, market, states)
    size = 2.0 * gross(world) + 3e5
    np.testing.assert_allclose(fast.equity, slow.equity, rtol=1e-10, atol=1e-11 * size)
    np.testing.assert_allclose(fast.maintenance, slow.maintenance, rtol=1e-10, atol=1e-10 * size)


@pytest.mark.rule("SPAN-15")
def test_what_is_not_taken_is_refused_with_its_path() -> None:
    book = desk()
    book.add_perpetual(1.0)
    book.instruments[0]["underlying"] = "DOGE"
    book.indices["DOGE"] = {"price": 100.0}
    with pytest.raises(pl.DocumentError, match=r"account.positions\[0\].instrument.*DOGE.*BTC, ETH, SOL"):
        requirement(book)
    other = desk()
    other.add_collateral("PEPE", 5.0, 1.0)
    with pytest.raises(pl.DocumentError, match=r"account.collateral.PEPE"):
        requirement(other)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("scenarios.0.price", 0.5, r"scenarios\[0\].price"),
        ("scenarios.4.price", 0.5, r"scenarios\[4\].price"),
        ("underlyings.BTC.price_scan", 0.33, "price_scan"),
        ("perpetual", "weekly", "one of the tiers"),
        ("tiers.2.upto", 2.0, "days that rise"),
        ("spreads.0.legs", ["near", "nowhere"], r"spreads\[0\].legs"),
        ("credits.0.legs.0.underlying", "ETH", "each underlying once"),
        ("credits.0.legs.0.underlying", "DOGE", r"credits\[0\].legs"),
    ],
)
def test_a_pack_that_does_not_hold_together_is_refused(path: str, value: Any, words: str) -> None:
    with pytest.raises(pl.DocumentError, match=words):
        pl.margin_model(with_parameter(RULES, path, value))
