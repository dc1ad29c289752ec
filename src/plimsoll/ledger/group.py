"""Group commit: many writers, one transaction at a time, an answer when it is durable."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple

from plimsoll.ledger.errors import LedgerError, UnavailableError
from plimsoll.ledger.records import Entry, Event
from plimsoll.ledger.store import Ledger

_End = None


class _Waiting(NamedTuple):
    event: Event
    future: Future[Entry]
    behind: str | None


class GroupCommit:
    """A thread that writes whatever is waiting as one transaction.

    `submit` hands back a future that has the entry once it is durable, or the error for which it is not. A batch that
    failed because the database was away is tried `retries` times with `pause` seconds before each; events with
    positions are not written twice by that. An event that is refused by itself does not keep the others of its batch,
    but for those that are to stand behind it.
    A future that is cancelled while its event waits keeps it from being written; later it can no longer be cancelled.
    Where `room` events wait for a slow disk, `submit` waits too: whoever writes faster than the disk is slowed down.
    """

    def __init__(
        self, ledger: Ledger, most: int = 1_000, retries: int = 3, pause: float = 0.2, room: int = 10_000
    ) -> None:
        self.ledger, self.most, self.retries, self.pause = ledger, most, retries, pause
        self.batches = 0
        self._room = threading.Semaphore(room)
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        # positions by stream of what was not written
        self._lost: dict[str, set[int]] = {}
        self._closed = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="plimsoll-ledger", daemon=True)
        self._thread.start()

    def submit(self, event: Event, *, behind: str | None = None) -> Future[Entry]:
        """Queue one event, once there is room for it. Raises `LedgerError` after `close`.

        `behind` names a stream without gaps: where one of its events with a smaller position was not written, for
        whatever reason, neither is this one, until that is there. Else a smaller batch that finds room on a full disk
        would stand behind a gap.
        """
        future: Future[Entry] = Future()
        if threading.current_thread() is not self._thread:
            self._room.acquire()
            # whoever is told of a record and writes another is on the thread that makes room, and may not wait for it
            future.add_done_callback(lambda _: self._room.release())
        with self._guard:
            if not self._closed:
                self._waiting.put(_Waiting(event, future, behind))
                return future
        future.cancel()
        raise LedgerError("the ledger was closed")

    def close(self) -> None:
        """Write what is waiting and end the thread."""
        with self._guard:
            if not self._closed:
                self._closed = True
                self._waiting.put(_End)
        self._thread.join()

    def __enter__(self) -> GroupCommit:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch: list[_Waiting] = []
            item = self._waiting.get()
            while True:
                if item is _End:
                    ended = True
                    break
                batch.append(item)
                if len(batch) >= self.most:
                    break
                try:
                    item = self._waiting.get_nowait()
                except queue.Empty:
                    break
            if batch:
                self._write(batch)

    def _write(self, batch: list[_Waiting]) -> None:
        """Write a batch and answer each of its futures, whatever happens; what was cancelled before is not written."""
        running = []
        for one in batch:
            if one.future.set_running_or_notify_cancel():
                running.append(one)
            else:
                self._lose(one.event)
        self._answer(running)

    def _answer(self, batch: list[_Waiting]) -> None:
        batch = self._in_turn(batch)
        if not batch:
            return
        self.batches += 1
        try:
            entries = self._patiently([one.event for one in batch])
        except UnavailableError as error:
            for one in batch:
                self._fail(one, error)
        except BaseException as error:  # noqa: BLE001  whoever waits must hear of it, whatever it is
            if len(batch) == 1:
                self._fail(batch[0], error)
                return
            for one in batch:
                self._answer([one])
        else:
            for entry, one in zip(entries, batch, strict=True):
                self._found(self._lost, one.event)
                one.future.set_result(entry)

    def _in_turn(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Those of a batch that stand behind nothing that is missing; the futures of the others are answered."""
        missing = {stream: set(positions) for stream, positions in self._lost.items() if positions}
        if not missing:
            return batch
        found = []
        for one in batch:
            event, behind = one.event, one.behind or ""
            gap = min(missing.get(behind, ()), default=None)
            if gap is not None and event.position is not None and gap < event.position:
                words = f"event {gap} of {behind!r}, which comes before, was not written"
                self._fail(one, UnavailableError(words))
            else:
                self._found(missing, event)
                found.append(one)
        return found

    def _fail(self, one: _Waiting, error: BaseException) -> None:
        self._lose(one.event)
        one.future.set_exception(error)

    def _lose(self, event: Event) -> None:
        if event.position is not None:
            self._lost.setdefault(event.stream, set()).add(event.position)

    @staticmethod
    def _found(lost: dict[str, set[int]], event: Event) -> None:
        if event.position is not None:
            lost.get(event.stream, set()).discard(event.position)

    def _patiently(self, events: list[Event]) -> list[Entry]:
        # without a place an event that was written after all would be written again
        again = self.retries if all(e.position is not None for e in events) else 0
        while True:
            try:
                return self.ledger.append(events)
            except UnavailableError:
                if again <= 0:
                    raise
            again -= 1
            time.sleep(self.pause)
