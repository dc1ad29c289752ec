"""An engine with its monitors and alerts: told of every event, looks when the clock of the events has gone on."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from plimsoll.live.alerts import Alert, AlertRules, AlertWatch
from plimsoll.live.alerts.sinks import Sink
from plimsoll.live.engine import Engine
from plimsoll.live.monitors.coverage import CoverageWatch
from plimsoll.live.monitors.manipulation import SourceBooks
from plimsoll.live.monitors.readings import Readings, read
from plimsoll.live.monitors.rule import MonitorRule

KEPT = 1_000
"""The last alerts that a station keeps."""


class Station:
    """Reads an engine every `every` seconds of the events' clock and says what its rules find.

    Call `heard` after each event that was applied, on the engine's thread. The density map is left to `read`: no alert
    of the shipped rules needs it, and it costs as much as all else together. `latest` is the last reading. `books` are
    those of the sources, if they are known: set newer ones whenever they come.
    """

    def __init__(
        self,
        engine: Engine,
        rule: MonitorRule | None = None,
        alerts: AlertRules | None = None,
        sinks: Sequence[Sink] = (),
        *,
        every: float = 60.0,
        said: Sequence[Alert] = (),
        books: SourceBooks | None = None,
    ) -> None:
        self.engine, self.rule = engine, rule or MonitorRule()
        self.coverage = CoverageWatch(engine, self.rule)
        self.watch = AlertWatch(alerts or AlertRules())
        self.watch.restore(said)
        self.sinks = tuple(sinks)
        self.every, self.books = every, books
        self.latest: Readings | None = None
        self.said: deque[Alert] = deque(maxlen=KEPT)
        self._looked: datetime | None = None

    def heard(self) -> Readings | None:
        """After an event: the reading, if it was time for one."""
        self.coverage.look()
        now = self.engine.prices.time
        if self._looked is not None and (now - self._looked).total_seconds() < self.every:
            return None
        self._looked = now
        self.latest = self.read(with_density=False)
        for alert in self.watch.look(self.latest.to_dict(), now):
            self.said.append(alert)
            for sink in self.sinks:
                sink.send(alert)
        return self.latest

    def read(self, with_density: bool = True) -> Readings:
        """Everything, now; no alert comes of it."""
        return read(self.engine, self.rule, coverage=self.coverage, with_density=with_density, books=self.books)
