"""A call with an idempotency key is done once, however often and however concurrently it comes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from plimsoll.serve.problems import Refused

Key = tuple[str, str, str]
"""Token, operation, and the key that the caller chose."""

Reply = tuple[int, bytes]


@dataclass(frozen=True)
class Kept:
    """An answer that is given again: to the same `request` (its hash) only."""

    request: str
    status: int
    body: bytes
    at: datetime


class Once:
    """Answers by key, for a day and at most `most` of them. On the event loop only.

    A call that is refused leaves its key free.
    """

    def __init__(self, most: int = 10_000, hours: float = 24.0) -> None:
        self.most, self.age = most, timedelta(hours=hours)
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._running: dict[Key, tuple[str, asyncio.Future[Reply]]] = {}

    def remember(self, key: Key, request: str, status: int, body: bytes, at: datetime) -> None:
        """Keep an answer."""
        if datetime.now(UTC) - at > self.age:
            return
        self._kept[key] = Kept(request, status, body, at)
        self._kept.move_to_end(key)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)

    async def do(self, key: Key, request: str, work: Callable[[], Awaitable[Reply]]) -> tuple[Reply, bool]:
        """The reply, and whether it was given before. Raises `Refused` for a key that another request has used."""
        while True:
            kept = self._kept.get(key)
            if kept is not None and datetime.now(UTC) - kept.at <= self.age:
                self._same(kept.request, request)
                return (kept.status, kept.body), True
            if key not in self._running:
                break
            first, future = self._running[key]
            self._same(first, request)
            # where the first is refused, this one tries itself
            await asyncio.wait([future])
        done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._running[key] = (request, done)
        try:
            reply = await work()
            self.remember(key, request, *reply, datetime.now(UTC))
        finally:
            del self._running[key]
            done.cancel()
        return reply, False

    @staticmethod
    def _same(first: str, request: str) -> None:
        if first != request:
            raise Refused(422, "this idempotency key was used for another request")
