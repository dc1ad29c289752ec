"""One thread that owns the books: events and questions through a bounded queue, answers when they are durable."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TypeVar

from plimsoll.documents import PlimsollError
from plimsoll.ledger import Entry
from plimsoll.live.engine import Engine
from plimsoll.live.events import Event
from plimsoll.live.orders import Order, Verdict
from plimsoll.live.outcome import Outcome
from plimsoll.live.record import Recorder

T = TypeVar("T")
Work = Callable[[], None]


class OverloadedError(PlimsollError):
    """The queue is full: the engine is behind, and the event was not taken."""


class StoppedError(PlimsollError):
    """The engine has ended, or has failed, and takes nothing more."""


class Live:
    """An engine on its own thread.

    `submit` queues an event and hands back a future of its outcome; with a recorder it has the outcome once the event
    is on the disk, so what was acknowledged survives a crash. Events are applied in the order in which they were
    queued; a question sees the books after all events before it, a soon one (`ask`) at least those that were applied
    when it was put. What is cancelled before its turn is not applied. A fault of ours or of the ledger ends the thread:
    the books are then in doubt, and a restart has to come from the record.
    `waits` has the seconds of each event from `submit` until it was applied, `took` those that the engine spent on it;
    of the last `kept` events, if that is given, as a service that runs for months has to.
    """

    def __init__(
        self, engine: Engine, recorder: Recorder | None = None, most: int = 10_000, kept: int | None = None
    ) -> None:
        self.engine, self.recorder = engine, recorder
        self.waits: deque[float] = deque(maxlen=kept)
        self.took: deque[float] = deque(maxlen=kept)
        self.failure: BaseException | None = None
        self._queue: queue.Queue[Work | None] = queue.Queue(most)
        self._soon: deque[Work] = deque()
        self._guard = threading.Lock()
        self._closed = False
        engine.between = self._answer
        self._thread = threading.Thread(target=self._run, name="plimsoll-live", daemon=True)
        self._thread.start()

    def submit(self, event: Event, timeout: float | None = None) -> Future[Outcome]:
        """Queue an event. Waits for room, at most `timeout` seconds, then raises `OverloadedError`."""
        return self.submit_together([event], timeout)[0]

    def submit_together(self, events: Sequence[Event], timeout: float | None = None) -> list[Future[Outcome]]:
        """Queue events that no question comes between, as the two sides of a trade; they take one place."""
        made = [self._event(event) for event in events]

        def work() -> None:
            for one, _ in made:
                one()

        self._put(work, timeout)
        return [future for _, future in made]

    def _event(self, event: Event) -> tuple[Work, Future[Outcome]]:
        future: Future[Outcome] = Future()
        start = time.perf_counter()

        def work() -> None:
            begun = time.perf_counter()
            outcome = self.engine.apply(event)
            done = time.perf_counter()
            self.waits.append(done - start)
            self.took.append(done - begun)
            if self.recorder is None:
                future.set_result(outcome)
            else:
                self.recorder.write(event, outcome).add_done_callback(lambda done: self._durable(done, future, outcome))

        return self._guarded(work, future), future

    def check(self, order: Order, timeout: float | None = None) -> Future[Verdict]:
        """Ask for a verdict on an order, after the events before it."""
        return self.ask(lambda engine: engine.check(order), timeout)

    def ask(self, question: Callable[[Engine], T], timeout: float | None = None, *, soon: bool = False) -> Future[T]:
        """Put any question to the engine, on its thread. What it raises comes back in the future and stops nothing.

        `soon` for what `Engine.between` may answer: it does not wait for events that are queued, nor for the end of one
        that is being margined.
        """
        future: Future[T] = Future()

        def work() -> None:
            try:
                answer = question(self.engine)
            except Exception as error:  # noqa: BLE001  whoever asked hears of it
                future.set_exception(error)
            else:
                future.set_result(answer)

        self._put(self._guarded(work, future), timeout, soon=soon)
        return future

    def close(self) -> None:
        """Apply what is waiting, then end the thread."""
        with self._guard:
            first = not self._closed
            self._closed = True
        if first and self._thread.is_alive():
            self._queue.put(None)
        self._thread.join()
        # what slipped in behind the end is answered too
        while not self._queue.empty():
            late = self._queue.get()
            if late is not None:
                self.failure = self.failure or StoppedError("it was closed")
                late()

    @property
    def waiting(self) -> int:
        """Events and questions in the queue."""
        return self._queue.qsize()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _guarded(self, work: Work, future: Future[T]) -> Work:
        def guarded() -> None:
            # what was cancelled while it waited is not applied; what has begun can no longer be cancelled
            if not future.set_running_or_notify_cancel():
                return
            if self.failure is not None:
                future.set_exception(StoppedError(f"the engine has failed: {self.failure}"))
                return
            try:
                work()
            except BaseException as error:  # noqa: BLE001  the books are in doubt, whatever it is
                self.failure = error
                future.set_exception(error)

        return guarded

    def _put(self, work: Work, timeout: float | None, *, soon: bool = False) -> None:
        with self._guard:
            if self._closed or self.failure is not None:
                reason = "it was closed" if self.failure is None else f"it has failed: {self.failure}"
                raise StoppedError(f"the engine takes nothing more: {reason}")
        if soon:
            if len(self._soon) >= self._queue.maxsize:
                raise OverloadedError(f"{len(self._soon)} questions wait: the engine is behind")
            self._soon.append(work)
            # wakes an engine that waits; one with a full queue comes by in any case
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(self._answer)
            return
        try:
            self._queue.put(work, timeout=timeout)
        except queue.Full:
            raise OverloadedError(f"{self._queue.maxsize} events wait: the engine is behind") from None

    def _durable(self, done: Future[Entry], future: Future[Outcome], outcome: Outcome) -> None:
        error = done.exception()
        if error is None:
            future.set_result(outcome)
        else:
            self.failure = error
            future.set_exception(error)

    def _answer(self) -> None:
        """Answer what was asked soon. On the engine's thread, between two blocks of accounts or two events."""
        while self._soon:
            self._soon.popleft()()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            self._answer()
            work()


__all__ = ["Live", "OverloadedError", "StoppedError"]
