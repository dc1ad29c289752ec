"""An engine with a record as a process that is killed again and again, and what must be there in the end."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ledger.power import Log
from live_books import engine_of, small_accounts, small_market
from plimsoll.certify import START
from plimsoll.ledger import Entry, Event, GroupCommit, Ledger, UnavailableError
from plimsoll.ledger.records import chained
from plimsoll.live import Engine, from_json, to_json
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.live.outcome import Outcome
from plimsoll.live.record import Recorder, resumed
from plimsoll.live.runner import Live

EVERY = 500
"""Events between two states."""

ACCOUNTS = 12
LINGER = 0.01
"""Seconds that a commit waits for company."""
Disturb = Callable[[int, tuple[bytes, int]], None]


def fresh() -> Engine:
    """The engine before any event."""
    market = small_market()
    return engine_of(market, small_accounts(market, ACCOUNTS))


def write_day(path: Path, events: int, seed: int) -> None:
    """A noisy day, a line of JSON for each event: a writer that comes back goes on at its line."""
    names = [f"account {a}" for a in range(ACCOUNTS)]
    # a fill costs a third of a tick: most of a day of fills, so that more of the time goes into dying and coming back
    day = generated_day(small_market(), names, events * 2, seed, DayRule(fills=0.75, daily_vol=0.05))
    with path.open("w") as file:
        for _, event in zip(range(events), disturbed(day, seed, 0.02), strict=False):
            file.write(json.dumps(to_json(event)) + "\n")


def read_day(path: Path, after: int = 0) -> Iterator[Any]:
    """Its events from one on."""
    with path.open() as file:
        for n, line in enumerate(file):
            if n >= after:
                yield from_json(json.loads(line))


class Told(Ledger):
    """A ledger that says after each commit how far its log of SQLite is on the disk."""

    tell: Callable[[tuple[bytes, int]], None] | None = None

    def append(self, events: Sequence[Event]) -> list[Entry]:
        """As a ledger does it, but a moment later: what comes meanwhile is one transaction more, not ten."""
        time.sleep(LINGER)
        found = super().append(events)
        if self.tell is not None:
            log = Log.read(Path(f"{self.place}-wal"))
            self.tell((log.salts, log.ends[-1] if log.ends else 0))
        return found


def write(pipe: Connection, place: str, day: str) -> None:
    """The process: go on where the record ends and tell each event that is durable."""
    ledger = Told.open(place)
    assert isinstance(ledger, Told)
    if "://" not in place:
        ledger.tell = pipe.send
    with ledger, GroupCommit(ledger, most=50) as commits:
        begun = ledger.latest("live-state", "live state") is not None
        engine = resumed(ledger, every=EVERY) if begun else fresh()
        pipe.send(("resumed", engine.events))
        try:
            with Live(engine, Recorder(engine, commits, every=EVERY), most=100) as live:
                for event in read_day(Path(day), engine.events):
                    live.submit(event).add_done_callback(lambda f: _heard(pipe, f))
        except (UnavailableError, BrokenPipeError):
            return
    pipe.send(("done", engine.events))


def _heard(pipe: Connection, future: Future[Outcome]) -> None:
    if future.exception() is None:
        pipe.send(future.result().number)


@dataclass
class Killed:
    """What came of it: events acknowledged, writers that were killed and resumed, cuts of power and bytes they cost."""

    acknowledged: int = 0
    resumes: int = 0
    kills: int = 0
    cuts: int = 0
    lost: int = 0


def killed_engines(
    place: str,
    day: Path,
    count: int,
    kills: int,
    seed: int,
    disturb: Disturb | None = None,
    begun: Killed | None = None,
) -> Killed:
    """Engines one after the other, `kills` of them ended by SIGKILL; each has to know every acknowledged event.

    `disturb(kill, synced)` may do something to the database after each kill. `begun` goes on with an earlier run.
    """
    context = _prepared()
    found = begun or Killed()
    while found.kills <= kills:
        kill = found.kills
        choice = random.Random(f"{seed} {kill}")
        # each dies within its part of the stream, so that the last one still has something to write
        target = found.acknowledged + choice.randrange(1, max(2, (count - found.acknowledged) // (kills + 1 - kill)))
        reading, writing = context.Pipe(duplex=False)
        process = context.Process(target=write, args=(writing, place, str(day)), daemon=True)
        process.start()
        writing.close()
        synced = (b"", 0)
        done = False
        while True:
            try:
                word = reading.recv()
            except (EOFError, ConnectionResetError):
                break
            if isinstance(word, int):
                found.acknowledged = max(found.acknowledged, word)
            elif word[0] == "resumed":
                assert word[1] >= found.acknowledged, f"acknowledged events are gone: {word[1]} < {found.acknowledged}"
                found.resumes += 1
            elif word[0] == "done":
                done = True
            else:
                synced = word
            if kill < kills and found.acknowledged >= target and process.is_alive():
                # at any moment of waiting and of writing
                time.sleep(choice.random() * 2.0 * LINGER)
                process.kill()
        process.join()
        reading.close()
        assert done == (kill == kills), f"writer {kill} ended with {process.exitcode}"
        found.kills += 1
        if kill < kills and disturb is not None:
            disturb(kill, synced)
    found.kills = kills
    return found


def _prepared() -> Any:
    """Processes that are forked from one which has imported everything: a restart costs what it reads, no more."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["live.killed", "sqlalchemy.dialects.sqlite", "alembic.command", "pg8000.dbapi"])
    before = os.environ.get("PYTHONPATH")
    # the server of forks looks for its modules on the path of the environment only
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context


def expected(day: Path) -> tuple[Engine, str]:
    """The engine that nobody killed, and the hash to which its record must come, computed without any database."""
    engine = fresh()
    events: list[Event] = []

    class Kept:
        """What a recorder asks of a group commit."""

        class ledger:
            """An empty one."""

            @staticmethod
            def last(_stream: str) -> int:
                """Where a stream ends."""
                return 0

        @staticmethod
        def submit(event: Event, **_options: object) -> Future[Entry]:
            events.append(event)
            return Future()

    recorder = Recorder(engine, Kept(), every=EVERY)  # type: ignore[arg-type]
    number, head = 0, START
    for event in read_day(day):
        recorder.write(event, engine.apply(event))
        entries = chained([(e, e.position or 0) for e in events], number, head)
        number, head = entries[-1].seq, entries[-1].hash
        events.clear()
    return engine, head
