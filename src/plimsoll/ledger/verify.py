"""Finding a changed byte: every column of every table follows from the bodies, and the bodies from their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from plimsoll.certify import START, body_hash, link_hash
from plimsoll.documents import DocumentError, shorten
from plimsoll.ledger.database import REVISION
from plimsoll.ledger.records import Entry
from plimsoll.ledger.store import COMPACTION

MOST_MISSING = 100_000
"""Numbers of a gap that are looked for one by one."""

REPEATED = ("kind", "stream", "position", "time")
"""Columns that repeat what the body says."""


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was written: which `record` (a number, or the hash of a document) and `field`."""

    table: str
    record: str
    field: str
    got: str
    expected: str

    def __str__(self) -> str:
        return f"{self.table} {self.record}, {self.field}: got {self.got}; expected {self.expected}"


@dataclass(frozen=True)
class Verified:
    """The outcome: how many records and documents were read, the first number, the head, and every fault."""

    records: int
    documents: int
    first: int
    head: str
    faults: tuple[Fault, ...]


class Source(Protocol):
    """Where a chain is read: a ledger or an archive of one."""

    def entries(self, after: int | None = None) -> Iterator[Entry]:
        """The records in their order."""
        ...

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """The documents that they hold."""
        ...

    def damage(self) -> list[str]:
        """What the database finds wrong with its own file, in words; and the revision of its tables."""
        ...

    def revision(self) -> str:
        """The revision of the tables."""
        ...


def verify(source: Source, head: str | None = None, after: tuple[int, str] = (0, START)) -> Verified:
    """Read everything and compare everything; `head` is a published hash that the chain must come to.

    `after` is number and hash of the record before the first, where it is known that earlier ones are elsewhere.

    A record is judged by its own body: the columns beside it repeat what the body says, the hash of the body stands in
    a column and in the link. So a change of one column is found and named, and so is a record that is missing in the
    middle. Missing records at the end are found by `head` only, and so is a chain that was written anew.
    """
    chain = _Chain(seq=after[0], link=after[1])
    revision = source.revision()
    if revision != REVISION:
        chain.fault("alembic_version", "1", "version_num", revision, REVISION)
    for words in source.damage():
        chain.fault("file", "database", "pages", words, "a file that agrees with itself")
    for entry in source.entries():
        chain.take(entry)
    chain.close()
    if head is not None and chain.link != head:
        chain.fault("entries", str(chain.seq), "hash", chain.link, f"{head}, the head that was published")
    documents = 0
    for digest, data in source.contents():
        documents += 1
        chain.document(digest, data)
    for digest, record in chain.wanted.items():
        chain.fault("contents", digest, "hash", "nothing", f"the document that record {record} holds")
    return Verified(chain.count, documents, chain.first, chain.link, tuple(chain.faults))


@dataclass
class _Chain:
    """The chain as far as it was read: `seq` and `link` of the last record, and what is still to be found."""

    seq: int = 0
    link: str = START
    first: int = 0
    count: int = 0
    faults: list[Fault] = field(default_factory=list)
    wanted: dict[str, int] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    strays: list[Entry] = field(default_factory=list)
    opening: tuple[int, str] | None = None
    cut: tuple[int, str] | None = None
    blind: bool = False

    def fault(self, table: str, record: str, column: str, got: object, expected: object) -> None:
        """One more."""
        self.faults.append(Fault(table, record, column, shorten(got, 200), shorten(expected, 200)))

    def take(self, entry: Entry) -> None:
        """Judge the next record."""
        self.count += 1
        number: object = entry.seq  # a file that was tampered with may hold anything there
        if not isinstance(number, int):
            self.fault("entries", str(entry.seq), "seq", entry.seq, "a whole number")
            self.blind = True
            return
        by_itself = link_hash(entry.seq, entry.previous, entry.body_hash) == entry.hash
        due = self.seq + 1
        if entry.seq != due or (entry.previous != self.link and not by_itself and self.missing):
            if not by_itself and self._misnumbered(entry):
                return
            if entry.seq < due:
                self.strays.append(entry)
                return
            if self.first == 0 and self.seq == 0:
                self.opening = (entry.seq - 1, entry.previous)
            else:
                self.missing += range(due, min(entry.seq, due + MOST_MISSING))
            self.seq, self.link = entry.seq - 1, entry.previous
        self.first = self.first or entry.seq
        self._judge(entry)

    def _misnumbered(self, entry: Entry) -> bool:
        """Whether it is a record under another number than it was linked with; then it waits for the end."""
        before = 0 if self.opening is None else min(self.opening[0], MOST_MISSING)
        near = {*self.missing, *range(1, before + 1), self.seq + 1}
        fits = any(link_hash(k, entry.previous, entry.body_hash) == entry.hash for k in near)
        if fits or entry.seq <= self.seq or entry.previous != self.link:
            self.strays.append(entry)
            return True
        return False

    def _judge(self, entry: Entry) -> None:
        name = str(entry.seq)
        before = len(self.faults)
        digest = body_hash(entry.body)
        if entry.previous != self.link:
            self.fault("entries", name, "previous", entry.previous, self.link)
        if digest != entry.body_hash and link_hash(entry.seq, self.link, digest) != entry.hash:
            # column and link agree on another body than the one that is here
            self.fault("entries", name, "body", digest, entry.body_hash)
            digest = entry.body_hash
        elif digest != entry.body_hash:
            self.fault("entries", name, "body_hash", entry.body_hash, digest)
        link = link_hash(entry.seq, self.link, digest)
        if link != entry.hash:
            self.fault("entries", name, "hash", entry.hash, link)
        self.seq, self.link = entry.seq, link
        self._read(entry, any(f.field == "body" for f in self.faults[before:]))

    def _read(self, entry: Entry, damaged: bool) -> None:
        """Hold the columns to the body, and remember what it holds."""
        name = str(entry.seq)
        try:
            content = entry.read
            attached, inner = dict(content["attached"]), content["content"]
        except (DocumentError, KeyError, TypeError, ValueError):
            self.blind = True
            if not damaged:
                self.fault("entries", name, "body", "bytes that are no body of a record", "a JSON object")
            return
        if damaged:
            self.blind = True
            return
        for column in REPEATED:
            if content.get(column) != getattr(entry, column):
                self.fault("entries", name, column, getattr(entry, column), content.get(column))
        for digest in attached.values():
            self.wanted.setdefault(str(digest), entry.seq)
        if content.get("kind") == COMPACTION:
            self.cut = (inner["through"], inner["hash"])

    def close(self) -> None:
        """Put records under another number into the gaps that they left, and name the gaps that stay."""
        if self.opening is not None and self.cut != self.opening:
            self.missing[:0] = range(1, min(self.opening[0], MOST_MISSING) + 1)
        for entry in self.strays:
            for k in [*self.missing, self.seq + 1]:
                if link_hash(k, entry.previous, entry.body_hash) == entry.hash:
                    self.fault("entries", str(entry.seq), "seq", entry.seq, k)
                    if k in self.missing:
                        self.missing.remove(k)
                    else:
                        self.seq, self.link = k, entry.hash
                    self._read(entry, body_hash(entry.body) != entry.body_hash)
                    break
            else:
                self.fault("entries", str(entry.seq), "seq", entry.seq, "a number of the chain")
                self.blind = True
        while self.missing:
            low = high = self.missing.pop(0)
            while self.missing and self.missing[0] == high + 1:
                high = self.missing.pop(0)
            words = "a record with this number" if low == high else f"{high - low + 1} records with these numbers"
            self.fault("entries", str(low) if low == high else f"{low} to {high}", "seq", "nothing", words)
            self.blind = True

    def document(self, digest: str, data: bytes) -> None:
        """Hold a document to its hash, and to the record that holds it."""
        own = hashlib.sha256(data).hexdigest()
        if own == digest:
            if self.wanted.pop(digest, None) is None and not self.blind:
                self.fault("contents", digest, "hash", "a document that no record holds", "one that a record holds")
        elif own in self.wanted and digest not in self.wanted:
            self.fault("contents", digest, "hash", digest, f"{own}, which record {self.wanted.pop(own)} holds")
        else:
            self.wanted.pop(digest, None)
            self.fault("contents", digest, "body", own, digest)
