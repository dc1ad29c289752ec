"""Engines killed by SIGKILL with the power lost under their database: same record, same margins, nothing gone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.power import FRAME, HEADER, Log, cut_postgres, cut_sqlite
from ledger.servers import Server
from ledger.streams import fill
from live.killed import EVERY, Killed, expected, fresh, killed_engines, read_day, write_day
from plimsoll.ledger import Ledger
from plimsoll.ledger.verify import verify
from plimsoll.live import Engine
from plimsoll.live.record import resumed

pytest.importorskip("sqlalchemy")

# pg8000 cannot close the socket of a server that was killed: its buffer has nowhere to go, and the collector ends it
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def same(one: Engine, other: Engine) -> None:
    """The same margins, statuses and books, bit for bit."""
    for x, y in zip(one.amounts(one.everyone), other.amounts(other.everyone), strict=True):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(one.level, other.level)
    assert (one.events, one.totals, one.gate.freeze()) == (other.events, other.totals, other.gate.freeze())
    for a in one.everyone.tolist():
        assert one.account(a) == other.account(a)


def held_to_the_quiet_one(place: str, day: Path, events: int) -> None:
    """The record is that of an engine that nobody killed, and gives that engine again."""
    quiet, head = expected(day)
    with Ledger.existing(place) as ledger:
        found = verify(ledger, head)
        assert (found.faults, found.records) == ((), events + events // EVERY + 1)
        same(quiet, resumed(ledger, every=EVERY))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_engine_killed_twenty_times_with_the_power_lost_each_time(tmp_path: Path, record_property: Any) -> None:
    day, place, found = tmp_path / "day", tmp_path / "book.db", Killed()
    write_day(day, 10_000, 1)

    def disturb(kill: int, synced: tuple[bytes, int]) -> None:
        found.lost += cut_sqlite(place, synced, random.Random(kill))

    killed_engines(str(place), day, 10_000, 20, 1, disturb, found)
    assert (found.acknowledged, found.resumes) == (10_000, 21)
    assert found.lost > 0
    held_to_the_quiet_one(str(place), day, 10_000)
    record_property("count of engines killed with the power lost (SQLite)", 20)


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_an_engine_on_postgres_killed_twenty_times_and_the_power_lost(
    postgres: Server, tmp_path: Path, record_property: Any
) -> None:
    day, found = tmp_path / "day", Killed()
    write_day(day, 10_000, 2)

    def disturb(kill: int, synced: tuple[bytes, int]) -> None:
        if kill % 5 == 4:
            found.lost += cut_postgres(postgres, random.Random(kill))
            postgres.start()
            found.cuts += 1

    killed_engines(postgres.url, day, 10_000, 20, 2, disturb, found)
    assert (found.acknowledged, found.resumes, found.cuts) == (10_000, 21, 4)
    assert found.lost > 0
    held_to_the_quiet_one(postgres.url, day, 10_000)
    record_property("count of engines killed (PostgreSQL)", 20)
    record_property("count of servers killed with the power lost", found.cuts)


@pytest.mark.long
@pytest.mark.timeout(14_400)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_an_engine_killed_two_hundred_times(database: str) -> None:
    import tempfile

    from measure_durability import run

    # the server's user may not enter a folder of pytest
    with tempfile.TemporaryDirectory(prefix="plimsoll-kills-") as folder:
        Path(folder).chmod(0o755)
        found = run(database, 100_000, 200, Path(folder))
    assert (found["acknowledged"], found["recorded"], found["resumes"]) == (100_000, 100_000, 201)
    assert (found["faults"], found["audit_exit"], found["head"]) == (0, 0, found["expected"])
    assert found["margins_same"]
    assert found["lost"] > 0


def test_a_kill_between_an_event_and_the_state_behind_it_leaves_no_trace(tmp_path: Path) -> None:
    """A state that its writer did not live to write is written by the next one, at the same place of the chain."""
    from plimsoll.ledger import GroupCommit
    from plimsoll.live.record import Recorder

    write_day(tmp_path / "day", 12, 3)
    heads = []
    for cut in (False, True):
        with Ledger.open(tmp_path / f"{cut}.db") as ledger:
            engine = fresh()
            with GroupCommit(ledger) as commits:
                # `every` of the first writer is beyond the event at which the second finds a state due
                recorder = Recorder(engine, commits, every=5 if not cut else 100)
                for event in list(read_day(tmp_path / "day"))[:5]:
                    recorder.write(event, engine.apply(event))
            with GroupCommit(ledger) as commits:
                again = resumed(ledger, every=5)
                recorder = Recorder(again, commits, every=5)
                for event in read_day(tmp_path / "day", 5):
                    recorder.write(event, again.apply(event))
            heads.append(ledger.head())
    assert heads[0] == heads[1]


def test_the_order_of_a_messages_keys_is_no_part_of_what_it_comes_to(tmp_path: Path) -> None:
    """The record sorts keys: an engine that judged them as they came would come to another record on its replay."""
    from dataclasses import replace

    from plimsoll.live import Prices

    write_day(tmp_path / "day", 300, 5)
    one, other = fresh(), fresh()
    turned = 0
    for event in read_day(tmp_path / "day"):
        back = event
        if isinstance(event, Prices):
            maps = {n: dict(reversed(getattr(event, n).items())) for n in ("indices", "forwards", "marks", "vols")}
            back = replace(event, **maps)
            turned += len(event.marks) > 1
        assert one.apply(event) == other.apply(back)
    assert turned > 10
    same(one, other)


def test_the_log_is_read_as_sqlite_writes_it_and_spoilt_only_behind_its_last_commit(tmp_path: Path) -> None:
    place = tmp_path / "book.db"
    with Ledger.open(place) as ledger:
        ends = []
        for n in range(1, 9):
            ledger.append([fill(n)])
            log = Log.read(tmp_path / "book.db-wal")
            ends.append(log.ends[-1])
        assert list(log.ends[-8:]) == ends
        assert log.ends[-1] == HEADER + len(log.pages) * (FRAME + log.size)
        before = (tmp_path / "book.db-wal").read_bytes()
        copy = tmp_path / "copy.db"
        for seed in range(12):
            copy.write_bytes(place.read_bytes())
            (tmp_path / "copy.db-wal").write_bytes(before)
            kept = 4 + seed % 4
            assert cut_sqlite(copy, (log.salts, ends[kept - 1]), random.Random(seed)) > 0 or kept == 8
            with Ledger.open(copy) as again:
                # what came after may be there as a whole, or not at all
                assert verify(again).faults == ()
                assert kept <= again.last("fills") <= 8
                again.append([fill(n) for n in range(1, 9)])
                assert again.head() == ledger.head()
            for name in ("copy.db", "copy.db-wal", "copy.db-shm"):
                (tmp_path / name).unlink(missing_ok=True)
