"""Acknowledged means durable, and a restart gives the same margins: records, states, the thread, a kill."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import plimsoll as pl
from live_books import TIME, engine_of, small_accounts, small_market
from plimsoll.cli.audit import command
from plimsoll.documents import parse_instant
from plimsoll.ledger import Event as Written
from plimsoll.ledger import GroupCommit, Ledger, LedgerError
from plimsoll.ledger.verify import verify
from plimsoll.live import Clock, Engine, Event, Fill, Limits, Order, Prices, Transfer
from plimsoll.live.frozen import freeze, thaw
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.live.record import KIND, SNAPSHOT, Recorder, again, resumed, streams
from plimsoll.live.runner import Live, OverloadedError, StoppedError

pytest.importorskip("sqlalchemy")

MARKET = small_market()
ACCOUNTS = small_accounts(MARKET, 4)
NAMES = [a.name for a in ACCOUNTS]
EVERY = 15


def day(events: int, seed: int = 3) -> list[Event]:
    """A noisy day."""
    return list(disturbed(generated_day(MARKET, NAMES, events, seed, DayRule(daily_vol=0.05)), seed, 0.2))


def same(one: Engine, other: Engine) -> None:
    """Two engines that are the same in everything that margins and judgements follow from, bit for bit."""
    for x, y in zip(one.amounts(one.everyone), other.amounts(other.everyone), strict=True):
        np.testing.assert_array_equal(x, y)
    for name in ("initial", "maintenance", "equity", "level"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.gate.freeze() == other.gate.freeze()
    assert (one.events, one.totals) == (other.events, other.totals)
    assert one.market().hash() == other.market().hash()


def test_a_frozen_engine_goes_on_as_if_it_had_not_been() -> None:
    events = day(60)
    first = engine_of(MARKET, ACCOUNTS, limits=Limits(excess=5.0))
    for event in events[:35]:
        first.apply(event)
    second = thaw(freeze(first))
    same(first, second)
    for event in events[35:]:
        assert first.apply(event) == second.apply(event)
    same(first, second)
    assert second.check(Order.of(NAMES[0], "BTC-PERP-linear", 1.0)) == first.check(
        Order.of(NAMES[0], "BTC-PERP-linear", 1.0)
    )


def test_a_restart_from_the_record_is_the_engine_at_its_last_record(tmp_path: Path) -> None:
    events = day(40)
    for count in (0, 7, EVERY, 31):
        place = tmp_path / f"{count}.db"
        with Ledger.open(place) as ledger:
            engine = engine_of(MARKET, ACCOUNTS)
            with GroupCommit(ledger) as commits:
                recorder = Recorder(engine, commits, every=EVERY)
                futures = [recorder.write(event, engine.apply(event)) for event in events[:count]]
            assert [f.result().position for f in futures] == list(range(1, count + 1))
            again = resumed(ledger, every=EVERY)
            same(engine, again)
            # it goes on in the same stream, and the next restart finds that too
            with GroupCommit(ledger) as commits:
                recorder = Recorder(again, commits, every=EVERY)
                for event in events[count:]:
                    assert recorder.write(event, again.apply(event)).result().position == again.events
            same(again, resumed(ledger, every=EVERY))


def test_a_stream_is_applied_again_from_its_first_state_on(tmp_path: Path) -> None:
    """With a restart on the way; and whatever was recorded otherwise is named, in a chain that fits all the same."""
    events = day(40)
    place = tmp_path / "a.db"
    with Ledger.open(place) as ledger:
        for stop in (EVERY + 3, 40):
            engine = engine_of(MARKET, ACCOUNTS) if stop < 40 else resumed(ledger, every=EVERY)
            with GroupCommit(ledger) as commits:
                recorder = Recorder(engine, commits, every=EVERY)
                for event in events[engine.events : stop]:
                    recorder.write(event, engine.apply(event))
        assert streams(ledger) == ("live",)
        found = again(ledger)
        assert (found.events, found.states) == (40, 40 // EVERY)
        assert found.builds == found.differences == ()
        with pytest.raises(pl.DocumentError, match=r"a stream of .* that an engine wrote"):
            again(ledger, "other")
        entries = list(ledger.entries())
        documents = {e.seq: {n: ledger.document(d) for n, d in e.attached.items()} for e in entries}
    assert runner(place) == 0
    for kind, change, words in (
        (KIND, {"outcome": {"applied": 7}}, "comes to another outcome"),
        (SNAPSHOT, {"sha256": "0" * 64}, "is another"),
    ):
        other = tmp_path / f"{kind}.db"
        last = max(e.seq for e in entries if e.kind == kind)
        with Ledger.open(other) as forged:
            for e in entries:
                content = e.content | (change if e.seq == last else {})
                time = parse_instant(e.time)
                forged.append([Written(e.kind, e.stream, time, content, e.position, documents[e.seq])])
            assert verify(forged).faults == ()
            (difference,) = again(forged).differences
        assert difference.startswith(f"record {last}: ")
        assert difference.endswith(words)
        assert runner(other) == 1


def runner(place: Path) -> int:
    """The exit code of `plimsoll audit replay`."""
    shown = CliRunner().invoke(command, ["replay", str(place), "--json"], standalone_mode=False)
    assert shown.exception is None
    assert json.loads(shown.stdout)["streams"][0]["events"] == 40
    return int(shown.return_value)


def test_a_record_that_comes_to_something_else_is_found(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as ledger:
        engine = engine_of(MARKET, ACCOUNTS)
        with GroupCommit(ledger) as commits:
            recorder = Recorder(engine, commits)
            for event in day(10):
                # the books take another quantity than the one that is written
                wrong = replace(event, quantity=event.quantity * 400.0) if isinstance(event, Fill) else event
                recorder.write(event, engine.apply(wrong))
        with pytest.raises(LedgerError, match=r"record \d+: event \d+ comes to another outcome"):
            resumed(ledger)


@pytest.mark.parametrize("table", ["entries", "contents"])
def test_no_engine_comes_out_of_a_record_with_a_changed_byte(table: str, tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    with Ledger.open(place) as ledger:
        engine = engine_of(MARKET, ACCOUNTS)
        with GroupCommit(ledger) as commits:
            recorder = Recorder(engine, commits)
            for event in day(20):
                recorder.write(event, engine.apply(event))
    # the last digit of a price, and of a balance in the state: both come to the same outcomes
    with sqlite3.connect(place) as connection:
        rows = connection.execute(f"SELECT rowid, body FROM {table} ORDER BY rowid DESC").fetchall()
        key, body = next((k, b) for k, b in rows if b'"indices"' in b or table == "contents")
        changed = bytearray(body)
        at = re.search(rb'"(?:indices|USDC)":(?:\{"\w+":)?\d+\.\d+', body)
        assert at is not None
        changed[at.end() - 1] ^= 1
        connection.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (bytes(changed), key))
    connection.close()
    with Ledger.existing(place) as ledger:
        with pytest.raises(LedgerError, match="it was changed since it was written"):
            resumed(ledger)
        assert len(verify(ledger).faults) == 1


def test_only_an_engine_that_stands_where_the_stream_ends_may_write(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as ledger, GroupCommit(ledger) as commits:
        engine = engine_of(MARKET, ACCOUNTS)
        recorder = Recorder(engine, commits)
        event = day(1)[0]
        recorder.write(event, engine.apply(event)).result()
        with pytest.raises(pl.DocumentError, match=r"engine\.events"):
            Recorder(engine_of(MARKET, ACCOUNTS), commits)
        with pytest.raises(pl.DocumentError, match="stream"):
            resumed(ledger, "another")


def test_the_thread_answers_in_order_and_what_it_acknowledged_is_on_the_disk(tmp_path: Path) -> None:
    events = day(50)
    quiet = engine_of(MARKET, ACCOUNTS)
    expected = [quiet.apply(event) for event in events]
    with Ledger.open(tmp_path / "a.db") as ledger:
        engine = engine_of(MARKET, ACCOUNTS)
        with GroupCommit(ledger) as commits, Live(engine, Recorder(engine, commits, every=10**9)) as live:
            seen = 0
            for n, event in enumerate(events):
                future = live.submit(event)
                if n % 10 == 0:
                    assert future.result() == expected[n]
                    assert ledger.last("live") >= n + 1
                    asked = live.ask(lambda e: e.events).result()
                    assert asked == n + 1
                    seen += 1
            verdict = live.check(Order.of(NAMES[0], "BTC-PERP-linear", 0.1)).result()
        assert seen == len([n for n in range(len(events)) if n % 10 == 0])
        assert verdict == quiet.check(Order.of(NAMES[0], "BTC-PERP-linear", 0.1))
        same(quiet, engine)
        assert len(live.waits) == len(events)
        written = list(ledger.entries(kind=KIND))
        assert len(written) == len(events)


def test_a_full_queue_refuses_and_a_fault_stops_the_thread() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    gate = threading.Event()
    live = Live(engine, most=2)
    live.ask(lambda _: gate.wait())
    time.sleep(0.05)
    waiting = [live.submit(event) for event in day(2)[:2]]
    with pytest.raises(OverloadedError, match="2 events wait"):
        live.submit(day(3)[2], timeout=0.01)
    gate.set()
    assert [f.result().number for f in waiting] == [1, 2]
    # a question that fails hurts nobody, an event that is none puts the books in doubt
    with pytest.raises(ZeroDivisionError):
        live.ask(lambda _: 1 // 0).result()
    broken = live.submit("no event")  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        broken.result()
    with pytest.raises(StoppedError, match="has failed"):
        live.submit(day(3)[2])
    live.close()
    live.close()


def test_what_is_cancelled_before_its_turn_is_not_applied_and_hurts_nobody() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    gate = threading.Event()
    with Live(engine) as live:
        held = live.ask(lambda _: gate.wait())
        first, second, third = (live.submit(event) for event in day(2)[:3])
        question = live.ask(lambda e: e.events)
        assert second.cancel()
        assert question.cancel()
        gate.set()
        assert held.result()
        assert [f.result().number for f in (first, third)] == [1, 2]
        assert live.ask(lambda e: e.events).result() == 2
        assert live.failure is None
    quiet = engine_of(MARKET, ACCOUNTS)
    for event in (day(2)[0], day(2)[2]):
        quiet.apply(event)
    same(quiet, engine)


def test_a_ledger_that_fails_stops_the_thread(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "a.db")
    engine = engine_of(MARKET, ACCOUNTS)
    commits = GroupCommit(ledger)
    live = Live(engine, Recorder(engine, commits))
    assert live.submit(day(1)[0]).result().number == 1
    commits.close()
    with pytest.raises(LedgerError):
        live.submit(day(2)[1]).result()
    with pytest.raises(StoppedError):
        live.submit(day(3)[2])
    live.close()
    ledger.close()


def test_a_price_that_is_no_number_is_recorded_as_it_came(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as ledger:
        engine = engine_of(MARKET, ACCOUNTS)
        with GroupCommit(ledger) as commits:
            recorder = Recorder(engine, commits)
            event = Prices("feed", 1, TIME, indices={"BTC": float("nan"), "ETH": float("inf")})
            outcome = engine.apply(event)
            recorder.write(event, outcome)
        assert [r.fault for r in outcome.refusals] == ["not a price", "not a price"]
        (entry,) = ledger.entries(kind=KIND)
        assert entry.content["event"]["indices"] == {"BTC": "nan", "ETH": "inf"}
        same(engine, resumed(ledger))


WRITER = """
import sys
sys.path[:0] = {path!r}
from live_books import engine_of, small_accounts, small_market
from test_record import ACCOUNTS, EVERY, MARKET, day
from plimsoll.ledger import GroupCommit, Ledger
from plimsoll.live.record import Recorder, resumed
from plimsoll.live.runner import Live
with Ledger.open({place!r}) as ledger, GroupCommit(ledger) as commits:
    fresh = ledger.last("live") == 0 and ledger.latest("live-state", "live state") is None
    engine = engine_of(MARKET, ACCOUNTS) if fresh else resumed(ledger, every=EVERY)
    with Live(engine, Recorder(engine, commits, every=EVERY)) as live:
        for event in day(400)[engine.events:]:
            live.submit(event).add_done_callback(lambda f: print(f.result().number, flush=True))
"""


@pytest.mark.slow
def test_an_engine_that_is_killed_comes_back_with_everything_it_acknowledged(tmp_path: Path) -> None:
    place = str(tmp_path / "a.db")
    here = Path(__file__).resolve()
    code = WRITER.format(path=[p for p in sys.path if p] + [str(here.parent), str(here.parents[1])], place=place)
    acknowledged = 0
    for after in (5, 40, 90):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged = int(line)
            if acknowledged >= after:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with Ledger.open(place) as ledger:
            engine = resumed(ledger, every=EVERY)
        assert engine.events >= acknowledged >= after
        quiet = engine_of(MARKET, ACCOUNTS)
        for event in day(400)[: engine.events]:
            quiet.apply(event)
            if quiet.events % EVERY == 0:
                quiet.full_pass()
        same(quiet, engine)


def test_what_is_asked_soon_is_answered_while_an_event_is_margined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plimsoll.live.engine.BLOCK", 1)
    engine, quiet = (engine_of(MARKET, ACCOUNTS, skip=False) for _ in range(2))
    fill = Fill("matching", 1, TIME, NAMES[0], "BTC-PERP-linear", 0.5, 70_000.0)
    ticks = [Prices("index", 1, TIME, indices={"BTC": 69_800.0}), Clock("clock", 1, TIME + timedelta(minutes=5))]
    order = Order.of(NAMES[0], "BTC-0-linear-1-P", -2.0)
    reached, further = threading.Event(), threading.Event()
    over: list[str] = []
    with Live(engine) as live:
        live.submit(fill).result()
        quiet.apply(fill)
        answer = engine.between
        assert answer is not None

        def held() -> None:
            reached.set()
            further.wait()
            answer()

        engine.between = held
        for n, tick in enumerate(ticks):
            reached.clear()
            further.clear()
            after = Transfer("cash", n + 1, TIME, NAMES[0], "USDC", -5_000.0)
            moved = live.submit(tick)
            assert reached.wait(30.0)
            behind = live.submit(after)
            soon = live.ask(lambda e: (e.events, e.check(order)), soon=True)
            for name, future in (("soon", soon), ("tick", moved), ("behind", behind)):
                future.add_done_callback(lambda _, name=name: over.append(name))
            further.set()
            outcome = quiet.apply(tick)
            assert soon.result() == (2 * n + 2, quiet.check(order))
            assert moved.result() == outcome
            assert behind.result() == quiet.apply(after)
        assert over == ["soon", "tick", "behind"] * len(ticks)
    same(quiet, engine)


def test_what_is_asked_soon_waits_for_no_room_in_the_queue() -> None:
    engine = engine_of(MARKET, ACCOUNTS)
    gate = threading.Event()
    with Live(engine, most=2) as live:
        live.ask(lambda _: gate.wait())
        while live.waiting:
            time.sleep(0.001)
        events = [live.submit(event) for event in day(2)[:2]]
        soon = [live.ask(lambda e: e.events, soon=True) for _ in range(2)]
        with pytest.raises(OverloadedError, match="2 questions wait"):
            live.ask(lambda e: e.events, soon=True)
        gate.set()
        assert [f.result() for f in soon] == [0, 0]
        assert [f.result().number for f in events] == [1, 2]
        # nothing else is queued: the question itself wakes the thread
        assert live.ask(lambda e: e.events, soon=True).result() == 2
