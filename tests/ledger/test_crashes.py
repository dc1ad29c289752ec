"""Writers and servers killed at any moment, full disks and lost connections: what was acknowledged is there."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from ledger.servers import Server
from ledger.streams import START_TIME, fill, head_of, killed_writers, recovered, written
from plimsoll.ledger import Entry, Event, GroupCommit, Ledger, UnavailableError
from plimsoll.ledger.verify import verify

# pg8000 cannot close the socket of a server that was killed: its buffer has nowhere to go, and the collector ends it
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Dead sockets are collected here and not in the next test, which would be blamed for them."""
    yield
    gc.collect()


HERE = Path(__file__).resolve().parents[1]


def whole(place: str, count: int) -> None:
    """The ledger is the one that an undisturbed writer makes: the same head, and the same positions."""
    with Ledger.existing(place) as ledger:
        found = verify(ledger, head_of(count))
        assert found.faults == ()
        positions: dict[str, int] = {}
        for event in written(count):
            if event.kind == "fill":
                name = event.content["instrument"]
                positions[name] = positions.get(name, 0) + event.content["quantity"]
        assert recovered(ledger) == (count, positions)


def test_a_few_killed_writers(tmp_path: Path) -> None:
    place = str(tmp_path / "book.db")
    assert killed_writers(place, 1_500, 3, seed=1) == (1_500, 4)
    whole(place, 1_500)


@pytest.mark.postgres
def test_a_server_killed_under_a_writer_loses_nothing_that_it_acknowledged(postgres: Server) -> None:
    with Ledger.open(postgres.url) as ledger, GroupCommit(ledger, most=20, retries=0) as commits:
        futures: list[Future[Entry]] = []
        ended = threading.Event()

        def feed() -> None:
            while not ended.is_set():
                futures.append(commits.submit(fill(len(futures) + 1)))
                time.sleep(0.0005)

        feeder = threading.Thread(target=feed)
        feeder.start()
        while len(futures) <= 200 or not futures[200].done():
            time.sleep(0.001)
        postgres.kill()
        time.sleep(0.1)
        ended.set()
        feeder.join()
        outcomes = [f.exception() for f in futures]
        acknowledged = sum(e is None for e in outcomes)
        assert 200 < acknowledged < len(futures)
        assert all(e is None for e in outcomes[:acknowledged])
        assert all(isinstance(e, UnavailableError) for e in outcomes[acknowledged:])
        with pytest.raises(UnavailableError):
            ledger.head()
        postgres.start()
        # the batch that was under way may have been written: sent again, it settles
        there = ledger.last("fills")
        assert acknowledged <= there <= acknowledged + 20
        ledger.append([fill(n) for n in range(acknowledged + 1, len(futures) + 1)])
        found = verify(ledger)
        assert (found.records, found.faults) == (len(futures), ())


@pytest.mark.postgres
def test_a_writer_waits_for_a_server_that_comes_back(postgres: Server) -> None:
    with Ledger.open(postgres.url) as ledger, GroupCommit(ledger, retries=200, pause=0.1) as commits:
        assert commits.submit(fill(1)).result().seq == 1
        postgres.kill()
        future = commits.submit(fill(2))
        time.sleep(0.3)
        assert not future.done()
        postgres.start()
        assert future.result(60).seq == 2
        assert verify(ledger).faults == ()


@pytest.mark.postgres
def test_a_connection_that_is_cut_is_told_and_made_anew(postgres: Server) -> None:
    with Ledger.open(postgres.url) as ledger:
        ledger.append([fill(1)])
        with Ledger.existing(postgres.url) as other, other.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )
        with pytest.raises(UnavailableError, match="the database of the ledger"):
            ledger.append([fill(2)])
        assert [e.seq for e in ledger.append([fill(2), fill(3)])] == [2, 3]
        # what has no position is not sent twice on its own
        loose = Event("note", "notes", START_TIME, {})
        assert ledger.append([loose])[0].seq == 4


FULL = """
import resource, signal, sys
from ledger.streams import fill
from plimsoll.ledger import Ledger, UnavailableError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Ledger.open(sys.argv[1]) as ledger:
    ledger.append([fill(n) for n in range(1, 11)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    done = 10
    full = 0
    while full < 3 and done < 100_000:
        try:
            ledger.append([fill(n) for n in range(done + 1, done + 11)])
            done, full = done + 10, 0
        except UnavailableError as error:
            full += 1
            print("full:", error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    ledger.append([fill(n) for n in range(done + 1, done + 11)])
    print(done + 10)
"""


def test_a_full_disk_loses_nothing_and_is_told(tmp_path: Path) -> None:
    place = str(tmp_path / "book.db")
    found = subprocess.run([sys.executable, "-c", FULL, place], capture_output=True, text=True, cwd=HERE, check=True)
    *full, last = found.stdout.splitlines()
    assert len(full) >= 3
    assert all(line.startswith("full: the database of the ledger: ") for line in full)
    with Ledger.existing(place) as ledger:
        outcome = verify(ledger)
        assert outcome.faults == ()
        assert outcome.records == int(last) > 20


def test_a_log_cut_anywhere_ends_after_whole_batches(tmp_path: Path) -> None:
    """What a loss of power leaves of the write-ahead log, cut at any byte: whole transactions and an intact chain."""
    place = tmp_path / "book.db"
    with Ledger.open(place) as ledger:
        sizes = []
        for n in range(1, 13):
            ledger.append([fill(2 * n - 1), fill(2 * n)])
            sizes.append((tmp_path / "book.db-wal").stat().st_size)
        log = (tmp_path / "book.db-wal").read_bytes()
        for copy, cut in enumerate([*(s + d for s in sizes[-6:] for d in (-1, 0, 17)), len(log) // 2]):
            other = tmp_path / f"copy{copy}.db"
            shutil.copy(place, other)
            (tmp_path / f"copy{copy}.db-wal").write_bytes(log[:cut])
            with Ledger.open(other) as again:
                whole_batches = sum(size <= cut for size in sizes)
                found = verify(again)
                assert (found.records, found.faults) == (2 * whole_batches, ())
                again.append([fill(n) for n in range(1, 25)])
                assert verify(again, ledger.head()[1]).faults == ()
