"""One shard: an engine over its accounts with a record of its own. Plain Python; see `actors` for processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plimsoll.ledger import GroupCommit, Ledger
from plimsoll.live.events import Event
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.density import Answer, Question, answers
from plimsoll.live.record import KIND, SNAPSHOT, Recorder, outcome_json, resumed
from plimsoll.live.shards.monitors import ShardReading
from plimsoll.live.shards.opening import Opening
from plimsoll.margin.many.positions import F64

STREAM = "shard"
EVERY = 10_000
"""Events between two states."""


def place_of(folder: str, shard: int) -> str:
    """The ledger of a shard: a file of its own in a folder."""
    return str(Path(folder) / f"shard-{shard}.db")


@dataclass(frozen=True, eq=False)
class Books:
    """Where a shard stands: names of its accounts, `amounts[3, K]` (initial, maintenance, equity), statuses by number,
    the account documents as JSON, and the hash of its market."""

    names: tuple[str, ...]
    amounts: F64
    level: tuple[int, ...]
    documents: tuple[dict[str, Any], ...]
    market: str


class Shard:
    """The accounts of one shard, from its record where there is one.

    `apply` answers once everything is on the disk. What it is sent again it answers from the record: whoever does not
    know what of a batch arrived sends all of it.
    """

    def __init__(self, number: int, opening: Opening, folder: str, every: int = EVERY) -> None:
        self.number, self.every = number, every
        self.ledger = Ledger.open(place_of(folder, number))
        begun = self.ledger.latest(SNAPSHOT, f"{STREAM} state") is not None
        self.engine = resumed(self.ledger, STREAM, every=every) if begun else opening.engine(number)
        self.commits = GroupCommit(self.ledger)
        self.recorder = Recorder(self.engine, self.commits, STREAM, every)

    def position(self) -> int:
        """Events in its record."""
        return self.engine.events

    def process(self) -> int:
        """The process that it runs in."""
        return os.getpid()

    def apply(self, first: int, events: Sequence[Event]) -> list[dict[str, Any]]:
        """Events of its stream from place `first` on; what each came to, as its record says, once all are durable."""
        have = self.engine.events
        found = self._recorded(first, min(have, first + len(events) - 1))
        waiting = []
        for event in events[len(found) :]:
            outcome = self.engine.apply(event)
            waiting.append(self.recorder.write(event, outcome))
            found.append(outcome_json(outcome))
        for future in waiting:
            future.result()
        return found

    def _recorded(self, first: int, last: int) -> list[dict[str, Any]]:
        """Outcomes that stand in the record."""
        if last < first:
            return []
        own = (e for e in self.ledger.entries(kind=KIND) if e.stream == STREAM and first <= e.position <= last)
        return [dict(e.sound().content["outcome"]) for e in own]

    def books(self) -> Books:
        """Where it stands at this moment."""
        engine = self.engine
        initial, maintenance, equity = engine.amounts(engine.everyone)
        return Books(
            engine.holdings.names,
            np.array([initial, maintenance, equity]),
            tuple(engine.level.tolist()),
            tuple(engine.account(a).to_dict() for a in engine.everyone.tolist()),
            engine.market().hash(),
        )

    def watched(self) -> ShardReading:
        """What the monitors see of it."""
        engine = self.engine
        calls = None if engine.desk is None else engine.desk.read(engine.currency.tolist())
        return ShardReading(Block.of(engine), calls, engine.events, engine.market().hash())

    def answers(self, asked: Sequence[Question]) -> list[Answer]:
        """Which of its accounts, by their numbers here, a move of an underlying brings below their line."""
        return answers(self.engine, asked)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last record."""
        return self.ledger.head()

    def close(self) -> None:
        """Write what waits and let the record go."""
        self.commits.close()
        self.ledger.close()
