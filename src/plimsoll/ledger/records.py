"""Events that go in, entries that come out, and the bytes that are hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plimsoll.certify import START, body_hash, link_hash
from plimsoll.documents import canonical_bytes, format_instant, parse_json, refuse
from plimsoll.ledger.errors import LedgerError

STREAM_LIMIT = 120


@dataclass(frozen=True)
class Event:
    """Something to record: `kind` and plain JSON `content`, at `position` of `stream`.

    The position of a stream grows; a second event at the same place is the first one again, or refused. Without a
    position the next one is taken, and an event that was sent twice then stands twice. `attached` are documents by
    name, kept once for all records that hold them. The ledger reads no clock: `time` is the event's own.
    """

    kind: str
    stream: str
    time: datetime
    content: Mapping[str, Any]
    position: int | None = None
    attached: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("kind", "stream"):
            text: str = getattr(self, name)
            if not 0 < len(text) <= STREAM_LIMIT or not text.isprintable():
                raise refuse(f"event.{name}", text, f"a name of 1 to {STREAM_LIMIT} printable characters")
        if self.time.tzinfo is None:
            raise refuse("event.time", self.time, "an instant with an offset")
        at = self.position
        if at is not None and not 0 < at < 2**63:
            raise refuse("event.position", at, "a whole number above zero")

    def body(self, position: int) -> bytes:
        """The canonical JSON bytes that are hashed."""
        return canonical_bytes(
            {
                "attached": {name: hashlib.sha256(data).hexdigest() for name, data in self.attached.items()},
                "content": dict(self.content),
                "kind": self.kind,
                "position": position,
                "stream": self.stream,
                "time": format_instant(self.time),
            }
        )


@dataclass(frozen=True)
class Entry:
    """One record of the chain as it stands in its columns. `body` is the JSON that was hashed."""

    seq: int
    kind: str
    stream: str
    position: int
    time: str
    body: bytes
    body_hash: str
    previous: str
    hash: str

    @property
    def read(self) -> dict[str, Any]:
        """The body as JSON. Raises `DocumentError` where it is none."""
        content = parse_json(self.body, f"record {self.seq}")
        if not isinstance(content, dict):
            raise refuse("body", content, "a JSON object", f"record {self.seq}")
        return content

    def sound(self) -> Entry:
        """The entry itself, if its body is what was hashed and its hash follows from it and the previous one.

        Raises `LedgerError` naming what does not fit. Whether it is the record that was written there, only the whole
        chain tells: see `plimsoll.ledger.verify`.
        """
        for name, got, right in (
            ("body", body_hash(self.body), self.body_hash),
            ("hash", self.hash, link_hash(self.seq, self.previous, self.body_hash)),
        ):
            if got != right:
                raise LedgerError(
                    f"record {self.seq}, {name}: it was changed since it was written, {got} is not {right}"
                )
        return self

    @property
    def content(self) -> dict[str, Any]:
        """What the event said."""
        found = self.read["content"]
        assert isinstance(found, dict)
        return found

    @property
    def attached(self) -> dict[str, str]:
        """Hashes of the attached documents by name."""
        found = self.read["attached"]
        assert isinstance(found, dict)
        return found


COLUMNS = ("seq", "kind", "stream", "position", "time", "body", "body_hash", "previous", "hash")


def chained(events: Iterable[tuple[Event, int]], seq: int, previous: str) -> list[Entry]:
    """Entries for events with their positions, after number `seq` whose hash is `previous`."""
    entries = []
    for event, position in events:
        body = event.body(position)
        digest, seq = body_hash(body), seq + 1
        link = link_hash(seq, previous, digest)
        time = format_instant(event.time)
        entries.append(Entry(seq, event.kind, event.stream, position, time, body, digest, previous, link))
        previous = link
    return entries


__all__ = ["COLUMNS", "START", "Entry", "Event", "chained"]
