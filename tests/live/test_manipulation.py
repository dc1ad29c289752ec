"""Pushes of an index: exact requirements at the pushed price, and costs added up level by level."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import at
from live_books import TIME, engine_of, small_accounts, small_market
from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.liquidation.breaker import attack_cost
from plimsoll.liquidation.density import exposures
from plimsoll.live import Clock, Engine, Fill, Prices
from plimsoll.live.alerts import AlertRules, default_rules
from plimsoll.live.alerts.rules import AlertRule
from plimsoll.live.monitors import MonitorRule, SourceBooks, read
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.manipulation import MOST, Pushed, _least
from plimsoll.live.monitors.station import Station
from plimsoll.margin.path import moved

MARKET = small_market()
RULE = MonitorRule(pushes=(0.002, 0.005, 0.03, 0.2), push_bonus=0.02)


def book(mid: float, size: float, levels: int = 40, **more: Any) -> dict[str, Any]:
    """Levels of a tenth of a per cent, the same size on each."""
    off = [0.0005 + 0.001 * n for n in range(levels)]
    sides = {"bids": [[mid * (1.0 - x), size] for x in off], "asks": [[mid * (1.0 + x), size] for x in off]}
    return sides | more


def books(**own: Mapping[str, Any]) -> SourceBooks:
    """By underlying and source."""
    return SourceBooks.from_dict({"schema": "plimsoll.source-books", "schema_version": 1, "books": own})


def told(engine: Engine, *sources: str, number: int = 1, seconds: float = 1.0) -> None:
    """Each source says the index that is believed."""
    for source in sources:
        price = engine.prices.index("BTC")
        assert price is not None
        engine.apply(Prices(source, number, TIME + timedelta(seconds=seconds), indices={"BTC": price}))


def pushed(engine: Engine, given_books: SourceBooks, rule: MonitorRule = RULE) -> Pushed:
    """Of Bitcoin."""
    found = read(engine, rule, with_density=False, books=given_books).manipulation
    assert found is not None
    return found.underlyings["BTC"]


def test_costs_lines_and_gains_are_those_of_exact_requirements() -> None:
    # little cash, so that a few per cent cross lines
    engine = engine_of(MARKET, small_accounts(MARKET, 30, 7, 8_000.0))
    told(engine, "a", "b", "c", "d")
    sizes = {"a": 0.5, "b": 3.0, "c": 0.25}
    mids = {"a": 70_000.0, "b": 69_900.0, "c": 70_100.0}
    given_books = books(BTC={s: book(mids[s], sizes[s]) for s in sizes})
    found = pushed(engine, given_books)
    assert (found.sources, found.without) == (("a", "b", "c", "d"), ("d",))
    market, model = engine.market(), engine.model
    documents = [engine.account(a) for a in range(len(engine.holdings))]
    deltas = [exposures(one, market).get("BTC", 0.0) for one in documents]
    index = market.indices["BTC"].price
    crossing = 0
    for push in found.pushes:
        # two of four sources, of which one costs nothing: the cheapest of the others, up to the moved median
        by_source = []
        goal = 70_000.0 * (1.0 + push.move)
        for s in "abc":
            own = given_books.books["BTC"][s]
            mid = (own.bids[0][0] + own.asks[0][0]) / 2.0
            side = own.bids if push.move < 0.0 else own.asks
            way = [(p, q) for p, q in side if (goal - mid) * push.move > 0.0 and abs(p - mid) <= abs(goal - mid) + 1e-6]
            by_source.append(sum(abs(p - mid) * q for p, q in way))
        assert push.cost == pytest.approx(min(by_source))
        assert push.beyond == (("a", "b", "c") if abs(push.move) > 0.04 else ())
        crossed = 0.0
        for one in documents:
            held = [p for p in one.positions if market.contracts[p.instrument].underlying == "BTC"]
            if not held or engine.status(engine.holdings.number[one.name]) == "called":
                continue
            below = []
            for move in RULE.pushes:
                need = model.assess(*moved(one, market, {"BTC": 1.0 + math.copysign(move, push.move)}), "refuse")
                below.append(need.net_equity < sum(c.maintenance for c in need.components))
            if any(below[: RULE.pushes.index(abs(push.move)) + 1]):
                crossed += gross(one, market, index)
                crossing += 1
        assert push.liquidated == pytest.approx(crossed)
        gain = max(0.0, *(math.copysign(d, d * push.move) for d in deltas))
        assert push.brings == pytest.approx(0.02 * crossed + gain * abs(push.move))
        assert push.ratio == pytest.approx(push.cost / push.brings)
        # six sigmas of 3 % a day over 20 seconds, and the spread
        width = 6.0 * 0.03 * math.sqrt(20.0 / 86_400.0) + 0.004
        assert push.suspect == (abs(math.log1p(push.move)) > width)
    assert crossing > 4
    assert 0 < sum(p.suspect for p in found.pushes) < len(found.pushes)
    # several steps get to a suspect price too: all pushes count
    assert found.worst == min(p.ratio for p in found.pushes)
    assert found.at in {p.move for p in found.pushes}
    assert found.mids == pytest.approx({s: math.log(mids[s] / index) for s in sizes})
    assert found.refused == 0
    assert documents[deltas.index(max(deltas))].name == found.longest
    assert documents[deltas.index(min(deltas))].name == found.shortest


def gross(account: Any, market: Any, index: float) -> float:
    """USD of an account's Bitcoin contracts, long and short added up."""
    total = 0.0
    forwards = {e.expiry: e.forward.price for e in market.expiries if e.underlying == "BTC"}
    for p in account.positions:
        contract = market.contracts[p.instrument]
        if contract.underlying != "BTC" or contract.kind == "spot":
            continue
        mark = market.marks.get(p.instrument)
        price = mark.price if mark is not None and mark.price else forwards.get(getattr(contract, "expiry", None))
        if contract.kind == "option":
            each = contract.multiplier * index
        elif contract.settlement == "inverse":
            each = contract.multiplier / price * index
        else:
            each = contract.multiplier * price * market.assets["USDC"].price
        total += abs(p.quantity) * each
    return total


def test_books_of_an_index_that_is_composed_elsewhere_count_by_their_own_weights() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 4))
    told(engine, "composite")
    own = {"x": book(70_000.0, 1.0, weight=3.0), "y": book(70_000.0, 0.1), "z": book(70_000.0, 0.1)}
    found = pushed(engine, books(BTC=own))
    assert (found.sources, found.without) == (("x", "y", "z"), ())
    # the heavy one has half of the weight: it alone is enough, and needed
    assert found.pushes[0].cost == pytest.approx(70_000.0 * (0.0005 + 0.0015))
    light = pushed(engine, books(BTC=own | {"x": book(70_000.0, 1.0)}))
    assert light.pushes[0].cost == pytest.approx(2 * 0.1 * 70_000.0 * (0.0005 + 0.0015))


def test_nothing_to_gain_and_nothing_held() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 3))
    for a, name in enumerate(engine.holdings.names):
        for p in engine.account(a).positions:
            fill = Fill("close", engine.events + 1, TIME, name, p.instrument, -p.quantity, 1_000.0)
            assert engine.apply(fill).applied
    own = books(BTC={"x": book(70_000.0, 1.0)}, DOGE={"x": book(0.1, 1.0)})
    found = read(engine, with_density=False, books=own).manipulation
    # nobody holds anything: there is nothing that a push could cross
    assert found is not None
    assert (found.worst, found.unknown) == (MOST, ("DOGE",))
    assert (found.underlyings["BTC"].worst, found.underlyings["BTC"].at) == (MOST, None)
    # a rule on one index finds its path from the first look on
    reading = "manipulation.underlyings.BTC.worst"
    rule = AlertRule(name="BTC", reading=reading, when="below", raise_at=1.0, clear_at=2.0)
    Station(engine, RULE, AlertRules(rules=(rule,)), books=own).heard()


def test_a_source_whose_book_is_known_and_that_goes_silent_makes_nothing_dear() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 6))
    own = books(BTC={"a": book(70_000.0, 1e4)})
    told(engine, "a", "b", "c")
    assert pushed(engine, own).worst == 0.0
    # the source with the book is stale, then all of them are
    engine.apply(Clock("clock", 1, TIME + timedelta(seconds=200)))
    told(engine, "b", "c", number=2, seconds=200.0)
    found = pushed(engine, own)
    assert (found.sources, found.worst) == (("b", "c"), 0.0)
    engine.apply(Clock("clock", 2, TIME + timedelta(seconds=900)))
    found = pushed(engine, own)
    assert (found.sources, found.without, found.worst) == (("a", "b", "c"), ("b", "c"), 0.0)


def test_a_book_that_is_old_counts_as_none() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 4))
    told(engine, "composite")
    # TIME is the time of the market, and an index is stale after a minute
    young, old = (book(70_000.0, 1.0, time=at(-seconds)) for seconds in (30.0, 61.0))
    assert pushed(engine, books(BTC={"x": young})).pushes[0].cost > 0.0
    found = pushed(engine, books(BTC={"x": old}))
    assert (found.without, found.pushes[0].cost) == (("x",), 0.0)


def test_who_has_no_margin_is_in_no_push() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 30, 7, 8_000.0))
    whole = pushed(engine, books(BTC={"x": book(70_000.0, 1.0)}))
    block = Block.of(engine)
    far = block.gross_by_underlying()[:, block.underlyings.index("BTC")]
    a = int(np.flatnonzero(far > 0.0)[0])
    equity = block.equity.copy()
    equity[a] = np.nan
    refused = replace(block, equity=equity)
    found = read(
        engine, RULE, with_density=False, block=refused, books=books(BTC={"x": book(70_000.0, 1.0)})
    ).manipulation
    assert found is not None
    assert found.underlyings["BTC"].refused == whole.refused + 1
    for one, other in zip(found.underlyings["BTC"].pushes, whole.pushes, strict=True):
        assert one.liquidated <= other.liquidated


@given(st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(0.1, 5.0)), min_size=1, max_size=7))
def test_the_cost_of_many_sources_is_never_above_the_exact_one(pairs: list[tuple[float, float]]) -> None:
    costs, weights = [c for c, _ in pairs], [w for _, w in pairs]
    exact = min(
        sum(costs[i] for i in chosen)
        for n in range(1, len(costs) + 1)
        for chosen in combinations(range(len(costs)), n)
        if sum(weights[i] for i in chosen) >= sum(weights) / 2.0 - 1e-12
    )
    assert _least(costs, weights) <= exact + 1e-9
    assert attack_cost(costs, weights) >= _least(costs, weights) - 1e-9


def test_many_sources_are_read_in_no_time_and_below_the_exact_cost() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 4))
    names = [f"s{n}" for n in range(40)]
    told(engine, *names)
    found = pushed(engine, books(BTC={s: book(70_000.0, 1.0 + n) for n, s in enumerate(names)}))
    cheapest = sum(1.0 + n for n in range(20)) * 70_000.0 * (0.0005 + 0.0015)
    assert found.pushes[0].cost == pytest.approx(cheapest)


def test_a_station_says_that_an_index_is_cheap_to_push_until_its_books_are_deep() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 6, 3, 3_000.0))
    told(engine, "a", "b", "c")
    rules = AlertRules(rules=tuple(r for r in default_rules().rules if r.name == "an index is cheap to push"))
    assert len(rules.rules) == 1
    station = Station(engine, RULE, rules, every=0.0)
    station.heard()
    # without books nothing is said, and nothing was wrong
    assert not station.said
    thin, deep = (books(BTC={s: book(70_000.0, size) for s in "abc"}) for size in (1e-4, 1e4))
    station.books = thin
    station.heard()
    (alert,) = station.said
    assert (alert.key, alert.said, alert.severity) == ("BTC", "raised", "critical")
    station.books = deep
    for n, seconds in enumerate((10.0, 400.0), 2):
        engine.apply(Clock("clock", n - 1, TIME + timedelta(seconds=seconds)))
        told(engine, "a", "b", "c", number=n, seconds=seconds)
        station.heard()
    assert [a.said for a in station.said] == ["raised", "cleared"]


def test_books_that_are_none_are_refused_by_their_path() -> None:
    with pytest.raises(DocumentError, match=r"books\.BTC\.x\.bids\[0\]"):
        books(BTC={"x": {"bids": [[101.0, 1.0]], "asks": [[100.0, 1.0]]}})
    with pytest.raises(DocumentError, match=r"books\.BTC"):
        books(BTC={})
    # one side alone costs nothing to push
    engine = engine_of(MARKET, small_accounts(MARKET, 4))
    found = pushed(engine, books(BTC={"x": {"bids": [[70_000.0, 1.0]]}}))
    assert {(p.cost, p.beyond) for p in found.pushes} == {(0.0, ("x",))}
    with pytest.raises(DocumentError, match=r"bids\[0\]: got .* at most 1e\+30"):
        books(BTC={"x": {"bids": [[1e200, 1e200]]}})


def test_the_command_reads_books_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "books.json"
    place.write_text(json.dumps(books(BTC={"x": book(88_000.0, 0.001)}).to_dict()))
    small = ["live", "monitor", "--events", "60", "--accounts", "4", "--source-books", str(place)]
    assert run(small) == 0
    assert "cheapest push, BTC" in capsys.readouterr().out
    place.write_text(place.read_text().replace("bids", "bidz"))
    assert run(small) != 0
    assert "bidz" in capsys.readouterr().err
