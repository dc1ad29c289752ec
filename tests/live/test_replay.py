"""Recorded markets as events: what a chain and a book say, and that the engine follows to the unit."""

from __future__ import annotations

import itertools
import json
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import plimsoll as pl
from live_books import TIME, engine_of, small_accounts, small_market
from plimsoll.feeds import import_chain
from plimsoll.live import Clock, Engine, Fill, Leg, Order, Prices
from plimsoll.live.desk import Desk
from plimsoll.live.fleet import sample_accounts
from plimsoll.live.replay import BOOK_PERPETUAL, book_feed, chain_feed, paced
from plimsoll.live.session import from_batch, played

PACK = "prbm@2026-01-30"


def line(stamp: int, content: dict[str, object]) -> str:
    return f"{stamp} {json.dumps(content)}"


def recording(tmp_path: Path) -> Path:
    """A book of a second and two trades."""
    start = 1_723_161_256_000
    rows = [line(0, {"lastUpdateId": 10, "bids": [["61000", "5"]], "asks": [["61002", "5"]], "T": start})]
    for n in range(12):
        bid = 61_000 + 10 * n
        changes = {"b": [[str(bid), "3"]], "a": [["61002", "0"], [str(bid + 12), "4"], [str(bid + 2), "0"]]}
        content = {"e": "depthUpdate", "U": 11 + n, "u": 11 + n, "pu": 10 + n, "T": start + 100 * n, **changes}
        if n == 0:
            content |= {"U": 10, "pu": 9}
        rows.append(line(0, {"data": content}))
        if n in (3, 7):
            trade = {
                "e": "trade",
                "T": start + 100 * n + 1,
                "p": str(bid),
                "q": "0.5",
                "m": n == 7,
                "t": n,
                "X": "MARKET",
            }
            rows.append(line(0, {"data": trade}))
    path = tmp_path / "book.jsonl"
    path.write_text("\n".join(rows))
    return path


def test_a_recorded_book_moves_the_index_and_its_trades_are_fills_of_two(tmp_path: Path) -> None:
    feed = book_feed(recording(tmp_path))
    events = list(feed.events(["a", "b", "c"]))
    assert events == list(feed.events(["a", "b", "c"]))
    fills = [e for e in events if isinstance(e, Fill)]
    assert [(f.instrument, f.quantity, f.price) for f in fills] == [
        (BOOK_PERPETUAL, 0.5, 61_030.0),
        (BOOK_PERPETUAL, -0.5, 61_030.0),
        (BOOK_PERPETUAL, -0.5, 61_070.0),
        (BOOK_PERPETUAL, 0.5, 61_070.0),
    ]
    assert len({f.account for f in fills[:2]}) == 2
    assert isinstance(events[0], Clock)
    ticks = [e for e in events if isinstance(e, Prices)]
    assert feed.market.indices["BTC"].price == ticks[0].indices["BTC"]
    assert ticks[-1].indices["BTC"] == ticks[-1].marks[BOOK_PERPETUAL] > ticks[0].indices["BTC"]
    key, forward = next(iter(ticks[-1].forwards.items()))
    moved = ticks[-1].indices["BTC"] / ticks[0].indices["BTC"]
    assert forward == pytest.approx(ticks[0].forwards[key] * moved)
    engine = Engine(pl.margin_model(PACK), feed.market, sample_accounts(feed.market, 3, 6))
    session = played(engine, feed.events(engine.holdings.names))
    assert (session.furthest, session.compared) == (0, 3)
    assert session.acknowledged == len(session.took) == engine.events == sum(session.kinds.values())
    assert engine.gate.counts == {}


def test_the_intraday_chain_settles_what_expires_and_ends_at_its_last_snapshot(shared: Path) -> None:
    path = shared / "data/options/deribit_chain_intraday_20260129_20260131.parquet"
    feed = chain_feed(path, fills=20)
    engine = Engine(pl.margin_model(PACK), feed.market, sample_accounts(feed.market, 12, 10))
    session = played(engine, feed.events(engine.holdings.names))
    assert session.kinds["clock"] == 11
    assert session.kinds["settlement"] == 6
    # the daily expiries of the days to come, and strikes around where the market went
    assert session.kinds["listing"] == 11
    assert len(engine.prices.plan) > len(feed.market.instruments) + 500
    assert engine.totals["refused"] == 0
    # six hours of a falling market are no bad ticks
    assert set(engine.gate.counts) <= {"suspect"}
    assert engine.gate.counts["suspect"] <= 10
    assert session.furthest <= 1
    last = import_chain(path)
    now = engine.market()
    assert now.time == last.time
    for coin, index in last.indices.items():
        assert now.indices[coin].price == index.price
    same = [n for n, m in last.marks.items() if m.vol and n in now.marks and now.contracts[n].kind == "option"]
    told = [n for n in same if now.marks[n].vol == last.marks[n].vol]
    assert len(told) > 0.95 * len(same) > 300
    priced = {n for n, m in last.marks.items() if m.vol and last.contracts[n].kind == "option"}
    assert priced <= set(now.marks)
    assert all(e.settlement is not None for e in now.expiries if e.expiry <= now.time and e.expiry > feed.market.time)


def test_a_file_of_one_snapshot_is_no_feed(shared: Path) -> None:
    with pytest.raises(pl.DocumentError, match="two snapshots or more"):
        chain_feed(shared / "data/options/deribit_btc_chain_ticker_20200521.csv.gz")


def test_paced_events_wait_for_their_time() -> None:
    events = [Clock("clock", n + 1, TIME + timedelta(seconds=n)) for n in range(4)]
    began = time.monotonic()
    assert list(paced(iter(events), 60.0)) == events
    # three seconds at sixty times the speed
    assert time.monotonic() - began >= 0.05
    assert list(paced(iter(events), None)) == events
    with pytest.raises(pl.DocumentError, match="speed"):
        list(paced(iter(events), 0.0))


def test_an_interruption_ends_a_session_cleanly() -> None:
    market = small_market()
    engine = engine_of(market, small_accounts(market, 2))

    def events() -> itertools.chain[Clock]:
        def stop() -> object:
            raise KeyboardInterrupt
            yield

        return itertools.chain((Clock("clock", n, TIME + timedelta(seconds=n)) for n in range(1, 6)), stop())  # type: ignore[arg-type]

    session = played(engine, events())
    assert session.stopped
    assert session.acknowledged == engine.events == 5
    assert session.furthest == 0


def test_the_comparison_at_the_end_can_fail() -> None:
    market = small_market()
    engine = engine_of(market, small_accounts(market, 2))
    assert from_batch(engine)[0] == 0
    engine.margins.tables.tables.pnl[:] *= 1.01  # type: ignore[union-attr]
    assert from_batch(engine)[0] > 1_000


def test_a_desk_sees_its_venues_side_by_side() -> None:
    market = small_market()
    first = small_accounts(market, 1, 1)[0]
    second = first.model_copy(update={"name": "elsewhere"})
    desk = Desk(
        {
            "house": engine_of(market, [first]),
            "other": Engine(pl.margin_model("dsa@2026-01-01"), market, [second]),
        }
    )
    before = {p.venue: p for p in desk.places()}
    assert before["house"].equity == pytest.approx(before["house"].usd)
    outcome = desk.apply("house", Fill("m", 1, TIME, first.name, "BTC-PERP-linear", 3.0, 70_070.0))
    assert outcome.applied == 1
    after = {p.venue: p for p in desk.places()}
    assert after["other"] == before["other"]
    assert after["house"].initial != before["house"].initial
    healths = [p.health for p in desk.places()]
    assert healths == sorted(h for h in healths if h is not None)
    order = Order("", (Leg("BTC-PERP-linear", -1.0),))
    ranked = desk.cheapest(order, {"house": first.name, "other": "elsewhere"})
    added = [v.after.initial - v.before.initial for v in ranked.values() if v.allowed]
    assert added == sorted(added)
    with pytest.raises(pl.DocumentError, match="venue"):
        desk.apply("nowhere", Clock("c", 1, TIME))
    with pytest.raises(pl.DocumentError, match="venues"):
        Desk({})


def test_sample_accounts_are_the_same_for_the_same_seed() -> None:
    market = small_market()
    one, two = sample_accounts(market, 60, 5), sample_accounts(market, 60, 5)
    assert [a.hash() for a in one] == [a.hash() for a in two]
    assert len({a.name for a in one}) == 60
    assert np.unique([a.collateral["USDC"] for a in one]).size > 50
    with pytest.raises(pl.DocumentError, match="accounts"):
        sample_accounts(market, 0)
