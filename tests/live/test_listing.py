"""Contracts that are listed while the engine runs: the engine then is one that knew them from the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import at
from live_books import INDEX, TIME, engine_of, furthest, small_accounts, small_market
from live_venues import venue_accounts, venue_engine
from plimsoll.live import Engine, Fill, Listing, Order, Prices, Transfer, forward_key, from_json, to_json
from plimsoll.live.frozen import freeze, thaw
from plimsoll.live.generated import DayRule, generated_day
from plimsoll.live.listing import listed

MARKET = small_market()
LATER = at(7 * 86_400.0)
OPTION: dict[str, Any] = {
    "kind": "option", "name": "BTC-NEW-C", "underlying": "BTC", "expiry": LATER, "strike": 72_000.0, "call": True,
    "settlement": "linear", "currency": "USDC", "multiplier": 1.0,
}  # fmt: skip
COIN: dict[str, Any] = {
    "kind": "perpetual", "name": "SOL-PERP", "underlying": "SOL", "settlement": "linear", "currency": "USDC",
    "multiplier": 1.0,
}  # fmt: skip
TERMS = {"underlying": "BTC", "expiry": LATER, "forward": {"variable": 70_300.0}}


def listing(number: int = 1, **changes: Any) -> Listing:
    fields: dict[str, Any] = {"contracts": (OPTION,), "terms": (TERMS,), "quotes": {"BTC-NEW-C": {"vol": 0.6}}}
    return Listing("venue", number, TIME, **(fields | changes))


def with_it(market: pl.Market) -> pl.Market:
    found = market.to_dict()
    found["instruments"].append(OPTION)
    found["expiries"].append(TERMS)
    found["marks"]["BTC-NEW-C"] = {"vol": 0.6}
    return pl.Market.from_dict(found)


def after(engine: Engine) -> Engine:
    """Fills and prices of the new contract among others."""
    events = [
        Fill("matching", 1, TIME, "account 0", "BTC-NEW-C", -2.0, 1_500.0),
        Prices("feed", 1, TIME, indices={"BTC": 70_050.0}, vols={"BTC-NEW-C": 0.63}),
        Fill("matching", 2, TIME, "account 1", "BTC-PERP-inverse", 300.0, 70_060.0),
        Prices("feed", 2, TIME, forwards={forward_key("BTC", engine.prices.plan.expiries[0].expiry): 70_120.0}),
    ]
    for event in events:
        assert engine.apply(event).problems == ()
    return engine


def test_the_engine_is_the_one_that_knew_it_from_the_start() -> None:
    accounts = small_accounts(MARKET, 4)
    late, early = engine_of(MARKET, accounts), engine_of(with_it(MARKET), accounts)
    assert "BTC-NEW-C" not in late.prices.row
    outcome = late.apply(listing())
    assert outcome.problems == ()
    assert outcome.full
    assert late.prices.universe.names == early.prices.universe.names
    for engine in (late, early):
        after(engine)
    for one, other in zip(late.amounts(late.everyone), early.amounts(early.everyone), strict=True):
        np.testing.assert_array_equal(one, other)
    assert late.market() == early.market()
    assert furthest(late) <= 1
    assert late.check(Order.of("account 0", "BTC-NEW-C", 1.0)) == early.check(Order.of("account 0", "BTC-NEW-C", 1.0))


def test_positions_costs_and_what_the_gate_knows_stay() -> None:
    accounts = small_accounts(MARKET, 4)
    engine = engine_of(MARKET, accounts)
    names = [a.name for a in accounts]
    events = list(generated_day(MARKET, names, 40, 3, DayRule(fills=0.5)))
    for event in events:
        engine.apply(event)
    before = engine.amounts(engine.everyone)
    held = [engine.account(a) for a in range(4)]
    assert engine.apply(listing()).problems == ()
    np.testing.assert_allclose(engine.amounts(engine.everyone), before, rtol=1e-12)
    for a, account in enumerate(held):
        again = engine.account(a)
        assert {p.instrument: p.quantity for p in again.positions} == {
            p.instrument: p.quantity for p in account.positions
        }
        assert again.collateral == account.collateral
    # a message that was there before is one still
    assert engine.apply(events[-1]).refusals[0].fault in ("duplicate", "contradictory")


def test_a_listing_is_recorded_and_replayed() -> None:
    event = listing()
    assert from_json(to_json(event)) == event
    engine = engine_of(MARKET, small_accounts(MARKET, 3))
    engine.apply(event)
    after(engine)
    state = freeze(engine)
    again = thaw(state)
    for one, other in zip(engine.amounts([0, 1, 2]), again.amounts([0, 1, 2]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert freeze(again) == state


def test_only_what_is_new_is_read_and_the_market_is_that_of_the_whole_document() -> None:
    made, whole = listed(MARKET, listing()), with_it(MARKET)
    assert made == whole
    assert made.to_dict() == whole.to_dict()
    assert made.hash() == whole.hash()
    # the same parts, not read again
    assert all(new is old for new, old in zip(made.instruments, MARKET.instruments, strict=False))
    assert all(made.marks[name] is mark for name, mark in MARKET.marks.items())
    # and the whole is still held together
    with pytest.raises(
        pl.DocumentError, match=r"listing: expiries\[\d+\]: got 'BTC .* each underlying and expiry once"
    ):
        listed(made, listing(contracts=({**OPTION, "name": "BTC-OTHER"},), quotes={"BTC-OTHER": {"vol": 0.6}}))


def test_an_underlying_that_nobody_knew() -> None:
    accounts = small_accounts(MARKET, 2)
    engine = engine_of(MARKET, accounts)
    event = Listing("venue", 1, TIME, (COIN,), (), {"SOL-PERP": {"price": 150.0}}, {"SOL": {"price": 150.0}})
    assert engine.apply(event).problems == ()
    assert engine.apply(Fill("matching", 1, TIME, "account 1", "SOL-PERP", 10.0, 150.0)).problems == ()
    assert engine.apply(Prices("feed", 1, TIME, indices={"SOL": 150.2}, marks={"SOL-PERP": 150.2})).refusals == ()
    assert engine.prices.index("SOL") == 150.2
    assert furthest(engine) <= 1


@pytest.mark.parametrize("label", ["deribit-pm@2026-02-15", "derive-pmrm2@2026-01-21"])
def test_rules_of_venues_take_a_listing_up(label: str) -> None:
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, 3)
    late, early = venue_engine(label, MARKET, accounts), venue_engine(label, with_it(MARKET), accounts)
    late.apply(listing())
    for engine in (late, early):
        engine.apply(Prices("feed", 1, TIME, indices={"BTC": 69_900.0}, vols={"BTC-NEW-C": 0.61}))
    for one, other in zip(late.amounts(late.everyone), early.amounts(early.everyone), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"contracts": ()}, "listing.contracts"),
        ({"contracts": ({**OPTION, "name": "BTC-PERP-linear"},), "quotes": {}}, "listing.contracts"),
        ({"contracts": (OPTION, OPTION)}, "listing.contracts"),
        ({"quotes": {"BTC-PERP-linear": {"price": 1.0}}}, "listing.quotes"),
        ({"underlyings": {"BTC": {"price": 1.0}}}, "listing.underlyings"),
        ({"terms": ({**TERMS, "expiry": at(3 * 86_400.0)},)}, "listing"),
        ({"contracts": ({**OPTION, "strike": -1.0},)}, "listing"),
        ({"terms": ({**TERMS, "expiry": at(-60.0)},)}, "listing"),
        # prices that would not be believed as a tick
        ({"quotes": {"BTC-NEW-C": {"vol": 11.0}}}, "listing.quotes.BTC-NEW-C.vol"),
        ({"terms": ({**TERMS, "forward": {"variable": 7_030.0}},)}, "listing.terms[0].forward"),
        (
            {"contracts": ({**COIN, "underlying": "BTC"},), "terms": (), "quotes": {"SOL-PERP": {"price": 7e5}}},
            "listing.quotes.SOL-PERP.price",
        ),
        # what nobody could ever price: a later message is believed only of what has a price
        ({"terms": ()}, "listing.contracts[0].expiry"),
        ({"quotes": {}}, "listing.quotes.BTC-NEW-C"),
        ({"contracts": (COIN,), "terms": (), "quotes": {"SOL-PERP": {"price": 150.0}}}, "listing.contracts[0].under"),
        ({"contracts": ({**COIN, "underlying": "BTC"},), "terms": (), "quotes": {}}, "listing.quotes.SOL-PERP"),
    ],
)
def test_what_cannot_be_listed_is_refused_and_nothing_changes(changes: dict[str, Any], path: str) -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 2))
    before = engine.market()
    outcome = engine.apply(listing(**changes))
    assert len(outcome.problems) == 1
    assert outcome.problems[0].path.startswith(path)
    assert engine.market() == before
    assert engine.apply(Transfer("bank", 1, TIME, "account 0", "USDC", 5.0)).problems == ()


def test_the_same_listing_twice_is_a_duplicate() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 2))
    engine.apply(listing())
    assert [r.fault for r in engine.apply(listing()).refusals] == ["duplicate"]
    assert INDEX["BTC"] == engine.prices.index("BTC")
