"""The engine's events and decisions in a ledger, and the engine again out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any

from plimsoll.documents import PlimsollError, canonical_bytes, refuse
from plimsoll.ledger import Entry, GroupCommit, Ledger, LedgerError
from plimsoll.ledger import Event as Written
from plimsoll.ledger.build import build
from plimsoll.live.check import Probability
from plimsoll.live.engine import Engine
from plimsoll.live.events import Event, from_json, to_json
from plimsoll.live.frozen import freeze, thaw
from plimsoll.live.outcome import Outcome

KIND = "live"
SNAPSHOT = "live-state"
DIFFERENCES_KEPT = 100
EVERY = 100_000
"""Events between two snapshots."""


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """What a record says an event came to: what was refused and decided, and how many accounts it touched."""
    found = {
        "applied": outcome.applied,
        "touched": outcome.touched,
        "margined": outcome.margined,
        "full": outcome.full,
        "decisions": [asdict(d) for d in outcome.decisions],
        "calls": [asdict(s) for s in outcome.calls],
        "refusals": [asdict(r) for r in outcome.refusals],
        "problems": [str(p) for p in outcome.problems],
    }
    return {name: value for name, value in found.items() if value}


class Recorder:
    """Writes each event of an engine with its outcome to a stream of a ledger, through a group commit.

    Record number `n` of the stream is event `n` of the engine. A state stands in the stream `<stream> state` at the
    start and after every `every` events, with version and hash of the sources that made it; its time and those of the
    events are the market's. `write` gives a future that has the record once it is durable. However often its writer
    dies and goes on, the record has the same hash.
    """

    def __init__(self, engine: Engine, commits: GroupCommit, stream: str = "live", every: int = EVERY) -> None:
        if every < 1:
            raise refuse("every", every, "a number of events from 1 on")
        self.engine, self.commits, self.stream, self.every = engine, commits, stream, every
        last = commits.ledger.last(stream)
        if last != engine.events:
            allowed = f"an engine that stands where the stream {stream!r} ends, at event {last}"
            raise refuse("engine.events", engine.events, allowed)
        # whoever died between an event and the state behind it left that to us: the record is the same as without
        due = 0 if engine.events % every else engine.events
        have = commits.ledger.last(self._states)
        self.opened = self._state() if have == 0 or (due and have < due + 1) else None

    @property
    def _states(self) -> str:
        return f"{self.stream} state"

    def write(self, event: Event, outcome: Outcome) -> Future[Entry]:
        """Queue the record of one event."""
        content = {"event": to_json(event), "outcome": outcome_json(outcome)}
        future = self.commits.submit(
            Written(KIND, self.stream, self.engine.prices.time, content, position=outcome.number), behind=self.stream
        )
        if outcome.number % self.every == 0:
            self._state()
        return future

    def _state(self) -> Future[Entry]:
        # positions of a stream start at one, and the first state is before any event
        place = self.engine.events + 1
        state = freeze(self.engine)
        content = {"events": self.engine.events, "sha256": hashlib.sha256(state).hexdigest(), "build": build()}
        return self.commits.submit(
            Written(SNAPSHOT, self._states, self.engine.prices.time, content, place, {"state": state}),
            behind=self.stream,
        )


def resumed(ledger: Ledger, stream: str = "live", probability: Probability | None = None, every: int = EVERY) -> Engine:
    """The engine as it stood at the last durable record of a stream: the last state and the events after it.

    Every event is applied again and has to come to what the record says. Raises `LedgerError` at the first that does
    not, or whose bytes are not those that were hashed, and `DocumentError` where the ledger has no such stream. `every`
    as it was written: a state is a full pass.
    """
    entry = ledger.latest(SNAPSHOT, f"{stream} state")
    if entry is None:
        raise refuse("stream", stream, f"a stream of {ledger.place} that an engine wrote")
    engine = thaw(ledger.document(entry.sound().attached["state"]), probability)
    for record in ledger.entries(entry.seq, kind=KIND):
        if record.stream != stream:
            continue
        # a price with another digit may come to the same outcome
        content = record.sound().content
        outcome = engine.apply(from_json(content["event"]))
        if canonical_bytes(outcome_json(outcome)) != canonical_bytes(content["outcome"]):
            raise LedgerError(f"record {record.seq}: event {outcome.number} comes to another outcome than recorded")
        if outcome.number % every == 0:
            engine.full_pass()
    return engine


@dataclass(frozen=True)
class Again:
    """What applying a stream once more came to: `events` applied and `states` made again, from the first state on.

    `builds` are the sources of the states where they are not the ones here; `differences` name record and what differs,
    the first hundred.
    """

    stream: str
    events: int
    states: int
    builds: tuple[str, ...]
    differences: tuple[str, ...]


def streams(ledger: Ledger) -> tuple[str, ...]:
    """The streams that an engine wrote."""
    return tuple(sorted({e.stream.removesuffix(" state") for e in ledger.entries(kind=SNAPSHOT)}))


def check_stream(ledger: Ledger, stream: str) -> None:
    """Raises `DocumentError` where the ledger has no such stream of an engine."""
    if ledger.latest(SNAPSHOT, f"{stream} state") is None:
        raise refuse("stream", stream, f"a stream of {ledger.place} that an engine wrote")


def records_of(ledger: Ledger, stream: str, told: Any = None, after: int | None = None) -> Iterator[Entry]:
    """Events and states of a stream in their order, after record `after`; `told(text, done, total)` hears of each.

    Raises `DocumentError` where the ledger has no such stream.
    """
    check_stream(ledger, stream)
    total = ledger.head()[0]
    for record in ledger.entries(after):
        if (record.kind, record.stream) in ((KIND, stream), (SNAPSHOT, f"{stream} state")):
            if told is not None:
                told(f"stream {stream}", record.seq, total)
            yield record


def again(ledger: Ledger, stream: str = "live", told: Any = None) -> Again:
    """Apply every event of a stream to its first state and hold each outcome, and each later state, to its record.

    Only the first state is believed. A record whose bytes were changed ends it, and is named. `told(text, done, total)`
    hears of each record. Raises `DocumentError` where the ledger has no such stream.
    """
    engine: Engine | None = None
    events = states = 0
    builds: set[str] = set()
    differences: list[str] = []
    for record in records_of(ledger, stream, told):
        try:
            content = record.sound().content
            if record.kind == SNAPSHOT:
                made = content.get("build")
                if made is not None and made != build():
                    builds.add(f"{made['version']} {made['sources'][:12]}")
                if engine is None:
                    engine = thaw(ledger.document(record.attached["state"]))
                    continue
                states += 1
                if hashlib.sha256(freeze(engine)).hexdigest() != content["sha256"]:
                    differences.append(f"record {record.seq}: the state after event {engine.events} is another")
            elif engine is not None:
                events += 1
                outcome = engine.apply(from_json(content["event"]))
                if canonical_bytes(outcome_json(outcome)) != canonical_bytes(content["outcome"]):
                    differences.append(f"record {record.seq}: event {outcome.number} comes to another outcome")
        except PlimsollError as error:
            words = str(error)
            differences.append(words if words.startswith("record ") else f"record {record.seq}: {words}")
            break
    return Again(stream, events, states, tuple(sorted(builds)), tuple(differences[:DIFFERENCES_KEPT]))
