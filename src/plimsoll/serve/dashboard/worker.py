"""Heavy questions of a page in a process of their own: neither the books nor the server wait for a picture."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from plimsoll.documents import PlimsollError

SECONDS = 60.0
"""A question that takes longer is given up, and its process ended."""

WAITING = 32
"""Questions that may wait; one more is refused."""

KEPT = 256
"""Answers that are kept."""


def _settle() -> None:
    """In the new process: whoever checks orders goes first, and a server that was killed leaves nothing behind."""
    os.nice(10)
    server = multiprocessing.parent_process()

    def follow() -> None:
        if server is not None:
            server.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class BusyError(PlimsollError):
    """Too many questions wait, or one took too long."""


@dataclass(frozen=True)
class Answer:
    """What came of a question; `mark` is what the asker said of its inputs, `at` the process's own clock."""

    value: Any
    mark: str
    at: float

    @property
    def age(self) -> float:
        """Seconds since it was computed."""
        return time.monotonic() - self.at


class Worker:
    """One process that computes what takes longer than a moment, and a memory of its answers.

    The same question by several pages is computed once; `fresh` says for how many seconds an answer will do. Questions
    are functions of a module with values that can be pickled: documents, names, numbers.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._pool: ProcessPoolExecutor | None = None
        self._kept: dict[Hashable, Answer] = {}
        self._under_way: dict[Hashable, asyncio.Task[Answer]] = {}
        self._turn: asyncio.Semaphore | None = None

    async def ask(
        self, key: Hashable, fresh: float, function: Callable[..., Any], *values: Any, mark: str = ""
    ) -> Answer:
        """The answer, perhaps an earlier one. Raises what the function raises, and `BusyError`."""
        kept = self._kept.get(key)
        if kept is not None and kept.age < fresh:
            return kept
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= WAITING:
                raise BusyError(f"{WAITING} questions wait already: try again in a minute")
            task = asyncio.ensure_future(self._compute(key, function, values, mark))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        # a page that is closed does not take the answer from the others
        return await asyncio.shield(task)

    def close(self) -> None:
        """End the process."""
        self._stop()

    async def _compute(self, key: Hashable, function: Callable[..., Any], values: tuple[Any, ...], mark: str) -> Answer:
        self._turn = self._turn or asyncio.Semaphore(1)
        async with self._turn:
            if self._pool is None:
                # spawned: a fork of a process with threads and an open ledger would share their locks
                self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _settle)
            future = asyncio.wrap_future(self._pool.submit(function, *values))
            try:
                answer = await asyncio.wait_for(future, self.seconds)
            except TimeoutError:
                self._stop()
                raise BusyError(f"not done within {self.seconds:g} seconds") from None
            except BrokenProcessPool:
                self._stop()
                raise BusyError("the process that computed it has ended") from None
            while len(self._kept) >= KEPT:
                del self._kept[min(self._kept, key=lambda k: self._kept[k].at)]
            found = self._kept[key] = Answer(answer, mark, time.monotonic())
            return found

    def _ended(self, key: Hashable, done: asyncio.Task[Answer]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()

    def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
