"""A full disk, a slow one, a connection that is cut in a commit, a clock that jumps: nothing acknowledged is lost."""

from __future__ import annotations

import ast
import gc
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.servers import PORT, Server, binaries, server
from live.killed import EVERY, expected, fresh, read_day, write_day
from plimsoll.ledger import Entry, GroupCommit, Ledger, LedgerError, UnavailableError
from plimsoll.ledger import Event as Written
from plimsoll.ledger.verify import verify
from plimsoll.live import Clock, Engine
from plimsoll.live.outcome import Outcome
from plimsoll.live.record import KIND, Recorder, resumed
from plimsoll.live.runner import Live, OverloadedError, StoppedError

pytest.importorskip("sqlalchemy")

HERE = Path(__file__).resolve().parents[1]
SOURCE = HERE.parent / "src" / "plimsoll"

# a driver cannot close a socket whose other end is gone: the collector does, here and not in the next test
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


def the_record_of(day: Path, place: str) -> None:
    """What stands in a ledger is the record of an engine that nobody disturbed, and gives its margins."""
    quiet, head = expected(day)
    with Ledger.existing(place) as ledger:
        assert verify(ledger, head).faults == ()
        again = resumed(ledger, every=EVERY)
    for x, y in zip(quiet.amounts(quiet.everyone), again.amounts(again.everyone), strict=True):
        assert x.tolist() == y.tolist()
    assert (quiet.level.tolist(), quiet.events) == (again.level.tolist(), again.events)


FULL = """
import json, signal, sys, resource
from pathlib import Path
from live.killed import EVERY, fresh, read_day
from plimsoll.ledger import GroupCommit, Ledger, UnavailableError
from plimsoll.live.record import Recorder, resumed
from plimsoll.live.runner import Live, StoppedError

place, day, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
said, done, after = "", 0, ""
with Ledger.open(place) as ledger, GroupCommit(ledger, most=20, retries=1, pause=0.01) as commits:
    engine = fresh() if ledger.last("live") == 0 else resumed(ledger, every=EVERY)
    futures = []
    with Live(engine, Recorder(engine, commits, every=EVERY)) as live:
        for event in read_day(day, engine.events):
            try:
                futures.append(live.submit(event))
            except StoppedError as error:
                after = str(error)
                break
    for future in futures:
        error = future.exception()
        if error is None:
            done = future.result().number
        elif not said:
            said = f"{type(error).__name__}: {error}"
print(json.dumps({"acknowledged": done, "said": said, "after": after}))
"""


def filled(place: Path, day: Path, limit: int) -> dict[str, object]:
    """An engine in a process of its own that writes until it may no more."""
    command = [sys.executable, "-c", FULL, str(place), str(day), str(limit)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=False, env=_environment())
    assert found.returncode == 0, found.stderr
    answer: dict[str, object] = json.loads(found.stdout.splitlines()[-1])
    return answer


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@pytest.mark.slow
def test_a_full_disk_stops_the_engine_and_a_restart_goes_on(tmp_path: Path) -> None:
    """A disk of its own where one may be mounted, which is full for good; else a file that may not grow."""
    day = tmp_path / "day"
    write_day(day, 250, 21)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "none", disk], capture_output=True)
    try:
        place = disk / "book.db"
        limit = 0 if mounted.returncode == 0 else 450_000
        first = filled(place, day, limit)
        assert str(first["said"]).startswith("UnavailableError: the database of the ledger: "), first
        assert "the engine takes nothing more" in str(first["after"]) or first["after"] == ""
        acknowledged = first["acknowledged"]
        assert isinstance(acknowledged, int)
        assert 0 < acknowledged < 250
        with Ledger.existing(place) as ledger:
            assert verify(ledger).faults == ()
            assert ledger.last("live") >= acknowledged
        if mounted.returncode == 0:
            subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert filled(place, day, 0)["acknowledged"] == 250
        the_record_of(day, str(place))
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", disk], check=True)


class Slow(Ledger):
    """A ledger on a disk that takes its time."""

    seconds = 0.02

    def append(self, events: Sequence[Written]) -> list[Entry]:
        time.sleep(self.seconds)
        return super().append(events)


def test_a_slow_disk_refuses_instead_of_growing(tmp_path: Path) -> None:
    day, place = tmp_path / "day", str(tmp_path / "book.db")
    write_day(day, 100, 22)
    most, room, batch = 12, 9, 4
    refused = furthest = heard = 0
    said = set[str]()
    with Slow.open(place) as ledger, GroupCommit(ledger, most=batch, room=room) as commits:
        engine = fresh()
        with Live(engine, Recorder(engine, commits, every=EVERY), most=most) as live:
            waiting: deque[Future[Outcome]] = deque()
            for event in read_day(day):
                while True:
                    try:
                        waiting.append(live.submit(event, timeout=0.001))
                        break
                    except OverloadedError as error:
                        # whoever is refused is told so, and sends it again
                        said.add(str(error))
                        refused += 1
                while waiting and waiting[0].done():
                    heard += 1
                    assert waiting.popleft().result().number == heard
                furthest = max(furthest, len(waiting))
    assert refused > 10
    assert said == {"12 events wait: the engine is behind"}
    # the queue of the engine, the one at its hands, those that wait for the disk
    assert furthest <= most + 1 + room + 1
    the_record_of(day, place)


def test_who_writes_on_being_told_does_not_wait_for_himself(tmp_path: Path) -> None:
    from ledger.streams import fill

    with Ledger.open(tmp_path / "a.db") as ledger:
        chained = threading.Event()
        commits = GroupCommit(ledger, most=1, room=1)

        def again(_: Future[Entry]) -> None:
            # the only room there is taken by the one who is being told
            for n in (2, 3):
                commits.submit(fill(n))
            chained.set()

        first = commits.submit(fill(1))
        first.add_done_callback(again)
        assert chained.wait(30)
        assert commits.submit(fill(4)).result(30).seq == 4
        commits.close()
        with pytest.raises(LedgerError, match="closed"):
            commits.submit(fill(5))
        with pytest.raises(LedgerError, match="closed"):
            commits.submit(fill(5))
        assert ledger.last("fills") == 4


class Wire:
    """A socket before the server's own that can cut the line around a commit."""

    def __init__(self, folder: Path, behind: Server) -> None:
        self.behind = f"{behind.folder}/.s.PGSQL.{PORT}"
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(f"{folder}/.s.PGSQL.{PORT}")
        self.listening.listen()
        self.cuts = 0
        self.ended = False
        self.when: deque[str] = deque()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.ended = True
        self.listening.close()

    def _accept(self) -> None:
        while not self.ended:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.behind)
            threading.Thread(target=self._there, args=(near, far), daemon=True).start()
            threading.Thread(target=self._back, args=(near, far), daemon=True).start()

    def _there(self, near: socket.socket, far: socket.socket) -> None:
        while data := self._some(near):
            if b"\0commit\0" in data.lower() and self._due("before"):
                break
            far.sendall(data)
        self._cut(near, far)

    def _back(self, near: socket.socket, far: socket.socket) -> None:
        while data := self._some(far):
            # the server says that it has committed, and nobody hears it
            if b"COMMIT\0" in data and self._due("after"):
                break
            with suppress(OSError):
                near.sendall(data)
        self._cut(near, far)

    def _due(self, when: str) -> bool:
        if not self.when or self.when[0] != when:
            return False
        self.when.popleft()
        self.cuts += 1
        return True

    @staticmethod
    def _cut(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _some(end: socket.socket) -> bytes:
        try:
            return end.recv(1 << 16)
        except OSError:
            return b""


@pytest.mark.postgres
def test_a_line_cut_around_a_commit_is_settled_and_the_record_is_the_same(tmp_path: Path) -> None:
    import tempfile

    if binaries() is None:
        pytest.skip("no PostgreSQL: neither initdb on the path nor /usr/lib/postgresql")
    day = tmp_path / "day"
    write_day(day, 60, 23)
    with server() as running, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plimsoll-wire-")))
        wire = Wire(folder, running)
        stack.callback(wire.close)
        place = running.url.replace(str(running.folder), str(folder))
        with Ledger.open(place) as ledger, GroupCommit(ledger, most=10, retries=5, pause=0.01) as commits:
            engine = fresh()
            numbers = []
            # cut with the commit on its way and with its answer on the way back: tried again, neither is felt
            with Live(engine, Recorder(engine, commits, every=EVERY)) as live:
                for n, event in enumerate(read_day(day)):
                    if n == 40:
                        break
                    if n in (10, 30):
                        wire.when.append("after" if n == 10 else "before")
                    numbers.append(live.submit(event).result(60).number)
            assert (wire.cuts, numbers) == (2, list(range(1, 41)))
        # without patience the engine stops, and says so; what was written after all is there when it comes back
        with Ledger.open(place) as ledger, GroupCommit(ledger, retries=0) as commits:
            engine = resumed(ledger, every=EVERY)
            with Live(engine, Recorder(engine, commits, every=EVERY)) as live:
                wire.when.append("after")
                left = read_day(day, 40)
                with pytest.raises(UnavailableError, match="the database of the ledger"):
                    live.submit(next(left)).result(60)
                with pytest.raises(StoppedError, match="it has failed"):
                    live.submit(next(left))
        with Ledger.open(place) as ledger, GroupCommit(ledger) as commits:
            engine = resumed(ledger, every=EVERY)
            assert engine.events == 41
            with Live(engine, Recorder(engine, commits, every=EVERY)) as live:
                for event in read_day(day, 41):
                    live.submit(event)
        assert wire.cuts == 3
        the_record_of(day, running.url)


def test_a_wall_clock_that_jumps_is_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours to and fro, while an engine plays, is closed and comes back: the record is that of a quiet clock."""
    day, place = tmp_path / "day", str(tmp_path / "book.db")
    write_day(day, 60, 24)
    real, choice = time.time, random.Random(1)
    reads = []

    def jumping() -> float:
        reads.append(real() + choice.choice((-1.0, 1.0)) * choice.random() * 1e6)
        return reads[-1]

    monkeypatch.setattr(time, "time", jumping)
    monkeypatch.setattr(time, "time_ns", lambda: int(jumping() * 1e9))
    for stop in (25, 60):
        with Ledger.open(place) as ledger, GroupCommit(ledger) as commits:
            engine = fresh() if stop == 25 else resumed(ledger, every=EVERY)
            with Live(engine, Recorder(engine, commits, every=EVERY)) as live:
                for event in list(read_day(day, engine.events))[: stop - engine.events]:
                    live.submit(event)
    monkeypatch.undo()
    the_record_of(day, place)


WALL = {"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime", "ctime"}


def test_neither_engine_nor_ledger_reads_the_wall_clock() -> None:
    """Margins, order, deadlines and hashes follow the clock of the feed, never that of the machine."""
    found = []
    files = [*sorted((SOURCE / "live").rglob("*.py")), *sorted((SOURCE / "ledger").rglob("*.py"))]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WALL:
                of = ast.unparse(node.func.value)
                if of in ("time", "clock", "datetime", "date", "datetime.datetime"):
                    found.append(f"{path.name} {of}.{node.func.attr}")
    # what is posted is signed with the time of its sending, so that a receiver can refuse it when it is old; nothing
    # that is recorded or margined knows of it
    assert found == ["webhook.py time.time"]
    assert len(files) > 30


def test_a_feed_whose_clock_jumps_back_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    def played(jumps: bool) -> Engine:
        engine = fresh()
        day = list(read_day(tmp_path / "day"))
        with Ledger.open(tmp_path / f"{jumps}.db") as ledger, GroupCommit(ledger) as commits:
            recorder = Recorder(engine, commits, every=EVERY)
            for n, event in enumerate(day):
                recorder.write(event, engine.apply(event))
                if jumps and n % 25 == 24:
                    # another source that says it is two hours ago: the market's time does not go back
                    wrong = Clock("odd clock", n // 25 + 1, engine.prices.time - timedelta(hours=2))
                    outcome = engine.apply(wrong)
                    recorder.write(wrong, outcome)
                    assert outcome.applied == 0
                    assert [p.path for p in outcome.problems] == ["clock.time"]
        with Ledger.existing(tmp_path / f"{jumps}.db") as ledger:
            assert verify(ledger).faults == ()
            times = [e.time for e in ledger.entries(kind=KIND)]
            assert times == sorted(times)
            again = resumed(ledger, every=EVERY)
        assert [x.tolist() for x in again.amounts(again.everyone)] == [
            x.tolist() for x in engine.amounts(engine.everyone)
        ]
        return engine

    write_day(tmp_path / "day", 100, 25)
    one, other = played(False), played(True)
    assert [x.tolist() for x in one.amounts(one.everyone)] == [x.tolist() for x in other.amounts(other.everyone)]
    assert one.level.tolist() == other.level.tolist()
    # a leap forward takes the valuation there; facts of before it are booked, for they happened
    fill = next(e for e in read_day(tmp_path / "day") if type(e).__name__ == "Fill")
    leap = Clock("clock", one.gate.freeze()["sources"]["clock"]["last"] + 1, one.prices.time + timedelta(hours=5))
    assert one.apply(leap).full
    number = one.gate.freeze()["sources"]["matching"]["last"] + 1
    assert one.apply(replace(fill, number=number)).applied >= 1
