"""Shards are one engine: the same margins, decisions and judgements, bit for bit, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import at
from live_books import EXPIRIES, TIME, engine_of, small_accounts, small_market
from plimsoll.documents import parse_instant
from plimsoll.ledger import Ledger, LedgerError
from plimsoll.ledger.verify import verify
from plimsoll.live import Clock, Engine, Event, Fill, Listing, Prices, Settlement, Transfer
from plimsoll.live.calls import CallRule
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.live.monitors import SourceBooks, read
from plimsoll.live.monitors.manipulation import SourceBook
from plimsoll.live.outcome import Outcome
from plimsoll.live.shards import Combined, Coordinator, Local, LostShardError, Opening, Router, shard_of

pytest.importorskip("sqlalchemy")

MARKET = small_market()
ACCOUNTS = small_accounts(MARKET, 12, cash=60_000.0)
NAMES = [a.name for a in ACCOUNTS]
EVERY = 40
LATER = at(7 * 86_400.0)
BOOKS = SourceBooks(
    books={"BTC": {s: SourceBook(bids=((69_990.0, n),), asks=((70_010.0, n),)) for n, s in enumerate("abc", 1)}}
)
NEWS: list[Event] = [
    Listing(
        "listings",
        1,
        TIME,
        (
            {
                "kind": "option", "name": "BTC-NEW-C", "underlying": "BTC", "expiry": LATER, "strike": 72_000.0,
                "call": True, "settlement": "linear", "currency": "USDC", "multiplier": 1.0,
            },
        ),
        ({"underlying": "BTC", "expiry": LATER, "forward": {"variable": 70_300.0}},),
        {"BTC-NEW-C": {"vol": 0.6}},
    ),
    *(Fill("listings", 2 + a, TIME, name, "BTC-NEW-C", 0.5 - a, 1_500.0) for a, name in enumerate(NAMES[:3])),
]  # fmt: skip
"""A contract that nobody knew, and who trades it at once."""


def day(events: int, seed: int = 3) -> list[Event]:
    """A noisy day with facts of accounts that nobody knows and of unknown contracts among the rest, and a listing."""
    found = list(
        disturbed(generated_day(MARKET, NAMES, events, seed, DayRule(daily_vol=0.3, usd=250_000.0)), seed, 0.2)
    )
    odd: list[Event] = []
    for n, event in enumerate(found):
        if isinstance(event, Fill) and n % 9 == 0:
            event = replace(event, account="nobody")
        elif isinstance(event, Fill) and n % 13 == 0:
            event = replace(event, instrument="nothing")
        elif isinstance(event, Transfer) and n % 2 == 0:
            event = replace(event, account="nobody")
        odd.append(event)
    half = len(odd) // 2
    return [*odd[:half], *NEWS, *odd[half:]]


def opening(shards: int) -> Opening:
    """The small books over so many shards."""
    return Opening.of(engine_of(MARKET, ACCOUNTS[:1]).model, MARKET, ACCOUNTS, shards, calls=CallRule())


def one_engine() -> Engine:
    """The same over all accounts."""
    return engine_of(MARKET, ACCOUNTS, calls=CallRule())


def alike(combined: Combined, outcome: Outcome) -> None:
    """The same judgement and decisions. How many accounts slept is a matter of where each shard last looked."""
    assert (combined.number, combined.applied) == (outcome.number, outcome.applied)
    assert combined.decisions == outcome.decisions
    assert combined.refusals == outcome.refusals
    assert combined.problems == tuple(map(str, outcome.problems))
    assert combined.touched == outcome.touched
    assert list(combined.calls) == [asdict(step) for step in outcome.calls]


def same(shards: Coordinator, engine: Engine) -> None:
    """The union of the shards is the one engine, bit for bit."""
    found = shards.standing()
    assert found.names == engine.holdings.names
    np.testing.assert_array_equal(found.amounts, np.array(engine.amounts(engine.everyone)))
    assert found.level == tuple(engine.level.tolist())
    assert list(found.documents) == [engine.account(a).to_dict() for a in engine.everyone.tolist()]


def watched(shards: Coordinator, engine: Engine) -> dict[str, Any]:
    """The monitors of the shards are those of the one engine, bit for bit."""
    found = shards.monitors(books=BOOKS).to_dict()
    assert found == read(engine, books=BOOKS).to_dict()
    assert found["manipulation"]["underlyings"]["BTC"]["pushes"]
    return found


def batches(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    """So many at a time."""
    return [events[n : n + size] for n in range(0, len(events), size)]


class Mortal(Local):
    """A shard that is gone before the calls that `dies` names, or after they did their work and before they answer."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self.calls, self.before, self.after = 0, set[int](), set[int]()

    def ask(self, method: str, *arguments: Any) -> Any:
        self.calls += 1
        if self.calls in self.before:
            self.end()
            raise LostShardError("gone before it was asked")
        found = super().ask(method, *arguments)
        if self.calls in self.after:
            self.end()
            return None
        return found

    def answer(self, asked: Any) -> Any:
        if asked is None:
            raise LostShardError("gone before it answered")
        return super().answer(asked)

    def end(self) -> None:
        """What a process that is killed leaves: its record."""
        assert self.shard is not None
        self.shard.close()
        self.shard = None


def test_shards_are_one_engine(tmp_path: Path) -> None:
    events = day(130)
    single = one_engine()
    start = opening(3)
    handles = [Local(s, start, str(tmp_path), EVERY) for s in range(3)]
    decisions = refusals = problems = calls = 0
    with Coordinator(start, handles, str(tmp_path), every=100) as shards:
        same(shards, single)
        for batch in batches(events, 26):
            for combined, event in zip(shards.apply(batch), batch, strict=True):
                outcome = single.apply(event)
                alike(combined, outcome)
                decisions += len(outcome.decisions)
                refusals += len(outcome.refusals)
                problems += len(outcome.problems)
                calls += len(outcome.calls)
            same(shards, single)
            seen = watched(shards, single)
    # the day has something of everything
    assert min(decisions, refusals, problems, calls) >= 5
    assert min(len(seen["calls"]["steps"]), len(seen["linked"]["groups"]), len(seen["feeds"]["refused"])) >= 1
    assert any(b["accounts"] for u in seen["density"]["underlyings"].values() for b in u["fall"]["buckets"])
    assert "BTC-NEW-C" in single.prices.row
    assert sum(shards.restarts) == 0


def test_a_clock_that_the_shards_refuse_makes_no_fact_early(tmp_path: Path) -> None:
    """An expiry that is not settled holds the clock back, and a fact beyond it may be sent again when it has come."""
    expiry = parse_instant(at(EXPIRIES[0]))
    past, later = expiry + timedelta(minutes=1), expiry + timedelta(minutes=2)
    fills = [Fill("matching", n, past, NAMES[n % 12], "BTC-PERP-linear", 0.1, 70_000.0) for n in (1, 2, 3)]
    settled = [Settlement("settlements", n, expiry, "BTC", expiry, price) for n, price in ((1, 7.0), (2, 70_000.0))]
    events: list[Event] = [
        Clock("clock", 1, past), fills[0], settled[0], Clock("clock", 2, past), fills[0], settled[1],
        Settlement("settlements", 3, expiry, "ETH", expiry, 2_500.0), Clock("clock", 3, past), *fills,
        Prices("index", 1, past, indices={"BTC": 70_100.0}), Clock("clock", 4, later), replace(fills[2], number=4),
    ]  # fmt: skip
    single, start = one_engine(), opening(3)
    said = [single.apply(event) for event in events]
    # the books of one engine: refused clocks, facts that are too early, then all of them taken
    assert [o.applied for o in said] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    for restart in (False, True):
        folder = tmp_path / str(restart)
        folder.mkdir()
        for n, batch in enumerate(batches(events, 3)):
            if n == 0 or restart:
                shards = Coordinator(start, [Local(s, start, str(folder), EVERY) for s in range(3)], str(folder), 2)
            for combined, outcome in zip(shards.apply(batch), said[3 * n :], strict=False):
                alike(combined, outcome)
            if restart:
                shards.close()
        if not restart:
            same(shards, single)
            shards.close()


def test_a_shard_that_is_lost_comes_back_with_everything(tmp_path: Path) -> None:
    events = day(120, seed=4)
    heads = []
    for lost in (False, True):
        folder = tmp_path / str(lost)
        folder.mkdir()
        start = opening(3)
        handles = [Mortal(s, start, str(folder), EVERY) for s in range(3)]
        if lost:
            handles[0].before, handles[0].after = {4, 9}, {6}
            handles[2].before, handles[2].after = {3}, {7, 8}
        single = one_engine()
        with Coordinator(start, handles, str(folder), every=50) as shards:
            for batch in batches(events, 15):
                for combined, event in zip(shards.apply(batch), batch, strict=True):
                    alike(combined, single.apply(event))
            same(shards, single)
            assert (sum(shards.restarts) > 3) == lost
            if lost:
                # gone before it is asked for its accounts, and with its answer about their lines
                handles[0].before, handles[2].after = {handles[0].calls + 1}, {handles[2].calls + 2}
            watched(shards, single)
            assert (sum(shards.restarts) > 5) == lost
            heads.append(shards.heads())
    # the records know nothing of it
    assert heads[0] == heads[1]


def test_a_shard_that_is_lost_again_and_again_is_given_up(tmp_path: Path) -> None:
    start = opening(2)
    handles = [Mortal(s, start, str(tmp_path), EVERY) for s in range(2)]
    with Coordinator(start, handles, str(tmp_path)) as shards:
        handles[1].before = set(range(1_000))
        with pytest.raises(LostShardError, match="lost each time"):
            shards.apply(day(40))
        handles[1].before = set()
        with pytest.raises(LedgerError, match="shard 1 is at event 0 of"):
            shards.monitors()
        # whoever comes after settles what of it arrived
        handles[1].before = set()
    with Coordinator(start, [Local(s, start, str(tmp_path), EVERY) for s in range(2)], str(tmp_path)) as again:
        single = one_engine()
        for event in day(40):
            single.apply(event)
        same(again, single)


@pytest.mark.parametrize("every", [30, 10_000])
def test_a_coordinator_that_starts_anew_goes_on_from_its_intake(every: int, tmp_path: Path) -> None:
    events = day(80, seed=6)
    single = one_engine()
    start = opening(3)
    done = 0
    for stop in (30, 31, len(events)):
        handles = [Local(s, start, str(tmp_path), EVERY) for s in range(3)]
        with Coordinator(start, handles, str(tmp_path), every=every) as shards:
            assert shards.events == done
            same(shards, single)
            watched(shards, single)
            for batch in batches(events[done:stop], 25):
                for combined, event in zip(shards.apply(batch), batch, strict=True):
                    alike(combined, single.apply(event))
            done = stop
    # an intake that has more than any shard: written, and nobody lived to send it
    more = day(90, seed=6)[len(events) :]
    with Coordinator(start, [Local(s, start, str(tmp_path), EVERY) for s in range(3)], str(tmp_path)) as shards:
        silent = shards._send
        shards._send = lambda *_: []  # type: ignore[method-assign]
        shards.apply(more)
        shards._send = silent  # type: ignore[method-assign]
    with Coordinator(start, [Local(s, start, str(tmp_path), EVERY) for s in range(3)], str(tmp_path)) as shards:
        for event in more:
            single.apply(event)
        same(shards, single)


def test_a_record_is_the_same_every_time_and_a_changed_byte_in_it_is_found(tmp_path: Path) -> None:
    events = day(70, seed=7)
    heads = []
    for k, size in enumerate((70, 14)):
        folder = tmp_path / str(k)
        folder.mkdir()
        start = opening(2)
        with Coordinator(start, [Local(s, start, str(folder), EVERY) for s in range(2)], str(folder)) as shards:
            for batch in batches(events, size):
                shards.apply(batch)
            heads.append(shards.heads())
    assert heads[0]["shard 0"] == heads[1]["shard 0"]
    assert heads[0]["shard 1"] == heads[1]["shard 1"]
    for name in ("intake", "shard-0", "shard-1"):
        place = tmp_path / "0" / f"{name}.db"
        with Ledger.existing(place) as ledger:
            assert verify(ledger).faults == ()
        with sqlite3.connect(place) as connection:
            (body,) = connection.execute("SELECT body FROM entries WHERE seq = 17").fetchone()
            changed = bytearray(body)
            changed[len(changed) // 2] ^= 1
            connection.execute("UPDATE entries SET body = ? WHERE seq = 17", (bytes(changed),))
        connection.close()
        with Ledger.existing(place) as ledger:
            (fault,) = verify(ledger).faults
        assert (fault.table, fault.record, fault.field) == ("entries", "17", "body")


def test_accounts_are_spread_by_their_names_and_facts_keep_their_order() -> None:
    start = opening(3)
    assert [shard_of(name, 3) for name in NAMES] == start.owner.tolist()
    assert [a.name for s in range(3) for a in start.accounts(s)] == [
        NAMES[a] for s in range(3) for a in np.flatnonzero(start.owner == s)
    ]
    assert start.accounts() == ACCOUNTS
    router = Router(start)
    last = [dict[str, int]() for _ in range(3)]
    for event in day(120):
        for routed in router.route(event).routed:
            for s, (_, one) in routed.to.items():
                if isinstance(one, Fill | Transfer | Clock | Listing):
                    assert one.number == last[s].get(one.source, 0) + 1
                    last[s][one.source] = one.number
    assert min(len(seen) for seen in last) >= 2
    again = Router(start)
    again.thaw(router.freeze())
    assert again.freeze() == router.freeze()


def test_more_shards_than_accounts_are_refused(tmp_path: Path) -> None:
    model = engine_of(MARKET, ACCOUNTS[:1]).model
    with pytest.raises(pl.DocumentError, match="shards: got 13"):
        Opening.of(model, MARKET, ACCOUNTS, 13)
    with pytest.raises(pl.DocumentError, match="has no account"):
        Opening.of(model, MARKET, ACCOUNTS, 12)
    with pytest.raises(pl.DocumentError, match="handles: got 0"):
        Coordinator(opening(2), [], str(tmp_path))


@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_actors_of_ray_are_one_engine_and_one_is_killed(tmp_path: Path, record_property: Any) -> None:
    pytest.importorskip("ray")
    from plimsoll.live.shards.actors import actors, local_cluster

    events = day(250, seed=8)
    single = one_engine()
    start = opening(3)
    with local_cluster() as ray:
        handles = actors(ray, start, str(tmp_path), EVERY)
        with Coordinator(start, handles, str(tmp_path), every=100) as shards:
            processes = [handle.answer(handle.ask("process")) for handle in handles]
            assert len({os.getpid(), *processes}) == 4
            for n, batch in enumerate(batches(events, 25)):
                if n == 3:
                    os.kill(handles[1].answer(handles[1].ask("process")), signal.SIGKILL)
                if n == 8:
                    # at work: some of the batch may be in its record, and nobody heard of it
                    process = handles[1].answer(handles[1].ask("process"))
                    threading.Timer(0.01, os.kill, (process, signal.SIGKILL)).start()
                for combined, event in zip(shards.apply(batch), batch, strict=True):
                    alike(combined, single.apply(event))
            same(shards, single)
            assert shards.restarts == [0, 2, 0]
            watched(shards, single)
            heads = shards.heads()
    for name, head in heads.items():
        with Ledger.existing(tmp_path / f"{name.replace(' ', '-')}.db") as ledger:
            found = verify(ledger, head[1])
            assert (found.faults, found.records) == ((), head[0])
    # the records of processes are those of one process
    (tmp_path / "local").mkdir()
    local = [Local(s, start, str(tmp_path / "local"), EVERY) for s in range(3)]
    with Coordinator(start, local, str(tmp_path / "local"), every=100) as shards:
        for batch in batches(events, 25):
            shards.apply(batch)
        assert shards.heads() == heads
    record_property("count of shards killed by SIGKILL (Ray)", 2)
