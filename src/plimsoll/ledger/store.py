"""The ledger: append-only, hash-chained, durable when it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from plimsoll.documents import Problem, refuse
from plimsoll.ledger.database import READING, engine_of, lock, migrate, settle_folder, told
from plimsoll.ledger.errors import ConflictError, LedgerError, UnavailableError, sqlalchemy
from plimsoll.ledger.records import COLUMNS, START, Entry, Event, chained

if TYPE_CHECKING:
    from sqlalchemy import Connection

PAGE = 500
"""Records that are read at a time."""

COMPACTION = "compaction"
"""The kind of record that says what was moved to an archive: `through`, its `hash`, the `streams` and the file."""


class Ledger:
    """A ledger in a file of SQLite or a database of PostgreSQL.

    `append` returns when its events are on the disk: what it returned for is there after any crash. Events at a place
    of a stream that is taken are compared with what stands there, so a writer that does not know whether its last
    batch arrived sends it again. Several processes may write; they take turns.

    >>> import tempfile
    >>> from datetime import datetime, timezone
    >>> from plimsoll.ledger import Event, Ledger
    >>> time = datetime(2026, 1, 30, tzinfo=timezone.utc)
    >>> with tempfile.TemporaryDirectory() as folder, Ledger.open(f"{folder}/book.db") as ledger:
    ...     (entry,) = ledger.append([Event("fill", "desk", time, {"quantity": 2}, position=1)])
    ...     again = ledger.append([Event("fill", "desk", time, {"quantity": 2}, position=1)])
    ...     (entry.seq, again == [entry], ledger.head() == (1, entry.hash))
    (1, True, True)
    """

    def __init__(self, place: str | Path, *, create: bool = True, up_to_date: bool = True) -> None:
        self.place = str(place)
        with told():
            self.engine = engine_of(place, create=create)
        self._settled = False
        if up_to_date:
            migrate(self.engine)

    @classmethod
    def open(cls, place: str | Path) -> Ledger:
        """A ledger to write to; made where there is none, its tables brought up to date."""
        return cls(place)

    @classmethod
    def existing(cls, place: str | Path) -> Ledger:
        """A ledger to read. Raises `DocumentError` where there is no such file; changes nothing."""
        ledger = cls(place, create=False, up_to_date=False)
        with ledger._reading() as connection:
            found = set(sqlalchemy().inspect(connection).get_table_names())
        if not {"entries", "contents", "alembic_version"} <= found:
            raise refuse("ledger", f"tables {', '.join(sorted(found)) or 'none'}", "those of a ledger", str(place))
        return ledger

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def append(self, events: Sequence[Event]) -> list[Entry]:
        """Write all events in one transaction and return their entries once they are durable; or write none.

        Raises `ConflictError` where another event stands at the place of one of them, or the place is behind one that
        is taken; `UnavailableError` where the database fails, on which the batch may be sent again.
        """
        if not events:
            return []
        with self.writing() as connection:
            entries = self._append(connection, events)
        if not self._settled:
            settle_folder(self.engine)
            self._settled = True
        return entries

    def _append(self, connection: Connection, events: Sequence[Event]) -> list[Entry]:
        last = _positions(connection, {e.stream for e in events})
        fresh: list[tuple[Event, int]] = []
        places: list[int] = []
        for event in events:
            before = last.get(event.stream, 0)
            place = before + 1 if event.position is None else event.position
            places.append(place)
            if place > before:
                last[event.stream] = place
                fresh.append((event, place))
        entries = chained(fresh, *_head(connection))
        made = {(e.stream, e.position): e for e in entries}
        _write(connection, entries, fresh)
        found = []
        for event, place in zip(events, places, strict=True):
            entry = made.get((event.stream, place)) or _standing(connection, event.stream, place)
            if entry is None or entry.body != event.body(place):
                raise _conflict(event, place)
            found.append(entry)
        return found

    def head(self) -> tuple[int, str]:
        """Number and hash of the last record; zero and `START` of an empty ledger."""
        with self._reading() as connection:
            return _head(connection)

    def last(self, stream: str) -> int:
        """The last position of a stream, zero where it has none: where a writer goes on."""
        with self._reading() as connection:
            return _positions(connection, {stream}).get(stream, 0)

    def last_positions(self, through: int) -> dict[str, int]:
        """The last position of every stream among the records up to number `through`, those of archives too."""
        library, table = sqlalchemy(), _tables().ENTRIES
        most = library.func.max(table.c.position)
        query = library.select(table.c.stream, most).where(table.c.seq <= through).group_by(table.c.stream)
        with self._reading() as connection:
            found = {stream: int(position) for stream, position in connection.execute(query)}
            return _archived(connection) | found

    def latest(self, kind: str, stream: str) -> Entry | None:
        """The last record of a kind in a stream."""
        library, table = sqlalchemy(), _tables().ENTRIES
        query = library.select(table).where(table.c.kind == kind, table.c.stream == stream)
        with self._reading() as connection:
            row = connection.execute(query.order_by(table.c.seq.desc()).limit(1)).one_or_none()
        return None if row is None else _entry(row)

    def entries(self, after: int | None = None, kind: str | None = None, most: int | None = None) -> Iterator[Entry]:
        """Records in their order, those after number `after`, perhaps of one kind, at most `most` of them."""
        library, table = sqlalchemy(), _tables().ENTRIES
        left = most
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            query = library.select(table).order_by(table.c.seq).limit(size)
            if after is not None:
                query = query.where(table.c.seq > after)
            if kind is not None:
                query = query.where(table.c.kind == kind)
            with self._reading() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < size:
                return
            after, left = rows[-1].seq, None if left is None else left - len(rows)

    def entry(self, seq: int) -> Entry:
        """Record number `seq`. Raises `DocumentError` where there is none."""
        for entry in self.entries(seq - 1, most=1):
            if entry.seq == seq:
                return entry
        raise refuse("record", seq, f"a record of {self.place}, which ends with number {self.head()[0]}")

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Hash and bytes of every document that is kept, by hash."""
        library, table = sqlalchemy(), _tables().CONTENTS
        after = ""
        while True:
            query = library.select(table).where(table.c.hash > after).order_by(table.c.hash).limit(PAGE)
            with self._reading() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield row.hash, _bytes(row.body)
            if len(rows) < PAGE:
                return
            after = rows[-1].hash

    def document(self, digest: str) -> bytes:
        """The bytes whose SHA-256 is `digest`. Raises `LedgerError` where the ledger has none, or others instead."""
        library, table = sqlalchemy(), _tables().CONTENTS
        with self._reading() as connection:
            row = connection.execute(library.select(table.c.body).where(table.c.hash == digest)).one_or_none()
        if row is None:
            raise LedgerError(f"{self.place}: no document with the hash {digest}")
        body = _bytes(row.body)
        if hashlib.sha256(body).hexdigest() != digest:
            raise LedgerError(f"document {digest}: it was changed since it was written")
        return body

    def revision(self) -> str:
        """The revision of the tables, as Alembic keeps it."""
        with self._reading() as connection:
            rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        return ", ".join(str(row[0]) for row in rows)

    def damage(self) -> list[str]:
        """What SQLite finds wrong with its own file: pages, indexes. Nothing of PostgreSQL, which has no such check."""
        if self.engine.dialect.name != "sqlite":
            return []
        with self._reading() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").all()
        return [str(row[0]) for row in rows if row[0] != "ok"]

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction of the only writer: it is durable at the end of the block, or undone."""
        with self._told(), self.engine.begin() as connection:
            lock(connection)
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection that only reads."""
        with self._told(), self.engine.connect().execution_options(**{READING: True}) as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The database's errors as ours, after which every connection is made anew."""
        try:
            with told():
                yield
        except UnavailableError:
            self.engine.dispose()
            raise


def _tables() -> Any:
    from plimsoll.ledger import tables

    return tables


def _entry(row: Any) -> Entry:
    found: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return Entry(**found | {"body": _bytes(found["body"])})


def _bytes(value: Any) -> bytes:
    """A column of bytes; a file that was tampered with may hold anything there."""
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else str(value).encode()


def _head(connection: Connection) -> tuple[int, str]:
    library, table = sqlalchemy(), _tables().ENTRIES
    query = library.select(table.c.seq, table.c.hash).order_by(table.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (0, START) if row is None else (row.seq, row.hash)


def _positions(connection: Connection, streams: Iterable[str]) -> dict[str, int]:
    """The last position of each stream that has one, those of compacted records too."""
    library, table = sqlalchemy(), _tables().ENTRIES
    names = sorted(streams)
    found = {s: p for s, p in _archived(connection).items() if s in names}
    for name in names:
        query = library.select(library.func.max(table.c.position)).where(table.c.stream == name)
        most = connection.execute(query).scalar()
        if most is not None:
            found[name] = max(found.get(name, 0), int(most))
    return found


def _archived(connection: Connection) -> dict[str, int]:
    """The last positions of the streams among the records that were moved to archives."""
    library, table = sqlalchemy(), _tables().ENTRIES
    newest = library.select(table).where(table.c.kind == COMPACTION).order_by(table.c.seq.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return {} if row is None else dict(_entry(row).content["streams"])


def _standing(connection: Connection, stream: str, position: int) -> Entry | None:
    """The entry at a place of a stream, if there is one."""
    library, table = sqlalchemy(), _tables().ENTRIES
    query = library.select(table).where(table.c.stream == stream, table.c.position == position)
    row = connection.execute(query).one_or_none()
    return None if row is None else _entry(row)


def _conflict(event: Event, position: int) -> ConflictError:
    where = f"event.position {position} of stream {event.stream!r}"
    return ConflictError(
        str(Problem(where, "another event, or a place that was passed", "the next place, or the same"))
    )


def _write(connection: Connection, entries: Sequence[Entry], fresh: Sequence[tuple[Event, int]]) -> None:
    library, tables = sqlalchemy(), _tables()
    if not entries:
        return
    documents: dict[str, bytes] = {}
    for entry, (event, _) in zip(entries, fresh, strict=True):
        for name, digest in entry.attached.items() if event.attached else ():
            documents[digest] = bytes(event.attached[name])
    if documents:
        have = library.select(tables.CONTENTS.c.hash).where(tables.CONTENTS.c.hash.in_(sorted(documents)))
        for row in connection.execute(have):
            del documents[row.hash]
    if documents:
        rows = [{"hash": digest, "body": data} for digest, data in sorted(documents.items())]
        connection.execute(tables.CONTENTS.insert(), rows)
    connection.execute(tables.ENTRIES.insert(), [{c: getattr(e, c) for c in COLUMNS} for e in entries])
