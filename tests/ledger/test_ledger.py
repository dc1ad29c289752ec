"""Appending, reading, several writers, snapshots, archives: the same on both databases."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from ledger.servers import Server
from ledger.streams import EVERY, START_TIME, STREAM, fill, head_of, recovered, written
from plimsoll.ledger import ConflictError, Entry, Event, GroupCommit, Ledger, LedgerError, UnavailableError
from plimsoll.ledger.archive import Archive, Joined, compact, write_archive
from plimsoll.ledger.database import REVISION, engine_of, url_of
from plimsoll.ledger.verify import verify


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "book.db")
    server: Server = request.getfixturevalue("postgres")
    return server.url


def test_what_is_appended_is_read_back_and_chained(place: str) -> None:
    with Ledger.open(place) as ledger:
        assert ledger.head() == (0, "0" * 64)
        events = written(600)
        entries = ledger.append(events[:400]) + ledger.append(events[400:])
        assert [e.seq for e in entries] == list(range(1, len(events) + 1))
        assert ledger.head() == (len(events), head_of(600))
        assert list(ledger.entries()) == entries
        assert list(ledger.entries(10, most=5)) == entries[10:15]
        assert ledger.entry(7) == entries[6]
        assert ledger.last(STREAM) == 600
        assert ledger.last("none") == 0
        with pytest.raises(pl.DocumentError, match="record: got 999; allowed: a record"):
            ledger.entry(999)
    with Ledger.existing(place) as again:
        assert list(again.entries()) == entries
        found = verify(again, head_of(600))
        assert found.faults == ()
        assert (found.records, found.documents, found.first) == (601, 1, 1)


def test_a_batch_that_is_sent_again_is_not_written_again(place: str) -> None:
    with Ledger.open(place) as ledger:
        first = ledger.append([fill(1), fill(2), fill(2)])
        assert [e.seq for e in first] == [1, 2, 2]
        assert ledger.append([fill(2), fill(3), fill(1)])[::2] == [first[1], first[0]]
        assert ledger.head()[0] == 3
        other = replace(fill(2), content={"instrument": "X", "quantity": 1})
        for batch in ([other], [fill(4), other], [fill(5), replace(other, position=5)]):
            with pytest.raises(ConflictError, match="of stream 'fills': got another event"):
                ledger.append(batch)
        with pytest.raises(ConflictError):
            ledger.append([fill(9), fill(8)])  # a place that was passed
        assert ledger.head()[0] == 3
        loose = replace(fill(1), position=None)
        assert [e.position for e in ledger.append([loose, loose])] == [4, 5]
        assert ledger.append([]) == []


def test_several_writers_make_one_chain(place: str) -> None:
    Ledger.open(place).close()

    def write(writer: int) -> None:
        with Ledger.open(place) as ledger:
            for n in range(1, 21):
                ledger.append([replace(fill(n), stream=f"writer {writer}")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with Ledger.existing(place) as ledger:
        found = verify(ledger)
        assert (found.records, found.faults) == (80, ())


def test_group_commit_writes_many_at_once_and_refuses_only_what_is_wrong(place: str) -> None:
    with Ledger.open(place) as ledger, GroupCommit(ledger) as commits:
        ledger.append([fill(1)])
        wrong = replace(fill(1), content={"quantity": 0, "instrument": "X"})
        futures = [commits.submit(e) for e in [*map(fill, range(2, 60)), wrong, *map(fill, range(60, 100))]]
        commits.close()
        assert isinstance(futures[58].exception(), ConflictError)
        entries = [f.result() for f in futures if f.exception() is None]
        assert [e.position for e in entries] == list(range(2, 100))
        with pytest.raises(LedgerError, match="closed"):
            commits.submit(fill(100))
        assert ledger.head()[0] == 99


@pytest.mark.parametrize("cancelled", [slice(1, None, 2), slice(None)], ids=["some", "all"])
def test_a_cancelled_event_is_not_written_and_keeps_nobody_waiting(tmp_path: Path, cancelled: slice) -> None:
    with Ledger.open(tmp_path / "book.db") as ledger, GroupCommit(ledger) as commits:
        # another writer holds the lock: the first event is being written, the others wait behind it
        with ledger.writing():
            first = commits.submit(fill(1))
            while not first.running():
                time.sleep(0.001)
            futures = [commits.submit(fill(n)) for n in range(2, 8)]
            assert not first.cancel()
            assert all(f.cancel() for f in futures[cancelled])
        left = [f for f in futures if not f.cancelled()]
        entries = [f.result(60) for f in [first, *left, commits.submit(fill(8))]]
        assert [e.seq for e in entries] == list(range(1, len(left) + 3))
        assert list(ledger.entries()) == entries


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit(1)])
def test_whatever_goes_wrong_while_writing_is_what_the_futures_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with Ledger.open(tmp_path / "book.db") as ledger, GroupCommit(ledger) as commits:

        def broken(_events: object) -> None:
            raise error

        monkeypatch.setattr(ledger, "append", broken)
        futures = [commits.submit(fill(n)) for n in range(1, 4)]
        assert [f.exception(60) for f in futures] == [error] * 3
        monkeypatch.undo()
        assert commits.submit(fill(1)).result(60).seq == 1


def test_nothing_stands_behind_a_gap_that_a_full_disk_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that finds no room, then smaller ones that would."""
    with Ledger.open(tmp_path / "book.db") as ledger, GroupCommit(ledger, retries=0) as commits:
        usual = ledger.append

        def full(events: list[Event]) -> list[Entry]:
            if any(e.position == 2 for e in events):
                raise UnavailableError("full")
            return usual(events)

        state = replace(fill(4), stream=f"{STREAM} state")
        monkeypatch.setattr(ledger, "append", full)
        assert commits.submit(fill(1), behind=STREAM).result(60).seq == 1
        for event in (fill(2), fill(3), state, fill(4)):
            with pytest.raises(UnavailableError, match="full" if event.position == 2 else f"event 2 of {STREAM!r}"):
                commits.submit(event, behind=STREAM).result(60)
        # a stream of its own, and one that may have gaps, go on
        assert commits.submit(replace(fill(9), stream="other"), behind="other").result(60).seq == 2
        assert commits.submit(replace(fill(9), stream="notes")).result(60).seq == 3
        monkeypatch.undo()
        # there is room again: not before what is missing, and all of it at once in its order
        with pytest.raises(UnavailableError, match=f"event 2 of {STREAM!r}"):
            commits.submit(fill(3), behind=STREAM).result(60)
        futures = [commits.submit(e, behind=STREAM) for e in (fill(2), fill(3), state, fill(4), fill(5))]
        assert [f.result(60).position for f in futures] == [2, 3, 4, 4, 5]


def test_nothing_stands_behind_a_gap_when_a_batch_goes_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger.open(tmp_path / "book.db") as ledger, GroupCommit(ledger, retries=0) as commits:
        usual = ledger.append

        def odd(events: list[Event]) -> list[Entry]:
            if len(events) > 1 or events[0].position == 3:
                raise ValueError("odd")
            return usual(events)

        monkeypatch.setattr(ledger, "append", odd)
        # another writer holds the lock: the others wait behind the first and come as one batch
        with ledger.writing():
            first = commits.submit(fill(1), behind=STREAM)
            while not first.running():
                time.sleep(0.001)
            futures = [commits.submit(fill(n), behind=STREAM) for n in range(2, 7)]
            futures[3].cancel()
        assert futures[0].result(60).position == 2
        assert str(futures[1].exception(60)) == "odd"
        assert "event 3 of" in str(futures[2].exception(60))
        # who cancels an event leaves a gap as well
        assert "event 5 of" in str(futures[4].exception(60))
        monkeypatch.undo()
        again = [commits.submit(fill(n), behind=STREAM) for n in (3, 4, 6)]
        assert [f.result(60).position for f in again[:2]] == [3, 4]
        assert "event 5 of" in str(again[2].exception(60))
        assert [e.position for e in ledger.entries()] == [1, 2, 3, 4]


def test_snapshots_shorten_the_way_back_and_archives_keep_the_rest(place: str, tmp_path: Path) -> None:
    count = 3 * EVERY + 20
    with Ledger.open(place) as ledger:
        ledger.append(written(count))
        last, positions = recovered(ledger)
        whole: dict[str, int] = {}
        for entry in ledger.entries(kind="fill"):
            whole[entry.content["instrument"]] = whole.get(entry.content["instrument"], 0) + entry.content["quantity"]
        assert (last, positions) == (count, whole)
        archive = tmp_path / "old.parquet"
        entry = compact(ledger, 2 * EVERY + 2, archive, START_TIME)
        found = verify(ledger)
        assert (found.first, found.faults) == (2 * EVERY + 3, ())
        assert found.documents == 1  # the snapshots that were moved are gone with their states
        assert recovered(ledger) == (last, positions)
        assert ledger.append([fill(count)])[0].seq == count + 3  # what is still there is compared
        old = verify(Archive(archive))
        assert (old.records, old.faults, old.head) == (2 * EVERY + 2, (), entry.content["hash"])
        assert old.head == next(ledger.entries()).previous
        second = compact(ledger, found.first + 99, tmp_path / "older.parquet", START_TIME)
        assert verify(ledger).faults == ()
        assert second.content["streams"]["fills"] > entry.content["streams"]["fills"]
        both = [Archive(tmp_path / name) for name in ("old.parquet", "older.parquet")]
        joined = verify(Joined(*both, ledger), ledger.head()[1])
        assert (joined.first, joined.records, joined.faults) == (1, ledger.head()[0], ())
        assert verify(Joined(both[1], ledger)).faults[0].record == f"1 to {2 * EVERY + 2}"
        assert verify(Joined(both[0], ledger)).faults[0].record == f"{2 * EVERY + 3} to {found.first + 99}"
        for through in (0, found.first + 99, 10**9):
            with pytest.raises(pl.DocumentError, match="through: got"):
                compact(ledger, through, tmp_path / "new.parquet", START_TIME)
        with pytest.raises(pl.DocumentError, match=r"archive: got .*not there yet"):
            compact(ledger, found.first + 120, archive, START_TIME)
        with pytest.raises(ConflictError):
            ledger.append([replace(fill(3), content={"instrument": "X", "quantity": 1})])


def test_a_place_among_archived_records_stays_taken(place: str, tmp_path: Path) -> None:
    with Ledger.open(place) as ledger:
        ledger.append([*map(fill, range(1, 21)), replace(fill(1), stream="other")])
        compact(ledger, 20, tmp_path / "old.parquet", START_TIME)
        assert ledger.last(STREAM) == 20
        assert ledger.append([replace(fill(1), position=None)])[0].position == 21
        with pytest.raises(ConflictError):
            ledger.append([fill(20)])


def test_the_whole_ledger_as_parquet(place: str, tmp_path: Path) -> None:
    with Ledger.open(place) as ledger:
        ledger.append(written(EVERY))
        assert write_archive(ledger, tmp_path / "all.parquet") == EVERY + 1
        found = Archive(tmp_path / "all.parquet")
        assert list(found.entries()) == list(ledger.entries())
        assert verify(found, ledger.head()[1]).faults == ()
        with pytest.raises(pl.DocumentError, match="output: got"):
            write_archive(ledger, tmp_path / "no" / "such.parquet")


def test_the_tables_are_those_of_the_migrations(place: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from plimsoll.ledger import database
    from plimsoll.ledger.tables import METADATA

    with Ledger.open(place) as ledger, ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert ledger.revision() == REVISION
    script = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert script.get_current_head() == REVISION


def test_commits_are_durable_by_the_settings(place: str) -> None:
    with Ledger.open(place) as ledger, ledger.engine.connect() as connection:
        if place.startswith("postgresql"):
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        else:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.postgres
def test_a_server_that_does_not_flush_is_refused(postgres: Server) -> None:
    postgres.stop()
    try:
        postgres.start(fsync="off")
        with pytest.raises(pl.DocumentError, match="a server with fsync=off"):
            Ledger.open(postgres.url)
    finally:
        postgres.stop()
        postgres.start()


def test_tables_of_a_newer_release_are_refused(place: str) -> None:
    with Ledger.open(place) as ledger:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(LedgerError, match="not of this release"):
            Ledger.open(place)
        (fault,) = verify(ledger).faults
        assert (fault.table, fault.field) == ("alembic_version", "version_num")


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pl.DocumentError, match="a ledger that is there"):
        Ledger.existing(tmp_path / "none.db")
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE t (a)").connection.close()
    with pytest.raises(pl.DocumentError, match="tables t'; allowed: those of a ledger"):
        Ledger.existing(tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("not a database at all, and long enough to be read as one\n" * 40)
    with pytest.raises(UnavailableError, match="not a database"):
        Ledger.existing(tmp_path / "text.db")
    with pytest.raises(pl.DocumentError, match="archive: got"):
        Archive(tmp_path / "text.db")
    for text in ("mysql://u@h/d", "://"):
        with pytest.raises(pl.DocumentError, match="ledger: got"):
            engine_of(text, create=True)
    assert url_of("postgresql://u@/d?host=/run/pg").query == {"unix_sock": "/run/pg/.s.PGSQL.5432"}


BAD: dict[str, dict[str, Any]] = {
    "kind": {"kind": ""},
    "stream": {"stream": "two\nlines"},
    "time": {"time": datetime(2026, 1, 1)},  # noqa: DTZ001  what is refused
    "position": {"position": 0},
}


@pytest.mark.parametrize("name", BAD)
def test_an_event_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(pl.DocumentError, match=f"event.{name}: got"):
        replace(fill(1), **BAD[name])


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(LedgerError, match=r"pip install 'plimsoll-margin\[ledger\]'"):
        Ledger.open(tmp_path / "book.db")


def test_the_body_says_everything_in_canonical_json() -> None:
    event = Event("k", "s", START_TIME, {"b": 1.0, "a": None}, 3, {"x": b"document"})
    body = event.body(3)
    assert json.loads(body)["attached"] == {"x": hashlib.sha256(b"document").hexdigest()}
    assert body.startswith(b'{"attached":')
    assert body == replace(event, content={"a": None, "b": 1}).body(3)
