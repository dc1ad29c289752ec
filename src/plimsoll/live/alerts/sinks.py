"""Where alerts go: a log, and a stream of a ledger."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from typing import Protocol

from plimsoll.ledger import Entry, GroupCommit, Ledger
from plimsoll.ledger import Event as Written
from plimsoll.live.alerts.watch import Alert

KIND = "alert"
LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}


class Sink(Protocol):
    """Something that takes alerts and never waits."""

    def send(self, alert: Alert) -> object: ...


class AlertLog:
    """Says each alert to a logger, by default `plimsoll.alerts`; one that is over at the level of information."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = logger or logging.getLogger("plimsoll.alerts")

    def send(self, alert: Alert) -> None:
        """One line."""
        level = logging.INFO if alert.said == "cleared" else LEVELS[alert.severity]
        self.logger.log(level, "%s", alert.words, extra={"alert": alert.to_dict()})


class AlertRecord:
    """Writes each alert to the stream `<stream> alerts` of a ledger, once: one that is there by its id is left out."""

    def __init__(self, commits: GroupCommit, stream: str = "live") -> None:
        self.commits, self.stream = commits, f"{stream} alerts"
        said = said_before(commits.ledger, stream)
        self.ids = {alert.id for alert in said}
        self.position = commits.ledger.last(self.stream)

    def send(self, alert: Alert) -> Future[Entry] | None:
        """Queue a record; a future of it once it is durable, `None` where it is there already."""
        if alert.id in self.ids:
            return None
        self.ids.add(alert.id)
        self.position += 1
        return self.commits.submit(Written(KIND, self.stream, alert.time, alert.to_dict(), self.position))


def said_before(ledger: Ledger, stream: str = "live") -> list[Alert]:
    """The alerts of a stream, in the order in which they were said; for `AlertWatch.restore`."""
    name = f"{stream} alerts"
    return [Alert.from_dict(e.content) for e in ledger.entries(kind=KIND) if e.stream == name]
