"""What a service keeps: tenants that share nothing, each with its engine on a thread, its ledger, jobs and clients."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from plimsoll.documents import refuse
from plimsoll.ledger import Entry, GroupCommit, Ledger
from plimsoll.ledger import Event as Written
from plimsoll.live.alerts import AlertRecord, AlertRules, Webhook
from plimsoll.live.alerts.sinks import Sink, said_before
from plimsoll.live.engine import Engine
from plimsoll.live.events import Event
from plimsoll.live.outcome import Decision, Outcome
from plimsoll.live.record import Recorder, resumed
from plimsoll.live.runner import Live
from plimsoll.margin import Account, MarginModel
from plimsoll.market import Market
from plimsoll.serve.batcher import Batcher
from plimsoll.serve.hub import Hub
from plimsoll.serve.jobs import Jobs
from plimsoll.serve.limits import Buckets, ServiceLimits
from plimsoll.serve.measures import TenantMeasures
from plimsoll.serve.monitors import Monitors, check_rules
from plimsoll.serve.once import Once
from plimsoll.serve.problems import Refused
from plimsoll.serve.tokens import TokenFile

T = TypeVar("T")

CALLS = "service"
"""The stream of privileged calls."""

CALL, ANSWER = "call", "call-answer"
MARGINS = "margin"
PROOF, PROOFS = "proof", "proofs"
"""Kind and stream of what is kept of a proof."""
RECENT = 50_000
"""Records at the end of a ledger in which calls with an idempotency key are looked for at a start."""

KEPT_CALLS = 10_000

PATIENCE = 5.0
"""Seconds at the end for alerts that wait to be posted."""


@dataclass(frozen=True)
class Book:
    """An account and its market as they stood at event number `event`."""

    event: int
    model: MarginModel
    account: Account
    market: Market


class Tenant:
    """One owner of accounts. Nothing here refers to another tenant.

    `engine` as it stands or, with a ledger that has the stream `live`, as it is resumed from there: then `make` is not
    called. Everything that reads or changes the books goes through the engine's thread.

    The monitors are held to the rules `alerts` (the shipped ones, if left out), and what they say goes to `webhook` and
    to the ledger. Raises `DocumentError` for a rule whose reading leads nowhere; `unread` names the given rules on
    subjects that only `plimsoll live monitor` reads.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Engine],
        *,
        ledger: str | Path | None = None,
        limits: ServiceLimits | None = None,
        alerts: AlertRules | None = None,
        webhook: Webhook | None = None,
    ) -> None:
        self.name = name
        self.webhook = webhook
        self.limits = limits or ServiceLimits()
        self.measures = TenantMeasures()
        self.ledger: Ledger | None = None
        self.commits: GroupCommit | None = None
        recorder = None
        engine = None
        with ExitStack() as undone:
            if ledger is not None:
                self.ledger = undone.enter_context(Ledger.open(ledger))
                if self.ledger.latest("live-state", "live state") is not None:
                    engine = resumed(self.ledger)
            self.resumed = engine is not None
            engine = make() if engine is None else engine
            _speakable(engine.holdings.names)
            self.unread = () if alerts is None else check_rules(alerts, engine)
            undone.pop_all()
        if self.ledger is not None:
            self.commits = GroupCommit(self.ledger)
            recorder = Recorder(engine, self.commits)
        self.model = engine.model
        self.names = engine.holdings.names
        self.number = engine.holdings.number
        self.live = Live(engine, recorder, kept=10_000)
        self.news: deque[tuple[Outcome, datetime]] = deque(maxlen=10_000)
        self.hub = Hub(self)
        sinks: list[Sink] = [] if webhook is None else [webhook]
        said = []
        if self.commits is not None and self.ledger is not None:
            sinks.append(AlertRecord(self.commits))
            said = said_before(self.ledger)
        self.monitors = Monitors(self, alerts, sinks, said)
        self.whatifs = Batcher(self.live)
        self.jobs = Jobs(self.limits)
        self.once = Once()
        self._pool = ThreadPoolExecutor(self.limits.reads, thread_name_prefix=f"plimsoll-read-{name}")
        self._reading = 0
        self._guard = threading.Lock()
        self._places: dict[str, int] = {}
        self._market: tuple[int, Market] | None = None
        if self.ledger is not None:
            self._places = {s: self.ledger.last(s) for s in (CALLS, MARGINS, PROOFS)}
            self._remember(self.ledger)

    def submit(self, event: Event, timeout: float | None = 0.0) -> Future[Outcome]:
        """Queue an event; its outcome is told to the clients of the stream too."""
        return self.submit_together([event], timeout)[0]

    def submit_together(self, events: Sequence[Event], timeout: float | None = 0.0) -> list[Future[Outcome]]:
        """Queue events that no question comes between."""
        futures = self.live.submit_together(events, timeout)
        for event, future in zip(events, futures, strict=True):
            future.add_done_callback(lambda done, time=event.time: self._heard(done, time))  # type: ignore[misc]
        return futures

    def _heard(self, done: Future[Outcome], time: datetime) -> None:
        if not done.cancelled() and done.exception() is None and done.result().decisions:
            self.news.append((done.result(), time))

    async def ask(self, question: Callable[[Engine], T]) -> T:
        """Put a question to the engine."""
        return await asyncio.wrap_future(self.live.ask(question, timeout=0.0))

    async def book(self, account: str) -> Book:
        """An account with its market, of one moment. Raises `Refused` (404) for an account that is none here."""
        a = self.of(account)
        return await self.ask(lambda engine: Book(engine.events, engine.model, engine.account(a), self.market(engine)))

    def market(self, engine: Engine) -> Market:
        """The market as the engine sees it; on the engine's thread. Made once for all who ask between two events."""
        if self._market is None or self._market[0] != engine.events:
            self._market = (engine.events, engine.market())
        return self._market[1]

    def of(self, account: str) -> int:
        """The number of an account."""
        found = self.number.get(account)
        if found is None:
            raise Refused(404, "no such account")
        return found

    async def compute(self, work: Callable[[], T]) -> T:
        """Something that takes its time, on a thread of this tenant."""
        if self._reading >= 4 * self.limits.reads:
            raise Refused(503, "too much is being computed for this tenant", headers={"Retry-After": "1"})
        self._reading += 1
        try:
            running = asyncio.get_running_loop().run_in_executor(self._pool, work)
            return await asyncio.wait_for(running, self.limits.read_seconds)
        except TimeoutError:
            raise Refused(504, f"more than {self.limits.read_seconds:g} seconds of computing; ask for less") from None
        finally:
            self._reading -= 1

    def note(self, make: Callable[[int], Written], stream: str) -> Future[Entry] | None:
        """Record something at the next place of a stream; nothing where there is no ledger."""
        if self.commits is None:
            return None
        with self._guard:
            place = self._places[stream] = self._places[stream] + 1
            return self.commits.submit(make(place))

    def note_call(self, kind: str, content: Mapping[str, Any], answer: bytes | None = None) -> Future[Entry] | None:
        """Queue the record of a privileged call (`CALL`), or of what came of it (`ANSWER`)."""
        attached = {} if answer is None else {"answer": answer}
        now = datetime.now(UTC)
        return self.note(lambda place: Written(kind, CALLS, now, content, place, attached), CALLS)

    async def called(self, content: Mapping[str, Any]) -> None:
        """Record a privileged call; it is durable when this returns."""
        await self.durable(self.note_call(CALL, content))

    @staticmethod
    async def durable(record: Future[Entry] | None) -> None:
        """Wait until a record is on the disk, where there is one."""
        if record is not None:
            await asyncio.wrap_future(record)

    def measure(self) -> bytes:
        """The tenant's numbers for Prometheus. Reads counters and the last reading of the monitors only, so it needs no
        turn in the engine's queue."""
        engine, m = self.live.engine, self.measures
        m.events.set(engine.events)
        m.queue.set(self.live.waiting)
        m.calls.set(engine.totals["calls"])
        m.up.set(self.live.failure is None)
        for status, count in statuses(engine).items():
            m.accounts.labels(status).set(count)
        for fault, count in list(engine.gate.counts.items()):
            m.faults.labels(fault).set(count)
        for state, count in self.jobs.counts().items():
            m.jobs.labels(state).set(count)
        m.streams.set(len(self.hub.clients))
        if self.monitors.latest is not None:
            m.readings.tell(self.monitors.latest, self.monitors.standing)
        if self.ledger is not None:
            m.ledger.set(self.ledger.head()[0])
        if self.webhook is not None:
            for outcome, count in list(self.webhook.counts.items()):
                m.webhook.labels(outcome).set(count)
        return m.text()

    def close(self) -> None:
        """End its threads, after what is waiting; what was acknowledged is durable."""
        if self.webhook is not None:
            self.webhook.close(PATIENCE)
        self.live.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self.commits is not None:
            self.commits.close()
        if self.ledger is not None:
            self.ledger.close()

    def _remember(self, ledger: Ledger) -> None:
        """Answers to calls with an idempotency key that are still to be given again after a restart."""
        found = []
        for entry in ledger.entries(max(0, ledger.head()[0] - RECENT), kind=ANSWER):
            content = entry.content
            if content.get("key") and "answer" in entry.attached:
                found.append((content, entry.attached["answer"], entry.time))
        for content, digest, time in found[-KEPT_CALLS:]:
            self.once.remember(
                (content["token"], content["operation"], content["key"]),
                content["request"], int(content["status"]), ledger.document(digest), datetime.fromisoformat(time),
            )  # fmt: skip


def statuses(engine: Engine) -> dict[str, int]:
    """How many accounts have each status."""
    from plimsoll.live.outcome import STATUSES

    counts = np.bincount(engine.level, minlength=len(STATUSES))
    return {status: int(count) for status, count in zip(STATUSES, counts, strict=True)}


def _speakable(names: Sequence[str]) -> None:
    """Names that stand in a path of the interface."""
    for name in names:
        if "/" in name or "\\" in name or name in (".", "..") or not name.isprintable() or name != name.strip():
            raise refuse("accounts.name", name, "printable text without a slash, not . or .., no space at its ends")


@dataclass
class Service:
    """The tenants by name, the tokens and what all share: bounds and rates, no data."""

    tenants: dict[str, Tenant]
    tokens: TokenFile
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    rates: Buckets = field(default_factory=Buckets)
    failures: Buckets = field(default_factory=Buckets)

    def close(self) -> None:
        """End every tenant."""
        for tenant in self.tenants.values():
            tenant.close()


__all__ = ["Book", "Decision", "Service", "Tenant", "statuses"]
