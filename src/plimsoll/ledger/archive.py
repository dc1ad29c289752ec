"""A ledger as a Parquet file, and a ledger that goes on without the records that such a file holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from plimsoll.documents import refuse
from plimsoll.ledger.database import REVISION
from plimsoll.ledger.errors import LedgerError, sqlalchemy
from plimsoll.ledger.records import COLUMNS, Entry, Event
from plimsoll.ledger.store import COMPACTION, Ledger
from plimsoll.ledger.verify import Source, verify

STREAM = "ledger"
"""The stream of what a ledger says of itself."""


def write_archive(ledger: Ledger, path: str | Path, through: int | None = None) -> int:
    """Write the records, up to number `through`, and the documents that they hold to a Parquet file; how many records.

    One row for each record (`table` is `entries`) and for each document (`contents`: `hash` and `body`). The file is
    durable when this returns. Raises `DocumentError` where it cannot be written.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    held: set[str] = set()
    for entry in ledger.entries():
        if through is not None and entry.seq > through:
            break
        rows.append({"table": "entries", **{c: getattr(entry, c) for c in COLUMNS}})
        held |= set(entry.attached.values())
    count = len(rows)
    empty: dict[str, Any] = dict.fromkeys(COLUMNS)
    rows += [{"table": "contents", **empty, "hash": d, "body": b} for d, b in ledger.contents() if d in held]
    types: dict[str, Any] = dict.fromkeys(COLUMNS, pl.String) | {
        "seq": pl.Int64,
        "position": pl.Int64,
        "body": pl.Binary,
    }
    frame = pl.DataFrame(rows, schema={"table": pl.String, **types})
    try:
        frame.write_parquet(path, metadata={"plimsoll.ledger": REVISION})
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise refuse("output", f"{path} ({error.strerror or error})", "a file that can be written") from None
    return count


class Archive:
    """A Parquet file of `write_archive`, read as a chain for `verify`."""

    def __init__(self, path: str | Path) -> None:
        import polars as pl

        self.path = str(path)
        try:
            self.frame = pl.read_parquet(path)
            self._revision = pl.read_parquet_metadata(path).get("plimsoll.ledger", "")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise refuse("archive", f"{path} ({str(error).splitlines()[0]})", "a Parquet file of a ledger") from None
        if self.frame.columns != ["table", *COLUMNS]:
            raise refuse("archive", self.frame.columns, "the columns table, " + ", ".join(COLUMNS))

    def entries(self, after: int | None = None) -> Iterator[Entry]:
        """The records in their order."""
        rows = self.frame.filter(self.frame["table"] == "entries").sort("seq").drop("table")
        for row in rows.iter_rows(named=True):
            if after is None or row["seq"] > after:
                yield Entry(**row)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """The documents."""
        rows = self.frame.filter(self.frame["table"] == "contents")
        yield from rows.select("hash", "body").iter_rows()

    def damage(self) -> list[str]:
        """Rows that are neither records nor documents."""
        odd = self.frame.filter(~self.frame["table"].is_in(["entries", "contents"]))
        return [f"a row of the table {name!r}" for name in odd["table"].to_list()]

    def revision(self) -> str:
        """The revision of the tables."""
        return self._revision


class Joined:
    """Archives and the ledger that goes on after them, as one chain for `verify`."""

    def __init__(self, *sources: Source) -> None:
        self.sources = sources

    def entries(self, after: int | None = None) -> Iterator[Entry]:
        """The records of one source after the other."""
        for source in self.sources:
            yield from source.entries(after)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """The documents of all, each content once: records on both sides of a cut may hold the same."""
        seen: set[tuple[str, bytes]] = set()
        for source in self.sources:
            for digest, data in source.contents():
                key = (digest, hashlib.sha256(data).digest())
                if key not in seen:
                    seen.add(key)
                    yield digest, data

    def damage(self) -> list[str]:
        """That of all."""
        return [words for source in self.sources for words in source.damage()]

    def revision(self) -> str:
        """The revisions, once where they are one."""
        return ", ".join(sorted({source.revision() for source in self.sources}))


def compact(ledger: Ledger, through: int, path: str | Path, time: datetime) -> Entry:
    """Move the records up to number `through` to an archive and record that, with the hash of the file.

    The chain is verified before, the archive after it is written, and only then is anything removed, in the transaction
    that records it. Raises `LedgerError` where either has a fault, or where `path` is taken.
    """
    number = ledger.head()[0]
    first = next(iter(ledger.entries(most=1)), None)
    if first is None or not first.seq <= through < number:
        allowed = f"from {0 if first is None else first.seq} to {number - 1}: the last record stays"
        raise refuse("through", through, allowed)
    if Path(path).exists():
        raise refuse("archive", str(path), "a file that is not there yet")
    before = verify(ledger)
    if before.faults:
        raise LedgerError(f"nothing was compacted: {before.faults[0]}")
    write_archive(ledger, path, through)
    archive = Archive(path)
    last = ledger.entry(through)
    written = verify(archive, last.hash, (first.seq - 1, first.previous))
    if written.faults:
        raise LedgerError(f"nothing was compacted: the archive reads back otherwise: {written.faults[0]}")
    streams = dict(ledger.last_positions(through))
    content = {
        "through": through,
        "hash": last.hash,
        "streams": streams,
        "archive": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
    }
    event = Event(COMPACTION, STREAM, time, content)
    library = sqlalchemy()
    from plimsoll.ledger.tables import CONTENTS, ENTRIES

    with ledger.writing() as connection:
        (entry,) = ledger._append(connection, [event])
        connection.execute(library.delete(ENTRIES).where(ENTRIES.c.seq <= through))
        kept: set[str] = set()
        for row in connection.execute(library.select(ENTRIES.c.body)):
            kept |= set(Entry(0, "", "", 0, "", bytes(row.body), "", "", "").attached.values())
        gone = sorted({digest for digest, _ in archive.contents()} - kept)
        for start in range(0, len(gone), 500):
            connection.execute(library.delete(CONTENTS).where(CONTENTS.c.hash.in_(gone[start : start + 500])))
    return entry


def snapshot_event(stream: str, state: bytes, after: int, time: datetime) -> Event:
    """The state that a reader of the log has after record number `after`: whoever starts anew goes on from there."""
    return Event(SNAPSHOT, stream, time, {"after": after}, None, {"state": state})


SNAPSHOT = "snapshot"


def latest_snapshot(ledger: Ledger, stream: str) -> tuple[int, bytes] | None:
    """Number after which the last snapshot of a stream was taken, and the state; `None` where there is none."""
    entry = ledger.latest(SNAPSHOT, stream)
    if entry is None:
        return None
    return int(entry.content["after"]), ledger.document(entry.attached["state"])
