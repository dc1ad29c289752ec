"""The whole record once more: every margin from its inputs, every hash from the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.certify import START
from plimsoll.documents import PlimsollError, parse_instant
from plimsoll.ledger.build import build
from plimsoll.ledger.margins import KIND, recomputed
from plimsoll.ledger.records import Entry, Event, chained
from plimsoll.ledger.store import Ledger

DIFFERENCES_KEPT = 100


@dataclass(frozen=True)
class Replayed:
    """What a replay came to: `head` is the hash of its last record, `recorded` that of the ledger.

    `margins` were computed again, the other records taken as they stand. `builds` are the sources that the ledger's
    margins were computed with where they are not the ones here. `differences` name record and field, the first hundred.
    """

    records: int
    margins: int
    head: str
    recorded: str
    builds: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the replay is the record, byte for byte."""
        return self.head == self.recorded


def replay(ledger: Ledger, told: Any = None) -> Replayed:
    """Compute every margin of a ledger again and chain the results from the first record on.

    What was computed by other sources keeps their hash in its record, so that only a result can differ. A margin that
    cannot be computed any more is named, and counted as it stands.
    """
    seq, link = 0, START
    records = again = 0
    builds: set[str] = set()
    differences: list[str] = []
    recorded = START
    total = ledger.head()[0]
    for entry in ledger.entries():
        if records == 0 and entry.seq != 1:
            seq, link = entry.seq - 1, entry.previous
        records += 1
        recorded = entry.hash
        if told is not None:
            told("records", entry.seq, total)
        event = _as_it_stands(entry, ledger)
        if entry.kind == KIND:
            again += 1
            sources = entry.content["build"]
            if sources != build():
                builds.add(f"{sources['version']} {sources['sources'][:12]}")
            try:
                event = _margin_again(entry, ledger)
            except PlimsollError as error:
                differences.append(f"record {entry.seq}: {error}")
        (own,) = chained([(event, entry.position)], seq, link)
        if own.body != entry.body:
            differences += _differences(entry, own)
        seq, link = own.seq, own.hash
    return Replayed(records, again, link, recorded, tuple(sorted(builds)), tuple(differences[:DIFFERENCES_KEPT]))


def _as_it_stands(entry: Entry, ledger: Ledger) -> Event:
    attached = {name: ledger.document(digest) for name, digest in entry.attached.items()}
    return Event(entry.kind, entry.stream, parse_instant(entry.time), entry.content, entry.position, attached)


def _margin_again(entry: Entry, ledger: Ledger) -> Event:
    from plimsoll.documents import parse_json

    documents = {name: parse_json(ledger.document(digest), name) for name, digest in entry.attached.items()}
    found = recomputed(documents, entry.content).event
    # where it comes from is an input, and so is who computed it
    content = {**found.content, **{name: v for name, v in entry.content.items() if name in ("build", "of")}}
    return Event(entry.kind, entry.stream, found.time, content, entry.position, found.attached)


def _differences(entry: Entry, own: Entry) -> list[str]:
    old, new = entry.content, own.content
    names = [f"content.{k}" for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    names += [f"attached.{k}" for k, v in sorted(entry.attached.items()) if own.attached.get(k) != v]
    names += [] if entry.time == own.time else ["time"]
    return [f"record {entry.seq}: {', '.join(names) or 'body'} differ"]
