"""A flipped byte in every column of every table is found and located; elsewhere in the file it changes nothing."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ledger.servers import Server
from ledger.streams import START_TIME, fill
from plimsoll.documents import PlimsollError
from plimsoll.ledger import Event, Ledger
from plimsoll.ledger.records import COLUMNS
from plimsoll.ledger.verify import Fault, verify

RECORDS = 6


def filled(place: str) -> str:
    """A ledger of a few records with documents; its head."""
    with Ledger.open(place) as ledger:
        attached = {"a": b"the first document", "b": b"the second"}
        events = [fill(1), Event("margin", "margin", START_TIME, {"n": 1}, 1, attached), fill(2), fill(3)]
        events += [Event("margin", "margin", START_TIME, {"n": 2}, 2, {"a": attached["a"], "c": b"another"}), fill(4)]
        assert len(ledger.append(events)) == RECORDS
        return ledger.head()[1]


def flipped(value: Any, at: int = 0) -> Any:
    """The value with one bit of one byte or digit changed."""
    if isinstance(value, int):
        return value ^ (1 << (3 + 7 * (at % 3)))
    if isinstance(value, str):
        place = at % len(value)
        return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
    place = at % len(value)
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


def located(faults: tuple[Fault, ...], table: str, record: Any, field: str) -> bool:
    return any((f.table, f.record, f.field) == (table, str(record), field) for f in faults)


def every_flip(ledger: Ledger, head: str, ats: tuple[int, ...]) -> int:
    """Flip a byte of every column of every row, verify, put it back; how many were found."""
    from sqlalchemy import text

    count = 0
    keys = {
        "entries": ("seq", COLUMNS),
        "contents": ("hash", ("hash", "body")),
        "alembic_version": ("version_num",) * 2,
    }
    keys["alembic_version"] = ("version_num", ("version_num",))
    for table, (key, columns) in keys.items():
        with ledger.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
        for row in rows:
            for column in columns:
                for at in ats:
                    value = bytes(row[column]) if isinstance(row[column], (bytes, memoryview)) else row[column]
                    new = flipped(value, at)
                    assert new != value
                    name = new if column == key else row[key]

                    def put(
                        old_key: Any, put_value: Any, table: str = table, key: str = key, column: str = column
                    ) -> None:
                        with ledger.engine.begin() as connection:
                            query = text(f"UPDATE {table} SET {column} = :value WHERE {key} = :key")
                            assert connection.execute(query, {"value": put_value, "key": old_key}).rowcount == 1

                    put(row[key], new)
                    faults = verify(ledger, head).faults
                    record = "1" if table == "alembic_version" else name
                    assert located(faults, table, record, column), (table, row[key], column, new, faults)
                    # one change, one fault: the rest of the chain still stands
                    assert len(faults) == 1, faults
                    put(name, value)
                    count += 1
    assert verify(ledger, head).faults == ()
    return count


def test_a_flipped_byte_in_every_column_of_sqlite(tmp_path: Path, record_property: Any) -> None:
    head = filled(str(tmp_path / "book.db"))
    with Ledger.existing(tmp_path / "book.db") as ledger:
        found = every_flip(ledger, head, (0, 2))
    assert found == 2 * (RECORDS * len(COLUMNS) + 3 * 2 + 1)
    record_property("count of flipped columns found and located", found)


@pytest.mark.postgres
def test_a_flipped_byte_in_every_column_of_postgres(postgres: Server, record_property: Any) -> None:
    head = filled(postgres.url)
    with Ledger.existing(postgres.url) as ledger:
        found = every_flip(ledger, head, (1,))
    assert found == RECORDS * len(COLUMNS) + 3 * 2 + 1
    record_property("count of flipped columns found and located", found)


def test_records_that_are_gone_are_named(tmp_path: Path) -> None:
    place = tmp_path / "book.db"
    head = filled(str(place))
    removed = {1: ("1", "seq"), 3: ("3", "seq"), RECORDS: (str(RECORDS - 1), "hash")}
    for seq, (record, field) in removed.items():
        other = tmp_path / f"without{seq}.db"
        shutil.copy(place, other)
        with Ledger.existing(other) as ledger:
            with ledger.engine.begin() as connection:
                connection.exec_driver_sql(f"DELETE FROM entries WHERE seq = {seq}")
            faults = verify(ledger, head).faults
            assert [(f.record, f.field) for f in faults if f.table == "entries"] == [(record, field)]
            # without a published head nobody misses what was last
            assert bool(verify(ledger).faults) == (seq != RECORDS)
    with Ledger.existing(place) as ledger:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM contents WHERE body = CAST('another' AS BLOB)")
        (fault,) = verify(ledger).faults
        assert (fault.table, fault.field, fault.got) == ("contents", "hash", "'nothing'")
        assert "record 5" in fault.expected


def test_a_chain_that_was_written_anew_needs_a_published_head(tmp_path: Path) -> None:
    """The limit that the page on the ledger states: a chain proves nothing against who can write all of it."""
    head = filled(str(tmp_path / "book.db"))
    with Ledger.open(tmp_path / "other.db") as ledger:
        ledger.append([fill(n) for n in range(1, RECORDS + 1)])
        assert verify(ledger).faults == ()
        (fault,) = verify(ledger, head).faults
        assert (fault.record, fault.field) == (str(RECORDS), "hash")


def bytes_of_the_file(place: Path, chosen: Any, folder: Path) -> dict[str, int]:
    """Flip bytes of the file itself: each is found, or nothing that is read has changed."""
    sqlite3.connect(place).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    with Ledger.existing(place) as ledger:
        want = (list(ledger.entries()), list(ledger.contents()), ledger.revision())
    data = place.read_bytes()
    seen = {"found": 0, "harmless": 0}
    for number, at in enumerate(chosen(len(data))):
        other = folder / "flipped.db"
        other.write_bytes(data[:at] + bytes([data[at] ^ (1 << number % 8)]) + data[at + 1 :])
        try:
            with Ledger.existing(other) as ledger:
                faults = verify(ledger).faults
                same = faults != () or (list(ledger.entries()), list(ledger.contents()), ledger.revision()) == want
            assert same, f"byte {at} was changed and not found"
            seen["found" if faults else "harmless"] += 1
        except PlimsollError:
            seen["found"] += 1
        for end in ("", "-wal", "-shm"):
            (folder / f"flipped.db{end}").unlink(missing_ok=True)
    return seen


def test_flipped_bytes_of_the_file(tmp_path: Path) -> None:
    filled(str(tmp_path / "book.db"))
    seen = bytes_of_the_file(tmp_path / "book.db", lambda size: random.Random(5).sample(range(size), 150), tmp_path)
    assert sum(seen.values()) == 150
    assert seen["found"] > 0


@pytest.mark.long
def test_every_byte_of_the_file(tmp_path: Path) -> None:
    filled(str(tmp_path / "book.db"))
    seen = bytes_of_the_file(tmp_path / "book.db", range, tmp_path)
    assert seen["found"] > 2_000
