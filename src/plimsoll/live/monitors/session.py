"""A feed played through an engine with its station, and the ladder on the way."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plimsoll.documents import format_instant
from plimsoll.ledger import Entry
from plimsoll.live.calls import CallStep
from plimsoll.live.calls.holders import Holders
from plimsoll.live.events import Event
from plimsoll.live.monitors.readings import Readings
from plimsoll.live.monitors.station import Station
from plimsoll.live.record import Recorder

KEPT = 50
"""The last steps of calls that a session keeps."""

Shown = Callable[["Watched"], None]


@dataclass
class Watched:
    """What a replay under monitors came to: `ladder` has the accounts of each step at every reading, `answers` counts
    the events of made-up holders and of liquidation, `last` is the reading at the end, with its density map."""

    station: Station
    events: int = 0
    answers: int = 0
    refused: int = 0
    ladder: list[tuple[datetime, dict[str, int]]] = field(default_factory=list)
    steps: deque[CallStep] = field(default_factory=lambda: deque(maxlen=KEPT))
    kinds: Counter[str] = field(default_factory=Counter)
    last: Readings | None = None
    stopped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        station = self.station
        standing = {
            rule: {key: format_instant(since) for key, since in keys.items()}
            for rule, keys in station.watch.standing.items()
        }
        return {
            "events": self.events,
            "answers": self.answers,
            "refused": self.refused,
            "stopped": self.stopped,
            "call_steps": dict(sorted(self.kinds.items())),
            "alerts": [a.to_dict() for a in station.said],
            "standing": standing,
            "ladder": [[format_instant(time), own] for time, own in self.ladder],
            "readings": None if self.last is None else self.last.to_dict(),
        }


def watched(
    station: Station,
    events: Iterator[Event],
    *,
    most: int | None = None,
    holders: Holders | None = None,
    recorder: Recorder | None = None,
    shown: Shown | None = None,
) -> Watched:
    """Play events, at most so many, through the engine of a station.

    Answers of `holders` come after the event that they answer. With a `recorder` every event is durable when this is
    back. `shown` is called after each reading. An interruption from the keyboard ends it cleanly.
    """
    found = Watched(station)
    engine = station.engine
    waiting: deque[Future[Entry]] = deque()
    try:
        for n, event in enumerate(events):
            if most is not None and n >= most:
                break
            found.events += 1
            queue: deque[Event] = deque([event])
            while queue:
                one = queue.popleft()
                outcome = engine.apply(one)
                found.refused += len(outcome.problems)
                found.steps.extend(outcome.calls)
                found.kinds.update(step.kind for step in outcome.calls)
                if recorder is not None:
                    waiting.append(recorder.write(one, outcome))
                    while waiting and waiting[0].done():
                        waiting.popleft().result()
                if holders is not None:
                    answers = holders.answers(outcome)
                    found.answers += len(answers)
                    queue.extend(answers)
            reading = station.heard()
            if reading is not None:
                on = {name: step.accounts for name, step in reading.health.steps.items()}
                found.ladder.append((reading.time, on))
                found.last = reading
                if shown is not None:
                    shown(found)
    except KeyboardInterrupt:
        found.stopped = True
    while waiting:
        waiting.popleft().result()
    found.last = station.read()
    return found
