"""News of a tenant for its clients: numbered frames, queues that are bounded, and no waiting for a slow reader."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from plimsoll.documents import PlimsollError, format_instant
from plimsoll.live.outcome import STATUSES
from plimsoll.live.supposed import marks_of

if TYPE_CHECKING:
    from plimsoll.live.engine import Engine
    from plimsoll.live.outcome import Outcome
    from plimsoll.serve.state import Tenant

LOOK = 0.1
"""Seconds between two looks for alerts."""

FRAMES = 0.5
"""Seconds between two frames of the fleet and of accounts, where something happened."""

KEPT = 1_000
"""Alerts that a client can ask for again."""

WORST = 20

PATIENCE = 5.0
"""Seconds for a reader that catches up to make room for its next frame."""


class Client:
    """One reader: its channels, and a queue of at most `most` frames."""

    def __init__(self, most: int) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue(most)
        self.channels: set[str] = set()
        self.slow = asyncio.Event()

    def put(self, frame: str) -> None:
        """Queue a frame; a reader that has no room for it is too slow."""
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.slow.set()

    async def taken(self, frame: str) -> bool:
        """Queue a frame once there is room; a reader that makes none in time is too slow."""
        try:
            await asyncio.wait_for(self.queue.put(frame), PATIENCE)
        except TimeoutError:
            self.slow.set()
            return False
        return True


class Hub:
    """Sends each frame once to the queue of everybody who asked for its channel.

    Channels are `fleet`, `alerts` and `account NAME`; each counts its own frames from one, for all readers alike, so a
    gap in the numbers is a frame that a reader did not get.
    """

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.clients: set[Client] = set()
        self.numbers: Counter[str] = Counter()
        self.alerts: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._seen = -1

    async def run(self) -> None:
        """The pump, for as long as the service runs."""
        turn = 0
        self.loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK)
            turn += 1
            self._tell_alerts()
            if turn % round(FRAMES / LOOK) == 0 and self.clients:
                try:
                    await self._tell_books()
                except PlimsollError:
                    continue  # the engine is behind or has stopped: health says so

    def join(self, client: Client) -> None:
        """A new reader."""
        self.clients.add(client)

    def leave(self, client: Client) -> None:
        """A reader that is gone."""
        self.clients.discard(client)

    async def first(self, client: Client, channel: str, after: int | None) -> None:
        """What a reader gets when it asks for a channel: the present frame, or the alerts after a number."""
        if channel == "alerts":
            last = self.numbers[channel]
            since = last if after is None else after
            kept = self.alerts[0][0] if self.alerts else last + 1
            head = {"channel": channel, "sequence": last, "subscribed": True, "missed": max(0, kept - since - 1)}
            client.put(json.dumps(head))
            client.channels.discard(channel)
            # more may have been kept than the queue has room for: wait for the reader, with those that come meanwhile
            while rest := [(number, frame) for number, frame in self.alerts if number > since]:
                for _, frame in rest:
                    if not await client.taken(frame):
                        return
                since = rest[-1][0]
            client.channels.add(channel)
            return
        content = await self.tenant.ask(lambda engine: self._content(engine, channel))
        client.put(json.dumps({"channel": channel, "sequence": self.numbers[channel], "subscribed": True, **content}))
        client.channels.add(channel)

    def _tell_alerts(self) -> None:
        while self.tenant.news:
            outcome, time = self.tenant.news.popleft()
            for content in _alerts(outcome, time):
                number = self.numbers["alerts"] = self.numbers["alerts"] + 1
                frame = json.dumps({"channel": "alerts", "sequence": number, **content})
                self.alerts.append((number, frame))
                for client in self.clients:
                    if "alerts" in client.channels:
                        client.put(frame)

    async def _tell_books(self) -> None:
        if self.tenant.live.engine.events == self._seen:
            return
        channels = sorted({c for client in self.clients for c in client.channels if c != "alerts"})
        if not channels:
            return

        def look(engine: Engine) -> tuple[int, list[dict[str, Any]]]:
            return engine.events, [self._content(engine, channel) for channel in channels]

        self._seen, contents = await self.tenant.ask(look)
        for channel, content in zip(channels, contents, strict=True):
            number = self.numbers[channel] = self.numbers[channel] + 1
            frame = json.dumps({"channel": channel, "sequence": number, **content})
            for client in list(self.clients):
                if channel in client.channels:
                    client.put(frame)

    def _content(self, engine: Engine, channel: str) -> dict[str, Any]:
        if channel == "fleet":
            return fleet_frame(engine)
        account = channel.removeprefix("account ")
        return {"event": engine.events, **standing(engine, self.tenant.number[account])}


def _alerts(outcome: Outcome, time: datetime) -> list[dict[str, Any]]:
    return [{"event": outcome.number, "time": format_instant(time), **asdict(d)} for d in outcome.decisions]


def standing(engine: Engine, a: int) -> dict[str, Any]:
    """An account as it stands, in the smallest unit."""
    status = engine.status(a)
    if status == "refused":
        none = dict.fromkeys(("initial", "maintenance", "equity", "health"))
        return {"account": engine.holdings.names[a], "status": status, **none, "reason": str(engine.reason.get(a, ""))}
    initial, maintenance, equity = engine.charged(a)
    return {
        "account": engine.holdings.names[a],
        "status": status,
        "initial": initial,
        "maintenance": maintenance,
        "equity": equity,
        "health": equity / maintenance if maintenance > 0 else None,
        "reason": "",
    }


def marks(engine: Engine) -> list[float | None]:
    """The price at which each contract of the engine is marked, as it is quoted; `None` where there is none."""
    value = engine.margins.values()
    found = marks_of(engine.prices, engine.greeks.value() if value is None else value)
    return [float(x) if np.isfinite(x) else None for x in found]


def fleet_frame(engine: Engine) -> dict[str, Any]:
    """Accounts by status, and the worst of those that are not healthy: they never sleep, so they are up to date."""
    counts = np.bincount(engine.level, minlength=len(STATUSES))
    below = np.flatnonzero(engine.level > 0)
    with np.errstate(all="ignore"):
        health = np.where(engine.maintenance[below] > 0.0, engine.equity[below] / engine.maintenance[below], -np.inf)
    health = np.where(np.isfinite(health), health, -np.inf)
    worst = below[np.argsort(health, kind="stable")[:WORST]]
    rows = []
    for a in worst.tolist():
        margin = float(engine.maintenance[a])
        value = float(engine.equity[a]) / margin if margin > 0.0 else None
        finite = value if value is not None and np.isfinite(value) else None
        rows.append({"account": engine.holdings.names[a], "status": engine.status(a), "health": finite})
    statuses = {status: int(count) for status, count in zip(STATUSES, counts, strict=True)}
    return {"event": engine.events, "statuses": statuses, "worst": rows}
