"""Jobs: long computations, each in a process of its own that can be stopped at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from plimsoll.serve.limits import ServiceLimits
from plimsoll.serve.problems import Refused, content_of
from plimsoll.serve.wire import JobOut

LINE = 2**28
"""Bytes of a line that a worker may write: its result is one."""

GRACE = 2.0
"""Seconds between asking a worker to end and ending it."""

ENDED = ("done", "failed", "cancelled", "timed out")


@dataclass(eq=False)
class Job:
    """One job; `process` while it runs. It is over once `over` is set, and then its process has ended.

    `about` says in words that anybody may read what it is about: the task is forgotten when the job ends.
    """

    id: str
    kind: str
    event: int
    task: bytes
    about: Mapping[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = "waiting"
    ended: datetime | None = None
    progress: tuple[str, int, int] = ("", 0, 0)
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    process: asyncio.subprocess.Process | None = None
    then: Callable[[dict[str, Any]], Awaitable[None]] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self, whole: bool = True) -> JobOut:
        """As it goes over the wire, with or without its result."""
        text, done, total = self.progress
        return JobOut.model_validate(
            {
                "id": self.id,
                "kind": self.kind,
                "state": self.state,
                "event": self.event,
                "created": self.created,
                "ended": self.ended,
                "progress": {"text": text, "done": done, "total": total},
                "result": self.result if whole else None,
                "problem": self.problem,
            }
        )


class Jobs:
    """The jobs of a tenant: so many at once, the others wait, and those that ended are kept for a while."""

    def __init__(self, limits: ServiceLimits) -> None:
        self.limits = limits
        self.all: dict[str, Job] = {}
        self._turns = asyncio.Semaphore(limits.jobs)
        self._tasks: set[asyncio.Task[None]] = set()

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        return dict(Counter(job.state for job in list(self.all.values())))

    def start(
        self,
        kind: str,
        task: dict[str, Any],
        event: int,
        then: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> Job:
        """Queue a job; `then` is done with its result before it is given out. Raises `Refused` where too many wait."""
        waiting = sum(job.state in ("waiting", "running") for job in self.all.values())
        if waiting >= self.limits.jobs + self.limits.waiting:
            raise Refused(503, f"{waiting} jobs run or wait", headers={"Retry-After": "10"})
        job = Job(
            secrets.token_hex(8), kind, event, json.dumps({"kind": kind, **task}).encode(), about or {}, then=then
        )
        self.all[job.id] = job
        over = [j.id for j in self.all.values() if j.state in ENDED]
        for own in over[: max(0, len(self.all) - self.limits.kept_jobs)]:
            del self.all[own]
        running = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)
        return job

    def of(self, own: str) -> Job:
        """A job by its id."""
        found = self.all.get(own)
        if found is None:
            raise Refused(404, "no such job")
        return found

    async def cancel(self, job: Job) -> None:
        """End a job; when this returns its process is gone."""
        job.stop.set()
        await job.over.wait()

    async def close(self) -> None:
        """End all of them."""
        for job in self.all.values():
            job.stop.set()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _run(self, job: Job) -> None:
        try:
            turn = asyncio.ensure_future(self._turns.acquire())
            stopped = asyncio.ensure_future(job.stop.wait())
            await asyncio.wait({turn, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                turn.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    if await turn:
                        self._turns.release()
                job.state = "cancelled"
                return
            try:
                await self._work(job, stopped)
            finally:
                stopped.cancel()
                self._turns.release()
        except Exception as error:  # noqa: BLE001  a job that cannot be started has failed
            job.state, job.result = "failed", None
            job.problem = content_of(500, f"the job could not be run: {type(error).__name__}")
        finally:
            job.task = b""
            job.ended = datetime.now(UTC)
            job.over.set()

    async def _work(self, job: Job, stopped: asyncio.Future[Any]) -> None:
        if job.stop.is_set():
            job.state = "cancelled"
            return
        pipe = asyncio.subprocess.PIPE
        job.process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "plimsoll.serve.worker", str(int(self.limits.job_seconds) + 5),
            stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=LINE,
        )  # fmt: skip
        job.state = "running"
        reading = asyncio.ensure_future(self._read(job, process))
        try:
            done, _ = await asyncio.wait(
                {reading, stopped}, timeout=self.limits.job_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not reading.done():
                reading.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reading
            await _end(process)
            job.process = None
        if reading in done and reading.exception() is None and (job.result is not None or job.problem is not None):
            if job.then is not None and job.result is not None:
                await job.then(job.result)
            job.state = "done" if job.result is not None else "failed"
        elif stopped in done:
            job.state, job.result, job.problem = "cancelled", None, None
        elif not done:
            job.state = "timed out"
            job.problem = content_of(504, f"more than {self.limits.job_seconds:g} seconds")
        else:
            job.state, job.problem = "failed", content_of(500, f"its process ended with {process.returncode}")

    @staticmethod
    async def _read(job: Job, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        # the pipe stays open: a worker ends when it closes, so none is left behind by a service that was killed
        process.stdin.write(len(job.task).to_bytes(8, "big") + job.task)
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        while line := await process.stdout.readline():
            content = json.loads(line)
            if "progress" in content:
                text, done, total = content["progress"]
                job.progress = (str(text), int(done), int(total))
            elif "result" in content:
                job.result = content["result"]
            elif "problem" in content:
                job.problem = content["problem"]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and wait until it is gone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.stdin is not None:
        process.stdin.close()
